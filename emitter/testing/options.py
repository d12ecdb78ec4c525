"""What a test gives in passing, read: the options of its simulator, filters, the text of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from emitter import clock
from emitter.errors import BadValue, UnknownName, UsageError
from emitter.query import AttemptQuery
from emitter.settings import READERS, Settings, merged
from emitter.testing.entity import plain
from emitter.typed import duration

Json = dict[str, Any]

START = clock.parse_rfc3339("2030-01-07T09:00:00Z")
"""When a test begins that does not say: a Monday morning."""
SIGNING_KEY = "test-signing-key"
OPTIONS = ("seed", "start", "assume", "world", "schemas", "allow")


def settings_of(options: Mapping[str, Any]) -> Settings:
    """Read the options of a test's simulator; raises `UnknownName`, `BadValue` and their like."""
    given = dict(options)
    for name in given:
        if name not in OPTIONS or (name not in READERS and name != "assume"):
            raise UnknownName("option of a simulator", name, [each for each in OPTIONS if each in (*READERS, "assume")])
    assume = given.pop("assume", None) or {}
    if not isinstance(assume, Mapping):
        raise BadValue("assume", assume, 'is no mapping of switches, as {"delivery.retry": "5m,1h"}.')
    start = given.pop("start", "")
    found: Json = {name: value for name, value in given.items() if value is not None}
    if isinstance(start, datetime):
        if start.tzinfo is None:
            raise BadValue("start", str(start), "has no time zone. Give an aware datetime, or RFC 3339.")
        start = clock.rfc3339(clock.nanoseconds(start))
    if start is not None:
        found["start"] = start or clock.rfc3339(START)
    return merged(({"ephemeral": True, **found}, {name: str(value) for name, value in assume.items()}))


def length_of(value: str | timedelta, name: str) -> timedelta:
    """Read a length of time, a text with its unit or a timedelta; raises `BadValue`, for a bare number, too."""
    if isinstance(value, timedelta):
        return value
    return duration(value if isinstance(value, str) else str(value), name)


def scenario_text(scenario: str | Path) -> tuple[str, str]:
    """The text of a scenario and its name; no text for one of the library. Raises `UsageError`."""
    if isinstance(scenario, str) and "\n" in scenario:
        return scenario, ""
    path = Path(scenario)
    if path.suffix not in (".yaml", ".yml"):
        return "", str(scenario)
    try:
        return path.read_text(encoding="utf-8"), path.stem
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        raise UsageError(f"{path} cannot be read: {why}.") from None


def query_of(filters: Mapping[str, Any]) -> AttemptQuery:
    pairs = [
        (name, str(each))
        for name, value in plain(filters).items()
        for each in (value if isinstance(value, list) else [value])
    ]
    return AttemptQuery.parse(pairs)


def body_of(event: Json) -> Any:
    body = event.get("body")
    try:
        return orjson.loads(body) if isinstance(body, str) else body
    except orjson.JSONDecodeError:
        return body
