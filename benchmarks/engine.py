"""The whole of ours: a simulator that is fed in bulk, and what it has recorded afterwards."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.cases import SECRET, TYPE, Measured, Run, cpu
from emitter.assumptions import Assumptions
from emitter.cli import collect_seldom
from emitter.clock import give_way
from emitter.delivery import Webhook
from emitter.settings import Settings
from emitter.simulator import IN_A_ROW, PORTION, Simulator


def simulator(run: Run, assume: Mapping[str, str] | None = None, *, durable: bool = True) -> Simulator:
    """A simulator with the settings that it ships with, on a file, or in memory if it need not last."""
    collect_seldom()  # as the command line does
    assumptions = Assumptions().override_all(dict(assume or {}))
    store = run.folder / "store.sqlite" if durable else None
    return Simulator(Settings(store=store, seed=1, assumptions=assumptions))


def targets(simulating: Simulator, run: Run, count: int) -> list[Webhook]:
    """Registered webhooks, each with a signing key and a path of its own."""
    return [simulating.add_webhook(f"{run.url}{number:02}", signing_key=SECRET, ca=run.ca) for number in range(count)]


def produce(
    simulating: Simulator, webhooks: Sequence[Webhook], *, seconds: float = 0.0, amount: int = 0, first: int = 0,
    every: Callable[[int], None] | None = None,
) -> int:  # fmt: skip
    """Feed events, each to one of the webhooks in turn, for so long or so many; return how many.

    They are made and kept as by `Simulator.trigger_each`. `every` is told the number after each thousand.
    """
    make, dispatcher = simulating.factory.event, simulating.dispatcher
    size = len(webhooks)
    until = time.perf_counter() + seconds
    number = 0
    while number < amount or (not amount and time.perf_counter() < until):
        portion = min(PORTION, amount - number) if amount else PORTION
        events = []
        for each in range(first + number, first + number + portion):
            if not each % IN_A_ROW:
                give_way()
            events.append((make(TYPE), (webhooks[each % size],)))
        dispatcher.accept_all(events)
        before, number = number, number + portion
        dispatcher.wait_for_room()
        if every is not None and number // 1000 > before // 1000:
            every(number)
    return number


def measured(run: Run, *, webhooks: int = 64, assume: Mapping[str, str] | None = None, warm: int = 500) -> Measured:
    """Run the whole durable path for so long: from the first event to the last commit."""
    with simulator(run, assume) as simulating:
        check_pragmas(simulating)
        hooks = targets(simulating, run, webhooks)
        sent = produce(simulating, hooks, amount=warm)
        assert simulating.settle(60)
        before, start = cpu(), time.perf_counter()
        count = produce(simulating, hooks, seconds=run.seconds, first=sent)
        assert simulating.settle(120), "the deliveries did not settle"
        took, used = time.perf_counter() - start, cpu() - before
    rows, ids = recorded(run.folder / "store.sqlite")
    return Measured(count, took, used, sent=sent + count, rows=rows, ids=ids)


def check_pragmas(simulating: Simulator) -> None:
    """What is claimed to be durable has to be."""
    asked = "PRAGMA synchronous", "PRAGMA journal_mode"
    found = simulating.store.writer.run(lambda connection: [connection.execute(each).fetchone()[0] for each in asked])
    assert found == [2, "wal"], found


def recorded(path: Path) -> tuple[int, int]:
    """How many attempts were accepted, and how many different events are behind them; all must be whole."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        others = connection.execute(
            "SELECT (SELECT count(*) FROM attempts WHERE outcome <> 1) + (SELECT count(*) FROM deliveries "
            "WHERE state <> 1)"
        ).fetchone()[0]
        assert not others, f"{others} attempts or deliveries did not end as accepted"
        rows, deliveries, ids = connection.execute(
            "SELECT count(*), count(DISTINCT delivery), count(DISTINCT event) FROM attempts"
        ).fetchone()
        assert rows == deliveries
        return rows, ids
    finally:
        connection.close()


def thread_times() -> dict[str, float]:
    """Seconds of CPU of each thread so far, by name."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return {}
    return {
        each.name: time.clock_gettime(time.pthread_getcpuclockid(each.ident))
        for each in threading.enumerate()
        if each.ident is not None
    }
