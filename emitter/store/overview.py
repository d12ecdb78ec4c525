"""Many attempts at a glance, in bounded steps: how many there are of each outcome, and how they lie in time.

What can be counted is counted. Of more, the newest are counted and called a part of them; how all of them lie in time
is told from a sample, the same number of attempts from each slice of time.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from emitter import clock
from emitter.store import search
from emitter.store.schema import OUTCOME_NAMES, OUTCOMES
from emitter.store.search import Filter

CAP = 1000  # attempts that match and are counted one by one
CAP_BY_INDEX = 10_000  # of one outcome, where nothing else is asked for
MOST_BARS = 24
SAMPLE = 60  # attempts that are looked at for one bar
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DAYS = (2, 5, 7, 14, 30, 91, 365, 3650, 36500)
STEPS = tuple(each * clock.SECOND for each in (*_SECONDS, *(days * 86400 for days in _DAYS)))


@dataclass(frozen=True, slots=True)
class Bar:
    """One slice of time, `start` <= t < `end` (wall time, nanoseconds since 1970)."""

    start: int
    end: int
    accepted: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """How many attempts there are by outcome, and their bars from old to new.

    `capped` holds the outcomes of which there may be more than were counted. `estimated`: the bars tell from a sample.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    capped: frozenset[str] = frozenset()
    bars: tuple[Bar, ...] = ()
    estimated: bool = False


def overview(connection: sqlite3.Connection, filters: Sequence[Filter], *, low: int, high: int) -> Overview:
    """Look at the attempts with `low` <= id < `high` that match."""
    if any(each.empty for each in filters) or low >= high:
        return Overview()
    wanted = next((each.values for each in filters if each.column == "outcome"), tuple(OUTCOME_NAMES))
    beside = [each for each in filters if each.column != "outcome"]
    ids, whole = [], False
    if filters or high - low <= CAP * 2:  # else there are more, as ids have few gaps
        found = search.find(connection, filters, low=low, high=high, limit=CAP + 1)
        ids, whole = found.ids[:CAP], found.stopped is None and len(found.ids) <= CAP
    rows = _looked_up(connection, ids) if whole or beside else []
    if whole or beside:
        outcomes = Counter(OUTCOME_NAMES[outcome] for _, outcome in rows)
        capped = frozenset() if whole else frozenset(OUTCOME_NAMES[each] for each in wanted)
    else:
        outcomes, capped = _by_index(connection, wanted, low, high)
    if whole:
        bars = _exact(rows)
    else:
        bars = _sampled(connection, filters, low, high)
    return Overview(dict(outcomes), capped, bars, estimated=not whole)


def _looked_up(connection: sqlite3.Connection, ids: Sequence[int]) -> list[tuple[int, int]]:
    """When these started, and what came of them."""
    return connection.execute(
        "SELECT a.started, a.outcome FROM json_each(?) j CROSS JOIN attempts a ON a.id = j.value",
        (orjson.dumps(ids).decode(),),
    ).fetchall()


def _by_index(
    connection: sqlite3.Connection, wanted: Sequence[int], low: int, high: int
) -> tuple[Counter[str], frozenset[str]]:
    outcomes: Counter[str] = Counter()
    capped = set()
    for number in wanted:
        found = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM attempts INDEXED BY attempts_outcome "
            "WHERE outcome = ? AND id >= ? AND id < ? LIMIT ?)",
            (number, low, high, CAP_BY_INDEX + 1),
        ).fetchone()[0]
        outcomes[OUTCOME_NAMES[number]] = min(found, CAP_BY_INDEX)
        if found > CAP_BY_INDEX:
            capped.add(OUTCOME_NAMES[number])
    return +outcomes, frozenset(capped)


def _exact(rows: Sequence[tuple[int, int]]) -> tuple[Bar, ...]:
    if not rows:
        return ()
    first, step, number = _slices(min(row[0] for row in rows), max(row[0] for row in rows))
    fine, others = [0] * number, [0] * number
    for started, outcome in rows:
        (fine if outcome == OUTCOMES["accepted"] else others)[(started - first) // step] += 1
    return tuple(
        Bar(first + place * step, first + (place + 1) * step, fine[place], others[place]) for place in range(number)
    )


def _sampled(connection: sqlite3.Connection, filters: Sequence[Filter], low: int, high: int) -> tuple[Bar, ...]:
    ends = connection.execute(
        "SELECT (SELECT started FROM attempts WHERE id >= ? ORDER BY id LIMIT 1), "
        "(SELECT started FROM attempts WHERE id < ? ORDER BY id DESC LIMIT 1)",
        (low, high),
    ).fetchone()
    if None in ends:  # a reset came in between
        return ()
    first, step, number = _slices(*ends)
    edges = [low]
    for place in range(1, number):
        edges.append(_first_at(connection, first + place * step, (edges[-1], ends[0]), (high, ends[1])))
    edges.append(high)
    where = " AND ".join(each.clause("a.") for each in filters) or "1"
    statement = (
        f"SELECT count(*), coalesce(sum({where} AND a.outcome = {OUTCOMES['accepted']}), 0), coalesce(sum({where}), 0) "
        "FROM json_each(?) j CROSS JOIN attempts a ON a.id = j.value"
    )
    bars = []
    for place in range(number):
        there = max(min(edges[place + 1], high) - max(edges[place], low), 0)
        chosen = [edges[place] + there * each // SAMPLE for each in range(SAMPLE)] if there > SAMPLE else []
        chosen = chosen or list(range(edges[place], edges[place] + there))
        looked, fine, fitting = connection.execute(statement, (orjson.dumps(chosen).decode(),)).fetchone()
        share = there / looked if looked else 0
        bars.append(
            Bar(first + place * step, first + (place + 1) * step, round(fine * share), round((fitting - fine) * share))
        )
    return tuple(bars)


def _first_at(connection: sqlite3.Connection, moment: int, oldest: tuple[int, int], newest: tuple[int, int]) -> int:
    """The first id that started at `moment` or later, between two ids whose times are known.

    Where attempts come evenly their ids lie on a line with their times: it is looked there first, then by halves.
    """
    (low, early), (high, late) = oldest, newest
    reach = max((high - low) // 256, 1)
    if late > early:
        guess = low + (high - low) * max(moment - early, 0) // (late - early)
        for edge in (guess - reach, guess + reach):
            if low < edge < high:
                low, high = (edge, high) if _starts_before(connection, edge, moment) else (low, edge)
    while low < high:
        middle = (low + high) // 2
        if _starts_before(connection, middle, moment):
            low = middle + 1
        else:
            high = middle
    return low


def _starts_before(connection: sqlite3.Connection, place: int, moment: int) -> bool:
    found = connection.execute("SELECT started FROM attempts WHERE id >= ? ORDER BY id LIMIT 1", (place,)).fetchone()
    return found is not None and found[0] < moment


def _slices(oldest: int, newest: int) -> tuple[int, int, int]:
    """Round slices of time that hold both: where they begin, how long one is, how many there are."""
    for step in STEPS:
        first = oldest // step * step
        number = (newest - first) // step + 1
        if number <= MOST_BARS:
            return first, step, number
    return oldest, max(newest - oldest, 1) + 1, 1
