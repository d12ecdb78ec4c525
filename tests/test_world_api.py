"""The simulated app and its clock over HTTP: look at it, act in it, let time pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emitter.clock import EPOCH, nanoseconds
from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.world import ACTIONS, PLURALS
from tests.support_http import SECRET, Api

START = nanoseconds(EPOCH.replace(year=2030, hour=9))
NOWHERE = "http://127.0.0.1:9/hook"  # nothing listens there


@pytest.fixture
def api(make_simulator: Callable[..., Simulator]) -> Api:
    return Api(make_simulator(start=START, seed=7))


@pytest.fixture(scope="module")
def still() -> Iterator[Api]:
    """One app for all tests that change nothing; there is a request for a product called Claims."""
    with Simulator(Settings(store=None, start=START, seed=7)) as simulator:
        api = Api(simulator)
        _pending(api)
        yield api


def _act(api: Api, action: str, /, **parameters: Any) -> Any:
    answer = api("POST", "/simulator/world/act", {"action": action, "parameters": parameters})
    assert answer.status_code == 201, answer.text
    return answer.json


def _pending(api: Api) -> str:
    """A request for a product called Claims, which somebody has to decide on; its id."""
    _act(api, "publish", name="Claims")
    return str(_act(api, "request", product="Claims")["entity"]["id"])


def _short(events: list[Any]) -> list[str]:
    return [each["type"].removeprefix("marketplace.data_product.") for each in events]


# --- looking ----------------------------------------------------------------------------------------------------------


def test_there_are_people_and_tables_before_anything_has_happened(api: Api) -> None:
    world = api("GET", "/simulator/world").json

    assert world["seed"] == 7
    assert world["users"] and world["domains"] and world["dataSources"]
    assert world["dataProducts"] == world["accessRequests"] == []
    assert api("GET", "/simulator/world/users").json["entities"] == world["users"]


@pytest.mark.parametrize("kind", PLURALS)
def test_a_thing_is_found_by_its_id_and_by_its_name(kind: str, api: Api) -> None:
    _pending(api)
    first = api("GET", f"/simulator/world/{kind}").json["entities"][0]
    names = {first.get("globalUserId", first["id"]), first.get("name", first["id"])}

    for name in names:
        found = api("GET", f"/simulator/world/{kind}/{name}").json
        assert (found["kind"], found["entity"]) == (PLURALS[kind], first)


@pytest.mark.parametrize("name", ["North/South", "a\nb", "/", "ü (1)"])
def test_a_name_of_any_letters_is_found(name: str, api: Api) -> None:
    from urllib.parse import quote

    _act(api, "publish", name=name)

    assert api("GET", f"/simulator/world/data-products/{quote(name, safe='')}").json["entity"]["name"] == name


def test_what_would_follow_an_action_is_said_before_it_is_done(api: Api) -> None:
    request = _pending(api)

    legal = api("GET", f"/simulator/world/access-requests/{request}").json["legal"]

    for each in legal:
        assert each["sure"]
    by_action = {each["action"]: each["events"] for each in legal}
    done = _act(api, "approve", request=request)
    assert set(by_action) == {"approve", "deny", "cancel"}
    assert [each["type"] for each in done["events"]] == by_action["approve"]


def test_requests_are_listed_by_status_product_and_user(api: Api) -> None:
    request = _pending(api)
    user = api("GET", f"/simulator/world/access-requests/{request}").json["entity"]["user"]["name"]
    _act(api, "publish", name="Orders")
    other = _act(api, "request", product="Orders")["entity"]["id"]
    _act(api, "deny", request=other)

    def listed(query: str) -> list[str]:
        found = api("GET", f"/simulator/world/access-requests?{query}").json
        return [each["id"] for each in found["entities"]]

    assert listed("") == [request, other]
    assert listed("status=PENDING") == listed("product=Claims") == listed(f"user={user}") == [request]
    assert listed("status=denied&product=Orders") == [other]
    assert listed("status=denied&product=Claims") == []


def test_what_was_deleted_is_listed_only_where_it_is_asked_for(api: Api) -> None:
    request = _pending(api)
    _act(api, "delete", product="Claims")

    for kind, name in (("data-products", "Claims"), ("access-requests", request)):
        assert api("GET", f"/simulator/world/{kind}").json["entities"] == []
        (gone,) = api("GET", f"/simulator/world/{kind}?status=DELETED").json["entities"]
        assert name in (gone["id"], gone.get("name"))


def test_every_action_is_listed_with_what_it_takes(still: Api) -> None:
    listed = still("GET", "/simulator/world/actions").json["actions"]

    assert [each["action"] for each in listed] == list(ACTIONS)
    for each in listed:
        assert [one["name"] for one in each["parameters"]] == [one.name for one in ACTIONS[each["action"]].parameters()]


# --- acting -----------------------------------------------------------------------------------------------------------


def test_an_action_is_answered_with_the_entity_and_the_events_that_reach_the_receiver(
    api: Api, receiver: Receiver
) -> None:
    api.hook(receiver.url, signingKey=SECRET)

    answer = api("POST", "/simulator/world/act?wait=10s", {
        "action": "publish", "parameters": {"name": "Claims 2025", "dataSources": ["sales.orders"]}, "run": "mine",
    })  # fmt: skip

    assert answer.status_code == 201
    assert (answer.json["action"], answer.json["kind"]) == ("publish", "data product")
    assert (answer.json["entity"]["name"], answer.json["complete"]) == ("Claims 2025", True)
    (event,) = answer.json["events"]
    (delivery,) = event["deliveries"]
    assert (event["run"], delivery["state"], delivery["attempts"][0]["status"]) == ("mine", "accepted", 200)
    assert receiver.captures[0].type == event["type"] == "marketplace.data_product.state.created"


def test_a_story_of_thirty_days_is_told_over_http(api: Api, receiver: Receiver) -> None:
    api.hook(receiver.url, signingKey=SECRET)
    request = _pending(api)

    _act(api, "approve", request=request, duration="30d")
    api("POST", "/simulator/clock/advance", {"by": "31d"})

    assert api("GET", f"/simulator/world/access-requests/{request}").json["entity"]["status"] == "EXPIRED"
    told = [(capture.type or "").removeprefix("marketplace.data_product.access_requests.")
            for capture in receiver.captures]  # fmt: skip
    assert told[1:] == ["created", "consumer.updated", "expiring", "expiring", "expired"]


@pytest.mark.parametrize(
    ("asked", "status", "kind", "hint"),
    [
        ({}, 400, "usage-error", "action is missing"),
        ({"action": "aprove"}, 400, "unknown-name", '"approve"'),
        ({"action": 7}, 400, "bad-value", "action"),
        ({"action": "publish", "parameter": {}}, 400, "unknown-name", '"parameters"'),
        ({"action": "publish", "parameters": []}, 400, "bad-value", "no object"),
        ({"action": "publish", "parameters": {"nam": "x"}}, 400, "unknown-name", '"name"'),
        ({"action": "publish", "parameters": {"name": 7}}, 400, "bad-value", "name"),
        ({"action": "publish", "parameters": {"run": "x"}}, 400, "usage-error", "beside"),
        ({"action": "publish", "parameters": {"self": "x"}}, 400, "unknown-name", "self"),
        ({"action": "publish", "parameters": {"policy": "maybe"}}, 400, "bad-value", "approve"),
        ({"action": "request"}, 400, "usage-error", "product is missing"),
        ({"action": "request", "parameters": {"product": "Cliams"}}, 404, "not-found", "Claims"),
        ({"action": "approve", "parameters": {"request": "x", "duration": "soon"}}, 400, "bad-value", "30d"),
        ({"action": "approve", "parameters": {"request": "x"}}, 404, "not-found", "request"),
        ({"action": "publish", "run": "a\nb"}, 400, "bad-value", "run"),
        ({"action": "publish", "run": 7}, 400, "bad-value", "run"),
        ([], 400, "usage-error", "object"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_likely_fix_and_changes_nothing(
    asked: Any, status: int, kind: str, hint: str, still: Api
) -> None:
    before = still("GET", "/simulator/world").json

    answer = still("POST", "/simulator/world/act", asked)

    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert kind in answer.json["type"]
    assert hint in answer.json["detail"]
    assert still("GET", "/simulator/world").json == before


def test_an_illegal_action_is_a_conflict_that_says_what_would_be_legal(api: Api) -> None:
    request = _pending(api)
    _act(api, "approve", request=request)

    answer = api("POST", "/simulator/world/act", {"action": "cancel", "parameters": {"request": request}})

    assert (answer.status_code, answer.json["type"]) == (409, "urn:emitter:problem:illegal-action")
    facts = {name: answer.json[name] for name in ("action", "kind", "id", "state", "legal")}
    assert facts == {"action": "cancel", "kind": "request", "id": request, "state": "APPROVED", "legal": ["revoke"]}


def test_a_refusal_names_the_nearest_for_programs_too(api: Api) -> None:
    _pending(api)

    assert api("GET", "/simulator/world/data-products/Cliams").json["nearest"] == ["Claims"]
    assert api("GET", "/simulator/world/users/x").status_code == 404
    assert api("GET", "/simulator/world/data-product").json["kind"] == "data product"
    assert api("GET", "/simulator/world/domians").json["nearest"] == ["domains"]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("things", "users, domains"), ("things/x", "kind of thing"), ("users?status=PENDING", "status"),
        ("domains?product=x", "product"), ("access-requests?status=pendign", "PENDING"), ("users?x=1", "parameter"),
        ("data-products?status=PENDING", "ACTIVE"), ("users?status=a&status=b", "twice"), ("users/x?y=1", "taken"),
    ],
)  # fmt: skip
def test_bad_questions_are_400s_that_name_what_is_known(path: str, hint: str, still: Api) -> None:
    answer = still("GET", f"/simulator/world/{path}")

    assert answer.status_code == 400, answer.text
    assert hint in answer.json["detail"]


# --- the clock --------------------------------------------------------------------------------------------------------


def test_the_clock_says_when_something_falls_due_and_is_moved_there(api: Api) -> None:
    still = api("GET", "/simulator/clock").json
    _act(api, "approve", request=_pending(api), duration="30d")
    due = [api("GET", "/simulator/clock").json["nextDue"]]
    while due[-1]:
        api("POST", "/simulator/clock/advance", {"toNext": True})
        assert api("GET", "/simulator/clock").json["now"] == due[-1]
        due.append(api("GET", "/simulator/clock").json["nextDue"])

    events = reversed(api("GET", "/simulator/events").json["events"])
    assert still == {"virtual": True, "now": "2030-01-01T09:00:00.000000000Z", "nextDue": None}
    assert due == [f"2030-01-{day}T09:00:00.000000000Z" for day in ("24", "30", "31")] + [None]
    assert [each["timestamp"][:10] for each in events][3:] == ["2030-01-24", "2030-01-30", "2030-01-31"]


def test_a_retry_is_the_next_thing_that_falls_due(
    make_simulator: Callable[..., Simulator], make_receiver: Callable[..., Receiver]
) -> None:
    api = Api(make_simulator(start=START, assume={"delivery.retry": "5m,1h"}))
    receiver = make_receiver("500,500,200")
    hook = api.hook(receiver.url)
    _act(api, "publish")
    assert api("GET", "/simulator/settled").json == {"settled": True}

    due = []
    for _ in range(2):
        due.append(api("GET", "/simulator/clock").json["nextDue"][11:19])
        api("POST", "/simulator/clock/advance", {"toNext": True})
    api("PATCH", f"/simulator/webhooks/{hook}", {"paused": True})

    assert due == ["09:05:00", "10:05:00"]
    assert len(receiver.captures) == 3
    assert api("GET", "/simulator/clock").json["nextDue"] is None


def test_what_comes_to_nothing_does_not_fall_due(api: Api) -> None:
    request = _pending(api)
    reminder = api("GET", "/simulator/clock").json["nextDue"]
    _act(api, "approve", request=request, duration="30d")
    warning = api("GET", "/simulator/clock").json["nextDue"]
    _act(api, "revoke", request=request)

    assert (reminder[:10], warning[:10]) == ("2030-01-01", "2030-01-24")
    assert api("GET", "/simulator/clock").json["nextDue"] is None
    assert api("POST", "/simulator/clock/advance", {"toNext": True}).status_code == 409


def test_the_clock_is_moved_to_a_moment(api: Api) -> None:
    moved = api("POST", "/simulator/clock/advance", {"to": "2030-02-01T01:00:00+01:00"}).json

    assert moved["now"] == "2030-02-01T00:00:00.000000000Z"


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({}, "how far"), ({"by": "1d", "to": "2031-01-01T00:00:00Z"}, "how far"), ({"toNext": False}, "how far"),
        ({"to": "2029-12-31T00:00:00Z"}, "is over"), ({"to": "tomorrow"}, "RFC 3339"), ({"to": 7}, "to"),
        ({"to": "2030-01-01"}, "RFC 3339"), ({"to": "9999-01-01T00:00:00Z"}, "2261"), ({"toNext": "yes"}, "toNext"),
        ({"bye": "1d"}, '"by"'),
    ],
)  # fmt: skip
def test_the_clock_is_not_moved_by_nonsense(body: Any, hint: str, still: Api) -> None:
    answer = still("POST", "/simulator/clock/advance", body)

    assert answer.status_code == 400, answer.text
    assert hint in answer.json["detail"]
    assert still("GET", "/simulator/clock").json["now"].startswith("2030-01-01T09:00:00.0")


def test_the_machines_clock_is_shown_and_not_moved(simulator: Simulator) -> None:
    api = Api(simulator)
    _pending(api)

    shown = api("GET", "/simulator/clock").json

    assert shown["virtual"] is False and shown["nextDue"] > shown["now"]
    assert api("POST", "/simulator/clock/advance", {"toNext": True}).status_code == 409
