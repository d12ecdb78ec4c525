"""What followed a step: the events that it caused, and how each of them went.

A step names the types of the first few; how they went stands with the marks of the timeline. They are put together by
the line that caused an event, its type and its time.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from emitter.report.values import Mark, Report, StepReport
from emitter.report.words import answer, counted, printable, short_type

_ANSWERS = 3  # attempts of one event that are all told


@dataclass(frozen=True, slots=True)
class Followed:
    """What followed one step: what is told of its first events, equal ones in one line, and how many there were more.

    A line is as `access_requests.created: accepted 204`, the type alone where the timeline does not reach so far.
    """

    lines: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()  # of the events that each line stands for
    more: int = 0

    def first(self, most: int) -> Followed:
        """The same in fewer lines."""
        left = sum(self.counts[most:])
        return Followed(self.lines[:most], self.counts[:most], self.more + left)


def followed(report: Report) -> list[Followed]:
    """Say for each step what followed."""
    waiting: dict[tuple[int, str], deque[Mark]] = defaultdict(deque)
    for mark in report.marks:
        waiting[mark.line, mark.type].append(mark)
    return [_of(step, [_one(step, name, waiting) for name in step.told]) for step in report.steps]


def _of(step: StepReport, told: Sequence[str]) -> Followed:
    groups = [(text, len(list(same))) for text, same in groupby(told)]
    return Followed(
        tuple(text if count == 1 else f"{text} ({count:,} times)" for text, count in groups),
        tuple(count for _, count in groups), max(step.events - len(told), 0),
    )  # fmt: skip


def _one(step: StepReport, name: str, waiting: dict[tuple[int, str], deque[Mark]]) -> str:
    own = waiting.get((step.line, name))
    found = own or waiting.get((0, name), deque())
    while found and found is not own and step.at is not None and found[0].at < step.at:
        found.popleft()  # time has caused it, but before this step
    if not found:
        return printable(short_type(name))
    mark = found.popleft()
    about = "" if mark.line else ", ".join(filter(None, (mark.product, mark.request)))
    return printable(f"{short_type(name)}{f' of {about}' if about else ''}: {_how(mark)}")


def _how(mark: Mark) -> str:
    """How one event went, its attempts in order."""
    if not mark.ticks:
        return f"not sent, {mark.dropped}" if mark.dropped else "not sent"
    ticks: Sequence[str] = [
        answer(tick) + (f" ({', '.join(tick.faults)})" if tick.faults else "") for tick in mark.ticks
    ]  # fmt: skip
    if len(ticks) > _ANSWERS:
        return f"{ticks[0]}, ..., {ticks[-1]} ({counted(len(ticks), 'attempt')})"
    return ", ".join(ticks)
