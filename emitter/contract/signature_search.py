"""How a captured request is signed, found by trying: every header, algorithm, encoding, key form and order of parts.

Nothing here says what should have been: a text never holds the key or a digest. What is tried is bounded, and whether
all of it was tried is told.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from emitter import strictjson
from emitter.captures import Captured
from emitter.errors import BadJson
from emitter.signing import Headers, SigningKey

ALGORITHMS = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}
MOST_HEADERS = 64
LONGEST_VALUE = 4096
MOST_STRETCHES = 16  # of one header's value
MOST_TIMES, MOST_IDS = 6, 16
MOST_HASHED = 128 * 1024 * 1024  # bytes, over everything that is tried for one request: about half a second
BODY, TIMED, NAMED = "body", "timestamp.body", "id.timestamp.body"  # as `signing.signed` has them
IN_THE_VALUE = "(in the same header)"

_STRETCH = re.compile(r"[A-Za-z0-9+/_-]{26,128}={0,2}")
_SEPARATORS = (".", ":", "", "\n", "|", "-", "_")
_NOT_AN_ID = ("host", "content-length", "content-type", "user-agent", "accept", "connection", "authorization", "cookie")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a stretch of a header's value as a digest."""

    header: str
    digest: bytes
    prefix: str
    suffix: str
    encoding: str  # hex, base64, base64url, or in words what no switch stands for

    @property
    def algorithm(self) -> str:
        return ALGORITHMS[len(self.digest)]


@dataclass(frozen=True, slots=True)
class Signed:
    """How one header signs a request. `signed` is a value of `signing.signed`, or says in words what it is."""

    reading: Reading
    signed: str = BODY
    header_timestamp: str = ""
    header_id: str = ""
    key_from: str = ""  # empty: the key as UTF-8


@dataclass(frozen=True, slots=True)
class Search:
    """What was found for one request, what looked like a signature, and whether everything was tried."""

    found: tuple[Signed, ...] = ()
    readings: tuple[Reading, ...] = ()
    holds_the_key: str = ""  # the header in which the key itself stands, in clear
    whole: bool = True


@dataclass(frozen=True, slots=True)
class _Content:
    """Bytes that may have been signed: what stands before and behind the body, and what that is."""

    before: bytes = b""
    behind: bytes = b""
    signed: str = BODY
    header_timestamp: str = ""
    header_id: str = ""


@dataclass(slots=True)
class _Budget:
    left: int = MOST_HASHED
    spent: bool = field(default=False)

    def take(self, size: int) -> bool:
        self.left -= size + 128
        self.spent = self.spent or self.left < 0
        return not self.spent


def search(captured: Captured, key: SigningKey | None) -> Search:
    """Find every header of a request that signs its body with the key; without a key only what looks like one."""
    headers = [(name.strip(), value.strip(" \t")) for name, value in captured.headers[:MOST_HEADERS]]
    headers = [(name, value) for name, value in headers if len(value) <= LONGEST_VALUE]
    secret = key.reveal() if key else ""
    for name, value in headers:
        if len(secret) >= 8 and secret in value:
            return Search(holds_the_key=name)
    readings = tuple(reading for name, value in headers for reading in _readings(name, value))
    if key is None or not readings:
        return Search(readings=readings)
    wanted = {algorithm: {r.digest for r in readings if r.algorithm == algorithm} for algorithm in ALGORITHMS.values()}
    budget, found = _Budget(), {}
    for words, secret_bytes in _secrets(secret):
        for content in _contents(captured, headers):
            message = content.before + captured.body + content.behind
            for algorithm, digests in wanted.items():
                if not digests or not budget.take(len(message)):
                    continue
                digest = hmac.digest(secret_bytes, message, algorithm)
                if digest in digests:
                    digests.discard(digest)
                    found[digest] = (content, words)
        if found or budget.spent:
            break  # one key form is what one sender uses
    signed = [_signed(reading, *found[reading.digest]) for reading in readings if reading.digest in found]
    best = {each.reading.header.lower(): each for each in reversed(signed)}
    ordered = [best[name.lower()] for name in dict.fromkeys(each.reading.header for each in signed)]
    return Search(tuple(ordered), readings, whole=not budget.spent)


def _signed(reading: Reading, content: _Content, words: str) -> Signed:
    return Signed(reading, content.signed, content.header_timestamp, content.header_id, words)


# --- what may be a digest ---------------------------------------------------------------------------------------------


def _readings(header: str, value: str) -> Iterator[Reading]:
    for found in list(_STRETCH.finditer(value))[:MOST_STRETCHES]:
        for start, text in _cuts(found):
            for digest, encoding in _decoded(text):
                # Of several signatures in one value, each has its own prefix: `v1,abc v1,def`.
                before, after = value[:start].rpartition(" ")[2], value[found.end() :].partition(" ")[0]
                yield Reading(header, digest, before, after, encoding)


def _cuts(found: re.Match[str]) -> Iterator[tuple[int, str]]:
    """The stretch itself, and what is left of it behind a word that runs into it, as in `v1_` or `sha256-`."""
    yield found.start(), found.group()
    lead = re.match(r"(?:v\d{1,2}|sha-?\d{1,3}|hmac)[_/-]", found.group())
    if lead:
        yield found.start() + lead.end(), found.group()[lead.end() :]


def _decoded(text: str) -> Iterator[tuple[bytes, str]]:
    if len(text) // 2 in ALGORITHMS and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text):
        case = "hex" if text == text.lower() else "upper-case hex" if text == text.upper() else "hex of mixed case"
        yield bytes.fromhex(text), case
    bare = text.rstrip("=")
    if len(bare) % 4 == 1 or len(bare) * 3 // 4 not in ALGORITHMS:
        return
    url_safe, plain = set("-_") & set(bare), set("+/") & set(bare)
    padding = -len(bare) % 4
    if (url_safe and plain) or len(text) - len(bare) not in (0, padding):
        return
    digest = b64decode(bare.replace("-", "+").replace("_", "/") + "=" * padding)
    if len(text) - len(bare) == padding and not url_safe:
        yield digest, "base64"
    elif len(text) == len(bare) and not plain:
        yield digest, "base64url"
    else:
        yield digest, "base64 without padding" if plain else "URL-safe base64 with padding"


# --- what may have been signed, and with what -------------------------------------------------------------------------


def _secrets(text: str) -> Iterator[tuple[str, bytes]]:
    yield "", text.encode()
    bare = text.removeprefix("whsec_")
    tried = {text.encode()}
    forms = [("without the whsec_ before it", bare.encode()), ("with a line break at its end", text.encode() + b"\n")]
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", bare):
        forms.insert(0, ("decoded from hex", bytes.fromhex(bare)))
    if re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", bare) and len(bare.rstrip("=")) % 4 != 1:
        padded = bare.rstrip("=").replace("-", "+").replace("_", "/")
        words = "decoded from the base64 behind whsec_" if bare != text else "decoded from base64"
        forms.insert(0, (words, b64decode(padded + "=" * (-len(padded) % 4))))
    for words, secret in forms:
        if secret and secret not in tried:
            tried.add(secret)
            yield words, secret


def _contents(captured: Captured, headers: Headers | Sequence[tuple[str, str]]) -> Iterator[_Content]:
    """The commonest first."""
    yield _Content()
    times, ids = list(_times(headers, captured.body)), list(_ids(headers))
    for time, value in times:
        yield _Content(f"{value}.".encode(), signed=TIMED, header_timestamp=time)
        for id, name in ids:
            yield _Content(f"{name}.{value}.".encode(), signed=NAMED, header_timestamp=time, header_id=id)
    yield _Content(behind=b"\n", signed="the body and a line break")
    for url in _urls(captured):
        yield _Content(before=url, signed="the URL and the body")
        yield _Content(behind=url, signed="the body and the URL")
        method = captured.method.encode()
        for between in (b"", b"\n", b" "):
            yield _Content(before=method + between + url + between, signed="the method, the URL and the body")
    for time, value in times:
        yield _Content(f"v0:{value}:".encode(), signed=f"v0:timestamp:body ({time})", header_timestamp=time)
        for separator in _SEPARATORS:
            told = separator.replace("\n", "\\n")
            if separator != ".":
                yield _Content(
                    (value + separator).encode(), signed=f"timestamp{told}body ({time})", header_timestamp=time
                )
            yield _Content(b"", (separator + value).encode(), f"body{told}timestamp ({time})", time)
            for id, name in ids:
                orders: list[tuple[str, str]] = [(f"{value}{separator}{name}", f"timestamp{told}id{told}body")]
                if separator != ".":
                    orders.append((f"{name}{separator}{value}", f"id{told}timestamp{told}body"))
                for lead, words in orders:
                    yield _Content((lead + separator).encode(), b"", f"{words} ({id}, {time})", time, id)
    for id, name in ids:
        for separator in _SEPARATORS:
            told = separator.replace("\n", "\\n")
            yield _Content((name + separator).encode(), b"", f"id{told}body ({id})", "", id)


def _times(headers: Sequence[tuple[str, str]], body: bytes) -> Iterator[tuple[str, str]]:
    """What may be the time that was signed: header and value, the likeliest first."""
    found: list[tuple[str, str]] = []
    for name, value in headers:
        if re.fullmatch(r"[0-9]{9,19}", value) or re.fullmatch(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+(Z|[+-][0-9:]+)?", value
        ):
            found.append((name, value))
        elif inner := re.search(r"(?:^|[,;\s])t(?:s|imestamp)?=([0-9]{9,19})(?=$|[,;\s])", value):
            found.append((IN_THE_VALUE, inner[1]))
    found.sort(key=lambda each: "time" not in each[0].lower())
    date = next((value for name, value in headers if name.lower() == "date"), "")
    yield from found[:MOST_TIMES]
    if date:
        yield "Date", date
    try:
        stamp = strictjson.loads(body)["timestamp"]
        if isinstance(stamp, str) and 0 < len(stamp) < 64:
            yield "the body's timestamp", stamp
    except (BadJson, LookupError, TypeError):
        pass


def _ids(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    found = [
        (name, value) for name, value in headers
        if name.lower() not in _NOT_AN_ID and 0 < len(value) <= 200 and value.isprintable() and " " not in value
    ]  # fmt: skip
    found.sort(key=lambda each: not re.search(r"(^|[-_])(id|delivery|event|message|request)([-_]|$)", each[0].lower()))
    return found[:MOST_IDS]


def _urls(captured: Captured) -> Iterator[bytes]:
    """The URL as the sender knew it, and its path: what some sign with the body."""
    if captured.url:
        yield captured.url.encode("utf-8", "replace")
        path = re.sub(r"^[a-z]+://[^/?#]*", "", captured.url)
        if path and path != captured.url:
            yield path.encode("utf-8", "replace")
