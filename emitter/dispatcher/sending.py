"""From a delivery that is on disk to its attempts: whose turn it is in each lane, what leaves, what came back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from emitter.assumptions import Assumptions
from emitter.clock import Clock
from emitter.delivery import Answer, Attempt, Delivery, RetrySchedule, Webhook, new
from emitter.errors import EmitterError, StoreUnusable
from emitter.event import Event
from emitter.faults import Faulted, unreachable
from emitter.lanes import Item, Lane
from emitter.outgoing import Outgoing
from emitter.store import Batch, Row, Store
from emitter.store.rows import DeliveryRow, EventRow
from emitter.transport import Submission, Transport

UNREACHABLE = Answer(failure="connect", error="made unreachable on purpose")
_REFILL = 256


class _Started(NamedTuple):
    """An attempt that is on disk; `over` is where it goes with its answer."""

    lane: Lane
    item: Item
    attempt: Attempt
    over: deque[tuple[_Started, Answer]]

    def answered(self, answer: Answer) -> None:
        self[3].append((self, answer))


class Sending:
    """Holds the lanes and moves what is in them. Everything here is done under the lock, or takes it."""

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
        self._answers: deque[tuple[_Started, Answer]] = deque()
        store.writer.group_end = self._flush
        transport.on_rest(self._answered)

    # --- into a lane and out of it ----------------------------------------------------------------------------------

    def _item(
        self,
        delivery: Delivery,
        event: Event | EventRow,
        own_body: bytes | None = None,
        faulted: Faulted | None = None,
    ) -> Item:
        id, event_id, _, due, _, attempts, resend_of, signature, _ = delivery
        store, run = self._store, event.run
        return Item(  # by position: an item is made for every delivery, and names cost as much as the rest
            id,
            event_id,
            store.type_id(event.type),
            store.run_id(run) if run else 0,
            event.body,
            own_body,
            due,
            attempts,
            signature,
            bool(resend_of),
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
        self._pump_all((lane,))

    def _pump_all(self, lanes: Iterable[Lane]) -> None:
        batches: list[Batch] = []
        with self._lock:
            now = self._clock.now()
            for lane in lanes:
                rows: list[Row] = []
                started = self._start_ready(lane, rows, now)
                if rows:
                    batches.append(Batch(rows, partial(self._go, started, None), vital=True))
            if batches:
                self._put_all(batches)

    def _start_ready(self, lane: Lane, rows: list[Row], now: int) -> list[_Started]:
        started = []
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
            started.append(new(_Started, (lane, item, attempt, self._answers)))
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

    def _put_all(self, batches: list[Batch]) -> None:
        try:
            self._store.put_all(batches)
        except StoreUnusable:  # stopping: what was not written is found by the next start
            self._stopped = True

    def _go(self, started: list[_Started], refill: Lane | None, error: EmitterError | None) -> None:
        """What is on disk as started may leave."""
        if error is None:
            for each in started:
                _, _, _, _, _, request, _, _, faults = each[2]
                if faults and unreachable(faults):
                    self._undialled.append((each.answered, UNREACHABLE))
                else:
                    self._out.append((request, self._seconds, each.answered))
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

    # --- one attempt --------------------------------------------------------------------------------------------------

    def _attempt(self, lane: Lane, item: Item, now: int) -> Attempt:
        item.attempts += 1
        faults: tuple[str, ...] = ()
        if item.faulted is None:
            request = self._outgoing.request(lane, item, now)
        else:
            request, faults = self._outgoing.faulted(lane, item, item.faulted, now)
        number, wall = self._store.next_attempt()
        return new(Attempt, (number, item.delivery_id, item.attempts, wall, now, request, None, "", faults))

    def _answered(self) -> None:
        """Record what has come back, and start the next of each webhook in the same commit."""
        batches: list[Batch] = []
        too_often: list[Webhook] = []
        answers = self._answers
        with self._lock:
            now = self._clock.now()
            while answers:
                (lane, item, attempt, _), answer = answers.popleft()
                lane.in_flight -= 1
                if lane.forgotten:
                    continue
                rows = self._ended(lane, item, attempt, answer)
                if 0 < lane.failures == self._assumptions.delivery_suppress_after and not lane.express:
                    lane.failures, lane.webhook = 0, replace(lane.webhook, suppressed=True)
                    self._in_memory -= len(lane.clear())
                    self._telling += 1
                    too_often.append(lane.webhook)
                following = self._start_ready(lane, rows, now)
                batches.append(
                    new(Batch, (rows, partial(self._go, following, lane if lane.hungry else None), True, None))
                )
            if batches:
                self._put_all(batches)
        for webhook in too_often:
            try:
                self._store.drop_waiting(webhook, "The webhook was suppressed.", wait=False)
                self._on_suppressed(webhook)
            finally:
                with self._lock:
                    self._telling -= 1

    def _ended(self, lane: Lane, item: Item, attempt: Attempt, answer: Answer) -> list[Row]:
        """Take note of the end of an attempt, in its lane and as rows."""
        state, due = answer.outcome, item.due
        if state == "accepted":
            self._in_memory -= 1
            lane.failures = 0
        elif (retry := self._retry(lane, item, attempt)) is None:
            self._in_memory -= 1
            lane.failures += 1
        else:
            state, item.due, due = "pending", retry, retry
            lane.put_back(item)
        return self._store.finished_rows(
            attempt.id, answer, delivery_id=item.delivery_id, state=state, due=due, attempts=attempt.number
        )

    def _retry(self, lane: Lane, item: Item, attempt: Attempt) -> int | None:
        """When a delivery that was not accepted is due again; None: it is given up."""
        if lane.express or item.resent or lane.gone or lane.webhook.suppressed:
            return None
        return self._schedule.next_due(attempt)

    # --- what waits in the store --------------------------------------------------------------------------------------

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
