"""The simulated app over HTTP: what there is in it, what may be done, what is done; and its clock."""

from __future__ import annotations

from datetime import timedelta
from inspect import Parameter, signature
from typing import Any

from flask import Blueprint, Response, jsonify
from werkzeug.routing import BaseConverter

from emitter.errors import BadValue, UsageError
from emitter.simulator import Simulator
from emitter.trigger import read_faults, run_name
from emitter.typed import duration
from emitter.web import reading
from emitter.web.guards import guard_api, slots
from emitter.web.tenancy import simulator as _simulator
from emitter.web.waiting import follow
from emitter.world import kind_named

FARTHEST = timedelta(days=36525)
LARGEST_LIFE = 200  # events of one page, each with its deliveries and their attempts
WORLD_FILE_TYPES = {"yaml": "application/yaml", "json": "application/json"}
_OWN = {
    each.name for each in signature(Simulator.act).parameters.values() if each.kind is Parameter.KEYWORD_ONLY
}  # fmt: skip

world_api = guard_api(Blueprint("world", __name__, url_prefix="/simulator"))


class Name(BaseConverter):
    """The rest of a path as a name: a product's may hold slashes and line breaks."""

    regex = "(?s:.*)"
    part_isolating = False


# --- the world --------------------------------------------------------------------------------------------------------


@world_api.get("/world")
def state() -> Response:
    """Everything that is there."""
    reading.parameters()
    with slots("slow").hold():
        return jsonify(_simulator().world_state())


@world_api.get("/world/file")
def file() -> Response:
    """The present world as a file that brings it back."""
    form = reading.parameters("format").get("format", "yaml")
    with slots("slow").hold():
        written = _simulator().world_file(form)
    answer = Response(written, mimetype=WORLD_FILE_TYPES[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="world.{form}"'
    return answer


@world_api.get("/world/actions")
def actions() -> Response:
    """What may be done, with parameters and the events that may follow."""
    reading.parameters()
    return jsonify({"actions": _simulator().actions()})


@world_api.post("/world/act")
def act() -> tuple[Response, int]:
    """Do something; with `wait` tell what became of the events that followed."""
    asked = reading.parameters("wait")
    found = reading.json_object(known=("action", "parameters", "run", "faults"))
    if "action" not in found:
        raise UsageError('action is missing: what to do, as {"action": "request", "parameters": {"product": "..."}}.')
    action = reading.member(found, "action", str)
    parameters: dict[str, Any] = reading.member(found, "parameters", dict, default={})
    for name in parameters:
        if name in _OWN:  # would be taken for what it is not
            raise UsageError(f"{name} is no parameter of an action: it stands beside action and parameters.")
    run = run_name(reading.member(found, "run", str, default=""))
    faults = read_faults("faults", found.get("faults", []))
    simulator = _simulator()
    if "wait" not in asked:
        return jsonify(simulator.act(action, run=run, faults=faults, **parameters)), 201
    longest = reading.seconds("wait", asked["wait"])
    with slots("polls").hold():
        done = simulator.act(action, run=run, faults=faults, **parameters)
        done["complete"] = follow(simulator, done["events"], longest)
    return jsonify(done), 201


@world_api.get("/world/<kind>")
def entities(kind: str) -> Response:
    """All of a kind, the oldest first."""
    asked = reading.parameters("status", "product", "user")
    with slots("slow").hold():
        found = _simulator().world_entities(kind, **asked)
    return jsonify({"kind": kind_named(kind), "entities": found})


@world_api.get("/world/events/<kind>/<name:id_or_name>")
def life(kind: str, id_or_name: str) -> Response:
    """The events about one thing, newest first."""
    asked = reading.parameters("before", "limit")
    limit = reading.whole("limit", asked.get("limit", "50"), least=1, most=LARGEST_LIFE)
    with slots("slow").hold():
        return jsonify(_simulator().world_events(kind, id_or_name, before=asked.get("before", ""), limit=limit))


@world_api.get("/world/<kind>/<name:id_or_name>")
def entity(kind: str, id_or_name: str) -> Response:
    """One thing by id or name, with what may be done to it."""
    reading.parameters()
    return jsonify(_simulator().world_entity(kind, id_or_name))


# --- the clock --------------------------------------------------------------------------------------------------------


@world_api.get("/clock")
def clock() -> Response:
    """What time it is, and when something falls due next."""
    reading.parameters()
    return jsonify(_simulator().clock_state())


@world_api.post("/clock/advance")
def advance() -> Response:
    """Move the virtual clock, sending what falls due on the way."""
    found = reading.json_object(known=("by", "to", "toNext", "faults"))
    by, to = reading.member(found, "by", str), reading.member(found, "to", str)
    to_next = reading.member(found, "toNext", bool, default=False)
    faults = read_faults("faults", found.get("faults", []))
    if (by is not None) + (to is not None) + to_next != 1:
        raise UsageError('Say how far, as {"by": "7d"}, or {"to": "2030-01-31T09:00:00Z"}, or {"toNext": true}.')
    length = None if by is None else duration(by, "by")
    if length is not None and length > FARTHEST:
        raise BadValue("by", by, "is more than a hundred years at once.")
    with slots("slow").hold(), slots("clock").hold():
        return jsonify(_simulator().advance(length, to="next" if to_next else to, faults=faults))
