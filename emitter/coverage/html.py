"""Coverage as a heat map: one page that holds all it needs, runs no script, and lets nothing that it shows act."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment

from emitter.coverage.goals import Coverage, Dimension
from emitter.report.page import environment_of, styles_of
from emitter.report.words import short_type

MOST_ROWS = 2000  # of one dimension


def as_html(coverage: Coverage, *, title: str = "Coverage") -> bytes:
    """Draw the heat map: a table for each dimension, a cell for each goal, deeper the more often it was seen."""
    environment = _environment()
    return (
        environment.get_template("coverage.html")
        .render(
            coverage=coverage,
            title=title,
            **styles_of(environment, "coverage.css"),
            most=MOST_ROWS,
        )
        .encode("utf-8", "backslashreplace")
    )


def heat(count: int) -> str:
    """The class of a cell: from none to hot, by powers of ten."""
    return (
        "none" if count <= 0 else "once" if count == 1 else "some" if count < 10 else "many" if count < 100 else "hot"
    )


def _percent(dimension: Dimension) -> int:
    return 100 * dimension.covered // dimension.goals if dimension.goals else 100


@cache
def _environment() -> Environment:
    environment = environment_of("emitter.coverage")
    environment.filters.update(heat=heat, percent=_percent, short=short_type)
    return environment
