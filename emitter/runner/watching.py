"""Expectations outside of a run: the whole history, or the part of it that bears one name, held against them.

What a scenario's `expect` says, anybody may ask of a simulator, again and again, and of the receivers that it keeps.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson

from emitter import clock
from emitter.errors import BadValue, Conflict, NotFound, UsageError, nearest, shown
from emitter.receiver import Capture
from emitter.report import Finding
from emitter.runner.catching import judge_caught, read_caught
from emitter.runner.chronicle import Chronicle
from emitter.runner.judged import Judged
from emitter.runner.judging import Checkpoint, Judging
from emitter.runner.nearest import Nearest, caught
from emitter.runner.scope import Scope, Thing
from emitter.runner.stage import Json, Stage
from emitter.scenario import expected
from emitter.scenario.names import CHECKPOINT, DOMAIN, ENTITIES, PRODUCT, REQUEST, RESERVED, SOURCE, USER
from emitter.scenario.steps import Expectation, StateExpected, SystemExpected
from emitter.scenario.texts import NAME, a_wait
from emitter.store.tally import Place, RunTally
from emitter.world import kind_of

MOST_EVENTS = 250_000
MOST_WATCHED = 64  # runs of which it is remembered how far they were looked at
MOST_NAMES = 200
MOST_MOMENTS = 1_000  # with a name, of one watch; the oldest are forgotten
MOST_ASKED = 20  # times that the caller's own system is asked: each may take its time
_PORTION = 2_000
_POLL = 0.02
_NAMED = (PRODUCT, USER, DOMAIN, SOURCE)

Captures = Callable[[str], Sequence[Capture]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the history and of receivers (by id), with the names that stand in it."""

    expectations: tuple[Expectation, ...]
    caught: Mapping[str, tuple[Expectation, ...]]
    names: Mapping[str, Thing]
    within: timedelta


class Watches:
    """One watch for each name of a run that is asked about, and one for everything; keeps them apart."""

    def __init__(self, stage: Stage, captures: Captures) -> None:
        self._stage, self._captures = stage, captures
        self._watches: OrderedDict[str, Watch] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: str = "") -> Watch:
        """The watch over a run, or over everything; raises `NotFound` where no event bears that name."""
        with self._lock:
            found = self._watches.get(run)
            if found is not None:
                self._watches.move_to_end(run)
                return found
        if run and run not in (known := self._stage.store.reader.runs()):
            close = nearest(run, known, most=3)
            raise NotFound(
                "run", run, f"Nearest: {', '.join(close)}." if close else "No event bears that name.", nearest=close
            )
        made = Watch(self._stage, run or None, self._captures)
        with self._lock:
            found = self._watches.setdefault(run, made)
            self._watches.move_to_end(run)
            while len(self._watches) > MOST_WATCHED:
                self._watches.popitem(last=False)
        return found

    def forget(self) -> None:
        """Begin anew, as the history does."""
        with self._lock:
            self._watches.clear()


class Watch:
    """Judges what is expected of a history that goes on. It waits for nothing: whoever asks does."""

    def __init__(self, stage: Stage, run: str | None, captures: Captures) -> None:
        self._stage, self._run, self._captures = stage, run, captures
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        reader = self._stage.store.reader
        self._chronicle = Chronicle(self._run or "")
        self._newest, self._too_long = 0, 0  # the oldest event when there were too many
        self._tally = RunTally(reader, self._run, start := Place())
        self._judging = Judging(stage=self._stage, chronicle=self._chronicle, tally=self._tally)
        self._nearest = Nearest(self._stage.store.reader, self._judging.sequences)
        self._start = Checkpoint(0, start)
        self._checkpoints: dict[str, Checkpoint] = {}

    # --- reading ----------------------------------------------------------------------------------------------------

    def read(self, words: Mapping[str, Any], things: Mapping[str, str] | None = None, *, name: str = "") -> Asked:
        """Read what is expected, in the words of a scenario's `expect`, and `receivers` by id beside them.

        `things` are names that stand in it, and the id or name of the entity that each stands for; an id or a name in
        the world stands for itself. Raises `ScenarioError`, `UnknownName`, `UsageError`, `NotFound`.
        """
        if name in RESERVED:
            raise BadValue("as", name, "has a meaning of its own; take another name.")
        if name and not NAME.fullmatch(name):
            raise BadValue("as", name, "is no name: a letter, then letters, digits, _ and -.")
        if not isinstance(words, Mapping):
            raise UsageError('What is expected is an object, as {"deliveries": {"accepted": 1}}.')
        words = dict(words)
        caught = self._read_caught(words.pop("receivers", {}))
        if len(things or ()) > MOST_NAMES:
            raise UsageError(f"An expectation names {MOST_NAMES} things at most.")
        mentioned = [each for each in islice(_mentioned(words), MOST_NAMES) if each not in (things or {})]
        there = set(self._stage.world.known.called()) if things or mentioned else set()
        names = {name: self._thing(text, there) for name, text in (things or {}).items()}
        names |= {text: self._thing(text, there) for text in mentioned}
        if caught and not set(words) - {"within"}:
            within = a_wait("within", words["within"]) if "within" in words else timedelta(0)
            return Asked((), caught, names, within)
        known = {name: each.kind for name, each in names.items()} | dict.fromkeys(
            set(self._checkpoints) - {"last"}, CHECKPOINT
        )
        found = expected(words, catalog=self._stage.catalog, things=known)
        if sum(isinstance(each, SystemExpected) for each in found.expectations) > MOST_ASKED:
            raise UsageError(f"An expectation asks your own system {MOST_ASKED} times at most.")
        return Asked(found.expectations, caught, names, found.within)

    def _read_caught(self, words: Any) -> dict[str, tuple[Expectation, ...]]:
        if not isinstance(words, Mapping):
            raise UsageError('receivers is an object, as {"receiver-1": {"total": 1}}.')
        for id in words:
            self._captures(id)
        return {id: read_caught(each, of=id, catalog=self._stage.catalog) for id, each in words.items()}

    def _thing(self, text: object, there: Container[tuple[str, str]]) -> Thing:
        found = self._looked_up(text, there) if isinstance(text, str) else None
        if found is None:
            close = nearest(str(text)[:200], self._names(), most=3)
            hint = f"Nearest: {', '.join(map(shown, close))}." if close else "Give the id of one, or its name."
            raise NotFound("thing in the world", text, hint, nearest=close)
        return found

    def _names(self) -> Iterator[str]:
        for kind in _NAMED:
            for each in self._stage.world.those(kind):
                yield getattr(each, "name", each.id)

    def _looked_up(self, text: str, there: Container[tuple[str, str]]) -> Thing | None:
        """What is called so, of whatever kind; None where nothing is, or more than one of a kind.

        `there` are the kinds and names of all there is: to look for one in vain costs a search for what is like it.
        """
        for kind in ENTITIES:
            if kind != REQUEST and (kind, text) not in there:  # a request is also known by its records
                continue
            try:
                entity = self._stage.world.find(kind, text)
            except (NotFound, UsageError, Conflict):
                continue
            return Thing(kind_of(entity), entity.id)
        return None

    # --- judging ----------------------------------------------------------------------------------------------------

    def judge(self, asked: Asked, *, name: str = "") -> Judged:
        """Judge now. If all of it holds, `since: last`, and `since` with its name, look back to this moment.

        Raises `Conflict` for a history of more than `MOST_EVENTS` events.
        """
        scope = Scope(self._show)
        for called, thing in asked.names.items():
            scope.name(called, thing)
        # The user's own system may take its time to answer, and holds up nobody else.
        of_system = [
            list(self._judging.judge(each, scope, self._start)) if isinstance(each, SystemExpected) else []
            for each in asked.expectations
        ]
        with self._lock:
            self._catch_up()
            wrong: list[Expectation] = []
            findings: list[Finding] = []
            for each, told in zip(asked.expectations, of_system, strict=True):
                found = told or self._judging.judge(each, scope, self._checkpoints.get(each.since, self._start))
                findings += found
                wrong += [] if all(one.passed for one in found) else [each]
            sent = [each for each in wrong if not isinstance(each, StateExpected | SystemExpected)]
            came = self._nearest.sent(self._chronicle, sent) if sent else []
            for id, expectations in asked.caught.items():
                captures = self._captures(id)
                found = list(judge_caught(expectations, captures, self._judging.sequences, of=id))
                findings += found
                if not all(one.passed for one in found):
                    came += caught(captures, expectations, self._judging.sequences)
            if all(one.passed for one in findings):
                self._checkpoints["last"] = here = self._judging.checkpoint()
                if name:
                    self._checkpoints.pop(name, None)
                    self._checkpoints[name] = here
                    while len(self._checkpoints) > MOST_MOMENTS + 1:  # `last` is one of them
                        del self._checkpoints[next(each for each in self._checkpoints if each != "last")]
            return Judged(tuple(findings), tuple(came))

    def hold(
        self, asked: Asked, *, name: str = "", seconds: float = 0.0, settle: Callable[[float], object] | None = None
    ) -> Judged:
        """Judge until it holds, for up to `seconds` of wall time; `settle` lets what is under way come to its end."""
        deadline = clock.monotonic() + seconds
        while True:
            judged = self.judge(asked, name=name)
            left = deadline - clock.monotonic()
            if judged.passed or left <= 0:
                return judged
            clock.pause(min(left, _POLL))
            if settle is not None:
                settle(max(deadline - clock.monotonic(), 0.0))

    def _show(self, thing: Thing) -> Json:
        return self._stage.world.show(self._stage.world.find(thing.kind, thing.id))

    def _catch_up(self) -> None:
        """Note the events that have come since the last time."""
        reader = self._stage.store.reader
        if reader.newest_event() < self._newest:  # another history has taken its place
            self._begin()
        if self._too_long:
            if self._too_long == reader.oldest_event():  # none has gone since, so there are too many still
                raise self._refused()
            self._begin()
        while rows := reader.events_after(self._newest, limit=_PORTION, run=self._run):
            requests = reader.requests_of(rows[0].id, rows[-1].id)
            for row in rows:
                product, name = _about(row.body)
                self._chronicle.note(row.id, row.type, row.stamp, row.verdict, product, name, requests.get(row.id, ""))
            self._newest = rows[-1].id
            if len(self._chronicle) > MOST_EVENTS:
                newest = self._newest
                self._begin()
                self._newest, self._too_long = newest, reader.oldest_event()
                raise self._refused()

    @staticmethod
    def _refused() -> Conflict:
        return Conflict(f"There are more than {MOST_EVENTS:,} events to look at. Name a run, or reset the simulator.")


def _mentioned(words: Mapping[str, Any]) -> Iterator[str]:
    """What may be the id or name of an entity."""
    world, events = words.get("world"), words.get("events")
    if isinstance(world, Mapping):
        yield from (name for name in world if isinstance(name, str))
    if isinstance(events, Mapping) and isinstance(events.get("about"), str):
        yield events["about"]


def _about(body: bytes) -> tuple[str, str]:
    """Which product a body is about, as it says itself."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", ""
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, dict):
        return "", ""
    id, name = data.get("dataProductId"), data.get("dataProductName")
    return id if isinstance(id, str) else "", name if isinstance(name, str) else ""
