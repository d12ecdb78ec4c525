"""JSON objects that hold a request: lines of recorders, of `emitter listen`, of our own export, entries of others."""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson

from emitter.captures.values import Broken, Captured, Origin
from emitter.clock import SECOND, parse_rfc3339
from emitter.errors import shown
from emitter.signing import Headers

MOST_HEADERS = 1000
_PLACES = ("url", "path", "rawPath")
_BODILESS = frozenset(("GET", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE"))


class Unreadable(Exception):
    """A piece that cannot be read; `str()` says why."""


def holds_request(value: dict[str, Any]) -> bool:
    """Whether an object is a capture, and not itself a body: an event has `data`, and nothing that carries a body."""
    return "data" not in value and ("bodyBase64" in value or "body" in value or "request" in value)


def of_object(value: dict[str, Any], raw: bytes, origin: Origin) -> Captured | Broken | None:
    """Read an object: a capture, or else a body, `raw` being its bytes. None is a request that carries nothing."""
    if not holds_request(value):
        return Captured(raw, origin=origin)
    try:
        return _captured(value, origin)
    except Unreadable as error:
        return Broken(origin, str(error))


def _captured(value: dict[str, Any], origin: Origin) -> Captured | None:
    request, answer = value.get("request", value), value.get("answer")
    if not isinstance(request, dict):
        raise Unreadable("its request is no object")
    method = request.get("method", request.get("httpMethod"))
    body, exact = _body(request)
    if carries_nothing(method, body):
        return None
    if "body" not in request and "bodyBase64" not in request:
        raise Unreadable("there is no body in it, as body or bodyBase64")
    return Captured(
        body=body,
        headers=headers_of(request.get("headers")),
        method=_text(method).upper(),
        url=next((url for name in _PLACES if (url := _text(request.get(name)))), ""),
        at=moment(value.get("at", value.get("startedAt"))),
        origin=origin,
        status=status_of(answer.get("status") if isinstance(answer, dict) else value.get("status")),
        exact=exact,
    )


def carries_nothing(method: object, body: bytes) -> bool:
    """Whether it is a request without a body that needs none: somebody looked whether there is a server."""
    return not body and isinstance(method, str) and method.upper() in _BODILESS


def _body(request: dict[str, Any]) -> tuple[bytes, bool]:
    """The bytes of a body, and whether they are the ones that came."""
    encoded, body = request.get("bodyBase64"), request.get("body")
    if encoded is None and isinstance(body, str):
        if request.get("bodyEncoding") == "base64" or request.get("isBase64Encoded") is True:
            encoded = body
    if isinstance(encoded, str):
        return base64_of(encoded), True
    if encoded is not None:
        raise Unreadable("its bodyBase64 is no text")
    match body:
        case None:
            return b"", True
        case str():
            return bytes_of(body)
        case dict() | list():
            return orjson.dumps(body), False
    raise Unreadable(f"its body is neither a text nor an object: {shown(body, 40)}")


def bytes_of(text: str) -> tuple[bytes, bool]:
    """The bytes of a text, and whether it was decoded without loss: U+FFFD stands for what could not be decoded."""
    return text.encode("utf-8", "surrogatepass"), "\ufffd" not in text


def base64_of(text: str) -> bytes:
    """Decode base64 of either alphabet, with or without line breaks; raise `Unreadable`."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass
    joined = "".join(text.split()).replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(joined + "=" * (-len(joined) % 4), strict_mode=True)
    except ValueError as error:
        raise Unreadable(f"its body is no base64: {str(error)[:1].lower()}{str(error)[1:]}") from None


def headers_of(value: object) -> Headers:
    """Read headers in any of the ways in which JSON holds them: an object, pairs, or objects of name and value."""
    if type(value) is list and (sound := _sound(value)) is not None:
        return sound
    pairs: list[tuple[str, str]] = []
    for name, text in _pairs(value):
        if type(name) is str and name[:1] != ":":  # HTTP/2 has its request line there
            if type(text) is str:
                pairs.append((name, text))
            else:
                pairs += [(name, str(each)) for each in (text if isinstance(text, list) else [text])]
    if len(pairs) > MOST_HEADERS:
        raise Unreadable(f"it has more than {MOST_HEADERS:,} headers")
    return tuple(pairs)


def _sound(value: list[Any]) -> Headers | None:
    """Pairs of texts, as recorders write them: read at a third of the cost. None for anything else."""
    if len(value) > MOST_HEADERS:
        return None
    pairs = []
    for pair in value:
        if type(pair) is not list or len(pair) != 2:
            return None
        name, text = pair
        if type(name) is not str or type(text) is not str or name[:1] == ":":
            return None
        pairs.append((name, text))
    return tuple(pairs)


def _pairs(value: object) -> Iterable[Any]:
    match value:
        case dict():
            return value.items()
        case list():
            if value and isinstance(value[0], dict):
                return [(each.get("name"), each.get("value", "")) for each in value if isinstance(each, dict)]
            return [each for each in value if isinstance(each, list) and len(each) == 2]
    return ()


def moment(value: object) -> int | None:
    """Read when something was captured: RFC 3339, or seconds, milliseconds, ... since 1970, told by their size."""
    if isinstance(value, str):
        try:
            if value[-1:] == "Z" and value[19:20] == "." and value[20:-1].isdigit() and value.isascii():
                return _second(value[:19]) + int(value[20:29].rstrip("Z").ljust(9, "0"))
            return parse_rfc3339(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e19:
        return None
    scale = next(scale for most, scale in ((1e11, SECOND), (1e14, 10**6), (1e17, 10**3), (1e20, 1)) if value < most)
    return round(value * scale)


@lru_cache(maxsize=64)  # many requests of a second, one after another
def _second(text: str) -> int:
    return parse_rfc3339(f"{text}Z")


def status_of(value: object) -> int | None:
    """Read the status of an answer; None where there was none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 999 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
