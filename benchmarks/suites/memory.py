"""Memory over a long run: 200,000 events through the whole path, looked at every thousand."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import linear_regression
from typing import Any

from benchmarks import engine
from benchmarks.cases import Bound, Case, Measured, NotRun, Run, SinkSpec, Suite, cpu


def long_run(run: Run) -> Measured:
    if not Path("/proc/self/statm").exists():
        raise NotRun("resident memory is read from /proc")
    seen: list[tuple[int, float]] = []
    with engine.simulator(run) as simulating:
        hooks = engine.targets(simulating, run, 64)
        before, start = cpu(), time.perf_counter()
        count = engine.produce(
            simulating, hooks, amount=run.amount, every=lambda number: seen.append((number, resident()))
        )
        assert simulating.settle(300)
        took, used = time.perf_counter() - start, cpu() - before
        seen.append((count, resident()))
    rows, ids = engine.recorded(run.folder / "store.sqlite")
    settled = seen[len(seen) // 4 :]  # the first quarter warms up
    slope = linear_regression(*zip(*settled, strict=True)).slope * 100_000
    table: list[list[Any]] = [
        ["events", "MB"],
        *([f"{number:,}", size] for number, size in seen[:: max(len(seen) // 8, 1)]),
    ]
    extra = {"most_mb": max(size for _, size in seen), "slope_mb": slope, "tables": {"resident memory": table}}
    return Measured(count, took, used, sent=count, rows=rows, ids=ids, extra=extra)


def resident() -> float:
    """Megabytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


CASE = "200,000 events"
SUITE = Suite(
    name="memory",
    title="Memory over 200,000 events",
    unit="event",
    cases=(Case(CASE, long_run, SinkSpec(distinct=True), amount=200_000, smoke_amount=4_000, once=True),),
    bounds=(
        Bound("resident memory, the most", CASE, by="most_mb", most=200, unit="MB"),
        Bound(
            "its growth after the first quarter, for 100,000 events", CASE, by="slope_mb", most=2, unit="MB", full=True
        ),
    ),
    plain=True,
)
