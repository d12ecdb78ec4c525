"""Answer queries: rows into values."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from emitter.delivery import Answer, Headers, Timing
from emitter.errors import StoreUnusable
from emitter.query import AttemptQuery, Page, matching_types
from emitter.store import search
from emitter.store.ids import PublicIds
from emitter.store.opening import connect
from emitter.store.overview import Overview, overview
from emitter.store.schema import OUTCOME_NAMES, OUTCOMES, STARTED, STATE_NAMES, STATES, VERDICT_NAMES, VERDICTS
from emitter.store.search import Filter


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


FEW_EVENTS = 200
URL = ":url"  # stands before the headers of a request as it is kept
_ATTEMPTS = (
    "SELECT a.id, a.delivery, a.number, a.event, a.webhook, t.name, coalesce(u.name, ''), a.started, a.scheduled, "
    "a.outcome, a.status, a.total, coalesce(r.failure, ''), coalesce(r.error, ''), d.state, d.due, d.attempts, "
    "d.resend_of, d.note, e.verdict, e.seed, e.stamp, e.body, coalesce(f.faults, '') "
    "FROM attempts a JOIN types t ON t.id = a.type LEFT JOIN runs u ON u.id = a.run "
    "JOIN deliveries d ON d.id = a.delivery "
    "JOIN events e ON e.id = a.event LEFT JOIN answers r ON r.attempt = a.id "
    "LEFT JOIN attempt_faults f ON f.attempt = a.id "
)
_EVENTS = (
    "SELECT e.id, t.name, e.stamp, e.recorded, e.verdict, e.seed, coalesce(u.name, ''), e.first_delivery, e.planned, "
    "e.body FROM events e JOIN types t ON t.id = e.type LEFT JOIN runs u ON u.id = e.run "
)
_DELIVERIES = (
    "SELECT id, event, webhook, due, state, attempts, resend_of, signature, note, "
    "(SELECT faults FROM delivery_faults f WHERE f.delivery = deliveries.id) FROM deliveries "
)


class Reader:
    """Reads the store from any thread: those of a file each borrow a connection, all share the one of memory.

    `idle` connections at most stay open while nobody reads.
    """

    def __init__(self, path: Path | None, shared: sqlite3.Connection, guard: threading.RLock, *, idle: int = 8) -> None:
        self._path, self._shared, self._guard, self._most = path, shared, guard, idle
        self._idle: deque[sqlite3.Connection] = deque()
        self._returning = threading.Lock()  # the guard is held while a group is written
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading."""
        try:
            if self._path is None:
                with self._guard:
                    yield self._shared
                return
            mine = self._borrowed(self._path)
            try:
                yield mine
            finally:
                self._back(mine)
        except sqlite3.Error as error:
            raise StoreUnusable(self._path or "the store in memory", f"cannot be read ({error})") from error

    def _borrowed(self, path: Path) -> sqlite3.Connection:
        try:
            return self._idle.pop()  # the one that was used last knows most statements
        except IndexError:
            opened = connect(str(path), read_only=True)
            opened.execute("PRAGMA mmap_size = 1073741824")
            return opened

    def _back(self, connection: sqlite3.Connection) -> None:
        with self._returning:
            if not self._closed and len(self._idle) < self._most:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what nobody reads by now; the rest goes when it is given back."""
        with self._returning:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    # --- attempts ---------------------------------------------------------------------------------------------------

    def attempts(self, query: AttemptQuery, *, deliveries: PublicIds, events: PublicIds) -> Page[AttemptRow]:
        """One page of attempts, newest first."""
        with self.connection() as connection:
            filters, low, high = self._filters(connection, query, deliveries, events)
            forward = query.after is not None
            if query.before is not None:
                high = min(high, query.before)
            if query.after is not None:
                low = max(low, query.after + 1)
            found = search.find(
                connection, filters, low=low, high=high, limit=query.limit + 1, newest_first=not forward,
                text=query.text,
            )  # fmt: skip
            ids = found.ids[: query.limit]
            more = len(found.ids) > query.limit
            if forward:
                ids = ids[::-1]
            rows = self._rows(connection, ids)
            searched_to = self._started(connection, found.stopped) if found.stopped is not None else None
        if forward:
            newer = ids[0] if more and ids else found.stopped
            older = ids[-1] if ids else query.after
            return Page(rows, older=older, newer=newer, searched_to=searched_to)
        older = ids[-1] if more and ids else found.stopped
        newer = (ids[0] if ids else (query.before or 1) - 1) if query.before is not None else None
        return Page(rows, older=older, newer=newer, searched_to=searched_to)

    def count(self, query: AttemptQuery, *, deliveries: PublicIds, events: PublicIds, cap: int) -> tuple[int, bool]:
        """How many attempts match (text aside), up to `cap`, and whether there may be more."""
        with self.connection() as connection:
            filters, low, high = self._filters(connection, query, deliveries, events)
            low = low if query.after is None else max(low, query.after + 1)
            high = high if query.before is None else min(high, query.before)
            return search.count(connection, filters, low=low, high=high, cap=cap)

    def overview(self, query: AttemptQuery, *, deliveries: PublicIds, events: PublicIds) -> Overview:
        """How many attempts match (text aside), by outcome, and how they lie in time; in bounded steps."""
        with self.connection() as connection:
            filters, low, high = self._filters(connection, query, deliveries, events)
            low = low if query.after is None else max(low, query.after + 1)
            high = high if query.before is None else min(high, query.before)
            return overview(connection, filters, low=low, high=high)

    def previous_about(self, row: AttemptRow, text: bytes) -> int | None:
        """The newest attempt before one, of another event, whose body holds `text`, among the last few thousand."""
        with self.connection() as connection:
            return search.previous_about(connection, row.id, row.event_id, text)

    def attempt_rows(self, ids: Sequence[int]) -> list[AttemptRow]:
        """The attempts with these ids, in the order given; those that are not there are left out."""
        with self.connection() as connection:
            return self._rows(connection, ids)

    def attempts_of(self, delivery_id: int) -> list[AttemptRow]:
        """Every attempt of a delivery, first to last."""
        with self.connection() as connection:
            rows = connection.execute(_ATTEMPTS + "WHERE a.delivery = ? ORDER BY a.id", (delivery_id,)).fetchall()
        return [_attempt_row(row) for row in rows]

    def wire(self, attempt_id: int) -> AttemptWire | None:
        """What left and what came back for one attempt."""
        with self.connection() as connection:
            row = connection.execute(
                "SELECT q.head, q.body, a.status, a.total, a.outcome, r.* FROM attempts a "
                "JOIN requests q ON q.attempt = a.id LEFT JOIN answers r ON r.attempt = a.id WHERE a.id = ?",
                (attempt_id,),
            ).fetchone()
        if row is None:
            return None
        (
            head,
            body,
            status,
            total,
            _,
            attempt,
            reason,
            headers,
            answered,
            cut,
            failure,
            phase,
            error,
            address,
            *parts,
        ) = row
        answer = None
        if attempt is not None:
            answer = Answer(
                status=status or None, reason=reason, headers=_headers(headers), body=answered, body_cut=bool(cut),
                failure=failure, phase=phase, error=error, address=address,
                timing=Timing(lookup=parts[0], connect=parts[1], tls=parts[2], first_byte=parts[3], total=total),
            )  # fmt: skip
        (_, url), *headers = _headers(head)
        return AttemptWire(url=url, headers=tuple(headers), body=body, answer=answer)

    def history(
        self, webhook: int, *, offset: int, limit: int, newest_first: bool, without_type: str = ""
    ) -> tuple[list[AttemptRow], int]:
        """The completed attempts of a webhook as the vendor's API pages them, and how many there are."""
        with self.connection() as connection:
            skipped = connection.execute("SELECT id FROM types WHERE name = ?", (without_type,)).fetchone()
            where = f"webhook = ? AND outcome < {STARTED}" + (f" AND type <> {skipped[0]}" if skipped else "")
            order = "DESC" if newest_first else "ASC"
            total = connection.execute(f"SELECT count(*) FROM attempts WHERE {where}", (webhook,)).fetchone()[0]
            ids = [
                row[0]
                for row in connection.execute(
                    f"SELECT id FROM attempts INDEXED BY attempts_webhook WHERE {where} ORDER BY id {order} "
                    "LIMIT ? OFFSET ?",
                    (webhook, limit, offset),
                )
            ]
            return self._rows(connection, ids), int(total)

    def latest(self, webhook: int, *, since: int, limit: int) -> list[tuple[int, bool, int]]:
        """A webhook's newest completed attempts since a wall time: when, whether accepted, how long (microseconds)."""
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT started, outcome, total FROM attempts INDEXED BY attempts_webhook "
                "WHERE webhook = ? AND id >= ? AND outcome < ? ORDER BY id DESC LIMIT ?",
                (webhook, search.id_at(connection, since), OUTCOMES["interrupted"], limit),
            ).fetchall()
        return [(started, outcome == OUTCOMES["accepted"], total) for started, outcome, total in rows]

    def _filters(
        self, connection: sqlite3.Connection, query: AttemptQuery, deliveries: PublicIds, events: PublicIds
    ) -> tuple[list[Filter], int, int]:
        filters = []
        if query.type:
            types = dict(connection.execute("SELECT name, id FROM types"))
            filters.append(Filter("type", tuple(types[name] for name in matching_types(query.type, types))))
        if query.outcome:
            filters.append(Filter("outcome", tuple(OUTCOMES[word] for word in query.outcome)))
        if query.run:
            filters.append(Filter("run", self._numbers(connection, "SELECT id FROM runs WHERE name", query.run)))
        if query.webhook:
            numbers = self._numbers(connection, "SELECT number FROM webhooks WHERE id", query.webhook)
            filters.append(Filter("webhook", numbers))
        if query.status:
            filters.append(_status_filter(connection, query.status))
        if query.delivery:
            numbers = tuple(number for text in query.delivery if (number := deliveries.read(text)))
            filters.append(Filter("delivery", numbers))
        if query.event:
            wanted = [number for text in query.event if (number := events.read(text))]
            filters.append(_of_events(connection, wanted))
        if query.fault:
            filters.append(Filter("fault", faults=query.fault))
        if query.verdict:
            filters.append(_verdict_filter(connection, tuple(VERDICTS[word] for word in query.verdict)))
        low, high = search.bounds(connection)
        if query.since is not None:
            low = max(low, search.id_at(connection, query.since))
        if query.until is not None:
            high = min(high, search.id_at(connection, query.until))
        return filters, low, high

    @staticmethod
    def _numbers(connection: sqlite3.Connection, statement: str, names: Sequence[str]) -> tuple[int, ...]:
        marks = ", ".join("?" * len(names))
        return tuple(row[0] for row in connection.execute(f"{statement} IN ({marks})", tuple(names)))

    @staticmethod
    def _started(connection: sqlite3.Connection, attempt_id: int) -> int | None:
        row = connection.execute(
            "SELECT started FROM attempts WHERE id >= ? ORDER BY id LIMIT 1", (attempt_id,)
        ).fetchone()
        return row[0] if row else None

    @staticmethod
    def _rows(connection: sqlite3.Connection, ids: Sequence[int]) -> list[AttemptRow]:
        if not ids:
            return []
        listed = ", ".join(map(str, ids))
        found = {row[0]: row for row in connection.execute(f"{_ATTEMPTS} WHERE a.id IN ({listed})")}
        return [_attempt_row(found[each]) for each in ids if each in found]

    # --- events and deliveries --------------------------------------------------------------------------------------

    def event(self, event_id: int) -> EventRow | None:
        with self.connection() as connection:
            row = connection.execute(_EVENTS + "WHERE e.id = ?", (event_id,)).fetchone()
        return _event_row(row) if row else None

    def events(self, *, before: int | None, limit: int, types: Sequence[str] = (), run: str = "") -> list[EventRow]:
        """Events, newest first, before one id."""
        with self.connection() as connection:
            clauses = ["e.id < ?"]
            arguments: list[Any] = [before if before is not None else 2**62]
            if types:
                known = dict(connection.execute("SELECT name, id FROM types"))
                numbers = [known[name] for name in matching_types(types, known)]
                clauses.append(f"e.type IN ({', '.join(map(str, numbers))})")
            if run:
                clauses.append("e.run IN (SELECT id FROM runs WHERE name = ?)")
                arguments.append(run)
            rows = connection.execute(
                f"{_EVENTS} WHERE {' AND '.join(clauses)} ORDER BY e.id DESC LIMIT ?", (*arguments, limit)
            ).fetchall()
        return [_event_row(row) for row in rows]

    def events_after(self, event_id: int, *, limit: int, run: str | None = None) -> list[EventRow]:
        """Events that came after one, oldest first; of one run only, where it is named."""
        where, values = ("", ()) if run is None else ("AND e.run IN (SELECT id FROM runs WHERE name = ?) ", (run,))
        with self.connection() as connection:
            rows = connection.execute(
                f"{_EVENTS} WHERE e.id > ? {where}ORDER BY e.id LIMIT ?", (event_id, *values, limit)
            ).fetchall()
        return [_event_row(row) for row in rows]

    def oldest_event(self) -> int:
        """The number of the first event that is still there; 0 for none."""
        with self.connection() as connection:
            row = connection.execute("SELECT min(id) FROM events").fetchone()
        return row[0] or 0

    def newest_event(self) -> int:
        """The number of the last event; 0 for none."""
        with self.connection() as connection:
            row = connection.execute("SELECT max(id) FROM events").fetchone()
        return row[0] or 0

    def runs(self) -> list[str]:
        """The names that events bear, in no order."""
        with self.connection() as connection:
            return [row[0] for row in connection.execute("SELECT name FROM runs WHERE name <> ''")]

    def about(self, entity: int, *, before: int | None, limit: int) -> list[tuple[EventRow, int]]:
        """The events about an entity, by its number, newest first, each with the number of its one request or 0."""
        with self.connection() as connection:
            found = dict(
                connection.execute(
                    "SELECT event, request FROM subjects WHERE entity = ? AND event < ? ORDER BY event DESC LIMIT ?",
                    (entity, before if before is not None else 2**62, limit),
                ).fetchall()
            )
            listed = ", ".join(map(str, found))
            rows = connection.execute(f"{_EVENTS} WHERE e.id IN ({listed}) ORDER BY e.id DESC").fetchall()
        return [(event := _event_row(row), found[event.id]) for row in rows]

    def requests_of(self, first: int, last: int) -> dict[int, str]:
        """The id of the one request that an event is about, for the events from one number to another that have one."""
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT s.event, n.id FROM (SELECT event, min(request) AS request FROM subjects "
                "WHERE event BETWEEN ? AND ? GROUP BY event HAVING count(DISTINCT request) = 1) s "
                "JOIN entities n ON n.number = s.request",
                (first, last),
            ).fetchall()
        return dict(rows)

    def delivery(self, delivery_id: int) -> DeliveryRow | None:
        with self.connection() as connection:
            row = connection.execute(_DELIVERIES + "WHERE id = ?", (delivery_id,)).fetchone()
        return _delivery_row(row) if row else None

    def deliveries_of(self, event_id: int) -> list[DeliveryRow]:
        """The deliveries of an event: those planned with it, then those made by sending it again."""
        with self.connection() as connection:
            return _deliveries_of(connection, event_id)

    def waiting(self, webhook: int, *, after: int, limit: int) -> list[tuple[DeliveryRow, EventRow]]:
        """What a webhook is still to get, in order, with the events; `after` is the last one already in hand."""
        with self.connection() as connection:
            rows = connection.execute(
                _DELIVERIES.replace("deliveries ", "deliveries INDEXED BY deliveries_waiting ")
                + "WHERE webhook = ? AND state = 0 AND id > ? ORDER BY id LIMIT ?",
                (webhook, after, limit),
            ).fetchall()
            deliveries = [_delivery_row(row) for row in rows]
            listed = ", ".join({str(each.event_id) for each in deliveries})
            events = {row[0]: _event_row(row) for row in connection.execute(f"{_EVENTS} WHERE e.id IN ({listed})")}
        return [(each, events[each.event_id]) for each in deliveries]

    def older(self, webhook: int, *, now: int, most: int) -> list[tuple[int, int]]:
        """The deliveries of a webhook that have left, or may at any moment, as (delivery, event), newest first.

        Those that were dropped or wait for a later time are passed over; the last ten thousand of all are looked at.
        """
        with self.connection() as connection:
            return connection.execute(
                "SELECT id, event FROM deliveries NOT INDEXED WHERE id > (SELECT max(id) FROM deliveries) - 10000 "
                "AND webhook = ? AND state <> ? AND (attempts > 0 OR due <= ?) ORDER BY id DESC LIMIT ?",
                (webhook, STATES["dropped"], now, most),
            ).fetchall()

    def first_attempt(self, delivery_id: int) -> int | None:
        """The first attempt of a delivery; None if it has not left."""
        with self.connection() as connection:
            row = connection.execute(
                "SELECT id FROM attempts INDEXED BY attempts_delivery WHERE delivery = ? ORDER BY id LIMIT 1",
                (delivery_id,),
            ).fetchone()
        return row[0] if row else None

    def waiting_counts(self) -> dict[int, int]:
        """How many deliveries wait, by webhook."""
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT webhook, count(*) FROM deliveries INDEXED BY deliveries_waiting "
                "WHERE state = 0 GROUP BY webhook"
            )
            return dict(rows.fetchall())

    def left_started(self) -> list[tuple[int, DeliveryRow, int, int]]:
        """Attempts without an end: (attempt, its delivery, its number, when it was scheduled)."""
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT a.id, a.number, a.scheduled, d.id, d.event, d.webhook, d.due, d.state, d.attempts, "
                "d.resend_of, "
                "d.signature, d.note FROM deliveries d INDEXED BY deliveries_waiting "
                f"JOIN attempts a ON a.delivery = d.id AND a.outcome = {STARTED} WHERE d.state = 0 ORDER BY a.id"
            ).fetchall()
        return [(row[0], _delivery_row(row[3:]), row[1], row[2]) for row in rows]


def _status_filter(connection: sqlite3.Connection, words: Sequence[str]) -> Filter:
    values: list[int] = []
    ranges: list[tuple[int, int]] = []
    for word in words:
        if word == "none":
            values.append(0)
        elif word.endswith("xx"):
            first = int(word[0]) * 100
            if first >= 300:
                values += [status for status in search.statuses(connection) if first <= status < first + 100]
            else:
                ranges.append((first, first + 99))
        else:
            values.append(int(word))
    return Filter("status", tuple(values), tuple(ranges))


def _verdict_filter(connection: sqlite3.Connection, verdicts: tuple[int, ...]) -> Filter:
    """By the deliveries of the events where those are few, else by looking at the event of each attempt."""
    few = search.few_events(connection, verdicts, FEW_EVENTS) if VERDICTS["valid"] not in verdicts else None
    return Filter("verdict", verdicts) if few is None else _of_events(connection, few)


def _of_events(connection: sqlite3.Connection, events: Sequence[int]) -> Filter:
    """By the deliveries of these events."""
    return Filter("delivery", tuple(row.id for event in events for row in _deliveries_of(connection, event)))


def _deliveries_of(connection: sqlite3.Connection, event_id: int) -> list[DeliveryRow]:
    rows = connection.execute(
        _DELIVERIES + "WHERE id IN (SELECT d.id FROM events e JOIN deliveries d ON d.id >= e.first_delivery "
        "AND d.id < e.first_delivery + e.planned WHERE e.id = ?1 AND e.planned > 0) "
        "OR id IN (SELECT id FROM deliveries INDEXED BY deliveries_resent WHERE event = ?1 AND resend_of > 0) "
        "ORDER BY id",
        (event_id,),
    ).fetchall()
    return [_delivery_row(row) for row in rows]


def _headers(raw: bytes | str) -> Headers:
    return tuple((name, value) for name, value in orjson.loads(raw))


def _attempt_row(row: tuple[Any, ...]) -> AttemptRow:
    values = list(row)
    outcome = OUTCOME_NAMES[values[9]]
    values[9] = outcome
    over = outcome not in ("started", "interrupted")
    values[10] = values[10] or None if over else None
    values[11] = values[11] if over else None
    values[14], values[19] = STATE_NAMES[values[14]], VERDICT_NAMES[values[19]]
    values[23] = tuple(values[23].split(",")) if values[23] else ()
    return AttemptRow(*values)


def _event_row(row: tuple[Any, ...]) -> EventRow:
    values = list(row)
    values[4] = VERDICT_NAMES[values[4]]
    return EventRow(*values)


def _delivery_row(row: tuple[Any, ...]) -> DeliveryRow:
    values = list(row)
    values[4] = STATE_NAMES[values[4]]
    values[7] = _headers(values[7]) if values[7] else None
    return DeliveryRow(*values)
