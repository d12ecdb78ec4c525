"""The scenarios that come with emitter, found by name; and which event types one is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from emitter.catalog import Catalog, resource_directory
from emitter.errors import NotFound, UsageError, nearest, shown
from emitter.scenario.steps import (
    Choose,
    EventsExpected,
    Expect,
    Parallel,
    Repeat,
    Scenario,
    Step,
    Trigger,
)  # fmt: skip
from emitter.scenario.vocabulary import plain

SUFFIXES = (".yaml", ".yml")


def library() -> list[Path]:
    """The files of all scenarios that come with emitter, by name."""
    return sorted(each for each in resource_directory("scenarios").glob("*.yaml") if each.is_file())


def find(name: str) -> Path:
    """The file that is meant: a path to one, or the name of a scenario of the library. Raises `NotFound`."""
    path = Path(name)
    known = {plain(each.stem): each for each in library()}
    alone = len(path.parts) == 1 and path.suffix not in SUFFIXES
    if alone and (found := known.get(plain(name))):
        return found
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):  # longer than a name may be, or with a NUL in it
        pass
    names = [each.stem for each in known.values()]
    close = nearest(path.stem[:100], names)
    hint = f"Did you mean {shown(close[0])}?" if close else "`emitter scenarios list` lists those that there are."
    raise NotFound("scenario" if alone else "file", name, hint)


def find_all(name: str) -> list[Path]:
    """As `find`; of a folder, all scenarios in it. Raises `UsageError` where there is none."""
    folder = Path(name)
    try:
        inside = sorted(folder.iterdir()) if folder.is_dir() else None
    except (OSError, ValueError):
        inside = None
    if inside is None:
        return [find(name)]
    found = [each for each in inside if each.suffix in SUFFIXES and each.is_file()]
    if not found:
        raise UsageError(f"{name}: there is no scenario in this folder (no file that ends in .yaml).")
    return found


def every_step(steps: Iterable[Step]) -> Iterator[Step]:
    """All steps, those within others too, in the order of the file."""
    for step in steps:
        yield step
        match step:
            case Repeat():
                yield from every_step(step.steps)
            case Parallel():
                for branch in step.branches:
                    yield from every_step(branch)
            case Choose():
                for option in step.options:
                    yield from every_step(option.steps)


def types_of(scenario: Scenario, catalog: Catalog) -> list[str]:
    """The event types that a scenario sends or expects, in the catalogue's order."""
    found: set[str] = set()
    for step in every_step(scenario.steps):
        if isinstance(step, Trigger):
            found.add(step.type)
        elif isinstance(step, Expect):
            for each in step.expectations:
                if isinstance(each, EventsExpected):
                    wanted = (name for name, count in each.counts.items() if count.most != 0)
                    found |= {*(each.order or ()), *each.includes, *wanted}
    return [name for name in catalog.names if name in found]
