"""The JSON Schema of the language, made from the words that the reader knows: editors complete and check by it.

What a schema cannot say (names made later, files beside the scenario, how long it plays) only the reader checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emitter.assumptions import Assumptions, register
from emitter.catalog import Catalog
from emitter.errors import UnknownEventType
from emitter.faults import FAULTS
from emitter.faults import described as described_faults
from emitter.scenario.playing import MOST_PLAYED
from emitter.scenario.vocabulary import (
    ADVANCE,
    CAST,
    CHANGES,
    CONDITIONS,
    CONTRACT,
    DELIVERIES,
    EVENTS,
    EXPECT,
    FOR,
    NAMED_BY_KEY,
    NEEDS,
    OPTION,
    PROFILES,
    SIGNATURES,
    STEPS,
    SYSTEM,
    TOP,
    WAIT,
)  # fmt: skip
from emitter.scenario.vocabulary import (
    FAULTS as FAULTS_KEY,
)
from emitter.world.actions import ACTIONS
from emitter.world.parameters import Parameter

Json = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAMED = r"\$\{"  # a text with names in it may turn out to be anything
_NAME = r"^[^\W\d][\w-]{0,63}$"
_TEXT: Json = {"type": "string"}
_PLAIN: Json = {"type": ["string", "number", "boolean", "null"]}
_TEXT_OR_NUMBER: Json = {"type": ["string", "number"]}
_REFERENCE: Json = {"type": ["string", "integer"]}
_REFERENCES: Json = {"anyOf": [_REFERENCE, {"type": "array", "items": _REFERENCE}]}
_OBJECTS: Json = {"type": ["object", "array"]}
_KINDS: Mapping[str, Json] = {
    "text": _TEXT, "prose": _TEXT, "title": _TEXT, "choice": _TEXT, "json": {}, "record": _REFERENCE,
    "user": _REFERENCE, "data product": _REFERENCE, "request": _REFERENCE,
    "period": {"anyOf": [
        {"type": "string", "pattern": rf"^\s*[0-9]+ ?[A-Za-z]+\s*$|^for good$|^$|{_NAMED}"},
        {"type": "object", "required": ["duration", "durationUnit"]},
    ]},
    "users": _REFERENCES, "domains": _REFERENCES, "data sources": _REFERENCES, "texts": _REFERENCES,
    "approvers": {"type": ["string", "object", "array"]}, "stages": _OBJECTS,
    "columns": {"type": ["string", "object", "array"]}, "pairs": {"type": ["object", "string"]},
}  # fmt: skip


def schema(catalog: Catalog | None = None) -> Json:
    """Make the schema, with the event types of a catalogue: the one that comes with emitter, if none is given."""
    catalog = catalog or Catalog.load()
    top = _mapping(
        TOP,
        {
            "name": _TEXT_OR_NUMBER, "description": _TEXT_OR_NUMBER, "seed": _ref("whole"), "start": _ref("moment"),
            "variables": {"type": "object", "propertyNames": {"pattern": _NAME}}, "settings": _settings(),
            "needs": _one_or_more({"enum": [each for word in NEEDS for each in _spellings(word)]}),
            "cast": _cast(), "steps": _ref("steps"),
        },
        required=("steps",),
    )  # fmt: skip
    return {
        "$schema": DRAFT,
        "title": "A scenario for emitter",
        "description": "Who is in it, what happens, what is expected.",
        **top,
        "$defs": {
            "steps": {"type": "array", "minItems": 1, "items": _ref("step")},
            "step": {
                "anyOf": [*(_ref(f"act-{name}") for name in ACTIONS), *(_ref(word) for word in STEPS if word != "act")]
            },
            **{f"act-{name}": _act(name) for name in ACTIONS},
            **_steps(),
            **_expected(),
            **_values(catalog),
            "faults": {"description": FAULTS_KEY["faults"], **_one_or_more(_ref("fault"))},
            "fault": _fault(),
        },
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _spellings(word: str) -> list[str]:
    """A word with `_` and with `-`, which are the same."""
    return list(dict.fromkeys((word, word.replace("-", "_"), word.replace("_", "-"))))


def _one_or_more(item: Json) -> Json:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _mapping(
    words: Mapping[str, str], shapes: Mapping[str, Json], *, required: Iterable[str] = (), **more: Any
) -> Json:
    """A closed mapping: the words complete as they are listed, and are taken in their other spellings too."""
    members = {word: {"description": help, **shapes.get(word, {})} for word, help in words.items()}
    found: Json = {"type": "object", "properties": members, "additionalProperties": False, **more}
    others = {other: word for word in words for other in _others(word)}
    if others:
        found["patternProperties"] = {f"^{other}$": dict(shapes.get(word, {})) for other, word in others.items()}
    needed = [{"anyOf": [{"required": [each]} for each in (word, *_others(word))]} for word in required]
    if needed:
        found["allOf"] = needed
    return found


def _others(word: str) -> list[str]:
    """The other spellings that a key may have: `data-sources` and `dataSources` for `data_sources`."""
    first, *rest = word.split("_")
    return [word.replace("_", "-"), first + "".join(each.capitalize() for each in rest)] if rest else []


def _act(name: str) -> Json:
    kind = ACTIONS[name]
    parameters = kind.parameters()
    words = {
        **STEPS["act"],
        "act": " ".join((kind.__doc__ or "").split()),
        **{each.name: each.help for each in parameters},
    }
    shapes = {
        "act": {"enum": _spellings(name)}, "as": _ref("name"), "title": _TEXT_OR_NUMBER, "faults": _ref("faults"),
        **{each.name: _parameter(each) for each in parameters},
    }  # fmt: skip
    return _mapping(words, shapes, required=("act", *(each.name for each in parameters if each.required)))


def _parameter(parameter: Parameter) -> Json:
    if parameter.choices:
        return {"anyOf": [{"enum": list(parameter.choices)}, _ref("named")]}
    return _KINDS[parameter.kind]


def _cast() -> Json:
    groups = {}
    for group, action in CAST.items():
        parameters = ACTIONS[action].parameters()
        member = _mapping(
            {each.name: each.help for each in parameters},
            {each.name: _parameter(each) for each in parameters},
            required=[each.name for each in parameters if each.required and group not in NAMED_BY_KEY],
        )
        groups[group] = {
            "type": ["object", "null"],
            "propertyNames": {"pattern": _NAME},
            "additionalProperties": {"anyOf": [member, {"type": "null"}]},
        }
    helps = {group: " ".join((ACTIONS[action].__doc__ or "").split()) for group, action in CAST.items()}
    return {"anyOf": [_mapping(helps, groups), {"type": "null"}]}


def _settings() -> Json:
    members = {
        each.switch: {"description": f"{each.why} [{each.default}] {each.allowed}", **_TEXT_OR_NUMBER}
        for each in register(Assumptions())
    }
    return {"type": ["object", "null"], "properties": members, "additionalProperties": False}


def _steps() -> dict[str, Json]:
    common = {"title": _TEXT_OR_NUMBER, "faults": _ref("faults")}
    length, row = _ref("length"), _ref("steps")
    shapes: Mapping[str, Mapping[str, Json]] = {
        "trigger": {
            "trigger": {"anyOf": [_ref("type"), {"type": "null"}]},
            "product": _TEXT,
            "set": {"type": "object"},
            "unset": _one_or_more(_TEXT),
            "count": _whole(1, MOST_PLAYED),
            "profile": {"enum": list(PROFILES)},
            "body": _TEXT,
            "allow_invalid": _ref("truth"),
        },
        "advance": {
            "advance": {"anyOf": [
                length, _mapping(ADVANCE, {"by": length, "to": _ref("moment")}, minProperties=1, maxProperties=1),
            ]},
        },
        "wait": {
            "wait": {"anyOf": [
                length, _mapping(WAIT, {"until": _ref("until"), "timeout": length}, required=("until",)),
            ]},
        },
        "repeat": {
            "repeat": {"anyOf": [
                _whole(0, MOST_PLAYED),
                _mapping(FOR, {"for": {"anyOf": [{"type": "array", "minItems": 1}, _ref("named")]}, "as": _ref("name")},
                         required=("for", "as")),
            ]},
            "every": length, "over": length, "overlap": _ref("truth"), "steps": row,
        },
        "parallel": {
            "parallel": {"type": "array", "minItems": 1, "items": {"anyOf": [
                row, _mapping({"steps": "What is played."}, {"steps": row}),
            ]}},
        },
        "choose": {
            "choose": {"type": "array", "minItems": 1, "items": _mapping(
                OPTION, {"weight": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _ref("named")]}, "steps": row},
                required=("steps",),
            )},
        },
        "webhook": {"webhook": {"enum": list(CHANGES)}},
        "expect": {
            "expect": _mapping(EXPECT, {**_expectations(), "within": length}, minProperties=1),
            "as": _ref("name"),
        },
    }  # fmt: skip
    needed = {"repeat": ("steps",)}
    found = {}
    for word, own in shapes.items():
        found[word] = _mapping(STEPS[word], {**common, **own}, required=(word, *needed.get(word, ())))
    return found


def _expectations() -> dict[str, Json]:
    return {name: _ref(f"expected-{name}") for name in EXPECT if name != "within"}


def _expected() -> dict[str, Json]:
    counts, types = _ref("count"), _one_or_more(_ref("type"))
    by_type = {"type": "object", "propertyNames": _ref("type"), "additionalProperties": counts, "minProperties": 1}
    events = {
        "order": types, "includes": types, "count": by_type, "total": counts, "about": _TEXT, "since": _TEXT,
    }  # fmt: skip
    deliveries = {
        **dict.fromkeys(DELIVERIES, counts), "since": _TEXT, "slowest": _ref("length"), "type": _one_or_more(_TEXT),
        "statuses": {"type": "object", "propertyNames": {"pattern": "^([1-5][0-9][0-9]|none)$"},
                     "additionalProperties": counts},
    }  # fmt: skip
    asked = _mapping(
        SYSTEM,
        {
            "get": {"type": "string", "pattern": rf"^https?://|^{_NAMED}"},
            "headers": {"type": ["object", "null"], "additionalProperties": _TEXT_OR_NUMBER},
            "status": counts,
            "where": {"type": "object", "minProperties": 1, "additionalProperties": _ref("condition")},
        },
        required=("get",),
    )
    state = {"type": "object", "minProperties": 1, "additionalProperties": _ref("condition")}
    return {
        "expected-events": {"anyOf": [
            {"type": "array", "items": _ref("type")}, by_type, _mapping(EVENTS, events, minProperties=1),
        ]},
        "expected-deliveries": _mapping(DELIVERIES, deliveries),
        "expected-signatures": _verdicts(SIGNATURES),
        "expected-contract": _verdicts(CONTRACT),
        "expected-world": {"type": "object", "minProperties": 1, "additionalProperties": state},
        "expected-system": _one_or_more(asked),
        "until": _mapping({name: EXPECT[name] for name in _expectations()}, _expectations(), minProperties=1),
    }  # fmt: skip


def _verdicts(words: Mapping[str, str]) -> Json:
    shapes = {**dict.fromkeys(words, _ref("count")), "since": _TEXT}
    return {"anyOf": [{"const": "valid"}, _mapping(words, shapes)]}


def _values(catalog: Catalog) -> dict[str, Json]:
    comparisons = {**dict.fromkeys(CONDITIONS, {}), "exists": _ref("truth"), "count": _ref("count")}
    return {
        "named": {"description": "A text with ${names} in it.", "type": "string", "pattern": _NAMED},
        "name": {"type": "string", "pattern": _NAME, "not": {"enum": ["round", "start", "last"]}},
        "type": {"anyOf": [{"enum": _type_names(catalog)}, _ref("named")]},
        "truth": {"anyOf": [{"type": "boolean"}, _ref("named")]},
        "whole": {"anyOf": [{"type": "integer"}, _ref("named")]},
        "length": {
            "description": "A length of time with its units, as 250ms, 10s, 5m, 1h30m or 30d.",
            "type": "string", "pattern": rf"^\s*([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+\s*$|{_NAMED}",
        },
        "moment": {
            "description": "A moment, as 2030-02-01T09:00:00Z.",
            "type": "string",
            "pattern": rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}|{_NAMED}",
        },
        "count": {
            "description": "How many: 3, 2..5, 2.. or ..5.",
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": rf"^([0-9]+|[0-9]+\.\.[0-9]*|\.\.[0-9]+)$|{_NAMED}"},
            ],
        },
        "condition": {
            "description": "A value, or a mapping of what the value has to be like.",
            "anyOf": [_PLAIN, {"type": "array"}, _mapping(CONDITIONS, comparisons, minProperties=1)],
        },
    }  # fmt: skip


def _whole(least: int, most: int) -> Json:
    return {"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, _ref("named")]}


def _type_names(catalog: Catalog) -> list[str]:
    """Every way to name a type: alias, full name, and the ends of full names that fit one only."""
    aliases = [kind.alias for kind in catalog if kind.alias]
    found = [*aliases, *catalog.names]
    for name in catalog.names:
        words = name.split(".")
        for depth in range(1, len(words)):
            end = ".".join(words[depth:])
            try:
                catalog.resolve(end)
            except UnknownEventType:
                continue
            found.append(end)
    found += [each.replace("-", "_") for each in aliases]
    return list(dict.fromkeys(found))


def _fault() -> Json:
    members = {}
    for fault in described_faults():
        options = {
            **{each["name"]: f"{each['help']} [{each['default']}]" for each in fault["parameters"]},
            "chance": "How often, from 0 to 1. [1]",
            "attempts": "At which attempts: 2, 1..3 or 2..",
            "for": "How long from when it is asked for, in simulated time.",
        }
        members[fault["name"]] = {
            "description": fault["help"], "anyOf": [_PLAIN, _mapping(options, {})],
        }  # fmt: skip
    by_other = {name.replace("-", "_"): shape for name, shape in members.items() if "-" in name}
    spelt = "|".join(name.replace("-", "[-_]") for name in FAULTS)
    return {
        "anyOf": [
            {"enum": list(FAULTS)},
            {"type": "string", "pattern": f"^({spelt})(:|$)|{_NAMED}"},
            {
                "type": "object", "minProperties": 1, "maxProperties": 1, "properties": members,
                "patternProperties": {f"^{name}$": shape for name, shape in by_other.items()},
                "additionalProperties": False,
            },
        ],
    }  # fmt: skip
