"""Learn the contract of a real app from captures: schemas that say what was observed, on how many samples.

What is known already is the beginning: what documents say stays, what was only assumed gives way to what was seen. What
comes of it is checked against every document and every sample that was kept before it is given away.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emitter import strictjson
from emitter.captures import Captured
from emitter.catalog import Catalog, EventType
from emitter.catalog.references import reachable
from emitter.contract.calibrate_body import is_test
from emitter.contract.learn_evidence import Evidence
from emitter.contract.learn_examples import examples as examples_of
from emitter.contract.learn_rules import Rule
from emitter.contract.learn_schema import OBSERVED, Overlay, Schema, Statement
from emitter.contract.learn_scrub import Scrubber
from emitter.contract.ruling import Seen
from emitter.errors import BadJson, UsageError, shown

ENVELOPE = "envelope.json"
MOST_TYPES = 200  # that no schema names
MOST_KEPT = 200  # samples of a type that the outcome is checked against
LARGEST_KEPT = 4 * 1024 * 1024  # bytes of them
MOST_SHOWN = 3  # of them that are kept as examples
LONGEST_NAME = 200
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ROUNDS = 6


@dataclass(slots=True)
class TypeLearned:
    """What was learned of one type."""

    name: str
    known: bool  # a schema was there before
    samples: int = 0
    statements: list[Statement] = field(default_factory=list)
    never: tuple[str, ...] = ()  # members of the core that no sample had
    yielded: tuple[str, ...] = ()  # statements that a document stands against
    refused: int = 0  # samples that break what is documented, and were left out
    refused_for: str = ""


@dataclass(slots=True)
class Learned:
    """New schema files by name, what they say that the old ones do not, and what was left out."""

    documents: dict[str, Schema]
    types: list[TypeLearned]
    read: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    people: int = 0

    @property
    def samples(self) -> int:
        """How many captures were learned from."""
        return sum(each.samples for each in self.types)


@dataclass(slots=True)
class _Kind:
    """What is gathered of one type while captures are read."""

    name: str
    kind: EventType | None
    evidence: Evidence = field(default_factory=Evidence)
    contradicted: dict[str, set[str]] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0  # bytes of all bodies so far
    refused: int = 0
    refused_for: str = ""


def learn(
    captures: Iterable[Captured], *, catalog: Catalog, rule: Rule | None = None, keep_samples: bool = False,
    key: bytes = b"",
) -> Learned:  # fmt: skip
    """Learn from captures, with the catalogue as what is known before.

    With `keep_samples` some of them stay as examples, with pseudonyms for the people in them, made with `key`. Raises
    `UsageError` where nothing can be learned from.
    """
    rule = rule or Rule()
    kinds: dict[str, _Kind] = {}
    learned = Learned({}, [])
    for captured in captures:
        learned.read += 1
        reason = _take(captured, kinds, catalog)
        if reason:
            learned.left_out[reason] += 1
    if not any(each.evidence.samples for each in kinds.values()):
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in learned.left_out.most_common(3))
        raise UsageError(f"There is nothing to learn from: {reasons or 'no capture was read'}.")
    scrubber = Scrubber(key)
    scrubber.look(body for each in kinds.values() for body in each.kept)
    learned.people = scrubber.people if keep_samples else 0
    documents = _shipped(catalog)
    for each in sorted(kinds.values(), key=lambda each: (each.kind.order if each.kind else 10**9, each.name)):
        if each.evidence.samples:
            name, document, told = _learn_type(each, catalog, documents, rule, scrubber, keep_samples)
            documents[name] = document
            learned.types.append(told)
        elif each.refused:
            learned.types.append(TypeLearned(each.name, True, refused=each.refused, refused_for=each.refused_for))
    learned.documents = dict(sorted(documents.items()))
    Catalog.of(learned.documents)
    return learned


def _take(captured: Captured, kinds: dict[str, _Kind], catalog: Catalog) -> str:
    """Count one capture; or say why it teaches nothing."""
    try:
        body = strictjson.loads(captured.body)
    except BadJson:
        return "no JSON"
    if not isinstance(body, dict):
        return "no JSON object"
    name = body.get("type")
    if not isinstance(name, str) or not name:
        return "no type"
    kind = catalog.get(name)
    if kind is None and is_test(Seen(captured, body, None)):
        return "a test of the webhook"
    if kind is None and (len(name) > LONGEST_NAME or not name.isprintable() or " " in name):
        return "a type that is no name"
    if name not in kinds:
        if kind is None and sum(each.kind is None for each in kinds.values()) >= MOST_TYPES:
            return f"more than {MOST_TYPES} unknown types"
        kinds[name] = _Kind(name, kind)
    found = kinds[name]
    _, violations = catalog.verdict(body)
    documented = [each for each in violations if each.provenance == "documented"]
    if documented:
        found.refused += 1
        found.refused_for = found.refused_for or str(documented[0])
        return "against what is documented"
    for each in violations:
        found.contradicted.setdefault(_general(each.pointer), set()).add(each.rule)
    found.evidence.add(body)
    found.size += len(captured.body)
    if len(found.kept) < MOST_KEPT and (found.size <= LARGEST_KEPT or not found.kept):
        found.kept.append(body)
    return ""


def _general(pointer: str) -> str:
    """A pointer into one body as one into all: `*` stands for an index."""
    return "/".join("*" if step.isascii() and step.isdigit() else step for step in pointer.split("/"))


def _shipped(catalog: Catalog) -> dict[str, Schema]:
    documents: dict[str, Schema] = {}
    for kind in catalog:
        documents |= {name: copy.deepcopy(document) for name, document in kind.documents.items()}
    return documents


def _learn_type(
    each: _Kind,
    catalog: Catalog,
    documents: Mapping[str, Schema],
    rule: Rule,
    scrubber: Scrubber,
    keep_samples: bool,
) -> tuple[str, Schema, TypeLearned]:
    kind = each.kind
    name = kind.file if kind else _file_of(each.name, documents)
    known: Schema = copy.deepcopy(kind.schema) if kind else _fresh(each.name)
    examples = [example for example in known.pop("examples", []) if isinstance(example, dict)]
    marks = dict(kind.provenance) if kind else _envelope_marks(catalog)
    withdrawn: set[tuple[str, str]] = set()
    told = TypeLearned(each.name, kind is not None, each.evidence.samples)
    told.refused, told.refused_for = each.refused, each.refused_for
    overlay = Overlay(
        {**documents, name: known}, name, each.evidence, rule, marks, each.contradicted, names_somebody=scrubber.knows
    )
    judge, new = kind, known
    for _ in range(_ROUNDS):
        overlay.withdrawn = frozenset(withdrawn)
        new = _with_core(overlay.schema(known), each, kind, rule)
        needed = reachable({**documents, name: new}, name, ENVELOPE)  # quicker than with all of them
        judge = Catalog.of(needed).resolve(each.name)
        again = set(_against(judge, each.kept, marks, all_of_them=True)) | set(_against(judge, examples, marks))
        if again <= withdrawn:
            break
        withdrawn |= again
    told.statements = list(overlay.statements)
    told.never = _never(each, kind, rule)
    told.yielded = (
        *overlay.yielded,
        *(f"{pointer or '(the whole body)'}: {rule}" for pointer, rule in sorted(withdrawn)),
    )
    if judge is not None and (
        shown_examples := examples_of(each.kept, examples, judge, scrubber, MOST_SHOWN if keep_samples else 0)
    ):
        new["examples"] = shown_examples
    return name, new, told


def _against(
    judge: EventType, bodies: Iterable[dict[str, Any]], marks: Mapping[str, str], *, all_of_them: bool = False
) -> Iterable[tuple[str, str]]:
    """The statements that a body stands against: any sample, or an example of what is documented."""
    for body in bodies:
        for each in judge.violations(body) if not judge.is_valid(body) else ():
            pointer = _general(each.pointer)
            if each.rule == "required":
                missing = each.message.split(" ")[2]
                pointer = f"{pointer}/{missing}"
            if each.provenance == OBSERVED or each.rule == "required":
                if all_of_them or marks.get(pointer) == "documented":
                    yield pointer, each.rule


def _with_core(new: Schema, each: _Kind, kind: EventType | None, rule: Rule) -> Schema:
    """Send by default what most samples had, once there are enough of them."""
    data = each.evidence.whole.members.get("data")
    described = new.get("properties", {}).get("data", {}).get("properties", {})
    if data is None or not data.objects:
        return new
    often = [
        name for name, inner in data.members.items()
        if 2 * inner.seen > data.objects and (name in described or (kind is not None and name in kind.core))
        and name not in (kind.extended if kind else ())
    ]  # fmt: skip
    if kind is None or each.evidence.samples >= rule.few:
        new["x-core"] = sorted(often)
        if "actionLink" not in often and kind is not None and kind.link != "none" and kind.cycle:
            new["x-link"] = kind.link
    return new


def _never(each: _Kind, kind: EventType | None, rule: Rule) -> tuple[str, ...]:
    data = each.evidence.whole.members.get("data")
    if kind is None or data is None or data.objects < rule.few:
        return ()
    return tuple(name for name in kind.core if name not in data.members)


# --- types that no schema names ---------------------------------------------------------------------------------------


def _fresh(name: str) -> Schema:
    tail = ".".join(name.split(".")[-2:])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": tail.replace(".", " ").replace("_", " ").capitalize(),
        "description": "Learned from captures; nothing that is documented names it.",
        "x-trigger": "Observed in captures; when it is sent is not known.",
        "$ref": ENVELOPE,
        "properties": {
            "data": {},
            "type": {"const": name, "x-provenance": OBSERVED, "x-source": "Observed in captures"},
        },
    }


def _envelope_marks(catalog: Catalog) -> dict[str, str]:
    """What every type says of its envelope."""
    first = next(iter(catalog), None)
    found = dict(first.provenance) if first else {}
    return {pointer: found[pointer] for pointer in ("/timestamp", "/data") if pointer in found}


def _file_of(name: str, documents: Mapping[str, Schema]) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip("._-") or "type"
    file, number = f"{plain}.json", 1
    taken = {each.lower() for each in documents}  # some systems do not tell the case of a name
    while file.lower() in taken:
        number += 1
        file = f"{plain}-{number}.json"
    assert _FILE.fullmatch(file), shown(file)
    return file
