"""The example receivers: what they refuse, what they take, and that duplicates and disorder change nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random
from typing import Any

import pytest
import requests

from emitter.catalog import Catalog
from emitter.faults import FaultSpec
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.support_examples import example

KEY, OLD = "the signing key of the examples", "the one before"
PATIENCE = 20.0  # seconds; a deadline, never a pause
SCRIPTS = ("receiver_flask/receiver.py", "receiver_fastapi/receiver.py", "receiver_node/receiver.mjs")
NUMBERS = count()
HEADER = "x-immuta-webhook-signature-sha256"


@pytest.fixture(scope="module", params=SCRIPTS, ids=["flask", "fastapi", "node"])
def receiver(request: pytest.FixtureRequest) -> Iterator[str]:
    with example(request.param, WEBHOOK_SIGNING_KEY=KEY, WEBHOOK_SIGNING_KEY_OLD=OLD) as url:
        yield url


def signature(body: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def send(url: str, body: bytes, headers: dict[str, str] | None = None, key: str = KEY) -> int:
    given = {"Content-Type": "application/json", HEADER: signature(body, key), **(headers or {})}
    return requests.post(f"{url}/hook", body, headers=given, timeout=PATIENCE).status_code


def event(product: str = "", **more: Any) -> bytes:
    """An event for a product that no other test speaks of."""
    data = {"dataProductId": product or f"product {next(NUMBERS)}", "dataProductName": "Claims"}
    whole = {
        "timestamp": "2030-01-02T09:00:00.123456789Z", "data": data,
        "type": "marketplace.data_product.access_requests.created",
    }  # fmt: skip
    return json.dumps({**whole, **more}).encode()


def state(url: str) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{url}/state", timeout=PATIENCE).json()["products"]
    return found


@pytest.mark.parametrize("key", [KEY, OLD])
def test_what_is_signed_with_the_key_or_the_one_before_is_taken(receiver, key):
    product = f"product {next(NUMBERS)}"

    assert send(receiver, event(product), key=key) == 204
    assert state(receiver)[product]["counts"] == {"marketplace.data_product.access_requests.created": 1}


@pytest.mark.parametrize(
    "headers",
    [{HEADER: ""}, {HEADER: "0" * 64}, {HEADER: "ü".encode().decode("latin-1")}, {HEADER: "x" * 4000},
     {HEADER: signature(b"another body")}, {HEADER: signature(event(), "another key")}],
)  # fmt: skip
def test_what_is_not_signed_is_401(receiver, headers):
    assert send(receiver, event("not signed"), headers) == 401
    assert "not signed" not in state(receiver)


def test_without_any_signature_it_is_401(receiver):
    assert requests.post(f"{receiver}/hook", event(), timeout=PATIENCE).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"\xff\xfe", event()[:-20],
        event().replace(b"Claims", b"\xff"), event().decode().encode("utf-16"),
        b"[" * 1000 + b"]" * 1000, b"[" * 200_000, event(deep=json.loads("[" * 100 + "]" * 100)), b'"' + b"\\" * 99_999,
        b"[]", b"null", b"5", b"1" * 10_000, b'"text"', b"NaN", b"{}",
        event(type=5), event(type=None), event(data=[]), event(data="x"),
        event("\ud800"), event(type="\ud800"),
        event(timestamp=None), event(timestamp=5), event(timestamp="never"), event(timestamp="2030-13-45T99:00:00Z"),
    ],
    ids=lambda body: body[:24].decode("ascii", "replace"),
)  # fmt: skip
def test_a_body_that_is_no_event_is_400_though_it_is_signed(receiver, body):
    assert send(receiver, body) == 400


def test_times_at_the_edge_of_time_are_taken_or_refused(receiver):
    for time in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2030-01-02T09:00:00.1234567891234Z"):
        assert send(receiver, event(timestamp=time)) in (204, 400)


def test_what_is_no_json_by_its_header_is_415(receiver):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert send(receiver, event(), {"Content-Type": kind}) == 415
    assert send(receiver, event(), {"Content-Type": "Application/JSON; charset=utf-8"}) == 204


@pytest.mark.parametrize("size", [256 * 1024 + 1, 1024 * 1024, 5 * 1024 * 1024])
def test_a_body_that_is_too_large_is_413_and_its_sender_reads_that(receiver, size):
    assert send(receiver, event(padding="x" * size)) == 413


def test_an_unknown_type_unknown_members_and_missing_ones_are_taken(receiver):
    for body in (
        event(type="marketplace.data_product.sunset", more={"x": [1]}), event(data={}),
        event(data={"dataProductId": None, "dataProductName": 5}), event(timestamp="2030-01-02T09:00:00Z"),
        event("__proto__"),
    ):  # fmt: skip
        assert send(receiver, body) == 204
    assert "__proto__" in state(receiver)


def test_a_connection_that_breaks_off_does_no_harm(receiver):
    host, port = receiver.removeprefix("http://").split(":")
    head = b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    for sent in (head + b"{", head, b"POST /hook", b"\x00\xff nonsense\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(sent)

    assert send(receiver, event()) == 204


def test_only_what_is_there_is_there(receiver):
    assert requests.get(f"{receiver}/hook", timeout=PATIENCE).status_code == 405
    assert requests.get(f"{receiver}/elsewhere", timeout=PATIENCE).status_code == 404


def test_duplicates_and_another_order_come_to_the_same(receiver):
    bodies = [
        (time, kind)
        for time in ("2030-01-02T09:00:00Z", "2030-01-02T09:00:00.5Z", "2030-01-02T09:00:00.500000001Z")
        for kind in ("created", "canceled")
    ]
    found = []
    for seed in range(6):
        product, order = f"shuffled {seed}", bodies + bodies[:3]
        Random(seed).shuffle(order)
        sent = [event(product, timestamp=time, type=kind) for time, kind in order]
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda body: send(receiver, body), sent)) == {204}
        found.append(state(receiver)[product])

    assert found == [found[0]] * 6
    assert found[0] == {
        "time": "2030-01-02T09:00:00.500000001Z", "type": "created", "name": "Claims",
        "counts": {"canceled": 3, "created": 3},
    }  # fmt: skip


BAD = ("missing-signature", "wrong-signature", "wrong-key", "tampered-body", "reserialised-body", "truncated-body",
       "not-json", "wrong-content-type", "huge-body", "deep-nesting")  # fmt: skip
FINE = (
    "duplicate",
    "twins",
    "unknown-type",
    "unknown-member",
    "absent-member",
    "null-member",
    "both-keys",
    "slow-send",
)


def test_the_faults_of_the_simulator_are_refused_or_borne(receiver, make_simulator: Callable[..., Simulator]):
    simulator = make_simulator(seed=5)
    kinds = [each.alias for each in Catalog.load()]
    events = simulator.trigger(TriggerSpec(type=kinds[0], to=f"{receiver}/hook", signing_key=KEY))
    for kind in kinds[1:]:
        events += simulator.trigger(TriggerSpec(type=kind, to=f"{receiver}/hook", signing_key=KEY))
    expected = ["accepted"] * len(events)
    for name in (*BAD, *FINE):
        made = simulator.trigger(
            TriggerSpec(type="revoked", to=f"{receiver}/hook", signing_key=KEY, faults=(FaultSpec.parse(name),))
        )
        events += made
        expected += ["rejected" if name in BAD else "accepted"] * len(made)

    outcomes = []
    for triggered in events:
        found = simulator.deliveries([each["id"] for each in triggered["deliveries"]], wait=PATIENCE)
        outcomes.append({each["attempts"][-1]["outcome"] for each in found})

    assert outcomes == [{each} for each in expected]
