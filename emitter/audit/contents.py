"""Checks of what a body says: types, members that are there or not, what is no event at all. All is signed as sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from emitter.audit import sources
from emitter.audit.bench import USUAL, Bench, with_members
from emitter.audit.ruling import accepted, borne, failed, passed, refused
from emitter.audit.values import Check, Kind, Ruling, Shot, Status
from emitter.clock import SECOND, parse_rfc3339, rfc3339

FAMILY = "contents"
_DIAGNOSES: tuple[tuple[str, Mapping[str, str], bool], ...] = (
    ("six digits in the timestamp", {"payload.timestamp_digits": "6"}, True),
    ("three digits in the timestamp", {"payload.timestamp_digits": "3"}, True),
    ("Content-Type: application/json; charset=utf-8",
     {"delivery.headers": "Content-Type: application/json; charset=utf-8"}, True),
    ("another User-Agent", {"delivery.headers": "User-Agent: Immuta"}, True),
    ("the signature in base64", {"signing.encoding": "base64"}, False),
    ("the prefix sha256= before the signature", {"signing.prefix": "sha256="}, False),
    ("the old SHA-1 header", {"signing.mode": "sha1"}, False),
    ("the headers of Standard Webhooks", {"signing.mode": "standard-webhooks"}, False),
)  # fmt: skip
"""What may be otherwise where a proper delivery is refused: in words, as assumptions, and whether the app may do so."""


def good(bench: Bench) -> Ruling:
    shots = [bench.good("first delivery")]
    if shots[0].accepted:
        return passed(f"answered {shots[0].status}", shots)
    told = f"answered {shots[0].status}" if shots[0].status is not None else shots[0].outcome
    if shots[0].status is None:
        return failed(told, shots)
    for words, assume, goes_on in _DIAGNOSES:
        if not bench.signs and any(name.startswith("signing.") for name in assume):
            continue
        shots.append(bench.send(words, bench.event("diagnosis", assume=assume), assume=assume))
        if shots[-1].accepted:
            bench.adopt(**{name.replace(".", "__"): value for name, value in assume.items()})
            rest = "All that follows was sent so." if goes_on else (
                f"All that follows was sent so; if the app signs as you expect, say so with --assume "
                f"{' --assume '.join(f'{name}={value}' for name, value in assume.items())}."
            )  # fmt: skip
            return failed(f"{told}; it accepts an event with {words}. {rest}", shots)
    if bench.signs:
        shots.append(bench.send("unsigned", bench.event("diagnosis"), "missing-signature"))
        if shots[-1].accepted:
            bench.open_door = True
            return failed(f"{told}; it accepts an event without a signature.", shots)
    if 300 <= (shots[0].status or 0) < 400:
        there = next((value for name, value in shots[0].answer_headers if name.lower() == "location"), "")
        return failed(f"{told}: a redirect{f' to {there[:200]}' if there else ''}, which is not followed.", shots)
    hint = ""
    if shots[0].status in (401, 403):
        hint = " Is it the secret that the receiver has?" if bench.signs else " Give its signing key with --secret."
    elif shots[0].status in (404, 405):
        hint = " Is it the right path?"
    return failed(f"{told}.{hint}", shots)


def every_type(bench: Bench) -> Ruling:
    types = [each["type"] for each in bench.simulator().event_types()]
    shots = [bench.send(_short(type), bench.event("every type", type)) for type in types]
    ruling = accepted(shots)
    wrong = {each.type for each in shots if not each.accepted}
    without = {each.type for each in shots if b'"actionLink"' not in each.body}
    return _following(ruling, "link-absent") if wrong and wrong <= without else ruling


def _short(type: str) -> str:
    return type.removeprefix("marketplace.data_product.")


def _following(ruling: Ruling, *names: str) -> Ruling:
    return Ruling(ruling.status, ruling.found, ruling.kind, names, ruling.shots)


def _changed(
    judge: Callable[[list[Shot]], Ruling], *those: tuple[str, Callable[[Bench], bytes]]
) -> Callable[[Bench], Ruling]:
    def run(bench: Bench) -> Ruling:
        return judge([bench.send(what, make(bench)) for what, make in those])

    return run


def _event(about: str, type: str = USUAL, **how: Any) -> Callable[[Bench], bytes]:
    return lambda bench: bench.event(about, type, **how)


def _of_type(about: str, type: str, data: object = None) -> Callable[[Bench], bytes]:
    def make(bench: Bench) -> bytes:
        changed: dict[str, Any] = {"type": type} if data is None else {"type": type, "data": data}
        return with_members(bench.event(about), **changed)

    return make


def _raw(body: bytes) -> Callable[[Bench], bytes]:
    return lambda bench: body


def _id(value: Callable[[Bench], str]) -> Callable[[Bench], bytes]:
    return lambda bench: bench.event("other ids", product=replace(bench.product("other ids"), id=value(bench)))


def _cuid(bench: Bench) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "c" + "".join(bench.chance.choice(letters) for _ in range(24))


def _number(bench: Bench) -> str:
    return str(bench.chance.randrange(10**5, 10**6))


def _time(cut: Callable[[str], str]) -> Callable[[Bench], bytes]:
    def make(bench: Bench) -> bytes:
        body = bench.event("timestamps")
        return with_members(body, timestamp=cut(orjson.loads(body)["timestamp"]))

    return make


def _digits(count: int) -> Callable[[Bench], bytes]:
    def cut(text: str) -> str:
        whole, _, fraction = text.rstrip("Z").partition(".")
        return f"{whole}.{fraction.ljust(9, '7')[:count]}Z" if count else f"{whole}Z"

    return _time(cut)


def _name(text: str) -> Callable[[Bench], bytes]:
    return lambda bench: bench.event("names", set={"data.dataProductName": f"emitter audit {text}"})


def short_times(bench: Bench) -> Ruling:
    shots = [bench.send(f"{count} digits", _digits(count)(bench)) for count in (0, 3, 6, 8)]
    return accepted(shots)


def late(bench: Bench) -> Ruling:
    return accepted([bench.send(words, _time(_earlier(hours))(bench)) for words, hours in _LATE])


_LATE = (("an hour old", 1), ("three days old", 72))


def _earlier(hours: int) -> Callable[[str], str]:
    """A timestamp of so many hours before, with as many digits."""

    def cut(text: str) -> str:
        whole, point, fraction = text.rstrip("Z").partition(".")
        return f"{rfc3339(parse_rfc3339(f'{whole}Z') - hours * 3600 * SECOND, 0)[:-1]}{point}{fraction}Z"

    return cut


def deep(bench: Bench) -> Ruling:
    shots = [
        bench.send(f"{depth:,} levels", bench.event("deep"), {"deep-nesting": depth}) for depth in (1_000, 100_000)
    ]
    ruling = borne(shots)
    dead = next((each for each in shots if each.status is None), None)
    if ruling.status is Status.FAILED and dead is not None:
        return failed(ruling.found, shots, kind=Kind.UNSAFE)
    return ruling


def large(bench: Bench) -> Ruling:
    return borne([bench.send("a body of 1 MiB", bench.event("large"), {"huge-body": "1MiB"})])


def content_type(bench: Bench) -> Ruling:
    shots = [
        bench.send(words, bench.event("content type"), assume={"delivery.headers": f"Content-Type: {words}"})
        for words in ("application/json; charset=utf-8", "Application/JSON")
    ]
    return accepted(shots)


def other_type(bench: Bench) -> Ruling:
    shots = [
        bench.send(words, bench.event("wrong content type"), {"wrong-content-type": words})
        for words in ("text/plain", "application/x-www-form-urlencoded")
    ]
    return borne(shots)


def agent(bench: Bench) -> Ruling:
    shots = [
        bench.send(words, bench.event("other headers"), assume={"delivery.headers": words})
        for words in ("User-Agent: Immuta/2026.1", f"X-Request-Id: 5f2c;; traceparent: 00-{1:032x}-{1:016x}-01")
    ]  # fmt: skip
    return accepted(shots)


def _no_event(*those: tuple[str, bytes]) -> Callable[[Bench], Ruling]:
    def run(bench: Bench) -> Ruling:
        return refused([bench.send(what, body) for what, body in those])

    return run


def broken(bench: Bench) -> Ruling:
    whole = bench.event("broken JSON")
    return refused([bench.send("half of a body", whole[: len(whole) // 2]), bench.send("no JSON", b"payload=" + whole)])


def not_utf8(bench: Bench) -> Ruling:
    body = bench.event("not UTF-8").replace(b"not UTF-8", b"not \xff\xfe UTF-8", 1)
    return refused([bench.send("a name with bytes that are no UTF-8", body)])


_JSON = "Parse within a try, and answer 400 where it is no JSON object in UTF-8."
_OPTIONAL = "Read members with a default (data.get(...)), and let what is missing change nothing but what is shown."

CHECKS = (
    Check(
        "good-delivery", FAMILY, "A proper event (data_sources.updated), signed.", "2xx, within the time.",
        "This is what the app sends.", f"{sources.TYPES}; {sources.SOON}",
        "Compare the secret on both sides, and `emitter verify` what came: it says why a signature probably fails.",
        Kind.WRONG, good, 10,
    ),
    Check(
        "every-type", FAMILY, "A proper event of each type.", "2xx for each.",
        "A webhook cannot choose: it gets all of them, also those that you have no use for.", sources.TYPES,
        "Answer 2xx for every type, and ignore those that do not concern you.", Kind.WRONG, every_type, 40,
        ("good-delivery",),
    ),
    Check(
        "unknown-type", FAMILY, "Events of types that nobody knows.", "2xx.",
        "New types come without notice, and to refuse one means an entry of failure in the app's history.",
        sources.OPEN, "Answer 2xx for a type that you do not know, and log it.", Kind.WRONG,
        _changed(accepted, ("data_product.sunset", _of_type("unknown type", "marketplace.data_product.sunset")),
                 ("asset.created", _of_type("unknown type", "marketplace.asset.created"))), 2, ("good-delivery",),
    ),
    Check(
        "test-event", FAMILY, "What the Test button is assumed to send: a type of its own, and data that is empty.",
        "2xx.", "Whoever sets the webhook up presses it first.", sources.TEST,
        "Answer 2xx whatever data holds, as long as it is signed.", Kind.WRONG,
        _changed(accepted, ("marketplace.webhook.test", _of_type("test", "marketplace.webhook.test", {}))), 1,
        ("unknown-type", "members-absent", "good-delivery"),
    ),
    Check(
        "unknown-members", FAMILY, "Events with members that no schema names, at the top and in data.", "2xx.",
        "Members are added without notice.", sources.OPEN, "Take what you need, and ignore the rest.", Kind.WRONG,
        _changed(accepted, ("in data", _event("unknown members", set={"data.addedLater": {"x": [1, None]}})),
                 ("at the top", lambda bench: with_members(bench.event("unknown members"), version=2))), 2,
        ("good-delivery",),
    ),
    Check(
        "link-absent", FAMILY, "An event without data.actionLink.", "2xx.",
        "Deletions have none, and elsewhere it is optional.", sources.LINK, _OPTIONAL, Kind.WRONG,
        _changed(accepted, ("no link", _event("no link", unset=("data.actionLink",)))), 1, ("good-delivery",),
    ),
    Check(
        "members-absent", FAMILY, "Events without the product's name, and without its id.", "2xx, or a 4xx.",
        "Both are documented for one type only, and a reminder may be about no single product.", sources.DIGEST,
        _OPTIONAL, Kind.WRONG,
        _changed(borne, ("no name", _event("no name", unset=("data.dataProductName",))),
                 ("no id", _event("no id", "access_requests.pending", unset=("data.dataProductId",)))), 2,
        ("good-delivery", "null-members"),
    ),
    Check(
        "null-members", FAMILY, "Events in which a member is null.", "2xx, or a 4xx.",
        "Some writers of JSON leave out what is not there, others write null.", sources.OPEN,
        "Treat null as missing.", Kind.WRONG,
        _changed(borne, *((f"{name} null", _event("null", set={f"data.{name}": None}))
                          for name in ("actionLink", "dataProductName", "dataProductId")),
                 ("data null", lambda bench: with_members(bench.event("null"), data=None))), 4, ("good-delivery",),
    ),
    Check(
        "other-ids", FAMILY, "Events whose product's id is a cuid, and a number in quotes.", "2xx.",
        "All three forms are in the vendor's own documents.", sources.IDS,
        "Take an id as a text that means nothing: no parsing, no column of type uuid.", Kind.WRONG,
        _changed(accepted, ("a cuid", _id(_cuid)), ("a number", _id(_number))),
        2, ("good-delivery",),
    ),
    Check(
        "short-times", FAMILY, "Events whose timestamp has no fraction, three, six and eight digits of one.", "2xx.",
        "One stack writes nine digits, another drops zeros at the end.", sources.TIMES,
        "Read RFC 3339 with any number of digits (in Python cut to six first), and keep the text itself.", Kind.WRONG,
        short_times, 4, ("good-delivery",),
    ),
    Check(
        "late-event", FAMILY, "Events of an hour and of three days ago, signed now.", "2xx.",
        "What was down over the weekend is delivered, or sent again by hand, on Monday. The time in the body is the "
        "event's.", sources.TIMES,
        "Judge freshness by a signed time in the headers, if there is one; never by the body's timestamp.", Kind.WRONG,
        late, 2, ("good-delivery", "short-times"),
    ),
    Check(
        "names", FAMILY, "Events about products with names in other scripts, and one of 255 characters.", "2xx.",
        "Names are the users' own.", sources.NAMES, "Decode the body as UTF-8, and give the name room.", Kind.WRONG,
        _changed(accepted, ("Größenklassen", _name("Größenklassen (übrige) / 顧客データ")),
                 ("255 characters", _name("x" * 241))), 2, ("good-delivery",),
    ),
    Check(
        "content-type", FAMILY, "Events as application/json; charset=utf-8, and as Application/JSON.", "2xx.",
        "A media type may have parameters, and has no case.", sources.HTTP,
        "Compare what stands before the semicolon, in small letters.", Kind.WRONG, content_type, 2, ("good-delivery",),
    ),
    Check(
        "wrong-content-type", FAMILY, "Events that say that they are text, and a form.", "415, or 2xx.",
        "It is the sender's mistake, and must not be the receiver's end.", sources.CLIENT_ERRORS,
        "Answer 415, or ignore the header and parse.", Kind.WRONG, other_type, 2, ("good-delivery",),
    ),
    Check(
        "other-headers", FAMILY, "Events from another User-Agent, and with headers of tracing.", "2xx.",
        "How the app calls itself is not documented.", sources.HEADERS,
        "Do not let a delivery depend on User-Agent or on headers beside the signature.", Kind.WRONG, agent, 2,
        ("good-delivery",),
    ),
    Check(
        "empty-body", FAMILY, "Nothing, signed.", "400.", "It says nothing, so nothing can be done.",
        sources.CLIENT_ERRORS, _JSON, Kind.UNFORTUNATE, _no_event(("an empty body", b"")), 1,
        ("missing-signature", "truncated-body", "broken-json"),
    ),
    Check(
        "broken-json", FAMILY, "Half of a body, and a form with the JSON in it, each signed as it is.", "400.",
        "A 2xx says that you have understood, and the event is gone; a 5xx says that you have broken.",
        sources.CLIENT_ERRORS, _JSON, Kind.WRONG, broken, 2, ("missing-signature", "truncated-body"),
    ),
    Check(
        "not-utf8", FAMILY, "A body with bytes that are no UTF-8, signed as it is.", "400.",
        "JSON is UTF-8, and whoever guesses another encoding keeps names that nobody wrote.", sources.JSON, _JSON,
        Kind.WRONG, not_utf8, 1, ("missing-signature", "broken-json", "truncated-body"),
    ),
    Check(
        "no-object", FAMILY, "JSON that is no object: a list, null, a text, a number.", "400.",
        "It is JSON, and no event.", sources.CLIENT_ERRORS,
        "Look whether the value is an object, and data in it, before you reach into it.", Kind.UNFORTUNATE,
        _no_event(("a list", b"[]"), ("null", b"null"), ("a text", b'"event"'), ("a number", b"5")), 4,
        ("missing-signature", "truncated-body", "broken-json"),
    ),
    Check(
        "deep-nesting", FAMILY, "Events in which lists are nested 1,000 and 100,000 deep.", "2xx, or a 4xx.",
        "Parsers that call themselves run out of stack.", sources.BOUNDED,
        "Count brackets before parsing and refuse what is too deep, or catch what the parser raises (RecursionError).",
        Kind.WRONG, deep, 2, ("good-delivery",),
    ),
    Check(
        "large-body", FAMILY, "An event of 1 MiB.", "413, or 2xx.",
        "A body without a bound fills the memory; a connection that is cut says nothing to the sender.",
        sources.BOUNDED, "Set a bound (256 KiB is plenty), and answer 413 beyond it.", Kind.WRONG, large, 1,
        ("good-delivery",),
    ),
)  # fmt: skip
