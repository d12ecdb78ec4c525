"""`emitter scenarios`: the stories that there are, and whether one is well written."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from emitter.cli.failures import FAILED
from emitter.cli.options import Command, Listing, Setup, TextType, everywhere, read_bytes
from emitter.cli.terminal import (
    BOLD,
    GREEN,
    RED,
    Json,
    as_json,
    columns,
    lines_of,
    note,
    paint,
    plain,
    say,
    short_type,
    show_many,
    show_one,
)  # fmt: skip
from emitter.errors import BadValue, ScenarioError, UsageError

if TYPE_CHECKING:
    from emitter.catalog import Catalog
    from emitter.scenario import Scenario

SCHEMA = "scenario.schema.json"
_FIRST = """\
# yaml-language-server: $schema=scenario.schema.json
# Play it: emitter run {name}.yaml --to http://127.0.0.1:8000/
description: Somebody asks for access and gets it for a while.
seed: 1
start: 2030-01-07T09:00:00Z

variables:
  days: 30

cast:
  users:
    ada: {{name: Ada Lovelace}}
    grace: {{name: Grace Hopper, manages: [Finance]}}
  products:
    claims: {{name: Claims 2030, domains: [Finance], stewards: [grace]}}

steps:
  - act: request
    product: claims
    user: ada
    as: wish

  - advance: 2h

  - act: approve
    request: wish
    by: grace
    duration: ${{days}}d

  - expect:
      events: [product-published, request-created, request-determined]
      world:
        wish: {{status: APPROVED}}
      deliveries: {{accepted: 3}}
"""


class ScenarioName(TextType):
    """A file, or the name of a scenario that comes with emitter, completed by both."""

    name = "scenario"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from emitter.scenario import library

        names = [each.stem for each in library() if each.stem.startswith(incomplete)]
        return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


@click.group(cls=Listing)
def scenarios() -> None:
    """Stories to play: list, show, check, begin a new one."""


@scenarios.command("list", cls=Command)
@everywhere()
def list_scenarios(setup: Setup) -> None:
    """List the scenarios that come with emitter."""
    from emitter.scenario import library, load

    catalog = _catalog(setup)
    found = [_described(load(each, catalog=catalog), catalog) for each in library()]
    show_many(setup.format, found, _table)


@scenarios.command("show", cls=Command)
@click.argument("name", metavar="SCENARIO", type=ScenarioName())
@everywhere()
def show_scenario(setup: Setup, name: str) -> None:
    """Show a scenario as it is written: one that comes with emitter, by name, or a file."""
    from emitter.scenario import find, load

    catalog = _catalog(setup)
    scenario = load(find(name), catalog=catalog)
    show_one(setup.format, {**_described(scenario, catalog), "text": scenario.text}, _whole)


@scenarios.command("check", cls=Command)
@click.argument("files", metavar="SCENARIO...", nargs=-1, required=True, type=ScenarioName())
@click.option("--var", "variables", metavar="NAME=VALUE", multiple=True, help="Replace a variable. Repeatable.")
@everywhere()
def check_scenarios(setup: Setup, files: tuple[str, ...], variables: tuple[str, ...]) -> None:
    """Check scenarios without playing them: files, folders of them, names, or - for standard input.

    Every mistake is told with its line. The exit code is 1 if there is one.
    """
    from emitter.scenario import find_all

    catalog, given = _catalog(setup), given_variables(variables)
    places: list[tuple[str, Path | None]] = []
    for name in files:
        there = [] if name == "-" else find_all(name)
        places += [(str(each) if Path(name).is_dir() else name, each) for each in there] or [(name, None)]
    found = [_checked(name, file, catalog, given) for name, file in places]
    show_many(setup.format, found, _verdicts)
    if not all(each["ok"] for each in found):
        sys.exit(FAILED)


@scenarios.command("schema", cls=Command)
@everywhere(form=False)
def show_schema(setup: Setup) -> None:
    """Print the JSON Schema of the language, by which editors complete and check."""
    from emitter.scenario import schema

    say(as_json(schema(_catalog(setup))))


@scenarios.command("new", cls=Command)
@click.argument("name", metavar="NAME")
@everywhere(form=False)
def new_scenario(setup: Setup, name: str) -> None:
    """Begin a scenario: NAME.yaml, with the schema for your editor beside it."""
    from emitter.scenario import schema

    file = Path(name) if name.endswith((".yaml", ".yml")) else Path(f"{name}.yaml")
    _write_new(file, _FIRST.format(name=file.stem))
    beside = file.parent / SCHEMA
    if not beside.exists():
        _write_new(beside, as_json(schema(_catalog(setup))) + "\n")
    note(
        f"{plain(file)} is there, and {plain(beside)} for your editor. Check it: emitter scenarios check {plain(file)}"
    )


def given_variables(texts: Sequence[str]) -> dict[str, str]:
    """Split what `--var` was given, `name=value`; raises `BadValue`."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadValue("--var", text, "has no =. Write name=value, as days=30.")
        found[name.strip()] = value
    return found


def _catalog(setup: Setup) -> Catalog:
    from emitter.catalog import Catalog

    return Catalog.load(setup.settings.schemas)


def _write_new(file: Path, text: str) -> None:
    try:
        with open(file, "x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already, and is kept. Take another name.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: {getattr(error, 'strerror', None) or error}.") from None


def _described(scenario: Scenario, catalog: Catalog) -> Json:
    from emitter.scenario import types_of

    return {
        "name": scenario.file.stem if scenario.file else scenario.name,
        "title": scenario.name,
        "description": " ".join(scenario.description.split()),
        "file": str(scenario.file or ""),
        "variables": dict(scenario.variables),
        "needs": list(scenario.needs),
        "types": types_of(scenario, catalog),
    }


def _checked(name: str, file: Path | None, catalog: Catalog, variables: dict[str, str]) -> Json:
    from emitter.scenario import load, read
    from emitter.scenario.nodes import LARGEST

    try:
        if file is None:
            raw = read_bytes("-", most=LARGEST)
            read(raw.decode("utf-8", "surrogateescape"), name="standard input", catalog=catalog, variables=variables)
        else:
            load(file, catalog=catalog, variables=variables)
    except ScenarioError as error:
        mistakes = [{"line": line, "why": why} for line, why in error.mistakes]
        return {"scenario": name, "ok": False, "mistakes": mistakes, "text": str(error)}
    return {"scenario": name, "ok": True, "mistakes": [], "text": ""}


def _table(found: Sequence[Json]) -> Iterable[str]:
    rows = [[each["name"], each["description"], " ".join(map(short_type, each["types"]))] for each in found]
    yield from columns(("NAME", "DESCRIPTION", "TYPES"), rows, stretch=1)


def _whole(found: Json) -> Iterable[str]:
    yield paint(f"# {plain(found['file'])}", BOLD)
    yield from lines_of(found["text"])


def _verdicts(found: Sequence[Json]) -> Iterable[str]:
    for each in found:
        if each["ok"]:
            yield f"{paint('ok', GREEN)}  {plain(each['scenario'])}"
        else:
            yield f"{paint('wrong', RED)}  {plain(each['scenario'])}"
            yield from (f"    {line}" for line in lines_of(each["text"]))
