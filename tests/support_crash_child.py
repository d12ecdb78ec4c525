"""The process that is killed: a simulator on a file, under load, that may end itself at a point of the write path.

Run as a program it is the stem: it has everything imported, reads one JSON object a line from standard input and forks
a process for each, so that a restart costs little. Each says how far it got, one JSON object a line.

Nothing in the program knows about this: points are reached by wrapping its functions from outside.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import emitter.store.store as store_module
from emitter.assumptions import Assumptions
from emitter.dispatcher import Accepted, Dispatcher
from emitter.event import Event
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.store import Store
from emitter.store.schema import ATTEMPT, EVENT, OUTCOME
from emitter.store.writer import Writer
from emitter.transport import Transport
from emitter.trigger import TriggerSpec

KEY = "crash-signing-key"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one process is to do, and where it is to die."""

    store: str
    journal: str  # of what was acknowledged
    sink: str = ""  # http://127.0.0.1:1234
    paths: tuple[str, ...] = ()  # of the sink; a webhook for each
    events: int = 1500  # that are made at full pace; then it goes on slowly
    per_ms: float = 4.0
    point: str = ""  # where to die; "" waits for whoever kills it
    skip: int = 0  # passes of the point before the deadly one
    seed: int = 0  # of what chance there is in dying
    settle: bool = False  # no load: finish what is there, close, end
    then: str = ""  # what to do after the load: remove, suppress, reset, close
    keep_attempts: int | None = None
    assume: dict[str, str] = field(default_factory=dict)


class _Deadly:
    """Ends this very process at one pass of one point."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.left = plan.skip
        self.lock = threading.Lock()
        self.chance = random.Random(plan.seed)

    def reached(self) -> None:
        with self.lock:
            self.left -= 1
            if self.left >= 0:
                return
            self.strike()

    def strike(self) -> None:
        say("strike", point=self.plan.point)
        os.kill(os.getpid(), signal.SIGKILL)

    def soon(self) -> None:
        """From another thread, somewhere within the next half millisecond: a commit writes and flushes that long."""
        with self.lock:
            self.left -= 1
            if self.left != -1:
                return
        wait = self.chance.random() * 0.0006

        def later() -> None:
            until = time.perf_counter() + wait
            while time.perf_counter() < until:
                pass
            self.strike()

        threading.Thread(target=later, daemon=True).start()


Install = Callable[[_Deadly], None]


def _before(owner: Any, name: str) -> Install:
    def install(deadly: _Deadly) -> None:
        original = getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            deadly.reached()
            return original(*args, **kwargs)

        setattr(owner, name, wrapped)

    return install


def _after(owner: Any, name: str) -> Install:
    def install(deadly: _Deadly) -> None:
        original = getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            deadly.reached()
            return result

        setattr(owner, name, wrapped)

    return install


def _group(kind: int | None, *, when: str) -> Install:
    """At a transaction that holds rows of a kind (any rows for None): before it, at its COMMIT, within it, after it."""

    def install(deadly: _Deadly) -> None:
        original = Writer._try
        current = threading.local()

        def holds(group: list[Any]) -> bool:
            return any(row[0] == kind or kind is None for batch in group for row in batch.rows)

        def traced(statement: str) -> None:
            if statement == "COMMIT" and getattr(current, "holds", False):
                if when == "inside":
                    deadly.reached()
                else:
                    deadly.soon()

        def wrapped(self: Writer, group: list[Any]) -> Any:
            current.holds = holds(group)
            if when == "before" and current.holds:
                deadly.reached()
            if when in ("inside", "within"):
                with self._guard:  # it waits for the connection and keeps Python meanwhile
                    self._connection.set_trace_callback(traced)
            result = original(self, group)
            if when == "after" and current.holds:
                deadly.reached()
            return result

        Writer._try = wrapped  # type: ignore[method-assign]

    return install


def _trim(deadly: _Deadly) -> None:
    """Within retention's own transaction: all is deleted, nothing committed."""
    original = store_module.trim

    def wrapped(*args: Any, **kwargs: Any) -> int:
        gone = original(*args, **kwargs)
        if gone:
            deadly.reached()
        return gone

    store_module.trim = wrapped


def _within_trim(deadly: _Deadly) -> None:
    """Between two statements of retention."""
    original = store_module.trim

    def wrapped(connection: Any, **kwargs: Any) -> int:
        def traced(statement: str) -> None:
            if statement.startswith("DELETE FROM"):
                deadly.reached()

        connection.set_trace_callback(traced)
        return original(connection, **kwargs)

    store_module.trim = wrapped


def _migration(deadly: _Deadly) -> None:
    """Between two statements of a file's first migration."""
    from emitter.store import opening

    original = opening.migrate

    def wrapped(connection: Any, where: str) -> None:
        connection.set_trace_callback(lambda statement: deadly.reached())
        original(connection, where)

    opening.migrate = wrapped


def _resuming(install: Install) -> Install:
    """Only while a start takes up what was left."""

    def wrap(deadly: _Deadly) -> None:
        original = Dispatcher.resume
        resuming = threading.Event()

        class OnlyThen(_Deadly):
            def reached(self) -> None:
                if resuming.is_set():
                    deadly.reached()

        install(OnlyThen(deadly.plan))

        def wrapped(self: Dispatcher, webhooks: Any) -> int:
            resuming.set()
            result = original(self, webhooks)
            resuming.clear()
            return result

        Dispatcher.resume = wrapped  # type: ignore[method-assign]

    return wrap


# Every step between an event and the record of what came of it. Names as a reader of the protocol wants them.
POINTS: dict[str, Install] = {
    "before the event's transaction": _group(EVENT, when="before"),
    "in the event's transaction, before COMMIT": _group(EVENT, when="inside"),
    "while COMMIT of an event runs": _group(EVENT, when="within"),
    "event committed, nobody told": _group(EVENT, when="after"),
    "event acknowledged, delivery not queued": _before(Dispatcher, "_planned"),
    "delivery queued": _after(Dispatcher, "_planned"),
    "before the started transaction": _group(ATTEMPT, when="before"),
    "in the started transaction, before COMMIT": _group(ATTEMPT, when="inside"),
    "while COMMIT of a start runs": _group(ATTEMPT, when="within"),
    "started committed, nobody told": _group(ATTEMPT, when="after"),
    "started told, nothing submitted": _before(Transport, "submit_all"),
    "submitted, before the first byte": _after(Transport, "submit_all"),
    "answer known, no row made": _before(Dispatcher, "_answered"),
    "answer's row queued": _after(Dispatcher, "_answered"),
    "before the outcome's transaction": _group(OUTCOME, when="before"),
    "in the outcome's transaction, before COMMIT": _group(OUTCOME, when="inside"),
    "while COMMIT of an outcome runs": _group(OUTCOME, when="within"),
    "outcome committed, nobody told": _group(OUTCOME, when="after"),
    "group told": _after(Writer, "_tell"),
}
RESTART_POINTS: dict[str, Install] = {
    "restart: before anything is taken up": _before(Dispatcher, "resume"),
    "restart: interrupted not yet written": _resuming(_before(Store, "put_and_wait")),
    "restart: in the interrupted's transaction": _resuming(_group(OUTCOME, when="inside")),
    "restart: interrupted written": _resuming(_after(Store, "put_and_wait")),
    "restart: before what waits is brought in": _resuming(_before(Dispatcher, "_refill")),
    "restart: all taken up": _after(Dispatcher, "resume"),
    "refill: before it": _before(Dispatcher, "_refill"),
    "refill: after it": _after(Dispatcher, "_refill"),
}
RETENTION_POINTS: dict[str, Install] = {
    "retention: between two statements": _within_trim,
    "retention: all deleted, not committed": _trim,
}
OTHER_POINTS: dict[str, Install] = {
    "first start: within the migration": _migration,
    "first start: migrated": _after(Store, "_load"),
    "stop: told to, nothing ended": _before(Dispatcher, "stop"),
    "stop: sender ended, store open": _after(Dispatcher, "stop"),
    "stop: before the file is closed": _before(Store, "close"),
    "webhook removed, what waits not dropped": _after(Store, "delete_webhook"),
    "webhook suppressed, what waits not dropped": _before(Dispatcher, "drop"),
    "reset: dropped, not yet forgotten": _before(Store, "reset"),
}
ALL_POINTS = POINTS | RESTART_POINTS | RETENTION_POINTS | OTHER_POINTS


def say(what: str, **facts: Any) -> None:
    """Tell the parent, in one write so that two processes' lines never mix."""
    os.write(1, json.dumps({"pid": os.getpid(), "what": what, **facts}).encode() + b"\n")


def settings_of(plan: Plan) -> Settings:
    return Settings(
        store=Path(plan.store),
        assumptions=Assumptions().override_all(plan.assume),
        keep_attempts=plan.keep_attempts,
        patience=10.0,
        stop_grace=timedelta(seconds=5),
    )


def run(plan: Plan) -> None:
    """Do what the plan says; returns only where nothing kills it."""
    say("opening")
    if plan.point:
        ALL_POINTS[plan.point](_Deadly(plan))
    simulator = Simulator(settings_of(plan))
    with simulator.store._guard:  # else the writer's trace waits for Python, and this for its connection
        pragmas = [simulator.store._connection.execute(f"PRAGMA {name}").fetchone()[0]
                   for name in ("synchronous", "journal_mode")]  # fmt: skip
    say("ready", synchronous=pragmas[0], journal_mode=pragmas[1], interrupted=simulator.interrupted)
    if plan.settle:
        until = time.monotonic() + 120
        while simulator.settle(120) and simulator.state()["waiting"] and time.monotonic() < until:
            time.sleep(0.02)  # a retry is due in a moment
        waiting = simulator.state()["waiting"]
        simulator.close()
        say("settled", waiting=waiting)
        return
    known = {webhook.url for webhook in simulator.webhooks()}
    for path in plan.paths:
        if plan.sink + path not in known:
            simulator.add_webhook(plan.sink + path, signing_key=KEY)
    load(simulator, plan)
    if plan.then:
        after_load(simulator, plan.then)
    say("done")
    threading.Event().wait()


def after_load(simulator: Simulator, then: str) -> None:
    if then == "close":
        simulator.close()
    elif then == "reset":
        simulator.reset()
    else:
        for webhook in simulator.webhooks():
            if then == "remove":
                simulator.delete_webhook(webhook.id)
            else:
                simulator.change_webhook(webhook.id, suppressed=True)


def load(simulator: Simulator, plan: Plan) -> None:
    """Several events a millisecond through the dispatcher, and one after the other through the front door."""
    journal = os.open(plan.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def acknowledged(event_id: int, body: bytes, planned: int) -> None:
        os.write(journal, f"{event_id} {sha256(body).hexdigest()} {planned}\n".encode())

    stop = threading.Event()

    def front_door() -> None:
        while not stop.is_set():
            [event] = simulator.trigger(TriggerSpec(type="access-expired"))
            number = simulator.store.event_ids.read(event["id"])
            row = simulator.store.reader.event(number)
            acknowledged(number, row.body, len(event["deliveries"]))

    thread = threading.Thread(target=front_door, daemon=True)
    thread.start()
    everybody = simulator.webhooks()
    names = itertools.cycle(each.alias for each in simulator.catalog)
    began, made = time.perf_counter(), 0
    while plan.then == "" or made < plan.events:
        for event in simulator.make(TriggerSpec(type=next(names), count=20)):

            def done(accepted: Accepted, error: Exception | None, event: Event = event) -> None:
                if error is None:
                    acknowledged(accepted.event_id, event.body, len(accepted.deliveries))

            targets = [everybody[made % len(everybody)], everybody[(made + 3) % len(everybody)]]
            simulator.dispatcher.accept(event, targets, done)
            made += 1
        ahead = made / plan.per_ms / 1000 - (time.perf_counter() - began)
        if made > plan.events:
            ahead = 0.02
        if ahead > 0:
            time.sleep(ahead)
    stop.set()
    thread.join()


def main() -> None:
    """The stem."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    say("stem")
    for line in sys.stdin:
        plan = json.loads(line)
        plan["paths"] = tuple(plan["paths"])
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            threading.excepthook = lambda found: say(
                "failed", error="".join(traceback.format_exception(found.exc_value))
            )
            code = 1
            try:
                run(Plan(**plan))
                code = 0
            except BaseException:
                say("failed", error=traceback.format_exc())
            os._exit(code)
        say("forked", child=pid)


if __name__ == "__main__":
    main()
