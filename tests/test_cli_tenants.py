"""`emitter tokens` and `emitter tenants`: who may ask, and simulators side by side, from the command line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from emitter.receiver import Receiver
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.support_cli import CommandLine, command_line, served
from tests.support_http import HOOKS

SEED = 7


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


@pytest.fixture
def url(make_simulator: Callable[..., Simulator], running: Callable[..., Any]) -> str:
    """The address of a server in memory."""
    return str(running(served(make_simulator(seed=SEED))))


def _somebody(emitter: CommandLine, *where: object) -> str:
    found = json.loads(emitter.ok("world", "show", "users", "--format", "json", *where))
    return str(found[0]["name"])


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_alone_is_printed_and_opens_what_it_may(emitter: CommandLine, url: str) -> None:
    somebody = _somebody(emitter, "--server", url)

    made = emitter("tokens", "make", "--user", somebody, "--permission", "APPLICATION_ADMIN", "--server", url)

    token = made.stdout.strip()
    assert made.exit_code == 0 and token.startswith("emt_") and "\n" not in token
    assert f"For {somebody} (consumer, governor, APPLICATION_ADMIN)" in made.stderr
    answer = requests.get(url + HOOKS, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.json() == []
    listed = emitter.ok("tokens", "--server", url)
    assert somebody in listed and token not in listed


def test_tokens_are_kept_in_the_store_without_a_server(emitter: CommandLine) -> None:
    emitter.ok("world", "act", "add user", "name=Ann Lee")

    made = json.loads(emitter.ok("tokens", "make", "--user", "ann.lee", "--name", "ci", "--format", "json"))
    listed = json.loads(emitter.ok("tokens", "list", "--format", "json"))
    gone = emitter("tokens", "revoke", "ci")

    assert made["userName"] == "Ann Lee"
    assert listed == [{name: value for name, value in made.items() if name != "token"}]
    assert (gone.exit_code, gone.stdout) == (0, "")
    assert "There is no token" in emitter("tokens").stderr


def test_who_makes_and_revokes_tokens_without_a_server_sends_nothing_that_waits(
    emitter: CommandLine, make_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    store = emitter.folder / ".emitter" / "store.sqlite"
    with make_simulator(store=store, seed=SEED) as simulator:
        somebody = simulator.world_entities("users")[0]["name"]
        hook = simulator.add_webhook(receiver.url)
        simulator.change_webhook(hook.id, paused=True)
        simulator.trigger(TriggerSpec(type="access-revoked"))
    with sqlite3.connect(store) as connection:  # as a process leaves it that was killed
        connection.execute("UPDATE webhooks SET paused = 0")

    emitter.ok("tokens", "make", "--user", somebody, "--name", "ci", EMITTER_SEED=str(SEED))
    emitter.ok("tokens", "revoke", "ci")

    assert receiver.captures == []


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("make", "--user", "Nobody At All"), "No user"),
        (("make", "--user", "x", "--permission", "APP_ADMIN"), 'Did you mean "APPLICATION_ADMIN"'),
        (("make",), "--user"),
        (("revoke", "nothing"), "No token"),
    ],
)
def test_a_mistake_about_a_token_is_a_sentence(emitter: CommandLine, args: tuple[str, ...], why: str) -> None:
    result = emitter("tokens", *args, *(["--store", "a.sqlite"] if args[0] == "make" else ["--ephemeral"]))

    assert result.exit_code == 2
    assert why in result.stderr and "Traceback" not in result.output


# --- tenants ----------------------------------------------------------------------------------------------------------


def test_whoever_has_the_token_of_a_tenant_is_in_it(emitter: CommandLine, url: str) -> None:
    token = emitter.ok(
        "tenants", "make", "build 42", "--seed", "1", "--start", "2030-01-31T09:00:00Z", "--assume",
        "delivery.timeout=2s", "--server", url,
    ).strip()  # fmt: skip

    there = {"EMITTER_TOKEN": token}
    emitter.ok("webhooks", "add", "http://127.0.0.1:9/", "--server", url, **there)
    moved = emitter.ok("world", "advance", "1d", "--server", url, **there)
    inside = json.loads(emitter.ok("webhooks", "--format", "json", "--server", url, **there))
    outside = json.loads(emitter.ok("webhooks", "--format", "json", "--server", url))
    shown = emitter.ok("tenants", "show", "build 42", "--server", url)

    assert "2030-02-01" in moved
    assert (len(inside), outside) == (1, [])
    assert "virtual, 2030-02-01 09:00:00" in shown and "delivery.timeout=2s" in shown and token not in shown


def test_tenants_are_listed_reset_and_deleted_by_name(emitter: CommandLine, url: str) -> None:
    token = emitter.ok("tenants", "make", "mine", "--server", url).strip()
    emitter.ok("webhooks", "add", "http://127.0.0.1:9/", "--server", url, EMITTER_TOKEN=token)

    emitter.ok("tenants", "reset", "mine", "--server", url)
    listed = json.loads(emitter.ok("tenants", "--format", "json", "--server", url))
    emitter.ok("tenants", "delete", "mine", "--server", url)
    refused = emitter("webhooks", "--server", url, EMITTER_TOKEN=token)

    assert [(each["name"], each["webhooks"]) for each in listed] == [("default", 0), ("mine", 0)]
    assert refused.exit_code == 2 and "its tenant was deleted" in refused.stderr
    assert "default" in emitter.ok("tenants", "--server", url)


def test_a_tenant_in_memory_wants_a_server_and_a_kept_one_waits_for_it(
    emitter: CommandLine, make_simulator: Callable[..., Simulator]
) -> None:
    refused = emitter("tenants", "make", "mine")
    token = emitter.ok("tenants", "make", "mine", "--keep").strip()
    again = emitter("tenants", "make", "mine", "--keep")

    assert refused.exit_code == again.exit_code == 2
    assert "emitter serve" in refused.stderr and "already" in again.stderr
    with served(make_simulator(store=emitter.folder / ".emitter" / "store.sqlite")) as url:
        assert json.loads(emitter.ok("webhooks", "--format", "json", EMITTER_TOKEN=token)) == []
        state = requests.get(f"{url}/simulator/state", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
        assert "tenants" in state["store"]
        unsure = emitter("tenants", "delete", "mine")
        emitter.ok("tenants", "delete", "mine", "--yes")
    assert unsure.exit_code == 2 and "--yes" in unsure.stderr


def test_who_resets_a_kept_tenant_without_a_server_sends_nothing_that_waits(
    emitter: CommandLine, make_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    token = emitter.ok("tenants", "make", "mine", "--keep").strip()
    with served(make_simulator(store=emitter.folder / ".emitter" / "store.sqlite")) as url:
        emitter.ok("webhooks", "add", receiver.url, "--server", url, EMITTER_TOKEN=token)
        [hook] = json.loads(emitter.ok("webhooks", "--format", "json", "--server", url, EMITTER_TOKEN=token))
        emitter.ok("webhooks", "pause", hook["id"], "--server", url, EMITTER_TOKEN=token)
        emitter.ok("trigger", "access-revoked", "--no-wait", "--server", url, EMITTER_TOKEN=token)
    [file] = (emitter.folder / ".emitter" / "tenants").glob("*.sqlite")
    with sqlite3.connect(file) as connection:  # as a process leaves it that was killed
        connection.execute("UPDATE webhooks SET paused = 0")

    emitter.ok("tenants", "reset", "mine", "--yes")
    emitter.ok("tenants", "delete", "mine", "--yes")

    assert receiver.captures == []


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("make", "a/b"), "is no name"),
        (("make", "x", "--start", "tomorrow"), "is no time"),
        (("make", "x", "--assume", "delivery.timeut=5s"), "delivery.timeout"),
        (("make", "x", "--assume", "delivery.timeout"), "has no ="),
        (("delete", "nothing"), "No tenant"),
        (("delete", "default", "--yes"), "is the server itself"),
        (("show", "defualt"), "Nearest: default"),
    ],
)
def test_a_mistake_about_a_tenant_is_a_sentence(
    emitter: CommandLine, url: str, args: tuple[str, ...], why: str
) -> None:
    result = emitter("tenants", *args, "--server", url)

    assert result.exit_code == 2
    assert why in result.stderr and "Traceback" not in result.output


def test_a_token_that_would_end_with_its_command_is_refused(emitter: CommandLine) -> None:
    result = emitter("tokens", "make", "--user", "Ann Lee", "--ephemeral")

    assert result.exit_code == 2 and "nobody could use it" in result.stderr and result.stdout == ""
