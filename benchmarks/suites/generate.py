"""Making valid events: the whole of `Factory.event` against Faker, a call for each field."""

from __future__ import annotations

import json
from random import Random

from benchmarks import peers
from benchmarks.cases import TYPE, Bound, Case, Measured, Run, Suite, repeat
from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.clock import SystemClock
from emitter.event import Stamps
from emitter.factory import Factory


def factory() -> Factory:
    """A factory as a simulator has it."""
    return Factory(
        catalog=Catalog.load(None), assumptions=Assumptions(), clock=SystemClock(), stamps=Stamps(Random(1)), seed=1
    )


def ours(run: Run) -> Measured:
    made = factory()
    return repeat(lambda: made.event(TYPE), run.seconds, warm=100)


def ours_extended(run: Run) -> Measured:
    made = factory()
    return repeat(lambda: made.event(TYPE, profile="extended"), run.seconds, warm=100)


def fields_only(run: Run) -> Measured:
    fake, is_valid = peers.faker(), Catalog.load(None).resolve(TYPE).is_valid
    assert all(is_valid(peers.faked(fake)) for _ in range(100))  # it is to make what ours makes: valid every time
    return repeat(lambda: peers.faked(fake), run.seconds, warm=10)


def checked(run: Run) -> Measured:
    fake, (schema, registry) = peers.faker(), peers.documents()
    check = peers.prebuilt(schema, registry)

    def one() -> None:
        body = peers.faked(fake)
        check(body)
        json.dumps(body).encode()

    return repeat(one, run.seconds, warm=10)


OURS, PEER, WHOLE = "Factory.event: made, checked, as bytes", "Faker, a call a field: made only", (
    "Faker, a call a field: made, checked (jsonschema, prebuilt), as bytes"
)  # fmt: skip
SUITE = Suite(
    name="generate",
    title="Making valid events",
    unit="event",
    by="cpu",
    cases=(
        Case(PEER, fields_only),
        Case(WHOLE, checked),
        Case(OURS, ours),
        Case("the same, profile extended", ours_extended, aside=True),
    ),
    bounds=(
        Bound("making, checking and writing an event, against Faker making one", OURS, PEER, by="cpu", least=70),
        Bound("the same work on both sides", OURS, WHOLE, by="cpu", least=70),
    ),
)
