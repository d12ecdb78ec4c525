"""Decide whether a body fits its schema, and say in words where it does not.

One engine, `jsonschema-rs`, does both: deciding takes a microsecond and is done for every event, and an explanation
never contradicts the verdict. The reference implementation, `jsonschema`, holds it to account in the tests; loading
that takes longer than everything else at start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs

from emitter.catalog.references import BASE, Documents, follow
from emitter.errors import Violation, shown

KINDS = {
    "string": "a string", "integer": "an integer", "number": "a number", "boolean": "true or false", "null": "null",
    "array": "an array", "object": "an object",
}  # fmt: skip
FORMATS = {
    "date-time": "an RFC 3339 time", "date": "a date", "time": "a time of day", "duration": "an ISO 8601 duration",
    "uri": "a whole URI", "email": "an e-mail address", "uuid": "a UUID", "hostname": "a host name",
    "ipv4": "an IPv4 address", "ipv6": "an IPv6 address",
}  # fmt: skip
_FEW = 40  # choices of an enum that are named


class Checker:
    """One schema file, ready to check bodies."""

    is_valid: Callable[[object], bool]
    """Say whether a body fits. It takes what JSON can hold; anything else is not looked at."""

    def __init__(
        self,
        file: str,
        documents: Documents,
        registry: jsonschema_rs.Registry,
        provenance: Mapping[str, str] | None = None,
    ) -> None:
        """Compile; raise `ValueError` with the reason if the file is no schema or refers to what is not there."""
        self._file, self._documents = file, documents
        self._provenance = provenance or {}
        self._engine = jsonschema_rs.Draft202012Validator(
            documents[file], registry=registry, validate_formats=True, offline=True, base_uri=BASE + file
        )
        self.is_valid = self._engine.is_valid

    def violations(self, body: Any) -> list[Violation]:
        """Say everything that is wrong with a body, in the order of its members; nothing for a valid one."""
        found = {self._violation(error) for error in self._engine.iter_errors(body)}
        return sorted(found, key=lambda violation: (violation.pointer, violation.rule, violation.message))

    def _violation(self, error: jsonschema_rs.ValidationError) -> Violation:
        pointer, rule = "".join(_step(step) for step in error.instance_path), error.kind.name
        if rule == "required":
            missing = str(error.kind.value)
            return Violation(pointer, rule, f"the member {missing} is missing", self._mark(pointer + _step(missing)))
        schema = self._schema(error)
        mark = schema.get("x-provenance") or self._mark(pointer)
        return Violation(pointer, rule, _in_words(error, schema), str(mark))

    def _schema(self, error: jsonschema_rs.ValidationError) -> dict[str, Any]:
        """The subschema whose keyword was broken."""
        place = (error.absolute_keyword_location or "").removeprefix(BASE).rpartition("/")[0]
        try:
            found = follow(self._documents, self._file, place).schema
        except LookupError:
            return {}
        return found if isinstance(found, dict) else {}

    def _mark(self, pointer: str) -> str:
        """The provenance of the nearest member that has one, going up."""
        steps = ["*" if step.isdigit() else step for step in pointer.split("/")]
        while steps:
            if mark := self._provenance.get("/".join(steps)):
                return mark
            steps.pop()
        return ""


def _step(step: str | int) -> str:
    return "/" + str(step).replace("~", "~0").replace("/", "~1")


def _in_words(error: jsonschema_rs.ValidationError, schema: Mapping[str, Any]) -> str:
    """Say what is, and what should be."""
    instance: Any = error.instance
    rule, value = error.kind.name, _value(instance)
    wanted = schema.get(rule)
    match rule:
        case "type":
            kinds: list[str] = wanted if isinstance(wanted, list) else [str(wanted)]
            return f"must be {' or '.join(KINDS.get(kind, kind) for kind in kinds)}, is {_kind(instance)}"
        case "const":
            return f"must be {_value(wanted)}, is {value}"
        case "enum" if isinstance(wanted, list):
            more = f" and {len(wanted) - _FEW:,} more" if len(wanted) > _FEW else ""
            return f"must be one of {', '.join(_value(choice) for choice in wanted[:_FEW])}{more}, is {value}"
        case "format":
            return f"must be {FORMATS.get(str(wanted), f'of the format {wanted}')}, is {value}"
        case "pattern":
            return f"must {schema.get('x-words') or f'match {wanted}'}, is {value}"
        case "minLength" | "maxLength":
            return f"must have {_bound(rule)} {wanted} characters, has {len(instance):,}"
        case "minItems" | "maxItems":
            return f"must have {_bound(rule)} {wanted} items, has {len(instance):,}"
        case "minProperties" | "maxProperties":
            return f"must have {_bound(rule)} {wanted} members, has {len(instance):,}"
        case "minimum" | "maximum":
            return f"must be {_bound(rule)} {wanted}, is {value}"
        case "exclusiveMinimum":
            return f"must be more than {wanted}, is {value}"
        case "exclusiveMaximum":
            return f"must be less than {wanted}, is {value}"
        case "multipleOf":
            return f"must be a multiple of {wanted}, is {value}"
        case "uniqueItems":
            return "must not hold the same item twice"
        case "not":
            return f"must not be as it is: {value}"
        case "additionalProperties" | "unevaluatedProperties":
            return f"must not have the members {', '.join(map(shown, error.kind.value))}"
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.FalseSchema():
            return "must not be there"
        case jsonschema_rs.ValidationErrorKind.PropertyNames(error=inner):
            return f"has a member whose name is not allowed: {_unquoted(inner.message)}"
        case (
            jsonschema_rs.ValidationErrorKind.AnyOf(context=context)
            | jsonschema_rs.ValidationErrorKind.OneOfNotValid(context=context)
        ):
            forms = [inner.message for branch in context for inner in branch[:1]]
            return f"fits none of the forms that are allowed here: {_unquoted('; '.join(dict.fromkeys(forms)))}"
    return _unquoted(error.message)


def _bound(rule: str) -> str:
    return "at least" if rule.startswith("min") else "at most"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool() | str():
            return _value(value)
        case int() | float():
            return f"the number {_value(value)}"
        case dict():
            return "an object"
    return "an array"


def _value(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        text = repr(value)
    return _unquoted(text, 120)


def _unquoted(text: str, most: int = 300) -> str:
    return shown(text, most)[1:-1]
