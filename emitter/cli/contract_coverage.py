"""`emitter contract coverage`: what a receiver has seen of the contract, and what it has not."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emitter.cli.failures import FAILED
from emitter.cli.filters import filters, named, query_of
from emitter.cli.options import Command, Setup, everywhere
from emitter.cli.terminal import DIM, GREEN, RED, YELLOW, Json, columns, note, paint, plain, short_type, show_one
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.coverage import Coverage

MOST_MISSING = 8  # goals of one dimension that are named


@click.command(cls=Command)
@click.argument("files", metavar="[FILE...]", nargs=-1)
@click.option("--history", is_flag=True, help="Count what was sent from here, too. [what is done without a FILE]")
@filters
@click.option("--extended", is_flag=True, help="Count the members, too, that only this simulator sends.")
@click.option("--html", metavar="FILE", help="Write a heat map: a page that needs nothing else.")
@click.option("--fail-under", metavar="PERCENT", type=click.FloatRange(0, 100), help="Exit with 1 below this.")
@click.option("--all", "every", is_flag=True, help="List every row, and all that is missing.")
@everywhere()
def coverage(
    setup: Setup, files: tuple[str, ...], history: bool, extended: bool, html: str | None, fail_under: float | None,
    every: bool, **given: Any,
) -> None:  # fmt: skip
    """Say what a receiver has seen of the contract: types, members there and not there, words, faults, variations of
    what is assumed, and how it answered.

    Counted is what was sent from here (with the filters of `emitter deliveries list`), or captures in files, or both
    (--history FILE...). A goal that was never seen is one that a test of the receiver has left out.
    """
    filtered = named(given)
    if filtered and files and not history:
        raise UsageError(f"{', '.join(filtered)}: the filters are those of the history. Add --history to count both.")
    found = _counted(setup, files, given if history or not files else None, extended=extended)
    if html:
        _draw(found, html)
    show_one(setup.format, found.to_json(), lambda shown: _table(shown, every=every))
    if fail_under is not None and found.percent < fail_under:
        note(f"{found.percent} % is less than {fail_under:g} %.")
        sys.exit(FAILED)


def _counted(setup: Setup, files: tuple[str, ...], given: dict[str, Any] | None, *, extended: bool) -> Coverage:
    from emitter.coverage import Coverage, Seeing

    found: Coverage | None = None
    if files:
        from emitter.catalog import Catalog
        from emitter.cli.captured import Reading

        seeing = Seeing(Catalog.load(setup.settings.schemas), setup.settings.assumptions, extended=extended)
        for captured in Reading(files):
            seeing.of_capture(captured)
        found = seeing.coverage()
    if given is not None:
        from emitter.cli.door import opened

        with opened(setup, looking=True) as door:
            there = Coverage.of_json(door.coverage(query_of(given, 1), extended=extended))
        found = there if found is None else found.with_more(there)
    assert found is not None
    return found


def _draw(found: Coverage, file: str) -> None:
    from emitter.coverage.html import as_html

    try:
        Path(file).write_bytes(as_html(found))
    except OSError as error:
        raise UsageError(f"--html {file}: {error.strerror}.") from None
    note(plain(f"Written to {file}."))


def _table(shown: Json, *, every: bool) -> Iterable[str]:
    rows = [
        [each["name"], f"{each['covered']:,} of {each['goals']:,}", _percent(each), _bar(each)]
        for each in shown["dimensions"]
    ]
    requests = f"{shown['deliveries']:,} request{'s' if shown['deliveries'] != 1 else ''}"
    total = f"{shown['percent']} % of {shown['goals']:,} goals, in {requests}"
    yield from columns(("SEEN", "", "", ""), rows, right=(1, 2))
    yield ""
    yield paint(total, GREEN if shown["percent"] == 100 else YELLOW if shown["covered"] else RED)
    for each in shown["dimensions"]:
        if every:
            yield ""
            yield paint(each["name"], DIM)
            yield from (f"  {_row(row)}" for row in each["rows"])
            continue
        missing = [_goal(row, goal) for row in each["rows"] for goal in row["goals"] if not goal["count"]]
        if missing:
            more = f", and {len(missing) - MOST_MISSING:,} more" if len(missing) > MOST_MISSING else ""
            yield plain(f"Never seen of {each['name']}: {', '.join(missing[:MOST_MISSING])}{more}")


def _row(row: Json) -> str:
    goals = "  ".join(
        paint(f"{plain(goal['name'])} {goal['count']:,}", GREEN if goal["count"] else RED) for goal in row["goals"]
    )
    return f"{short_type(row['name'])}  {goals}"


def _goal(row: Json, goal: Json) -> str:
    return short_type(row["name"]) if goal["name"] == "seen" else f"{short_type(row['name'])} {goal['name']}"


def _percent(each: Json) -> str:
    return f"{100 * each['covered'] // each['goals'] if each['goals'] else 100} %"


def _bar(each: Json) -> str:
    filled = 20 * each["covered"] // each["goals"] if each["goals"] else 20
    return "#" * filled + "." * (20 - filled)
