"""A store as a file of its own: a backup while it runs."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from emitter.errors import StoreUnusable
from emitter.store.opening import connect


def backup(path: Path, target: Path) -> None:
    """Copy the store in a file, whoever owns it and while it is written; raises `StoreUnusable`."""
    if not path.is_file():
        raise StoreUnusable(path, "is not there; there is nothing to copy.")
    try:
        connection = connect(str(path), read_only=True)
    except sqlite3.Error as error:
        raise StoreUnusable(path, f"cannot be read ({error})") from None
    try:
        copy_to(connection, target)
    finally:
        connection.close()


def copy_to(connection: sqlite3.Connection, target: Path) -> None:
    if target.exists():
        raise StoreUnusable(target, "exists; a backup overwrites nothing. Name another file.")
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        copy = sqlite3.connect(target)  # noqa: TID251 - the door itself
        try:
            connection.backup(copy)
        finally:
            copy.close()
    except (OSError, sqlite3.Error) as error:
        raise StoreUnusable(target, f"cannot be written ({error})") from None
