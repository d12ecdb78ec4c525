"""Two runs beside each other: what they are compared by, and how they differ, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from emitter.report.forms import Json, to_json
from emitter.report.values import Mark, Report, StepReport
from emitter.report.words import answer, by_count, moment, printable, short_type

# What may differ between two runs that went the same way: names, wall time, speed, and where things are.
_PASSING = ("run", "wallStart", "took", "speed", "target", "file", "store", "version")
_MOST = 5  # of one sort that are told each


def comparable(report: Report) -> Json:
    """Give what two runs are compared by: all but run id, wall time, where things are, and findings that vary.

    The target's URL is left out wherever it stands: two receivers on two ports are the same to a scenario.
    """
    found = to_json(report)
    for name in _PASSING:
        del found[name]
    for step in found["steps"]:
        step["findings"] = [each for each in step["findings"] if not each["varies"]]
    stripped: Json = _without(found, report.target) if report.target else found
    return stripped


def differences(a: Report, b: Report) -> list[str]:
    """Say how two runs differ, the most telling first; empty if they went the same way."""
    steps = _steps(a, b) if a.scenario == b.scenario else ()
    told = [*_asked(a, b), *steps, *_counts(a, b), *_events(a, b), *_lost(a, b)]
    if not told and comparable(a) != comparable(b):
        told.append("They differ in words only: what steps say of themselves, or what expectations found.")
    return told


def _without(value: Any, target: str) -> Any:
    if isinstance(value, str):
        return value.replace(target, "(target)")
    if isinstance(value, list):
        return [_without(each, target) for each in value]
    if isinstance(value, dict):
        return {name: _without(each, target) for name, each in value.items()}
    return value


def _asked(a: Report, b: Report) -> Iterator[str]:
    """What was asked for: with other questions, other answers are no surprise."""
    for what, one, other in (
        ("scenario", a.scenario, b.scenario),
        ("seed", a.seed, b.seed),
        ("start", moment(a.start), moment(b.start)),
    ):
        if one != other:
            yield f"{what}: {printable(one)}, then {printable(other)}"
    for what, ours, theirs in (("variable", a.variables, b.variables), ("setting", a.settings, b.settings)):
        for name in sorted({*ours, *theirs}):
            if ours.get(name) != theirs.get(name):
                yield f"{what} {printable(name)}: {_shown(ours, name)}, then {_shown(theirs, name)}"
    if a.status != b.status:
        yield f"{a.status}, then {b.status}"
    if a.error != b.error:
        yield f"error: {printable(a.error) or 'none'}, then {printable(b.error) or 'none'}"


def _shown(values: Mapping[str, Any], name: str) -> str:
    return printable(values[name]) if name in values else "not set"


def _steps(a: Report, b: Report) -> Iterator[str]:
    ours, theirs = _by_place(a), _by_place(b)
    for key, step in ours.items():
        other = theirs.get(key)
        if other is None:
            yield f"{_named(step)}: only in the first run"
            continue
        if step.status != other.status:
            yield f"{_named(step)}: {step.status}{_why(step)}, then {other.status}{_why(other)}"
        for what, one, two in (("played", step.times, other.times), ("failures", step.failures, other.failures),
                               ("events", step.events, other.events)):  # fmt: skip
            if one != two:
                yield f"{_named(step)}: {what} {one:,}, then {two:,}"
        if step.at is not None and other.at is not None and step.at != other.at:
            yield f"{_named(step)}: at {moment(step.at)}, then at {moment(other.at)}"
    for key, step in theirs.items():
        if key not in ours:
            yield f"{_named(step)}: only in the second run"


def _by_place(report: Report) -> dict[tuple[Any, ...], StepReport]:
    """Steps by what they are; equal ones are told apart by their order."""
    found: dict[tuple[Any, ...], StepReport] = {}
    for step in report.steps:
        key: tuple[Any, ...] = (step.line, step.kind, step.depth, 0)
        while key in found:
            key = (*key[:3], key[3] + 1)
        found[key] = step
    return found


def _named(step: StepReport) -> str:
    return f"line {step.line}, {printable(step.words, 100)}"


def _why(step: StepReport) -> str:
    """What failed first, in brackets."""
    failed = next((each for each in step.findings if not each.passed), None)
    why = step.error or (f"{failed.claim}: {failed.found}" if failed else "")
    return f" ({printable(why, 200)})" if why else ""


def _counts(a: Report, b: Report) -> Iterator[str]:
    for what, ours, theirs in (
        ("events", a.tally.events, b.tally.events),
        ("deliveries", a.tally.deliveries, b.tally.deliveries),
        ("attempts", a.tally.outcomes, b.tally.outcomes),
        ("answers", a.tally.statuses, b.tally.statuses),
        ("contract", a.tally.verdicts, b.tally.verdicts),
        ("fault", a.tally.faults, b.tally.faults),
    ):
        names = {**ours, **theirs}
        changed = {name: abs(ours.get(name, 0) - theirs.get(name, 0)) for name in names}
        for name, _ in by_count(changed):
            yield f"{what} {short_type(name)}: {ours.get(name, 0):,}, then {theirs.get(name, 0):,}"


def _events(a: Report, b: Report) -> Iterator[str]:
    """The first event that differs; those after it mostly do for the same reason."""
    for number, (one, other) in enumerate(zip_longest(a.marks, b.marks), start=1):
        if one != other:
            yield f"event {number:,} is the first that differs: {_told(one, other)}, then {_told(other, one)}"
            return


def _told(mark: Mark | None, other: Mark | None) -> str:
    if mark is None:
        return "none"
    about = ", ".join(filter(None, (mark.product, mark.request)))
    text = f"{short_type(mark.type)}{f' of {about}' if about else ''} at {moment(mark.at)}"
    if other is not None and (mark.at, mark.type, mark.product, mark.request) == (
        other.at, other.type, other.product, other.request,
    ):  # fmt: skip
        went = mark.dropped or ", ".join(
            answer(tick) + "".join(f" [{fault}]" for fault in tick.faults) for tick in mark.ticks
        )
        text += f" ({went or 'not sent'}{f', line {mark.line}' if mark.line != other.line else ''})"
    elif other is not None and moment(mark.at) == moment(other.at) and mark.at != other.at:
        text += f" and {mark.at % 1_000_000_000:,} ns"
    return printable(text)


def _lost(a: Report, b: Report) -> Iterator[str]:
    ours = [each.replace(a.target, "(target)") if a.target else each for each in a.lost]
    theirs = [each.replace(b.target, "(target)") if b.target else each for each in b.lost]
    for which, here, there, left_out in (
        ("first", ours, theirs, a.lost_left_out), ("second", theirs, ours, b.lost_left_out),
    ):  # fmt: skip
        only = [each for each in here if each not in there]
        for each in only[:_MOST]:
            yield f"lost only in the {which} run: {printable(each)}"
        if len(only) > _MOST:
            yield f"lost only in the {which} run: {len(only) - _MOST:,} more"
        if left_out and here != there:
            yield f"lost in the {which} run, and not listed: {left_out:,}"
