"""Forget the oldest records, a few thousand at a time."""

from __future__ import annotations

import sqlite3

from emitter.store.schema import STARTED
from emitter.store.search import id_at

_CHUNK = 5000
# The delivery that was planned first is of the event that was planned first, but for one that was sent again.
_LEAST = (
    "SELECT delivery, min(event, coalesce((SELECT min(event) FROM deliveries INDEXED BY deliveries_resent "
    "WHERE resend_of > 0), event)) FROM attempts INDEXED BY attempts_delivery ORDER BY delivery LIMIT 1"
)
_LAST = "SELECT (SELECT max(id) FROM deliveries), (SELECT max(id) FROM events)"
_LEAST_WAITING = "SELECT min(id), min(event) FROM deliveries INDEXED BY deliveries_waiting WHERE state = 0"


def trim(connection: sqlite3.Connection, *, older_than: int | None, most: int | None) -> int:
    """Delete up to some thousands of the oldest attempts that are over, and what hangs on nothing any more."""
    cut = _first_kept(connection, older_than=older_than, most=most)
    oldest = connection.execute("SELECT min(id) FROM attempts").fetchone()[0]
    if cut is None or oldest is None or cut <= oldest:
        return 0
    cut = min(cut, oldest + _CHUNK)
    newest = _newest(connection)
    gone = connection.execute("DELETE FROM attempts WHERE id < ? AND outcome <> ?", (cut, STARTED)).rowcount
    for table in ("requests", "answers", "attempt_faults"):
        connection.execute(f"DELETE FROM {table} WHERE attempt < ? AND attempt NOT IN (SELECT id FROM attempts "
                           f"WHERE id < ?)", (cut, cut))  # fmt: skip
    kept = connection.execute(_LEAST).fetchone() or (None, None)
    waiting = connection.execute(_LEAST_WAITING).fetchone()
    last = connection.execute(_LAST).fetchone()
    delivery, event = (
        min((value for value in (kept[index], waiting[index]) if value is not None), default=(last[index] or 0) + 1)
        for index in (0, 1)
    )
    connection.execute("DELETE FROM deliveries WHERE id < ? AND state <> 0", (delivery,))
    connection.execute(
        "DELETE FROM delivery_faults WHERE delivery < ?1 AND delivery NOT IN (SELECT id FROM deliveries WHERE id < ?1)",
        (delivery,),
    )
    connection.execute("DELETE FROM events WHERE id < ?", (event,))
    connection.execute("DELETE FROM subjects WHERE event < ?", (event,))
    if _newest(connection) != newest:  # numbers go on from the newest that is there: none is given out again
        connection.execute(
            "INSERT INTO meta VALUES ('floor', ?1) ON CONFLICT (key) DO UPDATE "
            "SET value = max(CAST(value AS INTEGER), CAST(?1 AS INTEGER))",
            (str(max(newest)),),
        )
    return gone


def _newest(connection: sqlite3.Connection) -> tuple[int, ...]:
    found = connection.execute(
        "SELECT (SELECT max(id) FROM events), (SELECT max(id) FROM deliveries), (SELECT max(id) FROM attempts)"
    ).fetchone()
    return tuple(value or 0 for value in found)


def _first_kept(connection: sqlite3.Connection, *, older_than: int | None, most: int | None) -> int | None:
    cuts = []
    if most is not None:
        found = connection.execute("SELECT id FROM attempts ORDER BY id DESC LIMIT 1 OFFSET ?", (most,)).fetchone()
        if found:
            cuts.append(found[0] + 1)
    if older_than is not None:
        cuts.append(id_at(connection, older_than))
    return max(cuts, default=None)
