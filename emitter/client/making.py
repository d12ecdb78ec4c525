"""Events: the catalogue, what is made and sent, what is checked."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from emitter.client.speaking import Json, Speaker
from emitter.errors import UsageError
from emitter.trigger import MOST_AT_ONCE, TriggerSpec

AT_ONCE = 100  # events of one request, so that a producer hears of them as they go


class Making(Speaker):
    """The verbs of events."""

    def event_types(self) -> list[Json]:
        """The catalogue."""
        return self._list("GET", "/simulator/event-types", "eventTypes")

    def event_type(self, name: str) -> Json:
        """One event type with its schema, example and provenance; raises `NotFound`."""
        return self._object("GET", f"/simulator/event-types/{quote(name, safe='')}")

    def preview(self, spec: TriggerSpec) -> list[Json]:
        """Show what would be sent; nothing is kept or sent."""
        return self._list("POST", "/simulator/trigger", "events", params={"dryRun": "true"}, json=spec.to_json())

    def trigger(self, spec: TriggerSpec) -> list[Json]:
        """Make, keep and send events; returns once they are on disk, each with its planned deliveries."""
        return list(self.trigger_each(spec))

    def trigger_each(self, spec: TriggerSpec) -> Iterator[Json]:
        """As `trigger`, in portions. A seed means one series, so that one goes in one request: 1,000 at most."""
        asked = spec.to_json()
        if spec.seed is not None and spec.count > MOST_AT_ONCE:
            raise UsageError(f"With a seed, a server makes {MOST_AT_ONCE:,} events at once at most.")
        portion = spec.count if spec.seed is not None else AT_ONCE
        left = spec.count
        while left > 0:
            count = min(left, portion)
            yield from self._list("POST", "/simulator/trigger", "events", json={**asked, "count": count})
            left -= count

    def faults(self) -> list[Json]:
        """The ways in which a delivery can go wrong on purpose: each fault with its parameters."""
        return self._list("GET", "/simulator/faults", "faults")

    def check(self, body: bytes) -> Json:
        """Hold a body against the server's schemas and assumptions: `verdict`, `violations` and `warnings`."""
        return self._object("POST", "/simulator/check", data=body, headers={"Content-Type": "application/json"})

    def contract(self, form: str, syntax: str = "") -> bytes:
        """The server's contract in a form that other tools read; raises `NotFound` for another form."""
        asked = {"format": syntax} if syntax else {}
        return self._send("GET", f"/simulator/contract/{quote(form, safe='')}", params=asked).content
