"""A Report as text: the story of a run, line by line, for a terminal or a log. Whoever prints it may paint it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from emitter.report.following import Followed, followed
from emitter.report.values import ERROR, FAILED, SKIPPED, Finding, Report, StepReport
from emitter.report.words import (
    LABELS,
    by_count,
    counted,
    gone_wrong,
    hint,
    in_order,
    lines_of,
    moment,
    place,
    printable,
    seconds,
    short_type,
    simulated,
    telling,
)

WORDS = {FAILED: "FAIL", ERROR: "ERROR", SKIPPED: "skip"}  # how a line of the story begins; else `ok`
FEW, MANY = 3, 200  # lines of what followed a step, or of its details; steps whose lines are all shown
_BELOW, _NEAR = " " * 36, " " * 9  # where what belongs to a step stands: below its words; below its time, as it is long
_TYPES = 6  # of events that are counted by name


def as_text(report: Report, *, verbose: bool = False) -> Iterator[str]:
    """Tell a run line by line. `verbose`: also what held, all that followed, variables and settings."""
    yield from _head(report, verbose)
    yield ""
    yield from _story(report, verbose)
    yield from _counts(report, verbose)
    yield ""
    yield from _end(report)


def _head(report: Report, verbose: bool) -> Iterator[str]:
    yield printable(report.scenario) + (f"  ({printable(report.file)})" if report.file else "")
    for line in lines_of(report.description):
        yield f"  {line}"
    target = f", to {printable(report.target)}" if report.target else ""
    yield f"  run {printable(report.run)}, seed {report.seed}{target}"
    yield f"  {simulated(report)}"
    if verbose:
        for what, values in (("variable", report.variables), ("setting", report.settings)):
            for name, value in values.items():
                yield f"  {what} {printable(name)} = {printable(value)}"


def _story(report: Report, verbose: bool) -> Iterator[str]:
    if not report.steps:
        yield "  There are no steps."
    else:
        yield f"  {'':<5}  {'simulated time':<19}  line  step"
    most = len(report.steps) if verbose else MANY
    shown = telling(report.steps, most, (step.status in (FAILED, ERROR) for step in report.steps))
    last = ""
    for _, step in shown:
        time = moment(step.at) if step.at is not None else ""
        yield f"  {WORDS.get(step.status, 'ok'):<5}  {time if time != last else '':<19}  {_line(step)}  {_words(step)}"
        last = time or last
        for line in _followed(followed(step), verbose):
            yield f"{_BELOW}{'  ' * step.depth}{line}"
        for line in _held(step) if verbose else ():
            yield f"{_BELOW}{'  ' * step.depth}{line}"
        for line in _wrong(step, verbose):
            yield f"{_NEAR}{line}"
    if len(shown) < len(report.steps):
        yield f"{_BELOW}and {counted(len(report.steps) - len(shown), 'more step')} (-v shows all)"
    if report.error:
        yield ""
        yield f"  It could not be played to its end: {printable(report.error)}"
    yield ""


def _line(step: StepReport) -> str:
    return f"{step.line or '':>4}"


def _words(step: StepReport) -> str:
    """What a step does, how often, with which faults."""
    text = "  " * step.depth + printable(step.words)
    notes = []
    if step.times > 1:
        notes.append(f"{step.times:,} times" + (f", {step.failures:,} of them failed" if step.failures else ""))
        if step.events:
            notes.append(counted(step.events, "event"))
    if step.faults:
        notes.append(f"faults: {', '.join(map(printable, step.faults))}")
    return text + (f"  ({'; '.join(notes)})" if notes else "")


def _followed(told: Followed, verbose: bool) -> Iterator[str]:
    """What came of a step."""
    shown = told if verbose else told.first(FEW)
    for each in shown.lines:
        yield f"-> {each}"
    if shown.more:
        yield f"   and {counted(shown.more, 'more event')}{' (-v shows more)' if shown.lines != told.lines else ''}"


def _held(step: StepReport) -> Iterator[str]:
    """What was expected and came."""
    for finding in step.findings:
        if finding.passed:
            found = f" ({printable(finding.found)})" if finding.found else ""
            yield f"holds: {printable(finding.claim)}{found}"


def _wrong(step: StepReport, verbose: bool) -> Iterator[str]:
    """Why a step could not be played, and what did not hold."""
    if step.error:
        yield from _told("because", lines_of(step.error))
    for finding in step.findings:
        if not finding.passed:
            yield from _failed(finding, step, verbose)


def _failed(finding: Finding, step: StepReport, verbose: bool) -> Iterator[str]:
    at = f" (line {finding.line})" if finding.line and finding.line != step.line else ""
    yield f"expected  {printable(finding.claim)}{at}"
    details = [line for each in finding.details for line in lines_of(each)]
    yield from _told("came", lines_of(finding.found) or ["nothing"])
    shown = details if verbose else details[: 2 * FEW]
    for line in shown:
        yield f"          {line}"
    if len(shown) < len(details):
        yield f"          and {counted(len(details) - len(shown), 'more line')} (-v shows them)"


def _told(word: str, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"{word if not number else '':<8}  {line}"


def _counts(report: Report, verbose: bool) -> Iterator[str]:
    tally = report.tally
    yield _row("Events", {short_type(name): count for name, count in tally.events.items()}, verbose, largest=True)
    yield _row("Deliveries", _labelled(tally.deliveries), verbose)
    if sum(tally.outcomes.values()) != sum(tally.deliveries.values()) or set(tally.statuses) - {"204", "200"}:
        statuses = {f"answered {name}" if name != "none" else "without an answer": count
                    for name, count in tally.statuses.items()}  # fmt: skip
        yield _row("Attempts", statuses, verbose, total=sum(tally.outcomes.values()))
    if set(tally.verdicts) - {"valid"}:
        yield _row("Contract", tally.verdicts, verbose)
    if tally.faults:
        yield _row("Faults", tally.faults, verbose, largest=True)
    lost = len(report.lost) + report.lost_left_out
    if lost:
        yield f"  {'Lost':<10}  {counted(lost, 'delivery')} never accepted:"
        shown = report.lost if verbose else report.lost[: 2 * FEW]
        for each in shown:
            yield f"    {printable(each)}"
        if len(shown) < lost:
            yield f"    and {lost - len(shown):,} more"


def _labelled(states: Mapping[str, int]) -> dict[str, int]:
    return {LABELS.get(state, state): count for state, count in in_order(states)}


def _row(
    title: str, counts: Mapping[str, int], verbose: bool, *, largest: bool = False, total: int | None = None
) -> str:
    """One line of counts: the sum, and what it is made of."""
    parts = by_count(counts) if largest else [each for each in counts.items() if each[1]]
    shown = parts if verbose or len(parts) == _TYPES + 1 else parts[:_TYPES]
    text = ", ".join(f"{count:,} {printable(name)}" for name, count in shown)
    if len(shown) < len(parts):
        text += f", {len(parts) - len(shown):,} other kinds"
    total = sum(counts.values()) if total is None else total
    return f"  {title:<10}  {total:,}{f': {text}' if text else ''}"


def _end(report: Report) -> Iterator[str]:
    """Failures once more, where they are found by file and line; the verdict; where to see more."""
    failed = gone_wrong(report)
    for step in failed[:MANY]:
        yield f"{WORDS[step.status]:<5}  {place(report, step.line)}  {_reason(step)}"
    if report.status == ERROR and report.error and not any(step.error for step in failed):
        yield f"ERROR  {place(report, 0)}  {printable(report.error)}"
    yield verdict(report)
    more = hint(report)
    if more:
        yield f"See more: {more}"


def _reason(step: StepReport) -> str:
    finding = next((each for each in step.findings if not each.passed), None)
    return printable(step.error or (finding.claim if finding else step.words), 300)


def verdict(report: Report) -> str:
    """Say in one line how a run ended."""
    steps = counted(len(report.steps), "step")
    claims = sum(len(step.findings) for step in report.steps)
    took = f"in {seconds(report.took)}"
    failed = len(gone_wrong(report))
    if failed:
        return f"{report.status}: {failed:,} of {steps}, {took}"
    if report.status == FAILED:
        return f"failed: not all of it held, {took}"
    if report.status == ERROR:
        return f"error: it was not played to its end, {took}"
    if report.status == SKIPPED:
        return f"skipped: {printable(report.error) or 'it was not played'}"
    met = f", {counted(claims, 'expectation')} met" if claims else ""
    return f"{report.status}: {steps}{met}, {took}"
