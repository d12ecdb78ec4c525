"""Snapshots over HTTP: keep all that there is under a name, go back to it."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from emitter.errors import UsageError
from emitter.web import reading
from emitter.web.guards import guard_api, slots
from emitter.web.tenancy import simulator

snapshots_api = guard_api(Blueprint("snapshots", __name__, url_prefix="/simulator"))


@snapshots_api.get("/snapshots")
def snapshots() -> Response:
    """All of them, by name."""
    reading.parameters()
    with slots("slow").hold():
        return jsonify({"snapshots": simulator().snapshots()})


@snapshots_api.post("/snapshots")
def take() -> tuple[Response, int]:
    """Take one, once what is under way is over."""
    found = reading.json_object(known=("name", "replace"))
    if "name" not in found:
        raise UsageError('name is missing: what to call it, as {"name": "base"}.')
    name, replace = reading.member(found, "name", str), reading.member(found, "replace", bool, default=False)
    with slots("slow").hold():
        return jsonify(simulator().take_snapshot(name, replace=replace)), 201


@snapshots_api.post("/snapshots/<snapshot>/restore")
def restore(snapshot: str) -> Response:
    """Go back to one, once what is under way is over."""
    reading.json_object(optional=True, known=("nothing",))
    with slots("slow").hold():
        return jsonify(simulator().restore_snapshot(snapshot))


@snapshots_api.delete("/snapshots/<snapshot>")
def delete(snapshot: str) -> Response:
    """Delete one."""
    simulator().delete_snapshot(snapshot)
    return Response(status=204)
