"""One receiver: in order, and with 64 in flight while it takes 50 ms for each."""

from __future__ import annotations

from benchmarks import engine
from benchmarks.cases import Bound, Case, Measured, Run, SinkSpec, Suite


def ordered(run: Run) -> Measured:
    return engine.measured(run, webhooks=1, warm=50)


def wide(run: Run) -> Measured:
    return engine.measured(run, webhooks=1, assume={"delivery.in_flight": "64"}, warm=64)


ORDERED, WIDE = "one ordered webhook", "64 in flight, 50 ms an answer"
SUITE = Suite(
    name="lane",
    title="One receiver",
    unit="delivery",
    cases=(
        Case(ORDERED, ordered, SinkSpec(distinct=True, check_every=61)),
        Case(WIDE, wide, SinkSpec(distinct=True, check_every=61, delay=0.05), seconds=2),
    ),
    bounds=(
        Bound("one ordered webhook", ORDERED, least=800, unit="deliveries/s"),
        Bound("64 in flight to a receiver that takes 50 ms", WIDE, least=1000, unit="deliveries/s"),
    ),
)
