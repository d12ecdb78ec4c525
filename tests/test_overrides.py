"""`--set` and `--unset`: paths, values, and what is said when one leads nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.errors import BadValue, EmitterError, UnknownName
from emitter.factory import Override


def laid_on(body: dict[str, Any], *overrides: Override) -> dict[str, Any]:
    for override in overrides:
        override.apply(body)
    return body


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("data.x=y", ("data", "x"), "y"),
        ("data.x=5", ("data", "x"), 5),
        ('data.x="5"', ("data", "x"), "5"),
        ("data.x=true", ("data", "x"), True),
        ("data.x=null", ("data", "x"), None),
        ('data.x={"a":[1]}', ("data", "x"), {"a": [1]}),
        ("data.x=", ("data", "x"), ""),
        ("data.x=a=b", ("data", "x"), "a=b"),
        ("data.x=NaN", ("data", "x"), "NaN"),
        ("data.x={oops", ("data", "x"), "{oops"),
        ("data.x= spaced ", ("data", "x"), " spaced "),
        (r"data.a\.b=1", ("data", "a.b"), 1),
        (r"data.a\=b=1", ("data", "a=b"), 1),
        (r"data.a\\=1", ("data", "a\\"), 1),
        (r"data.a\[0]=1", ("data", "a[0]"), 1),
        ("data.tags[0]=1", ("data", "tags", "0"), 1),
        ("data.tags[0].x=1", ("data", "tags", "0", "x"), 1),
        ("data.tags[0][1]=1", ("data", "tags", "0", "1"), 1),
        ("data.tags.0=1", ("data", "tags", "0"), 1),
        ("type=x", ("type",), "x"),
        ("data.größe=1", ("data", "größe"), 1),
        ("data.a[b]=1", ("data", "a[b]"), 1),
    ],
)
def test_a_text_names_a_path_and_a_value(text: str, path: tuple[str, ...], value: object) -> None:
    assert Override.set(text) == Override(path, value)


@pytest.mark.parametrize(
    "text",
    ["", "=", "=x", "data", "data.x", ".x=1", "data.=1", "data..x=1", "[0]=1", "data[0]x=1", "a.\udc80=1", "a=\udc80"],
)
def test_a_text_that_is_no_override_is_refused(text: str) -> None:
    with pytest.raises(BadValue) as caught:
        Override.set(text)

    assert str(caught.value).startswith("set: ")


@pytest.mark.parametrize("text", ["", ".", "data.", "data..x", "[0]"])
def test_a_path_to_unset_is_read_as_strictly(text: str) -> None:
    with pytest.raises(BadValue, match="unset: "):
        Override.unset(text)


def test_setting_replaces_and_adds_and_makes_the_objects_on_the_way() -> None:
    body = {"data": {"a": 1}}

    laid_on(body, Override.set("data.a=2"), Override.set("data.b.c=3"), Override.set("d=4"))

    assert body == {"data": {"a": 2, "b": {"c": 3}}, "d": 4}


def test_lists_are_entered_by_index_and_grow_at_their_end() -> None:
    body = {"tags": ["a", {"x": 1}]}

    laid_on(body, *map(Override.set, ("tags.0=b", "tags[1].x=2", "tags.-=c", "tags[3]=d", "tags.-.y=1")))

    assert body == {"tags": ["b", {"x": 2}, "c", "d", {"y": 1}]}


def test_unsetting_takes_members_and_items_away() -> None:
    body = {"data": {"a": 1, "b": [1, 2, {"c": 3}]}}

    laid_on(body, *map(Override.unset, ("data.a", "data.b.0", "data.b[1].c")))

    assert body == {"data": {"b": [2, {}]}}


@pytest.mark.parametrize(
    ("override", "why"),
    [
        (Override.set("data.name.x=1"), "leads into data.name, which is a text"),
        (Override.set("data.n.x.y=1"), "leads into data.n, which is a number"),
        (Override.set("data.none.x=1"), "which is null"),
        (Override.set("data.tags.9=1"), "a list of 1: 9 is no place in it"),
        (Override.set("data.tags.x=1"), "x is no place in it"),
        (Override.set("data.tags.-1=1"), "-1 is no place in it"),
        (Override.set("data.tags.99999999999999999999=1"), "is no place in it"),
        (Override.unset("data.gone"), "cannot be taken away: data.gone is not there. There is: name, n, none, tags."),
        (Override.unset("data.gone.x"), "data.gone is not there"),
        (Override.unset("data.tags.1"), "data.tags.1 is not there"),
        (Override.unset("data.tags.-.x"), "data.tags.- is not there"),
        (Override.unset("data.name.x"), "leads into data.name"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_stops(override: Override, why: str) -> None:
    with pytest.raises(BadValue) as caught:
        override.apply({"data": {"name": "x", "n": 1, "none": None, "tags": [1]}})

    assert why in str(caught.value)


def test_an_override_is_not_changed_by_those_after_it() -> None:
    first, second = Override.set("data.a={}"), Override.set("data.a.b=1")

    laid_on({}, first, second)

    assert laid_on({}, first) == {"data": {"a": {}}}


def test_over_http_they_come_as_one_object() -> None:
    overrides = Override.of_json({"set": {"data.x": [1], r"data.a\.b": "5"}, "unset": ["data.y"]})

    assert overrides == (
        Override(("data", "x"), [1]),
        Override(("data", "a.b"), "5"),
        Override(("data", "y"), remove=True),
    )
    assert Override.of_json({}) == ()


@pytest.mark.parametrize(
    "document",
    [None, 5, [], "x", {"set": 5}, {"set": ["a"]}, {"set": {"": 1}}, {"unset": "data"}, {"unset": [1]},
     {"unset": {"a": 1}}, {"unset": [""]}],
)  # fmt: skip
def test_another_object_is_refused(document: object) -> None:
    with pytest.raises(BadValue):
        Override.of_json(document)


def test_a_member_that_is_misspelt_is_named() -> None:
    with pytest.raises(UnknownName, match='Did you mean "unset"'):
        Override.of_json({"unsett": []})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


@given(path=st.lists(NAMES, min_size=1, max_size=4), value=JSON)
def test_whatever_is_set_is_found_there(path: list[str], value: object) -> None:
    text = f"{Override(tuple(path)).text}={json.dumps(value)}"

    body = laid_on({}, Override.set(text))

    found: Any = body
    for step in path:
        found = found[step]
    assert found == value
    assert laid_on(body, Override(tuple(path), remove=True)) is body


@given(st.text(max_size=30))
def test_any_text_is_an_override_or_a_clear_error(text: str) -> None:
    try:
        Override.set(text).apply({"data": {"tags": [1]}})
        Override.unset(text).apply({"data": {"tags": [1]}})
    except EmitterError as error:
        assert str(error)
