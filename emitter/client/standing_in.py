"""Stand-ins that a server opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from emitter import clock
from emitter.client.polling import LONGEST_POLL, pause_text, within_of
from emitter.client.speaking import Json, Speaker


class StandingIn(Speaker):
    """The verbs of stand-ins."""

    def open_standin(
        self,
        service: str,
        *,
        switches: Mapping[str, Any] | None = None,
        answers: str = "",
        secrets: Sequence[str] = (),
        port: int = 0,
    ) -> Json:
        """Open a stand-in for teams or pagerduty on a loopback port of the server's machine."""
        members = {"switches": dict(switches or {}), "answers": answers, "secrets": list(secrets), "port": port}
        asked = {"service": service, **{name: value for name, value in members.items() if value}}
        return self._object("POST", "/simulator/standins", json=asked)

    def standins(self) -> list[Json]:
        """The stand-ins that are open, the oldest first."""
        return self._list("GET", "/simulator/standins", "standins")

    def standin(self, standin_id: str) -> Json:
        """One stand-in, without its secrets; raises `NotFound`, as all that follows."""
        return self._object("GET", _path(standin_id))

    def change_standin(self, standin_id: str, answers: str) -> Json:
        """Have a stand-in answer by another script from now on; with an empty one as the service does."""
        return self._object("PATCH", _path(standin_id), json={"answers": answers})

    def standin_state(self, standin_id: str, *, about: str = "", limit: int = 50) -> Json:
        """What there is: cards and runs, or alerts and changes, and the calls; with `about` what holds that text."""
        params = {"limit": str(limit), **({"about": about} if about else {})}
        return self._object("GET", f"{_path(standin_id)}/state", params=params)

    def expect_standin(self, standin_id: str, expected: Mapping[str, Any]) -> Json:
        """Hold what a stand-in has against what is expected, as `{"open": 1, "about": "Claims 2025"}`."""
        asked = dict(expected)
        deadline = clock.monotonic() + within_of(expected)
        while True:
            left = max(min(deadline - clock.monotonic(), LONGEST_POLL), 0.0)
            if "within" in expected and left:
                asked["within"] = pause_text(left)
            path = f"{_path(standin_id)}/expectations"
            found = self._object("POST", path, json={"expect": asked}, timeout=left + self._timeout)
            if found["passed"] or clock.monotonic() >= deadline:
                return found

    def forget_standin(self, standin_id: str) -> None:
        """Have a stand-in forget all that came, as if newly opened."""
        self._send("DELETE", f"{_path(standin_id)}/state")

    def close_standin(self, standin_id: str) -> None:
        """Close a stand-in."""
        self._send("DELETE", _path(standin_id))


def _path(standin_id: str) -> str:
    return f"/simulator/standins/{quote(standin_id, safe='')}"
