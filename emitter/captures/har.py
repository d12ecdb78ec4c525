"""HAR 1.2: what browsers, proxies and our own export write. Only the requests in it are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from emitter.captures.shapes import Unreadable, base64_of, bytes_of, carries_nothing, headers_of, moment, status_of
from emitter.captures.values import Broken, Captured, Origin

LARGEST = 64 * 1024 * 1024
MOST_VALUES = 1_000_000  # members and items in one file: each costs memory, however few bytes it takes
BEGINNING = re.compile(rb'\s*\{\s*"log"\s*:')


def too_much(raw: bytes) -> str:
    """Say why a document is not read at all; nothing for one that is."""
    if len(raw) > LARGEST:
        return (
            f"it has more than {LARGEST >> 20} MiB, and JSON of one piece has to be read whole: split it, or bring the "
            "requests home as JSON lines, which may be of any length"
        )
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_VALUES:
        return f"it holds more than {MOST_VALUES:,} values: split it, or bring the requests home as JSON lines"
    return ""


def is_har(value: object) -> bool:
    """Whether a JSON document is a HAR file, whole or not."""
    return isinstance(value, dict) and "log" in value and "data" not in value


def of_har(value: Mapping[str, Any], file: str) -> Iterator[Captured | Broken]:
    """Read the requests of a HAR file that may be events; what cannot be read costs its entry."""
    log = value.get("log")
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        yield Broken(Origin(file), "it begins as a HAR file, but there is no list log.entries in it")
        return
    found = 0
    for number, entry in enumerate(entries, start=1):
        origin = Origin(file, entry=number)
        try:
            captured = _captured(entry, origin)
        except Unreadable as error:
            found += 1
            yield Broken(origin, str(error))
        else:
            if captured is not None:
                found += 1
                yield captured
    if not found:
        yield Broken(
            Origin(file),
            f"none of the {len(entries):,} requests in this HAR file has a body: was it recorded where the webhooks "
            "arrive? A browser keeps only what it sends itself",
        )


def _captured(entry: object, origin: Origin) -> Captured | None:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(request, dict):
        raise Unreadable("there is no request in it")
    method = request.get("method")
    body, exact = _body(request, method)
    if body is None:
        return None
    size, response = request.get("bodySize"), entry.get("response")
    if isinstance(size, int) and size > 0 and size != len(body):
        exact = False  # what was sent had another length: compressed, or decoded from something else
    url = request.get("url")
    return Captured(
        body=body,
        headers=headers_of(request.get("headers")),
        method=method.upper() if isinstance(method, str) else "",
        url=url if isinstance(url, str) else "",
        at=moment(entry.get("startedDateTime")),
        origin=origin,
        status=status_of(response.get("status")) if isinstance(response, dict) else None,
        exact=exact,
    )


def _body(request: Mapping[str, Any], method: object) -> tuple[bytes | None, bool]:
    """The body of an entry and whether it is exact; None for a request that has none and needs none."""
    posted, size = request.get("postData"), request.get("bodySize")
    if not isinstance(posted, dict):
        if carries_nothing(method, b""):
            return None, True
        if isinstance(size, int) and size > 0:
            raise Unreadable(f"its body of {size:,} bytes was left out by whoever wrote the file")
        return b"", size == 0
    text = posted.get("text")
    if not isinstance(text, str):
        if posted.get("params"):
            raise Unreadable("it posts a form, and the body itself is not in the file")
        text = ""
    if "base64" in (posted.get("encoding"), posted.get("_encoding")):
        return base64_of(text), True
    body, exact = bytes_of(text)
    return (None if carries_nothing(method, body) else body), exact
