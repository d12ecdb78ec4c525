"""What was found of everything that was expected at one moment, as JSON and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emitter.report import Finding


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of each claim; where one does not hold, what came instead, the nearest first."""

    findings: tuple[Finding, ...]
    came: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all of it holds."""
        return all(each.passed for each in self.findings)

    def to_json(self) -> dict[str, Any]:
        """As it goes over HTTP, with the whole in words."""
        return {
            "passed": self.passed,
            "text": self.text(),
            "findings": [
                {"claim": each.claim, "passed": each.passed, "found": each.found, "details": list(each.details)}
                for each in self.findings
            ],
            "came": list(self.came),
        }

    def text(self) -> str:
        """What was expected and what came, for people; a line where all is as expected."""
        wrong = [each for each in self.findings if not each.passed]
        total = len(self.findings)
        if not wrong:
            return f"{total} {'expectation is' if total == 1 else 'expectations are'} met."
        lines = [f"{len(wrong)} of {total} expectations {'is' if len(wrong) == 1 else 'are'} not met:"]
        for each in wrong:
            lines.append(f"  expected  {each.claim}")
            lines.append(f"  came      {each.found or 'nothing'}")
            lines += [f"            {detail}" for detail in each.details]
        if self.came:
            lines += ["  In all, the nearest first:", *(f"    {each}" for each in self.came)]
        return "\n".join(lines)
