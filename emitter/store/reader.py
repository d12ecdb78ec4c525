"""Answer queries: rows into values."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emitter.delivery import Answer, Timing
from emitter.errors import StoreUnusable
from emitter.query import AttemptQuery, Page, matching_types
from emitter.store import search
from emitter.store.filtering import filters_of
from emitter.store.ids import PublicIds
from emitter.store.opening import connect
from emitter.store.overview import Overview, overview
from emitter.store.rows import (
    ATTEMPTS,
    DELIVERIES,
    EVENTS,
    AttemptRow,
    AttemptWire,
    DeliveryRow,
    EventRow,
    attempt_row,
    deliveries_of,
    delivery_row,
    event_row,
    read_headers,
)
from emitter.store.schema import OUTCOMES, STARTED, STATES


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
            filters, low, high = filters_of(connection, query, deliveries, events)
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
            filters, low, high = filters_of(connection, query, deliveries, events)
            low = low if query.after is None else max(low, query.after + 1)
            high = high if query.before is None else min(high, query.before)
            return search.count(connection, filters, low=low, high=high, cap=cap)

    def overview(self, query: AttemptQuery, *, deliveries: PublicIds, events: PublicIds) -> Overview:
        """How many attempts match (text aside), by outcome, and how they lie in time; in bounded steps."""
        with self.connection() as connection:
            filters, low, high = filters_of(connection, query, deliveries, events)
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
            rows = connection.execute(ATTEMPTS + "WHERE a.delivery = ? ORDER BY a.id", (delivery_id,)).fetchall()
        return [attempt_row(row) for row in rows]

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
                status=status or None, reason=reason, headers=read_headers(headers), body=answered, body_cut=bool(cut),
                failure=failure, phase=phase, error=error, address=address,
                timing=Timing(lookup=parts[0], connect=parts[1], tls=parts[2], first_byte=parts[3], total=total),
            )  # fmt: skip
        (_, url), *headers = read_headers(head)
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
        found = {row[0]: row for row in connection.execute(f"{ATTEMPTS} WHERE a.id IN ({listed})")}
        return [attempt_row(found[each]) for each in ids if each in found]

    # --- events and deliveries --------------------------------------------------------------------------------------

    def event(self, event_id: int) -> EventRow | None:
        with self.connection() as connection:
            row = connection.execute(EVENTS + "WHERE e.id = ?", (event_id,)).fetchone()
        return event_row(row) if row else None

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
                f"{EVENTS} WHERE {' AND '.join(clauses)} ORDER BY e.id DESC LIMIT ?", (*arguments, limit)
            ).fetchall()
        return [event_row(row) for row in rows]

    def events_after(self, event_id: int, *, limit: int, run: str | None = None) -> list[EventRow]:
        """Events that came after one, oldest first; of one run only, where it is named."""
        where, values = ("", ()) if run is None else ("AND e.run IN (SELECT id FROM runs WHERE name = ?) ", (run,))
        with self.connection() as connection:
            rows = connection.execute(
                f"{EVENTS} WHERE e.id > ? {where}ORDER BY e.id LIMIT ?", (event_id, *values, limit)
            ).fetchall()
        return [event_row(row) for row in rows]

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
            rows = connection.execute(f"{EVENTS} WHERE e.id IN ({listed}) ORDER BY e.id DESC").fetchall()
        return [(event := event_row(row), found[event.id]) for row in rows]

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
            row = connection.execute(DELIVERIES + "WHERE id = ?", (delivery_id,)).fetchone()
        return delivery_row(row) if row else None

    def deliveries_of(self, event_id: int) -> list[DeliveryRow]:
        """The deliveries of an event: those planned with it, then those made by sending it again."""
        with self.connection() as connection:
            return deliveries_of(connection, event_id)

    def waiting(self, webhook: int, *, after: int, limit: int) -> list[tuple[DeliveryRow, EventRow]]:
        """What a webhook is still to get, in order, with the events; `after` is the last one already in hand."""
        with self.connection() as connection:
            rows = connection.execute(
                DELIVERIES.replace("deliveries ", "deliveries INDEXED BY deliveries_waiting ")
                + "WHERE webhook = ? AND state = 0 AND id > ? ORDER BY id LIMIT ?",
                (webhook, after, limit),
            ).fetchall()
            deliveries = [delivery_row(row) for row in rows]
            listed = ", ".join({str(each.event_id) for each in deliveries})
            events = {row[0]: event_row(row) for row in connection.execute(f"{EVENTS} WHERE e.id IN ({listed})")}
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
        return [(row[0], delivery_row(row[3:]), row[1], row[2]) for row in rows]
