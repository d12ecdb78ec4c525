"""What a run found: a Report of frozen values, to be written as text, JSON, JUnit XML or HTML.

Times are nanoseconds since 1970: on the run's clock, unless it says wall.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PASSED, FAILED, ERROR, SKIPPED = "passed", "failed", "error", "skipped"
"""FAILED: an expectation did not hold. ERROR: a step could not be played. SKIPPED: not reached, or not possible."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation: what was claimed, whether it held, what was found instead.

    `details` tell more, the most telling first. `varies`: it speaks of wall time, so two runs may differ in it.
    """

    claim: str
    passed: bool
    found: str = ""
    details: tuple[str, ...] = ()
    line: int = 0
    varies: bool = False


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step, however often it was played: `findings` holds those of its last round, or of the first that failed.

    `depth` is 0 for a step of the scenario itself, 1 for one within a repeat, and so on; steps stand in the order of
    the file. `told` says in words what followed (short types of events), of the first few rounds.
    """

    line: int
    kind: str  # act, trigger, advance, wait, expect, repeat, parallel, choose, webhook
    words: str  # what it does, for people: Ada Lovelace requests access to "Claims 2025"
    status: str
    depth: int = 0
    at: int | None = None  # when it was first played; None: never
    times: int = 0
    failures: int = 0
    events: int = 0  # that it caused, all rounds together
    told: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """One attempt on the timeline."""

    at: int  # when it was scheduled
    number: int
    outcome: str
    status: int | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """One event on the timeline: in the lane of its product, below it that of its request if it is about one."""

    at: int
    type: str
    product: str  # name
    request: str = ""  # what people call it: the name in the scenario, or the user's
    line: int = 0  # of the step that caused it; 0: time did; -1: nobody says
    ticks: tuple[Tick, ...] = ()
    dropped: str = ""  # why nothing was sent for it, if so


@dataclass(frozen=True, slots=True)
class Tally:
    """Everything of the run, counted: events by type, deliveries by state, attempts by outcome and by status.

    `statuses` has `none` for no answer. `faults` counts attempts (or deliveries that never left) by fault.
    """

    events: Mapping[str, int] = field(default_factory=dict)
    deliveries: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """One run of a scenario."""

    run: str
    scenario: str
    status: str
    description: str = ""
    file: str = ""
    seed: int = 0
    start: int = 0
    end: int = 0
    speed: float = 0.0  # simulated seconds a second; 0: as fast as can be
    target: str = ""  # masked
    variables: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[StepReport, ...] = ()
    tally: Tally = Tally()
    marks: tuple[Mark, ...] = ()  # of the first events, up to a bound
    marks_left_out: int = 0
    lost: tuple[str, ...] = ()  # deliveries that were never accepted, in words; the first few
    lost_left_out: int = 0
    error: str = ""  # why it could not be played to its end
    wall_start: int = 0
    took: float = 0.0  # seconds of wall time
    version: str = ""
    store: str = ""  # where its history is kept

    @property
    def failures(self) -> int:
        """How many steps failed or could not be played."""
        return sum(step.status in (FAILED, ERROR) for step in self.steps)
