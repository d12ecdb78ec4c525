"""The pages of the scenarios: the library, one of them with what it takes to play it, and a text of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter.errors import BadValue, EmitterError, ScenarioError
from emitter.history import Json
from emitter.trigger import run_name
from emitter.web.errors import status_of
from emitter.web.frame import field_of, server, slow_slot
from emitter.web.run_pages import LOOKED_AT
from emitter.web.runs_api import FASTEST
from emitter.web.tenancy import simulator

EXAMPLE = """\
description: One asks for access, and a steward approves.
steps:
  - act: publish
    name: Sales 2030
    as: sales
  - act: request
    product: sales
    as: wish
  - advance: 2h
  - act: approve
    request: wish
  - expect:
      events: [product-published, request-created, request-determined]
"""
_TYPED = ("seed", "speed", "to", "run")


def scenarios() -> ResponseReturnValue:
    """The library, each with its last run."""
    with slow_slot():
        known = simulator().scenarios()
    last: dict[str, Json] = {}
    for each in simulator().registry.all(most=LOOKED_AT):
        last.setdefault(each["scenario"], each)
    rows = [{**each, "last": last.get(each["title"])} for each in known]
    return render_template(
        "scenarios.html", rows=rows, runs=simulator().registry.all(most=5), playing=simulator().registry.playing
    ), 200


def scenario(name: str) -> ResponseReturnValue:
    """One of the library, and the form that plays it."""
    return _scenario(name, {}, None), 200


def play(name: str) -> ResponseReturnValue:
    """Play one of the library, and go where its run is shown."""
    known = simulator().scenario(name)
    given = request.form
    try:
        variables = {each: value for each in known["variables"] if (value := given.get(f"v-{each}", "").strip()) != ""}
        begun = _begin(given, scenario=name, variables=variables)
    except EmitterError as error:
        return _scenario(name, given, error), status_of(error)
    return redirect(url_for("pages.run", run=begun["run"]), 303)


def own() -> ResponseReturnValue:
    """A place for a scenario of one's own."""
    return _own({"yaml": EXAMPLE}, None, None), 200


def play_own() -> ResponseReturnValue:
    """Check a text, or play it."""
    given = request.form
    yaml = given.get("yaml", "").replace("\r\n", "\n")
    how = given.get("how", "")
    if how not in ("check", "play"):
        raise BadValue("how", how, "is neither check nor play.")
    with slow_slot():
        checked = simulator().check_scenario(yaml)
    if how == "check" or not checked["ok"]:
        return _own({**given.to_dict(), "yaml": yaml}, checked, None), 200 if how == "check" else 400
    try:
        begun = _begin(given, yaml=yaml)
    except EmitterError as error:
        return _own({**given.to_dict(), "yaml": yaml}, checked, error), status_of(error)
    return redirect(url_for("pages.run", run=begun["run"]), 303)


def _begin(given: Mapping[str, str], **what: Any) -> Json:
    """Start a run with what the form says; raises what `start_run` does."""
    to = given.get("to", "").strip()
    how: Json = {"signing_key": given.get("signing_key", ""), "verify_tls": "verify_tls" in given} if to else {}
    with slow_slot():
        return simulator().start_run(
            **what, **how, to=to, seed=_seed(given.get("seed", "").strip()),
            speed=_speed(given.get("speed", "").strip()), run=run_name(given.get("run", "").strip()),
        )  # fmt: skip


def _seed(text: str) -> int | None:
    if not text:
        return None
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
        raise BadValue("seed", text, "is no whole number.")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text or "0")
    except ValueError:
        speed = -1.0
    if not 0 <= speed <= FASTEST:
        raise BadValue("speed", text, "is no number of simulated seconds a second; 0 is as fast as can be.")
    return speed


def _scenario(name: str, typed: Mapping[str, str], error: EmitterError | None) -> str:
    known = simulator().scenario(name)
    runs = [each for each in simulator().registry.all(most=LOOKED_AT) if each["scenario"] == known["title"]][:10]
    return render_template(
        "scenario.html", known=known, runs=runs, **_form(typed, error), server=server(),
        variables=[
            {"name": each, "value": typed.get(f"v-{each}", ""), "default": value}
            for each, value in known["variables"].items()
        ],
    )  # fmt: skip


def _own(typed: Mapping[str, str], checked: Json | None, error: EmitterError | None) -> str:
    return render_template(
        "scenario_own.html", yaml=typed.get("yaml", ""), checked=checked, **_form(typed, error), server=server()
    )


def _form(typed: Mapping[str, str], error: EmitterError | None) -> Json:
    wrong = "" if error is None or isinstance(error, ScenarioError) else field_of(error)
    wrong = "to" if wrong == "url" else wrong
    return {
        "typed": {each: typed.get(each, "") for each in _TYPED},
        "error": str(error) if error else "",
        "wrong": wrong,
        "virtual": simulator().clock.virtual,
        "playing": simulator().registry.playing,
        "hooks": len(simulator().webhooks()),
    }
