"""Audits that a server makes."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from emitter import clock
from emitter.client.polling import LONGEST_POLL, pause_text
from emitter.client.speaking import Json, Speaker


class Auditing(Speaker):
    """The verbs of audits."""

    def start_audit(
        self,
        url: str,
        *,
        signing_key: str = "",
        old_key: str = "",
        verify_tls: bool = True,
        ca: str = "",
        probe: str = "",
        probe_headers: Sequence[tuple[str, str]] = (),
        only: Sequence[str] = (),
        interleavings: int = 0,
        sweep: bool = False,
        fail_under: int | None = None,
        deadline: str = "5m",
        most: int = 20_000,
        settle: str = "250ms",
        seed: int | None = None,
        yes: bool = False,
        wait: float = 0.0,
    ) -> Json:
        """Have the server examine the receiver at `url`; waits up to `wait` seconds for the end."""
        members = {
            "signingKey": signing_key, "oldSigningKey": old_key, "ca": ca, "probe": probe,
            "probeHeaders": [list(pair) for pair in probe_headers], "only": list(only), "interleavings": interleavings,
            "sweep": sweep, "yes": yes,
        }  # fmt: skip
        asked = {"url": url, "verifyTls": verify_tls, "deadline": deadline, "most": most, "settle": settle}
        asked |= {name: value for name, value in members.items() if value}
        asked |= {name: value for name, value in (("seed", seed), ("failUnder", fail_under)) if value is not None}
        begun = self._object("POST", "/simulator/audits", json=asked)
        return self.audit(begun["id"], wait=wait) if wait else begun

    def audits(self) -> list[Json]:
        """The audits that were asked for, the newest first, without their reports."""
        return self._list("GET", "/simulator/audits", "audits")

    def audit(self, audit_id: str, *, wait: float = 0.0) -> Json:
        """One audit: its state, what it is doing, its report once it is over; waits up to `wait` seconds for that."""
        deadline = clock.monotonic() + wait
        while True:
            left = max(min(deadline - clock.monotonic(), LONGEST_POLL), 0.0)
            params = {"wait": pause_text(left)} if left else {}
            found = self._object("GET", _path(audit_id), params=params, timeout=left + self._timeout)
            if found["state"] != "running" or clock.monotonic() >= deadline:
                return found

    def audit_report(self, audit_id: str, form: str = "json") -> bytes:
        """What an audit found as JSON, text, JUnit XML, a page of HTML or a badge; raises `Conflict` before its end."""
        return self._send("GET", f"{_path(audit_id)}/report", params={"format": form}).content

    def cancel_audit(self, audit_id: str) -> None:
        """End an audit: what was found so far is its report; one that is over is forgotten."""
        self._send("DELETE", _path(audit_id))


def _path(audit_id: str) -> str:
    return f"/simulator/audits/{quote(audit_id, safe='')}"
