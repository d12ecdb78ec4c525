"""What `emitter run` was asked for: which scenarios, where to, how; all of it checked before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from emitter.cli.options import Setup, secret_of
from emitter.cli.terminal import as_json
from emitter.errors import BadValue, NotFound, ScenarioError, UsageError

if TYPE_CHECKING:
    from emitter.runs import Kept
    from emitter.scenario import Scenario


DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run goes, and how it is signed."""

    to: str
    signing_key: str = ""
    verify_tls: bool = True
    ca: str = ""


class _Read(Protocol):
    @property
    def variables(self) -> Mapping[str, Any]: ...


_Found = TypeVar("_Found", bound=_Read)


def begun_with(setup: Setup, world: str | None, earlier: Kept | None) -> tuple[Setup, list[tuple[str, str]]]:
    """The settings of runs that begin with this world, and what it holds that a scenario may name.

    A world of the environment or of emitter.toml is that of other commands, as their store is.
    """
    from emitter.catalog import Catalog
    from emitter.runs import START
    from emitter.world.known import Known
    from emitter.worldfile import Conditions, start

    asked = world or (str(earlier.asked.get("world", "")) if earlier else "")
    begun = start(asked)
    whole = os.path.abspath(asked) if begun and os.path.exists(asked) and begun.label == asked else asked
    setup = replace(setup, plain={**setup.plain, "world": whole or DEFAULT})
    if begun is None:
        return setup, []
    known, settings = Known(), setup.settings
    conditions = Conditions(settings.seed or 0, START, settings.assumptions, Catalog.load(settings.schemas))
    for each in begun.entities(conditions):
        known.apply(each)
    return setup, list(known.called())


def scenarios_of(
    setup: Setup, names: Sequence[str], variables: dict[str, str], there: Sequence[tuple[str, str]] = ()
) -> list[Scenario]:
    """Read all that was named; raises `UsageError` with what is wrong in any of them.

    A variable goes to those scenarios that have it, and has to be in one.
    """
    from emitter.catalog import Catalog
    from emitter.scenario import load

    def read(file: Path, given: dict[str, str]) -> Scenario:
        return load(file, catalog=catalog, variables=given, there=there)

    _check_named(names)
    catalog = Catalog.load(setup.settings.schemas)
    return read_all(names, variables, read)


def read_all(
    names: Sequence[str], variables: dict[str, str], read: Callable[[Path, dict[str, str]], _Found]
) -> list[_Found]:
    """As `scenarios_of`, with what reads one file, given its variables."""
    from emitter.scenario import find_all

    _check_named(names)
    found, wrong, met = [], list[str](), set[str]()
    files: list[Path] = []
    for name in names:
        try:
            files += find_all(name)
        except (NotFound, UsageError) as error:
            wrong.append(str(error))
    for file in files:
        try:
            alone = len(files) == 1 or not variables
            known = variables if alone else _own(read(file, {}).variables, variables)
            met |= set(known)
            found.append(read(file, known))
        except ScenarioError as error:
            wrong.append(str(error))
    if wrong:
        raise UsageError("\n".join([*wrong, "Nothing was sent."]))
    for name in variables:
        if name not in met:
            raise BadValue("--var", name, "is a variable of none of these scenarios.")
    return found


def _check_named(names: Sequence[str]) -> None:
    if not names:
        raise UsageError(
            "Name a scenario: a file, a folder, or one that comes with emitter, as `emitter run approved-for-30-days`; "
            "`emitter scenarios` lists them."
        )


def _own(has: Mapping[str, Any], variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name in has}


def earlier_run(run: str, names: Sequence[str]) -> Kept:
    """The run that is to be played again."""
    from emitter.runs import Runs

    if names:
        raise UsageError("--again plays a run as it was asked for; name no scenario beside it.")
    return Runs().find(run)


def as_it_was(
    setup: Setup, earlier: Kept, variables: dict[str, str], there: Sequence[tuple[str, str]] = ()
) -> Scenario:
    """The scenario of an earlier run, as its text was then, with the variables that it had."""
    from emitter.catalog import Catalog
    from emitter.scenario import read

    asked = earlier.asked
    file = Path(asked["file"]) if asked.get("file") else None
    catalog = Catalog.load(setup.settings.schemas)
    what: dict[str, Any] = {
        "name": asked["scenario"], "catalog": catalog, "there": there,
        "folder": file.parent if file and file.exists() else None,
    }  # fmt: skip
    default = read(asked["text"], **what)
    changed = {
        name: value if isinstance(value, str) else as_json(value, indent=None)
        for name, value in asked.get("variables", {}).items()
        if default.variables.get(name) != value
    }
    scenario = read(asked["text"], **what, variables={**changed, **variables})
    return replace(scenario, name=asked["scenario"], file=file)


def target_of(setup: Setup, how: dict[str, Any], earlier: Kept | None, names: Sequence[str]) -> Target:
    """Where it goes: as it was asked for, or where the run went that is played again."""
    from emitter.egress import Egress
    from emitter.runs import Runs

    key = secret_of(how["secret"], how["secret_file"])
    ca = os.path.abspath(how["ca"]) if how["ca"] else ""
    if how["to"]:
        Egress(allow=setup.settings.allow).check_url(how["to"])
        return Target(how["to"], key, verify_tls=not how["insecure"], ca=ca)
    webhooks = Runs().webhooks(earlier) if earlier else []
    if not webhooks:
        what = f"--again {earlier.run}" if earlier else " ".join(names)
        raise UsageError(
            f"Say where it is to be sent: emitter run {what} --to http://127.0.0.1:3000/ (or EMITTER_TO). "
            "`emitter listen` is a receiver to try it with."
        )
    was = webhooks[0]
    known = was.signing_key.reveal() if was.signing_key else ""
    return Target(was.url, key or known, verify_tls=was.verify_tls and not how["insecure"], ca=ca or was.ca)


def store_of(setup: Setup, scenarios: int) -> Path | None | str:
    """Where a run is kept: the file that a flag names, None for memory, "" for one of its own among the runs.

    A store of the environment or of emitter.toml is that of other commands: a run begins in an empty one.
    """
    named = click.get_current_context().params.get("store")
    if named:
        if scenarios > 1:
            raise UsageError("--store FILE keeps one run; several are kept in .emitter/runs, a file each.")
        if Path(named).exists():
            raise UsageError(f"--store {named}: it is there already, and a run begins in a store of its own.")
        return Path(named)
    return "" if setup.settings.store is not None else None


def speed_of(text: str | None, earlier: Kept | None) -> float:
    """Read `--speed`; as the earlier run was played, or as fast as can be, where it is not given."""
    if text is None:
        return float(earlier.asked.get("speed", 0.0)) if earlier else 0.0
    try:
        speed = float(text.strip().lower().removesuffix("x"))
    except ValueError:
        speed = -1.0
    if not 0 <= speed <= 1e9:
        raise BadValue("--speed", text, "is no speed. Write 0 (as fast as can be), 1 (real time) or 60x.")
    return speed


def seed_of(given: int | None, earlier: Kept | None) -> int | None:
    """The seed that was given, or that of the earlier run."""
    return given if given is not None or earlier is None else earlier.asked.get("seed")


def shown(file: Path | None) -> str:
    """A scenario's file as it is told: from here if it is below, else its name alone."""
    if file is None:
        return ""
    if not file.is_absolute():
        return str(file)
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else file.name
