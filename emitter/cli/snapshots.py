"""`emitter snapshots`: keep all that there is under a name, and go back to it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from emitter.cli.options import Command, Listing, Setup, everywhere
from emitter.cli.terminal import Json, columns, note, plain, say, short_time, show_many, show_one
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.door import Door


@click.group(cls=Listing)
def snapshots() -> None:
    """Keep all that there is under a name, and go back to it: world, clock, webhooks with their keys, history.

    \b
      emitter snapshots take base
      emitter snapshots restore base
    """


@snapshots.command("list", cls=Command)
@everywhere()
def list_snapshots(setup: Setup) -> None:
    """List the snapshots of the store, by name."""
    from emitter.cli.door import opened

    _is_there(setup)
    with opened(setup, looking=True) as door:
        found = door.snapshots()
    show_many(setup.format, found, _table)
    if not found and setup.format == "table":
        note("There is none yet. Take one: emitter snapshots take base")


@snapshots.command("take", cls=Command)
@click.argument("name", metavar="NAME")
@click.option("--replace", is_flag=True, help="Let it take the place of one of this name.")
@everywhere()
def take_snapshot(setup: Setup, name: str, replace: bool) -> None:
    """Keep all that there is, once what is under way is over."""
    from emitter.cli.door import opened

    with opened(setup, looking=_is_there(setup)) as door:
        taken = door.take_snapshot(name, replace=replace)
    show_one(setup.format, taken, lambda found: [f"Taken: {_line(found)}."])


@snapshots.command("restore", cls=Command)
@click.argument("name", metavar="NAME")
@click.option("--yes", is_flag=True, help="Do not ask.")
@everywhere()
def restore_snapshot(setup: Setup, name: str, yes: bool) -> None:
    """Go back to a snapshot, once what is under way is over: what came after it is gone.

    What was waiting then waits again. On a terminal it asks first.
    """
    from emitter.cli.door import opened

    with opened(setup, looking=_is_there(setup)) as door:
        if not yes and sys.stdin.isatty():
            click.confirm(f"Go back to {plain(name)} and forget what came after it?", abort=True, err=True)
        found = door.restore_snapshot(name)
    show_one(setup.format, found, lambda found: [f"Restored: {_line(found)}."])


@snapshots.command("delete", cls=Command)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@everywhere(form=False)
def delete_snapshots(setup: Setup, names: tuple[str, ...]) -> None:
    """Delete snapshots."""
    from emitter.cli.door import opened

    with opened(setup, looking=_is_there(setup)) as door:
        _check_there(door, names)
        for name in dict.fromkeys(names):
            door.delete_snapshot(name)
            say(f"Deleted: {plain(name)}.")


def _is_there(setup: Setup) -> bool:
    """Whether the store that is meant has a file: then nothing that waits in it is sent. Raises for one in memory."""
    store = setup.settings.store
    if not setup.server and store is None:
        raise UsageError("--ephemeral keeps nothing, so there is nothing to go back to. Name a store, or --server URL.")
    return store is not None and store.is_file()


def _check_there(door: Door, names: Sequence[str]) -> None:
    """Raise for a name that is none before anything is deleted."""
    known = [each["name"] for each in door.snapshots()]
    for name in names:
        if name not in known:
            door.delete_snapshot(name)  # which says what is wrong


def _line(found: Json) -> str:
    return f"{plain(found['name'])} ({_counted(found)}, {short_time(found['now'])})"


def _counted(found: Json) -> str:
    told = ((found[name], name) for name in ("events", "attempts", "webhooks"))
    return ", ".join(f"{count:,} {name if count != 1 else name[:-1]}" for count, name in told)


def _table(found: Sequence[Json]) -> Iterable[str]:
    if found:
        rows = [
            [each["name"], short_time(each["takenAt"] or ""), short_time(each["now"] or ""), f"{each['events']:,}",
             f"{each['attempts']:,}", f"{each['webhooks']:,}", f"{each['size'] / 1024:,.0f} KiB"]
            for each in found
        ]  # fmt: skip
        titles = ("NAME", "TAKEN (UTC)", "CLOCK", "EVENTS", "ATTEMPTS", "WEBHOOKS", "SIZE")
        yield from columns(titles, rows, right=(3, 4, 5, 6))
