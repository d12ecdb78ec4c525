"""What there was instead of what was expected, what is nearest to it first, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emitter.clock import rfc3339
from emitter.errors import shown
from emitter.receiver import Capture
from emitter.runner.catching import told
from emitter.runner.chronicle import Chronicle, Entry
from emitter.runner.sequences import MOST_SHOWN, Sequences, likeness
from emitter.scenario.steps import DeliveriesExpected, EventsExpected, Expectation
from emitter.store.reader import Reader

_LOOKED_AT = 200  # of the newest, to find the nearest among


class Nearest:
    """Ranks what came by how like its types are to those that were expected; of equals, the newest first."""

    def __init__(self, reader: Reader, sequences: Sequences) -> None:
        self._reader, self._sequences = reader, sequences

    def sent(self, chronicle: Chronicle, wrong: Sequence[Expectation]) -> list[str]:
        """The events that there were, with what became of them."""
        wanted = {name for each in wrong for name in _wanted(each)}
        newest = list(chronicle.entries(max(0, len(chronicle) - _LOOKED_AT)))
        ranked = sorted(reversed(newest), key=lambda each: -_nearness(each.type, wanted))[:MOST_SHOWN]
        more = len(chronicle) - len(ranked)
        lines = [self._told(each, chronicle.product_names.get(each.product, "")) for each in ranked]
        return lines + ([f"and {more:,} more"] if more else [])

    def _told(self, entry: Entry, name: str) -> str:
        became = ", ".join(self._became(each.id, each.state) for each in self._reader.deliveries_of(entry.event))
        about = f" {shown(name)}" if name else ""
        at = rfc3339(entry.at, 0)[:19].replace("T", " ")
        return f"{at}  {self._sequences.short(entry.type)}{about}: {became or 'no webhook took it'}"

    def _became(self, delivery: int, state: str) -> str:
        attempts = self._reader.attempts_of(delivery)
        if not attempts:
            return state
        last = attempts[-1]
        tries = f" at attempt {last.number}" if last.number > 1 else ""
        answer = f" {last.status}" if last.status and last.status < 999 else f" ({last.error})" if last.error else ""
        return f"{state}{answer}{tries}"


def caught(captures: Sequence[Capture], wrong: Sequence[Expectation], sequences: Sequences) -> list[str]:
    """The requests that a receiver has caught, ranked so."""
    wanted = {name for each in wrong for name in _wanted(each)}
    newest = list(captures)[-_LOOKED_AT:]
    ranked = sorted(reversed(newest), key=lambda each: -_nearness(each.type, wanted))[:MOST_SHOWN]
    more = len(captures) - len(ranked)
    return [told(each, sequences) for each in ranked] + ([f"and {more:,} more"] if more else [])


def _wanted(expectation: Expectation) -> Iterator[str]:
    match expectation:
        case EventsExpected():
            yield from (*(expectation.order or ()), *expectation.includes, *expectation.counts)
        case DeliveriesExpected():
            yield from expectation.types


def _nearness(name: str, wanted: set[str]) -> float:
    return max((likeness(name, each) for each in wanted), default=0.0)
