"""What a scenario expects of values: conditions on them, and the user's own system, which is asked over HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emitter.errors import BadValue, EmitterError, shown
from emitter.scenario.names import Names
from emitter.scenario.nodes import Node
from emitter.scenario.reading import WRONG, Reading, said
from emitter.scenario.steps import Condition, Count, Expectation, SystemExpected, Template
from emitter.scenario.texts import a_count, a_truth, a_url, as_text, filled
from emitter.scenario.vocabulary import CONDITIONS, SYSTEM

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,255}")
_LONGEST_PATH = 2000


def system(reading: Reading, node: Node, names: Names) -> list[Expectation]:
    """Read what the user's own system is asked, and what it has to say."""
    found: list[Expectation] = []
    for place in reading.items(node, "system", alone=True):
        parts = reading.members(place, SYSTEM, of="system")
        if "get" not in parts:
            reading.mistakes.add(place, "system: get is missing: the URL that is asked.")
            continue
        url = _url(reading, parts["get"], names)
        headers = _headers(reading, parts.get("headers"), names)
        status = a_count_of(reading, parts.get("status"), names, "status") or Count(200, 200)
        where: list[dict[str, Condition]] = [{}]
        if wanted := parts.get("where"):
            if not isinstance(wanted.value, dict) or not wanted.value:
                reading.mistakes.add(wanted, 'where is a mapping of JSONPath and what it finds, as {"$.status": done}.')
                continue
            for path, member in wanted.value.items():
                if text := _path_mistake(path):
                    reading.mistakes.add_key(member, text)
            where = conditions(reading, wanted, names)
        found += [
            SystemExpected(line=place.key_line, url=url, headers=headers, status=status, where=each) for each in where
        ]
    return found


def _url(reading: Reading, node: Node, names: Names) -> Any:
    value = reading.value(node, names)
    if value is WRONG:
        return WRONG
    settled = filled(value, reading.variables)
    known = settled
    if isinstance(settled, Template):  # what only the run knows may be anything but the beginning
        parts = (filled(Template((part,)), reading.variables) for part in settled.parts)
        known = "".join("x" if isinstance(part, Template) else as_text(part) for part in parts)
    try:
        a_url("get", known)
    except EmitterError as error:
        return reading.wrong(node, said(error))
    return value


def _headers(reading: Reading, node: Node | None, names: Names) -> Mapping[str, Any]:
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict) or len(node.value) > 100:
        return reading.wrong(node, "headers is a mapping, as {Authorization: Bearer x}.", {})
    found = {}
    for name, member in node.value.items():
        if not _HEADER.fullmatch(name):
            reading.mistakes.add_key(member, f"{shown(name)} is no name of a header.")
        found[name] = reading.read(member, names, _header, name, open=True)
    return found


def _header(name: str, value: Any) -> str:
    text = as_text(value) if isinstance(value, int | float) else value
    if not isinstance(text, str) or not text.isprintable() or not text.isascii() or len(text) > 8000:
        # The value may be a secret, and is not shown.
        raise BadValue(name, "(its value)", "is no line of printable ASCII.")
    return text


def _path_mistake(path: str) -> str:
    if len(path) > _LONGEST_PATH:
        return f"this JSONPath is longer than {_LONGEST_PATH:,} characters."
    from jsonpath_rfc9535 import JSONPathError, compile

    try:
        compile(path)
    except (JSONPathError, RecursionError) as error:
        why = str(error).splitlines()[0] if isinstance(error, JSONPathError) else "it is nested too deep"
        return f"{shown(path, 60)} is no JSONPath (RFC 9535): {why}. It begins with $, as $.items[*].id."
    return ""


def conditions(reading: Reading, node: Node, names: Names) -> list[dict[str, Condition]]:
    """Conditions by path. A place with two words is held against each: the second stands in a mapping of its own."""
    found: list[dict[str, Condition]] = [{}]
    for path, member in node.value.items():
        for place, condition in enumerate(_condition(reading, member, names, path)):
            if place == len(found):
                found.append({})
            found[place][path] = condition
    return found


def _condition(reading: Reading, node: Node, names: Names, path: str) -> list[Condition]:
    if not isinstance(node.value, dict):
        return [Condition("is", reading.value(node, names))]
    parts = reading.members(node, CONDITIONS, of="condition")
    if not node.value:
        reading.mistakes.add(node, f"{path}: a condition has a word. Known: {', '.join(CONDITIONS)}.")
    return [Condition(word, _compared(reading, word, each, names)) for word, each in parts.items()]


def _compared(reading: Reading, word: str, node: Node, names: Names) -> Any:
    parse = _COMPARED.get(word)
    if parse is None:
        return reading.value(node, names)
    return reading.read(node, names, parse, word, open=word not in ("count", "exists"))


def _a_list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise BadValue(name, value, "is no list.")
    return list(value)


def _a_beginning(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadValue(name, value, "is no text.")
    return value


def _a_bound(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadValue(name, value, "is neither a number nor a text that could be more or less.")
    return value


_COMPARED = {
    "one_of": _a_list, "starts_with": _a_beginning, "exists": a_truth, "count": a_count,
    "at_least": _a_bound, "at_most": _a_bound,
}  # fmt: skip


def a_count_of(reading: Reading, node: Node | None, names: Names, name: str) -> Count | None:
    """Read how many there may be, if it is said."""
    return None if node is None else reading.read(node, names, a_count, name)
