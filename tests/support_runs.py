"""Scenarios that are written in a test and played against a receiver on loopback."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.report import Report, StepReport
from emitter.runs import play_apart
from emitter.scenario import Scenario, read
from emitter.settings import Settings

CATALOG = Catalog.load()
CAST = """
seed: 7
start: 2030-02-01T09:00:00Z
cast:
  users:
    ada: {name: Ada Lovelace}
    grace: {name: Grace Hopper}
  products:
    claims: {name: Claims 2025, stewards: [grace]}
"""


def scenario(steps: str, *, head: str = CAST, name: str = "a-story", **variables: str) -> Scenario:
    """Read a scenario: the usual cast, and these steps."""
    text = f"{textwrap.dedent(head).strip()}\nsteps:\n{textwrap.indent(textwrap.dedent(steps).strip(), '  ')}\n"
    return read(text, name=name, catalog=CATALOG, variables=variables)


def played(
    told: Scenario | str, to: str = "", *, key: str = "", store: Path | None = None, assume: Any = None, **how: Any
) -> Report:
    """Play a scenario in a simulator of its own."""
    found = scenario(told) if isinstance(told, str) else told
    settings = Settings(assumptions=Assumptions().override_all(assume or {}))
    return play_apart(found, settings=settings, store=store, to=to, signing_key=key, **how)


def failures(report: Report) -> list[str]:
    """What did not hold, as claims with what was found."""
    return [
        f"{finding.claim}: {finding.found}" for step in report.steps for finding in step.findings if not finding.passed
    ]


def step_at(report: Report, words: str) -> StepReport:
    """The first step whose words hold these."""
    return next(step for step in report.steps if words in step.words)
