"""The webhooks as they are kept; a deleted one is hidden, and its rows stay for the history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from emitter.delivery import Webhook
from emitter.signing import SigningKey
from emitter.store.reader import Reader
from emitter.store.writer import Writer


class WebhookRows:
    """Keeps webhooks, and knows them by the numbers that rows hold."""

    writer: Writer
    reader: Reader
    _webhooks: Iterator[int]

    def __init__(self) -> None:
        self._by_number: dict[int, Webhook] | None = None

    def add_webhook(self, webhook: Webhook) -> Webhook:
        """Keep a new webhook and return it with its number."""
        webhook = replace(webhook, number=next(self._webhooks))
        self.save_webhook(webhook)
        return webhook

    def save_webhook(self, webhook: Webhook) -> None:
        """Keep what a webhook has become."""
        self.writer.run(partial(self._save, webhook=webhook))
        self._forget_webhooks()

    def save_webhook_soon(self, webhook: Webhook) -> None:
        """As `save_webhook`, without waiting: for threads that others wait for."""
        self.writer.put(
            (), lambda error: self._forget_webhooks(), vital=True, call=partial(self._save, webhook=webhook)
        )

    def delete_webhook(self, webhook: Webhook) -> None:
        """Hide a webhook; its rows stay until retention takes them. Its signing key goes at once."""
        self.writer.run(
            lambda connection: connection.execute(
                "UPDATE webhooks SET deleted = 1, signing_key = NULL WHERE number = ?", (webhook.number,)
            )
        )
        self._forget_webhooks()

    def _forget_webhooks(self) -> None:
        self._by_number = None

    def webhook_by_number(self, number: int) -> Webhook:
        """The webhook of a row, deleted ones included; an empty one where retention has taken it."""
        known = self._by_number
        if known is None:
            known = self._by_number = {each.number: each for each in self.webhooks(deleted=True)}
        return known.get(number) or Webhook(id="", url="", number=number)

    @staticmethod
    def _save(connection: sqlite3.Connection, webhook: Webhook) -> None:
        key = webhook.signing_key.reveal() if webhook.signing_key else None
        connection.execute(
            "INSERT INTO webhooks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (number) DO UPDATE SET "
            "url = excluded.url, verify_tls = excluded.verify_tls, signing_key = excluded.signing_key, "
            "ca = excluded.ca, http2 = excluded.http2, suppressed = excluded.suppressed, paused = excluded.paused",
            (webhook.number, webhook.id, webhook.url, webhook.verify_tls, key, webhook.ca, webhook.http2,
             webhook.suppressed, webhook.paused, webhook.listed, webhook.created_at),
        )  # fmt: skip

    def webhooks(self, *, deleted: bool = False) -> list[Webhook]:
        """Every webhook, oldest first; the deleted ones too if asked, without their keys."""
        with self.reader.connection() as connection:
            rows = connection.execute(
                "SELECT id, url, number, verify_tls, signing_key, ca, http2, suppressed, paused, listed, created_at "
                "FROM webhooks WHERE deleted <= ? ORDER BY number",
                (deleted,),
            ).fetchall()
        return [
            Webhook(
                id=row[0], url=row[1], number=row[2], verify_tls=bool(row[3]),
                signing_key=SigningKey(row[4]) if row[4] else None, ca=row[5], http2=bool(row[6]),
                suppressed=bool(row[7]), paused=bool(row[8]), listed=bool(row[9]), created_at=row[10],
            )
            for row in rows
        ]  # fmt: skip
