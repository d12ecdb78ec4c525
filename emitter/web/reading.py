"""What a request carries, read with bounds: its body, its JSON, its parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from emitter import strictjson
from emitter.errors import BadValue, UnknownName, UsageError
from emitter.typed import duration
from emitter.web.errors import WrongMediaType

_WRONG = {str: "is no text.", bool: "is neither true nor false.", dict: "is no object.", list: "is no list."}
_KEYS = ("signingKey", "oldSigningKey", "secrets", "probeHeaders")  # their values are never shown
LONGEST_WAIT = 30.0  # seconds; more would keep a thread of the server from others


def body(*types: str) -> bytes:
    """The bytes of the body, of one of these media types; an empty one may have none. The app bounds its size."""
    raw = request.get_data(cache=False)
    if request.content_length is None and len(raw) >= strictjson.LARGEST:
        raise RequestEntityTooLarge  # Werkzeug cuts a chunked body there without a word
    if (raw or request.mimetype) and request.mimetype not in types:
        raise WrongMediaType(
            f"The body is to be {' or '.join(types)}: send a Content-Type"
            + (f", not {request.mimetype[:80]}." if request.mimetype else ".")
        )
    return raw


def json_body(*, optional: bool = False) -> Any:
    """The JSON of the body; an empty object for no body at all, if it is `optional`."""
    raw = body("application/json")
    return {} if optional and not raw else strictjson.loads(raw)


def json_object(*, optional: bool = False, known: Iterable[str] = ()) -> dict[str, Any]:
    """The JSON object of the body; with `known` names, another member is refused."""
    found = json_body(optional=optional)
    if not isinstance(found, dict):
        raise UsageError("The body is to be a JSON object.")
    names = tuple(known)
    for name in found:
        if names and name not in names:
            raise UnknownName("member", name, names)
    return found


def member(found: dict[str, Any], name: str, kind: type, *, default: Any = None) -> Any:
    """One member of an object, of one JSON type; `default` where it is not there."""
    if name not in found:
        return default
    value = found[name]
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        told = "(a key)" if name in _KEYS else value
        raise BadValue(name, told, _WRONG[kind])
    return value


def number(found: dict[str, Any], name: str, kind: type, *, least: float, most: float, default: Any = None) -> Any:
    """One member that is a number between two: `int` or `float`; `default` where it is not there."""
    if name not in found:
        return default
    value = found[name]
    fits = isinstance(value, int) or (kind is float and isinstance(value, float))
    if not fits or isinstance(value, bool) or not least <= value <= most:
        raise BadValue(name, value, f"is no {'whole ' if kind is int else ''}number from {least:,} to {most:,}.")
    return kind(value)


def parameters(*known: str) -> dict[str, str]:
    """The query parameters, each at most once; raise `UnknownName` or `BadValue`."""
    found: dict[str, str] = {}
    for name, value in request.args.items(multi=True):
        if name not in known:
            raise UnknownName("parameter", name, known) if known else UsageError("No parameters are taken here.")
        if name in found:
            raise BadValue(name, value, "is given twice.")
        found[name] = value
    return found


def seconds(name: str, text: str) -> float:
    """A duration to wait, in seconds, at most `LONGEST_WAIT`."""
    return min(duration(text, name).total_seconds(), LONGEST_WAIT)


def flag(name: str, text: str) -> bool:
    """A parameter that is true or false."""
    if text not in ("true", "false"):
        raise BadValue(name, text, "is neither true nor false.")
    return text == "true"


def whole(name: str, text: str, *, least: int, most: int) -> int:
    """A parameter that is a whole number."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise BadValue(name, text, f"is no whole number from {least} to {most:,}.")
    return int(text)
