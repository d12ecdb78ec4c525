"""`Store`: opens the file, keeps the counters, and what the others need to write and to read."""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from emitter.delivery import Webhook
from emitter.errors import StoreUnusable
from emitter.store import schema
from emitter.store.copying import copy_to
from emitter.store.ids import PublicIds
from emitter.store.lock import StoreLock
from emitter.store.made import Row, RowMaker
from emitter.store.opening import migrate, open_file, open_memory
from emitter.store.plays import Plays
from emitter.store.reader import Reader
from emitter.store.retention import trim
from emitter.store.schema import (
    ENTITY,
    META,
    STATES,
)  # fmt: skip
from emitter.store.snapshots import Snapshots
from emitter.store.tokens import TenantRows, TokenRows
from emitter.store.webhooks import WebhookRows
from emitter.store.writer import Batch, Done, Rows, Writer


class Store(RowMaker, WebhookRows):
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
        RowMaker.__init__(self)
        WebhookRows.__init__(self)
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

    # --- writing ----------------------------------------------------------------------------------------------------

    def put(self, rows: Rows, done: Done | None = None, *, vital: bool = False) -> None:
        """Queue rows for the next commit; see `Writer.put`."""
        self._check_process()
        self.writer.put(rows, done, vital=vital)

    def put_all(self, batches: Sequence[Batch]) -> None:
        """Queue what need not stand together; see `Writer.put_all`."""
        self._check_process()
        self.writer.put_all(batches)

    def _check_process(self) -> None:
        if self.process != os.getpid():
            raise StoreUnusable(
                self._where,
                f"was opened in process {self.process} and is used in {os.getpid()}. A server that forks workers after "
                "loading the app cannot share a simulator: run it with one process (threads are fine).",
            )

    def put_and_wait(self, rows: Rows) -> None:
        """Put rows and return once they are on disk; raise what kept them from getting there."""
        self.writer.run(lambda _: None, rows)

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
            copy_to(connection, target)

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
