"""`emitter run`: play scenarios, each in a simulator of its own, and say what came of them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emitter import clock
from emitter.cli.asked import (
    Target,
    as_it_was,
    earlier_run,
    scenarios_of,
    seed_of,
    shown,
    speed_of,
    store_of,
    target_of,
)
from emitter.cli.failures import FAILED, UNAVAILABLE
from emitter.cli.options import Command, Setup, everywhere
from emitter.cli.scenarios import ScenarioName, given_variables
from emitter.cli.stories import counted_up, one_line, story, unanswered, write_reports
from emitter.cli.terminal import Line, as_json, note, plain, say, short_time
from emitter.cli.trigger import one_target
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.report import Report
    from emitter.runner import Progress
    from emitter.scenario import Scenario

_OFTEN = 0.1  # seconds between two looks at how far a run is


@click.command(cls=Command)
@click.argument("names", metavar="SCENARIO...", nargs=-1, type=ScenarioName())
@click.option(
    "--to", metavar="URL", envvar="EMITTER_TO", multiple=True, callback=one_target, help="Send it there.",
)  # fmt: skip
@click.option("--secret", metavar="KEY", help="Signing key. Others see it in `ps`: rather EMITTER_SECRET, or a file.")
@click.option("--secret-file", metavar="FILE", help="A file that holds the signing key.")
@click.option("--insecure", is_flag=True, help="Do not verify the target's certificate.")
@click.option("--ca", metavar="FILE", help="A PEM file of authorities to trust for the target.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="The same seed makes the same run. [the scenario's]")
@click.option("--speed", metavar="N", help="Simulated seconds a second: 1, 60x; 0 as fast as can be. [0]")
@click.option("--var", "variables", metavar="NAME=VALUE", multiple=True, help="Replace a variable. Repeatable.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML, for CI.")
@click.option("--html", metavar="FILE", help="Write a page that holds all it needs.")
@click.option("--report", metavar="FILE", help="Write the reports as JSON: one, or a list of several.")
@click.option("--again", metavar="RUN", help="Play a run again, and say what is different.")
@click.option("--fail-fast", is_flag=True, help="Stop after the first that does not pass.")
@click.option("-q", "--quiet", is_flag=True, help="Tell what passed in a line each.")
@click.option("-v", "--verbose", is_flag=True, help="Tell all: what held, too.")
@everywhere()
def run(
    setup: Setup, names: tuple[str, ...], again: str | None, fail_fast: bool, quiet: bool, verbose: bool, **how: Any
) -> None:
    """Play SCENARIOs: files, folders of them, or names of those that come with emitter (`emitter scenarios`).

    All are checked before anything is sent. Each plays in a world of its own and on a clock of its own, and is kept in
    .emitter/runs. The exit code is 0 if all passed, 1 if one did not, 2 if one is wrong, 3 if nobody ever answered.

    \b
      emitter run approved-for-30-days --to http://127.0.0.1:3000/
      emitter run scenarios/ --to http://127.0.0.1:3000/ --junit report.xml --html report.html
    """
    if click.get_current_context().params.get("server"):
        raise UsageError("--server: a run has a simulator of its own, in this process. Leave it out.")
    earlier = earlier_run(again, names) if again is not None else None
    given = given_variables(how["variables"])
    scenarios = [as_it_was(setup, earlier, given)] if earlier else scenarios_of(setup, names, given)
    target = target_of(setup, how, earlier, names)
    store = store_of(setup, len(scenarios))
    speed = speed_of(how["speed"], earlier)
    files = {form: Path(how[form]) for form in ("junit", "html", "report") if how[form]}
    write_reports(files, [])  # what cannot be written is said before anything is sent
    player = _Player(setup, target, store, speed, seed_of(how["seed"], earlier))
    reports = []
    started = clock.monotonic()
    alone = len(scenarios) == 1
    with _interruptible() as stopped:
        for scenario in scenarios:
            report = player.play(scenario, stopped)
            reports.append(report)
            _show(setup.format, report, verbose=verbose, quiet=quiet, alone=alone)
            if stopped.is_set() or unanswered(report) or (fail_fast and report.status not in ("passed", "skipped")):
                break
    player.trim(len(reports))
    write_reports(files, reports)
    if setup.format == "json":
        say(as_json([_json(each) for each in reports]))
    if setup.format == "table":
        if not alone:
            say(counted_up(reports, len(scenarios), clock.monotonic() - started))
        if earlier and earlier.report:
            _compare(earlier.report, reports[0])
    if stopped.is_set():
        raise KeyboardInterrupt
    sys.exit(_code(reports))


def _code(reports: Sequence[Report]) -> int:
    """How the command ends; says why where the target never answered."""
    silent = [why for why in map(unanswered, reports) if why]
    if silent:
        note(f"Error: {plain(silent[0])}")
    bad = [each for each in reports if each.status in ("failed", "error") and not unanswered(each)]
    return FAILED if bad else UNAVAILABLE if silent else 0


def _show(form: str, report: Report, *, verbose: bool, quiet: bool, alone: bool) -> None:
    if form == "jsonl":
        say(as_json(_json(report), indent=None))
    elif form == "table" and (not quiet or report.status not in ("passed", "skipped")):
        for line in story(report, verbose=verbose):
            say(line)
        if not alone:
            say()
    elif form == "table":
        say(one_line(report))
    sys.stdout.flush()


def _json(report: Report) -> dict[str, Any]:
    from emitter.report import to_json

    return to_json(report)


class _Player:
    """Plays one scenario after the other, each apart."""

    def __init__(self, setup: Setup, target: Target, store: Path | None | str, speed: float, seed: int | None) -> None:
        from emitter.runs import Runs

        self._settings, self._target, self._store, self._speed, self._seed = setup.settings, target, store, speed, seed
        self._runs = Runs()

    def play(self, scenario: Scenario, stopped: threading.Event) -> Report:
        """Play one, showing on a terminal how far it is."""
        from emitter.runs import play_apart

        run, path = self._runs.new(scenario.name)
        store = path if self._store == "" else self._store
        line = Line()
        try:
            report = play_apart(
                scenario, settings=self._settings, store=Path(store) if store else None, run=run,
                seed=self._seed_of(scenario), speed=self._speed, to=self._target.to,
                signing_key=self._target.signing_key, verify_tls=self._target.verify_tls, ca=self._target.ca,
                watch=_watching(line, scenario.name), stopped=stopped,
            )  # fmt: skip
        finally:
            line.clear()
        return replace(report, file=shown(scenario.file))

    def _seed_of(self, scenario: Scenario) -> int | None:
        return self._seed if self._seed is not None or scenario.seed is not None else self._settings.seed

    def trim(self, played: int) -> None:
        """Let the oldest runs go, none of those that were just played."""
        from emitter.runs import KEPT

        if self._store == "":
            self._runs.trim(max(KEPT, played))


def _watching(line: Line, name: str) -> Callable[[Progress], None]:
    """Show where a run is, now and then."""
    last = -_OFTEN

    def watch(progress: Progress) -> None:
        nonlocal last
        now = clock.monotonic()
        if now - last >= _OFTEN:
            last = now
            when = short_time(clock.rfc3339(progress.at, 0))
            line.show(f"{name}  {when}  {progress.events:,} event{'s' * (progress.events != 1)}  {progress.words}")

    return watch


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Have Ctrl-C end the run in order, with a report of how far it came; a second one ends at once."""
    stopped = threading.Event()

    def stop(*_: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    try:
        before = signal.signal(signal.SIGINT, stop)
    except ValueError:  # not the main thread, which alone gets signals
        yield stopped
        return
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _compare(earlier: Report, now: Report) -> None:
    from emitter.report.compare import differences

    found = differences(earlier, now)
    say()
    say(f"Compared with {plain(earlier.run)}: {'it went the same way.' if not found else ''}".rstrip())
    for each in found:
        say(f"  {plain(each)}")
