"""Values into rows: what the dispatcher writes, numbered as it is made."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from emitter import clock
from emitter.delivery import Answer, Attempt, Delivery, Headers, Webhook, new, outcome_of
from emitter.event import Event
from emitter.store import schema
from emitter.store.rows import URL
from emitter.store.schema import (
    ANSWER,
    ANSWER_FAILED,
    ATTEMPT,
    ATTEMPT_FAULTS,
    DELIVERY,
    DELIVERY_FAULTS,
    DELIVERY_WHOLE,
    EVENT,
    OUTCOME,
    OUTCOMES,
    REPEATS,
    REQUEST,
    REQUEST_BODY,
    STATE,
    STATES,
    SUBJECT,
    VERDICTS,
)  # fmt: skip
from emitter.store.writer import Writer

Row = tuple[int, tuple[Any, ...]]
_NOTHING = bytearray()
MOST_SUBJECTS = 200  # requests of one event, as of a digest, in whose lives it is found


class RowMaker:
    """Gives out numbers, makes rows. Names of types and runs are written the first time that they are met."""

    writer: Writer
    last_attempt: int
    _events: Iterator[int]
    _deliveries: Iterator[int]
    _attempts: Iterator[int]
    _types: dict[str, int]
    _runs: dict[str, int]

    def __init__(self) -> None:
        self._names = threading.Lock()
        self._last_started = 0
        self._headers: tuple[Headers, bytearray] = (), bytearray(b"[]")

    def plan(self, event: Event, webhooks: Sequence[Webhook], *, due: int) -> tuple[int, list[Delivery], list[Row]]:
        """Number an event and one delivery for each of `webhooks`; return the event's id, them, and the rows."""
        event_id = next(self._events)
        deliveries: list[Delivery] = []
        planned: list[Row] = []
        for webhook in webhooks:
            id = next(self._deliveries)
            deliveries.append(new(Delivery, (id, event_id, webhook, due, "pending", 0, 0, None, "")))
            planned.append((DELIVERY, (id, event_id, webhook.number, due)))
        return event_id, deliveries, [self.event_row(event_id, event, deliveries), *planned]

    def next_event_id(self) -> int:
        return next(self._events)

    def next_delivery_id(self) -> int:
        return next(self._deliveries)

    def event_row(self, event_id: int, event: Event, deliveries: Sequence[Delivery]) -> Row:
        """Make the row of an event; its deliveries are numbered one after the other."""
        type, body, stamp, _, _, verdict, seed, run, _ = event  # quicker than to ask for each by name
        first = deliveries[0].id if deliveries else 0
        return (
            EVENT, (event_id, self.type_id(type), stamp, clock.wall(), VERDICTS[verdict], seed,
                    self.run_id(run) if run else 0, first, len(deliveries), bytearray(body)),
        )  # fmt: skip

    def subject_rows(self, event_id: int, product: int, requests: Sequence[int]) -> list[Row]:
        """Make the rows that say what an event is about: a product (0: none) and requests, by their numbers."""
        alone = requests[0] if len(requests) == 1 else 0
        of_product: list[Row] = [(SUBJECT, (product, event_id, alone))] if product else []
        return [*of_product, *((SUBJECT, (each, event_id, each)) for each in requests[:MOST_SUBJECTS])]

    def delivery_rows(self, each: Delivery, faults: str) -> list[Row]:
        """Make the rows of one delivery, with the faults that it was planned with, if any."""
        values = (each.id, each.event_id, each.webhook.number, each.due, STATES[each.state], 0, None, each.note)
        return [(DELIVERY_WHOLE, values), *([(DELIVERY_FAULTS, (each.id, faults))] if faults else ())]

    def faults_row(self, delivery_id: int, faults: str) -> Row:
        """Make the row of the faults that a delivery was planned with."""
        return (DELIVERY_FAULTS, (delivery_id, faults))

    def repeats_row(self, delivery_id: int, attempt_id: int) -> Row:
        """Make the row that says which attempt a delivery repeats, where that was not known when it was planned."""
        return (REPEATS, (attempt_id, delivery_id))

    def plan_again(self, attempt: Attempt, delivery: Delivery, *, due: int, as_is: bool) -> tuple[Delivery, list[Row]]:
        """Number a new delivery of an event that repeats `attempt`, with its very headers if `as_is`."""
        again = Delivery(
            next(self._deliveries), delivery.event_id, delivery.webhook, due, resend_of=attempt.id,
            signature=attempt.request.headers if as_is else None,
        )  # fmt: skip
        headers = orjson.dumps(again.signature).decode() if again.signature else None
        values = (again.id, again.event_id, again.webhook.number, due, STATES["pending"], attempt.id, headers, "")
        return again, [(DELIVERY_WHOLE, values)]

    def next_attempt(self) -> tuple[int, int]:
        """Number a new attempt; with the wall time, never before the last one's: by id they are in order of time."""
        self.last_attempt = number = next(self._attempts)
        wall = clock.wall()
        if wall < self._last_started:
            wall = self._last_started
        self._last_started = wall
        return number, wall

    def started_rows(
        self, attempt: Attempt, *, event_id: int, webhook: int, type_id: int, run_id: int, own_body: bool
    ) -> list[Row]:
        """Make the rows of an attempt that is about to leave; `own_body` where it is not the event's."""
        id, delivery_id, number, started, scheduled, request, _, _, faults = attempt
        head = bytearray(orjson.dumps(((URL, request[0]), *request[1])))
        rows: list[Row] = [
            (ATTEMPT, (id, delivery_id, number, event_id, webhook, type_id, run_id, started, scheduled)),
            (REQUEST_BODY, (id, head, request.body)) if own_body else (REQUEST, (id, head)),
        ]
        if faults:
            rows.append((ATTEMPT_FAULTS, (id, ",".join(faults))))
        return rows

    def finished_rows(
        self, attempt_id: int, answer: Answer, *, delivery_id: int, state: str, due: int, attempts: int, note: str = ""
    ) -> list[Row]:
        """Make the rows of an attempt that is over, and of the state that its delivery is in now."""
        status, reason, headers, body, cut, failure, phase, error, timing, address = answer
        lookup, connect, tls, first_byte, total = timing
        known, as_json = self._headers
        if headers is not known:  # a receiver repeats them, and a transport its tuple of them
            as_json = bytearray(orjson.dumps(headers))
            self._headers = headers, as_json
        kept = bytearray(body) if body else _NOTHING
        outcome = outcome_of(status, failure) if state == "pending" else state  # the last one is the delivery's
        answered: Row
        if failure or error or cut:
            values = (attempt_id, reason, as_json, kept, int(cut), failure, phase, error, address,
                      lookup, connect, tls, first_byte)  # fmt: skip
            answered = (ANSWER_FAILED, values)
        else:
            tls = -1 if tls is None else tls
            answered = (ANSWER, (attempt_id, reason, as_json, kept, address, lookup, connect, tls, first_byte))
        return [
            (OUTCOME, (OUTCOMES[outcome], status or 0, total, attempt_id)),
            answered,
            (STATE, (STATES[state], due, attempts, note, delivery_id)),
        ]

    def interrupted_rows(self, attempt_id: int, *, delivery_id: int, state: str, due: int, attempts: int) -> list[Row]:
        """Make the rows of an attempt whose end nobody saw."""
        note = "The process ended after this attempt was started and before its answer was known."
        return [
            (OUTCOME, (OUTCOMES["interrupted"], 0, 0, attempt_id)),
            (STATE, (STATES[state], due, attempts, note, delivery_id)),
        ]

    def dropped_row(self, delivery_id: int, *, due: int, note: str) -> Row:
        """Make the row of a delivery that ends before its first attempt."""
        return (STATE, (STATES["dropped"], due, 0, note, delivery_id))

    def type_id(self, name: str) -> int:
        """Return the number of an event type, making it known first."""
        return self._types.get(name) or self._intern(self._types, name, schema.TYPE)

    def run_id(self, name: str) -> int:
        """Return the number of a run, 0 for none, making it known first."""
        return (self._runs.get(name) or self._intern(self._runs, name, schema.RUN)) if name else 0

    def _intern(self, known: dict[str, int], name: str, kind: int) -> int:
        with self._names:
            if name not in known:
                # On its own, so that a refused batch does not take the name with it.
                self.writer.put([(kind, (len(known) + 1, name))], vital=True)
                known[name] = len(known) + 1
            return known[name]
