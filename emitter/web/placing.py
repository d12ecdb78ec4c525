"""A body line by line, each with what is to be said of it: findings at their place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from emitter.history import Json
from emitter.web.shown import indented

MOST_LINES = 2000
_KEY = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body, and the findings about what begins on it."""

    number: int
    text: str
    findings: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A body with its findings: those about the whole in front, `more` lines left out at the end."""

    lines: tuple[Line, ...]
    whole: tuple[Json, ...] = ()
    more: int = 0


def placed(text: str, findings: Iterable[Json]) -> Placed:
    """Lay findings (each with its JSON `pointer`) on the lines of a body, as it was written where that is no JSON.

    One about a member that is missing stands at what it is missing from.
    """
    shown = indented(text)
    lines = shown.split("\n")
    places = _places(lines[:MOST_LINES]) if shown != text or _is_json(text) else {}
    at: dict[int, list[Json]] = {}
    whole: list[Json] = []
    for each in findings:
        pointer = str(each.get("pointer", ""))
        while pointer and pointer not in places:
            pointer = pointer.rpartition("/")[0]
        line = places.get(pointer) if pointer else None
        if line is None:
            whole.append(each)
        else:
            at.setdefault(line, []).append(each)
    made = tuple(Line(place + 1, line, tuple(at.get(place, ()))) for place, line in enumerate(lines[:MOST_LINES]))
    return Placed(made, tuple(whole), max(len(lines) - MOST_LINES, 0))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _places(lines: list[str]) -> dict[str, int]:
    """On which line each member begins, by its JSON Pointer; of a name that comes twice, the first."""
    found: dict[str, int] = {}
    stack: list[tuple[str, bool, int]] = []  # pointer, whether it is an object, how many items came
    for place, line in enumerate(lines):
        word = line.strip()
        if word.startswith(("}", "]")):
            if stack:
                stack.pop()
            continue
        pointer = ""
        if stack:
            above, is_object, count = stack[-1]
            key = _KEY.match(word) if is_object else None
            name = json.loads(key[0]).replace("~", "~0").replace("/", "~1") if key else str(count)
            pointer = f"{above}/{name}"
            stack[-1] = (above, is_object, count + 1)
        found.setdefault(pointer, place)
        if word.endswith(("{", "[")):
            stack.append((pointer, word.endswith("{"), 0))
    return found
