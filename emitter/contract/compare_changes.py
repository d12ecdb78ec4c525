"""What differs between two schemas, rule by rule, as values; whether it breaks anything is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emitter.contract.compare_rules import Rule, Rules

MEMBER = "properties"


@dataclass(frozen=True, slots=True)
class Change:
    """One place at which two schemas say different things.

    `pointer` is the place in a body, `keyword` the schema's, `detail` the member that it is about where it names one;
    `old` and `new` are the rules of either side that the other does not have. A member that only one side names is one
    change, with the keyword `properties`.
    """

    pointer: str
    keyword: str
    detail: str
    old: tuple[Rule, ...]
    new: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A difference that is not about validity: a description, a provenance, an example. JSON texts, empty if absent."""

    pointer: str
    keyword: str
    old: str
    new: str


def changes_of(old: Rules, new: Rules) -> list[Change]:
    """List the changes, by their place in a body."""
    before, after = _grouped(old.rules), _grouped(new.rules)
    found: list[Change] = []
    for key in sorted(before.keys() | after.keys()):
        ours, theirs = before.get(key, ()), after.get(key, ())
        same = {*ours} & {*theirs}  # by their steps, too: a member may be called * or 0
        left = tuple(each for each in ours if each not in same)
        right = tuple(each for each in theirs if each not in same)
        if left or right:
            found.append(Change(*key, left, right))
    return sorted(_members(found, old, new), key=lambda each: (each.pointer, each.keyword, each.detail))


def _grouped(rules: Sequence[Rule]) -> dict[tuple[str, str, str], list[Rule]]:
    found: dict[tuple[str, str, str], list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.key, []).append(rule)
    return found


def _members(changes: Sequence[Change], old: Rules, new: Rules) -> Iterator[Change]:
    """Lay together what is said of members that only one side names."""
    only = {
        f"{place}/{_escaped(name)}": (place, name)
        for places, others in ((old.named, new.named), (new.named, old.named))
        for place, names in places.items()
        for name in names - others.get(place, frozenset())
    }
    laid: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        above = next((only[each] for each in _prefixes(change.pointer) if each in only), None)
        if above is None:
            yield change
        else:
            laid.setdefault(above, []).append(change)
    for place, name in laid.keys() | set(only.values()):
        if any(each in only for each in _prefixes(place)):
            continue  # inside another such member
        parts = laid.get((place, name), [])
        yield Change(
            place, MEMBER, name,
            tuple(rule for each in parts for rule in each.old), tuple(rule for each in parts for rule in each.new),
        )  # fmt: skip


def _prefixes(pointer: str) -> Iterator[str]:
    """The pointer's own places from the top down."""
    steps = pointer.split("/")
    for size in range(2, len(steps) + 1):
        yield "/".join(steps[:size])


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def remarks_of(old: Rules, new: Rules) -> list[Remark]:
    """List what differs beside the rules."""
    return [
        Remark(place, word, old.said.get((place, word), ""), new.said.get((place, word), ""))
        for place, word in sorted(old.said.keys() | new.said.keys())
        if old.said.get((place, word)) != new.said.get((place, word))
    ]
