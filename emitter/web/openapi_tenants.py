"""The routes of tokens and tenants, as the OpenAPI document describes them."""

from __future__ import annotations

from emitter.tokens import GRANTED, LONGEST_NAME, PREFIX
from emitter.web.openapi_schemas import (
    ANYTHING,
    COUNT,
    MOMENT,
    SEED,
    TEXT,
    UUID,
    WHOLE,
    YES_NO,
    Schema,
    answer,
    asked,
    described,
    many,
    maybe,
    ref,
)  # fmt: skip
from emitter.web.operation import Operation
from emitter.web.tenants_api import MOST_PERMISSIONS
from emitter.world.roles import CONSUMER, GOVERNOR, PUBLISHER, STEWARD

_NAME: Schema = {"type": "string", "maxLength": LONGEST_NAME}
_PERMISSION: Schema = {"type": "string", "enum": list(GRANTED)}
_SECRET = described({"type": "string", "pattern": f"^{PREFIX}"}, "The token itself. It is told this once.")
_SWITCHES: Schema = {"type": "object", "additionalProperties": {"type": ["string", "number", "array"]}}
_TOKEN = {
    "id": TEXT,
    "name": TEXT,
    "user": maybe(described(UUID, "Of the world; null for an admin's token.")),
    "userName": maybe(described(TEXT, "null where the world has no such user any more.")),
    "admin": described(YES_NO, "Whether it is that of the tenant's admin."),
    "permissions": described(many(_PERMISSION), "Global ones, beside those of the user."),
    "roles": described(
        many({"type": "string", "enum": [CONSUMER, STEWARD, PUBLISHER, GOVERNOR]}), "That the user has now."
    ),
    "createdAt": MOMENT,
}
_TENANT = {
    "id": TEXT,
    "name": TEXT,
    "ephemeral": described(YES_NO, "Whether it ends with the server."),
    "createdAt": MOMENT,
    "assume": described(ANYTHING, "Switches that it was made with."),
    "why": maybe(described(TEXT, "Why it cannot be used; the rest is null then.")),
    "seed": maybe(described(WHOLE, "That its world comes from.")),
    "clock": maybe({"type": "string", "enum": ["system", "virtual"]}),
    "now": maybe(MOMENT),
    "webhooks": maybe(COUNT),
}

TENANTS: dict[tuple[str, str], Operation] = {
    ("POST", "/simulator/tokens"): Operation(
        "makeToken", "Make a token for a user of the world", "NewToken", 201, reads="MakeToken", errors=(404, 409),
        example={"user": "Ann Lee", "permissions": ["APPLICATION_ADMIN"], "name": "the integration"},
    ),
    ("GET", "/simulator/tokens"): Operation("tokens", "The tokens that were made, without their texts", "Tokens"),
    ("DELETE", "/simulator/tokens/{token_id}"): Operation(
        "revokeToken", "Refuse a token from now on", status=204, errors=(409,)
    ),
    ("POST", "/simulator/tenants"): Operation(
        "makeTenant", "Make a tenant: a simulator of its own, with a token of its own", "NewTenant", 201,
        reads="MakeTenant", reads_optional=True, errors=(409,),
        example={"name": "build 42", "seed": 7, "start": "2030-01-31T09:00:00Z", "assume": {"delivery.timeout": "2s"}},
    ),
    ("GET", "/simulator/tenants"): Operation("tenants", "All tenants, the default one first", "Tenants"),
    ("GET", "/simulator/tenants/{tenant_id}"): Operation("tenant", "One tenant, by id or name", "Tenant"),
    ("DELETE", "/simulator/tenants/{tenant_id}"): Operation(
        "deleteTenant", "End a tenant and forget all that it holds", status=204, errors=(409,)
    ),
    ("POST", "/simulator/tenants/{tenant_id}/reset"): Operation(
        "resetTenant", "Forget all that a tenant holds; its tokens stay", status=204, reads="Nothing",
        reads_optional=True, errors=(409,), example={},
    ),
}  # fmt: skip

TENANTS_SCHEMAS: dict[str, Schema] = {
    "MakeToken": asked(
        {
            "user": described(TEXT, "By id, name or user name."),
            "permissions": many(_PERMISSION, maxItems=MOST_PERMISSIONS),
            "name": _NAME,
        },
        required=("user",),
    ),
    "NewToken": answer({**_TOKEN, "token": _SECRET}),
    "Tokens": answer({"tokens": many(ref("Token"))}),
    "Token": answer(_TOKEN),
    "MakeTenant": asked(
        {
            "name": described(_NAME, "That no other has; its id if it is left out."),
            "world": {"type": ["string", "object"], "description": "What its world starts with."},
            "seed": SEED,
            "start": described(MOMENT, "A virtual clock that starts then."),
            "assume": described(_SWITCHES, "Assumptions, by switch."),
            "ephemeral": {**YES_NO, "default": True, "description": "false keeps it beside the server's store."},
        },
        description="What is left out is as the server was started.",
    ),
    "NewTenant": answer({**_TENANT, "token": _SECRET}),
    "Tenants": answer({"tenants": many(ref("Tenant"))}),
    "Tenant": answer(_TENANT),
}
