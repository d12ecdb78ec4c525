"""Actions of the simulated app as a scenario asks for them: their parameters, and whom or what these name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from emitter.errors import EmitterError, shown
from emitter.scenario.names import (
    DOMAIN,
    ENTITIES,
    PRODUCT,
    REQUEST,
    SOURCE,
    UNSURE,
    USER,
    VALUE,
    Meaning,
    Names,
    made_by,
)
from emitter.scenario.nodes import Node
from emitter.scenario.reading import WRONG, Reading, no, said
from emitter.scenario.steps import Act, Name, Template
from emitter.scenario.texts import a_truth, filled, is_open
from emitter.scenario.vocabulary import CAST, NAMED_BY_KEY, STEPS, plain
from emitter.world.actions import ACTIONS
from emitter.world.approving import DOMAIN_PERMISSIONS, PERMISSIONS
from emitter.world.founding import DOMAINS, data_source, username
from emitter.world.parameters import READERS, Action, Parameter, snake

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|c[a-z0-9]{24}|[0-9]{1,20}", re.IGNORECASE)
_REFERENCES = {
    "user": USER, "users": USER, "data product": PRODUCT, "request": REQUEST, "domains": DOMAIN, "data sources": SOURCE,
}  # fmt: skip
_RECORD = "record"
_SOURCES = tuple(data_source(0, place, 0).name for place in range(24))
_FOUND: Mapping[str, tuple[str, ...]] = {DOMAIN: DOMAINS, SOURCE: _SOURCES}
"""What every world starts with, by the names that do not depend on the seed."""


def act(reading: Reading, node: Node, names: Names) -> Act:
    """Read a step that does something in the simulated app."""
    members = {plain(key): member for key, member in node.value.items()}
    word = members["act"]
    action = _action(reading, word, names)
    own = {key: member for key, member in node.value.items() if plain(key) not in STEPS["act"]}
    title, faults = members.get("title"), reading.faults(members.get("faults"), names)
    parameters: dict[str, Any] = {}
    if action:
        parameters = _parameters(reading, node, ACTIONS[action], own, names)
    refused = "refused" in members and reading.read(members["refused"], names, a_truth, "refused") is True
    name = ""
    if not action:
        reading.unsure(members.get("as"), names)
    elif refused and "as" in members:
        reading.mistakes.add_key(members["as"], "what is refused makes nothing that could have a name.")
    elif "as" in members:
        name = reading.name(members["as"], names, Meaning(made_by(ACTIONS[action]), node.line))
    return Act(
        line=node.line,
        title=reading.title(title, names),
        faults=faults,
        action=action,
        parameters=parameters,
        name=name,
        refused=refused,
    )


def cast(reading: Reading, node: Node | None, names: Names) -> tuple[Act, ...]:
    """Read who is there before the first step: an action for each, with the name of its key."""
    if node is None or node.value is None:
        return ()
    groups = reading.members(node, CAST, of="cast")
    made: list[Act] = []
    for group, action in CAST.items():
        place = groups.get(group)
        if place is None or place.value is None:
            continue
        if not isinstance(place.value, dict):
            reading.mistakes.add(place, f"{group} is to be a mapping of names, as {{ada: {{name: Ada Lovelace}}}}.")
            continue
        for name, member in place.value.items():
            key = Node(name, member.key_line, raw=name)
            if member.value is not None and not isinstance(member.value, dict):
                reading.mistakes.add(member, f"{name}: write its parameters, as {{name: ...}}, or nothing.")
                reading.unsure(key, names)
                continue
            given: dict[str, Node] = dict(member.value or {})
            if group in NAMED_BY_KEY and not any(snake(each) == "name" for each in given):
                given["name"] = key
            parameters = _parameters(reading, key, ACTIONS[action], given, names)
            meaning = Meaning(made_by(ACTIONS[action]), member.key_line, cast=True)
            made.append(
                Act(line=member.key_line, action=action, parameters=parameters, name=reading.name(key, names, meaning))
            )
    return tuple(made)


def _action(reading: Reading, node: Node, names: Names) -> str:
    known = {plain(each): each for each in ACTIONS}
    if isinstance(node.value, str) and (found := known.get(plain(node.value))):
        return found
    reading.mistakes.add(node, no("action", node.raw or "(nothing)", ACTIONS))
    return ""


def _parameters(
    reading: Reading, step: Node, action: type[Action], given: Mapping[str, Node], names: Names
) -> dict[str, Any]:
    """Read each by its kind, as far as it is known before the run."""
    known = {each.name: each for each in action.parameters()}
    word = next(name for name, kind in ACTIONS.items() if kind is action)
    read: dict[str, Any] = {}
    for key, node in given.items():
        parameter = known.get(snake(key))
        if parameter is None:
            reading.mistakes.add_key(node, no(f"parameter of {word}", key, [*known, *STEPS["act"]]))
        elif parameter.name in read:
            reading.mistakes.add_key(node, f"the parameter {shown(key)} stands here for the second time.")
        else:
            read[parameter.name] = _parameter(reading, node, parameter, names)
    for each in known.values():
        if each.required and read.get(each.name) is None:
            hint = f" Known: {', '.join(names.of(_REFERENCES[each.kind]))}." if each.kind in _REFERENCES else ""
            reading.mistakes.add(
                step.key_line, f"{word}: {each.name} is missing: {each.help}{hint if not hint.endswith(': .') else ''}"
            )
    for kind, label in (("name", "name"), ("id", "id")):
        if isinstance(text := filled(read.get(kind), reading.variables), str) and not action.subject:
            names.call(made_by(action), text)
            if label == "name" and made_by(action) == USER:
                names.call(USER, username(text))
    return {name: value for name, value in read.items() if value is not None and value is not WRONG}


def _parameter(reading: Reading, node: Node, parameter: Parameter, names: Names) -> Any:
    value = reading.value(node, names)
    if value is None or value is WRONG or node.told:
        return value
    settled = filled(value, reading.variables)
    if not is_open(settled):
        try:
            found = READERS[parameter.kind](parameter.name, settled)
        except EmitterError as error:
            return reading.wrong(node, said(error))
        if parameter.choices and found not in parameter.choices:
            return reading.wrong(node, no(parameter.name, str(found), parameter.choices))
    for place, kind, text in named(node, value, parameter.kind, reading):
        _check(reading, place, kind, text, names)
    return value


def named(node: Node, value: Any, kind: str, reading: Reading) -> Iterator[tuple[Node, str, Any]]:
    """Whom and what a parameter of this kind names: where, as what, and by which text."""
    if kind in _REFERENCES or kind == _RECORD:
        yield from ((place, _REFERENCES.get(kind, kind), each) for place, each in _each(node, value, reading))
    elif kind == "approvers":
        for place, each in _each(node, value, reading):
            yield from _approver(place, each)
    elif kind == "stages":
        for place, each in _each(node, value, reading):
            if isinstance(each, Mapping) and isinstance(place.value, dict):
                for mode, approvers in each.items():
                    yield from named(place.value[mode], approvers, "approvers", reading)
    elif kind == "columns":
        for place, each in _each(node, value, reading):
            if isinstance(each, Mapping):
                yield place, SOURCE, each.get("sourceId")
            elif isinstance(each, str):
                yield place, SOURCE, each.split("/", 1)[0]


def _each(node: Node, value: Any, reading: Reading) -> Iterator[tuple[Node, Any]]:
    """The items of a list with the nodes that they stand on; one thing alone is one."""
    if isinstance(value, list):
        nodes = node.value if isinstance(node.value, list) else [node] * len(value)
        yield from zip(nodes, value, strict=True)
        return
    settled = filled(value, reading.variables)
    if isinstance(settled, list | tuple):  # a variable that holds a list
        yield from ((node, each) for each in settled)
    else:
        yield node, value


def _approver(node: Node, value: Any) -> Iterator[tuple[Node, str, Any]]:
    if isinstance(value, str) and value not in PERMISSIONS and value not in DOMAIN_PERMISSIONS:
        yield node, USER, value
    elif isinstance(value, Template):
        yield node, USER, value
    elif isinstance(value, Mapping) and value.get("type") == "USER":
        yield node, USER, value.get("id")
    elif isinstance(value, Mapping) and value.get("domainId"):
        yield node, DOMAIN, value["domainId"]


def _check(reading: Reading, node: Node, kind: str, value: Any, names: Names) -> None:
    """Note a mistake where a text names nothing of this kind."""
    settled = filled(value, reading.variables)
    if isinstance(settled, Template):
        if len(settled.parts) == 1 and isinstance(part := settled.parts[0], Name) and len(part.path) == 1:
            meaning = names.get(part.path[0])
            if meaning is not None and meaning.kind == VALUE:
                for each in meaning.values:
                    _check(reading, node, kind, each, names)
            elif meaning is not None and meaning.kind in ENTITIES and meaning.kind != kind:
                reading.mistakes.add(node, f"{part} is a {meaning.kind}, and this has to be a {kind}.")
        return
    text = str(settled) if isinstance(settled, int) and not isinstance(settled, bool) else settled
    if not isinstance(text, str) or not text:
        return
    there = names.get(text)
    if there is not None and there.kind in (kind, UNSURE):
        return
    if _ID.fullmatch(text) or names.is_called(kind, text) or text in _FOUND.get(kind, ()):
        return
    if there is not None and there.kind in ENTITIES:
        reading.mistakes.add(node, f"{shown(text)} is a {there.kind} (line {there.line}), and this has to be a {kind}.")
        return
    called = sorted(each for each in names.called(kind) if not _ID.fullmatch(each))
    known = [*names.of(kind), *called, *_FOUND.get(kind, ())]
    reading.mistakes.add(node, reading.unknown(text, node.line, names, kind=kind, known=known))
