"""`emitter run`: play scenarios, each in a simulator of its own or all in one that runs, and say what came of them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from emitter import clock
from emitter.cli.asked import (
    Target,
    as_it_was,
    begun_with,
    earlier_run,
    scenarios_of,
    seed_of,
    shown,
    speed_of,
    store_of,
    target_of,
)
from emitter.cli.failures import FAILED, UNAVAILABLE
from emitter.cli.options import WORLD, Command, Setup, everywhere
from emitter.cli.scenarios import ScenarioName, given_variables
from emitter.cli.stories import counted_up, one_line, story, unanswered, under_way, write_reports
from emitter.cli.terminal import DIM, Line, as_json, note, paint, plain, say
from emitter.cli.trigger import one_target
from emitter.errors import EmitterError, UsageError

if TYPE_CHECKING:
    from emitter.report import Report
    from emitter.runner import Progress
    from emitter.runs import Kept
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
@WORLD
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
    .emitter/runs; with --server they play in the world and on the clock of that simulator, one after the other, and it
    keeps them. The exit code is 0 if all passed, 1 if one did not, 2 if one is wrong, 3 if nobody ever answered.

    \b
      emitter run approved-for-30-days --to http://127.0.0.1:3000/
      emitter run scenarios/ --to http://127.0.0.1:3000/ --junit report.xml --html report.html
    """
    far = bool(click.get_current_context().params.get("server"))
    if far and again is not None:
        raise UsageError("--again plays a run that is kept here, and --server keeps its own: give one of the two.")
    if far and how["world"]:
        raise UsageError("--world is what a run apart begins with; with --server it plays in the world that is there.")
    earlier = earlier_run(again, names) if again is not None else None
    given = given_variables(how["variables"])
    speed, seed = speed_of(how["speed"], earlier), seed_of(how["seed"], earlier)
    files = {form: Path(how[form]) for form in ("junit", "html", "report") if how[form]}
    reports: list[Report] = []
    with _there(setup, names, given, how) if far else _apart(setup, names, given, earlier, how) as player:
        write_reports(files, [])  # what cannot be written is said before anything is sent
        started = clock.monotonic()
        asked = len(player.scenarios)
        with _interruptible() as stopped:
            for scenario in player.scenarios:
                try:
                    report = player.play(scenario, speed=speed, seed=seed, stopped=stopped)
                except EmitterError:
                    if reports:  # those that were played before are told, all the same
                        write_reports(files, reports)
                    raise
                reports.append(report)
                _show(setup.format, report, verbose=verbose, quiet=quiet, alone=asked == 1, more=player.more(report))
                if stopped.is_set() or unanswered(report) or (fail_fast and report.status not in ("passed", "skipped")):
                    break
        player.trim(len(reports))
    write_reports(files, reports)
    if setup.format == "json":
        say(as_json([_json(each) for each in reports]))
    if setup.format == "table":
        if asked > 1:
            say(counted_up(reports, asked, clock.monotonic() - started))
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


def _show(form: str, report: Report, *, verbose: bool, quiet: bool, alone: bool, more: str) -> None:
    if form == "jsonl":
        say(as_json(_json(report), indent=None))
    elif form == "table" and (not quiet or report.status not in ("passed", "skipped")):
        for line in story(report, verbose=verbose):
            say(line)
        if more:
            say(paint(f"See more: {more}", DIM))
        if not alone:
            say()
    elif form == "table":
        say(one_line(report))
    sys.stdout.flush()


def _json(report: Report) -> dict[str, Any]:
    from emitter.report import to_json

    return to_json(report)


class _Player(Protocol):
    """Plays one scenario after the other."""

    @property
    def scenarios(self) -> Sequence[Any]: ...

    def play(self, scenario: Any, *, speed: float, seed: int | None, stopped: threading.Event) -> Report: ...

    def more(self, report: Report) -> str:
        """The command that shows more of a run, where its report does not say so itself."""
        ...

    def trim(self, played: int) -> None:
        """Let the oldest runs go, none of those that were just played."""
        ...


@contextmanager
def _apart(
    setup: Setup, names: tuple[str, ...], given: dict[str, str], earlier: Kept | None, how: dict[str, Any]
) -> Iterator[_Player]:
    setup, there = begun_with(setup, how["world"], earlier)
    scenarios = [as_it_was(setup, earlier, given, there)] if earlier else scenarios_of(setup, names, given, there)
    target = target_of(setup, how, earlier, names)
    yield _Apart(setup, scenarios, target, store_of(setup, len(scenarios)))


@contextmanager
def _there(setup: Setup, names: tuple[str, ...], given: dict[str, str], how: dict[str, Any]) -> Iterator[_Player]:
    from emitter.cli.door import running
    from emitter.cli.run_there import There, target_there, texts_of

    client = running(setup)
    assert client is not None, "it was named"
    with client:
        texts = texts_of(client, names, given)
        yield There(client, texts, target_there(client, how, names))


class _Apart:
    """Plays each in a simulator of its own."""

    def __init__(self, setup: Setup, scenarios: Sequence[Scenario], target: Target, store: Path | None | str) -> None:
        from emitter.runs import Runs

        self.scenarios = scenarios
        self._settings, self._target, self._store = setup.settings, target, store
        self._runs = Runs()

    def play(self, scenario: Scenario, *, speed: float, seed: int | None, stopped: threading.Event) -> Report:
        """Play one, showing on a terminal how far it is."""
        from emitter.runs import play_apart

        run, path = self._runs.new(scenario.name)
        store = path if self._store == "" else self._store
        if seed is None and scenario.seed is None:
            seed = self._settings.seed
        line = Line()
        try:
            report = play_apart(
                scenario, settings=self._settings, store=Path(store) if store else None, run=run,
                seed=seed, speed=speed, to=self._target.to,
                signing_key=self._target.signing_key, verify_tls=self._target.verify_tls, ca=self._target.ca,
                watch=_watching(line, scenario.name), stopped=stopped,
            )  # fmt: skip
        finally:
            line.clear()
        return replace(report, file=shown(scenario.file))

    def more(self, report: Report) -> str:
        return ""

    def trim(self, played: int) -> None:
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
            line.show(under_way(name, clock.rfc3339(progress.at, 0), progress.events, progress.words))

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
