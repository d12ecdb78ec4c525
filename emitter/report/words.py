"""How a report says things, the same in every form: times, spans, counts, types, states."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from emitter.clock import SECOND, rfc3339
from emitter.report.values import ERROR, FAILED, Mark, Report, StepReport, Tick

CONTAINERS = ("repeat", "parallel", "choose")  # kinds of step that fail because a step within them does
FAMILY = "marketplace.data_product."
STATES = ("accepted", "rejected", "failed", "interrupted", "pending", "started", "dropped", "unsent")
LABELS = {"failed": "no answer", "started": "under way", "pending": "waiting", "unsent": "not sent"}
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))

Item = TypeVar("Item")


def printable(text: object, most: int = 2000) -> str:
    """Write a text on one line with nothing in it that is not seen or that turns others around; cut if it is long."""
    text = str(text)
    if len(text) > most:
        text = f"{text[:most]}... ({len(text) - most:,} more characters)"
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "replace").decode() for each in text
    )  # fmt: skip


def lines_of(text: str, most: int = 40) -> list[str]:
    """Split a text from outside into lines that can be shown, the first of many."""
    lines = text.replace("\t", "    ").splitlines()
    more = [f"... ({counted(len(lines) - most, 'more line')})"] if len(lines) > most else []
    return [*map(printable, lines[:most]), *more]


def short_type(name: str) -> str:
    """Leave out what all names of types begin with."""
    return name.removeprefix(FAMILY) or "(no type)"


def moment(stamp: int) -> str:
    """Write a time (UTC) for people, to the second."""
    return rfc3339(stamp, 0)[:19].replace("T", " ")


def span(nanoseconds: int) -> str:
    """Say how long something is, in its two largest units: `32 d`, `1 h 30 min`, `0.25 s`."""
    seconds, rest = divmod(nanoseconds, SECOND)
    if seconds < 10 and rest >= SECOND // 1000:
        return f"{seconds + rest / SECOND:.3g} s"
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:,} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def simulated(report: Report) -> str:
    """Say which stretch of simulated time a run went through."""
    if report.end <= report.start:
        return f"{moment(report.start)} UTC, no time passed"
    return f"{moment(report.start)} to {moment(report.end)} UTC ({span(report.end - report.start)})"


def seconds(value: float) -> str:
    """Write a duration of wall time."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:,.1f} s" if value < 120 else span(round(value) * SECOND)


def counted(number: int, what: str) -> str:
    """Write a number with what it counts: `1 step`, `2 steps`, `3 deliveries`."""
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Put counts by state into the order in which states are always told; others follow by name; no zeros."""
    known = {state: place for place, state in enumerate(STATES)}
    return sorted(
        ((name, count) for name, count in counts.items() if count), key=lambda each: (known.get(each[0], 99), each[0])
    )


def by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Put counts into order, the largest first; no zeros."""
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda each: (-each[1], each[0]))


def gone_wrong(report: Report) -> list[StepReport]:
    """The steps that failed of themselves; one that holds others is among them only if it says why."""
    return [
        step for step in report.steps
        if step.status in (FAILED, ERROR) and (step.kind not in CONTAINERS or step.findings or step.error)
    ]  # fmt: skip


def state_of(mark: Mark) -> str:
    """Say what became of an event: how its last attempt ended, or `unsent` where there was none."""
    return mark.ticks[-1].outcome if mark.ticks else "unsent"


def faults_of(mark: Mark) -> tuple[str, ...]:
    """Which faults an event met, each once."""
    return tuple(dict.fromkeys(fault for tick in mark.ticks for fault in tick.faults))


def answer(tick: Tick) -> str:
    """Say how one attempt ended: `accepted 204`, `no answer`."""
    label = LABELS.get(tick.outcome, tick.outcome)
    return f"{label} {tick.status}" if tick.status else label


def place(report: Report, line: int) -> str:
    """Name a line of a scenario as editors and CI do: `scenarios/late.yaml:31`."""
    name = printable(report.file or report.scenario)
    return f"{name}:{line}" if line else name


def hint(report: Report) -> str:
    """The command that shows more of a run; empty where its history was not kept or nothing was sent."""
    if not report.store or not report.tally.outcomes:
        return ""
    return printable(f"emitter deliveries list --store {shlex.quote(report.store)} --run {shlex.quote(report.run)}")


def telling(items: Sequence[Item], most: int, matters: Iterable[bool]) -> list[tuple[int, Item]]:
    """Choose what to show of many: the first, and behind them those that matter, a quarter as many; with their places.
    """  # fmt: skip
    chosen, extra = [], most // 4
    for number, (item, important) in enumerate(zip(items, matters, strict=True)):
        if number < most:
            chosen.append((number, item))
        elif important and extra:
            extra -= 1
            chosen.append((number, item))
    return chosen
