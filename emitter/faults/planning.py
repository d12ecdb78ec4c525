"""Faults that decide which deliveries there are and when they leave, before anything is signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from emitter.faults.fault import Fault, Planned, Planning
from emitter.faults.parameters import parameter


def _nanoseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Fault):
    """It is never sent; the history says that it was dropped."""

    kind = "planning"

    def plan(self, hit: Sequence[Planned], planning: Planning) -> None:
        for each in hit:
            each.dropped = True
            each.names.append("drop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Fault):
    """It is sent later; others may overtake it."""

    kind = "planning"
    by: timedelta = parameter("duration", "5m", "how much later, on the simulator's clock")

    def plan(self, hit: Sequence[Planned], planning: Planning) -> None:
        for each in hit:
            each.due += _nanoseconds(self.by)
            each.aside = True
            each.names.append("delay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(Fault):
    """It is sent more than once, each time as a delivery of its own."""

    kind = "planning"
    times: int = parameter("count", 1, "how many more")
    after: timedelta = parameter("duration", "0s", "how long after the one before it; 0s: right behind it")

    def plan(self, hit: Sequence[Planned], planning: Planning) -> None:
        for each in hit:
            for number in range(1, self.times + 1):
                each.follow("duplicate", due=each.due + number * _nanoseconds(self.after))


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins(Fault):
    """It is sent twice at the same moment, in parallel."""

    kind = "planning"

    def plan(self, hit: Sequence[Planned], planning: Planning) -> None:
        for each in hit:
            each.follow("twins", due=each.due).twin = each
            each.names.append("twins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder(Fault):
    """What is planned together leaves in reverse; one alone is held back, so that later ones overtake it."""

    kind = "planning"
    within: timedelta = parameter("duration", "1m", "for how long one alone is held back")

    def plan(self, hit: Sequence[Planned], planning: Planning) -> None:
        if len(hit) == 1:
            hit[0].due += _nanoseconds(self.within)
        slots = [(each.slot or each, each.due) for each in hit]
        for each, (slot, due) in zip(hit, reversed(slots), strict=True):
            each.slot, each.due = slot, due
            each.aside = True
            each.names.append("reorder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay(Fault):
    """An older delivery of the webhook is sent again after it, byte for byte; nothing where there is none."""

    kind = "planning"

    def plan(self, hit: Sequence[Planned], planning: Planning) -> None:
        for each in hit:
            if older := planning.older(each):
                each.follow("replay", due=each.due).older = planning.chance(each).choice(older)
