"""Our own paths: trigger, read, wait, send again, move the clock; and what they say to bad input."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emitter.clock import EPOCH, nanoseconds
from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.web.access import Access
from tests.support_http import SECRET, Api

NOWHERE = "http://127.0.0.1:9/hook"  # nothing listens there
UNKNOWN = "3f2c9a52-6a0e-4d3b-9a55-2f8f3b1f6c11"
START = nanoseconds(EPOCH.replace(year=2030))


@pytest.fixture
def api(simulator: Simulator) -> Api:
    return Api(simulator)


@pytest.fixture(scope="module")
def still() -> Iterator[Api]:
    """One app for all tests that change nothing; a webhook is there to be asked for."""
    with Simulator(Settings(store=None)) as simulator:
        api = Api(simulator)
        api.hook(NOWHERE)
        yield api


# --- trigger ----------------------------------------------------------------------------------------------------------


def test_a_triggered_event_is_answered_with_its_planned_deliveries(api: Api, receiver: Receiver) -> None:
    hook = api.hook(receiver.url, signingKey=SECRET)

    answer = api("POST", "/simulator/trigger", {"type": "revoked", "seed": 7, "run": "a run"})

    (event,) = answer.json["events"]
    assert answer.status_code == 201
    assert event["type"] == "marketplace.data_product.access_requests.revoked"
    assert (event["seed"], event["run"], event["verdict"]) == (7, "a run", "valid")
    assert [each["webhookId"] for each in event["deliveries"]] == [hook]
    (capture,) = receiver.wait_for(1, 10)
    assert capture.type == event["type"]


def test_waiting_tells_what_became_of_every_delivery(
    api: Api, receiver: Receiver, make_receiver: Callable[..., Receiver]
) -> None:
    api.hook(receiver.url, signingKey=SECRET)
    api.hook(make_receiver("503").url)

    (event,) = api.trigger()

    assert [each["state"] for each in event["deliveries"]] == ["accepted", "rejected"]
    assert [each["attempts"][0]["status"] for each in event["deliveries"]] == [200, 503]


def test_waiting_ends_when_time_is_up_and_says_so(api: Api, make_receiver: Callable[..., Receiver]) -> None:
    api.hook(make_receiver("200:5s").url)

    answer = api("POST", "/simulator/trigger?wait=100ms", {"type": "access-revoked"})

    assert answer.status_code == 201
    assert answer.json["complete"] is False
    assert answer.json["events"][0]["deliveries"][0]["state"] == "pending"


def test_a_dry_run_shows_the_bodies_and_keeps_nothing(api: Api) -> None:
    asked = {"type": "access-revoked", "seed": 3, "set": {"data.dataProductName": "Claims 2025"}, "to": NOWHERE}

    answer = api("POST", "/simulator/trigger?dryRun=true", asked)

    assert answer.status_code == 200
    assert json.loads(answer.json["events"][0]["body"])["data"]["dataProductName"] == "Claims 2025"
    assert api("GET", "/simulator/events").json["events"] == []


def test_a_whole_body_leaves_byte_for_byte(api: Api, receiver: Receiver) -> None:
    example = api("GET", "/simulator/event-types/sources-updated").json["example"]
    body = json.dumps(example, indent=3).encode()

    for spelling in ({"body": body.decode()}, {"bodyBase64": base64.b64encode(body).decode()}):
        asked = {**spelling, "to": receiver.url, "signingKey": SECRET}
        assert api("POST", "/simulator/trigger?wait=10s", asked).json["complete"]

    assert [capture.body for capture in receiver.captures] == [body, body]


@pytest.mark.parametrize(
    ("asked", "status", "kind", "hint"),
    [
        ({"type": "access_requests.revoke"}, 404, "unknown-event-type", "revoked"),
        ({"type": "updated"}, 404, "unknown-event-type", "fits several"),
        ({"type": ""}, 400, "usage-error", "Name an event type"),
        ({}, 400, "usage-error", "Name an event type"),
        ({"type": "revoked", "body": "{}"}, 400, "usage-error", "one of the two"),
        ({"typ": "revoked"}, 400, "unknown-name", '"type"'),
        ({"type": 7}, 400, "bad-value", "type"),
        ({"type": "revoked", "count": 0}, 400, "bad-value", "count"),
        ({"type": "revoked", "count": 1001}, 400, "bad-value", "1,000"),
        ({"type": "revoked", "count": 1.5}, 400, "bad-value", "count"),
        ({"type": "revoked", "count": True}, 400, "bad-value", "count"),
        ({"type": "revoked", "seed": 2**63}, 400, "bad-value", "seed"),
        ({"type": "revoked", "profile": "full"}, 400, "bad-value", "profile"),
        ({"type": "revoked", "set": []}, 400, "bad-value", "set"),
        ({"type": "revoked", "set": {"": 1}}, 400, "", ""),
        ({"type": "revoked", "set": {"data.dataProductId": 7}}, 400, "invalid-event", "/data/dataProductId"),
        ({"type": "revoked", "unset": ["type"]}, 400, "invalid-event", "type"),
        ({"type": "revoked", "unset": "type"}, 400, "bad-value", "unset"),
        ({"type": "revoked", "to": "http://169.254.169.254/"}, 400, "egress-refused", "169.254.169.254"),
        ({"type": "revoked", "to": "http://a.test\\@b.test/"}, 400, "bad-target", ""),
        ({"type": "revoked", "to": "file:///etc/passwd"}, 400, "bad-target", ""),
        ({"type": "revoked", "to": NOWHERE, "signingKey": "a\r\nb"}, 400, "bad-signing-key", "line break"),
        ({"type": "revoked", "to": NOWHERE, "ca": "/nowhere.pem"}, 400, "bad-value", "ca"),
        ({"type": "revoked", "signingKey": "k"}, 400, "usage-error", "target"),
        ({"type": "revoked", "run": "a\nb"}, 400, "bad-value", "run"),
        ({"body": "no json"}, 400, "", ""),
        ({"body": "[]"}, 400, "", ""),
        ({"bodyBase64": "***"}, 400, "bad-value", "base64"),
        ([], 400, "usage-error", "object"),
        ("revoked", 400, "usage-error", "object"),
        (None, 400, "bad-json", "empty"),
    ],
)
def test_what_cannot_be_triggered_is_refused_with_the_likely_fix(
    asked: Any, status: int, kind: str, hint: str, still: Api
) -> None:
    raw = b"" if asked is None else json.dumps(asked).encode()

    answer = still("POST", "/simulator/trigger", data=raw, content_type="application/json")

    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    assert kind in answer.json["type"]
    assert hint in answer.json["detail"]
    assert still("GET", "/simulator/events").json["events"] == []


def test_a_refusal_carries_its_facts(api: Api) -> None:
    unknown = api("POST", "/simulator/trigger", {"type": "access_requests.revoke"}).json
    invalid = api("POST", "/simulator/trigger", {"type": "revoked", "set": {"data.dataProductId": 7}}).json

    assert "marketplace.data_product.access_requests.revoked" in unknown["nearest"]
    assert invalid["violations"][0]["pointer"] == "/data/dataProductId"
    assert invalid["violations"][0]["provenance"]


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def played(api: Api, make_receiver: Callable[..., Receiver]) -> Api:
    """Five attempts: two accepted revocations of run one, then a rejected one, then two failed publications."""
    ends = make_receiver("204,204,500,close").url
    api.trigger(to=ends, count=2, run="one")
    api.trigger(to=ends)
    api.trigger(type="product-published", to=ends, count=2)
    return api


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 5), ("outcome=accepted", 2), ("outcome=accepted,rejected", 3), ("outcome=accepted&outcome=rejected", 3),
        ("type=revoked", 3), ("type=access-revoked", 3), ("type=*.state.*", 2), ("status=5xx", 1), ("status=204", 2),
        ("status=none", 2), ("run=one", 2), ("run=two", 0), (f"event={UNKNOWN}", 0), (f"webhook={UNKNOWN}", 0),
        ("since=1h", 5), ("until=1h", 0), ("since=2000-01-01T00:00:00Z", 5), ("text=state.created", 2),
        ("text=%ff", 0), ("outcome=", 5), ("limit=2", 2),
    ],
)  # fmt: skip
def test_filters_mean_what_they_mean_everywhere(query: str, count: int, played: Api) -> None:
    assert len(played("GET", f"/simulator/attempts?{query}").json["attempts"]) == count
    if "limit" not in query and "text" not in query:
        assert played("GET", f"/simulator/attempts/count?{query}").json == {"count": count, "capped": False}


def test_pages_hang_together_by_the_query_strings_they_give(played: Api) -> None:
    first = played("GET", "/simulator/attempts?limit=2").json
    second = played("GET", f"/simulator/attempts?{first['older']}").json
    again = played("GET", f"/simulator/attempts?{second['newer']}").json

    ids = [each["id"] for each in first["attempts"] + second["attempts"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 4
    assert again["attempts"] == first["attempts"]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("attempts?outcom=x", '"outcome"'), ("attempts?outcome=acepted", "accepted"),
        ("attempts?status=600x", "status"),
        ("attempts?webhook=7", "UUID"), ("attempts?limit=0", "limit"), ("attempts?limit=501", "limit"),
        ("attempts?limit=%D9%A3", "limit"), ("attempts?before=1&after=2", "before"),
        ("attempts?since=yesterday", "since"),
        ("attempts?since=-1", "since"), ("attempts?since=99999999999999d", "since"),
        ("attempts?until=0000-00-00T", "until"),
        ("attempts?text=" + "x" * 300, "255"), ("attempts?run=" + "x" * 300, "long"),
        ("attempts?run=a%0ab", "run"), ("attempts?text=%00", "NUL"),
        ("attempts?before=" + "9" * 400, "before"), ("attempts/count?x=1", "filter"),
        ("attempts/export?format=xml", "jsonl"), ("attempts/export?format=har&format=curl", "format"),
        ("attempts/export?bogus=1", "filter"), ("attempts/export?limit=2", "limit"),
        ("attempts/count?limit=2", "limit"),
        ("events?limit=x", "limit"), ("events?x=1", "parameter"), ("events?limit=1&limit=2", "twice"),
        ("wait?timeout=soon", "timeout"), ("wait?count=0", "count"), ("wait?count=1&count=2", "twice"),
        ("wait?timeout=1s&timeout=1s", "twice"), ("state?x=1", "parameters"),
    ],
)  # fmt: skip
def test_bad_queries_are_400s_that_name_the_parameter(path: str, hint: str, still: Api) -> None:
    answer = still("GET", f"/simulator/{path}")

    assert answer.status_code == 400, answer.text
    assert hint in answer.json["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "attempts/0", "attempts/99999999999999999999", "attempts/x", "attempts/%D9%A3", "attempts/-1", "attempts/1.0",
        f"deliveries/{UNKNOWN}", "deliveries/x", f"events/{UNKNOWN}", "events/x", f"events?before={UNKNOWN}",
        "event-types/no.such.type", f"webhooks/{UNKNOWN}", "nothing", "attempts/", "",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_404(path: str, still: Api) -> None:
    answer = still("GET", f"/simulator/{path}")

    assert (answer.status_code, answer.json["status"]) == (404, 404)


def test_an_attempt_shows_what_left_what_came_back_and_the_verdicts(api: Api, receiver: Receiver) -> None:
    (event,) = api.trigger(to=receiver.url, signingKey=SECRET)
    (delivery,) = event["deliveries"]
    number = delivery["attempts"][0]["id"]

    attempt = api("GET", f"/simulator/attempts/{number}").json

    assert attempt["request"]["body"].encode() == receiver.captures[0].body
    assert (attempt["answer"]["status"], attempt["signature"]["ok"]) == (200, True)
    assert attempt["contract"] == {"verdict": "valid", "violations": []}
    assert api("GET", f"/simulator/deliveries/{delivery['id']}").json["attempts"][0]["id"] == number
    assert api("GET", f"/simulator/events/{event['id']}").json["body"] == attempt["request"]["body"]


def test_secrets_are_in_no_answer(api: Api, make_receiver: Callable[..., Receiver]) -> None:
    receiver = make_receiver("200")
    target = receiver.url.replace("http://", "http://user:hunter2@") + "?key=hunter3"
    api.trigger(to=target, signingKey="hunter4")

    texts = [api("GET", f"/simulator/{path}").text for path in
             ("attempts", "attempts/1", "events", "attempts/export?format=har", "attempts/export?format=curl",
              "attempts/export", "state", "assumptions", "webhooks")]  # fmt: skip

    assert len(receiver.captures) == 1
    assert not [text for text in texts if "hunter" in text]


@pytest.mark.parametrize(
    ("form", "mimetype"),
    [("jsonl", "application/jsonl"), ("har", "application/json"), ("curl", "text/x-shellscript")],
)
def test_exports_hold_every_attempt_that_matches(form: str, mimetype: str, played: Api) -> None:
    answer = played("GET", f"/simulator/attempts/export?format={form}&outcome=accepted")

    assert answer.status_code == 200
    assert answer.mimetype == mimetype
    text = answer.text
    found = {
        "jsonl": lambda: len([json.loads(line) for line in text.splitlines()]),
        "har": lambda: len(json.loads(text)["log"]["entries"]),
        "curl": lambda: text.count("curl "),
    }[form]()
    assert found == 2


def test_events_page_by_the_id_of_the_last_one_seen(played: Api) -> None:
    first = played("GET", "/simulator/events?limit=3&type=*").json
    rest = played("GET", f"/simulator/events?limit=3&before={first['older']}").json

    assert len({each["id"] for each in first["events"] + rest["events"]}) == 5
    assert rest["older"] is None
    assert len(played("GET", "/simulator/events?run=one").json["events"]) == 2


def test_the_catalogue_holds_twelve_types_each_with_schema_and_example(api: Api) -> None:
    listed = api("GET", "/simulator/event-types").json["eventTypes"]

    assert len(listed) == 12
    for each in listed:
        whole = api("GET", f"/simulator/event-types/{each['alias']}").json
        assert whole["example"]["type"] == whole["type"] == each["type"]
        assert whole["schema"]


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_a_wait_ends_as_soon_as_what_was_asked_for_is_there(api: Api, receiver: Receiver) -> None:
    api.hook(receiver.url, signingKey=SECRET)
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(api("GET", "/simulator/wait?type=revoked&outcome=accepted&count=2&timeout=20s"))
    )
    waiting.start()

    for _ in range(2):
        api("POST", "/simulator/trigger", {"type": "revoked"})
    waiting.join(15)

    assert answers[0].json["complete"] is True
    assert len(answers[0].json["attempts"]) == 2


def test_a_wait_that_ends_empty_is_no_error(api: Api) -> None:
    answer = api("GET", "/simulator/wait?timeout=10ms")

    assert (answer.status_code, answer.json) == (200, {"complete": False, "attempts": []})


def test_a_fifth_long_poll_is_told_to_come_back(api: Api) -> None:
    polls = api.app.extensions["emitter.polls"]
    with api.app.app_context():
        held = [polls.take() for _ in range(4)]

    refused = api("GET", "/simulator/wait?timeout=10ms")
    triggered = api("POST", "/simulator/trigger?wait=1s", {"type": "revoked"})
    held[0]()
    held[0]()
    taken = api("GET", "/simulator/wait?timeout=10ms")

    assert (refused.status_code, refused.headers["Retry-After"], triggered.status_code) == (503, "1", 503)
    assert taken.status_code == 200
    assert api("GET", "/simulator/events").json["events"] == []


# --- sending again ----------------------------------------------------------------------------------------------------


def test_resending_as_is_repeats_the_bytes_and_headers_of_an_attempt(api: Api, receiver: Receiver) -> None:
    (event,) = api.trigger(to=receiver.url, signingKey=SECRET)
    number = event["deliveries"][0]["attempts"][0]["id"]

    again = api("POST", f"/simulator/attempts/{number}/resend", {"asIs": True})
    bare = api("POST", f"/simulator/attempts/{number}/resend")

    assert (again.status_code, bare.status_code) == (201, 201)
    assert again.json["resendOf"] == number
    first, second, _ = receiver.wait_for(3, 10)
    assert (first.body, first.headers) == (second.body, second.headers)


@pytest.mark.parametrize("body", [{"asIs": "yes"}, {"asis": True}, [], {"asIs": None}])
def test_a_resend_is_refused_for_what_it_does_not_know(body: Any, still: Api) -> None:
    assert still("POST", "/simulator/attempts/1/resend", body).status_code == 400


def test_an_attempt_whose_webhook_is_gone_cannot_be_sent_again(api: Api, receiver: Receiver) -> None:
    hook = api.hook(receiver.url, signingKey=SECRET)
    (event,) = api.trigger()
    api("DELETE", f"/simulator/webhooks/{hook}")

    answer = api("POST", f"/simulator/attempts/{event['deliveries'][0]['attempts'][0]['id']}/resend")

    assert answer.status_code == 409


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_a_webhook_may_start_paused_and_its_end_lets_go_what_waited(api: Api, receiver: Receiver) -> None:
    added = api("POST", "/simulator/webhooks", {"url": receiver.url, "signingKey": SECRET, "paused": True})
    hook = added.json["id"]
    api("POST", "/simulator/trigger", {"type": "revoked", "count": 3})

    waiting = api("GET", f"/simulator/webhooks/{hook}").json
    changed = api("PATCH", f"/simulator/webhooks/{hook}", {"paused": False})

    assert added.status_code == 201
    assert (waiting["paused"], waiting["waiting"]) == (True, 3)
    assert changed.json["paused"] is False
    assert len(receiver.wait_for(3, 10)) == 3


def test_a_patch_keeps_what_it_does_not_name(api: Api) -> None:
    asked = {"url": NOWHERE, "verifyTls": False, "signingKey": "k", "http2": True}
    hook = api("POST", "/simulator/webhooks", asked).json["id"]

    changed = api("PATCH", f"/simulator/webhooks/{hook}", {"suppressed": True}).json
    cleared = api("PATCH", f"/simulator/webhooks/{hook}", {"signingKey": "", "http2": False}).json

    assert (changed["url"], changed["verifyTls"], changed["signingKey"], changed["http2"]) == (
        NOWHERE,
        False,
        True,
        True,
    )
    assert (cleared["signingKey"], cleared["http2"], cleared["suppressed"]) == (False, False, True)


@pytest.mark.parametrize(
    "body",
    [
        {"paused": 1},
        {"paused": None},
        {"url": "x"},
        {"id": "x"},
        {"ca": "/nowhere.pem"},
        {"ca": "\0"},
        {"http2": "yes"},
        [],
    ],
)
def test_a_bad_change_of_a_webhook_is_a_400_and_changes_nothing(body: Any, still: Api) -> None:
    hook = still("GET", "/simulator/webhooks").json["webhooks"][0]["id"]
    before = still("GET", f"/simulator/webhooks/{hook}").json

    assert still("PATCH", f"/simulator/webhooks/{hook}", body).status_code == 400
    assert still("GET", f"/simulator/webhooks/{hook}").json == before


def test_a_file_of_a_shared_server_cannot_be_named_over_http(
    make_simulator: Callable[..., Simulator], tmp_path: Any
) -> None:
    token = "0123456789abcdef"
    settings = {"token": token, "hosts": ("localhost",), "allow": ("127.0.0.1",)}
    simulator = make_simulator(**settings)
    api = Api(simulator, Access.shared(simulator.settings), token=token)

    assert api("POST", "/simulator/webhooks", {"url": NOWHERE, "ca": str(tmp_path)}).status_code == 403
    assert api("POST", "/simulator/trigger", {"type": "revoked", "to": NOWHERE, "ca": "x"}).status_code == 403


# --- the simulator itself ---------------------------------------------------------------------------------------------


def test_the_clock_moves_only_where_it_is_virtual(api: Api, make_simulator: Callable[..., Simulator]) -> None:
    virtual = Api(make_simulator(start=START))

    moved = virtual("POST", "/simulator/clock/advance", {"by": "7d"})

    assert moved.json["now"].startswith("2030-01-08T00:00:00")
    assert api("POST", "/simulator/clock/advance", {"by": "7d"}).status_code == 409


@pytest.mark.parametrize("body", [{}, {"by": 7}, {"by": "soon"}, {"by": "-1d"}, {"by": "9" * 30 + "d"},
                                  {"by": "9999999d"}, {"to": "1d"}, [], {"by": ""}])  # fmt: skip
def test_the_clock_is_not_moved_by_nonsense(body: Any, make_simulator: Callable[..., Simulator]) -> None:
    virtual = Api(make_simulator(start=START))

    answer = virtual("POST", "/simulator/clock/advance", body)

    assert answer.status_code == 400, answer.text
    assert virtual("GET", "/simulator/state").json["now"].startswith("2030-01-01T00:00:00")


def test_a_reset_forgets_everything(played: Api) -> None:
    played.hook(NOWHERE)

    assert played("POST", "/simulator/reset").status_code == 204

    state = played("GET", "/simulator/state").json
    assert (state["webhooks"], state["waiting"]) == (0, 0)
    assert played("GET", "/simulator/attempts").json["attempts"] == []


def test_a_simulator_may_be_reset_any_number_of_times(api: Api) -> None:
    for _ in range(70):
        assert api("POST", "/simulator/reset").status_code == 204

    api.hook(NOWHERE)
    (event,) = api.trigger()
    assert api("GET", f"/simulator/deliveries/{event['deliveries'][0]['id']}").status_code == 200


def test_assumptions_say_what_they_are_now(make_simulator: Callable[..., Simulator]) -> None:
    api = Api(make_simulator(assume={"delivery.timeout": "5s"}))

    changed = [each for each in api("GET", "/simulator/assumptions").json["assumptions"] if each["changed"]]

    assert [(each["switch"], each["value"], each["default"]) for each in changed] == [("delivery.timeout", "5s", "10s")]


# --- bodies -----------------------------------------------------------------------------------------------------------


MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "white": b" \n",
    "cut": b'{"type": "revo',
    "two": b"{} {}",
    "trailing comma": b'{"a": 1,}',
    "single quotes": b"{'type': 'revoked'}",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "closed depth": b"[" * 200 + b"]" * 200,
    "NaN": b'{"seed": NaN}',
    "Infinity": b'{"seed": -Infinity}',
    "beyond a double": b'{"seed": 1e999}',
    "huge integer": b'{"seed": ' + b"9" * 100_000 + b"}",
    "beyond 64 bits": b'{"seed": 18446744073709551616}',
    "twice": b'{"type": "revoked", "type": "expired"}',
    "surrogate": b'{"type": "\\ud800"}',
    "surrogate in a name": b'{"\\udfff": 1}',
    "control character": b'{"type": "a\x01"}',
    "UTF-16": '{"type": "revoked"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"type": "revoked"}'.encode("utf-16-le"),
    "UTF-32": '{"type": "revoked"}'.encode("utf-32"),
    "mark": b'\xef\xbb\xbf{"type": "revoked"}',
    "Latin-1": '{"type": "é"}'.encode("latin-1"),
    "overlong": b'{"type": "\xc0\xaf"}',
    "array": b'[{"type": "revoked"}]',
    "number": b"1",
    "null": b"null",
}
READERS = [
    ("POST", "/simulator/trigger"), ("POST", "/simulator/webhooks"), ("POST", "/simulator/clock/advance"),
    ("POST", "/marketplace/api/notification/webhook"), ("POST", "/api/notification/webhook/test"),
]  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_a_400_everywhere(name: str, still: Api) -> None:
    hook = still("GET", "/simulator/webhooks").json["webhooks"][0]["id"]
    paths = [*READERS, ("PATCH", f"/simulator/webhooks/{hook}"), ("PUT", f"/api/notification/webhook/{hook}")]

    for method, path in paths:
        answer = still(method, path, data=MALFORMED[name], content_type="application/json")

        assert answer.status_code == 400, (path, answer.text)
        assert len(answer.text) < 2000


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_body_is_checked_like_any_other(name: str, still: Api) -> None:
    answer = still("POST", "/simulator/check", data=MALFORMED[name], content_type="application/octet-stream")

    assert answer.status_code == 200, answer.text
    assert answer.json["verdict"] == "invalid"
    assert answer.json["violations"]


def test_a_sound_body_is_found_valid_and_an_unknown_type_unknown(api: Api) -> None:
    example = api("GET", "/simulator/event-types/access-revoked").json["example"]

    found = api("POST", "/simulator/check", example).json
    assert (found["type"], found["verdict"], found["violations"]) == (example["type"], "valid", [])
    assert api("POST", "/simulator/check", {**example, "type": "a.new.type"}).json["verdict"] == "unknown"


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "x" * 500],
)
def test_another_media_type_is_a_415(content_type: str, still: Api) -> None:
    for method, path in READERS:
        how = {"content_type": content_type} if content_type else {}
        answer = still(method, path, data=b'{"type": "revoked"}', **how)

        assert answer.status_code == 415, (path, answer.text)


def test_a_charset_beside_json_is_no_matter(api: Api) -> None:
    raw = json.dumps({"url": NOWHERE}).encode()

    assert (
        api("POST", "/simulator/webhooks", data=raw, content_type="application/json; charset=utf-8").status_code == 201
    )


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_beyond_a_mebibyte_is_a_413_and_never_read(declared: bool, still: Api) -> None:
    read = 0

    class Endless:
        def read(self, size: int = -1) -> bytes:
            nonlocal read
            assert size >= 0
            read += size
            return b"[" * size

        def close(self) -> None: ...

    environ: dict[str, Any] = {"wsgi.input": Endless(), "wsgi.input_terminated": not declared}
    environ |= {"CONTENT_LENGTH": "100000000"} if declared else {"HTTP_TRANSFER_ENCODING": "chunked"}
    answer = still("POST", "/simulator/check", content_type="application/json", environ_overrides=environ)

    assert answer.status_code == 413
    assert answer.json["status"] == 413
    assert read <= (0 if declared else 2_000_000)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_a_wrong_method_is_a_405_that_names_the_right_ones(method: str, still: Api) -> None:
    answer = still(method, "/simulator/events")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_pattern_full_of_stars_costs_little(api: Api) -> None:
    body = {"type": "a" * 100, "timestamp": "2030-01-01T00:00:00Z", "data": {}}
    asked = {"body": json.dumps(body), "to": NOWHERE, "allowInvalid": True}
    assert api("POST", "/simulator/trigger?wait=10s", asked).status_code == 201
    began = time.process_time()

    found = api("GET", "/simulator/attempts?type=" + "*a" * 5 + "!").json

    assert found["attempts"] == []
    assert time.process_time() - began < 1  # of work; a matcher that goes back takes seconds


def test_an_anchor_bounds_a_count_and_an_export(played: Api) -> None:
    ids = [each["id"] for each in played("GET", "/simulator/attempts").json["attempts"]]
    middle = ids[len(ids) // 2]
    newer = [each for each in ids if each > middle]

    assert played("GET", f"/simulator/attempts/count?after={middle}").json["count"] == len(newer) > 0
    lines = played("GET", f"/simulator/attempts/export?after={middle}").data.splitlines()
    assert [json.loads(line)["id"] for line in lines] == newer
