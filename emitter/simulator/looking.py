"""What was sent and what came of it: looked up, waited for, sent again, counted and written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from emitter import clock as time
from emitter.assumptions import register
from emitter.contract.facts import facts
from emitter.coverage import of_history
from emitter.delivery import Attempt, Delivery, WireRequest
from emitter.errors import Conflict, NotFound, UsageError
from emitter.export import export as exported
from emitter.faults import FAULTS, FaultSpec
from emitter.gate import passing
from emitter.history import Json
from emitter.query import AttemptQuery
from emitter.simulator.making import Making
from emitter.simulator.parts import VERSION


class Looking(Making):
    """The history."""

    def attempts(self, query: AttemptQuery) -> Json:
        return self.history.attempts(query)

    def count(self, query: AttemptQuery) -> Json:
        return self.history.count(query)

    def overview(self, query: AttemptQuery) -> Json:
        """The attempts that match at a glance: how many there are of each outcome, and how they lie in time."""
        return self.history.overview(query)

    def attempt(self, attempt_id: int) -> Json:
        return self.history.attempt(attempt_id)

    def events(self, *, before: str = "", limit: int = 50, types: tuple[str, ...] = (), run: str = "") -> Json:
        return self.history.events(before=before, limit=limit, types=types, run=run)

    def event(self, event_id: str) -> Json:
        return self.history.event(event_id)

    def delivery(self, delivery_id: str) -> Json:
        return self.history.delivery(delivery_id)

    def deliveries(self, delivery_ids: Sequence[str], *, wait: float = 0.0) -> list[Json]:
        """These deliveries with their attempts; waits up to `wait` seconds for all of them to be over."""
        numbers = [self.store.delivery_ids.read(each) for each in delivery_ids]
        if wait:

            def over() -> bool:
                rows = (self.store.reader.delivery(number) for number in numbers if number)
                return all(row is None or row.state != "pending" for row in rows)

            self.dispatcher.watch(over, wait)
        return [self.history.delivery(each) for each in delivery_ids]

    def wait(self, query: AttemptQuery, *, count: int = 1, timeout: float = 10.0) -> Json:
        """Wait up to `timeout` seconds (wall time) for `count` completed attempts that match; `complete` says if so."""
        query = replace(query, limit=min(max(count, 1), 500))
        found: list[Json] = []

        def enough() -> bool:
            page = self.history.attempts(query)
            found[:] = [each for each in page["attempts"] if each["outcome"] != "started"]
            return len(found) >= count

        complete = self.dispatcher.watch(enough, timeout)
        return {"complete": complete, "attempts": found}

    @passing
    def resend(
        self,
        attempt_id: int,
        *,
        as_is: bool = False,
        body: bytes | None = None,
        allow_invalid: bool = False,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json:
        """Send an attempt's event to its webhook again, signed anew or byte for byte as it was; a new delivery.

        With a `body` of its own that is a new event, for that webhook alone; `allow_invalid` sends what its schema does
        not allow, too. Of `faults`, those that strike attempts go with what was planned already. Raises `NotFound`,
        `Conflict` where the webhook is gone or suppressed, `UsageError`, and what a body may be refused with.
        """
        if body is not None and as_is:
            raise UsageError("A body of its own is a new event, and as-is is the old one: ask for one of the two.")
        specs = tuple(map(FaultSpec.parse, faults))
        shaping = next((each.name for each in specs if FAULTS[each.name].kind == "planning"), "")
        if shaping and body is None:
            raise UsageError(
                f'The fault "{shaping}" shapes what is planned for a new event, and this one is planned already. Give '
                "a body of its own, or trigger an event with it."
            )
        rows = self.store.reader.attempt_rows([attempt_id])
        wire = self.store.reader.wire(attempt_id)
        if not rows or wire is None:
            raise NotFound("attempt", attempt_id)
        row = rows[0]
        event = self.store.reader.event(row.event_id)
        with self._webhooks_lock:
            webhook = next((each for each in self._webhooks.values() if each.number == row.webhook), None)
        if webhook is None or event is None:
            raise Conflict(f"Attempt {attempt_id} cannot be sent again: its webhook was removed.")
        if webhook.suppressed:
            raise Conflict(f"Webhook {webhook.id} is suppressed: it gets nothing. Resume it first.")
        if body is not None:
            fresh = self.factory.given(body, allow_invalid=allow_invalid, run=row.run)
            [accepted] = self.dispatcher.accept_all([(fresh, [webhook])], faults=self._asked(specs))
            return self.history.delivery(self.store.delivery_ids.show(accepted.deliveries[0].id))
        sent = row.body if wire.body is None else wire.body
        request = WireRequest(webhook.url, wire.headers, sent)
        attempt = Attempt(row.id, row.delivery_id, row.number, row.started, row.scheduled, request)
        delivery = Delivery(row.delivery_id, row.event_id, webhook, row.due)
        again = self.dispatcher.send_again(attempt, delivery, event, as_is=as_is, faults=self._asked(specs))
        return self.history.delivery(self.store.delivery_ids.show(again.id))

    def coverage(self, query: AttemptQuery, *, extended: bool = False) -> Json:
        """What the receivers of all attempts that match have seen of the contract, and what not yet.

        `extended` counts the members, too, that only this simulator sends.
        """
        return of_history(self.history, self.catalog, self.assumptions, query, extended=extended).to_json()

    def export(self, query: AttemptQuery, form: str) -> Iterator[bytes]:
        """Write every attempt that matches in a form that other tools read, piece by piece."""
        return exported(self.history, query, form)

    def check(self, body: bytes) -> Json:
        """Hold a body against what is documented and what is assumed: `verdict`, `violations` and `warnings`."""
        return self.judge.of_body(body).to_json()

    def state(self) -> Json:
        """What runs: version, store, clock, what is under way and what waits."""
        return {
            "version": VERSION,
            "store": str(self.settings.store) if self.settings.store else "memory",
            "clock": "virtual" if self.clock.virtual else "system",
            "now": time.rfc3339(self.clock.now()),
            "profile": self.assumptions.payload_profile,
            "seed": self.factory.seed,
            "inFlight": self.dispatcher.in_flight(),
            "waiting": sum(self.store.reader.waiting_counts().values()),
            "webhooks": len(self.webhooks()),
            "interruptedAtStart": self.interrupted,
        }

    def assumed(self) -> list[Json]:
        """The register of assumptions."""
        return [
            {"switch": each.switch, "value": each.value, "default": each.default, "changed": each.changed,
             "allowed": each.allowed, "unknown": each.unknown, "why": each.why, "provenance": each.provenance,
             "evidence": each.evidence}
            for each in register(self.assumptions, self.settings.calibrated)
        ]  # fmt: skip

    def facts(self) -> Json:
        """How many facts about the app there are, and how many stand on what: documents, captures, assumptions."""
        return dict(facts(self.catalog, register(self.assumptions, self.settings.calibrated)))
