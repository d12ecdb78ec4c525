"""Signatures: made as others make them, checked in the open, explained without the key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.assumptions import Assumptions
from emitter.errors import BadSigningKey, BadValue
from emitter.signing import Headers, Scheme, Signer, SigningKey, Verdict, explain, verify

SECRET = "kettle-drum-4711-of-the-orchestra"
KEY = SigningKey(SECRET)
PLAIN = Scheme()
OTHER = SigningKey("another-key-that-nobody-uses")
BODY = (
    b'{"timestamp":"2030-01-02T09:00:00.123456789Z","data":{"dataProductId":"7b1c","dataProductName":"Caf\xc3\xa9 42"},'
    b'"type":"marketplace.data_product.state.created"}'
)
SHA256, SHA1 = "x-immuta-webhook-signature-sha256", "x-immuta-webhook-signature"
MODES = ("sha256", "both", "sha1", "standard-webhooks")
SCHEMES = [
    *(Scheme(mode=mode, encoding=encoding, prefix=prefix)
      for mode in MODES for encoding in ("hex", "base64") for prefix in ("", "sha=")),
]  # fmt: skip


def signed(body: bytes = BODY, key: SigningKey = KEY, scheme: Scheme = PLAIN, seconds: int = 1000) -> Headers:
    return Signer(scheme).headers(body, key, message_id="msg_1", seconds=seconds)


def checked(
    headers: Headers | dict[str, str], body: bytes = BODY, *keys: SigningKey, scheme: Scheme = PLAIN
) -> Verdict:
    return verify(headers, body, keys or (KEY,), scheme, now=1000)


def digest(body: bytes = BODY, key: bytes = SECRET.encode(), algorithm: str = "sha256") -> bytes:
    return hmac.new(key, body, algorithm).digest()


# --- made as the standard library alone makes them


def test_sha256_is_lower_case_hex_of_the_raw_body() -> None:
    headers = signed()

    assert headers == ((SHA256, hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()),)


def test_the_published_vectors_of_hmac_come_out() -> None:
    # RFC 4231, test case 2, and RFC 2202, test case 2: key "Jefe".
    headers = signed(b"what do ya want for nothing?", SigningKey("Jefe"), Scheme(mode="both"))

    assert headers == (
        (SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    )


def test_the_published_vector_of_standard_webhooks_comes_out() -> None:
    key = SigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    scheme = Scheme(mode="standard-webhooks", encoding="hex", prefix="ignored=")

    headers = Signer(scheme).headers(
        b'{"test": 2432232314}', key, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", seconds=1614265330
    )

    assert headers == (
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    )


def test_a_key_without_whsec_is_its_own_bytes_in_standard_webhooks() -> None:
    headers = signed(scheme=Scheme(mode="standard-webhooks"))

    expected = base64.b64encode(digest(b"msg_1.1000." + BODY)).decode()
    assert dict(headers)["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("mode", ["sha1", "sha256"])
def test_a_key_of_any_length_signs_as_hmac_does(mode: str, length: int) -> None:
    signer, key = Signer(Scheme(mode=mode)), "k" * length

    signatures = [signer.headers(body, SigningKey(key), message_id="", seconds=0)[0][1] for body in (BODY, b"", BODY)]

    assert signatures == [hmac.new(key.encode(), body, mode).hexdigest() for body in (BODY, b"", BODY)]


def test_base64_and_prefix_are_what_they_say() -> None:
    headers = signed(scheme=Scheme(encoding="base64", prefix="sha256="))

    assert headers == ((SHA256, "sha256=" + base64.b64encode(digest()).decode()),)


def test_both_sends_two_headers_and_sha1_the_old_one() -> None:
    old = (SHA1, digest(algorithm="sha1").hex())

    assert signed(scheme=Scheme(mode="both")) == (*signed(), old)
    assert signed(scheme=Scheme(mode="sha1")) == (old,)


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_without_a_key_nothing_is_sent(scheme: Scheme) -> None:
    assert Signer(scheme).headers(BODY, None, message_id="m", seconds=1) == ()


def test_off_sends_nothing_and_checks_nothing() -> None:
    off = Scheme(mode="off")

    assert signed(scheme=off) == ()
    assert checked((), scheme=off) == Verdict(True, "Signing is off; nothing was checked.", remarks=off.remarks)


def test_a_scheme_is_what_the_assumptions_say() -> None:
    assumptions = Assumptions().override_all(
        {"signing.mode": "both", "signing.encoding": "base64", "signing.prefix": "p=", "signing.header": "X-New"}
    )

    assert Scheme.of(Assumptions()) == Scheme()
    assert Scheme.of(assumptions) == Scheme("both", "base64", "p=", "X-New", SHA1)


@pytest.mark.parametrize(
    ("switches", "named"),
    [
        ({"signing.prefix": "é"}, "signing.prefix"),
        ({"signing.mode": "both", "signing.header": SHA1.upper()}, "signing.header_sha1"),
    ],
)
def test_a_scheme_that_no_request_could_carry_is_refused(switches: dict[str, str], named: str) -> None:
    with pytest.raises(BadValue) as refused:
        Scheme.of(Assumptions().override_all(switches))

    assert refused.value.name == named


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_one_signature_leaves_no_trace_in_the_next(scheme: Scheme) -> None:
    signer = Signer(scheme)
    for body in (b"first", b"second", b"first"):
        headers = signer.headers(body, KEY, message_id="msg_1", seconds=1000)

        assert headers == signed(body, scheme=scheme)
        assert checked(headers, body, scheme=scheme).ok


def test_a_signer_keeps_keys_apart_however_many_there_are() -> None:
    signer = Signer(Scheme())
    keys = [f"key-{number}" for number in range(5000)]

    for _ in range(2):
        for secret in keys:
            (_, value), = signer.headers(BODY, SigningKey(secret), message_id="", seconds=0)  # fmt: skip
            assert value == digest(key=secret.encode()).hex()
    assert len(vars(signer)["_keyed"]) <= 4096


# --- checked


@given(
    st.binary(max_size=500),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0"), min_size=1, max_size=60),
    st.sampled_from(SCHEMES),
)
def test_what_is_signed_verifies(body: bytes, secret: str, scheme: Scheme) -> None:
    key = SigningKey(secret)

    verdict = checked(signed(body, key, scheme), body, key, scheme=scheme)

    assert verdict.ok and verdict.key == 1 and verdict.likely == ()


@given(st.binary(min_size=1, max_size=200), st.data(), st.sampled_from(SCHEMES))
def test_a_flipped_bit_does_not(body: bytes, data: st.DataObject, scheme: Scheme) -> None:
    position = data.draw(st.integers(0, len(body) * 8 - 1))
    flipped = bytearray(body)
    flipped[position // 8] ^= 1 << position % 8

    verdict = checked(signed(body, scheme=scheme), bytes(flipped), scheme=scheme)

    assert not verdict.ok and verdict.likely


@given(
    st.lists(st.tuples(st.sampled_from([SHA256, SHA1, "webhook-id", "webhook-timestamp", "webhook-signature", "x"]),
                       st.text(max_size=90)), max_size=5),
    st.binary(max_size=60),
    st.sampled_from(SCHEMES),
)  # fmt: skip
def test_whatever_stands_there_is_judged_and_never_raises(
    headers: list[tuple[str, str]], body: bytes, scheme: Scheme
) -> None:
    verdict = verify(headers, body, (KEY, OTHER), scheme, now=1000)

    assert not verdict.ok and verdict.reason and verdict.text()


def test_headers_are_found_in_any_case_in_a_dict_or_in_pairs() -> None:
    ((_, value),) = signed()

    assert checked({SHA256.upper(): value}).ok
    assert checked(((SHA256.title(), f"  {value}\t"),)).ok


def test_the_key_that_fits_is_named_by_its_place() -> None:
    verdict = checked(signed(), BODY, OTHER, KEY)

    assert verdict.ok and verdict.key == 2
    assert verdict.reason == f"{SHA256} fits the body with key 2 of 2."
    assert [(finding.key, finding.ok) for finding in verdict.findings] == [(1, False), (2, True)]


def test_both_wants_both_headers_right() -> None:
    scheme = Scheme(mode="both")
    new, old = signed(scheme=scheme)

    assert checked((new, old), scheme=scheme).ok
    assert checked((new,), scheme=scheme).reason == f"The header {SHA1} is missing."
    assert checked((new, (SHA1, "0" * 40)), scheme=scheme).reason == f"{SHA1} does not fit the body."
    assert checked(((SHA256, "0" * 64), old), scheme=scheme).header == SHA256


def test_of_a_header_that_stands_there_for_each_key_one_has_to_fit() -> None:
    [right] = signed()
    wrong = (SHA256, "0" * 64)

    for headers in ((wrong, right), (right, wrong)):
        verdict = checked(headers)
        assert verdict.ok and verdict.reason == f"{SHA256} stands there 2 times and fits the body."
    verdict = checked((wrong, wrong))
    assert not verdict.ok and "stands there 2 times and does not fit" in verdict.reason


def test_without_keys_nothing_is_right() -> None:
    verdict = verify(signed(), BODY, (), Scheme())

    assert not verdict.ok and verdict.reason == "There is no key to check the signature with."


def test_standard_webhooks_takes_any_of_several_signatures() -> None:
    scheme = Scheme(mode="standard-webhooks")
    headers = dict(signed(scheme=scheme))
    headers["webhook-signature"] = f"v1a,AAAA v1,{'A' * 43}= {headers['webhook-signature']}"

    assert checked(headers, scheme=scheme).ok


@pytest.mark.parametrize("seconds", [699, 1301])
def test_standard_webhooks_refuses_what_is_too_old_or_too_new(seconds: int) -> None:
    scheme = Scheme(mode="standard-webhooks")

    verdict = checked(signed(scheme=scheme, seconds=seconds), scheme=scheme)
    without_tolerance = verify(signed(scheme=scheme, seconds=seconds), BODY, (KEY,), scheme, now=1000, tolerance=None)

    assert not verdict.ok and verdict.key == 1
    assert verdict.reason == f"webhook-timestamp is 301 s {'ago' if seconds < 1000 else 'ahead'}; 300 s are tolerated."
    assert without_tolerance.ok
    assert checked(signed(scheme=scheme, seconds=seconds + (1 if seconds < 1000 else -1)), scheme=scheme).ok


@pytest.mark.parametrize("stamp", ["soon", "-5", "1e3", "1" * 13, "²"])
def test_standard_webhooks_refuses_a_timestamp_that_is_none(stamp: str) -> None:
    scheme = Scheme(mode="standard-webhooks")
    value = base64.b64encode(digest(f"m.{stamp}.".encode() + BODY)).decode()

    verdict = checked(
        {"webhook-id": "m", "webhook-timestamp": stamp, "webhook-signature": f"v1,{value}"}, scheme=scheme
    )

    assert verdict.reason == "The header webhook-timestamp is no number of seconds since 1970."


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_standard_webhooks_needs_its_three_headers(missing: str) -> None:
    scheme = Scheme(mode="standard-webhooks")

    verdict = checked(tuple(pair for pair in signed(scheme=scheme) if pair[0] != missing), scheme=scheme)

    assert verdict.reason.startswith(f"The header {missing} is missing")


# --- why it probably failed


def why(value: str, body: bytes = BODY, *keys: SigningKey, header: str = SHA256, scheme: Scheme = PLAIN) -> str:
    verdict = checked({header: value}, body, *keys, scheme=scheme)
    assert not verdict.ok
    return " ".join(verdict.likely)


def test_another_encoding_is_recognised() -> None:
    assert "it is written in base64 where hex is expected" in why(base64.b64encode(digest()).decode())
    assert "it is written in upper-case hex where hex is expected" in why(digest().hex().upper())
    assert "base64 without padding" in why(base64.b64encode(digest()).decode().rstrip("="))
    assert "written in hex where base64 is expected" in why(digest().hex(), scheme=Scheme(encoding="base64"))


def test_another_prefix_is_recognised() -> None:
    assert 'it begins with "sha256=" where no prefix is expected' in why(f"sha256={digest().hex()}")
    assert 'it begins with no prefix where "sha256=" is expected' in why(
        digest().hex(), scheme=Scheme(prefix="sha256=")
    )
    assert 'begins with "sha256=" where no prefix is expected' in why(f"sha256={base64.b64encode(digest()).decode()}")


def test_another_algorithm_is_recognised() -> None:
    assert "it is HMAC-SHA1 where HMAC-SHA256 is expected" in why(digest(algorithm="sha1").hex())
    assert "it is HMAC-SHA512 where HMAC-SHA256 is expected" in why(digest(algorithm="sha512").hex())
    assert "a plain SHA256 of the body, made without any key" in why(hashlib.sha256(BODY).hexdigest())


def test_another_header_is_recognised() -> None:
    renamed = why(digest().hex(), header="X-Hub-Signature-256")
    old = why(digest(algorithm="sha1").hex(), header=SHA1)

    assert renamed == "The header x-hub-signature-256 holds one that fits."
    assert f"The header {SHA1} holds one that fits: " in old and "HMAC-SHA1 where HMAC-SHA256" in old
    assert "no signing key" in why("application/json", header="content-type")


@pytest.mark.parametrize(
    ("signed_body", "words"),
    [
        (BODY + b"\n", "with a line break at its end"),
        (b"", "nothing was signed"),
        (json.dumps(json.loads(BODY)).encode(), "re-serialised; it was signed as JSON with spaces, escaped to ASCII"),
        (json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).encode(), "indented by 2"),
        (json.dumps(json.loads(BODY), separators=(",", ":"), sort_keys=True).encode(), "members sorted, compact"),
        (json.dumps(json.loads(BODY), indent=4).encode() + b"\n", "indented by 4, escaped to ASCII, a line break"),
        (BODY.decode("latin-1").encode(), "Latin-1"),
    ],
)
def test_another_body_is_recognised(signed_body: bytes, words: str) -> None:
    assert words in why(digest(signed_body).hex())


def test_a_body_that_was_written_anew_on_its_way_is_recognised() -> None:
    arrived = json.dumps(json.loads(BODY)).encode()

    assert "probably re-serialised; it was signed as JSON compact" in why(digest().hex(), arrived)
    assert "without the line break at its end" in why(digest().hex(), BODY + b"\r\n")
    assert "CR LF where it now has LF" in why(digest(b"{\r\n}").hex(), b"{\n}")


@pytest.mark.parametrize(
    ("key", "used", "words"),
    [
        (SECRET, SECRET.encode() + b"\n", "the key was used with a line break at its end"),
        (f" {SECRET} ", SECRET.encode(), "without the white space around it"),
        (f"'{SECRET}'", SECRET.encode(), "without the quotes around it"),
        (SECRET, f'"{SECRET}"'.encode(), "with quotes around it"),
        ("00ff" * 8, b"\x00\xff" * 8, "the key was decoded as hex"),
        (base64.b64encode(b"\xfb" * 32).decode(), b"\xfb" * 32, "the key was decoded as base64"),
        (f"whsec_{base64.b64encode(b'q' * 24).decode()}", b"q" * 24, "the key was decoded as base64"),
        (SECRET, base64.b64encode(SECRET.encode()), "the key was encoded as base64"),
        (SECRET, b"", "the key was empty"),
    ],
)
def test_another_reading_of_the_key_is_recognised(key: str, used: bytes, words: str) -> None:
    said = why(digest(key=used).hex(), BODY, SigningKey(key))

    assert words in said and key.strip() not in said


def test_mistakes_add_up() -> None:
    said = why("sha256=" + base64.b64encode(digest(BODY + b"\n", algorithm="sha1")).decode(), BODY, OTHER, KEY)

    assert said.startswith("It fits key 2, but it is HMAC-SHA1 ")
    for words in ("written in base64", 'begins with "sha256="', "line break at its end"):
        assert words in said


def test_standard_webhooks_signed_otherwise_is_recognised() -> None:
    scheme = Scheme(mode="standard-webhooks")

    def said(value: bytes) -> str:
        headers = {**dict(signed(scheme=scheme)), "webhook-signature": f"v1,{base64.b64encode(value).decode()}"}
        return " ".join(checked(headers, scheme=scheme).likely)

    assert "only the body was signed" in said(digest())
    assert "webhook-timestamp.body was signed" in said(digest(b"1000." + BODY))
    assert "probably re-serialised" in said(digest(b"msg_1.1000." + json.dumps(json.loads(BODY)).encode()))


def test_what_fits_nothing_is_described() -> None:
    assert why(digest(key=b"?").hex()) == "It was made with another key, or the body was changed after it was signed."
    assert "cut: 40 characters" in why(digest().hex()[:40])
    assert "Its 3 characters are no signature in hex or base64." in why("yes")
    assert why("") == "It is empty."
    assert "has the length of HMAC-SHA1" in why("0" * 40)


def test_a_value_with_something_around_it_is_recognised() -> None:
    assert why(f'"{digest().hex()}"') == "It fits, but there is something around it."


def test_looking_for_causes_has_its_bounds() -> None:
    values = " ".join(["ab" * 32, "cd" * 20, "ef" * 64] * 3)
    headers = [(f"x-{number}", values) for number in range(100)]

    started = time.process_time()
    verdict = verify(headers, b"x" * 2_000_000, [KEY, OTHER] * 50, PLAIN)

    assert not verdict.ok and verdict.likely
    assert time.process_time() - started < 10 * one_pass(2_000_000 * 60)


def one_pass(count: int) -> float:
    """How long this machine takes to sign so many bytes with each algorithm."""
    started = time.process_time()
    for algorithm in ("sha1", "sha256", "sha512"):
        hmac.digest(b"k", b"x" * count, algorithm)
    return time.process_time() - started


def test_a_large_body_is_not_written_anew() -> None:
    large = b'{"a": "' + b"x" * 300_000 + b'"}'

    assert "re-serialised" not in why(
        digest(json.dumps(json.loads(large), separators=(",", ":")).encode()).hex(), large
    )


# --- explained


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_what_is_explained_is_what_is_sent(scheme: Scheme) -> None:
    explanation = explain(BODY, KEY, scheme, message_id="msg_1", seconds=1000)

    assert explanation.headers == signed(scheme=scheme)
    for signature in explanation.signatures:
        algorithm = signature.algorithm.removeprefix("HMAC-").lower()
        made = hmac.new(SECRET.encode(), explanation.signed, algorithm).digest()
        written = made.hex() if signature.encoding == "hex" else base64.b64encode(made).decode()
        assert signature.value == signature.prefix + written
        assert dict(explanation.headers)[signature.header] == signature.value
    assert (explanation.key_length, explanation.key_from) == (len(SECRET), "the secret as UTF-8")


def test_the_signed_bytes_are_shown_so_that_they_can_be_printed() -> None:
    explanation = explain(b'\x1b[2J{"a":\n\xff}', KEY, Scheme(), message_id="", seconds=0)

    assert explanation.signed_text.isprintable() and explanation.signed_text.startswith('\\x1b[2J{"a":\\n')
    assert bytes.fromhex(explanation.signed_hex) == explanation.signed
    assert explanation.signed_text in explanation.text()


@pytest.mark.parametrize(
    ("secret", "length", "words"),
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 24, "decoded from the base64 that follows whsec_"),
        ("whsec_not base64!", 17, "because what follows whsec_ is no base64"),
        ("whsec_é", 8, "because what follows whsec_ is no base64"),
        ("whsec_", 6, "because nothing follows whsec_"),
        ("grün", 5, "the secret as UTF-8"),
    ],
)
def test_how_the_key_came_to_be_is_said(secret: str, length: int, words: str) -> None:
    explanation = explain(BODY, SigningKey(secret), Scheme(mode="standard-webhooks"), message_id="m", seconds=1)

    assert explanation.key_length == length and words in explanation.key_from
    assert f"{length} bytes" in explanation.text() and words in explanation.text()


def test_an_unsigned_body_is_explained_too() -> None:
    assert "No key is set" in explain(BODY, None, Scheme(), message_id="", seconds=0).text()
    assert "Signing is off" in explain(BODY, KEY, Scheme(mode="off"), message_id="", seconds=0).text()


@pytest.mark.parametrize("mode", [*MODES, "off"])
def test_what_is_assumed_is_said(mode: str) -> None:
    scheme = Scheme(mode=mode)

    for text in (
        checked({}, scheme=scheme).text(),
        explain(BODY, KEY, scheme, message_id="", seconds=0).text(),
    ):
        assert "assumed, U1; a captured delivery would settle it" in text
        assert ("assumed, U2; a captured delivery would settle it" in text) == (mode in ("sha256", "both", "sha1"))


# --- the key stays where it is


def test_no_text_holds_the_key() -> None:
    for scheme in [*SCHEMES, Scheme(mode="off")]:
        signer = Signer(scheme)
        headers = signer.headers(BODY, KEY, message_id="m", seconds=1000)
        explanation = explain(BODY, KEY, scheme, message_id="m", seconds=1000)
        refused = checked({SHA256: f"{SECRET}={digest().hex()}", "x": SECRET}, scheme=scheme)
        told = [KEY, f"{KEY}", signer, vars(signer), headers, explanation, explanation.text(), refused, refused.text()]

        assert not [one for one in told if SECRET in repr(one) or SECRET in str(one)]


def test_a_key_that_was_sent_instead_of_a_signature_is_told_without_it() -> None:
    said = why(f"Bearer {SECRET}")
    elsewhere = why(f"Bearer {SECRET}", header="authorization")

    assert "holds the key itself" in said and SECRET not in said
    assert "holds the key itself" in elsewhere and SECRET not in elsewhere


def test_a_short_key_in_front_of_a_signature_is_not_taken_for_a_prefix_that_may_be_shown() -> None:
    key = SigningKey("opal")

    assert "opal" not in why(f"opal={digest(key=b'opal').hex()}", BODY, key)


def test_a_key_is_no_word_that_gives_it_away_when_it_is_refused() -> None:
    with pytest.raises(BadSigningKey) as refused:
        SigningKey("sesame-open\n")

    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize("secret", ["", "a\rb", "a\0b", "\ud800", "x" * 4097])
def test_a_key_that_cannot_be_is_refused(secret: str) -> None:
    with pytest.raises(BadSigningKey):
        SigningKey(secret)


def test_keys_are_equal_by_what_they_are() -> None:
    assert SigningKey("a") == SigningKey("a") != SigningKey("b")
    assert len({SigningKey("a"), SigningKey("a")}) == 1
    assert replace(Scheme(), mode="both") == Scheme(mode="both")


# --- what is signed, and how it is written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signed", "before"), [("body", b""), ("timestamp.body", b"1700000000."), ("id.timestamp.body", b"m1.1700000000.")]
)
def test_what_is_signed_before_the_body_travels_in_headers_of_its_own(signed: str, before: bytes) -> None:
    scheme = Scheme(signed=signed, header_timestamp="x-time", header_id="x-id", encoding="base64url", mode="sha512")
    key = SigningKey("a key")

    headers = dict(Signer(scheme).headers(BODY, key, message_id="m1", seconds=1_700_000_000))

    digest = hmac.digest(b"a key", before + BODY, "sha512")
    assert headers[scheme.header] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert {name for name in headers if name != scheme.header} == set(scheme.carried)
    assert verify(headers, BODY, [key], scheme, now=1_700_000_001).ok
    late = verify(headers, BODY, [key], scheme, now=1_800_000_000)
    assert late.ok is not bool(before)
