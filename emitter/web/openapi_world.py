"""The routes of the simulated app and its clock, as the OpenAPI document describes them."""

from __future__ import annotations

from emitter.web.openapi_schemas import (
    ANYTHING,
    COMPLETE,
    MOMENT,
    TEXT,
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
from emitter.world import ACTIONS, PLURALS, STATUSES

KIND: Schema = {"type": "string", "enum": list(PLURALS)}
"""What a path names: `users`, `data-products` and so on."""
_STATUS: Schema = {
    "type": "string",
    "enum": list(dict.fromkeys(word for words in STATUSES.values() for word in words)),
}
_PARAMETER = {
    "name": TEXT,
    "kind": described(TEXT, "What it holds: text, a user, data sources, a period and so on."),
    "description": TEXT,
    "required": YES_NO,
    "choices": many(TEXT),
}

WORLD: dict[tuple[str, str], Operation] = {
    ("GET", "/simulator/world"): Operation("world", "Everything in the simulated app", "World"),
    ("GET", "/simulator/world/file"): Operation(
        "worldFile", "The present world as a file that brings it back: emitter serve --world FILE",
        media=("application/yaml", "application/json"), query=("worldForm",), errors=(409,),
    ),
    ("GET", "/simulator/world/actions"): Operation(
        "actions", "What may be done in the simulated app, and what follows", "Actions"
    ),
    ("POST", "/simulator/world/act"): Operation(
        "act", "Do something in the simulated app", "Acted", 201, reads="Act", query=("wait",), errors=(404, 409),
        example={"action": "request", "parameters": {"product": "Claims 2025"}},
    ),
    ("GET", "/simulator/world/{kind}"): Operation(
        "entities", "All things of a kind, the oldest first", "Entities", query=("state", "product", "user")
    ),
    ("GET", "/simulator/world/{kind}/{id_or_name}"): Operation(
        "entity", "One thing, with what may be done to it now and what would follow", "Entity"
    ),
    ("GET", "/simulator/world/events/{kind}/{id_or_name}"): Operation(
        "entityEvents", "The events about one thing, newest first, with their deliveries and attempts", "Life",
        query=("beforeEvent", "limitOfLife"), errors=(404,),
    ),
    ("GET", "/simulator/clock"): Operation("clock", "What time it is, and when something falls due next", "Clock"),
    ("POST", "/simulator/clock/advance"): Operation(
        "advance", "Move the virtual clock", "State", reads="Advance", errors=(409,),
        example={"by": "7d", "faults": [{"unreachable": {"for": "2d"}}]},
    ),
}  # fmt: skip

WORLD_PARAMETERS: dict[str, tuple[str, Schema, str]] = {
    "state": ("status", _STATUS, "Of data products and access requests; left out, all but deleted ones."),
    "limitOfLife": ("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Events of one page."),
    "product": ("product", TEXT, "Of access requests: for this data product, by id or name."),
    "worldForm": ("format", {"type": "string", "enum": ["yaml", "json"], "default": "yaml"}, ""),
    "user": ("user", TEXT, "Of access requests: for this user, by id or name."),
}

WORLD_SCHEMAS: dict[str, Schema] = {
    "World": answer(
        {
            "seed": described(WHOLE, "That all names and ids come from."),
            "now": MOMENT,
            "nextDue": maybe(described(MOMENT, "When something happens by itself next.")),
            "users": many(ANYTHING),
            "domains": many(ANYTHING),
            "dataSources": many(ANYTHING),
            "dataProducts": many(ANYTHING),
            "accessRequests": many(ANYTHING),
        },
        description="Named and shaped as the vendor's API shows it; what is ours is called `xSimulator`.",
    ),
    "Actions": answer(
        {"actions": many(answer(
            {
                "action": TEXT, "description": TEXT,
                "subject": described(TEXT, "What it is done to: `request`, `data product` or nothing."),
                "needs": described(many(TEXT), "The states of the subject in which it may be done."),
                "events": described(many(TEXT), "The types that may follow, in order."),
                "parameters": many(answer(_PARAMETER)),
            }
        ))}
    ),
    "Act": asked(
        {
            "action": {"type": "string", "enum": list(ACTIONS)},
            "parameters": described(ANYTHING, "By name, as `GET /simulator/world/actions` lists them."),
            "faults": ref("FaultsAsked"),
            "run": described({"type": "string", "maxLength": 255}, "A name to find the events by."),
        },
        required=("action",),
    ),
    "Acted": answer(
        {"action": TEXT, "kind": TEXT, "entity": ANYTHING, "events": many(ref("Sent")), "complete": COMPLETE},
        optional=("complete",),
    ),
    "Entities": answer({"kind": TEXT, "entities": many(ANYTHING)}),
    "Entity": answer(
        {
            "kind": TEXT,
            "entity": ANYTHING,
            "legal": many(answer(
                {
                    "action": TEXT, "events": many(TEXT),
                    "sure": described(YES_NO, "False: it depends on parameters; `events` may follow."),
                }
            )),
        }
    ),
    "Clock": answer({"virtual": YES_NO, "now": MOMENT, "nextDue": maybe(MOMENT)}),
    "Advance": asked(
        {
            "by": described(
                {"type": "string", "pattern": "^([0-9]{1,4}(ms|s|m|h|d)){1,5}$"}, "How far, as 7d or 1h30m."
            ),
            "to": described(MOMENT, "To which moment."),
            "toNext": described({"type": "boolean", "const": True}, "To when something falls due next."),
            "faults": ref("FaultsAsked"),
        },
        oneOf=[{"required": ["by"]}, {"required": ["to"]}, {"required": ["toNext"]}],
    ),
}  # fmt: skip
