"""The vendor's paths: members, codes and schemas as its API description has them, the rest as the assumptions say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from tests.support_http import HOOKS, SECRET, Api
from tests.support_vendor import Vendor

NOWHERE = "http://127.0.0.1:9/hook"  # nothing listens there
UNKNOWN = "3f2c9a52-6a0e-4d3b-9a55-2f8f3b1f6c11"


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


# --- the vendor's own description -------------------------------------------------------------------------------------


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.mark.parametrize("prefix", ["/marketplace", ""])
def test_every_answer_is_what_the_vendor_describes(
    prefix: str, vendor: Vendor, api: Api, receiver: Receiver, make_receiver: Callable[..., Receiver]
) -> None:
    one, test = "/api/notification/webhook/{id}", "/api/notification/webhook/test"
    plain, failing = "/api/notification/webhook", make_receiver("500")
    created = vendor.check(plain, "post", api("POST", prefix + plain, {"url": receiver.url, "signingKey": SECRET}))
    here = f"{prefix}{plain}/{created['id']}"

    vendor.check(plain, "get", api("GET", prefix + plain))
    vendor.check(one, "get", api("GET", here))
    vendor.check(one + "/test", "post", api("POST", here + "/test"))
    vendor.check(test, "post", api("POST", prefix + test, {"url": failing.url}))
    vendor.check(one, "put", api("PUT", here, {"url": failing.url}))
    vendor.check(one + "/test", "post", api("POST", here + "/test"))
    history = vendor.check(one + "/history", "get", api("GET", here + "/history?offset=0&limit=5"))
    vendor.check(one, "delete", api("DELETE", here))
    for path in ("/health", "/health/live", "/health/ready"):
        vendor.check(path, "get", api.client.get(prefix + path))

    assert [row["status"] for row in history["data"]] == ["FAILED", "SUCCESS"]
    described = {
        operation["operationId"]
        for path, methods in vendor.paths.items()
        for operation in methods.values()
        if "/notification/webhook" in path or path.startswith("/health")
    }
    assert vendor.seen == described
    assert len(described) == 11


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_a_webhook_is_created_with_200_and_its_signing_key_never_comes_back(api: Api) -> None:
    answer = api("POST", HOOKS, {"url": NOWHERE, "signingKey": "very-secret", "name": "ignored"})

    assert answer.status_code == 200
    assert answer.json == {
        "id": answer.json["id"], "url": NOWHERE, "verifyTls": True, "signingKey": True, "suppressed": False,
    }  # fmt: skip
    for path in (HOOKS, f"{HOOKS}/{answer.json['id']}", "/simulator/webhooks"):
        assert "very-secret" not in api("GET", path).text


def test_two_webhooks_may_have_one_url(api: Api) -> None:
    first, second = api.hook(NOWHERE), api.hook(NOWHERE)

    assert first != second
    assert [each["id"] for each in api("GET", HOOKS).json] == [first, second]


@pytest.mark.parametrize(("mode", "expected"), [("schema-default", True), ("keep", False)])
def test_a_put_without_verify_tls_does_what_is_assumed_and_keeps_the_rest(
    mode: str, expected: bool, make_simulator: Callable[..., Simulator]
) -> None:
    api = Api(make_simulator(assume={"api.put_missing": mode}))
    hook = api.hook(NOWHERE, verifyTls=False, signingKey="k")

    changed = api("PUT", f"{HOOKS}/{hook}", {}).json

    assert changed["verifyTls"] is expected
    assert (changed["url"], changed["signingKey"]) == (NOWHERE, True)


def test_a_put_with_an_empty_signing_key_removes_it(api: Api) -> None:
    hook = api.hook(NOWHERE, signingKey="k")

    assert api("PUT", f"{HOOKS}/{hook}", {"signingKey": ""}).json["signingKey"] is False


def test_a_put_ends_a_suppression(api: Api) -> None:
    hook = api.hook(NOWHERE)
    api("PATCH", f"/simulator/webhooks/{hook}", {"suppressed": True})
    assert api("GET", f"{HOOKS}/{hook}").json["suppressed"] is True

    assert api("PUT", f"{HOOKS}/{hook}", {}).json["suppressed"] is False


def test_a_successful_test_ends_a_suppression_and_a_failed_one_does_not(
    api: Api, receiver: Receiver, make_receiver: Callable[..., Receiver]
) -> None:
    good, bad = api.hook(receiver.url, signingKey=SECRET), api.hook(make_receiver("500").url)
    for hook in (good, bad):
        api("PATCH", f"/simulator/webhooks/{hook}", {"suppressed": True})

    assert api("POST", f"{HOOKS}/{good}/test").json == {"status": "SUCCESS", "httpStatusCode": 200}
    assert api("POST", f"{HOOKS}/{bad}/test").json["status"] == "FAILED"

    assert [each["suppressed"] for each in api("GET", HOOKS).json] == [False, True]


def test_a_deleted_webhook_and_its_history_are_gone(api: Api, receiver: Receiver) -> None:
    hook = api.hook(receiver.url, signingKey=SECRET)
    api("POST", f"{HOOKS}/{hook}/test")

    answer = api("DELETE", f"{HOOKS}/{hook}")

    assert (answer.status_code, answer.data) == (204, b"")
    for method, path in (("GET", ""), ("GET", "/history"), ("POST", "/test"), ("DELETE", "")):
        assert api(method, f"{HOOKS}/{hook}{path}").status_code == 404
    assert api("PUT", f"{HOOKS}/{hook}", {}).status_code == 404


def test_a_test_of_a_configuration_keeps_nothing(api: Api, receiver: Receiver) -> None:
    answer = api("POST", f"{HOOKS}/test", {"url": receiver.url, "signingKey": SECRET})

    assert answer.json == {"status": "SUCCESS", "httpStatusCode": 200}
    assert api("GET", HOOKS).json == []
    assert receiver.captures[0].type == "marketplace.webhook.test"


def test_a_test_that_nobody_answers_is_a_200_that_says_so(api: Api) -> None:
    answer = api("POST", f"{HOOKS}/test", {"url": NOWHERE})

    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["httpStatusCode"]) == ("FAILED", 0)
    assert answer.json["errorMessage"]


def test_statuses_of_tests_are_numbers_where_that_is_assumed(
    make_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    api = Api(make_simulator(assume={"test.status_form": "number"}))

    assert api("POST", f"{HOOKS}/test", {"url": receiver.url, "signingKey": SECRET}).json["status"] == 1
    assert api("POST", f"{HOOKS}/test", {"url": NOWHERE}).json["status"] == 2


# --- history ----------------------------------------------------------------------------------------------------------


def test_history_pages_newest_first_with_the_assumed_meta(api: Api, receiver: Receiver) -> None:
    hook = api.hook(receiver.url, signingKey=SECRET)
    for _ in range(5):
        api.trigger()

    answer = api("GET", f"{HOOKS}/{hook}/history?offset=4&limit=2").json

    assert answer["meta"] == {
        "offset": 4, "limit": 2, "totalCount": 5, "pageCount": 1, "currentPage": 3, "totalPages": 3,
    }  # fmt: skip
    (row,) = answer["data"]
    assert set(row) == {"webhookId", "deliveryId", "status", "httpStatusCode", "createdAt", "message"}
    assert (row["webhookId"], row["status"], row["httpStatusCode"]) == (hook, "SUCCESS", 200)
    assert len(row["createdAt"]) == len("2025-01-09T12:34:56.000Z")
    newest = api("GET", f"{HOOKS}/{hook}/history").json["data"]
    assert [each["createdAt"] for each in newest] == sorted((each["createdAt"] for each in newest), reverse=True)


def test_history_says_what_is_assumed_otherwise(
    make_simulator: Callable[..., Simulator], make_receiver: Callable[..., Receiver]
) -> None:
    assumed = {
        "history.status_words": "delivered/undelivered",
        "history.code_without_answer": "599",
        "history.order": "oldest-first",
        "paging.page_count_mode": "pages",
        "paging.pages_when_empty": "1",
    }
    api = Api(make_simulator(assume=assumed))
    hook = api.hook(make_receiver("200,close").url)
    empty = api("GET", f"{HOOKS}/{hook}/history").json
    api.trigger(count=2)

    answer = api("GET", f"{HOOKS}/{hook}/history").json

    assert (empty["meta"]["totalPages"], empty["meta"]["pageCount"]) == (1, 1)
    assert [(row["status"], row["httpStatusCode"]) for row in answer["data"]] == [
        ("delivered", 200), ("undelivered", 599),
    ]  # fmt: skip
    assert answer["data"][1]["message"]


def test_a_long_page_has_every_row_once(api: Api, receiver: Receiver) -> None:
    hook = api.hook(receiver.url, signingKey=SECRET)
    api.trigger(count=600)
    api.trigger(count=600)

    answer = api("GET", f"{HOOKS}/{hook}/history?limit=100000").json

    assert len({row["deliveryId"] for row in answer["data"]}) == len(answer["data"]) == 1200
    assert answer["meta"]["totalCount"] == answer["meta"]["pageCount"] == 1200
    assert len(api("GET", f"{HOOKS}/{hook}/history?limit=700&offset=100").json["data"]) == 700


def test_rows_that_come_while_a_long_page_is_written_repeat_none(api: Api, receiver: Receiver) -> None:
    hook = api.hook(receiver.url, signingKey=SECRET)
    api.trigger(count=600)
    answer = api.client.get(f"{HOOKS}/{hook}/history?limit=5000", headers=api.headers)
    pieces = iter(answer.response)
    written = [next(pieces)]

    api.trigger(count=50)
    found = json.loads(b"".join([*written, *pieces]))
    answer.close()

    assert len({row["deliveryId"] for row in found["data"]}) == len(found["data"]) == found["meta"]["pageCount"] == 600


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200), ("offset=0&limit=1", 200), ("limit=1.0&offset=0.0", 200), ("limit=1e1", 200), ("other=1", 200),
        ("limit=1e300", 200), ("offset=99999999999999999999999", 200),
        ("limit=0", 400), ("limit=-1", 400), ("offset=-1", 400), ("limit=1.5", 400), ("limit=", 400),
        ("limit=ten", 400), ("limit=NaN", 400), ("limit=Infinity", 400), ("limit=true", 400), ("limit=1&limit=2", 400),
        ("limit=" + "9" * 5000, 400), ("offset=%00", 400), ("offset=[1]", 400), ("offset=null", 400),
    ],
)  # fmt: skip
def test_paging_takes_whole_numbers_in_any_json_spelling(query: str, status: int, still: Api) -> None:
    hook = still("GET", HOOKS).json[0]["id"]

    assert still("GET", f"{HOOKS}/{hook}/history?{query}").status_code == status


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({}, "url is missing"),
        ({"url": None}, "url"), ({"url": 7}, "url"), ({"url": ["http://a.test/"]}, "url"),
        ({"url": ""}, ""), ({"url": "a.test/hook"}, ""), ({"url": "ftp://a.test/"}, ""), ({"url": "http:///hook"}, ""),
        ({"url": "http://a.test\\@b.test/"}, ""), ({"url": "http://a.test/\r\nX: 1"}, ""),
        ({"url": "http://a.test:99999/"}, ""), ({"url": "http://169.254.169.254/"}, "169.254.169.254"),
        ({"url": "http://[::ffff:169.254.169.254]/"}, ""), ({"url": "http://2852039166/"}, "link-local"),
        ({"url": NOWHERE, "verifyTls": "yes"}, "verifyTls"), ({"url": NOWHERE, "verifyTls": 1}, "verifyTls"),
        ({"url": NOWHERE, "signingKey": True}, "signingKey"), ({"url": NOWHERE, "signingKey": "a\nb"}, "signing key"),
        ({"url": NOWHERE, "signingKey": "a\0b"}, "signing key"), ({"url": NOWHERE, "signingKey": "k" * 5000}, "4,096"),
        ([], "object"), ("text", "object"), (7, "object"),
    ],
)  # fmt: skip
def test_a_bad_configuration_is_a_400_that_says_why_and_repeats_no_key(body: Any, hint: str, still: Api) -> None:
    hook = still("GET", HOOKS).json[0]["id"]
    asked = [("POST", HOOKS), ("POST", f"{HOOKS}/test")]
    if body != {}:
        asked.append(("PUT", f"{HOOKS}/{hook}"))

    for method, path in asked:
        answer = still(method, path, body)

        assert answer.status_code == 400, (method, answer.text)
        assert set(answer.json) == {"statusCode", "message", "error"}
        assert (answer.json["statusCode"], answer.json["error"]) == (400, "Bad Request")
        assert hint in answer.json["message"]
        assert "a\nb" not in answer.json["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/{UNKNOWN}", 404), ("GET", "/not-a-uuid", 404), ("GET", "/%00", 404), ("DELETE", "/..", 404),
        ("GET", f"/{UNKNOWN}/history?limit=0", 400), ("GET", f"/{UNKNOWN}/history", 404),
        ("POST", f"/{UNKNOWN}/test", 404), ("PATCH", "", 404), ("DELETE", "", 404), ("GET", "/test", 404),
        ("POST", f"/{UNKNOWN}", 404), ("OPTIONS", "", 404), ("TRACE", "", 404), ("GET", "/", 404),
        ("GET", "/a/b/c", 404),
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_404_wrong_methods_included(method: str, path: str, status: int, still: Api) -> None:
    answer = still(method, HOOKS + path)

    assert answer.status_code == status
    assert answer.json["statusCode"] == status


@pytest.mark.parametrize(
    ("style", "mimetype", "members"),
    [
        ("nest", "application/json", {"statusCode", "message", "error"}),
        ("problem", "application/problem+json", {"type", "title", "status", "detail", "name"}),
        ("empty", "", None),
    ],
)
def test_errors_have_the_assumed_form(
    style: str, mimetype: str, members: set[str] | None, make_simulator: Callable[..., Simulator]
) -> None:
    api = Api(make_simulator(assume={"errors.style": style}))

    answer = api("GET", f"{HOOKS}/{UNKNOWN}")

    assert answer.status_code == 404
    if members is None:
        assert answer.data == b""
    else:
        assert answer.mimetype == mimetype
        assert set(answer.json) == members


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/marketplace/health"])
def test_health_wants_no_token(path: str, simulator: Simulator) -> None:
    answer = Api(simulator, token="")("GET", path)

    assert (answer.status_code, answer.json["status"]) == (200, "ok")


def test_health_says_when_the_store_does_not_answer(simulator: Simulator) -> None:
    api = Api(simulator, token="")
    simulator.close()

    answer = api("GET", "/health/ready")

    assert (answer.status_code, answer.json["status"]) == (503, "error")
    assert answer.json["details"]["database"]["status"] == "down"
