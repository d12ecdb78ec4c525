"""The queries that all views ask, and the one JSON form of what they show.

Page, API, command line and client get the same dictionaries, so they cannot disagree. Members are named as the vendor
names its own, in camelCase; times are RFC 3339, durations milliseconds.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import orjson

from emitter import clock, strictjson
from emitter.catalog import Catalog
from emitter.delivery import Answer, Headers, Webhook, masked
from emitter.errors import BadJson, NotFound
from emitter.faults.faulted import names_of
from emitter.query import OUTCOMES, AttemptQuery, Page
from emitter.signing import Scheme, verify
from emitter.store import Store
from emitter.store.rows import AttemptRow, AttemptWire, DeliveryRow, EventRow

Json = dict[str, Any]
COUNT_CAP = 10_000
PATIENCE = 0.025  # seconds that a page may go on searching


class History:
    """Reads the store for people and programs."""

    def __init__(self, *, store: Store, catalog: Catalog, scheme: Scheme, virtual: bool) -> None:
        self._store, self._catalog, self._scheme, self._virtual = store, catalog, scheme, virtual

    def attempts(self, query: AttemptQuery) -> Json:
        """A page of attempts: `attempts`, and `older`, `newer` as query strings, `searchedTo` where a scan stopped."""
        query = self._with_full_names(query)
        page = self._page(query)
        deadline = clock.monotonic() + PATIENCE
        while page.searched_to is not None and page.older is not None and not query.text:
            # Each step of the store is short, so that it delays no writer; a page has the patience for a few.
            if query.after is not None or len(page.rows) >= query.limit or clock.monotonic() > deadline:
                break
            rest = AttemptQuery.parse(query.pairs(before=page.older, limit=query.limit - len(page.rows)))
            more = self._page(rest)
            page = Page([*page.rows, *more.rows], more.older, page.newer, more.searched_to)
        return {
            "attempts": [self.summary(row) for row in page.rows],
            "older": query.text_of(before=page.older, after=None) if page.older is not None else None,
            "newer": query.text_of(after=page.newer, before=None) if page.newer is not None else None,
            "searchedTo": clock.rfc3339(page.searched_to, 3) if page.searched_to is not None else None,
        }

    def _page(self, query: AttemptQuery) -> Page[AttemptRow]:
        return self._store.reader.attempts(query, deliveries=self._store.delivery_ids, events=self._store.event_ids)

    def count(self, query: AttemptQuery) -> Json:
        """How many attempts match; `capped` when 10,000 did, or twice as many were looked at: there may be more."""
        query = self._with_full_names(query)
        found, capped = self._store.reader.count(
            query, deliveries=self._store.delivery_ids, events=self._store.event_ids, cap=COUNT_CAP
        )
        return {"count": found, "capped": capped}

    def overview(self, query: AttemptQuery) -> Json:
        """The attempts that match (text aside) at a glance: `count`, `outcomes`, and `bars` over time.

        Bounded whatever matches: `capped` where there may be more than were counted, `estimated` where the bars tell
        from a sample. A bar counts what started from `from` on and before `to`.
        """
        query = self._with_full_names(query)
        found = self._store.reader.overview(query, deliveries=self._store.delivery_ids, events=self._store.event_ids)
        return {
            "count": sum(found.outcomes.values()),
            "capped": bool(found.capped),
            "outcomes": [
                {"outcome": word, "count": found.outcomes[word], "capped": word in found.capped}
                for word in OUTCOMES
                if word in found.outcomes
            ],
            "bars": [
                {"from": clock.rfc3339(each.start, 0), "to": clock.rfc3339(each.end, 0), "accepted": each.accepted,
                 "others": each.others}
                for each in found.bars
            ],
            "estimated": found.estimated,
        }  # fmt: skip

    def _with_full_names(self, query: AttemptQuery) -> AttemptQuery:
        """Let a filter name a type by its alias, too."""
        aliases = {event_type.alias: event_type.name for event_type in self._catalog if event_type.alias}
        if not any(name in aliases for name in query.type):
            return query
        named = tuple(aliases.get(name, name) for name in query.type)
        return AttemptQuery.parse(query.pairs(type=named))

    def attempt(self, attempt_id: int) -> Json:
        """One attempt in full: request, answer, timing, signature, contract, and the others of its delivery."""
        rows = self._store.reader.attempt_rows([attempt_id])
        wire = self._store.reader.wire(attempt_id)
        if not rows or wire is None:
            raise NotFound("attempt", attempt_id, "`emitter deliveries list` shows what there is.")
        row = rows[0]
        body = row.body if wire.body is None else wire.body
        product = _product(row.body)[0]
        return {
            **self.exchange(row, wire),
            "previousOfProduct": self._store.reader.previous_about(row, product.encode()) if product else None,
            "signature": self.signature(wire.headers, body, self._store.webhook_by_number(row.webhook)),
            "contract": self.contract(body),
            "deliveryAttempts": [self.summary(each) for each in self._store.reader.attempts_of(row.delivery_id)],
        }

    def exchange(self, row: AttemptRow, wire: AttemptWire) -> Json:
        """What left and what came back for one attempt, without a judgement."""
        summary = self.summary(row)
        body = row.body if wire.body is None else wire.body
        request = {
            "method": "POST",
            "url": masked(wire.url),
            "headers": [list(pair) for pair in wire.headers],
            **_body(body),
            "size": len(body),
        }
        return {**summary, "request": request, "answer": self._answer(wire.answer), "timing": _timing(wire.answer)}

    def summary(self, row: AttemptRow) -> Json:
        """One attempt as a list shows it."""
        webhook = self.webhook_of(row.webhook)
        product = _product(row.body)
        return {
            "id": row.id,
            "deliveryId": self._store.delivery_ids.show(row.delivery_id),
            "eventId": self._store.event_ids.show(row.event_id),
            "webhookId": webhook.id,
            "url": masked(webhook.url),
            "type": row.type,
            "dataProductId": product[0],
            "dataProductName": product[1],
            "number": row.number,
            "outcome": row.outcome,
            "status": row.status,
            "failure": row.failure,
            "error": row.error,
            "startedAt": clock.rfc3339(row.started, 6),
            "scheduledAt": clock.rfc3339(row.scheduled, 9),
            "eventAt": clock.rfc3339(row.stamp, 9),
            "virtual": self._virtual,
            "durationMs": None if row.total is None else row.total / 1000,
            "verdict": row.verdict,
            "run": row.run,
            "seed": row.seed,
            "resendOf": row.resend_of or None,
            "faults": list(row.faults),
            "delivery": {
                "state": row.state,
                "attempts": row.attempts,
                "nextAttemptAt": clock.rfc3339(row.due, 3) if row.state == "pending" and row.attempts else None,
                "note": row.note,
            },
        }

    def contract(self, body: bytes) -> Json:
        """What the schemas say of a body, read as strictly as when its event was made: both have one verdict."""
        try:
            value = strictjson.loads(body)
        except BadJson as error:
            return {"verdict": "invalid", "violations": [_violation("", "json", str(error), "")]}
        verdict, violations = self._catalog.verdict(value)
        return {
            "verdict": verdict,
            "violations": [_violation(each.pointer, each.rule, each.message, each.provenance) for each in violations],
        }

    def signature(self, headers: Headers, body: bytes, webhook: Webhook) -> Json:
        """Whether something left signed as it should have been: `signed`, `ok` (None without a key), `reason`."""
        sent = {name.lower() for name, _ in self._scheme.signatures} & {name.lower() for name, _ in headers}
        if webhook.signing_key is None:
            signed = (
                "It was signed, with a key that is gone." if sent else "The webhook has no signing key: sent unsigned."
            )
            return {"signed": bool(sent), "ok": None, "reason": signed, "likely": [], "remarks": []}
        lead = self._scheme.content(b"", [_header(headers, name) for name in self._scheme.carried])
        # By its own time: what is asked here is whether it was signed right, not whether it is fresh.
        verdict = verify(headers, body, [webhook.signing_key], self._scheme, tolerance=None)
        return {
            "signed": bool(sent),
            "ok": verdict.ok,
            "header": verdict.header,
            "algorithms": dict(self._scheme.signatures),
            "before": lead.decode("utf-8", "replace"),
            "findings": [{"header": each.header, "ok": each.ok, "reason": each.reason} for each in verdict.findings],
            "reason": verdict.reason,
            "likely": list(verdict.likely),
            "remarks": list(verdict.remarks),
        }

    def _answer(self, answer: Answer | None) -> Json | None:
        if answer is None:
            return None
        return {
            "status": answer.status,
            "reason": answer.reason,
            "headers": [list(pair) for pair in answer.headers],
            **_body(answer.body),
            "bodyCut": answer.body_cut,
            "failure": answer.failure,
            "phase": answer.phase,
            "error": answer.error,
            "address": answer.address,
        }

    def webhook_of(self, number: int) -> Webhook:
        """The webhook of a row, deleted ones included."""
        return self._store.webhook_by_number(number)

    def with_deliveries(self, row: EventRow) -> Json:
        """One event without its body, with its deliveries and the attempts of each."""
        return {
            **self._event(row),
            "deliveries": [
                {
                    **self._delivery(each),
                    "attempts": [self.summary(one) for one in self._store.reader.attempts_of(each.id)],
                }
                for each in self._store.reader.deliveries_of(row.id)
            ],
        }

    def event(self, event_id: str) -> Json:
        """One event with its body and its deliveries."""
        number = self._store.event_ids.read(event_id)
        row = self._store.reader.event(number) if number else None
        if row is None:
            raise NotFound("event", event_id)
        return {
            **self._event(row),
            **_body(row.body),
            "deliveries": [self._delivery(each) for each in self._store.reader.deliveries_of(row.id)],
        }

    def events(self, *, before: str = "", limit: int = 50, types: tuple[str, ...] = (), run: str = "") -> Json:
        """Events, newest first; `before` is the id of the last one seen."""
        anchor = self._store.event_ids.read(before) if before else None
        if before and anchor is None:
            raise NotFound("event", before)
        rows = self._store.reader.events(before=anchor, limit=limit + 1, types=types, run=run)
        events = [self._event(row) for row in rows[:limit]]
        return {"events": events, "older": events[-1]["id"] if len(rows) > limit else None}

    def delivery(self, delivery_id: str) -> Json:
        """One delivery with its attempts.

        The attempts are read first: whoever sees that it still waits may then wait for one attempt more than is here.
        Once it is over they stay as they are, and are all here.
        """
        number = self._store.delivery_ids.read(delivery_id)
        attempts = self._store.reader.attempts_of(number) if number else []
        row = self._store.reader.delivery(number) if number else None
        if row is None:
            raise NotFound("delivery", delivery_id)
        if row.state != "pending":
            attempts = self._store.reader.attempts_of(row.id)
        return {**self._delivery(row), "attempts": [self.summary(each) for each in attempts]}

    def _delivery(self, row: DeliveryRow) -> Json:
        webhook = self.webhook_of(row.webhook)
        return {
            "id": self._store.delivery_ids.show(row.id),
            "eventId": self._store.event_ids.show(row.event_id),
            "webhookId": webhook.id,
            "url": masked(webhook.url),
            "state": row.state,
            "dueAt": clock.rfc3339(row.due, 3),
            "attemptCount": row.attempts,
            "resendOf": row.resend_of or None,
            "faults": list(names_of(row.faults)),
            "note": row.note,
        }

    def _event(self, row: EventRow) -> Json:
        product = _product(row.body)
        return {
            "id": self._store.event_ids.show(row.id),
            "type": row.type,
            "timestamp": clock.rfc3339(row.stamp, 9),
            "recordedAt": clock.rfc3339(row.recorded, 6),
            "dataProductId": product[0],
            "dataProductName": product[1],
            "verdict": row.verdict,
            "seed": row.seed,
            "run": row.run,
        }

    def every(self, query: AttemptQuery) -> Iterator[tuple[AttemptRow, AttemptWire]]:
        """All attempts that match, newest first, a page at a time: for exports."""
        query = self._with_full_names(query)
        before, after = query.before, query.after or 0
        while True:
            asked = AttemptQuery.parse(query.pairs(before=before, after=None, limit=500))
            page = self._store.reader.attempts(asked, deliveries=self._store.delivery_ids, events=self._store.event_ids)
            for row in page.rows:
                if row.id <= after:
                    return
                wire = self._store.reader.wire(row.id)
                if wire is not None:
                    yield row, wire
            if page.older is None:
                return
            before = page.older


def _product(body: bytes) -> tuple[str, str]:
    """Whom a body is about, if it says so in the usual place."""
    try:
        data = orjson.loads(body).get("data")
        found = data.get("dataProductId"), data.get("dataProductName")
    except (orjson.JSONDecodeError, AttributeError):
        return "", ""
    return tuple(value if isinstance(value, str) else "" for value in found)  # type: ignore[return-value]  # two in, two out


def _header(headers: Headers, wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted.lower()), "")


def _body(raw: bytes) -> Json:
    """Bytes as JSON can carry them."""
    try:
        return {"body": raw.decode("utf-8"), "bodyEncoding": "utf-8"}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(raw).decode(), "bodyEncoding": "base64"}


def _timing(answer: Answer | None) -> Json | None:
    if answer is None:
        return None
    timing = answer.timing
    parts = {"lookupMs": timing.lookup, "connectMs": timing.connect, "tlsMs": timing.tls,
             "firstByteMs": timing.first_byte, "totalMs": timing.total}  # fmt: skip
    return {name: None if value is None else value / 1000 for name, value in parts.items()}


def _violation(pointer: str, rule: str, message: str, provenance: str) -> Json:
    return {"pointer": pointer, "rule": rule, "message": message, "provenance": provenance}
