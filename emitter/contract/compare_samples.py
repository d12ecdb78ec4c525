"""Values that a schema probably allows: a few of each kind, its limits first, for somebody who then tries them.

Nothing depends on them being right. All that holds for one place (`$ref`, `allOf`, one branch of `anyOf`, `oneOf` and
`if`) is laid together first, then values are made of what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from random import Random
from typing import Any

from emitter.catalog import BASE, Documents, follow
from emitter.contract.compare_rules import canonical
from emitter.contract.compare_strings import matching

MOST = 48  # values of one place
LONGEST = 70_000  # characters or items that are made to reach a limit
_DEEPEST = 8
_WAYS = 24  # combinations of branches
_BRANCHES = 40

FORMATS: Mapping[str, tuple[str, ...]] = {
    "date-time": ("2030-01-31T09:00:00Z", "2030-01-31T09:00:00.123456789Z", "2030-01-31T09:00:00+01:00"),
    "date": ("2030-01-31",),
    "time": ("09:00:00Z",),
    "duration": ("P3D",),
    "email": ("ada@example.com",),
    "hostname": ("example.com",),
    "ipv4": ("192.0.2.7",),
    "ipv6": ("2001:db8::7",),
    "uri": ("https://example.com/a", "urn:isbn:0451450523"),
    "uri-reference": ("/a/b", "https://example.com/a"),
    "iri": ("https://example.com/é",),
    "uuid": ("7b1c0f52-6a0e-4d3b-9a55-2f8f3b1f6c11",),
    "json-pointer": ("/a/b",),
    "regex": ("^a+$",),
}
STRINGS = ("a", "", "Claims 2025", "A", "b_c", "7", "not a value of that form", "é", "12345", " ", "!", "a\nb")
NUMBERS = (0, 1, -1, 7, 1.5, 2, 10, 100, 1e6, -0.5)
POOL: tuple[Any, ...] = ("a", "", 7, 1.5, True, False, None, {}, [], {"x": 1}, ["a"], -1, 0, "Claims 2025")
_TYPES = ("string", "integer", "number", "boolean", "null", "object", "array")
_LAID = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")

Schema = dict[str, Any]


def unique(values: Iterable[Any], most: int = MOST) -> list[Any]:
    """The first of these values that differ as JSON; `1` and `true` do."""
    seen: dict[str, Any] = {}
    for value in values:
        seen.setdefault(canonical(value), value)
        if len(seen) >= most:
            break
    return list(seen.values())


class Sampler:
    """Makes values from the schemas of one side; `chance` draws texts for patterns."""

    def __init__(self, documents: Documents, chance: Random) -> None:
        self._documents, self._chance = documents, chance
        self._left = 4_000  # places that are looked at

    def values(self, file: str, schema: Any, most: int = MOST) -> list[Any]:
        """List values for a subschema of a file, the likeliest first."""
        self._left = 4_000
        return unique(self._values(file, schema, 0), most)

    def _values(self, file: str, schema: Any, depth: int) -> Iterator[Any]:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0 or schema is False:
            return
        ways = [self._of_way(way, depth) for way in islice(self._ways(file, schema, 0), _WAYS)]
        while ways:  # in turn, so that no branch has to wait for another
            for way in list(ways):
                for value in islice(way, 4):
                    yield value
                    break
                else:
                    ways.remove(way)

    def _ways(self, file: str, schema: Any, depth: int) -> Iterator[Schema]:
        """All that holds for one place in one schema, for each choice of branches."""
        self._left -= 1
        if schema is False or depth > 2 * _DEEPEST or self._left < 0:
            return
        laid: list[Schema] = [{}]
        if not isinstance(schema, dict):
            yield from laid
            return
        parts: list[list[Schema]] = [[_own(file, schema)]]
        if isinstance(schema.get("$ref"), str):
            try:
                where, inner = follow(self._documents, file, schema["$ref"].removeprefix(BASE))
            except LookupError:
                return
            parts.append(list(islice(self._ways(where, inner, depth + 1), _WAYS)))
        for part in schema.get("allOf", ()):
            parts.append(list(islice(self._ways(file, part, depth + 1), _WAYS)))
        for word in ("anyOf", "oneOf"):
            if word in schema:
                branches = (self._ways(file, each, depth + 1) for each in schema[word][:_BRANCHES])
                parts.append([way for branch in branches for way in islice(branch, 4)])
        if "if" in schema:
            whole = {"allOf": [schema["if"], schema.get("then", True)]}
            parts.append([
                *islice(self._ways(file, whole, depth + 1), 4),
                *islice(self._ways(file, schema.get("else", True), depth + 1), 4),
            ])  # fmt: skip
        for part in schema.get("dependentSchemas", {}).values():
            parts.append([{}, *islice(self._ways(file, part, depth + 1), 2)])
        for options in parts:
            laid = [_together(one, other) for one in laid for other in options][: 4 * _WAYS]
        yield from laid

    def _of_way(self, way: Schema, depth: int) -> Iterator[Any]:
        yield from way.get("said", ())
        if "enum" in way:
            yield from way["enum"]
            return
        kinds = way.get("type", _TYPES)
        makers = {
            "string": self._strings, "integer": _numbers, "number": _numbers, "object": self._objects,
            "array": self._arrays,
        }  # fmt: skip
        made: list[Iterator[Any]] = []
        for kind in kinds:
            if kind == "boolean":
                made.append(iter((True, False)))
            elif kind == "null":
                made.append(iter((None,)))
            elif kind in makers:
                made.append(makers[kind](way, depth))
        while made:
            for each in list(made):
                try:
                    yield next(each)
                except StopIteration:
                    made.remove(each)

    def _strings(self, way: Schema, depth: int) -> Iterator[str]:
        least, most = way.get("minLength", 0), way.get("maxLength")
        drawn = [text for pattern in way.get("patterns", ()) for text in matching(pattern, self._chance)]
        known = [text for each in way.get("formats", ()) for text in FORMATS.get(each, ())]
        for text in (*known, *drawn[:20], *STRINGS):
            yield text
            for size in (least, most):
                if size is not None and 0 < size <= LONGEST:
                    yield (text or "a")[:size].ljust(size, (text or "a")[-1])
        for texts in FORMATS.values():
            yield texts[0]

    def _objects(self, way: Schema, depth: int) -> Iterator[dict[str, Any]]:
        members = way.get("properties", {})
        choices = {
            name: list(islice(self._all(parts, depth + 1), 6))
            for name, parts in islice(members.items(), 60)
        }  # fmt: skip
        for name in way.get("required", ()):
            choices.setdefault(name, ["a", 7, {}])
        required = set(way.get("required", ()))
        whole = {name: values[0] for name, values in choices.items() if values}
        least = {name: whole[name] for name in whole if name in required}
        if required <= whole.keys():
            yield least
            yield whole
        for name in whole:
            for value in choices[name]:
                yield {**least, name: value}
            yield {other: value for other, value in whole.items() if other != name or name in required}
        for pattern in way.get("patternProperties", {}):
            for name in islice(matching(pattern, self._chance), 3):
                for value in ("a", 7, None, True):
                    yield {**least, name: value}
        extra = list(islice(self._all(way.get("additional", [("", True)]), depth + 1), 4))
        for value in extra:
            yield {**least, "another": value}
        size = way.get("minProperties", 0)
        if len(least) < size <= 2_000:
            yield {**least, **{f"m{number}": (extra or ["a"])[0] for number in range(size - len(least))}}

    def _arrays(self, way: Schema, depth: int) -> Iterator[list[Any]]:
        firsts = [list(islice(self._all(parts, depth + 1), 4)) for parts in way.get("prefixItems", ())]
        items = list(islice(self._all(way.get("items", [("", True)]), depth + 1), 8))
        inside = list(islice(self._all(way["contains"], depth + 1), 4)) if "contains" in way else []
        head = [each[0] for each in firsts if each]
        least = max(way.get("minItems", 0), way.get("minContains", 1) if inside else 0)
        yield []
        yield head
        for number, values in enumerate(firsts[: len(head)]):
            for value in values[1:]:
                yield [*head[:number], value, *head[number + 1 :]]
        for value in (*inside, *items):
            yield [*head, value]
            yield [value]
        if items or inside:
            several = [*inside, *items]
            yield [*head, *several]
            yield [*head, several[0], several[0]]
            for size in (least, least + 1, way.get("maxItems", 0)):
                if 0 < size <= LONGEST:
                    yield [*head, *(several[number % len(several)] for number in range(max(size - len(head), 0)))]

    def _all(self, parts: Iterable[tuple[str, Any]], depth: int) -> Iterator[Any]:
        """Values for one place that several subschemas speak of."""
        parts = list(parts)
        if len(parts) == 1:
            yield from self._values(*parts[0], depth)
            return
        laid: list[Schema] = [{}]
        for file, schema in parts:
            options = list(islice(self._ways(file, schema, 0), 6))
            laid = [_together(one, other) for one in laid for other in options][:_WAYS]
        self._left -= 1
        if depth <= _DEEPEST and self._left > 0:
            for way in laid:
                yield from islice(self._of_way(way, depth), 8)


def _own(file: str, schema: Schema) -> Schema:
    """What one subschema says, in the form in which it is laid together with others."""
    found: Schema = {word: schema[word] for word in (*_LAID, *_UPPER, "required") if word in schema}
    if "type" in schema:
        found["type"] = tuple(schema["type"]) if isinstance(schema["type"], list) else (schema["type"],)
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if "enum" in schema:
        found["enum"] = [each for each in schema["enum"] if "const" not in schema or each == schema["const"]][:400]
    said = [*schema.get("examples", ())] if isinstance(schema.get("examples"), list) else []
    if said or "default" in schema:
        found["said"] = [*said, *([schema["default"]] if "default" in schema else [])]
    if "pattern" in schema:
        found["patterns"] = [schema["pattern"]]
    if "format" in schema:
        found["formats"] = [schema["format"]]
    if "multipleOf" in schema:
        found["multipleOf"] = [schema["multipleOf"]]
    if "properties" in schema:
        found["properties"] = {name: [(file, each)] for name, each in schema["properties"].items()}
    if "patternProperties" in schema:
        found["patternProperties"] = schema["patternProperties"]
    for word, name in (("additionalProperties", "additional"), ("items", "items"), ("contains", "contains")):
        if word in schema:
            found[name] = [(file, schema[word])]
    if "prefixItems" in schema:
        found["prefixItems"] = [[(file, each)] for each in schema["prefixItems"]]
    return found


_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def _together(one: Schema, other: Schema) -> Schema:
    """Lay together what two subschemas say of one place."""
    found = {**one}
    for word, value in other.items():
        mine = found.get(word)
        if mine is None:
            found[word] = value
        elif word == "type":
            found[word] = tuple(
                each for each in mine if each in value or (each == "integer" and "number" in value)
            ) or (("integer",) if "integer" in value and "number" in mine else ())
        elif word == "enum":
            found[word] = [each for each in mine if canonical(each) in {canonical(item) for item in value}]
        elif word in _LAID:
            found[word] = max(mine, value)
        elif word in _UPPER:
            found[word] = min(mine, value)
        elif word == "properties":
            found[word] = {**mine, **{name: [*mine.get(name, ()), *parts] for name, parts in value.items()}}
        elif word == "patternProperties":
            found[word] = {**mine, **value}
        else:
            found[word] = [*mine, *value]
    return found


def _numbers(way: Schema, depth: int) -> Iterator[int | float]:
    step = max((each for each in way.get("multipleOf", ()) if each), default=1)
    limits = [way[word] for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if word in way]
    for limit in limits:
        yield from (limit, limit + 1, limit - 1, limit + 0.5, limit - 0.5)
        if abs(limit / step) < 2**53:
            yield from (limit // step * step, (limit // step + 1) * step)
    yield from (step, 2 * step, -step)
    yield from NUMBERS
