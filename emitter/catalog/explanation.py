"""Decide whether a body fits its schema, and say in words where it does not.

`jsonschema-rs` decides: that takes a microsecond and is done for every event. `jsonschema` explains: it is loaded when
the first body is refused, because loading it takes longer than everything else at start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from emitter.catalog.references import BASE, Documents
from emitter.errors import Violation, shown

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_KINDS = {
    "string": "a string", "integer": "an integer", "number": "a number", "boolean": "true or false", "null": "null",
    "array": "an array", "object": "an object",
}  # fmt: skip
_FORMATS = {
    "date-time": "an RFC 3339 time", "date": "a date", "time": "a time of day", "duration": "an ISO 8601 duration",
    "uri": "a whole URI", "email": "an e-mail address", "uuid": "a UUID", "hostname": "a host name",
    "ipv4": "an IPv4 address", "ipv6": "an IPv6 address",
}  # fmt: skip


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
        self._fast = jsonschema_rs.Draft202012Validator(
            documents[file], registry=registry, validate_formats=True, offline=True, base_uri=BASE + file
        )
        self.is_valid = self._fast.is_valid

    def violations(self, body: Any) -> list[Violation]:
        """Say everything that is wrong with a body, in the order of its members; nothing for a valid one."""
        if self.is_valid(body):
            return []
        found = {self._violation(error): None for error in self._errors(body)}
        if not found:  # The two validators disagree: the one that refused has the last word.
            for refused in self._fast.iter_errors(body):
                pointer = "".join(_step(step) for step in refused.instance_path)
                violation = Violation(pointer, refused.kind.name, _unquoted(refused.message), self._mark(pointer))
                found[violation] = None
        return sorted(found, key=lambda violation: (violation.pointer, violation.rule, violation.message))

    def _errors(self, body: Any) -> list[ValidationError]:
        try:
            return list(self._slow.iter_errors(body))
        except Exception:  # a pattern that only the other engine reads, in a keyword other than `pattern`
            return []

    @cached_property
    def _slow(self) -> Validator:
        from jsonschema import Draft202012Validator, FormatChecker
        from jsonschema.validators import extend
        from referencing import Registry
        from referencing.jsonschema import DRAFT202012

        registry: Registry[Any] = Registry()
        for name, document in self._documents.items():
            # Met inside a `$ref`, a "$schema" would bring back the class without our `pattern`.
            bare = {keyword: value for keyword, value in document.items() if keyword != "$schema"}
            registry = registry.with_resource(BASE + name, DRAFT202012.create_resource(bare))
        explainer: type[Validator] = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
        return explainer({"$ref": BASE + self._file}, registry=registry, format_checker=FormatChecker())

    def _violation(self, error: ValidationError) -> Violation:
        pointer = "".join(_step(step) for step in error.absolute_path)
        rule, schema = str(error.validator), error.schema
        own = schema.get("x-provenance", "") if isinstance(schema, dict) else ""
        if rule == "required":
            missing = _missing(error)
            return Violation(pointer, rule, f"the member {missing} is missing", self._mark(pointer + _step(missing)))
        return Violation(pointer, rule, _in_words(error), own if pointer and own else self._mark(pointer))

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


def _missing(error: ValidationError) -> str:
    """`jsonschema` reports each missing member by itself and names it only in its text."""
    wanted: Any = error.validator_value
    return next((name for name in wanted if error.message.startswith(repr(name))), "?")


@cache
def _matcher(pattern: str) -> Callable[[object], bool]:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid


def _pattern(validator: Validator, pattern: str, instance: object, schema: object) -> Iterable[ValidationError]:
    """Ask the engine that decides: `re` knows no \\p{L}, and lets a line break stand after `$`."""
    from jsonschema import ValidationError

    if isinstance(instance, str) and not _matcher(pattern)(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _in_words(error: ValidationError) -> str:
    """Say what is, and what should be."""
    wanted: Any = error.validator_value
    instance: Any = error.instance
    value = _value(instance)
    match error.validator:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return f"must be {' or '.join(_KINDS.get(kind, kind) for kind in kinds)}, is {_kind(instance)}"
        case "const":
            return f"must be {_value(wanted)}, is {value}"
        case "enum":
            return f"must be one of {', '.join(_value(choice) for choice in wanted)}, is {value}"
        case "format":
            return f"must be {_FORMATS.get(wanted, f'of the format {wanted}')}, is {value}"
        case "pattern":
            words = error.schema.get("x-words") if isinstance(error.schema, dict) else ""
            return f"must {words or f'match {wanted}'}, is {value}"
        case "minLength" | "maxLength":
            return f"must have {_bound(error)} {wanted:,} characters, has {len(instance):,}"
        case "minItems" | "maxItems":
            return f"must have {_bound(error)} {wanted:,} items, has {len(instance):,}"
        case "minProperties" | "maxProperties":
            return f"must have {_bound(error)} {wanted:,} members, has {len(instance):,}"
        case "minimum" | "maximum":
            return f"must be {_bound(error)} {wanted}, is {value}"
        case "exclusiveMinimum":
            return f"must be more than {wanted}, is {value}"
        case "exclusiveMaximum":
            return f"must be less than {wanted}, is {value}"
        case "multipleOf":
            return f"must be a multiple of {wanted}, is {value}"
        case "uniqueItems":
            return "must not hold the same item twice"
        case "anyOf" | "oneOf" if error.context:
            reasons = "; or it ".join(dict.fromkeys(_in_words(inner) for inner in error.context))
            return f"fits none of the forms that are allowed here: it {reasons}"
    return _unquoted(error.message)


def _bound(error: ValidationError) -> str:
    return "at least" if str(error.validator).startswith("min") else "at most"


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
