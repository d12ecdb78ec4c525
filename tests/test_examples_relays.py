"""The relays between the simulator and the stand-ins: one alert a request and none left open, whatever comes how."""

from __future__ import annotations

import json
import logging
import shlex
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from emitter.catalog import Catalog
from emitter.scenario import find
from emitter.scenario.loading import load
from emitter.standins import PagerDuty, TeamsWebhook
from emitter.trigger import TriggerSpec
from tests.support_examples import EXAMPLES, example
from tests.support_relays import MISCHIEF, PATIENCE, Stage, good, module, naive, stage, story

INTERLEAVINGS = 6  # of each kind; two hundred are played by `make acceptance`


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The good relay, for tests that look at their own products only."""
    with stage() as at, good(at, tmp_path_factory.mktemp("relay") / "relay.sqlite", every=0.3):
        yield at


def judge(at: Stage, name: str, made: list[str]) -> None:
    """One alert a request at most, none open, and no card twice."""
    at.pagerduty.wait_for(lambda pagerduty: not pagerduty.open_alerts(about=name), PATIENCE)
    at.settle()
    alerts = Counter(alert.event["payload"]["custom_details"]["request"] for alert in at.pagerduty.alerts(about=name))
    assert set(alerts) <= set(made) and set(alerts.values()) <= {1}, alerts
    cards = Counter(json.dumps(card.content) for card in at.teams.cards(about=name))
    assert set(cards.values()) <= {1}, cards
    assert at.teams.runs("Failed") == []
    assert [call for call in at.pagerduty.calls if call.status != 202] == []
    seen = at.relay.state()["requests"]  # one of which all events were lost, and then its product, never was
    assert {seen[id]["alert"] for id in made if id in seen} <= {"closed"}


def test_a_request_is_an_alert_until_it_is_decided_and_each_step_is_a_card(shared):
    product = shared.act("publish", name="Ledger 2030")
    request = shared.act("request", product=product["id"])
    shared.settle()
    [alert] = shared.pagerduty.open_alerts(about="Ledger 2030")
    granted = shared.act("approve", request=request["id"], duration="30d")
    shared.settle()
    ended = shared.pagerduty.open_alerts(about="Ledger 2030")
    for days in (24, 5.5, 1):
        shared.pass_time(days=days)
    shared.act("delete", product=product["id"])
    shared.settle()

    who, until = request["user"]["name"], granted["expiration"][:10]
    assert (alert.summary, alert.severity) == (f"{who} asks for access to Ledger 2030", "warning")
    assert ended == []
    assert [card.title for card in shared.teams.cards(about=request["id"])] == [
        f"{who} asks for access to Ledger 2030",
        f"{who} has access to Ledger 2030 until {until}",
        f"The access of {who} to Ledger 2030 ends in 7 days or less",
        f"The access of {who} to Ledger 2030 ends in 1 day or less",
        f"The access of {who} to Ledger 2030 has ended",
    ]
    changes = [change.summary for change in shared.pagerduty.changes(about=product["id"])]
    assert changes == ["Ledger 2030 was published", "Ledger 2030 was deleted"]
    assert all(not run.hints for run in shared.teams.runs())


def test_two_requests_for_one_product_are_two_alerts(shared):
    product = shared.act("publish", name="Orders 2030")["id"]
    first, second = (shared.act("request", product=product)["id"] for _ in range(2))
    shared.act("deny", request=first)
    shared.settle()

    [left] = shared.pagerduty.open_alerts(about="Orders 2030")
    assert left.event["payload"]["custom_details"]["request"] == second
    shared.act("cancel", request=second)
    shared.settle()
    judge(shared, "Orders 2030", [first, second])


@pytest.mark.parametrize("seed", range(INTERLEAVINGS))
def test_in_every_interleaving_there_is_one_alert_a_request_and_none_is_left_open(shared, seed):
    judge(shared, *story(shared, seed))


@pytest.mark.acceptance
def test_in_two_hundred_interleavings_there_is_one_alert_a_request_and_none_is_left_open(tmp_path):
    with stage() as at, good(at, tmp_path / "relay.sqlite", every=0.3):
        for seed in range(1000, 1200):
            judge(at, *story(at, seed))


@pytest.mark.parametrize("name", ["everything-twice-and-out-of-order", "product-deleted-under-requests"])
def test_a_scenario_of_the_library_leaves_open_what_waits_and_nothing_else(tmp_path, name):
    with stage() as at, good(at, tmp_path / "relay.sqlite"):
        report = at.simulator.play(load(find(name), catalog=at.simulator.catalog))
        at.settle()

        assert report.status == "passed", report.error
        there = at.simulator.world.known.requests.values()
        waiting = sorted(each.id for each in there if each.status == "PENDING" and not each.deleted_at)
        open_now = [each.event["payload"]["custom_details"]["request"] for each in at.pagerduty.open_alerts()]
        assert sorted(open_now) == waiting
        assert at.teams.runs("Failed") == []


def wrong_of_the_naive(at: Stage, seeds: range, mischief: tuple[str, ...]) -> set[str]:
    """What goes wrong with the naive relay in some interleavings."""
    found = set()
    for seed in seeds:
        name, made = story(at, seed, mischief)
        product = at.simulator.act("publish", name=f"Other {seed}")["entity"]["id"]  # a name is free again
        assert product
        about = [alert for alert in at.pagerduty.alerts() if name in alert.summary]
        if any(alert.open for alert in about):
            found.add("an alert is left open")
        cards = Counter(card.title for card in at.teams.cards(about=name))
        if max(cards.values()) > 3:  # of three requests
            found.add("a card is posted twice")
        if len(about) < len(made):
            found.add("requests share an alert")
    return found


def test_the_naive_relay_leaves_alerts_open_and_posts_twice():
    with stage() as at, naive(at):
        mischief = tuple(each for each in MISCHIEF if each != "drop")  # that nobody could blame it for

        assert wrong_of_the_naive(at, range(INTERLEAVINGS), mischief) == {
            "an alert is left open", "a card is posted twice", "requests share an alert",
        }  # fmt: skip


@pytest.mark.parametrize(("fault", "left"), [((), 0), (("reorder:within=2h",), 1)])
def test_two_deliveries_in_another_order_are_enough_for_the_naive_relay(fault, left):
    with stage() as at, naive(at):
        product = at.act("publish", name="Claims")["id"]
        request = at.act("request", fault, product=product)["id"]
        at.act("deny", request=request)
        at.pass_time(hours=3)

        assert len(at.pagerduty.open_alerts()) == left


@pytest.mark.parametrize("answers", ["503*3,202", "close,500,202"])
def test_an_outage_of_a_service_delays_what_is_sent_and_loses_nothing(tmp_path, answers):
    with stage() as at, TeamsWebhook(answers=answers) as teams, PagerDuty(answers=answers) as pagerduty:
        at.teams, at.pagerduty = teams, pagerduty
        with good(at, tmp_path / "relay.sqlite"):
            product = at.act("publish", name="Claims")["id"]
            request = at.act("request", product=product)["id"]
            at.settle()
            at.act("deny", request=request)
            at.settle()

            judge_calls = [call.status for call in pagerduty.calls]
            assert judge_calls.count(202) == len(judge_calls) - len(answers.split(",")[:-1]) - 2 * ("*" in answers)
            assert [alert.status for alert in pagerduty.alerts()] == ["resolved"]
            assert len(teams.cards()) == 2
            assert all(each.content["actions"][0]["url"].startswith("https://") for each in teams.cards())


def test_the_limit_of_pagerduty_is_waited_out(tmp_path):
    with stage(calls_a_minute=3) as at, good(at, tmp_path / "relay.sqlite"):
        product = at.act("publish", name="Claims")["id"]  # one change event
        for _ in range(4):
            at.act("request", product=product)
        at.simulator.settle(PATIENCE)
        at.pagerduty.wait_for(lambda pagerduty: pagerduty.calls and pagerduty.calls[-1].status == 429, PATIENCE)
        assert len(at.pagerduty.open_alerts()) + len(at.pagerduty.changes()) == 3
        at.pass_time(minutes=1)

        assert (len(at.pagerduty.open_alerts()), len(at.pagerduty.changes())) == (4, 1)


def test_what_is_acknowledged_outlives_the_relay(tmp_path):
    file = tmp_path / "relay.sqlite"
    notebook = module("relay", "notebook").Notebook(str(file))
    with stage() as at:
        product = at.act("publish", name="Claims")["id"]
        request = at.act("request", product=product)["id"]
        read = module("relay", "intake").read
        body = json.dumps({
            "timestamp": "2030-03-17T17:46:40.000000001Z", "type": "marketplace.data_product.data_sources.updated",
            "data": {"dataProductId": product, "dataProductName": "Claims"},
        }).encode()  # fmt: skip
        notebook.receive(read(body).digest, body)  # acknowledged, and then it died
        notebook.close()

        with good(at, file):
            at.settle()
            assert [change.summary for change in at.pagerduty.changes()] == ["Claims has other data sources"]
            assert len(at.pagerduty.open_alerts(about=request)) == 1
            at.act("deny", request=request)
            at.settle()
        with good(at, file):  # nor does it tell anything again
            at.settle()
            judge(at, "Claims", [request])
            assert len(at.pagerduty.changes()) == 1


def test_what_was_over_before_it_started_is_not_told(tmp_path):
    with stage() as at:
        product = at.act("publish", name="Claims")["id"]
        over, waits = (at.act("request", product=product)["id"] for _ in range(2))
        at.act("approve", request=over)
        with good(at, tmp_path / "relay.sqlite"):
            at.settle()

            assert at.teams.cards(about=over) == []
            assert [len(at.pagerduty.open_alerts(about=id)) for id in (over, waits)] == [0, 1]
            assert at.relay.state()["requests"][over]["status"] == "APPROVED"


def test_a_request_in_a_state_that_is_new_waits_for_somebody():
    outcome_of = module("relay", "mapping").outcome_of
    request = {"id": "r", "createdAt": "2030-01-02T09:00:00Z", "dataProduct": {"id": "p", "name": "Claims"}}

    first = [key for key, _, _ in outcome_of({**request, "status": "IN_REVIEW"}, None)]
    then = [key for key, _, _ in outcome_of({**request, "status": "APPROVED"}, "IN_REVIEW")]

    assert first == ["alert/r/trigger", "card/r/PENDING"]
    assert then == ["alert/r/resolve", "card/r/APPROVED"]


def test_an_event_that_cannot_be_worked_on_holds_nothing_up(tmp_path, caplog):
    with stage() as at, good(at, tmp_path / "relay.sqlite"), caplog.at_level(logging.CRITICAL, logger="relay"):
        at.relay.notebook.receive("no event", b"nonsense")
        at.act("request", product=at.act("publish", name="Claims")["id"])
        at.settle()

        assert len(at.pagerduty.open_alerts()) == 1
        assert at.relay.state()["refused"] == 1


def test_the_readme_says_what_becomes_of_each_type_and_it_does(shared):
    readme = (EXAMPLES / "relay" / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in readme.splitlines() if line.startswith("| `")]
    table = {name.strip(" `"): becomes.strip() for name, becomes in rows}
    mapping = module("relay", "mapping")

    names = [each.name for each in Catalog.load()]
    assert list(table) == [name.removeprefix(mapping.PREFIX) for name in names]
    for name in names:
        assert (name in mapping.CHANGED) == ("change event" in table[name.removeprefix(mapping.PREFIX)]), name


def shown_in_the_readme(instead: dict[str, str]) -> dict[str, str]:
    """The environment that the README sets, with other addresses."""
    readme = (EXAMPLES / "relay" / "README.md").read_text(encoding="utf-8")
    words = [
        word
        for line in readme.splitlines()
        if line.startswith("export ")
        for word in shlex.split(line, comments=True)[1:]
    ]
    for old, new in instead.items():
        words = [word.replace(old, new) for word in words]
    return dict(word.split("=", 1) for word in words)


def test_it_runs_as_a_program_that_refuses_what_is_not_signed(tmp_path):
    with stage() as at:
        product = at.act("publish", name="Claims")["id"]
        how = shown_in_the_readme({
            "http://127.0.0.1:8080": at.api.removesuffix("/marketplace"), "http://127.0.0.1:3001": at.teams.base,
            "http://127.0.0.1:3002": at.pagerduty.base, "relay.sqlite": str(tmp_path / "relay.sqlite"),
            "PORT=3000": "PORT=0",
        })  # fmt: skip
        with example("relay/relay.py", **how) as url:
            key = how["WEBHOOK_SIGNING_KEY"]
            at.simulator.add_webhook(f"{url}/hook", signing_key=key)
            request = at.act("request", product=product)["id"]
            wrongs = ((key, "truncated-body"), (key, "deep-nesting"), (key, "huge-body"), ("wrong", "twins"))
            for signed_with, fault in wrongs:
                [made] = at.simulator.trigger(
                    TriggerSpec(type="revoked", to=f"{url}/hook", signing_key=signed_with, faults=(fault,))
                )
                found = at.simulator.deliveries([each["id"] for each in made["deliveries"]], wait=PATIENCE)
                assert {each["attempts"][-1]["status"] // 100 for each in found} == {4}, fault
            at.settle()
            state = requests.get(f"{url}/state", timeout=PATIENCE).json()

    assert state == {"requests": {request: {"status": "PENDING", "alert": "open"}}, "waiting": 0, "refused": 0}
    assert len(at.pagerduty.open_alerts()) == 1
