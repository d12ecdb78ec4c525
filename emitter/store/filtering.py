"""From a query to the filters of a search: words into numbers, rare things into what hangs on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from emitter.query import AttemptQuery, matching_types
from emitter.store import search
from emitter.store.ids import PublicIds
from emitter.store.rows import deliveries_of
from emitter.store.schema import OUTCOMES, VERDICTS
from emitter.store.search import Filter

FEW_EVENTS = 200


def filters_of(
    connection: sqlite3.Connection, query: AttemptQuery, deliveries: PublicIds, events: PublicIds
) -> tuple[list[Filter], int, int]:
    """Return what a query asks of each attempt, and between which ids (both included) it can be."""
    found = []
    if query.type:
        types = dict(connection.execute("SELECT name, id FROM types"))
        found.append(Filter("type", tuple(types[name] for name in matching_types(query.type, types))))
    if query.outcome:
        found.append(Filter("outcome", tuple(OUTCOMES[word] for word in query.outcome)))
    if query.run:
        found.append(Filter("run", _numbers(connection, "SELECT id FROM runs WHERE name", query.run)))
    if query.webhook:
        numbers = _numbers(connection, "SELECT number FROM webhooks WHERE id", query.webhook)
        found.append(Filter("webhook", numbers))
    if query.status:
        found.append(_status_filter(connection, query.status))
    if query.delivery:
        numbers = tuple(number for text in query.delivery if (number := deliveries.read(text)))
        found.append(Filter("delivery", numbers))
    if query.event:
        wanted = [number for text in query.event if (number := events.read(text))]
        found.append(_of_events(connection, wanted))
    if query.fault:
        found.append(Filter("fault", faults=query.fault))
    if query.verdict:
        found.append(_verdict_filter(connection, tuple(VERDICTS[word] for word in query.verdict)))
    low, high = search.bounds(connection)
    if query.since is not None:
        low = max(low, search.id_at(connection, query.since))
    if query.until is not None:
        high = min(high, search.id_at(connection, query.until))
    return found, low, high


def _numbers(connection: sqlite3.Connection, statement: str, names: Sequence[str]) -> tuple[int, ...]:
    marks = ", ".join("?" * len(names))
    return tuple(row[0] for row in connection.execute(f"{statement} IN ({marks})", tuple(names)))


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
    return Filter("delivery", tuple(row.id for event in events for row in deliveries_of(connection, event)))
