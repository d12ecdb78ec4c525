"""Snapshots over HTTP: keep all that there is under a name, go back to it."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify

from emitter.errors import UsageError
from emitter.simulator import Simulator
from emitter.web import reading
from emitter.web.guards import guard_api, slots

snapshots_api = guard_api(Blueprint("snapshots", __name__, url_prefix="/simulator"))


def _simulator() -> Simulator:
    found: Simulator = current_app.extensions["emitter"]
    return found


@snapshots_api.get("/snapshots")
def snapshots() -> Response:
    """All of them, by name."""
    reading.parameters()
    with slots("slow").hold():
        return jsonify({"snapshots": _simulator().snapshots()})


@snapshots_api.post("/snapshots")
def take() -> tuple[Response, int]:
    """Take one, once what is under way is over."""
    found = reading.json_object(known=("name", "replace"))
    if "name" not in found:
        raise UsageError('name is missing: what to call it, as {"name": "base"}.')
    name, replace = reading.member(found, "name", str), reading.member(found, "replace", bool, default=False)
    with slots("slow").hold():
        return jsonify(_simulator().take_snapshot(name, replace=replace)), 201


@snapshots_api.post("/snapshots/<snapshot>/restore")
def restore(snapshot: str) -> Response:
    """Go back to one, once what is under way is over."""
    reading.json_object(optional=True, known=("nothing",))
    with slots("slow").hold():
        return jsonify(_simulator().restore_snapshot(snapshot))


@snapshots_api.delete("/snapshots/<snapshot>")
def delete(snapshot: str) -> Response:
    """Delete one."""
    _simulator().delete_snapshot(snapshot)
    return Response(status=204)
