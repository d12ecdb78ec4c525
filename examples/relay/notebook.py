"""What the relay must not forget, in one file of SQLite: events that wait, requests as last seen, what is to send.

Whatever follows from an event is noted in the one transaction that ends the event. A thing to send has a key, and is
noted once, however often it follows.
"""

import sqlite3
import threading
from contextlib import contextmanager

REMEMBERED = 100_000  # events and things sent; the oldest go
WAITS, DONE, REFUSED = 0, 1, 2

_TABLES = """
CREATE TABLE IF NOT EXISTS inbox (
    number INTEGER PRIMARY KEY, digest TEXT UNIQUE NOT NULL, body BLOB NOT NULL, state INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS inbox_waits ON inbox (number) WHERE state = 0;
CREATE TABLE IF NOT EXISTS requests (id TEXT PRIMARY KEY, product TEXT NOT NULL, status TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS requests_of ON requests (product);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, service TEXT NOT NULL, body TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0, answer TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS outbox_waits ON outbox (service, number) WHERE state = 0;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY);
"""


class Notebook:
    def __init__(self, path):
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # what is acknowledged is on disk
        self._db.executescript(_TABLES)

    def close(self):
        with self._lock:
            self._db.close()

    @contextmanager
    def together(self):
        """All of it or nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # --- events

    def receive(self, digest, body):
        """Keep an event until it is worked on; one that came before is let be."""
        self._do("INSERT OR IGNORE INTO inbox (digest, body) VALUES (?, ?)", digest, body)

    def next_event(self):
        """The oldest event that waits, as (number, body)."""
        return self._one("SELECT number, body FROM inbox WHERE state = 0 ORDER BY number LIMIT 1")

    def end_event(self, number, state=DONE):
        self._do("UPDATE inbox SET state = ?, body = x'' WHERE number = ?", state, number)
        self._do("DELETE FROM inbox WHERE state = 1 AND number <= ?", number - REMEMBERED)

    # --- requests

    def status(self, request):
        found = self._one("SELECT status FROM requests WHERE id = ?", request)
        return found[0] if found else None

    def note(self, request, product, status):
        self._do("INSERT OR REPLACE INTO requests (id, product, status) VALUES (?, ?, ?)", request, product, status)

    def without(self, statuses, product=""):
        """Requests in none of these states, of one product or all, as (id, product)."""
        where = f"status NOT IN ({', '.join('?' * len(statuses))})" + (" AND product = ?" if product else "")
        return self._all(f"SELECT id, product FROM requests WHERE {where}", *statuses, *filter(None, [product]))

    def requests(self):
        return dict(self._all("SELECT id, status FROM requests ORDER BY id"))

    # --- what is to send

    def send(self, key, service, body):
        """Have something sent, after what was noted before for that service; what has the key already is let be."""
        self._do("INSERT OR IGNORE INTO outbox (key, service, body) VALUES (?, ?, ?)", key, service, body)

    def has(self, key):
        return self._one("SELECT 1 FROM outbox WHERE key = ?", key) is not None

    def next_to_send(self, service):
        """The oldest thing that waits, as (number, key, body)."""
        return self._one(
            "SELECT number, key, body FROM outbox WHERE service = ? AND state = 0 ORDER BY number", service
        )

    def end_sending(self, number, state, answer):
        self._do("UPDATE outbox SET state = ?, answer = ? WHERE number = ?", state, answer, number)
        self._do("DELETE FROM outbox WHERE state = 1 AND number <= ?", number - REMEMBERED)

    def counts(self):
        """How many events and how many things to send wait, and how many of each were refused."""
        return [
            self._one(f"SELECT count(*) FROM {table} WHERE state = {state}")[0]
            for state in (WAITS, REFUSED) for table in ("inbox", "outbox")
        ]  # fmt: skip

    def mark(self, name):
        """Whether this is the first time that the mark is set."""
        return self._do("INSERT OR IGNORE INTO marks (name) VALUES (?)", name) == 1

    def _do(self, statement, *values):
        with self._lock:
            return self._db.execute(statement, values).rowcount

    def _one(self, statement, *values):
        with self._lock:
            return self._db.execute(statement, values).fetchone()

    def _all(self, statement, *values):
        with self._lock:
            return self._db.execute(statement, values).fetchall()
