"""A relay as it is often written first: each event becomes a card, and an alert is opened or resolved, at once.

It verifies, and it works in every demonstration. What is wrong with it is in README.md; ../relay does it better.
"""

import hashlib
import hmac
import os
import sys

import requests
from flask import Flask, request
from waitress import create_server

KEY = os.environ.get("WEBHOOK_SIGNING_KEY", "")
TEAMS = os.environ.get("TEAMS_URL", "")
PAGERDUTY = os.environ.get("PAGERDUTY_URL", "https://events.pagerduty.com")
ROUTING_KEY = os.environ.get("PAGERDUTY_ROUTING_KEY", "")
ENDS = ("consumer.updated", "canceled", "access_requests.deleted")

app = Flask(__name__)
alerts = {}


@app.post("/hook")
def hook():
    expected = hmac.new(KEY.encode(), request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("X-Immuta-Webhook-Signature-Sha256", ""), expected):
        return "", 401
    event = request.get_json()
    product, name = event["data"]["dataProductId"], event["data"]["dataProductName"]
    what = event["type"].removeprefix("marketplace.data_product.")
    post_card(f"{name}: {what}")
    if what == "access_requests.created":
        alert("trigger", product, f"Somebody asks for access to {name}")
    elif what.endswith(ENDS):
        alert("resolve", product)
    return "", 204


@app.get("/state")
def state():
    return {"alerts": alerts}


def post_card(text):
    card = {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": text, "wrap": True}]}
    item = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    requests.post(TEAMS, json={"type": "message", "attachments": [item]}, timeout=10).raise_for_status()


def alert(action, product, summary=""):
    event = {"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": product}
    if action == "trigger":
        event["payload"] = {"summary": summary, "source": "Immuta Request app", "severity": "warning"}
    requests.post(f"{PAGERDUTY}/v2/enqueue", json=event, timeout=10).raise_for_status()
    alerts[product] = {"trigger": "open", "resolve": "closed"}[action]


if __name__ == "__main__":
    server = create_server(app, host="127.0.0.1", port=int(os.environ.get("PORT", "3000")))
    print(f"on port {server.effective_port}", file=sys.stderr)
    server.run()
