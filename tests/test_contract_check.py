"""Judging an event: what is documented has to hold, what is assumed is only remarked on."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from emitter.assumptions import Assumptions
from emitter.captures import Captured
from emitter.contract.assumed import RULES
from emitter.contract.check import Contract
from emitter.contract.signed import Signatures
from emitter.signing import Scheme, Signer, SigningKey
from emitter.trigger import TriggerSpec
from tests.support_captures import BODY, CATALOG, EXAMPLE, HEADERS, SIGNATURE

CONTRACT = Contract(CATALOG, Assumptions())
PRINTED = {
    "timestamp": "2025-07-22T18:16:14.608998951Z",
    "data": {
        "actionLink": "https://app.immutacloud.com/marketplace/data-product/{Id}/data-sources?accountId={accountId}",
        "dataProductId": "12345",
        "dataProductName": "Claims",
    },
    "type": "marketplace.data_product.data_sources.updated",
}
PREFIX = "marketplace.data_product."


def changed(pointer: str, value: object = ...) -> bytes:
    """The published example with one member set, or left out."""
    body = copy.deepcopy(EXAMPLE)
    *way, last = pointer.split("/")[1:]
    place: Any = body
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def of(alias: str, **data: object) -> bytes:
    """The example of a type, with members of `data` set, or left out where they are None."""
    body = copy.deepcopy(CATALOG.resolve(alias).example)
    body["data"] = dict(sorted({**body["data"], **data}.items()))
    body["data"] = {name: value for name, value in body["data"].items() if value is not None}
    return json.dumps(body, separators=(",", ":")).encode()


# --- what is documented -----------------------------------------------------------------------------------------------

ID, NAME, LINK = "/data/dataProductId", "/data/dataProductName", "/data/actionLink"
MUTATIONS: dict[str, tuple[bytes, str, str]] = {
    "no timestamp": (changed("/timestamp"), "", "required"),
    "no data": (changed("/data"), "", "required"),
    "no type": (changed("/type"), "", "required"),
    "no link": (changed(LINK), "/data", "required"),
    "no id": (changed(ID), "/data", "required"),
    "no name": (changed(NAME), "/data", "required"),
    "a timestamp in seconds": (changed("/timestamp", 1753208174), "/timestamp", "type"),
    "a timestamp of null": (changed("/timestamp", None), "/timestamp", "type"),
    "a timestamp as an object": (changed("/timestamp", {}), "/timestamp", "type"),
    "a timestamp with an offset": (changed("/timestamp", "2025-07-22T18:16:14.6+02:00"), "/timestamp", "pattern"),
    "a timestamp with zero offset": (changed("/timestamp", "2025-07-22T18:16:14.6+00:00"), "/timestamp", "pattern"),
    "a timestamp with a small z": (changed("/timestamp", "2025-07-22T18:16:14.608998951z"), "/timestamp", "pattern"),
    "a day that is none": (changed("/timestamp", "2025-02-30T18:16:14.608998951Z"), "/timestamp", "format"),
    "an hour that is none": (changed("/timestamp", "2025-07-22T25:16:14.608998951Z"), "/timestamp", "format"),
    "a month that is none": (changed("/timestamp", "2025-13-22T18:16:14.608998951Z"), "/timestamp", "format"),
    "data of null": (changed("/data", None), "/data", "type"),
    "data as a list": (changed("/data", [EXAMPLE["data"]]), "/data", "type"),
    "data as text": (changed("/data", json.dumps(EXAMPLE["data"])), "/data", "type"),
    "a type as a number": (changed("/type", 11), "/type", "type"),
    "a type of null": (changed("/type", None), "/type", "type"),
    "types as a list": (changed("/type", [EXAMPLE["type"]]), "/type", "type"),
    "a link as a number": (changed(LINK, 1), LINK, "type"),
    "a link of null": (changed(LINK, None), LINK, "type"),
    "a link as an object": (changed(LINK, {"href": EXAMPLE["data"]["actionLink"]}), LINK, "type"),
    "a link without a host": (changed(LINK, "/marketplace/data-product/x"), LINK, "format"),
    "a link in words": (changed(LINK, "open the app"), LINK, "format"),
    "an id as a number": (changed(ID, 12345), ID, "type"),
    "an id of null": (changed(ID, None), ID, "type"),
    "an id as a list": (changed(ID, ["12345"]), ID, "type"),
    "a name as a number": (changed(NAME, 7), NAME, "type"),
    "a name of null": (changed(NAME, None), NAME, "type"),
    "a name as a truth": (changed(NAME, True), NAME, "type"),
    "an empty name": (changed(NAME, ""), NAME, "minLength"),
    "a name of 256 characters": (changed(NAME, "x" * 256), NAME, "maxLength"),
    "a name with a hash": (changed(NAME, "Claims #1"), NAME, "pattern"),
    "a name with a face": (changed(NAME, "Claims \N{SLIGHTLY SMILING FACE}"), NAME, "pattern"),
    "a name with a tag": (changed(NAME, "<b>Claims</b>"), NAME, "pattern"),
    "a list of events": (b"[" + BODY + b"]", "", "type"),
    "a text": (json.dumps(BODY.decode()).encode(), "", "type"),
    "null": (b"null", "", "type"),
    "a number": (b"17", "", "type"),
    "a member twice": (BODY.replace(b'"data":', b'"type":"x","data":'), "", "json"),
    "a number that is none": (changed("/x", 1).replace(b'"x":1', b'"x":NaN'), "", "json"),
    "a comma too many": (BODY[:-1] + b",}", "", "json"),
    "a body that breaks off": (BODY[:-30], "", "json"),
    "half a surrogate": (changed(NAME, "?").replace(b"?", b"\\ud800"), "", "json"),
    "Latin-1": (changed(NAME, "\u00e9t\u00e9").decode().encode("latin-1"), "", "json"),
    "a byte order mark": (b"\xef\xbb\xbf" + BODY, "", "json"),
    "nothing": (b"", "", "json"),
    "an integer beyond 64 bits": (changed("/x", 2**64), "", "json"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_broken_rule_of_the_published_example_is_found_alone(name: str) -> None:
    body, pointer, rule = MUTATIONS[name]

    verdict = CONTRACT.of_body(body)

    assert verdict.verdict == "invalid"
    assert [(each.pointer, each.rule) for each in verdict.violations] == [(pointer, rule)]
    assert verdict.warnings == ()
    [violation] = verdict.violations
    derived = (pointer, rule) in ((NAME, "minLength"), (NAME, "maxLength"), (NAME, "pattern"))
    assert violation.provenance == ("" if rule == "json" else "derived" if derived else "documented")
    assert rule == "required" or violation.value or not body


def test_every_violation_of_a_body_is_told() -> None:
    body = {"timestamp": "yesterday", "data": {"actionLink": 1, "dataProductName": ""}, "type": EXAMPLE["type"]}

    found = CONTRACT.of_body(json.dumps(body).encode()).violations

    assert {(each.pointer, each.rule) for each in found} == {
        ("/timestamp", "format"), ("/timestamp", "pattern"), (LINK, "type"), ("/data", "required"), (NAME, "minLength"),
    }  # fmt: skip


def test_a_large_body_is_judged_without_being_read() -> None:
    assert "larger than 1,048,576 bytes" in CONTRACT.of_body(b" " * 1_048_577).violations[0].message


@pytest.mark.parametrize("kind", CATALOG, ids=lambda kind: kind.alias)
def test_every_example_is_valid_and_as_assumed(kind: Any) -> None:
    verdict = CONTRACT.of_body(json.dumps(kind.example, separators=(",", ":")).encode())

    assert (verdict.type, verdict.verdict, verdict.violations, verdict.warnings) == (kind.name, "valid", (), ())


def test_what_the_vendor_prints_is_valid_and_differs_in_its_id_only() -> None:
    verdict = CONTRACT.of_body(json.dumps(PRINTED).encode())

    assert verdict.verdict == "valid"
    assert [(each.pointer, each.rule, each.switch) for each in verdict.warnings] == [
        (ID, "id-form", "ids.data_product")
    ]


# --- what is assumed --------------------------------------------------------------------------------------------------

ACCOUNT = "accountId=1880aad3-3885-45e0-859c-992e0114e56f"
PRODUCT = EXAMPLE["data"]["dataProductId"]
BASE = "https://app.immutacloud.com/marketplace"
CUID = "cm4x7k2p90001l8084q2g5h1d"


def ordered(*names: str) -> bytes:
    return json.dumps({name: EXAMPLE[name] for name in names}, separators=(",", ":")).encode()


DIFFERENCES: dict[str, tuple[bytes, str, str, str]] = {
    "three digits": (changed("/timestamp", "2025-07-22T18:16:14.608Z"), "/timestamp", "timestamp-digits",
                     "payload.timestamp_digits"),
    "no digits": (changed("/timestamp", "2025-07-22T18:16:14Z"), "/timestamp", "timestamp-digits",
                  "payload.timestamp_digits"),
    "twelve digits": (changed("/timestamp", "2025-07-22T18:16:14.608998951123Z"), "/timestamp", "timestamp-digits",
                      "payload.timestamp_digits"),
    "a member of the envelope": (changed("/tenant", "x"), "/tenant", "unknown-member", ""),
    "a member with a slash": (changed("/data/a~b", 1).replace(b"a~b", b"a/b~c"), "/data/a~1b~0c", "unknown-member", ""),
    "a member of data": (changed("/data/user", {"name": "x"}), "/data/user", "unknown-member", ""),
    "our own detail": (changed("/data/xSimulator", {}), "/data/xSimulator", "unknown-member", "payload.profile"),
    "the envelope's order": (ordered("type", "timestamp", "data"), "", "member-order", ""),
    "the order of data": (
        json.dumps({**EXAMPLE, "data": dict(reversed(EXAMPLE["data"].items()))}, separators=(",", ":")).encode(),
        "/data", "member-order", "",
    ),
    "a new type": (changed("/type", f"{PREFIX}data_sources.update"), "/type", "unknown-type", ""),
    "a type from elsewhere": (changed("/type", "modelAccessApproved"), "/type", "unknown-type", ""),
    "a cuid": (changed(ID, CUID).replace(PRODUCT.encode(), CUID.encode()), ID, "id-form", "ids.data_product"),
    "a number": (changed(ID, "12345").replace(PRODUCT.encode(), b"12345"), ID, "id-form", "ids.data_product"),
    "another tab": (changed(LINK, f"{BASE}/data-product/{PRODUCT}/sources?{ACCOUNT}"), LINK, "link-shape",
                    "payload.link_data_sources"),
    "another host": (changed(LINK, f"https://eu.immuta.example/data-product/{PRODUCT}/data-sources?{ACCOUNT}"), LINK,
                     "link-shape", "payload.app_base_url"),
    "no account": (changed(LINK, f"{BASE}/data-product/{PRODUCT}/data-sources"), LINK, "link-shape",
                   "payload.link_data_sources"),
    "another product": (changed(LINK, f"{BASE}/data-product/{CUID}/data-sources?{ACCOUNT}"), LINK, "link-id",
                        "payload.link_data_sources"),
    "no link": (of("revoked", actionLink=None), "/data", "x-core", ""),
    "no name": (of("revoked", dataProductName=None), "/data", "x-core", ""),
    "a digest": (of("pending", dataProductId=None), "/data", "x-core", "events.pending_scope"),
    "a link on a deletion": (of("product-deleted", actionLink=f"{BASE}/data-product/{PRODUCT}?{ACCOUNT}"), LINK,
                             "link-on-delete", "payload.action_link_on_delete"),
    "a link to one request": (of("request-created", actionLink=f"{BASE}/access-requests/{CUID}?{ACCOUNT}"), LINK,
                              "link-shape", "payload.link_requests"),
    "an assumed member of another kind": (of("revoked", dataProductName=7), NAME, "type", ""),
    "an assumed id as a number": (of("revoked", dataProductId=12345), ID, "type", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_differs_from_an_assumption_only_is_a_warning_that_names_it(name: str) -> None:
    body, pointer, rule, switch = DIFFERENCES[name]

    verdict = CONTRACT.of_body(body)

    assert verdict.verdict == ("unknown" if rule == "unknown-type" else "valid")
    assert verdict.violations == ()
    assert [(each.pointer, each.rule, each.switch) for each in verdict.warnings] == [(pointer, rule, switch)]
    assert verdict.warnings[0].provenance == "assumed"


def test_a_new_type_names_the_nearest() -> None:
    body, *_ = DIFFERENCES["a new type"]

    assert f"The nearest is {PREFIX}data_sources.updated." in CONTRACT.of_body(body).warnings[0].message


SETTLED: dict[str, tuple[str, str]] = {
    "three digits": ("payload.timestamp_digits", "3"),
    "no digits": ("payload.timestamp_digits", "trimmed"),
    "our own detail": ("payload.profile", "extended"),
    "a cuid": ("ids.data_product", "cuid"),
    "a number": ("ids.data_product", "number"),
    "another tab": ("payload.link_data_sources", "{base}/data-product/{Id}/sources?accountId={accountId}"),
    "another host": ("payload.app_base_url", "https://eu.immuta.example"),
    "no account": ("payload.link_data_sources", "{base}/data-product/{Id}/data-sources"),
    "a digest": ("events.pending_scope", "digest"),
    "a link on a deletion": ("payload.action_link_on_delete", "product"),
}


@pytest.mark.parametrize("name", SETTLED)
def test_what_a_switch_assumes_is_no_difference_any_more(name: str) -> None:
    switch, value = SETTLED[name]
    settled = Contract(CATALOG, Assumptions().override(switch, value))

    assert settled.of_body(DIFFERENCES[name][0]).warnings == ()


def test_what_is_made_under_other_assumptions_is_as_they_say(make_simulator: Callable[..., Any]) -> None:
    assume = {
        "payload.timestamp_digits": "trimmed", "payload.action_link_on_delete": "home", "ids.data_product": "cuid",
        "payload.profile": "extended", "payload.app_base_url": "https://elsewhere.example/m/",
        "payload.account_id": "a/b",
    }  # fmt: skip
    simulator = make_simulator(assume=assume, seed=5)
    contract = Contract(simulator.catalog, Assumptions().override_all(assume))

    for kind in simulator.catalog:
        [made] = simulator.preview(TriggerSpec(type=kind.name))
        assert contract.of_body(made["body"].encode()).warnings == (), kind.alias


def test_what_the_test_button_is_assumed_to_send_is_no_new_type() -> None:
    body = b'{"timestamp":"2030-01-31T09:00:00.000000001Z","data":{},"type":"marketplace.webhook.test"}'

    verdict = CONTRACT.of_body(body)

    assert (verdict.verdict, verdict.warnings) == ("unknown", ())


# --- method and headers -----------------------------------------------------------------------------------------------


def remarks(*headers: tuple[str, str], method: str = "POST", **assume: str) -> list[tuple[str, str, str]]:
    contract = Contract(
        CATALOG, Assumptions().override_all({key.replace("__", "."): text for key, text in assume.items()})
    )
    verdict = contract.of(Captured(BODY, headers, method))
    assert verdict.verdict == "valid"
    return [(each.header, each.rule, each.switch) for each in verdict.warnings]


JSON = ("content-type", "application/json")


def test_headers_as_they_are_assumed_and_those_of_the_way_are_no_matter() -> None:
    way = [("X-Forwarded-For", "1"), ("CF-Ray", "1"), ("traceparent", "1"), ("User-Agent", "axios/1"), ("Via", "1")]

    assert remarks() == []
    assert remarks(*HEADERS, (SIGNATURE, "00"), *way) == []
    assert remarks(("Content-Type", "Application/JSON")) == []


def test_other_headers_are_remarked_on_with_their_switch() -> None:
    assert remarks(("content-type", "application/json; charset=utf-8")) == [
        ("Content-Type", "content-type", "delivery.headers")
    ]
    assert remarks(("Host", "x")) == [("Content-Type", "content-type", "delivery.headers")]
    assert remarks(JSON, ("X-Immuta-Event", "1")) == [("x-immuta-event", "header", "delivery.headers")]
    assert remarks(JSON, ("x-hub-signature-256", "1")) == [
        ("x-hub-signature-256", "signature-header", "signing.header")
    ]
    assert remarks(JSON, ("x-immuta-webhook-signature", "1")) == [
        ("x-immuta-webhook-signature", "signature-header", "signing.mode")
    ]
    assert remarks(JSON, ("x-immuta-webhook-signature", "1"), signing__mode="both") == []
    standard = [("webhook-id", "1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,x")]
    assert remarks(JSON, *standard, signing__mode="standard-webhooks") == []
    assert ("webhook-signature", "signature-header", "signing.mode") in remarks(JSON, *standard)
    assert remarks(JSON, delivery__headers="X-A: 1") == [("X-A", "header", "delivery.headers")]
    assert remarks(JSON, ("x-a", "1"), delivery__headers="X-A: 1") == []
    assert remarks(JSON, method="PUT") == [("", "method", "")]


def test_the_value_of_a_header_that_nobody_expects_is_not_told() -> None:
    verdict = CONTRACT.of(Captured(BODY, (JSON, ("Authorization", "Bearer very-secret")), "POST"))

    assert [each.header for each in verdict.warnings] == ["authorization"]
    assert "very-secret" not in repr(verdict)


def test_the_rules_of_our_own_are_listed() -> None:
    ours = {rule for _, _, rule, _ in DIFFERENCES.values()} - {"type"}

    assert ours | {"method", "content-type", "header", "signature-header"} == set(RULES)


# --- signatures -------------------------------------------------------------------------------------------------------

KEY, OTHER = SigningKey("the key of the test"), SigningKey("another key")


def captured(key: SigningKey = KEY, *, scheme: Scheme | None = None, body: bytes = BODY, **more: Any) -> Captured:
    signed = Signer(scheme or Scheme()).headers(BODY, key, message_id="msg_1", seconds=1_753_208_174)
    return Captured(body, (*HEADERS, *signed), "POST", **more)


@pytest.mark.parametrize("mode", ["sha256", "sha1", "both", "standard-webhooks"])
def test_a_captured_signature_is_verified_whatever_its_age(mode: str) -> None:
    scheme = Scheme(mode=mode)
    signatures = Signatures([OTHER, KEY], scheme)

    for _ in range(2):  # what fits is remembered by key
        assert signatures.of(captured(scheme=scheme)).ok is True
    assert signatures.of(captured(scheme=scheme, body=BODY + b" ")).ok is False


def test_a_wrong_signature_says_why_it_probably_is() -> None:
    found = Signatures([OTHER], Scheme()).of(captured(body=BODY + b"\n"))

    assert found.ok is False
    assert found.likely
    assert "line break" in " ".join(Signatures([KEY], Scheme()).of(captured(body=BODY + b"\n")).likely)
    assert "the key of the test" not in repr(found)


def test_a_missing_signature_is_refused_where_there_is_a_key() -> None:
    found = Signatures([KEY], Scheme()).of(Captured(BODY, HEADERS, exact=False))

    assert found.ok is False and "missing" in found.reason


def test_what_a_form_does_not_keep_cannot_be_verified() -> None:
    signatures = Signatures([KEY], Scheme())

    assert signatures.of(Captured(BODY)).ok is None
    assert signatures.of(captured(exact=False)).ok is True  # what fits was not changed
    assert signatures.of(captured(body=BODY + b" ", exact=False)).ok is None
    assert Signatures([KEY], Scheme(mode="off")).of(captured()).ok is None


def test_a_tolerance_counts_from_when_it_was_captured() -> None:
    scheme = Scheme(mode="standard-webhooks")
    signatures = Signatures([KEY], scheme, tolerance=60)

    assert signatures.of(captured(scheme=scheme, at=1_753_208_200 * 10**9)).ok is True
    assert signatures.of(captured(scheme=scheme, at=1_753_209_000 * 10**9)).ok is False


# --- the same verdict as the reference --------------------------------------------------------------------------------


def test_the_reference_validator_gives_the_same_verdicts() -> None:
    """Not on text that is no JSON, which it never sees."""
    schema = json.loads(json.dumps(CATALOG.resolve("sources-updated").bundled))
    rules = schema["$defs"]["envelope.json"]["$defs"]["nameRules"]
    rules["pattern"] = r"^[\w()\-_/\\\s]*$"  # Python's patterns know no \p{L}
    reference = Draft202012Validator(schema, format_checker=FormatChecker())

    for name, (body, _, rule) in MUTATIONS.items():
        if rule != "json":
            assert not reference.is_valid(json.loads(body)), name
    for name, (body, *_) in DIFFERENCES.items():
        value = json.loads(body)
        if value["type"] == EXAMPLE["type"]:
            assert reference.is_valid(value), name
