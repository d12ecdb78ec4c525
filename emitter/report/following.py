"""What followed a step, in few lines: equal events share one, and what is not told is counted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from emitter.report.values import StepReport
from emitter.report.words import printable


@dataclass(frozen=True, slots=True)
class Followed:
    """The lines, how many events each of them stands for, and how many events there were more."""

    lines: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    more: int = 0

    def first(self, most: int) -> Followed:
        """The same in fewer lines."""
        return Followed(self.lines[:most], self.counts[:most], self.more + sum(self.counts[most:]))


def followed(step: StepReport) -> Followed:
    """Say what followed a step."""
    groups = [(text, len(list(same))) for text, same in groupby(map(printable, step.told))]
    return Followed(
        tuple(text if count == 1 else f"{text} ({count:,} times)" for text, count in groups),
        tuple(count for _, count in groups), max(step.events - len(step.told), 0),
    )  # fmt: skip
