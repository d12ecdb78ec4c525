"""The catalogue: names, verdicts, directories of one's own, and files that cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emitter.catalog import Catalog, resource_directory
from emitter.errors import SchemaError, UnknownEventType

PREFIX = "marketplace.data_product."
GOOD = {
    "timestamp": "2025-07-22T18:16:14.608998951Z",
    "data": {"actionLink": "https://app.test/x", "dataProductId": "12345", "dataProductName": "Claims"},
    "type": f"{PREFIX}data_sources.updated",
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def typed(name: str, **rest: Any) -> dict[str, Any]:
    """A schema of one's own for the event type `name`."""
    return {"$ref": "envelope.json", "properties": {"type": {"const": name}, **rest.pop("properties", {})}, **rest}


def written(directory: Path, **files: Any) -> Path:
    """Write each schema, or text, to its file; a dot in a name is spelt as two underscores."""
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (directory / f"{name}.json").write_text(text, encoding="utf-8")
    return directory


class TestNames:
    def test_the_full_name_the_alias_and_a_unique_end_all_lead_to_the_type(self, catalog: Catalog) -> None:
        found = {catalog.resolve(name) for name in (f"{PREFIX}access_requests.revoked", "access-revoked", "revoked")}

        assert [kind.name for kind in found] == [f"{PREFIX}access_requests.revoked"]

    def test_an_end_is_cut_at_a_dot(self, catalog: Catalog) -> None:
        with pytest.raises(UnknownEventType):
            catalog.resolve("voked")

    def test_an_ambiguous_end_lists_what_it_fits(self, catalog: Catalog) -> None:
        with pytest.raises(UnknownEventType) as caught:
            catalog.resolve("created")

        assert caught.value.ambiguous == (f"{PREFIX}access_requests.created", f"{PREFIX}state.created")
        assert "fits several event types" in str(caught.value)

    def test_a_typo_brings_the_nearest_names(self, catalog: Catalog) -> None:
        with pytest.raises(UnknownEventType) as caught:
            catalog.resolve("access_requests.revoke")

        assert f"{PREFIX}access_requests.revoked" in caught.value.nearest

    @pytest.mark.parametrize("name", ["", ".", " ", "x" * 10_000, "\x00", "*"])
    def test_nonsense_is_no_event_type(self, catalog: Catalog, name: str) -> None:
        with pytest.raises(UnknownEventType):
            catalog.resolve(name)

    def test_it_can_be_counted_listed_and_asked(self, catalog: Catalog) -> None:
        assert len(catalog) == len(catalog.names) == len(list(catalog)) == 12
        assert catalog.names[0].endswith("access_requests.created")
        assert catalog.get("revoked") is None
        assert f"{PREFIX}state.deleted" in catalog


class TestVerdicts:
    def test_a_good_body_is_valid(self, catalog: Catalog) -> None:
        assert catalog.verdict(GOOD) == ("valid", [])

    def test_a_sound_envelope_around_an_unknown_type_is_unknown(self, catalog: Catalog) -> None:
        assert catalog.verdict({**GOOD, "type": "marketplace.webhook.test", "data": {}}) == ("unknown", [])

    @pytest.mark.parametrize("body", [None, 1, "x", [], {}, {"type": 5}, {"type": []}, {"type": "x", "data": []}])
    def test_what_is_no_envelope_is_invalid_and_says_why(self, catalog: Catalog, body: object) -> None:
        verdict, violations = catalog.verdict(body)

        assert verdict == "invalid"
        assert violations

    def test_every_violation_is_found_with_its_place_its_rule_and_its_mark(self, catalog: Catalog) -> None:
        body = {
            "timestamp": "yesterday",
            "data": {"actionLink": "no link", "dataProductName": "R&D"},
            "type": GOOD["type"],
        }

        _, violations = catalog.verdict(body)

        assert [(each.pointer, each.rule, each.provenance) for each in violations] == [
            ("/data", "required", "documented"),
            ("/data/actionLink", "format", "documented"),
            ("/data/dataProductName", "pattern", "derived"),
            ("/timestamp", "format", "documented"),
            ("/timestamp", "pattern", "documented"),
        ]
        assert violations[0].message == "the member dataProductId is missing"
        assert violations[1].message == 'must be a whole URI, is "no link"'
        assert violations[2].message.startswith("must hold only letters")

    def test_a_broken_assumption_is_told_from_a_broken_promise(self, catalog: Catalog) -> None:
        body = {**GOOD, "type": f"{PREFIX}access_requests.revoked", "data": {"dataProductId": 5}}

        _, violations = catalog.verdict(body)

        assert [(each.message, each.provenance) for each in violations] == [
            ("must be a string, is the number 5", "assumed")
        ]

    def test_what_has_no_mark_of_its_own_bears_that_of_what_it_is_part_of(self, catalog: Catalog) -> None:
        body = {
            **GOOD,
            "type": f"{PREFIX}access_requests.data_steward.updated",
            "data": {"xSimulator": {"approvers": [5]}},
        }

        _, violations = catalog.verdict(body)

        assert [(each.pointer, each.provenance) for each in violations] == [("/data/xSimulator/approvers/0", "assumed")]

    def test_a_pointer_is_escaped_as_rfc_6901_says(self, tmp_path: Path) -> None:
        schema = typed(
            "a.b", properties={"data": {"properties": {"x/y~z": {"type": "array", "items": {"minimum": 3}}}}}
        )
        catalog = Catalog.load(written(tmp_path, mine=schema))

        _, violations = catalog.verdict({**GOOD, "type": "a.b", "data": {"x/y~z": [5, 1]}})

        assert [each.pointer for each in violations] == ["/data/x~1y~0z/1"]

    @pytest.mark.parametrize(
        ("rule", "value", "words"),
        [
            ({"enum": ["eu", "us"]}, "x", 'must be one of "eu", "us", is "x"'),
            ({"const": 1}, 2, "must be 1, is 2"),
            ({"minLength": 3}, "ab", "must have at least 3 characters, has 2"),
            ({"maxItems": 1}, [1, 2], "must have at most 1 items, has 2"),
            ({"maximum": 9}, 10, "must be at most 9, is 10"),
            ({"exclusiveMinimum": 0}, 0, "must be more than 0, is 0"),
            ({"exclusiveMaximum": 0}, 0, "must be less than 0, is 0"),
            ({"multipleOf": 5}, 6, "must be a multiple of 5, is 6"),
            ({"uniqueItems": True}, [1, 1], "must not hold the same item twice"),
            ({"maxProperties": 0}, {"a": 1}, "must have at most 0 members, has 1"),
            ({"pattern": "^a$"}, "b", 'must match ^a$, is "b"'),
            ({"type": ["string", "null"]}, [1], "must be a string or null, is an array"),
            ({"format": "ipv4"}, "x", 'must be an IPv4 address, is "x"'),
            ({"format": "regex"}, "(", 'must be of the format regex, is "("'),
            ({"anyOf": [{"type": "null"}, {"const": 3}]}, 4,
             'fits none of the forms that are allowed here: 4 is not of type "null"; 3 was expected'),
            ({"oneOf": [{"minimum": 5}]}, 4,
             "fits none of the forms that are allowed here: 4 is less than the minimum of 5"),
            ({"additionalProperties": False}, {"a": 1}, "must not be there"),
            ({"propertyNames": {"maxLength": 1}}, {"ab": 1},
             'has a member whose name is not allowed: "ab" is longer than 1 character'),
            ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"b": 1}, 'must not have the members "b"'),
            (False, 1, "must not be there"),
            ({"not": {}}, 1, "must not be as it is: 1"),
        ],
    )  # fmt: skip
    def test_each_rule_is_put_into_words(self, tmp_path: Path, rule: Any, value: object, words: str) -> None:
        catalog = Catalog.load(written(tmp_path, mine=typed("a.b", properties={"data": {"properties": {"x": rule}}})))

        _, violations = catalog.verdict({**GOOD, "type": "a.b", "data": {"x": value}})

        assert [each.message for each in violations] == [words]

    def test_a_pattern_may_name_the_properties_of_letters(self, tmp_path: Path) -> None:
        rule = {"patternProperties": {"^\\p{Lu}": {"type": "string"}}, "dependentRequired": {"a": ["b"]}}
        catalog = Catalog.load(written(tmp_path, mine=typed("a.b", properties={"data": rule})))

        _, violations = catalog.verdict({**GOOD, "type": "a.b", "data": {"Ä": 1, "a": 1}})

        assert sorted((each.pointer, each.rule) for each in violations) == [
            ("/data", "required"),
            ("/data/Ä", "type"),
        ]

    def test_what_is_shown_of_a_body_is_cut_and_printable(self, catalog: Catalog) -> None:
        _, violations = catalog.verdict({**GOOD, "timestamp": "\x1b[31m" + "x" * 10_000})

        assert all(len(each.message) < 400 and each.message.isprintable() for each in violations)


class TestDirectories:
    def test_a_thirteenth_file_is_a_thirteenth_type(self, tmp_path: Path) -> None:
        catalog = Catalog.load(written(tmp_path, mine=typed("acme.region.moved", **{"x-alias": "moved-region"})))

        assert len(catalog) == 13
        assert catalog.resolve("moved") is catalog.resolve("moved-region") is catalog.get("acme.region.moved")
        assert catalog.names[-1] == "acme.region.moved"

    def test_a_file_for_a_type_that_is_there_replaces_it(self, tmp_path: Path) -> None:
        name = f"{PREFIX}access_requests.revoked"

        catalog = Catalog.load(written(tmp_path, mine=typed(name, title="Mine", **{"x-alias": "access-revoked"})))

        assert len(catalog) == 12
        assert catalog.resolve("revoked").title == "Mine"

    def test_a_directory_with_an_envelope_of_its_own_stands_alone(self, tmp_path: Path) -> None:
        envelope = {"type": "object", "required": ["type", "tenant"]}

        catalog = Catalog.load(written(tmp_path, envelope=envelope, mine=typed("a.b")))

        assert catalog.names == ("a.b",)
        assert catalog.verdict({"type": "a.b", "tenant": 1}) == ("valid", [])
        assert catalog.verdict({"type": "x"})[0] == "invalid"

    def test_several_directories_add_up(self, tmp_path: Path) -> None:
        one, two = written(tmp_path / "1", a=typed("a.a")), written(tmp_path / "2", b=typed("b.b"))

        assert len(Catalog.load(one, two)) == 14

    def test_a_file_may_refer_to_its_neighbours_and_bear_an_id(self, tmp_path: Path) -> None:
        shared = typed("a.shared", **{"$defs": {"region": {"enum": ["eu", "us"]}}})
        mine = typed("a.b", properties={"data": {"properties": {"region": {"$ref": "shared.json#/$defs/region"}}}})

        catalog = Catalog.load(written(tmp_path, shared=shared, mine={"$id": "https://acme.test/mine.json", **mine}))

        assert catalog.verdict({**GOOD, "type": "a.b", "data": {"region": "eu"}})[0] == "valid"
        assert catalog.verdict({**GOOD, "type": "a.b", "data": {"region": "x"}})[0] == "invalid"
        assert catalog.resolve("a.b").bundled["$defs"].keys() == {"envelope.json", "shared.json"}

    def test_what_is_no_json_file_is_left_alone(self, tmp_path: Path) -> None:
        written(tmp_path, mine=typed("a.b"))
        (tmp_path / "README.md").write_text("no schema")
        (tmp_path / "deeper.json").mkdir()

        assert len(Catalog.load(tmp_path)) == 13

    def test_without_hints_every_member_is_sent_and_only_the_extended_ones_are_not(self, tmp_path: Path) -> None:
        data = {"properties": {"b": {}, "a": {}, "more": {"x-profile": "extended"}}}

        kind = Catalog.load(written(tmp_path, mine=typed("a.b", properties={"data": data}))).resolve("a.b")

        assert kind.core == ("a", "b")
        assert kind.extended == ("more",)
        assert (kind.link, kind.title, kind.example) == ("none", "a.b", {})

    def test_what_comes_with_emitter_lies_in_the_package_or_beside_it(self) -> None:
        assert (resource_directory("schemas") / "envelope.json").is_file()

    def test_the_same_files_are_one_catalogue_and_a_file_that_was_changed_is_read_anew(self, tmp_path: Path) -> None:
        before = Catalog.load(written(tmp_path, mine=typed("a.b", title="Old")))

        assert Catalog.load(tmp_path) is before
        after = Catalog.load(written(tmp_path, mine=typed("a.b", title="New")))
        assert (before.resolve("a.b").title, after.resolve("a.b").title) == ("Old", "New")


class TestBadFiles:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("{", "This is no JSON"),
            ("", "empty"),
            ("[]", "no object"),
            ('{"a": 1, "a": 2}', "twice"),
            ("[" * 10_000, "nested deeper"),
            ('{"$schema": "http://json-schema.org/draft-07/schema#"}', "only draft 2020-12"),
            ({}, "names no event type"),
            ({"properties": 5}, "names no event type"),
            (typed(""), "no name of an event type"),
            (typed("a b"), "no name of an event type"),
            ({"properties": {"type": {"const": 5}}}, "no name of an event type"),
            (typed("a.b", properties={"data": {"type": "strin"}}), "strin"),
            (typed("a.b", properties={"data": {"properties": {"x": 5}}}), ""),
            (typed("a.b", properties={"data": {"pattern": "("}}), "regex"),
            (typed("a.b", allOf=5), ""),
            (typed("a.b", properties={"data": {"$ref": "https://acme.test/x.json"}}), "ever fetched"),
            (typed("a.b", properties={"data": {"items": {"$ref": "https://acme.test/x.json"}}}), "ever fetched"),
            (typed("a.b", properties={"data": {"$ref": "gone.json"}}), "gone.json"),
            (typed("a.b", properties={"data": {"$ref": "#/$defs/gone"}}), "gone"),
            (typed("a.b", properties={"data": {"$ref": "../../etc/passwd"}}), "passwd"),
            (typed("a.b", **{"x-link": "home"}), "x-link"),
            (typed("a.b", **{"x-link": ["home"]}), "x-link"),
            (typed("a.b", **{"x-cycle": "life"}), "x-cycle"),
            (typed("a.b", **{"x-core": "region"}), "x-core"),
            (typed("a.b", **{"x-alias": 5}), "x-alias"),
            (typed("a.b", **{"x-alias": "access-revoked"}), "taken"),
            (typed("a.b", properties={"data": {"x-provenance": "rumoured"}}), "x-provenance"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_named_with_the_reason(self, tmp_path: Path, content: Any, why: str) -> None:
        with pytest.raises(SchemaError) as caught:
            Catalog.load(written(tmp_path, mine=content))

        assert caught.value.file == tmp_path / "mine.json"
        assert why in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_one_type_in_two_files_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SchemaError, match=r'"a\.b" is taken by a\.json already'):
            Catalog.load(written(tmp_path, a=typed("a.b"), b=typed("a.b")))

    def test_a_broken_envelope_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SchemaError):
            Catalog.load(written(tmp_path, envelope={"type": "strin"}))

    def test_a_directory_that_is_not_there_or_empty_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SchemaError, match="cannot be read"):
            Catalog.load(tmp_path / "gone")
        with pytest.raises(SchemaError, match="no schema file"):
            Catalog.load(tmp_path)

    def test_a_file_that_is_not_utf_8_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "mine.json").write_bytes(json.dumps(typed("a.b")).encode("utf-16"))

        with pytest.raises(SchemaError, match="UTF-8"):
            Catalog.load(tmp_path)

    def test_a_schema_that_refers_to_itself_loads(self, tmp_path: Path) -> None:
        tree = {"type": "object", "properties": {"inner": {"$ref": "#/$defs/tree"}}}
        schema = typed("a.b", properties={"data": {"$ref": "#/$defs/tree"}}, **{"$defs": {"tree": tree}})

        catalog = Catalog.load(written(tmp_path, mine=schema))

        assert catalog.verdict({**GOOD, "type": "a.b", "data": {"inner": {"inner": 5}}})[0] == "invalid"


def test_loading_brings_in_neither_the_explainer_nor_the_vocabulary() -> None:
    code = (
        "import sys; from emitter.catalog import Catalog; import emitter.factory; Catalog.load();"
        "print({'jsonschema', 'faker', 'referencing'} & set(sys.modules))"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "set()"


def test_references_that_double_at_each_step_are_refused_and_not_followed_for_ever(tmp_path: Path) -> None:
    definitions = {
        f"d{number}": {"properties": {name: {"$ref": f"#/$defs/d{number + 1}"} for name in "abcd"}}
        for number in range(30)
    }
    data = {"$ref": "#/$defs/d0"}
    schema = {
        "$ref": "envelope.json",
        "properties": {"type": {"const": "x.y"}, "data": data},
        "$defs": {**definitions, "d30": {"type": "string"}},
    }
    (tmp_path / "own.json").write_text(json.dumps(schema))

    with pytest.raises(SchemaError, match=r"own\.json: what it refers to makes more than 20,000 places in a body"):
        Catalog.load(tmp_path)
