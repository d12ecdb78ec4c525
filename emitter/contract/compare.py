"""Compare two sets of schemas: what changed, who breaks, and an event for each break that shows it.

A receiver that was built for the old side breaks where the new side allows an event that the old one rejects; a sender
that was built for the old side breaks where it sends what the new side rejects. What is neither proven nor shown is
`unknown`, never fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emitter.catalog import Documents
from emitter.catalog.references import reachable
from emitter.contract.compare_apart import Decided
from emitter.contract.compare_changes import Change, Remark, changes_of, remarks_of
from emitter.contract.compare_deciding import BREAKS, UNKNOWN, Found
from emitter.contract.compare_reading import Source, Subject
from emitter.contract.compare_rules import canonical, rules_of
from emitter.errors import Violation

COMPATIBLE, RECEIVERS, SENDERS, BOTH, UNDECIDED = (
    "compatible", "breaks receivers", "breaks senders", "breaks both", "unknown",
)  # fmt: skip
VERDICTS = (COMPATIBLE, RECEIVERS, SENDERS, BOTH, UNDECIDED)
ADDED, REMOVED = "added", "removed"

Decide = Callable[[dict[str, Any], dict[str, Any], Sequence[Any], int], Iterator[Decided]]


@dataclass(frozen=True, slots=True)
class Witness:
    """An event that shows a break: `breaks` is `receivers` or `senders`, `violations` what the other side says of it.

    What breaks receivers is allowed by the new side and rejected by the old one; what breaks senders the other way.
    """

    breaks: str
    body: Any
    violations: tuple[Violation, ...]

    @property
    def rejected_by(self) -> str:
        """`old` or `new`."""
        return "old" if self.breaks == "receivers" else "new"


@dataclass(frozen=True, slots=True)
class Judged:
    """One change with what it breaks; `receivers` and `senders` are `fine`, `breaks` or `unknown` each."""

    change: Change
    receivers: str
    senders: str
    witnesses: tuple[Witness, ...] = ()
    why: str = ""

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        return verdict_of([self])


@dataclass(frozen=True, slots=True)
class Compared:
    """One event type (or two schemas that are none): its changes, and what is not about validity."""

    type: str
    changes: tuple[Judged, ...] = ()
    remarks: tuple[Remark, ...] = ()
    there: str = ""  # `added` or `removed`: only one side has it

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        return verdict_of(self.changes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was found, by type; `old` and `new` are what the sides are called."""

    old: str
    new: str
    types: tuple[Compared, ...]

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        return verdict_of([judged for each in self.types for judged in each.changes])

    def fails(self, side: str = "both", *, allow_unknown: bool = False) -> bool:
        """Whether it breaks `receivers`, `senders` or either (`both`), or nobody knows whether it does."""
        bad = {BREAKS} if allow_unknown else {BREAKS, UNKNOWN}
        return any(
            (side != "senders" and judged.receivers in bad) or (side != "receivers" and judged.senders in bad)
            for each in self.types
            for judged in each.changes
        )


def verdict_of(changes: Sequence[Judged]) -> str:
    """Sum up: what breaks goes before what is not known."""
    receivers = any(each.receivers == BREAKS for each in changes)
    senders = any(each.senders == BREAKS for each in changes)
    if receivers or senders:
        return BOTH if receivers and senders else RECEIVERS if receivers else SENDERS
    return UNDECIDED if any(UNKNOWN in (each.receivers, each.senders) for each in changes) else COMPATIBLE


def compare(old: Source, new: Source, *, decide: Decide) -> Comparison:
    """Compare two sides, type by type; two files are compared with each other, whatever their types are.

    `decide` says what a change breaks: `compare_apart.Apart` in a process with limits, `decided_here` without.
    """
    return Comparison(old.label, new.label, tuple(_pairs(old, new, decide)))


def _pairs(old: Source, new: Source, decide: Decide) -> Iterator[Compared]:
    if not old.whole and not new.whole:
        (ours,), (theirs,) = old.subjects.values(), new.subjects.values()
        yield _compared(ours, theirs, decide)
        return
    names = [*old.subjects, *(name for name in new.subjects if name not in old.subjects)]
    for name in names:
        before, after = old.subjects.get(name), new.subjects.get(name)
        if before is not None and after is not None:
            yield _compared(before, after, decide)
        elif after is not None and old.whole:
            yield Compared(name, there=ADDED)
        elif before is not None and new.whole:
            yield _removed(before)


def _removed(subject: Subject) -> Compared:
    """A type that only the old side has: whoever sends it sends what the new side does not know."""
    violation = Violation("/type", "type", "is no event type of the new side")
    shown = tuple(Witness("senders", body, (violation,)) for body in subject.examples[:1])
    gone = Change("/type", "const", "", (), ())
    why = "" if shown else "no event of it is known: it has no example"
    return Compared(subject.type, (Judged(gone, "fine", BREAKS if shown else UNKNOWN, shown, why),), there=REMOVED)


def _compared(old: Subject, new: Subject, decide: Decide) -> Compared:
    name = old.type if old.type == new.type else f"{old.type} -> {new.type}"
    before = _whole(reachable(old.documents, old.file))
    after = _whole(_renamed(reachable(new.documents, new.file), new.file, old.file))
    if canonical(before) == canonical(after):
        return Compared(name)
    rules = rules_of(before, old.file), rules_of(after, old.file)
    changes = changes_of(*rules)
    sides = [
        {"documents": documents, "file": old.file, "marks": dict(each.kind.provenance) if each.kind else {}}
        for each, documents in ((old, before), (new, after))
    ]
    if why := rules[0].why or rules[1].why:
        unknown = (Judged(change, UNKNOWN, UNKNOWN, (), why) for change in changes)
        return Compared(name, tuple(unknown), tuple(remarks_of(*rules)))
    found = decide(sides[0], sides[1], [*old.examples, *new.examples], len(changes)) if changes else iter(())
    judged = [_judged(change, *each) for change, each in zip(changes, found, strict=True)]
    return Compared(name, tuple(judged), tuple(remarks_of(*rules)))


def _judged(change: Change, receivers: Found, senders: Found, why: str) -> Judged:
    shown = [
        Witness(name, found.body, found.violations)
        for name, found in (("receivers", receivers), ("senders", senders))
        if found.verdict == BREAKS
    ]
    return Judged(change, receivers.verdict, senders.verdict, tuple(shown), why)


def _whole(value: Any) -> Any:
    """The same with 1.0 as 1, which JSON Schema makes no difference between; sizes are counted by it."""
    if isinstance(value, Mapping):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _renamed(documents: Documents, name: str, other: str) -> Documents:
    """The documents with one under another name, so that both sides call the same thing the same."""
    if name == other or other in documents:
        return documents

    def turned(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {
                key: other + part[len(name) :]
                if key == "$ref" and isinstance(part, str) and part.removeprefix("./").partition("#")[0] == name
                else turned(part)
                for key, part in value.items()
            }
        return [turned(each) for each in value] if isinstance(value, list) else value

    return {other if each == name else each: turned(document) for each, document in documents.items()}
