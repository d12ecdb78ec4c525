"""Everything that a schema says of one place, gathered from its `$ref`s and `allOf`s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from emitter.catalog import Documents, Reference, follow
from emitter.factory.values import Unsupported

_KINDS = ("object", "array", "string", "integer", "number", "boolean", "null")
_BY_KEYWORD = {
    "properties": "object", "required": "object", "items": "array", "minItems": "array", "maxItems": "array",
    "pattern": "string", "format": "string", "minLength": "string", "maxLength": "string", "minimum": "number",
    "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
}  # fmt: skip
_MOST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_LEAST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


@dataclass(slots=True)
class Node:
    """What is said of one place. `said` holds the plain keywords; what stands nearer to the type goes before."""

    said: dict[str, Any] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=lambda: list(_KINDS))
    typed: bool = False
    required: list[str] = field(default_factory=list)
    properties: dict[str, list[Reference]] = field(default_factory=dict)
    items: list[Reference] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    alternatives: list[tuple[int, list[Reference]]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The JSON type to make; empty if nothing tells."""
        if self.typed:
            return next((kind for kind in self.kinds if kind != "null"), self.kinds[0] if self.kinds else "")
        return next((kind for keyword, kind in _BY_KEYWORD.items() if self._has(keyword)), "")

    def _has(self, keyword: str) -> bool:
        return keyword in self.said or bool(
            {
                "properties": self.properties,
                "required": self.required,
                "items": self.items,
                "pattern": self.patterns,
            }.get(keyword)
        )

    def offered(self) -> list[Any]:
        """The values that the schema offers by itself, as `examples` or `default`."""
        examples = self.said.get("examples")
        if isinstance(examples, list) and examples:
            return examples
        return [self.said["default"]] if "default" in self.said else []

    def rules(self) -> dict[str, Any]:
        """The rules for a single value, as a schema that refers to nothing."""
        rules = {
            keyword: value
            for keyword, value in self.said.items()
            if keyword in (*_MOST, *_LEAST, "enum", "const", "format", "multipleOf", "uniqueItems")
        }
        if self.typed:
            rules["type"] = self.kinds
        if self.patterns:
            rules["allOf"] = [{"pattern": pattern} for pattern in self.patterns]
        return rules


def merge(documents: Documents, places: Sequence[Reference], path: tuple[str, ...], taken: frozenset[int]) -> Node:
    """Gather what all of `places` say; `taken` are the choices (anyOf, oneOf) that were made for this place already."""
    node = Node()
    for place in places:
        _add(documents, node, place, path, taken, 0)
    return node


def _add(
    documents: Documents, node: Node, place: Reference, path: tuple[str, ...], taken: frozenset[int], depth: int
) -> None:
    file, schema = place
    if schema is True:
        return
    if not isinstance(schema, dict) or depth > 32:
        raise Unsupported(path, "nothing is allowed here" if schema is False else "its $ref goes in a circle")
    if "$dynamicRef" in schema:
        raise Unsupported(path, "$dynamicRef is not understood")
    for keyword, value in schema.items():
        if keyword == "type":
            kinds = [value] if isinstance(value, str) else value
            kinds = [*kinds, "integer"] if "number" in kinds and "integer" not in kinds else kinds
            node.kinds = [kind for kind in (node.kinds if node.typed else kinds) if kind in kinds]
            node.typed = True
        elif keyword == "properties":
            for name, subschema in value.items():
                node.properties.setdefault(name, []).append(Reference(file, subschema))
        elif keyword == "items":
            node.items.append(Reference(file, value))
        elif keyword == "required":
            node.required.extend(name for name in value if name not in node.required)
        elif keyword == "pattern":
            node.patterns.append(value)
        elif keyword in _MOST and keyword in node.said:
            node.said[keyword] = max(node.said[keyword], value)
        elif keyword in _LEAST and keyword in node.said:
            node.said[keyword] = min(node.said[keyword], value)
        elif keyword == "enum" and "enum" in node.said:
            node.said["enum"] = [choice for choice in node.said["enum"] if choice in value]
        elif keyword in ("anyOf", "oneOf"):
            if id(value) not in taken:
                node.alternatives.append((id(value), [Reference(file, branch) for branch in value]))
        elif keyword not in ("allOf", "$ref", "$defs"):
            node.said.setdefault(keyword, value)
    if "$ref" in schema:
        try:
            _add(documents, node, follow(documents, file, schema["$ref"]), path, taken, depth + 1)
        except LookupError as error:
            raise Unsupported(path, str(error.args[0])) from None
    for part in schema.get("allOf", ()):
        _add(documents, node, Reference(file, part), path, taken, depth + 1)
