"""Telling a story to the receiver in some order, and what the probe shows of that telling.

Every telling has ids and times of its own, so that a receiver that knows what it has seen is not blind to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from emitter import clock
from emitter.audit.bench import Bench, Product
from emitter.audit.probe import Path, apart, noise, settled, shows, view
from emitter.audit.values import Difference
from emitter.report.words import printable

REFUSED = "(not accepted)"
_JITTER = 10 * 60 * clock.SECOND


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a story: its type, and how long before the story's end it happened (nanoseconds)."""

    type: str
    ago: int


@dataclass(slots=True)
class Teller:
    """Tells one story. The first two tellings, in the story's own order, show what is noise."""

    bench: Bench
    story: Sequence[Moment]
    about: str
    told: int = 0
    noisy: frozenset[Path] | None = None
    _own: dict[tuple[int, ...], Any] = field(default_factory=dict)
    _made: dict[str, tuple[bytes, Product]] = field(default_factory=dict)  # by type: a body to make others of
    _last: tuple[int, Any] = (-1, None)  # how much had been sent when the probe was last asked, and what it showed

    def prepare(self) -> str:
        """Tell the whole story twice in its own order; say why nothing can be judged by effect, "" if it can."""
        if self.noisy is None:
            whole = tuple(range(len(self.story)))
            first, second = self._tell(whole), self._tell(whole)
            self.noisy = noise(first, second)
            self._own[whole] = settled(second, self.noisy)
        return "" if shows(self._own[tuple(range(len(self.story)))]) else "The probe shows nothing of what was sent."

    def own(self, places: Sequence[int]) -> Any:
        """What is shown after these events of the story, each once and in its own order."""
        chosen = tuple(sorted(set(places)))
        if chosen not in self._own:
            self._own[chosen] = settled(self._tell(chosen), self.noisy or frozenset())
        return self._own[chosen]

    def tell(self, sequence: Sequence[int], *, together: bool = False) -> Any:
        """What is shown after these deliveries, in this order or all at the same time."""
        return settled(self._tell(sequence, together=together), self.noisy or frozenset())

    def _tell(self, sequence: Sequence[int], *, together: bool = False) -> Any:
        self.told += 1
        product = self.bench.product(self.about)
        end = clock.wall() - self.bench.chance.randrange(_JITTER)
        names = {product.id: "{product}", product.name: "{name}"}
        bodies = {}
        for place in sorted(set(sequence)):
            bodies[place], stamp = self.body(place, product, end)
            names |= _spellings(stamp, f"{{time {place + 1}}}")
        sent, before = self._last
        if sent != self.bench.sent:
            before = self.bench.state()
        those = [(self.story[place].type, bodies[place]) for place in sequence]
        if together:
            shots = self.bench.together([(what, body, ()) for what, body in those])
        else:
            shots = self.bench.in_order(those)
        after = self.bench.state()
        self._last = self.bench.sent, after
        found = view(before, after, names)
        refused = sorted({f"{each.what}: {each.outcome}" for each in shots if not each.accepted})
        if not refused:
            return found
        return {**found, REFUSED: refused} if isinstance(found, dict) else {"": found, REFUSED: refused}

    def body(self, place: int, product: Product, end: int) -> tuple[bytes, int]:
        """The body of one event of a telling, and when it says that it happened."""
        moment = self.story[place]
        stamp = end - moment.ago
        if moment.type not in self._made:
            own = self.bench.product(self.about)
            self._made[moment.type] = self.bench.event(self.about, moment.type, product=own), own
        body, own = self._made[moment.type]
        body = body.replace(own.id.encode(), product.id.encode()).replace(own.name.encode(), product.name.encode())
        made = orjson.loads(body)
        digits = len(str(made["timestamp"]).rpartition(".")[2].rstrip("Z")) if "." in str(made["timestamp"]) else 0
        return orjson.dumps({**made, "timestamp": clock.rfc3339(stamp, digits)}), stamp


def refused_in(found: Any) -> Sequence[str]:
    """What was not accepted in a telling."""
    return found.get(REFUSED, ()) if isinstance(found, dict) else ()


def _spellings(stamp: int, placeholder: str) -> dict[str, str]:
    """How a receiver may write a time that it was told."""
    found = {}
    for digits in (9, 6, 3, 0):
        text = clock.rfc3339(stamp, digits)
        bare = re.sub("Z$", "", text)
        for each in (text, bare + "+00:00", bare, bare.replace("T", " ")):
            found[each] = placeholder
    return found


PAIR = (
    Moment("access_requests.created", 60 * clock.SECOND),
    Moment("access_requests.canceled", 0),
)
"""The shortest story whose order matters."""


def pair(bench: Bench) -> Teller:
    """The teller of the shortest story, the same for all checks of a bench."""
    if bench.teller is None:
        bench.teller = Teller(bench, PAIR, "order")
    teller: Teller = bench.teller
    return teller


def drawn(difference: Difference) -> Iterator[str]:
    """A difference, line by line."""
    for number, each in enumerate(difference.sequence, start=1):
        yield f"{number}. {each.what}, happened {each.timestamp}"
    yield "comes to something else than the same in the story's own order, each once:"
    for line in list(apart(difference.expected, difference.found))[:10]:
        yield f"  {printable(line, 400)}"
