"""The tokens that were made, and the tenants: of a token only its digest, so that no file gives one away."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from emitter.store.reader import Reader
from emitter.store.writer import Writer


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token as it is kept: the SHA-256 of its text, and as JSON what it carries."""

    id: str
    digest: bytes
    document: bytes


@dataclass(frozen=True, slots=True)
class TenantRow:
    """One tenant as it is kept: as JSON what it was asked for."""

    id: str
    document: bytes


class TokenRows:
    """The tokens of one store, the oldest first. A reset leaves them."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    def add(self, row: TokenRow) -> None:
        """Keep a token; returns once it is on disk."""

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO tokens (id, digest, document) VALUES (?, ?, ?)", (row.id, row.digest, row.document)
            )

        self._writer.run(insert)

    def remove(self, id: str) -> None:
        """Forget a token; returns once that is on disk."""
        self._writer.run(lambda connection: connection.execute("DELETE FROM tokens WHERE id = ?", (id,)))

    def all(self) -> list[TokenRow]:
        """Every token."""
        with self._reader.connection() as connection:
            rows = connection.execute("SELECT id, digest, document FROM tokens ORDER BY number").fetchall()
        return [TokenRow(*row) for row in rows]


class TenantRows:
    """The tenants whose stores lie beside this one, the oldest first. A reset leaves them."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    def add(self, row: TenantRow) -> None:
        """Keep a tenant; returns once it is on disk."""

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO tenants (id, document) VALUES (?, ?)", (row.id, row.document))

        self._writer.run(insert)

    def remove(self, id: str) -> None:
        """Forget a tenant; returns once that is on disk."""
        self._writer.run(lambda connection: connection.execute("DELETE FROM tenants WHERE id = ?", (id,)))

    def all(self) -> list[TenantRow]:
        """Every tenant that is kept."""
        with self._reader.connection() as connection:
            rows = connection.execute("SELECT id, document FROM tenants ORDER BY number").fetchall()
        return [TenantRow(*row) for row in rows]
