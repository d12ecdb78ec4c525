"""Why a signature probably does not fit: the mistakes that are commonly made, tried one by one.

Nothing here decides whether a request is accepted; that has happened before, in constant time. A text never holds the
key, nor what the signature should have been.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emitter import strictjson
from emitter.errors import BadJson
from emitter.signing.key import WHSEC, SigningKey, key_bytes
from emitter.signing.signer import ID, STANDARD, TIMESTAMP, Headers, Scheme, assumed

LARGEST_REWRITTEN = 256 * 1024  # bytes of a body that is written anew in other ways
MOST_TOKENS = 8  # of one header's value
MOST_HEADERS = 64
SHORTEST_SECRET = 8  # characters

_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{27,128}={0,2}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,16}[=,:] ?")
_ALGORITHMS = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a header's value as a digest."""

    digest: bytes
    prefix: str
    encoding: str  # hex, upper-case hex, base64, base64 without padding, URL-safe base64


def causes(
    value: str, header: str, algorithm: str, content: bytes, body: bytes, keys: Sequence[SigningKey], scheme: Scheme
) -> tuple[str, ...]:
    """Guess why `value` fits with none of `keys`; best guess first, never empty."""
    if _holds_a_key(value, keys):
        return (f"{header} holds the key itself, in clear. Send a signature instead, and take a new key.",)
    readings = list(_readings(value, scheme))
    for fit in _fits(readings, algorithm, content, body, keys, scheme):
        return (fit,)
    return tuple(_shape(value, readings, algorithm, content, keys, scheme))


def causes_without_header(
    given: Headers,
    header: str,
    algorithm: str,
    content: bytes,
    body: bytes,
    keys: Sequence[SigningKey],
    scheme: Scheme,
) -> tuple[str, ...]:
    """Guess where the signature went that should have been in `header`; never empty."""
    found = []
    for name, value in given[:MOST_HEADERS]:
        if _holds_a_key(value, keys):
            return (f"The header {_safe(name)} holds the key itself, in clear. Send a signature, and take a new key.",)
        for fit in _fits(list(_readings(value, scheme)), algorithm, content, body, keys, scheme, plain=True):
            found.append(f"The header {_safe(name)} holds one that fits: {fit}")
            break
    if found:
        return tuple(found)
    return ("The sender has no signing key, or sends its signature under another name.",)


def _fits(
    readings: Sequence[Reading],
    algorithm: str,
    content: bytes,
    body: bytes,
    keys: Sequence[SigningKey],
    scheme: Scheme,
    *,
    plain: bool = False,
) -> Iterator[str]:
    """Find mistakes under which a reading fits, the smaller mistake first. `plain`: none at all is a find, too."""
    for contents in (_as_signed, _other_contents):
        tried = list(contents(content, body, scheme))
        for reading in readings:
            name = _ALGORITHMS[len(reading.digest)]
            for number, key in enumerate(keys, start=1):
                variants = _keys(key, scheme) if contents is _as_signed else [(key_bytes(key, scheme.mode)[0], "")]
                for secret, key_words in variants:
                    for signed, words in tried:
                        if hmac.compare_digest(hmac.digest(secret, signed, name), reading.digest):
                            which = f"key {number}" if len(keys) > 1 else "the key"
                            deviations = [*_form(reading, name, algorithm, keys, scheme), words, key_words]
                            yield _told(which, deviations, scheme, plain)
            for signed, words in tried:
                if hmac.compare_digest(hashlib.new(name, signed, usedforsecurity=False).digest(), reading.digest):
                    yield f"It is a plain {name.upper()} of the body{_so(words)}, made without any key."


def _form(reading: Reading, name: str, algorithm: str, keys: Sequence[SigningKey], scheme: Scheme) -> Iterator[str]:
    """Say in what a reading's form differs from what the scheme wants."""
    encoding = "base64" if scheme.mode == STANDARD else scheme.encoding
    prefix = "v1," if scheme.mode == STANDARD else scheme.prefix
    if name != algorithm:
        yield f"it is HMAC-{name.upper()} where HMAC-{algorithm.upper()} is expected"
    if reading.encoding != encoding:
        yield f"it is written in {reading.encoding} where {encoding} is expected"
    if reading.prefix != prefix:
        yield f"it begins with {_quoted(reading.prefix, keys)} where {_quoted(prefix, ())} is expected"


def _told(which: str, deviations: Sequence[str], scheme: Scheme, plain: bool) -> str:
    told = [text for text in deviations if text]
    form = any(text.startswith("it ") for text in told) and scheme.mode != STANDARD
    remark = f" The form is {assumed('signing.encoding')}" if form else ""
    if not told and not plain:
        told = ["there is something around it"]
    return f"It fits {which}{', but ' if told else ''}{'; '.join(told)}.{remark}"


def _so(words: str) -> str:
    return f" ({words})" if words else ""


def _quoted(prefix: str, keys: Sequence[SigningKey]) -> str:
    """Show a prefix that looks like one; what else stands there may be anything, even a secret."""
    if not prefix:
        return "no prefix"
    if not _PREFIX.fullmatch(prefix) or any(key.reveal() in prefix for key in keys):
        return "another prefix"
    return f'"{prefix}"'


def _holds_a_key(value: str, keys: Sequence[SigningKey]) -> bool:
    """Whether a key stands in a value; a short one may do so by accident."""
    return any(len(key.reveal()) >= SHORTEST_SECRET and key.reveal() in value for key in keys)


def _safe(name: str) -> str:
    return name if re.fullmatch(r"[a-z0-9-]{1,64}", name) else "with an odd name"


def _readings(value: str, scheme: Scheme) -> Iterator[Reading]:
    """Read every stretch of a value that could be a digest in every way that gives one of a known length."""
    stretches = [(match.start(), match.group()) for match in _TOKEN.finditer(value)][:MOST_TOKENS]
    if scheme.prefix and value.startswith(scheme.prefix):
        stretches.append((len(scheme.prefix), value[len(scheme.prefix) :]))
    for start, text in stretches:
        for digest, encoding in _digests(text):
            if len(digest) in _ALGORITHMS:
                yield Reading(digest, value[:start].strip("\"'"), encoding)


def _digests(text: str) -> Iterator[tuple[bytes, str]]:
    if re.fullmatch(r"(?:[0-9a-f]{2})+", text):
        yield bytes.fromhex(text), "hex"
    elif re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text):
        yield bytes.fromhex(text), "upper-case hex" if text == text.upper() else "hex of mixed case"
    if re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", text):
        bare = text.rstrip("=")
        if len(bare) % 4 != 1:
            url_safe = "-" in bare or "_" in bare
            padded = bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4)
            name = "URL-safe base64" if url_safe else "base64"
            yield b64decode(padded), name if len(padded) == len(text) else f"{name} without padding"


def _keys(key: SigningKey, scheme: Scheme) -> Iterator[tuple[bytes, str]]:
    """The bytes that somebody may have keyed HMAC with instead, the right ones first."""
    text = key.reveal()
    yield key_bytes(key, scheme.mode)[0], ""
    yield text.encode() + b"\n", "the key was used with a line break at its end"
    yield text.encode() + b"\r\n", "the key was used with a line break (CR LF) at its end"
    if text != text.strip():
        yield text.strip().encode(), "the key was used without the white space around it"
    if text.strip("\"'") not in ("", text):
        yield text.strip("\"'").encode(), "the key was used without the quotes around it"
    yield f'"{text}"'.encode(), "the key was used with quotes around it"
    yield text.encode(), "the whole text of the key was used, not what it decodes to"
    bare = text.removeprefix(WHSEC)
    if bare != text:
        yield bare.encode(), f"the key was used as text without its {WHSEC}"
    for decoded, encoding in _digests(bare):
        yield decoded, f"the key was decoded as {encoding}"
    yield b64encode(text.encode()), "the key was encoded as base64"
    yield b"", "the key was empty when it was signed"


def _as_signed(content: bytes, body: bytes, scheme: Scheme) -> Iterator[tuple[bytes, str]]:
    yield content, ""


def _other_contents(content: bytes, body: bytes, scheme: Scheme) -> Iterator[tuple[bytes, str]]:
    """The bytes that somebody may have signed instead."""
    head = content[: len(content) - len(body)]
    if head:
        yield body, f"only the body was signed, not {ID}.{TIMESTAMP}.body"
        yield head.split(b".", 1)[1] + body, f"{TIMESTAMP}.body was signed, not {ID}.{TIMESTAMP}.body"
    for changed, words in _other_bodies(body):
        yield head + changed, words


def _other_bodies(body: bytes) -> Iterator[tuple[bytes, str]]:
    stripped = body.rstrip(b"\r\n")
    if stripped != body:
        yield stripped, "the body was signed without the line break at its end"
    yield body + b"\n", "the body was signed with a line break at its end, which is not there now"
    yield body.replace(b"\r\n", b"\n"), "the body was signed with LF where it now has CR LF"
    yield stripped.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), "the body was signed with CR LF where it now has LF"
    yield b"", "nothing was signed: the body had already been read, or was empty"
    if len(body) > LARGEST_REWRITTEN:
        return
    yield body.strip(), "the body was signed without the white space around it"
    yield body.removeprefix(b"\xef\xbb\xbf"), "the body was signed without its byte order mark"
    yield body.decode("latin-1").encode(), "the body was read as Latin-1 and written as UTF-8 before it was signed"
    try:
        yield body.decode().encode("latin-1"), "the body was written as UTF-8 once more after it was signed"
    except UnicodeError:
        pass
    try:
        value = strictjson.loads(body)
    except BadJson:
        return
    for sort in (False, True):
        for indent, separators in ((None, (",", ":")), (None, (", ", ": ")), (2, None), (4, None)):
            for ascii_only in (False, True):
                text = json.dumps(
                    value, sort_keys=sort, indent=indent, separators=separators, ensure_ascii=ascii_only
                ).encode("utf-8", "replace")
                how = [
                    "members sorted" if sort else "",
                    f"indented by {indent}" if indent else "compact" if separators == (",", ":") else "with spaces",
                    "escaped to ASCII" if ascii_only else "",
                ]
                words = f"the body was probably re-serialised; it was signed as JSON {', '.join(filter(None, how))}"
                yield text, words
                yield text + b"\n", f"{words}, a line break at its end"


def _shape(
    value: str,
    readings: Sequence[Reading],
    algorithm: str,
    content: bytes,
    keys: Sequence[SigningKey],
    scheme: Scheme,
) -> Iterator[str]:
    """Say what can be said of a value that fits nothing."""
    form = "" if scheme.mode == STANDARD else f" The form is {assumed('signing.encoding')}"
    expected = (scheme.written(hmac.digest(key_bytes(key, scheme.mode)[0], content, algorithm)) for key in keys)
    if len(value) >= 16 and any(one.startswith(value) for one in expected):
        yield f"It is right as far as it goes, but cut: {len(value)} characters."
    elif not value:
        yield "It is empty."
    elif not readings:
        yield f"Its {len(value):,} characters are no signature in hex or base64.{form}"
    else:
        names = {_ALGORITHMS[len(reading.digest)] for reading in readings}
        if algorithm not in names:
            yield (
                f"It has the length of {' or '.join(f'HMAC-{name.upper()}' for name in sorted(names))}, "
                f"HMAC-{algorithm.upper()} is expected.{form}"
            )
        yield "It was made with another key, or the body was changed after it was signed."
