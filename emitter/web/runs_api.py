"""Scenarios and their runs over HTTP: what there is to play, play it here, see how it went."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from emitter.errors import BadValue
from emitter.runner.registry import FORMS
from emitter.store.plays import PLAYING
from emitter.trigger import run_name
from emitter.web import reading
from emitter.web.guards import guard_api, refuse_ca, slots
from emitter.web.shown import file_name
from emitter.web.tenancy import simulator as _simulator
from emitter.web.waiting import patiently

REPORT_TYPES = {"json": "application/json", "text": "text/plain", "junit": "application/xml", "html": "text/html"}
FASTEST = 1e9  # simulated seconds a second; 0 is as fast as can be
LONGEST_NAME = 200

runs_api = guard_api(Blueprint("runs", __name__, url_prefix="/simulator"))


# --- scenarios --------------------------------------------------------------------------------------------------------


@runs_api.get("/scenarios")
def scenarios() -> Response:
    """The library."""
    reading.parameters()
    with slots("slow").hold():
        return jsonify({"scenarios": _simulator().scenarios()})


@runs_api.get("/scenarios/schema")
def schema() -> Response:
    """The JSON Schema of the language."""
    reading.parameters()
    return jsonify(_simulator().scenario_schema())


@runs_api.get("/scenarios/<name>")
def scenario(name: str) -> Response:
    """One of the library, with its text."""
    reading.parameters()
    return jsonify(_simulator().scenario(name))


@runs_api.post("/scenarios/check")
def check() -> Response:
    """Whether a text is a scenario: every mistake with its line."""
    found = reading.json_object(known=("yaml", "name", "variables"))
    if "yaml" not in found:
        raise BadValue("yaml", "", 'is missing: the text of a scenario, as {"yaml": "steps: ..."}.')
    with slots("slow").hold():
        told = _simulator().check_scenario(
            reading.member(found, "yaml", str), name=_name(found),
            variables=reading.member(found, "variables", dict, default={}),
        )  # fmt: skip
    return jsonify(told)


def _name(found: dict[str, Any]) -> str:
    name: str = reading.member(found, "name", str, default="")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadValue("name", name, f"is longer than {LONGEST_NAME} characters, or cannot be printed.")
    return name


# --- runs -------------------------------------------------------------------------------------------------------------

_ASKED = (
    "scenario", "yaml", "name", "variables", "seed", "speed", "to", "signingKey", "verifyTls", "ca", "run",
)  # fmt: skip


@runs_api.post("/runs")
def start() -> tuple[Response, int]:
    """Play a scenario here; 201 if it is over, 202 while it is played."""
    asked = reading.parameters("wait")
    longest = reading.seconds("wait", asked["wait"]) if "wait" in asked else 0.0
    found = reading.json_object(known=_ASKED)
    ca = reading.member(found, "ca", str, default="")
    refuse_ca(ca)
    how: dict[str, Any] = {
        "scenario": reading.member(found, "scenario", str, default=""),
        "yaml": reading.member(found, "yaml", str, default=""),
        "name": _name(found),
        "variables": reading.member(found, "variables", dict, default={}),
        "seed": reading.number(found, "seed", int, least=-(2**63), most=2**63 - 1),
        "speed": reading.number(found, "speed", float, least=0, most=FASTEST, default=0.0),
        "to": reading.member(found, "to", str, default=""),
        "signing_key": reading.member(found, "signingKey", str, default=""),
        "verify_tls": reading.member(found, "verifyTls", bool, default=True),
        "run": run_name(reading.member(found, "run", str, default="")),
    }
    with slots("polls" if longest else "slow").hold():
        begun = _simulator().start_run(**how, ca=ca)
        told = _ended(begun["run"], longest) if longest else begun
    return jsonify(told), 202 if told["state"] == PLAYING else 201


def _ended(run: str, longest: float) -> Any:
    """A run once it is over, or time is up."""
    simulator = _simulator()
    patiently(lambda patience: simulator.registry.wait(run, patience), longest)
    return simulator.run(run)


@runs_api.get("/runs")
def runs() -> Response:
    """The runs, the newest first."""
    reading.parameters()
    return jsonify({"runs": _simulator().runs()})


@runs_api.get("/runs/<run>")
def one(run: str) -> Response:
    """One run; with `wait` once it is over."""
    asked = reading.parameters("wait")
    if "wait" not in asked:
        return jsonify(_simulator().run(run))
    longest = reading.seconds("wait", asked["wait"])
    with slots("polls").hold():
        return jsonify(_ended(run, longest))


@runs_api.post("/runs/<run>/cancel")
def cancel(run: str) -> Response:
    """End a run between two of its steps."""
    reading.json_object(optional=True, known=("nothing",))
    return jsonify(_simulator().cancel_run(run))


@runs_api.get("/runs/<run>/report")
def report(run: str) -> Response:
    """What a run found, in one of four forms."""
    form = reading.parameters("format").get("format", "json")
    if form not in FORMS:
        raise BadValue("format", form, f"is none of {', '.join(FORMS)}.")
    with slots("slow").hold():
        written = _simulator().run_report(run, form)
    answer = Response(written, mimetype=REPORT_TYPES[form])
    if form == "html":  # the page has a policy of its own, and is nothing to be shown from here
        answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(run, "report")}.html"'
    return answer


@runs_api.get("/runs/<run>/diff/<other>")
def diff(run: str, other: str) -> Response:
    """How two runs differ."""
    reading.parameters()
    return jsonify(_simulator().compare_runs(run, other))
