"""Plays a scenario: each step does what it says on a `Play`, in simulated time, and its note says what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from emitter.clock import parse_rfc3339
from emitter.errors import BadValue, EmitterError
from emitter.runner.notes import Notes
from emitter.runner.play import Play, Stopped
from emitter.runner.scope import Scope
from emitter.runner.timetable import Faults, Row, Rows, Timetable, Until
from emitter.runner.words import act_words
from emitter.scenario.steps import (
    Act,
    Advance,
    ChangeWebhook,
    Choose,
    Expect,
    Parallel,
    Repeat,
    Scenario,
    Step,
    Trigger,
    Wait,
)
from emitter.trigger import TriggerSpec
from emitter.typed import duration

MOST_ROUNDS = 1_000_000


class Aborted(Exception):
    """A step could not be played; its note says why."""


class Performance:
    """One scenario on one play."""

    def __init__(self, scenario: Scenario, play: Play, notes: Notes, webhooks: list[str]) -> None:
        self._scenario, self._play, self._notes, self._webhooks = scenario, play, notes, webhooks
        self._now = play.stage.clock.now

    def run(self) -> None:
        """Play it to its end; raises `Aborted` where a step could not be played, and `Stopped`."""
        scope = self._play.scope
        for name, value in self._scenario.variables.items():
            scope.name(name, value)
        table = Timetable(now=self._now, pass_to=self._play.pass_to)
        table.play(self._row((*self._scenario.cast, *self._scenario.steps), scope, ()))
        self._play.settle()

    def _row(self, steps: tuple[Step, ...], scope: Scope, faults: Faults) -> Row:
        for step in steps:
            note = self._notes.of(step)
            note.began(self._now())
            self._play.tell(note.words)
            under = (*faults, *(each.begun(self._now()) for each in step.faults))
            try:
                yield from self._step(step, scope, under)
            except Stopped:
                raise
            except EmitterError as error:
                note.error = str(error)
                raise Aborted from error

    def _step(self, step: Step, scope: Scope, faults: Faults) -> Row:
        match step:
            case Act():
                self._act(step, scope, faults)
            case Trigger():
                self._trigger(step, scope, faults)
            case Advance():
                before = len(self._play.chronicle)
                yield Until(self._goal(step, scope), faults)
                if (note := self._notes.of(step)).alone:
                    note.caused(range(before, len(self._play.chronicle)))
            case Wait():
                self._wait(step, scope)
            case Expect():
                found = self._play.judged(step.expectations, scope, within=step.within, name=step.name)
                self._notes.of(step).judged(found)
            case Repeat():
                yield from self._repeat(step, scope, faults)
            case Parallel():
                yield Rows([(self._now(), self._row(each, scope.inner(), faults)) for each in step.branches], faults)
            case Choose():
                weights = [each.weight for each in step.options]
                chosen = self._play.chance.choices(step.options, weights)[0]
                yield from self._row(chosen.steps, scope, faults)
            case ChangeWebhook():
                self._change(step.change)

    def _act(self, step: Act, scope: Scope, faults: Faults) -> None:
        note, before = self._notes.of(step), len(self._play.chronicle)
        if step.refused:
            note.judged([self._play.refused(step.action, scope, step.parameters)])
            return
        _, done = self._play.acted(
            step.action, scope, step.parameters, name=step.name, faults=faults, line=step.line
        )  # fmt: skip
        if note.times == 1 and not step.title:
            told = {key: scope.value(value) for key, value in step.parameters.items()}
            note.words = act_words(step.action, told, done["entity"])
        note.caused(range(before, len(self._play.chronicle)))

    def _trigger(self, step: Trigger, scope: Scope, faults: Faults) -> None:
        count = _whole("count", scope.value(step.count))
        spec = TriggerSpec(
            type=step.type if step.body is None else "", body=step.body, set=dict(scope.value(step.set)),
            unset=step.unset, count=count, profile=step.profile, allow_invalid=step.allow_invalid, run=self._play.run,
        )  # fmt: skip
        product = scope.thing(step.product) if step.product else None
        before = len(self._play.chronicle)
        self._play.trigger(spec, product=product, faults=faults, line=step.line)
        self._notes.of(step).caused(range(before, len(self._play.chronicle)))

    def _goal(self, step: Advance, scope: Scope) -> int:
        if step.to is not None:
            found = scope.value(step.to)
            return found if isinstance(found, int) else _moment(found)
        return self._now() + _nanoseconds(scope.value(step.by), "advance")

    def _wait(self, step: Wait, scope: Scope) -> None:
        if step.pause is not None:
            self._play.settle()
            self._play.pause(step.pause.total_seconds())
            return
        found = self._play.judged(step.until, scope, within=step.timeout)
        self._notes.of(step).judged(found)

    # --- again and again --------------------------------------------------------------------------------------------

    def _repeat(self, step: Repeat, scope: Scope, faults: Faults) -> Row:
        rounds = list(self._rounds(step, scope))
        if step.overlap:
            start = self._now()
            begun = self._beginnings(step, scope, len(rounds))
            yield Rows(
                ((start + at, self._row(step.steps, each, faults)) for at, each in zip(begun, rounds, strict=True)),
                faults,
            )
            return
        start = self._now()
        for at, each in zip(self._beginnings(step, scope, len(rounds)), rounds, strict=True):
            if start + at > self._now():
                yield Until(start + at, faults)
            yield from self._row(step.steps, each, faults)

    def _rounds(self, step: Repeat, scope: Scope) -> Iterator[Scope]:
        values: Any = None if step.values is None else scope.value(step.values)
        times = len(values) if values is not None else _whole("repeat", scope.value(step.times))
        for place in range(times):
            named = {step.name: values[place]} if values is not None and step.name else {}
            yield scope.inner(round=place + 1, **named)

    def _beginnings(self, step: Repeat, scope: Scope, count: int) -> list[int]:
        """When each round begins, from the beginning of the first on."""
        if step.over is not None:
            length = _nanoseconds(scope.value(step.over), "over")
            return sorted(int(self._play.chance.random() * length) // 1000 * 1000 for _ in range(count))
        every = 0 if step.every is None else _nanoseconds(scope.value(step.every), "every")
        return [every * place for place in range(count)]

    # --- webhooks ---------------------------------------------------------------------------------------------------

    def _change(self, change: str) -> None:
        self._play.settle()
        for webhook_id in self._webhooks:
            match change:
                case "pause":
                    self._play.stage.change_webhook(webhook_id, paused=True)
                case "suppress":
                    self._play.stage.change_webhook(webhook_id, suppressed=True)
                case _:
                    self._play.stage.change_webhook(webhook_id, paused=False, suppressed=False)


def _whole(name: str, value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and int(text) <= MOST_ROUNDS):
        raise BadValue(name, text, f"is no whole number up to {MOST_ROUNDS:,}.")
    return int(text)


def _nanoseconds(value: Any, name: str) -> int:
    found = value if isinstance(value, timedelta) else duration(str(value), name)
    return found // timedelta(microseconds=1) * 1000


def _moment(value: Any) -> int:
    try:
        return parse_rfc3339(str(value))
    except ValueError:
        raise BadValue("to", str(value), "is no time as 2030-01-31T09:00:00Z.") from None
