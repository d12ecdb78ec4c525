"""From events to deliveries: an event and what is to be delivered of it are on disk before anybody is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from emitter.delivery import Attempt, Delivery, Webhook, new
from emitter.dispatcher.sending import Sending
from emitter.errors import EmitterError
from emitter.event import Event
from emitter.faults import Asked
from emitter.lanes import Item, Lane
from emitter.planning import Planner
from emitter.store import Row
from emitter.store.rows import EventRow


class Accepted(NamedTuple):
    """An event that is on disk, with the deliveries planned for it."""

    event_id: int
    deliveries: tuple[Delivery, ...]


class Accepting(Sending):
    """Takes events in, alone or in bulk, and what is to be sent again."""

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
        ready: list[tuple[Webhook, Item]] = []

        def done(error: EmitterError | None) -> None:
            with self._lock:
                self._planning -= len(events)
                if error is None:
                    self._take_all(ready)
            if error is not None:
                errors.append(error)
            finished.set()

        with self._accepting:
            if faults is None:
                for event, webhooks in events:
                    event_id, deliveries, planned = self._store.plan(event, webhooks, due=due)
                    found.append(new(Accepted, (event_id, tuple(deliveries))))
                    written += planned
                    for each in deliveries:
                        ready.append((each[2], self._item(each, event)))
            else:
                numbered, written = Planner(self._store, events, faults, due=due).numbered()
                for event_id, these in numbered:
                    found.append(Accepted(event_id, tuple(each.delivery for each in these)))
                    ready += [
                        (each.delivery.webhook, self._item(each.delivery, each.event, faulted=each.faulted))
                        for each in these
                        if each.delivery.state == "pending"
                    ]
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

    # --- what the writer tells ----------------------------------------------------------------------------------------

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

    def _take_all(self, ready: Sequence[tuple[Webhook, Item]]) -> None:
        """Take in all deliveries of some events before the first leaves, as faults may have changed their order."""
        lanes: dict[Lane, None] = {}
        for webhook, item in ready:
            lane = self._lane(webhook)
            if self._take_in(lane, item):
                lanes[lane] = None
        self._pump_all(lanes)
