"""Comparing schemas: what changed, who breaks, and an event for every break, held against the reference library."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from emitter.catalog import resource_directory
from emitter.contract.compare import BOTH, COMPATIBLE, RECEIVERS, SENDERS, UNDECIDED, Comparison, compare
from emitter.contract.compare_apart import Apart, decided_here
from emitter.contract.compare_reading import Source, Subject, read_source
from emitter.contract.compare_samples import Sampler
from emitter.contract.compare_strings import matching
from emitter.errors import SchemaError, UsageError

SHIPPED = resource_directory("schemas")
CREATED = "marketplace.data_product.state.created"
CHANGES: list[dict[str, Any]] = yaml.load(
    (Path(__file__).parent / "changes.yaml").read_bytes(), Loader=yaml.CSafeLoader
)


def _source(schema: Any, label: str) -> Source:
    return Source(label, {"": Subject("", "a.json", {"a.json": schema})}, whole=False)


def _compared(old: Any, new: Any) -> Comparison:
    return compare(_source(old, "old"), _source(new, "new"), decide=decided_here)


def _allows(schema: Any, body: Any) -> bool:
    """What the reference library says."""
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid(body)


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with Apart() as decide:
        yield decide


# --- verdicts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CHANGES, ids=lambda case: case["change"])
def test_a_change_breaks_whom_it_breaks_and_the_reference_confirms_every_witness(case: dict[str, Any]) -> None:
    old, new = case["old"], case["new"]

    found = _compared(old, new)

    assert found.verdict == case["verdict"]
    judged = [each for compared in found.types for each in compared.changes]
    for each in judged:
        assert ("breaks" in (each.receivers, each.senders)) == bool(each.witnesses)
        for witness in each.witnesses:
            strict, wide = (old, new) if witness.rejected_by == "old" else (new, old)
            assert _allows(wide, witness.body)
            assert not _allows(strict, witness.body)
            assert witness.violations


def test_the_table_is_long_enough_and_shows_every_verdict() -> None:
    assert len(CHANGES) >= 60
    assert {case["verdict"] for case in CHANGES} == {COMPATIBLE, RECEIVERS, SENDERS, BOTH}


@pytest.mark.parametrize("case", [case for case in CHANGES if case["verdict"] != BOTH], ids=lambda case: case["change"])
def test_what_is_said_to_break_nobody_is_broken_by_no_value_that_can_be_thought_of(case: dict[str, Any]) -> None:
    """A second opinion: values are made from both schemas, and the reference judges them."""
    old, new = case["old"], case["new"]
    values = [
        value
        for schema in (old, new)
        for value in Sampler({"a.json": schema}, Random("a second opinion")).values("a.json", schema, 60)
    ]

    for value in values:
        if case["verdict"] in (COMPATIBLE, SENDERS):
            assert _allows(old, value) or not _allows(new, value)
        if case["verdict"] in (COMPATIBLE, RECEIVERS):
            assert _allows(new, value) or not _allows(old, value)


@pytest.mark.acceptance
@pytest.mark.parametrize("seed", range(2))
def test_no_pair_of_schemas_is_called_compatible_that_a_value_tells_apart(seed: int) -> None:
    """Schemas of the table, alone and combined, each against another: verdicts against thousands of values."""
    chance = Random(f"pairs {seed}")
    simple = [schema for case in CHANGES for schema in (case["old"], case["new"]) if isinstance(schema, dict)]
    plain = [schema for schema in simple if "$defs" not in schema and "$ref" not in str(schema)]
    schemas = [*simple, *(_combined(chance, plain) for _ in range(80))]
    values = [
        value
        for schema in schemas
        for value in Sampler({"a.json": schema}, chance).values("a.json", schema, 24)
    ]  # fmt: skip
    allowed = [[jsonschema_rs.is_valid(schema, value, validate_formats=True) for value in values] for schema in schemas]

    for _ in range(150):
        one, other = chance.randrange(len(schemas)), chance.randrange(len(schemas))
        [found] = _compared(schemas[one], schemas[other]).types

        for judged in found.changes:
            for witness in judged.witnesses:
                strict, wide = (one, other) if witness.rejected_by == "old" else (other, one)
                assert _allows(schemas[wide], witness.body) and not _allows(schemas[strict], witness.body)
        pairs = list(zip(allowed[one], allowed[other], strict=True))
        if all(each.receivers == "fine" for each in found.changes):
            assert (False, True) not in pairs
        if all(each.senders == "fine" for each in found.changes):
            assert (True, False) not in pairs


def _combined(chance: Random, schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Two or three schemas as one."""
    one, two, three = (chance.choice(schemas) for _ in range(3))
    ways: list[dict[str, Any]] = [
        {"allOf": [one, two]}, {"anyOf": [one, two]}, {"oneOf": [one, two]}, {"not": one}, {**one, "allOf": [two]},
        {"if": one, "then": two, "else": three},
    ]  # fmt: skip
    return chance.choice(ways)


def test_what_is_neither_proven_nor_shown_is_unknown() -> None:
    old = {"type": "string", "pattern": "^(a+)+$"}
    new = {"type": "string", "pattern": "^(a|aa)+$"}  # the same language, which only people see

    found = _compared(old, new)

    assert found.verdict == UNDECIDED
    assert found.fails()
    assert not found.fails(allow_unknown=True)


def test_a_whole_number_is_the_same_however_it_is_written() -> None:
    old = {"type": "string", "minLength": 1.0}

    [same] = _compared(old, {"type": "string", "minLength": 1}).types

    assert not same.changes
    assert _compared(old, {"type": "string", "minLength": 2}).verdict == SENDERS


def test_a_break_stands_although_the_other_direction_is_unknown() -> None:
    old = {"type": "string", "pattern": "^[a-z]+$"}
    new = {"type": "string", "pattern": "^[a-z0-9]+$"}

    [compared] = _compared(old, new).types

    assert [(each.receivers, each.senders, each.verdict) for each in compared.changes] == [
        ("breaks", "unknown", RECEIVERS)
    ]


def test_a_break_of_senders_is_none_for_who_asks_for_receivers() -> None:
    found = _compared({"type": "object"}, {"type": "object", "required": ["a"]})

    assert found.fails("senders") and found.fails()
    assert not found.fails("receivers")


def test_what_is_not_about_validity_is_told_apart() -> None:
    old = {"type": "object", "properties": {"a": {"description": "One.", "x-provenance": "assumed"}}}
    new = {"type": "object", "properties": {"a": {"description": "Two.", "x-provenance": "assumed"}}, "examples": [{}]}

    [compared] = _compared(old, new).types

    assert compared.changes == ()
    assert [(each.pointer, each.keyword, each.old, each.new) for each in compared.remarks] == [
        ("", "examples", "", "[{}]"),
        ("/a", "description", '"One."', '"Two."'),
    ]


def test_a_member_that_only_one_side_names_is_one_change() -> None:
    old = {"type": "object", "properties": {"a": {}}}
    new = {
        "type": "object",
        "properties": {"a": {}, "b": {"type": "object", "properties": {"c": {"type": "integer", "minimum": 1}}}},
    }

    [compared] = _compared(old, new).types

    assert [(each.change.pointer, each.change.keyword, each.change.detail) for each in compared.changes] == [
        ("", "properties", "b")
    ]


def test_a_reference_is_followed_to_the_member_that_it_is_about() -> None:
    old = {"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {"allOf": [{"maxLength": 3, "type": "string"}]}}}}}
    new = {"properties": {"a": {"type": "string", "maxLength": 4}}}

    [compared] = _compared(old, new).types
    [judged] = compared.changes

    assert (judged.change.pointer, judged.change.keyword) == ("/a", "maxLength")
    assert judged.change.old[0].place == "a.json#/$defs/x/properties/a/allOf/0/maxLength"
    assert judged.change.new[0].place == "a.json#/properties/a/maxLength"


# --- catalogues -------------------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the shipped schemas."""
    shutil.copytree(SHIPPED, tmp_path / "own")
    return tmp_path / "own"


def _edit(file: Path, change: Any) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_the_shipped_schemas_are_like_themselves(own: Path) -> None:
    found = compare(read_source("shipped"), read_source(str(own)), decide=decided_here)

    assert found.verdict == COMPATIBLE
    assert len(found.types) == len(list(SHIPPED.glob("*.json"))) - 1
    assert not any(each.changes or each.remarks or each.there for each in found.types)


def test_a_rule_that_all_types_share_is_told_of_each_with_a_witness_that_the_reference_confirms(own: Path) -> None:
    _edit(own / "envelope.json", lambda it: it["$defs"]["dataProductId"].update(type=["string", "integer"]))

    with Apart() as apart:
        found = compare(read_source("shipped"), read_source(str(own)), decide=apart)

    assert found.verdict == RECEIVERS
    assert [len(each.changes) for each in found.types] == [1] * len(found.types)
    for compared in found.types:
        [witness] = compared.changes[0].witnesses
        assert [each.pointer for each in witness.violations] == ["/data/dataProductId"]
        for directory, expected in ((SHIPPED, False), (own, True)):
            assert _reference(directory, f"{compared.type}.json").is_valid(witness.body) is expected


def _reference(directory: Path, file: str) -> Draft202012Validator:
    """The reference validator; the pattern with \\p, which `re` cannot read, is left out."""
    documents = {path.name: json.loads(path.read_text()) for path in directory.glob("*.json")}
    del documents["envelope.json"]["$defs"]["nameRules"]["pattern"]
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource(document, DRAFT202012)) for name, document in documents.items()
    )
    schema = {**documents[file], "$id": file}
    return Draft202012Validator(schema, registry=registry, format_checker=jsonschema.FormatChecker())


def test_a_type_that_is_new_breaks_nobody_and_one_that_is_gone_breaks_who_sends_it(own: Path) -> None:
    _edit(own / f"{CREATED}.json", lambda it: it["properties"]["type"].update(const="marketplace.state.made"))

    found = compare(read_source("shipped"), read_source(str(own)), decide=decided_here)

    there = {each.type: (each.there, each.verdict) for each in found.types if each.there}
    assert there == {CREATED: ("removed", SENDERS), "marketplace.state.made": ("added", COMPATIBLE)}


def test_a_file_is_compared_with_its_own_type_and_no_other_is_missed(own: Path) -> None:
    file = own / f"{CREATED}.json"
    _edit(file, lambda it: it["properties"]["data"].update(required=["dataProductId"]))

    found = compare(read_source("shipped"), read_source(str(file)), decide=decided_here)

    assert [(each.type, each.verdict) for each in found.types] == [(CREATED, SENDERS)]


def test_a_file_alone_has_our_envelope(own: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    shutil.copy(own / f"{CREATED}.json", alone)

    found = compare(read_source("shipped"), read_source(str(alone)), decide=decided_here)

    assert found.verdict == COMPATIBLE and not found.types[0].changes


def test_the_schemas_inside_a_wheel_are_read(own: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "request_app_emitter-0.0.9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("emitter/__init__.py", "")
        for path in SHIPPED.glob("*.json"):
            archive.write(path, f"emitter/schemas/{path.name}")
    _edit(own / f"{CREATED}.json", lambda it: it["properties"]["data"].update(required=["dataProductId"]))

    found = compare(read_source(str(wheel)), read_source(str(own)), decide=decided_here)

    assert [(each.type, each.verdict) for each in found.types if each.changes] == [(CREATED, SENDERS)]


def test_a_version_that_is_not_installed_is_refused_with_what_to_give_instead() -> None:
    with pytest.raises(UsageError, match=r"0\.0\.9 is not here: 0\.1\.0 is installed.*wheel.*directory"):
        read_source("0.0.9", version="0.1.0")

    assert read_source("0.1.0", version="0.1.0").label == "shipped (0.1.0)"


# --- hostile schemas --------------------------------------------------------------------------------------------------


def _spent() -> float:
    """Seconds of CPU of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _branches(count: int, start: int) -> dict[str, Any]:
    branch = {"type": "object", "required": ["a"]}
    return {"anyOf": [{**branch, "properties": {"a": {"const": start + number}}} for number in range(count)]}


def _doubling(depth: int, last: str, *, within: str) -> dict[str, Any]:
    """Definitions of which each refers to the next twice."""
    definitions: dict[str, Any] = {}
    for number in range(depth):
        ref = {"$ref": f"#/$defs/d{number + 1}"}
        definitions[f"d{number}"] = (
            {"properties": {"a": ref, "b": ref}} if within == "properties" else {within: [ref, ref]}
        )
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{depth}": {"type": last}}}


HOSTILE = {
    "10,000 branches": (_branches(10_000, 0), _branches(10_000, 1)),
    "10,000 constants": (
        {"anyOf": [{"const": each} for each in range(10_000)]},
        {"anyOf": [{"const": each} for each in range(1, 10_001)]},
    ),
    "4,000 constants": (
        {"anyOf": [{"const": each} for each in range(4_000)]},
        {"anyOf": [{"const": each} for each in range(1, 4_001)]},
    ),
    "4,000 members": ({"type": "object"}, {"properties": {f"m{each}": {} for each in range(4_000)}}),
    "10,000 choices": ({"enum": list(range(10_000))}, {"enum": list(range(1, 10_001))}),
    "a pattern that backtracks": (
        {"type": "string", "pattern": "^(a+)+$"},
        {"type": "string", "pattern": "(?=(a+)+b)^(a+)+$"},
    ),
    "a reference to itself": ({"$ref": "#"}, {"type": "string"}),
    "references in a circle": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"type": "string"},
    ),
    "references that double": (
        _doubling(30, "string", within="properties"),
        _doubling(30, "null", within="properties"),
    ),
    "references that double at one place": (
        _doubling(30, "string", within="allOf"),
        _doubling(30, "null", within="allOf"),
    ),
    "branches that double": (_doubling(30, "string", within="anyOf"), _doubling(30, "null", within="anyOf")),
    "a tree without end": (
        {"type": "object", "additionalProperties": {"$ref": "#"}},
        {"type": ["object", "null"], "additionalProperties": {"$ref": "#"}},
    ),
    "limits beyond all measure": ({"type": "string", "minLength": 10**15}, {"type": "array", "minItems": 10**15}),
    "nothing but not": ({"not": {"not": {"not": {"not": {}}}}}, {"not": {"not": {"not": {}}}}),
}  # fmt: skip


LONG = ("10,000 branches", "10,000 constants", "4,000 constants", "references that double", "nothing but not")


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.acceptance) if each in LONG else each for each in HOSTILE]
)
def test_a_hostile_schema_is_answered_in_two_seconds(name: str, tmp_path: Path) -> None:
    sides = []
    for side, schema in zip(("old", "new"), HOSTILE[name], strict=True):
        (tmp_path / side).mkdir()
        file = tmp_path / side / "hostile.json"
        file.write_text(json.dumps(schema))
        sides.append(str(file))
    spent = []
    while len(spent) < 3 and min(spent, default=2) >= 2:  # others' work slows ours down, in seconds of CPU, too
        begun = _spent()

        with Apart() as apart:
            found = compare(read_source(sides[0]), read_source(sides[1]), decide=apart)

        spent.append(_spent() - begun)
    assert min(spent) < 2
    assert found.verdict != COMPATIBLE


def test_what_takes_too_long_or_is_too_large_is_unknown_and_says_so() -> None:
    with Apart() as apart:
        for name, why in (("branches that double", "within the time"), ("10,000 branches", "more than 10,000 parts")):
            old, new = HOSTILE[name]

            [compared] = compare(_source(old, "old"), _source(new, "new"), decide=apart).types

            assert [(each.verdict, why in each.why) for each in compared.changes] == [(UNDECIDED, True)]


def test_what_fails_while_it_is_decided_is_unknown_for_that_reason_and_no_other() -> None:
    good = {"documents": {"a.json": {"type": "object"}}, "file": "a.json"}
    with Apart() as apart:
        failed = list(apart(good, {**good, "file": "nowhere.json"}, [], 2))
        process = apart._worker
        again = list(apart(good, {**good, "documents": {"a.json": {"type": "string"}}}, [], 1))

        assert [why for _, _, why in failed] == ["it could not be decided: deciding it failed with KeyError"] * 2
        assert again[0][2] == "" and apart._worker is process


def test_a_schema_of_ten_megabytes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    file.write_text(json.dumps({"description": "a" * 10_000_000}))
    begun = _spent()

    with pytest.raises(SchemaError, match="larger than 1,048,576 bytes"):
        read_source(str(file))

    assert _spent() - begun < 2


@pytest.mark.parametrize(
    "ref", ["http://127.0.0.1:9/x.json", "file:///etc/passwd", "../secret.json", "/etc/passwd", "other/x.json"]
)
def test_nothing_is_fetched_and_no_file_elsewhere_is_read(ref: str, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"const": "secret"}')
    (tmp_path / "own").mkdir()
    file = tmp_path / "own" / "a.json"
    file.write_text(json.dumps({"$ref": ref}))

    with pytest.raises(SchemaError) as refused:
        read_source(str(file))

    assert "secret" not in str(refused.value).replace(ref, "")


def test_a_link_that_leads_out_of_the_directory_is_not_followed(tmp_path: Path, own: Path) -> None:
    (tmp_path / "secret.json").write_text((SHIPPED / f"{CREATED}.json").read_text())
    (own / "x.json").symlink_to(tmp_path / "secret.json")

    with pytest.raises(SchemaError, match="leads out of the directory"):
        read_source(str(own))


def test_a_link_to_itself_is_no_schema(own: Path) -> None:
    (own / "x.json").symlink_to(own / "x.json")

    assert len(read_source(str(own)).subjects) == len(read_source("shipped").subjects)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"type": 7}', b'{"$schema": "http://json-schema.org/draft-07/schema#"}']
)
def test_what_is_no_schema_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)

    with pytest.raises(SchemaError, match=r"a\.json: "):
        read_source(str(file))


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"PK no")
    with zipfile.ZipFile(tmp_path / "b.whl", "w") as archive:
        archive.writestr("other/schemas/a.json", "{}")
    with zipfile.ZipFile(tmp_path / "c.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("emitter/schemas/a.json", "[]" * 500)
    whole = (tmp_path / "c.whl").read_bytes()
    (tmp_path / "c.whl").write_bytes(whole[:55] + b"\xff\xff\xff" + whole[58:])
    with zipfile.ZipFile(tmp_path / "d.whl", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("emitter/schemas/a.json", "[]" * 500)
    whole = (tmp_path / "d.whl").read_bytes()
    (tmp_path / "d.whl").write_bytes(whole[:62] + b"\xff" * 12 + whole[74:])
    with zipfile.ZipFile(tmp_path / "e.whl", "w") as archive:
        archive.writestr("emitter/schemas/é.json", "{}")
    whole = (tmp_path / "e.whl").read_bytes()
    (tmp_path / "e.whl").write_bytes(whole.replace("é".encode(), b"\xff\xfe"))

    with pytest.raises(SchemaError, match="no wheel that can be read"):
        read_source(str(tmp_path / "a.whl"))
    with pytest.raises(SchemaError, match="no schemas"):
        read_source(str(tmp_path / "b.whl"))
    for name in ("c.whl", "d.whl", "e.whl"):
        with pytest.raises(SchemaError, match="no wheel that can be read"):
            read_source(str(tmp_path / name))


# --- texts for patterns -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{4}-\d{2}T(\.\d+)?Z$",
        r"^[\p{L}\p{M}\p{N}()\-_/\\\s]*$",
        "^c[a-z0-9]{24}$",
        "^(?:ab|c)+d?$",
        r"^[^a-z]\x41\u0042$",
    ],
)
def test_texts_for_a_pattern_match_it(pattern: str) -> None:
    schema = {"pattern": pattern}
    engine = jsonschema_rs.Draft202012Validator(schema)

    texts = list(matching(pattern, Random(7)))

    assert texts
    assert all(engine.is_valid(text) for text in texts)


@pytest.mark.parametrize(
    "pattern", ["(", "[", "a{99999999}", "(" * 100, "\\", "[z-a]", r"\u{110000}", "^(((a{0,99}){0,99}){0,99})$"]
)
def test_a_pattern_that_cannot_be_read_gives_no_text_and_no_error(pattern: str) -> None:
    assert all(len(text) <= 600 for text in matching(pattern, Random(7)))
