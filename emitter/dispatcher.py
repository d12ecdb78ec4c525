"""From an event to its deliveries to their attempts: order, retries, pauses, restart.

Write first, send after, write again: a delivery is in the store before the event is acknowledged, an attempt is there
as `started` before its first byte leaves, and what came back is there before the next one of that webhook starts.

Three threads meet here. Producers call `accept`; the store's writer tells what is committed; the sender tells what came
back. None of them waits for another: each takes the lock for a moment, moves items, and queues rows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from emitter import clock as time
from emitter.assumptions import Assumptions
from emitter.clock import Clock
from emitter.delivery import Answer, Attempt, Delivery, RetrySchedule, Webhook, WireRequest
from emitter.errors import EmitterError, StoreUnusable
from emitter.event import Event
from emitter.faults import Asked, Faulted, unreachable
from emitter.lanes import Item, Lane
from emitter.outgoing import Outgoing
from emitter.planning import Planner, Ready
from emitter.store import Row, Store
from emitter.store.reader import DeliveryRow, EventRow
from emitter.transport import Submission, Transport

ROOM = 1024  # deliveries in memory beyond which a producer in bulk is asked to wait
UNREACHABLE = Answer(failure="connect", error="made unreachable on purpose")
_REFILL = 256


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that is on disk, with the deliveries planned for it."""

    event_id: int
    deliveries: tuple[Delivery, ...]


@dataclass(slots=True)
class _Started:
    lane: Lane
    item: Item
    attempt: Attempt


class Dispatcher:
    """Moves deliveries. `suppressed` is told of a webhook that has failed too often (`delivery.suppress_after`)."""

    def __init__(
        self,
        *,
        store: Store,
        transport: Transport,
        clock: Clock,
        outgoing: Outgoing,
        assumptions: Assumptions,
        suppressed: Callable[[Webhook], None] = lambda webhook: None,
    ) -> None:
        self._store, self._transport, self._clock, self._outgoing = store, transport, clock, outgoing
        self._assumptions, self._on_suppressed = assumptions, suppressed
        self._schedule = RetrySchedule(assumptions.delivery_retry)
        self._seconds = assumptions.delivery_timeout.total_seconds()
        self._lanes: dict[tuple[int, bool], Lane] = {}
        self._lock = threading.RLock()
        self._accepting = threading.Lock()
        self._changed = threading.Condition()
        self._watchers = 0
        self._planning = 0
        self._in_memory = 0
        self._out: list[Submission] = []  # only the writing thread touches it, and this:
        self._undialled: list[tuple[Callable[[Answer], None], Answer]] = []
        self._stopped = False
        self._still = False
        self._telling = 0
        store.writer.group_end = self._flush

    # --- producing ------------------------------------------------------------------------------------------------

    def accept(
        self,
        event: Event,
        webhooks: Sequence[Webhook],
        done: Callable[[Accepted, EmitterError | None], None] | None = None,
        *,
        express: bool = False,
    ) -> Accepted:
        """Plan a delivery for each of `webhooks` and store them with the event; `done` is told when they are on disk.

        `express` deliveries overtake what waits for the webhook, and a pause: for tests. Raises `StoreUnusable` when
        the simulator has stopped.
        """
        due = self._clock.now()
        with self._accepting:  # numbers must reach the writer in order, or a refill could pass one by
            event_id, deliveries, rows = self._store.plan(event, webhooks, due=due)
            accepted = Accepted(event_id, tuple(deliveries))
            with self._lock:
                self._planning += 1
            try:
                self._store.put(rows, partial(self._planned, event, accepted, express, done))
            except EmitterError:
                with self._lock:
                    self._planning -= 1
                raise
        return accepted

    def accept_and_wait(self, event: Event, webhooks: Sequence[Webhook], *, express: bool = False) -> Accepted:
        """As `accept`, but return only once it is on disk; raise what kept it from getting there."""
        finished = threading.Event()
        errors: list[EmitterError] = []

        def done(_: Accepted, error: EmitterError | None) -> None:
            if error is not None:
                errors.append(error)
            finished.set()

        accepted = self.accept(event, webhooks, done, express=express)
        finished.wait()
        if errors:
            raise errors[0]
        return accepted

    def accept_all(
        self,
        events: Sequence[tuple[Event, Sequence[Webhook]]],
        rows: Sequence[Row] = (),
        faults: Asked | None = None,
        about: Sequence[tuple[int, Sequence[int]]] = (),
    ) -> list[Accepted]:
        """Store events, a delivery for each of their webhooks and `rows` in one transaction; return once on disk.

        So what a caller keeps never stands without its events, nor they without it. `faults` may want other deliveries;
        `about` says of each event which product and which requests of the world it is about, by their numbers.
        """
        due = self._clock.now()
        finished = threading.Event()
        errors: list[EmitterError] = []
        found: list[Accepted] = []
        written: list[Row] = []
        ready: list[Ready] = []

        def done(error: EmitterError | None) -> None:
            if faults is None:
                for (event, _), accepted in zip(events, found, strict=True):
                    self._planned(event, accepted, False, None, error)
            else:
                self._readied(ready, len(events), error)
            if error is not None:
                errors.append(error)
            finished.set()

        with self._accepting:
            if faults is None:
                for event, webhooks in events:
                    event_id, deliveries, planned = self._store.plan(event, webhooks, due=due)
                    found.append(Accepted(event_id, tuple(deliveries)))
                    written += planned
            else:
                numbered, written = Planner(self._store, events, faults, due=due).numbered()
                for event_id, these in numbered:
                    found.append(Accepted(event_id, tuple(each.delivery for each in these)))
                    ready += these
            for accepted, (product, requests) in zip(found, about, strict=False):
                written += self._store.subject_rows(accepted.event_id, product, requests)
            with self._lock:
                self._planning += len(events)
            try:
                self._store.put([*written, *rows], done)
            except EmitterError:
                with self._lock:
                    self._planning -= len(events)
                raise
        finished.wait()
        if errors:
            raise errors[0]
        return found

    def send_again(
        self, attempt: Attempt, delivery: Delivery, event: EventRow, *, as_is: bool, faults: Asked | None = None
    ) -> Delivery:
        """Plan a new delivery that repeats `attempt`: the same bytes, signed anew unless `as_is`.

        Of `faults`, those that strike attempts do.
        """
        with self._accepting:
            again, rows = self._store.plan_again(attempt, delivery, due=self._clock.now(), as_is=as_is)
            faulted = None if faults is None else faults.of_attempts(event.run)
            if faulted is not None:
                rows.append(self._store.faults_row(again.id, faulted.to_text()))
            finished = threading.Event()
            errors: list[EmitterError] = []

            def done(error: EmitterError | None) -> None:
                if error is None:
                    body = attempt.request.body if as_is else event.body
                    item = self._item(again, event, own_body=body, faulted=faulted)
                    self._enqueue(self._lane(again.webhook), item)
                else:
                    errors.append(error)
                finished.set()

            self._store.put(rows, done)
        finished.wait()
        if errors:
            raise errors[0]
        return again

    def wait_for_room(self, timeout: float = 60.0) -> None:
        """Let a producer in bulk wait while much is in memory."""
        if self._in_memory > ROOM:
            self.watch(lambda: self._in_memory - self._held_back() < ROOM // 2, timeout)

    def _held_back(self) -> int:
        """How many of those in memory wait for a later time, and nobody for them."""
        with self._lock:
            now = self._clock.now()
            return sum(lane.held_back(now) for lane in self._lanes.values())

    # --- what the writer tells ------------------------------------------------------------------------------------

    def _planned(
        self,
        event: Event,
        accepted: Accepted,
        express: bool,
        done: Callable[[Accepted, EmitterError | None], None] | None,
        error: EmitterError | None,
    ) -> None:
        with self._lock:
            self._planning -= 1
            if error is None:
                for delivery in accepted.deliveries:
                    lane = self._lane(delivery.webhook, express=express)
                    self._enqueue(lane, self._item(delivery, event))
                    if express:
                        self._lane(delivery.webhook).pass_over(delivery.id)
        if done is not None:
            done(accepted, error)

    def _readied(self, ready: Sequence[Ready], events: int, error: EmitterError | None) -> None:
        """Take in all deliveries of some events before the first leaves, as faults may have changed their order."""
        with self._lock:
            self._planning -= events
            lanes: dict[Lane, None] = {}
            for each in ready if error is None else ():
                if each.delivery.state == "pending":
                    lane = self._lane(each.delivery.webhook)
                    if self._take_in(lane, self._item(each.delivery, each.event, faulted=each.faulted)):
                        lanes[lane] = None
            for lane in lanes:
                self._pump(lane)

    def _item(
        self,
        delivery: Delivery,
        event: Event | EventRow,
        own_body: bytes | None = None,
        faulted: Faulted | None = None,
    ) -> Item:
        return Item(  # by position: an item is made for every delivery, and names cost as much as the rest
            delivery.id,
            delivery.event_id,
            self._store.type_id(event.type),
            self._store.run_id(event.run),
            event.body,
            own_body,
            delivery.due,
            delivery.attempts,
            delivery.signature,
            bool(delivery.resend_of),
            event.stamp if event.seed is not None else 0,
            faulted,
        )

    def _lane(self, webhook: Webhook, *, express: bool = False) -> Lane:
        lane = self._lanes.get((webhook.number, express))
        if lane is None:
            with self._lock:
                limit = self._assumptions.delivery_in_flight
                lane = self._lanes.setdefault((webhook.number, express), Lane(webhook, limit=limit, express=express))
        return lane

    def _enqueue(self, lane: Lane, item: Item) -> None:
        with self._lock:
            if self._take_in(lane, item):
                self._pump(lane)

    def _take_in(self, lane: Lane, item: Item) -> bool:
        """Hold a delivery ready to leave; False where it is dropped, or stays in the store for now."""
        if lane.gone or (lane.webhook.suppressed and not lane.express):
            note = lane.gone or "The webhook was suppressed."
            self._store.put([self._store.dropped_row(item.delivery_id, due=item.due, note=note)], vital=True)
            return False
        taken = lane.add(item)
        self._in_memory += taken
        return taken

    def _pump(self, lane: Lane) -> None:
        """Start what may start; the lock is held, or taken."""
        with self._lock:
            rows: list[Row] = []
            started = self._start_ready(lane, rows)
            if rows:
                self._put(rows, started)

    def _start_ready(self, lane: Lane, rows: list[Row]) -> list[_Started]:
        started = []
        now = self._clock.now()
        while not (self._stopped or self._still) and (item := lane.take(now)) is not None:
            if item.faulted is not None and item.faulted.replays and not self._replayed(lane, item, rows):
                if lane.in_flight:
                    break
                continue
            attempt = self._attempt(lane, item, now)
            rows += self._store.started_rows(
                attempt, event_id=item.event_id, webhook=lane.webhook.number, type_id=item.type_id,
                run_id=item.run_id, own_body=attempt.request.body is not item.body,
            )  # fmt: skip
            started.append(_Started(lane, item, attempt))
        if (wake := lane.wake(now)) is not None:
            self._clock.at(wake, partial(self._woken, lane))
        return started

    def _replayed(self, lane: Lane, item: Item, rows: list[Row]) -> bool:
        """Lay down what a replay repeats, as it left; False where it never did, or has yet to: then it is put aside."""
        reader = self._store.reader
        first = reader.first_attempt(item.faulted.replays) if item.faulted else None
        wire = None if first is None else reader.wire(first)
        if first is None or wire is None:
            lane.in_flight -= 1
            if lane.in_flight:  # it may be among them
                lane.put_aside(item)
                return False
            self._in_memory -= 1
            note = "What was to be sent again had never left (replay)."
            rows.append(self._store.dropped_row(item.delivery_id, due=item.due, note=note))
            return False
        item.headers, item.own_body, item.resent = wire.headers, wire.body, True
        rows.append(self._store.repeats_row(item.delivery_id, first))
        return True

    def _woken(self, lane: Lane) -> None:
        with self._lock:
            lane.alarm = None
            self._pump(lane)

    def _put(self, rows: list[Row], started: list[_Started], refill: Lane | None = None) -> None:
        try:
            self._store.put(rows, partial(self._go, started, refill), vital=True)
        except StoreUnusable:  # stopping: what was not written is found by the next start
            self._stopped = True

    def _go(self, started: list[_Started], refill: Lane | None, error: EmitterError | None) -> None:
        """What is on disk as started may leave."""
        if error is None:
            for each in started:
                answered = partial(self._answered, each)
                if each.attempt.faults and unreachable(each.attempt.faults):
                    self._undialled.append((answered, UNREACHABLE))
                else:
                    self._out.append((each.attempt.request, self._seconds, answered))
        else:
            with self._lock:
                for each in started:
                    each.lane.in_flight -= 1
                    self._in_memory -= 1
        if refill is not None and refill.hungry:
            self._refill(refill)

    def _flush(self) -> None:
        if self._out:
            out, self._out = self._out, []
            self._transport.submit_all(out)
        if self._undialled:
            undialled, self._undialled = self._undialled, []
            self._transport.answer_all(undialled)
        if self._watchers:
            with self._changed:
                self._changed.notify_all()

    # --- sending --------------------------------------------------------------------------------------------------

    def _attempt(self, lane: Lane, item: Item, now: int) -> Attempt:
        item.attempts += 1
        faults: tuple[str, ...] = ()
        if item.faulted is None:
            request = self._outgoing.request(lane, item, now)
        else:
            request, faults = self._outgoing.faulted(lane, item, item.faulted, now)
        return Attempt(
            id=self._store.next_attempt_id(), delivery_id=item.delivery_id, number=item.attempts,
            started=self._store.wall_of_start(), scheduled=now, request=request, faults=faults,
        )  # fmt: skip

    def _answered(self, started: _Started, answer: Answer) -> None:
        """Record what came back, and start the next in the same commit. Runs on the sender thread."""
        lane, item, attempt = started.lane, started.item, started.attempt
        with self._lock:
            lane.in_flight -= 1
            if self._lanes.get((lane.webhook.number, lane.express)) is not lane:  # it was forgotten, and so is this
                return
            state, due = answer.outcome, item.due
            retry = None if state == "accepted" else self._retry(lane, item, attempt)
            if retry is not None:
                state, item.due, due = "pending", retry, retry
                lane.put_back(item)
            else:
                self._in_memory -= 1
                lane.failures = 0 if state == "accepted" else lane.failures + 1
            rows = self._store.finished_rows(
                attempt.id, answer, delivery_id=item.delivery_id, state=state, due=due, attempts=attempt.number
            )
            too_often = 0 < lane.failures == self._assumptions.delivery_suppress_after and not lane.express
            if too_often:
                lane.failures, lane.webhook = 0, replace(lane.webhook, suppressed=True)
                self._in_memory -= len(lane.clear())
                self._telling += 1
            self._put(rows, self._start_ready(lane, rows), lane if lane.hungry else None)
        if too_often:
            try:
                self._store.drop_waiting(lane.webhook, "The webhook was suppressed.", wait=False)
                self._on_suppressed(lane.webhook)
            finally:
                with self._lock:
                    self._telling -= 1

    def _retry(self, lane: Lane, item: Item, attempt: Attempt) -> int | None:
        """When a delivery that was not accepted is due again; None: it is given up."""
        if lane.express or item.resent or lane.gone or lane.webhook.suppressed:
            return None
        return self._schedule.next_due(attempt)

    # --- the life of a webhook ------------------------------------------------------------------------------------

    def changed(self, webhook: Webhook) -> None:
        """Use what a webhook has become from its next attempt on; a pause holds what waits, its end lets it go."""
        with self._lock:
            for express in (False, True):
                lane = self._lanes.get((webhook.number, express))
                if lane is not None:
                    lane.webhook = webhook
                    self._pump(lane)

    def drop(self, webhook: Webhook, why: str, *, gone: bool = False) -> None:
        """End what waits for a webhook as `dropped`, with the reason; what is under way is let finish."""
        with self._lock:
            lane = self._lane(webhook)
            lane.gone = why if gone else ""
            self._in_memory -= len(lane.clear())
        self._store.drop_waiting(webhook, why)

    # --- restart --------------------------------------------------------------------------------------------------

    def resume(self, webhooks: Sequence[Webhook]) -> int:
        """Take up what an earlier process left: end what it had started as `interrupted`, go on with what is due.

        Returns how many attempts were found without an end.
        """
        rows: list[Row] = []
        left = self._store.reader.left_started()
        for attempt_id, delivery, number, scheduled in left:
            attempt = Attempt(attempt_id, delivery.id, number, 0, scheduled, WireRequest("", (), b""))
            retry = self._schedule.next_due(attempt) if not delivery.resend_of else None
            rows += self._store.interrupted_rows(
                attempt_id, delivery_id=delivery.id, state="interrupted" if retry is None else "pending",
                due=retry or delivery.due, attempts=number,
            )  # fmt: skip
        if rows:
            self._store.put_and_wait(rows)  # unwritten, what was left would be taken for unsent
        by_number = {webhook.number: webhook for webhook in webhooks}
        for number in self._store.reader.waiting_counts():
            webhook = by_number.get(number)
            if webhook is None:  # the process ended between the removal and the drop
                self._store.drop_waiting(Webhook("", "", number), "The webhook was removed.")
            elif webhook.suppressed:
                self._store.drop_waiting(webhook, "The webhook was suppressed.")
            else:
                lane = self._lane(webhook)
                lane.behind = True
                self._refill(lane)
        return len(left)

    def _refill(self, lane: Lane) -> None:
        """Bring more of what waits from the store into memory; runs on the writing thread, or before anything runs."""
        while True:
            found = self._store.reader.waiting(lane.webhook.number, after=lane.loaded_to, limit=_REFILL)
            with self._lock:
                lane.behind = False
                for delivery, event in found:
                    self._in_memory += lane.add(self._stored_item(delivery, event))
                lane.behind = len(found) == _REFILL
                if not lane.behind:
                    lane.elsewhere.clear()
                self._pump(lane)
                if not lane.hungry or lane.in_flight:  # what is under way asks for more when it is over
                    return

    def _stored_item(self, row: DeliveryRow, event: EventRow) -> Item:
        delivery = Delivery(
            row.id, row.event_id, Webhook("", ""), row.due, row.state, row.attempts, row.resend_of, row.signature
        )
        own_body = None
        if row.signature is not None and (wire := self._store.reader.wire(row.resend_of)) is not None:
            own_body = wire.body
        faulted = Faulted.of_text(row.faults) if row.faults else None
        return self._item(delivery, event, own_body=own_body, faulted=faulted)

    # --- waiting and stopping -------------------------------------------------------------------------------------

    def watch(self, holds: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until `holds()`, asking after every commit; False after `timeout` seconds of wall time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        self._watchers += 1
        try:
            with self._changed:
                while not holds():
                    left = 1.0 if deadline is None else min(deadline - time.monotonic(), 1.0)
                    if left <= 0:
                        return holds()
                    self._changed.wait(left)
                return True
        finally:
            self._watchers -= 1

    def idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        with self._lock:
            now = self._clock.now()
            return not self._planning and not any(lane.busy(now) for lane in self._lanes.values())

    def next_due(self) -> int | None:
        """When a delivery falls due next that has to wait for its time; None where none has."""
        with self._lock:
            found = [lane.next_due(self._clock.now()) for lane in self._lanes.values()]
            return min((each for each in found if each is not None), default=None)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until everything that is due has been sent and recorded; False when time is up before."""
        self._wake_due()
        done = self.watch(self.idle, timeout)
        if done:
            self._store.flush()
        return done

    def _wake_due(self) -> None:
        """Wake each lane whose time has come: of several due at one moment a virtual clock wakes one, and then waits
        for all to settle before it comes to the next."""
        with self._lock:
            now = self._clock.now()
            for lane in list(self._lanes.values()):
                if lane.alarm is not None and lane.alarm <= now:
                    self._woken(lane)

    @contextmanager
    def still(self, patience: float) -> Iterator[None]:
        """Start nothing for a while, once what is under way is over and on disk; then go on.

        What is not over within `patience` seconds goes on meanwhile.
        """
        with self._lock:
            self._still = True
        try:
            self.watch(self._at_rest, patience)
            self._store.flush()
            yield
        finally:
            with self._lock:
                self._still = False
                for lane in list(self._lanes.values()):
                    self._pump(lane)

    def _at_rest(self) -> bool:
        with self._lock:
            return not (self._planning or self._telling or any(lane.in_flight for lane in self._lanes.values()))

    def forget(self) -> None:
        """Drop every lane, and what is under way with it: the store holds something else now."""
        with self._lock:
            for lane in self._lanes.values():
                lane.clear()
                lane.partner = None
            self._lanes.clear()
            self._in_memory = 0

    def in_flight(self) -> int:
        """How many attempts are under way."""
        with self._lock:
            return sum(lane.in_flight for lane in self._lanes.values())

    def stop(self, grace: float) -> None:
        """Start nothing more, let what is under way finish for `grace` seconds, and end the sender.

        What still waits stays in the store for the next start.
        """
        with self._lock:
            self._stopped = True
        deadline = time.monotonic() + grace
        self.watch(lambda: self.in_flight() == 0, grace)
        self._transport.close(max(deadline - time.monotonic(), 0.0))
