"""The history: what was sent, and what came back."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from emitter import clock
from emitter.client.polling import LONGEST_POLL, pause_text
from emitter.client.speaking import Json, Speaker
from emitter.faults import FaultSpec
from emitter.query import AttemptQuery


class Looking(Speaker):
    """The verbs of the history."""

    def attempts(self, query: AttemptQuery) -> Json:
        """A page of attempts."""
        return self._object("GET", "/simulator/attempts", params=query.pairs())

    def count(self, query: AttemptQuery) -> Json:
        """How many attempts match."""
        return self._object("GET", "/simulator/attempts/count", params=_unpaged(query))

    def overview(self, query: AttemptQuery) -> Json:
        """The attempts that match at a glance: how many there are of each outcome, and how they lie in time."""
        return self._object("GET", "/simulator/attempts/overview", params=_unpaged(query))

    def attempt(self, attempt_id: int) -> Json:
        """One attempt in full."""
        return self._object("GET", f"/simulator/attempts/{attempt_id}")

    def coverage(self, query: AttemptQuery, *, extended: bool = False) -> Json:
        """What the receivers of all attempts that match have seen of the contract, and what not yet."""
        params = [*_unpaged(query), *([("extended", "true")] if extended else [])]
        return self._object("GET", "/simulator/coverage", params=params, timeout=self._timeout * 10)

    def export(self, query: AttemptQuery, form: str) -> Iterator[bytes]:
        """Write every attempt that matches in a form that other tools read, as it comes."""
        yield from self._stream("/simulator/attempts/export", [*_unpaged(query), ("format", form)])

    def events(self, *, before: str = "", limit: int = 50, types: tuple[str, ...] = (), run: str = "") -> Json:
        """Events, newest first."""
        params = [("limit", str(limit)), *(("type", name) for name in types)]
        params += [(name, value) for name, value in (("before", before), ("run", run)) if value]
        return self._object("GET", "/simulator/events", params=params)

    def event(self, event_id: str) -> Json:
        """One event with its body and its deliveries."""
        return self._object("GET", f"/simulator/events/{quote(event_id, safe='')}")

    def delivery(self, delivery_id: str) -> Json:
        """One delivery with its attempts."""
        return self._object("GET", f"/simulator/deliveries/{quote(delivery_id, safe='')}")

    def deliveries(self, delivery_ids: Sequence[str], *, wait: float = 0.0) -> list[Json]:
        """These deliveries with their attempts; waits up to `wait` seconds for all of them to be over."""
        deadline = clock.monotonic() + wait
        found = []
        for delivery_id in delivery_ids:
            delivery = self.delivery(delivery_id)
            while delivery["state"] == "pending" and (left := deadline - clock.monotonic()) > 0:
                ended = sum(each["outcome"] != "started" for each in delivery["attempts"])
                self.wait(AttemptQuery(delivery=(delivery_id,)), count=ended + 1, timeout=left)
                delivery = self.delivery(delivery_id)
            found.append(delivery)
        return found

    def wait(self, query: AttemptQuery, *, count: int = 1, timeout: float = 10.0) -> Json:
        """Wait up to `timeout` seconds (wall time) for `count` completed attempts that match; `complete` says if so."""
        deadline = clock.monotonic() + timeout
        while True:
            left = max(deadline - clock.monotonic(), 0.0)
            portion = min(left, LONGEST_POLL)
            params = [*query.pairs(limit=AttemptQuery().limit), ("count", str(count)), ("timeout", pause_text(portion))]
            found = self._object("GET", "/simulator/wait", params=params, timeout=portion + self._timeout)
            if found["complete"] or clock.monotonic() >= deadline:
                return found

    def resend(
        self,
        attempt_id: int,
        *,
        as_is: bool = False,
        body: bytes | None = None,
        allow_invalid: bool = False,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json:
        """Send an attempt's event to its webhook again; with a `body` of its own that is a new event."""
        asked: Json = {"asIs": as_is}
        if body is not None:
            asked |= {"bodyBase64": base64.b64encode(body).decode(), "allowInvalid": allow_invalid}
        if faults:
            asked["faults"] = [FaultSpec.parse(each).to_json() for each in faults]
        return self._object("POST", f"/simulator/attempts/{attempt_id}/resend", json=asked)


def _unpaged(query: AttemptQuery) -> list[tuple[str, str]]:
    """A query for what is no page: without its limit."""
    return [(name, value) for name, value in query.pairs() if name != "limit"]
