"""Copies of a whole store under names, to go back to: files in a folder beside the store's, or databases in memory.

A copy is there whole or not at all: it is written under another name first. Going back is one transaction of SQLite, so
whatever dies in the middle of it, the store is the old one or the one of the copy.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from emitter.errors import BadValue, Conflict, NotFound, StoreUnusable, nearest
from emitter.store.opening import connect, migrate
from emitter.store.reader import Reader
from emitter.store.schema import APPLICATION_ID, MIGRATIONS

MOST = 100
"""How many copies of one store are kept."""
MOST_MEMORY = 1024 * 1024 * 1024
"""How many bytes the copies of a store in memory may take together."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ENDING, _UNFINISHED = ".sqlite", ".part"
_ABOUT = "snapshot"  # the key in `meta` under which a copy says what it is


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy; `about` is what its maker wrote on it, `size` in bytes."""

    name: str
    about: str
    size: int


class Snapshots:
    """The copies of one store. `replace` puts the contents of a connection in the place of the store's."""

    def __init__(self, path: Path | None, reader: Reader, replace: Callable[[sqlite3.Connection], None]) -> None:
        self.folder = None if path is None else path.with_name(path.name + ".snapshots")
        self._reader, self._replace = reader, replace
        self._memory: dict[str, sqlite3.Connection] = {}
        self._lending = threading.RLock()  # nobody closes a copy in memory that is being read

    def all(self) -> list[Copy]:
        """Every copy that can be read, by name."""
        found = []
        for name in sorted(self._names()):
            with suppress(NotFound, StoreUnusable):
                found.append(self.find(name))
        return found

    def find(self, name: str) -> Copy:
        """One copy; raises `NotFound`, or `StoreUnusable` for a file that is none of ours."""
        with self._opened(name) as connection:
            about = connection.execute("SELECT value FROM meta WHERE key = ?", (_ABOUT,)).fetchone()
            return Copy(name, about[0] if about else "{}", _size(connection))

    def check_new(self, name: str, *, replace: bool) -> None:
        """Raise `BadValue` for what is no name, `Conflict` for one that is taken, and where there are too many."""
        if not _NAME.fullmatch(name) or name.endswith("."):
            raise BadValue(
                "name",
                name,
                "is no name of a snapshot: 1 to 64 letters, digits, _ - and ., the first a letter or digit.",
            )
        names = self._names()
        if name in names and not replace:
            raise Conflict(f'There is a snapshot "{name}" already. Take another name, delete it, or replace it.')
        if name not in names and len(names) >= MOST:
            raise Conflict(f"There are {MOST} snapshots, the most that are kept. Delete one first.")

    def take(self, name: str, about: str, facts: Mapping[str, str], *, replace: bool = False) -> Copy:
        """Copy the store as it is, with `about` and small `facts` (as `Store.remember` keeps them) written on the copy.

        Raises as `check_new`, and `StoreUnusable` where it cannot be written.
        """
        self.check_new(name, replace=replace)
        written = {**facts, _ABOUT: about}
        if self.folder is None:
            self._check_room(name)
            copy = connect(":memory:")
            self._copy(copy, written)
            with self._lending:
                before = self._memory.get(name)
                self._memory[name] = copy
                if before is not None:
                    before.close()
        else:
            self._write(self.folder, name, written)
        return self.find(name)

    def restore(self, name: str) -> None:
        """Put a copy in the place of all that the store holds; raises `NotFound` or `StoreUnusable`."""
        with self._opened(name) as connection:
            wrong = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if wrong != "ok":
                raise StoreUnusable(self._where(name), f"is damaged ({wrong}); the store was left as it is.")
            with self._as_host(connection, self._where(name)) as host:
                self._replace(host)

    def delete(self, name: str) -> None:
        """Delete a copy; raises `NotFound`."""
        if self.folder is None:
            with self._lending:
                self._check_there(name)
                self._memory.pop(name).close()
            return
        self._check_there(name)
        try:
            self._file(name).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnusable(self._file(name), f"cannot be deleted ({error.strerror})") from None

    def close(self) -> None:
        """Forget those in memory."""
        with self._lending:
            while self._memory:
                self._memory.popitem()[1].close()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        if self.folder is None:
            return list(self._memory)
        found = (each.name.removesuffix(_ENDING) for each in self.folder.glob(f"*{_ENDING}"))
        return [name for name in found if _NAME.fullmatch(name)]

    def _check_there(self, name: str) -> None:
        names = self._names()
        if name not in names:
            close = nearest(name[:100], names)
            hint = f'Did you mean "{close[0]}"?' if close else "" if names else "There is none yet."
            raise NotFound("snapshot", name, hint, nearest=close)

    def _check_room(self, name: str) -> None:
        with self._lending:
            there = sum(_size(copy) for each, copy in self._memory.items() if each != name)
        with self._reader.connection() as connection:
            there += _size(connection)
        if there > MOST_MEMORY:
            raise Conflict(
                f"Snapshots of a store in memory take up to {MOST_MEMORY:,} bytes; these were {there:,}. "
                "Delete one first, or keep the store in a file: --store FILE."
            )

    def _file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{name}{_ENDING}"

    def _where(self, name: str) -> str:
        return f'the snapshot "{name}"' if self.folder is None else str(self._file(name))

    @contextmanager
    def _opened(self, name: str) -> Iterator[sqlite3.Connection]:
        """Lend a copy for reading; raises `NotFound`, or `StoreUnusable` for what is no store that we know."""
        try:
            if self.folder is None:
                with self._lending:
                    self._check_there(name)
                    yield _known(self._memory[name], self._where(name))
            else:
                self._check_there(name)
                with closing(connect(str(self._file(name)), read_only=True)) as connection:
                    yield _known(connection, self._where(name))
        except sqlite3.Error as error:
            raise StoreUnusable(self._where(name), f"cannot be read ({error})") from None

    @contextmanager
    def _as_host(self, copy: sqlite3.Connection, where: str) -> Iterator[sqlite3.Connection]:
        """A copy with the tenants of today: they have stores of their own, and are not what is gone back to."""
        with self._reader.connection() as connection:
            tenants = _tenants(connection)
        if _tenants(copy) == tenants:
            yield copy
            return
        with closing(connect(":memory:")) as host:
            copy.backup(host)
            migrate(host, where)
            host.execute("DELETE FROM tenants")
            for row in tenants:
                host.execute(f"INSERT INTO tenants VALUES ({', '.join('?' * len(row))})", row)
            yield host

    def _copy(self, copy: sqlite3.Connection, written: Mapping[str, str]) -> None:
        with self._reader.connection() as connection:
            connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # a file of its own, without others beside it
        copy.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", written.items())

    def _write(self, folder: Path, name: str, written: Mapping[str, str]) -> None:
        target, part = self._file(name), folder / f".{name}{_UNFINISHED}"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            for each in folder.glob(f".*{_UNFINISHED}*"):  # what a process left that died over it
                each.unlink(missing_ok=True)
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                with closing(connect(str(part))) as copy:
                    copy.execute("PRAGMA synchronous = OFF")  # nobody sees it before it is synchronised below
                    self._copy(copy, written)
                _sync(part)
                os.replace(part, target)
            finally:
                part.unlink(missing_ok=True)
            _sync(folder)
        except (OSError, sqlite3.Error) as error:
            raise StoreUnusable(target, f"cannot be written ({error})") from None


def _tenants(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """The rows of other stores that a store keeps; none where it is older than that table."""
    try:
        return connection.execute("SELECT * FROM tenants ORDER BY 1").fetchall()
    except sqlite3.OperationalError:
        return []


def _known(connection: sqlite3.Connection, where: str) -> sqlite3.Connection:
    application, version = (
        connection.execute(f"PRAGMA {each}").fetchone()[0] for each in ("application_id", "user_version")
    )
    if application != APPLICATION_ID:
        raise StoreUnusable(where, "is no snapshot of a store of ours.")
    if version > len(MIGRATIONS):
        raise StoreUnusable(
            where, f"was taken by a newer version (tables {version}; this one knows {len(MIGRATIONS)})."
        )
    return connection


def _size(connection: sqlite3.Connection) -> int:
    """How many bytes a database takes."""
    pages, size = (connection.execute(f"PRAGMA {each}").fetchone()[0] for each in ("page_count", "page_size"))
    return int(pages * size)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
