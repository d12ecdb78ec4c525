"""The stand-ins for Teams and PagerDuty: what they answer, and what came of it behind the answer."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
import requests

from emitter.clock import VirtualClock
from emitter.errors import BadValue, Unavailable, UnknownName
from emitter.simulator import Simulator
from emitter.standins import PagerDuty, PagerDutySwitches, TeamsSwitches, TeamsWebhook, json_line, line
from emitter.standins.alerts import Alerts
from emitter.trigger import TriggerSpec
from tests.support_standins import PATIENCE, RAW, ROUTING_KEY, alert, card, message, post

START = 1_900_000_000 * 10**9
Make = Callable[..., Any]


@pytest.fixture
def teams(running: Make) -> TeamsWebhook:
    found: TeamsWebhook = running(TeamsWebhook())
    return found


@pytest.fixture
def pagerduty(running: Make) -> PagerDuty:
    found: PagerDuty = running(PagerDuty())
    return found


# --- Teams ------------------------------------------------------------------------------------------------------------


def test_a_card_is_answered_202_at_once_with_nothing_and_stands_in_the_channel(teams):
    answer = post(teams.url, message(card()))

    assert (answer.status_code, answer.content) == (202, b"")
    [posted] = teams.cards()
    assert posted.title == "Access to Claims 2025 is asked for"
    assert [run.status for run in teams.runs()] == ["Succeeded"]


def test_a_raw_event_is_answered_202_and_its_run_fails_out_of_the_senders_sight(teams, simulator):
    [triggered] = simulator.trigger(TriggerSpec(type="access-revoked", to=teams.url))
    [delivery] = simulator.deliveries([each["id"] for each in triggered["deliveries"]], wait=PATIENCE)

    assert delivery["attempts"][-1]["outcome"] == "accepted"  # that is all that the sender ever learns
    [run] = teams.runs("Failed")
    assert "triggerOutputs()?['body']?['attachments']" in run.error and "must be a valid array" in run.error
    assert "A relay has to stand between" in run.hints[0]
    assert teams.cards() == []
    [call] = teams.calls
    assert "raw event, access_requests.revoked" in line(call)
    assert "run 1 failed, which the sender cannot see" in line(call)


def test_the_same_card_twice_is_posted_twice(teams):
    for _ in range(2):
        post(teams.url, message(card()))

    assert len(teams.cards()) == 2


@pytest.mark.parametrize(
    ("content", "error", "hint"),
    [
        ({"text": "hello"}, "'type' must be 'AdaptiveCard'", "`type` is missing"),
        ({"type": "Message"}, "'type' must be 'AdaptiveCard'", 'is "Message"'),
        ({"@type": "MessageCard", "text": "x"}, "'type' must be 'AdaptiveCard'", "message-card=shown"),
        (json.dumps(card()), "not an object", "not a text that holds it"),
        (card(body={"type": "TextBlock"}), "must be arrays", "into a list"),
        (None, "null, not an object", ""),
    ],
)
def test_what_is_no_card_is_answered_202_and_fails(teams, content, error, hint):
    assert post(teams.url, message(content)).status_code == 202

    [run] = teams.runs("Failed")
    assert error in run.error
    assert hint in " ".join(run.hints)


def test_a_card_is_measured_after_conversion_not_on_the_wire(teams):
    quotes = card('"' * 8_000)
    assert len(json.dumps(quotes)) < 28_672

    assert post(teams.url, message(quotes)).status_code == 202

    [run] = teams.runs("Failed")
    assert re.search(r"MessageSizeExceeded.*Actual \d+ bytes, max allowed size is 28672 bytes", run.error)


def test_of_two_attachments_one_may_fail_the_run_and_the_other_is_posted(teams):
    post(teams.url, message({"type": "nothing"}, card("the good one")))

    assert [each.title for each in teams.cards()] == ["the good one"]
    [run] = teams.runs("Failed")
    assert run.posted == 1
    assert run.hints[0].startswith("Attachment 1:")


def test_a_button_that_does_nothing_is_remarked_upon(teams):
    post(teams.url, message(card(actions=[{"type": "Action.Submit", "title": "Approve"}])))

    [run] = teams.runs("Succeeded")
    assert run.hints == ("Action.Submit does nothing in a card from a webhook; Action.OpenUrl opens a link.",)


def test_the_last_attachment_without_content_url_is_refused_only_by_a_strict_flow(teams, running):
    strict = running(TeamsWebhook(TeamsSwitches(trigger_schema="strict")))
    body = message(card())
    del body["attachments"][0]["contentUrl"]

    assert post(teams.url, body).status_code == 202
    answer = post(strict.url, body)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {
            "code": "TriggerInputSchemaMismatch",
            "message": "The input body for trigger 'manual' of type 'Request' did not match its schema definition. "
            "Error details: 'Required properties are missing from object: contentUrl.'.",
        }
    }
    assert post(strict.url, RAW).status_code == 202  # no `attachments` at all is no mismatch


def test_a_body_that_is_not_declared_as_json_is_refused(teams):
    answer = post(teams.url, json.dumps(message(card())).encode(), headers={"Content-Type": "application/octet-stream"})

    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "InvalidRequestContent",
        "message": "The input body for trigger 'manual' of type 'Request' must be of type JSON, but was of type "
        "'application/octet-stream'.",
    }


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":1,"a":2}'])
def test_a_body_that_is_no_json_is_refused(teams, body):
    answer = post(teams.url, body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidRequestContent"
    assert teams.runs() == []


def test_the_signature_in_the_url_is_the_only_credential(running):
    teams = running(TeamsWebhook(sig="s3cr+t/="))
    bare = teams.url.partition("&sig=")[0]

    assert post(teams.url, message(card())).status_code == 202
    for url in (bare, f"{bare}&sig=other", teams.url.replace("&", "&amp;")):
        answer = post(url, message(card()))
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "DirectApiAuthorizationRequired"
    answer = post(teams.url, message(card()), headers={"Authorization": "Bearer x"})
    assert answer.json()["error"]["code"] == "DirectApiRequestHasMoreThanOneAuthorization"
    assert len(teams.cards()) == 1
    assert "&amp;" in "".join(teams.calls[3].why)
    assert "s3cr" not in json.dumps(teams.state())


def test_too_many_calls_are_refused_until_the_window_is_over(running):
    clock = VirtualClock(START)
    teams = running(TeamsWebhook(TeamsSwitches(calls_in_5_minutes=2, retry_after=30), clock=clock))
    statuses = [post(teams.url, message(card())).status_code for _ in range(2)]

    answer = post(teams.url, message(card()))
    clock.advance(timedelta(minutes=5))

    assert statuses == [202, 202]
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert post(teams.url, message(card())).status_code == 202
    assert len(teams.cards()) == 3


def test_a_flow_that_is_off_says_that_its_answer_is_assumed(running):
    teams = running(TeamsWebhook(TeamsSwitches(flow="off", no_flow_status=410)))

    assert post(teams.url, message(card())).status_code == 410
    assert "not known" in "".join(teams.calls[0].why)


def test_a_flow_with_a_response_action_says_200_whatever_becomes_of_the_run(running):
    teams = running(TeamsWebhook(TeamsSwitches(response="text")))

    assert post(teams.url, RAW).status_code == 200
    assert len(teams.runs("Failed")) == 1


def test_some_tenants_show_a_message_card(running):
    teams = running(TeamsWebhook(TeamsSwitches(message_card="shown")))
    post(teams.url, message({"@type": "MessageCard", "text": "Hello"}))

    assert [each.title for each in teams.cards()] == ["Hello"]
    assert "no buttons" in teams.runs()[0].hints[0]


# --- PagerDuty --------------------------------------------------------------------------------------------------------


def test_a_trigger_opens_an_alert_and_a_second_one_is_a_line_in_its_log(pagerduty):
    answers = [post(pagerduty.url, alert()) for _ in range(2)]

    assert [each.status_code for each in answers] == [202, 202]
    assert answers[0].json() == {"status": "success", "message": "Event processed", "dedup_key": "request/1"}
    [found] = pagerduty.open_alerts()
    assert (found.triggers, found.status, found.severity) == (2, "triggered", "warning")
    assert len(pagerduty.open_alerts(about="claims 2025")) == 1
    assert pagerduty.open_alerts(about="Orders") == []


def test_an_alert_lives_until_it_is_resolved_and_never_again(pagerduty):
    for action in ("trigger", "acknowledge", "trigger", "resolve", "resolve", "acknowledge", "trigger"):
        assert post(pagerduty.url, alert(action)).status_code == 202

    first, second = pagerduty.alerts()
    assert (first.status, first.triggers, second.status) == ("resolved", 2, "triggered")
    assert first.acknowledged_at is not None and first.resolved_at is not None
    became = [call.became for call in pagerduty.calls]
    assert "nobody is told again" in became[2]
    assert became[4].startswith("dropped: no alert is open with that dedup_key; alert 1 is resolved, and stays so")


def test_a_trigger_without_a_key_always_opens_another_alert(pagerduty):
    keys = {post(pagerduty.url, alert(key="")).json()["dedup_key"] for _ in range(3)}

    assert len(keys) == len(pagerduty.open_alerts()) == 3


def test_an_alert_is_touched_only_under_the_key_that_opened_it(pagerduty):
    post(pagerduty.url, alert())
    other = {**alert("resolve"), "routing_key": ROUTING_KEY[::-1]}

    assert post(pagerduty.url, other).status_code == 202
    assert len(pagerduty.open_alerts()) == 1
    assert "under another routing_key" in pagerduty.calls[-1].became


def test_a_raw_event_is_refused_with_all_that_is_wrong(pagerduty, simulator):
    [triggered] = simulator.trigger(TriggerSpec(type="access-revoked", to=pagerduty.url))
    [delivery] = simulator.deliveries([each["id"] for each in triggered["deliveries"]], wait=PATIENCE)

    assert (delivery["attempts"][-1]["outcome"], delivery["attempts"][-1]["status"]) == ("rejected", 400)
    answer = post(pagerduty.url, RAW)
    assert answer.json()["status"] == "invalid event"
    assert answer.json()["message"] == "Event object is invalid"
    assert {"'routing_key' is missing or blank", "'event_action' is missing or blank"} < set(answer.json()["errors"])
    assert "A relay has to stand between" in line(pagerduty.calls[-1])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"routing_key": "short"}, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ({"routing_key": "-" * 32}, "'routing_key' cannot contain non-alphanumeric characters."),
        ({"routing_key": 5}, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ({"event_action": "open"}, "'event_action' is invalid"),
        ({"event_action": ["trigger"]}, "'event_action' is invalid"),
        ({"payload": None}, "'payload' is missing or blank"),
        ({"payload": {"summary": "x", "severity": "info"}}, "'payload.source' is missing or blank"),
        ({"payload": {"summary": "x", "source": " ", "severity": "info"}}, "'payload.source' is missing or blank"),
        ({"payload": {"summary": "x", "source": "y"}}, "'payload.severity' is missing or blank"),
        (
            {"payload": {"summary": "x", "source": "y", "severity": "WARNING"}},
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
        ),
        ({"payload": {"source": "y", "severity": "info"}}, "'payload.summary' is missing or blank"),
        ({"payload": {"summary": "x" * 1025, "source": "y", "severity": "info"}}, "Length of 'payload.summary'"),
        ({"dedup_key": "x" * 256}, "Length of 'dedup_key'"),
        ({"dedup_key": 7}, "'dedup_key' must be a string"),
        ({"event_action": "resolve", "dedup_key": ""}, "'dedup_key' is missing or blank"),
        ({"links": [{"text": "x"}]}, "'links[0].href' is missing or blank"),
        ({"images": [{"src": "http://x"}]}, "'images[0].src' must be an HTTPS URL"),
        ({"links": "x"}, "'links' must be an array of objects"),
    ],
)  # fmt: skip
def test_an_event_with_something_wrong_is_refused_and_opens_nothing(pagerduty, change, error):
    answer = post(pagerduty.url, {**alert(), **change})

    assert answer.status_code == 400
    assert any(each.startswith(error) for each in answer.json()["errors"]), answer.json()
    assert pagerduty.alerts() == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"[" * 100_000])
def test_what_is_no_json_is_an_unrecognized_object(pagerduty, body):
    answer = post(pagerduty.url, body)

    assert answer.status_code == 400
    assert answer.json() == {
        "status": "Unrecognized object", "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    }  # fmt: skip


def test_what_is_over_long_is_cut_where_that_is_assumed(running):
    pagerduty = running(PagerDuty(PagerDutySwitches(over_long="cut")))

    assert post(pagerduty.url, alert(key="k" * 300, summary="s" * 2000)).status_code == 202
    [found] = pagerduty.alerts()
    assert (len(found.dedup_key), len(found.summary)) == (255, 1024)


def test_a_request_beyond_512_kb_is_refused(pagerduty):
    answer = post(pagerduty.url, alert(custom_details={"x": "y" * 512_000}))

    assert answer.status_code == 413


def test_a_change_event_is_kept_and_opens_no_alert(pagerduty):
    body = {"routing_key": ROUTING_KEY, "payload": {"summary": "Claims 2025 was published"}, "dedup_key": "x"}
    answer = post(pagerduty.change_url, body)

    assert (answer.status_code, "dedup_key" in answer.json()) == (202, False)
    assert [each.summary for each in pagerduty.changes(about="claims")] == ["Claims 2025 was published"]
    assert pagerduty.alerts() == []
    assert "has no dedup_key" in pagerduty.calls[-1].why[0]
    assert post(pagerduty.change_url, {"routing_key": ROUTING_KEY, "payload": {}}).status_code == 400


def test_past_the_rate_of_a_key_events_are_refused_and_not_taken(running):
    clock = VirtualClock(START)
    pagerduty = running(PagerDuty(PagerDutySwitches(calls_a_minute=3), clock=clock))
    statuses = [post(pagerduty.url, alert(key=f"request/{number}")).status_code for number in range(4)]
    other = post(pagerduty.url, {**alert(), "routing_key": ROUTING_KEY[::-1]})
    clock.advance(timedelta(seconds=60))

    assert statuses == [202, 202, 202, 429]
    assert other.status_code == 202
    assert post(pagerduty.url, alert(key="request/3")).status_code == 202
    assert len(pagerduty.open_alerts()) == 5


def test_calls_of_a_time_that_a_snapshot_took_back_are_not_counted(running):
    clock = VirtualClock(START)
    pagerduty = running(PagerDuty(PagerDutySwitches(calls_a_minute=1), clock=clock))
    clock.advance(timedelta(days=1))
    assert [post(pagerduty.url, alert()).status_code for _ in range(2)] == [202, 429]

    clock.set(START)

    assert [post(pagerduty.url, alert()).status_code for _ in range(2)] == [202, 429]


def test_only_the_keys_that_are_known_have_an_integration(running):
    pagerduty = running(PagerDuty(keys=[ROUTING_KEY]))

    answer = post(pagerduty.url, {**alert(), "routing_key": "z" * 32})

    assert (answer.status_code, answer.json()["errors"]) == (400, ["Invalid routing key"])
    assert post(pagerduty.url, alert()).status_code == 202
    assert ROUTING_KEY not in json.dumps(pagerduty.state())


def test_times_are_those_of_the_simulators_clock(running, make_simulator):
    simulator: Simulator = make_simulator(start=1_900_000_000 * 10**9, seed=1)
    pagerduty = running(PagerDuty(clock=simulator.clock))
    post(pagerduty.url, alert())
    simulator.advance(timedelta(days=3))
    post(pagerduty.url, alert("resolve"))

    [found] = pagerduty.alerts()
    assert found.resolved_at - found.opened_at == 3 * 86400 * 10**9


# --- both -------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[TeamsWebhook, PagerDuty])
def either(request: pytest.FixtureRequest, running: Make) -> Any:
    return running(request.param(keep=5, answers="500,close,202"))


def good(standin: Any) -> Any:
    return message(card()) if isinstance(standin, TeamsWebhook) else alert(key="")


def test_during_an_outage_nothing_is_taken(either):
    assert post(either.url, good(either)).status_code == 500
    with pytest.raises(requests.ConnectionError):
        post(either.url, good(either))
    assert post(either.url, good(either)).status_code == 202

    assert [call.status for call in either.calls] == [500, None, 202]
    assert "as scripted" in either.calls[1].became
    kept = either.cards() if isinstance(either, TeamsWebhook) else either.alerts()
    assert len(kept) == 1


@pytest.mark.parametrize("kind", [TeamsWebhook, PagerDuty])
def test_of_a_scripted_2xx_the_delay_counts_and_the_service_answers(running, kind):
    standin = running(kind(answers="200:150ms,204"))

    began = time.monotonic()
    first = post(standin.url, good(standin))
    took = time.monotonic() - began
    second = post(standin.url, good(standin))

    assert (first.status_code, second.status_code) == (202, 202)
    assert took >= 0.15 and second.elapsed.total_seconds() < took
    assert [call.passed for call in standin.calls] == [True, True]


@pytest.mark.parametrize("action", ["resolve", "acknowledge"])
def test_what_meets_no_open_alert_came_to_nothing(pagerduty, action):
    assert post(pagerduty.url, alert(action)).status_code == 202  # all that its sender learns

    [call] = pagerduty.calls
    assert not call.passed and call.became.startswith("dropped: no alert is open with that dedup_key")


def test_its_memory_has_bounds_and_can_be_emptied(either):
    for number in range(10):
        with nullcontext() if number != 1 else pytest.raises(requests.ConnectionError):
            post(either.url, good(either))

    state = requests.get(f"{either.base}/_standin/state", timeout=PATIENCE).json()
    kept = state["cards"] if "cards" in state else state["alerts"]
    assert [each["number"] for each in kept] == [4, 5, 6, 7, 8]  # of eight that were taken
    assert len(state["calls"]) == 5
    assert requests.delete(f"{either.base}/_standin/state", timeout=PATIENCE).status_code == 204
    assert either.calls == []


@pytest.mark.parametrize(
    ("query", "status"),
    [("?limit=0", 400), ("?limit=501", 400), ("?limit=x", 400), ("?abuot=x", 400), ("?limit=1", 200)],
)
def test_what_is_read_back_is_bounded(either, query, status):
    assert requests.get(f"{either.base}/_standin/state{query}", timeout=PATIENCE).status_code == status
    assert requests.post(f"{either.base}/_standin/state", timeout=PATIENCE).status_code == 405


def test_what_is_not_there_says_where_it_is(either):
    post(either.url, good(either))  # the first answers are scripted
    with pytest.raises(requests.ConnectionError):
        post(either.url, good(either))
    assert post(f"{either.base}/elsewhere", good(either)).status_code == 404
    assert "What it is called by: /" in either.calls[-1].why[0]
    assert requests.get(either.url, timeout=PATIENCE).status_code == 405


def test_what_is_waited_for_and_does_not_come_says_what_there_is(teams, pagerduty):
    with pytest.raises(Unavailable, match=r"within 0\.01 s\. Teams has: 0 cards in the channel, 0 failed runs"):
        teams.wait_for(lambda teams: teams.cards(), timeout=0.01)
    with pytest.raises(Unavailable, match=r"PagerDuty has: 0 alerts, 0 open, 0 change events"):
        pagerduty.wait_for(lambda pagerduty: pagerduty.alerts(), timeout=0.01)


def test_what_came_is_told_as_lines_and_as_json(teams):
    post(teams.url, message(card("\x1b[31mred")))

    [call] = teams.calls
    assert "\x1b" not in line(call)
    assert json.loads(json_line(call))["became"].startswith("run 1 succeeded: 1 posted")
    assert "\x1b[32m" in line(call, colour=True)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (["trigger-shema=strict"], 'There is no switch "trigger-shema". Did you mean "trigger-schema"?'),
        (["trigger-schema"], "Write it as NAME=VALUE"),
        (["trigger-schema=loose"], "is none of lenient, strict"),
        (["no-flow-status=200"], "is none of 400 to 599"),
    ],
)
def test_a_switch_that_cannot_be_is_refused(given, error):
    with pytest.raises((BadValue, UnknownName)) as caught:
        TeamsSwitches().changed(given)

    assert error in str(caught.value)


def test_switches_are_changed_as_they_are_written():
    assert TeamsSwitches().changed(["trigger-schema=strict", "retry_after=5"]) == TeamsSwitches(
        trigger_schema="strict", retry_after=5
    )


@pytest.mark.parametrize(
    "target", ["//[x?a=b", "/%zz?%=&&&;;", "/_standin/state?about=%ff%00", "*", "/?" + "a=1&" * 3000]
)
def test_a_target_that_is_odd_is_answered(either, target):
    with socket.create_connection(("127.0.0.1", either.port), timeout=PATIENCE) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").readline()

    assert answer.split()[1] in (b"200", b"404")


def test_of_alerts_those_that_are_open_are_kept_the_longest():
    found = Alerts(2, 10_000_000)
    for number, action in ((1, "trigger"), (2, "trigger"), (2, "resolve"), (3, "trigger")):
        found.take(alert(action), key=1, dedup_key=f"k{number}", at=number)

    assert [each.dedup_key for each in found] == [each.dedup_key for each in found.opened()] == ["k1", "k3"]


def test_large_alerts_are_kept_up_to_so_many_bytes():
    found = Alerts(100, 10_000)
    for number in range(10):
        found.take(alert(custom_details={"x": "y" * 3000}), key=1, dedup_key=f"k{number}", at=number)

    assert [each.dedup_key for each in found] == ["k8", "k9"]


def test_many_at_once_are_all_taken_and_counted(running):
    pagerduty = running(PagerDuty(PagerDutySwitches(calls_a_minute=1000)))
    with ThreadPoolExecutor(8) as pool:
        statuses = list(
            pool.map(lambda number: post(pagerduty.url, alert(key=f"k{number % 5}")).status_code, range(80))
        )

    assert set(statuses) == {202}
    assert [found.triggers for found in pagerduty.open_alerts()] == [16] * 5
    assert sorted(call.number for call in pagerduty.calls) == list(range(1, 81))
