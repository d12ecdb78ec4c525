"""Everything that was captured, one after another, and what came of each; nothing is gathered but counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from emitter.captures import Broken, Captured, Origin
from emitter.contract.signed import Signatures
from emitter.contract.values import Signed, Verdict

UNREADABLE = "unreadable"
OTHERS = "(others)"
MOST_TYPES = 200  # that are counted apart: names from outside may be anything


class Judge(Protocol):
    """What judges a captured request: a `Contract`, or one behind a door."""

    def of(self, captured: Captured) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """One piece of a capture, and what came of it. Without a verdict it could not be read: `error` says why."""

    origin: Origin
    verdict: Verdict | None = None
    signed: Signed | None = None  # None: there was no key to verify with
    error: str = ""

    @property
    def word(self) -> str:
        """`valid`, `invalid`, `unknown` (no schema for that type) or `unreadable`."""
        return self.verdict.verdict if self.verdict is not None else UNREADABLE

    @property
    def type(self) -> str:
        return self.verdict.type if self.verdict is not None else ""

    @property
    def refused(self) -> bool:
        """Whether it has a signature that does not fit, or none where there should be one."""
        return self.signed is not None and self.signed.ok is False

    @property
    def wrong(self) -> bool:
        """Whether anything is wrong with it that is no matter of an assumption."""
        return self.word in ("invalid", UNREADABLE) or self.refused

    @property
    def warned(self) -> bool:
        return self.verdict is not None and bool(self.verdict.warnings)

    def to_json(self) -> dict[str, Any]:
        verdict = self.verdict or Verdict("", UNREADABLE)
        return {
            "where": str(self.origin),
            "file": self.origin.file,
            "line": self.origin.line or None,
            "entry": self.origin.entry or None,
            **verdict.to_json(),
            "signature": self.signed.to_json() if self.signed is not None else None,
            "error": self.error,
        }


def checked(
    found: Iterable[Captured | Broken], judge: Judge, signatures: Signatures | None = None
) -> Iterator[Checked]:
    """Judge all that was captured, in order, with its signature where there are keys."""
    for each in found:
        if isinstance(each, Broken):
            yield Checked(each.origin, error=each.why)
        else:
            yield Checked(each.origin, judge.of(each), signatures.of(each) if signatures is not None else None)


@dataclass(slots=True)
class Tally:
    """How many there were of what."""

    words: Counter[str] = field(default_factory=Counter)
    types: dict[str, Counter[str]] = field(default_factory=dict)
    signatures: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    warned: int = 0

    def add(self, each: Checked) -> None:
        word = each.word
        self.words[word] += 1
        self.wrong += each.wrong
        self.warned += each.warned
        if each.signed is not None:
            ok = each.signed.ok
            self.signatures["not verified" if ok is None else "ok" if ok else "refused"] += 1
        if word == UNREADABLE:
            return
        name = each.type if each.type in self.types or len(self.types) < MOST_TYPES else OTHERS
        counts = self.types.get(name)
        if counts is None:
            counts = self.types[name] = Counter()
        counts[word] += 1
        counts["warned"] += each.warned

    @property
    def events(self) -> int:
        return sum(count for word, count in self.words.items() if word != UNREADABLE)

    @property
    def unreadable(self) -> int:
        return self.words[UNREADABLE]
