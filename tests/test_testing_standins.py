"""Stand-ins in the hands of a test of a relay: as fixtures, over HTTP, and what they say when something is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from emitter.clock import VirtualClock, monotonic
from emitter.errors import BadValue, NotFound, UnknownName, UsageError
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.standins.opened import MOST
from emitter.testing import NotAsExpected, PagerDuty, ServedRequestApp, TeamsWorkflow
from emitter.web.access import Access
from tests.support_http import Api
from tests.support_standins import RAW, ROUTING_KEY, alert, card, message, post

pytest_plugins = ["pytester"]

NOW = 1_893_488_400 * 10**9  # 2030-01-01T09:00:00Z
SIG = "a-credential-of-mine"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def teams(clock: VirtualClock) -> Iterator[TeamsWorkflow]:
    with TeamsWorkflow(clock=clock) as opened:
        yield opened


@pytest.fixture
def pagerduty(clock: VirtualClock) -> Iterator[PagerDuty]:
    with PagerDuty(clock=clock) as opened:
        yield opened


def failure_of(call: Callable[..., Any], **how: Any) -> str:
    with pytest.raises(NotAsExpected) as caught:
        call(**how)
    return str(caught.value)


# --- expectations -----------------------------------------------------------------------------------------------------


def test_exactly_one_alert_is_open_for_a_product(pagerduty: PagerDuty) -> None:
    post(pagerduty.url, alert(key="a"))
    post(pagerduty.url, alert(key="a"))
    post(pagerduty.url, alert(key="b", summary="Access to Orders"))
    post(pagerduty.url, alert("resolve", key="b"))
    post(pagerduty.change_url, {"routing_key": ROUTING_KEY, "payload": {"summary": "Orders was published"}})

    pagerduty.expect(open=1, about="Claims 2025")
    pagerduty.expect(open=0, alerts=1, changes=1, about="Orders")
    pagerduty.expect(open=1, alerts=2, changes="1..", lost=0, calls=5, refused=0)


def test_cards_and_runs_that_failed_are_counted(teams: TeamsWorkflow) -> None:
    post(teams.url, message(card(), card("Orders")))
    post(teams.url, RAW)
    post(teams.base + "/elsewhere", message(card()))

    teams.expect(cards=2, runs=2, failed=1, calls=3, refused=1)
    teams.expect(cards=1, about="orders")
    teams.clear()
    teams.expect(cards=0, calls=0)


def test_it_is_asked_again_for_as_long_as_was_said(teams: TeamsWorkflow) -> None:
    teams.answer("202:50ms")

    async def relay_and_test() -> None:
        sent = asyncio.to_thread(post, teams.url, message(card()))
        await asyncio.gather(sent, teams.aio.expect(cards=1, within="5s"))

    asyncio.run(relay_and_test())
    teams.expect(cards=1, within=timedelta(milliseconds=1))


def test_who_is_asked_again_is_not_held_up_by_the_asking(teams: TeamsWorkflow) -> None:
    post(teams.url, message(*(card("a" * 200) for _ in range(200))))  # of those that take longest to be compared
    wanted = "ab" * 120

    async def relay_and_test() -> None:
        sent = asyncio.to_thread(post, teams.url, message(card(wanted)))
        await asyncio.gather(teams.aio.expect(cards=1, about=wanted, within="2s"), sent)

    asyncio.run(relay_and_test())
    began = monotonic()
    assert "there were 1" in failure_of(teams.expect, cards=2, about=wanted)
    assert monotonic() - began < 5


def test_limits_and_times_go_by_the_clock_of_the_test(clock: VirtualClock) -> None:
    from emitter.standins import PagerDutySwitches

    with PagerDuty(PagerDutySwitches(calls_a_minute=1), clock=clock) as pagerduty:
        statuses = [post(pagerduty.url, alert(key="")).status_code for _ in range(2)]
        clock.advance(timedelta(minutes=1))
        statuses.append(post(pagerduty.url, alert(key="")).status_code)

        assert statuses == [202, 429, 202]
        pagerduty.expect(refused=1, open=2)


# --- what a failure says ----------------------------------------------------------------------------------------------


def test_an_alert_that_is_open_twice_is_told_with_both(pagerduty: PagerDuty) -> None:
    post(pagerduty.url, alert(key="claims/1"))
    post(pagerduty.url, alert(key="claims/2"))
    post(pagerduty.url, alert(key="orders", summary="Access to Orders"))
    post(pagerduty.url, alert("resolve", key="nobody's"))

    assert failure_of(pagerduty.expect, open=1, about="Claims 2025") == (
        "1 of 1 expectations is not met:\n"
        '  expected  1 open alert about "Claims 2025" at PagerDuty\n'
        "  came      there were 2\n"
        '            there is: 2030-01-01 09:00:00  alert 1 "Access to Claims 2025": triggered, dedup_key "claims/1"\n'
        '            there is: 2030-01-01 09:00:00  alert 2 "Access to Claims 2025": triggered, dedup_key "claims/2"\n'
        "  In all, the nearest first:\n"
        '    2030-01-01 09:00:00  alert 2 "Access to Claims 2025": triggered, dedup_key "claims/2"\n'
        '    2030-01-01 09:00:00  alert 1 "Access to Claims 2025": triggered, dedup_key "claims/1"\n'
        '    2030-01-01 09:00:00  alert 3 "Access to Orders": triggered, dedup_key "orders"\n'
        "    2030-01-01 09:00:00  call 4, resolve  dedup_key nobody's: answered 202, dropped: no alert is open with "
        "that dedup_key; 3 open: An acknowledge or resolve never opens an alert. That it is answered 202 all the same "
        "is assumed."
    )


def test_a_run_that_failed_is_told_with_its_reason(teams: TeamsWorkflow) -> None:
    post(teams.url, message(card("Orders")))
    post(teams.url, RAW)

    assert failure_of(teams.expect, cards=2, failed=0) == (
        "2 of 2 expectations are not met:\n"
        "  expected  2 cards in the channel at Teams\n"
        "  came      there were 1\n"
        '            there is: 2030-01-01 09:00:00  card 1 "Orders"\n'
        "  expected  0 failed runs at Teams\n"
        "  came      there were 1\n"
        "            there is: 2030-01-01 09:00:00  run 2 Failed: The result of the evaluation of 'foreach' expression "
        "'@triggerOutputs()?['body']?['attachments']' is of type 'Null'. The result must be a valid array.\n"
        "  In all, the nearest first:\n"
        '    2030-01-01 09:00:00  card 1 "Orders"\n'
        "    2030-01-01 09:00:00  call 2, a raw event, access_requests.revoked: answered 202, run 2 failed, which the "
        "sender cannot see: The result of the evaluation of 'foreach' expression "
        "'@triggerOutputs()?['body']?['attachments']' is of type 'Null'. The result must be a valid array."
    )


def test_where_nobody_called_that_is_said(teams: TeamsWorkflow, pagerduty: PagerDuty) -> None:
    assert failure_of(teams.expect, cards="1..", within="1ms").splitlines()[-2:] == [
        "  In all, the nearest first:", "    nobody has called Teams",
    ]  # fmt: skip
    assert "came      there were 0" in failure_of(pagerduty.expect, open=1)


def test_slips_are_told_with_the_likely_word(teams: TeamsWorkflow, pagerduty: PagerDuty) -> None:
    for call, kind, says in (
        (lambda: pagerduty.expect(opne=1), UnknownName, 'no expectation of PagerDuty "opne". Did you mean "open"?'),
        (lambda: teams.expect(cards="many"), BadValue, "is no count. Write 3, 2..5, 2.. or ..5."),
        (lambda: teams.expect(), UsageError, "Say what is expected of Teams: cards, runs, failed"),
        (lambda: pagerduty.expect(lost=0, about="x"), UsageError, "`about` goes with open, alerts, changes."),
        (lambda: teams.answer("2000"), BadValue, "is no script of answers"),
        (lambda: teams.answer(True), BadValue, "is no script of answers"),
        (lambda: PagerDuty(keys="my-very-own-key"), UsageError, "keys is a list of routing keys"),
        (lambda: PagerDuty(keys=["my-very-own-key"]), UsageError, "A routing key has 32 letters and digits"),
        (lambda: TeamsWorkflow(sig=5), UsageError, "sig is a text"),
    ):
        with pytest.raises(kind) as caught:
            call()
        assert says in str(caught.value) and "my-very-own-key" not in str(caught.value)


def test_a_status_alone_is_a_script(teams: TeamsWorkflow) -> None:
    teams.answer(503)

    assert post(teams.url, message(card())).status_code == 503


# --- fixtures ---------------------------------------------------------------------------------------------------------

MINE = """
    import pytest
    import requests

    CARD = {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": "Claims 2025"}]}
    ITEM = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": CARD}
    EVENT = {"routing_key": "0" * 32, "event_action": "trigger", "dedup_key": "1",
             "payload": {"summary": "Claims 2025", "source": "me", "severity": "info"}}

    def test_both_are_on_the_clock_of_the_app(request_app, teams_workflow, pagerduty):
        request_app.advance("1d")
        assert requests.post(teams_workflow.url, json={"attachments": [ITEM]}).status_code == 202
        assert requests.post(pagerduty.url, json=EVENT).status_code == 202
        teams_workflow.expect(cards=1, failed=0, about="Claims 2025")
        [alert] = pagerduty.open_alerts()
        assert alert.opened_at == teams_workflow.cards()[0].at == 1_893_574_800 * 10**9 + 6 * 86_400 * 10**9

    @pytest.mark.pagerduty(keys=["1" * 32], unknown_key_status=403)
    @pytest.mark.teams_workflow(sig="mine", flow="off", no_flow_status=410)
    def test_the_marker_says_how_they_behave(teams_workflow, pagerduty):
        assert requests.post(teams_workflow.url, json={"attachments": []}).status_code == 410
        assert requests.post(pagerduty.url, json=EVENT).status_code == 403
        assert "sig=mine" in teams_workflow.url

    @pytest.mark.teams_workflow(flw="off")
    def test_a_slip(teams_workflow): pass

    @pytest.mark.pagerduty(keys="1" * 32)
    def test_a_key_that_is_no_list(pagerduty): pass

    def test_a_failure(teams_workflow):
        teams_workflow.expect(cards=1)
"""


def test_the_fixtures_stand_in_on_the_clock_of_their_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MINE)

    ran = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "--strict-markers")

    ran.assert_outcomes(passed=2, failed=1, errors=2)
    ran.stdout.fnmatch_lines(
        [
            'teams_workflow: There is no switch "flw". Did you mean "flow"?*',
            "pagerduty: keys is a list of routing keys, *",
            "E * expected  1 card in the channel at Teams",
        ]
    )
    ran.stdout.no_fnmatch_line("*emitter/*.py:*")


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[ServedRequestApp]:
    with ServedRequestApp(seed=7) as opened:
        yield opened


@pytest.fixture(params=["here", "there"])
def door(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "there":
        found: ServedRequestApp = request.getfixturevalue("served")
        found.reset()
        yield found.door
    else:
        with Simulator(Settings(store=None, start=NOW)) as opened:
            yield opened


def test_a_stand_in_is_opened_read_back_changed_and_closed_through_any_door(door: Any) -> None:
    opened = door.open_standin("pagerduty", switches={"retry-after": 30}, answers="503,202")
    statuses = [requests.post(opened["url"], json=alert(key="a"), timeout=10).status_code for _ in range(2)]
    changed = door.change_standin(opened["id"], "close")
    with pytest.raises(requests.ConnectionError):
        requests.post(opened["url"], json=alert(key="a"), timeout=10)

    assert statuses == [503, 202] and changed["answers"] == "close" and opened["id"].startswith("pagerduty-")
    assert door.standin_state(opened["id"], about="claims 2025", limit=1)["openAlerts"] == 1
    assert door.expect_standin(opened["id"], {"open": 1, "about": "Claims 2025", "refused": 2})["passed"]
    told = door.expect_standin(opened["id"], {"open": 2, "within": "10ms"})
    assert not told["passed"] and told["text"].splitlines()[1] == "  expected  2 open alerts at PagerDuty"
    door.forget_standin(opened["id"])
    assert door.standin(opened["id"])["summary"] == "0 alerts, 0 open, 0 change events"
    assert [each["id"] for each in door.standins()] == [opened["id"]]
    door.close_standin(opened["id"])
    assert door.standins() == []
    for call in (door.standin, door.standin_state, door.forget_standin, door.close_standin):
        with pytest.raises(NotFound, match="None is open"):
            call(opened["id"])


def test_a_stand_in_shows_no_secret_of_its_own(door: Any) -> None:
    opened = door.open_standin("teams", secrets=[SIG])

    told = str([opened, door.standins(), door.standin_state(opened["id"])])

    assert opened["url"].endswith("sig=***") and SIG not in told
    assert post(opened["url"].replace("***", SIG), message(card())).status_code == 202
    assert post(opened["url"].replace("***", "another"), message(card())).status_code == 401


def test_it_goes_with_a_reset_and_with_the_simulator(door: Any) -> None:
    urls = [door.open_standin("teams")["url"]]
    door.reset()
    assert door.standins() == []

    with Simulator(Settings(store=None)) as short:
        urls.append(short.open_standin("teams")["url"])
    for url in urls:
        with pytest.raises(requests.ConnectionError):
            requests.post(url, json={}, timeout=10)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "service is missing"),
        ({"service": "slack"}, "teams"),
        ({"service": "teams", "switches": {"flw": "on"}}, 'Did you mean "flow"'),
        ({"service": "teams", "switches": {"flow": {}}}, "is neither a text nor a whole number"),
        ({"service": "teams", "switches": {"flow": "maybe"}}, "is none of on, off"),
        ({"service": "teams", "answers": "20"}, "is no script of answers"),
        ({"service": "pagerduty", "secrets": ["my-very-own-key"]}, "A routing key has 32 letters and digits"),
        ({"service": "pagerduty", "secrets": "my-very-own-key"}, "secrets"),
        ({"service": "teams", "secrets": ["my-very-own-key", "b"]}, "A flow has one sig"),
        ({"service": "teams", "port": 70_000}, "port"),
    ],
)
def test_what_is_no_stand_in_is_refused(make_simulator: Callable[..., Simulator], body: Any, says: str) -> None:
    answer = Api(make_simulator())("POST", "/simulator/standins", body)

    assert answer.status_code == 400 and says in answer.json["detail"] and "my-very-own-key" not in answer.text


def test_one_too_many_and_a_shared_server_are_refused(make_simulator: Callable[..., Simulator]) -> None:
    api = Api(make_simulator())
    for _ in range(MOST):
        assert api("POST", "/simulator/standins", {"service": "teams"}).status_code == 201
    assert api("POST", "/simulator/standins", {"service": "teams"}).status_code == 409

    token = "a-token-that-is-long-enough"
    shared = make_simulator(token=token, hosts=("localhost",), allow=("127.0.0.1",))
    refused = Api(shared, Access.shared(shared.settings), token=token)(
        "POST", "/simulator/standins", {"service": "teams"}
    )
    assert refused.status_code == 403 and "opens no stand-ins" in refused.json["detail"]


def test_what_is_expected_is_read_strictly_over_http(make_simulator: Callable[..., Simulator]) -> None:
    api = Api(make_simulator())
    api("POST", "/simulator/standins", {"service": "teams"})

    for body, says in (
        ({}, "expect is missing"),
        ({"expect": {"open": 1}}, 'no expectation of Teams "open"'),
        ({"expect": {"cards": -1}}, "is no count"),
        ({"expect": {"cards": 1, "about": "x" * 256}}, "is no text of 255 characters at most"),
        ({"expect": {"cards": 1, "within": "2h"}}, "is more than an hour"),
    ):
        answer = api("POST", "/simulator/standins/teams-1/expectations", body)
        assert answer.status_code == 400 and says in answer.json["detail"]
    assert api("GET", "/simulator/standins/teams-1/state?limit=501").status_code == 400
    assert api("GET", "/simulator/standins/teams-2").status_code == 404
