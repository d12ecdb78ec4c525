"""Scenarios told to people and programs: what there is to play, what one is about, what is wrong with a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emitter.catalog import Catalog
from emitter.errors import BadValue, NotFound, ScenarioError, UsageError, nearest, shown
from emitter.scenario.library import library, types_of
from emitter.scenario.loading import There, load, read
from emitter.scenario.steps import Scenario
from emitter.scenario.vocabulary import plain

UNNAMED = "scenario"
"""What a text is called that says nothing of its name."""

Json = dict[str, Any]


def summary(scenario: Scenario, catalog: Catalog) -> Json:
    """What a scenario is about. `name` finds it, `title` is what it calls itself."""
    return {
        "name": scenario.file.stem if scenario.file else scenario.name,
        "title": scenario.name,
        "description": " ".join(scenario.description.split()),
        "variables": dict(scenario.variables),
        "settings": dict(scenario.settings),
        "needs": list(scenario.needs),
        "types": types_of(scenario, catalog),
    }


def kept(
    name: str, *, catalog: Catalog, variables: Mapping[str, Any] | None = None, there: There = ()
) -> Scenario:  # fmt: skip
    """A scenario that comes with emitter, by its name alone: no path leads anywhere. Raises `NotFound`."""
    known = {plain(each.stem): each for each in library()}
    if plain(name) not in known:
        close = nearest(name[:100], [each.stem for each in known.values()], most=3)
        hint = f"Did you mean {shown(close[0])}?" if close else "List them, or send the text of one as yaml."
        raise NotFound("scenario", name, hint, nearest=close)
    return load(known[plain(name)], catalog=catalog, variables=_texts(variables), there=there)


def written(
    text: str, *, name: str = "", catalog: Catalog, variables: Mapping[str, Any] | None = None, there: There = ()
) -> Scenario:  # fmt: skip
    """A scenario as somebody has written it; it can name no files. Raises `ScenarioError`."""
    return read(text, name=name or UNNAMED, catalog=catalog, variables=_texts(variables), there=there)


def chosen(
    name: str, text: str, *, called: str, catalog: Catalog, variables: Mapping[str, Any] | None, there: There = ()
) -> Scenario:  # fmt: skip
    """One of the library by `name`, or a `text`: one of the two. Raises `UsageError` and its like."""
    if bool(name) == bool(text):
        raise UsageError("Name a scenario of the library, or give the text of one as yaml: one of the two.")
    if name and called:
        raise UsageError("name goes with yaml: a scenario of the library has its own.")
    if name:
        return kept(name, catalog=catalog, variables=variables, there=there)
    return written(text, name=called, catalog=catalog, variables=variables, there=there)


def checked(
    text: str, *, name: str = "", catalog: Catalog, variables: Mapping[str, Any] | None = None, there: There = ()
) -> Json:  # fmt: skip
    """Whether a text is a scenario: all that is wrong with it, by line (0: with the whole), or what it is about."""
    try:
        scenario = written(text, name=name, catalog=catalog, variables=variables, there=there)
    except ScenarioError as error:
        return {
            "ok": False, "mistakes": [{"line": line, "why": why} for line, why in error.mistakes], "scenario": None
        }  # fmt: skip
    return {"ok": True, "mistakes": [], "scenario": summary(scenario, catalog)}


def _texts(variables: Mapping[str, Any] | None) -> dict[str, str]:
    """Variables as they would be written; raises `BadValue` for what no plain value of YAML is."""
    found = {}
    for name, value in (variables or {}).items():
        if value is not None and not isinstance(value, str | int | float):
            raise BadValue(f"variables.{name}", value, "is no plain value: a text, a number, true, false or null.")
        found[name] = value if isinstance(value, str) else str(value).lower() if value is not None else "null"
    return found
