"""Scenarios and their runs over HTTP: what there is to play, playing it here, and what it found."""

from __future__ import annotations

import xml.etree.ElementTree as XML
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emitter.clock import EPOCH, nanoseconds
from emitter.receiver import Receiver
from emitter.runner.asking import asked as kept_as
from emitter.runner.asking import new_run
from emitter.scenario import library, schema
from emitter.scenario.telling import written
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.web.access import Access
from tests.support_http import SECRET, Api

START = nanoseconds(EPOCH.replace(year=2030, hour=9))
PUBLISH = "steps: [{act: publish, name: Claims}, {expect: {events: [product-published]}}]"
FAILS = "steps: [{act: publish}, {expect: {events: {product-published: 2}}}]"
LONG = "name: Long / story\nsteps: [{act: publish, title: The first step}, {wait: 60s}]"


@pytest.fixture
def api(make_simulator: Callable[..., Simulator]) -> Api:
    return Api(make_simulator(start=START, seed=7))


@pytest.fixture(scope="module")
def still() -> Iterator[Api]:
    """One app for all tests that play nothing to its end."""
    with Simulator(Settings(store=None, start=START)) as simulator:
        yield Api(simulator)


def _play(api: Api, yaml: str = PUBLISH, **more: Any) -> Any:
    answer = api("POST", "/simulator/runs?wait=20s", {"yaml": yaml, **more})
    assert answer.status_code == 201, answer.text
    return answer.json


# --- scenarios --------------------------------------------------------------------------------------------------------


def test_the_library_is_listed_and_each_is_shown_as_it_is_written(still: Api) -> None:
    listed = still("GET", "/simulator/scenarios").json["scenarios"]

    assert [each["name"] for each in listed] == [each.stem for each in library()]
    for each, file in zip(listed[:3], library(), strict=False):
        shown = still("GET", f"/simulator/scenarios/{each['name']}").json
        assert shown == {**each, "text": file.read_text(encoding="utf-8")}


def test_a_text_is_checked_whole_and_every_mistake_has_its_line(still: Api) -> None:
    text = "seeed: 1\nsteps:\n  - act: publsh\n  - advance: soon\n"

    wrong = still("POST", "/simulator/scenarios/check", {"yaml": text}).json
    right = still("POST", "/simulator/scenarios/check", {"yaml": PUBLISH, "name": "mine"}).json

    assert wrong["ok"] is False and wrong["scenario"] is None
    assert [each["line"] for each in wrong["mistakes"]] == [1, 3, 4]
    assert '"publish"' in wrong["mistakes"][1]["why"]
    assert (right["ok"], right["mistakes"], right["scenario"]["name"]) == (True, [], "mine")
    assert right["scenario"]["types"] == ["marketplace.data_product.state.created"]


def test_the_schema_of_the_language_is_served(still: Api) -> None:
    assert still("GET", "/simulator/scenarios/schema").json == schema()


@pytest.mark.parametrize("name", ["../denied", "denied.yaml", "/etc/passwd", "no-such", "..%2Fdenied"])
def test_only_the_library_is_found_by_name(name: str, still: Api) -> None:
    answer = still("POST", "/simulator/runs", {"scenario": name})

    assert answer.status_code == 404, answer.text
    assert still("POST", "/simulator/runs", {"scenario": "deneid"}).json["nearest"] == ["denied"]


# --- playing ----------------------------------------------------------------------------------------------------------


def test_a_scenario_of_the_library_is_played_here_to_its_end(api: Api, receiver: Receiver) -> None:
    answer = api("POST", "/simulator/runs?wait=20s", {
        "scenario": "denied", "to": receiver.url, "signingKey": SECRET, "run": "mine", "seed": 3,
    })  # fmt: skip

    run = answer.json
    assert (answer.status_code, run["run"], run["state"], run["seed"]) == (201, "mine", "passed", 3)
    assert run["report"]["status"] == "passed" and run["progress"] is None
    assert len(receiver.captures) == sum(run["report"]["tally"]["events"].values()) > 2
    assert {each["run"] for each in api("GET", "/simulator/events").json["events"]} == {"mine"}
    assert api("GET", "/simulator/runs").json["runs"] == [{each: run[each] for each in run if each != "report"}]


def test_variables_come_in_place_of_those_of_the_text(api: Api) -> None:
    text = "variables: {name: x, days: 1, sure: true}\nsteps: [{act: publish, name: '${name} ${days}'}]"

    run = _play(api, text, variables={"name": "Claims", "days": 2, "sure": False})

    assert run["variables"] == {"name": "Claims", "days": 2, "sure": False}
    assert api("GET", "/simulator/world/data-products").json["entities"][0]["name"] == "Claims 2"


def test_a_run_that_is_played_shows_where_it_is_and_ends_when_it_is_canceled(api: Api) -> None:
    begun = api("POST", "/simulator/runs", {"yaml": LONG})
    name = begun.json["run"]

    second = api("POST", "/simulator/runs", {"yaml": PUBLISH})
    moved = api("POST", "/simulator/clock/advance", {"by": "1d"})
    early = api("GET", f"/simulator/runs/{name}/report")
    waited = api("GET", f"/simulator/runs/{name}?wait=10ms").json
    canceled = api("POST", f"/simulator/runs/{name}/cancel")
    over = api("GET", f"/simulator/runs/{name}?wait=20s").json
    again = api("POST", f"/simulator/runs/{name}/cancel").json

    assert (begun.status_code, begun.json["state"], begun.json["report"]) == (202, "playing", None)
    assert begun.json["progress"]["at"] == "2030-01-01T09:00:00.000000000Z"
    assert [each.status_code for each in (second, moved, early, canceled)] == [409, 409, 409, 200]
    assert name in second.json["detail"] and name in moved.json["detail"] and "/" not in name
    assert waited["state"] == "playing"
    assert (over["state"], over["report"]["error"]) == ("error", "The run was stopped.")
    assert again["state"] == "error"
    assert _play(api)["state"] == "passed"


def test_what_fails_is_a_run_that_failed_and_no_error(api: Api) -> None:
    run = _play(api, FAILS)

    assert run["state"] == "failed"
    assert [each["passed"] for each in run["report"]["steps"][1]["findings"]] == [False]


@pytest.mark.parametrize(
    ("asked", "status", "hint"),
    [
        ({}, 400, "one of the two"),
        ({"scenario": "denied", "yaml": PUBLISH}, 400, "one of the two"),
        ({"scenario": "denied", "name": "x"}, 400, "name goes with yaml"),
        ({"yaml": "steps: []"}, 400, "scenario:1"),
        ({"yaml": "steps: [{act: publsh}]"}, 400, '"publish"'),
        ({"yaml": "steps: [{trigger: , body: /etc/passwd}]"}, 400, "body"),
        ({"yaml": PUBLISH, "variables": {"x": 1}}, 400, "variable"),
        ({"yaml": PUBLISH, "variables": {"x": []}}, 400, "plain value"),
        ({"yaml": PUBLISH, "variables": []}, 400, "variables"),
        ({"yaml": PUBLISH, "speed": -1}, 400, "speed"),
        ({"yaml": PUBLISH, "speed": True}, 400, "speed"),
        ({"yaml": PUBLISH, "seed": 1.5}, 400, "seed"),
        ({"yaml": PUBLISH, "run": "a/b"}, 400, "slash"),
        ({"yaml": PUBLISH, "run": "a\nb"}, 400, "printed"),
        ({"yaml": PUBLISH, "name": "x" * 201}, 400, "name"),
        ({"yaml": PUBLISH, "to": "nonsense"}, 400, "nonsense"),
        ({"yaml": PUBLISH, "to": "http://169.254.169.254/"}, 400, "169.254.169.254"),
        ({"yaml": PUBLISH, "to": "http://h.test/", "signingKey": "a\r\nb"}, 400, "line break"),
        ({"yaml": PUBLISH, "ca": "/nowhere.pem"}, 400, "ca"),
        ({"yaml": PUBLISH, "scenari": "x"}, 400, '"scenario"'),
        ({"scenario": "receiver-down-with-retries"}, 409, "--assume delivery.retry="),
    ],
)
def test_what_cannot_be_played_is_refused_and_leaves_no_run(asked: Any, status: int, hint: str, still: Api) -> None:
    answer = still("POST", "/simulator/runs?wait=10s", asked)

    assert answer.status_code == status, answer.text
    assert hint in answer.json["detail"]
    assert still("GET", "/simulator/runs").json["runs"] == []


def test_a_refusal_holds_every_mistake_of_a_text_for_programs(still: Api) -> None:
    answer = still("POST", "/simulator/runs", {"yaml": "a: 1\nsteps: []"})

    assert answer.json["type"] == "urn:emitter:problem:scenario-error"
    assert [each["line"] for each in answer.json["mistakes"]] == [1, 2]


def test_a_run_that_is_not_there_is_a_404(still: Api) -> None:
    for path in ("x", "x/report", "x/diff/y"):
        assert still("GET", f"/simulator/runs/{path}").status_code == 404
    assert still("POST", "/simulator/runs/x/cancel").status_code == 404


def test_two_runs_of_one_name_are_refused(api: Api) -> None:
    _play(api, run="one")

    answer = api("POST", "/simulator/runs", {"yaml": PUBLISH, "run": "one"})

    assert answer.status_code == 409
    assert len(api("GET", "/simulator/runs").json["runs"]) == 1


def test_a_key_is_in_no_answer(api: Api, receiver: Receiver) -> None:
    _play(api, to=receiver.url, signingKey=SECRET, run="one")

    texts = [api("GET", f"/simulator/runs{path}").text for path in
             ("", "/one", *(f"/one/report?format={form}" for form in ("json", "text", "junit", "html")))]  # fmt: skip

    assert receiver.captures[0].signature and receiver.captures[0].signature.ok
    assert not [text for text in texts if SECRET in text]


def test_on_a_shared_server_a_run_goes_where_the_server_may_and_names_no_file(
    make_simulator: Callable[..., Simulator],
) -> None:
    token = "0123456789abcdef"
    simulator = make_simulator(token=token, hosts=("localhost",), allow=("127.0.0.1",))
    api = Api(simulator, Access.shared(simulator.settings), token=token)
    system = "steps: [{expect: {system: {get: 'http://10.0.0.1/'}}}]"

    elsewhere = api("POST", "/simulator/runs", {"yaml": PUBLISH, "to": "http://10.0.0.1/"})
    file = api("POST", "/simulator/runs", {"yaml": PUBLISH, "ca": "/etc/hosts"})
    asked = _play(api, system)

    assert (elsewhere.status_code, elsewhere.json["type"]) == (400, "urn:emitter:problem:egress-refused")
    assert file.status_code == 403
    assert asked["state"] != "passed" and "10.0.0.1" in str(asked["report"]["steps"])


# --- what it found ----------------------------------------------------------------------------------------------------


def test_a_report_is_told_in_four_forms(api: Api) -> None:
    run = _play(api, FAILS, run="one")

    def form(name: str) -> Any:
        return api("GET", f"/simulator/runs/one/report?format={name}")

    assert form("json").json == run["report"]
    assert "FAIL" in form("text").text
    assert int(XML.fromstring(form("junit").data).attrib["failures"]) == 1
    assert form("html").mimetype == "text/html" and form("html").headers["Content-Disposition"].startswith("attachment")
    assert form("pdf").status_code == 400


def test_two_runs_are_compared(api: Api) -> None:
    _play(api, "steps: [{act: add_user}]", run="one")
    _play(api, "steps: [{act: add_user}]", run="two")
    _play(api, FAILS, run="three")

    assert api("GET", "/simulator/runs/one/diff/one").json == {"same": True, "differences": []}
    other = api("GET", "/simulator/runs/one/diff/three").json
    assert other["same"] is False and other["differences"]


# --- ends -------------------------------------------------------------------------------------------------------------


def test_a_reset_ends_what_is_played_and_forgets_it(api: Api) -> None:
    api("POST", "/simulator/runs", {"yaml": LONG})

    assert api("POST", "/simulator/reset").status_code == 204

    assert api("GET", "/simulator/runs").json["runs"] == []
    assert _play(api)["state"] == "passed"


def test_a_run_ends_with_its_simulator_and_is_kept(tmp_path: Path) -> None:
    settings = Settings(store=tmp_path / "store.sqlite", start=START)
    with Simulator(settings) as simulator:
        name = simulator.start_run(yaml=LONG)["run"]

    with Simulator(settings) as simulator:
        found = simulator.run(name)

    assert (found["state"], found["report"]["error"]) == ("error", "The run was stopped.")


def test_a_run_whose_process_was_killed_is_interrupted(api: Api) -> None:
    simulator = api.app.extensions["emitter"]
    scenario = written(PUBLISH, catalog=simulator.catalog)
    simulator.store.plays.begin("left", kept_as(scenario, speed=0.0))

    found = api("GET", "/simulator/runs/left?wait=10s").json

    assert (found["state"], found["progress"], found["report"]) == ("interrupted", None, None)
    assert "was interrupted" in api("GET", "/simulator/runs/left/report").json["detail"]


@pytest.mark.parametrize("name", ["a/b", "..", "Late, and later / 2030", "x" * 300, "ü", "/"])
def test_the_name_of_a_run_fits_into_a_path_whatever_the_scenario_is_called(name: str) -> None:
    made = new_run(name)

    assert not {"/", "\\", " "} & set(made) and not made.startswith(".") and len(made) < 80
