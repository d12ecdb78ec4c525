"""A test's simulated app and receiver: the words of the scenarios, the same here and over HTTP; what failures say."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

import pytest
from flask import Flask, request

from emitter.errors import BadValue, Conflict, IllegalAction, NotFound, ScenarioError, UnknownName, UsageError
from emitter.receiver import Capture
from emitter.runner.standing_in import PAGERDUTY_WORDS, TEAMS_WORDS
from emitter.scenario.vocabulary import STEPS
from emitter.shared import Shared
from emitter.testing import (
    Entity,
    NotAsExpected,
    PagerDuty,
    RequestApp,
    ServedRequestApp,
    TeamsWorkflow,
    WebhookReceiver,
)
from emitter.testing.options import SIGNING_KEY, settings_of
from emitter.web.openapi import OURS
from tests.test_doors import SCHEMAS, WORDS_OF_A_PROGRAM

SHARED = Shared()


@pytest.fixture(scope="module")
def server() -> Iterator[ServedRequestApp]:
    with ServedRequestApp(seed=7) as served:
        yield served


@pytest.fixture(params=["here", "there"])
def app(request: pytest.FixtureRequest) -> Iterator[RequestApp]:
    """The same app in this process and over HTTP."""
    if request.param == "there":
        served: ServedRequestApp = request.getfixturevalue("server")
        served.reset()
        yield served
    else:
        with RequestApp.open(shared=SHARED, seed=7) as opened:
            yield opened


@pytest.fixture
def here() -> Iterator[RequestApp]:
    with RequestApp.open(shared=SHARED, seed=7, kept="/history/of/a/test.sqlite") as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(signing_key=SIGNING_KEY, catalog=SHARED.catalog(None)) as opened:
        yield opened


def failure_of(call: Any, *given: Any, **how: Any) -> str:
    with pytest.raises(NotAsExpected) as caught:
        call(*given, **how)
    return str(caught.value)


# --- what happens -----------------------------------------------------------------------------------------------------


def test_what_a_verb_sends_has_arrived_when_it_returns(app: RequestApp, receiver: WebhookReceiver) -> None:
    app.deliver_to(receiver)

    [event] = app.trigger("access-revoked")

    assert receiver.events == ["access-revoked"]
    assert [each["state"] for each in event["deliveries"]] == ["accepted"]
    assert event["deliveries"][0]["attempts"][0]["status"] == 200


def test_a_story_is_told_by_its_verbs_and_time_passes_in_it(app: RequestApp, receiver: WebhookReceiver) -> None:
    app.deliver_to(receiver)
    claims = app.act("publish", name="Claims 2025")
    wish = app.act("request", product=claims, as_="wish")
    app.expect(events=["product-published", "request-created"], as_="asked")

    app.act("approve", request="wish", duration="30d")
    began = app.now
    now = app.advance("31d")

    assert now - began == timedelta(days=31)
    app.expect(
        events={"order": ["request-determined", "access-expiring", "access-expiring", "access-expired"],
                "about": wish, "since": "asked"},
        deliveries={"accepted": 6}, signatures="valid", contract="valid",
        world={wish: {"status": "EXPIRED"}, "Claims 2025": {"suspended": False}},
    )  # fmt: skip
    assert wish["status"] == "PENDING"
    assert app.show("wish")["dataProduct.name"] == "Claims 2025"
    receiver.expect(events={"access-expired": 1}, signatures={"valid": 6, "invalid": 0}, contract="valid", total="6..")


def test_an_event_by_hand_is_about_the_product_that_is_named(app: RequestApp, receiver: WebhookReceiver) -> None:
    app.deliver_to(receiver)
    claims = app.act("publish", name="Claims 2025")

    app.trigger("sources-updated", product=claims, set={"data.dataProductName": "Ω"})

    body = receiver.bodies[-1]
    assert body["data"]["dataProductId"] == claims.id
    assert body["data"]["dataProductName"] == "Ω"
    assert claims.id in body["data"]["actionLink"]


def test_what_a_test_makes_of_an_example_shows_in_no_other(app: RequestApp) -> None:
    mine = app.door.event_type("access-revoked")
    mine["example"]["data"]["dataProductName"] = 5
    mine["schema"].clear()

    with RequestApp.open() as other:
        found = other.door.event_type("access-revoked")

    assert found["schema"] and found["example"]["data"]["dataProductName"] != 5


def test_a_body_of_ones_own_is_sent_as_it_is_and_a_fault_goes_with_it(app: RequestApp, receiver: Any) -> None:
    app.deliver_to(receiver)

    app.trigger(body='{"type": "mine" }', allow_invalid=True, faults=["duplicate"])

    assert [each.body for each in receiver.captures] == [b'{"type": "mine" }'] * 2


def test_a_webhook_is_paused_and_goes_on_where_it_was(app: RequestApp, receiver: WebhookReceiver) -> None:
    app.deliver_to(receiver)

    app.webhook("pause")
    app.trigger("access-revoked")
    app.expect(deliveries={"pending": 1})
    app.webhook("resume")

    app.expect(deliveries={"accepted": 1, "pending": 0})


def test_what_the_app_refuses_is_what_was_expected_or_an_error(app: RequestApp) -> None:
    wish = app.act("request", product=app.act("publish"))
    app.act("deny", request=wish)

    assert app.act("approve", request=wish, refused=True)["status"] == "DENIED"
    with pytest.raises(IllegalAction, match="is DENIED"):
        app.act("approve", request=wish)
    with pytest.raises(NotAsExpected, match="the app refuses to request"):
        app.act("request", product=wish["dataProduct.id"], refused=True)


def test_a_scenario_is_played_in_this_world(app: RequestApp, receiver: WebhookReceiver) -> None:
    app.deliver_to(receiver)

    report = app.run("denied")

    assert report["status"] == "passed"
    assert len(receiver.events) == 6
    with pytest.raises(NotAsExpected, match="expected  1 events, in this order: access-expired"):
        app.run("steps:\n  - act: publish\n  - expect: {events: [access-expired]}\n")


def test_a_moment_is_waited_for_by_what_came(app: RequestApp, receiver: WebhookReceiver) -> None:
    receiver.answer("500")
    app.deliver_to(receiver)
    app.trigger("access-revoked", wait=False)

    [attempt] = app.wait(type="revoked", outcome="rejected", status="5xx")

    assert attempt["status"] == 500
    assert [each["id"] for each in app.attempts(outcome="rejected")] == [attempt["id"]]
    assert app.events("revoked")[0]["body"]["type"].endswith("revoked")


def test_time_is_moved_to_a_moment_and_to_what_comes_next(here: RequestApp) -> None:
    here.act("request", product=here.act("publish"))

    assert here.advance(to="next") == datetime(2030, 1, 7, 14, tzinfo=UTC)
    assert here.advance(to=datetime(2030, 2, 1, tzinfo=UTC)) == datetime(2030, 2, 1, tzinfo=UTC)
    assert here.advance(timedelta(hours=1)) == datetime(2030, 2, 1, 1, tzinfo=UTC)
    with pytest.raises(BadValue, match="no clock runs backwards"):
        here.advance(to="2030-01-01T00:00:00Z")


def test_the_same_seed_is_the_same_to_the_byte() -> None:
    bodies = []
    for _ in range(2):
        with RequestApp.open(shared=SHARED, seed=11) as app, WebhookReceiver() as receiver:
            app.deliver_to(receiver)
            app.act("request", product=app.act("publish"))
            bodies.append([each.body for each in receiver.captures])

    assert bodies[0] == bodies[1]


# --- applications -----------------------------------------------------------------------------------------------------


def flask_app(key: str = SIGNING_KEY) -> Flask:
    app = Flask("mine")
    app.config["seen"] = []

    @app.get("/state")
    def state() -> dict[str, Any]:
        return {"seen": app.config["seen"]}

    @app.post("/hook")
    def hook() -> tuple[str, int]:
        wanted = hmac.new(key.encode(), request.get_data(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, request.headers.get("X-Immuta-Webhook-Signature-SHA256", "")):
            return "wrong signature", 401
        if request.get_json()["data"]["dataProductName"] == "broken":
            raise RuntimeError("planted")
        app.config["seen"].append(request.get_json()["type"])
        return "", 204

    return app


def test_a_flask_application_is_served_and_what_passes_can_be_looked_at(app: RequestApp) -> None:
    mine = flask_app()

    seen = app.deliver_to(mine, "/hook")
    app.trigger("access-revoked")
    app.trigger("access-revoked", set={"data.dataProductName": "broken"})

    assert isinstance(seen, WebhookReceiver)
    assert mine.config["seen"] == ["marketplace.data_product.access_requests.revoked"]
    seen.expect(signatures="valid", statuses={"204": 1, "500": 1})


def test_the_state_of_ones_own_system_is_asked_for(app: RequestApp) -> None:
    seen = app.deliver_to(flask_app(), "/hook")
    app.trigger("access-revoked")

    state = seen.url.replace("/hook", "/state")
    app.expect(system={"get": state, "where": {"$.seen": {"count": 1}}}, within="5s")

    text = failure_of(app.expect, system={"get": state, "where": {"$.seen": {"count": 2}}})
    assert f"expected  $.seen of GET {state} has a count of 2\n  came      it finds [" in text
    seen.expect(total=1, contract="valid")


def test_another_key_is_seen_by_the_application(here: RequestApp) -> None:
    here.deliver_to(flask_app(), "hook", signing_key="another")

    here.trigger("access-revoked")

    here.expect(deliveries={"rejected": 1, "statuses": {"401": 1}})


def test_an_asgi_application_has_its_lifespan_and_its_loop(here: RequestApp) -> None:
    told: list[str] = []

    async def mine(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{phase}"
                told.append(phase)
                await send({"type": f"lifespan.{phase}.complete"})
            return
        message = await receive()
        await asyncio.sleep(0)
        told.append(f"{scope['method']} {scope['path']} {len(message['body']) > 100}")
        await send({"type": "http.response.start", "status": 202, "headers": [(b"x-mine", b"1")]})
        await send({"type": "http.response.body", "body": b"ok"})

    here.deliver_to(mine, "/hook")
    [event] = here.trigger("access-revoked")
    here.close()

    assert event["deliveries"][0]["attempts"][0]["status"] == 202
    assert told == ["startup", "POST /hook True", "shutdown"]


def test_what_an_asgi_application_left_running_ends_with_the_test(here: RequestApp) -> None:
    ended: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("task")

    async def mine(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("it has none")
        tasks.add(asyncio.create_task(for_ever()))
        raise ValueError("half of a pair: \ud800")

    here.deliver_to(mine, "/hook")
    [event] = here.trigger("access-revoked")
    here.close()

    assert event["deliveries"][0]["attempts"][0]["status"] == 500
    assert ended == ["task"]


def test_what_is_no_target_is_refused(here: RequestApp) -> None:
    with pytest.raises(BadValue, match="is no URL, no receiver and no application"):
        here.deliver_to(17)


# --- in an event loop -------------------------------------------------------------------------------------------------


def test_a_receiver_in_the_tests_own_loop_is_answered_while_a_verb_waits(here: RequestApp) -> None:
    caught: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        caught.append(await reader.readexactly(int(length)))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            here.deliver_to(f"http://127.0.0.1:{port}/hook")
            beats = asyncio.create_task(asyncio.sleep(0))
            [event] = await here.aio.trigger("access-revoked")
            assert beats.done()
            assert event["deliveries"][0]["state"] == "accepted"
            await here.aio.expect(deliveries={"accepted": 1})
            with pytest.raises(NotAsExpected, match="there were 0"):
                await here.aio.expect(deliveries={"rejected": 1})

    asyncio.run(story())

    assert len(caught) == 1


def test_a_failure_in_a_loop_names_what_may_have_stood_still(here: RequestApp) -> None:
    async def story() -> str:
        return failure_of(here.wait, timeout="10ms")

    assert "await request_app.aio.trigger(...)" in asyncio.run(story())
    with pytest.raises(AttributeError, match="waits for nothing: leave aio out"):
        _ = here.aio.now


# --- what failures say ------------------------------------------------------------------------------------------------


def test_an_expectation_that_fails_says_what_came_the_nearest_first(app: RequestApp, receiver: Any) -> None:
    receiver.answer("500,200")
    app.deliver_to(receiver)
    app.trigger("access-revoked", set={"data.dataProductName": "Claims"})
    app.trigger("access-expiring", set={"data.dataProductName": "Orders"})

    text = failure_of(app.expect, events=["access-revoked", "access-expired"], deliveries={"accepted": 2})

    assert re.sub(r"attempt \d+", "attempt N", text).splitlines()[:11] == [
        "2 of 2 expectations are not met:",
        "  expected  2 events, in this order: access-revoked, access-expired",
        "  came      access-revoked, access-expiring",
        "            event 2: expected access-expired, came access-expiring",
        "            - missing: access-expired (expected as event 2)",
        "            + too much: access-expiring (came as event 2)",
        "  expected  2 deliveries accepted",
        "  came      there were 1",
        "            there are: 1 accepted, 1 rejected",
        "            attempt N: access-revoked for Claims answered 500",
        "  In all, the nearest first:",
    ]
    assert 'access-revoked "Claims": rejected 500' in text.splitlines()[11]


def test_a_count_that_fails_lists_the_likest_type_first(here: RequestApp, receiver: WebhookReceiver) -> None:
    here.deliver_to(receiver)
    for each in ("product-deleted", "access-expiring", "sources-updated"):
        here.trigger(each)

    text = failure_of(here.expect, events={"access-expired": 1})

    assert "came: 1 access-expiring, " in text
    assert "access-expiring" in text.partition("In all, the nearest first:\n")[2].splitlines()[0]
    assert text.endswith("In full: emitter deliveries list --store /history/of/a/test.sqlite")


def test_a_state_that_fails_says_what_it_is(app: RequestApp) -> None:
    app.act("request", product=app.act("publish", name="Claims 2025"), as_="wish")

    text = failure_of(app.expect, world={"wish": {"status": "APPROVED"}})

    assert '  expected  status of wish is "APPROVED"\n  came      it is "PENDING"' in text
    assert "nearest" not in text


def test_a_wait_in_vain_says_how_each_attempt_differs_the_nearest_first(app: RequestApp, receiver: Any) -> None:
    receiver.answer("200,500,500")
    app.deliver_to(receiver)
    for each in ("access-expired", "access-revoked", "access-expired"):
        app.trigger(each, set={"data.dataProductName": "Claims"})

    lines = failure_of(app.wait, type="revoked", outcome="accepted", timeout="20ms").splitlines()

    assert lines[0] == "a delivery with type revoked, outcome accepted was waited for; none came within 20ms."
    assert lines[2].endswith('access_requests.revoked "Claims": rejected 500   <- outcome is rejected')
    assert lines[3].endswith('access_requests.expired "Claims": accepted 200   <- type is access_requests.expired')
    assert lines[4].endswith('"Claims": rejected 500   <- type is access_requests.expired, outcome is rejected')


def test_a_wait_in_vain_before_anything_says_what_may_be_missing(app: RequestApp) -> None:
    text = failure_of(app.wait, count=2, timeout="10ms")

    assert text.startswith("2 deliveries were waited for; none came within 10ms.\n  Nothing was sent. Is a webhook")


def test_a_receiver_says_what_it_caught_instead(here: RequestApp, receiver: WebhookReceiver) -> None:
    here.deliver_to(receiver)
    here.trigger("access-revoked", set={"data.dataProductName": "Claims"}, faults=["wrong-signature"])
    here.trigger("access-expired", set={"data.dataProductName": "Orders"}, unset=["timestamp"], allow_invalid=True)

    text = failure_of(
        receiver.expect, events=["access-expired"], signatures="valid", contract={"valid": 2}, total=3,
        statuses={"200": 2},
    )  # fmt: skip

    for line in (
        "  expected  1 events at the receiver, in this order: access-expired",
        "  expected  all signatures at the receiver are valid",
        "  came      1 invalid, 1 valid",
        '            request 1: access-revoked "Claims", answered 401: '
        "x-immuta-webhook-signature-sha256 does not fit the body.",
        "  expected  2 bodies at the receiver valid",
        "  expected  3 requests at the receiver",
        "            there are: 1 answered 401, 1 answered 200",
        "  expected  2 requests at the receiver answered 200",
        '    request 2: access-expired "Orders", answered 200',
    ):
        assert line in text.splitlines(), line
    assert "request 2" in text.partition("In all, the nearest first:\n")[2].splitlines()[0]


def test_what_is_not_signed_is_told_from_what_is_signed_wrongly(here: RequestApp, receiver: WebhookReceiver) -> None:
    here.deliver_to(receiver, signing_key="")
    here.trigger("access-revoked")

    receiver.expect(signatures={"missing": 1, "invalid": 0}, statuses={"401": 1})


def test_a_receiver_without_a_key_says_that_it_checks_none(here: RequestApp) -> None:
    with WebhookReceiver() as receiver:
        here.deliver_to(receiver)
        here.trigger("access-revoked")

        assert "this receiver has no key to check with" in failure_of(receiver.expect, signatures="valid")


def test_a_receiver_waits_and_says_what_came(here: RequestApp, receiver: WebhookReceiver) -> None:
    here.deliver_to(receiver)
    here.trigger("access-revoked", wait=False)

    [capture] = receiver.wait()

    assert isinstance(capture, Capture)
    text = failure_of(receiver.wait, 2, timeout="10ms")
    assert text.startswith(
        f"2 requests were waited for at {receiver.url}; 1 came within 10ms.\n    request 1: access-rev"
    )
    receiver.clear()
    assert receiver.captures == []
    assert failure_of(receiver.wait, timeout="10ms").startswith("A request was waited for")
    here.trigger("access-expired", wait=False)
    receiver.expect(events=["access-expired"], within=timedelta(seconds=10))
    here.expect(deliveries={"accepted": 2}, within=timedelta(seconds=10))


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"evnts": 1}, UnknownName, 'no expectation "evnts". Did you mean "events"?'),
        ({"events": ["access-revokd"]}, ScenarioError, 'Nearest: access-revoked'),
        ({"deliveries": {"acepted": 1}}, ScenarioError, 'Did you mean "accepted"?'),
        ({"world": {"Claims 225": {"suspended": False}}}, NotFound, 'Nearest: "Claims 2025"'),
        ({"within": "5"}, ScenarioError, "no duration"),
        ({"receivers": {"receiver-1": {"total": 1}}}, NotFound, "None is open"),
        ({}, ScenarioError, "nothing is expected here"),
    ],
)  # fmt: skip
def test_a_slip_in_an_expectation_is_told_with_the_likely_word(
    app: RequestApp, asked: dict[str, Any], error: type[Exception], says: str
) -> None:
    app.act("publish", name="Claims 2025")

    with pytest.raises(error) as caught:
        app.expect(**asked)

    assert says in str(caught.value)


def test_other_slips_are_told_too(here: RequestApp, receiver: WebhookReceiver) -> None:
    with pytest.raises(UnknownName, match='Did you mean "total"'):
        receiver.expect(totl=1)
    with pytest.raises(ScenarioError, match="write what it has caught"):
        receiver.expect()
    with pytest.raises(ScenarioError, match="a receiver has none"):
        receiver.expect(events={"order": ["access-revoked"], "since": "last"})
    for call in (
        lambda: here.wait(timeout=5), lambda: here.expect(events=[], within=5), lambda: here.advance(5),
        lambda: receiver.wait(timeout=5), lambda: receiver.expect(total=0, within=5),
    ):  # fmt: skip
        with pytest.raises(BadValue, match='"5" is no duration. Write a number with its unit'):
            call()
    with pytest.raises(BadValue, match="is none of pause, suppress, resume"):
        here.webhook("stop")
    with pytest.raises(UnknownName, match='no name "wish"'):
        here.show("wish")
    with pytest.raises(UnknownName, match='no filter "typ"'):
        here.wait(typ="revoked")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        here.run("nowhere.yaml")
    with pytest.raises(KeyError, match="There is: id, name"):
        _ = Entity("data product", {"id": "1", "name": "x"})["nam"]
    for options, says in (
        ({"sed": 1}, 'Did you mean "seed"'),
        ({"start": "tomorrow"}, "is no time"),
        ({"start": datetime(2030, 1, 1)}, "has no time zone"),
        ({"assume": {"delivery.timout": "5s"}}, 'Did you mean "delivery.timeout"'),
        ({"assume": "x"}, "is no mapping of switches"),
    ):
        with pytest.raises(UsageError) as caught:
            settings_of(options)
        assert says in str(caught.value)


def test_the_machines_clock_does_not_travel() -> None:
    with RequestApp.open(shared=SHARED, start=None) as app, pytest.raises(Conflict, match="cannot be moved"):
        app.advance("1d")


def test_a_failure_is_told_without_frames_of_ours(here: RequestApp) -> None:
    for call in (lambda: here.expect(deliveries={"accepted": 1}), lambda: here.trigger("access-revokd")):
        with pytest.raises(Exception) as caught:
            call()
        ours = [each for each in caught.traceback if "emitter/" in str(each.path) and "/tests/" not in str(each.path)]
        assert all(each.ishidden(caught) for each in ours)


# --- the twins --------------------------------------------------------------------------------------------------------

TWINS = {
    "deliver_to": {"addWebhook", "openReceiver"},
    "webhook": {"changeWebhook"},
    "trigger": {"trigger"},
    "act": {"act"},
    "advance": {"advance"},
    "run": {"startRun", "runReport"},
    "expect": {"expect"},
    "wait": {"wait"},
    "attempts": {"attempts"},
    "events": {"events"},
    "show": {"entity"},
    "reset": {"reset"},
}
"""The operations over HTTP that do what a verb of a test does."""
TWINS_OF_A_RECEIVER = {"answer": {"changeReceiver"}, "wait": {"captures"}, "expect": {"expect"}, "clear": {"captures"}}
TWINS_OF_A_STANDIN = {
    "start": {"openStandin"},
    "answer": {"changeStandin"},
    "answer_with": {"changeStandin"},
    "state": {"standinState"},
    "cards": {"standinState"},
    "runs": {"standinState"},
    "alerts": {"standinState"},
    "open_alerts": {"standinState"},
    "changes": {"standinState"},
    "expect": {"expectStandin"},
    "wait_for": {"expectStandin"},
    "clear": {"forgetStandin"},
    "forget": {"forgetStandin"},
    "close": {"closeStandin"},
}
WITHIN_A_STANDIN = {"drop", "told", "where", "where_to", "serve", "memory", "bounded"}
ONLY_IN_THE_PROCESS = {"open", "close", "history", "keep"}


def _verbs(kind: type) -> set[str]:
    return {name for name, each in vars(kind).items() if not name.startswith("_") and not isinstance(each, property)}


def test_every_verb_has_its_twin_over_http() -> None:
    ids = {each.id for each in OURS.values()}

    assert _verbs(RequestApp) - ONLY_IN_THE_PROCESS == TWINS.keys()
    assert _verbs(WebhookReceiver) - ONLY_IN_THE_PROCESS == TWINS_OF_A_RECEIVER.keys()
    in_hand = {
        name for kind in (TeamsWorkflow, PagerDuty) for name, each in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }  # fmt: skip
    assert in_hand - WITHIN_A_STANDIN == TWINS_OF_A_STANDIN.keys()
    assert set().union(*TWINS.values(), *TWINS_OF_A_RECEIVER.values(), *TWINS_OF_A_STANDIN.values()) <= ids


def test_what_is_expected_of_a_stand_in_is_the_same_in_python_and_over_http() -> None:
    asked = SCHEMAS["StandinExpectation"]["properties"]["expect"]["properties"].keys()

    for kind, words in ((TeamsWorkflow, TEAMS_WORDS), (PagerDuty, PAGERDUTY_WORDS)):
        taken = {each for each in signature(kind.expect).parameters if each not in ("self", "unknown")}
        assert taken == {*words, "about", "within"} and taken <= asked


def test_every_step_of_a_scenario_is_a_verb_with_the_same_words() -> None:
    for step in STEPS.keys() - WORDS_OF_A_PROGRAM:
        taken = {each.rstrip("_") for each in signature(getattr(RequestApp, step)).parameters}
        words = {each for each in STEPS[step] if each not in (step, "title")}
        assert words <= taken, step
