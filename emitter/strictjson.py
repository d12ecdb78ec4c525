"""JSON from outside, read with bounds: what another parser would read otherwise, or not at all, is refused here.

RFC 8259 leaves duplicate names, huge numbers and depth to each parser, so a body that depends on them means one thing
to us and another to the receiver. I-JSON (RFC 7493) is the rule kept here.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from emitter.errors import BadJson, shown

LARGEST = 1024 * 1024
DEEPEST = 64
INTEGERS = range(-(2**63), 2**64)


def loads(raw: bytes, *, largest: int = LARGEST) -> Any:
    """Read one JSON text of at most `largest` bytes and `DEEPEST` levels; raise `BadJson` with what is wrong, where."""
    if len(raw) > largest:
        raise BadJson(f"The JSON is larger than {largest:,} bytes", f"it has {len(raw):,}")
    if not raw.strip():
        raise BadJson("There is no JSON: the body is empty")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw[:4]:
        raise BadJson("The JSON is not UTF-8", "it looks like UTF-16 or UTF-32")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise BadJson("The JSON begins with a byte order mark; leave it out")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadJson("The JSON is not UTF-8", f"byte {error.start}") from None
    _measure(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_members, parse_int=_integer, parse_float=_float, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise BadJson(f"This is no JSON: {error.msg}", f"line {error.lineno}, column {error.colno}") from None
    if "\\u" in text:
        _no_lone_surrogates(value)
    return value


def _measure(text: str) -> None:
    """Refuse depth before the parser meets it: its own recursion limit is no bound to rely on."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth, inside, escaped = 0, False, False
    for position, character in enumerate(text):
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            if depth > DEEPEST:
                raise BadJson(f"The JSON is nested deeper than {DEEPEST} levels", f"character {position}")
        elif character in "]}":
            depth -= 1


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise BadJson(f"The JSON names the member {shown(twice)} twice in one object")
    return members


def _integer(digits: str) -> int:
    if len(digits) > 20 or int(digits) not in INTEGERS:
        raise BadJson("The JSON holds an integer beyond 64 bits", digits if len(digits) <= 24 else f"{digits[:24]}...")
    return int(digits)


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise BadJson("The JSON holds a number beyond a double", text[:24])
    return value


def _constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is no JSON")


def _no_lone_surrogates(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise BadJson("The JSON holds a lone surrogate, half of a pair; write the whole character") from None
    elif isinstance(value, dict):
        for name, member in value.items():
            _no_lone_surrogates(name)
            _no_lone_surrogates(member)
    elif isinstance(value, list):
        for item in value:
            _no_lone_surrogates(item)
