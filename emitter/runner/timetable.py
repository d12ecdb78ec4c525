"""Rows of steps that go on side by side in simulated time: one agenda, one thread, the same order every time.

A row is a generator that says what it waits for: a moment (`Until`), or rows of its own (`Rows`). What is due at one
moment goes on in the order in which it came to wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from itertools import count

from emitter.faults import FaultSpec

Faults = tuple[FaultSpec, ...]


@dataclass(frozen=True, slots=True)
class Until:
    """Go on at this moment. `faults` is what befalls that which time causes meanwhile."""

    moment: int
    faults: Faults = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """Go on when these rows have ended, each of which begins at its moment; `faults` as above, until it begins."""

    rows: Iterable[tuple[int, Row]]
    faults: Faults = ()


Row = Generator[Until | Rows, None, None]


@dataclass(slots=True)
class _Going:
    row: Row
    parent: _Going | None = None
    faults: Faults = ()
    children: int = 0
    rest: list[tuple[int, Row]] = field(default_factory=list)


class Timetable:
    """Plays rows. `now` says what time it is, `pass_to` lets it become later, under the faults of all who wait."""

    def __init__(self, *, now: Callable[[], int], pass_to: Callable[[int, Faults], None]) -> None:
        self._now, self._pass_to = now, pass_to
        self._agenda: list[tuple[int, int, _Going]] = []
        self._numbers = count()
        self._faulty = 0  # rows on the agenda that have faults: most scenarios have none, and none are looked for

    def play(self, row: Row) -> None:
        """Play a row to its end, and with it all that it has begun; what a step raises ends everything."""
        self._go_on(_Going(row))
        while self._agenda:
            moment = self._agenda[0][0]
            if moment > self._now():
                self._pass_to(moment, self._faults())
            going = heapq.heappop(self._agenda)[2]
            self._faulty -= bool(going.faults)
            self._go_on(going)

    def _faults(self) -> Faults:
        if not self._faulty:
            return ()
        found: dict[FaultSpec, None] = {}
        for _, _, going in sorted(self._agenda, key=lambda each: each[:2]):
            found |= dict.fromkeys(going.faults)
        return tuple(found)

    def _go_on(self, going: _Going) -> None:
        try:
            wish = next(going.row)
        except StopIteration:
            if going.parent is not None:
                self._ended(going.parent)
            return
        if isinstance(wish, Until):
            going.faults = wish.faults
            self._wait(wish.moment, going)
            return
        children = list(wish.rows)
        going.children = len(children)
        for moment, row in children:
            self._wait(moment, _Going(row, going, wish.faults))
        if not children:
            self._wait(self._now(), going)

    def _ended(self, parent: _Going) -> None:
        parent.children -= 1
        if not parent.children:
            parent.faults = ()
            self._wait(self._now(), parent)

    def _wait(self, moment: int, going: _Going) -> None:
        self._faulty += bool(going.faults)
        heapq.heappush(self._agenda, (moment, next(self._numbers), going))
