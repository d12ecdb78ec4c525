"""One sample body of each event type: the same bytes every time, whatever the clock and the simulator's seed are."""

from __future__ import annotations

from random import Random

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.clock import VirtualClock, parse_rfc3339
from emitter.errors import InvalidEvent, SchemaError
from emitter.event import Stamps
from emitter.factory.factory import Factory

SEED = 7
START = "2030-01-31T09:00:00Z"


def samples(catalog: Catalog, assumptions: Assumptions, *, all_of_them: bool = True) -> dict[str, bytes]:
    """Make a body of each type, by its full name, from a seed and a time of their own.

    Raises `SchemaError` for a type from which nothing can be made; without `all_of_them` it is left out.
    """
    found: dict[str, bytes] = {}
    for kind in catalog:
        factory = Factory(  # one for each, so that a type more does not change the others
            catalog=catalog, assumptions=assumptions, clock=VirtualClock(parse_rfc3339(START)),
            stamps=Stamps(Random(f"samples {kind.name}")), seed=SEED,
        )  # fmt: skip
        try:
            found[kind.name] = factory.event(kind.name).body
        except (SchemaError, InvalidEvent):
            if all_of_them:
                raise
    return found
