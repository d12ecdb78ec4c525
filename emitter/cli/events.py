"""`emitter events`: the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from emitter.cli.options import Command, EventTypeName, Listing, Setup, everywhere
from emitter.cli.terminal import (
    BOLD,
    DIM,
    GREEN,
    YELLOW,
    Json,
    as_json,
    columns,
    lines_of,
    note,
    paint,
    plain,
    short_type,
    show_many,
    show_one,
)

MARKS = {"documented": GREEN, "derived": GREEN, "observed": GREEN, "assumed": YELLOW}


@click.group(cls=Listing)
def events() -> None:
    """List the event types, or show one."""


@events.command("list", cls=Command)
@everywhere()
def list_types(setup: Setup) -> None:
    """List the event types."""
    from emitter.cli.door import asked

    with asked(setup) as door:
        found = door.event_types()
    show_many(setup.format, found, _table)
    cut = next((each["type"] for each in found if short_type(each["type"]) != each["type"]), "")
    if cut and setup.format == "table":
        note(f"A TYPE stands here without what all begin with. In full: {plain(cut)}")


@events.command("show", cls=Command)
@click.argument("type_name", metavar="TYPE", type=EventTypeName())
@everywhere()
def show_type(setup: Setup, type_name: str) -> None:
    """Show one event type: what triggers it, an example, where each member is known from, its schema."""
    from emitter.cli.door import asked

    with asked(setup) as door:
        show_one(setup.format, door.event_type(type_name), _whole)


def _table(types: Sequence[Json]) -> Iterable[str]:
    rows = [[each["alias"], short_type(each["type"]), each["trigger"]] for each in types]
    yield from columns(("ALIAS", "TYPE", "TRIGGER"), rows, stretch=2)


def _whole(found: Json) -> Iterable[str]:
    yield paint(plain(found["type"]), BOLD)
    yield f"{plain(found['title'])}. {plain(found['trigger'])}"
    yield ""
    for name, value in (
        ("alias", found["alias"]),
        ("notified", ", ".join(found["notified"]) or "nobody"),
        ("sent by default", ", ".join(f"data.{name}" for name in found["core"])),
    ):
        if value:
            yield f"{name:<16} {plain(value)}"
    yield ""
    yield paint("Example", BOLD)
    yield from lines_of(as_json(found["example"]))
    yield ""
    yield paint("Where it is known from", BOLD)
    rows = [[pointer, mark] for pointer, mark in found["provenance"].items()]
    yield from columns(
        ("MEMBER", "PROVENANCE"), rows, paints=lambda column, text: MARKS.get(text, "") if column else ""
    )
    yield ""
    yield paint("Schema", BOLD) + paint(" (draft 2020-12)", DIM)
    yield from lines_of(as_json(found["schema"]))
