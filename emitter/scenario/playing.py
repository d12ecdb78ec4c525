"""How long a scenario is when it is played: steps, and simulated time, at most. Reckoned before anything is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from emitter.scenario.steps import Advance, Choose, Parallel, Repeat, Step, Template, Trigger
from emitter.scenario.texts import LONGEST, filled

MOST_PLAYED = 1_000_000


@dataclass(frozen=True, slots=True)
class Length:
    """How many steps are played, and how many seconds of simulated time pass, at most."""

    steps: int = 0
    seconds: float = 0.0

    def __add__(self, other: Length) -> Length:
        return Length(self.steps + other.steps, self.seconds + other.seconds)


class TooLong(Exception):
    """The line of a step that makes the scenario too long, and why."""

    def __init__(self, line: int, why: str) -> None:
        self.line, self.why = line, why
        super().__init__(why)


def length(steps: Iterable[Step], variables: Mapping[str, Any], rounds: Mapping[str, int] | None = None) -> Length:
    """Reckon how long steps are; raises `TooLong`. `rounds` are the largest numbers that names stand for inside."""
    total = Length()
    for step in steps:
        total += _of(step, variables, rounds or {})
        if total.steps > MOST_PLAYED:
            raise TooLong(step.line, f"up to here {total.steps:,} steps would be played; {MOST_PLAYED:,} are the most.")
        if total.seconds > LONGEST.total_seconds():
            raise TooLong(step.line, "up to here more than 100 years of simulated time would pass.")
    return total


def _of(step: Step, variables: Mapping[str, Any], rounds: Mapping[str, int]) -> Length:
    match step:
        case Advance():
            return Length(1, _seconds(step.by, variables))
        case Trigger():
            return Length(_times(step.count, step.line, variables, rounds))
        case Parallel():
            return _widest([length(each, variables, rounds) for each in step.branches], together=True)
        case Choose():
            return _widest([length(each.steps, variables, rounds) for each in step.options])
        case Repeat():
            times = len(step.values) if step.values is not None else _times(step.times, step.line, variables, rounds)
            within = {**rounds, "round": times}
            if step.name and step.values:
                numbers = [each for each in step.values if isinstance(each, int) and not isinstance(each, bool)]
                within[step.name] = max(numbers, default=0)
            inner = length(step.steps, variables, within)
            apart = _seconds(step.every, variables) * times + _seconds(step.over, variables)
            lasting = inner.seconds if step.overlap else inner.seconds * times
            return Length(1 + inner.steps * times, max(apart, lasting) if not step.overlap else apart + lasting)
    return Length(1)


def _widest(lengths: list[Length], *, together: bool = False) -> Length:
    steps = [each.steps for each in lengths]
    return Length(
        1 + (sum(steps) if together else max(steps, default=0)), max((each.seconds for each in lengths), default=0.0)
    )


def _seconds(value: Any, variables: Mapping[str, Any]) -> float:
    """A length that only the run knows counts for nothing here; the run refuses what is too long."""
    return value.total_seconds() if isinstance(value, timedelta) else 0.0


def _times(value: Any, line: int, variables: Mapping[str, Any], rounds: Mapping[str, int]) -> int:
    settled = filled(value, {**rounds, **variables})
    if isinstance(settled, int) and not isinstance(settled, bool):
        return max(0, settled)
    if isinstance(settled, Template):
        raise TooLong(line, f"how often is to be known at once; {settled} is known in the run only.")
    return 1  # a mistake that was noted
