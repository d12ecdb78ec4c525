"""JSON from a file: one line of it, or one document, which may be a body, a HAR file, captures, or several bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from emitter.captures import har
from emitter.captures.shapes import holds_request, of_object
from emitter.captures.values import BOM, Broken, Captured, Origin
from emitter.errors import shown

_BETWEEN = re.compile(rb"(?<=\n\})[ \t\r]*\n\s*(?=\{)")  # documents one after another, as jq prints them


def of_line(raw: bytes, origin: Origin) -> Captured | Broken | None:
    """Read one line: a body, or a capture around one. None is a request that carries nothing."""
    raw = raw.strip()
    try:
        value = orjson.loads(raw)
    except ValueError as error:
        if raw.removeprefix(BOM).startswith(b"{") and raw.endswith(b"}"):
            return Captured(raw, origin=origin)  # whole, but no JSON: a body that breaks the contract
        return Broken(origin, _no_json(raw, error))
    if isinstance(value, dict):
        return of_object(value, raw, origin)
    return Captured(raw, origin=origin)


def of_document(raw: bytes, file: str) -> Iterator[Captured | Broken]:
    """Read one JSON document of at most `har.LARGEST` bytes; a longer one is refused."""
    origin = Origin(file)
    if why := har.too_much(raw):
        yield Broken(origin, why)
        return
    try:
        value = orjson.loads(raw.removeprefix(BOM) if har.BEGINNING.match(raw.removeprefix(BOM)) else raw)
    except ValueError as error:
        yield from _unparsed(raw, file, error)
        return
    if har.is_har(value):
        yield from har.of_har(value, file)
    elif isinstance(value, list) and value and all(isinstance(each, dict) and holds_request(each) for each in value):
        for number, each in enumerate(value, start=1):
            found = of_object(each, b"", Origin(file, entry=number))
            if found is not None:
                yield found
    elif isinstance(value, dict):
        found = of_object(value, raw, origin)
        if found is not None:
            yield found
    else:
        yield Captured(raw, origin=origin)


def _unparsed(raw: bytes, file: str, error: ValueError) -> Iterator[Captured | Broken]:
    """What orjson does not take: a HAR file that broke off, several documents, or a body that is no JSON."""
    if har.BEGINNING.match(raw):
        yield Broken(Origin(file), f"it begins as a HAR file, but {_no_json(raw, error)}")
        return
    places = [0, *(found.end() for found in _BETWEEN.finditer(raw))]
    if len(places) == 1:
        yield Captured(raw, origin=Origin(file))
        return
    line, counted = 1, 0
    for start, end in zip(places, [*places[1:], len(raw)], strict=True):
        line, counted = line + raw.count(b"\n", counted, start), start
        found = of_line(raw[start:end], Origin(file, line=line))
        if found is not None:
            yield found


def _no_json(raw: bytes, error: ValueError) -> str:
    """Say why a piece is no JSON, and what it seems to be."""
    text = str(error).partition(":")[0]
    if b"\0" in raw:
        return "it is binary, and no JSON"
    if raw[:1] in (b"{", b"[", b'"') and ("unexpected end" in text or "EOF" in text):
        return f"it breaks off after {len(raw):,} bytes: the end of the JSON is missing"
    return f"it is no JSON ({text}), and begins with {shown(raw[:40].decode('utf-8', 'backslashreplace'), 40)}"
