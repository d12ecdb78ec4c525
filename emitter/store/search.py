"""Find attempts: which rows a query means, newest first, in bounded steps whatever the filter and however deep.

A step first looks at the rows next to the anchor, which fills a page when matches are dense. Else it walks the index of
the filter that has the fewest rows left, some thousands of them at most, and the caller goes on from where it stopped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from emitter import clock
from emitter.store.schema import STARTED

PROBE = 1500
WALK = 1500
TEXT_WINDOW = 4000
BEHIND = 5000  # attempts that are looked at for the one before of the same product
STEP = 0.003  # seconds after which a search under several filters stops and says how far it got
TEXT_STEP = 0.2  # seconds that one page may read bodies for

_RARE = ("delivery", "run", "status", "outcome", "webhook", "type")
_INDEXED = {"type", "outcome", "webhook", "run", "status", "delivery"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One column that has to hold one of some numbers, or lie in one of some ranges."""

    column: str
    values: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()  # both ends included
    faults: tuple[str, ...] = ()  # names of which an attempt has to have suffered one, in a table of their own

    def clause(self, table: str = "") -> str:
        if self.faults:
            return f"EXISTS (SELECT 1 FROM attempt_faults f WHERE f.attempt = {table}id AND {_suffered(self.faults)})"
        if self.column == "verdict" and self.values:
            return f"(SELECT e.verdict FROM events e WHERE e.id = {table}event) IN ({', '.join(map(str, self.values))})"
        column = table + self.column
        parts = [f"{column} IN ({', '.join(map(str, self.values))})"] if self.values else []
        parts += [f"{column} BETWEEN {low} AND {high}" for low, high in self.ranges]
        return f"({' OR '.join(parts)})" if parts else "0"

    @property
    def empty(self) -> bool:
        return not (self.values or self.ranges or self.faults)


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of a page, newest first; `stopped` is the id where a bounded search ended before the page was full."""

    ids: list[int]
    stopped: int | None = None


def find(
    connection: sqlite3.Connection,
    filters: Sequence[Filter],
    *,
    low: int,
    high: int,
    limit: int,
    newest_first: bool = True,
    text: str = "",
) -> Found:
    """Find up to `limit` ids in `low` <= id < `high` from the new end (or the old one), within the time of a step."""
    if any(each.empty for each in filters) or low >= high:
        return Found([])
    if text:
        return _by_text(connection, filters, text, low, high, limit, newest_first)
    if any(each.faults for each in filters):
        return _by_fault(connection, filters, low, high, limit, newest_first)
    if not filters:
        return Found(_range(connection, "1", low, high, limit, newest_first))
    if len(filters) == 1 and _usable(filters[0]):
        return Found(_straight(connection, filters[0], low, high, limit, newest_first))
    where = " AND ".join(each.clause() for each in filters)
    deadline = clock.monotonic() + STEP
    ids: list[int] = []
    # dense: what is wanted stands close to the anchor
    edge = max(high - PROBE, low) if newest_first else min(low + PROBE, high)
    ids += _range(connection, where, *((edge, high) if newest_first else (low, edge)), limit, newest_first)
    low, high = (low, edge) if newest_first else (edge, high)
    driver = _driver(connection, filters, low, high) if len(ids) < limit and low < high else None
    while len(ids) < limit and low < high:
        if clock.monotonic() > deadline:
            return Found(ids, stopped=high if newest_first else low)
        if driver is None:
            edge = max(high - WALK * 4, low) if newest_first else min(low + WALK * 4, high)
            ids += _range(
                connection, where, *((edge, high) if newest_first else (low, edge)), limit - len(ids), newest_first
            )
        else:
            more, edge = _walk(connection, driver, where, low, high, limit - len(ids), newest_first)
            ids += more
        low, high = (low, edge) if newest_first else (edge, high)
    return Found(ids)


def count(
    connection: sqlite3.Connection, filters: Sequence[Filter], *, low: int, high: int, cap: int
) -> tuple[int, bool]:
    """Count matches up to `cap`, looking at no more than twice as many rows; also whether there may be more."""
    if any(each.empty for each in filters) or low >= high:
        return 0, False
    if len(filters) == 1 and _usable(filters[0]):
        only, found = filters[0], 0
        for value in only.values:
            statement = (
                f"SELECT count(*) FROM (SELECT 1 FROM attempts INDEXED BY attempts_{only.column} "
                f"WHERE {_one(only.column)} AND id >= ? AND id < ? LIMIT ?)"
            )
            found += connection.execute(statement, (value, low, high, cap + 1 - found)).fetchone()[0]
        return min(found, cap), found > cap
    where = " AND ".join(each.clause() for each in filters) or "1"
    driver = _driver(connection, filters, low, high)
    if any(each.faults for each in filters):
        statement = (
            f"SELECT count(*), coalesce(sum({where}), 0) FROM (SELECT a.* FROM attempt_faults s "
            f"CROSS JOIN attempts a ON a.id = s.attempt WHERE s.attempt >= ? AND s.attempt < ? LIMIT {cap * 2})"
        )
        looked, found = connection.execute(statement, (low, high)).fetchone()
        return min(found, cap), found > cap or looked == cap * 2
    source = f"INDEXED BY attempts_{driver.column} WHERE {_driven(driver)} AND" if driver else "WHERE"
    columns = "id, delivery, event, webhook, type, run, outcome, status"
    statement = (
        f"SELECT count(*), coalesce(sum({where}), 0) FROM (SELECT {columns} FROM attempts {source} id >= ? AND id < ? "
        f"LIMIT {cap * 2 if filters else cap + 1})"
    )
    looked, found = connection.execute(statement, (low, high)).fetchone()
    return min(found, cap), found > cap or looked == (cap * 2 if filters else cap + 1)


def bounds(connection: sqlite3.Connection) -> tuple[int, int]:
    """The first attempt's id, and one more than the last's. (Both in one plain SELECT would read the whole table.)"""
    low, high = connection.execute(
        "SELECT coalesce((SELECT min(id) FROM attempts), 0), coalesce((SELECT max(id) FROM attempts), -1) + 1"
    ).fetchone()
    return low, high


def id_at(connection: sqlite3.Connection, moment: int) -> int:
    """The id of the first attempt that started at `moment` or later: attempts are in order of time by id."""
    low, high = bounds(connection)
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(
            "SELECT id, started FROM attempts WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
        ).fetchone()
        if found and found[1] < moment:
            low = found[0] + 1
        else:
            high = middle
    return low


def few_events(connection: sqlite3.Connection, verdicts: Sequence[int], most: int) -> list[int] | None:
    """The events with these verdicts, none of which is `valid`; None if there are more than so many."""
    rows = connection.execute(
        "SELECT id FROM events INDEXED BY events_verdict "
        f"WHERE verdict IN ({', '.join(map(str, verdicts))}) AND verdict > 0 LIMIT ?",
        (most + 1,),
    ).fetchall()
    return [row[0] for row in rows] if len(rows) <= most else None


def previous_about(connection: sqlite3.Connection, attempt: int, event: int, text: bytes) -> int | None:
    """The newest attempt before one, of another event, whose body holds `text`; among the last 5,000 before it."""
    row = connection.execute(
        "SELECT a.id FROM attempts a NOT INDEXED JOIN events e ON e.id = a.event "
        "WHERE a.id < ? AND a.id >= ? AND a.event < ? AND instr(e.body, ?) > 0 ORDER BY a.id DESC LIMIT 1",
        (attempt, attempt - BEHIND, event, text),
    ).fetchone()
    return row[0] if row else None


def statuses(connection: sqlite3.Connection) -> list[int]:
    """The statuses that the index holds (0 for no answer, 300 and up), by leaping from one to the next."""
    known: list[int] = []
    last = -1
    while True:
        row = connection.execute(
            "SELECT min(status) FROM attempts INDEXED BY attempts_status "
            f"WHERE status > ? AND outcome < {STARTED} AND (status >= 300 OR status = 0)",
            (last,),
        ).fetchone()
        if row[0] is None:
            return known
        last = int(row[0])
        known.append(last)


def _straight(
    connection: sqlite3.Connection, only: Filter, low: int, high: int, limit: int, newest_first: bool
) -> list[int]:
    """Read one filter's matches from its index, which has them in order for each value."""
    statement = (
        f"SELECT id FROM attempts INDEXED BY attempts_{only.column} WHERE {_one(only.column)} AND id >= ? AND id < ? "
        f"ORDER BY id {'DESC' if newest_first else 'ASC'} LIMIT ?"
    )
    ids = [row[0] for value in only.values for row in connection.execute(statement, (value, low, high, limit))]
    return sorted(ids, reverse=newest_first)[:limit]


def _range(
    connection: sqlite3.Connection, where: str, low: int, high: int, limit: int, newest_first: bool
) -> list[int]:
    order = "DESC" if newest_first else "ASC"
    statement = f"SELECT id FROM attempts NOT INDEXED WHERE id >= ? AND id < ? AND {where} ORDER BY id {order} LIMIT ?"
    return [row[0] for row in connection.execute(statement, (low, high, limit))]


def _driver(connection: sqlite3.Connection, filters: Sequence[Filter], low: int, high: int) -> Filter | None:
    """The indexed filter with the fewest rows in the range, as far as a short count can tell.

    None where walking all rows is no more work. Filters that all have many rows are walked in the order in which they
    usually are rare.
    """
    best, fewest = None, min(high - low, WALK * 2)
    for each in filters:
        if not _usable(each):
            continue
        rows = 0
        for value in each.values:
            statement = (
                f"SELECT count(*) FROM (SELECT 1 FROM attempts INDEXED BY attempts_{each.column} "
                f"WHERE {_one(each.column)} AND id >= ? AND id < ? LIMIT ?)"
            )
            rows += connection.execute(statement, (value, low, high, max(fewest - rows, 0) + 1)).fetchone()[0]
            if rows > fewest:
                break
        if rows < fewest:
            best, fewest = each, rows
    if best is None and high - low > WALK * 2:
        many = [each for each in filters if _usable(each) and each.column in _RARE and 1 not in _accepted(each)]
        best = min(many, key=lambda each: _RARE.index(each.column), default=None)
    return best


def _accepted(each: Filter) -> tuple[int, ...]:
    """The values of a filter by outcome: an index of what was accepted leads nowhere fast."""
    return each.values if each.column == "outcome" else ()


def _usable(each: Filter) -> bool:
    if each.column not in _INDEXED or each.ranges:
        return False
    if each.column == "status":
        return all(value == 0 or value >= 300 for value in each.values)
    return True


def _one(column: str) -> str:
    """The condition for one value, with what lets a partial index be used."""
    if column == "status":
        return f"status = ? AND outcome < {STARTED} AND (status >= 300 OR status = 0)"
    if column == "run":
        return "run = ? AND run > 0"
    return f"{column} = ?"


def _driven(driver: Filter) -> str:
    values = f"{driver.column} IN ({', '.join(map(str, driver.values))})"
    return values + _one(driver.column).partition("?")[2]


def _walk(
    connection: sqlite3.Connection, driver: Filter, where: str, low: int, high: int, limit: int, newest_first: bool
) -> tuple[list[int], int]:
    """Walk each value's part of the index; return the ids, and how far all parts got."""
    order = "DESC" if newest_first else "ASC"
    reach = max(WALK // len(driver.values), 200)
    part = (
        "SELECT id, delivery, event, webhook, type, run, outcome, status FROM attempts "
        f"INDEXED BY attempts_{driver.column} WHERE {_one(driver.column)} "
        f"AND id >= ? AND id < ? ORDER BY id {order} LIMIT {reach}"
    )
    ids: list[int] = []
    edges: list[int] = []
    for value in driver.values:
        arguments = (value, low, high)
        # The last id of a full part; null where the part ended before its bound.
        last = connection.execute(f"SELECT id FROM ({part}) LIMIT 1 OFFSET {reach - 1}", arguments).fetchone()
        found = [
            row[0] for row in connection.execute(f"SELECT id FROM ({part}) WHERE {where} LIMIT {limit}", arguments)
        ]
        if last is not None:
            edges.append(last[0] if newest_first else last[0] + 1)
        ids += found
    edge = (max(edges, default=low)) if newest_first else (min(edges, default=high))
    ids = sorted((each for each in ids if (each >= edge if newest_first else each < edge)), reverse=newest_first)
    return ids[:limit], edge


def _suffered(names: Sequence[str]) -> str:
    """The condition on `f.faults`; the names are those of a closed table, or any."""
    if "any" in names:
        return "1"
    return "(" + " OR ".join(f"instr(',' || f.faults || ',', ',{name},')" for name in names) + ")"


def _by_fault(
    connection: sqlite3.Connection, filters: Sequence[Filter], low: int, high: int, limit: int, newest_first: bool
) -> Found:
    """Walk the attempts that suffered a fault, some thousands at a time."""
    where = " AND ".join(each.clause("a.") for each in filters)
    order = "DESC" if newest_first else "ASC"
    reach = WALK * 2
    inside = "FROM attempt_faults s WHERE s.attempt >= ? AND s.attempt < ?"
    statement = (
        f"SELECT a.id FROM (SELECT s.attempt {inside} ORDER BY s.attempt {order} LIMIT {reach}) w "
        f"CROSS JOIN attempts a ON a.id = w.attempt WHERE {where} ORDER BY a.id {order} LIMIT ?"
    )
    last = f"SELECT s.attempt {inside} ORDER BY s.attempt {order} LIMIT 1 OFFSET {reach - 1}"
    deadline = clock.monotonic() + STEP
    ids: list[int] = []
    while low < high:
        edge = connection.execute(last, (low, high)).fetchone()
        ids += [row[0] for row in connection.execute(statement, (low, high, limit - len(ids)))]
        if edge is None or len(ids) >= limit:
            break
        low, high = (low, edge[0]) if newest_first else (edge[0] + 1, high)
        if clock.monotonic() > deadline:
            return Found(ids, stopped=high if newest_first else low)
    return Found(ids)


def _by_text(
    connection: sqlite3.Connection,
    filters: Sequence[Filter],
    text: str,
    low: int,
    high: int,
    limit: int,
    newest_first: bool,
) -> Found:
    where = " AND ".join(each.clause("a.") for each in filters) or "1"
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    statement = (
        "SELECT a.id FROM attempts a NOT INDEXED JOIN events e ON e.id = a.event "
        "LEFT JOIN answers r ON r.attempt = a.id "
        f"WHERE a.id >= ? AND a.id < ? AND {where} "
        "AND (CAST(e.body AS TEXT) LIKE ? ESCAPE '\\' OR CAST(r.body AS TEXT) LIKE ? ESCAPE '\\') "
        f"ORDER BY a.id {'DESC' if newest_first else 'ASC'} LIMIT ?"
    )
    deadline = clock.monotonic() + TEXT_STEP
    ids: list[int] = []
    while low < high and len(ids) < limit:
        if clock.monotonic() > deadline:
            return Found(ids, stopped=high if newest_first else low)
        edge = max(high - TEXT_WINDOW, low) if newest_first else min(low + TEXT_WINDOW, high)
        window = (edge, high) if newest_first else (low, edge)
        rows = connection.execute(statement, (*window, pattern, pattern, limit - len(ids)))
        ids += [row[0] for row in rows]
        low, high = (low, edge) if newest_first else (edge, high)
    return Found(ids)
