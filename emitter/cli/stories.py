"""How reports of runs are printed and written: painted text, a line each, files for CI and for people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emitter.cli.terminal import BOLD, DIM, GREEN, RED, YELLOW, as_json, paint, plain, short_time
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.report import Report

COLOURS = {"passed": GREEN, "failed": RED, "error": RED, "skipped": YELLOW, "ok": GREEN, "FAIL": RED, "ERROR": RED,
           "skip": YELLOW}  # fmt: skip
_BEGINNING = re.compile(r"( *)(ok|FAIL|ERROR|skip|passed|failed|error|skipped)(?=[ :])(.*)")
_QUIET = re.compile(r" +(->|and \d|holds:|run |simulated time)|See more: ")
_REASON = re.compile(r"\((.+)\)$")


def story(report: Report, *, verbose: bool = False) -> Iterator[str]:
    """Tell a run, painted."""
    from emitter.report.text import as_text

    for number, line in enumerate(as_text(report, verbose=verbose)):
        beginning = _BEGINNING.fullmatch(line)
        if number == 0:
            yield paint(line, BOLD)
        elif beginning:
            yield beginning[1] + paint(beginning[2], COLOURS[beginning[2]]) + beginning[3]
        elif _QUIET.match(line):
            yield paint(line, DIM)
        else:
            yield line


def one_line(report: Report) -> str:
    """Tell in one line how a run ended."""
    from emitter.report.text import verdict

    word, _, rest = verdict(report).partition(": ")
    return f"{paint(f'{word:<7}', COLOURS.get(word, ''))}  {plain(report.scenario)}  {paint(rest, DIM)}"


def under_way(name: str, at: str, events: int, words: str) -> str:
    """Tell in one line where a run is that is being played; `at` is RFC 3339."""
    return f"{name}  {short_time(at)}  {events:,} event{'s' * (events != 1)}  {words}"


def counted_up(reports: Sequence[Report], asked: int, took: float) -> str:
    """The closing line of several runs."""
    from emitter.report.words import counted, seconds

    found = Counter(report.status for report in reports)
    parts = [f"{found[status]:,} {'in error' if status == 'error' else status}"
             for status in ("passed", "failed", "error", "skipped") if found[status]]  # fmt: skip
    if asked > len(reports):
        parts.append(f"{asked - len(reports):,} not played")
    shade = RED if found["failed"] or found["error"] else GREEN
    return paint(f"{counted(asked, 'scenario')}: {', '.join(parts)} in {seconds(took)}", shade)


def unanswered(report: Report) -> str:
    """Say that the target never answered any attempt of a run, and why; empty where it did.

    A run that expects just that, and passes, is right; and what was made unreachable on purpose says nothing.
    """
    outcomes = {name: count for name, count in report.tally.outcomes.items() if count}
    met = report.status == "passed" and any(step.findings for step in report.steps)
    if set(outcomes) != {"failed"} or set(report.tally.statuses) - {"none"} or met:
        return ""
    if sum(report.tally.faults.values()) >= outcomes["failed"]:
        return ""
    reasons = Counter(found[1] for each in report.lost if (found := _REASON.search(each)))
    why = f": {reasons.most_common(1)[0][0].rstrip('.')}" if reasons else ""
    return f"{report.target} never answered{why}. Is the receiver running there?"


def write_reports(files: Mapping[str, Path], reports: Sequence[Report]) -> None:
    """Write reports into files by form (`junit`, `html`, `report`); none only tries whether that can be done.

    Raises `UsageError`.
    """
    for form, path in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if reports:
                path.write_bytes(_written(form, reports))
            else:
                path.open("ab").close()
        except (OSError, ValueError) as error:
            raise UsageError(f"--{form} {path}: {getattr(error, 'strerror', None) or error}.") from None


def _written(form: str, reports: Sequence[Report]) -> bytes:
    if form == "junit":
        from emitter.report.junit import as_junit

        return as_junit(reports)
    if form == "html":
        from emitter.report.html import as_html

        return as_html(reports)
    from emitter.report import to_json

    found = [to_json(each) for each in reports]
    return (as_json(found[0] if len(found) == 1 else found) + "\n").encode("utf-8", "backslashreplace")
