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
from functools import cached_property

from emitter import strictjson
from emitter.errors import BadJson
from emitter.signing.key import WHSEC, SigningKey, key_bytes
from emitter.signing.signer import ID, STANDARD, TIMESTAMP, Headers, Scheme

LARGEST_REWRITTEN = 256 * 1024  # bytes of a body that is tried in other forms
MOST_KEYS = 4  # that mistakes are tried with
MOST_TOKENS = 8  # of one header's value
MOST_HEADERS = 64
SHORTEST_SECRET = 8  # characters

_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{27,128}={0,2}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,16}[=,:] ?")
_ENCODINGS = {"base64url": "URL-safe base64 without padding"}
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
    guess = _Guesses(content, body, keys, scheme).find(readings)
    if guess is not None:
        return (guess.told(algorithm, keys, scheme) or "It fits, but there is something around it.",)
    return tuple(_shape(value, readings, algorithm, content, keys, scheme))


def causes_without_header(
    given: Headers, algorithm: str, content: bytes, body: bytes, keys: Sequence[SigningKey], scheme: Scheme
) -> tuple[str, ...]:
    """Guess where the signature went that should have been in a header of its own; never empty."""
    found, guesses = [], _Guesses(content, body, keys, scheme)
    for name, value in given[:MOST_HEADERS]:
        if _holds_a_key(value, keys):
            return (f"The header {_safe(name)} holds the key itself, in clear. Send a signature, and take a new key.",)
        guess = guesses.find(list(_readings(value, scheme)))
        if guess is not None:
            told = guess.told(algorithm, keys, scheme)
            found.append(f"The header {_safe(name)} holds one that fits{f': {told}' if told else '.'}")
    return tuple(found) or ("The sender has no signing key, or sends its signature under another name.",)


@dataclass(frozen=True, slots=True)
class _Guess:
    """A mistake, or several, under which a reading fits."""

    reading: Reading
    key: int  # its place in the list, from 1; 0: no key at all
    mistakes: tuple[str, ...]

    def told(self, algorithm: str, keys: Sequence[SigningKey], scheme: Scheme) -> str:
        """Say it in a sentence; empty where there is no mistake."""
        name = _ALGORITHMS[len(self.reading.digest)]
        if not self.key:
            also = f"; {'; '.join(self.mistakes)}" if self.mistakes else ""
            return f"It is a plain {name.upper()} of the body, made without any key{also}."
        told = [*_form(self.reading, name, algorithm, keys, scheme), *self.mistakes]
        which = f"key {self.key}" if len(keys) > 1 else "the key"
        return f"It fits {which}, but {'; '.join(told)}." if told else ""


class _Guesses:
    """What the digest would be under each mistake, computed once however many readings are looked up."""

    def __init__(self, content: bytes, body: bytes, keys: Sequence[SigningKey], scheme: Scheme) -> None:
        self._keys, self._scheme = keys[:MOST_KEYS], scheme
        self._right = [(content, "")]
        self._content, self._body = content, body
        self._tables: dict[tuple[bool, str], dict[bytes, tuple[int, tuple[str, ...]]]] = {}

    @cached_property
    def _others(self) -> list[tuple[bytes, str]]:
        return list(_other_contents(self._content, self._body))

    def find(self, readings: Sequence[Reading]) -> _Guess | None:
        """Find the smallest mistake: with the key before with the body."""
        for right_content in (True, False):
            for reading in readings:
                found = self._table(right_content, _ALGORITHMS[len(reading.digest)]).get(reading.digest)
                if found is not None:
                    return _Guess(reading, *found)
        return None

    def _table(self, right_content: bool, name: str) -> dict[bytes, tuple[int, tuple[str, ...]]]:
        table = self._tables.get((right_content, name))
        if table is None:
            table = self._tables[right_content, name] = {}
            contents = self._right if right_content else self._others
            for number, key in enumerate(self._keys, start=1):
                secrets = _secrets(key, self._scheme) if right_content else [(key_bytes(key, self._scheme.mode)[0], "")]
                for secret, key_words in secrets:
                    for content, words in contents:
                        mistakes = tuple(filter(None, (words, key_words)))
                        table.setdefault(hmac.digest(secret, content, name), (number, mistakes))
            for content, words in contents:
                digest = hashlib.new(name, content, usedforsecurity=False).digest()
                table.setdefault(digest, (0, tuple(filter(None, (words,)))))
        return table


def _form(reading: Reading, name: str, algorithm: str, keys: Sequence[SigningKey], scheme: Scheme) -> Iterator[str]:
    """Say in what a reading's form differs from what the scheme wants."""
    encoding = "base64" if scheme.mode == STANDARD else _ENCODINGS.get(scheme.encoding, scheme.encoding)
    prefix = "v1," if scheme.mode == STANDARD else scheme.prefix
    if name != algorithm:
        yield f"it is HMAC-{name.upper()} where HMAC-{algorithm.upper()} is expected"
    if reading.encoding != encoding:
        yield f"it is written in {reading.encoding} where {encoding} is expected"
    if reading.prefix != prefix:
        yield f"it begins with {_quoted(reading.prefix, keys)} where {_quoted(prefix, ())} is expected"


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


def _secrets(key: SigningKey, scheme: Scheme) -> Iterator[tuple[bytes, str]]:
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


def _other_contents(content: bytes, body: bytes) -> Iterator[tuple[bytes, str]]:
    """The bytes that somebody may have signed instead; none for a large body, because each costs a whole digest."""
    if len(body) > LARGEST_REWRITTEN:
        return
    head = content[: len(content) - len(body)]
    parts = head.split(b".")[:-1]
    whole = f"{ID}.{TIMESTAMP}.body" if len(parts) > 1 else f"{TIMESTAMP}.body"
    if parts:
        yield body, f"only the body was signed, not {whole}"
    if len(parts) > 1:
        yield head.split(b".", 1)[1] + body, f"{TIMESTAMP}.body was signed, not {whole}"
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
    expected = (scheme.written(hmac.digest(key_bytes(key, scheme.mode)[0], content, algorithm)) for key in keys)
    if len(value) >= 16 and any(one.startswith(value) for one in expected):
        yield f"It is right as far as it goes, but cut: {len(value)} characters."
    elif not value:
        yield "It is empty."
    elif not readings:
        yield f"Its {len(value):,} characters are no signature in hex or base64."
    else:
        names = {_ALGORITHMS[len(reading.digest)] for reading in readings}
        if algorithm not in names:
            yield (
                f"It has the length of {' or '.join(f'HMAC-{name.upper()}' for name in sorted(names))}, "
                f"HMAC-{algorithm.upper()} is expected."
            )
        yield "It was made with another key, or the body was changed after it was signed."
