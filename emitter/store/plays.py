"""The scenarios that were played: what was asked for, and the report once there is one."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson

from emitter.errors import Conflict, NotFound, nearest
from emitter.store.opening import connect
from emitter.store.reader import Reader
from emitter.store.writer import Writer

PLAYING = "playing"


@dataclass(frozen=True, slots=True)
class PlayRow:
    """One run as it is kept; `state` is `playing` or how it ended, `asked` and `report` are JSON."""

    number: int
    run: str
    state: str
    asked: bytes
    report: bytes | None


class Plays:
    """The runs of one store."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    def begin(self, run: str, asked: bytes) -> None:
        """Keep what was asked for; raises `Conflict` for the name of a run that is there."""

        def insert(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM plays WHERE run = ?", (run,)).fetchone():
                raise Conflict(f'There is a run "{run}" already. Leave the name out, or choose another.')
            connection.execute("INSERT INTO plays (run, state, asked) VALUES (?, ?, ?)", (run, PLAYING, asked))

        self._writer.run(insert)

    def end(self, run: str, state: str, report: bytes) -> None:
        """Keep how a run ended."""
        self._writer.run(
            lambda connection: connection.execute(
                "UPDATE plays SET state = ?, report = ? WHERE run = ?", (state, report, run)
            )
        )

    def all(self, *, most: int = -1, offset: int = 0) -> list[PlayRow]:
        """The runs, the newest first, without reports; so many at `most`, after `offset` of them."""
        with self._reader.connection() as connection:
            rows = connection.execute(
                "SELECT number, run, state, asked, NULL FROM plays ORDER BY number DESC LIMIT ? OFFSET ?",
                (most, offset),
            ).fetchall()
        return [PlayRow(*row) for row in rows]

    def named(self, runs: Collection[str]) -> list[PlayRow]:
        """Those of these runs that were played, without reports."""
        with self._reader.connection() as connection:
            rows = connection.execute(
                "SELECT number, run, state, asked, NULL FROM plays "
                "WHERE run IN (SELECT value FROM json_each(?)) ORDER BY number DESC",
                (orjson.dumps(list(runs)).decode(),),
            ).fetchall()
        return [PlayRow(*row) for row in rows]

    def count(self) -> int:
        """How many runs there are."""
        with self._reader.connection() as connection:
            return int(connection.execute("SELECT count(*) FROM plays").fetchone()[0])

    def find(self, run: str) -> PlayRow:
        """One run in full; raises `NotFound`."""
        with self._reader.connection() as connection:
            row = connection.execute(
                "SELECT number, run, state, asked, report FROM plays WHERE run = ?", (run,)
            ).fetchone()
        if row is None:
            close = nearest(run, [each.run for each in self.all()])
            raise NotFound("run", run, f"Nearest: {close[0]}." if close else "")
        return PlayRow(*row)


def newest(path: Path, *, report: bool) -> PlayRow | None:
    """The last run of a store in a file, whoever owns it and while it is written; None where there is none to read."""
    column = "report" if report else "NULL"
    try:
        with closing(connect(str(path), read_only=True)) as connection:
            row = connection.execute(
                f"SELECT number, run, state, asked, {column} FROM plays ORDER BY number DESC LIMIT 1"
            ).fetchone()
    except sqlite3.Error:
        return None
    return PlayRow(*row) if row else None
