"""Checks of what proves that the app has sent it: signatures that are missing, forged, old or about other bytes."""

from __future__ import annotations

import json

import orjson

from emitter.audit import sources
from emitter.audit.bench import USUAL, Bench
from emitter.audit.ruling import accepted, failed, passed, refused, unjudged
from emitter.audit.telling import pair
from emitter.audit.values import Check, Kind, Ruling

FAMILY = "signatures"
_UNSIGNED = "Nothing is signed: there is no --secret, or signing.mode is off."
_NO_TIME = (
    "It cannot be judged: the signature covers neither a time nor an id, so whoever has caught a delivery can send it "
    "again, and the receiver cannot tell. (signing.mode=standard-webhooks and signing.signed cover them.)"
)
_RAW = "Take the bytes of the body before anything parses them, and compute the HMAC over exactly these."


def _one(bench: Bench, what: str, *faults: object) -> Ruling:
    if not bench.signs:
        return unjudged(_UNSIGNED)
    return refused([bench.send(what, bench.event(what), *faults)])


def missing(bench: Bench) -> Ruling:
    types = (USUAL, "access_requests.created", "state.deleted")
    fault = ("missing-signature",) if bench.signs else ()
    shots = [bench.send(f"{type} unsigned", bench.event("unsigned", type), *fault) for type in types]
    ruling = refused(shots)
    return ruling if bench.signs or not ruling.found.startswith("It was accepted") else failed(
        f"{ruling.found}. No signing key was given: if the webhook has none, anybody who knows the URL can send.", shots
    )  # fmt: skip


def wrong(bench: Bench) -> Ruling:
    return _one(bench, "a made-up signature", "wrong-signature")


def stranger(bench: Bench) -> Ruling:
    return _one(bench, "another key", "wrong-key")


def empty(bench: Bench) -> Ruling:
    return _one(bench, "an empty signature", {"cut-signature": 0})


def short(bench: Bench) -> Ruling:
    return _one(bench, "eight characters of the right signature", {"cut-signature": {"keep": 8 + _lead(bench)}})


def _lead(bench: Bench) -> int:
    """How long what stands before the digest is."""
    scheme = bench.scheme
    return len("v1,") if scheme.mode == "standard-webhooks" else len(scheme.prefix)


def tampered(bench: Bench) -> Ruling:
    if not bench.signs:
        return unjudged(_UNSIGNED)
    body = bench.event("tampered")
    true = bench.send("the true one", body)
    ruling = refused([bench.send("the same, with one character of a value changed", body, "tampered-body")])
    return Ruling(ruling.status, ruling.found, ruling.kind, ruling.follows, (true, *ruling.shots))


def truncated(bench: Bench) -> Ruling:
    return _one(bench, "half of the body under the signature of the whole", "truncated-body")


def reserialised(bench: Bench) -> Ruling:
    return _one(bench, "the same JSON in other bytes under the old signature", "reserialised-body")


def form(bench: Bench) -> Ruling:
    return _one(bench, "a form with the JSON in it, under the signature of the JSON", "not-json")


def spelling(bench: Bench) -> Ruling:
    body = json.dumps(orjson.loads(bench.event("other spelling")), indent=2, ensure_ascii=True).encode() + b"\n"
    body = body.replace(b'"dataProductName": "e', b'"dataProductName": "\\u0065').replace(b"https://", b"https:\\/\\/")
    return accepted([bench.send("JSON with white space and escapes, signed as it is", body)])


def both(bench: Bench) -> Ruling:
    if not bench.signs:
        return unjudged(_UNSIGNED)
    old = bench.target.old_key
    return accepted([bench.send("the signatures of two keys", bench.event("both keys"), {"both-keys": old or None})])


def old(bench: Bench) -> Ruling:
    if not bench.signs or not bench.target.old_key:
        return unjudged("Give the key that was the webhook's before with --old-secret-file.")
    shot = bench.send("signed with the old key", bench.event("old key"), {"wrong-key": bench.target.old_key})
    if shot.accepted:
        return failed("The old key is still accepted. That is right until all have the new one, and not after.", [shot])
    return refused([shot])


def sha1(bench: Bench) -> Ruling:
    if not bench.signs or bench.scheme.mode != "sha256":
        return unjudged("It is about receivers of the SHA-256 header (signing.mode=sha256).")
    return refused([bench.send("SHA-1 alone", bench.event("sha1"), assume={"signing.mode": "sha1"})])


def transition(bench: Bench) -> Ruling:
    if not bench.signs or bench.scheme.mode != "sha256":
        return unjudged("It is about receivers of the SHA-256 header (signing.mode=sha256).")
    return accepted([bench.send("SHA-256 and SHA-1", bench.event("both headers"), assume={"signing.mode": "both"})])


def header_case(bench: Bench) -> Ruling:
    if not bench.signs or bench.scheme.mode == "standard-webhooks":
        return unjudged("The name of the header is that of the Standard Webhooks specification here.")
    names = {"signing.header": bench.scheme.header, "signing.header_sha1": bench.scheme.header_sha1}
    shots = [
        bench.send(words, bench.event("names of headers"), assume={name: turn(text) for name, text in names.items()})
        for words, turn in (("X-Like-This", str.title), ("X-LIKE-THIS", str.upper), ("x-like-this", str.lower))
    ]
    return accepted(shots)


def stale(bench: Bench) -> Ruling:
    if not bench.signs:
        return unjudged(_UNSIGNED)
    if not bench.scheme.carried:
        return unjudged(_NO_TIME)
    return refused([bench.send("signed a day ago", bench.event("stale"), {"stale-signature": "1d"})])


def replay(bench: Bench) -> Ruling:
    if not bench.signs:
        return unjudged(_UNSIGNED)
    if not bench.scheme.carried:
        return unjudged(_NO_TIME)
    first = bench.good("replay")
    if not first.accepted:
        return unjudged(f"The first was not accepted: {first.outcome}.", [first])
    again = bench.again(first, "the same once more, to the byte")
    if again.broke:
        return failed(f"It broke on it: {again.outcome}", [first, again])
    if again.refused:
        return passed(f"answered {again.outcome}", [first, again])
    if not bench.target.probe:
        return unjudged(
            f"It answers {again.outcome}; whether it did its work twice only a --probe shows.", [first, again]
        )
    teller = pair(bench)
    if why := teller.prepare():
        return unjudged(why, [first, again])
    if teller.tell([0, 0]) != teller.own([0]):
        return failed("It was accepted, and its work was done twice.", [first, again], follows=("duplicate",))
    return passed(f"answered {again.outcome}, and nothing more was done", [first, again])


def telltale(bench: Bench) -> Ruling:
    if not bench.signs:
        return unjudged(_UNSIGNED)
    body = bench.event("answers")
    true = bench.send("the true one", body)
    right = [value for name, value in true.headers if name.lower() in {n.lower() for n, _ in bench.scheme.signatures}]
    digests = [value.rpartition(",")[2].removeprefix(bench.scheme.prefix) for value in right]
    shots = [bench.send(words, body, fault) for words, fault in _REFUSED]
    for shot in shots:
        said = shot.answer + " ".join(value for _, value in shot.answer_headers)
        if any(digest and digest.lower() in said.lower() for digest in digests):
            return failed(f"The answer to {shot.what} holds the right signature.", shots)
        if shot.tells_key:
            return failed(f"The answer to {shot.what} holds the signing key.", shots)
    for shot in shots:
        if "Traceback (most recent call last)" in shot.answer or "\n    at " in shot.answer:
            return failed(
                f"The answer to {shot.what} shows the program from within (a stack trace).", shots,
                kind=Kind.UNFORTUNATE, follows=("missing-signature", "wrong-signature"),
            )  # fmt: skip
    return passed("they say nothing but no", shots)


_REFUSED = (("no signature", "missing-signature"), ("a made-up signature", "wrong-signature"))

_VERIFY = "Refuse with 401 whatever has no header with the HMAC-SHA-256 of the raw body under your key; no exceptions."

CHECKS = (
    Check(
        "missing-signature", FAMILY, "Events without a signature.", "401, or another 4xx.",
        "Anybody who knows the URL could tell your system that access was granted or revoked.",
        sources.SIGNED, _VERIFY, Kind.UNSAFE, missing, 3,
    ),
    Check(
        "wrong-signature", FAMILY, "An event with a signature of the right form that belongs to nothing.",
        "401, or another 4xx.", "A signature that is not computed and compared is decoration.",
        sources.SIGNED, _VERIFY, Kind.UNSAFE, wrong, 1, ("missing-signature",),
    ),
    Check(
        "wrong-key", FAMILY, "An event that is signed properly, with another key.", "401, or another 4xx.",
        "Only who shares the key with you may speak.", sources.SIGNED,
        "Compute the HMAC with your own key; take no key from the request.", Kind.UNSAFE, stranger, 1,
        ("missing-signature", "wrong-signature"),
    ),
    Check(
        "short-signature", FAMILY, "An event whose signature is the first eight characters of the right one.",
        "401, or another 4xx.", "What compares only as much as was sent can be opened by guessing.", sources.CONSTANT,
        "Compare the whole with hmac.compare_digest (Python), crypto.timingSafeEqual (Node) or MessageDigest.isEqual "
        "(Java).", Kind.UNSAFE, short, 1, ("missing-signature", "wrong-signature"),
    ),
    Check(
        "empty-signature", FAMILY, "An event whose signature header is there and empty.", "401, or another 4xx.",
        "An empty header is no signature.", sources.CONSTANT,
        "Treat an empty header as a missing one, and refuse both.", Kind.UNSAFE, empty, 1,
        ("missing-signature", "short-signature", "wrong-signature"),
    ),
    Check(
        "tampered-body", FAMILY, "An event, then the same with one character changed, under the same signature.",
        "401, or another 4xx, for the second.", "Somebody in between could change what is said.", sources.SIGNED,
        "Verify every request anew, over all bytes of its body.", Kind.UNSAFE, tampered, 2,
        ("missing-signature", "wrong-signature"),
    ),
    Check(
        "truncated-body", FAMILY, "The first half of a body, with the signature of the whole.", "401, or another 4xx.",
        "Half of an event is none, and its signature is not that of these bytes.", sources.BYTES,
        "Verify before you parse, and refuse what fits no signature, whether it is JSON or not.", Kind.UNSAFE,
        truncated, 1, ("missing-signature", "wrong-signature", "tampered-body"),
    ),
    Check(
        "reserialised-body", FAMILY, "The same JSON in other bytes, as a proxy writes it, under the old signature.",
        "401, or another 4xx.",
        "Who verifies what it wrote itself, and not what came, can be led to verify one thing and do another.",
        sources.BYTES, _RAW, Kind.UNSAFE, reserialised, 1, ("missing-signature", "wrong-signature", "tampered-body"),
    ),
    Check(
        "form-body", FAMILY, "A form with the JSON in it, under the signature of the JSON.", "401, or another 4xx.",
        "The bytes are others than those that were signed.", sources.BYTES, _RAW, Kind.UNSAFE, form, 1,
        ("missing-signature", "wrong-signature", "truncated-body", "tampered-body", "reserialised-body"),
    ),
    Check(
        "raw-bytes", FAMILY, "An event in JSON that is spelt otherwise (white space, escapes), signed so.", "2xx.",
        "What was signed are the bytes. Who writes the JSON anew before verifying refuses this one.", sources.BYTES,
        _RAW, Kind.WRONG, spelling, 1, ("good-delivery",),
    ),
    Check(
        "stale-signature", FAMILY, "An event that was signed a day ago.", "401, or another 4xx.",
        "Who has caught a delivery could send it again for ever.", sources.STALE,
        "Refuse a signed time that is more than five minutes away from now.", Kind.UNSAFE, stale, 1,
        ("missing-signature", "wrong-signature"),
    ),
    Check(
        "replay", FAMILY, "A delivery, and the very same bytes and headers again.",
        "A 4xx, or 2xx with nothing done a second time.", "A caught delivery must not work twice.", sources.STALE,
        "Remember the signed ids for as long as you accept their times.", Kind.UNSAFE, replay, 20,
        ("duplicate",),
    ),
    Check(
        "both-keys", FAMILY, "An event with the signatures of another key and of yours.", "2xx.",
        "While keys are exchanged, a sender may sign with both, and one that fits is enough.", sources.KEYS,
        "Look at every signature that came (all headers of the name, all parts of one), and take any that fits.",
        Kind.UNFORTUNATE, both, 1,
    ),
    Check(
        "old-key", FAMILY, "An event that is signed with the key of before.", "401, or another 4xx.",
        "A key that was given up may have been lost to somebody.", sources.KEYS,
        "Take the old key out once the new one has arrived everywhere.", Kind.UNFORTUNATE, old, 1,
        ("missing-signature", "wrong-signature", "wrong-key"),
    ),
    Check(
        "sha1-alone", FAMILY, "An event with the retired SHA-1 header alone.", "401, or another 4xx.",
        "Nobody sends it any more but who has an old key or an old program.", sources.SHA1,
        "Verify x-immuta-webhook-signature-sha256 only.", Kind.UNFORTUNATE, sha1, 1, ("missing-signature",),
    ),
    Check(
        "both-headers", FAMILY, "An event with the SHA-256 header and the SHA-1 header.", "2xx.",
        "In the time of transition both were sent.", sources.SHA1, "Ignore headers that you do not know.",
        Kind.UNFORTUNATE, transition, 1, ("good-delivery",),
    ),
    Check(
        "header-case", FAMILY, "Events whose signature header is written X-Like-This, X-LIKE-THIS and x-like-this.",
        "2xx.", "Names of headers have no case, and proxies change it.", sources.HTTP,
        "Look headers up without regard to case.", Kind.WRONG, header_case, 3, ("good-delivery",),
    ),
    Check(
        "answers", FAMILY, "Events without a signature, and with a wrong one: what do the answers say?",
        "Nothing of the key or of the right signature, and no stack trace.",
        "An answer that says which signature was expected signs for anybody.", sources.SECRETS,
        "Answer with the status and a plain sentence; what was expected goes into your log, if anywhere.", Kind.UNSAFE,
        telltale, 3, ("missing-signature", "wrong-signature"),
    ),
)  # fmt: skip
