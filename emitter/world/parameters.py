"""What an action takes: each parameter declared on its class, read from what a script or a program gave."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Self

from emitter.errors import BadValue, UnknownName, UsageError
from emitter.world.draft import Draft
from emitter.world.entities import Entity
from emitter.world.periods import Period

MOST = 1000
"""How many items a list may have."""
_HUMP = re.compile(r"(?<=[a-z])([A-Z])")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, as it is listed: `kind` says what it holds, `choices` the words that are possible."""

    name: str
    kind: str
    help: str
    required: bool
    choices: tuple[str, ...] = ()


def parameter(kind: str, help: str, *, default: Any = MISSING, choices: tuple[str, ...] = ()) -> Any:
    """Declare a parameter of an action; with a default it may be left out."""
    said = {"kind": kind, "help": help, "choices": choices}
    return field(metadata=said) if default is MISSING else field(default=default, metadata=said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that may be done. `subject` is what it is done to (`request`, `data product` or nothing)."""

    subject: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    """The states of the subject in which it may be done."""
    emits: ClassVar[tuple[str, ...]] = ()
    """The event types that may follow, in order."""

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """List what it takes, in order."""
        return tuple(
            Parameter(
                item.name, item.metadata["kind"], item.metadata["help"], item.default is MISSING,
                item.metadata["choices"],
            )
            for item in fields(cls)
        )  # fmt: skip

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Take parameters by name (`data_sources`, `data-sources` or `dataSources`); None is as good as left out.

        Raises `UnknownName`, `BadValue` or `UsageError`.
        """
        known = {each.name: each for each in cls.parameters()}
        read: dict[str, Any] = {}
        for name, value in values.items():
            plain = snake(name)
            if plain not in known:
                raise UnknownName("parameter", name, known)
            if value is not None:
                found = known[plain]
                read[plain] = READERS[found.kind](plain, value)
                if found.choices and read[plain] not in found.choices:
                    raise BadValue(plain, value, f"is none of {', '.join(found.choices)}.")
        for each in known.values():
            if each.required and each.name not in read:
                raise UsageError(f"{each.name} is missing: {each.help}")
        return cls(**read)

    def find(self, draft: Draft) -> Entity | None:
        """The entity that it is done to; raises `NotFound`."""
        return None

    def perform(self, draft: Draft, subject: Any) -> Entity:
        """Draw up what follows and return the entity that it is about; raises where it cannot be done."""
        raise NotImplementedError


def snake(name: str) -> str:
    """Turn `dataSources` and `data-sources` into `data_sources`."""
    return _HUMP.sub(lambda found: f"_{found[1].lower()}", name).replace("-", "_")


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 2000 or not value.isprintable():
        raise BadValue(name, value, "is no printable text of at most 2,000 characters.")
    return value


def _prose(name: str, value: Any) -> str:
    """What people write in a box: lines, tabs and all, but nothing that steers a terminal."""
    fits = isinstance(value, str) and len(value) <= 20_000
    if not fits or not all(each in "\n\r\t" or unicodedata.category(each) not in ("Cc", "Cs") for each in value):
        raise BadValue(name, value, "is no text of at most 20,000 characters without control characters.")
    return str(value)


def _reference(name: str, value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text or len(text) > 255:
        raise BadValue(name, value, "is neither an id nor a name.")
    return text


def _references(name: str, value: Any) -> tuple[str, ...]:
    return tuple(_reference(name, each) for each in _list(name, value, str, int))


def _list(name: str, value: Any, *alone: type[Any]) -> Sequence[Any]:
    """A list; one thing alone is a list of one."""
    if isinstance(value, alone):
        return (value,)
    if isinstance(value, Mapping) or not isinstance(value, list | tuple) or len(value) > MOST:
        raise BadValue(name, value, f"is no list of at most {MOST:,}.")
    return value


def _title(name: str, value: Any) -> str:
    """A product's name, by the rule of the API: 1 to 255 letters, marks, digits, ( ) - _ / \\ and white space."""
    if not isinstance(value, str) or not 1 <= len(value) <= 255 or not all(map(_fits_title, value)):
        raise BadValue(name, value, "is not 1 to 255 letters, marks, digits, ( ) - _ / \\ and spaces.")
    return value


def _fits_title(character: str) -> bool:
    category = unicodedata.category(character)
    return character in "()-_/\\\t\n\r\f\v\u2028\u2029\ufeff" or category[0] in "LMN" or category == "Zs"


def _period(name: str, value: Any) -> Period | None:
    return None if value in ("", "for good") else Period.read(name, value)


def _approvers(name: str, value: Any) -> tuple[Any, ...]:
    found = tuple(_list(name, value, str, Mapping))
    if not found or not all(isinstance(each, str | Mapping) for each in found):
        raise BadValue(name, value, 'is no list of approvers, as ["Ann Lee", "GOVERNANCE"].')
    return found


def _stages(name: str, value: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    stages = []
    for stage in _list(name, value, Mapping):
        if not isinstance(stage, Mapping) or len(stage) != 1 or next(iter(stage)) not in ("any", "all"):
            raise BadValue(name, stage, 'is no stage. Write {"any": [approvers]} or {"all": [approvers]}.')
        [(mode, approvers)] = stage.items()
        stages.append((mode, _approvers(name, approvers)))
    if not stages:
        raise BadValue(name, value, "has no stage.")
    return tuple(stages)


def _columns(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    """Pairs of data source and column, from the API's form or from `source/column`."""
    columns = []
    for each in _list(name, value, str, Mapping):
        if isinstance(each, Mapping) and set(each) == {"sourceId", "columnName"}:
            pair = (each["sourceId"], each["columnName"])
        elif isinstance(each, str) and "/" in each:
            pair = tuple(each.split("/", 1))  # type: ignore[assignment]
        else:
            raise BadValue(name, each, 'is no column. Write source/column, or {"sourceId": ..., "columnName": ...}.')
        columns.append((_reference(name, pair[0]), _reference(name, pair[1])))
    if not columns:
        raise BadValue(name, value, "names no column.")
    return tuple(dict.fromkeys(columns))


def _pairs(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or len(value) > MOST:
        raise BadValue(name, value, "is no object of keys and values.")
    return tuple(
        (_text(name, key), _text(name, each)) for key, values in value.items() for each in _list(name, values, str)
    )


def _json(name: str, value: Any, depth: int = 0) -> Any:
    """What JSON can hold, to a bounded depth and size."""
    if depth > 16:
        raise BadValue(name, value, "is nested more than 16 deep.")
    if isinstance(value, Mapping):
        return {_prose(name, key): _json(name, each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json(name, each, depth + 1) for each in _list(name, value)]
    whole = isinstance(value, int) and -(2**63) <= value < 2**63
    if value is None or whole or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _prose(name, value)


READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "text": _text, "prose": _prose, "title": _title, "choice": _text, "period": _period, "json": _json,
    "user": _reference, "data product": _reference, "request": _reference, "record": _reference,
    "users": _references, "domains": _references, "data sources": _references, "texts": _references,
    "approvers": _approvers, "stages": _stages, "columns": _columns, "pairs": _pairs,
}  # fmt: skip
"""How each kind of parameter is read; the kinds of a scenario language and of an API."""
