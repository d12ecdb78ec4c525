"""What a run found, and the forms in which it is told."""

from emitter.report.forms import from_json, to_json
from emitter.report.values import ERROR, FAILED, PASSED, SKIPPED, Finding, Mark, Report, StepReport, Tally, Tick

__all__ = [
    "ERROR", "FAILED", "PASSED", "SKIPPED", "Finding", "Mark", "Report", "StepReport", "Tally", "Tick", "from_json",
    "to_json",
]  # fmt: skip
