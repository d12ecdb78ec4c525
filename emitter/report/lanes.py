"""Where everything stands on a timeline: which lane an event is in, and how far along its moment is.

Time runs from left to right. Where much happens it is stretched, so that a month with three busy minutes shows them;
a long silence stays longer than a short one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from emitter.clock import SECOND
from emitter.report.values import Mark, Report

MOST = 48  # lanes
_EACH = 4  # lanes for the requests of one product, where there are too many for all
_LEFT, _RIGHT = 1.5, 98.5  # per cent: where the first and the last moment stand
_APART = 1.4  # per cent that two moments stand apart at least, where there is room
_STRETCH = 0.75  # of the whole width, at most, that goes to keeping moments apart


@dataclass(slots=True)
class Lane:
    """One row of the timeline: a product, one of its requests, or what is left of either."""

    name: str
    kind: str  # product, request, more
    marks: list[tuple[int, Mark]] = field(default_factory=list)  # with their number in the report


def lanes_of(report: Report, most: int = MOST) -> list[Lane]:
    """Lay the events of a run into lanes, in the order in which products and requests first come up.

    Where there would be more than `most`, the later requests of each product share a lane, then the later products.
    """
    products: dict[str, dict[str, list[tuple[int, Mark]]]] = {}
    for number, mark in enumerate(report.marks):
        products.setdefault(mark.product, {"": []}).setdefault(mark.request, []).append((number, mark))
    total = sum(map(len, products.values()))
    found: list[Lane] = []
    for place, (product, requests) in enumerate(products.items()):
        of_product = _of_product(product, requests, _EACH if total > most else len(requests))
        if len(found) + len(of_product) > most - (place < len(products) - 1):
            found.append(_rest(list(products.values())[place:]))
            break
        found += of_product
    return found


def _of_product(product: str, requests: dict[str, list[tuple[int, Mark]]], most: int) -> list[Lane]:
    lanes = [Lane(product or "no product", "product", requests[""])]
    named = [(name, marks) for name, marks in requests.items() if name]
    shown = named if len(named) <= most else named[: most - 1]
    lanes += [Lane(name, "request", marks) for name, marks in shown]
    if len(shown) < len(named):
        left = [each for _, marks in named[len(shown) :] for each in marks]
        lanes.append(Lane(f"and {len(named) - len(shown):,} more requests", "more", sorted(left)))
    return lanes


def _rest(products: Sequence[dict[str, list[tuple[int, Mark]]]]) -> Lane:
    left = sorted(each for requests in products for marks in requests.values() for each in marks)
    return Lane(f"and {len(products):,} more product{'s' if len(products) > 1 else ''}", "more", left)


class Scale:
    """Maps the moments of a run to per cent of the width."""

    def __init__(self, report: Report, lanes: Iterable[Lane]) -> None:
        marks = sorted((mark.at, number, lane) for lane, each in enumerate(lanes) for number, mark in each.marks)
        last = max([report.end, *(tick.at for mark in report.marks for tick in mark.ticks)])
        first = min([report.start, *(at for at, _, _ in marks)])
        last = max([first, last, *(at for at, _, _ in marks)])
        self.first, self.last = first, last
        self.near = max((last - first) // 1000, SECOND // 1000)  # moments that are nearer count as one
        self._columns: dict[int, int] = {}
        times: list[int] = []
        taken: set[int] = set()
        for at, number, lane in marks:
            if not times or at - times[-1] > self.near or lane in taken:
                times.append(at)
                taken = set()
            taken.add(lane)
            self._columns[number] = len(times) - 1
        self._times = times
        self._places = self._spread(times)

    @property
    def stretched(self) -> bool:
        """Whether any time passed that could be stretched."""
        return self.last - self.first > self.near

    def of_mark(self, number: int) -> float:
        """Where the event of this number stands."""
        return self._places[self._columns[number]]

    def of_time(self, at: int) -> float:
        """Where a moment stands."""
        before = bisect_right(self._times, at) - 1
        low, x = (self._times[before], self._places[before]) if before >= 0 else (self.first, _LEFT)
        high, y = (
            (self._times[before + 1], self._places[before + 1])
            if before + 1 < len(self._times) else (self.last, _RIGHT)
        )  # fmt: skip
        if high <= low:
            return x
        return x + (y - x) * min(max((at - low) / (high - low), 0.0), 1.0)

    def _spread(self, times: Sequence[int]) -> list[float]:
        """Give each moment its place: part of the width goes to keeping all apart, the rest to time as it passed."""
        if not times:
            return []
        width, whole = _RIGHT - _LEFT, self.last - self.first
        share = min(_STRETCH, _APART * len(times) / width) if self.stretched else 1.0
        step = share * width / max(len(times) - (1 if not self.stretched else 0), 1)
        if not self.stretched:
            step = min(step, 8.0)
        return [
            _LEFT + step * place + (1 - share) * width * ((at - self.first) / whole if self.stretched else 0)
            for place, at in enumerate(times)
        ]
