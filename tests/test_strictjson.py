"""JSON from outside: what is read, and that everything else is refused with what and where."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emitter import strictjson
from emitter.errors import BadJson


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b" [1, -0, 1.5e3, true, null] \n", [1, 0, 1500.0, True, None]),
        (b"5", 5),
        ('"é\\u00e9\\ud83d\\ude00"'.encode(), "éé😀"),
        (b'{"a": {"a": 1}}', {"a": {"a": 1}}),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1e-400", 0.0),
        (b'"' + b"[" * 1000 + b'\\"' + b"{" * 1000 + b'"', "[" * 1000 + '"' + "{" * 1000),
    ],
)
def test_plain_json_is_read(raw: bytes, value: object) -> None:
    assert strictjson.loads(raw) == value


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "the body is empty"),
        (b" \r\n\t ", "the body is empty"),
        (b"{", "line 1, column 2"),
        (b"nope", "This is no JSON"),
        (b"{'a': 1}", "This is no JSON"),
        (b'{"a": 1,}', "This is no JSON"),
        (b"[1] [2]", "Extra data"),
        (b'{"a":\n\n oops}', "line 3, column 2"),
        (b'"a\nb"', "control character"),
        (b"01", "This is no JSON"),
        (b"NaN", "NaN is no JSON"),
        (b"[Infinity]", "Infinity is no JSON"),
        (b"[-Infinity]", "-Infinity is no JSON"),
        (b"1e400", "beyond a double"),
        (b"-1e999999", "beyond a double"),
        (b"18446744073709551616", "beyond 64 bits (18446744073709551616)"),
        (b"-9223372036854775809", "beyond 64 bits"),
        (b"9" * 100_000, "beyond 64 bits (999999999999999999999999...)"),
        (b'{"a": 1, "b": 2, "a": 1}', 'the member "a" twice'),
        (b'{"a": 1, "\\u0061": 2}', 'the member "a" twice'),
        (b'[{"x": {"b": 1, "b": 2}}]', 'the member "b" twice'),
        (b'"\\ud800"', "lone surrogate"),
        (b'{"\\udc00": 1}', "lone surrogate"),
        (b'[[{"a": ["\\ude00\\ud83d"]}]]', "lone surrogate"),
        (b'"\xff"', "not UTF-8 (byte 1)"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\xc0\xaf"', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16"),
        ('{"a": 1}'.encode("utf-16-be"), "UTF-16"),
        ('{"a": 1}'.encode("utf-32"), "UTF-16 or UTF-32"),
        ('{"a": 1}'.encode("utf-8-sig"), "byte order mark"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels (character 64)"),
        (b"[" * 1_000_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (b'"\\"' + b"[" * 70 + b'"' + b"[" * 70, "nested deeper"),
        (b" " * (strictjson.LARGEST + 1), "larger than 1,048,576 bytes (it has 1,048,577)"),
    ],
)
def test_anything_else_is_refused_with_what_and_where(raw: bytes, why: str) -> None:
    with pytest.raises(BadJson) as caught:
        strictjson.loads(raw)

    assert why in str(caught.value)
    assert len(str(caught.value)) < 300


def test_sixty_four_levels_are_read() -> None:
    assert strictjson.loads(b"[" * 64 + b"]" * 64)


def test_a_caller_may_take_more_or_less() -> None:
    assert strictjson.loads(b'"aaaa"', largest=6) == "aaaa"
    with pytest.raises(BadJson, match="larger than 5 bytes"):
        strictjson.loads(b'"aaaa"', largest=5)


@pytest.mark.parametrize(
    "bomb",
    [
        b"{" + b",".join(b'"%d":0' % number for number in range(80_000)) + b',"0":0}',  # the last name is the twin
        b"[" + b"[]," * 300_000 + b"[]]",
        b'"' + b"\\u0061" * 170_000 + b'"',
        b'["' + b"[" * 1_000_000,
    ],
    ids=["names", "lists", "escapes", "open"],
)
def test_a_bomb_of_a_megabyte_is_settled_in_seconds(bomb: bytes) -> None:
    begun = time.monotonic()

    try:
        strictjson.loads(bomb)
    except BadJson:
        pass

    assert time.monotonic() - begun < 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


@given(JSON, st.booleans())
def test_what_json_can_hold_comes_back(value: object, plain: bool) -> None:
    assert strictjson.loads(json.dumps(value, ensure_ascii=plain).encode()) == value


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\x00")
@example(b"\\ud800")
@example(b"-")
def test_any_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    try:
        strictjson.loads(raw)
    except BadJson as error:
        assert str(error).isprintable() or "\n" in str(error)


@given(JSON, st.data())
def test_one_spoilt_byte_never_raises_anything_else(value: object, data: st.DataObject) -> None:
    raw = bytearray(json.dumps(value).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    try:
        read: Any = strictjson.loads(bytes(raw))
    except BadJson:
        return
    assert json.loads(bytes(raw)) == read
