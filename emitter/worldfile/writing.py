"""The world as a file that brings it back: every field of every entity that is not what it would be anyway."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from emitter.clock import rfc3339
from emitter.errors import Conflict, EmitterError
from emitter.world.approving import approver
from emitter.world.entities import Approver, Entity, Stage
from emitter.world.known import Known
from emitter.world.periods import Period
from emitter.worldfile.values import hints
from emitter.worldfile.words import REFERENCES, SECTIONS, WORLD, is_time

FORMS = ("yaml", "json")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@()-]*( [A-Za-z0-9_./@()-]+)*")
_WORDS = re.compile(r"y|n|yes|no|on|off|true|false|null", re.IGNORECASE)
_FLAT = 100  # characters of a list or mapping that stands on one line


def written(known: Known, now: int, form: str = "yaml") -> bytes:
    """Write a world that is founded; raises `Conflict` for one that is too large to be read again."""
    found = _document(known, now)
    if form == "json":
        text = _printable(json.dumps(found, ensure_ascii=False, indent=1)) + "\n"
    else:
        text = "\n".join(_top(found)) + "\n"
    raw = text.encode()
    if len(raw) > WORLD.largest:
        raise Conflict(f"This world takes {len(raw):,} bytes, and a world file is read up to {WORLD.largest:,}.")
    return raw


def _document(known: Known, now: int) -> dict[str, Any]:
    founding = known.founding
    assert founding is not None
    found: dict[str, Any] = {"seed": founding.seed, "now": rfc3339(now)}
    if founding.reminded:
        found["reminded"] = rfc3339(founding.reminded)
    plurals = dict(zip(SECTIONS, ("domain", "user", "data source", "data product", "request"), strict=True))
    for section, kind in plurals.items():
        there: list[Entity] = sorted(known.all(kind), key=lambda each: each.number)
        found[section] = [_fields(each, known) for each in there]
    return found


# --- values -----------------------------------------------------------------------------------------------------------


def _fields(value: Any, known: Known) -> dict[str, Any]:
    """The fields of a dataclass that are not their defaults."""
    told = {}
    for item in fields(value):
        here = getattr(value, item.name)
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        if here != default or type(here) is not type(default):
            told[item.name] = _field(type(value), item.name, here, known)
    return told


def _field(made: type[Any], name: str, value: Any, known: Known) -> Any:
    hint = hints(made)[name]
    if typing.get_origin(hint) is tuple and typing.get_origin(typing.get_args(hint)[0]) is tuple:
        return _pairs(made, name, value, known)
    if hint is int and is_time(name):
        return rfc3339(value) if value else 0
    return _value(name, value, known)


def _value(name: str, value: Any, known: Known) -> Any:
    if isinstance(value, Period):
        return str(value)
    if isinstance(value, Approver):
        return _approver(value, known)
    if isinstance(value, Stage):
        return {value.mode: [_approver(each, known) for each in value.approvers]}
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value, known)
    if isinstance(value, tuple):
        return [_value(name, each, known) for each in value]
    if name in REFERENCES and isinstance(value, str):
        return _label(REFERENCES[name], value, known)
    return value


def _pairs(made: type[Any], name: str, value: tuple[tuple[str, str], ...], known: Known) -> Any:
    """Keys with their values, as a mapping if that keeps their order."""
    labelled = [(_label("domain", key, known) if name == "domain_permissions" else key, each) for key, each in value]
    grouped: dict[str, list[str]] = {}
    for key, each in labelled:
        grouped.setdefault(key, []).append(each)
    if [(key, each) for key, several in grouped.items() for each in several] == labelled:
        return grouped
    return [list(each) for each in labelled]


def _approver(value: Approver, known: Known) -> Any:
    """An approver in a word where that means the same, else by its fields."""
    text = _label("user", value.value, known) if value.type == "USER" else value.value
    try:
        if text and approver(known, text) == value:
            return text
    except EmitterError:
        pass
    told = {"type": value.type, "value": value.value, "scope": value.scope}
    if value.type == "DOMAIN PERMISSION" and value.scope:
        told["scope"] = _label("domain", value.scope, known)
    return told if value.scope else {"type": value.type, "value": value.value}


def _label(kind: str, id: str, known: Known) -> str:
    """The name of what has this id, where the name finds it and it alone; else the id."""
    try:
        name = str(getattr(known.find(kind, id), "name", id))
        return name if name and known.find(kind, name).id == id else id
    except EmitterError:
        return id


# --- YAML -------------------------------------------------------------------------------------------------------------


def _top(found: Mapping[str, Any]) -> Iterator[str]:
    yield "# A world of emitter, as it was. To start one with it: emitter serve --world FILE"
    for key, value in found.items():
        if not isinstance(value, list):
            yield f"{key}: {_flat(value)}"
        elif not value:
            yield f"{key}: []"
        else:
            yield f"{key}:"
            for each in value:
                lines = list(_block(each, 4))
                yield "  - " + lines[0].lstrip()
                yield from lines[1:]


def _block(value: Mapping[str, Any], indent: int) -> Iterator[str]:
    """A mapping, a line for each key; what is short stands behind its key."""
    space = " " * indent
    for key, each in value.items():
        flat = _flat(each)
        if not isinstance(each, list | dict) or not each or len(flat) + indent + len(key) < _FLAT:
            yield f"{space}{_text(key)}: {flat}"
        elif isinstance(each, dict):
            yield f"{space}{_text(key)}:"
            yield from _block(each, indent + 2)
        else:
            yield f"{space}{_text(key)}:"
            for one in each:
                if isinstance(one, dict) and one and len(_flat(one)) + indent > _FLAT:
                    lines = list(_block(one, indent + 4))
                    yield f"{space}  - {lines[0].lstrip()}"
                    yield from lines[1:]
                else:
                    yield f"{space}  - {_flat(one)}"


def _flat(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_flat(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _text(text: str) -> str:
    """A text as YAML reads it, whoever reads: bare where nobody takes it for anything else."""
    if len(text) < 200 and _PLAIN.fullmatch(text) and not _WORDS.fullmatch(text):
        return text
    return _printable(json.dumps(text, ensure_ascii=False))


def _printable(text: str) -> str:
    return "".join(
        each if each.isprintable() or each == "\n" else f"\\u{ord(each):04x}" if ord(each) < 0x10000
        else f"\\U{ord(each):08x}" for each in text
    )  # fmt: skip
