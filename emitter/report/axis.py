"""The axis of a timeline: which round moments are named, and how.

Time is stretched where much happens, so no one step would do: days are named where they are wide enough, and the hours
and minutes between them where those are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emitter.clock import SECOND, rfc3339
from emitter.report.lanes import Scale

_DAY = 86_400
_STEPS = (_DAY * 36_525, _DAY * 3653, _DAY * 365, _DAY * 91, _DAY * 28, _DAY * 7, _DAY * 2, _DAY, 43_200, 21_600,
          10_800, 3600, 1800, 900, 300, 60, 30, 10, 5, 1)  # fmt: skip
_MOST = 2000  # moments of one step that are looked at
_ROOM = 10.5  # per cent that a label takes
_EDGE = 5.0


@dataclass(frozen=True, slots=True)
class Label:
    """One round moment: when, where, how it is written."""

    at: int
    x: float
    text: str


def labels(scale: Scale) -> list[Label]:
    """Name round moments, the roundest first, as long as there is room; nothing where no time passes."""
    if scale.last - scale.first < 2 * SECOND:
        return []
    places: dict[int, float] = {}
    for step in _STEPS:
        for at in _multiples(scale, step):
            x = scale.of_time(at)
            if _EDGE < x < 100 - _EDGE and all(abs(x - other) >= _ROOM for other in places.values()):
                places[at] = x
    return list(_written(places))


def _multiples(scale: Scale, step: int) -> range:
    """The moments of the run that are so round; none where they are too many, or too few to be told from one."""
    whole = step * SECOND
    found = range(-(-scale.first // whole) * whole, scale.last + 1, whole)
    return found if len(found) <= _MOST else range(0)


def _written(places: dict[int, float]) -> Iterator[Label]:
    """Each moment with as much of its date as the one before does not say."""
    before = ""
    for at in sorted(places):
        text = rfc3339(at, 0)
        date, time = text[:10], text[11:19].removesuffix(":00")
        day = date[5:] if date[:4] == before[:4] else date
        if date != before:
            time = "" if time == "00:00" else f" {time}"
            yield Label(at, places[at], day + time)
        else:
            yield Label(at, places[at], time)
        before = date
