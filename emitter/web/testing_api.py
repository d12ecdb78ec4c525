"""What a test asks for, over HTTP: receivers that catch and answer as told, and expectations that are judged here.

So a test in any language needs no server of its own and no arithmetic over the history.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from emitter.errors import BadValue, UsageError
from emitter.history import Json
from emitter.query import LARGEST_PAGE
from emitter.trigger import run_name
from emitter.web import reading
from emitter.web.guards import guard_api, slots
from emitter.web.listening import check_listening
from emitter.web.tenancy import simulator
from emitter.web.waiting import patiently

_LARGEST_NUMBER = 2**53

testing_api = guard_api(Blueprint("testing", __name__, url_prefix="/simulator"))


# --- expectations -----------------------------------------------------------------------------------------------------


@testing_api.post("/expectations")
def expect() -> Response:
    """Hold the history, the world, receivers and the caller's own system against what is expected of them."""
    found = reading.json_object(known=("expect", "things", "run", "as"))
    if "expect" not in found:
        raise UsageError('expect is missing: what is expected, as {"expect": {"deliveries": {"accepted": 1}}}.')
    things: dict[str, Any] = reading.member(found, "things", dict, default={})
    for called, text in things.items():
        if not isinstance(text, str):
            raise BadValue(f"things.{called}", text, "is no text: give the id or the name of an entity.")
    name: str = reading.member(found, "as", str, default="")
    here = simulator()
    watch, asked = here.expecting(
        reading.member(found, "expect", dict), things=things,
        run=run_name(reading.member(found, "run", str, default="")), name=name,
    )  # fmt: skip
    longest = min(asked.within.total_seconds(), reading.LONGEST_WAIT)
    told: Json = {}

    def holds(patience: float) -> bool:
        told.update(watch.hold(asked, name=name, seconds=patience, settle=here.settle).to_json())
        return bool(told["passed"])

    with slots("polls").hold():
        patiently(here.settle, reading.LONGEST_WAIT)
        patiently(holds, longest)
    return jsonify(told)


# --- receivers --------------------------------------------------------------------------------------------------------


@testing_api.post("/receivers")
def open_receiver() -> tuple[Response, int]:
    """Open a receiver on a loopback port of this machine."""
    check_listening("receivers")
    found = reading.json_object(optional=True, known=("answers", "signingKey", "register", "port"))
    opened = simulator().open_receiver(
        answers=reading.member(found, "answers", str, default=""),
        signing_key=reading.member(found, "signingKey", str, default=""),
        register=reading.member(found, "register", bool, default=False),
        port=reading.number(found, "port", int, least=0, most=65535, default=0),
    )
    return jsonify(opened), 201


@testing_api.get("/receivers")
def receivers() -> Response:
    """Those that are open."""
    reading.parameters()
    return jsonify({"receivers": simulator().receivers()})


@testing_api.get("/receivers/<receiver_id>")
def receiver(receiver_id: str) -> Response:
    """One of them."""
    reading.parameters()
    return jsonify(simulator().receiver(receiver_id))


@testing_api.patch("/receivers/<receiver_id>")
def change_receiver(receiver_id: str) -> Response:
    """Have it answer by another script from now on."""
    found = reading.json_object(known=("answers",))
    if "answers" not in found:
        raise UsageError('answers is missing: a script, as {"answers": "500,503:2s,close,200"}; empty for none.')
    return jsonify(simulator().change_receiver(receiver_id, reading.member(found, "answers", str)))


@testing_api.get("/receivers/<receiver_id>/captures")
def captures(receiver_id: str) -> Response:
    """What it has caught; with `count` once so many have come."""
    asked = reading.parameters("count", "after", "timeout")
    count = reading.whole("count", asked.get("count", "0"), least=0, most=LARGEST_PAGE)
    after = reading.whole("after", asked.get("after", "0"), least=0, most=_LARGEST_NUMBER)
    longest = reading.seconds("timeout", asked.get("timeout", "10s"))
    here = simulator()
    told: Json = {}

    def enough(patience: float) -> bool:
        told.update(here.captures(receiver_id, count=count, after=after, timeout=patience))
        return bool(told["complete"])

    with slots("polls").hold():
        patiently(enough, longest)
    return jsonify(told)


@testing_api.delete("/receivers/<receiver_id>")
def close_receiver(receiver_id: str) -> Response:
    """Close it, and remove the webhook that was registered for it."""
    simulator().close_receiver(receiver_id)
    return Response(status=204)
