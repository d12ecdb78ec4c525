"""Checking a valid event: `EventType.is_valid` against `jsonschema`, on the same schema files, formats asserted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import peers
from benchmarks.cases import CONTENT, TYPE, Bound, Case, Measured, Run, Suite, repeat
from emitter.catalog import Catalog


def _timed(check: Callable[[dict[str, Any]], object], run: Run) -> Measured:
    return repeat(lambda: check(CONTENT), run.seconds, warm=3)


def ours(run: Run) -> Measured:
    is_valid = Catalog.load(None).resolve(TYPE).is_valid
    assert is_valid(CONTENT) and not is_valid(CONTENT | {"timestamp": "yesterday"})
    return _timed(is_valid, run)


def prebuilt(run: Run) -> Measured:
    return _timed(peers.prebuilt(*peers.documents()), run)


def without_formats(run: Run) -> Measured:
    return _timed(peers.prebuilt(*peers.documents(), formats=False), run)


def per_call(run: Run) -> Measured:
    return _timed(peers.per_call(*peers.documents()), run)


def by_hand(run: Run) -> Measured:
    return _timed(peers.prebuilt(*peers.flat()), run)


def by_hand_per_call(run: Run) -> Measured:
    return _timed(peers.per_call(*peers.flat()), run)


OURS, PEER = "EventType.is_valid", "jsonschema, prebuilt, FormatChecker"
SUITE = Suite(
    name="validate",
    title="Checking an event",
    unit="check",
    by="cpu",
    cases=(
        Case(PEER, prebuilt),
        Case("jsonschema, prebuilt, formats not asserted", without_formats, aside=True),
        Case("jsonschema.validate, a call an event", per_call),
        Case("jsonschema, prebuilt, FormatChecker, a flat schema by hand", by_hand, aside=True),
        Case("jsonschema.validate, a call an event, a flat schema by hand", by_hand_per_call, aside=True),
        Case(OURS, ours),
    ),
    bounds=(Bound("checking, against prebuilt jsonschema on the same files", OURS, PEER, by="cpu", least=75),),
    remarks=(
        "The flat schema holds the same rules for the three members of this one event and nothing else: no reference "
        "to follow, no other member described.",
    ),
)
