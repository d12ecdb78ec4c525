"""The options of every command, and what comes of them, the environment and `emitter.toml` together."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click
from click.shell_completion import CompletionItem

from emitter.errors import BadValue, UnknownName, UsageError

if TYPE_CHECKING:
    FloatType: TypeAlias = click.ParamType[float]
    TextType: TypeAlias = click.ParamType[str]
else:  # generic from click 8.5 on
    FloatType = TextType = click.ParamType

FORMATS = ("table", "json", "jsonl")
LARGEST_SECRET = 64 * 1024

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Setup:
    """What a command was told: settings for a simulator, where a running one is, and how to print.

    `own` are the settings that were given as flags: they cannot reach a simulator that runs already.
    """

    plain: Mapping[str, Any]
    switches: Mapping[str, str]
    server: str = ""
    host: str = ""
    port: int | None = None
    format: str = "table"
    own: tuple[str, ...] = ()

    @functools.cached_property
    def settings(self) -> Any:
        """The `Settings` for a simulator in this process."""
        from emitter.settings import merged

        return merged((self.plain, self.switches))

    def with_settings(self, **more: Any) -> Setup:
        """Add settings that only some commands have, as flags: they go before everything else."""
        given = {name: value for name, value in more.items() if value not in (None, ())}
        return Setup(
            {**self.plain, **given}, self.switches, self.server, self.host, self.port, self.format,
            (*self.own, *(f"--{name.replace('_', '-')}" for name in given)),
        )  # fmt: skip


def read_setup(flags: Mapping[str, Any], assume: tuple[str, ...], default_format: str) -> Setup:
    """Merge flags, environment and file; raise `UsageError` children that name what is wrong."""
    from emitter.settings import FILE, assumption, doors, find_file, from_environment, from_file

    folder = Path.cwd()
    file = find_file(folder)
    from_toml, toml_switches = from_file(file) if file else ({}, {})
    if file and file.parent != folder:  # paths in a file start from where it stands
        for name in ("store", "schemas", "ca", "world"):
            value = from_toml.get(name)
            if isinstance(value, str) and "://" not in value and (name != "world" or _is_file(value, file.parent)):
                from_toml[name] = str(file.parent / value)
    environment, environment_switches = from_environment(os.environ)
    given = {name: value for name, value in flags.items() if value is not None}
    # One that is nearer says where the records are: a store named by flag ends an ephemeral one of the file.
    for nearer, farther in ((given, environment), (given, from_toml), (environment, from_toml)):
        for name, others in (
            ("store", ("ephemeral", "server")),
            ("server", ("ephemeral",)),
            ("ephemeral", ("server",)),
        ):
            if name in nearer:
                for other in others:
                    farther.pop(other, None)
    switches = dict(assumption(text) for text in assume)
    told = doors(given, environment, from_toml)
    if given.get("ephemeral") and (given.get("server") or given.get("store")):
        raise UsageError("--ephemeral keeps nothing; it goes neither with --store nor with --server.")
    if given.get("server") and given.get("store"):
        raise UsageError(
            "--store and --server name two histories: a simulator that runs has its own store. Give one of the two."
        )
    form = told.get("format", default_format)
    if "format" not in given and form not in FORMATS:
        raise BadValue("format", form, f"is none of {', '.join(FORMATS)} (EMITTER_FORMAT or {FILE}).")
    plain = {**from_toml, **environment, **given}
    return Setup(
        plain={name: value for name, value in plain.items() if name not in ("server", "host", "port", "format")},
        switches={**toml_switches, **environment_switches, **switches},
        server=told.get("server", ""),
        host=told.get("host", ""),
        port=told.get("port"),
        format=form,
        own=tuple([*(f"--{name}" for name in ("schemas",) if name in given), *(("--assume",) if assume else ())]),
    )


def _is_file(world: str, folder: Path) -> bool:
    """Whether a world is a file, and no name: one that looks like a path, or that is there."""
    return bool(Path(world).suffix) or "/" in world or (folder / world).is_file()


START = click.option("--start", metavar="TIME", help="On a virtual clock that starts then, as 2030-01-31T09:00:00Z.")
WORLD = click.option("--world", metavar="WORLD", help="Start with this world: demo, empty, or a file of your own.")
MEANT = {"--url": "--to", "--target": "--to"}  # what people type for an option of ours
EVERYWHERE = "Options of every command"


class Command(click.Command):
    """A command whose help lists the options that all have in a section of their own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            meant = MEANT.get(error.option_name, "")
            if not any(meant in parameter.opts for parameter in self.params):
                raise
            raise click.UsageError(f"There is no option {error.option_name}. Did you mean {meant}?", ctx) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                (shared if getattr(parameter, "everywhere", False) else own).append(record)
        if own:
            with formatter.section("Options"):
                formatter.write_dl(own)
        if shared:
            with formatter.section(EVERYWHERE):
                formatter.write_dl(shared)


class Listing(click.Group):
    """A family of commands that lists when no command is named: `emitter events --format json`."""

    otherwise = "list"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [self.otherwise, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args and args[0] not in self.commands:
            raise click.UsageError(str(UnknownName(f"command {ctx.info_name}", args[0], self.commands)), ctx)
        return super().resolve_command(ctx, args)


class Everywhere(click.Option):
    """An option that every command has."""

    everywhere = True


def everywhere(*, form: bool = True, assumes: bool = True) -> Callable[[Function], Function]:
    """Give a command the options that all have, and hand it what came of them as `setup`.

    `form` False leaves out `--format`, for commands that have another one or none; `assumes` False hands
    what `--assume` was given to the command, for one that tells another simulator.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def run(*args: Any, **values: Any) -> Any:
            names = ("schemas", "store", "server", "ephemeral", "format" if form else "")
            flags = {name: values.pop(name) for name in names if name}
            flags["ephemeral"] = flags["ephemeral"] or None
            setup = read_setup(flags, values.pop("assume") if assumes else (), "table")
            _note_unread()
            return function(*args, setup=setup, **values)

        options = [
            _option("--schemas", metavar="DIR", help="More event types: a directory of schemas."),
            _option("--store", metavar="FILE", help="Where the history is kept. [.emitter/store.sqlite]"),
            _option("--ephemeral", is_flag=True, help="Keep the history in memory only."),
            _option("--server", metavar="URL", help="Use a simulator that runs there."),
            _option("--assume", metavar="SWITCH=VALUE", multiple=True, help="Change an assumption. Repeatable."),
        ]
        if form:
            options.append(_option("--format", type=click.Choice(FORMATS), help="How to print. [table]"))
        decorated: Any = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]  # the same function, with options

    return decorate


def _note_unread() -> None:
    """Remark on variables that nothing reads: a slip in a name is silent otherwise."""
    from emitter.cli.terminal import note, plain
    from emitter.settings import unread

    for remark in unread(os.environ):
        note(plain(f"Note: {remark}"))


def _option(*names: str, **how: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=Everywhere, **how)


class Duration(FloatType):
    """A duration with its units, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        from emitter.typed import duration

        try:
            return duration(value).total_seconds()
        except BadValue as error:
            self.fail(f'"{value}" {error.why}', param, ctx)


class EventTypeName(TextType):
    """An event type, completed by alias and by full name; what it means is the catalogue's to say."""

    name = "type"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from emitter.catalog import Catalog
        from emitter.errors import EmitterError

        try:
            setup = read_setup({"schemas": ctx.params.get("schemas")}, (), "table")
            kinds = list(Catalog.load(setup.settings.schemas))
        except EmitterError:
            return []
        found = []
        for kind in kinds:
            short = kind.name.removeprefix("marketplace.data_product.")
            for name in dict.fromkeys(filter(None, (kind.alias, short, kind.name))):
                if name.startswith(incomplete) and (incomplete or name in (kind.alias, kind.name)):
                    found.append(CompletionItem(name, help=kind.title))
        return found


def secret_of(secret: str | None, secret_file: str | None) -> str:
    """The signing key that a command was given, by flag, file or environment; empty where there is none."""
    if secret is not None and secret_file is not None:
        raise UsageError("--secret and --secret-file both name the signing key: give one of the two.")
    found = secrets_of((secret,) if secret is not None else (), (secret_file,) if secret_file else ())
    return found[0] if found else ""


def secrets_of(secrets: tuple[str, ...], files: tuple[str, ...]) -> list[str]:
    """The signing keys that a command was given; those of the environment only where no flag names one.

    Raises `UsageError` for a file that cannot be read and `BadSigningKey` for a key that cannot be one.
    """
    if not secrets and not files:
        secrets = tuple(filter(None, (os.environ.get("EMITTER_SECRET"),)))
        files = tuple(filter(None, (os.environ.get("EMITTER_SECRET_FILE"),))) if not secrets else ()
    from emitter.signing import SigningKey

    found = [*secrets, *map(_secret_in, files)]
    for one in found:
        SigningKey(one)
    return found


def _secret_in(file: str) -> str:
    try:
        with open(file, "rb") as opened:
            text = opened.read(LARGEST_SECRET).decode("utf-8")
    except OSError as error:
        raise UsageError(f"--secret-file {file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"--secret-file {file}: it is no UTF-8 text.") from None
    return text.removesuffix("\n").removesuffix("\r")


def read_bytes(file: str, *, most: int) -> bytes:
    """Read a file, or standard input for `-`, up to `most` bytes and one more; raise `UsageError`."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(most + 1)
        with open(file, "rb") as opened:
            return opened.read(most + 1)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}.") from None
