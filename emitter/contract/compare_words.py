"""Say in words what a rule of a schema demands, and what a change changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from emitter.catalog.explanation import FORMATS, KINDS
from emitter.contract.compare_changes import MEMBER, Change
from emitter.contract.compare_rules import PLAIN, WHOLE, Rule
from emitter.errors import shown

_FEW = 8
_UNITS = {"Length": "characters", "Items": "items", "Properties": "members"}
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}


def was_and_is(change: Change) -> tuple[str, str]:
    """What either side says, in a few words."""
    if change.keyword == MEMBER:
        plain = [[rule for rule in rules if rule.keyword in PLAIN] for rules in (change.old, change.new)]
        named, said = f"{change.detail} is named", [_all(rules) for rules in plain]
        if not change.old and not change.new:
            return f"{change.detail} is not named on one side", f"{change.detail} may be anything"
        was, now = (f"{named}: {each}" if each else f"{change.detail} is not named" for each in said)
        return was, now
    if change.keyword == "required":
        words = f"{change.detail} may be missing", f"{change.detail} is required"
        return (words[0], words[1]) if change.new else (words[1], words[0])
    return _all(change.old) or "anything", _all(change.new) or "anything"


def _all(rules: Sequence[Rule]) -> str:
    above = min((len(rule.steps) for rule in rules), default=0)
    here = [rule for rule in rules if len(rule.steps) == above]
    said = [in_words(rule) for rule in sorted(here, key=lambda rule: rule.keyword != "type")]
    text = ", ".join(dict.fromkeys(said[:_FEW]))
    return f"{text}, and more" if len(rules) > min(len(said), _FEW) else text


def in_words(rule: Rule) -> str:
    """What a rule demands."""
    schema: Any = rule.schema
    value: Any = schema.get(rule.keyword) if isinstance(schema, dict) else schema
    match rule.keyword:
        case "false":
            return "nothing"
        case "type":
            return " or ".join(KINDS.get(each, str(each)) for each in (value if isinstance(value, list) else [value]))
        case "enum":
            more = f" and {len(value) - _FEW:,} more" if len(value) > _FEW else ""
            return f"one of {', '.join(map(short, value[:_FEW]))}{more}"
        case "const":
            return f"exactly {short(value)}"
        case "format":
            return FORMATS.get(str(value), f"of the format {value}")
        case "pattern":
            return f"a match of {short_text(value)}"
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties":
            unit = _UNITS[rule.keyword[3:]]
            bound = "least" if rule.keyword.startswith("min") else "most"
            return f"at {bound} {value} {unit if value != 1 else unit.removesuffix('s')}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"{_BOUNDS[rule.keyword]} {value}"
        case "multipleOf":
            return f"a multiple of {value}"
        case "uniqueItems":
            return "no item twice"
        case "required":
            return f"with {rule.detail}"
        case "dependentRequired":
            return f"with {', '.join(value[rule.detail])} where there is {rule.detail}"
        case "dependentSchemas" | "patternProperties":
            where = "where there is" if rule.keyword == "dependentSchemas" else "in members that match"
            return f"{short(value[rule.detail])} {where} {rule.detail}"
        case "additionalProperties":
            names = ", ".join(
                [*schema["properties"], *(f"those that match {each}" for each in schema["patternProperties"])]
            )
            if value is False:
                return f"no members but {names}" if names else "no members"
            return f"other members are {short(value)}"
        case "$ref":
            return f"as {str(value).rpartition('/')[2]} says, again"
        case "contains" | "if" | "items":
            return f"{rule.keyword} {short(schema)}"
    if rule.keyword == WHOLE:
        return "a schema that cannot be taken apart"
    return f"{rule.keyword} {short(value)}"


def short(value: Any) -> str:
    """Write JSON on one line, cut."""
    return short_text(json.dumps(value, ensure_ascii=False))


def short_text(text: str, most: int = 100) -> str:
    """One printable line, cut."""
    return shown(text, most)[1:-1]
