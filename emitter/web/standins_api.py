"""Stand-ins over HTTP: open one for the far end of a relay, read it back, hold it to what is expected, close it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from emitter.errors import BadValue, UsageError
from emitter.runner.standing_in import hold_standin
from emitter.standins.opened import MOST_SECRETS
from emitter.standins.standin import MOST_SHOWN, SHOWN
from emitter.web import reading
from emitter.web.guards import guard_api, slots
from emitter.web.listening import check_listening
from emitter.web.tenancy import simulator
from emitter.web.waiting import patiently

standins_api = guard_api(Blueprint("standins", __name__, url_prefix="/simulator/standins"))


@standins_api.post("")
def open_standin() -> tuple[Response, int]:
    """Open a stand-in on a loopback port of this machine."""
    check_listening("stand-ins")
    found = reading.json_object(known=("service", "switches", "answers", "secrets", "port"))
    if "service" not in found:
        raise UsageError('service is missing: what to stand in for, as {"service": "teams"}, or pagerduty.')
    opened = simulator().open_standin(
        reading.member(found, "service", str),
        switches=_switches(reading.member(found, "switches", dict, default={})),
        answers=reading.member(found, "answers", str, default=""),
        secrets=_secrets(reading.member(found, "secrets", list, default=[])),
        port=reading.number(found, "port", int, least=0, most=65535, default=0),
    )
    return jsonify(opened), 201


def _switches(found: dict[str, Any]) -> dict[str, Any]:
    for name, value in found.items():
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise BadValue(f"switches.{name}", value, "is neither a text nor a whole number.")
    return found


def _secrets(found: list[Any]) -> list[str]:
    if len(found) > MOST_SECRETS or not all(isinstance(each, str) for each in found):
        raise UsageError(f"secrets is a list of texts, {MOST_SECRETS} at most. It is not shown.")
    return found


@standins_api.get("")
def standins() -> Response:
    """Those that are open."""
    reading.parameters()
    return jsonify({"standins": simulator().standins()})


@standins_api.get("/<standin_id>")
def standin(standin_id: str) -> Response:
    """One of them."""
    reading.parameters()
    return jsonify(simulator().standin(standin_id))


@standins_api.patch("/<standin_id>")
def change_standin(standin_id: str) -> Response:
    """Have it answer by another script from now on."""
    found = reading.json_object(known=("answers",))
    if "answers" not in found:
        raise UsageError('answers is missing: a script, as {"answers": "503*3,202"}; empty for none.')
    return jsonify(simulator().change_standin(standin_id, reading.member(found, "answers", str)))


@standins_api.get("/<standin_id>/state")
def state(standin_id: str) -> Response:
    """What there is of it."""
    asked = reading.parameters("about", "limit")
    limit = reading.whole("limit", asked.get("limit", str(SHOWN)), least=1, most=MOST_SHOWN)
    return jsonify(simulator().standin_state(standin_id, about=asked.get("about", ""), limit=limit))


@standins_api.delete("/<standin_id>/state")
def forget(standin_id: str) -> Response:
    """Have it forget all that came."""
    simulator().forget_standin(standin_id)
    return Response(status=204)


@standins_api.post("/<standin_id>/expectations")
def expect(standin_id: str) -> Response:
    """Hold what it has against what is expected of it."""
    found = reading.json_object(known=("expect",))
    if "expect" not in found:
        raise UsageError('expect is missing, as {"expect": {"open": 1, "about": "Claims 2025"}}.')
    standin, asked = simulator().expecting_of_standin(standin_id, reading.member(found, "expect", dict))
    told: dict[str, Any] = {}

    def holds(patience: float) -> bool:
        told.update(hold_standin(asked, standin, seconds=patience).to_json())
        return bool(told["passed"])

    with slots("polls").hold():
        patiently(holds, min(asked.within.total_seconds(), reading.LONGEST_WAIT))
    return jsonify(told)


@standins_api.delete("/<standin_id>")
def close(standin_id: str) -> Response:
    """Close it."""
    simulator().close_standin(standin_id)
    return Response(status=204)
