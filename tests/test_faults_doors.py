"""Faults from every door: over HTTP, on the command line, through a client, on the pages, in exports."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from emitter.client import Client
from emitter.clock import EPOCH, monotonic, nanoseconds
from emitter.export import export
from emitter.faults import FAULTS, FaultSpec
from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from emitter.web import create_app
from tests.conftest import SECRET
from tests.support_cli import command_line, served
from tests.support_http import Api
from tests.support_pages import Page

START = nanoseconds(EPOCH.replace(year=2030))


@pytest.fixture
def emitter(tmp_path, monkeypatch):
    return command_line(tmp_path, monkeypatch)


@pytest.fixture
def api(simulator):
    return Api(simulator)


def page_of(simulator, path):
    answer = create_app(simulator).test_client().get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_an_event_is_triggered_under_faults_and_the_history_names_them(api, receiver):
    api.hook(receiver.url, signingKey=SECRET)

    [event] = api.trigger(
        faults=["duplicate", {"wrong-key": {"key": "very secret", "chance": 1}}, {"unknown-type": "a.b"}]
    )

    assert [each["attempts"][0]["faults"] for each in event["deliveries"]] == [
        ["unknown-type", "wrong-key"], ["duplicate", "unknown-type", "wrong-key"],
    ]  # fmt: skip
    assert [each["faults"] for each in event["deliveries"]] == [[], ["duplicate"]]
    found = api("GET", "/simulator/attempts?fault=duplicate").json["attempts"]
    assert [each["deliveryId"] for each in found] == [event["deliveries"][1]["id"]]
    assert found[0]["scheduledAt"].endswith("Z") and len(found[0]["scheduledAt"]) == 30
    assert api("GET", "/simulator/attempts/count?fault=any").json == {"count": 2, "capped": False}
    everything = (
        api("GET", "/simulator/attempts/export").text + api("GET", f"/simulator/attempts/{found[0]['id']}").text
    )
    assert "very secret" not in everything


def test_what_was_dropped_on_purpose_is_said_at_once(api, receiver):
    api.hook(receiver.url)

    answer = api("POST", "/simulator/trigger", {"type": "access-revoked", "faults": ["drop"]})

    [delivery] = answer.json["events"][0]["deliveries"]
    assert delivery["state"] == "dropped"
    assert api("GET", f"/simulator/deliveries/{delivery['id']}").json["faults"] == ["drop"]


@pytest.mark.parametrize(
    ("faults", "text"),
    [
        (["dulicate"], 'Did you mean "duplicate"?'),
        ([{"delay": "soon"}], "delay by"),
        ([{"delay": {"buy": "1m"}}], 'Did you mean "by"?'),
        ("duplicate", "no list of at most 50 faults"),
        ({"duplicate": {}}, "no list of at most 50 faults"),
        (["drop"] * 51, "no list of at most 50 faults"),
        ([{}], "is no fault"),
        ([None], "is no fault"),
    ],
)
def test_what_is_no_fault_is_refused_and_nothing_is_kept(api, faults, text):
    answer = api("POST", "/simulator/trigger", {"type": "access-revoked", "faults": faults})

    assert answer.status_code == 400
    assert text in answer.json["detail"]
    assert api("GET", "/simulator/events").json["events"] == []


def test_the_faults_are_listed(api, simulator):
    listed = api("GET", "/simulator/faults").json["faults"]

    assert [each["name"] for each in listed] == list(FAULTS)
    assert listed == simulator.faults()
    assert listed[1]["parameters"] == [
        {"name": "by", "kind": "duration", "help": "how much later, on the simulator's clock", "default": "5m"}
    ]


def test_the_clock_is_moved_under_faults(make_simulator, receiver):
    simulator = make_simulator(start=START)
    api = Api(simulator)
    api.hook(receiver.url)
    simulator.act("publish", name="Claims")
    simulator.act("request", product="Claims")

    answer = api("POST", "/simulator/clock/advance", {"by": "1d", "faults": ["unreachable"]})
    refused = api("POST", "/simulator/clock/advance", {"by": "1d", "faults": ["unreachabel"]})

    assert answer.status_code == 200
    assert [row["faults"] for row in simulator.attempts(AttemptQuery(fault=("any",)))["attempts"]] == [["unreachable"]]
    assert refused.status_code == 400


# --- through a client -------------------------------------------------------------------------------------------------


def test_a_client_asks_for_the_same(make_simulator, receiver):
    simulator = make_simulator(start=START, seed=7)
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    spec = TriggerSpec(type="access-revoked", faults=(FaultSpec.parse("delay:by=1h"), FaultSpec.parse("not-json")))

    with served(simulator) as url, Client(url) as client:
        assert client.faults() == simulator.faults()
        [event] = client.trigger(spec)
        client.advance(timedelta(hours=2), faults=["duplicate"])
        [attempt] = client.delivery(event["deliveries"][0]["id"])["attempts"]

    assert attempt["faults"] == ["delay", "not-json"]
    assert attempt["scheduledAt"] == "2030-01-01T01:00:00.000000000Z"
    assert TriggerSpec.from_json(spec.to_json()) == spec


# --- on the command line ----------------------------------------------------------------------------------------------


def test_trigger_takes_faults_and_shows_what_they_did(emitter, receiver):
    result = emitter(
        "trigger", "revoked", "--to", receiver.url, "--fault", "duplicate", "--fault", "wrong-key:attempts=1",
        EMITTER_SECRET=SECRET,
    )  # fmt: skip

    assert result.exit_code == 1
    assert "  ⚑ wrong-key\n" in result.stdout
    assert "  ⚑ duplicate, wrong-key\n" in result.stdout
    assert [capture.signature.ok for capture in receiver.captures] == [False, False]
    shown = emitter.ok("deliveries", "show", "1")
    assert "faults        wrong-key" in shown
    assert emitter.ok("deliveries", "list", "--fault", "duplicate").count("access_requests.revoked") == 1


def test_what_is_dropped_on_purpose_is_no_failure(emitter, receiver):
    alone = emitter.ok("trigger", "revoked", "--to", receiver.url, "--fault", "drop")
    many = emitter.ok(
        "trigger", "revoked", "--to", receiver.url, "--fault", "drop:chance=0.5", "--count", "30", "--seed", "7",
        "--secret", SECRET,
    )  # fmt: skip

    assert "dropped: Dropped on purpose (drop)." in alone
    assert f"{len(receiver.captures)} accepted" in many and "dropped on purpose" in many
    assert 5 < len(receiver.captures) < 25


@pytest.mark.parametrize("count", [2, 40])
def test_what_is_delayed_beyond_the_wait_is_not_waited_for(emitter, receiver, count):
    before = monotonic()

    result = emitter(
        "trigger", "revoked", "--to", receiver.url, "--count", count, "--seed", "8", "--wait", "20s",
        "--fault", "delay:by=1h,chance=0.5", "--secret", SECRET,
    )  # fmt: skip

    assert monotonic() - before < 15
    assert f"{len(receiver.captures)} accepted" in result.stdout
    assert f"{count - len(receiver.captures)} pending" in result.stdout
    assert 0 < len(receiver.captures) < count


def test_what_is_delayed_says_when_it_is_due(emitter, receiver):
    result = emitter(
        "trigger",
        "revoked",
        "--to",
        receiver.url,
        "--fault",
        "delay:1h",
        "--start",
        "2030-01-01T09:00:00Z",
        "--wait",
        "50ms",
    )

    assert result.exit_code == 1
    assert "attempt 1 is due 2030-01-01 10:00:00" in result.stdout


@pytest.mark.parametrize(
    ("fault", "text"),
    [("dulicate", 'Did you mean "duplicate"?'), ("delay:by=soon", "is no duration"), ("", "no fault")],
)
def test_a_fault_that_is_none_is_a_usage_error(emitter, fault, text):
    result = emitter("trigger", "revoked", "--fault", fault)

    assert result.exit_code == 2
    assert text in result.stderr


def test_the_command_lists_them_all_or_some(emitter):
    table = emitter.ok("faults")
    listed = json.loads(emitter.ok("faults", "--format", "json"))
    some = json.loads(emitter.ok("faults", "wrong_key", "drop", "--format", "json"))
    wrong = emitter("faults", "wrong-kee")

    assert all(f"  {name} " in table for name in FAULTS)
    assert [each["name"] for each in listed] == list(FAULTS)
    assert [each["name"] for each in some] == ["drop", "wrong-key"]
    assert (wrong.exit_code, 'Did you mean "wrong-key"?' in wrong.stderr) == (2, True)


# --- on the pages -----------------------------------------------------------------------------------------------------


def test_the_history_flags_what_went_wrong_on_purpose_in_words(simulator, receiver):
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.trigger(TriggerSpec(type="access-revoked"))
    simulator.trigger(
        TriggerSpec(type="access-revoked", faults=(FaultSpec.parse("wrong-key"), FaultSpec.parse("twins")))
    )
    simulator.settle(10)

    listed = page_of(simulator, "/")
    filtered = page_of(simulator, "/?fault=wrong-key")
    last = simulator.attempts(AttemptQuery(limit=1))["attempts"][0]["id"]
    detail = page_of(simulator, f"/deliveries/{last}")

    assert listed.text.count("⚑ fault: twins, wrong-key") == filtered.text.count("⚑ fault: twins, wrong-key") == 2
    assert "fault:wrong-key" in filtered.text
    assert detail.text.count("⚑ fault: twins, wrong-key") == 2


@pytest.mark.parametrize(
    "fault", ["deep-nesting:depth=100000", "deep-nesting:depth=900", "huge-body:size=1100KiB", "not-json"]
)
def test_a_body_that_is_awkward_on_purpose_can_be_looked_at_everywhere(
    fault, make_simulator, receiver, emitter, tmp_path
):
    simulator = make_simulator(store=tmp_path / "store.sqlite")
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.trigger(TriggerSpec(type="access-revoked", faults=(FaultSpec.parse(fault),)))
    simulator.settle(10)

    assert simulator.attempt(1)["contract"]["verdict"] in ("valid", "invalid")
    assert page_of(simulator, "/deliveries/1").text
    assert Api(simulator)("GET", "/simulator/attempts/1").status_code == 200
    for form in ("jsonl", "har", "curl"):
        assert b"".join(export(simulator.history, AttemptQuery(), form))
    simulator.close()
    assert "Attempt 1" in emitter.ok("deliveries", "show", "1", "--store", tmp_path / "store.sqlite")


def test_exports_name_the_faults(simulator, receiver):
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.trigger(TriggerSpec(type="access-revoked", faults=(FaultSpec.parse("not-json"),)))
    simulator.settle(10)

    lines, har, curl = (b"".join(export(simulator.history, AttemptQuery(), form)) for form in ("jsonl", "har", "curl"))

    assert json.loads(lines)["faults"] == ["not-json"]
    assert json.loads(har)["log"]["entries"][0]["_faults"] == ["not-json"]
    assert b"# It went wrong on purpose: not-json.\n" in curl
