"""An audit as a page: one file that holds all it needs, runs no script, and lets nothing that it shows act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment

from emitter.audit.report import counts, verdict
from emitter.audit.telling import drawn
from emitter.audit.values import Audit, Kind, Result, Shot, Status
from emitter.clock import rfc3339
from emitter.report.page import environment_of, styles_of
from emitter.report.words import printable

MOST_SHOTS = 8  # of one check
MOST_BODY = 1500  # characters of a body


@dataclass(frozen=True, slots=True)
class _Root:
    """A failure that follows from no other, and what follows from it."""

    result: Result
    followers: Sequence[Result]
    shots: Sequence[Shot]
    more: int


def as_html(found: Audit) -> bytes:
    """Draw the page: what failed and how to mend it, what follows, what could not be judged, what passed."""
    environment = _environment()
    return (
        environment.get_template("audit.html")
        .render(
            audit=found,
            roots=[_root(each, found.failed) for each in found.failed if not each.cause],
            unjudged=found.of(Status.UNJUDGED),
            passed=found.of(Status.PASSED),
            counts=counts(found),
            kinds=[str(kind) for kind in Kind],
            verdict=verdict(found),
            difference=list(drawn(found.difference)) if found.difference else [],
            **styles_of(environment, "audit.css"),
        )
        .encode("utf-8", "backslashreplace")
    )


def _root(result: Result, failed: Sequence[Result]) -> _Root:
    shots = (
        sorted(result.shots, key=lambda shot: shot.accepted)[:MOST_SHOTS]
        if len(result.shots) > MOST_SHOTS
        else result.shots
    )
    followers = [each for each in failed if each.cause == result.check.name]
    return _Root(result, followers, shots, len(result.shots) - len(shots))


def _text(raw: bytes) -> str:
    return printable(raw.decode("utf-8", "backslashreplace"), MOST_BODY)


@cache
def _environment() -> Environment:
    environment = environment_of("emitter.audit")
    environment.filters.update(text=_text, moment=lambda at: rfc3339(at, 0).replace("T", " ").replace("Z", " UTC"))
    return environment
