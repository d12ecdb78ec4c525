"""What a fault takes: each parameter declared on its class, read from what a script, a program or a person gave."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from emitter.errors import BadValue
from emitter.signing import SigningKey
from emitter.typed import duration, duration_text

LONGEST = timedelta(days=36525)
LARGEST = 64 * 1024 * 1024
_SIZES = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "KiB": 1024, "MiB": 1024**2}
_SIZE = re.compile(r"([0-9]{1,9})(B|KB|MB|KiB|MiB)?")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_FRACTION = re.compile(r"0?\.[0-9]{1,9}|0\.?0*|100%|[0-9]{1,2}(\.[0-9]{1,7})?%")


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a body: a fraction of it, or so many bytes."""

    amount: float
    bytes: bool = False

    def of(self, length: int) -> int:
        """How many of so many bytes that is."""
        return min(int(self.amount), length) if self.bytes else int(length * self.amount)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a parameter holds: read from JSON or text into what the fault works with, and written back."""

    read: Callable[[str, Any], Any]
    write: Callable[[Any], Any] = lambda value: value


def _duration(name: str, value: Any) -> timedelta:
    if not isinstance(value, str):
        raise BadValue(name, value, "is no duration. Write a number with its unit, as in 250ms, 10s, 5m or 30d.")
    found = duration(value, name)
    if found > LONGEST:
        raise BadValue(name, value, "is more than a hundred years.")
    return found


def _whole(least: int, most: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise BadValue(name, value, f"is no whole number from {least:,} to {most:,}.")
        return value

    return read


def _size(name: str, value: Any) -> int:
    """Bytes, as a number or with a unit."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    size = int(found[1]) * _SIZES[found[2] or ""] if found else 0
    if not 1 <= size <= LARGEST:
        raise BadValue(name, value, "is no size from 1 byte to 64MiB, as 4096, 64KiB or 1MiB.")
    return size


def _written_size(size: int) -> int | str:
    for unit in ("MiB", "KiB"):
        if size % _SIZES[unit] == 0:
            return f"{size // _SIZES[unit]}{unit}"
    return size


def _share(name: str, value: Any) -> Share:
    """A fraction of a body (0.5, 50%), or so many bytes (1 and more, 2KiB)."""
    if isinstance(value, float) and 0 <= value < 1:
        return Share(value)
    if isinstance(value, str) and _FRACTION.fullmatch(value):
        return Share(float(value[:-1]) / 100 if value.endswith("%") else float(value))
    if value == 0 and not isinstance(value, bool):
        return Share(0.0)
    try:
        return Share(_size(name, value), bytes=True)
    except BadValue:
        raise BadValue(name, value, "is neither a fraction of the body, as 0.5, nor so many bytes, as 100.") from None


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 1000 or not value.isprintable():
        raise BadValue(name, value, "is no printable text of 1 to 1,000 characters.")
    return value


def _header(name: str, value: Any) -> str:
    text = _text(name, value)
    if not text.isascii() or text != text.strip():
        raise BadValue(name, value, "is no value of a header: ASCII, without space at its ends.")
    return text


def steps(text: str) -> tuple[str, ...]:
    """Cut a path into its steps; a backslash takes the meaning from a dot that belongs to a name."""
    return tuple(step.replace("\\.", ".").replace("\\\\", "\\") for step in re.split(r"(?<!\\)\.", text))


def _path(name: str, value: Any) -> tuple[str, ...]:
    found = steps(_text(name, value))
    if not all(found):
        raise BadValue(name, value, "has an empty name in its path. Write it as data.dataProductName.")
    return found


def _json(name: str, value: Any) -> Any:
    try:
        if len(orjson.dumps(value)) <= 65536:
            return value
    except (TypeError, ValueError):
        pass
    raise BadValue(name, value, "is no JSON of at most 64 KiB.")


def _key(name: str, value: Any) -> SigningKey:
    if isinstance(value, SigningKey):
        return value
    if not isinstance(value, str):
        raise BadValue(name, "(a key)", "is no text.")
    return SigningKey(value)


KINDS: Mapping[str, Kind] = {
    "duration": Kind(_duration, duration_text),
    "count": Kind(_whole(1, 1000)),
    "bytes": Kind(_whole(-LARGEST, LARGEST)),
    "depth": Kind(_whole(1, 100_000)),
    "size": Kind(_size, _written_size),
    "share": Kind(_share, lambda share: int(share.amount) if share.bytes else share.amount),
    "text": Kind(_text),
    "header": Kind(_header),
    "path": Kind(_path, lambda path: ".".join(step.replace("\\", "\\\\").replace(".", "\\.") for step in path)),
    "json": Kind(_json),
    "key": Kind(_key),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, as it is listed. `default` is what it is when nothing is said; None: see `help`."""

    name: str
    kind: str
    help: str
    default: Any


def parameter(kind: str, default: Any, help: str) -> Any:
    """Declare a parameter of a fault; `default` as a person would write it."""
    value = None if default is None else KINDS[kind].read("default", default)
    return field(default=value, metadata={"kind": kind, "help": help})
