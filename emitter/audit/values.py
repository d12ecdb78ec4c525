"""The values of an audit: what was sent and came back, what a check says of it, and all of it together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emitter.audit.bench import Bench


class Kind(StrEnum):
    """How bad it is where a check fails."""

    UNSAFE = "unsafe"
    """Somebody who is not the app can make the receiver believe something, or bring it down."""
    WRONG = "wrong"
    """The receiver loses, misreads or refuses what the app may well send."""
    UNFORTUNATE = "unfortunate"
    """It works, and will make trouble."""


WEIGHTS: Mapping[Kind, int] = {Kind.UNSAFE: 10, Kind.WRONG: 4, Kind.UNFORTUNATE: 1}
MOST_WITH_UNSAFE = 49
"""The score of a receiver that is unsafe anywhere is never more than this."""


class Status(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Shot:
    """One delivery of the audit: what was sent, in words and to the byte, and what came back.

    `status` is None where there was no answer; `failure` is the word of `Answer.failure`, `error` says it for people.
    """

    what: str
    type: str = ""
    attempt: int = 0  # its number in the store of the simulator that sent it
    status: int | None = None
    failure: str = ""
    error: str = ""
    seconds: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    answer: str = field(default="", repr=False)  # the beginning of the body that came back, without keys
    tells_key: bool = False  # a signing key was in what came back
    answer_headers: tuple[tuple[str, str], ...] = ()

    @property
    def accepted(self) -> bool:
        """A whole 2xx, as the app is assumed to count it."""
        return self.status is not None and not self.failure and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """A whole 4xx: the receiver said no, and lives."""
        return self.status is not None and not self.failure and 400 <= self.status < 500

    @property
    def broke(self) -> bool:
        """A 5xx, or no whole answer."""
        return self.status is None or bool(self.failure) or self.status >= 500

    @property
    def outcome(self) -> str:
        """What came back, in a few words."""
        if self.status is None:
            return f"no answer ({self.error or self.failure or 'it was not sent'})"
        return f"{self.status}, and then {self.error or self.failure}" if self.failure else str(self.status)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a check says of what it saw. `kind` is that of the check where it is None.

    `follows` are checks whose failure explains this one, beside those of the table.
    """

    status: Status
    found: str
    kind: Kind | None = None
    follows: tuple[str, ...] = ()
    shots: tuple[Shot, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what is sent, what should happen and why, and who says so.

    `run` sends through the bench and rules; `most` is how many deliveries that takes at most. `follows` names checks
    whose failure explains a failure of this one.
    """

    name: str
    family: str
    sent: str
    expected: str
    why: str
    source: str
    remedy: str
    kind: Kind
    run: Callable[[Bench], Ruling]
    most: int = 1
    follows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one check. `cause` is the failed check that explains this one; "" for none."""

    check: Check
    status: Status
    kind: Kind
    found: str
    cause: str = ""
    follows: tuple[str, ...] = ()
    shots: tuple[Shot, ...] = ()

    @property
    def failed(self) -> bool:
        return self.status is Status.FAILED


@dataclass(frozen=True, slots=True)
class Step:
    """One delivery of a story, as a report shows it."""

    what: str
    type: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Where one order of a story came to something else than another: the smallest sequence that does, and what is
    shown after it and after the story in its own order."""

    sequence: tuple[Step, ...]
    expected: Any
    found: Any
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of what the documentation leaves open, and what the receiver made of it."""

    switch: str
    value: str
    unknown: str
    deliveries: int
    accepted: int
    found: str
    scored: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """All that an audit found. `results` are in order: causes before what follows from them, the worst first.

    `reachable` is False where nothing that was sent was ever answered; `stopped` says why not all was tried.
    """

    url: str
    results: tuple[Result, ...]
    deliveries: int
    seconds: float
    at: int  # nanoseconds since 1970, wall time
    version: str = ""
    probe: str = ""
    reachable: bool = True
    stopped: str = ""
    difference: Difference | None = None
    interleavings: int = 0
    readings: tuple[Reading, ...] = ()

    def of(self, status: Status, kind: Kind | None = None) -> tuple[Result, ...]:
        """The results with a status, and of a kind."""
        return tuple(each for each in self.results if each.status is status and kind in (None, each.kind))

    @property
    def failed(self) -> tuple[Result, ...]:
        return self.of(Status.FAILED)

    @property
    def score(self) -> int:
        """From 0 to 100: what passed, by weight, of what could be judged; 100 only where nothing failed."""
        return score(self.results)

    @property
    def passed(self) -> bool:
        """Whether nothing unsafe and nothing wrong was found, and something could be judged."""
        return bool(self.of(Status.PASSED)) and all(each.kind is Kind.UNFORTUNATE for each in self.failed)


def score(results: Iterable[Result]) -> int:
    """The score of these results; 0 where nothing could be judged."""
    judged = [each for each in results if each.status is not Status.UNJUDGED]
    whole = sum(WEIGHTS[each.check.kind] for each in judged)
    right = sum(WEIGHTS[each.check.kind] for each in judged if not each.failed)
    # A failure that is less bad than its check could have been costs what it is worth.
    right += sum(WEIGHTS[each.check.kind] - min(WEIGHTS[each.kind], WEIGHTS[each.check.kind])
                 for each in judged if each.failed)  # fmt: skip
    found = 100 * right // whole if whole else 0
    if any(each.failed for each in judged):
        found = min(found, 99)
    if any(each.failed and each.kind is Kind.UNSAFE for each in judged):
        found = min(found, MOST_WITH_UNSAFE)
    return found


def in_order(results: Sequence[Result]) -> tuple[Result, ...]:
    """Put causes before what follows from them: the worst cause first, each with its consequences, then the rest.

    A failure that follows from several others is put under the one that stands first. The order of the table decides
    among equals.
    """
    failed = {each.check.name: each for each in results if each.failed}
    causes = {name: _cause(name, failed) for name in failed}
    roots = [each for name, each in failed.items() if causes[name] == name]
    order = {kind: place for place, kind in enumerate(Kind)}
    roots.sort(key=lambda each: order[each.kind])
    found: list[Result] = []
    for root in roots:
        found.append(root)
        found += [
            _under(each, root) for name, each in failed.items() if causes[name] == root.check.name and each is not root
        ]
    found += [each for each in results if each.status is Status.UNJUDGED]
    found += [each for each in results if each.status is Status.PASSED]
    return tuple(found)


def _cause(name: str, failed: Mapping[str, Result]) -> str:
    """Follow a failure back to the first failed check that explains it."""
    met = {name}
    while True:
        result = failed[name]
        nearer = next((each for each in (*result.follows, *result.check.follows) if each in failed), "")
        if not nearer or nearer in met:
            return name
        met.add(nearer)
        name = nearer


def _under(result: Result, root: Result) -> Result:
    return replace(result, cause=root.check.name)
