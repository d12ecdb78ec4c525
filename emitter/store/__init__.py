"""The only SQL: one SQLite file, one writer, as many readers as there are threads.

`Store` opens the file, keeps the counters and the webhooks, and turns values into rows; `writer` commits in groups;
`reader` answers queries; `schema` holds the tables. Another database can stand behind the same seam.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

import orjson

from emitter import clock
from emitter.delivery import Answer, Attempt, Delivery, Webhook
from emitter.errors import StoreUnusable
from emitter.event import Event
from emitter.signing import SigningKey
from emitter.store import schema
from emitter.store.ids import PublicIds
from emitter.store.lock import Owner, StoreLock
from emitter.store.opening import connect, migrate, open_file, open_memory
from emitter.store.plays import Plays
from emitter.store.reader import Reader
from emitter.store.retention import trim
from emitter.store.rows import URL
from emitter.store.schema import (
    ANSWER,
    ANSWER_FAILED,
    ATTEMPT,
    ATTEMPT_FAULTS,
    DELIVERY,
    DELIVERY_FAULTS,
    DELIVERY_WHOLE,
    ENTITY,
    EVENT,
    META,
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
from emitter.store.snapshots import Snapshots
from emitter.store.tokens import TenantRows, TokenRows
from emitter.store.writer import Done, Rows, Writer

__all__ = ["Owner", "Row", "Rows", "Store", "StoreLock", "backup"]

Row = tuple[int, tuple[Any, ...]]
MOST_SUBJECTS = 200  # requests of one event, as of a digest, in whose lives it is found


class Store:
    """Everything that is remembered. `path` None keeps it in memory.

    Raises `StoreLocked` when another process owns the file, `StoreUnusable` when it cannot be opened or was written by
    a newer version.
    """

    def __init__(
        self, path: Path | None, *, patience: float | None = None, durable: bool = True, readers: int = 8
    ) -> None:
        self.path = path
        self.process = os.getpid()
        self.lock: StoreLock | None = None
        self._guard = threading.RLock()
        if path is None:
            connection = open_memory()
        else:
            self.lock = StoreLock(path)
            connection = open_file(path, self.lock, patience=patience, durable=durable)
        self._connection = connection
        self.writer = Writer(connection, path, self._guard)
        self.reader = Reader(path, connection, self._guard, idle=readers)
        self.plays = Plays(self.writer, self.reader)
        self.tokens = TokenRows(self.writer, self.reader)
        self.tenants = TenantRows(self.writer, self.reader)
        self.snapshots = Snapshots(path, self.reader, self._replace)
        self._names = threading.Lock()
        self._last_started = 0
        self._by_number: dict[int, Webhook] | None = None
        try:
            self._load()
        except (sqlite3.Error, StoreUnusable) as error:  # a file that is damaged further in
            self.close()
            why = error.why if isinstance(error, StoreUnusable) else f"cannot be used ({error})"
            raise StoreUnusable(self._where, f"{why}. Name another file: --store") from None

    @property
    def _where(self) -> str:
        return str(self.path or "the store in memory")

    def _load(self) -> None:
        connection = self._connection
        self._salt = int(connection.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone()[0])
        self.event_ids, self.delivery_ids = PublicIds(self._salt), PublicIds(self._salt * 3 + 1)
        floor = int(self._meta("floor") or 0)
        counters, self.last_attempt = [], 0
        for table in ("events", "deliveries", "attempts", "webhooks"):
            column = "number" if table == "webhooks" else "id"
            last = connection.execute(f"SELECT max({column}) FROM {table}").fetchone()[0] or 0
            counters.append(itertools.count(max(last, floor) + 1))
            if table == "attempts":
                self.last_attempt = last
        self._events, self._deliveries, self._attempts, self._webhooks = counters
        self._types = dict(connection.execute("SELECT name, id FROM types"))
        self._runs = dict(connection.execute("SELECT name, id FROM runs"))

    def last_stamp(self, until: int) -> int:
        """The latest stamp of the newest events that is not after `until`, 0 for none.

        A store may hold events of a virtual clock that was years ahead; they must not pull along those of another.
        """
        with self.reader.connection() as connection:
            found = connection.execute(
                "SELECT max(stamp) FROM (SELECT stamp FROM events ORDER BY id DESC LIMIT 20000) WHERE stamp <= ?",
                (until,),
            ).fetchone()
        return found[0] or 0

    def _meta(self, key: str) -> str | None:
        with self.reader.connection() as connection:
            found = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return found[0] if found else None

    # --- what the dispatcher writes ------------------------------------------------------------------------------

    def plan(self, event: Event, webhooks: Sequence[Webhook], *, due: int) -> tuple[int, list[Delivery], list[Row]]:
        """Number an event and one delivery for each of `webhooks`; return the event's id, them, and the rows."""
        event_id = next(self._events)
        deliveries = [Delivery(next(self._deliveries), event_id, webhook, due) for webhook in webhooks]
        rows = [self.event_row(event_id, event, deliveries)]
        rows += [(DELIVERY, (each.id, event_id, each.webhook.number, due)) for each in deliveries]
        return event_id, deliveries, rows

    def next_event_id(self) -> int:
        return next(self._events)

    def next_delivery_id(self) -> int:
        return next(self._deliveries)

    def event_row(self, event_id: int, event: Event, deliveries: Sequence[Delivery]) -> Row:
        """Make the row of an event; its deliveries are numbered one after the other."""
        verdict = VERDICTS[event.verdict]
        first = deliveries[0].id if deliveries else 0
        return (
            EVENT, (event_id, self.type_id(event.type), event.stamp, clock.wall(), verdict, event.seed,
                    self.run_id(event.run), first, len(deliveries), bytearray(event.body)),
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

    def next_attempt_id(self) -> int:
        self.last_attempt = next(self._attempts)
        return self.last_attempt

    def started_rows(
        self, attempt: Attempt, *, event_id: int, webhook: int, type_id: int, run_id: int, own_body: bool
    ) -> list[Row]:
        """Make the rows of an attempt that is about to leave; `own_body` where it is not the event's."""
        request = attempt.request
        head = bytearray(orjson.dumps(((URL, request.url), *request.headers)))
        rows: list[Row] = [
            (ATTEMPT, (attempt.id, attempt.delivery_id, attempt.number, event_id, webhook, type_id, run_id,
                       attempt.started, attempt.scheduled)),
            (REQUEST_BODY, (attempt.id, head, request.body)) if own_body else (REQUEST, (attempt.id, head)),
        ]  # fmt: skip
        if attempt.faults:
            rows.append((ATTEMPT_FAULTS, (attempt.id, ",".join(attempt.faults))))
        return rows

    def finished_rows(
        self, attempt_id: int, answer: Answer, *, delivery_id: int, state: str, due: int, attempts: int, note: str = ""
    ) -> list[Row]:
        """Make the rows of an attempt that is over, and of the state that its delivery is in now."""
        lookup, connect, tls, first_byte, total = answer.timing
        headers, body = bytearray(orjson.dumps(answer.headers)), bytearray(answer.body)
        answered: Row
        if answer.failure or answer.error or answer.body_cut:
            values = (attempt_id, answer.reason, headers, body, int(answer.body_cut), answer.failure, answer.phase,
                      answer.error, answer.address, lookup, connect, tls, first_byte)  # fmt: skip
            answered = (ANSWER_FAILED, values)
        else:
            tls = -1 if tls is None else tls
            whole = (attempt_id, answer.reason, headers, body, answer.address, lookup, connect, tls, first_byte)
            answered = (ANSWER, whole)
        return [
            (OUTCOME, (OUTCOMES[answer.outcome], answer.status or 0, total, attempt_id)),
            answered,
            (STATE, (STATES[state], due, attempts, note, delivery_id)),
        ]  # fmt: skip

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

    def drop_waiting(self, webhook: Webhook, note: str, *, wait: bool = True) -> None:
        """End every delivery that waits for a webhook, but for those under way; on disk when `wait`ed for."""

        def drop(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE deliveries SET state = ?, note = ? WHERE webhook = ? AND state = 0 AND NOT EXISTS "
                "(SELECT 1 FROM attempts a WHERE a.delivery = deliveries.id AND a.outcome = ?)",
                (STATES["dropped"], note, webhook.number, schema.STARTED),
            )

        if wait:
            self.writer.run(drop)
        else:
            self.writer.put((), vital=True, call=drop)

    def put(self, rows: Rows, done: Done | None = None, *, vital: bool = False) -> None:
        """Queue rows for the next commit; see `Writer.put`."""
        if self.process != os.getpid():
            raise StoreUnusable(
                self._where,
                f"was opened in process {self.process} and is used in {os.getpid()}. A server that forks workers after "
                "loading the app cannot share a simulator: run it with one process (threads are fine).",
            )
        self.writer.put(rows, done, vital=vital)

    def put_and_wait(self, rows: Rows) -> None:
        """Put rows and return once they are on disk; raise what kept them from getting there."""
        self.writer.run(lambda _: None, rows)

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

    def wall_of_start(self) -> int:
        """The wall time for a new attempt: never before the last one, so that attempts are in order of time by id."""
        self._last_started = max(clock.wall(), self._last_started)
        return self._last_started

    # --- webhooks -------------------------------------------------------------------------------------------------

    def add_webhook(self, webhook: Webhook) -> Webhook:
        """Keep a new webhook and return it with its number."""
        webhook = replace(webhook, number=next(self._webhooks))
        self.save_webhook(webhook)
        return webhook

    def save_webhook(self, webhook: Webhook) -> None:
        """Keep what a webhook has become."""
        self.writer.run(partial(self._save, webhook=webhook))
        self._forget_webhooks()

    def save_webhook_soon(self, webhook: Webhook) -> None:
        """As `save_webhook`, without waiting: for threads that others wait for."""
        self.writer.put(
            (), lambda error: self._forget_webhooks(), vital=True, call=partial(self._save, webhook=webhook)
        )

    def delete_webhook(self, webhook: Webhook) -> None:
        """Hide a webhook; its rows stay until retention takes them. Its signing key goes at once."""
        self.writer.run(
            lambda connection: connection.execute(
                "UPDATE webhooks SET deleted = 1, signing_key = NULL WHERE number = ?", (webhook.number,)
            )
        )
        self._forget_webhooks()

    def _forget_webhooks(self) -> None:
        self._by_number = None

    def webhook_by_number(self, number: int) -> Webhook:
        """The webhook of a row, deleted ones included; an empty one where retention has taken it."""
        known = self._by_number
        if known is None:
            known = self._by_number = {each.number: each for each in self.webhooks(deleted=True)}
        return known.get(number) or Webhook(id="", url="", number=number)

    @staticmethod
    def _save(connection: sqlite3.Connection, webhook: Webhook) -> None:
        key = webhook.signing_key.reveal() if webhook.signing_key else None
        connection.execute(
            "INSERT INTO webhooks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (number) DO UPDATE SET "
            "url = excluded.url, verify_tls = excluded.verify_tls, signing_key = excluded.signing_key, "
            "ca = excluded.ca, http2 = excluded.http2, suppressed = excluded.suppressed, paused = excluded.paused",
            (webhook.number, webhook.id, webhook.url, webhook.verify_tls, key, webhook.ca, webhook.http2,
             webhook.suppressed, webhook.paused, webhook.listed, webhook.created_at),
        )  # fmt: skip

    def webhooks(self, *, deleted: bool = False) -> list[Webhook]:
        """Every webhook, oldest first; the deleted ones too if asked, without their keys."""
        with self.reader.connection() as connection:
            rows = connection.execute(
                "SELECT id, url, number, verify_tls, signing_key, ca, http2, suppressed, paused, listed, created_at "
                "FROM webhooks WHERE deleted <= ? ORDER BY number",
                (deleted,),
            ).fetchall()
        return [
            Webhook(
                id=row[0], url=row[1], number=row[2], verify_tls=bool(row[3]),
                signing_key=SigningKey(row[4]) if row[4] else None, ca=row[5], http2=bool(row[6]),
                suppressed=bool(row[7]), paused=bool(row[8]), listed=bool(row[9]), created_at=row[10],
            )
            for row in rows
        ]  # fmt: skip

    # --- the world ------------------------------------------------------------------------------------------------

    def entities(self) -> list[tuple[int, str, bytes]]:
        """Every entity of the simulated world as (number, kind, document), the oldest first."""
        with self.reader.connection() as connection:
            return connection.execute("SELECT number, kind, document FROM entities ORDER BY number").fetchall()

    def entity_row(self, number: int, kind: str, id: str, document: bytes) -> Row:
        """Make the row that keeps an entity as it is now; `number` names it, and orders it."""
        return (ENTITY, (number, kind, id, document))

    def remembered_row(self, key: str, value: str) -> Row:
        """Make the row that `remember` would write, to go with others in one transaction."""
        return (META, (key, value))

    # --- keeping house --------------------------------------------------------------------------------------------

    def remember(self, key: str, value: str) -> None:
        """Keep a small fact beside the records."""
        self.writer.run(
            lambda connection: connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
            )
        )

    def recall(self, key: str) -> str | None:
        """Give back what `remember` was told."""
        return self._meta(key)

    def trim(self, *, older_than: int | None = None, most: int | None = None) -> int:
        """Delete finished attempts that started before `older_than` or are not among the newest `most`.

        What belongs to them goes too, except a delivery that still waits. Returns how many attempts went; at most some
        thousands a call, so that nothing else waits long.
        """
        return self.writer.run(lambda connection: trim(connection, older_than=older_than, most=most))

    def trim_soon(self, *, older_than: int | None, most: int | None) -> None:
        """As `trim`, without waiting, again and again until nothing is left to trim."""

        def some(connection: sqlite3.Connection) -> None:
            if trim(connection, older_than=older_than, most=most):
                self.writer.put((), vital=True, call=some)

        self.writer.put((), vital=True, call=some)

    def reset(self) -> None:
        """Forget everything but the numbers already given out: ids of before the reset name nothing after it."""

        def forget(connection: sqlite3.Connection) -> None:
            counters = (self._attempts, self._events, self._deliveries, self._webhooks)
            floor = max(next(each) for each in counters)  # their sum would outgrow 64 bits after thirty resets
            for table in schema.RECORDS:
                connection.execute(f"DELETE FROM {table}")
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('floor', ?)", (str(floor),))
            connection.execute("UPDATE meta SET value = ? WHERE key = 'salt'", (str(SystemRandom().getrandbits(120)),))

        self.writer.run(forget)
        with self._guard:
            self._load()
        self._forget_webhooks()

    def _replace(self, source: sqlite3.Connection) -> None:
        """Hold what another database holds, in one transaction; who calls has seen to it that nobody writes."""
        self.flush()
        with self._guard:
            try:
                self.writer.check_there()
                source.backup(self._connection)
                migrate(self._connection, self._where)
            except (sqlite3.Error, OSError) as error:
                raise StoreUnusable(self._where, f"cannot be replaced ({error}); it was left as it is") from None
            self._load()
        self._forget_webhooks()

    def counts(self) -> dict[str, int]:
        """How many events, deliveries, attempts and webhooks there are."""
        with self.reader.connection() as connection:
            found = connection.execute(
                "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM deliveries), "
                "(SELECT count(*) FROM attempts), (SELECT count(*) FROM webhooks WHERE listed AND NOT deleted)"
            ).fetchone()
        return dict(zip(("events", "deliveries", "attempts", "webhooks"), found, strict=True))

    def backup(self, target: Path) -> None:
        """Copy the store while it runs; raises `StoreUnusable` when the target exists or cannot be written."""
        with self.reader.connection() as connection:
            _copy(connection, target)

    def flush(self) -> None:
        """Wait until everything put so far is on disk."""
        self.writer.flush()

    def close(self) -> None:
        """Commit what waits, close the file, let go of the lock."""
        self.writer.close()
        self.reader.close()
        self.snapshots.close()
        with self._guard:
            self._connection.close()
        if self.lock is not None:
            self.lock.release()


def backup(path: Path, target: Path) -> None:
    """Copy the store in a file, whoever owns it and while it is written; raises `StoreUnusable`."""
    if not path.is_file():
        raise StoreUnusable(path, "is not there; there is nothing to copy.")
    try:
        connection = connect(str(path), read_only=True)
    except sqlite3.Error as error:
        raise StoreUnusable(path, f"cannot be read ({error})") from None
    try:
        _copy(connection, target)
    finally:
        connection.close()


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    if target.exists():
        raise StoreUnusable(target, "exists; a backup overwrites nothing. Name another file.")
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        copy = sqlite3.connect(target)  # noqa: TID251 - the door itself
        try:
            connection.backup(copy)
        finally:
            copy.close()
    except (OSError, sqlite3.Error) as error:
        raise StoreUnusable(target, f"cannot be written ({error})") from None
