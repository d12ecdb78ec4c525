"""The factory: bytes that are believable, valid, repeatable, and as the one published example shows them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.clock import VirtualClock, parse_rfc3339
from emitter.errors import BadJson, BadValue, InvalidEvent, SchemaError, UnknownEventType
from emitter.event import Event, Stamps
from emitter.factory import Factory, Override
from emitter.factory.cast import cuid, cuid_of

CATALOG = Catalog.load()
ALIASES = [kind.alias for kind in CATALOG]
NOW = parse_rfc3339("2030-01-31T09:00:00Z")
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
BASE = "https://app.immutacloud.com/marketplace"
ACCOUNT = "1880aad3-3885-45e0-859c-992e0114e56f"


def factory(seed: int | None = 7, *, catalog: Catalog = CATALOG, **assumed: str) -> Factory:
    """A factory on a clock that stands still; an assumption is named with two underscores for its dot."""
    assumptions = Assumptions().override_all({name.replace("__", "."): text for name, text in assumed.items()})
    return Factory(
        catalog=catalog, assumptions=assumptions, clock=VirtualClock(NOW), stamps=Stamps(Random(seed)), seed=seed
    )


def body(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.body)
    return found


def of_own(directory: Path, *, data: Any = None, **rest: Any) -> Catalog:
    """The catalogue with one type more, `acme.thing.happened`, whose `data` is described by `data`."""
    properties = {"type": {"const": "acme.thing.happened"}, **({} if data is None else {"data": data})}
    schema = {"$ref": "envelope.json", "properties": properties, **rest}
    (directory / "mine.json").write_text(json.dumps(schema), encoding="utf-8")
    return Catalog.load(directory)


def made(directory: Path, member: Any, *, count: int = 200, **rest: Any) -> list[Any]:
    """What is generated for one member that is described by `member`."""
    catalog = of_own(directory, data={"properties": {"x": member}, "required": ["x"]}, **rest)
    source = factory(catalog=catalog)
    return [body(source.event("happened"))["data"]["x"] for _ in range(count)]


class TestWireForm:
    def test_the_published_type_looks_like_the_published_example_to_the_digit(self) -> None:
        event = factory().event("sources-updated")

        assert re.fullmatch(
            r'\{"timestamp":"2030-01-31T09:00:00\.\d{9}Z","data":\{'
            rf'"actionLink":"{BASE}/data-product/({UUID})/data-sources\?accountId={ACCOUNT}",'
            rf'"dataProductId":"\1","dataProductName":"[^"]+"\}},'
            r'"type":"marketplace\.data_product\.data_sources\.updated"\}',
            event.body.decode(),
        )

    @pytest.mark.parametrize("alias", ALIASES)
    def test_every_type_is_sent_with_its_core_members_in_order_and_nothing_else(self, alias: str) -> None:
        event = factory().event(alias)

        kind = CATALOG.resolve(alias)
        assert list(body(event)) == ["timestamp", "data", "type"]
        assert tuple(body(event)["data"]) == kind.core
        assert event.type == body(event)["type"] == kind.name
        assert b": " not in event.body and b"\n" not in event.body

    def test_the_link_leads_where_the_type_says(self) -> None:
        source = factory()
        links = {alias: body(source.event(alias))["data"].get("actionLink") for alias in ALIASES}

        assert links["request-created"] == links["request-pending"] == f"{BASE}/access-requests?accountId={ACCOUNT}"
        assert re.fullmatch(rf"{BASE}/data-product/{UUID}\?accountId={ACCOUNT}", links["access-revoked"])
        assert links["request-deleted"] is None is links["product-deleted"]

    def test_the_event_knows_what_its_body_says(self) -> None:
        event = factory().event("request-determined", run="nightly")

        data = body(event)["data"]
        assert (event.product_id, event.product_name) == (data["dataProductId"], data["dataProductName"])
        assert parse_rfc3339(body(event)["timestamp"]) == event.stamp
        assert (event.seed, event.run, event.verdict, event.audiences) == (7, "nightly", "valid", 2)

    def test_no_two_events_of_one_moment_bear_the_same_timestamp(self) -> None:
        source = factory()

        timestamps = [body(source.event("revoked"))["timestamp"] for _ in range(500)]

        assert timestamps == sorted(set(timestamps))


class TestAssumptions:
    @pytest.mark.parametrize(
        ("digits", "fraction"),
        [("9", r"\.\d{9}"), ("6", r"\.\d{6}"), ("3", r"\.\d{3}"), ("0", ""), ("trimmed", r"(\.\d*[1-9])?")],
    )
    def test_the_timestamp_has_so_many_digits(self, digits: str, fraction: str) -> None:
        source = factory(payload__timestamp_digits=digits)

        for _ in range(20):
            event = source.event("revoked")
            assert re.fullmatch(rf"2030-01-31T09:00:00{fraction}Z", body(event)["timestamp"])
            assert event.verdict == "valid"

    @pytest.mark.parametrize(
        ("stamp", "nine", "trimmed"),
        [
            (0, "1970-01-01T00:00:00.000000000Z", "1970-01-01T00:00:00Z"),
            (5, "1970-01-01T00:00:00.000000005Z", "1970-01-01T00:00:00.000000005Z"),
            (1_500_000_000, "1970-01-01T00:00:01.500000000Z", "1970-01-01T00:00:01.5Z"),
            (-1, "1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"),
            (NOW + 10, "2030-01-31T09:00:00.000000010Z", "2030-01-31T09:00:00.00000001Z"),
        ],
    )
    def test_a_moment_is_written_to_the_nanosecond(self, stamp: int, nine: str, trimmed: str) -> None:
        assert factory().timestamp(stamp) == nine
        assert factory(payload__timestamp_digits="trimmed").timestamp(stamp) == trimmed

    @pytest.mark.parametrize(("form", "pattern"), [("uuid", UUID), ("cuid", "c[a-z0-9]{24}"), ("number", r"\d{5}")])
    def test_product_ids_take_the_form_that_is_assumed(self, form: str, pattern: str) -> None:
        ids = [product.id for product in factory(ids__data_product=form).cast.products]

        assert all(re.fullmatch(pattern, id) for id in ids)
        assert len(set(ids)) == len(ids)

    def test_a_product_is_the_same_whichever_was_asked_for_first(self) -> None:
        backwards = factory().cast
        asked = [backwards.product(place) for place in reversed(range(32))]

        assert tuple(reversed(asked)) == factory().cast.products
        assert re.fullmatch("c[a-z0-9]{24}", asked[0].record) and re.fullmatch(UUID, asked[0].domain)

    @pytest.mark.parametrize("seed", range(20))
    def test_a_cuid_of_kept_bits_is_the_one_that_would_have_come_then(self, seed: int) -> None:
        drawn, kept = Random(seed), Random(seed)

        assert [cuid_of(kept.getrandbits(64 * 24)) for _ in range(5)] == [cuid(drawn) for _ in range(5)]
        assert kept.getstate() == drawn.getstate()

    def test_links_follow_their_templates(self) -> None:
        source = factory(
            payload__app_base_url="https://tenant.test/app/",
            payload__account_id="a b",
            payload__link_product="{base}/p/{Id}#{accountId}",
        )

        event = source.event("revoked")

        assert body(event)["data"]["actionLink"] == f"https://tenant.test/app/p/{event.product_id}#a%20b"

    @pytest.mark.parametrize(
        ("choice", "tail"), [("product", f"/data-product/{UUID}\\?accountId={ACCOUNT}"), ("home", "")]
    )
    def test_a_deletion_may_be_assumed_to_offer_a_link(self, choice: str, tail: str) -> None:
        event = factory(payload__action_link_on_delete=choice).event("product-deleted")

        assert re.fullmatch(BASE + tail, body(event)["data"]["actionLink"])
        assert list(body(event)["data"]) == ["actionLink", "dataProductId", "dataProductName"]

    def test_a_link_that_is_no_uri_is_refused_with_the_violation(self) -> None:
        with pytest.raises(InvalidEvent, match="/data/actionLink: must be a whole URI"):
            factory(payload__link_product="no link").event("revoked")

    def test_the_extended_profile_adds_one_member_that_is_ours(self) -> None:
        asked = factory().event("request-determined", profile="extended")
        assumed = factory(payload__profile="extended").event("request-determined")

        assert asked.body == assumed.body
        assert list(body(asked)["data"]) == ["actionLink", "dataProductId", "dataProductName", "xSimulator"]
        detail = body(asked)["data"]["xSimulator"]
        assert detail["accessRequest"]["expiration"] == "2030-03-02T09:00:00.000Z"
        assert re.fullmatch("c[a-z0-9]{24}", detail["accessRequest"]["id"])

    def test_a_profile_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(BadValue, match="neither core nor extended"):
            factory().event("revoked", profile="full")

    @pytest.mark.parametrize(
        ("payload", "sent"),
        [
            ('{"data":{},"type":"a.test"}', '{"timestamp":"%s","data":{},"type":"a.test"}'),
            ('{"ping":1.50}', '{"timestamp":"%s","ping":1.5}'),
            ('{"type":"x", "timestamp":"now"}', '{"type":"x", "timestamp":"now"}'),
            ("ping", "ping"),
            ("[1, 2]", "[1, 2]"),
        ],
    )
    def test_the_test_event_is_what_is_assumed_with_a_timestamp_in_front(self, payload: str, sent: str) -> None:
        source = factory(test__payload=payload)

        event = source.test_event()

        assert event.body.decode() == sent.replace("%s", source.timestamp(event.stamp))

    def test_the_test_event_has_a_type_that_no_schema_knows(self) -> None:
        event = factory().test_event()

        assert (event.type, event.verdict) == ("marketplace.webhook.test", "unknown")


class TestStory:
    def test_a_product_keeps_its_id_its_name_and_its_link_through_every_event(self) -> None:
        source = factory()
        seen: dict[str, set[tuple[str, str]]] = {}
        for _ in range(40):
            for alias in ("access-revoked", "access-expired", "product-published"):
                event = source.event(alias, profile="extended")
                link = body(event)["data"]["actionLink"]
                seen.setdefault(event.product_id, set()).add((event.product_name, link))

        assert len(seen) > 10
        assert all(len(shapes) == 1 for shapes in seen.values())

    def test_a_request_keeps_its_id_and_its_requester(self) -> None:
        source = factory()
        requests: dict[str, set[str]] = {}
        for _ in range(100):
            for alias in ("request-created", "access-revoked"):
                event = source.event(alias, profile="extended")
                request = body(event)["data"]["xSimulator"]["accessRequest"]
                requests.setdefault(event.product_id, set()).add(request["id"])

        assert all(len(ids) == 1 for ids in requests.values())

    def test_products_bear_names_that_an_analyst_would_give(self) -> None:
        names = [product.name for seed in range(30) for product in factory(seed).cast.products]

        assert all(re.fullmatch(r"[A-Z0-9][A-Za-z0-9 ()-]{3,60}", name) for name in names)
        assert len(set(names)) > 500

    def test_seeds_stand_for_different_products(self) -> None:
        one, other = factory(1).cast, factory(2).cast

        assert not {product.id for product in one.products} & {product.id for product in other.products}
        assert not {person.id for person in one.people} & {person.id for person in other.people}
        assert factory(-1).cast.products != one.products


class TestSeeds:
    def test_equal_seeds_give_equal_bytes(self) -> None:
        one, other = factory(5), factory(5)

        assert [one.event(alias, profile="extended") for alias in ALIASES * 3] == [
            other.event(alias, profile="extended") for alias in ALIASES * 3
        ]

    def test_equal_seeds_give_equal_bytes_in_another_process(self) -> None:
        code = (
            "from tests.test_factory import *\n"
            "source = factory(5)\n"
            "for alias in ALIASES * 2:\n"
            "    for profile in ('core', 'extended'):\n"
            "        print(source.event(alias, profile=profile).body.decode())\n"
        )
        outputs = [
            subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                check=True,
                env={**os.environ, "PYTHONHASHSEED": seed},
            ).stdout
            for seed in ("1", "2")
        ]

        assert outputs[0] == outputs[1]
        assert len(set(outputs[0].splitlines())) == len(ALIASES) * 4

    def test_without_a_seed_one_is_drawn_and_written_on_the_event(self) -> None:
        source = factory(None)

        event = source.event("revoked")

        assert event.seed == source.seed is not None
        again = Factory(
            catalog=CATALOG,
            assumptions=Assumptions(),
            clock=VirtualClock(NOW),
            stamps=Stamps(Random(1), last=event.stamp),
            seed=event.seed,
        ).event("revoked")
        assert (again.product_id, again.product_name) == (event.product_id, event.product_name)
        assert factory(None).seed != source.seed

    def test_a_factory_for_another_seed_is_had_without_compiling_again(self) -> None:
        source = factory(5)
        source.event("revoked")

        other = source.seeded(6)

        assert other.seed == 6
        assert other.event("revoked").product_id == factory(6).event("revoked").product_id

    @pytest.mark.parametrize("seed", [2**63, -(2**63), 2**200])
    def test_a_seed_that_no_store_could_keep_is_refused(self, seed: int) -> None:
        with pytest.raises(BadValue, match="64 bits"):
            factory(seed)

    @settings(deadline=None)
    @given(
        seed=st.integers(-(2**63) + 1, 2**63 - 1),
        alias=st.sampled_from(ALIASES),
        profile=st.sampled_from(["core", "extended"]),
        ids=st.sampled_from(["uuid", "cuid", "number"]),
    )
    def test_whatever_the_seed_the_event_is_valid(self, seed: int, alias: str, profile: str, ids: str) -> None:
        event = factory(seed, ids__data_product=ids).event(alias, profile=profile)

        assert CATALOG.verdict(body(event)) == ("valid", [])
        assert event.verdict == "valid"


class TestOverrides:
    def test_what_is_set_is_sent_and_what_is_unset_is_not(self) -> None:
        event = factory().event(
            "revoked", overrides=[Override.set("data.ticket=7"), Override.set("v=1"), Override.unset("data.actionLink")]
        )

        assert list(body(event)) == ["timestamp", "data", "type", "v"]
        assert list(body(event)["data"]) == ["dataProductId", "dataProductName", "ticket"]

    def test_the_members_of_data_stay_in_order(self) -> None:
        event = factory().event("revoked", overrides=[Override.set("data.b=1"), Override.set("data.a=1")])

        assert list(body(event)["data"]) == ["a", "actionLink", "b", "dataProductId", "dataProductName"]

    def test_the_link_follows_an_id_that_was_set(self) -> None:
        event = factory().event("revoked", overrides=[Override.set("data.dataProductId=a/b")])

        assert event.product_id == "a/b"
        assert body(event)["data"]["actionLink"] == f"{BASE}/data-product/a%2Fb?accountId={ACCOUNT}"

    def test_an_override_does_not_leak_into_the_next_event(self) -> None:
        source = factory()
        source.event(
            "stewards-updated", profile="extended", overrides=[Override.set("data.xSimulator.approvers.0.x=1")]
        )

        after = source.event("stewards-updated", profile="extended")

        assert "x" not in body(after)["data"]["xSimulator"]["approvers"][0]

    def test_what_breaks_the_schema_is_refused_with_the_violations(self) -> None:
        with pytest.raises(InvalidEvent) as caught:
            factory().event(
                "revoked", overrides=[Override.set("data.dataProductName=R&D"), Override.unset("timestamp")]
            )

        assert [violation.rule for violation in caught.value.violations] == ["required", "pattern"]

    def test_what_breaks_the_schema_is_sent_when_the_user_says_so(self) -> None:
        event = factory().event(
            "revoked", overrides=[Override.set("data=[]"), Override.set("type=made.up")], allow_invalid=True
        )

        assert (event.verdict, event.type, event.product_id) == ("invalid", "made.up", "")
        assert body(event)["data"] == []

    @pytest.mark.parametrize("value", [2**70, object(), {1, 2}, {"a": "\udc80"}, b"x"])
    def test_a_value_that_is_no_json_is_refused(self, value: object) -> None:
        with pytest.raises(BadValue, match=r"set: \"data\.x\" is no JSON"):
            factory().event("revoked", overrides=[Override(("data", "x"), value)], allow_invalid=True)

    @pytest.mark.parametrize("name", ["", "nope", "created", "x" * 1000])
    def test_an_unknown_or_ambiguous_name_is_refused(self, name: str) -> None:
        with pytest.raises(UnknownEventType):
            factory().event(name)


class TestGivenBodies:
    RAW = (
        b'{ "type": "marketplace.data_product.access_requests.revoked",\n'
        b'  "data": {"dataProductName": "R\\u00e9gion", "n": 1.50}, "timestamp": "2025-07-22T18:16:14.6Z" }\n'
    )

    def test_a_whole_body_is_sent_to_the_byte(self) -> None:
        event = factory().given(self.RAW, run="r")

        assert event.body == self.RAW
        assert (event.type, event.verdict) == ("marketplace.data_product.access_requests.revoked", "valid")
        assert (event.product_id, event.product_name, event.seed, event.run) == ("", "Région", None, "r")
        assert event.stamp == parse_rfc3339("2025-07-22T18:16:14.6Z")

    @pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"5", b'"x"', b"\xff", b'{"a":NaN}', b'{"a":1,"a":2}'])
    def test_what_is_no_json_object_is_refused_unless_the_user_says_so(self, raw: bytes) -> None:
        with pytest.raises(BadJson):
            factory().given(raw)

        event = factory().given(raw, allow_invalid=True)
        assert (event.body, event.type, event.verdict) == (raw, "", "invalid")
        assert event.stamp >= NOW

    def test_an_unknown_type_is_refused_unless_the_user_says_so(self) -> None:
        raw = b'{"timestamp":"2025-07-22T18:16:14Z","data":{},"type":"access_requests.revoke"}'

        with pytest.raises(UnknownEventType, match="Nearest"):
            factory().given(raw)

        event = factory().given(raw, allow_invalid=True)
        assert (event.type, event.verdict) == ("access_requests.revoke", "unknown")

    @pytest.mark.parametrize("raw", [b"{}", b'{"type":5}', RAW.replace(b"2025-07", b"2025-7")])
    def test_what_breaks_its_schema_is_refused_unless_the_user_says_so(self, raw: bytes) -> None:
        with pytest.raises(InvalidEvent):
            factory().given(raw)

        assert factory().given(raw, allow_invalid=True).verdict == "invalid"

    @pytest.mark.parametrize("timestamp", ["9999-12-31T23:59:59Z", "1900-01-01T00:00:00Z", "never"])
    def test_a_time_that_no_store_could_keep_is_replaced_by_now_on_the_record_only(self, timestamp: str) -> None:
        raw = self.RAW.replace(b"2025-07-22T18:16:14.6Z", timestamp.encode())

        event = factory().given(raw, allow_invalid=True)

        assert event.body == raw
        assert event.stamp >= NOW

    def test_a_body_that_is_too_large_is_refused_whatever_the_user_says(self) -> None:
        with pytest.raises(BadJson, match="larger than 1,048,576 bytes"):
            factory().given(b" " * (1024 * 1024 + 1), allow_invalid=True)


class TestRestamping:
    def test_a_generated_body_gets_another_time_and_nothing_else(self) -> None:
        source = factory()
        event = source.event("revoked", overrides=[Override.set("data.n=1.5")])

        raw = source.restamped(event, NOW + 60 * 10**9)

        assert json.loads(raw) == {**body(event), "timestamp": "2030-01-31T09:01:00.000000000Z"}
        assert raw[50:] == event.body[50:]

    def test_a_time_that_the_user_has_set_stays(self) -> None:
        source = factory()
        events = [
            source.event("revoked", overrides=[Override.set("timestamp=2025-07-22T18:16:14.6Z")]),
            source.event("revoked", overrides=[Override.unset("timestamp")], allow_invalid=True),
            source.given(TestGivenBodies.RAW),
            source.given(b"[]", allow_invalid=True),
            source.test_event(),
        ]

        assert [source.restamped(event, NOW + 10**9) for event in events] == [event.body for event in events]


class TestThirteenthType:
    def test_it_is_generated_at_once_with_members_of_its_own(self, tmp_path: Path) -> None:
        data = {
            "required": ["dataProductId"],
            "properties": {
                "dataProductId": {"$ref": "envelope.json#/$defs/dataProductId"},
                "dataProductName": {"type": "string"},
                "actionLink": {"type": "string", "format": "uri"},
                "region": {"enum": ["eu", "us", "ap"]},
                "rows": {"type": "integer", "minimum": 10, "maximum": 20},
                "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                "due": {"type": "string", "format": "date-time", "x-offset": "2d"},
                "job": {"type": "string", "format": "uuid"},
                "owner": {"type": "string", "format": "email"},
                "city": {"type": "string", "x-faker": "city"},
                "active": {"type": "boolean"},
                "parent": {"type": ["null", "string"], "x-value": None},
                "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 1, "uniqueItems": True},
                "table": {"type": "object", "required": ["name"], "properties": {"name": {"$ref": "#/$defs/name"}}},
            },
        }
        catalog = of_own(tmp_path, data=data, **{"$defs": {"name": {"type": "string", "minLength": 3}}})
        source = factory(catalog=catalog)

        events = [source.event("acme.thing.happened") for _ in range(300)]

        for event in events:
            assert catalog.verdict(body(event)) == ("valid", [])
            assert list(body(event)["data"]) == sorted(data["properties"])
            assert body(event)["data"]["actionLink"].startswith(f"{BASE}/data-product/{event.product_id}?")
            assert body(event)["data"]["due"] == "2030-02-02T09:00:00.000Z"
        assert {body(event)["data"]["region"] for event in events} == {"eu", "us", "ap"}
        assert {body(event)["data"]["rows"] for event in events} == set(range(10, 21))
        assert len({body(event)["data"]["job"] for event in events}) == 300

    def test_what_is_drawn_does_not_hang_on_the_product(self, tmp_path: Path) -> None:
        data = {"properties": {"region": {"enum": ["eu", "us"]}, "dataProductId": {"type": "string"}}}
        source = factory(catalog=of_own(tmp_path, data=data))
        regions: dict[str, set[str]] = {}
        for _ in range(1000):
            event = source.event("happened")
            regions.setdefault(event.product_id, set()).add(body(event)["data"]["region"])

        assert all(found == {"eu", "us"} for found in regions.values())

    def test_a_member_that_is_left_out_takes_no_chance_from_the_others(self, tmp_path: Path) -> None:
        id = {"type": "string", "format": "uuid"}
        member = {"type": "object", "properties": {"a": id, "b": {"type": "string", "pattern": "^z$"}, "c": id}}

        for value in made(tmp_path, member):
            assert list(value) == ["a", "c"]
            assert value["a"] != value["c"]

    def test_it_sends_what_it_names_as_core(self, tmp_path: Path) -> None:
        data = {
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "dataProductName": {}},
            "required": ["a"],
        }
        catalog = of_own(tmp_path, data=data, **{"x-core": ["dataProductName"]})

        assert list(body(factory(catalog=catalog).event("happened"))["data"]) == ["a", "dataProductName"]

    def test_more_members_around_data_are_sent_after_the_envelope(self, tmp_path: Path) -> None:
        schema = {
            "properties": {"type": {"const": "acme.x"}, "version": {"const": 2}, "a": {"type": "boolean"}},
            "required": ["version"],
        }
        (tmp_path / "mine.json").write_text(json.dumps(schema))

        made = body(factory(catalog=Catalog.load(tmp_path)).event("acme.x"))

        assert list(made) == ["timestamp", "data", "type", "a", "version"]
        assert made["data"] == {}

    @pytest.mark.parametrize(
        ("member", "allowed"),
        [
            ({"const": {"a": [1]}}, [{"a": [1]}]),
            ({"enum": [1, "a", None]}, [1, "a", None]),
            ({"enum": [1, "a"], "type": "string"}, ["a"]),
            ({"type": "string", "examples": ["p", "q"]}, ["p", "q"]),
            ({"type": "string", "pattern": "^[a-z]{3}$", "default": "abc"}, ["abc"]),
            ({"examples": [[1]]}, [[1]]),
            ({"type": "null"}, [None]),
            ({"type": "boolean"}, [True, False]),
            ({"type": "integer", "minimum": 3, "exclusiveMaximum": 5}, [3, 4]),
            ({"type": "integer", "multipleOf": 5, "minimum": 1, "maximum": 14}, [5, 10]),
            ({"type": "integer", "maximum": 2**60, "minimum": 2**60 - 1}, [2**60 - 1, 2**60]),
            ({"type": "number", "minimum": 0.001, "maximum": 0.001}, [0.001]),
            ({"type": "number", "multipleOf": 0.5, "minimum": 0, "maximum": 1}, [0, 0.5, 1]),
            ({"type": "array", "maxItems": 0}, [[]]),
            ({"type": "array", "items": {"const": 1}, "minItems": 2, "maxItems": 3}, [[1, 1], [1, 1, 1]]),
            ({"type": "array", "items": {"const": 1}, "x-items": 1}, [[1]]),
            ({"type": "array", "prefixItems": [{"const": 1}], "examples": [[1, 2]]}, [[1, 2]]),
            ({"anyOf": [{"type": "string", "pattern": "^z$"}, {"const": 4}]}, [4]),
            ({"oneOf": [{"const": 4}, {"const": 5}]}, [4]),
            ({"allOf": [{"type": "integer", "minimum": 2}, {"maximum": 3}]}, [2, 3]),
            ({"allOf": [{"minimum": 3}, {"maximum": 4}, {"maximum": 9}], "type": "integer", "minimum": 1}, [3, 4]),
            ({"anyOf": [{"minimum": 3, "maximum": 3}], "type": "integer"}, [3]),
            ({"$ref": "#/$defs/a~1b%25"}, ["escaped"]),
            ({"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, 3, 4]}]}, [2, 3]),
            ({"allOf": [{"type": ["integer", "string"]}, {"type": "number"}], "minimum": 7, "maximum": 7}, [7]),
            ({"type": "object", "properties": {"no": {"pattern": "^z$"}, "ok": {"const": 1}}}, [{"ok": 1}]),
            ({"type": "string", "format": "date"}, ["2030-01-31"]),
            ({"type": "string", "format": "time", "x-digits": 0}, ["09:00:00Z"]),
            ({"type": "string", "format": "date-time", "x-offset": "-1h30m", "x-digits": 0}, ["2030-01-31T07:30:00Z"]),
            ({"x-from": "product.link"}, None),
            ({"type": "string", "minLength": 400, "maxLength": 410}, None),
            ({"type": "string", "maxLength": 4, "minLength": 1}, None),
            ({"type": "string", "x-faker": {"provider": "pystr", "arguments": {"max_chars": 5}}}, None),
            ({"type": "string", "x-faker": "date_object"}, None),
            ({"type": "string", "maxLength": 12, "x-faker": "city"}, None),
            *[({"type": "string", "format": form}, None) for form in (
                "uuid", "email", "idn-email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri", "duration",
                "json-pointer", "relative-json-pointer", "regex", "uri-template", "unheard-of",
            )],
        ],
    )  # fmt: skip
    def test_each_kind_of_member_is_made(self, tmp_path: Path, member: Any, allowed: Sequence[Any] | None) -> None:
        values = made(tmp_path, member, **{"$defs": {"a/b%": {"const": "escaped"}}})

        if allowed is not None:
            assert [value for value in allowed if value in values] == list(allowed)
            assert all(value in allowed for value in values)

    @pytest.mark.parametrize(
        ("member", "why"),
        [
            ({"type": "string", "pattern": "^z$"}, "nothing that is known for it keeps its rules"),
            ({}, "it does not say what type it is"),
            (False, "nothing is allowed here"),
            ({"x-from": "product.price"}, "is none of timestamp, product.id"),
            ({"x-faker": "cty"}, 'Did you mean "city"?'),
            ({"x-faker": "seed_instance"}, "no such provider"),
            ({"x-faker": "__class__"}, "no such provider"),
            ({"x-faker": 5}, "x-faker is a provider's name"),
            ({"x-faker": {"provider": "city", "arguments": {"x": 1}}}, "x-faker"),
            ({"x-faker": {"provider": "binary", "arguments": {"length": 2}}}, "it makes bytes"),
            ({"x-faker": {"provider": "pystr", "arguments": {"min_chars": 10001, "max_chars": 10002}}}, "10,000"),
            ({"type": "string", "format": "date-time", "x-offset": "soon"}, "is no duration"),
            ({"type": "string", "format": "date-time", "x-digits": 12}, "x-digits"),
            ({"type": "array", "minItems": 1}, "its items are not described"),
            ({"type": "array", "minItems": 5000, "items": {"const": 1}}, "more than 256"),
            ({"type": "array", "contains": {"const": 1}}, "not understood"),
            ({"type": "object", "required": ["gone"]}, "not described under properties"),
            ({"anyOf": [{"pattern": "^z$", "type": "string"}, {"x-from": "y"}]}, "none of its forms can be made"),
            ({"$ref": "#/$defs/tree"}, "contains itself"),
            ({"$ref": "#/$defs/ring"}, "circle"),
            ({"$dynamicRef": "#/$defs/tree"}, "$dynamicRef"),
            ({"type": "integer", "not": {"type": "integer"}}, "what is made from it is not valid"),
            ({"type": "integer", "minimum": 5, "maximum": 4}, "keeps its rules"),
        ],
    )  # fmt: skip
    def test_a_member_that_cannot_be_made_is_named_with_what_would_help(
        self, tmp_path: Path, member: Any, why: str
    ) -> None:
        tree = {"type": "object", "required": ["inner"], "properties": {"inner": {"$ref": "#/$defs/tree"}}}

        with pytest.raises(SchemaError) as caught:
            made(tmp_path, member, count=1, **{"$defs": {"tree": tree, "ring": {"$ref": "#/$defs/ring"}}})

        assert why in str(caught.value)
        assert "x-faker, examples or a default" in str(caught.value)
        assert caught.value.file == tmp_path / "mine.json"

    def test_a_whole_example_stands_in_for_what_cannot_be_made(self, tmp_path: Path) -> None:
        example = {"data": {"x": "zzz", "dataProductId": "9"}, "type": "acme.thing.happened", "timestamp": "1999"}
        data = {"properties": {"x": {"type": "string", "pattern": "^z+$"}}, "required": ["x"]}

        event = factory(catalog=of_own(tmp_path, data=data, examples=[example])).event("happened")

        assert body(event) == {**example, "timestamp": factory().timestamp(event.stamp)}
        assert (event.product_id, event.verdict, event.seed) == ("9", "valid", 7)

    def test_a_tree_that_may_end_ends(self, tmp_path: Path) -> None:
        tree = {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}, "b": {"$ref": "#/$defs/tree"}}}

        assert made(tmp_path, {"$ref": "#/$defs/tree"}, count=1, **{"$defs": {"tree": tree}})
