"""The shipped schema files: what they promise, and that two validators read them alike."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from emitter.catalog import BASE, Catalog, EventType, resource_directory

CATALOG = Catalog.load()
TYPES = {kind.alias: kind for kind in CATALOG}
PRINTED_LINK = "https://app.immutacloud.com/marketplace/data-product/{Id}/data-sources?accountId={accountId}"
ALIASES = {
    "request-created": "access_requests.created",
    "request-pending": "access_requests.pending",
    "request-determined": "access_requests.consumer.updated",
    "request-canceled": "access_requests.canceled",
    "access-expiring": "access_requests.expiring",
    "access-expired": "access_requests.expired",
    "access-revoked": "access_requests.revoked",
    "request-deleted": "access_requests.deleted",
    "stewards-updated": "access_requests.data_steward.updated",
    "product-published": "state.created",
    "sources-updated": "data_sources.updated",
    "product-deleted": "state.deleted",
}


def independent(kind: EventType) -> Draft202012Validator:
    """The reference validator on the bundled schema; the pattern with \\p, which `re` cannot read, is left out."""
    schema = json.loads(json.dumps(kind.bundled))
    rules = schema["$defs"]["envelope.json"]["$defs"]["nameRules"]
    rules["not"] = {"pattern": r"[^\w()\-_/\\\s]"}  # \w holds no marks; the bodies below have none
    del rules["pattern"]
    return Draft202012Validator(schema, format_checker=FormatChecker())


@pytest.fixture(params=list(TYPES), name="kind")
def every_type(request: pytest.FixtureRequest) -> EventType:
    return TYPES[request.param]


def test_there_are_the_twelve_types_under_their_short_names() -> None:
    found = {kind.alias: kind.name for kind in CATALOG}

    assert found == {alias: f"marketplace.data_product.{tail}" for alias, tail in ALIASES.items()}


def test_each_type_is_one_file_that_bears_its_name(kind: EventType) -> None:
    assert kind.path.name == f"{kind.name}.json"
    assert {path.name for path in resource_directory("schemas").iterdir()} == {
        "envelope.json",
        *(f"{kind.name}.json" for kind in CATALOG),
    }


def test_each_type_says_in_words_what_it_is(kind: EventType) -> None:
    assert kind.title and kind.description and kind.trigger.endswith(".")
    assert kind.cycle in ("request", "product")
    assert kind.notified


def test_every_member_has_a_mark_and_its_source(kind: EventType) -> None:
    assert {"/timestamp", "/type", "/data", "/data/dataProductId", "/data/dataProductName"} <= set(kind.provenance)
    assert set(kind.provenance.values()) <= {"documented", "derived", "assumed"}
    assert all(kind.sources[pointer] for pointer in kind.provenance)


def test_the_members_of_data_are_documented_for_the_one_type_with_a_published_example(kind: EventType) -> None:
    marks = {kind.provenance[f"/data/{member}"] for member in ("actionLink", "dataProductId", "dataProductName")}

    assert marks == ({"documented"} if kind.alias == "sources-updated" else {"assumed"})


def test_only_what_is_documented_is_required(kind: EventType) -> None:
    empty = {"timestamp": "2025-07-22T18:16:14Z", "data": {}, "type": kind.name}

    missing = [violation.message for violation in kind.violations(empty)]

    members = ("actionLink", "dataProductId", "dataProductName") if kind.alias == "sources-updated" else ()
    assert missing == [f"the member {member} is missing" for member in members]


def test_unknown_members_are_allowed(kind: EventType) -> None:
    body = {**kind.example, "tenant": 1, "data": {**kind.example["data"], "requestId": ["x"]}}

    assert kind.is_valid(body)


def test_deletions_offer_no_link_and_all_other_types_do(kind: EventType) -> None:
    deletes = kind.alias in ("request-deleted", "product-deleted")

    assert ("actionLink" not in kind.core) is deletes
    assert (kind.link == "none") is deletes
    assert tuple(kind.example["data"]) == kind.core


def test_every_example_is_valid_for_both_validators(kind: EventType) -> None:
    for example in kind.examples:
        assert kind.is_valid(example)
        assert kind.violations(example) == []
        assert independent(kind).is_valid(example)


def test_the_bundled_schema_needs_no_other_file(kind: EventType) -> None:
    bundled = kind.bundled

    assert bundled["$id"] == BASE + kind.path.name
    assert Draft202012Validator({**bundled, "properties": {}}).is_valid(kind.example)


def test_the_example_as_the_vendor_prints_it_is_valid() -> None:
    body = {
        "timestamp": "2025-07-22T18:16:14.608998951Z",
        "data": {"actionLink": PRINTED_LINK, "dataProductId": "12345", "dataProductName": "Claims"},
        "type": "marketplace.data_product.data_sources.updated",
    }

    assert CATALOG.verdict(body) == ("valid", [])


@pytest.mark.parametrize("digits", ["", ".6", ".608", ".608998951", ".608998951123"])
def test_a_timestamp_may_have_any_number_of_digits(digits: str, kind: EventType) -> None:
    assert kind.is_valid({**kind.example, "timestamp": f"2025-07-22T18:16:14{digits}Z"})


@pytest.mark.parametrize(
    "timestamp",
    ["", "now", 1753208174, None, "2025-07-22", "2025-07-22T18:16:14", "2025-07-22T18:16:14.Z", "2025-07-22 18:16:14Z",
     "2025-07-22T18:16:14+00:00", "2025-07-22t18:16:14z", "2025-02-30T00:00:00Z", "2025-07-22T18:16:14Z\n"],
)  # fmt: skip
def test_a_timestamp_is_rfc_3339_in_utc(timestamp: object) -> None:
    kind = TYPES["sources-updated"]

    violations = kind.violations({**kind.example, "timestamp": timestamp})

    assert violations
    assert {(violation.pointer, violation.provenance) for violation in violations} == {("/timestamp", "documented")}


@pytest.mark.parametrize("name", ["Claims", "Kundendaten Süd", "顧客 2025", "Ä́ (x) - a_b/c\\d", "e\u0301", "x" * 255])
def test_a_product_name_may_use_any_script(name: str, kind: EventType) -> None:
    assert kind.is_valid({**kind.example, "data": {**kind.example["data"], "dataProductName": name}})


@pytest.mark.parametrize("name", ["", "x" * 256, "R&D", "a,b", "a\x00b", "50%", "🙂"])
def test_a_product_name_keeps_the_rules_of_the_api(name: str, kind: EventType) -> None:
    violations = kind.violations({**kind.example, "data": {**kind.example["data"], "dataProductName": name}})

    assert [violation.pointer for violation in violations] == ["/data/dataProductName"]
    assert violations[0].provenance == "derived"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text("ab1 -/:Z.", max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
    max_leaves=4,
)
PLACES = (
    ("timestamp",), ("type",), ("data",), ("data", "actionLink"), ("data", "dataProductId"),
    ("data", "dataProductName"), ("data", "other"), ("data", "xSimulator"), ("other",),
)  # fmt: skip


@settings(deadline=None)
@given(alias=st.sampled_from(list(TYPES)), place=st.sampled_from(PLACES), value=JSON, remove=st.booleans())
def test_both_validators_agree_on_spoilt_bodies(
    alias: str, place: tuple[str, ...], value: object, remove: bool
) -> None:
    kind = TYPES[alias]
    body: dict[str, Any] = copy.deepcopy(kind.example)
    inner = body if len(place) == 1 else body["data"]
    inner[place[-1]] = value
    if remove:
        del inner[place[-1]]

    reference = {"".join(f"/{step}" for step in error.absolute_path) for error in independent(kind).iter_errors(body)}

    assert kind.is_valid(body) is (not reference)
    assert {violation.pointer for violation in kind.violations(body)} == reference
