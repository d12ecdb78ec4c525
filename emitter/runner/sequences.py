"""Sequences of event types held against what was expected of them: in order, among others, so many of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from emitter.catalog import Catalog
from emitter.report import Finding
from emitter.report.words import printable
from emitter.scenario.steps import Count, EventsExpected

MOST_SHOWN = 8
_AROUND = 3
_COMPARED = 200  # characters of a name: what was caught may have any length
_LONGEST = 400  # of which all differences are looked for


class Sequences:
    """Judges sequences of types; what it says of one is its short name."""

    def __init__(self, catalog: Catalog) -> None:
        self._aliases = {each.name: each.alias or each.name for each in catalog}

    def short(self, name: str) -> str:
        """What a type is called here; fit to be printed, whatever sent it."""
        return self._aliases.get(name) or printable(name, 200)

    def judge(self, expected: EventsExpected, found: list[str], *, of: str = "") -> Iterator[Finding]:
        """Say of each claim whether it holds for the types that were found; `of` says of what they are."""
        if expected.order is not None:
            yield self._order(expected, found, of)
        if expected.includes:
            yield self._includes(expected, found, of)
        for name, count in expected.counts.items():
            yield counted(
                f"{self.short(name)} events{of}", count, found.count(name), expected.line,
                () if count.holds(found.count(name)) else self._summed(found, name),
            )  # fmt: skip
        if expected.total is not None:
            yield counted(f"events{of}", expected.total, len(found), expected.line, self._summed(found))

    def _order(self, expected: EventsExpected, found: list[str], of: str) -> Finding:
        wanted = list(expected.order or ())
        claim = f"{len(wanted):,} events{of}, in this order: {self._listed(wanted)}"
        if wanted == found:
            return Finding(claim, True, line=expected.line)
        return Finding(claim, False, self._listed(found), tuple(self._difference(wanted, found)), expected.line)

    def _difference(self, wanted: list[str], found: list[str]) -> Iterator[str]:
        """Where two sequences part, as in a diff: what is missing, what is too much."""
        same = next((place for place, pair in enumerate(zip(wanted, found, strict=False)) if pair[0] != pair[1]), None)
        place = min(len(wanted), len(found)) if same is None else same
        expected = self.short(wanted[place]) if place < len(wanted) else "nothing more"
        came = self.short(found[place]) if place < len(found) else "nothing more"
        yield f"event {place + 1}: expected {expected}, came {came}"
        if len(wanted) <= _LONGEST and len(found) <= _LONGEST:
            shown = 0
            for action, a, b, c, d in SequenceMatcher(a=wanted, b=found, autojunk=False).get_opcodes():
                if action == "equal":
                    continue
                for each in wanted[a:b]:
                    yield f"- missing: {self.short(each)} (expected as event {a + 1})"
                for each in found[c:d]:
                    yield f"+ too much: {self.short(each)} (came as event {c + 1})"
                shown += 1
                if shown >= _AROUND:
                    return

    def _includes(self, expected: EventsExpected, found: list[str], of: str) -> Finding:
        claim = f"among the events{of}, in this order: {self._listed(expected.includes)}"
        place = 0
        for number, name in enumerate(expected.includes, start=1):
            try:
                place = found.index(name, place) + 1
            except ValueError:
                why = f"the {_ordinal(number)} of them, {self.short(name)}, is missing"
                if name in found:
                    why += f" there: it came earlier, as event {found.index(name) + 1}"
                return Finding(claim, False, why, self._summed(found, name), expected.line)
        return Finding(claim, True, line=expected.line)

    def _summed(self, found: Sequence[str], wanted: str = "") -> tuple[str, ...]:
        """What came instead, what is nearest to `wanted` first."""
        counts: dict[str, int] = {}
        for name in found:
            counts[name] = counts.get(name, 0) + 1
        names = sorted(counts, key=lambda each: -likeness(each, wanted)) if wanted else list(counts)
        return (f"came: {', '.join(f'{counts[name]:,} {self.short(name)}' for name in names) or 'nothing'}",)

    def _listed(self, types: Sequence[str]) -> str:
        names = [self.short(each) for each in types[:MOST_SHOWN]]
        more = len(types) - len(names)
        return (", ".join(names) + (f" and {more:,} more" if more else "")) or "none"


def likeness(name: str, wanted: str) -> float:
    """How near one type is to another: 1 for the same, 0 for nothing in common."""
    if name == wanted:
        return 1.0
    return SequenceMatcher(a=name[:_COMPARED], b=wanted[:_COMPARED], autojunk=False).ratio()


def likest(names: Sequence[str], wanted: str, most: int) -> list[int]:
    """The places of the names that are nearest to another, the nearest first; of equal ones the first.

    Which they are is told by their letters, and only their order by more: that takes much longer.
    """
    matcher = SequenceMatcher(b=wanted[:_COMPARED], autojunk=False)
    alike: dict[str, float] = {}
    for name in {each[:_COMPARED] for each in names}:
        matcher.set_seq1(name)
        alike[name] = matcher.quick_ratio()
    places = sorted(range(len(names)), key=lambda place: -alike[names[place][:_COMPARED]])[:most]
    exactly = {name: likeness(name, wanted) for name in {names[place] for place in places}}
    return sorted(places, key=lambda place: -exactly[names[place]])


def counted(what: str, count: Count, found: int, line: int, details: Sequence[str] = ()) -> Finding:
    """Say whether there were as many as there should be."""
    right = count.holds(found)
    return Finding(f"{count} {what}", right, f"there were {found:,}", () if right else tuple(details), line)


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
