"""Lay what was observed over what is known: a type's schema file with the statements that the evidence carries.

What is documented stays as it is; an observed statement about a documented member stands beside it, in an `allOf` of
its own, so that a violation names the right one. What is assumed or derived and was contradicted gives way.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from emitter.catalog import Documents, follow
from emitter.contract.calibrate_body import form_of
from emitter.contract.learn_evidence import Evidence, Place, step
from emitter.contract.learn_rules import Claim, Rule, claims, counts, in_words
from emitter.errors import shown

Schema = dict[str, Any]
OBSERVED = "observed"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_STEERING = ("x-from", "x-value", "x-faker", "x-offset", "x-digits", "x-items")
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that the learned schema says of a place and the known one does not, in words."""

    pointer: str
    words: str
    samples: int
    of: int


@dataclass(slots=True)
class Overlay:
    """Lays the evidence of one type over its known schema.

    `contradicted` are places whose known rules do not hold; `withdrawn` are statements, by pointer and keyword, that
    are not to be made because something documented stands against them.
    """

    documents: Documents
    file: str
    evidence: Evidence
    rule: Rule
    marks: Mapping[str, str]
    contradicted: Mapping[str, set[str]] = field(default_factory=dict)
    withdrawn: frozenset[tuple[str, str]] = frozenset()
    names_somebody: Callable[[str], bool] = lambda text: False  # what of the captures must not be written down
    statements: list[Statement] = field(default_factory=list)
    yielded: list[str] = field(default_factory=list)

    def schema(self, known: Schema) -> Schema:
        """The new schema of the type. `known` is that of its file, or the beginning of one."""
        self.statements.clear()
        self.yielded.clear()
        new = copy.deepcopy(known)
        whole = self.evidence.whole
        new["x-samples"] = {"of": whole.seen}
        self._inside(new, [], whole, "", 0)
        return new

    # --- one place ----------------------------------------------------------------------------------------------------

    def _place(
        self, name: str, known: Schema, behind: list[Schema], place: Place, of: int, pointer: str, depth: int
    ) -> Schema:
        """The new schema of a place; `behind` are other schemas that hold for it, through references further up."""
        new = copy.deepcopy(known)
        mark = self.marks.get(pointer, "")
        if any(each == pointer or each.startswith(f"{pointer}/") for each in self.contradicted):
            new = self._inlined(new, 0)
        if pointer in self.contradicted:
            new = _relaxed(new, place)
        said = _together([part for schema in (*behind, new) for part in self._parts(schema, 0)])
        all_claims = [each for each in claims(name, place, self.rule) if not self._tells_of_people(each)]
        made = [
            each for each in all_claims
            if each.keyword != "required" and (pointer, each.keyword) not in self.withdrawn and not _known(each, said)
            and (each.keyword not in new or mark == "documented")
        ]  # fmt: skip
        if mark == "documented":
            made = [each for each in made if self._fits_documents(each, said, pointer)]
            if made:
                rules = {each.keyword: each.value for each in made}
                part = {**rules, "x-provenance": OBSERVED, "x-source": self._source(place, of)}
                new["allOf"] = [*new.get("allOf", ()), part]
        else:
            new |= {each.keyword: each.value for each in made}
            if place.seen >= self.rule.few and "x-profile" not in said:
                new |= {"x-provenance": OBSERVED, "x-source": self._source(place, of)}
        if known or made or pointer not in self.marks:
            before = known.get("x-samples")
            again = [each for each in all_claims if isinstance(before, dict) and each.keyword in before]
            new["x-samples"] = {"present": place.seen, "of": of, **counts([*again, *made])}
        self._tell(pointer, known or behind, made, place, of, mark)
        self._inside(new, behind, place, pointer, depth + 1)
        return new

    def _is_member(self, name: str) -> bool:
        """Whether a name is one of the contract's, and not a key that is somebody's or something's own."""
        return bool(_NAME.fullmatch(name)) and not form_of(name) and not self.names_somebody(name)

    def _tells_of_people(self, claim: Claim) -> bool:
        words = {"const": [claim.value], "enum": claim.value}.get(claim.keyword, [])
        return any(self.names_somebody(word) for word in words)

    def _inside(self, new: Schema, behind: list[Schema], place: Place, pointer: str, depth: int) -> None:
        """Describe the members and items of a place."""
        if depth > _DEEPEST:
            return
        parts = [part for schema in (*behind, new) for part in self._parts(schema, 0) if part is not new]
        among = _told(place, self.rule)
        properties = dict(new.get("properties", {}))
        for name, inner in place.members.items():
            known = properties.get(name, {})
            others = [part["properties"][name] for part in parts if name in part.get("properties", {})]
            others = [each for each in others if isinstance(each, dict)]
            if name not in among or not isinstance(known, dict) or not (known or others or self._is_member(name)):
                continue
            below = f"{pointer}/{step(name)}"
            learned = self._place(name, known, others, inner, place.objects, below, depth)
            if learned or not others:
                properties[name] = learned
        if properties:
            new["properties"] = properties
        self._require(new, parts, place, pointer)
        if place.items is not None and place.items.seen:
            known = new.get("items", {})
            others = [part["items"] for part in parts if isinstance(part.get("items"), dict)]
            name = pointer.rpartition("/")[2]
            if isinstance(known, dict):
                learned = self._place(name, known, others, place.items, place.items.seen, f"{pointer}/*", depth)
                if learned or not others:
                    new["items"] = learned

    def _require(self, new: Schema, parts: Sequence[Schema], place: Place, pointer: str) -> None:
        """Require what was always there, and no more what was not."""
        required = [name for name in new.get("required", ()) if self._holds(pointer, name, place)]
        said = {name for part in parts for name in part.get("required", ())}
        for claim in claims("", place, self.rule):
            for name in claim.value if claim.keyword == "required" else ():
                inner = f"{pointer}/{step(name)}"
                described = new.get("properties", {}).get(name, {})
                beside = [part["properties"][name] for part in parts if name in part.get("properties", {})]
                ours = "x-profile" in _together([e for s in (*beside, described) for e in self._parts(s, 0)])
                known = name in required or name in said or ours or name not in new.get("properties", {})
                if not known and (inner, "required") not in self.withdrawn:
                    required.append(name)
                    self.statements.append(Statement(inner, "always there", claim.samples, place.objects))
        if required:
            new["required"] = required
        else:
            new.pop("required", None)

    def _holds(self, pointer: str, name: str, place: Place) -> bool:
        inner = place.members.get(name)
        documented = self.marks.get(f"{pointer}/{step(name)}") == "documented"
        return documented or (inner is not None and inner.seen == place.objects) or not place.objects

    def _fits_documents(self, claim: Claim, said: Schema, pointer: str) -> bool:
        """Whether the values that documents show of a member (its `examples`) allow a statement about it."""
        rule = {claim.keyword: claim.value}
        judge = jsonschema_rs.Draft202012Validator(rule, validate_formats=True)
        against = next((each for each in said.get("examples", ()) if not judge.is_valid(each)), None)
        if against is not None:
            self.yielded.append(f"{pointer}: {in_words(claim)}, but documented is {shown(against)}")
        return against is None

    # --- words --------------------------------------------------------------------------------------------------------

    def _tell(self, pointer: str, known: Any, made: Sequence[Claim], place: Place, of: int, mark: str) -> None:
        said = ", ".join(map(in_words, made))
        if not known and pointer not in self.marks and not pointer.endswith("/*"):
            self.statements.append(Statement(pointer, f"new{': ' if said else ''}{said}", place.seen, of))
        elif made:
            self.statements.append(Statement(pointer, said, place.seen, of))
        for rule in sorted(self.contradicted.get(pointer, ())):
            self.statements.append(Statement(pointer, f"{rule} ({mark or 'assumed'}) does not hold", place.seen, of))

    def _source(self, place: Place, of: int) -> str:
        days = self.evidence.first
        if days and self.evidence.last != days:
            days = f"{days} to {self.evidence.last}"
        return f"Observed in {place.seen:,} of {of:,} captures{f', {days}' if days else ''}"

    # --- what is known ------------------------------------------------------------------------------------------------

    def _parts(self, schema: Schema, depth: int) -> list[Schema]:
        """The schemas that hold for the same place as this one, what it refers to first, itself last."""
        found: list[Schema] = []
        if depth > _DEEPEST:
            return found
        if isinstance(schema.get("$ref"), str):
            try:
                where, inner = follow(self.documents, self.file, schema["$ref"])
            except LookupError:
                inner = None
            if isinstance(inner, dict):
                found += self._parts(_absolute(inner, where, self.file), depth + 1)
        for part in schema.get("allOf", ()):
            if isinstance(part, dict):
                found += self._parts(part, depth + 1)
        return [*found, schema]

    def _inlined(self, schema: Schema, depth: int) -> Schema:
        """A schema with what it refers to written out, so that a part of it can give way."""
        if depth > _DEEPEST or not isinstance(schema.get("$ref"), str):
            return schema
        where, inner = follow(self.documents, self.file, schema["$ref"])
        if not isinstance(inner, dict):
            return schema
        target = self._inlined(_absolute(copy.deepcopy(inner), where, self.file), depth + 1)
        own = {key: value for key, value in schema.items() if key != "$ref"}
        properties = {**target.get("properties", {}), **own.get("properties", {})}
        return {**target, **own, **({"properties": properties} if properties else {})}


def _together(parts: Sequence[Schema]) -> Schema:
    """What schemas of one place say together, those that come later before those that come first."""
    said: Schema = {}
    for part in parts:
        required = [*said.get("required", ()), *part.get("required", ())]
        said = {**said, **part, **({"required": required} if required else {})}
    return said


def _known(claim: Claim, said: Schema) -> bool:
    """Whether the known schema says that already."""
    if claim.keyword == "type" and ("const" in said or "enum" in said):
        return True
    alternative = said.get("else")  # as of the documented link, which is let through as it is printed
    if isinstance(alternative, dict) and alternative.get(claim.keyword) == claim.value:
        return True
    return claim.keyword in said and said[claim.keyword] == claim.value


def _relaxed(schema: Schema, place: Place) -> Schema:
    """A schema without its rules; what it says in words, and how it is made while that still fits, stays."""
    texts = set(place.kinds) <= {"string", "null"}
    kept = ("title", "description", "properties", "items", "required")
    return {
        key: value for key, value in schema.items()
        if key in kept or (key.startswith("x-") and (texts or key not in _STEERING))
    }  # fmt: skip


def _absolute(schema: Any, where: str, file: str) -> Any:
    """Let the references of a part of another file still lead where they did."""
    if where == file:
        return schema
    if isinstance(schema, dict):
        return {
            key: where + value if key == "$ref" and isinstance(value, str) and value.startswith("#")
            else _absolute(value, where, file)
            for key, value in schema.items()
        }  # fmt: skip
    return [_absolute(each, where, file) for each in schema] if isinstance(schema, list) else schema


def _told(place: Place, rule: Rule) -> set[str]:
    """The members worth describing: all of a fixed set; of an open one, or a map, those that come up enough."""
    if not place.open and len(place.members) <= 40:
        return set(place.members)
    return {
        name for name, inner in place.members.items() if inner.seen >= rule.evidence and 2 * inner.seen >= place.objects
    }
