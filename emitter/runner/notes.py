"""Notes on each step while it is played, from which its part of the report is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from emitter.report import ERROR, FAILED, PASSED, SKIPPED, Finding, StepReport
from emitter.runner.words import step_words
from emitter.scenario.steps import (
    Act,
    Advance,
    ChangeWebhook,
    Choose,
    Expect,
    Parallel,
    Repeat,
    Scenario,
    Step,
    Trigger,
    Wait,
)

MOST_TOLD = 12
_KINDS: dict[type[Step], str] = {
    Act: "act", Trigger: "trigger", Advance: "advance", Wait: "wait", Expect: "expect", Repeat: "repeat",
    Parallel: "parallel", Choose: "choose", ChangeWebhook: "webhook",
}  # fmt: skip


@dataclass(slots=True)
class Note:
    """One step, all its rounds together. `alone`: nothing goes on beside it, so what happens meanwhile is its own."""

    step: Step
    depth: int
    alone: bool
    words: str
    at: int | None = None
    times: int = 0
    failures: int = 0
    events: int = 0
    places: list[int] = field(default_factory=list)  # of the first of them in the chronicle
    findings: tuple[Finding, ...] = ()
    error: str = ""

    def began(self, at: int) -> None:
        """One round more."""
        if self.at is None:
            self.at = at
        self.times += 1

    def judged(self, findings: Sequence[Finding]) -> None:
        """Keep the findings of the first round that failed, else those of the last."""
        failed = not all(each.passed for each in findings)
        if not self.failures:
            self.findings = tuple(findings)
        self.failures += failed

    def caused(self, places: range) -> None:
        """Events have followed, which stand at these places of the chronicle."""
        self.events += len(places)
        self.places += places[: max(MOST_TOLD - len(self.places), 0)]

    def report(self, told: Callable[[int], str]) -> StepReport:
        """The step as it stands in the report; `told` says what became of the event at a place of the chronicle."""
        status = ERROR if self.error else FAILED if self.failures else PASSED if self.times else SKIPPED
        return StepReport(
            line=self.step.line, kind=_KINDS[type(self.step)], words=self.words, status=status, depth=self.depth,
            at=self.at, times=self.times, failures=self.failures, events=self.events,
            told=tuple(map(told, self.places)), faults=tuple(map(str, self.step.faults)), findings=self.findings,
            error=self.error,
        )  # fmt: skip


class Notes:
    """A note for each step of a scenario, in the order of its file."""

    def __init__(self, scenario: Scenario) -> None:
        self._notes = {
            id(step): Note(step, depth, alone, step_words(step))
            for step, depth, alone in _all((*scenario.cast, *scenario.steps), 0, True)
        }

    def of(self, step: Step) -> Note:
        """The note of a step."""
        return self._notes[id(step)]

    def reports(self, told: Callable[[int], str]) -> tuple[StepReport, ...]:
        """What the report says of all steps."""
        return tuple(note.report(told) for note in self._notes.values())


def _all(steps: Sequence[Step], depth: int, alone: bool) -> Iterator[tuple[Step, int, bool]]:
    for step in steps:
        yield step, depth, alone
        match step:
            case Repeat():
                yield from _all(step.steps, depth + 1, alone and not step.overlap)
            case Parallel():
                for branch in step.branches:
                    yield from _all(branch, depth + 1, False)
            case Choose():
                for option in step.options:
                    yield from _all(option.steps, depth + 1, alone)
