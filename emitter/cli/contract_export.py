"""`emitter contract export`: the contract in the forms that other tools read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from emitter.cli.options import Command, Setup, everywhere
from emitter.cli.terminal import note, plain
from emitter.errors import UsageError

FORMS = ("asyncapi", "openapi", "json-schema", "markdown", "samples")
MEANT = {"jsonschema": "json-schema", "schema": "json-schema", "md": "markdown", "examples": "samples"}


class Form(click.Choice[str]):
    """A form of the contract; what people write for one is told."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value.lower() in MEANT:
            self.fail(f'There is no form "{value}". Did you mean "{MEANT[value.lower()]}"?', param, ctx)
        return super().convert(value, param, ctx)


@click.command(cls=Command)
@click.argument("form", type=Form(FORMS))
@click.option("--out", metavar="PATH", help="Write it there: a file, or for samples a folder with a file a type.")
@click.option("--format", "syntax", type=click.Choice(("yaml", "json")), help="How a document is written.")
@everywhere(form=False)
def export(setup: Setup, form: str, out: str | None, syntax: str | None) -> None:
    """Write the contract for other tools.

    \b
      asyncapi      AsyncAPI 3.0: channel, operations, messages with examples and signature
      openapi       OpenAPI 3.1 with webhooks
      json-schema   one JSON Schema that holds all types
      markdown      a page: each type with its members and where they are known from
      samples       one body of each type, as it is sent; a line each, or with --out a file each

    It says what is documented, derived and assumed. Types of your own (--schemas) are in it. Twice exported is twice
    the same, byte for byte.
    """
    from emitter.cli.door import asked

    with asked(setup) as door:
        written = door.contract(form, syntax or "")
    if out is None:
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
    elif form == "samples":
        _write_each(Path(out), written.splitlines())
    else:
        _write(Path(out), written)
        note(plain(f"{out}: {len(written):,} bytes."))


def _write_each(folder: Path, bodies: list[bytes]) -> None:
    """Write a file for each body: its very bytes, and no newline behind them."""
    import json

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder}: {error.strerror or error}.") from None
    for body in bodies:
        name = "".join(each if each.isalnum() or each in "._-" else "_" for each in json.loads(body)["type"])
        _write(folder / f"{name}.json", body)
    note(plain(f"{folder}: {len(bodies)} bodies."))


def _write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all; what is none, as /dev/stdout, is written to and stays what it is."""
    try:
        if file.exists() and not file.is_file():
            file.write_bytes(content)
            return
        target = Path(os.path.realpath(file))
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            beside.write_bytes(content)
            os.replace(beside, target)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"--out {file}: {error.strerror or error}.") from None
