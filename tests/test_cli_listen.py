"""`emitter listen`: a receiver on the command line."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from emitter.receiver import Receiver
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.support_cli import PATIENCE, CommandLine, command_line, finished, line_with, process
from tests.support_standins import RAW, ROUTING_KEY, alert, post


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


def _address(running: object) -> str:
    line = line_with("Listening on", running.stderr)  # type: ignore[attr-defined]
    return line.split()[2]


def test_what_comes_is_verified_printed_and_answered(tmp_path: Path, simulator: Simulator) -> None:
    with process("listen", "--port", 0, "--count", 1, cwd=tmp_path, env={"EMITTER_SECRET": "k"}) as listening:
        address = _address(listening)

        simulator.trigger(TriggerSpec(type="revoked", to=address, signing_key="k"))
        out, _ = listening.communicate(timeout=PATIENCE)

    assert listening.returncode == 0
    assert "--> access_requests.revoked" in out and "signature ok  contract ok" in out
    assert "<-- [200] POST /" in out


@pytest.mark.parametrize(
    ("key", "body", "text"),
    [("wrong", None, "signature refused"), ("k", b'{"type":"x","data":{},"timestamp":"never"}', "contract broken")],
)
def test_one_that_is_bad_ends_with_1_when_they_are_counted(
    tmp_path: Path, simulator: Simulator, key: str, body: bytes | None, text: str
) -> None:
    with process("listen", "--port", 0, "--count", 1, cwd=tmp_path, env={"EMITTER_SECRET": "k"}) as listening:
        spec = {"type": "revoked"} if body is None else {"body": body, "allow_invalid": True}
        simulator.trigger(TriggerSpec(to=_address(listening), signing_key=key, **spec))  # type: ignore[arg-type]
        out, err = listening.communicate(timeout=PATIENCE)

    assert listening.returncode == 1
    assert text in out
    assert "1 of 1 had a bad signature or broke the contract" in err


def test_json_is_one_line_a_request(tmp_path: Path) -> None:
    with process("listen", "--port", 0, "--count", 2, "--format", "json", cwd=tmp_path) as listening:
        address = _address(listening)
        for body in (b"one", b"\xff"):
            requests.post(address, data=body, timeout=PATIENCE)
        out, _ = listening.communicate(timeout=PATIENCE)

    assert [json.loads(line)["bodyBase64"] for line in out.splitlines()] == ["b25l", "/w=="]


def test_answers_come_as_scripted(tmp_path: Path) -> None:
    with process("listen", "--port", 0, "--count", 3, "--respond", "500*2,204", cwd=tmp_path) as listening:
        address = _address(listening)
        statuses = [requests.post(address, data=b"{}", timeout=PATIENCE).status_code for _ in range(3)]
        listening.communicate(timeout=PATIENCE)

    assert statuses == [500, 500, 204]


def test_what_is_no_post_is_one_line_and_not_counted(tmp_path: Path) -> None:
    how = ("listen", "--port", 0, "--count", 1)
    with process(*how, cwd=tmp_path, env={"EMITTER_SECRET": "k"}) as listening:
        address = _address(listening)
        assert requests.get(f"{address}health", timeout=PATIENCE).status_code == 405
        requests.post(address, data=b"{}", timeout=PATIENCE)
        out, err = listening.communicate(timeout=PATIENCE)

    first, *rest = out.splitlines()
    assert first.endswith("--> GET /health  no POST, so no webhook  [405]")
    assert "--> " in rest[0] and "GET" not in "".join(rest)
    assert "1 of 1 had a bad signature" in err


def test_the_help_says_that_a_script_goes_before_the_signature(emitter: CommandLine) -> None:
    assert "whatever the signature" in " ".join(emitter.ok("listen", "--help").split())


def test_a_request_is_forwarded_and_that_answer_given_back(
    tmp_path: Path, make_receiver: Callable[..., Receiver]
) -> None:
    behind = make_receiver("418")
    with process("listen", "--port", 0, "--count", 1, "--forward-to", behind.url, cwd=tmp_path) as listening:
        status = requests.post(_address(listening), data=b"{}", timeout=PATIENCE).status_code
        listening.communicate(timeout=PATIENCE)

    assert status == 418
    assert behind.captures[0].body == b"{}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_traceback(tmp_path: Path, number: signal.Signals) -> None:
    with process("listen", "--port", 0, cwd=tmp_path) as listening:
        line_with("Try:", listening.stderr)
        listening.send_signal(number)
        _, err = listening.communicate(timeout=PATIENCE)

    assert listening.returncode == (0 if number == signal.SIGINT else 143)
    assert "Traceback" not in err


def test_too_few_in_time_end_with_1(tmp_path: Path) -> None:
    code, _, err = finished("listen", "--port", 0, "--count", 2, "--timeout", "50ms", cwd=tmp_path)

    assert code == 1
    assert "2 requests were waited for, 0 came within 0.05 s" in err


def test_a_port_that_is_taken_ends_with_3(emitter: CommandLine, receiver: Receiver) -> None:
    result = emitter("listen", "--port", receiver.port)

    assert result.exit_code == 3
    assert "cannot be listened on" in result.stderr and "Name another port" in result.stderr


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--respond", "200;500"), "is no script of answers"),
        (("--forward-to", "nonsense"), "nothing to forward to"),
        (("--timeout", "5s"), "--timeout goes with --count"),
        (("--host", "no.such.host.invalid"), "is no address"),
        (("--secret", ""), "is empty"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_refused(emitter: CommandLine, args: tuple[str, ...], text: str) -> None:
    result = emitter("listen", "--port", 0, *args)

    assert result.exit_code == 2
    assert text in result.stderr


def test_a_stand_in_says_what_came_of_each_call_and_ends_with_1_where_one_came_to_nothing(tmp_path: Path) -> None:
    how = ("listen", "--as", "pagerduty", "--port", 0, "--count", 2, "--format", "json")
    with process(*how, cwd=tmp_path, env={"EMITTER_SECRET": ROUTING_KEY}) as listening:
        url = line_with("Standing in for PagerDuty", listening.stderr).split()[4]
        statuses = [post(url, body).status_code for body in (alert(), RAW)]
        out, err = listening.communicate(timeout=PATIENCE)

    assert statuses == [202, 400]
    assert [json.loads(line)["passed"] for line in out.splitlines()] == [True, False]
    assert listening.returncode == 1
    assert "PagerDuty: 1 alert, 1 open, 0 change events." in err
    assert "Error: 1 of 2 came to nothing." in err
    assert ROUTING_KEY not in out + err


def test_the_address_of_a_flow_is_shown_without_a_secret_that_was_given(emitter: CommandLine) -> None:
    how = ("listen", "--as", "teams", "--port", 0, "--count", 1, "--timeout", "1ms")
    plain, given = emitter(*how), emitter(*how, "--secret", "s3cret")

    assert "&sig=no-secret" in plain.stderr
    assert "&sig=***" in given.stderr and "s3cret" not in given.output
    assert plain.exit_code == given.exit_code == 1
    assert "1 call was waited for, 0 came within 0.001 s" in plain.stderr


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--switches",), "go with --as"),
        (("--as", "teams", "--forward-to", "http://x"), "--forward-to goes with no --as"),
        (("--as", "teams", "--switch", "trigger-schema=loose"), "is none of lenient, strict"),
        (("--as", "teams", "--switch", "schema=strict"), "There is no switch"),
        (("--as", "teams", "--secret", "a", "--secret", "b"), "A flow has one sig"),
        (("--as", "pagerduty", "--secret", "short"), "A routing key has 32 letters and digits"),
        (("--as", "slack"), "'teams', 'pagerduty'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_stand_in_that_cannot_be_is_refused(emitter: CommandLine, args: tuple[str, ...], text: str) -> None:
    result = emitter("listen", "--port", 0, *args)

    assert result.exit_code == 2
    assert text in result.stderr
