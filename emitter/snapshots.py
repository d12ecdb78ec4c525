"""What a snapshot says of itself, and where chance was when it was taken, so that what follows then follows again."""

from __future__ import annotations

from typing import Any

import orjson

from emitter import clock
from emitter.event import Stamps
from emitter.factory import Factory
from emitter.history import Json
from emitter.store.snapshots import Copy

_CHANCE = "chance"


def about(*, counts: Json, now: int, virtual: bool) -> str:
    """What is written on a snapshot: when it was taken, on both clocks, and how much is in it."""
    taken = clock.rfc3339(clock.wall(), 3)
    return orjson.dumps({"takenAt": taken, "virtual": virtual, "now": clock.rfc3339(now), **counts}).decode()


def told(copy: Copy) -> Json:
    """A snapshot as every door shows it."""
    found = orjson.loads(copy.about)
    return {
        "name": copy.name,
        "takenAt": found.get("takenAt"),
        "clock": "virtual" if found.get("virtual") else "system",
        "now": found.get("now"),
        **{name: found.get(name, 0) for name in ("events", "deliveries", "attempts", "webhooks")},
        "size": copy.size,
    }


def facts(*, now: int, virtual: bool, factory: Factory, stamps: Stamps, faulted: dict[str, int]) -> dict[str, str]:
    """What memory knows beside the store: the virtual clock, and where each row of chance is."""
    last, drawn = stamps.position()
    chance = {"seed": factory.seed, "events": factory.position(), "stamps": [last, drawn], "faulted": faulted}
    found = {_CHANCE: orjson.dumps(chance).decode()}
    return {**found, "virtual-now": str(now)} if virtual else found


def go_back(kept: str | None, *, factory: Factory, stamps: Stamps, latest: int) -> dict[str, int]:
    """Put every row of chance back to where it was; returns how many events with faults there were, by run.

    A simulator of another seed has rows of its own: it goes on with them, behind the `latest` stamp of the store.
    """
    chance = orjson.loads(kept) if kept else {}
    if chance.get("seed") != factory.seed:
        stamps.go_to(latest)
        return {}
    factory.go_to(_state(chance["events"]))
    last, drawn = chance["stamps"]
    stamps.go_to(last, _state(drawn))
    return dict(chance["faulted"])


def _state(written: list[Any]) -> tuple[Any, ...]:
    """The state of a `Random`, from JSON."""
    version, numbers, gauss = written
    return version, tuple(numbers), gauss
