"""What became of a run, counted where it lies: deliveries by state, attempts by outcome and status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from emitter.store.reader import Reader
from emitter.store.rows import AttemptRow, AttemptWire
from emitter.store.schema import OUTCOME_NAMES, STARTED, STATE_NAMES, STATES

_PORTION = 500


@dataclass(frozen=True, slots=True)
class Place:
    """How far a store had got: the last delivery and the last attempt."""

    delivery: int = 0
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts that are over, counted. `statuses` has `none` where there was no answer; `slowest` is microseconds."""

    outcomes: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    slowest: int = 0

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Ended:
    """One delivery that was not accepted: of which event, how it ended, and what is said of it or of its last try."""

    delivery: int
    event: int
    state: str
    attempts: int
    note: str


class RunTally:
    """Counts one run, or with None everything. `first` is where it began: what lies before is not looked at."""

    def __init__(self, reader: Reader, run: str | None, first: Place) -> None:
        self._reader, self._first = reader, first
        self._run: tuple[str, ...] = () if run is None else (run,)
        self._of_run = "" if run is None else " AND {column} = (SELECT id FROM runs WHERE name = ?)"

    def _in_run(self, column: str) -> str:
        return self._of_run.format(column=column)

    @staticmethod
    def here(reader: Reader) -> Place:
        """How far the store has got."""
        with reader.connection() as connection:
            row = connection.execute(
                "SELECT (SELECT max(id) FROM deliveries), (SELECT max(id) FROM attempts)"
            ).fetchone()
        return Place(row[0] or 0, row[1] or 0)

    def deliveries(self, since: Place | None = None, types: Sequence[str] = ()) -> dict[str, int]:
        """How many deliveries are in which state."""
        where, values = self._types(types, "e.type")
        with self._reader.connection() as connection:
            rows = connection.execute(
                "SELECT d.state, count(*) FROM deliveries d JOIN events e ON e.id = d.event "
                f"WHERE d.id > ?{self._in_run('e.run')}{where} GROUP BY d.state",
                ((since or self._first).delivery, *self._run, *values),
            ).fetchall()
        return {STATE_NAMES[state]: count for state, count in sorted(rows)}

    def attempts(self, since: Place | None = None, types: Sequence[str] = ()) -> Attempts:
        """How the attempts went."""
        where, values = self._types(types, "type")
        with self._reader.connection() as connection:
            rows = connection.execute(
                f"SELECT outcome, status, count(*), max(total) FROM attempts WHERE id > ?{self._in_run('run')} "
                f"AND outcome <> {STARTED}{where} GROUP BY outcome, status",
                ((since or self._first).attempt, *self._run, *values),
            ).fetchall()
        outcomes: Counter[str] = Counter()
        statuses: Counter[str] = Counter()
        for outcome, status, count, _ in sorted(rows):
            outcomes[OUTCOME_NAMES[outcome]] += count
            statuses[str(status) if status else "none"] += count
        return Attempts(dict(outcomes), dict(statuses), max((row[3] for row in rows), default=0))

    def faults(self) -> dict[str, int]:
        """How many attempts suffered which fault."""
        found: Counter[str] = Counter()
        with self._reader.connection() as connection:
            rows = connection.execute(
                "SELECT f.faults, count(*) FROM attempts a JOIN attempt_faults f ON f.attempt = a.id WHERE a.id > ?"
                f"{self._in_run('a.run')} GROUP BY f.faults",
                (self._first.attempt, *self._run),
            )
            for names, count in rows:
                for name in names.split(","):
                    found[name] += count
        return dict(sorted(found.items()))

    def lost(self, most: int) -> tuple[list[Ended], int]:
        """The first deliveries that are over and were not accepted, and how many more there are."""
        over = f"d.state NOT IN ({STATES['pending']}, {STATES['accepted']})"
        said = f"FROM deliveries d JOIN events e ON e.id = d.event WHERE d.id > ?{self._in_run('e.run')} AND {over}"
        values = (self._first.delivery, *self._run)
        with self._reader.connection() as connection:
            total = connection.execute(f"SELECT count(*) {said}", values).fetchone()[0]
            rows = connection.execute(
                "SELECT d.id, d.event, d.state, d.attempts, coalesce(nullif(d.note, ''), (SELECT r.error FROM attempts "
                "a JOIN answers r ON r.attempt = a.id WHERE a.delivery = d.id ORDER BY a.number DESC LIMIT 1), '') "
                f"{said} ORDER BY d.id LIMIT ?",
                (*values, most),
            ).fetchall()
        found = [Ended(row[0], row[1], STATE_NAMES[row[2]], row[3], row[4]) for row in rows]
        return found, total - len(found)

    def attempt_ids(
        self, since: Place | None = None, types: Sequence[str] = (), *, most: int = -1, slower_than: int = -1
    ) -> list[int]:
        """The attempts that are over, first to last; of those that took longer than `slower_than` the slowest first."""
        where, values = self._types(types, "type")
        order = "total DESC" if slower_than >= 0 else "id"
        with self._reader.connection() as connection:
            rows = connection.execute(
                f"SELECT id FROM attempts WHERE id > ?{self._in_run('run')} "
                f"AND outcome <> {STARTED} AND total > ?{where} ORDER BY {order} LIMIT ?",
                ((since or self._first).attempt, *self._run, slower_than, *values, most),
            ).fetchall()
        return [row[0] for row in rows]

    def rows(self, ids: Sequence[int]) -> Iterator[AttemptRow]:
        """These attempts, in the order given."""
        for start in range(0, len(ids), _PORTION):
            yield from self._reader.attempt_rows(ids[start : start + _PORTION])

    def wires(self, since: Place | None = None) -> Iterator[tuple[AttemptRow, AttemptWire]]:
        """Every attempt that left, with what left: for what has to be judged byte by byte."""
        for row in self.rows(self.attempt_ids(since)):
            wire = self._reader.wire(row.id)
            if wire is not None:
                yield row, wire

    def attempts_of_events(self, first: int, last: int) -> Iterator[tuple[int, int, int, int, str, int, str]]:
        """Of the events numbered `first` to `last`: (event, delivery, number, scheduled, outcome, status, faults)."""
        with self._reader.connection() as connection:
            rows = connection.execute(
                "SELECT a.event, a.delivery, a.number, a.scheduled, a.outcome, a.status, coalesce(f.faults, '') "
                "FROM attempts a LEFT JOIN attempt_faults f ON f.attempt = a.id "
                f"WHERE a.id > ?{self._in_run('a.run')} AND a.event BETWEEN ? AND ? AND a.outcome <> {STARTED} "
                "ORDER BY a.event, a.delivery, a.number",
                (self._first.attempt, *self._run, first, last),
            ).fetchall()
        for event, delivery, number, scheduled, outcome, status, faults in rows:
            yield event, delivery, number, scheduled, OUTCOME_NAMES[outcome], status, faults

    @staticmethod
    def _types(types: Sequence[str], column: str) -> tuple[str, Sequence[str]]:
        if not types:
            return "", ()
        return f" AND {column} IN (SELECT id FROM types WHERE name IN ({', '.join('?' * len(types))}))", types
