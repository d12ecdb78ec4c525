"""Faults of what a body says. It is changed before it is signed, so its signature is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from emitter.clock import SECOND, parse_rfc3339, rfc3339
from emitter.faults.fault import Fault, Turn
from emitter.faults.parameters import parameter

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownType(Fault):
    """Its type is one that nobody knows."""

    kind = "content"
    type: str = parameter("text", "marketplace.data_product.sunset", "the type")

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        return _with(body, ("type",), self.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMember(Fault):
    """It has a member that no schema names."""

    kind = "content"
    path: Path = parameter("path", "data.addedLater", "where")
    value: Any = parameter("json", "something new", "what it holds: JSON, or a text")

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        return _with(body, self.path, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentMember(Fault):
    """A member is missing; nothing where there is none."""

    kind = "content"
    path: Path = parameter("path", "data.actionLink", "which")

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        found = _object(body)
        place = _place(found, self.path)
        if place is None or place.pop(self.path[-1], self) is self:
            return None
        return orjson.dumps(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class NullMember(Fault):
    """A member is null; nothing where there is none."""

    kind = "content"
    path: Path = parameter("path", "data.dataProductName", "which")

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        place = _place(_object(body), self.path)
        return None if place is None or self.path[-1] not in place else _with(body, self.path, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEnumValue(Fault):
    """A member that has one of a few words has another; the member is made where there is none."""

    kind = "content"
    path: Path = parameter("path", "data.xSimulator.accessRequest.status", "which")
    value: Any = parameter("json", "ON_HOLD", "the word")

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        return _with(body, self.path, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class HugeBody(Fault):
    """It is padded to a size that nobody reckons with (data.padding)."""

    kind = "content"
    size: int = parameter("size", "1MiB", "how large the whole body is")

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        padded = _with(body, ("data", "padding"), "")
        if padded is None or len(padded) > self.size:
            return None
        return _with(body, ("data", "padding"), "x" * (self.size - len(padded)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepNesting(Fault):
    """It holds lists in lists in lists (data.nested)."""

    kind = "content"
    depth: int = parameter("depth", 1000, "how many")

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        mark = "emitter.nested"  # written by hand: no writer of JSON goes so deep
        nested = _with(body, ("data", "nested"), mark)
        lists = b"[" * self.depth + b"]" * self.depth
        return None if nested is None else nested.replace(b'"nested":"%b"' % mark.encode(), b'"nested":%b' % lists, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleSignature(Fault):
    """It was signed long ago, as a replay is: by the signed timestamp where there is one, else by the body's."""

    kind = "content"
    by: timedelta = parameter("duration", "1d", "how long ago")

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        if turn.signer.scheme.carried:
            if turn.key is None:
                return None
            turn.seconds -= int(self.by.total_seconds())
            return body
        found = _object(body)
        stamp = found.get("timestamp") if found else None
        try:
            old = parse_rfc3339(stamp) - self.by // timedelta(microseconds=1) * 1000  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return None
        _, point, digits = str(stamp).rstrip("Zz").partition(".")
        known = min(len(digits), 9) if point and digits.isdigit() else 0
        return _with(body, ("timestamp",), rfc3339(max(old, SECOND), known))


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _place(found: dict[str, Any] | None, path: Sequence[str], *, make: bool = False) -> dict[str, Any] | None:
    """The object that holds the last member of a path; None where the path leads through something else."""
    place: Any = found
    for step in path[:-1]:
        if isinstance(place, dict) and (step in place or make):
            place = place.setdefault(step, {})
        elif isinstance(place, list) and step.isascii() and step.isdigit() and int(step[:9]) < len(place):
            place = place[int(step)]
        else:
            return None
    return place if isinstance(place, dict) else None


def _with(body: bytes, path: Sequence[str], value: Any) -> bytes | None:
    """The body with a member set; None if it is no JSON object, or the path leads through what is none."""
    found = _object(body)
    place = _place(found, path, make=True)
    if place is None:
        return None
    place[path[-1]] = value
    return orjson.dumps(found)
