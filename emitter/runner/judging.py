"""Holds what happened in a run against what was expected of it, in words that say what came instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emitter.delivery import masked
from emitter.errors import BadValue, EmitterError
from emitter.query import matching_types
from emitter.report import Finding
from emitter.runner import own_system
from emitter.runner.chronicle import Chronicle
from emitter.runner.conditions import MISSING, holds, said, written
from emitter.runner.scope import Scope, member
from emitter.runner.sequences import MOST_SHOWN, Sequences, counted
from emitter.runner.stage import Stage
from emitter.scenario.steps import (
    Condition,
    ContractExpected,
    DeliveriesExpected,
    EventsExpected,
    Expectation,
    SignaturesExpected,
    StateExpected,
    SystemExpected,
)
from emitter.store.rows import AttemptRow
from emitter.store.tally import Place, RunTally


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a run had got when it was last looked at."""

    events: int = 0
    place: Place | None = None


class Judging:
    """Judges expectations. It waits for nothing: whoever asks has let what is under way come to its end."""

    def __init__(self, *, stage: Stage, chronicle: Chronicle, tally: RunTally) -> None:
        self._stage, self._chronicle, self._tally = stage, chronicle, tally
        self._names = stage.catalog.names
        self.sequences = Sequences(stage.catalog)

    def checkpoint(self) -> Checkpoint:
        """What a later expectation may look back to."""
        return Checkpoint(len(self._chronicle), RunTally.here(self._stage.store.reader))

    def judge(self, expected: Expectation, scope: Scope, since: Checkpoint) -> list[Finding]:
        """Say of each claim in an expectation whether it holds."""
        match expected:
            case EventsExpected():
                return list(self._events(expected, scope, since))
            case DeliveriesExpected():
                return list(self._deliveries(expected, since))
            case SignaturesExpected():
                return self._verdicts("signatures", expected, self._signatures(since), expected.line)
            case ContractExpected():
                return self._verdicts("bodies", expected, self._contract(since), expected.line)
            case StateExpected():
                return list(self._state(expected, scope))
            case SystemExpected():
                return list(self._system(expected, scope))
        raise AssertionError(expected)

    # --- events -----------------------------------------------------------------------------------------------------

    def _events(self, expected: EventsExpected, scope: Scope, since: Checkpoint) -> Iterator[Finding]:
        about = scope.thing(expected.about).id if expected.about else ""
        found = self._chronicle.types(since.events, about)
        return self.sequences.judge(expected, found, of=f" about {expected.about}" if expected.about else "")

    def _short(self, name: str) -> str:
        return self.sequences.short(name)

    # --- deliveries -------------------------------------------------------------------------------------------------

    def _deliveries(self, expected: DeliveriesExpected, since: Checkpoint) -> Iterator[Finding]:
        names = matching_types(expected.types, self._names) if expected.types else []
        if expected.types and not names:
            names = list(expected.types)
        of = f" of {', '.join(self._short(each) for each in names)}" if names else ""
        if expected.states or expected.total is not None:
            states = self._tally.deliveries(since.place, names)
            there = ", ".join(f"{count:,} {state}" for state, count in states.items()) or "none"
            for state, count in expected.states.items():
                details = (
                    () if count.holds(states.get(state, 0)) else (f"there are: {there}", *self._told(state, since))
                )
                yield counted(f"deliveries{of} {state}", count, states.get(state, 0), expected.line, details)
            if expected.total is not None:
                yield counted(
                    f"deliveries{of}", expected.total, sum(states.values()), expected.line, (f"there are: {there}",)
                )
        if expected.statuses or expected.attempts is not None or expected.slowest is not None:
            yield from self._attempts(expected, since, names, of)

    def _attempts(
        self, expected: DeliveriesExpected, since: Checkpoint, names: list[str], of: str
    ) -> Iterator[Finding]:
        found = self._tally.attempts(since.place, names)
        there = ", ".join(f"{count:,} with {status}" for status, count in found.statuses.items()) or "none"
        for status, count in expected.statuses.items():
            number = sum(many for each, many in found.statuses.items() if _is_status(each, status))
            details = () if count.holds(number) else (f"attempts: {there}", *self._worst(since, names, status))
            yield counted(f"attempts{of} answered {status}", count, number, expected.line, details)
        if expected.attempts is not None:
            yield counted(f"attempts{of}", expected.attempts, found.total, expected.line, (f"attempts: {there}",))
        if expected.slowest is not None:
            limit = round(expected.slowest.total_seconds() * 1_000_000)
            late = self._tally.attempt_ids(since.place, names, most=MOST_SHOWN, slower_than=limit)
            yield Finding(
                f"the slowest answer{of} takes at most {_milliseconds(limit)}",
                not late,
                f"the slowest took {_milliseconds(found.slowest)}",
                tuple(f"{self._attempt(row)} took {_milliseconds(row.total or 0)}" for row in self._tally.rows(late)),
                expected.line,
                varies=True,
            )

    def _told(self, state: str, since: Checkpoint) -> list[str]:
        """The attempts that did not go as the state says, the first few."""
        return self._first(since, [], lambda row: row.state != state or state != "accepted")

    def _worst(self, since: Checkpoint, names: list[str], status: str) -> list[str]:
        return self._first(since, names, lambda row: not _is_status(str(row.status or "none"), status))

    def _first(self, since: Checkpoint, names: list[str], wanted: Callable[[AttemptRow], bool]) -> list[str]:
        found = []
        for row in self._tally.rows(self._tally.attempt_ids(since.place, names, most=5_000)):
            if wanted(row):
                found.append(self._attempt(row))
                if len(found) == MOST_SHOWN:
                    break
        return found

    def _attempt(self, row: AttemptRow) -> str:
        """One attempt in a few words."""
        entry = self._chronicle.of(row.event_id)
        name = self._chronicle.product_names.get(entry.product, "") if entry else ""
        answer = f"answered {row.status}" if row.status else f"was {row.outcome}"
        number = f", attempt {row.number}," if row.number > 1 else ""
        why = f" ({row.error})" if row.error else ""
        return f"attempt {row.id}: {self._short(row.type)}{f' for {name}' if name else ''}{number} {answer}{why}"

    # --- what left --------------------------------------------------------------------------------------------------

    def _signatures(self, since: Checkpoint) -> Iterator[tuple[str, str]]:
        judge = self._stage.history
        for row, wire in self._tally.wires(since.place):
            body = row.body if wire.body is None else wire.body
            found = judge.signature(wire.headers, body, judge.webhook_of(row.webhook))
            if found["ok"]:
                yield "valid", ""
            elif not found["signed"]:
                yield "missing", f"{self._attempt(row)}: {found['reason']}"
            else:
                yield "invalid", f"{self._attempt(row)}: {found['reason']}"

    def _contract(self, since: Checkpoint) -> Iterator[tuple[str, str]]:
        judge = self._stage.history
        for row, wire in self._tally.wires(since.place):
            if wire.body is None and row.verdict == "valid":  # judged when it was made
                yield "valid", ""
                continue
            found = judge.contract(row.body if wire.body is None else wire.body)
            first = found["violations"][0] if found["violations"] else None
            why = f"{first['pointer']} {first['message']}" if first else f"{row.type} has no schema"
            yield found["verdict"], "" if found["verdict"] == "valid" else f"{self._attempt(row)}: {why}"

    def _verdicts(
        self,
        what: str,
        expected: SignaturesExpected | ContractExpected,
        found: Iterator[tuple[str, str]],
        line: int,
    ) -> list[Finding]:
        counts: dict[str, int] = {}
        wrong: list[str] = []
        for verdict, why in found:
            counts[verdict] = counts.get(verdict, 0) + 1
            if why and len(wrong) < MOST_SHOWN:
                wrong.append(why)
        there = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items()) or "nothing was sent"
        if expected.all_valid:
            right = set(counts) <= {"valid"}
            return [Finding(f"all {what} that left are valid", right, there, tuple(wrong) if not right else (), line)]
        return [
            counted(
                f"{what} {verdict}", count, counts.get(verdict, 0), line,
                (there, *wrong) if not count.holds(counts.get(verdict, 0)) else (),
            )
            for verdict, count in expected.counts.items()
        ]  # fmt: skip

    # --- states -----------------------------------------------------------------------------------------------------

    def _state(self, expected: StateExpected, scope: Scope) -> Iterator[Finding]:
        world = self._stage.world
        thing = scope.thing(expected.name)
        entity: Mapping[str, Any] = world.show(world.find(thing.kind, thing.id))
        for path, condition in expected.members.items():
            wanted = scope.value(condition)
            missing: tuple[str, ...] = ()
            try:
                found = member(entity, path.split("."), path)
            except BadValue as error:
                found, missing = MISSING, (str(error),)
            right = holds(wanted, found)
            instead = f"it is {written(found)}"
            yield Finding(
                f"{path} of {expected.name} {said(wanted)}", right, instead, () if right else missing, expected.line
            )

    def _system(self, expected: SystemExpected, scope: Scope) -> Iterator[Finding]:
        url = str(scope.value(expected.url))
        headers = tuple((name, str(scope.value(value))) for name, value in expected.headers.items())
        try:
            told = own_system.ask(url, headers, self._stage.egress)
        except EmitterError as error:
            yield Finding(f"GET {masked(url)} answers", False, str(error), line=expected.line, varies=True)
            return
        where = f"GET {masked(url)}"
        right = told.status is not None and expected.status.holds(told.status)
        yield Finding(
            f"{where} answers {expected.status}", right, told.error or f"it answered {told.status}",
            () if right or not told.text else (f"body: {written(told.text)}",), expected.line, varies=True,
        )  # fmt: skip
        if told.error:
            return
        for path, condition in expected.where.items():
            yield _found_in(told, path, scope.value(condition), where, expected.line)


def _found_in(told: own_system.Told, path: str, wanted: Condition, where: str, line: int) -> Finding:
    claim = f"{path} of {where} {said(wanted)}"
    if not told.is_json:
        return Finding(claim, False, f"the body is no JSON: {written(told.text)}", line=line, varies=True)
    from jsonpath_rfc9535 import find

    nodes = [node.value for node in find(path, told.value)]
    found = MISSING if not nodes else nodes[0] if len(nodes) == 1 else nodes
    right = holds(wanted, found)
    instead = "it finds nothing" if not nodes else f"it finds {written(found)}"
    return Finding(claim, right, instead, () if right else (f"body: {written(told.text)}",), line, varies=True)


def _is_status(status: str, wanted: str) -> bool:
    return status == wanted or (wanted.endswith("xx") and len(status) == 3 and status[0] == wanted[0])


def _milliseconds(microseconds: int) -> str:
    return f"{microseconds / 1000:,.1f} ms"
