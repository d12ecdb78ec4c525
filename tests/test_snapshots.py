"""Snapshots: everything is kept under a name, and gone back to whole."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from emitter.clock import nanoseconds
from emitter.errors import BadValue, Conflict, NotFound, StoreUnusable
from emitter.query import AttemptQuery
from emitter.receiver import Receiver
from emitter.simulator import Simulator
from emitter.store import snapshots
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET
from tests.support_cli import CommandLine, command_line, environment, served
from tests.support_http import Api

START = nanoseconds(datetime(2030, 1, 7, 9, tzinfo=UTC))
PLACES = pytest.mark.parametrize("place", ["memory", "file"])
Make = Callable[..., Simulator]


def opened(make_simulator: Make, tmp_path: Path, place: str = "file", **settings: Any) -> Simulator:
    """A simulator of one seed on a virtual clock."""
    store = tmp_path / "store.sqlite" if place == "file" else None
    return make_simulator(**{"store": store, "seed": 7, "start": START, **settings})


def played(simulator: Simulator, receiver: Receiver) -> str:
    """A product, an open request, a webhook and some events; the request's id."""
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.act("publish", name="Claims")
    request = simulator.act("request", product="Claims", user=simulator.world_state()["users"][9]["name"])
    simulator.trigger(TriggerSpec(type="access-revoked", count=5))
    simulator.settle(10)
    return str(request["entity"]["id"])


def everything(simulator: Simulator) -> dict[str, Any]:
    """All that there is to be seen of a simulator, keys aside."""
    return {
        "history": b"".join(simulator.export(AttemptQuery(), "jsonl")),
        "events": [simulator.event(each["id"]) for each in simulator.events(limit=500)["events"]],
        "world": simulator.world_state(),
        "webhooks": simulator.webhooks(),
        "clock": simulator.clock_state(),
        "waiting": simulator.state()["waiting"],
        "runs": simulator.runs(),
    }


def goes_on(simulator: Simulator, request: str) -> list[Any]:
    """What follows: an approval, some events, days that pass. Ids, bodies and times of all of it."""
    simulator.act("approve", request=request, duration="3d")
    simulator.trigger(TriggerSpec(type="product-published", count=3, faults=("duplicate:chance=0.5",)))
    simulator.advance(timedelta(days=4))
    found = [simulator.event(each["id"]) for each in simulator.events(limit=12)["events"]]
    return [
        (each["id"], each["body"], each["timestamp"], each["seed"], [one["id"] for one in each["deliveries"]])
        for each in found
    ]


@PLACES
def test_what_was_there_is_there_again_and_goes_on_as_it_did(
    place: str, make_simulator: Make, tmp_path: Path, receiver: Receiver
) -> None:
    simulator = opened(make_simulator, tmp_path, place)
    request = played(simulator, receiver)
    before = everything(simulator)
    taken = simulator.take_snapshot("base")

    first = goes_on(simulator, request)
    simulator.add_webhook(receiver.url + "/another")
    simulator.change_webhook(simulator.webhooks()[0].id, signing_key="another key")
    restored = simulator.restore_snapshot("base")

    assert restored == taken
    assert (taken["events"], taken["attempts"], taken["webhooks"]) == (7, 7, 1)
    assert everything(simulator) == before
    assert goes_on(simulator, request) == first
    assert {each.status for each in receiver.captures} == {200}  # the key is that of then
    assert simulator.snapshots() == [taken]


@PLACES
def test_a_snapshot_is_taken_and_restored_in_a_moment(
    place: str, make_simulator: Make, tmp_path: Path, receiver: Receiver
) -> None:
    simulator = opened(make_simulator, tmp_path, place)
    played(simulator, receiver)

    took = []
    for _ in range(3):  # the machine has others to serve, too
        began = time.perf_counter()
        simulator.take_snapshot("base", replace=True)
        simulator.restore_snapshot("base")
        took.append(time.perf_counter() - began)

    assert min(took) < 0.1


def test_a_reset_takes_a_moment_and_leaves_snapshots(simulator: Simulator, receiver: Receiver) -> None:
    took = []
    for _ in range(2):
        simulator.add_webhook(receiver.url, signing_key=SECRET)
        list(simulator.trigger_each(TriggerSpec(type="access-revoked", count=1000)))
        simulator.settle(30)
        simulator.take_snapshot("full", replace=True)
        began = time.perf_counter()
        simulator.reset()
        took.append(time.perf_counter() - began)

    assert min(took) < 0.05
    assert simulator.count(AttemptQuery())["count"] == 0
    simulator.restore_snapshot("full")
    assert simulator.count(AttemptQuery())["count"] == 1000


def test_another_process_goes_back_to_it(make_simulator: Make, tmp_path: Path, receiver: Receiver) -> None:
    first = opened(make_simulator, tmp_path)
    request = played(first, receiver)
    before = everything(first)
    first.take_snapshot("base")
    first.act("deny", request=request)
    first.advance(timedelta(days=30))
    first.close()

    again = opened(make_simulator, tmp_path)
    again.restore_snapshot("base")

    assert everything(again) == before
    again.close()
    assert opened(make_simulator, tmp_path).clock_state() == before["clock"]


def test_one_of_another_seed_goes_on_behind_it(make_simulator: Make, tmp_path: Path, receiver: Receiver) -> None:
    first = opened(make_simulator, tmp_path)
    played(first, receiver)
    first.take_snapshot("base")
    first.close()

    other = opened(make_simulator, tmp_path, seed=8)
    other.restore_snapshot("base")
    [event] = other.trigger(TriggerSpec(type="access-revoked"))

    stamps = [each["timestamp"] for each in other.events(limit=500)["events"]]
    assert event["timestamp"] == max(stamps) and len(set(stamps)) == len(stamps)


def test_what_waited_waits_again(simulator: Simulator, receiver: Receiver) -> None:
    hook = simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.change_webhook(hook.id, paused=True)
    simulator.trigger(TriggerSpec(type="access-revoked", count=3))
    simulator.take_snapshot("held")

    for _ in range(2):
        simulator.change_webhook(hook.id, paused=False)
        simulator.settle(10)
        assert simulator.count(AttemptQuery())["count"] == 3
        simulator.restore_snapshot("held")
        assert (simulator.state()["waiting"], simulator.count(AttemptQuery())["count"]) == (3, 0)

    assert len(receiver.captures) == 6
    assert simulator.webhook(hook.id).paused


def test_what_was_to_be_tried_again_is_tried_at_its_time(make_simulator: Make, make_receiver: Any) -> None:
    receiver = make_receiver("500,200,500,200")
    simulator = make_simulator(seed=7, start=START, assume={"delivery.retry": "1h"})
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.trigger(TriggerSpec(type="access-revoked"))
    simulator.settle(10)
    simulator.take_snapshot("tried-once")

    simulator.advance(timedelta(hours=2))
    simulator.restore_snapshot("tried-once")
    due = simulator.clock_state()["nextDue"]
    simulator.advance(timedelta(hours=2))

    assert due == "2030-01-07T10:00:00.000000000Z"
    assert [each["number"] for each in simulator.attempts(AttemptQuery())["attempts"]] == [2, 1]
    assert len(receiver.captures) == 3


@PLACES
def test_going_back_while_much_is_under_way_leaves_nothing_half_and_loses_nothing_that_came_after(
    place: str, make_simulator: Make, tmp_path: Path, make_receiver: Any
) -> None:
    receiver = make_receiver("200:5ms*100000", keys=())
    store = tmp_path / "store.sqlite" if place == "file" else None
    simulator = make_simulator(store=store, assume={"delivery.in_flight": "4"})
    for number in range(2):
        simulator.add_webhook(f"{receiver.url}/{number}")
    simulator.trigger(TriggerSpec(type="access-revoked", count=3))
    simulator.settle(10)
    simulator.take_snapshot("base")
    known = {each["id"] for each in simulator.events(limit=500)["events"]}
    epoch, told, stop = [0], list[tuple[int, int, dict[str, Any]]](), threading.Event()

    def produce() -> None:
        while not stop.is_set():
            began = epoch[0]
            for event in simulator.trigger(TriggerSpec(type="access-expired", count=2)):
                told.append((began, epoch[0], event))
            simulator.act("publish")

    threads = [threading.Thread(target=produce) for _ in range(3)]
    for each in threads:
        each.start()
    for _ in range(4):
        time.sleep(0.05)
        simulator.restore_snapshot("base")
        epoch[0] += 1
    time.sleep(0.05)
    stop.set()
    for each in threads:
        each.join()
    simulator.settle(30)

    events = {each["id"]: each for each in simulator.events(limit=500)["events"]}
    certain = {event["id"] for began, ended, event in told if began == ended == 4}
    assert known <= events.keys()
    assert certain and certain <= events.keys()
    attempts = [json.loads(line) for line in b"".join(simulator.export(AttemptQuery(), "jsonl")).splitlines()]
    assert {each["outcome"] for each in attempts} == {"accepted"}
    assert len(attempts) == 2 * len(events) == len({each["deliveryId"] for each in attempts})
    published = [each for each in events.values() if each["type"].endswith("state.created")]
    assert len(simulator.world_entities("data-products")) == len(published) > 0
    assert simulator.state()["waiting"] == simulator.state()["inFlight"] == 0


def test_what_is_under_way_is_let_finish_before_it_is_taken(make_simulator: Make, make_receiver: Any) -> None:
    receiver = make_receiver("200:100ms*10", keys=())
    simulator = make_simulator()
    simulator.add_webhook(receiver.url)
    simulator.trigger(TriggerSpec(type="access-revoked", count=3))
    receiver.wait_for(1, 10)

    simulator.take_snapshot("meanwhile")
    simulator.settle(10)
    simulator.restore_snapshot("meanwhile")
    simulator.settle(10)

    assert [each["outcome"] for each in simulator.attempts(AttemptQuery())["attempts"]] == ["accepted"] * 3


# --- crashes ----------------------------------------------------------------------------------------------------------

CHILD = """
import os, signal, sqlite3, sys
from pathlib import Path
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.store import Store, snapshots

point, store = sys.argv[1:]

class Dying(sqlite3.Connection):
    def backup(self, target, **how):
        def copied(status, remaining, total):
            if point == "half" and remaining <= total // 2:
                os.kill(os.getpid(), signal.SIGKILL)
        super().backup(target, pages=1, progress=copied)

def connect(where, read_only=False):
    return sqlite3.connect(where, factory=Dying, isolation_level=None, check_same_thread=False)

snapshots.connect = connect
load = Store._load
simulator = Simulator(Settings(store=Path(store), seed=7))
if point == "whole":
    Store._load = lambda self: os.kill(os.getpid(), signal.SIGKILL)
if point == "part":
    snapshots._sync = lambda path: os.kill(os.getpid(), signal.SIGKILL)
    simulator.take_snapshot("another")
simulator.restore_snapshot("base")
"""


@pytest.mark.parametrize(("point", "left"), [("half", 40), ("whole", 3), ("part", 40)])
def test_killed_in_the_middle_of_it_the_store_is_the_old_one_or_the_new_one(
    point: str, left: int, make_simulator: Make, tmp_path: Path, receiver: Receiver
) -> None:
    store = tmp_path / "store.sqlite"
    simulator = make_simulator(store=store, seed=7)
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.trigger(TriggerSpec(type="access-revoked", count=3))
    simulator.settle(10)
    simulator.take_snapshot("base")
    simulator.trigger(TriggerSpec(type="access-expired", count=37))
    simulator.settle(10)
    simulator.close()

    child = [sys.executable, "-c", textwrap.dedent(CHILD), point, str(store)]
    ended = subprocess.run(child, env=environment(), capture_output=True, timeout=30)
    again = make_simulator(store=store, seed=7)

    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert again.count(AttemptQuery())["count"] == left
    assert sqlite3.connect(store).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert [each["name"] for each in again.snapshots()] == ["base"]
    again.take_snapshot("next")
    assert sorted(os.listdir(again.store.snapshots.folder or "")) == ["base.sqlite", "next.sqlite"]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "-x", "x.", "a b", "ä", "x" * 65, "a\0b", "a\n"]
)
def test_what_could_be_no_file_is_no_name(name: str, simulator: Simulator) -> None:
    with pytest.raises(BadValue, match="is no name of a snapshot"):
        simulator.take_snapshot(name)
    for ask in (simulator.restore_snapshot, simulator.delete_snapshot):
        with pytest.raises(NotFound):
            ask(name)


def test_a_name_is_taken_once_unless_it_is_to_be_replaced(simulator: Simulator) -> None:
    simulator.take_snapshot("base")
    simulator.act("publish")

    with pytest.raises(Conflict, match='There is a snapshot "base" already'):
        simulator.take_snapshot("base")
    assert simulator.take_snapshot("base", replace=True)["events"] == 1
    assert [each["events"] for each in simulator.snapshots()] == [1]


def test_who_lists_them_meanwhile_sees_the_one_before_or_the_one_after(simulator: Simulator) -> None:
    simulator.take_snapshot("base")
    seen, over = list[list[str]](), threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append([each["name"] for each in simulator.snapshots()])

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(50):
        simulator.take_snapshot("base", replace=True)
    over.set()
    looking.join()

    assert seen and all(each == ["base"] for each in seen)


def test_one_that_is_not_there_is_told_with_the_nearest(simulator: Simulator) -> None:
    simulator.take_snapshot("before-approval")

    with pytest.raises(NotFound, match='No snapshot "before-aproval". Did you mean "before-approval"?'):
        simulator.restore_snapshot("before-aproval")


def test_there_is_an_end_to_how_many(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST", 2)
    simulator.take_snapshot("a")
    simulator.take_snapshot("b")

    with pytest.raises(Conflict, match="There are 2 snapshots"):
        simulator.take_snapshot("c")
    simulator.take_snapshot("b", replace=True)
    simulator.delete_snapshot("a")
    simulator.take_snapshot("c")


def test_memory_has_an_end(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    size = simulator.take_snapshot("a")["size"]
    monkeypatch.setattr(snapshots, "MOST_MEMORY", size * 5 // 2)
    simulator.take_snapshot("b")

    with pytest.raises(Conflict, match="keep the store in a file"):
        simulator.take_snapshot("c")
    simulator.take_snapshot("b", replace=True)


def test_a_store_that_is_gone_is_not_written_to(make_simulator: Make, tmp_path: Path) -> None:
    simulator = opened(make_simulator, tmp_path)
    simulator.take_snapshot("base")
    (tmp_path / "store.sqlite").rename(tmp_path / "elsewhere.sqlite")

    with pytest.raises(StoreUnusable, match="removed or replaced"):
        simulator.restore_snapshot("base")
    (tmp_path / "elsewhere.sqlite").rename(tmp_path / "store.sqlite")


def test_only_their_owner_may_read_them(make_simulator: Make, tmp_path: Path) -> None:
    simulator = opened(make_simulator, tmp_path)
    simulator.add_webhook("http://127.0.0.1:9/", signing_key=SECRET)
    simulator.take_snapshot("base")

    folder = tmp_path / "store.sqlite.snapshots"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()] == [0o600]
    assert SECRET not in json.dumps(simulator.snapshots())


@pytest.mark.parametrize("damage", ["text", "another", "torn"])
def test_a_damaged_one_leaves_the_store_as_it_is(damage: str, make_simulator: Make, tmp_path: Path) -> None:
    simulator = opened(make_simulator, tmp_path)
    simulator.act("publish")
    simulator.take_snapshot("base")
    before = everything(simulator)
    file = tmp_path / "store.sqlite.snapshots" / "base.sqlite"
    if damage == "text":
        file.write_text("this is no database" * 100)
    elif damage == "another":
        file.unlink()
        other = sqlite3.connect(file)
        other.execute("CREATE TABLE meta (key, value)")
        other.close()
    else:
        raw = bytearray(file.read_bytes())
        raw[8192:24576] = bytes(16384)
        file.write_bytes(raw)

    with pytest.raises(StoreUnusable, match="base.sqlite"):
        simulator.restore_snapshot("base")

    assert everything(simulator) == before
    simulator.act("publish")
    simulator.delete_snapshot("base")


# --- doors ------------------------------------------------------------------------------------------------------------


def test_over_http(simulator: Simulator) -> None:
    api = Api(simulator)
    api("POST", "/simulator/world/act", {"action": "publish"})

    taken = api("POST", "/simulator/snapshots", {"name": "base"})
    again = api("POST", "/simulator/snapshots", {"name": "base"})
    api("POST", "/simulator/reset")
    restored = api("POST", "/simulator/snapshots/base/restore")
    missing = api("POST", "/simulator/snapshots/bas/restore")

    assert (taken.status_code, again.status_code, restored.status_code, missing.status_code) == (201, 409, 200, 404)
    assert restored.json == taken.json == api("GET", "/simulator/snapshots").json["snapshots"][0]
    assert missing.json["nearest"] == ["base"]
    assert len(api("GET", "/simulator/world/data-products").json["entities"]) == 1
    assert api("DELETE", "/simulator/snapshots/base").status_code == 204
    assert api("GET", "/simulator/snapshots").json == {"snapshots": []}
    for body, why in (({}, "name is missing"), ({"name": 1}, "is no text"), ({"name": "a", "as": 1}, "no member")):
        assert why in api("POST", "/simulator/snapshots", body).json["detail"]


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


def test_on_the_command_line(emitter: CommandLine, receiver: Receiver) -> None:
    emitter.ok("trigger", "access-revoked", "--to", receiver.url, "--secret", SECRET)
    taken = emitter.ok("snapshots", "take", "base")
    emitter.ok("trigger", "access-revoked", "--to", receiver.url, "--secret", SECRET)

    restored = emitter.ok("snapshots", "restore", "base")

    assert taken.startswith("Taken: base (1 event, 1 attempt, 0 webhooks, 20")
    assert restored == taken.replace("Taken", "Restored")
    assert len(json.loads(emitter.ok("deliveries", "list", "--format", "json"))) == 1
    assert emitter.ok("snapshots").splitlines()[0].split()[:2] == ["NAME", "TAKEN"]
    assert json.loads(emitter.ok("snapshots", "list", "--format", "json"))[0]["name"] == "base"
    wrong = emitter("snapshots", "delete", "base", "bse")
    assert (wrong.exit_code, 'Did you mean "base"?' in wrong.output) == (2, True)
    assert emitter.ok("snapshots", "delete", "base") == "Deleted: base.\n"
    assert emitter("snapshots").stderr.endswith("Take one: emitter snapshots take base\n")


def test_what_waits_is_not_sent_by_who_only_takes_and_restores(
    emitter: CommandLine, make_simulator: Make, receiver: Receiver
) -> None:
    with make_simulator(store=Path(".emitter/store.sqlite")) as simulator:
        hook = simulator.add_webhook(receiver.url, signing_key=SECRET)
        simulator.change_webhook(hook.id, paused=True)
        simulator.trigger(TriggerSpec(type="access-revoked"))
    with sqlite3.connect(".emitter/store.sqlite") as connection:  # as a process leaves it that was killed
        connection.execute("UPDATE webhooks SET paused = 0")

    emitter.ok("snapshots", "take", "base")
    emitter.ok("snapshots", "restore", "base")

    assert receiver.captures == []
    emitter.ok("world", "act", "publish")
    assert len(receiver.captures) == 2


def test_memory_has_nothing_to_go_back_to_once_the_command_is_over(emitter: CommandLine) -> None:
    refused = emitter("snapshots", "take", "base", "--ephemeral")

    assert (refused.exit_code, "--ephemeral keeps nothing" in refused.output) == (2, True)


def test_a_server_in_memory_has_them_while_it_runs(emitter: CommandLine, simulator: Simulator) -> None:
    with served(simulator) as url:
        emitter.ok("world", "act", "publish", "name=Claims", "--server", url)
        emitter.ok("snapshots", "take", "base", "--server", url)
        emitter.ok("reset", "--yes", "--server", url)
        emitter.ok("snapshots", "restore", "base", "--server", url)

        assert "Claims" in emitter.ok("world", "show", "data-products", "--server", url)
