"""Reports as a page: one file that holds all it needs, runs no script, and is bounded however large a run was.

What a receiver or a scenario said stands in it: every text is escaped, and the page's own policy forbids whatever could
come of one that was not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from emitter.clock import rfc3339
from emitter.report.following import Followed, followed
from emitter.report.page import environment_of, styles_of
from emitter.report.text import verdict
from emitter.report.timeline import SPRITE, flag, legend, sign, timeline
from emitter.report.values import ERROR, FAILED, PASSED, SKIPPED, Mark, Report, StepReport
from emitter.report.words import (
    LABELS,
    STATES,
    answer,
    by_count,
    counted,
    faults_of,
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
    state_of,
    telling,
)

STEPS, EVENTS, WRONG, LOST = 400, 200, 30, 100  # that are shown of each
_TOLD = 3  # lines of what followed a step
_OPEN = 40  # events whose table is open from the start
_ORDER = (ERROR, FAILED, PASSED, SKIPPED)  # the first of these that any run has is how all of them went


def as_html(reports: Sequence[Report]) -> bytes:
    """Write a page on one run, or on several with a table in front."""
    found = Counter(report.status for report in reports)
    return (
        _environment()
        .get_template("report.html")
        .render(
            views=[_view(report, number, alone=len(reports) == 1) for number, report in enumerate(reports, start=1)],
            title=_title(reports, found),
            overall=next((status for status in _ORDER if found[status]), PASSED),
            **styles_of(_environment(), "report.css"),
            sprite=SPRITE,
            version=next((report.version for report in reports), ""),
        )
        .encode("utf-8", "backslashreplace")
    )


def as_section(report: Report) -> Markup:
    """Write what the page on one run shows of it, to stand in another page under a heading of the first level.

    The styles of `report.css` have to be those of that page, too; there is nothing in it that a strict policy forbids.
    """
    template = _environment().get_template("parts.html")
    return SPRITE + Markup(template.module.scenario(_view(report, 1, alone=True), 2))  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class _View:
    """One run as the page shows it: the report, and what has to be worked out for it."""

    report: Report
    anchor: str
    verdict: str
    played: str
    variables: str
    settings: str
    first_wrong: str
    wrong: Sequence[StepReport]
    more_wrong: int
    timeline: Markup
    legend: Markup
    stretched: bool
    steps: Sequence[tuple[StepReport, str, Followed]]
    more_steps: int
    marks: Sequence[tuple[int, Mark]]
    more_marks: int
    open: bool
    counts: Sequence[tuple[str, Sequence[tuple[str, int]], int]]
    events: int
    deliveries: int
    lost: str
    more_lost: int
    hint: str


def _view(report: Report, number: int, *, alone: bool) -> _View:
    anchor = f"run-{number}"
    wrong = gone_wrong(report)
    steps = telling(report.steps, STEPS, (step.status in (FAILED, ERROR) for step in report.steps))
    marks = telling(
        report.marks, EVENTS, (state_of(each) != "accepted" or bool(faults_of(each)) for each in report.marks)
    )
    lost = len(report.lost) + report.lost_left_out
    return _View(
        report=report,
        anchor=anchor,
        verdict=verdict(report).partition(": ")[2],
        played=_played(report),
        variables=_pairs(report.variables),
        settings=_pairs(report.settings),
        first_wrong=f"{place(report, wrong[0].line)}  {wrong[0].words}" if wrong else report.error,
        wrong=wrong[:WRONG],
        more_wrong=max(len(wrong) - WRONG, 0),
        timeline=timeline(report, links={place: f"#{anchor}-{place}" for place, _ in marks}),
        legend=legend(report),
        stretched=report.end > report.start,
        steps=_timed([step for _, step in steps]),
        more_steps=len(report.steps) - len(steps),
        marks=marks,
        more_marks=len(report.marks) - len(marks) + report.marks_left_out,
        open=alone and len(report.marks) <= _OPEN,
        counts=[each for each in _counts(report) if each[1]],
        events=sum(report.tally.events.values()),
        deliveries=sum(report.tally.deliveries.values()),
        lost=counted(lost, "delivery"),
        more_lost=lost - min(len(report.lost), LOST),
        hint=hint(report),
    )


def _title(reports: Sequence[Report], found: Mapping[str, int]) -> str:
    if len(reports) == 1:
        return f"{printable(reports[0].scenario)}: {reports[0].status}"
    parts = [f"{found[status]:,} {'in error' if status == ERROR else status}"
             for status in (PASSED, FAILED, ERROR, SKIPPED) if found[status]]  # fmt: skip
    return f"{counted(len(reports), 'scenario')}: {', '.join(parts) or 'none'}"


def _played(report: Report) -> str:
    when = f"{moment(report.wall_start)} UTC, " if report.wall_start else ""
    return f"{when}took {seconds(report.took)}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} = {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)}"
        for name, value in values.items()
    )


def _timed(steps: Sequence[StepReport]) -> list[tuple[StepReport, str, Followed]]:
    """Each step with what followed, and its time where that is another than that of the step before."""
    found, last = [], ""
    for step in steps:
        when = moment(step.at) if step.at is not None else ""
        found.append((step, when if when != last else "", followed(step).first(_TOLD)))
        last = when or last
    return found


def _counts(report: Report) -> list[tuple[str, list[tuple[str, int]], int]]:
    tally = report.tally
    statuses = [("no answer" if name == "none" else name, count) for name, count in by_count(tally.statuses)]
    return [
        ("Deliveries", in_order(tally.deliveries), sum(tally.deliveries.values())),
        ("Events", by_count(tally.events), sum(tally.events.values())),
        ("Attempts", statuses, sum(tally.outcomes.values())),
        ("Contract", by_count(tally.verdicts), sum(tally.verdicts.values())),
        ("Faults", by_count(tally.faults), sum(tally.faults.values())),
    ]


def _lined(text: str) -> Markup:
    """A text from outside with its lines kept."""
    return Markup("\n").join(map(escape, lines_of(text)))


@cache
def _environment() -> Environment:
    environment = environment_of("emitter.report")
    environment.filters.update(
        moment=moment, exact=rfc3339, short_type=short_type, lines_of=lines_of, place=place, simulated=simulated,
        seconds=seconds, answer=answer, printable=printable, known=lambda name: name if name in STATES else "unsent",
    )  # fmt: skip
    environment.globals.update(sign=sign, flag=flag, lined=_lined, labels=LABELS)
    return environment
