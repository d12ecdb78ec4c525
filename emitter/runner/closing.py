"""What a run has come to: its notes, its chronicle and what is counted of it become a Report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from emitter import clock
from emitter.report import ERROR, FAILED, PASSED, SKIPPED, Mark, Report, Tally, Tick
from emitter.runner.chronicle import Entry
from emitter.runner.notes import Notes
from emitter.runner.play import Play
from emitter.runner.words import moment
from emitter.scenario.steps import Name, Scenario, Template

MOST_MARKS = 2_000
MOST_LOST = 20


class Closing:
    """Draws up the report of a play that is over, or that has broken off."""

    def __init__(self, scenario: Scenario, play: Play, notes: Notes) -> None:
        self._scenario, self._play, self._notes = scenario, play, notes
        self._aliases = {each.name: each.alias or each.name for each in play.stage.catalog}

    def report(self, *, target: str, error: str = "", skipped: str = "", version: str = "", store: str = "") -> Report:
        """The whole of it."""
        play, scenario = self._play, self._scenario
        marks = self._marks()
        steps = self._notes.reports(lambda place: self._told(place, marks))
        lost, left_out = self._lost()
        failed = any(each.status == FAILED for each in steps)
        broken = error or next((each.error for each in steps if each.error), "")
        return Report(
            run=play.run, scenario=scenario.name,
            status=SKIPPED if skipped else ERROR if broken else FAILED if failed else PASSED,
            description=scenario.description, file=scenario.file.name if scenario.file else "",
            seed=play.seed, start=play.began, end=play.stage.clock.now(), speed=play.speed, target=target,
            variables={name: plain(value) for name, value in scenario.variables.items()},
            settings=dict(scenario.settings), steps=steps, tally=self._tally(), marks=marks,
            marks_left_out=len(play.chronicle) - len(marks), lost=lost, lost_left_out=left_out,
            error=skipped or error, wall_start=play.wall_began,
            took=(clock.wall() - play.wall_began) / clock.SECOND, version=version, store=store,
        )  # fmt: skip

    def _tally(self) -> Tally:
        attempts = self._play.tally.attempts()
        return Tally(
            events=dict(sorted(self._play.chronicle.counts().items())), deliveries=self._play.tally.deliveries(),
            outcomes=attempts.outcomes, statuses=attempts.statuses,
            verdicts=dict(sorted(self._play.chronicle.verdicts.items())), faults=self._play.tally.faults(),
        )  # fmt: skip

    def _marks(self) -> tuple[Mark, ...]:
        entries = list(self._play.chronicle.entries(0, MOST_MARKS))
        if not entries:
            return ()
        ticks: dict[int, list[Tick]] = {}
        for event, _, number, scheduled, outcome, status, faults in self._play.tally.attempts_of_events(
            min(each.event for each in entries), max(each.event for each in entries)
        ):
            names = tuple(faults.split(",")) if faults else ()
            ticks.setdefault(event, []).append(Tick(scheduled, number, outcome, status or None, names))
        return tuple(self._mark(each, tuple(ticks.get(each.event, ()))) for each in entries)

    def _mark(self, entry: Entry, ticks: tuple[Tick, ...]) -> Mark:
        return Mark(
            at=entry.at, type=entry.type, product=self._play.chronicle.product_names.get(entry.product, ""),
            request=self._called(entry.request), line=entry.line, ticks=ticks,
            dropped="" if ticks else self._untold(entry),
        )  # fmt: skip

    def _told(self, place: int, marks: tuple[Mark, ...]) -> str:
        """An event in a few words: its type, and what became of it if that was looked up."""
        if place >= len(marks):
            entry = next(self._play.chronicle.entries(place, 1))
            return self._aliases.get(entry.type, entry.type)
        mark = marks[place]
        name = self._aliases.get(mark.type, mark.type)
        return f"{name}: {outcome(mark)}"

    def _untold(self, entry: Entry) -> str:
        """Why an event has no attempt."""
        rows = self._play.stage.store.reader.deliveries_of(entry.event)
        if not rows:
            return "there was no webhook to take it"
        return rows[0].note or f"its delivery is {rows[0].state}"

    def _called(self, request: str) -> str:
        """What people call a request: the name in the scenario, or whose it is."""
        if not request:
            return ""
        name = self._play.scope.called(request)
        if name:
            return name
        user = self._play.stage.world.known.users.get(self._play.chronicle.request_users.get(request, ""))
        return user.name if user else request

    def _lost(self) -> tuple[tuple[str, ...], int]:
        found, more = self._play.tally.lost(MOST_LOST)
        return tuple(self._told_lost(each.event, each.state, each.attempts, each.note) for each in found), more

    def _told_lost(self, event: int, state: str, attempts: int, note: str) -> str:
        entry = self._play.chronicle.of(event)
        if entry is None:
            return f"an event: {state}"
        product = self._play.chronicle.product_names.get(entry.product, "")
        about = f' for "{product}"' if product else ""
        tries = f" after {attempts} attempts" if attempts > 1 else ""
        return f"{moment(entry.at)} {self._aliases.get(entry.type, entry.type)}{about}: {state}{tries}" + (
            f" ({note})" if note else ""
        )


def outcome(mark: Mark) -> str:
    """What became of an event, all its deliveries together."""
    if not mark.ticks:
        return mark.dropped or "not sent"
    last: list[Tick] = []
    for tick in mark.ticks:  # by delivery, and within it by number
        if tick.number > 1 and last:
            last.pop()
        last.append(tick)
    ways = Counter(
        f"{each.outcome}{f' {each.status}' if each.status else ''}"
        f"{f' at attempt {each.number}' if each.number > 1 else ''}"
        for each in last
    )
    return ", ".join(f"{way}{f' ({count} times)' if count > 1 else ''}" for way, count in ways.items())


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Template | Name):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
