"""Bodies that probably break one rule and keep the others: what stands there now, changed in the way of the rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import chain, islice
from random import Random
from typing import Any, Final

from emitter.contract.compare_rules import ITEM, WHOLE, Rule, Step
from emitter.contract.compare_samples import FORMATS, LONGEST, POOL, STRINGS, unique
from emitter.contract.compare_strings import matching

MISSING: Final = object()
_UNLIKELY = "xyzzy"
_WHOLE = ("anyOf", "oneOf", "if", "not", "$ref", "dependentSchemas", "unevaluatedProperties", WHOLE)


def placed(body: Any, steps: Sequence[Step], value: Any, fill: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """Copies of a body with a value at a place; `fill` are values for each step above it that is missing.

    `MISSING` as the value takes the member or item away.
    """
    copy = deepcopy(body)
    if not steps:
        if value is not MISSING:
            yield value
        return
    here = copy
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        if isinstance(here, dict) and isinstance(step, str):
            if last:
                if value is MISSING:
                    here.pop(step, None)
                else:
                    here[step] = value
                yield copy
                return
            if not _fits(here.get(step), steps[number + 1]):
                parents = [each for each in fill[number + 1] if _fits(each, steps[number + 1])]
                for parent in parents[:4] or [[] if steps[number + 1] is ITEM else {}]:
                    here[step] = deepcopy(parent)
                    yield from placed(copy, steps, value, fill) if _fits(parent, steps[number + 1]) else ()
                return
            here = here[step]
        elif isinstance(here, list) and not isinstance(step, str):
            index = 0 if step is ITEM else int(step)
            if value is MISSING and last:
                del here[index:]
                yield copy
                return
            fitting = [each for each in fill[number + 1] if last or _fits(each, steps[number + 1])]
            while len(here) <= index:
                here.append(deepcopy(fitting[0]) if fitting else None)
            if last:
                here[index] = value
                yield copy
                if step is ITEM:
                    yield from _grown(copy, here, value)
                return
            if not _fits(here[index], steps[number + 1]):
                here[index] = deepcopy(fitting[0]) if fitting else {}
            here = here[index]
        else:
            return


def _grown(copy: Any, here: list[Any], value: Any) -> Iterator[Any]:
    """The same with the value behind what the array holds, and alone in it."""
    here.append(value)
    yield deepcopy(copy)
    here[:] = [value]
    yield deepcopy(copy)


def _fits(value: Any, step: Step) -> bool:
    return isinstance(value, dict) if isinstance(step, str) else isinstance(value, list)


def found_at(body: Any, steps: Sequence[Step]) -> Any:
    """What stands at a place in a body; `MISSING` if nothing does."""
    for step in steps:
        if isinstance(body, dict) and isinstance(step, str) and step in body:
            body = body[step]
        elif isinstance(body, list) and not isinstance(step, str) and len(body) > (0 if step is ITEM else int(step)):
            body = body[0 if step is ITEM else int(step)]
        else:
            return MISSING
    return body


def breaking(rule: Rule, present: Sequence[Any], named: Iterable[str], chance: Random) -> Iterator[Any]:
    """Values for the place of a rule that probably break it, from those that may stand there.

    `named` are members that the other side names there.
    """
    schema: dict[str, Any] = rule.schema if isinstance(rule.schema, dict) else {}
    objects: list[dict[str, Any]] = [each for each in present if isinstance(each, dict)]
    arrays: list[list[Any]] = [each for each in present if isinstance(each, list)]
    limit: Any = schema.get(rule.keyword)
    value: Any
    match rule.keyword:
        case "required":
            for each in objects:
                yield {name: value for name, value in each.items() if name != rule.detail}
        case "dependentRequired" | "dependentSchemas":
            needs = schema[rule.keyword][rule.detail]
            for each in objects or [{}]:
                members: list[Any] = [each.get(rule.detail, "a"), "a", 7, True, {}]
                for member in members:
                    has = {**each, rule.detail: member}
                    yield has
                    for name in needs if isinstance(needs, list) else has:
                        yield {other: kept for other, kept in has.items() if other != name}
        case "additionalProperties" | "unevaluatedProperties" | "propertyNames" | "patternProperties":
            names = [*named, "another", _UNLIKELY, "x", "X", "a b", "", "7"]
            for pattern in (*schema.get("patternProperties", {}), rule.detail):
                names.extend(islice(matching(pattern, chance, 4), 4))
            for each in objects or [{}]:
                for name in dict.fromkeys(names):
                    for value in (each.get(name, "a"), "a", 7, {}, None, True):
                        yield {**each, name: value}
        case "minProperties" | "maxProperties":
            for each in objects or [{}]:
                for count in (limit - 1, limit + 1):
                    kept = dict(islice(each.items(), max(count, 0)))
                    more = range(min(max(count - len(kept), 0), 2_000))
                    yield {**kept, **{f"m{number}": "a" for number in more}}
        case "minItems" | "maxItems" | "uniqueItems" | "contains" | "unevaluatedItems" | "items":
            yield from _arrays(rule, arrays or [[]])
        case "minLength" | "maxLength":
            for text in (*(each for each in present if isinstance(each, str) and each), "a"):
                for size in (limit - 1, limit + 1):
                    if 0 <= size <= LONGEST:
                        yield text[:size].ljust(size, text[-1])
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            yield from (limit, limit - 1, limit + 1, limit - 0.5, limit + 0.5, limit - 0.001, limit + 0.001, -limit)
            yield from (limit * 2, limit - 1000, limit + 1000)
        case "multipleOf":
            yield from (limit / 2, limit * 1.5, limit + 1, limit + 0.5, 1, 2, 3, 5, 0.5, limit * 3 / 2 + limit)
        case "pattern" | "format":
            yield from _texts(present)
    if rule.keyword in ("enum", "const"):
        for value in schema["enum"] if rule.keyword == "enum" else [schema["const"]]:
            if isinstance(value, str):
                yield from (value + "_2", value.lower(), value.upper())
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                yield value + 1
    yield from POOL
    if rule.keyword in _WHOLE:
        for each in present:
            yield from islice(_nested(each, 3), 60)


def _nested(value: Any, depth: int) -> Iterator[Any]:
    """A value with something in it changed, taken away or added: what is judged as a whole may look at any of it."""
    if depth == 0:
        return
    if isinstance(value, dict):
        for name, member in value.items():
            for inner in chain(_nested(member, depth - 1), POOL):
                yield {**value, name: inner}
            yield {other: kept for other, kept in value.items() if other != name}
        yield {**value, "another": "a"}
    elif isinstance(value, list):
        for number, item in enumerate(value[:3]):
            for inner in chain(_nested(item, depth - 1), POOL):
                yield [*value[:number], inner, *value[number + 1 :]]


def _arrays(rule: Rule, arrays: Sequence[list[Any]]) -> Iterator[list[Any]]:
    limit = rule.schema.get(rule.keyword) if isinstance(rule.schema, dict) else 0
    size = limit if isinstance(limit, int) and not isinstance(limit, bool) else 0
    for each in arrays:
        for value in unique([*each[:4], "a", 7, {}, None], 6):
            yield [*each, value]
            yield [value, value]
            yield [*each, value, value]
            for count in (size - 1, size + 1):
                if 0 <= count <= 2_000:
                    yield [*each[:count], *([value] * (count - len(each)))]
        for count in range(min(len(each), 8)):
            yield each[:count]
            yield [*each[:count], *each[count + 1 :]]
        if size and size <= 2_000:
            yield list(range(size - 1))
            yield list(range(size + 1))
            yield [f"a{number}" for number in range(size + 1)]
            yield [f"a{number}" for number in range(size - 1)]


def _texts(present: Sequence[Any]) -> Iterator[str]:
    texts = [each for each in present if isinstance(each, str)]
    for text in texts[:24]:
        for sign in ("0", "a", "A", "-", "_", " ", "é", ".", "!", "\n"):
            yield text + sign
            yield sign + text
        yield text.upper()
        yield text.lower()
        yield text[:-1]
        yield text[1:]
        yield text * 2
    yield from STRINGS
    for known in FORMATS.values():
        yield from known
