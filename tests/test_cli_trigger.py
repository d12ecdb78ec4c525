"""`emitter trigger`: what it sends, prints, refuses, and ends with."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from emitter.cli.lines import Tally
from emitter.query import AttemptQuery
from emitter.receiver import Receiver
from emitter.simulator import Simulator
from tests.conftest import SECRET
from tests.support_cli import CommandLine, command_line, nobody, served, silent

REVOKED = "marketplace.data_product.access_requests.revoked"
INVALID = f'{{"timestamp":"yesterday","data":{{}},"type":"{REVOKED}"}}'


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ["revoked", "access-revoked", REVOKED])
def test_an_event_is_sent_signed_and_both_lines_are_printed(
    emitter: CommandLine, receiver: Receiver, name: str
) -> None:
    text = emitter.ok("trigger", name, "--to", receiver.url, EMITTER_SECRET=SECRET)

    (capture,) = receiver.captures
    first, second = text.splitlines()
    assert capture.type == REVOKED
    assert capture.signature is not None and capture.signature.ok
    assert f"--> access_requests.revoked  {capture.product_name}  (delivery " in first
    assert f"<-- [200] POST {receiver.url}" in second and second.endswith(" ms")


def test_the_key_is_read_from_a_file_without_its_newline(emitter: CommandLine, receiver: Receiver) -> None:
    (emitter.folder / "key").write_text(SECRET + "\n")

    emitter.ok("trigger", "revoked", "--to", receiver.url, "--secret-file", "key")

    assert receiver.captures[0].status == 200


def test_the_help_says_that_a_key_on_the_command_line_can_be_seen(emitter: CommandLine) -> None:
    assert "Others see it in `ps`" in " ".join(emitter.ok("trigger", "--help").split())


def test_members_are_set_and_taken_away(emitter: CommandLine, receiver: Receiver) -> None:
    how = ("--set", "data.dataProductName=Claims 2025", "--set", "data.xSimulator.note=[1, true]")

    emitter.ok("trigger", "revoked", "--to", receiver.url, *how, "--unset", "data.actionLink", EMITTER_SECRET=SECRET)

    data = json.loads(receiver.captures[0].body)["data"]
    assert data["dataProductName"] == "Claims 2025"
    assert data["xSimulator"]["note"] == [1, True]
    assert "actionLink" not in data


@pytest.mark.parametrize(
    ("path", "remark"),
    [
        ("dataProductName", "there was no member dataProductName; did you mean data.dataProductName?"),
        ("dta.x", "there was no member dta; did you mean data?"),
        ("dta.dataProductName", "there was no member dta; did you mean data?"),
        ("tenant", "there was no member tenant; it is sent as asked."),
        ("data.made.up", "there was no member data.made; "),
        ("data.dataProductName", ""),
        ("data.new", ""),
        ("data.xSimulator.note", ""),
        ("timestamp", ""),
    ],
)
def test_a_member_that_is_made_by_a_slip_is_remarked_on_and_sent(emitter: CommandLine, path: str, remark: str) -> None:
    how = ("--dry-run", "--ephemeral", "--allow-invalid")

    result = emitter("trigger", "revoked", *how, "--set", f"{path}=2030-01-31T09:00:00Z")

    body = json.loads(result.stdout)
    for name in path.split("."):
        body = body[name]
    assert body == "2030-01-31T09:00:00Z"
    remarks = result.stderr.replace("Nothing was sent (--dry-run).\n", "")
    assert remarks.startswith(f"Note: {remark}") if remark else remarks == ""


def test_a_whole_body_is_sent_exactly_as_it_is(emitter: CommandLine, receiver: Receiver) -> None:
    body = emitter.ok("trigger", "revoked", "--dry-run").replace(",", " ,\n ").encode()

    emitter.ok("trigger", "--body", "-", "--to", receiver.url, stdin=body, EMITTER_SECRET=SECRET)

    assert receiver.captures[0].body == body


def test_a_body_that_its_schema_does_not_allow_is_refused_with_the_violations(
    emitter: CommandLine, receiver: Receiver
) -> None:
    (emitter.folder / "bad.json").write_text(INVALID)

    result = emitter("trigger", "--body", "bad.json", "--to", receiver.url)

    assert result.exit_code == 2
    assert "/timestamp: must be an RFC 3339 time" in result.stderr and "--allow-invalid" in result.stderr
    assert receiver.captures == []


def test_an_invalid_body_is_sent_when_that_is_meant(emitter: CommandLine, receiver: Receiver) -> None:
    body = INVALID

    text = emitter.ok(
        "trigger", "--body", "-", "--allow-invalid", "--to", receiver.url, stdin=body, EMITTER_SECRET=SECRET
    )

    assert "contract invalid" in text
    assert receiver.captures[0].body.decode() == body


def test_a_body_without_a_type_says_so_in_its_line(emitter: CommandLine, receiver: Receiver) -> None:
    text = emitter.ok(
        "trigger", "--body", "-", "--allow-invalid", "--to", receiver.url, stdin="no JSON", EMITTER_SECRET=SECRET
    )

    assert "--> (no type)  contract invalid  (delivery" in text


@pytest.mark.parametrize("body", ["no JSON", '{"type":"x.y","data":{},"timestamp":"2030-01-31T09:00:00Z"}', "[]"])
def test_a_body_that_is_no_event_is_refused_with_its_file_and_the_way_around(
    emitter: CommandLine, receiver: Receiver, body: str
) -> None:
    (emitter.folder / "made.json").write_text(body)

    result = emitter("trigger", "--body", "made.json", "--to", receiver.url)

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --body made.json: ") and "--allow-invalid" in result.stderr
    assert receiver.captures == []


@pytest.mark.parametrize(
    ("stdin", "text"),
    [
        (b"", "the body is empty"),
        (b"[1]", "no object"),
        (b'{"a":NaN}', "NaN is no JSON"),
        (b'{"a":1,"a":2}', "twice"),
        (b"\xff\xfe{\x00", "UTF-16"),
        (b"[" * 100_000, "nested deeper"),
        (b" " * (2 * 1024 * 1024), "it has more than 1,048,576 bytes"),
    ],
    ids=["empty", "array", "NaN", "duplicate", "UTF-16", "deep", "large"],
)
def test_a_body_that_is_no_body_is_refused_with_what_is_wrong(
    emitter: CommandLine, receiver: Receiver, stdin: bytes, text: str
) -> None:
    result = emitter("trigger", "--body", "-", "--to", receiver.url, stdin=stdin)

    assert result.exit_code == 2
    assert text in result.stderr
    assert receiver.captures == []


def test_a_dry_run_prints_the_body_and_keeps_nothing(emitter: CommandLine) -> None:
    result = emitter("trigger", "revoked", "--dry-run", "--to", nobody())

    assert result.exit_code == 0
    assert json.loads(result.stdout)["type"] == REVOKED
    assert "Nothing was sent" in result.stderr
    assert emitter.ok("deliveries", "list") == ""


def test_the_same_seed_makes_the_same_body(emitter: CommandLine) -> None:
    def body(seed: int) -> dict[str, object]:
        made: dict[str, object] = json.loads(emitter.ok("trigger", "revoked", "--dry-run", "--seed", seed))
        return {name: value for name, value in made.items() if name != "timestamp"}

    assert body(7) == body(7) != body(8)


def test_the_editor_changes_the_body_and_it_is_sent_compact(emitter: CommandLine, receiver: Receiver) -> None:
    editor = emitter.folder / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/"dataProductName": ".*"/"dataProductName": "By hand"/\' "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)

    emitter.ok("trigger", "revoked", "--edit", "--to", receiver.url, EMITTER_SECRET=SECRET, VISUAL=str(editor))

    body = receiver.captures[0].body
    assert json.loads(body)["data"]["dataProductName"] == "By hand"
    assert b'"By hand"' in body and b": " not in body.replace(b"https://", b"")


def test_a_body_that_the_editor_did_not_save_is_not_sent(emitter: CommandLine, receiver: Receiver) -> None:
    result = emitter("trigger", "revoked", "--edit", "--to", receiver.url, VISUAL="true")

    assert result.exit_code == 2
    assert "not saved, and nothing was sent" in result.stderr
    assert receiver.captures == []


def test_many_are_summed_up_in_one_line(emitter: CommandLine, receiver: Receiver) -> None:
    text = emitter.ok("trigger", "revoked", "--count", 30, "--to", receiver.url, EMITTER_SECRET=SECRET)

    assert len(receiver.captures) == 30
    assert len({json.loads(each.body)["timestamp"] for each in receiver.captures}) == 30
    (line,) = text.splitlines()
    assert line.startswith("30 events, 30 deliveries, 30 accepted, 0 rejected, 0 failed (") and "a second)" in line


@pytest.mark.parametrize("count", [2, 30])
def test_the_events_are_printed_as_json_with_their_attempts(
    emitter: CommandLine, receiver: Receiver, count: int
) -> None:
    text = emitter.ok(
        "trigger", "revoked", "--count", count, "--to", receiver.url, "--format", "json", EMITTER_SECRET=SECRET
    )

    events = json.loads(text)
    assert len(events) == count
    assert {each["deliveries"][0]["attempts"][0]["status"] for each in events} == {200}


def test_json_lines_are_one_event_each(emitter: CommandLine, receiver: Receiver) -> None:
    how = ("--count", 3, "--to", receiver.url, "--format", "jsonl", "--run", "mine")

    lines = emitter.ok("trigger", "revoked", *how, EMITTER_SECRET=SECRET).splitlines()

    assert [json.loads(line)["run"] for line in lines] == ["mine"] * 3


def test_some_that_are_refused_end_with_1_and_are_counted(
    emitter: CommandLine, make_receiver: Callable[..., Receiver]
) -> None:
    receiver = make_receiver("200,500*2,200")

    result = emitter("trigger", "revoked", "--count", 30, "--to", receiver.url)

    assert result.exit_code == 1
    assert "28 accepted, 2 rejected, 0 failed" in result.stdout


def test_one_that_cannot_be_reached_ends_with_3(emitter: CommandLine) -> None:
    result = emitter("trigger", "revoked", "--count", 30, "--to", nobody())

    assert result.exit_code == 3
    assert "(30 times). Is the receiver running there?" in result.stderr


@pytest.mark.parametrize("secret", ["", "not the one"])
def test_a_401_says_how_it_was_signed_and_what_of_that_is_assumed(
    emitter: CommandLine, receiver: Receiver, secret: str
) -> None:
    result = emitter("trigger", "revoked", "--to", receiver.url, EMITTER_SECRET=secret)

    assert result.exit_code == 1
    if secret:
        assert "assumed, U1; a captured delivery would settle it (signing.header)" in result.stdout
        assert "assumed, U2" in result.stdout
    else:
        assert "It was sent unsigned" in result.stdout and "EMITTER_SECRET" in result.stdout
    assert "not the one" not in result.output


def test_one_that_is_not_over_in_time_says_so(emitter: CommandLine, make_receiver: Callable[..., Receiver]) -> None:
    receiver = make_receiver("503")
    how = ("--assume", "delivery.retry=1h", "--wait", "500ms")

    result = emitter("trigger", "revoked", "--to", receiver.url, *how)

    assert result.exit_code == 1
    assert "<-- [503]" in result.stdout
    assert f"still pending for {receiver.url}: attempt 2 is due" in result.stdout
    assert "Nothing sends it until a simulator runs: `emitter serve`" in result.stdout


def test_one_that_is_not_kept_says_that_it_is_forgotten(
    emitter: CommandLine, make_receiver: Callable[..., Receiver]
) -> None:
    how = ("--assume", "delivery.retry=1h", "--wait", "500ms", "--ephemeral")

    result = emitter("trigger", "revoked", "--to", make_receiver("503").url, *how)

    assert "it is forgotten with it (--ephemeral)" in result.stdout and "emitter serve" not in result.stdout


@pytest.mark.parametrize("count", [1, 30])
def test_what_a_pause_holds_says_which_webhook_and_how_to_go_on(
    emitter: CommandLine, receiver: Receiver, count: int
) -> None:
    identity = json.loads(emitter.ok("webhooks", "add", receiver.url, "--format", "json"))["id"]
    emitter.ok("webhooks", "pause", identity)

    result = emitter("trigger", "revoked", "--count", count, "--wait", "50ms")

    assert result.exit_code == 1
    assert f"still pending for {receiver.url}: webhook {identity} is paused" in result.stdout
    assert f"`emitter webhooks resume {identity}`" in result.stdout
    assert "--wait waits longer" not in result.stdout


def test_a_pending_one_of_a_server_is_the_servers_to_send(
    emitter: CommandLine, make_simulator: Callable[..., Simulator], make_receiver: Callable[..., Receiver]
) -> None:
    simulator = make_simulator(assume={"delivery.retry": "1h"})
    with served(simulator) as url:
        how = ("--to", make_receiver("503").url, "--server", url, "--wait", "500ms")
        result = emitter("trigger", "revoked", *how)

    assert "attempt 2 is due" in result.stdout and "This process ends" not in result.stdout


def test_retries_are_printed_each(emitter: CommandLine, make_receiver: Callable[..., Receiver]) -> None:
    receiver = make_receiver("503,503,200")

    text = emitter.ok("trigger", "revoked", "--to", receiver.url, "--assume", "delivery.retry=5ms,5ms")

    assert [line.partition("[")[2][:3] for line in text.splitlines()[1:]] == ["503", "503", "200"]
    assert "attempt 3" in text


def test_a_deadline_is_a_failure_that_says_so(emitter: CommandLine) -> None:
    with silent() as target:
        result = emitter("trigger", "revoked", "--to", target, "--assume", "delivery.timeout=100ms")

    assert result.exit_code == 3
    assert "timeout" in result.stdout
    assert "gave no answer" in result.stderr and "running there" not in result.stderr


def test_a_receiver_that_speaks_no_tls_is_said_once_and_asked_once(emitter: CommandLine, receiver: Receiver) -> None:
    result = emitter("trigger", "revoked", "--to", receiver.url.replace("http:", "https:"))

    assert result.exit_code == 3
    assert result.stderr.endswith("the receiver does not speak TLS on this port; is it http?\n")


def test_a_name_that_leads_where_nothing_is_dialled_ends_with_2_as_an_address_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    attempt = {"failure": "egress", "error": "10.0.0.1 is link-local and is never dialled (h resolves to it)"}
    tally = Tally()

    tally.add({"state": "failed", "url": "http://h/", "attempts": [attempt]})

    assert tally.code() == 2
    assert capsys.readouterr().err == f"Error: http://h/ is not dialled: {attempt['error']}.\n"


def test_without_a_target_or_a_webhook_it_says_what_to_type(emitter: CommandLine) -> None:
    result = emitter("trigger", "revoked")

    assert result.exit_code == 1
    assert "Nothing was sent" in result.stderr
    assert "emitter trigger revoked --to http" in result.stderr and "emitter webhooks add http" in result.stderr


def test_without_a_target_every_webhook_gets_it(emitter: CommandLine, make_receiver: Callable[..., Receiver]) -> None:
    one, other = make_receiver(), make_receiver()
    for receiver in (one, other):
        emitter.ok("webhooks", "add", receiver.url, EMITTER_SECRET=SECRET)

    text = emitter.ok("trigger", "revoked", EMITTER_SECRET="of no concern")

    assert "(2 deliveries)" in text
    assert [len(each.captures) for each in (one, other)] == [1, 1]


def test_handed_in_it_does_not_wait(emitter: CommandLine, receiver: Receiver) -> None:
    text = emitter.ok("trigger", "revoked", "--to", receiver.url, "--no-wait", EMITTER_SECRET=SECRET)

    assert "-->" in text and "<--" not in text


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), "Name an event type"),
        (("nonsense",), "is no event type. `emitter events` lists them"),
        (("revokd",), "Nearest: "),
        (("created",), "fits several event types"),
        (("revoked", "--body", "-"), "one of the two"),
        (("revoked", "--insecure"), "--insecure goes with --to URL"),
        (("revoked", "--to", "http://h/", "--to", "http://i/"), "`emitter webhooks add URL`"),
        (("revoked", "--to", "http://h/", "--secret", "a", "--secret-file", "b"), "give one of the two"),
        (("revoked", "--to", "nonsense"), "nonsense"),
        (("revoked", "--to", "ftp://x/"), "ftp"),
        (("revoked", "--to", "http://169.254.169.254/"), "never dialled"),
        (("revoked", "--to", "http://h/", "--secret-file", "nowhere"), "--secret-file nowhere: No such file"),
        (("revoked", "--to", "http://h/", "--secret", "a\nb"), "holds a line break"),
        (("revoked", "--to", "http://h/", "--ca", "nowhere.pem"), "is no file"),
        (("revoked", "--set", "data.x"), "has no value"),
        (("revoked", "--unset", "data.nothing"), "is not there"),
        (("revoked", "--count", "0"), "0"),
        (("revoked", "--wait", "5"), "Write a number with its unit"),
        (
            (
                "--body",
                "nowhere.json",
            ),
            "nowhere.json: No such file",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_refused_with_what_to_do(emitter: CommandLine, args: tuple[str, ...], text: str) -> None:
    result = emitter("trigger", *args)

    assert result.exit_code == 2, result.output
    assert text in result.stderr
    assert "Traceback" not in result.output


def test_through_a_server_it_prints_the_same(emitter: CommandLine, simulator: Simulator, receiver: Receiver) -> None:
    with served(simulator) as url:
        text = emitter.ok("trigger", "revoked", "--to", receiver.url, "--server", url, EMITTER_SECRET=SECRET)

        assert "--> access_requests.revoked" in text and "<-- [200] POST" in text
        assert simulator.count(AttemptQuery())["count"] == 1


def test_through_a_server_many_are_summed_up_too(
    emitter: CommandLine, simulator: Simulator, receiver: Receiver
) -> None:
    with served(simulator) as url:
        how = ("--to", receiver.url, "--server", url, "--count", 250)
        text = emitter.ok("trigger", "revoked", *how, EMITTER_SECRET=SECRET)

    assert "250 events, 250 deliveries, 250 accepted" in text
    assert len(receiver.captures) == 250
