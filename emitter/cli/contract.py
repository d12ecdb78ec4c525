"""`emitter contract`: the contract held against what was seen. A command of it is a file: `contract_<name>.py`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import click

from emitter import cli
from emitter.errors import UnknownName

_PREFIX = "contract_"


class Family(click.Group):
    """Loads a command when it is named; `check` is the one that stands at the top, too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = {
            each.name.removeprefix(_PREFIX) for each in iter_modules(cli.__path__) if each.name.startswith(_PREFIX)
        }
        return sorted({"check", *found})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = "check" if cmd_name == "check" else f"{_PREFIX}{cmd_name}"
        command: click.Command = getattr(import_module(f"emitter.cli.{module}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if not ctx.resilient_parsing and args and args[0] not in known and not args[0].startswith("-"):
            raise click.UsageError(str(UnknownName("command contract", args[0], known)), ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Family)
def contract() -> None:
    """Hold the contract against what was seen: check captures, learn from them, compare, export."""
