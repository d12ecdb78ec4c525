"""What a view of the history asks for, and what it gets: AttemptQuery and Page.

One query string means the same on the page, over HTTP, on the command line and in a test, because all of them are read
here and answered by the same statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from emitter import clock
from emitter.errors import BadValue, UnknownName, nearest
from emitter.faults import FAULTS
from emitter.typed import duration

OUTCOMES = ("accepted", "rejected", "failed", "interrupted", "started")
ANY_FAULT = "any"
VERDICTS = ("valid", "invalid", "unknown")
LARGEST_PAGE = 500
_STATUS = re.compile(r"[1-9]\d\d|[1-9]xx|none")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of rows, newest first.

    `older` and `newer` are the `before` and `after` of the neighbouring pages, None where there is none.
    `searched_to` is set when the scan was bounded before the page was full: the wall time it got back to; `older`
    goes on from there.
    """

    rows: list[Row]
    older: int | None = None
    newer: int | None = None
    searched_to: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptQuery:
    """Which attempts to show. Members of one tuple are alternatives; different members all have to hold."""

    type: tuple[str, ...] = ()  # names or patterns, as access_requests.*; a suffix is enough
    outcome: tuple[str, ...] = ()
    status: tuple[str, ...] = ()  # 500, 5xx, none
    webhook: tuple[str, ...] = ()  # ids
    run: tuple[str, ...] = ()
    event: tuple[str, ...] = ()  # ids
    delivery: tuple[str, ...] = ()  # ids
    fault: tuple[str, ...] = ()  # names of faults, or any
    verdict: tuple[str, ...] = ()  # of the event against its schema
    since: int | None = None  # wall time, nanoseconds since 1970
    until: int | None = None
    text: str = ""  # in bodies sent or received, ASCII case ignored
    before: int | None = None  # keyset paging by attempt id
    after: int | None = None
    limit: int = 50

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> AttemptQuery:
        """Read a query string's pairs; raise `UnknownName` or `BadValue` with the parameter's name.

        `since` and `until` take RFC 3339, a date or a time without its zone (UTC), or a duration back, as `1h`.
        Empty values ask for nothing.
        """
        found: dict[str, Any] = {}
        for name, value in pairs:
            value = value.strip()
            if name not in _READERS:
                raise UnknownName("filter", name, _READERS)
            if not value:
                continue
            parsed = _READERS[name](name, value)
            found[name] = found.get(name, ()) + parsed if isinstance(parsed, tuple) else parsed
        if "before" in found and "after" in found:
            raise BadValue("after", str(found["after"]), "cannot stand beside before: a page has one anchor.")
        return cls(**found)

    def pairs(self, **changed: Any) -> list[tuple[str, str]]:
        """Write the query as pairs that `parse` reads back, with some members changed."""
        pairs: list[tuple[str, str]] = []
        for item in fields(self):
            value = changed.get(item.name, getattr(self, item.name))
            if isinstance(value, tuple):
                pairs += [(item.name, text) for text in value]
            elif item.name in ("since", "until") and value is not None:
                pairs.append((item.name, clock.rfc3339(value)))
            elif value not in (None, "") and (item.name != "limit" or value != item.default):
                pairs.append((item.name, str(value)))
        return pairs

    def text_of(self, **changed: Any) -> str:
        """Write the query as a query string."""
        return urlencode(self.pairs(**changed))

    @property
    def filtered(self) -> bool:
        """Whether anything but paging is asked for."""
        return any(getattr(self, item.name) != item.default for item in fields(self) if item.name not in _PAGING)


_PAGING = ("before", "after", "limit")


def _words(name: str, text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if any(len(word) > 255 or not word.isprintable() for word in words):
        raise BadValue(name, text, "is too long, or holds characters that cannot be printed.")
    return words


def _one_of(known: tuple[str, ...]) -> Callable[[str, str], tuple[str, ...]]:
    def read(name: str, text: str) -> tuple[str, ...]:
        words = _words(name, text)
        for word in words:
            if word not in known:
                hint = nearest(word, known)
                raise BadValue(
                    name, word, f"is none of {', '.join(known)}." + (f' Nearest: "{hint[0]}".' if hint else "")
                )
        return words

    return read


def _faults(name: str, text: str) -> tuple[str, ...]:
    for word in _words(name, text):
        if word not in FAULTS and word != ANY_FAULT:
            hint = nearest(word, FAULTS)
            raise BadValue(name, word, "is no fault, nor any." + (f' Nearest: "{hint[0]}".' if hint else ""))
    return _words(name, text)


def _statuses(name: str, text: str) -> tuple[str, ...]:
    for word in _words(name, text):
        if not _STATUS.fullmatch(word):
            raise BadValue(name, word, "is no status. Write 404, a class as 5xx, or none for no answer.")
    return _words(name, text)


def _ids(name: str, text: str) -> tuple[str, ...]:
    for word in _words(name, text.lower()):
        if not _UUID.fullmatch(word):
            raise BadValue(name, word, "is no UUID.")
    return _words(name, text.lower())


def _moment(name: str, text: str) -> int:
    found = _TIME.fullmatch(text)
    try:
        if found:
            date, minutes, seconds, zone = found.groups()
            return clock.parse_rfc3339(f"{date}T{minutes or '00:00'}{seconds or ':00'}{zone or 'Z'}")
        return clock.wall() - duration(text, name) // timedelta(microseconds=1) * 1000
    except (ValueError, BadValue):
        raise BadValue(
            name, text,
            "is neither a time nor a duration back from now. Write 2030-01-31 or 2030-01-31 09:00 (both UTC), "
            "2030-01-31T09:00:00+01:00, or 30m, 1h, 7d.",
        ) from None  # fmt: skip


def _number(least: int, most: int) -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
            raise BadValue(name, text, f"is no whole number from {least} to {most:,}.")
        return int(text)

    return read


def _search(name: str, text: str) -> str:
    if len(text) > 255:
        raise BadValue(name, text, "is longer than 255 characters.")
    if "\0" in text:
        raise BadValue(name, text, "holds a NUL, at which a search would end.")
    return text


_READERS: dict[str, Callable[[str, str], Any]] = {
    "type": _words,
    "outcome": _one_of(OUTCOMES),
    "status": _statuses,
    "webhook": _ids,
    "run": _words,
    "event": _ids,
    "delivery": _ids,
    "fault": _faults,
    "verdict": _one_of(VERDICTS),
    "since": _moment,
    "until": _moment,
    "text": _search,
    "before": _number(0, 2**62),
    "after": _number(0, 2**62),
    "limit": _number(1, LARGEST_PAGE),
}


def matching_types(patterns: Sequence[str], names: Iterable[str]) -> list[str]:
    """Pick the type names that any pattern fits: `*` stands for any characters, and a suffix after a dot is enough."""
    shapes = [re.compile(rf"(?:.*\.)?{_shape(pattern)}") for pattern in patterns]
    return [name for name in names if any(shape.fullmatch(name) for shape in shapes)]


def _shape(pattern: str) -> str:
    """Write a pattern as a regular expression that never goes back on what a star has taken: many stars cost little."""
    first, *rest = map(re.escape, re.split(r"\*+", pattern))
    if not rest:
        return first
    return first + "".join(f"(?>.*?{part})" for part in rest[:-1]) + f".*{rest[-1]}"
