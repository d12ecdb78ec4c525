"""One story in many orders of arrival: which there are, how one is told to relays, and the smallest that differs.

Legal is what may happen to deliveries on their way: each comes at least once, none before what it tells of, some twice,
some late. Every telling is about a product and a request of its own, so that no relay knows what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from emitter.audit.invariance import shrinking
from emitter.testing import Entity, RequestApp
from emitter.typed import duration_text

LATE = timedelta(hours=1)  # between what is out of its order and what comes before it
MOST_TRIES = 100


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the story: when it is, what is done in the app (nothing where time itself does it), the letter."""

    letter: str
    at: timedelta
    action: str = ""


STORY = (
    Moment("P", timedelta(0), "publish"),
    Moment("C", timedelta(0), "request"),
    Moment("D", timedelta(hours=1), "approve"),
    Moment("7", timedelta(days=23, hours=1)),
    Moment("1", timedelta(days=29, hours=1)),
    Moment("E", timedelta(days=30, hours=1)),
)
LEGEND = "P published   C created   D determined   7, 1 days left   E expired"
GRANTED = "30d"
REQUESTED = 1  # the place in the story of the event that opens an alert


def orders(chance: Random, count: int) -> list[tuple[int, ...]]:
    """Orders of arrival as places in the story: each twice, then from its end, then by chance."""
    places = range(len(STORY))
    found = [tuple(place for place in places for _ in range(2)), tuple(reversed(places))]
    while len(found) < count:
        arrivals = []
        for place in places:
            at = place + (chance.uniform(0, len(STORY)) if chance.random() < 0.6 else 0.0)
            arrivals.append((at, place))
            if chance.random() < 0.3:
                arrivals.append((at + chance.uniform(0, 3), place))
        found.append(tuple(place for _, place in sorted(arrivals)))
    return found[:count]


def letters(order: Sequence[int]) -> str:
    """An order, written."""
    return " ".join(STORY[place].letter for place in order)


def faults_of(order: Sequence[int]) -> tuple[tuple[tuple[str, ...], ...], timedelta]:
    """The faults that make each event of the story arrive in that order, and when the last one has.

    What the order leaves out is dropped. No event comes more than twice.
    """
    arrivals: dict[int, list[timedelta]] = {}
    before, last, late = timedelta(-1), -1, False
    for place in order:
        due = STORY[place].at
        in_time = due > before or (due == before and place > last and not late)
        before, last, late = (due, place, False) if in_time else (before + LATE, place, True)
        arrivals.setdefault(place, []).append(before)
    return tuple(_faults(place, arrivals.get(place, [])) for place in range(len(STORY))), before


def _faults(place: int, arrivals: Sequence[timedelta]) -> tuple[str, ...]:
    if not arrivals:
        return ("drop",)
    first, *again = arrivals
    found = [f"delay:by={duration_text(first - STORY[place].at)}"] if first > STORY[place].at else []
    return (*found, *(f"duplicate:after={duration_text(each - first)}" for each in again))


@dataclass(frozen=True, slots=True)
class Told:
    """A telling that is over: what it was about."""

    product: Entity
    request: Entity


def tell(app: RequestApp, order: Sequence[int], settle: Callable[[], object]) -> Told:
    """Let the story happen in the app, at noon of the next day, its deliveries arriving in that order."""
    faults, last = faults_of(order)
    tomorrow = (app.now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    app.advance(to=tomorrow)
    made: dict[str, Entity] = {}
    for moment, struck in zip(STORY, faults, strict=True):
        if tomorrow + moment.at > app.now:  # what time does, is struck as it passes
            app.advance(to=tomorrow + moment.at, faults=() if moment.action else struck)
        if moment.action == "publish":
            made["product"] = app.act("publish", faults=struck)
        elif moment.action == "request":
            made["request"] = app.act("request", product=made["product"], faults=struck)
        elif moment.action == "approve":
            app.act("approve", request=made["request"], duration=GRANTED, faults=struck)
        settle()
    app.advance(to=max(tomorrow + last, app.now) + LATE)
    settle()
    return Told(**made)


def smallest(order: Sequence[int], fails: Callable[[Sequence[int]], bool]) -> tuple[list[int], int]:
    """The smallest part of an order that still fails, where the same deliveries in their own order do not; and in how
    many tellings it was found."""
    known: dict[tuple[int, ...], bool] = {}

    def wrong(sequence: Sequence[int]) -> bool:
        key = tuple(sequence)
        if key not in known:
            known[key] = fails(key)
        return known[key]

    def differs(sequence: Sequence[int]) -> bool:
        return wrong(sequence) and not wrong(sorted(set(sequence)))

    best = list(order)
    for found in shrinking(order, differs, lambda: len(known) < MOST_TRIES):
        best = found
    return best, len(known)
