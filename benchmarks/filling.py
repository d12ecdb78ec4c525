"""Fill a store with a long history, by the store's own rows and statements, without sending anything.

The mix is what a shared server sees: twelve types, 64 webhooks, 94 % accepted, 3 % rejected, 2 % failed, 1 %
interrupted, and two hundred runs on a tenth of it. Some things never meet, though each is common: those filters are the
hard ones.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from random import Random

from benchmarks.cases import BODY, SECRET, TYPE
from emitter.catalog import Catalog
from emitter.delivery import Answer, Attempt, Timing, Webhook, WireRequest
from emitter.event import Event
from emitter.signing import Scheme, Signer, SigningKey
from emitter.store import Store

WEBHOOKS, RUNS = 64, 200
STEP = 864_000_000  # nanoseconds from one attempt to the next: a million in ten days
ACCEPTED, REJECTED = (204, 204, 204, 204, 200, 200, 202), (500, 500, 500, 502, 503, 503, 401, 404, 410, 422, 429)
ADDRESS = "203.0.113.7:443"
ALWAYS_ACCEPTED = -1  # the type, counted from the end, that nothing ever happens to
ONLY_OLD, ONLY_NEW = -2, 62  # the type that ceased half-way, the webhook that came half-way
NEVER_HERE, NEVER_THERE = -3, 63  # the type that this webhook never got


def fill(path: Path, attempts: int, *, seed: int = 1, until: int) -> list[Webhook]:
    """Write so many attempts, the last one at `until` (wall time, nanoseconds); return the webhooks."""
    chance = Random(seed)
    store = Store(path)
    try:
        key = SigningKey(SECRET)
        webhooks = [store.add_webhook(_webhook(number, chance, key)) for number in range(WEBHOOKS)]
        types = [each.name for each in Catalog.load(None)]
        writer = _Writer(store, webhooks, types, chance)
        first = until - attempts * STEP
        for start in range(0, attempts, 500):
            writer.write(range(start, min(start + 500, attempts)), attempts, first)
        store.flush()
    finally:
        store.close()
    return webhooks


def _webhook(number: int, chance: Random, key: SigningKey) -> Webhook:
    digits = f"{chance.getrandbits(128):032x}"
    identity = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
    return Webhook(id=identity, url=f"https://receiver-{number:02}.example/hooks", signing_key=key)


class _Writer:
    """Makes the rows of one attempt after another."""

    def __init__(self, store: Store, webhooks: list[Webhook], types: list[str], chance: Random) -> None:
        self._store, self._webhooks, self._types, self._chance = store, webhooks, types, chance
        signer = Signer(Scheme())
        signed = signer.headers(BODY, webhooks[0].signing_key, message_id="", seconds=0)
        self._headers = (("Content-Type", "application/json"), ("User-Agent", "benchmark"), ("Accept", "*/*"), *signed)

    def write(self, numbers: range, attempts: int, first: int) -> None:
        rows = [row for number in numbers for row in self._rows(number, attempts, first + number * STEP)]
        written = threading.Event()
        self._store.put(rows, lambda error: written.set())
        written.wait()

    def _rows(self, number: int, attempts: int, moment: int) -> list[tuple[int, tuple]]:  # type: ignore[type-arg]
        chance, store = self._chance, self._store
        bits = chance.getrandbits(48)
        webhook_number, kind_number = bits % WEBHOOKS, (bits >> 8) % len(self._types)
        new = number * 2 >= attempts
        if webhook_number == ONLY_NEW and not new:
            webhook_number = 0
        if kind_number == len(self._types) + ONLY_OLD and new:
            kind_number = 0
        if kind_number == len(self._types) + NEVER_HERE and webhook_number == NEVER_THERE:
            kind_number = 1
        kind, webhook = self._types[kind_number], self._webhooks[webhook_number]
        run = ""
        length = max(attempts // 10 // RUNS, 1)
        if number % (length * 10) < length:
            run = f"run-{number // (length * 10) % RUNS:03}"
        body = BODY.replace(TYPE.encode(), kind.encode()).replace(b"730915064", f"{number:09}".encode())
        event = Event(kind, body, moment, verdict="valid", seed=1, run=run)
        event_id, [delivery], rows = store.plan(event, [webhook], due=moment)
        attempt = Attempt(
            store.next_attempt()[0], delivery.id, 1, moment, moment, WireRequest(webhook.url, self._headers, body)
        )
        rows += store.started_rows(
            attempt, event_id=event_id, webhook=webhook.number, type_id=store.type_id(kind), run_id=store.run_id(run),
            own_body=False,
        )  # fmt: skip
        percent = 0 if kind_number == len(self._types) + ALWAYS_ACCEPTED else (bits >> 16) % 1000
        if percent >= 990:
            rows += store.interrupted_rows(
                attempt.id, delivery_id=delivery.id, state="interrupted", due=moment, attempts=1
            )
            return rows
        answer = _answer(percent, bits >> 32)
        rows += store.finished_rows(
            attempt.id, answer, delivery_id=delivery.id, state=answer.outcome, due=moment, attempts=1
        )
        return rows


def _answer(percent: int, bits: int) -> Answer:
    timing = Timing(0, 0, None, 900 + bits % 5000, 1200 + bits % 5000)
    headers = (("Date", "Tue, 03 Mar 2026 16:41:52 GMT"), ("Content-Length", "27"), ("Server", "nginx"))
    if percent < 940:
        return Answer(ACCEPTED[bits % len(ACCEPTED)], "OK", headers, b"", timing=timing, address=ADDRESS)
    if percent < 970:
        status = REJECTED[bits % len(REJECTED)]
        body = b'{"error": "not this time"}\n'
        return Answer(status, "No", headers, body, timing=timing, address=ADDRESS)
    seconds = timedelta(seconds=10) // timedelta(microseconds=1)
    return Answer(
        failure="timeout", phase="wait", error="no answer within 10 s (waiting for the first byte)",
        timing=Timing(0, 400, None, None, seconds), address=ADDRESS,
    )  # fmt: skip
