"""What there is to see: the goals, in rows and dimensions, and how often each was reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog, EventType, follow
from emitter.errors import UsageError
from emitter.faults import FAULTS

Json = dict[str, Any]
Key = tuple[str, str, str]
"""Dimension, row, goal."""

TYPES, MEMBERS, WORDS, FAULTY, VARIED, ANSWERS = (
    "event types", "members", "words", "faults", "assumptions", "answers",
)  # fmt: skip
PRESENT, ABSENT, SEEN = "present", "absent", "seen"
ANSWERED = ("2xx", "3xx", "4xx", "5xx", "timeout", "no answer")
NEVER_SEEN = ("drop",)  # faults after which a receiver gets nothing
# What of the assumptions shows in a request; the others are how the app behaves over time, or its API.
VARIATIONS: Mapping[str, tuple[str, ...]] = {
    "signing.mode": ("sha256", "both", "sha1", "sha512", "standard-webhooks", "off"),
    "signing.encoding": ("hex", "base64", "base64url"),
    "payload.profile": ("core", "extended"),
    "payload.action_link_on_delete": ("omit", "product", "home"),
    "payload.timestamp_digits": ("9", "6", "3", "0", "trimmed"),
    "ids.data_product": ("uuid", "cuid", "number"),
    "delivery.retry": ("none", "again"),
}
_ENVELOPE = ("/timestamp", "/data", "/type")
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing to be seen, and how often it was."""

    name: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What belongs together: a type, a member of it, a fault, a switch."""

    name: str
    goals: tuple[Goal, ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One way to look at the contract."""

    name: str
    rows: tuple[Row, ...]

    @property
    def goals(self) -> int:
        return sum(len(row.goals) for row in self.rows)

    @property
    def covered(self) -> int:
        return sum(goal.count > 0 for row in self.rows for goal in row.goals)


@dataclass(frozen=True, slots=True)
class Coverage:
    """All dimensions, and how many deliveries they were counted from."""

    dimensions: tuple[Dimension, ...]
    deliveries: int

    @property
    def goals(self) -> int:
        return sum(each.goals for each in self.dimensions)

    @property
    def covered(self) -> int:
        return sum(each.covered for each in self.dimensions)

    @property
    def percent(self) -> float:
        """The share of goals that were seen, in per cent, cut to one digit: 100 means all."""
        return 1000 * self.covered // self.goals / 10 if self.goals else 100.0

    def to_json(self) -> Json:
        """Write it as JSON."""
        return {
            "percent": self.percent,
            "covered": self.covered,
            "goals": self.goals,
            "deliveries": self.deliveries,
            "dimensions": [
                {
                    "name": each.name,
                    "covered": each.covered,
                    "goals": each.goals,
                    "rows": [
                        {"name": row.name, "goals": [{"name": goal.name, "count": goal.count} for goal in row.goals]}
                        for row in each.rows
                    ],
                }
                for each in self.dimensions
            ],
        }

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Coverage:
        """Read what `to_json` writes; raise `UsageError` for anything else."""
        try:
            return cls(
                tuple(
                    Dimension(
                        str(each["name"]),
                        tuple(
                            Row(str(row["name"]), tuple(Goal(str(g["name"]), int(g["count"])) for g in row["goals"]))
                            for row in each["rows"]
                        ),
                    )
                    for each in found["dimensions"]
                ),
                int(found["deliveries"]),
            )
        except (LookupError, TypeError, ValueError):
            raise UsageError("This is no coverage as emitter writes it.") from None

    def with_more(self, other: Coverage) -> Coverage:
        """Add what was seen elsewhere; goals that only one of the two has are kept."""
        counts: Counter[Key] = Counter()
        order: dict[Key, None] = {}
        for each in (self, other):
            for dimension in each.dimensions:
                for row in dimension.rows:
                    for goal in row.goals:
                        key = dimension.name, row.name, goal.name
                        order[key] = None
                        counts[key] += goal.count
        return arranged(list(order), counts, self.deliveries + other.deliveries)


def arranged(keys: Sequence[Key], counts: Mapping[Key, int], deliveries: int) -> Coverage:
    """Put counted goals into their rows and dimensions, in the order of the keys."""
    dimensions: dict[str, dict[str, list[Goal]]] = {}
    for dimension, row, goal in keys:
        goals = dimensions.setdefault(dimension, {}).setdefault(row, [])
        goals.append(Goal(goal, counts.get((dimension, row, goal), 0)))
    return Coverage(
        tuple(
            Dimension(name, tuple(Row(row, tuple(goals)) for row, goals in rows.items()))
            for name, rows in dimensions.items()
        ),
        deliveries,
    )


def goals_of(catalog: Catalog, *, extended: bool = False) -> list[Key]:
    """List everything there is to see of a catalogue; members that only the simulator sends if `extended`."""
    keys: list[Key] = [(TYPES, kind.name, SEEN) for kind in catalog]
    for kind in catalog:
        for pointer, optional in members_of(kind, extended=extended).items():
            keys += [(MEMBERS, f"{kind.name} {pointer}", state) for state in _states(optional)]
    for kind in catalog:
        for pointer, words in words_of(kind, extended=extended).items():
            keys += [(WORDS, f"{kind.name} {pointer}", word) for word in words]
    keys += [(FAULTY, name, SEEN) for name in FAULTS if name not in NEVER_SEEN]
    known = Assumptions()
    for switch, values in VARIATIONS.items():
        known.override(switch, "none" if switch == "delivery.retry" else values[0])  # a switch that is gone is an error
        keys += [(VARIED, switch, value) for value in values]
    return [*keys, *((ANSWERS, name, SEEN) for name in ANSWERED)]


def _states(optional: bool) -> tuple[str, ...]:
    return (PRESENT, ABSENT) if optional else (PRESENT,)


def members_of(kind: EventType, *, extended: bool = False) -> dict[str, bool]:
    """The members of a type by JSON Pointer, and whether each is optional; those of lists have `*` for any index."""
    found: dict[str, bool] = {}
    _walk(kind, kind.file, kind.schema, "", found, {}, 0)
    for pointer in _ENVELOPE:  # who sees an event of the type sees these
        found.pop(pointer, None)
    hidden = () if extended else tuple(f"/data/{name}" for name in kind.extended)
    return {
        pointer: optional for pointer, optional in found.items()
        if not any(pointer == each or pointer.startswith(f"{each}/") for each in hidden)
    }  # fmt: skip


def words_of(kind: EventType, *, extended: bool = False) -> dict[str, tuple[str, ...]]:
    """The words that a member may be, where the schema lists several."""
    words: dict[str, tuple[str, ...]] = {}
    known = members_of(kind, extended=extended)
    _walk(kind, kind.file, kind.schema, "", {}, words, 0)
    return {pointer: choices for pointer, choices in words.items() if pointer.removesuffix("/*") in known}


def _walk(
    kind: EventType, file: str, schema: Any, pointer: str, found: dict[str, bool], words: dict[str, tuple[str, ...]],
    depth: int,
) -> None:  # fmt: skip
    for where, part in _parts(kind, file, schema, depth):
        choices = part.get("enum")
        if isinstance(choices, list) and len(choices) > 1 and pointer not in words:
            words[pointer] = tuple(str(each) for each in choices)
        for name, inner in part.get("properties", {}).items():
            below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            found.setdefault(below, True)
            if depth < _DEEPEST:
                _walk(kind, where, inner, below, found, words, depth + 1)
        if isinstance(part.get("items"), dict) and depth < _DEEPEST:
            _walk(kind, where, part["items"], f"{pointer}/*", found, words, depth + 1)
        for name in part.get("required", ()):
            found[f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"] = False


def _parts(kind: EventType, file: str, schema: Any, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    yield file, schema
    if isinstance(schema.get("$ref"), str):
        where, inner = follow(kind.documents, file, schema["$ref"])
        yield from _parts(kind, where, inner, depth + 1)
    for part in schema.get("allOf", ()):
        yield from _parts(kind, file, part, depth + 1)
