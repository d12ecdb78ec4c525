"""`emitter webhooks`: registrations from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emitter.receiver import Receiver
from emitter.simulator import Simulator
from tests.conftest import SECRET
from tests.support_cli import CommandLine, command_line, nobody, served


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


def _add(emitter: CommandLine, url: str, *args: object) -> str:
    return str(json.loads(emitter.ok("webhooks", "add", url, "--format", "json", *args))["id"])


def _one(emitter: CommandLine, identity: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(emitter.ok("webhooks", "show", identity, "--format", "json"))
    return found


def test_a_webhook_is_added_and_listed_without_what_is_secret(emitter: CommandLine) -> None:
    identity = _add(emitter, "https://u:p@example.com/hook?k=v", "--secret", "top secret")

    text = emitter.ok("webhooks")

    assert identity in text and "https://***@example.com/hook?***" in text
    assert "top secret" not in emitter("webhooks", "--format", "json").output
    assert _one(emitter, identity)["signingKey"] is True


def test_one_without_a_key_says_that_it_sends_unsigned(emitter: CommandLine) -> None:
    assert "unsigned" in emitter("webhooks", "add", "http://127.0.0.1:9/").stderr


def test_an_id_may_be_cut_as_long_as_it_is_one(emitter: CommandLine) -> None:
    identity = _add(emitter, "http://127.0.0.1:9/")

    assert _one(emitter, identity[:6])["id"] == identity


@pytest.mark.parametrize("which", ["", "abc", "ffffffffffff"])
def test_one_that_is_not_there_is_said(emitter: CommandLine, which: str) -> None:
    _add(emitter, "http://127.0.0.1:9/")

    result = emitter("webhooks", "show", which)

    assert result.exit_code == 2
    assert "emitter webhooks list" in result.stderr


def test_pause_suppress_and_resume(emitter: CommandLine) -> None:
    identity = _add(emitter, "http://127.0.0.1:9/")

    for command, paused, suppressed in (
        ("pause", True, False),
        ("suppress", True, True),
        ("resume", False, False),
    ):
        emitter.ok("webhooks", command, identity)
        found = _one(emitter, identity)
        assert (found["paused"], found["suppressed"]) == (paused, suppressed)


def test_what_was_held_is_sent_when_the_pause_ends(emitter: CommandLine, receiver: Receiver) -> None:
    identity = _add(emitter, receiver.url, "--secret", SECRET)
    emitter.ok("webhooks", "pause", identity)
    held = emitter("trigger", "revoked", "--wait", "10ms")
    assert (held.exit_code, len(receiver.captures)) == (1, 0)

    emitter.ok("webhooks", "resume", identity)

    assert len(receiver.wait_for(1, 10)) == 1


def test_an_update_changes_what_is_named_and_nothing_else(emitter: CommandLine) -> None:
    identity = _add(emitter, "http://127.0.0.1:9/", "--secret", "one")

    emitter.ok("webhooks", "update", identity, "--url", "http://127.0.0.1:10/", EMITTER_SECRET="of no concern")
    assert _one(emitter, identity)["url"] == "http://127.0.0.1:10/"
    assert _one(emitter, identity)["signingKey"] is True

    emitter.ok("webhooks", "update", identity, "--no-secret", "--insecure")
    assert _one(emitter, identity)["signingKey"] is False
    assert _one(emitter, identity)["verifyTls"] is False


def test_an_update_of_nothing_is_refused(emitter: CommandLine) -> None:
    identity = _add(emitter, "http://127.0.0.1:9/")

    result = emitter("webhooks", "update", identity)

    assert result.exit_code == 2
    assert "Name what is to change" in result.stderr


def test_a_removed_one_is_gone_and_its_history_stays(emitter: CommandLine, receiver: Receiver) -> None:
    identity = _add(emitter, receiver.url, "--secret", SECRET)
    emitter.ok("trigger", "revoked")

    emitter.ok("webhooks", "remove", identity)

    assert emitter("webhooks", "show", identity).exit_code == 2
    assert len(emitter.ok("deliveries").splitlines()) == 2


def test_a_test_says_what_came_of_it(
    emitter: CommandLine, receiver: Receiver, make_receiver: Callable[..., Receiver]
) -> None:
    good, bad = _add(emitter, receiver.url, "--secret", SECRET), _add(emitter, make_receiver("500").url)
    gone = _add(emitter, nobody())

    assert "accepted [200] POST" in emitter.ok("webhooks", "test", good)
    refused, unreached = emitter("webhooks", "test", bad), emitter("webhooks", "test", gone)

    assert (refused.exit_code, unreached.exit_code) == (1, 3)
    assert "not accepted [500]" in refused.stdout
    assert unreached.stdout.startswith("no answer POST") and "connection refused" in unreached.stdout
    assert "Is the receiver running there?" in unreached.stderr


@pytest.mark.parametrize("args", [("add", "http://127.0.0.1:9/"), ("update", "12345678")], ids=" ".join)
def test_a_key_that_is_given_twice_is_refused(emitter: CommandLine, args: tuple[str, ...]) -> None:
    (emitter.folder / "key").write_text("one")

    result = emitter("webhooks", *args, "--secret", "other", "--secret-file", "key")

    assert result.exit_code == 2
    assert "give one of the two" in result.stderr


@pytest.mark.parametrize("url", ["nonsense", "http://169.254.169.254/", "file:///etc/passwd", "http://[::1"])
def test_an_address_that_nothing_can_be_sent_to_is_refused(emitter: CommandLine, url: str) -> None:
    result = emitter("webhooks", "add", url)

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")


def test_through_a_server_it_is_the_same(emitter: CommandLine, simulator: Simulator, receiver: Receiver) -> None:
    with served(simulator) as url:
        server = ("--server", url)
        identity = _add(emitter, receiver.url, "--secret", SECRET, *server)

        assert "accepted [200]" in emitter.ok("webhooks", "test", identity, *server)
        assert "paused" in emitter.ok("webhooks", "pause", identity, *server)
        assert "active" in emitter.ok("webhooks", "resume", identity, *server)
        assert "yes" in emitter.ok("webhooks", *server)
        emitter.ok("webhooks", "remove", identity, *server)

        assert simulator.webhooks() == []
