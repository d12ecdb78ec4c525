"""Receivers and expectations over HTTP: for a test in any language, within bounds, on a shared server only if told."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emitter.receiver.receivers import MOST
from emitter.runner import watching
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.web.access import Access
from tests.support_cli import silent
from tests.support_http import Api

START = 1_893_489_600 * 10**9  # 2030-01-01T09:20:00Z
TOKEN = "a-token-that-is-long-enough"


@pytest.fixture
def simulator(make_simulator: Callable[..., Simulator]) -> Simulator:
    return make_simulator(seed=7, start=START)


@pytest.fixture
def api(simulator: Simulator) -> Api:
    return Api(simulator)


def opened(api: Api, **settings: Any) -> Any:
    answer = api("POST", "/simulator/receivers", settings)
    assert answer.status_code == 201, answer.text
    return answer.json


def judged(api: Api, expect: dict[str, Any], **more: Any) -> Any:
    answer = api("POST", "/simulator/expectations", {"expect": expect, **more})
    assert answer.status_code == 200, answer.text
    return answer.json


def refused(api: Api, method: str, path: str, body: Any = None) -> tuple[int, str]:
    answer = api(method, f"/simulator/{path}", body)
    return answer.status_code, answer.json["detail"]


# --- receivers --------------------------------------------------------------------------------------------------------


def test_a_receiver_is_opened_asked_changed_and_closed(api: Api) -> None:
    receiver = opened(api, answers="500,close,202", signingKey="s3cret", register=True)
    for _ in range(3):
        api.trigger()

    found = api("GET", f"/simulator/receivers/{receiver['id']}/captures?count=3&timeout=5s").json
    later = api("GET", f"/simulator/receivers/{receiver['id']}/captures?count=1&after=3&timeout=5ms").json
    changed = api("PATCH", f"/simulator/receivers/{receiver['id']}", {"answers": ""}).json
    api.trigger()

    assert found["complete"] and [each["status"] for each in found["captures"]] == [500, None, 202]
    assert all(each["signature"]["ok"] and each["contract"]["verdict"] == "valid" for each in found["captures"])
    assert later == {"complete": False, "captures": [], "problems": []}
    assert changed["answers"] == "" and changed["caught"] == 3 and changed["signingKey"] is True
    assert judged(api, {"receivers": {receiver["id"]: {"statuses": {"200": 1, "none": 1}}}})["passed"]
    assert api("DELETE", f"/simulator/receivers/{receiver['id']}").status_code == 204
    assert api("GET", "/simulator/receivers").json == {"receivers": []}
    assert api("GET", "/simulator/webhooks").json == {"webhooks": []}


def test_the_key_of_a_receiver_is_never_given_back(api: Api) -> None:
    receiver = opened(api, signingKey="very-secret-key")
    wrong = api("POST", "/simulator/receivers", {"signingKey": 17})

    told = [api("GET", f"/simulator/receivers{path}").text for path in ("", f"/{receiver['id']}")]
    assert not any("very-secret-key" in text for text in (*told, str(receiver), wrong.text))


def test_a_reset_and_the_end_close_the_receivers(api: Api, simulator: Simulator) -> None:
    ports = [int(opened(api)["url"].rpartition(":")[2])]
    api("POST", "/simulator/reset", {})
    ports.append(int(opened(api)["url"].rpartition(":")[2]))
    simulator.close()

    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"answers": "200,99"}, 400, "is no script of answers"),
        ({"port": 70000}, 400, "port"),
        ({"register": "yes"}, 400, "is neither true nor false"),
        ({"answer": "200"}, 400, 'Did you mean "answers"?'),
        ({"signingKey": "a\nb"}, 400, "The signing key"),
    ],
)
def test_what_is_no_receiver_is_refused(api: Api, body: Any, status: int, says: str) -> None:
    found = refused(api, "POST", "receivers", body)

    assert found[0] == status and says in found[1]
    assert api("GET", "/simulator/receivers").json == {"receivers": []}


def test_a_port_that_is_taken_and_one_receiver_too_many_are_told(api: Api) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, text = refused(api, "POST", "receivers", {"port": taken.getsockname()[1]})
        assert status == 503 and "cannot be listened on" in text
    for _ in range(MOST):
        opened(api)

    assert refused(api, "POST", "receivers", {}) == (
        409, f"{MOST} receivers are open, and that is the most. Close one first.",
    )  # fmt: skip
    assert refused(api, "GET", "receivers/receiver-99")[0] == 404
    assert refused(api, "PATCH", "receivers/receiver-1", {})[1].startswith("answers is missing")


def test_a_shared_server_opens_receivers_only_where_its_settings_say_so(make_simulator: Callable[..., Any]) -> None:
    shared: dict[str, Any] = {"token": TOKEN, "hosts": ("localhost",), "allow": ("127.0.0.1",)}
    closed = make_simulator(**shared)
    open_one = make_simulator(**shared, receivers=True)

    refusing, allowing = (Api(each, Access.shared(each.settings), token=TOKEN) for each in (closed, open_one))

    status, text = refused(refusing, "POST", "receivers", {})
    assert status == 403 and "receivers = true in emitter.toml" in text
    assert allowing("POST", "/simulator/receivers", {}).status_code == 201


# --- expectations -----------------------------------------------------------------------------------------------------


def test_the_history_the_world_and_receivers_are_judged_in_one(api: Api) -> None:
    receiver = opened(api, register=True)
    product = api("POST", "/simulator/world/act", {"action": "publish", "parameters": {"name": "Claims 2025"}}).json
    asked = {"action": "request", "parameters": {"product": product["entity"]["id"]}, "run": "mine"}
    wish = api("POST", "/simulator/world/act?wait=5s", asked).json["entity"]

    found = judged(
        api,
        {"events": {"order": ["request-created"], "about": "wish"}, "deliveries": {"accepted": 2},
         "world": {"wish": {"status": "PENDING", "dataProduct.name": "${claims.name}"},
                   "Claims 2025": {"suspended": False}},
         "receivers": {receiver["id"]: {"total": 2}}},
        things={"wish": wish["id"], "claims": "Claims 2025"},
    )  # fmt: skip

    assert found["passed"], found["text"]
    assert [each["passed"] for each in found["findings"]] == [True] * 6
    assert found["came"] == [] and found["text"] == "6 expectations are met."
    assert judged(api, {"events": ["request-created"]}, run="mine")["passed"]
    assert refused(api, "POST", "expectations", {"expect": {"events": []}, "run": "mina"}) == (
        404, 'No run "mina". Nearest: mine.',
    )  # fmt: skip


def test_what_failed_does_not_move_the_moment_that_later_ones_look_back_to(api: Api) -> None:
    opened(api, register=True)
    api.trigger(type="access-revoked")
    assert judged(api, {"events": ["access-revoked"]}, **{"as": "begun"})["passed"]
    api.trigger(type="access-expired")

    assert not judged(api, {"events": {"order": [], "since": "last"}})["passed"]
    assert judged(api, {"events": {"order": ["access-expired"], "since": "last"}})["passed"]
    assert judged(api, {"events": {"order": ["access-expired"], "since": "begun"}})["passed"]
    assert refused(api, "POST", "expectations", {"expect": {"events": {"order": [], "since": "begum"}}})[1].endswith(
        'Did you mean "begun"?'
    )


def test_what_is_asked_about_again_and_again_keeps_its_moments(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_WATCHED", 2)
    monkeypatch.setattr(watching, "MOST_MOMENTS", 2)
    for name in ("one", "two", "three"):
        api("POST", "/simulator/trigger", {"type": "access-revoked", "run": name})
        assert judged(api, {"events": {"total": "1.."}}, **{"as": name})["passed"]
        assert judged(api, {"events": ["access-revoked"]}, run=name)["passed"]

    assert judged(api, {"events": {"order": ["access-revoked"], "since": "two"}})["passed"]
    forgotten = refused(api, "POST", "expectations", {"expect": {"events": {"order": [], "since": "one"}}})
    assert forgotten[0] == 400 and '"one"' in forgotten[1]


def test_it_is_asked_again_for_as_long_as_was_said(api: Api, simulator: Simulator) -> None:
    receiver = opened(api)
    began = time.monotonic()

    found = judged(api, {"receivers": {receiver["id"]: {"total": 1}}, "within": "150ms"})

    assert not found["passed"] and time.monotonic() - began >= 0.15
    assert "expected  1 requests at receiver-1\n  came      there were 0" in found["text"]


def test_a_history_that_was_reset_is_looked_at_anew(api: Api) -> None:
    for _ in range(3):
        opened(api, register=True)
        api.trigger(type="access-revoked")
        assert judged(api, {"events": ["access-revoked"]})["passed"]
        api("POST", "/simulator/reset", {})


def test_what_an_earlier_process_left_is_looked_at_too(tmp_path: Path, make_simulator: Callable[..., Any]) -> None:
    first = make_simulator(store=tmp_path / "s.sqlite", start=START)
    wish = first.act("request", product=first.act("publish")["entity"]["id"])["entity"]
    first.close()
    api = Api(make_simulator(store=tmp_path / "s.sqlite", start=START))

    found = judged(
        api, {"events": ["product-published", "request-created"], "world": {wish["id"]: {"status": "PENDING"}}}
    )
    about = judged(api, {"events": {"order": ["request-created"], "about": wish["id"]}})

    assert found["passed"], found["text"]
    assert about["passed"], about["text"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 400, "expect is missing"),
        ({"expect": []}, 400, "is no object"),
        ({"expect": {"evnts": []}}, 400, 'Did you mean "events"?'),
        ({"expect": {"events": []}, "things": {"wish": 1}}, 400, "is no text"),
        ({"expect": {"events": []}, "things": {"wish": "nobody"}}, 404, 'No thing in the world "nobody"'),
        ({"expect": {"events": []}, "things": {f"a{n}": "Sales" for n in range(500)}}, 400, "200 things at most"),
        ({"expect": {"system": [{"get": "http://127.0.0.1:9/"}] * 50}}, 400, "20 times at most"),
        ({"expect": {"system": {"get": "http://169.254.169.254/"}}}, 200, "link-local"),
        ({"expect": {"receivers": []}}, 400, "receivers is an object"),
        ({"expect": {"receivers": {"receiver-1": {}}}}, 404, "None is open"),
        ({"expect": {"within": "2h", "events": []}}, 400, "more than an hour"),
        ({"expect": {"events": []}, "as": "last"}, 400, "has a meaning of its own"),
        ({"expect": {"events": []}, "as": "a b"}, 400, "is no name"),
    ],
    ids=range(13),
)  # fmt: skip
def test_a_slip_is_told_and_nothing_hostile_is_done(api: Api, body: Any, status: int, says: str) -> None:
    answer = api("POST", "/simulator/expectations", body)

    assert answer.status_code == status, answer.text
    assert says in answer.text.replace('\\"', '"')


def test_what_was_caught_is_compared_and_shown_within_bounds(api: Api) -> None:
    receiver = opened(api)
    hostile = '{"type": "' + "a\\u001b[31m" * 100_000 + '", "data": {"dataProductName": "\\u202e\\n"}}'
    api("POST", "/simulator/trigger?wait=5s", {"body": hostile, "to": receiver["url"], "allowInvalid": True})
    began = time.monotonic()

    found = judged(api, {"receivers": {receiver["id"]: {"events": ["access-revoked"], "contract": "valid"}}})

    assert time.monotonic() - began < 5
    assert "\x1b" not in found["text"] and "\u202e" not in found["text"]
    assert len(found["text"]) < 5_000


def test_a_history_that_is_too_long_is_refused_with_what_to_do(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_EVENTS", 3)
    api("POST", "/simulator/trigger", {"type": "access-revoked", "count": 4})
    api("POST", "/simulator/trigger", {"type": "access-revoked", "count": 2, "run": "mine"})

    assert refused(api, "POST", "expectations", {"expect": {"events": []}}) == (
        409, "There are more than 3 events to look at. Name a run, or reset the simulator.",
    )  # fmt: skip
    assert judged(api, {"events": {"total": 2}}, run="mine")["passed"]


def test_a_history_that_was_too_long_is_not_read_again_until_some_of_it_is_gone(
    api: Api, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MOST_EVENTS", 3)
    opened(api, register=True)
    for _ in range(4):
        api.trigger()
    asked = {"expect": {"events": {"total": 3}}}
    assert refused(api, "POST", "expectations", asked)[0] == 409
    read = simulator.store.reader.events_after
    reads: list[int] = []
    monkeypatch.setattr(simulator.store.reader, "events_after", lambda *a, **k: reads.append(1) or read(*a, **k))

    assert refused(api, "POST", "expectations", asked)[0] == 409 and reads == []
    simulator.store.trim(most=3)
    assert judged(api, {"events": {"total": 3}})["passed"] and reads


def test_a_system_that_is_slow_to_answer_holds_up_nobody_else(api: Api, simulator: Simulator) -> None:
    with silent() as url, ThreadPoolExecutor(1) as threads:
        slow = threads.submit(simulator.expect, {"system": {"get": url, "status": 200}})
        began = time.monotonic()
        while not slow.done() and time.monotonic() - began < 1:
            assert simulator.expect({"deliveries": {"total": 0}})["passed"]
        assert not slow.done() and time.monotonic() - began < 3
        assert not slow.result(20)["passed"]


# --- events by hand about a product -----------------------------------------------------------------------------------


def test_an_event_by_hand_may_be_about_a_product_of_the_world(api: Api) -> None:
    api("POST", "/simulator/world/act", {"action": "publish", "parameters": {"name": "Claims 2025", "id": "claims"}})

    made = api("POST", "/simulator/trigger", {"type": "sources-updated", "product": "Claims 2025"}).json["events"][0]

    assert (made["dataProductId"], made["dataProductName"]) == ("claims", "Claims 2025")
    assert refused(api, "POST", "trigger", {"type": "sources-updated", "product": "Claims"})[0] == 404
    assert "do not go with it" in refused(api, "POST", "trigger", {"body": "{}", "product": "Claims 2025"})[1]


def test_another_tenant_sees_no_receiver_and_no_history_of_this_one(api: Api) -> None:
    opened(api, register=True)
    api.trigger()
    other = api("POST", "/simulator/tenants", {}).json

    headers = {"Authorization": f"Bearer {other['token']}"}
    receivers = api.client.get("/simulator/receivers", headers=headers)
    events = api.client.post("/simulator/expectations", json={"expect": {"events": []}}, headers=headers)

    assert receivers.json == {"receivers": []}
    assert events.json["passed"]


def test_settings_may_allow_receivers_by_file_and_variable() -> None:
    from emitter.settings import from_environment, merged

    assert merged(({"receivers": True}, {})).receivers is True
    assert merged(from_environment({"EMITTER_RECEIVERS": "true"})).receivers is True
    assert Settings().receivers is False
