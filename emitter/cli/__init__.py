"""The command line. Families of commands live in a file each and are imported when they are asked for."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import click

from emitter.cli.failures import ending, whole_pipe
from emitter.errors import UnknownName

# name: (module, attribute, what the help says). Listed by hand, so that the help imports none of them.
COMMANDS = {
    "demo": ("demonstration", "demo", "Watch a minute of it: an app, two relays, and a bug that becomes a test."),
    "serve": ("serve", "serve", "Run the simulator: APIs, history page, deliveries."),
    "events": ("events", "events", "List the event types, or show one."),
    "trigger": ("trigger", "trigger", "Make an event and send it."),
    "world": ("world", "world", "Look at the simulated app, act in it, let its time pass."),
    "faults": ("faults", "faults", "List what can be made to go wrong on purpose."),
    "scenarios": ("scenarios", "scenarios", "Stories to play: list, show, check, begin a new one."),
    "run": ("run", "run", "Play scenarios, and say what came of them."),
    "runs": ("runs", "runs", "Look at the runs that were kept: list, show, diff, delete."),
    "listen": ("listen", "listen", "Be a receiver: verify, print and answer what comes."),
    "audit": ("audit", "audit", "Examine a receiver: what it takes, what it refuses, what it survives."),
    "deliveries": ("deliveries", "deliveries", "Look at what was sent: list, show, resend, follow, diff, export."),
    "webhooks": ("webhooks", "webhooks", "Register webhooks, test, pause and remove them."),
    "tokens": ("tokens", "tokens", "Make tokens for the people of the simulated app, list and revoke them."),
    "tenants": ("tenants", "tenants", "Simulators side by side in one server: make, list, reset, delete."),
    "check": ("check", "check", "Hold captured events against what is documented and assumed."),
    "contract": ("contract", "contract", "The contract: check, learn, compare, export."),
    "sign": ("signatures", "sign", "Sign a body and print the headers."),
    "verify": ("signatures", "verify", "Verify a signature, and say why it probably fails."),
    "assumptions": ("assumptions", "assumptions", "List what is assumed of the app, and how to change it."),
    "snapshots": ("snapshots", "snapshots", "Keep all that there is under a name, and go back to it."),
    "backup": ("upkeep", "backup", "Copy the store to a new file."),
    "reset": ("upkeep", "reset", "Forget all events, deliveries and webhooks."),
}


# What people type who know other programs.
MEANT = {
    "send": "trigger", "fire": "trigger", "start": "serve", "server": "serve", "types": "events",
    "history": "deliveries", "logs": "deliveries", "hooks": "webhooks", "validate": "check",
    "play": "run", "scenario": "scenarios", "reports": "runs", "report": "runs",
    "examine": "audit", "tour": "demo",
    "token": "tokens", "tenant": "tenants",
    "act": "world act", "advance": "world advance", "snapshot": "snapshots", "restore": "snapshots restore",
}  # fmt: skip
OF_COMMANDS = ("--schemas", "--store", "--ephemeral", "--server", "--assume", "--format")


class Emitter(click.Group):
    """The group of all commands; it loads one when it is named, and turns every error into a text and a code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"emitter.cli.{module}"), attribute)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name not in OF_COMMANDS:
                raise
            name = error.option_name
            raise click.UsageError(
                f"{name}: write it behind the command, as `emitter deliveries list {name} ...`.", ctx
            ) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args and args[0] not in COMMANDS and not args[0].startswith("-"):
            if args[0] in MEANT:
                raise click.UsageError(f'There is no command "{args[0]}". Did you mean "{MEANT[args[0]]}"?', ctx)
            raise click.UsageError(str(UnknownName("command", args[0], COMMANDS)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with whole_pipe():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with whole_pipe():
            return super().invoke(ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        with ending():
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        sys.exit(code if isinstance(code, int) else 0)


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"emitter {version('request-app-emitter')}")
        except PackageNotFoundError:
            click.echo("emitter (not installed)")
        ctx.exit()


@click.group(
    cls=Emitter,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 fine, 1 a check failed, 2 wrong usage, 3 target, simulator or store cannot be reached.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """A stand-in for the Immuta Request app's webhooks.

    Make any of its events, sign and send it to your receiver, and see what came of it:

    \b
      emitter listen                                        a receiver, to try it out
      emitter trigger access-revoked --to http://127.0.0.1:3000/
      emitter deliveries list

    Options of every command are also read from EMITTER_* variables and from emitter.toml, searched for upwards from
    the working directory; flags go first. Shell completion: _EMITTER_COMPLETE=bash_source emitter (or zsh, fish).
    """


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def stop_in_order() -> None:
    """Have SIGTERM close what is open before the process ends."""
    signal.signal(signal.SIGTERM, _terminated)


def collect_seldom() -> None:
    """Look for garbage in cycles a tenth as often as Python does by itself: a delivery makes none."""
    gc.set_threshold(10_000, 20, 50)


def main() -> None:
    """Run the command line; what the console script calls."""
    stop_in_order()
    collect_seldom()
    cli.main(prog_name="emitter")
