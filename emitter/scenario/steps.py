"""What a scenario is once it is read: values, with the line that each step stands on.

Whoever reads YAML makes these, and so may Python; the runner plays them. A text that holds names, as `${claim.id}`, is
a `Template` until the run knows what they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from emitter.faults import FaultSpec


@dataclass(frozen=True, slots=True)
class Name:
    """`${claim.id}`: a variable, a round of a repeat, or what an earlier step made, and members of it."""

    path: tuple[str, ...]
    line: int = 0

    def __str__(self) -> str:
        return "${" + ".".join(self.path) + "}"


@dataclass(frozen=True, slots=True)
class Template:
    """A text with names in it. One that is a name and nothing else stands for the very value, whatever its type."""

    parts: tuple[str | Name, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class Count:
    """How many there may be: `3`, `2..5`, `2..` or `..5`."""

    least: int = 0
    most: int | None = None  # None: no end

    def holds(self, found: int) -> bool:
        """Whether so many are right."""
        return found >= self.least and (self.most is None or found <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least:,}"
        if self.least == self.most:
            return f"{self.least:,}"
        return f"at most {self.most:,}" if not self.least else f"{self.least:,} to {self.most:,}"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a value has to be. `word` is one of CONDITIONS; `value` what it is held against, a template perhaps."""

    word: str
    value: Any


CONDITIONS = ("is", "not", "one_of", "contains", "starts_with", "exists", "count", "at_least", "at_most")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One thing that is expected. `since` is "start", "last" (the expect before), or the name of an earlier one."""

    line: int = 0
    since: str = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsExpected(Expectation):
    """Which events there were: all of them in this `order`, these among them (`includes`, in order), so many of a type.

    Types are full names. `about` is the name of a product or request that an earlier step made.
    """

    order: tuple[str, ...] | None = None
    includes: tuple[str, ...] = ()
    counts: Mapping[str, Count] = field(default_factory=dict)
    total: Count | None = None
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesExpected(Expectation):
    """How deliveries went: by state, their attempts by outcome and status (`none` for no answer), how long the slowest
    answer took, on the wall clock. `types` are patterns, as `access_requests.*`; none: all.
    """

    states: Mapping[str, Count] = field(default_factory=dict)
    statuses: Mapping[str, Count] = field(default_factory=dict)
    total: Count | None = None
    attempts: Count | None = None
    slowest: timedelta | None = None
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturesExpected(Expectation):
    """How many attempts were signed `valid`, `invalid` or `missing`; `all_valid` where nothing else may be."""

    counts: Mapping[str, Count] = field(default_factory=dict)
    all_valid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractExpected(Expectation):
    """How many bodies that left were `valid`, `invalid` or `unknown` to the schemas; `all_valid` as above."""

    counts: Mapping[str, Count] = field(default_factory=dict)
    all_valid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StateExpected(Expectation):
    """How an entity is now: members of what the API shows of it, by dotted path (`stats.pendingRequestCount`)."""

    name: str
    members: Mapping[str, Condition]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemExpected(Expectation):
    """What the user's own system says: a GET of `url`, its status, and conditions on what JSONPath (RFC 9535) finds."""

    url: Template | str
    headers: Mapping[str, Template | str] = field(default_factory=dict)
    status: Count = Count(200, 200)
    where: Mapping[str, Condition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What every step has: where it stands, what it is called, what goes wrong with what it sends."""

    line: int = 0
    title: str = ""
    faults: tuple[FaultSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Step):
    """Do something in the simulated app. `name` is what later steps call the entity that it is about.

    Parameters are checked as far as they are known; names of the cast stand in them as they are written. `refused`: the
    app is to refuse it, and nothing is to follow.
    """

    action: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger(Step):
    """Make events that the world knows nothing of. `type` is a full name; `product` a name of the cast, or nothing."""

    type: str = ""
    body: bytes | None = None
    product: str = ""
    set: Mapping[str, Any] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    count: int | Template = 1
    profile: str = ""
    allow_invalid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance(Step):
    """Let simulated time pass: `by` a length, or `to` a moment (nanoseconds since 1970)."""

    by: timedelta | Template | None = None
    to: int | Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Step):
    """Let real time pass: for `pause`, or until all of `until` holds, for at most `timeout`."""

    pause: timedelta | None = None
    until: tuple[Expectation, ...] = ()
    timeout: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect(Step):
    """Hold what happened against what should have; asks again for up to `within` (wall time) where that may help."""

    expectations: tuple[Expectation, ...] = ()
    within: timedelta = timedelta(0)
    name: str = ""  # that later ones may look back to (`since`)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Step):
    """Play steps again and again: so many `times`, or once for each of `values`, each called `name` in its round.

    `every`: simulated time from the beginning of one round to that of the next. `over`: the rounds begin at moments
    that chance spreads over such a time. `overlap`: a round does not wait for the one before it to end.
    """

    steps: tuple[Step, ...]
    times: int | Template = 1
    values: tuple[Any, ...] | None = None
    name: str = ""
    every: timedelta | Template | None = None
    over: timedelta | Template | None = None
    overlap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(Step):
    """Play several rows of steps side by side in simulated time; done when all of them are."""

    branches: tuple[tuple[Step, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to go on, taken so often as its weight is of all weights."""

    weight: float
    steps: tuple[Step, ...]
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose(Step):
    """Play one of several rows of steps, picked by the run's seed."""

    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWebhook(Step):
    """`pause` (what comes is held), `suppress` (what comes is dropped) or `resume` the webhooks of the run."""

    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story: who is in it, what happens, what is expected.

    `cast` are actions that are played before the first step, in order (users, domains, data sources, products).
    `settings` are assumptions by switch. `needs` says what a run has to be given: `signing-key`.
    """

    name: str
    steps: tuple[Step, ...]
    description: str = ""
    file: Path | None = None
    text: str = ""  # as it was read, so that it can be played again
    seed: int | None = None
    start: int | None = None  # nanoseconds since 1970
    variables: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    cast: tuple[Act, ...] = ()
