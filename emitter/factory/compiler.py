"""Turn the schema of an event type into one Python function that makes its bodies.

The function is written as source and compiled: it picks from pools by slices of one random number, so that a body costs
a few microseconds. What a schema may say to steer it stands in its `x-` keywords: `x-value` (always this), `x-from`
(from the story: see `STORY`), `x-faker` (a Faker provider, or `{"provider": ..., "arguments": {...}}`), `x-offset` (how
far a time lies from the event's, as 30d or -2h), `x-digits` (of a time's fraction), `x-items` (how many items).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from emitter.catalog import EventType, Reference
from emitter.clock import rfc3339
from emitter.errors import BadValue
from emitter.factory import merging
from emitter.factory.cast import Cast, Product
from emitter.factory.pools import pool
from emitter.factory.values import EXAMPLES, Unsupported, fitting, helpers
from emitter.typed import duration

Make = Callable[[int, Product, Cast, int, str], dict[str, Any]]
"""(bits of chance, product, cast, stamp in nanoseconds, timestamp as text) -> body"""

STORY = {
    "timestamp": "timestamp",
    "product.id": "product.id",
    "product.name": "product.name",
    "product.link": "product.{link}",
    "product.domain": "product.domain",
    "product.owner": "cast.people[product.owner].id",
    "request.id": "product.request",
    "record.id": "product.record",
    "requester.id": "cast.people[product.requester].id",
    "requester.name": "cast.people[product.requester].name",
}
_BY_NAME: dict[tuple[str, ...], str] = {
    ("data", "actionLink"): "product.link",
    ("data", "dataProductId"): "product.id",
    ("data", "dataProductName"): "product.name",
}
_LINKS = {
    "product": "link_product", "data-sources": "link_data_sources", "requests": "link_requests", "home": "link_home",
}  # fmt: skip
_MORE = 1000
"""How far an integer may lie from the only bound that it has."""


class Compiled(NamedTuple):
    """A function that makes bodies, and how many bits of chance it takes."""

    make: Make
    bits: int


def compile_type(kind: EventType, *, extended: bool, link_on_delete: str = "omit") -> Compiled:
    """Write and compile the function for one event type.

    `link_on_delete` (`omit`, `product` or `home`) is for types whose link is `none`. Raises `Unsupported` with what
    the schema should say when no value can be made from it.
    """
    core = list(kind.core)
    link = kind.link
    if link == "none" and link_on_delete != "omit" and "actionLink" not in core:
        core.append("actionLink")
    if link == "none":
        link = link_on_delete if link_on_delete != "omit" else "product"
    wanted = sorted({*core, *(kind.extended if extended else ())})
    return _Compiler(kind, wanted, _LINKS[link]).compile()


class _Compiler:
    def __init__(self, kind: EventType, wanted: Sequence[str], link: str) -> None:
        self._kind, self._wanted, self._link = kind, wanted, link
        self._names: dict[str, Any] = dict(helpers)
        self._bits = 0
        self._open: list[tuple[int, ...]] = []

    def compile(self) -> Compiled:
        root = Reference(self._kind.file, self._kind.schema)
        source = f"lambda bits, product, cast, stamp, timestamp: {self._value([root], ())}"
        self._names["rfc3339"] = rfc3339
        make: Make = eval(compile(ast.parse(source, mode="eval"), self._kind.file, "eval"), self._names)
        return Compiled(make, max(self._bits, 1))

    def _constant(self, value: Any) -> str:
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        name = f"c{len(self._names)}"
        self._names[name] = value
        return name

    def _draw(self, bits: int) -> str:
        expression = f"(bits >> {self._bits} & {(1 << bits) - 1})"
        self._bits += bits
        return expression

    def _choice(self, values: Sequence[Any]) -> str:
        if len(values) == 1:
            return self._constant(values[0])
        return f"{self._constant(tuple(values))}[{self._draw(32)} % {len(values)}]"

    def _value(self, places: list[Reference], path: tuple[str, ...], taken: frozenset[int] = frozenset()) -> str:
        """The expression for a value at `path` that all of `places` allow."""
        here = (len(taken), *(id(place.schema) for place in places))
        if here in self._open or len(self._open) > 48:
            raise Unsupported(path, "it contains itself without end")
        self._open.append(here)
        try:
            return self._fresh(places, path, taken)
        finally:
            self._open.pop()

    def _fresh(self, places: list[Reference], path: tuple[str, ...], taken: frozenset[int]) -> str:
        node = merging.merge(self._kind.documents, places, path, taken)
        if (fixed := self._fixed(node, path)) is not None:
            return fixed
        for number, branches in node.alternatives:
            reasons = []
            for branch in branches:
                try:
                    return self._value([*places, branch], path, taken | {number})
                except Unsupported as error:
                    reasons.append(error.why)
            raise Unsupported(path, f"none of its forms can be made: {'; '.join(dict.fromkeys(reasons))}")
        kind = node.kind
        if kind == "object":
            return self._object(node, path)
        if kind == "array":
            return self._array(node, path)
        if kind in ("integer", "number"):
            return self._number(node, path, whole=kind == "integer")
        if kind == "boolean":
            return f"bool({self._draw(1)})"
        if kind == "null":
            return "None"
        if kind == "string":
            return self._string(node, path)
        if values := node.offered():
            return self._choice(values)
        raise Unsupported(path, "it does not say what type it is")

    def _fixed(self, node: merging.Node, path: tuple[str, ...]) -> str | None:
        """What the schema itself, a hint or the story says that the value is."""
        said = node.said
        if path == ("timestamp",):
            return "timestamp"
        for keyword in ("const", "x-value"):
            if keyword in said:
                return self._constant(said[keyword])
        source = said.get("x-from") or (_BY_NAME.get(path) if node.kind in ("string", "") else None)
        if source is not None and not (path in _BY_NAME and ("enum" in said or "x-faker" in said)):
            if source not in STORY:
                raise Unsupported(path, f'x-from "{source}" is none of {", ".join(STORY)}')
            return STORY[source].format(link=self._link)
        if "x-faker" in said:
            return self._choice(fitting(node, self._pool(said["x-faker"], path), path))
        if "enum" in said:
            return self._choice(fitting(node, said["enum"], path))
        return None

    def _pool(self, hint: Any, path: tuple[str, ...]) -> tuple[Any, ...]:
        provider, arguments = hint, None
        if isinstance(hint, dict):
            provider, arguments = hint.get("provider"), hint.get("arguments")
        if not isinstance(provider, str) or not isinstance(arguments, dict | None):
            raise Unsupported(path, 'x-faker is a provider\'s name or {"provider": name, "arguments": {...}}')
        try:
            return pool(provider, arguments)
        except LookupError as error:
            raise Unsupported(path, str(error.args[0])) from None

    def _object(self, node: merging.Node, path: tuple[str, ...]) -> str:
        required = set(node.required)
        names = sorted({*node.properties, *required})
        if path == ():
            required |= {"timestamp", "data", "type"}
            names = ["timestamp", "data", "type", *(name for name in names if name not in required)]
            names += sorted(required - set(names))
        elif path == ("data",):
            required |= set(self._wanted)
            names = sorted(required)
        written = []
        for name in names:
            inner, mark = (*path, name), self._bits
            try:
                places = node.properties.get(name, [])
                if not places and inner not in _BY_NAME and inner not in (("timestamp",), ("data",)):
                    raise Unsupported(inner, "it is wanted, but not described under properties")
                written.append(f"{name!r}: {self._value(places or [_any(inner)], inner)}")
            except Unsupported:
                if name in required:
                    raise
                self._bits = mark
        return "{" + ", ".join(written) + "}"

    def _array(self, node: merging.Node, path: tuple[str, ...]) -> str:
        said = node.said
        if "prefixItems" in said or "contains" in said:
            if values := node.offered():
                return self._choice(values)
            raise Unsupported(path, "prefixItems and contains are not understood")
        least = int(said.get("minItems", 1 if said.get("maxItems", 1) else 0))
        most = int(min(said.get("maxItems", least + 2), least + 2))
        if "x-items" in said:
            least = most = int(said["x-items"])
        if least > 256:
            raise Unsupported(path, "it asks for more than 256 items")
        if not node.items:
            if values := node.offered():
                return self._choice(values)
            if least:
                raise Unsupported(path, "its items are not described")
            return "[]"
        item = merging.merge(self._kind.documents, node.items, (*path, "*"), frozenset())
        if said.get("uniqueItems") and "enum" in item.said:
            choices = self._constant(tuple(fitting(item, item.said["enum"], path)))
            most = min(most, len(item.said["enum"]))
            length = self._length(min(least, most), most)
            return f"rotated({choices}, {self._draw(32)}, {length})"
        items = ", ".join(self._value(node.items, (*path, "*")) for _ in range(most))
        return f"[{items}]" if least == most else f"[{items}][:{self._length(least, most)}]"

    def _length(self, least: int, most: int) -> str:
        return str(least) if least == most else f"{least} + {self._draw(16)} % {most - least + 1}"

    def _number(self, node: merging.Node, path: tuple[str, ...], *, whole: bool) -> str:
        said = node.said
        step = Fraction(str(said.get("multipleOf", 1 if whole else "0.01")))
        least = [math.ceil(Fraction(str(said["minimum"])) / step)] if "minimum" in said else []
        most = [math.floor(Fraction(str(said["maximum"])) / step)] if "maximum" in said else []
        if "exclusiveMinimum" in said:
            least.append(math.floor(Fraction(str(said["exclusiveMinimum"])) / step) + 1)
        if "exclusiveMaximum" in said:
            most.append(math.ceil(Fraction(str(said["exclusiveMaximum"])) / step) - 1)
        first = max(least) if least else min(most) - _MORE if most else 0
        last = min(most) if most else first + _MORE
        if first > last or (whole and step.denominator != 1):
            bounds = [said[bound] for bound in ("minimum", "maximum") if bound in said]
            middle = [sum(bounds) / 2] if len(bounds) == 2 else []
            return self._choice(fitting(node, [*node.offered(), *bounds, *middle], path))
        chosen = f"({first} + {self._draw(64)} % {last - first + 1})"
        if step == 1:
            return chosen
        return f"{chosen} * {step}" if whole else f"round({chosen} * {step.numerator} / {step.denominator}, 9)"

    def _string(self, node: merging.Node, path: tuple[str, ...]) -> str:
        said = node.said
        form = said.get("format")
        if form in ("date-time", "date", "time"):
            return self._time(form, said, path)
        if form == "uuid":
            return f"uuid({self._draw(128)})"
        if form == "ipv4":
            return f"ipv4({self._draw(24)})"
        if values := node.offered():
            return self._choice(fitting(node, values, path))
        if form in EXAMPLES:
            provider, arguments = EXAMPLES[form]
            return self._choice(fitting(node, pool(provider, arguments), path))
        return self._choice(fitting(node, _texts(said), path))

    def _time(self, form: str, said: dict[str, Any], path: tuple[str, ...]) -> str:
        offset, digits = str(said.get("x-offset", "0s")), said.get("x-digits", 3)
        try:
            distance = duration(offset.removeprefix("-"), "x-offset").total_seconds()
        except BadValue as error:
            raise Unsupported(path, str(error)) from None
        if not isinstance(digits, int) or not 0 <= digits <= 9:
            raise Unsupported(path, "x-digits is no number from 0 to 9")
        nanoseconds = round(distance * 1e6) * 1000 * (-1 if offset.startswith("-") else 1)
        written = f"rfc3339(stamp + {nanoseconds}, {digits})"
        return {"date-time": written, "date": f"{written}[:10]", "time": f"{written}[11:]"}[form]


def _any(path: tuple[str, ...]) -> Reference:
    return Reference("", {"type": "object"} if path == ("data",) else {"type": "string"})


def _texts(said: dict[str, Any]) -> list[str]:
    """Texts of a length that is allowed."""
    least, most = int(said.get("minLength", 0)), int(said.get("maxLength", 10_000))
    words = [str(text) for text in pool("catch_phrase")]
    fit = [text for text in words if least <= len(text) <= most]
    return fit or [(text * (least // len(text) + 1))[: max(least, min(most, 12))] for text in words[:32]]
