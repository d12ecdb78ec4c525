"""For tests of the stand-ins and of what feeds them: cards, events, and calls to them."""

from __future__ import annotations

from typing import Any

import requests

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
PATIENCE = 10.0  # seconds; a deadline, never a pause
RAW = {
    "timestamp": "2030-01-02T09:00:00.123456789Z",
    "data": {"dataProductId": "7b1c0f52-6a0e-4d3b-9a55-2f8f3b1f6c11", "dataProductName": "US East Customers"},
    "type": "marketplace.data_product.access_requests.revoked",
}


def card(text: str = "Access to Claims 2025 is asked for", **more: Any) -> dict[str, Any]:
    """An Adaptive Card with one text."""
    return {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": text}], **more}


def message(*cards: Any, **item: Any) -> dict[str, Any]:
    """The body of a call that posts cards."""
    kind = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, **item}
    return {"type": "message", "attachments": [{**kind, "content": each} for each in cards]}


def alert(action: str = "trigger", key: str = "request/1", **payload: Any) -> dict[str, Any]:
    """An alert event."""
    event: dict[str, Any] = {"routing_key": ROUTING_KEY, "event_action": action}
    if key:
        event["dedup_key"] = key
    if action == "trigger":
        event["payload"] = {
            "summary": "Access to Claims 2025",
            "source": "Request app",
            "severity": "warning",
            **payload,
        }
    return event


def post(url: str, body: Any, **how: Any) -> requests.Response:
    """Post JSON, or bytes as they are."""
    if isinstance(body, bytes):
        return requests.post(url, data=body, timeout=PATIENCE, **how)
    return requests.post(url, json=body, timeout=PATIENCE, **how)
