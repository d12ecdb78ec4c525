"""How the lines of the demonstration are laid out: columns, wrapping, shades, and how long each may be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from emitter.demo.values import Claim, Code, Command, Heading, Line, Named, Outcome, Said

TITLE = "emitter demo"
MARGIN, LABELS = 3, 14  # before everything but headings; the column that says who
NARROWEST, WIDEST = 64, 110
GREEN, RED, YELLOW, DIM, BOLD, CYAN = "32", "31", "33", "2", "1", "36"
MOMENT, CHAPTER = 0.5, 2.5  # seconds for a line, and before a chapter
_CODE = 0.12
_ORDER = 26  # the column of an order of arrival

Spans = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Laid:
    """A line as it is printed: texts with their shades. `pause` is how many seconds to wait before it."""

    spans: Spans = ()
    pause: float = 0.0

    @property
    def text(self) -> str:
        """What stands there, without shades."""
        return "".join(text for text, _ in self.spans).rstrip()


class Layout:
    """Lays out lines for a terminal of some width; `marks` are what stands before what holds, and what does not."""

    def __init__(self, width: int, marks: tuple[str, str] = ("✓", "✗"), rule: str = "─") -> None:
        self._width = max(NARROWEST, min(width - 1, WIDEST))
        self._marks, self._rule = marks, rule
        self._before: type[Line] | None = None

    def title(self) -> Iterator[Laid]:
        """What stands above everything, before anything was done."""
        yield Laid()
        yield Laid(((f" {TITLE} ", BOLD), ("· two relays on the webhooks of the Immuta Request app", "")))
        yield Laid(((" " + self._rule * (self._width - 1), DIM),))
        yield from self._wrapped("All of it runs on this machine, over real HTTP; nothing leaves it.")
        yield from self._wrapped(
            f"{self._marks[0]} means looked up: in the history, at Teams, at PagerDuty, in the app."
        )
        yield Laid()

    def lay(self, line: Line) -> Iterator[Laid]:
        """Lay out one line of the story, which may take several of the terminal."""
        before, self._before = self._before, type(line)
        match line:
            case Heading():
                gap = self._width - 3 - len(str(line.number)) - len(line.title) - len(line.when)
                yield Laid()
                title = (f" {line.number}  {line.title}", BOLD)
                yield Laid((title, (" " * max(gap, 2) + line.when, DIM)), CHAPTER)
            case Said():
                yield from self._wrapped(line.text, DIM if line.aside else "", MOMENT)
            case Named():
                yield from self._labelled((" " * MARGIN, ""), line.who, line.text)
            case Claim():
                yield from self._claim(line)
            case Outcome():
                if before is not Outcome:
                    yield Laid(((" " * MARGIN + f"    {'arrives':{_ORDER}}{'good relay':13}naive relay", DIM),))
                yield from self._outcome(line)
            case Code():
                yield Laid()
                for each in line.text.splitlines():
                    yield Laid(((" " * MARGIN + each, YELLOW if "faults=" in each else CYAN),), _CODE)
                yield Laid()
            case Command():
                if before is not Command:
                    yield Laid()
                    yield Laid(((" Your turn", BOLD),), MOMENT)
                yield from self._command(line)

    def end(self, claims: int, broken: int) -> Iterator[Laid]:
        """How it ended."""
        yield Laid()
        if broken:
            yield Laid(((f" {self._marks[1]} {broken} of {claims} claims do not hold: the story ends here.", RED),))
        else:
            yield Laid(((f" {self._marks[0]} {claims} claims, each looked up before it was printed.", GREEN),), MOMENT)

    def _claim(self, claim: Claim) -> Iterator[Laid]:
        mark = (self._marks[0], GREEN) if claim.holds else (self._marks[1], RED)
        yield from self._labelled(mark, claim.who, claim.text, "" if claim.holds else RED, MOMENT)
        if not claim.holds:
            yield from self._labelled(("", ""), "", f"found: {claim.found}", RED)

    def _outcome(self, line: Outcome) -> Iterator[Laid]:
        good = (self._marks[0], GREEN) if line.good.holds else (self._marks[1], RED)
        naive = (f"{self._marks[1]} alert left open", RED) if line.left_open else (self._marks[0], GREEN)
        start = " " * MARGIN + f"{line.number:2}  {line.arrivals:{_ORDER}}"
        yield Laid(((start, ""), (f"{good[0]:13}", good[1]), naive), MOMENT / 2)
        if not line.good.holds:
            yield from self._labelled(("", ""), "", f"found: {line.good.found}", RED)

    def _command(self, line: Command) -> Iterator[Laid]:
        yield Laid(((" " * MARGIN, ""), (line.text, CYAN)), MOMENT)
        for each in wrap(line.why, self._width - MARGIN - 4):
            yield Laid(((" " * (MARGIN + 4) + each, DIM),))

    def _wrapped(self, text: str, shade: str = "", pause: float = 0.0) -> Iterator[Laid]:
        for number, each in enumerate(wrap(text, self._width - MARGIN, break_on_hyphens=False)):
            yield Laid(((" " * MARGIN + each, shade),), 0.0 if number else pause)

    def _labelled(
        self, mark: tuple[str, str], who: str, text: str, shade: str = "", pause: float = 0.0
    ) -> Iterator[Laid]:
        """A mark, who it is about, and a text in the column behind, also where it takes several lines."""
        indent = MARGIN + 3 + LABELS
        sign = mark[0].strip()
        start = " " * MARGIN + sign + " " * (3 - len(sign))
        label = who if len(who) < LABELS else f"{who} "
        room = self._width - indent
        first = wrap(text, room - max(len(label) - LABELS, 0), break_on_hyphens=False) or [""]
        rest = wrap(text[len(first[0]) :].strip(), room, break_on_hyphens=False)
        spans = ((start[:MARGIN], ""), (start[MARGIN:], mark[1]), (f"{label:{LABELS}}", DIM), (first[0], shade))
        yield Laid(spans, pause)
        for each in rest:
            yield Laid(((" " * indent + each, shade),))
