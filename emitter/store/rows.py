"""What is kept, as values: an attempt, an event, a delivery, and how each is read."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson

from emitter.delivery import Answer, Headers
from emitter.store.schema import OUTCOME_NAMES, STATE_NAMES, VERDICT_NAMES

URL = ":url"  # stands before the headers of a request as it is kept
ATTEMPTS = (
    "SELECT a.id, a.delivery, a.number, a.event, a.webhook, t.name, coalesce(u.name, ''), a.started, a.scheduled, "
    "a.outcome, a.status, a.total, coalesce(r.failure, ''), coalesce(r.error, ''), d.state, d.due, d.attempts, "
    "d.resend_of, d.note, e.verdict, e.seed, e.stamp, e.body, coalesce(f.faults, '') "
    "FROM attempts a JOIN types t ON t.id = a.type LEFT JOIN runs u ON u.id = a.run "
    "JOIN deliveries d ON d.id = a.delivery "
    "JOIN events e ON e.id = a.event LEFT JOIN answers r ON r.attempt = a.id "
    "LEFT JOIN attempt_faults f ON f.attempt = a.id "
)
EVENTS = (
    "SELECT e.id, t.name, e.stamp, e.recorded, e.verdict, e.seed, coalesce(u.name, ''), e.first_delivery, e.planned, "
    "e.body FROM events e JOIN types t ON t.id = e.type LEFT JOIN runs u ON u.id = e.run "
)
DELIVERIES = (
    "SELECT id, event, webhook, due, state, attempts, resend_of, signature, note, "
    "(SELECT faults FROM delivery_faults f WHERE f.delivery = deliveries.id) FROM deliveries "
)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt as a list shows it, with what it hangs on."""

    id: int
    delivery_id: int
    number: int
    event_id: int
    webhook: int
    type: str
    run: str
    started: int
    scheduled: int
    outcome: str
    status: int | None
    total: int | None  # microseconds; None while under way or interrupted
    failure: str
    error: str
    state: str  # of the delivery
    due: int
    attempts: int
    resend_of: int
    note: str
    verdict: str
    seed: int | None
    stamp: int
    body: bytes  # of the event
    faults: tuple[str, ...] = ()  # their names


@dataclass(frozen=True, slots=True)
class AttemptWire:
    """What left and what came back; `body` is None where the event's own body left."""

    url: str
    headers: Headers
    body: bytes | None
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as it is kept."""

    id: int
    type: str
    stamp: int
    recorded: int
    verdict: str
    seed: int | None
    run: str
    first_delivery: int
    planned: int
    body: bytes


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery as it is kept."""

    id: int
    event_id: int
    webhook: int
    due: int
    state: str
    attempts: int
    resend_of: int
    signature: Headers | None
    note: str
    faults: str | None = None  # as `emitter.faults` writes them


def deliveries_of(connection: sqlite3.Connection, event_id: int) -> list[DeliveryRow]:
    rows = connection.execute(
        DELIVERIES + "WHERE id IN (SELECT d.id FROM events e JOIN deliveries d ON d.id >= e.first_delivery "
        "AND d.id < e.first_delivery + e.planned WHERE e.id = ?1 AND e.planned > 0) "
        "OR id IN (SELECT id FROM deliveries INDEXED BY deliveries_resent WHERE event = ?1 AND resend_of > 0) "
        "ORDER BY id",
        (event_id,),
    ).fetchall()
    return [delivery_row(row) for row in rows]


def read_headers(raw: bytes | str) -> Headers:
    return tuple((name, value) for name, value in orjson.loads(raw))


def attempt_row(row: tuple[Any, ...]) -> AttemptRow:
    values = list(row)
    outcome = OUTCOME_NAMES[values[9]]
    values[9] = outcome
    over = outcome not in ("started", "interrupted")
    values[10] = values[10] or None if over else None
    values[11] = values[11] if over else None
    values[14], values[19] = STATE_NAMES[values[14]], VERDICT_NAMES[values[19]]
    values[23] = tuple(values[23].split(",")) if values[23] else ()
    return AttemptRow(*values)


def event_row(row: tuple[Any, ...]) -> EventRow:
    values = list(row)
    values[4] = VERDICT_NAMES[values[4]]
    return EventRow(*values)


def delivery_row(row: tuple[Any, ...]) -> DeliveryRow:
    values = list(row)
    values[4] = STATE_NAMES[values[4]]
    values[7] = read_headers(values[7]) if values[7] else None
    return DeliveryRow(*values)
