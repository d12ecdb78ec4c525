"""The life of one event, from the words that ask for it to the rows that remember it, in one test."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

from emitter.clock import nanoseconds
from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET

NINE = nanoseconds(datetime(2030, 1, 1, 9, tzinfo=UTC))


def test_the_life_of_an_event(make_simulator, receiver):
    simulator = make_simulator(seed=7, start=NINE)
    webhook = simulator.add_webhook(receiver.url + "/hook", signing_key=SECRET)

    # a name that is typed becomes a type; a seed and a clock become an event; it is stored with its planned delivery
    [event] = simulator.trigger(TriggerSpec(type="sources-updated"))
    assert event["type"] == "marketplace.data_product.data_sources.updated"
    assert event["timestamp"].startswith("2030-01-01T09:00:00.")
    assert event["verdict"] == "valid"
    assert [each["webhookId"] for each in event["deliveries"]] == [webhook.id]

    # what arrives is one signed POST of exactly those bytes, in the published shape
    [capture] = receiver.wait_for(1, 10)
    assert (capture.method, capture.path) == ("POST", "/hook")
    headers = {name.lower(): value for name, value in capture.headers}
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(capture.body))
    signature = hmac.new(SECRET.encode(), capture.body, hashlib.sha256).hexdigest()
    assert headers["x-immuta-webhook-signature-sha256"] == signature
    body = json.loads(capture.body)
    assert list(body) == ["timestamp", "data", "type"]
    assert list(body["data"]) == ["actionLink", "dataProductId", "dataProductName"]
    assert body["timestamp"] == event["timestamp"]
    assert body["data"]["actionLink"] == (
        f"https://app.immutacloud.com/marketplace/data-product/{body['data']['dataProductId']}/data-sources"
        "?accountId=1880aad3-3885-45e0-859c-992e0114e56f"
    )

    # what came back is recorded, and every view shows the same
    assert simulator.settle(10)
    [row] = simulator.attempts(AttemptQuery(type=("data_sources.*",), outcome=("accepted",)))["attempts"]
    shown = simulator.attempt(row["id"])
    assert shown["request"]["body"].encode() == capture.body
    assert [tuple(pair) for pair in shown["request"]["headers"]] == list(capture.headers)
    assert (shown["answer"]["status"], shown["number"], shown["delivery"]["state"]) == (200, 1, "accepted")
    assert shown["signature"]["ok"]
    assert shown["contract"] == {"verdict": "valid", "violations": []}
    assert shown["timing"]["totalMs"] > 0
    assert SECRET not in json.dumps(shown)
    assert simulator.event(event["id"])["body"].encode() == capture.body
    assert simulator.delivery(event["deliveries"][0]["id"])["state"] == "accepted"
    rows, total = simulator.webhook_history(webhook.id, offset=0, limit=10)
    assert (total, rows[0]["deliveryId"]) == (1, event["deliveries"][0]["id"])
