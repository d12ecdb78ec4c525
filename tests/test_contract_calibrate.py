"""One captured delivery settles how an app signs, writes and links: planted variants are found, or said to be open."""

from __future__ import annotations

import base64
import hmac
import json
import tomllib
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from emitter.assumptions import Assumptions, register
from emitter.captures import Captured, Origin
from emitter.catalog import Catalog
from emitter.contract.calibrate import Calibration, calibrate
from emitter.contract.writing import DiffersFromFile, write
from emitter.errors import UsageError
from emitter.settings import from_file
from emitter.signing import SigningKey
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET

CATALOG = Catalog.load()
KEY = SigningKey(SECRET)
START = 1_893_488_400_123_456_780  # ends in one zero: nine digits, trimmed to eight


def of(found: Calibration, switch: str) -> Any:
    return next(each for each in found.rulings if each.switch == switch)


def ruled(captures: Iterable[Captured], *keys: SigningKey, assume: Assumptions | None = None) -> Calibration:
    return calibrate(captures, assumptions=assume or Assumptions(), catalog=CATALOG, keys=keys)


@pytest.fixture
def captured(make_simulator: Any, make_receiver: Any) -> Any:
    """What one delivery of an app under these assumptions looks like to whom it arrives at."""

    def capture(
        assume: dict[str, str], *, type: str = "access-revoked", key: str = SECRET, test: bool = False
    ) -> Captured:
        receiver = make_receiver(keys=())
        simulator = make_simulator(assume=assume, start=START, seed=7)
        if test:
            simulator.test_config(receiver.url, signing_key=key)
        else:
            simulator.trigger(TriggerSpec(type=type, to=f"{receiver.url}/hook", signing_key=key))
        [one] = receiver.wait_for(1, 10.0)
        return Captured(one.body, one.headers, one.method, one.path, one.at, Origin("a.json"))

    return capture


WHSEC = "whsec_" + base64.b64encode(b"thirty-two bytes, all of a secret").decode()
PLANTED: list[tuple[dict[str, str], str]] = [
    ({"signing.header": "x-request-app-signature"}, "access-revoked"),
    ({"signing.header": "X-Immuta-Signature"}, "access-revoked"),
    ({"signing.mode": "sha1"}, "access-revoked"),
    ({"signing.mode": "sha1", "signing.header_sha1": "x-hub-signature"}, "access-revoked"),
    ({"signing.mode": "sha512"}, "access-revoked"),
    ({"signing.mode": "both"}, "access-revoked"),
    ({"signing.mode": "both", "signing.header": "x-new", "signing.header_sha1": "x-old"}, "access-revoked"),
    ({"signing.encoding": "base64"}, "access-revoked"),
    ({"signing.encoding": "base64url"}, "access-revoked"),
    ({"signing.prefix": "sha256="}, "access-revoked"),
    ({"signing.prefix": "v1,", "signing.encoding": "base64"}, "access-revoked"),
    ({"signing.mode": "sha1", "signing.encoding": "base64", "signing.prefix": "sha1="}, "access-revoked"),
    ({"signing.mode": "standard-webhooks"}, "access-revoked"),
    ({"signing.signed": "timestamp.body", "signing.header_timestamp": "x-request-time"}, "access-revoked"),
    ({"signing.signed": "id.timestamp.body", "signing.header_id": "svix-id", "signing.prefix": "v1,",
      "signing.header_timestamp": "svix-timestamp", "signing.encoding": "base64"}, "access-revoked"),
    ({"payload.timestamp_digits": "6"}, "access-revoked"),
    ({"payload.timestamp_digits": "3"}, "access-revoked"),
    ({"payload.timestamp_digits": "0"}, "access-revoked"),
    ({"payload.timestamp_digits": "trimmed"}, "access-revoked"),
    ({"ids.data_product": "cuid"}, "access-revoked"),
    ({"ids.data_product": "number"}, "access-revoked"),
    ({"payload.app_base_url": "https://tenant.example.com/request"}, "access-revoked"),
    ({"payload.account_id": "acme-eu"}, "access-revoked"),
    ({"payload.link_product": "{base}/products/{Id}/overview?tenant={accountId}"}, "access-revoked"),
    ({"payload.link_product": "{base}/data-product/{Id}"}, "product-published"),
    ({"payload.link_data_sources": "{base}/data-product/{Id}?tab=sources&accountId={accountId}"}, "sources-updated"),
    ({"payload.link_requests": "{base}/requests?org={accountId}&status=open"}, "request-created"),
    ({"payload.action_link_on_delete": "product"}, "product-deleted"),
    ({"payload.action_link_on_delete": "home"}, "request-deleted"),
    ({"payload.profile": "extended"}, "access-revoked"),
    ({"delivery.headers": "Content-Type: application/json; charset=utf-8"}, "access-revoked"),
    ({"delivery.headers": "User-Agent: Immuta/2026.2;; X-Immuta-Version: 3"}, "access-revoked"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("planted", "type"), PLANTED, ids=[",".join(f"{k}={v}" for k, v in p.items()) for p, _ in PLANTED]
)
def test_what_was_planted_is_found_by_one_capture(captured: Any, planted: dict[str, str], type: str) -> None:
    found = ruled([captured(planted, type=type)], KEY)

    assert found.signature == "found"
    for switch, value in planted.items():
        ruling = of(found, switch)
        assert (ruling.state, ruling.value) == ("changed", value), (switch, ruling)
        assert ruling.evidence and ruling.source == "a.json"
    others = {each.switch: each.value for each in found.of("changed") if each.switch not in planted}
    assert others == {}
    assert SECRET not in repr(found)


def test_the_test_payload_is_taken_from_the_test(captured: Any) -> None:
    planted = '{"type":"marketplace.test.sent","data":{"by":"somebody"}}'

    found = ruled([captured({"test.payload": planted}, test=True)], KEY)

    assert json.loads(of(found, "test.payload").value) == json.loads(planted)


def test_a_reminder_shows_the_hour_and_a_digest_names_no_product() -> None:
    body = {"timestamp": "2026-03-03T06:30:00.1Z", "data": {}, "type": CATALOG.resolve("request-pending").name}

    found = ruled([Captured(json.dumps(body).encode())])

    assert of(found, "events.pending_time").value == "06:30"
    assert of(found, "events.pending_scope").value == "digest"


def test_a_key_behind_whsec_is_decoded_as_the_specification_says(captured: Any) -> None:
    found = ruled([captured({"signing.mode": "standard-webhooks"}, key=WHSEC)], SigningKey(WHSEC))

    assert of(found, "signing.mode").value == "standard-webhooks"


def test_what_is_as_assumed_is_confirmed_and_what_is_not_shown_stays_open_with_what_would_settle_it(
    captured: Any,
) -> None:
    found = ruled([captured({})], KEY)

    confirmed = {each.switch for each in found.of("confirmed")}
    assert confirmed >= {
        "signing.mode", "signing.header", "signing.encoding", "signing.prefix", "signing.signed", "ids.data_product",
        "payload.timestamp_digits", "payload.link_product", "payload.app_base_url", "payload.account_id",
        "delivery.headers", "payload.profile",
    }  # fmt: skip
    assert not found.of("changed")
    assert all(each.open for each in found.open)
    assert {"delivery.timeout", "test.payload", "payload.action_link_on_delete"} <= {e.switch for e in found.open}
    assert {each.switch for each in found.rulings} == {each.switch for each in register(Assumptions())}


def test_nine_digits_that_do_not_end_in_a_zero_leave_two_readings_until_there_are_many() -> None:
    def stamped(number: int) -> Captured:
        body = {"timestamp": f"2026-03-03T06:30:00.1234567{number % 9 + 1}1Z", "data": {}, "type": "x"}
        return Captured(json.dumps(body).encode())

    one, many = ruled([stamped(1)]), ruled([stamped(n) for n in range(44)])

    assert of(one, "payload.timestamp_digits").state == "open"
    assert "trimmed" in of(one, "payload.timestamp_digits").open
    assert of(many, "payload.timestamp_digits").state == "confirmed"


# --- where nothing fits ----------------------------------------------------------------------------------------------


def test_a_wrong_key_is_told_with_its_likely_causes(captured: Any) -> None:
    found = ruled([captured({})], SigningKey("quite another key"))

    assert found.signature == "not found"
    assert all(of(found, f"signing.{name}").state == "open" for name in ("mode", "header", "encoding", "prefix"))
    assert any("another key" in each for each in found.remarks)
    assert of(found, "payload.timestamp_digits").state == "confirmed"  # the rest does not depend on the key


def test_a_body_that_was_written_anew_is_named_as_the_cause(captured: Any) -> None:
    one = captured({})
    rewritten = json.dumps(json.loads(one.body), indent=2).encode()

    found = ruled([Captured(rewritten, one.headers, origin=one.origin)], KEY)

    assert found.signature == "not found"
    assert any("re-serialised" in each for each in found.remarks)


@pytest.mark.parametrize(
    ("headers", "key", "state", "told"),
    [
        ((), KEY, "none there", "no headers at all"),
        ((("Content-Type", "application/json"),), KEY, "none there", "no signing key"),
        ((("X-Sig", "ab" * 32),), None, "no key", "the key would settle it"),
        ((("X-Key", SECRET),), KEY, "none there", "the key itself"),
    ],
    ids=["no headers", "no signature", "no key", "the key in clear"],
)
def test_it_is_said_what_is_missing(headers: Any, key: SigningKey | None, state: str, told: str) -> None:
    found = ruled([Captured(b'{"type":"x"}', headers)], *filter(None, [key]))

    assert found.signature == state
    assert told in " ".join(found.remarks)
    assert SECRET not in repr(found)


def by_hand(content: bytes, algorithm: str = "sha256", key: bytes = SECRET.encode()) -> bytes:
    return hmac.digest(key, content, algorithm)


BODY = b'{"timestamp":"2026-03-03T06:30:00.1Z","data":{},"type":"x"}'
BEYOND: list[tuple[str, tuple[tuple[str, str], ...], str]] = [
    ("signing.signed", (("X-Sig", by_hand(b"1700000000" + BODY).hex()), ("X-Time", "1700000000")), "timestampbody"),
    ("signing.signed", (("X-Sig", f"t=1700000000,v1={by_hand(b'1700000000.' + BODY).hex()}"),), "timestamp.body"),
    ("signing.signed", (("X-Sig", f"v0={by_hand(b'v0:1700000000:' + BODY).hex()}"), ("X-Time", "1700000000")), "v0:"),
    ("signing.encoding", (("X-Sig", by_hand(BODY).hex().upper()),), "upper-case hex"),
    ("signing.mode", (("X-Sig", by_hand(BODY, "sha384").hex()),), "HMAC-SHA384"),
    ("signing.signed", (("X-Sig", by_hand(BODY + b"\n").hex()),), "line break"),
    ("signing.signed", (("X-Sig", by_hand(b"https://a.example/hook" + BODY).hex()),), "the URL and the body"),
]  # fmt: skip


@pytest.mark.parametrize(("switch", "headers", "told"), BEYOND, ids=range(len(BEYOND)))
def test_what_no_switch_can_say_is_found_and_said_to_be_open(switch: str, headers: Any, told: str) -> None:
    found = ruled([Captured(BODY, headers, "POST", "https://a.example/hook")], KEY)

    assert found.signature == "found"
    ruling = of(found, switch)
    assert ruling.state == "open" and told in ruling.open


def test_captures_that_differ_settle_nothing() -> None:
    bodies = [{"data": {"dataProductId": id}, "type": "x"} for id in ("123", "ckabcdefghijklmnopqrstuv1")]

    found = ruled([Captured(json.dumps(each).encode()) for each in bodies])

    assert "differ" in of(found, "ids.data_product").open


def test_headers_that_may_be_secret_or_come_from_between_are_not_taken_over() -> None:
    headers = (
        ("Content-Type", "application/json"), ("Authorization", "Bearer aaa"), ("X-Api-Key", "bbb"),
        ("X-Forwarded-For", "10.0.0.1"), ("X-Request-Id", "ccc"), ("User-Agent", "Immuta/1"), ("Cookie", "d=e"),
    )  # fmt: skip

    ruling = of(ruled([Captured(BODY, headers)], KEY), "delivery.headers")

    assert ruling.value == "User-Agent: Immuta/1"
    assert not any(text in repr(ruling) for text in ("aaa", "bbb", "ccc", "10.0.0.1"))


@pytest.mark.parametrize(
    "link", ["http://[", "javascript:alert(1)", "x" * 5000, "https://a/{Id}", "", "https://a/\x00"]
)
def test_a_link_that_is_none_settles_nothing_and_breaks_nothing(link: str) -> None:
    body = {"type": CATALOG.resolve("revoked").name, "data": {"dataProductId": "1", "actionLink": link}}

    found = ruled([Captured(json.dumps(body).encode(), (("X-A\x00", "b" * 5000),) * 100)], KEY)

    assert of(found, "payload.link_product").state == "open"


def test_of_captures_without_end_some_are_looked_at() -> None:
    large = Captured(b" " * 4_000_000)

    assert ruled(repeat(Captured(BODY))).captures == 2000
    assert ruled(repeat(large)).captures == 17


# --- writing ----------------------------------------------------------------------------------------------------------


def test_what_is_settled_is_written_and_the_rest_of_the_file_stays(captured: Any, tmp_path: Path) -> None:
    file = tmp_path / "emitter.toml"
    file.write_text('# ours\nkeep = "7d"\n\n[delivery]\ntimeout = "5s"  # slow network\n')
    found = ruled([captured({"signing.header": "x-other", "payload.timestamp_digits": "3"})], KEY)

    write(file, found.settled, at="2026-11-25T10:00:00Z")

    text = file.read_text()
    assert text.startswith('# ours\nkeep = "7d"\n') and "# slow network" in text
    assert SECRET not in text
    plain, switches = from_file(file)
    assert switches["signing.header"] == "x-other" and switches["delivery.timeout"] == "5s"
    entries = {each.switch: each for each in register(Assumptions().override_all(switches), plain["calibrated"])}
    assert entries["signing.header"].provenance == "calibrated" and "a.json" in entries["signing.header"].evidence
    assert entries["delivery.timeout"].provenance == "assumed"
    otherwise = register(Assumptions().override_all({**switches, "signing.header": "x-mine"}), plain["calibrated"])
    assert {each.switch: each.provenance for each in otherwise}["signing.header"] == "assumed"


def test_a_value_that_the_file_sets_otherwise_is_not_replaced_unless_forced(captured: Any, tmp_path: Path) -> None:
    file = tmp_path / "emitter.toml"
    file.write_text('[signing]\nheader = "x-mine"\n')
    found = ruled([captured({})], KEY)

    with pytest.raises(DiffersFromFile, match="signing.header"):
        write(file, found.settled, at="")

    assert file.read_text() == '[signing]\nheader = "x-mine"\n'
    write(file, found.settled, at="2026-11-25", force=True)
    assert tomllib.loads(file.read_text())["signing"]["header"] == "x-immuta-webhook-signature-sha256"


@pytest.mark.parametrize("text", ["[calibrated", "calibrated = 3\n", 'signing = "x"\n', "\xff"])
def test_a_file_that_cannot_be_written_to_is_left_as_it_is(captured: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "emitter.toml"
    file.write_bytes(text.encode("latin-1"))
    found = ruled([captured({})], KEY)

    with pytest.raises(UsageError, match="emitter.toml"):
        write(file, found.settled, at="")

    assert file.read_bytes() == text.encode("latin-1")
