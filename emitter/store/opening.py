"""Open a store: make the file private, see what it is, bring it up to date."""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
from functools import cache
from pathlib import Path
from random import SystemRandom

from emitter.errors import StoreUnusable
from emitter.store.lock import SHORT_LIVED, StoreLock
from emitter.store.schema import APPLICATION_ID, MIGRATIONS

_copying = threading.Lock()


def open_memory() -> sqlite3.Connection:
    """Open a store that ends with the process."""
    connection = connect(":memory:")
    with _copying:
        _empty().backup(connection)
    _salt(connection)
    return connection


@cache
def _empty() -> sqlite3.Connection:
    """A store without a salt and with nothing in it: to copy it takes a tenth of the time that making one takes."""
    connection = connect(":memory:")
    migrate(connection, ":memory:")
    connection.execute("DELETE FROM meta")
    atexit.register(connection.close)
    return connection


def _salt(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO meta VALUES ('salt', ?)", (str(SystemRandom().getrandbits(120)),))


def open_file(path: Path, lock: StoreLock, *, patience: float | None, durable: bool) -> sqlite3.Connection:
    """Take the lock and open the file, making it (mode 0600) where there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(path, f"its folder cannot be made ({error.strerror}). Name another file: --store") from None
    if path.is_dir():
        raise StoreUnusable(path, "is a folder; --store takes a file.")
    lock.take(patience=SHORT_LIVED if patience is None else patience)
    try:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreUnusable(
                path, f"cannot be opened ({error.strerror}). Name another file with --store, or use --ephemeral."
            ) from None
        connection = _opened(path, durable=durable)
    except StoreUnusable:
        lock.release()
        raise
    return connection


def _opened(path: Path, *, durable: bool) -> sqlite3.Connection:
    connection = None
    try:
        connection = connect(str(path))
        _recognise(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on the disk before anybody is told; power may fail at any moment.
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {2000 if durable else 16000}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        migrate(connection, str(path))
    except (sqlite3.Error, StoreUnusable) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, StoreUnusable):
            raise
        why = (
            "is no SQLite database; it was left as it is"
            if "not a database" in str(error)
            else f"cannot be used ({error})"
        )
        raise StoreUnusable(path, f"{why}. Name another file: --store") from None
    return connection


def connect(where: str, *, read_only: bool = False) -> sqlite3.Connection:
    """Open one connection with transactions by hand; threads are kept apart by who calls."""
    target = f"{Path(where).absolute().as_uri()}?mode=ro" if read_only else where
    connection = sqlite3.connect(  # noqa: TID251 - this is the door
        target, uri=read_only, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=5.0
    )
    connection.execute("PRAGMA cache_size = -32768")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise StoreUnusable(path, "is a SQLite database, but not one of ours; it was left as it is.")


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Run the migrations that a file has not seen, each in its own transaction; refuse a file from the future."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StoreUnusable(
            where,
            f"was written by a newer version (tables {version}, this one knows {len(MIGRATIONS)}). "
            "Update, or name another file: --store",
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in filter(None, (part.strip() for part in script.split(";"))):
            connection.execute(statement)
        if number == 1:
            _salt(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
