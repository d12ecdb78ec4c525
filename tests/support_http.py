"""For tests of the HTTP side: a client that bears a token, and the statuses it may meet."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from emitter.simulator import Simulator
from emitter.web import create_app
from emitter.web.access import Access

SECRET = "test-signing-key"  # what the receivers of the tests verify with
HOOKS = "/marketplace/api/notification/webhook"
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Api:
    """Speaks to an app as a program does: JSON in, JSON out, a bearer token in every request."""

    def __init__(self, simulator: Simulator, access: Access | None = None, *, token: str = "any") -> None:
        self.app: Flask = create_app(simulator, access=access)
        self.client = self.app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, json: Any = None, **how: Any) -> TestResponse:
        headers = {**self.headers, **how.pop("headers", {})}
        if json is not None:
            how["json"] = json
        return self.client.open(path, method=method, headers=headers, buffered=True, **how)

    def hook(self, url: str, **settings: Any) -> str:
        """Register a webhook; returns its id."""
        answer = self("POST", HOOKS, {"url": url, **settings})
        assert answer.status_code == 200, answer.text
        return str(answer.json["id"])

    def trigger(self, **spec: Any) -> list[dict[str, Any]]:
        """Trigger, and wait for what becomes of it."""
        answer = self("POST", "/simulator/trigger?wait=10s", {"type": "access-revoked", **spec})
        assert answer.status_code == 201, answer.text
        assert answer.json["complete"]
        events: list[dict[str, Any]] = answer.json["events"]
        return events
