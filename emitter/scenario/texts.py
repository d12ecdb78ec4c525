"""Texts of a scenario and what they stand for: names in them, counts, lengths of time, moments."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from emitter.clock import parse_rfc3339, rfc3339
from emitter.errors import BadValue, nearest, shown
from emitter.scenario.steps import Count, Name, Template
from emitter.typed import duration

LONGEST = timedelta(days=36525)
LONGEST_WAIT = timedelta(hours=1)
LAST_MOMENT = parse_rfc3339("2261-12-31T23:59:59Z")  # the nanoseconds of a store are 64 bits wide
NOTHING = object()
NAME = re.compile(r"[^\W\d][\w-]{0,63}")
_IN_BRACES = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_COUNT = re.compile(r"([0-9]{0,12})(\.\.)?([0-9]{0,12})")


def template(text: str, line: int = 0) -> str | Template:
    """Find the `${names}` in a text; `$${` stands for the two characters `${`. Raises `ValueError` with the reason."""
    if "${" not in text:
        return text
    parts: list[str | Name] = []
    plain, position = "", 0
    for found in _IN_BRACES.finditer(text):
        plain += text[position : found.start()]
        position = found.end()
        if found[0] == "$${":
            plain += "${"
            continue
        if not found[2]:
            raise ValueError("has a ${ without its }. Write ${name}, or $${ for the characters themselves.")
        path = tuple(found[1].strip().split("."))
        if not NAME.fullmatch(path[0]) or not all(path) or len(path) > 16:
            raise ValueError(f"holds {found[0][:60]}, which is no name. Write ${{name}} or ${{name.member}}.")
        if plain:
            parts.append(plain)
        parts.append(Name(path, line))
        plain = ""
    plain += text[position:]
    if not parts:
        return plain
    return Template((*parts, plain) if plain else tuple(parts))


def is_open(value: Any) -> bool:
    """Whether a name is left anywhere in a value."""
    if isinstance(value, Mapping):
        return any(map(is_open, value.values()))
    if isinstance(value, list | tuple):
        return any(map(is_open, value))
    return isinstance(value, Template)


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """Put variables where they are named; a text that names anything else stays a template."""
    if isinstance(value, Mapping):
        return {key: filled(each, variables) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [filled(each, variables) for each in value]
    if not isinstance(value, Template):
        return value
    found = [part if isinstance(part, str) else inside(variables, part.path) for part in value.parts]
    if any(each is NOTHING for each in found):
        return value
    return found[0] if len(found) == 1 else "".join(map(as_text, found))


def inside(value: Any, path: Iterable[str]) -> Any:
    """What a path leads to in a value; NOTHING where it leads nowhere."""
    for name in path:
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list | tuple) and name.isdecimal() and int(name[:9]) < len(value):
            value = value[int(name[:9])]
        else:
            return NOTHING
    return value


def as_text(value: Any) -> str:
    """How a value is written in the middle of a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def a_duration(name: str, value: Any) -> timedelta:
    """Read a length of simulated time."""
    if not isinstance(value, str):
        raise BadValue(name, value, "is no length of time. Write a number with its unit, as 10s, 5m, 1h30m or 30d.")
    if (found := duration(value, name)) > LONGEST:
        raise BadValue(name, value, "is longer than 100 years.")
    return found


def a_wait(name: str, value: Any) -> timedelta:
    """Read a length of real time."""
    if (found := a_duration(name, value)) > LONGEST_WAIT:
        raise BadValue(name, value, "is more than an hour of real time. `advance` lets simulated time pass.")
    return found


def a_moment(name: str, value: Any) -> int:
    """Read RFC 3339 within the years that a store can hold."""
    try:
        found = parse_rfc3339(value) if isinstance(value, str) else -1
    except ValueError:
        found = -1
    if not 0 <= found <= LAST_MOMENT:
        raise BadValue(name, value, "is no moment from 1970 to 2261. Write it as 2030-02-01T09:00:00Z.")
    return found


def a_count(name: str, value: Any) -> Count:
    """Read `3`, `2..5`, `2..` or `..5`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12:
        return Count(value, value)
    found = _COUNT.fullmatch(value) if isinstance(value, str) else None
    if found is None or not (found[1] or found[3]) or (found[3] and not found[2]):
        raise BadValue(name, value, "is no count. Write 3, 2..5, 2.. or ..5.")
    least = int(found[1] or 0)
    most = (int(found[3]) if found[3] else None) if found[2] else least
    if most is not None and most < least:
        raise BadValue(name, value, "ends below its beginning.")
    return Count(least, most)


def a_number(least: int, most: int) -> Any:
    """Make a reader of whole numbers."""

    def read(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise BadValue(name, value, f"is no whole number from {least:,} to {most:,}.")
        return value

    return read


def a_seed(name: str, value: Any) -> int:
    """Read a seed."""
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise BadValue(name, value, "is no whole number of 64 bits.")
    return value


def a_weight(name: str, value: Any) -> float:
    """Read how often an option is taken, beside the others."""
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not 0 < value <= 1e9
        or not math.isfinite(value)
    ):
        raise BadValue(name, value, "is no number above 0.")
    return float(value)


def a_truth(name: str, value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise BadValue(name, value, "is neither true nor false.")
    return value


def a_text(name: str, value: Any) -> str:
    """Read a text of some length, in lines perhaps."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if (
        not isinstance(value, str)
        or len(value) > 4000
        or not all(each.isprintable() or each in "\n\t" for each in value)
    ):
        raise BadValue(name, value, "is no printable text of at most 4,000 characters.")
    return value.strip()


def a_word(*words: str) -> Any:
    """Make a reader of one of several words."""

    def read(name: str, value: Any) -> str:
        if value not in words:
            close = nearest(str(value)[:100], words)
            hint = f" Did you mean {shown(close[0])}?" if close else ""
            raise BadValue(name, value, f"is none of {', '.join(words)}.{hint}")
        return str(value)

    return read


def a_url(name: str, value: Any) -> str:
    """Read the URL of something that is asked over HTTP."""
    try:
        parts = urlsplit(value if isinstance(value, str) and value.isprintable() and " " not in value else "")
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        right = False
    if not right or len(value) > 8000:
        raise BadValue(name, value, "is no URL. Write it as http://127.0.0.1:3000/state.")
    return str(value)


def moment_text(stamp: int) -> str:
    """Write a moment the way a scenario does."""
    return rfc3339(stamp, 0)
