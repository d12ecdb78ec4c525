"""The schemas of a catalogue laid into one document: no file and no address is referred to any more.

As draft 2020-12 they stay as they are. As draft 07, which AsyncAPI builds on, `$ref` moves into `allOf` (its siblings
would be ignored there), and words that are newer take their older form, or an `x-` where there is none. A pattern with
`\\p{...}` is for ECMA's and Rust's engines but not for Python's: where a document is to be read by any tool, it becomes
`x-pattern`, and its words stay.
"""

from __future__ import annotations

import re
from typing import Any

from emitter.catalog import BASE, ENVELOPE, Catalog, Documents
from emitter.catalog.references import references
from emitter.contract.compare_rules import LISTS, MAPS, SINGLE

Json = dict[str, Any]

_KEPT = ("x-provenance", "x-source")
_LOST = ("unevaluatedProperties", "unevaluatedItems", "minContains", "maxContains")


def name_of(file: str) -> str:
    """What a file is called inside a document."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", file.removesuffix(".json"))


class Bundle:
    """All schemas of a catalogue as parts of one document, below `prefix`, by the names that `$ref`s use."""

    def __init__(
        self, catalog: Catalog, prefix: str, *, draft7: bool = False, whole: bool = False, portable: bool = False
    ) -> None:
        """`whole` keeps everything; else what makes events is left out, and members that only the simulator adds.

        `portable` leaves out patterns that not every engine reads.
        """
        self._prefix, self._draft7, self._whole, self._portable = prefix, draft7, whole, portable
        kinds = list(catalog)
        self._documents: Documents = {name: document for kind in kinds for name, document in kind.documents.items()}
        self._own = {kind.file: frozenset(kind.extended) for kind in kinds}
        self._of_type = {kind.name: name_of(kind.file) for kind in kinds}

    def ref(self, type_name: str) -> Json:
        """A reference to the schema of a type."""
        return {"$ref": f"{self._prefix}{self._of_type[type_name]}"}

    def schemas(self) -> Json:
        """The schemas by name, the envelope first."""
        files = dict.fromkeys((ENVELOPE, *self._own, *self._documents))
        found = {
            name_of(file): self._schema(file, self._documents[file], ()) for file in files if file in self._documents
        }
        return found if self._whole else self._pruned(found)

    def _schema(self, file: str, schema: Any, steps: tuple[str, ...]) -> Any:
        """One subschema; `steps` are the members that lead to the place in a body that it is about."""
        if not isinstance(schema, dict):
            return schema
        found: Json = {}
        for word, value in schema.items():
            if word in ("$schema", "$id") or (not self._whole and self._is_hint(word, file, schema)):
                continue
            if word == "$ref":
                found[word] = self._address(file, value)
            elif word == "properties":
                members = self._members(file, value, steps)
                found[word] = {name: self._schema(file, part, (*steps, name)) for name, part in members.items()}
            elif word in SINGLE:
                found[word] = self._schema(file, value, (*steps, "*"))
            elif word in LISTS:
                found[word] = [self._schema(file, part, steps) for part in value]
            elif word in MAPS:
                found[word] = {name: self._schema(file, part, ("*",)) for name, part in value.items()}
            elif word == "pattern" and self._portable and r"\p{" in value.lower():
                found["x-pattern"] = value
            else:
                found[word] = value
        return _as_draft7(found) if self._draft7 else found

    def _is_hint(self, word: str, file: str, schema: Json) -> bool:
        if word == "examples":
            return schema is self._documents[file]  # whole bodies stand beside the schema
        return word.startswith("x-") and word not in _KEPT

    def _members(self, file: str, members: Json, steps: tuple[str, ...]) -> Json:
        """The members of an object without those that only the simulator adds."""
        if self._whole or steps != ("data",):
            return members
        return {name: part for name, part in members.items() if name not in self._own.get(file, ())}

    def _address(self, file: str, ref: str) -> str:
        name, _, fragment = ref.removeprefix(BASE).partition("#")
        if self._draft7:
            fragment = fragment.replace("/$defs/", "/definitions/")
        return f"{self._prefix}{name_of(name.removeprefix('./') or file)}{fragment}"

    def _pruned(self, schemas: Json) -> Json:
        """Without definitions that nothing refers to any more."""
        word = "definitions" if self._draft7 else "$defs"
        while True:
            wanted = set(references(schemas))
            idle = [
                (name, each)
                for name, schema in schemas.items()
                if isinstance(schema, dict)
                for each in schema.get(word, {})
                if not any(f"{ref}/".startswith(f"{self._prefix}{name}/{word}/{each}/") for ref in wanted)
            ]
            if not idle:
                return schemas
            for name, each in idle:
                del schemas[name][word][each]
                if not schemas[name][word]:
                    del schemas[name][word]


def _as_draft7(schema: Json) -> Json:
    """Take one subschema, whose parts are done already, from draft 2020-12 to draft 07."""
    found = {word: value for word, value in schema.items() if word not in _LOST}
    found |= {f"x-{word}": schema[word] for word in _LOST if word in schema}
    if "$defs" in found:
        found["definitions"] = found.pop("$defs")
    if "$ref" in found and len(found) > 1:
        found["allOf"] = [*found.get("allOf", ()), {"$ref": found.pop("$ref")}]
    if "prefixItems" in found:
        rest = found.pop("items", None)
        found["items"] = found.pop("prefixItems")
        if rest is not None:
            found["additionalItems"] = rest
    depends = {**found.pop("dependentSchemas", {})}
    for name, names in found.pop("dependentRequired", {}).items():
        also = {"required": names}
        depends[name] = {"allOf": [depends[name], also]} if name in depends else names
    if depends:
        found["dependencies"] = depends
    return found
