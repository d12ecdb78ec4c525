"""Decide what one changed rule breaks: a proof that it breaks nothing, an event that shows that it does, or neither.

The proofs are those of the algebra of `jsonschema-rs`, of which only "yes" counts, and of trying every value where
there are finitely many. An event is shown only after both sides have judged it: one allows it, the other does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from random import Random
from typing import Any

import jsonschema_rs

from emitter.catalog import BASE, Documents
from emitter.catalog.explanation import Checker
from emitter.contract.compare_mutations import MISSING, breaking, found_at, placed
from emitter.contract.compare_rules import ITEM, Rule, Rules, Step, canonical, pointer, rules_of, wrapped
from emitter.contract.compare_samples import POOL, Sampler, unique
from emitter.errors import Violation

FINE, BREAKS, UNKNOWN = "fine", "breaks", "unknown"
_BODIES = 12  # that are changed in search of a witness
_SOON, _TRIED = 600, 5_000  # bodies that are judged for one rule before the algebra is asked, and behind it
_TOLD = 4  # violations of a witness
_LISTED = 20_000  # values of an enum that are all tried
LARGEST = 1024 * 1024  # bytes of a witness
_ELSEWHERE = (
    "rule"  # where a rule lies that is judged alone: at the file's address, a $ref to the file would mean itself
)
_OF_OBJECTS = ("required", "dependentRequired", "additionalProperties", "minProperties", "maxProperties")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about one direction of one change.

    `verdict` is `fine`, `breaks` or `unknown`; for `breaks`, `body` is the event that shows it and `violations` what
    the side that rejects it says, those of the changed rule first.
    """

    verdict: str
    body: Any = None
    violations: tuple[Violation, ...] = ()


class Side:
    """One of the two schemas, ready to judge; `name` keeps its addresses apart from those of the other side."""

    def __init__(self, name: str, documents: Documents, file: str, marks: Mapping[str, str] | None = None) -> None:
        self.documents, self.file, self._marks = documents, file, marks
        self.base = f"https://{name}.schemas.invalid/"
        self.registry = jsonschema_rs.Registry([(self.base + each, found) for each, found in documents.items()])
        self._engine = self._compiled(documents[file], self.base + file)
        self.is_valid = self._engine.is_valid

    def wrong(self, body: Any) -> int:
        """How many things are wrong with a body; a few are enough to count."""
        return sum(1 for _ in islice(self._engine.iter_errors(body), _TOLD))

    def violations(self, body: Any, rule: Rule) -> tuple[Violation, ...]:
        """What is wrong with a body, what breaks the rule first."""
        registry = jsonschema_rs.Registry([(BASE + each, found) for each, found in self.documents.items()])
        found = Checker(self.file, self.documents, registry, self._marks).violations(body)
        place = pointer(rule.steps).replace("*", "0")
        found.sort(key=lambda each: (each.rule != rule.keyword, not each.pointer.startswith(place)))
        return tuple(found[:_TOLD])

    def compiled(self, schema: Any) -> Any:
        """What judges whole bodies by a schema that may refer to this side's files."""
        return self._compiled(schema, self.base + _ELSEWHERE).is_valid

    def _compiled(self, schema: Any, address: str) -> jsonschema_rs.Validator:
        return jsonschema_rs.Draft202012Validator(
            self.rebased(schema), registry=self.registry, validate_formats=True, offline=True,
            base_uri=address,
        )  # fmt: skip

    def rebased(self, schema: Any) -> Any:
        """A schema whose `$ref`s lead to the files of this side."""
        text = canonical(schema)
        return json.loads(text.replace('"$ref":"' + BASE, '"$ref":"' + self.base)) if BASE in text else schema

    def canonical(self, schema: Any, address: str = "") -> jsonschema_rs.CanonicalSchema | None:
        """A schema in the form that the algebra works on; None if it has none."""
        try:
            return jsonschema_rs.canonicalize(
                self.rebased(schema), draft=jsonschema_rs.Draft202012, validate_formats=True, registry=self.registry,
                base_uri=address or self.base + _ELSEWHERE, offline=True,
            )  # fmt: skip
        except (ValueError, jsonschema_rs.canonical.CanonicalizationError):
            return None

    @cached_property
    def rules(self) -> Rules:
        """The schema taken apart."""
        return rules_of(self.documents, self.file)

    @cached_property
    def whole(self) -> jsonschema_rs.CanonicalSchema | None:
        """The whole schema for the algebra."""
        return self.canonical(self.documents[self.file], self.base + self.file)

    def local(self, steps: tuple[Step, ...]) -> Any:
        """What this side demands of the value at a place, as far as it is said for exactly that place."""
        return {"allOf": [rule.schema for rule in self.rules.at(steps)]}


class Pair:
    """Two schemas, and bodies to begin the search for witnesses with."""

    def __init__(self, old: Side, new: Side, bodies: Sequence[Any] = (), *, algebra: bool = True) -> None:
        self.old, self.new, self._bodies, self.algebra = old, new, list(bodies), algebra
        self._valid: dict[bool, list[Any]] = {}

    def receivers(self, rules: Sequence[Rule]) -> Found:
        """Whether the new side allows what these rules of the old one forbid."""
        return self._first(rules, self.old, self.new)

    def senders(self, rules: Sequence[Rule]) -> Found:
        """Whether the old side allowed what these rules of the new one forbid."""
        return self._first(rules, self.new, self.old)

    def _first(self, rules: Sequence[Rule], strict: Side, other: Side) -> Found:
        unknown = False
        for rule in rules:
            found = self._decide(rule, strict, other)
            if found.verdict == BREAKS:
                return found
            unknown = unknown or found.verdict == UNKNOWN
        return Found(UNKNOWN if unknown else FINE)

    def _decide(self, rule: Rule, strict: Side, other: Side) -> Found:
        """Whether whatever `other` allows keeps a rule of `strict`."""
        local = other.local(rule.steps)
        listed = self._listed(rule, strict, other, local)
        if listed == []:
            return Found(FINE)
        try:
            keeps = strict.compiled(rule.whole())
        except ValueError:
            return Found(UNKNOWN)
        candidates = self._candidates(rule, strict, other, (listed or [])[:_BODIES])
        body = self._witness(islice(candidates, _SOON), keeps, strict, other)
        whole = None
        if body is MISSING and self.algebra:
            if _covers(strict.canonical(rule.schema), other.canonical(local)):
                return Found(FINE)
            whole = strict.canonical(rule.whole())
            if _covers(whole, other.whole):
                return Found(FINE)
        if body is MISSING:
            body = self._witness(chain(_difference(other.whole, whole), candidates), keeps, strict, other)
        if body is MISSING:
            return Found(UNKNOWN)
        return Found(BREAKS, body, strict.violations(body, rule))

    def _listed(self, rule: Rule, strict: Side, other: Side, local: Any) -> list[Any] | None:
        """Of the values that the other side lists for that place, those that break the rule; None if it lists none."""
        lists = [
            each["enum"] if "enum" in each else [each["const"]]
            for each in local["allOf"]
            if isinstance(each, dict) and ("enum" in each or "const" in each)
        ]
        if not lists or len(values := min(lists, key=len)) > _LISTED:
            return None
        allowed = {canonical(value) for value in rule.schema["enum"]} if rule.keyword == "enum" else set()
        left = [value for value in values if canonical(value) not in allowed]
        try:
            keeps, stands = strict.compiled(rule.schema), other.compiled(local)
        except ValueError:
            return None
        return [value for value in left if not keeps(value) and stands(value)]

    def _witness(self, candidates: Iterator[Any], keeps: Any, strict: Side, other: Side) -> Any:
        """A body that the other side allows, and the strict one does not because of the rule, and of little else."""
        best, fewest, left = MISSING, 0, 60
        for body in islice(candidates, _TRIED):
            if not keeps(body) and other.is_valid(body) and not strict.is_valid(body):
                wrong = strict.wrong(body)
                if len(canonical(body)) <= LARGEST and (best is MISSING or wrong < fewest):
                    best, fewest = body, wrong
                left -= 1
                if not left or wrong == 1:
                    break
        return best

    def bodies(self, side: Side) -> list[Any]:
        """Bodies that a side allows, to be changed."""
        is_old = side is self.old
        if is_old not in self._valid:
            made = Sampler(side.documents, Random("bodies")).values(side.file, side.documents[side.file])
            given = unique([*self._bodies, *(_completed(each, side) for each in self._bodies), *made], 200)
            self._valid[is_old] = [body for body in given if side.is_valid(body)][:_BODIES]
        return self._valid[is_old]

    def _candidates(self, rule: Rule, strict: Side, other: Side, listed: Sequence[Any]) -> Iterator[Any]:
        chance = Random(f"candidates {rule.keyword}")
        sampler = Sampler(other.documents, chance)
        bodies = self.bodies(other)
        fill = [sampler.values(other.file, _demanded(other, rule.steps[:depth]), 8) for depth in range(len(rule.steps))]
        likely = sampler.values(other.file, _demanded(other, rule.steps))
        strict_ones = Sampler(strict.documents, chance).values(strict.file, rule.schema)
        present = [found for body in bodies if (found := found_at(body, rule.steps)) is not MISSING]
        named = sorted(other.rules.named.get(pointer(rule.steps), ()))
        broken = breaking(rule, unique([*present, *likely, *strict_ones], 24), named, chance)
        first = (broken, likely) if rule.keyword in _OF_OBJECTS else (likely, broken)
        values = unique(chain(listed, *first, strict_ones, POOL), 900)
        fill = [*fill, likely]
        for value in values:
            for body in bodies[:4]:
                yield from placed(body, rule.steps, value, fill)
        for body in bodies:
            yield body
            yield from placed(body, rule.steps, MISSING, fill)
            for value in values[:80]:
                yield from placed(body, rule.steps, value, fill)
        for value in values if not rule.steps else ():
            yield value


def _completed(body: Any, side: Side) -> Any:
    """A body with the members that a side requires and the constants that it wants, made up where they are missing."""
    made = deepcopy(body)
    for rule in side.rules.rules:
        if rule.keyword == "required" and ITEM not in rule.steps:
            here, steps = found_at(made, rule.steps), (*rule.steps, rule.detail)
            if isinstance(here, dict) and rule.detail not in here:
                values = Sampler(side.documents, Random("completed")).values(side.file, _demanded(side, steps), 1)
                here.update(dict(zip((rule.detail,), values, strict=False)))
        elif rule.keyword == "const" and rule.steps and found_at(made, rule.steps) is not MISSING:
            made = next(placed(made, rule.steps, rule.schema["const"], [[]] * (len(rule.steps) + 1)), made)
    return made


def _demanded(side: Side, steps: tuple[Step, ...]) -> Any:
    """What a side says of the value at a place and of what is in it, to make values from."""
    parts: list[Any] = []
    for rule in side.rules.rules:
        if rule.steps[: len(steps)] == steps:
            parts.append(wrapped(rule.steps[len(steps) :], rule.schema))
    return {"allOf": parts[:200]}


def _covers(wide: jsonschema_rs.CanonicalSchema | None, narrow: jsonschema_rs.CanonicalSchema | None) -> bool:
    """Whether it is proven that one schema allows whatever the other does."""
    if wide is None or narrow is None:
        return False
    try:
        return wide.covers(narrow) == jsonschema_rs.canonical.Containment.YES
    except (ValueError, RuntimeError, jsonschema_rs.canonical.CanonicalizationError):
        return False


def _difference(
    allowed: jsonschema_rs.CanonicalSchema | None, forbidden: jsonschema_rs.CanonicalSchema | None
) -> Iterator[Any]:
    """Bodies made from what one schema allows and the other does not, as far as the algebra can say it."""
    if allowed is None or forbidden is None:
        return
    try:
        schema = allowed.subtract(forbidden).to_json_schema()
    except Exception:  # whatever it cannot do, it is only where candidates come from
        return
    if isinstance(schema, dict):
        yield from Sampler({"": schema}, Random("difference")).values("", schema, 200)
