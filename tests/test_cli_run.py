"""`emitter run` and `emitter runs`: what is played, printed, written, kept and refused, and with which code it ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pytest

from emitter.cli.stories import counted_up, unanswered
from emitter.client import Client
from emitter.clock import EPOCH, nanoseconds
from emitter.receiver import Receiver
from emitter.report import FAILED, PASSED, Finding, Report, StepReport, Tally, from_json
from emitter.simulator import Simulator
from tests.conftest import SECRET
from tests.support_cli import PATIENCE, CommandLine, command_line, nobody, process, served

GOOD = """\
description: Access is asked for and given.
seed: 7
start: 2030-02-01T09:00:00Z
variables: {days: 30}
cast:
  users:
    ada: {name: Ada Lovelace}
    grace: {name: Grace Hopper, manages: [Finance]}
  products:
    claims: {name: Claims 2025, domains: [Finance], stewards: [grace]}
steps:
  - act: request
    product: claims
    user: ada
    as: wish
  - advance: 2h
  - act: approve
    request: wish
    by: grace
    duration: ${days}d
  - expect:
      events: [product-published, request-created, request-determined]
      deliveries: {accepted: 3}
"""
BAD = GOOD.replace("accepted: 3", "accepted: 4")


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """`emitter` in a folder with a scenario that comes true, and one that does not."""
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return command_line(tmp_path, monkeypatch)


def to(receiver: Receiver) -> tuple[str, ...]:
    return "--to", f"{receiver.url}/hook", "--secret", SECRET


def kept(emitter: CommandLine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(emitter.ok("runs", "--format", "json"))
    return found


# --- playing --------------------------------------------------------------------------------------------------------


def test_a_scenario_is_played_told_and_kept(emitter: CommandLine, receiver: Receiver) -> None:
    text = emitter.ok("run", "good.yaml", *to(receiver))

    assert [capture.signature and capture.signature.ok for capture in receiver.captures] == [True] * 3
    assert text.startswith("good  (good.yaml)\n")
    assert 'Ada Lovelace asks for access to "Claims 2025"' in text
    assert "-> request-created: accepted 200" in text
    assert "\npassed: " in text
    (row,) = kept(emitter)
    assert (row["scenario"], row["state"], row["seed"]) == ("good", PASSED, 7)
    seen = f"emitter deliveries list --store {row['store']} --run {row['run']}"
    assert text.rstrip().endswith(seen)
    assert len(json.loads(emitter.ok(*seen.split()[1:], "--format", "json"))) == 3


def test_an_expectation_that_does_not_hold_ends_with_1_and_says_where(emitter: CommandLine, receiver: Receiver) -> None:
    result = emitter("run", "bad.yaml", *to(receiver))

    assert result.exit_code == 1
    assert "expected  4 deliveries accepted" in result.stdout
    assert "FAIL   bad.yaml:" in result.stdout


def test_two_runs_of_a_scenario_send_the_same_bytes(emitter: CommandLine, receiver: Receiver) -> None:
    for _ in range(2):
        emitter.ok("run", "good.yaml", *to(receiver))

    bodies = [capture.body for capture in receiver.captures]
    assert bodies[:3] == bodies[3:]


def test_a_folder_is_played_whole_and_counted_up(emitter: CommandLine, receiver: Receiver) -> None:
    files = ("--junit", "out/junit.xml", "--html", "out/page.html", "--report", "out/all.json")

    result = emitter("run", ".", "--quiet", *to(receiver), *files)

    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[-1].startswith("2 scenarios: 1 passed, 1 failed in ")
    assert any(line.startswith("passed   good  ") for line in lines), "what passed takes a line"
    assert sum("asks for access" in line for line in lines) < 2, "only what failed is told whole"
    suites = XML.fromstring((emitter.folder / "out/junit.xml").read_bytes())
    assert [suite.get("name") for suite in suites] == ["bad", "good"] and suites.get("failures") == "1"
    assert b"2 scenarios: 1 passed, 1 failed" in (emitter.folder / "out/page.html").read_bytes()
    reports = [from_json(each) for each in json.loads((emitter.folder / "out/all.json").read_text())]
    assert [each.status for each in reports] == [FAILED, PASSED]


def test_fail_fast_stops_after_the_first_that_does_not_pass(emitter: CommandLine, receiver: Receiver) -> None:
    result = emitter("run", "bad.yaml", "good.yaml", *to(receiver), "--fail-fast")

    assert result.exit_code == 1
    assert "2 scenarios: 1 failed, 1 not played in " in result.stdout
    assert len(receiver.captures) == 3


def test_a_scenario_of_the_library_is_found_by_its_name(emitter: CommandLine, receiver: Receiver) -> None:
    text = emitter.ok("run", "approved-for-good", "--format", "jsonl", *to(receiver))

    (line,) = text.splitlines()
    report = from_json(json.loads(line))
    assert (report.scenario, report.status, report.file) == ("approved-for-good", PASSED, "approved-for-good.yaml")


def test_variables_and_the_seed_are_replaced(emitter: CommandLine, receiver: Receiver) -> None:
    how = ("--var", "days=5", "--seed", "8", "--format", "json")

    (report,) = map(from_json, json.loads(emitter.ok("run", "good.yaml", *to(receiver), *how)))

    assert report.variables == {"days": 5} and report.seed == 8


@pytest.mark.parametrize(("how", "files"), [(("--ephemeral",), 0), (("--store", "own.sqlite"), 1)])
def test_a_run_is_kept_where_it_was_asked_for(
    emitter: CommandLine, receiver: Receiver, how: tuple[str, ...], files: int
) -> None:
    emitter.ok("run", "good.yaml", *to(receiver), *how)

    assert len(list(emitter.folder.glob("own.sqlite"))) == files
    assert not (emitter.folder / ".emitter/runs").exists()


# --- what is refused --------------------------------------------------------------------------------------------------


def test_everything_is_checked_before_anything_is_sent(emitter: CommandLine, receiver: Receiver) -> None:
    (emitter.folder / "wrong.yaml").write_text("steps:\n  - act: aprove\n")

    result = emitter("run", "good.yaml", "wrong.yaml", "aproved-for-good", *to(receiver))

    assert result.exit_code == 2
    assert "wrong.yaml:2:" in result.stderr and '"approve"' in result.stderr
    assert 'Did you mean "approved-for-good"?' in result.stderr
    assert receiver.captures == []


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ((), "Say where it is to be sent: emitter run good.yaml --to"),
        (("--to", "ftp://x"), "is no http or https URL"),
        (("--to", "http://169.254.169.254/"), "link-local"),
        (("--to", "http://127.0.0.1:9/", "--var", "dayz=5"), "dayz"),
        (("--to", "http://127.0.0.1:9/", "--var", "days"), "has no ="),
        (("--to", "http://127.0.0.1:9/", "--speed", "fast"), "is no speed"),
        (("--to", "http://127.0.0.1:9/", "--store", "good.yaml"), "it is there already"),
        (("--to", "http://127.0.0.1:9/", "--junit", "good.yaml/x"), "--junit good.yaml/x"),
        (("--to", "http://127.0.0.1:9/", "--again", "x"), "name no scenario beside it"),
        (("--to", "http://127.0.0.1:9/", "bad.yaml", "--store", "x"), "--store FILE keeps one run"),
        (("--server", "http://127.0.0.1:9/", "--again", "x"), "give one of the two"),
        (("--server", "http://127.0.0.1:9/", "--assume", "delivery.timeout=5s"), "runs with its own"),
    ],
)
def test_a_mistake_ends_with_2_and_a_text(emitter: CommandLine, how: tuple[str, ...], said: str) -> None:
    result = emitter("run", "good.yaml", *how)

    assert result.exit_code == 2
    assert said in result.stderr
    assert not (emitter.folder / ".emitter").exists()


def test_a_run_needs_a_scenario(emitter: CommandLine) -> None:
    result = emitter("run", EMITTER_TO="http://127.0.0.1:9/")

    assert result.exit_code == 2 and "Name a scenario" in result.stderr


def test_a_target_that_never_answers_ends_with_3_and_the_rest_is_not_played(emitter: CommandLine) -> None:
    result = emitter("run", "good.yaml", "bad.yaml", "--to", nobody())

    assert result.exit_code == 3
    assert "never answered: connection refused" in result.stderr
    assert "Is the receiver running there?" in result.stderr
    assert "1 not played" in result.stdout


@pytest.mark.parametrize(
    ("tally", "findings", "silent"),
    [
        (Tally(outcomes={"failed": 3}, statuses={"none": 3}), (), True),
        (Tally(outcomes={"failed": 3}, statuses={"none": 3}), (Finding("3 deliveries failed", True),), False),
        (Tally(outcomes={"failed": 3}, statuses={"none": 3}, faults={"unreachable": 3}), (), False),
        (Tally(outcomes={"failed": 3, "accepted": 1}, statuses={"none": 3, "204": 1}), (), False),
        (Tally(), (), False),
    ],
)
def test_silence_that_was_expected_or_made_is_no_silence(
    tally: Tally, findings: tuple[Finding, ...], silent: bool
) -> None:
    report = Report("r", "s", PASSED, steps=(StepReport(1, "expect", "", PASSED, findings=findings),), tally=tally)

    assert bool(unanswered(report)) == silent


def test_the_closing_line_names_what_there_was() -> None:
    reports = [Report("a", "a", PASSED), Report("b", "b", "error"), Report("c", "c", "skipped")]

    assert counted_up(reports, 4, 8.13) == "4 scenarios: 1 passed, 1 in error, 1 skipped, 1 not played in 8.1 s"


def test_ctrl_c_ends_a_run_in_order_and_tells_how_far_it_came(emitter: CommandLine, receiver: Receiver) -> None:
    (emitter.folder / "long.yaml").write_text("steps:\n  - trigger: access-revoked\n  - wait: 60s\n")

    with process("run", "long.yaml", *to(receiver), cwd=emitter.folder) as running:
        assert receiver.wait_for(1, PATIENCE)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE)

    assert running.returncode == 130
    assert "It could not be played to its end: The run was stopped." in out
    assert "-> access-revoked: accepted 200" in out
    assert err.strip() == "Error: Interrupted.", "and no line of progress, as it is no terminal"


# --- in a simulator that runs -----------------------------------------------------------------------------------------


@pytest.fixture
def server(make_simulator: Callable[..., Simulator]) -> Iterator[tuple[str, str]]:
    with served(make_simulator(seed=7, start=nanoseconds(EPOCH.replace(year=2030, month=2, hour=9)))) as url:
        yield "--server", url


REFUSED_THERE = [
    (("--var", "dayz=5"), "dayz"),
    (("--to", "http://169.254.169.254/"), "link-local"),
    (("--junit", "good.yaml/x"), "--junit good.yaml/x"),
]


def told_of(text: str) -> list[str]:
    """A story without what is another in every run: its name, how long it took, where to see more."""
    lines = [line for line in text.splitlines() if not line.startswith(("See more: ", "passed: "))]
    return [line for line in lines if not line.startswith("  run ")]


def test_a_server_plays_a_scenario_and_the_same_story_is_told(
    emitter: CommandLine, receiver: Receiver, server: tuple[str, str]
) -> None:
    apart = emitter.ok("run", "good.yaml", *to(receiver))
    text = emitter.ok("run", "good.yaml", *to(receiver), *server)

    bodies = [capture.body for capture in receiver.captures]
    assert told_of(text) == told_of(apart) and bodies[:3] == bodies[3:]
    assert all(each.signature and each.signature.ok for each in receiver.captures)
    assert len(kept(emitter)) == 1, "the server keeps its own"
    (seen,) = (line.removeprefix("See more: emitter ") for line in text.splitlines() if "See more: " in line)
    assert len(json.loads(emitter.ok(*seen.split(), "--format", "json"))) == 3


def test_a_server_plays_several_one_after_the_other_in_one_world(
    emitter: CommandLine, receiver: Receiver, server: tuple[str, str]
) -> None:
    how = ("--quiet", "--junit", "junit.xml", "--report", "all.json", "--var", "days=5")

    result = emitter("run", "good.yaml", "bad.yaml", *to(receiver), *server, *how)

    assert result.exit_code == 1, result.output
    assert result.stdout.splitlines()[-1].startswith("2 scenarios: 1 passed, 1 ")
    good, bad = (from_json(each) for each in json.loads((emitter.folder / "all.json").read_text()))
    assert (good.status, good.variables, good.file, good.store) == (PASSED, {"days": 5}, "good.yaml", "")
    assert bad.scenario == "bad" and bad.status != PASSED
    assert [each.get("name") for each in XML.fromstring((emitter.folder / "junit.xml").read_bytes())] == ["good", "bad"]


def test_without_a_target_it_goes_to_the_webhooks_of_the_server(
    emitter: CommandLine, receiver: Receiver, server: tuple[str, str]
) -> None:
    none = emitter("run", "good.yaml", *server)
    emitter.ok("webhooks", "add", receiver.url, "--secret", SECRET, *server)
    with_a_key = emitter("run", "good.yaml", *server, "--secret", SECRET)
    emitter.ok("run", "good.yaml", *server)

    assert (none.exit_code, with_a_key.exit_code) == (2, 2)
    assert "has no webhook. Say where it is to be sent" in none.stderr and "goes with --to" in with_a_key.stderr
    assert len(receiver.captures) == 3


def test_a_server_checks_everything_before_anything_is_sent(
    emitter: CommandLine, receiver: Receiver, server: tuple[str, str]
) -> None:
    (emitter.folder / "wrong.yaml").write_text("steps:\n  - act: aprove\n")
    (emitter.folder / "file.yaml").write_text("steps:\n  - trigger: access-revoked\n    body: good.yaml\n")
    (emitter.folder / "bytes.yaml").write_bytes(b"\xff")

    result = emitter("run", "good.yaml", "wrong.yaml", "file.yaml", "bytes.yaml", *to(receiver), *server)

    assert result.exit_code == 2
    assert all(f"{place}: " in result.stderr for place in ("wrong.yaml:2", "file.yaml:3", "bytes.yaml")), result.stderr
    assert '"approve"' in result.stderr and "Nothing was sent." in result.stderr
    for how, said in REFUSED_THERE:
        refused = emitter("run", "good.yaml", *server, *how, EMITTER_TO=receiver.url)
        assert refused.exit_code == 2 and said in refused.stderr, refused.output
    with Client(server[1]) as client:
        assert client.runs() == []
    assert receiver.captures == []


def test_a_server_that_is_not_there_ends_with_3(emitter: CommandLine, receiver: Receiver) -> None:
    result = emitter("run", "good.yaml", *to(receiver), "--server", nobody())

    assert result.exit_code == 3 and "No simulator answers" in result.stderr


def test_ctrl_c_cancels_what_a_server_plays(emitter: CommandLine, receiver: Receiver, server: tuple[str, str]) -> None:
    (emitter.folder / "long.yaml").write_text("steps:\n  - trigger: access-revoked\n  - wait: 60s\n")

    with process("run", "long.yaml", *to(receiver), *server, cwd=emitter.folder) as running:
        assert receiver.wait_for(1, PATIENCE)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE)

    assert running.returncode == 130, err
    assert "It could not be played to its end: The run was stopped." in out
    with Client(server[1]) as client:
        (run,) = client.runs()
    assert run["state"] == "error"


# --- looking back -----------------------------------------------------------------------------------------------------


def test_a_run_is_played_again_as_it_was_and_compared(emitter: CommandLine, receiver: Receiver) -> None:
    emitter.ok("run", "good.yaml", *to(receiver), "--var", "days=5")
    (emitter.folder / "good.yaml").unlink()
    (first,) = kept(emitter)

    text = emitter.ok("run", "--again", first["run"])

    assert f"Compared with {first['run']}: it went the same way." in text
    bodies = [capture.body for capture in receiver.captures]
    assert bodies[:3] == bodies[3:] and all(each.signature and each.signature.ok for each in receiver.captures)
    assert emitter.ok("runs", "diff", *(each["run"] for each in kept(emitter))) == "They went the same way.\n"


def test_two_runs_that_differ_end_a_comparison_with_1(emitter: CommandLine, receiver: Receiver) -> None:
    emitter.ok("run", "good.yaml", *to(receiver), "--report", "one.json")
    emitter.ok("run", "good.yaml", *to(receiver), "--report", "two.json", "--seed", "8")

    result = emitter("runs", "diff", "one.json", "two.json")

    assert result.exit_code == 1
    assert result.stdout.startswith("seed: 7, then 8\n")


def test_a_run_is_shown_written_and_deleted(emitter: CommandLine, receiver: Receiver) -> None:
    emitter("run", "bad.yaml", *to(receiver))
    (row,) = kept(emitter)

    text = emitter.ok("runs", "show", row["run"][:5], "--html", "page.html")

    assert "expected  4 deliveries accepted" in text
    assert b"<!doctype html>" in (emitter.folder / "page.html").read_bytes()
    assert f"{row['run']}  failed  bad" in emitter.ok("runs")
    assert emitter("runs", "delete", row["run"]).exit_code == 0
    assert "There is no run in" in emitter("runs").stderr


@pytest.mark.parametrize("command", [("show", "nothing"), ("show",), ("diff", "a", "b.json"), ("delete", "../x")])
def test_a_run_that_is_not_there_is_a_mistake(emitter: CommandLine, command: tuple[str, ...]) -> None:
    result = emitter("runs", *command)

    assert result.exit_code == 2 and result.stderr.startswith("Error: ")


@pytest.mark.parametrize("text", ["{", "[]", "{}", "[" * 100_000])
def test_a_file_that_is_no_report_is_a_mistake(emitter: CommandLine, text: str) -> None:
    (emitter.folder / "r.json").write_text(text)

    result = emitter("runs", "diff", "r.json", "r.json")

    assert result.exit_code == 2 and "r.json: " in result.stderr


def test_no_key_is_printed_or_written(emitter: CommandLine, receiver: Receiver) -> None:
    files = ("--junit", "j", "--html", "h", "--report", "r")

    result = emitter("run", "good.yaml", *to(receiver), *files, "-v")
    (row,) = kept(emitter)
    shown = emitter.ok("runs", "show", row["run"], "--format", "json")

    assert SECRET not in result.output + shown
    assert all(SECRET.encode() not in (emitter.folder / name).read_bytes() for name in "jhr")
