"""The routes of stand-ins, as the OpenAPI document describes them."""

from __future__ import annotations

from emitter.runner.standing_in import LONGEST_ABOUT, PAGERDUTY_WORDS, TEAMS_WORDS
from emitter.standins.opened import MOST_SECRETS, SERVICES
from emitter.standins.standin import MOST_SHOWN, SHOWN
from emitter.web.openapi_schemas import (
    ANYTHING,
    COUNT,
    MOMENT,
    TEXT,
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

_SCRIPT = described(
    {"type": "string"},
    "What it answers, in order, the last for ever, as 503*3,202: while it is anything but 2xx nothing is taken, and of "
    "a 2xx only its delay counts (202:2s). Without: what the service says.",
)

STANDINS: dict[tuple[str, str], Operation] = {
    ("POST", "/simulator/standins"): Operation(
        "openStandin", "Open a stand-in for Teams or PagerDuty on a port of the simulator's machine", "Standin", 201,
        reads="OpenStandin", errors=(409,),
        example={"service": "teams", "switches": {"trigger-schema": "strict", "retry-after": 30}, "answers": "503,202"},
    ),
    ("GET", "/simulator/standins"): Operation("standins", "The stand-ins that are open", "Standins"),
    ("GET", "/simulator/standins/{standin_id}"): Operation("standin", "One stand-in", "Standin"),
    ("PATCH", "/simulator/standins/{standin_id}"): Operation(
        "changeStandin", "Have a stand-in answer by another script from now on", "Standin", reads="StandinChange",
        example={"answers": ""},
    ),
    ("DELETE", "/simulator/standins/{standin_id}"): Operation("closeStandin", "Close a stand-in", status=204),
    ("GET", "/simulator/standins/{standin_id}/state"): Operation(
        "standinState", "What there is: cards and runs, or alerts and changes, and the calls", "StandinState",
        query=("aboutStandin", "limitStandin"),
    ),
    ("DELETE", "/simulator/standins/{standin_id}/state"): Operation(
        "forgetStandin", "Have a stand-in forget all that came", status=204
    ),
    ("POST", "/simulator/standins/{standin_id}/expectations"): Operation(
        "expectStandin", "Hold what a stand-in has against what is expected; the answer says what there is instead",
        "Judged", reads="StandinExpectation", example={"expect": {"calls": 0, "within": "1s"}},
    ),
}  # fmt: skip

STANDINS_PARAMETERS: dict[str, tuple[str, Schema, str]] = {
    "aboutStandin": ("about", TEXT, "Only what holds this text."),
    "limitStandin": (
        "limit", {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN, "default": SHOWN}, "Of each kind, the newest."
    ),
}  # fmt: skip

STANDINS_SCHEMAS: dict[str, Schema] = {
    "OpenStandin": asked(
        {
            "service": {"type": "string", "enum": list(SERVICES)},
            "switches": described(
                {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
                "How it behaves where that differs or is not known: `emitter listen --as teams --switches`.",
            ),
            "answers": _SCRIPT,
            "secrets": described(
                many({"type": "string", "writeOnly": True}, maxItems=MOST_SECRETS),
                "The sig of a flow, or the routing keys that have an integration; never given back.",
            ),
            "port": described({"type": "integer", "minimum": 0, "maximum": 65535, "default": 0}, "0 takes a free one."),
        },
        required=("service",),
    ),
    "StandinChange": asked({"answers": _SCRIPT}, required=("answers",)),
    "Standin": answer(
        {
            "id": TEXT,
            "service": {"type": "string", "enum": list(SERVICES)},
            "url": described(TEXT, "Where cards or alert events are posted to; without a sig of your own."),
            "changeUrl": maybe(described(TEXT, "Where change events are posted to; null for Teams.")),
            "answers": TEXT,
            "secret": described(YES_NO, "Whether it has secrets of your own."),
            "summary": TEXT,
        }
    ),
    "Standins": answer({"standins": many(ref("Standin"))}),
    "StandinState": {
        "type": "object",
        "properties": {
            "service": TEXT,
            "now": described(MOMENT, "On the simulator's clock, as all times here."),
            "summary": TEXT,
            "switches": ANYTHING,
            "calls": many(ANYTHING),
            "cards": many(ANYTHING),
            "cardCount": COUNT,
            "runs": many(ANYTHING),
            "runCount": COUNT,
            "openAlerts": COUNT,
            "alerts": many(ANYTHING),
            "alertCount": COUNT,
            "changes": many(ANYTHING),
            "changeCount": COUNT,
        },
        "required": ["service", "now", "summary", "switches", "calls"],
        "additionalProperties": False,
    },
    "StandinExpectation": asked(
        {
            "expect": {
                "type": "object",
                "description": "How many of each: 3, 2..5, 2.. or ..5.",
                "properties": {
                    **{word: {"description": text} for word, text in {**TEAMS_WORDS, **PAGERDUTY_WORDS}.items()},
                    "about": described(
                        {"type": "string", "maxLength": LONGEST_ABOUT}, "Count only what holds this text."
                    ),
                    "within": described(TEXT, "Ask again for so long; 30 s at most."),
                },
                "additionalProperties": False,
            }
        },
        required=("expect",),
    ),
}
