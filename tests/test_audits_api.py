"""Audits over HTTP: a receiver is examined in the background, within bounds, and no key is kept or told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pytest

from emitter.audit.audits import KEPT, Audits
from emitter.client import Client
from emitter.errors import BadValue, Conflict, EgressRefused, NotFound, UnknownName, UsageError
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.testing import ServedRequestApp
from emitter.web.access import Access
from tests.support_bad_receivers import KEY, OLD, AcceptsEverything, Receiver, served
from tests.support_cli import nobody, silent
from tests.support_http import Api

PATIENT = {"wait": 60.0}
TOKEN = "a-token-that-is-long-enough"


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with served(Receiver()) as url:
        yield url


@pytest.fixture(scope="module")
def server() -> Iterator[ServedRequestApp]:
    with ServedRequestApp(seed=7, assume={"delivery.timeout": "2s"}) as opened:
        yield opened


@pytest.fixture(params=["here", "there"])
def door(request: pytest.FixtureRequest, server: ServedRequestApp) -> Iterator[Audits | Client]:
    if request.param == "there":
        assert isinstance(server.door, Client)
        yield server.door
    else:
        with Simulator(Settings(store=None)) as opened:
            yield Audits(opened)


def test_a_receiver_is_examined_and_the_report_is_there_in_every_form(door: Any, good: str) -> None:
    found = door.start_audit(f"{good}/hook", signing_key=KEY, old_key=OLD, only=["wrong-signature"], seed=1, **PATIENT)

    assert (found["state"], found["score"], found["error"]) == ("passed", 100, "")
    assert [each["name"] for each in found["report"]["checks"]] == ["good-delivery", "wrong-signature"]
    reports = {form: door.audit_report(found["id"], form) for form in ("json", "text", "junit", "html", "badge")}
    assert json.loads(reports["json"]) == found["report"]
    assert reports["text"].splitlines()[-1].startswith(b"score 100 of 100")
    assert XML.fromstring(reports["junit"]).get("tests") == "2"
    assert reports["html"].startswith(b"<!doctype html>") and b"100 / 100" in reports["badge"]
    assert not any(key.encode() in each for key in (KEY, OLD) for each in (*reports.values(), str(found).encode()))
    assert door.audits()[0] == {name: value for name, value in found.items() if name != "report"}


def test_what_is_found_decides_and_a_score_that_was_asked_for(door: Any) -> None:
    with served(AcceptsEverything()) as url:
        failed = door.start_audit(f"{url}/hook", signing_key="another", only=["signatures"], **PATIENT)
        enough = door.start_audit(f"{url}/hook", signing_key=KEY, only=["good-delivery"], fail_under=100, **PATIENT)

    assert failed["state"] == "failed" and failed["score"] < 100
    assert enough["state"] == "passed" and enough["failUnder"] == 100


def test_nobody_there_is_unreachable_and_told(door: Any) -> None:
    found = door.start_audit(nobody(), signing_key=KEY, **PATIENT)

    assert found["state"] == "unreachable" and found["error"].startswith("Nothing was answered")


def test_one_is_made_at_a_time_and_can_be_cancelled(door: Any) -> None:
    with silent() as url:
        made = door.start_audit(url, signing_key=KEY)
        with pytest.raises(Conflict, match=f"{made['id']} is being made, and one is made at a time"):
            door.start_audit(url, signing_key=KEY)
        with pytest.raises(Conflict, match="is still being made"):
            door.audit_report(made["id"])
        began = time.monotonic()
        door.cancel_audit(made["id"])
        ended = door.audit(made["id"], **PATIENT)

    assert made["state"] == "running" and made["progress"]["of"] > 40 and made["report"] is None
    assert ended["state"] == "cancelled" and time.monotonic() - began < 8
    assert door.audit_report(ended["id"], "text")
    door.cancel_audit(ended["id"])
    with pytest.raises(NotFound, match="audit"):
        door.audit(ended["id"])


def test_a_deadline_holds(door: Any) -> None:
    with silent() as url:
        began = time.monotonic()
        found = door.start_audit(url, deadline="200ms", **PATIENT)

    assert found["state"] == "unreachable" and time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("how", "kind", "says"),
    [
        ({"only": ["signaturs"]}, UnknownName, 'Did you mean "signatures"'),
        ({"deadline": "2h"}, BadValue, "is more than 3600 s"),
        ({"deadline": "soon"}, BadValue, "deadline"),
        ({"most": 0}, BadValue, "most"),
        ({"fail_under": 101}, BadValue, "failUnder"),
        ({"interleavings": 3}, UsageError, "give its URL as the probe"),
        ({"probe_headers": [("Authorization", "Bearer very-secret")]}, UsageError, "go with the URL of one"),
        ({"probe": "http://169.254.169.254/state"}, EgressRefused, "link-local"),
        ({"signing_key": "a\nb"}, UsageError, "signing key"),
    ],
)
def test_wrong_use_is_told_and_nothing_is_sent(door: Any, how: dict[str, Any], kind: type, says: str) -> None:
    before = len(door.audits())

    with pytest.raises(kind) as caught:
        door.start_audit("http://127.0.0.1:1/hook", **how)

    assert says in str(caught.value) and "very-secret" not in str(caught.value)
    assert len(door.audits()) == before


def test_another_machine_is_not_sent_to_unless_it_is_said(door: Any) -> None:
    with pytest.raises(UsageError, match="say yes if it may be sent"):
        door.start_audit("http://192.0.2.1/hook")

    made = door.start_audit("http://192.0.2.1/hook", deadline="50ms", yes=True, **PATIENT)
    assert made["state"] == "unreachable"


def test_its_own_address_is_never_examined(server: ServedRequestApp) -> None:
    with pytest.raises(EgressRefused):
        server.door.start_audit(f"{server.url}/simulator/reset")


# --- over HTTP alone --------------------------------------------------------------------------------------------------


@pytest.fixture
def api(make_simulator: Callable[..., Simulator]) -> Api:
    return Api(make_simulator())


def test_what_is_asked_is_read_strictly_and_no_secret_is_told(api: Api) -> None:
    url = {"url": "http://127.0.0.1:1/hook"}
    for body, says in (
        ({}, "url is missing"),
        ({**url, "onyl": []}, 'Did you mean "only"'),
        ({**url, "only": "signatures"}, "is no list"),
        ({**url, "only": [1]}, "is no list of names"),
        ({**url, "signingKey": 17}, "(a key)"),
        ({**url, "oldSigningKey": ["very-secret"]}, "(a key)"),
        ({**url, "probeHeaders": {"Authorization": "very-secret"}}, "(a key)"),
        ({**url, "probeHeaders": [["Authorization", "very-secret\n"]]}, "It is not shown"),
        ({**url, "probeHeaders": [["very-secret"]]}, "It is not shown"),
        ({**url, "interleavings": 10_001}, "is no whole number"),
        ({"url": "ftp://127.0.0.1/hook"}, "is no http or https URL"),
    ):
        answer = api("POST", "/simulator/audits", body)
        assert answer.status_code == 400 and says in answer.json["detail"], body
        assert "very-secret" not in answer.text
    assert api("GET", "/simulator/audits").json == {"audits": []}
    assert api("GET", "/simulator/audits/audit-1").status_code == 404
    assert api("GET", "/simulator/audits/audit-1/report?format=pdf").status_code == 400


def test_only_so_many_are_kept(api: Api) -> None:
    for _ in range(KEPT + 2):
        answer = api("POST", "/simulator/audits?wait=20s", {"url": nobody(), "only": ["probe"]})
        assert answer.status_code == 201, answer.text

    kept = [each["id"] for each in api("GET", "/simulator/audits").json["audits"]]
    assert kept == [f"audit-{number}" for number in range(KEPT + 2, 2, -1)]


def test_a_shared_server_examines_only_what_its_settings_allow(
    make_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    shared = make_simulator(token=TOKEN, hosts=("localhost",), allow=("192.0.2.1",))
    api = Api(shared, Access.shared(shared.settings), token=TOKEN)

    refused = api("POST", "/simulator/audits", {"url": "http://127.0.0.1:3000/hook"})
    of_a_file = api("POST", "/simulator/audits", {"url": "http://192.0.2.1/hook", "ca": str(tmp_path)})
    allowed = api(
        "POST", "/simulator/audits?wait=20s", {"url": "http://192.0.2.1/hook", "yes": True, "deadline": "5ms"}
    )

    assert refused.status_code == 400 and "is not among the targets allowed here" in refused.json["detail"]
    assert of_a_file.status_code == 403
    assert allowed.status_code == 201 and allowed.json["state"] == "unreachable"


def test_it_ends_with_its_simulator(make_simulator: Callable[..., Simulator]) -> None:
    simulator = make_simulator()
    audits = Audits(simulator)
    with silent() as url:
        made = audits.start_audit(url, signing_key=KEY)
        simulator.close(0.0)

    assert audits.audit(made["id"])["state"] == "cancelled"
