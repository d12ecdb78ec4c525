"""`emitter demo`: what it claims was looked up, each claim can fail, and the test that it prints is one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from emitter.cli import cli
from emitter.cli.failures import FAILED, INTERRUPTED, USAGE
from emitter.demo import Script, play, relayed
from emitter.demo.chapters import CHAPTERS
from emitter.demo.keeping import HISTORY
from emitter.demo.orders import STORY, faults_of, letters, orders, smallest
from emitter.demo.pasted import as_test
from emitter.demo.programs import folder_of, program
from emitter.demo.telling import CHAPTER, MOMENT, Layout
from emitter.demo.values import Claim, Heading, Line, Named, Outcome, Said
from emitter.errors import UnknownName, UsageError
from emitter.standins import PagerDutySwitches, TeamsSwitches
from emitter.testing import PagerDuty, RequestApp, TeamsWorkflow
from tests.support_cli import PATIENCE, environment, finished, start

pytest_plugins = ["pytester"]

EXAMPLES = Path(__file__).parent.parent / "examples"


def shown(output: str) -> str:
    """What was printed, without what differs from run to run."""
    output = re.sub(r"127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:PORT", output)
    return re.sub(r"30 days in \d+\.\d s", "30 days in 0.1 s", output)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What `emitter demo --fast` prints, and the folder that it was told to keep things in."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    threads = set(threading.enumerate())
    ran = CliRunner(env={"COLUMNS": "80"}).invoke(cli, ["demo", "--fast", "--keep", str(folder)])
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.output
    left = [each for each in threading.enumerate() if each not in threads and not each.daemon]
    assert left == []
    return ran.stdout, folder


def broken(folder: Path, name: str, file: str, old: str, new: str) -> Path:
    """A copy of an example with one thing in it changed."""
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is in {file} {text.count(old)} times"
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return folder


# --- what it shows ----------------------------------------------------------------------------------------------------


def test_it_tells_the_whole_story_and_fits_a_terminal(kept: tuple[str, Path]) -> None:
    printed, _ = kept

    titles = re.findall(r"^ \d  (.+?)(?:   .*)?$", printed, re.MULTILINE)
    assert titles == [each.title for each in CHAPTERS]
    assert max(map(len, printed.splitlines())) < 80
    assert "\x1b" not in printed
    assert printed.count("✗") == printed.count("✗ alert left open") > 0
    assert "claims, each looked up before it was printed." in printed.splitlines()[-1]


def test_what_to_type_next_are_three_commands_that_there_are(kept: tuple[str, Path]) -> None:
    printed, folder = kept

    commands = [line.strip() for line in printed.split("Your turn\n")[1].splitlines()[:-1:2] if line.strip()]
    assert commands == ["emitter serve", "emitter audit http://127.0.0.1:3000/hook", f"pytest {folder}/test_relay.py"]


def test_the_test_that_is_printed_fails_for_the_naive_relay_and_passes_for_the_good_one(
    kept: tuple[str, Path], pytester: pytest.Pytester
) -> None:
    printed, folder = kept
    text = (folder / "test_relay.py").read_text(encoding="utf-8")
    indented = "\n".join(f"   {line}".rstrip() for line in text.splitlines())
    assert indented in printed

    pytester.makepyfile(test_relay=text)
    found = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-rfp")

    found.assert_outcomes(failed=1, passed=1)
    found.stdout.fnmatch_lines(["*assert at.open_alerts() == [[]]*", "FAILED *naive_relay*", "PASSED *good_relay"])


def test_the_history_that_is_kept_can_be_checked(kept: tuple[str, Path]) -> None:
    _, folder = kept

    ran = CliRunner().invoke(cli, ["check", str(folder / HISTORY)])

    assert sorted(os.listdir(folder)) == [HISTORY, "test_relay.py"]
    assert ran.exit_code == 0, ran.output[-500:]


def test_nothing_is_written_over(kept: tuple[str, Path]) -> None:
    _, folder = kept
    (folder / "test_relay.py").touch()

    ran = CliRunner().invoke(cli, ["demo", "--keep", str(folder)])

    assert (ran.exit_code, ran.stdout) == (USAGE, "")
    assert f"{folder}: test_relay.py is there already, and is not written over. Name another folder." in ran.stderr


def test_a_folder_without_a_name_is_refused() -> None:
    ran = CliRunner().invoke(cli, ["demo", "--keep", " "])

    assert (ran.exit_code, ran.stderr) == (USAGE, "Error: --keep wants the name of a folder.\n")


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_played(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told: list[Line] = []

    with pytest.raises(UsageError, match="Not a directory"):
        play(Script(), told.append, folder=tmp_path / "file" / "folder")

    assert told == []


def test_the_same_seed_tells_the_same_and_another_one_another_story() -> None:
    def names(seed: int) -> list[str]:
        lines: list[Line] = []
        assert play(Script(seed=seed), lines.append, chapters=CHAPTERS[:1]) == []
        return [shown(str(line)) for line in lines]

    assert names(3) == names(3) != names(4)


def test_the_readme_shows_what_is_printed(kept: tuple[str, Path]) -> None:
    printed = shown(kept[0])
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```text\n\$ emitter demo\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)

    at = 0
    for piece in block.split("...\n"):  # each piece as it stands, and in this order
        at = printed.find(piece, at)
        assert at >= 0, piece
    assert block.count("...\n") < 8


# --- each claim can fail ----------------------------------------------------------------------------------------------

LONG = "it works before it acknowledges"  # the sender waits for it until its time is up
GOOD_BREAKS = {
    # what is broken: (chapter that finds it, file, what stands there, what stands there instead, who, what is claimed)
    "it does not acknowledge": (
        1, "relay.py", '        return "", 204\n', '        return "", 500\n', "app", "access_requests.created",
    ),
    LONG: (
        1, "relay.py", "        relay.receive(event, body)\n",
        "        relay.receive(event, body)\n        relay._app.all_requests()\n", "app", "access_requests.created",
    ),
    "it does not read back": (
        1, "relay.py", 'listed = self._app.requests_for(quote(event.product, safe="")) or []', "listed = []",
        "good relay", "then read back",
    ),
    "its card says something else": (
        1, "mapping.py", 'text = "{who} asks for access to {product}"', 'text = "{who} wants {product}"',
        "Teams", "asks for access",
    ),
    "its cards are none": (
        1, "mapping.py", '"type": "AdaptiveCard"', '"type": "MessageCard"', "Teams", "asks for access",
    ),
    "it opens no alert": (
        1, "mapping.py", '"event_action": "trigger"', '"event_action": "acknowledge"', "PagerDuty", "1 open",
    ),
    "it resolves nothing": (
        2, "mapping.py", '"event_action": "resolve"', '"event_action": "acknowledge"', "PagerDuty", "resolved",
    ),
    "it says nothing of an approval": (
        2, "mapping.py", '    "APPROVED": "{who} has', '    "ELSEWHERE": "{who} has', "Teams", "has access",
    ),
    "it does not warn": (3, "relay.py", "if event.type == mapping.EXPIRING:", "if False:", "Teams 30 Jan", "7 days"),
    "it says nothing of the end": (
        3, "mapping.py", '    "EXPIRED": "The', '    "ELSEWHERE": "The', "Teams 6 Feb", "has ended",
    ),
    "it believes the event": (
        4, "mapping.py", "    if status not in DECIDED:\n", '    if status not in DECIDED or before is None:\n',
        "good relay", "no alert left open",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "what", [pytest.param(each, marks=[pytest.mark.acceptance] if each == LONG else []) for each in GOOD_BREAKS]
)
def test_a_claim_about_the_good_relay_does_not_hold_where_it_is_broken(what: str, tmp_path: Path) -> None:
    chapter, file, old, new, who, text = GOOD_BREAKS[what]
    folder = broken(tmp_path / "relay", "relay", file, old, new)
    lines: list[Line] = []

    found = play(Script(good=folder, orders=2), lines.append)

    assert found[0].who == who and text in found[0].text, found
    assert found[0].found
    assert len([each for each in lines if isinstance(each, Heading)]) == chapter


NAIVE_BREAKS = {
    "it does not answer": (1, '    return "", 204\n', '    return "", 500\n', "app", "access_requests.created"),
    "it posts no card": (1, '    post_card(f"', '    str(f"', "naive relay", "a card"),
    "it opens no alert": (1, 'if what == "access_requests.created":', "if False:", "naive relay", "1 open alert"),
    "it resolves nothing": (2, "elif what.endswith(ENDS):", "elif False:", "naive relay", "0 open alerts"),
    "it knows what was decided": (
        4, '        alert("trigger", product,', '        alerts.get(product) or alert("trigger", product,',
        "naive relay", "leaves an alert open",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NAIVE_BREAKS)
def test_a_claim_about_the_naive_relay_does_not_hold_where_it_is_another(what: str, tmp_path: Path) -> None:
    chapter, old, new, who, text = NAIVE_BREAKS[what]
    folder = broken(tmp_path / "relay_naive", "relay_naive", "naive.py", old, new)
    lines: list[Line] = []

    found = play(Script(naive=folder, orders=2), lines.append)

    assert found[0].who == who and text in found[0].text, found
    assert len([each for each in lines if isinstance(each, Heading)]) == chapter


@pytest.mark.parametrize(
    ("script", "who", "why"),
    [
        (Script(teams=TeamsSwitches(flow="off")), "Teams", "there is no card"),
        (Script(pagerduty=PagerDutySwitches(largest=100)), "PagerDuty", "PagerDuty answered 413"),
    ],
)
def test_a_service_that_takes_nothing_is_found_out(script: Script, who: str, why: str) -> None:
    found = play(script, chapters=CHAPTERS[:1])

    assert [each.who for each in found] == [who]
    assert why in found[0].found


def test_a_relay_that_never_comes_to_its_end_is_a_claim_that_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emitter.demo.relays.PATIENCE", 0.5)
    folder = broken(
        tmp_path / "relay", "relay", "services.py", "if status == 429 or", 'if self.name == "Teams" or status == 429 or'
    )

    [found] = play(Script(good=folder), chapters=CHAPTERS[:1])

    assert (found.who, found.text) == ("story", "this chapter comes to its end")
    assert "The good relay did not come to its end within 0.5 s." in found.found


def test_the_exit_code_is_1_where_a_claim_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXAMPLES / "relay_naive", tmp_path / "relay_naive", ignore=shutil.ignore_patterns("__pycache__"))
    _, file, old, new, _, _ = GOOD_BREAKS["it opens no alert"]
    broken(tmp_path / "relay", "relay", file, old, new)
    monkeypatch.setattr("emitter.demo.programs.resource_directory", lambda name: tmp_path)

    ran = CliRunner(env={"COLUMNS": "80"}).invoke(cli, ["demo", "--fast"])

    assert ran.exit_code == FAILED
    assert "   ✗  PagerDuty     1 open alert\n                    found: 0 alerts: none\n" in ran.stdout
    assert ran.stdout.endswith(" ✗ 1 of 6 claims do not hold: the story ends here.\n")
    assert "Your turn" not in ran.stdout and "no_alert_outlives" not in ran.stdout


# --- orders -----------------------------------------------------------------------------------------------------------


def test_every_order_is_legal_and_no_two_runs_of_one_seed_differ() -> None:
    found = orders(Random(5), 40)

    assert found == orders(Random(5), 40) != orders(Random(6), 40)
    assert len(set(found)) > 35
    for order in found:
        assert set(order) == set(range(len(STORY)))
        assert max(map(order.count, order)) <= 2


@pytest.mark.parametrize("order", [*orders(Random(8), 4), (2, 1), (1, 2, 1), (5,)], ids=letters)
def test_deliveries_arrive_in_the_order_that_was_asked_for(order: tuple[int, ...]) -> None:
    from emitter.demo.orders import tell
    from emitter.testing import WebhookReceiver

    with RequestApp.open(seed=2) as app, WebhookReceiver() as receiver:
        app.deliver_to(receiver)
        tell(app, order, lambda: None)

        types = ["product-published", "request-created", "request-determined"] + ["access-expiring"] * 2
        assert receiver.events == [[*types, "access-expired"][place] for place in order]


def test_what_is_left_out_is_dropped_and_what_is_late_is_delayed() -> None:
    faults, last = faults_of((2, 1, 2))

    assert faults == (("drop",), ("delay:by=2h",), ("duplicate:after=2h",), ("drop",), ("drop",), ("drop",))
    assert last.total_seconds() == 3 * 3600


def test_the_smallest_part_is_found_that_fails_for_its_order_alone() -> None:
    def late(part: object) -> bool:
        assert isinstance(part, tuple)
        return 1 in part and (2 not in part or part.index(2) < part.index(1))

    small, tries = smallest((5, 0, 2, 3, 1, 4), late)

    assert small == [2, 1]
    assert tries < 30


def test_a_test_can_be_written_of_any_order() -> None:
    text = as_test((5, 2, 1))

    compile(text, "test", "exec")
    assert 'app.act("approve", request=wish, duration="30d", faults=["delay:by=30d1h"])' in text
    assert text.count('faults=["drop"]') == 2  # both warnings; what came first is before the relay


# --- relays beside a simulator ----------------------------------------------------------------------------------------


def test_relays_beside_each_other_keep_to_themselves(request_app: RequestApp) -> None:
    before = sys.modules.get("naive")

    with relayed(request_app, "naive") as first, relayed(request_app, "naive") as second:
        request_app.act("request", product=request_app.act("publish"))

        assert len(first.open_alerts()) == len(second.open_alerts()) == 1
        assert sys.modules.get("naive") is before


def test_a_program_leaves_no_trace_among_the_modules() -> None:
    before, path = set(sys.modules), list(sys.path)

    program(folder_of("good"))

    assert {each for each in sys.modules if each not in before} & {"relay", "mapping", "intake", "notebook"} == set()
    assert sys.path == path


def test_a_relay_that_there_is_not_is_told(request_app: RequestApp) -> None:
    with pytest.raises(UnknownName, match='"god"'), relayed(request_app, "god"):
        pass


def test_a_folder_without_the_program_is_told(request_app: RequestApp, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with (
            pytest.raises(UsageError, match=r"is no copy of the naive relay: there is no naive\.py in it"),
            relayed(request_app, "naive", folder=folder),
        ):
            pass


def test_a_relay_feeds_the_stand_ins_of_the_test_and_leaves_them_to_it(
    request_app: RequestApp, teams_workflow: TeamsWorkflow, pagerduty: PagerDuty
) -> None:
    with relayed(request_app, "good", teams=teams_workflow, pagerduty=pagerduty) as relay:
        request_app.act("request", product=request_app.act("publish"))
        relay.settle()

    teams_workflow.expect(cards=1, failed=0)
    pagerduty.expect(open=1)
    assert teams_workflow.listening and pagerduty.listening


def test_a_reset_takes_the_relays_webhook_along(request_app: RequestApp) -> None:
    with relayed(request_app, "naive") as relay:
        request_app.reset()
        request_app.act("request", product=request_app.act("publish"))

        assert relay.open_alerts() == []


def test_a_relay_cannot_stand_beside_a_simulator_of_another_process(request_app_server: RequestApp) -> None:
    with pytest.raises(UsageError, match="use it with request_app"), relayed(request_app_server, "good"):
        pass


def test_proxies_and_passwords_of_the_surroundings_are_left_out(
    request_app: RequestApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    with relayed(request_app, "good") as relay:
        request_app.act("request", product=request_app.act("publish"))
        assert len(relay.open_alerts()) == 1

    assert "NO_PROXY" not in os.environ and "NETRC" not in os.environ


# --- how it is laid out -----------------------------------------------------------------------------------------------

LINES: tuple[Line, ...] = (
    Named("app", "somebody " * 20),
    Heading(1, "A title", "Mon 7 Jan 2030, 09:00"),
    Said("a sentence " * 20),
    Claim("Teams 30 Jan", "The access of " + "somebody " * 20, True),
    Claim("PagerDuty", "claimed", False, "found " * 40),
    Outcome(1, "P P C C D D 7 7 1 1 E E", Claim("good relay", "", True), 1),
)


@pytest.mark.parametrize(("columns", "widest"), [(20, 64), (80, 79), (100, 99), (400, 110)])
def test_lines_keep_to_the_width_of_the_terminal(columns: int, widest: int) -> None:
    layout = Layout(columns)

    laid = [one.text for line in LINES for one in layout.lay(line)]

    assert max(map(len, laid)) in range(widest - 12, widest + 1)
    assert " ".join(" ".join(laid).split()).count("somebody") == 40


def test_there_is_time_to_read_and_all_of_it_takes_less_than_90_seconds(kept: tuple[str, Path]) -> None:
    lines: list[Line] = []
    play(Script(orders=2), lines.append)
    layout = Layout(80)

    pauses = [one.pause for line in lines for one in layout.lay(line)]

    assert 20 < sum(pauses) + 10 * MOMENT / 2 < 60  # ten more orders; beside it is what it takes to do it
    assert max(pauses) == CHAPTER


def test_where_the_encoding_lacks_the_marks_words_stand_for_them(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "emitter.cli", "demo", "--help"], cwd=tmp_path, capture_output=True, timeout=PATIENCE,
        env=environment(),
    )  # fmt: skip
    laid = [one.text for one in Layout(80, ("ok", "NO"), "-").lay(Claim("app", "is there", True))]

    assert ran.returncode == 0 and b"--fast" in ran.stdout
    assert laid == ["   ok app           is there"]


# --- as a process -----------------------------------------------------------------------------------------------------


def test_it_ends_at_once_at_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    running = start("demo", cwd=tmp_path, start_new_session=True)
    try:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith(" 1  "):
                break
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()

    assert (running.returncode, err.strip()) == (INTERRUPTED, "Error: Interrupted.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.acceptance
def test_it_takes_less_than_15_seconds_and_leaves_nothing(tmp_path: Path) -> None:
    from emitter import clock

    began = clock.monotonic()
    code, out, err = finished("demo", "--fast", "--seed", "7", cwd=tmp_path, env={"EMITTER_STORE": "elsewhere"})

    assert (code, err) == (0, "")
    assert clock.monotonic() - began < 15
    assert list(tmp_path.iterdir()) == []
