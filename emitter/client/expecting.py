"""Expectations, and receivers to hold them against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from emitter import clock
from emitter.client.polling import LONGEST_POLL, pause_text, within_of
from emitter.client.speaking import Json, Speaker


class Expecting(Speaker):
    """The verbs of expectations and receivers."""

    def expect(
        self,
        expected: Mapping[str, Any],
        *,
        things: Mapping[str, str] | None = None,
        run: str = "",
        name: str = "",
    ) -> Json:
        """Hold what happened there against what is expected, in the words of a scenario's `expect`."""
        asked = {"expect": dict(expected), "things": dict(things or {}), "run": run, "as": name}
        deadline = clock.monotonic() + within_of(expected)
        while True:
            left = max(min(deadline - clock.monotonic(), LONGEST_POLL), 0.0)
            if "within" in expected and left:
                asked["expect"] = {**expected, "within": pause_text(left)}
            found = self._object("POST", "/simulator/expectations", json=asked, timeout=left + self._timeout * 2)
            if found["passed"] or clock.monotonic() >= deadline:
                return found

    def open_receiver(self, *, answers: str = "", signing_key: str = "", register: bool = False, port: int = 0) -> Json:
        """Open a receiver on a loopback port of the server's machine."""
        members = {"answers": answers, "signingKey": signing_key, "register": register, "port": port}
        asked = {name: value for name, value in members.items() if value}
        return self._object("POST", "/simulator/receivers", json=asked)

    def receivers(self) -> list[Json]:
        """The receivers that are open, the oldest first."""
        return self._list("GET", "/simulator/receivers", "receivers")

    def receiver(self, receiver_id: str) -> Json:
        """One receiver; raises `NotFound`, as all that follows."""
        return self._object("GET", f"/simulator/receivers/{quote(receiver_id, safe='')}")

    def change_receiver(self, receiver_id: str, answers: str) -> Json:
        """Have a receiver answer by another script from now on; with an empty one as a right receiver does."""
        path = f"/simulator/receivers/{quote(receiver_id, safe='')}"
        return self._object("PATCH", path, json={"answers": answers})

    def captures(self, receiver_id: str, *, count: int = 0, after: int = 0, timeout: float = 10.0) -> Json:
        """What a receiver has caught, oldest first; waits up to `timeout` seconds for `count` above `after`."""
        path = f"/simulator/receivers/{quote(receiver_id, safe='')}/captures"
        deadline = clock.monotonic() + timeout
        while True:
            portion = max(min(deadline - clock.monotonic(), LONGEST_POLL), 0.0)
            params = {"count": str(count), "after": str(after), "timeout": pause_text(portion)}
            found = self._object("GET", path, params=params, timeout=portion + self._timeout)
            if found["complete"] or clock.monotonic() >= deadline:
                return found

    def close_receiver(self, receiver_id: str) -> None:
        """Close a receiver, and remove the webhook that was registered for it."""
        self._send("DELETE", f"/simulator/receivers/{quote(receiver_id, safe='')}")
