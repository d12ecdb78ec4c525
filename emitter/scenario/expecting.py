"""What a scenario expects: events, deliveries, signatures, the contract, the world, the user's own system."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from emitter.errors import BadValue, UnknownEventType, shown
from emitter.query import matching_types
from emitter.scenario.conditions import a_count_of, conditions, system
from emitter.scenario.names import CHECKPOINT, ENTITIES, PRODUCT, REQUEST, Meaning, Names, member_mistake
from emitter.scenario.nodes import Node
from emitter.scenario.reading import WRONG, Reading, no
from emitter.scenario.steps import (
    ContractExpected,
    Count,
    DeliveriesExpected,
    EventsExpected,
    Expect,
    Expectation,
    SignaturesExpected,
    StateExpected,
)  # fmt: skip
from emitter.scenario.texts import a_count, a_duration, a_wait
from emitter.scenario.vocabulary import (
    CONTRACT,
    DELIVERIES,
    EVENTS,
    EXPECT,
    SIGNATURES,
    STATES,
    plain,
)  # fmt: skip

_STATUS = re.compile(r"[1-5][0-9][0-9]|none")


def expect(reading: Reading, node: Node, names: Names) -> Expect:
    """Read a step that holds what happened against what should have."""
    members = reading.step_members(node, "expect")
    within, place = timedelta(0), members["expect"]
    parts = reading.members(place, EXPECT, of="expect")
    if "within" in parts:
        within = reading.read(parts.pop("within"), names, a_wait, "within")
    expected = expectations(reading, place, parts, names)
    name = ""
    if "as" in members:
        name = reading.name(members["as"], names, Meaning(CHECKPOINT, node.line))
    return Expect(
        line=node.line,
        title=reading.title(members.get("title"), names),
        expectations=expected,
        within=within,
        name=name,
    )


def expectations(reading: Reading, place: Node, parts: Mapping[str, Node], names: Names) -> tuple[Expectation, ...]:
    """Read what is expected, each by its word."""
    found: list[Expectation] = []
    for word, node in parts.items():
        if node.trap:
            reading.mistakes.add(node, node.trap)
        else:
            found += _READERS[word](reading, node, names)
    if not place.value and not place.told:
        reading.mistakes.add(place, f"nothing is expected here. Known: {', '.join(EXPECT)}.")
    return tuple(found)


def _events(reading: Reading, node: Node, names: Names) -> list[Expectation]:
    if isinstance(node.value, list):
        return [EventsExpected(line=node.key_line, order=_types(reading, node, names))]
    if not isinstance(node.value, dict) or not node.value:
        return _none(reading, node, "events is a list of types in order, or a mapping of types and counts.")
    if not any(plain(key) in EVENTS for key in node.value):
        return [EventsExpected(line=node.key_line, counts=_type_counts(reading, node, names, more=EVENTS))]
    parts = reading.members(node, EVENTS, of="events")
    about = parts.get("about")
    return [
        EventsExpected(
            line=node.key_line,
            since=_since(reading, parts.get("since"), names),
            order=_types(reading, parts["order"], names) if "order" in parts else None,
            includes=_types(reading, parts["includes"], names) if "includes" in parts else (),
            counts=_type_counts(reading, parts["count"], names) if "count" in parts else {},
            total=a_count_of(reading, parts.get("total"), names, "total"),
            about=reading.entity(about, names, (PRODUCT, REQUEST)) if about else "",
        )
    ]


def _types(reading: Reading, node: Node, names: Names) -> tuple[str, ...]:
    items = reading.items(node, "types", alone=True)
    found = (reading.read(each, names, reading.event_type, "type") for each in items)
    return tuple(each for each in found if each is not WRONG)


def _type_counts(
    reading: Reading, node: Node, names: Names, *, more: Mapping[str, str] | None = None
) -> Mapping[str, Count]:
    if not isinstance(node.value, dict):
        return reading.wrong(node, "count is a mapping of types and counts.", {})
    found: dict[str, Count] = {}
    for key, member in node.value.items():
        try:
            name = reading.event_type("type", key)
        except UnknownEventType as error:
            known = [*(kind.alias for kind in reading.catalog if kind.alias), *reading.catalog.names, *(more or ())]
            reading.mistakes.add_key(member, str(error) if error.ambiguous else no("event type", key, known))
            continue
        if name in found:
            reading.mistakes.add_key(member, f"{name} is counted here for the second time.")
        found[name] = reading.read(member, names, a_count, key)
    return found


def _deliveries(reading: Reading, node: Node, names: Names) -> list[Expectation]:
    parts = reading.members(node, DELIVERIES, of="deliveries")
    statuses: dict[str, Count] = {}
    if place := parts.get("statuses"):
        if not isinstance(place.value, dict):
            reading.mistakes.add(place, "statuses is a mapping, as {200: 12, 500: 1.., none: 0}.")
        else:
            for key, member in place.value.items():
                if not _STATUS.fullmatch(key):
                    reading.mistakes.add_key(member, f"{shown(key)} is no status of an answer. Write 404, or none.")
                statuses[key] = reading.read(member, names, a_count, key)
    slowest = reading.read(parts["slowest"], names, a_duration, "slowest") if "slowest" in parts else None
    types: tuple[str, ...] = ()
    if place := parts.get("type"):
        items = reading.items(place, "type", alone=True)
        types = tuple(reading.read(each, names, _pattern_for(reading), "type") for each in items)
    return [
        DeliveriesExpected(
            line=node.key_line,
            since=_since(reading, parts.get("since"), names),
            states={word: _known_count(reading, parts[word], names, word) for word in STATES if word in parts},
            statuses=statuses,
            total=a_count_of(reading, parts.get("total"), names, "total"),
            attempts=a_count_of(reading, parts.get("attempts"), names, "attempts"),
            slowest=slowest,
            types=types,
        )
    ]


def _pattern_for(reading: Reading) -> Any:
    def read(name: str, value: Any) -> str:
        if isinstance(value, str) and 0 < len(value) <= 255:
            if "*" in value and matching_types([value], reading.catalog.names):
                return value
            if "*" not in value:
                return reading.event_type(name, value)
        raise BadValue(name, value, "fits no event type. `emitter events` lists them all.")

    return read


def _signatures(reading: Reading, node: Node, names: Names) -> list[Expectation]:
    if node.value == "valid":
        return [SignaturesExpected(line=node.key_line, all_valid=True)]
    counts, since = _verdicts(reading, node, names, SIGNATURES, "signatures")
    return [SignaturesExpected(line=node.key_line, counts=counts, since=since)]


def _contract(reading: Reading, node: Node, names: Names) -> list[Expectation]:
    if node.value == "valid":
        return [ContractExpected(line=node.key_line, all_valid=True)]
    counts, since = _verdicts(reading, node, names, CONTRACT, "contract")
    return [ContractExpected(line=node.key_line, counts=counts, since=since)]


def _verdicts(
    reading: Reading, node: Node, names: Names, words: Mapping[str, str], of: str
) -> tuple[dict[str, Count], str]:
    if not isinstance(node.value, dict):
        reading.mistakes.add(node, f"{of} is valid, or a mapping of {', '.join(words)}.")
        return {}, "start"
    parts = reading.members(node, words, of=of)
    since = _since(reading, parts.pop("since", None), names)
    return {word: _known_count(reading, each, names, word) for word, each in parts.items()}, since


def _world(reading: Reading, node: Node, names: Names) -> list[Expectation]:
    if not isinstance(node.value, dict) or not node.value:
        return _none(reading, node, "world is a mapping of names, as {wish: {status: APPROVED}}.")
    found: list[Expectation] = []
    for name, place in node.value.items():
        key = Node(name, place.key_line, raw=name)
        reading.entity(key, names, ENTITIES)
        if not isinstance(place.value, dict) or not place.value:
            reading.mistakes.add(place, f"{name}: write what it has to be like, as {{status: APPROVED}}.")
            continue
        meaning = names.get(name)
        for path, member in place.value.items():
            steps = tuple(path.split("."))
            if not all(steps):
                reading.mistakes.add_key(member, f"{shown(path)} is no path; write it as stats.pendingRequestCount.")
            elif meaning and meaning.kind in ENTITIES and (text := member_mistake(meaning.kind, steps)):
                reading.mistakes.add_key(member, text)
        for members in conditions(reading, place, names):
            found.append(StateExpected(line=place.key_line, name=name, members=members))
    return found


def _since(reading: Reading, node: Node | None, names: Names) -> str:
    if node is None:
        return "start"
    if node.value in ("start", "last"):
        return str(node.value)
    text = node.raw
    meaning = names.get(text)
    if meaning is None or meaning.kind != CHECKPOINT:
        if meaning is not None:
            text = f"{shown(text)} is a {meaning.kind}; since is start, last, or what an earlier expect is called (as)."
        else:
            known = ["start", "last", *names.of(CHECKPOINT)]
            text = reading.unknown(text, node.line, names, kind="earlier expect", known=known)
        reading.mistakes.add(node, text)
    return node.raw


def _known_count(reading: Reading, node: Node, names: Names, name: str) -> Count:
    found: Count = reading.read(node, names, a_count, name)
    return found


def _none(reading: Reading, node: Node, text: str) -> list[Expectation]:
    reading.mistakes.add(node, text)
    return []


_READERS = {
    "events": _events, "deliveries": _deliveries, "signatures": _signatures, "contract": _contract,
    "world": _world, "system": system,
}  # fmt: skip
