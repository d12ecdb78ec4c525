"""The filters of the history, as options: the same as on the page and over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from emitter.cli.options import EventTypeName

if TYPE_CHECKING:
    from emitter.query import AttemptQuery

Function = TypeVar("Function", bound=Callable[..., Any])

_FILTERS = ("type", "outcome", "status", "webhook", "run", "event", "delivery", "fault", "verdict", "since", "until",
            "text", "before", "after")  # fmt: skip


def filters(function: Function) -> Function:
    """Give a command the filters of the history page."""
    options = [
        click.option("--type", multiple=True, metavar="TYPE", type=EventTypeName(), help="Type, or access_requests.*"),
        click.option("--outcome", multiple=True, metavar="WORD",
                     help="accepted, rejected, failed, interrupted, started"),
        click.option("--status", multiple=True, metavar="CODE", help="404, 5xx, or none for no answer."),
        click.option("--webhook", multiple=True, metavar="ID", help="Sent to this webhook."),
        click.option("--run", multiple=True, metavar="NAME", help="Of this run."),
        click.option("--event", multiple=True, metavar="ID", help="Of this event."),
        click.option("--delivery", multiple=True, metavar="ID", help="Of this delivery."),
        click.option("--fault", multiple=True, metavar="NAME", help="That suffered this fault, or any."),
        click.option("--verdict", multiple=True, metavar="WORD", help="valid, invalid or unknown by its schema."),
        click.option("--since", metavar="TIME", help="2030-01-31, 2030-01-31 09:00 (UTC), RFC 3339, or 1h back."),
        click.option("--until", metavar="TIME", help="As --since."),
        click.option("--text", metavar="TEXT", help="In a body that was sent or received."),
        click.option("--before", metavar="ID", help="Older than this attempt: the next page."),
        click.option("--after", metavar="ID", help="Newer than this attempt."),
    ]  # fmt: skip
    decorated: Any = function
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # the same function, with options


def named(given: dict[str, Any]) -> list[str]:
    """The filters that were given, as they are typed: for a command that takes them with the history only."""
    return [f"--{name}" for name in _FILTERS if given[name] not in (None, ())]


def query_of(given: dict[str, Any], limit: int) -> AttemptQuery:
    """Build the query that the history page builds of the same filters."""
    from emitter.query import LARGEST_PAGE, AttemptQuery

    pairs: list[tuple[str, str]] = []
    for name in _FILTERS:
        value = given[name]
        values = value if isinstance(value, tuple) else () if value is None else (value,)
        pairs += [(name, text) for text in values]
    return AttemptQuery.parse([*pairs, ("limit", str(min(limit, LARGEST_PAGE)))])
