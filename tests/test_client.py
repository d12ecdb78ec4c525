"""A simulator here and one in another place, over HTTP: the same methods give the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emitter import clock
from emitter.client import KEPT, Client
from emitter.errors import (
    BadSigningKey,
    BadTarget,
    BadValue,
    Conflict,
    EgressRefused,
    EmitterError,
    IllegalAction,
    InvalidEvent,
    NotFound,
    ScenarioError,
    ServerUnreachable,
    UnknownEventType,
    UnknownName,
    UsageError,
    Violation,
)
from emitter.export import export
from emitter.query import AttemptQuery
from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from emitter.web.access import Access
from tests.conftest import SECRET
from tests.support_cli import answering, nobody, served

Door = Simulator | Client
STORY = "variables: {name: Claims}\nsteps: [{act: publish, name: '${name}'}]"
NO_UUID = "8f14e45f-ceea-4670-9a3a-0c1b2d3e4f50"


@pytest.fixture(params=["here", "there"])
def door(request: pytest.FixtureRequest, simulator: Simulator) -> Iterator[Door]:
    """The same simulator, directly and through a server."""
    with ExitStack() as stack:
        if request.param == "here":
            yield simulator
        else:
            yield stack.enter_context(Client(stack.enter_context(served(simulator))))


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    with served(simulator) as url, Client(url) as client:
        yield client


def _spec(receiver: Receiver, **more: Any) -> TriggerSpec:
    return TriggerSpec(**{"type": "revoked", "to": receiver.url, "signing_key": SECRET, **more})


def test_questions_get_the_same_answers(client: Client, simulator: Simulator, receiver: Receiver) -> None:
    delivery = simulator.trigger(_spec(receiver))[0]["deliveries"][0]
    simulator.deliveries([delivery["id"]], wait=10)
    body = receiver.captures[0].body
    simulator.act("publish", name="North/South")
    simulator.act("request", product="North/South")
    query = AttemptQuery(outcome=("accepted",))

    for ask in (
        lambda door: door.event_types(),
        lambda door: door.event_type("revoked"),
        lambda door: door.contract("asyncapi").decode(),
        lambda door: door.contract("openapi", "json").decode(),
        lambda door: door.contract("samples").decode(),
        lambda door: door.attempts(query),
        lambda door: door.count(query),
        lambda door: door.attempt(1),
        lambda door: door.delivery(delivery["id"]),
        lambda door: door.events(types=("revoked",)),
        lambda door: door.event(door.attempt(1)["eventId"]),
        lambda door: door.check(body),
        lambda door: door.wait(query),
        lambda door: door.assumed(),
        lambda door: door.actions(),
        lambda door: door.world_entities("users"),
        lambda door: door.world_entities("accessRequests", status="pending", product="North/South"),
        lambda door: door.world_entity("data product", "North/South"),
        lambda door: door.scenarios(),
        lambda door: door.scenario("denied"),
        lambda door: door.check_scenario(STORY, name="mine", variables={"name": "x"}),
        lambda door: door.check_scenario("steps: [{act: publsh}]"),
        lambda door: door.scenario_schema(),
        lambda door: {**door.world_state(), "now": ""},
        lambda door: {**door.clock_state(), "now": ""},
    ):
        assert ask(client) == json.loads(json.dumps(ask(simulator)))
    assert {**client.state(), "now": ""} == {**simulator.state(), "now": ""}


def test_events_are_triggered_and_waited_for(door: Door, receiver: Receiver) -> None:
    (event,) = door.trigger(_spec(receiver, set={"data.dataProductName": "Claims"}, run="mine"))
    (delivery,) = door.deliveries([each["id"] for each in event["deliveries"]], wait=10)

    assert (event["dataProductName"], event["run"]) == ("Claims", "mine")
    assert (delivery["state"], delivery["attempts"][0]["status"]) == ("accepted", 200)


def test_a_preview_keeps_nothing(door: Door, receiver: Receiver) -> None:
    (event,) = door.preview(_spec(receiver))

    assert json.loads(event["body"])["type"] == event["type"]
    assert door.events()["events"] == [] and receiver.captures == []


def test_many_come_in_portions_and_are_all_there(door: Door, receiver: Receiver) -> None:
    events = list(door.trigger_each(_spec(receiver, count=230)))

    assert len({each["id"] for each in events}) == 230
    assert len(receiver.wait_for(230, 20)) == 230


def test_a_seed_makes_one_series_through_a_server_too(client: Client, simulator: Simulator, receiver: Receiver) -> None:
    def products(door: Door) -> list[str]:
        return [each["dataProductId"] for each in door.trigger(_spec(receiver, count=130, seed=7))]

    assert products(client) == products(simulator)


def test_more_of_a_seed_than_one_request_takes_is_refused(client: Client, receiver: Receiver) -> None:
    with pytest.raises(UsageError, match="1,000 events at once"):
        client.trigger(_spec(receiver, count=1001, seed=7))


def test_a_delivery_that_retries_is_waited_for_to_its_end(
    make_simulator: Callable[..., Simulator], make_receiver: Callable[..., Receiver]
) -> None:
    receiver, simulator = make_receiver("500,500,200"), make_simulator(assume={"delivery.retry": "10ms,10ms"})
    with served(simulator) as url, Client(url) as client:
        (event,) = client.trigger(_spec(receiver))
        (delivery,) = client.deliveries([event["deliveries"][0]["id"]], wait=10)

    assert [each["status"] for each in delivery["attempts"]] == [500, 500, 200]


def test_waiting_ends_when_time_is_up(door: Door) -> None:
    started = clock.monotonic()

    found = door.wait(AttemptQuery(), timeout=0.1)

    assert found == {"complete": False, "attempts": []}
    assert clock.monotonic() - started < 5


def test_more_that_wait_than_the_server_takes_are_served_in_turn(client: Client, receiver: Receiver) -> None:
    with ThreadPoolExecutor(12) as pool:
        waits = [pool.submit(Client(client.url).wait, AttemptQuery(), timeout=20) for _ in range(12)]
        client.trigger(_spec(receiver))
        found = [each.result() for each in waits]

    assert all(each["complete"] for each in found)


def test_an_attempt_is_sent_again(door: Door, receiver: Receiver) -> None:
    door.trigger(_spec(receiver))
    receiver.wait_for(1, 10)
    attempt = door.wait(AttemptQuery())["attempts"][0]

    again = door.resend(attempt["id"], as_is=True)
    door.deliveries([again["id"]], wait=10)

    one, other = receiver.wait_for(2, 10)
    assert (one.headers, one.body) == (other.headers, other.body)


def test_a_delivery_that_ends_while_it_is_read_is_not_waited_for_once_more(
    simulator: Simulator, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.change_webhook(webhook.id, paused=True)
    delivery = simulator.trigger(TriggerSpec(type="revoked"))[0]["deliveries"][0]
    reader, reads = simulator.store.reader, []

    def meanwhile(read: Any) -> Any:
        def read_late(number: int) -> Any:
            reads.append(number)
            if len(reads) == 2:
                simulator.change_webhook(webhook.id, paused=False)
                simulator.settle(10)
            return read(number)

        return read_late

    for name in ("delivery", "attempts_of"):
        monkeypatch.setattr(reader, name, meanwhile(getattr(reader, name)))
    found = simulator.delivery(delivery["id"])

    assert len(receiver.captures) == 1
    assert (found["state"], len(found["attempts"])) in (("pending", 0), ("accepted", 1))


def test_a_webhook_lives_and_dies(door: Door, receiver: Receiver) -> None:
    added = door.add_webhook(receiver.url, signing_key=SECRET)
    assert [each.id for each in door.webhooks()] == [added.id]
    assert door.webhook(added.id).signing_key is not None
    assert door.test_webhook(added.id)["status"] == "SUCCESS"

    changed = door.change_webhook(added.id, paused=True, verify_tls=False, signing_key="")
    assert (changed.paused, changed.verify_tls, changed.signing_key) == (True, False, None)

    door.delete_webhook(added.id)
    assert door.webhooks() == []


def test_a_key_never_leaves_its_server(client: Client, receiver: Receiver) -> None:
    added = client.add_webhook(receiver.url, signing_key=SECRET)

    assert added.signing_key is KEPT
    assert SECRET not in repr(client.webhooks())


def test_a_reset_forgets(door: Door, receiver: Receiver) -> None:
    door.add_webhook(receiver.url)
    door.trigger(_spec(receiver))

    door.reset()

    assert door.webhooks() == [] and door.count(AttemptQuery())["count"] == 0


def test_something_is_done_in_the_world(door: Door, receiver: Receiver) -> None:
    door.add_webhook(receiver.url, signing_key=SECRET)

    done = door.act("publish", run="mine", name="Claims", data_sources=("sales.orders",))

    assert (done["kind"], done["entity"]["name"], done["events"][0]["run"]) == ("data product", "Claims", "mine")
    assert door.settle(10) and door.settle() and door.idle()
    assert len(receiver.captures) == 1


def test_a_scenario_is_played_followed_and_canceled(door: Door, receiver: Receiver) -> None:
    told = door.start_run(yaml=STORY, to=receiver.url, signing_key=SECRET, seed=3, run="one", wait=20)
    long = door.start_run(yaml="steps: [{wait: 60s}]", variables={})
    waited = door.run(long["run"], wait=0.01)
    door.cancel_run(long["run"])
    over = door.run(long["run"], wait=20)

    assert (told["state"], told["seed"], told["report"]["status"]) == ("passed", 3, "passed")
    assert len(receiver.captures) == 1
    assert (long["state"], waited["state"], over["state"]) == ("playing", "playing", "error")
    assert [each["run"] for each in door.runs()] == [long["run"], "one"]
    assert b"<testsuite" in door.run_report("one", "junit")
    assert door.compare_runs("one", "one") == {"same": True, "differences": []}


def test_settling_ends_when_time_is_up(door: Door, make_receiver: Callable[..., Receiver]) -> None:
    door.trigger(_spec(make_receiver("200:500ms")))

    assert not door.idle()
    assert door.settle(0.05) is False


def test_a_configuration_is_tested_and_not_kept(door: Door, receiver: Receiver) -> None:
    assert door.test_config(receiver.url, signing_key=SECRET)["status"] == "SUCCESS"
    assert door.webhooks() == []


def test_a_virtual_clock_is_moved(make_simulator: Callable[..., Simulator]) -> None:
    simulator = make_simulator(start=0)
    with served(simulator) as url, Client(url) as client:
        state = client.advance(timedelta(days=1, milliseconds=250))
        client.act("request", product=client.act("publish")["entity"]["id"])
        reminded = client.advance(to="next")
        there = [client.advance(to=each)["now"] for each in (datetime(1971, 1, 1, tzinfo=UTC), "1971-01-02T00:00:00Z")]

    assert state["now"] == "1970-01-02T00:00:00.250000000Z"
    assert reminded["now"] == "1970-01-02T14:00:00.000000000Z"
    assert there == ["1971-01-01T00:00:00.000000000Z", "1971-01-02T00:00:00.000000000Z"]


@pytest.mark.parametrize("form", ["jsonl", "har", "curl"])
def test_an_export_is_the_same(client: Client, simulator: Simulator, receiver: Receiver, form: str) -> None:
    for _ in range(3):
        simulator.trigger(_spec(receiver))
    simulator.wait(AttemptQuery(), count=3)

    assert b"".join(client.export(AttemptQuery(), form)) == b"".join(export(simulator.history, AttemptQuery(), form))


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSALS: list[tuple[type[EmitterError], Callable[[Door], object]]] = [
    (UnknownEventType, lambda door: door.trigger(TriggerSpec(type="revokd"))),
    (UnknownEventType, lambda door: door.event_type("created")),
    (InvalidEvent, lambda door: door.trigger(TriggerSpec(type="revoked", set={"timestamp": "never"}))),
    (EgressRefused, lambda door: door.add_webhook("http://169.254.169.254/")),
    (BadTarget, lambda door: door.add_webhook("nonsense")),
    (BadSigningKey, lambda door: door.add_webhook("http://h.test/", signing_key="a\nb")),
    (BadValue, lambda door: door.trigger(TriggerSpec(type="revoked", unset=("data.nothing",)))),
    (NotFound, lambda door: door.attempt(99)),
    (NotFound, lambda door: door.delivery(NO_UUID)),
    (NotFound, lambda door: door.event("no such thing?")),
    (NotFound, lambda door: door.webhook(NO_UUID)),
    (NotFound, lambda door: door.resend(99)),
    (Conflict, lambda door: door.advance(timedelta(days=1))),
    (Conflict, lambda door: door.advance(to="next")),
    (UnknownName, lambda door: door.act("aprove")),
    (UnknownName, lambda door: door.act("publish", nam="x")),
    (UsageError, lambda door: door.act("request")),
    (NotFound, lambda door: door.act("request", product="no such one")),
    (NotFound, lambda door: door.world_entity("users", "")),
    (UnknownName, lambda door: door.world_entity("things", "x/y")),
    (BadValue, lambda door: door.world_entities("requests", status="gone")),
    (IllegalAction, lambda door: door.act("publish", name=_taken(door))),
    (NotFound, lambda door: door.scenario("deneid")),
    (ScenarioError, lambda door: door.start_run(yaml="steps: [{act: publsh}]")),
    (BadValue, lambda door: door.start_run(yaml=STORY, run="a/b")),
    (UsageError, lambda door: door.start_run()),
    (BadSigningKey, lambda door: door.start_run(yaml=STORY, to="http://h.test/", signing_key="a\nb")),
    (Conflict, lambda door: door.start_run("receiver-down-with-retries")),
    (NotFound, lambda door: door.run("nothing")),
]


def _taken(door: Door) -> str:
    """The name of a product that is there."""
    there = door.world_entities("data products") or [door.act("publish")["entity"]]
    return str(there[0]["name"])


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Simulator, Client]]:
    """A simulator of which nothing wrong is asked that would change it, and a client of it."""
    with Simulator(Settings(store=None)) as simulator, served(simulator) as url, Client(url) as client:
        yield simulator, client


@pytest.mark.parametrize(("kind", "act"), REFUSALS, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_refused_there_is_refused_here_in_the_same_words(
    both: tuple[Simulator, Client], kind: type[EmitterError], act: Callable[[Door], object]
) -> None:
    simulator, client = both
    with pytest.raises(kind) as here:
        act(simulator)
    with pytest.raises(kind) as there:
        act(client)

    assert type(there.value) is type(here.value)
    assert str(there.value) == str(here.value)


def test_an_error_keeps_its_facts(client: Client) -> None:
    with pytest.raises(UnknownEventType) as unknown:
        client.event_type("revokd")
    with pytest.raises(InvalidEvent) as invalid:
        client.trigger(TriggerSpec(type="revoked", set={"timestamp": "never"}))

    assert unknown.value.nearest[0].endswith("revoked")
    assert isinstance(invalid.value.violations[0], Violation)
    assert invalid.value.violations[0].pointer == "/timestamp"
    with pytest.raises(IllegalAction) as illegal:
        client.act("publish", name=_taken(client))
    with pytest.raises(ScenarioError) as scenario:
        client.start_run(yaml="steps:\n- act: publsh")
    assert scenario.value.mistakes[0][0] == 2 and "publish" in scenario.value.mistakes[0][1]
    assert (illegal.value.kind, illegal.value.state) == ("data product", "ACTIVE") and "suspend" in illegal.value.legal


# --- servers that are none --------------------------------------------------------------------------------------------


def test_a_proxy_of_the_environment_is_ignored(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", nobody())
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert client.state()["version"]


def test_nobody_there() -> None:
    with pytest.raises(ServerUnreachable, match="the connection was refused. Start one with `emitter serve`"):
        Client(nobody()).state()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", 'gave 200 with "text/html"'),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "gave 404 Not Found"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "gave 302 Found"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "an answer of another shape"),
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9\r\n", "No simulator answers"),
    ],
)
def test_something_else_there(answer: bytes, text: str) -> None:
    with answering(answer) as url, pytest.raises(ServerUnreachable) as error:
        Client(url).state()

    assert text in str(error.value)


@pytest.mark.parametrize("url", ["ftp://h/", "http://", "http://[::1", "http://h/?x=1", "http://h:99999"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadTarget, match="is no address of a simulator"):
        Client(url)


def test_an_address_may_leave_the_scheme_out(client: Client) -> None:
    assert Client(client.url.removeprefix("http://")).state()["version"]


@pytest.mark.parametrize("token", ["a\nb", "日本"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(UsageError) as error:
        Client("http://127.0.0.1:1", token=token)

    assert token not in str(error.value) and "EMITTER_TOKEN" in str(error.value)


def test_a_wrong_token_says_which_setting_it_is(simulator: Simulator) -> None:
    with served(simulator, access=Access.local("the-right-one")) as url:
        assert Client(url, token="the-right-one").state()
        with pytest.raises(UsageError, match="EMITTER_TOKEN"):
            Client(url, token="a-wrong-one").state()
