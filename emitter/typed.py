"""Values as they are typed on a command line, in a file or in the environment: durations, numbers, headers, links.

Each reader takes the name of what is read, for its error, and the text; its docstring is how one writes such a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from string import Formatter
from urllib.parse import urlsplit

from emitter.errors import BadValue

STANDARD_WEBHOOKS_SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_FIELDS = ("base", "Id", "accountId")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def duration(text: str, name: str = "duration") -> timedelta:
    """Read a duration with its units: `10s`, `1h30m`, `250ms`. Raises `BadValue`."""
    # No longer one is written by anybody, and looking for the parts of one takes the square of its length.
    parts = _DURATION.findall(text.strip()) if len(text) <= 1000 else []
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise BadValue(name, text, "is no duration. Write a number with its unit, as in 250ms, 10s, 5m, 1h30m or 30d.")
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise BadValue(name, text, "is longer than time goes here.") from None


def duration_text(value: timedelta) -> str:
    """Write a duration the way `duration` reads it."""
    seconds, rest = divmod(value // timedelta(microseconds=1), 1_000_000)
    text = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size:
            text, seconds = f"{text}{seconds // size}{unit}", seconds % size
    if rest:
        text += f"{rest / 1000:g}ms"
    return text or "0s"


def one_of(*choices: str) -> Callable[[str, str], str]:
    def parse(name: str, text: str) -> str:
        if text not in choices:
            raise BadValue(name, text, f"is none of {', '.join(choices)}.")
        return text

    parse.__doc__ = " | ".join(choices)
    return parse


def a_duration(name: str, text: str) -> timedelta:
    """a duration, as 10s"""
    value = duration(text, name)
    if not timedelta(milliseconds=1) <= value <= timedelta(hours=1):
        raise BadValue(name, text, "is not between 1ms and 1h.")
    return value


def a_schedule(name: str, text: str) -> tuple[timedelta, ...]:
    """none | standard-webhooks | pauses, as 5s,5m,1h"""
    if text == "none":
        return ()
    if text == "standard-webhooks":
        return STANDARD_WEBHOOKS_SCHEDULE
    pauses = tuple(duration(part, name) for part in text.split(","))
    if max(pauses) > timedelta(days=366) or len(pauses) > 100:
        raise BadValue(name, text, "is more than 100 pauses, or one of more than 366 days.")
    return pauses


def a_number(least: int, most: int, *, word: str = "") -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        if word and text == word:
            return 0
        if not text.isascii() or not text.isdigit() or len(text) > 18 or not least <= int(text) <= most:
            raise BadValue(name, text, f"is no whole number from {least} to {most}{f', nor {word}' if word else ''}.")
        return int(text)

    parse.__doc__ = f"{least} to {most}" + (f" | {word}" if word else "")
    return parse


def a_header_name(name: str, text: str) -> str:
    """the name of a header"""
    if not _TOKEN.fullmatch(text):
        raise BadValue(name, text, "is no name of a header (RFC 9110, section 5.6.2).")
    return text


def a_text(name: str, text: str) -> str:
    """a text"""
    if not text.isprintable():
        raise BadValue(name, text, "holds characters that cannot be printed.")
    return text


def a_link(name: str, text: str) -> str:
    """a template of {base}, {Id} and {accountId}"""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        parts = [("", "", "", None)]
    if any(field is not None and (field not in _FIELDS or form or turn) for _, field, form, turn in parts):
        raise BadValue(name, text, "is no template: only {base}, {Id} and {accountId} may stand in braces.")
    return a_text(name, text)


def a_url(name: str, text: str) -> str:
    """a URL, with its scheme"""
    try:
        parts = urlsplit(a_text(name, text))
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or not parts.netloc or " " in text:
        raise BadValue(name, text, "is no URL with scheme and host, as https://app.immutacloud.com/marketplace.")
    return text


def two_words(name: str, text: str) -> str:
    """two words, as SUCCESS/FAILED"""
    if not re.fullmatch(r"[^/\s]+/[^/\s]+", a_text(name, text)):
        raise BadValue(name, text, "is not two words with a slash between: one for accepted, one for all else.")
    return text


def some_headers(name: str, text: str) -> tuple[tuple[str, str], ...]:
    """headers that replace or join ours, as X-A: 1; User-Agent: x"""
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(";;"))):
        header, colon, value = part.partition(":")
        if not colon:
            raise BadValue(name, text, "is no list of headers. Write Name: value, and ;; between two.")
        if not value.isascii():
            raise BadValue(name, text, "holds characters beyond ASCII, which have no one meaning in a header.")
        pairs.append((a_header_name(name, header.strip()), a_text(name, value.strip())))
    return tuple(pairs)


some_headers.__doc__ = "headers that replace or join ours, as Name: value;; Other: value"


def a_time_of_day(name: str, text: str) -> str:
    """a time of day in UTC, as 14:00"""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text, re.ASCII):
        raise BadValue(name, text, "is no time of day from 00:00 to 23:59, as 14:00.")
    return text


def some_days(name: str, text: str) -> tuple[int, ...]:
    """days, as 7,1 | none"""
    if text == "none":
        return ()
    days = [a_number(1, 366)(name, part.strip()) for part in text.split(",")]
    return tuple(sorted(set(days), reverse=True))


def some_of(*choices: str) -> Callable[[str, str], tuple[str, ...]]:
    def parse(name: str, text: str) -> tuple[str, ...]:
        parts = () if text == "none" else tuple(dict.fromkeys(part.strip() for part in text.split(",")))
        if not set(parts) <= set(choices):
            raise BadValue(name, text, f"is no list of {', '.join(choices)}, nor none.")
        return parts

    parse.__doc__ = f"a list of {', '.join(choices)} | none"
    return parse
