"""A file becomes a `Scenario`, checked whole: nothing is sent for one that has a mistake in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.errors import BadValue, EmitterError, ScenarioError, shown
from emitter.scenario.acting import cast
from emitter.scenario.expecting import expect
from emitter.scenario.files import read_file
from emitter.scenario.names import VARIABLE, Meaning, Names
from emitter.scenario.nodes import LARGEST, Mistakes, Node, compose, scalar
from emitter.scenario.playing import TooLong, length
from emitter.scenario.reading import Reading, no, said
from emitter.scenario.stepping import steps
from emitter.scenario.steps import Expect, Scenario
from emitter.scenario.texts import a_moment, a_seed, a_text, as_text, filled, is_open, template
from emitter.scenario.vocabulary import NEEDS, TOP

There = Iterable[tuple[str, str]]
"""Things of the simulated app that a scenario finds there: the kind of each, and its name or id."""


def load(
    path: Path, *, catalog: Catalog, variables: Mapping[str, str] | None = None, there: There = ()
) -> Scenario:  # fmt: skip
    """Read a scenario file; raises `ScenarioError` with all that is wrong in it.

    `variables` replace those of the file before anything is checked; each is read as a plain value of YAML. `there` is
    what it may name beside what it makes itself and what every world has.
    """
    try:
        raw = read_file(path, LARGEST)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise ScenarioError(str(path), [(0, f"{why or 'it cannot be read'}.")]) from None
    return _read(raw, str(path), path.stem, catalog, path.parent, path, variables or {}, there)


def read(
    text: str,
    *,
    name: str,
    catalog: Catalog,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    there: There = (),
) -> Scenario:
    """Read a scenario from a text, as `load` does. Without a `folder` it can name no files. `name` is for errors, and
    what the scenario is called if it does not say so itself."""
    return _read(text, name, Path(name).stem or name, catalog, folder, None, variables or {}, there)


def _read(
    raw: bytes | str,
    label: str,
    name: str,
    catalog: Catalog,
    folder: Path | None,
    file: Path | None,
    given: Mapping[str, str],
    there: There,
) -> Scenario:
    mistakes = Mistakes(label)
    top = compose(raw, mistakes)
    reading = Reading(mistakes, catalog, folder)
    parts = reading.known_of(top, TOP, of="")
    names = Names()
    for kind, each in there:
        names.call(kind, each)
    reading.variables = _variables(reading, parts.get("variables"), given, names)
    reading.made = _made(parts.get("steps"))
    start = _maybe(reading, parts, "start", names, a_moment, None)
    found = Scenario(
        name=_maybe(reading, parts, "name", names, _a_name, name),
        description=_maybe(reading, parts, "description", names, a_text, ""),
        file=file,
        text=raw if isinstance(raw, str) else raw.decode("utf-8-sig"),
        seed=_maybe(reading, parts, "seed", names, a_seed, None),
        start=start,
        variables=reading.variables,
        settings=_settings(reading, parts.get("settings")),
        needs=_needs(reading, parts.get("needs"), names),
        cast=cast(reading, parts.get("cast"), names),
        steps=steps(reading, parts["steps"], names) if "steps" in parts else (),
    )
    if "steps" not in parts:
        mistakes.add(1, "steps is missing: what happens.")
    if not mistakes:
        try:
            length(found.steps, reading.variables)
        except TooLong as error:
            mistakes.add(error.line, error.why)
    if mistakes:
        raise mistakes.error()
    return found


def expected(words: Mapping[str, Any], *, catalog: Catalog, things: Mapping[str, str]) -> Expect:
    """Read what is expected from a mapping in the words of the language; raises `ScenarioError`.

    `things` are the names that may stand in it, and the kind of entity that each stands for (or `checkpoint`).
    """
    mistakes = Mistakes("expect")
    try:
        written = orjson.dumps({"expect": words})
    except TypeError as error:
        raise ScenarioError("expect", [(1, f"{error}.")]) from None
    reading, names = Reading(mistakes, catalog, None), Names()
    for name, kind in things.items():
        names.put(name, Meaning(kind, 0))
    found = expect(reading, compose(written, mistakes), names)
    if mistakes:
        raise mistakes.error()
    return found


def _maybe(reading: Reading, parts: Mapping[str, Node], name: str, names: Names, parse: Any, default: Any) -> Any:
    node = parts.get(name)
    return default if node is None or (node.value is None) else reading.read(node, names, parse, name)


def _a_name(name: str, value: Any) -> str:
    text = a_text(name, value)
    if not 0 < len(text) <= 200 or not text.isprintable():
        raise BadValue(name, value, "is no name of 1 to 200 characters, in one line.")
    return text


def _variables(reading: Reading, node: Node | None, given: Mapping[str, str], names: Names) -> dict[str, Any]:
    """Those of the file, with what whoever runs it gave in their place."""
    found: dict[str, Any] = {}
    if node is not None and node.value is not None:
        if not isinstance(node.value, dict):
            reading.mistakes.add(node, "variables is a mapping of names and values, as {days: 30}.")
        else:
            for name, member in node.value.items():
                value = reading.value(member, names)
                if is_open(value):
                    reading.mistakes.add(member, f"{name}: a variable is a plain value; it can name no other.")
                found[name] = value
    for name, text in given.items():
        if name not in found:
            reading.mistakes.add(
                node.key_line if node else 0, no("variable", name, found, more="It has none so called.")
            )
            continue
        try:
            found[name] = scalar(text)
        except ValueError as error:
            reading.mistakes.add(node.key_line if node else 0, f"variable {name}: {error}.")
    for name, value in found.items():
        line = node.value[name].key_line if node else 0
        reading.name(Node(name, line, raw=name), names, Meaning(VARIABLE, line, (value,)))
    return found


def _settings(reading: Reading, node: Node | None) -> dict[str, str]:
    """Assumptions by switch. Their values are texts, so nothing in them is taken for anything else."""
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        return reading.wrong(node, "settings is a mapping of switches, as {delivery.timeout: 5s}.", {})
    found: dict[str, str] = {}
    assumptions = Assumptions()
    for switch, member in node.value.items():
        if isinstance(member.value, list | dict):
            reading.mistakes.add(member, f"{switch}: this is no text. Write several in one, as 5s,5m.")
            continue
        try:
            text = filled(template(member.raw, member.line), reading.variables)
            if is_open(text) or len(member.raw) > 4000:
                raise BadValue(switch, member.raw, "is too long, or names something that is no variable.")
            found[switch] = as_text(text)
            assumptions = assumptions.override(switch, found[switch])
        except ValueError as error:
            reading.mistakes.add(member, f"{shown(member.raw, 60)} {error}")
        except EmitterError as error:
            reading.mistakes.add_key(member, said(error))
    return found


def _needs(reading: Reading, node: Node | None, names: Names) -> tuple[str, ...]:
    if node is None or node.value is None:
        return ()
    found = []
    for each in reading.items(node, "needs", alone=True):
        text = each.value if isinstance(each.value, str) else each.raw
        word = text.replace("_", "-")
        if word not in NEEDS:
            reading.mistakes.add(each, no("need", text, NEEDS))
        found.append(word)
    return tuple(dict.fromkeys(found))


def _made(node: Node | None) -> dict[str, int]:
    """Every name that some step makes, with the line of the first that does."""
    found: dict[str, int] = {}
    waiting = [node] if node else []
    while waiting:
        each = waiting.pop()
        if isinstance(each.value, list):
            waiting += reversed(each.value)
        elif isinstance(each.value, dict):
            if (name := each.value.get("as")) and isinstance(name.value, str):
                found[name.value] = min(name.line, found.get(name.value, name.line))
            waiting += each.value.values()
    return found
