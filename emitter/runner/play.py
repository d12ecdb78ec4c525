"""One run on a simulator: act, trigger, let time pass, expect; what a scenario's steps do, and Python may do itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from emitter import clock
from emitter.clock import SECOND
from emitter.errors import Conflict, EmitterError, IllegalAction
from emitter.faults import FaultSpec
from emitter.report import Finding
from emitter.runner.chronicle import Chronicle
from emitter.runner.judging import Checkpoint, Judging
from emitter.runner.scope import Scope, Thing
from emitter.runner.stage import Json, Stage
from emitter.scenario import expected
from emitter.scenario.names import CHECKPOINT
from emitter.scenario.steps import Expectation
from emitter.store.tally import RunTally
from emitter.trigger import TriggerSpec
from emitter.world import ACTIONS

_POLL = 0.05


class Stopped(EmitterError):
    """The run was ended from outside."""

    def __init__(self) -> None:
        super().__init__("The run was stopped.")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: what is done now, at which simulated moment, how many events there were."""

    words: str
    at: int
    events: int


class Play:
    """A run: everything it makes bears its name. `speed` is simulated seconds a second, 0 as fast as can be.

    `seed` is what its chance draws from. `stopped` ends it between two steps, and while it waits. Close it, or use it
    as a context manager: it listens to the world.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        run: str,
        name: str = "",
        seed: int | None = None,
        speed: float = 0.0,
        watch: Callable[[Progress], None] | None = None,
        stopped: threading.Event | None = None,
    ) -> None:
        self.stage, self.run, self.speed = stage, run, speed
        self.seed = stage.factory.seed if seed is None else seed
        self.chance = Random(f"{self.seed}/play/{name}")
        self.chronicle = Chronicle(run)
        self.tally = RunTally(stage.store.reader, run, RunTally.here(stage.store.reader))
        self.judging = Judging(stage=stage, chronicle=self.chronicle, tally=self.tally)
        self.scope = Scope(self.show)
        self.began, self.wall_began = stage.clock.now(), clock.wall()
        self._watch = watch
        self._stopped = stopped or threading.Event()
        self._monotonic = clock.monotonic()
        self._start = Checkpoint(0, self.judging.checkpoint().place)
        self._checkpoints = {"start": self._start, "last": self._start}
        stage.world.listeners.append(self.chronicle.heard)

    def __enter__(self) -> Play:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more."""
        if self.chronicle.heard in self.stage.world.listeners:
            self.stage.world.listeners.remove(self.chronicle.heard)

    def show(self, thing: Thing) -> Json:
        """An entity as the API shows it, as it is now."""
        world = self.stage.world
        return world.show(world.find(thing.kind, thing.id))

    # --- what happens -----------------------------------------------------------------------------------------------

    def act(self, action: str, /, *, as_: str = "", faults: Sequence[FaultSpec] = (), **parameters: Any) -> Thing:
        """Do something in the simulated app; things, and names of the scope, may stand for entities in its parameters.

        Returns what it was done to, which `as_` stands for from then on. Raises what `World.act` does.
        """
        return self.acted(action, self.scope, parameters, name=as_, faults=faults)[0]

    def acted(
        self,
        action: str,
        scope: Scope,
        parameters: Mapping[str, Any],
        *,
        name: str = "",
        faults: Sequence[FaultSpec] = (),
        line: int = 0,
    ) -> tuple[Thing, Json]:
        """As `act`, under a scope; gives the entity as it is now, too."""
        kinds = {each.name: each.kind for each in ACTIONS[action].parameters()} if action in ACTIONS else {}
        resolved = {key: scope.parameter(kinds.get(key, ""), value) for key, value in parameters.items()}
        with self._caused_by(line), self._faulting(faults):
            done = self.stage.act(action, run=self.run, **resolved)
        entity = done["entity"]
        thing = Thing(done["kind"], str(entity["globalUserId"] if done["kind"] == "user" else entity["id"]))
        if name:
            scope.name(name, thing)
        return thing, done

    def refused(self, action: str, scope: Scope, parameters: Mapping[str, Any]) -> Finding:
        """Try what the app is to refuse, and say whether it did."""
        claim = f"the app refuses to {action.replace('_', ' ')}"
        try:
            _, done = self.acted(action, scope, parameters)
        except IllegalAction as error:
            return Finding(claim, True, str(error))
        state = done["entity"].get("status") or done["entity"].get("xSimulator", {}).get("state", "as it should not be")
        return Finding(claim, False, f"it was done: the {done['kind']} is {state} now")

    def trigger(
        self, spec: TriggerSpec, *, product: Thing | None = None, faults: Sequence[FaultSpec] = (), line: int = 0
    ) -> list[str]:
        """Make events that the world knows nothing of, about one of its products if asked; return their types."""
        if product is not None:
            spec = replace(spec, product=product.id)
        with self._caused_by(line), self._faulting(faults):
            made = self.stage.trigger(spec)
            for each in made:
                number = self.stage.store.event_ids.read(each["id"])
                self.chronicle.note(
                    number or 0, each["type"], clock.parse_rfc3339(each["timestamp"]), each["verdict"],
                    each["dataProductId"], each["dataProductName"],
                )  # fmt: skip
        return [each["type"] for each in made]

    @contextmanager
    def _caused_by(self, line: int) -> Iterator[None]:
        self.check_stopped()
        self.chronicle.line = line
        try:
            yield
        finally:
            self.chronicle.line = 0

    @contextmanager
    def _faulting(self, faults: Sequence[FaultSpec]) -> Iterator[None]:
        if not faults:
            yield
            return
        with self.stage.faulting(faults):
            yield

    # --- time -------------------------------------------------------------------------------------------------------

    def advance(self, by: timedelta, *, faults: Sequence[FaultSpec] = ()) -> None:
        """Let simulated time pass, and happen what falls due."""
        self.pass_to(self.stage.clock.now() + by // timedelta(microseconds=1) * 1000, faults)

    def pass_to(self, moment: int, faults: Sequence[FaultSpec] = ()) -> None:
        """Let simulated time pass until a moment, no faster than `speed` says; raises `Conflict` where it cannot."""
        self.check_stopped()
        if not self.stage.clock.virtual:
            if self.speed != 1:
                raise Conflict(
                    "Time cannot be moved here: the clock is the machine's. Start the simulator with --start TIME, or "
                    "play at speed 1 and wait for real."
                )
            self.pause((moment - self.stage.clock.now()) / SECOND)
            return
        with self._faulting(faults):
            self.stage.pass_to(moment, self._arrive)

    def _arrive(self, moment: int) -> None:
        """Be in no hurry: a moment of simulated time comes when its share of real time has passed."""
        self.check_stopped()
        if self.speed:
            due = self._monotonic + (moment - self.began) / SECOND / self.speed
            self.pause(due - clock.monotonic())

    def pause(self, seconds: float) -> None:
        """Let real time pass; raises `Stopped` if the run is ended meanwhile."""
        deadline = clock.monotonic() + seconds
        while (left := deadline - clock.monotonic()) > 0:
            if self._stopped.wait(min(left, 3600.0)):
                raise Stopped

    def check_stopped(self) -> None:
        """Raise `Stopped` if the run was ended."""
        if self._stopped.is_set():
            raise Stopped

    def settle(self) -> None:
        """Wait until all that is due has been sent and recorded."""
        while not self.stage.settle(1.0):
            self.check_stopped()

    def tell(self, words: str) -> None:
        """Tell whoever watches where the run is."""
        if self._watch is not None:
            self._watch(Progress(words, self.stage.clock.now(), len(self.chronicle)))

    # --- expectations -----------------------------------------------------------------------------------------------

    def expect(self, *, as_: str = "", **words: Any) -> list[Finding]:
        """Hold what happened against what should have, in the words of a scenario, and say what was found.

        As `expect(events=["request-created"], deliveries={"accepted": 1}, within="5s")`. Raises `ScenarioError` for
        what the language has no word for.
        """
        asked = expected(words, catalog=self.stage.catalog, things={**self.scope.things(), **self._looked()})
        return self.judged(asked.expectations, self.scope, within=asked.within, name=as_)

    def _looked(self) -> dict[str, str]:
        return dict.fromkeys(set(self._checkpoints) - {"start", "last"}, CHECKPOINT)

    def judged(
        self, asked: Sequence[Expectation], scope: Scope, *, within: timedelta = timedelta(0), name: str = ""
    ) -> list[Finding]:
        """As `expect`, of what was read already, under a scope.

        Afterwards `since: last`, and `since` with its name, look back to this moment.
        """
        deadline = clock.monotonic() + within.total_seconds()
        while True:
            self.settle()
            findings = [finding for each in asked for finding in self._judge(each, scope)]
            if all(each.passed for each in findings) or clock.monotonic() >= deadline:
                break
            self.pause(_POLL)
        self._checkpoints["last"] = here = self.judging.checkpoint()
        if name:
            self._checkpoints[name] = here
        return findings

    def _judge(self, asked: Expectation, scope: Scope) -> list[Finding]:
        return self.judging.judge(asked, scope, self._checkpoints.get(asked.since, self._start))
