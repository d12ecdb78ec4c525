"""Bodies member by member: what each holds, who says so, what is wrong with it, and where two bodies differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emitter import strictjson
from emitter.errors import BadJson
from emitter.history import Json
from emitter.web.shown import MOST_SHOWN

MOST_MEMBERS = 300  # of one body that are listed
LONGEST_VALUE = 400  # characters of one value


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a body at its JSON Pointer; `value` as JSON."""

    pointer: str
    value: str
    mark: str = ""  # its provenance
    source: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One place where two exchanges differ; None where there is nothing on that side."""

    place: str
    before: str | None
    now: str | None

    @property
    def differs(self) -> bool:
        return self.before != self.now


def members(
    part: Json, marks: Mapping[str, str], sources: Mapping[str, str], violations: Sequence[Json]
) -> list[Member]:
    """List the members of a body, each with its provenance and with what is wrong at its place; [] if it is no JSON."""
    found = _flat(part)
    if found is None:
        return []
    wrong: dict[str, list[str]] = {}
    for each in violations:
        wrong.setdefault(each["pointer"], []).append(each["message"])
    listed = []
    for pointer, value in found.items():
        known = _pattern(pointer)
        listed.append(
            Member(pointer, value, marks.get(known, ""), sources.get(known, ""), "; ".join(wrong.get(pointer, ())))
        )
    return listed


def changes(before: Json | None, now: Json | None) -> list[Change]:
    """Where two bodies differ or not, member by member if both are JSON, else line by line."""
    one, other = (None if each is None else _flat(each) for each in (before, now))
    if one is None or other is None:
        one, other = _lines(before), _lines(now)
    places = list(dict.fromkeys([*one, *other]))[:MOST_MEMBERS]
    return [Change(place, one.get(place), other.get(place)) for place in places]


def header_changes(before: Sequence[Sequence[str]], now: Sequence[Sequence[str]]) -> list[Change]:
    """The headers of two messages side by side, by their names; of one that stands there twice, all values."""
    one, other = _by_name(before), _by_name(now)
    return [Change(name, one.get(name), other.get(name)) for name in dict.fromkeys([*one, *other])]


def _by_name(headers: Sequence[Sequence[str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return {name: ", ".join(values) for name, values in found.items()}


def _flat(part: Json) -> dict[str, str] | None:
    """The leaves of a body by pointer, up to a bound; None for what is no JSON, or is long."""
    if part["bodyEncoding"] != "utf-8" or not part["body"] or len(part["body"]) > MOST_SHOWN:
        return None
    try:
        value = strictjson.loads(part["body"].encode("utf-8", "surrogatepass"))
    except (BadJson, UnicodeError):
        return None
    found: dict[str, str] = {}
    for pointer, leaf in _leaves(value, ""):
        if len(found) >= MOST_MEMBERS:
            break
        text = json.dumps(leaf, ensure_ascii=False)
        found[pointer] = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
    return found


def _leaves(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    waiting: list[tuple[str, Any]] = [(pointer, value)]
    while waiting:
        place, each = waiting.pop()
        if isinstance(each, dict) and each:
            inner = [(f"{place}/{name.replace('~', '~0').replace('/', '~1')}", item) for name, item in each.items()]
        elif isinstance(each, list) and each:
            inner = [(f"{place}/{number}", item) for number, item in enumerate(each)]
        else:
            yield place, each
            continue
        waiting += reversed(inner)


def _pattern(pointer: str) -> str:
    """A pointer as the catalogue writes it: every item of an array is *."""
    return "/".join("*" if step.isdigit() else step for step in pointer.split("/"))


def _lines(part: Json | None) -> dict[str, str]:
    if part is None or not part["body"]:
        return {}
    lines = part["body"][:MOST_SHOWN].splitlines()[:MOST_MEMBERS]
    return {f"line {number}": line[:LONGEST_VALUE] for number, line in enumerate(lines, start=1)}
