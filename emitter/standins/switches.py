"""What nobody documents of the services, and what differs from one account to the next: switches, each with its reason.

A service's switches are a frozen dataclass whose fields are made by `switch`. The marks are those of the documentation
page: `documented`, `observed` (seen on the wire by users), `assumed` (found in no text).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from emitter.errors import BadValue, UnknownName

DOCUMENTED, OBSERVED, ASSUMED = "documented", "observed", "assumed"

Self = TypeVar("Self", bound="Switches")


@dataclass(frozen=True, slots=True)
class Entry:
    """One switch as it stands: what it may be, how well its default is known, and why it is that."""

    name: str
    value: str
    default: str
    allowed: str
    mark: str
    why: str


def switch(default: Any, allowed: Sequence[str] | range, mark: str, why: str) -> Any:
    """A field of `Switches`: a word out of several, or a number out of a range."""
    return field(default=default, metadata={"allowed": allowed, "mark": mark, "why": why})


@dataclass(frozen=True, slots=True)
class Switches:
    """The switches of one service. Raises `BadValue` for a value that one cannot have."""

    def __post_init__(self) -> None:
        for item in fields(self):
            _check(item.name, getattr(self, item.name), item.metadata["allowed"])

    def changed(self: Self, given: Sequence[str]) -> Self:
        """Change switches as they are written, `name=value`; raises `UnknownName` and `BadValue`."""
        known = {item.name.replace("_", "-"): item for item in fields(self)}
        values: dict[str, Any] = {}
        for text in given:
            name, equals, value = text.partition("=")
            name = name.strip().replace("_", "-")
            if name not in known:
                raise UnknownName("switch", name, known)
            if not equals:
                raise BadValue(name, text, "is no switch with its value. Write it as NAME=VALUE.")
            numbers = isinstance(known[name].metadata["allowed"], range)
            value = value.strip()
            number = numbers and value.isascii() and value.isdigit() and len(value) < 10
            values[known[name].name] = int(value) if number else value
        return replace(self, **values)

    def entries(self) -> list[Entry]:
        """List every switch with what it is now."""
        return [
            Entry(
                name=item.name.replace("_", "-"),
                value=str(getattr(self, item.name)),
                default=str(item.default),
                allowed=_allowed(item.metadata["allowed"]),
                mark=item.metadata["mark"],
                why=item.metadata["why"],
            )
            for item in fields(self)
        ]


def _check(name: str, value: object, allowed: Sequence[str] | range) -> None:
    if type(value) is (int if isinstance(allowed, range) else str) and value in allowed:
        return
    raise BadValue(name.replace("_", "-"), value, f"is none of {_allowed(allowed)}.")


def _allowed(allowed: Sequence[str] | range) -> str:
    return f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(allowed)
