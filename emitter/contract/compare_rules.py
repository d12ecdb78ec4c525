"""Take a schema apart into rules that hold together: a body is valid where all of them are, and else not.

What `$ref`, `allOf`, `properties` and `items` say is followed to the place in the body that it is about. What can only
be judged as a whole (`anyOf`, `if`, `unevaluatedProperties`, a `$ref` that comes back to itself) stays one rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from emitter.catalog import BASE, Documents, follow

MOST = 10_000  # subschemas that are looked at; past that, a schema is one single rule
_DEEPEST = 32

SINGLE = (
    "additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems",
    "unevaluatedProperties",
)  # fmt: skip
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs")
PLAIN = (
    "type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
)  # fmt: skip
_ASSERTING = frozenset(
    (*SINGLE, *LISTS, *MAPS, *PLAIN, "required", "dependentRequired", "minContains", "maxContains", "$ref")
) - {"$defs"}
_SCOPED = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor")
WHOLE = "the whole schema"


class Any_(Enum):
    """A step to any item of an array."""

    ITEM = "*"


ITEM: Final = Any_.ITEM
Step = str | int | Any_


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a schema: what it demands of the value at `steps` in a body.

    `keyword` is the schema's, `detail` the member that it is about where it names one, `schema` the rule as a schema of
    its own, whose `$ref`s are whole addresses, `place` where it is written.
    """

    steps: tuple[Step, ...]
    keyword: str
    detail: str
    schema: Any = field(compare=False, hash=False)
    place: str = field(compare=False)
    identity: str = field(repr=False, default="")

    @property
    def key(self) -> tuple[str, str, str]:
        """By what it is compared with the rules of the other side."""
        return pointer(self.steps), self.keyword, self.detail

    def whole(self) -> Any:
        """The rule as a schema for the whole body."""
        return wrapped(self.steps, self.schema)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of one schema, the members that it names at each place, and what it says beside the rules.

    `why` is the reason where the schema is too large to be taken apart; nothing can be said about it then.
    """

    rules: tuple[Rule, ...]
    named: Mapping[str, frozenset[str]]
    said: Mapping[tuple[str, str], str]
    why: str = ""

    def at(self, steps: tuple[Step, ...]) -> list[Rule]:
        """The rules for exactly one place."""
        return [rule for rule in self.rules if rule.steps == steps]


def rules_of(documents: Documents, file: str) -> Rules:
    """Take a schema file apart; one that cannot be is a single rule, `WHOLE`."""
    walk = _Walk(documents, file)
    try:
        walk.visit(file, documents[file], f"{file}#", (), ())
    except (_Apart, LookupError, AttributeError, TypeError):
        rule = Rule((), WHOLE, "", {"$ref": BASE + file}, f"{file}#", canonical(documents))
        return Rules((rule,), {}, walk.said, walk.why)
    return Rules(tuple(walk.rules), {place: frozenset(names) for place, names in walk.named.items()}, walk.said)


def pointer(steps: tuple[Step, ...]) -> str:
    """Write steps as a JSON Pointer; `*` stands for any item."""
    return "".join("/" + _escaped(step) for step in steps)


def _escaped(step: Step) -> str:
    return "*" if step is ITEM else str(step).replace("~", "~0").replace("/", "~1")


def wrapped(steps: tuple[Step, ...], schema: Any) -> Any:
    """Make a schema for a place into one for the whole body."""
    for step in reversed(steps):
        if step is ITEM:
            schema = {"items": schema}
        elif isinstance(step, int):
            schema = {"prefixItems": [True] * step + [schema]}
        else:
            schema = {"properties": {step: schema}}
    return schema


def canonical(value: Any) -> str:
    """Write JSON so that equal values are equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class _Apart(Exception):
    """The schema cannot be taken apart."""


class _Walk:
    def __init__(self, documents: Documents, file: str) -> None:
        self._documents, self._file = documents, file
        self._left, self.why = MOST, ""
        self.rules: list[Rule] = []
        self.named: dict[str, set[str]] = {}
        self.said: dict[tuple[str, str], str] = {}

    def visit(self, file: str, schema: Any, place: str, steps: tuple[Step, ...], above: tuple[str, ...]) -> None:
        """Note the rules of a subschema for the value at `steps`; `above` are the references that led here."""
        self._count()
        if len(steps) > _DEEPEST or len(above) > 4 * _DEEPEST:
            raise _Apart
        if schema is True:
            return
        if schema is False:
            self._note(steps, "false", "", False, place)
            return
        if any(word in schema for word in _SCOPED[1:]) or ("$id" in schema and place != f"{file}#"):
            raise _Apart
        self._annotations(schema, steps, place)
        for word in schema:
            if word == "$ref":
                self._reference(file, schema["$ref"], place, steps, above)
            elif word == "allOf":
                for number, part in enumerate(schema[word]):
                    self.visit(file, part, f"{place}/allOf/{number}", steps, above)
            elif word == "properties":
                self.named.setdefault(pointer(steps), set()).update(schema[word])
                for name, part in schema[word].items():
                    self.visit(file, part, f"{place}/properties/{_escaped(name)}", (*steps, name), above)
            elif word == "prefixItems":
                for number, part in enumerate(schema[word]):
                    self.visit(file, part, f"{place}/prefixItems/{number}", (*steps, number), above)
            elif word == "items" and not schema.get("prefixItems"):
                self.visit(file, schema[word], f"{place}/items", (*steps, ITEM), above)
            else:
                self._spend(schema[word])
                for detail, rule in _of_word(word, schema):
                    self._note(steps, word, detail, absolute(file, rule), f"{place}/{word}")

    def _spend(self, part: Any) -> None:
        """Count the objects in a part of a schema that is copied as it is."""
        waiting = [part]
        while waiting:
            found = waiting.pop()
            if isinstance(found, dict):
                self._count()
                waiting.extend(found.values())
            elif isinstance(found, list):
                waiting.extend(each for each in found if isinstance(each, (dict, list)))

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.why = f"it has more than {MOST:,} parts, too many to be compared"
            raise _Apart

    def _reference(self, file: str, ref: str, place: str, steps: tuple[Step, ...], above: tuple[str, ...]) -> None:
        target = _address(file, ref)
        if target in above or target == BASE + self._file:
            self._note(steps, "$ref", "", {"$ref": target}, f"{place}/$ref")
            return
        where, inner = follow(self._documents, file, ref)
        self.visit(where, inner, target.removeprefix(BASE), steps, (*above, target))

    def _note(self, steps: tuple[Step, ...], keyword: str, detail: str, schema: Any, place: str) -> None:
        if keyword == "$ref" or not _says_nothing(keyword, schema):
            self.rules.append(Rule(steps, keyword, detail, schema, place, self.identity(schema)))

    def _annotations(self, schema: Mapping[str, Any], steps: tuple[Step, ...], place: str) -> None:
        for word, value in schema.items():
            if word not in _ASSERTING and word not in ("$defs", "$schema", "$id"):
                self.said.setdefault((pointer(steps), word), canonical(value))

    def identity(self, schema: Any) -> str:
        """A text that is equal for rules that say the same, in whatever they refer to, too."""
        reached: dict[str, str] = {}
        waiting = [schema]
        while waiting:
            for target in _targets(waiting.pop()):
                if target not in reached:
                    name, _, fragment = target.removeprefix(BASE).partition("#")
                    where, inner = follow(self._documents, name, f"#{fragment}")
                    found = absolute(where, inner)
                    reached[target] = canonical(found)
                    waiting.append(found)
                    self._count()
        return canonical([schema, sorted(reached.items())] if reached else schema)


def _of_word(word: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The rules that a keyword makes, each with the member that it is about."""
    value = schema[word]
    if word in PLAIN or word in ("anyOf", "oneOf", "not", "propertyNames"):
        yield "", {word: value}
    elif word == "required":
        for name in value:
            yield name, {"required": [name]}
    elif word in ("dependentRequired", "dependentSchemas", "patternProperties"):
        for name, each in value.items():
            yield name, {word: {name: each}}
    elif word == "additionalProperties":
        names = dict.fromkeys(sorted(schema.get("properties", {})), True)
        patterns = dict.fromkeys(sorted(schema.get("patternProperties", {})), True)
        yield "", {"properties": names, "patternProperties": patterns, word: value}
    elif word == "items":
        yield "", {"prefixItems": [True] * len(schema["prefixItems"]), word: value}
    elif word == "contains":
        yield "", {each: schema[each] for each in (word, "minContains", "maxContains") if each in schema}
    elif word == "if":
        yield "", {each: schema[each] for each in (word, "then", "else") if each in schema}
    elif word.startswith("unevaluated"):
        yield "", {each: part for each, part in schema.items() if each != "$defs"}


def _says_nothing(keyword: str, schema: Any) -> bool:
    if keyword == "additionalProperties":
        return schema[keyword] in (True, {})
    return schema in ({}, {"uniqueItems": False})


def absolute(file: str, schema: Any) -> Any:
    """Copy a subschema without what is not about validity, its `$ref`s as whole addresses."""
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "$ref":
            found[word] = _address(file, value)
        elif word in SINGLE:
            found[word] = absolute(file, value)
        elif word in LISTS:
            found[word] = [absolute(file, each) for each in value]
        elif word in MAPS and word != "$defs":
            found[word] = {name: absolute(file, each) for name, each in value.items()}
        elif word in _ASSERTING:
            found[word] = value
    return found


def _address(file: str, ref: str) -> str:
    if ref.startswith(BASE):
        return ref
    name, mark, fragment = ref.partition("#")
    return BASE + (name.removeprefix("./") or file) + (mark + fragment if fragment else "")


def _targets(schema: Any) -> Iterator[str]:
    """The references of a schema that `absolute` has made."""
    if not isinstance(schema, dict):
        return
    for word, value in schema.items():
        if word == "$ref":
            yield value
        elif word in SINGLE:
            yield from _targets(value)
        elif word in LISTS:
            for each in value:
                yield from _targets(each)
        elif word in MAPS:
            for each in value.values():
                yield from _targets(each)
