"""Who may ask, over HTTP: tokens for the people of a world, and the tenants of the server.

Tokens are a tenant's own affair. Tenants are the default tenant's: its admin makes and ends them.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

from flask import Blueprint, Response, current_app, jsonify

from emitter.errors import BadValue, UsageError
from emitter.tenants import Tenants
from emitter.web import reading
from emitter.web.errors import Forbidden
from emitter.web.guards import guard_api, slots
from emitter.web.tenancy import simulator

_ASKED = ("name", "world", "seed", "start", "assume", "ephemeral")
MOST_PERMISSIONS = 16

tenants_api = guard_api(Blueprint("tenants", __name__, url_prefix="/simulator"))


# --- tokens -----------------------------------------------------------------------------------------------------------


@tenants_api.post("/tokens")
def make_token() -> tuple[Response, int]:
    """Make a token; its text is told this once."""
    found = reading.json_object(known=("user", "permissions", "name"))
    if "user" not in found:
        raise UsageError('user is missing: whom the token stands for, by id or name, as {"user": "Ann Lee"}.')
    permissions: list[Any] = reading.member(found, "permissions", list, default=[])
    if len(permissions) > MOST_PERMISSIONS or not all(isinstance(each, str) for each in permissions):
        raise BadValue("permissions", permissions, "is no list of names.")
    made = simulator().make_token(
        reading.member(found, "user", str), permissions=permissions, name=reading.member(found, "name", str, default="")
    )
    return jsonify(made), 201


@tenants_api.get("/tokens")
def tokens() -> Response:
    """The tokens that were made, without their texts."""
    reading.parameters()
    return jsonify({"tokens": simulator().tokens()})


@tenants_api.delete("/tokens/<token_id>")
def revoke_token(token_id: str) -> Response:
    """Refuse a token from now on."""
    simulator().revoke_token(token_id)
    return Response(status=204)


# --- tenants ----------------------------------------------------------------------------------------------------------


def _tenants() -> Tenants:
    """The tenants, for the one who may."""
    found: Tenants = current_app.extensions["emitter.tenants"]
    if simulator() is not found.default:
        raise Forbidden("Only the admin of the default tenant looks after the tenants.")
    return found


@tenants_api.post("/tenants")
def make_tenant() -> tuple[Response, int]:
    """Make a tenant; the text of its admin's token is told this once."""
    tenants, found = _tenants(), reading.json_object(optional=True, known=_ASKED)
    world = found.get("world")
    if not isinstance(world, str | dict | NoneType):
        raise BadValue("world", world, "is neither the name of a world nor one.")
    made = tenants.make_tenant(
        reading.member(found, "name", str, default=""),
        world=world,
        seed=reading.number(found, "seed", int, least=-(2**63), most=2**63 - 1),
        start=reading.member(found, "start", str),
        assume=reading.member(found, "assume", dict, default={}),
        ephemeral=reading.member(found, "ephemeral", bool, default=True),
    )
    return jsonify(made), 201


@tenants_api.get("/tenants")
def list_tenants() -> Response:
    """All tenants, the default one first."""
    reading.parameters()
    return jsonify({"tenants": _tenants().tenants()})


@tenants_api.get("/tenants/<tenant_id>")
def tenant(tenant_id: str) -> Response:
    """One tenant, by id or name."""
    reading.parameters()
    return jsonify(_tenants().tenant(tenant_id))


@tenants_api.delete("/tenants/<tenant_id>")
def delete_tenant(tenant_id: str) -> Response:
    """End a tenant and forget all that it holds."""
    _tenants().delete_tenant(tenant_id)
    return Response(status=204)


@tenants_api.post("/tenants/<tenant_id>/reset")
def reset_tenant(tenant_id: str) -> Response:
    """Forget all that a tenant holds; its tokens stay."""
    reading.json_object(optional=True, known=("nothing",))
    tenants = _tenants()
    with slots("slow").hold():
        tenants.reset_tenant(tenant_id)
    return Response(status=204)
