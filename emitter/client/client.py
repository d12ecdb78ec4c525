"""The methods of `Simulator`, each as a request; the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from emitter import clock
from emitter.client.acting import Acting
from emitter.client.auditing import Auditing
from emitter.client.expecting import Expecting
from emitter.client.hooking import Hooking
from emitter.client.keeping import Keeping
from emitter.client.looking import Looking
from emitter.client.making import Making
from emitter.client.playing import Playing
from emitter.client.polling import LONGEST_POLL, pause_text
from emitter.client.sent import faults_of, moment_of
from emitter.client.speaking import Json
from emitter.client.standing_in import StandingIn
from emitter.faults import FaultSpec
from emitter.typed import duration_text


class Client(Making, Acting, Playing, Expecting, StandingIn, Auditing, Looking, Hooking, Keeping):
    """Speaks to the simulator at `url`; `token` is what its API wants as a bearer token (on loopback, anything)."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the simulator itself ---------------------------------------------------------------------------------------

    def state(self) -> Json:
        """What runs: version, store, clock, what is under way and what waits."""
        return self._object("GET", "/simulator/state")

    def assumed(self) -> list[Json]:
        """The register of assumptions."""
        return self._list("GET", "/simulator/assumptions", "assumptions")

    def facts(self) -> Json:
        """How many facts about the app there are, and how many stand on what: documents, captures, assumptions."""
        return self._object("GET", "/simulator/facts")

    def clock_state(self) -> Json:
        """Whether the clock is virtual, what time it is, and when something falls due next; null for nothing."""
        return self._object("GET", "/simulator/clock")

    def advance(
        self,
        by: timedelta | None = None,
        *,
        to: datetime | str | None = None,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json:
        """Move the virtual clock `by` a length or `to` a moment: a datetime, RFC 3339, or "next".

        `faults` strike the events that time causes meanwhile.
        """
        asked: Json = {} if by is None else {"by": duration_text(by) if by >= timedelta(0) else str(by)}
        if to is not None:
            asked |= {"toNext": True} if to == "next" else {"to": moment_of(to)}
        if faults:
            asked["faults"] = faults_of(faults)
        return self._object("POST", "/simulator/clock/advance", json=asked, timeout=self._timeout * 10)

    def make_token(self, user: str, *, permissions: Sequence[str] = (), name: str = "") -> Json:
        """Make a token for a user of the world; the answer holds its text as `token`, which is told this once."""
        asked: Json = {"user": user, "permissions": list(permissions), "name": name}
        return self._object("POST", "/simulator/tokens", json=asked)

    def tokens(self) -> list[Json]:
        """The tokens that were made, the oldest first, without their texts."""
        return self._list("GET", "/simulator/tokens", "tokens")

    def revoke_token(self, token_id: str) -> None:
        """Refuse a token from now on, by its id or a name that no other has; raises `NotFound`."""
        self._send("DELETE", f"/simulator/tokens/{quote(token_id, safe='')}")

    def idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        return self.settle(0.0)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all that is due has been sent and recorded; False when `timeout` seconds are over before."""
        deadline = None if timeout is None else clock.monotonic() + timeout
        while True:
            portion = LONGEST_POLL if deadline is None else max(min(deadline - clock.monotonic(), LONGEST_POLL), 0.0)
            found = self._object(
                "GET", "/simulator/settled", params={"timeout": pause_text(portion)}, timeout=portion + self._timeout
            )
            if found["settled"] or (deadline is not None and clock.monotonic() >= deadline):
                return bool(found["settled"])

    def reset(self) -> None:
        """Forget all events, deliveries, attempts and webhooks."""
        self._send("POST", "/simulator/reset", json={}, timeout=self._timeout * 2)
