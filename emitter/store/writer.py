"""One thread that writes: whatever waits goes into one transaction, at once when the thread is idle.

A commit costs a flush to disk whatever it holds, so the rows of everybody who waits share one. `put` returns at once;
the batch's `done` is called on this thread after the commit, and never before.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from emitter.errors import EmitterError, StoreUnusable
from emitter.store.schema import STATEMENTS

Rows = Sequence[tuple[int, tuple[Any, ...]]]
Done = Callable[[EmitterError | None], None]
Call = Callable[[sqlite3.Connection], None]
Result = TypeVar("Result")

MOST_WAITING = 8192
_GROUP = 1024
_RETRY = 0.25
_IDLE = 10.0  # seconds without work after which the thread ends; the next work starts another
_AT_ONCE = (64, 16, 4)  # rows that one statement takes: preparing, stepping and ending it costs as much as two rows
_MAY_PASS = (sqlite3.OperationalError, OSError)  # a full disk, a lock, a file that is gone: later it may work
_log = logging.getLogger("emitter.store")


class _Kind:
    """One of `STATEMENTS`, and where it is an INSERT or UPDATE of one row, the same for several."""

    def __init__(self, statement: str) -> None:
        self._one, self._width = statement, statement.count("?")
        self._updates = statement.startswith("UPDATE")
        self._several = [  # how many rows one takes, the most first
            (count, several) for count in _AT_ONCE if (several := _for_several(statement, count))
        ]

    def write(self, connection: sqlite3.Connection, values: list[Any]) -> None:
        """Run the statement for rows whose values stand in one list, row after row."""
        done, end, width = 0, len(values), self._width
        # of two changes to one row the later has to be the last: together, nobody says which is
        if self._several and not (self._updates and _repeat(values[width - 1 :: width])):
            for count, statement in self._several:
                size = count * width
                while done + size <= end:
                    connection.execute(statement, values[done : done + size])
                    done += size
        if done < end:
            connection.executemany(self._one, zip(*[iter(values[done:])] * width, strict=True))


def _for_several(statement: str, count: int) -> str:
    """Write a statement of one row for `count` of them; "" where there is no such form."""
    if found := re.fullmatch(r"INSERT (INTO \w+ VALUES) (\(.*\))", statement):
        # On a conflict the whole transaction is rolled back anyway. To undo just the statement, SQLite would copy
        # every page that it touches.
        return f"INSERT OR ROLLBACK {found[1]} {', '.join([found[2]] * count)}"
    if found := re.fullmatch(r"UPDATE (\w+) SET (.*) WHERE (\w+) = \?", statement):
        changed = found[2].split(", ")
        row = f"({', '.join('?' * (len(changed) + 1))})"
        columns = ", ".join(each.replace("?", f"column{number}") for number, each in enumerate(changed, start=1))
        rows = ", ".join([row] * count)
        return f"UPDATE {found[1]} SET {columns} FROM (VALUES {rows}) WHERE {found[3]} = column{len(changed) + 1}"
    return ""


def _repeat(keys: list[Any]) -> bool:
    return len(set(keys)) < len(keys)


_KINDS = tuple(map(_Kind, STATEMENTS))


class Batch(NamedTuple):
    """Rows (kind, values) that stand or fall together; a `vital` batch is tried until the disk takes it."""

    rows: Rows
    done: Done | None
    vital: bool = False
    call: Call | None = None  # what is run with them, in the same transaction


class Writer:
    """The only connection that writes. `group_end` is called after every group, its callbacks included."""

    def __init__(self, connection: sqlite3.Connection, file: Path | None, guard: threading.RLock) -> None:
        self._connection, self._file, self._guard = connection, file, guard
        self._where = str(file or "the store in memory")
        self._identity = (0, 0) if file is None else (file.stat().st_dev, file.stat().st_ino)
        self._waiting: list[Batch] = []
        self._lock = threading.RLock()  # to be taken by itself: through its condition it takes twice as long
        self._changed = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._closing = False
        self._committing = False
        self._broken: EmitterError | None = None
        self.group_end: Callable[[], None] = lambda: None

    def put(self, rows: Rows, done: Done | None = None, *, vital: bool = False, call: Call | None = None) -> None:
        """Queue rows; blocks while too much waits, unless called from a thread that others wait for (`vital`).

        Raises `StoreUnusable` once the store is closed.
        """
        batch = Batch(rows, done, vital=vital, call=call)
        with self._lock:
            if not vital and threading.current_thread() is not self._thread:
                while len(self._waiting) > MOST_WAITING and not self._closing:
                    self._changed.wait(1.0)
            self.put_all((batch,))

    def put_all(self, batches: Sequence[Batch]) -> None:
        """Queue what need not stand together, without waiting for room. Raises `StoreUnusable` as `put` does."""
        with self._lock:
            if self._closing:
                raise StoreUnusable(self._where, "the store is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="emitter-writer", daemon=True)
                self._thread.start()
            idle = not (self._waiting or self._committing)
            self._waiting += batches
            if idle:
                self._changed.notify_all()

    def run(self, call: Callable[[sqlite3.Connection], Result], rows: Rows = ()) -> Result:
        """Write `rows` and run `call` in one transaction on the writing thread, and wait for its result.

        What it raises is raised here, and so is what kept the rows from being written.
        """
        finished = threading.Event()
        outcome: list[Result] = []
        failure: list[BaseException] = []

        def keep(connection: sqlite3.Connection) -> None:
            outcome[:] = [call(connection)]

        def done(error: EmitterError | None) -> None:
            if error is not None:
                failure.append(error)
            finished.set()

        if threading.current_thread() is self._thread:
            raise RuntimeError("the writing thread cannot wait for itself")
        self.put(rows, done, call=keep)
        finished.wait()
        if failure:
            raise failure[0]
        return outcome[0]

    def flush(self) -> None:
        """Wait until everything put so far is committed, and told."""
        with self._changed:
            idle = not self._waiting and not self._committing
        if not idle and not self._closing:
            self.run(lambda _: None)

    def close(self, grace: float = 5.0) -> None:
        """Commit what waits and end the thread; what the disk does not take within `grace` is given up."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(grace)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._committing = False
                while not self._waiting and not self._closing:
                    if not self._changed.wait(_IDLE) and not self._waiting:
                        break
                if not self._waiting:
                    self._thread = None
                    return
                group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
                self._committing = True
                if len(self._waiting) <= MOST_WAITING < len(self._waiting) + len(group):
                    self._changed.notify_all()
            self._commit(group)

    def _commit(self, group: list[Batch]) -> None:
        error = self._try(group)
        if error is None:
            self._tell(group, None)
            return
        if len(group) > 1:  # one bad batch must not take the others with it
            for batch in group:
                self._commit([batch])
            return
        batch = group[0]
        if batch.vital and not self._closing and isinstance(error.__cause__, _MAY_PASS):
            with self._changed:
                self._waiting.append(batch)
                self._changed.wait(_RETRY)
            return
        self._tell(group, error)

    def _try(self, group: list[Batch]) -> EmitterError | None:
        found: list[list[Any]] = [[] for _ in _KINDS]
        calls: list[Call] = []
        for rows, _, _, call in group:
            for kind, values in rows:
                found[kind] += values
            if call is not None:
                calls.append(call)
        connection = self._connection
        with self._guard:
            try:
                self.check_there()
                connection.execute("BEGIN IMMEDIATE")
                for each, together in zip(_KINDS, found, strict=True):
                    if together:
                        each.write(connection, together)
                for call in calls:
                    call(connection)
                connection.execute("COMMIT")
            except EmitterError as error:
                self._roll_back()
                return error
            except Exception as error:  # sqlite3.Error, or a value that no column takes: it is the batch's own
                self._roll_back()
                refused = StoreUnusable(self._where, f"cannot be written ({error})")
                refused.__cause__ = error
                return refused
        return None

    def check_there(self) -> None:
        """Raise `OSError` when the file has been removed or replaced: what went into it would be lost with it."""
        if self._file is None:
            return
        try:
            now = os.stat(self._file)
        except FileNotFoundError:
            now = None
        if now is None or (now.st_dev, now.st_ino) != self._identity:
            raise FileNotFoundError("the file was removed or replaced while it was in use; put it back, or start again")

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _tell(self, group: list[Batch], error: EmitterError | None) -> None:
        for _, done, _, _ in group:
            if done is not None:
                self._call(done, error)
        self._call(self.group_end)

    @staticmethod
    def _call(call: Callable[..., None], *arguments: EmitterError | None) -> None:
        try:
            call(*arguments)
        except Exception:  # a mistake of one must not end the thread that everybody waits for
            _log.exception("what was to follow a commit failed")
