"""`emitter backup` and `emitter reset`: keep the records, or forget them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from emitter.cli.options import Command, Setup, everywhere
from emitter.cli.terminal import note, say
from emitter.errors import UsageError


@click.command(cls=Command)
@click.argument("target", metavar="FILE")
@everywhere(form=False)
def backup(setup: Setup, target: str) -> None:
    """Copy the store to a new file, even while a server uses it. Nothing is overwritten."""
    settings = setup.settings
    if setup.server or settings.store is None:
        raise UsageError("A backup is made of a store's file: name it with --store FILE, on the machine that has it.")
    from emitter.store import backup as copy

    copy(settings.store, Path(target))
    say(f"{settings.store} was copied to {target}.")


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Do not ask.")
@everywhere(form=False)
def reset(setup: Setup, yes: bool) -> None:
    """Forget all events, deliveries, attempts and webhooks. What is under way is let finish first; snapshots stay."""
    from emitter.cli.door import opened
    from emitter.query import AttemptQuery

    with opened(setup, looking=True) as door:
        state, found = door.state(), door.count(AttemptQuery())
        attempts, hooks = found["count"], state["webhooks"]
        what = f"{attempts:,}{' or more' if found['capped'] else ''} attempt{'s' if attempts != 1 else ''}"
        what += f" and {hooks:,} webhook{'s' if hooks != 1 else ''}"
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(f"This forgets everything in the store ({what}). Say --yes if that is meant.")
            click.confirm(f"Forget everything in the store {state['store']} ({what})?", abort=True, err=True)
        door.reset()
    note(f"Forgotten: {what}.")
