"""`emitter runs`: the runs that are kept here: list, show, compare, delete."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emitter.cli.failures import FAILED
from emitter.cli.options import Command, Listing, Setup, everywhere, read_bytes
from emitter.cli.stories import COLOURS, story, write_reports
from emitter.cli.terminal import Json, columns, note, plain, short_time, show_many, show_one
from emitter.errors import BadJson, UsageError

if TYPE_CHECKING:
    from emitter.report import Report
    from emitter.runs import Kept

LARGEST = 64 * 1024 * 1024


@click.group(cls=Listing)
def runs() -> None:
    """Look at the runs that `emitter run` has kept: list, show, diff, delete.

    RUN may be cut to its first letters, as long as only one begins so.
    """


@runs.command("list", cls=Command)
@everywhere()
def list_runs(setup: Setup) -> None:
    """List the runs that are kept here, the newest first."""
    from emitter.runs import Runs

    kept = Runs()
    found = [_row(each) for each in kept.all()]
    show_many(setup.format, found, _table)
    if not found and setup.format == "table":
        note(
            f"There is no run in {kept.folder}. Play one: emitter run approved-for-30-days --to http://127.0.0.1:3000/"
        )


@runs.command("show", cls=Command)
@click.argument("run", metavar="RUN", required=False)
@click.option("-v", "--verbose", is_flag=True, help="Tell all: what held, too.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML.")
@click.option("--html", metavar="FILE", help="Write a page that holds all it needs.")
@everywhere()
def show_run(setup: Setup, run: str | None, verbose: bool, junit: str | None, html: str | None) -> None:
    """Show what a run found; without RUN, the newest."""
    from emitter.report import to_json

    report = _report(_newest() if run is None else run)
    files = {form: Path(file) for form, file in (("junit", junit), ("html", html)) if file}
    write_reports(files, [report])
    show_one(setup.format, to_json(report), lambda _: story(report, verbose=verbose))


@runs.command("diff", cls=Command)
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@everywhere()
def compare_runs(setup: Setup, first: str, second: str) -> None:
    """Say how two runs differ; the exit code is 1 if they do. RUN may be a file that --report wrote, too."""
    from emitter.report.compare import differences

    found = differences(_report(first), _report(second))
    show_one(setup.format, {"same": not found, "differences": found}, _differences)
    if found:
        sys.exit(FAILED)


@runs.command("delete", cls=Command)
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@everywhere(form=False)
def delete_runs(setup: Setup, names: tuple[str, ...]) -> None:
    """Delete runs with all their records."""
    from emitter.runs import Runs

    kept = Runs()
    found = [kept.find(name) for name in names]
    for each in {each.run: each for each in found}.values():
        kept.forget(each.run)
        note(f"Deleted: {plain(each.run)}.")


def _newest() -> str:
    from emitter.runs import Runs

    found = Runs().all()
    if not found:
        raise UsageError("There is no run here. Play one: emitter run approved-for-30-days --to http://127.0.0.1:3000/")
    return found[0].run


def _report(name: str) -> Report:
    """The report of a run that is kept, or of a file that holds one."""
    from emitter.report import from_json
    from emitter.runs import Runs

    if name.endswith(".json") or "/" in name:
        raw = read_bytes(name, most=LARGEST)
        try:
            return from_json(json.loads(raw))
        except (ValueError, RecursionError):
            raise UsageError(f"{name}: this is no JSON.") from None
        except BadJson as error:
            raise UsageError(f"{name}: {error} Name a file that --report wrote for one scenario.") from None
    kept = Runs().find(name)
    if kept.report is None:
        raise UsageError(
            f"{kept.run} was never ended, so there is no report. Play it again: emitter run --again {kept.run}"
        )
    return kept.report


def _row(kept: Kept) -> Json:
    return {
        "run": kept.run,
        "state": kept.state,
        "scenario": kept.asked.get("scenario", ""),
        "seed": kept.asked.get("seed"),
        "askedAt": kept.asked.get("askedAt", ""),
        "store": str(kept.path),
    }


def _table(found: Sequence[Json]) -> Iterable[str]:
    if found:
        rows = [
            [each["run"], "not ended" if each["state"] == "playing" else each["state"], each["scenario"],
             str(each["seed"]), short_time(each["askedAt"])]
            for each in found
        ]  # fmt: skip
        yield from columns(
            ("RUN", "STATE", "SCENARIO", "SEED", "PLAYED (UTC)"), rows, right=(3,), stretch=2,
            paints=lambda column, text: COLOURS.get(text.strip(), "") if column == 1 else "",
        )  # fmt: skip


def _differences(found: Json) -> Iterable[str]:
    if found["same"]:
        yield "They went the same way."
    yield from map(plain, found["differences"])
