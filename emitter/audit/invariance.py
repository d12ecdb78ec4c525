"""Whether order and duplicates change what comes out: one story told in many orders, and a difference made small."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from emitter.audit import sources
from emitter.audit.bench import Bench, Stopped, Unreadable
from emitter.audit.probe import apart
from emitter.audit.ruling import failed, passed, unjudged
from emitter.audit.story import MOST, moments
from emitter.audit.telling import Moment, Teller, refused_in
from emitter.audit.values import Audit, Check, Difference, Kind, Result, Ruling, Step, in_order
from emitter.report.words import counted

_MOST_TRIES = 400  # tellings that making a difference small may take

CHECK = Check(
    "interleavings", "behaviour",
    "A product's whole life, told in many orders, with duplicates and late retries, each time about a new product.",
    "The same end, whatever the order.",
    "Order is not documented, retries come late, and what your system holds at the end should be what is so.",
    f"{sources.ORDER}; {sources.TWICE}",
    "Know an event by its type, timestamp and product; of two about one thing let the newer timestamp count, not the "
    "later arrival; and read back what is so from the API.",
    Kind.WRONG, lambda bench: unjudged("It is asked for with --interleavings N."), 0,
    ("reorder", "duplicate", "late-retry"),
)  # fmt: skip


def most(interleavings: int) -> int:
    """How many deliveries that is at most, as it is said beforehand; making a difference small comes on top."""
    return (interleavings + 3) * MOST


def told_in(
    interleavings: int, *, watch: Callable[[int, int], None] = lambda number, of: None
) -> Callable[[Bench, Audit], Audit]:
    """The part of an audit that tells the story in so many orders."""

    def part(bench: Bench, found: Audit) -> Audit:
        ruling, difference, number = _compare(bench, interleavings, watch)
        result = Result(CHECK, ruling.status, ruling.kind or CHECK.kind, ruling.found, shots=ruling.shots)
        return replace(found, results=in_order([*found.results, result]), difference=difference, interleavings=number)

    return part


def _compare(
    bench: Bench, interleavings: int, watch: Callable[[int, int], None]
) -> tuple[Ruling, Difference | None, int]:
    if not bench.target.probe:
        return unjudged("It needs a --probe: the orders are compared by what your system shows."), None, 0
    teller = Teller(bench, moments(bench), "story")
    number = 0
    try:
        if why := teller.prepare():
            return unjudged(why), None, 0
        whole = teller.own(range(len(teller.story)))
        if refused := refused_in(whole):
            return unjudged(f"The story was not accepted in its own order: {'; '.join(refused)}."), None, 0
        for number in range(1, interleavings + 1):
            watch(number, interleavings)
            order = interleaving(bench.chance, len(teller.story), number)
            if (shown := teller.tell(order)) != whole:
                return *_small(teller, order, shown, number, interleavings), number
    except Unreadable as error:
        return unjudged(str(error)), None, number
    except Stopped as error:
        return (
            unjudged(f"{error} {number - 1} of {interleavings} orders came to the same before that."),
            None,
            number - 1,
        )
    return passed(f"{counted(interleavings, 'order')} came to the same end"), None, interleavings


def interleaving(chance: Random, events: int, number: int) -> list[int]:
    """An order in which deliveries may come: nothing before it happened, everything at least once.

    The first is the story with each event sent twice, the second the story from its end, as after a pause; the others
    delay some, double some, and repeat some late.
    """
    if number == 1:
        return [place for place in range(events) for _ in range(2)]
    if number == 2:
        return list(reversed(range(events)))
    arrivals = []
    for place in range(events):
        at = place + (chance.uniform(0, events) if chance.random() < 0.5 else 0.0)
        arrivals.append((at, place))
        if chance.random() < 0.3:
            arrivals.append((at + chance.uniform(0, 0.5), place))
        if chance.random() < 0.2:
            arrivals.append((at + chance.uniform(1, events), place))
    return [place for _, place in sorted(arrivals)]


def _small(teller: Teller, order: Sequence[int], shown: Any, number: int, of: int) -> tuple[Ruling, Difference | None]:
    """Make a sequence that comes to something else, and to what is shown, as small as it gets."""
    began, stopped = teller.told, ""

    def differs(sequence: Sequence[int]) -> bool:
        nonlocal shown
        found, expected = teller.tell(sequence), teller.own(sequence)
        if found == expected:
            return False
        shown = found
        return True

    best = list(order)
    try:
        if not differs(best):  # not every time: it depends on something else than the order
            return failed(
                f"Order {number} of {of} came to something else once, and to the same when it was told again."
            ), None
        for smaller in shrinking(best, differs, lambda: teller.told - began < _MOST_TRIES):
            best = smaller
    except (Stopped, Unreadable) as error:  # what was found stands
        stopped = f" {error} It may not be the smallest."
    expected, steps = teller.own(best), steps_of(teller.story, best)  # it was told before
    difference = Difference(tuple(steps), expected, shown, teller.told - began)
    where = "; ".join(list(apart(expected, shown))[:3])
    words = ", then ".join(each.what for each in steps)
    return failed(
        f"Order {number} of {of} comes to something else. {counted(len(best), 'delivery')} of it "
        f"{'show' if len(best) != 1 else 'shows'} it: {words}. {where}.{stopped}"
    ), difference


def shrinking(
    sequence: Sequence[int], differs: Callable[[Sequence[int]], bool], goes_on: Callable[[], bool]
) -> Iterator[list[int]]:
    """Delta debugging (Zeller and Hildebrandt, 2002): each smaller sequence that differs still, to one of which nothing
    can be left out."""
    best, parts = list(sequence), 2
    while len(best) > 1 and goes_on():
        size = max(len(best) // parts, 1)
        pieces = [best[at : at + size] for at in range(0, len(best), size)]
        rests = [[each for number, piece in enumerate(pieces) if number != left for each in piece]
                 for left in range(len(pieces))]  # fmt: skip
        tried = [each for each in (*(pieces if parts > 2 or size > 1 else ()), *rests) if 0 < len(each) < len(best)]
        smaller = next((each for each in tried if goes_on() and differs(each)), None)
        if smaller is not None:
            parts = 2 if len(smaller) <= size else max(parts - 1, 2)
            best = smaller
            yield list(best)
        elif size == 1:
            return
        else:
            parts = min(parts * 2, len(best))


def steps_of(story: Sequence[Moment], sequence: Sequence[int]) -> list[Step]:
    """The deliveries of a sequence, as a report shows them."""
    met: set[int] = set()
    steps = []
    for place in sequence:
        short = story[place].type.removeprefix("marketplace.data_product.")
        same = [at for at, each in enumerate(story) if each.type == story[place].type]
        which = f" (number {same.index(place) + 1})" if len(same) > 1 else ""
        again = " again" if place in met else ""
        steps.append(
            Step(f"{short}{which}{again}", story[place].type, f"{story[place].ago / 1e9:.0f} s before the end")
        )
        met.add(place)
    return steps
