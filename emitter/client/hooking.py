"""Webhooks, as the vendor's API has them and beyond."""

from __future__ import annotations

from urllib.parse import quote

from emitter import clock
from emitter.client.speaking import Json, Speaker
from emitter.delivery import Webhook
from emitter.signing import SigningKey

_VENDOR = "/marketplace/api/notification/webhook"

KEPT = SigningKey("kept by the server")
"""Stands for the signing key of a webhook that has one: a key never leaves its server."""


class Hooking(Speaker):
    """The verbs of webhooks."""

    def webhooks(self) -> list[Webhook]:
        """The registrations, oldest first; `KEPT` stands for the signing keys."""
        return [_webhook(each) for each in self._list("GET", "/simulator/webhooks", "webhooks")]

    def webhook(self, webhook_id: str) -> Webhook:
        """One registration; raises `NotFound`."""
        return _webhook(self._object("GET", f"/simulator/webhooks/{quote(webhook_id, safe='')}"))

    def add_webhook(
        self, url: str, *, verify_tls: bool = True, signing_key: str = "", ca: str = "", http2: bool = False
    ) -> Webhook:
        """Register a webhook."""
        asked: Json = {"url": url, "verifyTls": verify_tls}
        asked |= {name: value for name, value in (("signingKey", signing_key), ("ca", ca), ("http2", http2)) if value}
        return _webhook(self._object("POST", "/simulator/webhooks", json=asked))

    def change_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        verify_tls: bool | None = None,
        signing_key: str | None = None,
        ca: str | None = None,
        http2: bool | None = None,
        paused: bool | None = None,
        suppressed: bool | None = None,
    ) -> Webhook:
        """Change what is given of a registration; an empty signing key takes it away."""
        members = {"url": url, "verifyTls": verify_tls, "signingKey": signing_key, "ca": ca, "http2": http2,
                   "paused": paused, "suppressed": suppressed}  # fmt: skip
        asked = {name: value for name, value in members.items() if value is not None}
        return _webhook(self._object("PATCH", f"/simulator/webhooks/{quote(webhook_id, safe='')}", json=asked))

    def delete_webhook(self, webhook_id: str) -> None:
        """Remove a registration; what waits for it is dropped."""
        self._send("DELETE", f"/simulator/webhooks/{quote(webhook_id, safe='')}")

    def test_webhook(self, webhook_id: str) -> Json:
        """Send the test payload to one webhook; what the vendor's API says of it."""
        return self._object("POST", f"{_VENDOR}/{quote(webhook_id, safe='')}/test", timeout=self._timeout * 10)

    def test_config(self, url: str, *, verify_tls: bool = True, signing_key: str = "") -> Json:
        """Send the test payload to a configuration that is not kept; what the vendor's API says of it."""
        asked = {"url": url, "verifyTls": verify_tls, **({"signingKey": signing_key} if signing_key else {})}
        return self._object("POST", f"{_VENDOR}/test", json=asked, timeout=self._timeout * 10)


def _webhook(found: Json) -> Webhook:
    created = found.get("createdAt")
    return Webhook(
        id=str(found["id"]), url=str(found["url"]), verify_tls=bool(found["verifyTls"]),
        signing_key=KEPT if found.get("signingKey") else None, ca=str(found.get("ca") or ""),
        http2=bool(found.get("http2")), suppressed=bool(found.get("suppressed")), paused=bool(found.get("paused")),
        listed=bool(found.get("listed", True)),
        created_at=clock.parse_rfc3339(created) if isinstance(created, str) else 0,
    )  # fmt: skip
