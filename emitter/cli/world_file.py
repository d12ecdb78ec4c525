"""`emitter world save`: the present world as a file to start others with."""

from __future__ import annotations

from pathlib import Path

import click

from emitter.cli.options import START, WORLD, Command, Setup, everywhere
from emitter.cli.terminal import note, say
from emitter.errors import UsageError


@click.command("save", cls=Command)
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--format", "form", type=click.Choice(("yaml", "json")), help="How to write it. [as FILE ends, else yaml]"
)
@click.option("--force", is_flag=True, help="Write over a FILE that is there.")
@START
@WORLD
@everywhere(form=False)
def save(
    setup: Setup, file: str | None, form: str | None, force: bool, start: str | None, world: str | None
) -> None:  # fmt: skip
    """Write the present world as a file that brings it back: `emitter serve --world FILE`.

    Without FILE, or for -, it goes to standard output. The file holds people, products, requests and their records, and
    no webhooks, keys or history: those are in a snapshot.
    """
    from emitter.cli.door import opened

    target = None if file in (None, "-") else Path(str(file))
    form = form or ("json" if target is not None and target.suffix == ".json" else "yaml")
    if target is not None and target.exists() and not force:
        raise UsageError(f"{target} is there already. Name another file, or say --force to write over it.")
    with opened(setup.with_settings(start=start, world=world), looking=True) as door:
        written = door.world_file(form)
    if target is None:
        say(written.decode().removesuffix("\n"))
        return
    try:
        target.write_bytes(written)
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror or error}.") from None
    note(f"The world was written to {target}. Start one with it: emitter serve --world {target}")
