"""`emitter serve`, `backup` and `reset`: the simulator as a process, and its records."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.store import Store, StoreLock
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET
from tests.support_cli import PATIENCE, CommandLine, command_line, line_with, process, served

BEARER = {"Authorization": "Bearer any"}


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


def _url(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def _end(running: subprocess.Popen[str]) -> str:
    """Stop it in order; what it said."""
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=PATIENCE)
    return err


# --- serve ------------------------------------------------------------------------------------------------------------


def test_it_serves_and_names_address_store_clock_and_how_to_stop(tmp_path: Path) -> None:
    with process("serve", "--port", 0, cwd=tmp_path) as serving:
        url = _url(serving)
        page = requests.get(url, timeout=PATIENCE)
        types = requests.get(f"{url}/simulator/event-types", headers=BEARER, timeout=PATIENCE).json()
        err = _end(serving)

    assert serving.returncode == 0
    assert page.status_code == 200 and len(types["eventTypes"]) == 12
    for text in (f"{url}/", "any bearer token", str(tmp_path / ".emitter" / "store.sqlite"), "the machine's", "Ctrl-C"):
        assert text in err
    assert "Traceback" not in err


def test_the_commands_beside_it_use_it_and_after_it_the_same_history(emitter: CommandLine, receiver: Receiver) -> None:
    with process("serve", "--port", 0, cwd=emitter.folder) as serving:
        url = _url(serving)
        triggered = emitter("trigger", "revoked", "--to", receiver.url, EMITTER_SECRET=SECRET)
        _end(serving)

    assert (triggered.exit_code, "<-- [200]" in triggered.stdout) == (0, True)
    assert f"Using the simulator at {url}" in triggered.stderr
    listed = emitter("deliveries", "list", "--format", "jsonl")
    assert json.loads(listed.stdout)["status"] == 200
    assert listed.stderr == ""
    assert StoreLock(emitter.folder / ".emitter" / "store.sqlite").owner() is None


def test_a_port_in_use_ends_with_3_and_lets_go_of_the_store(emitter: CommandLine, receiver: Receiver) -> None:
    result = emitter("serve", "--port", receiver.port)

    assert result.exit_code == 3
    assert f"Port {receiver.port} on 127.0.0.1 is in use" in result.stderr and "--port 0" in result.stderr
    assert StoreLock(emitter.folder / ".emitter" / "store.sqlite").owner() is None


def test_a_second_one_on_the_same_store_says_who_serves_it(emitter: CommandLine) -> None:
    with process("serve", "--port", 0, cwd=emitter.folder) as serving:
        url = _url(serving)
        second = emitter("serve", "--port", 0)
        _end(serving)

    assert second.exit_code == 3
    assert f"is in use by process {serving.pid}, which serves {url}" in second.stderr and "--ephemeral" in second.stderr


def test_for_a_build_it_keeps_nothing_and_prints_a_token_that_opens_it(tmp_path: Path) -> None:
    with process("serve", "--ci", "--port", 0, cwd=tmp_path) as serving:
        url = _url(serving)
        token = line_with("Token", serving.stderr).split()[1]
        statuses = [
            requests.get(
                f"{url}/simulator/state", headers={"Authorization": f"Bearer {each}"}, timeout=PATIENCE
            ).status_code
            for each in (token, "any")
        ]
        _end(serving)

    assert statuses == [200, 401]
    assert not (tmp_path / ".emitter").exists()


def test_a_token_that_is_given_is_not_printed(emitter: CommandLine) -> None:
    token = "a-token-of-enough-length"
    with process("serve", "--ci", "--port", 0, cwd=emitter.folder, env={"EMITTER_TOKEN": token}) as serving:
        url = _url(serving)
        right = emitter("deliveries", "--server", url, EMITTER_TOKEN=token)
        wrong = emitter("deliveries", "--server", url)
        err = _end(serving)

    assert (right.exit_code, wrong.exit_code) == (0, 2)
    assert "EMITTER_TOKEN" in wrong.stderr
    assert token not in err


def test_shared_prints_a_configuration_that_works_when_it_has_none(emitter: CommandLine) -> None:
    printed = emitter("serve", "--shared", "--port", 0)
    out = printed.stdout

    assert printed.exit_code == 0
    assert "EMITTER_TOKEN, EMITTER_HOSTS, EMITTER_ALLOW are not set" in printed.stderr
    assert set(tomllib.loads(out)) == {"token", "hosts", "allow"}

    (emitter.folder / "emitter.toml").write_text(out)
    with process("serve", "--shared", "--host", "127.0.0.1", "--port", 0, cwd=emitter.folder) as serving:
        url = _url(serving)
        refused = requests.get(f"{url}/simulator/state", headers=BEARER, timeout=PATIENCE).status_code
        err = _end(serving)
    assert refused == 401
    assert "emitter.example.com" in err and "receiver.example.com" in err
    assert tomllib.loads(out)["token"] not in err


def test_a_virtual_clock_is_named(tmp_path: Path) -> None:
    how = ("--start", "2030-01-31T09:00:00Z", "--seed", 7, "--ephemeral")
    with process("serve", "--port", 0, *how, cwd=tmp_path) as serving:
        state = requests.get(f"{_url(serving)}/simulator/state", headers=BEARER, timeout=PATIENCE).json()
        err = _end(serving)

    assert (state["clock"], state["seed"]) == ("virtual", 7)
    assert "virtual, moved over HTTP only: 2030-01-31T09:00:00Z" in err


def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    with process("serve", "--port", 0, "--ephemeral", cwd=tmp_path) as serving:
        _url(serving)
        serving.send_signal(signal.SIGINT)
        _, err = serving.communicate(timeout=PATIENCE)

    assert serving.returncode == 0
    assert err.endswith("Stopped.\n")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--ci", "--shared"), "choose one"),
        (("--server", "http://127.0.0.1:1"), "leave it out"),
        (("--host", "0.0.0.0", "--port", "0"), "EMITTER_TOKEN"),
        (("--host", "nowhere.invalid", "--port", "0", "--ci"), "no address of this machine"),
        (("--port", "70000"), "70000"),
        (("--start", "tomorrow"), "is no time"),
        (("--keep", "5"), "Write a number with its unit"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_served_is_refused(emitter: CommandLine, args: tuple[str, ...], text: str) -> None:
    result = emitter("serve", *args)

    assert result.exit_code == 2, result.output
    assert text in result.stderr


def test_a_port_that_a_cluster_puts_into_the_environment_is_no_port(emitter: CommandLine) -> None:
    assert emitter.ok("events", EMITTER_PORT="tcp://10.0.0.1:8080")


# --- the store --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["newer", "foreign", "no database", "folder"])
def test_a_store_that_cannot_be_used_ends_with_3_and_is_left_as_it_is(emitter: CommandLine, kind: str) -> None:
    path = emitter.folder / "store.sqlite"
    if kind == "newer":
        Store(path).close()
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 999")
        connection.close()
    elif kind == "foreign":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (x)")
        connection.close()
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    before = path.read_bytes() if path.is_file() else b""

    result = emitter("deliveries", "--store", path)

    assert result.exit_code == 3, result.output
    assert "store.sqlite" in result.stderr and "Traceback" not in result.output
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_backup_holds_what_the_store_holds(emitter: CommandLine, receiver: Receiver) -> None:
    emitter.ok("trigger", "revoked", "--to", receiver.url, "--secret", SECRET)

    emitter.ok("backup", "copy.sqlite")

    assert emitter.ok("deliveries", "--store", "copy.sqlite") == emitter.ok("deliveries")
    assert (emitter.folder / "copy.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_backup_is_made_while_a_server_owns_the_store(emitter: CommandLine, receiver: Receiver) -> None:
    path = emitter.folder / "owned.sqlite"
    with Simulator(Settings(store=path)) as simulator, served(simulator):
        emitter.ok("trigger", "revoked", "--to", receiver.url, "--secret", SECRET, "--store", path)
        emitter.ok("backup", "copy.sqlite", "--store", path)

    assert len(emitter.ok("deliveries", "--store", "copy.sqlite").splitlines()) == 2


def test_a_backup_overwrites_nothing(emitter: CommandLine) -> None:
    emitter.ok("webhooks", "add", "http://127.0.0.1:9/")
    (emitter.folder / "there").write_text("mine")

    result = emitter("backup", "there")

    assert result.exit_code == 3
    assert "overwrites nothing" in result.stderr
    assert (emitter.folder / "there").read_text() == "mine"


@pytest.mark.parametrize("args", [(), ("--ephemeral",), ("--server", "http://127.0.0.1:1")])
def test_a_backup_of_what_is_not_there_is_refused(emitter: CommandLine, args: tuple[str, ...]) -> None:
    result = emitter("backup", "copy.sqlite", *args)

    assert result.exit_code in (2, 3)
    assert result.stderr.startswith("Error: ")
    assert not (emitter.folder / "copy.sqlite").exists()


def test_a_reset_forgets_everything_when_it_is_meant(emitter: CommandLine, receiver: Receiver) -> None:
    emitter.ok("webhooks", "add", receiver.url, "--secret", SECRET)
    emitter.ok("trigger", "revoked")

    refused = emitter("reset")
    done = emitter("reset", "--yes")

    assert refused.exit_code == 2 and "--yes" in refused.stderr
    assert done.stderr == "Forgotten: 1 attempt and 1 webhook.\n"
    assert emitter.ok("deliveries") == emitter.ok("webhooks") == ""


def test_a_reset_sends_nothing_that_waits(
    emitter: CommandLine, make_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    store = emitter.folder / ".emitter" / "store.sqlite"
    with make_simulator(store=store) as simulator:
        simulator.change_webhook(simulator.add_webhook(receiver.url).id, paused=True)
        simulator.trigger(TriggerSpec(type="access-revoked"))
    with sqlite3.connect(store) as connection:  # as a process leaves it that was killed
        connection.execute("UPDATE webhooks SET paused = 0")

    emitter.ok("reset", "--yes")

    assert receiver.captures == []


@pytest.mark.parametrize("given", ["http://u:p@h:8443/x?k=v", "h:8443,https://h:8443"])
def test_a_target_with_a_scheme_is_refused_with_what_to_write(emitter: CommandLine, given: str) -> None:
    result = emitter("serve", "--port", 0, "--allow", given)

    assert result.exit_code == 2
    assert 'without a scheme: "h:8443"' in result.stderr and "u:p" not in result.stderr
