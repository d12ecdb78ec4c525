"""SIGKILL at random moments and at every named point of the write path, under load, with journals on both sides."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from tests.acceptance.protocol import Protocol
from tests.support_crash import JournalSink, Judgement, Victims, judge
from tests.support_crash_child import OTHER_POINTS, POINTS, RESTART_POINTS, RETENTION_POINTS, Plan
from tests.support_journal import KILL_POINTS

RANDOM_KILLS = 60
ORDERED = tuple(f"/hook/{number}" for number in range(8))
FREE = ("/hook/a", "/slow/b", "/flaky/c", "/hook/d")
RETRIES = {"delivery.in_flight": "8", "delivery.retry": "20ms,50ms,100ms,200ms"}


def run(protocol: Protocol) -> None:
    _form(
        protocol,
        "Crash: in order, no retries",
        "Eight webhooks, one delivery of each at a time; every named point twice, and random moments.",
        paths=ORDERED, assume={}, random_kills=RANDOM_KILLS // 2, times=2, ordered=True, seed=1,
    )  # fmt: skip
    _form(
        protocol,
        "Crash: eight in flight for each webhook, retries after 20 to 200 ms",
        "Receivers that answer at once, slowly, with 500, with a closed connection and with a reset.",
        paths=FREE, assume=RETRIES, random_kills=RANDOM_KILLS // 2, times=1, ordered=False, seed=2,
    )  # fmt: skip
    _retention(protocol)
    _others(protocol)


def _form(
    protocol: Protocol, title: str, about: str, *, paths: tuple[str, ...], assume: dict[str, str], random_kills: int,
    times: int, ordered: bool, seed: int,
) -> None:  # fmt: skip
    with protocol.section(title, about), tempfile.TemporaryDirectory() as folder:
        chance, place = Random(seed), Path(folder)
        with JournalSink(place / "seen") as sink, Victims() as victims:
            plan = _plan(place, sink, paths=paths, assume=assume)
            moments = [("random", "")] * random_kills
            moments += [("point", point) for point in POINTS for _ in range(times)]
            moments += [("restart", point) for point in RESTART_POINTS for _ in range(times)]
            moments += [("sink", point) for point in KILL_POINTS for _ in range(times)]
            chance.shuffle(moments)
            for number, (kind, point) in enumerate(moments):
                one_kill(victims, sink, plan, chance, kind, point)
                if number % 12 == 11:  # every now and then it may finish what is there, and judge what came of it
                    victims.settle(plan(settle=True))
            victims.settle(plan(settle=True))
            found = judge(place / "store.sqlite", place / "acknowledged", sink.seen(), ordered=ordered)
        named = sum(count for name, count in victims.kills.items() if name != "random")
        protocol.check("SIGKILLs at random moments", victims.kills["random"], "", True)
        points = len(POINTS) + len(RESTART_POINTS) + len(KILL_POINTS)
        hit = len(set(victims.kills) - {"random"})
        protocol.check(f"named points of the write path, {points} of them, each reached", named, "", hit == points)
        report(protocol, found)
        protocol.check("PRAGMAs of the writing connection", victims.pragmas, "synchronous 2 (FULL), wal",
                       victims.pragmas == {(2, "wal")})  # fmt: skip


def one_kill(victims: Victims, sink: JournalSink, plan: Any, chance: Random, kind: str, point: str) -> None:
    """Start a process on the file, and end it at one point."""
    if kind == "random":
        victims.start(plan())
        time.sleep(chance.random() * 0.9)  # from its very start on, through the opening into the load
        victims.kill("random")
    elif kind == "point":
        victims.start(plan(point=point, skip=chance.randrange(1, 80), seed=chance.randrange(1000)))
        victims.dies(point)
    elif kind == "restart":
        victims.start(plan())
        victims.hears("ready", 20)
        time.sleep(0.1 + chance.random() * 0.1)
        victims.kill("random")
        victims.start(plan(point=point))
        victims.dies(point)
    else:
        sink.arm(victims.start(plan()), point, chance.randrange(1, 200))
        victims.killed_by_sink(point)


def _plan(place: Path, sink: JournalSink, **fixed: Any) -> Any:
    def make(**changed: Any) -> Plan:
        members: dict[str, Any] = {"paths": ORDERED, **fixed, **changed}
        return Plan(
            store=str(place / "store.sqlite"), journal=str(place / "acknowledged"), sink=sink.url,
            **{"events": 600, **members},
        )  # fmt: skip

    return make


def report(protocol: Protocol, found: Judgement, *, interrupted: bool = True) -> None:
    """Write down what the record and the journals say of each other."""
    attempts = ", ".join(f"{count:,} {name}" for name, count in sorted(found.attempts.items()))
    protocol.check("events in the store / acknowledged", f"{found.events:,} / {found.acknowledged:,}", "",
                   found.acknowledged > 0)  # fmt: skip
    protocol.check("attempts recorded", attempts, "some interrupted" if interrupted else "",
                   found.attempts["interrupted"] > 0 or not interrupted)  # fmt: skip
    protocol.check("requests that the receiver saw", f"{found.seen:,}", "", found.seen > 0)
    protocol.none_of("acknowledged and lost", found.lost)
    protocol.none_of("deliveries or attempts without an end", found.stuck)
    protocol.none_of("recorded as answered, not seen by the receiver", found.unseen)
    protocol.none_of("seen by the receiver, not recorded", found.unrecorded)
    protocol.none_of("requests beyond one for each attempt", found.repeated)
    protocol.none_of("anything else that does not fit (order, numbers, failures without a cause)", found.other)
    protocol.check("PRAGMA integrity_check", found.integrity, "ok", found.integrity == "ok")


def _retention(protocol: Protocol) -> None:
    about = "The newest 400 attempts are kept; killed within the deletion, then judged by what is left."
    with protocol.section("Crash: while retention deletes", about), tempfile.TemporaryDirectory() as folder:
        chance, place = Random(3), Path(folder)
        with JournalSink(place / "seen") as sink, Victims() as victims:
            plan = _plan(place, sink, keep_attempts=400)
            for point in RETENTION_POINTS:
                for _ in range(3):
                    victims.start(plan(keep_attempts=None))
                    victims.hears("ready", 20)
                    time.sleep(0.3)
                    victims.kill("random")
                    victims.start(plan(point=point, skip=chance.randrange(5) if "two statements" in point else 0))
                    victims.dies(point)
            victims.settle(plan(settle=True, keep_attempts=None))
            found = judge(place / "store.sqlite", place / "acknowledged", sink.seen(), ordered=True, trimmed=True)
        protocol.check("SIGKILLs", victims.kills.total(), "", True)
        report(protocol, found, interrupted=False)


def _others(protocol: Protocol) -> None:
    about = "Each on a file of its own: killed at the point, started again, settled, judged."
    with protocol.section("Crash: first start, stop, and a webhook that goes", about):
        then = {"stop": "close", "webhook removed": "remove", "webhook suppressed": "suppress", "reset": "reset"}
        for point in OTHER_POINTS:
            for skip in (0, 7) if "migration" in point else (0,):
                after = next((word for start, word in then.items() if point.startswith(start)), "")
                with tempfile.TemporaryDirectory() as folder, JournalSink(Path(folder) / "seen") as sink:
                    place = Path(folder)
                    with Victims() as victims:
                        plan = _plan(place, sink, events=400)
                        victims.start(plan(point=point, skip=skip, then=after))
                        victims.dies(point)
                        if not after:
                            victims.start(plan())
                            victims.hears("ready", 20)
                            time.sleep(0.2)
                            victims.kill("random")
                        victims.settle(plan(settle=True))
                        found = judge(place / "store.sqlite", place / "acknowledged", sink.seen(), ordered=True)
                wrong = "; ".join(found.wrong[:3])
                states = ", ".join(f"{count} {name}" for name, count in sorted(found.deliveries.items()))
                protocol.check(f"{point} ({skip + 1}. pass)" if "migration" in point else point,
                               wrong or f"{found.acknowledged} acknowledged; deliveries: {states}", "nothing wrong",
                               not found.wrong and found.acknowledged > 0)  # fmt: skip
