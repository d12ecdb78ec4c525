"""Changes of schemas, and what each breaks: (name, old, new, verdict)."""

from __future__ import annotations

from typing import Any

FINE, RECEIVERS, SENDERS, BOTH, UNKNOWN = (
    "compatible", "breaks receivers", "breaks senders", "breaks both", "unknown",
)  # fmt: skip


def _a(schema: Any, **more: Any) -> dict[str, Any]:
    """A schema for `data.a`."""
    return {"type": "object", "properties": {"data": {"type": "object", "properties": {"a": schema}, **more}}}


def _data(**schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"data": {"type": "object", **schema}}}


TEXT, NUMBER, INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "value": TEXT}}
_NODE_OF_NUMBERS = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "value": {"type": ["string", "null"]}}}

CHANGES: list[tuple[str, Any, Any, str]] = [
    # required
    ("a member becomes required", _a(TEXT), _a(TEXT, required=["a"]), SENDERS),
    ("a member is no longer required", _a(TEXT, required=["a"]), _a(TEXT), RECEIVERS),
    ("another member is required", _a(TEXT, required=["a"]), _a(TEXT, required=["b"]), BOTH),
    ("required is in another order", _a(TEXT, required=["a", "b"]), _a(TEXT, required=["b", "a"]), FINE),
    # type
    ("a type is added", _a(TEXT), _a({"type": ["string", "null"]}), RECEIVERS),
    ("a type is taken away", _a({"type": ["string", "null"]}), _a(TEXT), SENDERS),
    ("a type becomes another", _a(TEXT), _a(INTEGER), BOTH),
    ("an integer becomes any number", _a(INTEGER), _a(NUMBER), RECEIVERS),
    ("a number becomes an integer", _a(NUMBER), _a(INTEGER), SENDERS),
    ("a type goes, and a list of texts comes", _a(TEXT), _a({"enum": ["a", "b"]}), SENDERS),
    ("one type is written as a list", _a(TEXT), _a({"type": ["string"]}), FINE),
    # enum and const
    ("a choice is added", _a({"enum": ["a", "b"]}), _a({"enum": ["a", "b", "c"]}), RECEIVERS),
    ("a choice is taken away", _a({"enum": ["a", "b", "c"]}), _a({"enum": ["a", "b"]}), SENDERS),
    ("a choice is replaced", _a({"enum": ["a", "b"]}), _a({"enum": ["a", "c"]}), BOTH),
    ("choices are in another order", _a({"enum": ["a", "b"]}), _a({"enum": ["b", "a"]}), FINE),
    ("a const becomes a choice", _a({"const": "a"}), _a({"enum": ["a", "b"]}), RECEIVERS),
    ("a const is another", _a({"const": "a"}), _a({"const": "b"}), BOTH),
    ("a const is written as a list of one", _a({"const": 1}), _a({"enum": [1]}), FINE),
    ("a const is an object with more in it", _a({"const": {"x": 1}}), _a({"const": {"x": 1, "y": 2}}), BOTH),
    # format and pattern
    ("a format is asked for", _a(TEXT), _a({"type": "string", "format": "uuid"}), SENDERS),
    ("a format is no longer asked for", _a({"type": "string", "format": "date-time"}), _a(TEXT), RECEIVERS),
    ("a format is another", _a({"type": "string", "format": "ipv4"}), _a({"type": "string", "format": "uuid"}), BOTH),
    ("a pattern is asked for", _a(TEXT), _a({"type": "string", "pattern": "^c[a-z0-9]{24}$"}), SENDERS),
    ("a pattern goes", _a({"type": "string", "pattern": "^[A-Z]+$"}), _a(TEXT), RECEIVERS),
    ("a pattern is another", _a({"pattern": "^a+$", "type": "string"}), _a({"pattern": "^b+$", "type": "string"}), BOTH),
    ("a pattern allows more", _a({"type": "string", "pattern": "^[a-z]+$"}), _a({"type": "string", "pattern": "^[a-z0-9]+$"}), RECEIVERS),
    ("a list keeps to the pattern", _a({"type": "string", "pattern": "^[a-z]+$"}), _a({"enum": ["ab", "cd"]}), SENDERS),
    # lengths and bounds
    ("texts may be longer", _a({"type": "string", "maxLength": 10}), _a({"type": "string", "maxLength": 20}), RECEIVERS),
    ("texts have to be shorter", _a({"type": "string", "maxLength": 255}), _a({"type": "string", "maxLength": 64}), SENDERS),
    ("a text may be empty", _a({"type": "string", "minLength": 1}), _a(TEXT), RECEIVERS),
    ("a text may not be empty", _a(TEXT), _a({"type": "string", "minLength": 1}), SENDERS),
    ("a lower bound rises", _a({"type": "integer", "minimum": 0}), _a({"type": "integer", "minimum": 1}), SENDERS),
    ("a lower bound falls", _a({"type": "number", "minimum": 0}), _a({"type": "number", "minimum": -5}), RECEIVERS),
    ("an upper bound rises", _a({"type": "integer", "maximum": 10}), _a({"type": "integer", "maximum": 11}), RECEIVERS),
    ("an upper bound excludes itself", _a({"type": "number", "maximum": 10}), _a({"type": "number", "exclusiveMaximum": 10}), SENDERS),
    ("a bound of integers is written the other way", _a({"type": "integer", "minimum": 1}), _a({"type": "integer", "exclusiveMinimum": 0}), FINE),
    ("a range moves", _a({"type": "integer", "minimum": 0, "maximum": 5}), _a({"type": "integer", "minimum": 3, "maximum": 9}), BOTH),
    ("a multiple is asked for", _a(INTEGER), _a({"type": "integer", "multipleOf": 5}), SENDERS),
    ("a multiple is a coarser one", _a({"type": "integer", "multipleOf": 2}), _a({"type": "integer", "multipleOf": 4}), SENDERS),
    # members
    ("an unknown member is named in an open object", _data(), _data(properties={"b": INTEGER}), SENDERS),
    ("a named member goes from an open object", _data(properties={"b": INTEGER}), _data(), RECEIVERS),
    ("a member without rules is named in an open object", _data(), _data(properties={"b": {}}), FINE),
    ("a member is added to a closed object", _data(properties={"a": TEXT}, additionalProperties=False), _data(properties={"a": TEXT, "b": INTEGER}, additionalProperties=False), RECEIVERS),
    ("a member goes from a closed object", _data(properties={"a": TEXT, "b": INTEGER}, additionalProperties=False), _data(properties={"a": TEXT}, additionalProperties=False), SENDERS),
    ("an object is closed", _data(properties={"a": TEXT}), _data(properties={"a": TEXT}, additionalProperties=False), SENDERS),
    ("an object is opened", _data(properties={"a": TEXT}, additionalProperties=False), _data(properties={"a": TEXT}), RECEIVERS),
    ("other members get a type", _data(additionalProperties=True), _data(additionalProperties=TEXT), SENDERS),
    ("a member is forbidden", _data(properties={"a": TEXT}), _data(properties={"a": False}), SENDERS),
    ("open is said in words", _data(properties={"a": TEXT}), _data(properties={"a": TEXT}, additionalProperties=True), FINE),
    ("names get a form", _data(), _data(propertyNames={"pattern": "^[a-z]+$"}), SENDERS),
    ("members of a pattern get a type", _data(), _data(patternProperties={"^x-": TEXT}), SENDERS),
    ("fewer members are enough", _data(minProperties=2), _data(minProperties=1), RECEIVERS),
    ("more members are too many", _data(maxProperties=5), _data(maxProperties=3), SENDERS),
    # what depends on another member
    ("a member needs another", _data(properties={"a": TEXT, "b": TEXT}), _data(properties={"a": TEXT, "b": TEXT}, dependentRequired={"a": ["b"]}), SENDERS),
    ("a member no longer needs another", _data(dependentRequired={"a": ["b"]}), _data(), RECEIVERS),
    ("a member brings rules with it", _data(), _data(dependentSchemas={"a": {"properties": {"b": INTEGER}}}), SENDERS),
    # branches
    ("a branch is added", _a({"anyOf": [TEXT, INTEGER]}), _a({"anyOf": [TEXT, INTEGER, {"type": "null"}]}), RECEIVERS),
    ("a branch is taken away", _a({"anyOf": [TEXT, INTEGER]}), _a({"anyOf": [TEXT]}), SENDERS),
    ("branches change places", _a({"anyOf": [TEXT, INTEGER]}), _a({"anyOf": [INTEGER, TEXT]}), FINE),
    ("one branch of two that overlap", _a({"anyOf": [INTEGER, NUMBER]}), _a({"oneOf": [INTEGER, NUMBER]}), SENDERS),
    ("any branch is one branch where they differ", _a({"anyOf": [TEXT, INTEGER]}), _a({"oneOf": [TEXT, INTEGER]}), FINE),
    ("a branch of one is more", _a({"oneOf": [TEXT, INTEGER]}), _a({"oneOf": [TEXT, {"type": "boolean"}]}), BOTH),
    ("types are written as branches", _a({"type": ["string", "integer"]}), _a({"anyOf": [TEXT, INTEGER]}), FINE),
    ("something is excluded", _a(TEXT), _a({"type": "string", "not": {"const": "x"}}), SENDERS),
    ("something is no longer excluded", _a({"not": {"type": "null"}}), _a({}), RECEIVERS),
    ("a condition is added", _data(properties={"a": TEXT}), _data(properties={"a": TEXT}, **{"if": {"properties": {"a": {"const": "x"}}, "required": ["a"]}, "then": {"required": ["b"]}}), SENDERS),
    ("a condition asks for another member", _data(**{"if": {"required": ["a"]}, "then": {"required": ["b"]}}), _data(**{"if": {"required": ["a"]}, "then": {"required": ["c"]}}), BOTH),
    # references
    ("what a reference leads to changes", {**_a({"$ref": "#/$defs/x"}), "$defs": {"x": TEXT}}, {**_a({"$ref": "#/$defs/x"}), "$defs": {"x": INTEGER}}, BOTH),
    ("a reference is written out", {**_a({"$ref": "#/$defs/x"}), "$defs": {"x": TEXT}}, _a(TEXT), FINE),
    ("a definition has another name", {**_a({"$ref": "#/$defs/x"}), "$defs": {"x": TEXT}}, {**_a({"$ref": "#/$defs/y"}), "$defs": {"y": TEXT}}, FINE),
    ("a definition that nobody uses changes", {**_a(TEXT), "$defs": {"x": TEXT}}, {**_a(TEXT), "$defs": {"x": INTEGER}}, FINE),
    ("a list of itself allows more", {**_a({"$ref": "#/$defs/node"}), "$defs": {"node": _NODE}}, {**_a({"$ref": "#/$defs/node"}), "$defs": {"node": _NODE_OF_NUMBERS}}, RECEIVERS),
    ("allOf is written together", _a({"allOf": [TEXT, {"minLength": 2}]}), _a({"type": "string", "minLength": 2}), FINE),
    ("one part of allOf goes", _a({"allOf": [TEXT, {"minLength": 2}]}), _a({"allOf": [TEXT]}), RECEIVERS),
    # what is left over
    ("members nobody spoke of are closed out", _data(allOf=[{"properties": {"a": TEXT}}]), _data(allOf=[{"properties": {"a": TEXT}}], unevaluatedProperties=False), SENDERS),
    ("members nobody spoke of are let in", _data(allOf=[{"properties": {"a": TEXT}}], unevaluatedProperties=False), _data(allOf=[{"properties": {"a": TEXT}}]), RECEIVERS),
    ("unevaluated is additional without branches", _data(properties={"a": TEXT}, unevaluatedProperties=False), _data(properties={"a": TEXT}, additionalProperties=False), FINE),
    # arrays
    ("items may be numbers", _a({"type": "array", "items": TEXT}), _a({"type": "array", "items": {"type": ["string", "number"]}}), RECEIVERS),
    ("items of items are required", _a({"items": {"type": "object"}, "type": "array"}), _a({"type": "array", "items": {"type": "object", "required": ["id"]}}), SENDERS),
    ("an array may be empty", _a({"type": "array", "minItems": 1}), _a({"type": "array"}), RECEIVERS),
    ("an array is limited", _a({"type": "array"}), _a({"type": "array", "maxItems": 3}), SENDERS),
    ("items have to differ", _a({"type": "array"}), _a({"type": "array", "uniqueItems": True}), SENDERS),
    ("an item has to be among them", _a({"type": "array"}), _a({"type": "array", "contains": {"const": "x"}}), SENDERS),
    ("fewer of them are enough", _a({"type": "array", "contains": INTEGER, "minContains": 2}), _a({"type": "array", "contains": INTEGER}), RECEIVERS),
    ("the first item is another", _a({"type": "array", "prefixItems": [TEXT]}), _a({"type": "array", "prefixItems": [INTEGER]}), BOTH),
    ("nothing may follow the first items", _a({"type": "array", "prefixItems": [TEXT]}), _a({"type": "array", "prefixItems": [TEXT], "items": False}), SENDERS),
    ("what follows the first items is free", _a({"type": "array", "prefixItems": [TEXT], "items": TEXT}), _a({"type": "array", "prefixItems": [TEXT]}), RECEIVERS),
    ("items nobody spoke of are let in", _a({"type": "array", "prefixItems": [TEXT], "unevaluatedItems": False}), _a({"type": "array", "prefixItems": [TEXT]}), RECEIVERS),
    # several at once
    ("a member becomes optional, and another required", _a(TEXT, required=["a"]), _a(TEXT, required=["c"]), BOTH),
    ("a member moves inwards", _data(properties={"id": TEXT}, required=["id"]), _data(properties={"ref": _data(properties={"id": TEXT})}, required=["ref"]), BOTH),
    ("everything is forbidden", {"type": "object"}, False, SENDERS),
    ("everything is allowed", {"type": "object"}, True, RECEIVERS),
    ("nothing changes", _a(TEXT), _a(TEXT), FINE),
    ("only a description changes", _a({**TEXT, "description": "old"}), _a({**TEXT, "description": "new"}), FINE),
]  # fmt: skip
