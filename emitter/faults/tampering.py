"""Faults of what was signed: the signature is forged, or the bytes are not those that it is about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from urllib.parse import quote_from_bytes

import orjson

from emitter.delivery import Headers, WireRequest
from emitter.faults.fault import Fault, Turn, replaced, with_body
from emitter.faults.parameters import Share, parameter
from emitter.signing import SigningKey
from emitter.signing.signer import STANDARD

_KEY_HELP = "the key; else one that the seed makes"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingSignature(Fault):
    """The signature is left out; nothing where there is no key."""

    kind = "tampering"

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        left = _without(request.headers, turn.signature_names)
        return None if left == request.headers else request._replace(headers=left)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongSignature(Fault):
    """The signature has the right form, and nothing else is right about it."""

    kind = "tampering"

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        forged = SigningKey(f"{turn.chance.getrandbits(256):064x}")
        return _signed(request, turn, forged, over=turn.chance.randbytes(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongKey(Fault):
    """It is signed with another key, properly."""

    kind = "tampering"
    key: SigningKey | None = parameter("key", None, _KEY_HELP)

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        return _signed(request, turn, self.key or other_key(turn.seed))


@dataclass(frozen=True, slots=True, kw_only=True)
class BothKeys(Fault):
    """It is signed with another key and then its own, as while keys are exchanged; nothing where there is no key."""

    kind = "tampering"
    key: SigningKey | None = parameter("key", None, _KEY_HELP)

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        names = turn.signature_names
        other = [pair for pair in turn.signature(self.key or other_key(turn.seed)) if pair[0].lower() in names]
        own = [pair for pair in request.headers if pair[0].lower() in names]
        if not own or not other:
            return None
        if turn.signer.scheme.mode == STANDARD:  # one header, as that specification says
            return request._replace(headers=replaced(request.headers, own[0][0], f"{other[0][1]} {own[0][1]}"))
        values = {name.lower(): (name, value) for name, value in other}
        headers: list[tuple[str, str]] = []
        for pair in request.headers:
            if found := values.pop(pair[0].lower(), None):
                headers.append(found)
            headers.append(pair)
        return request._replace(headers=tuple(headers))


@dataclass(frozen=True, slots=True, kw_only=True)
class CutSignature(Fault):
    """The signature breaks off: its header holds the beginning of the right one; nothing where there is no key."""

    kind = "tampering"
    keep: Share = parameter("share", "8", "how much of it is left: a fraction, or characters")

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        names = turn.signature_names
        cut = tuple(
            (name, value[: self.keep.of(len(value))] if name.lower() in names else value)
            for name, value in request.headers
        )
        return None if cut == request.headers else request._replace(headers=cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class TamperedBody(Fault):
    """A value of the body was changed on the way; the signature is that of the true one."""

    kind = "tampering"

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        if not request.body:
            return None
        return with_body(request, _altered(request.body, turn.chance))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserialisedBody(Fault):
    """The same JSON in other bytes, as from a proxy that parses it and writes it anew; the signature is the old one."""

    kind = "tampering"

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        try:
            found = json.loads(request.body)
            for indent in (None, 2):
                body = json.dumps(found, sort_keys=True, indent=indent, ensure_ascii=True).encode()
                if body != request.body:
                    return with_body(request, body)
        except (ValueError, RecursionError):
            pass
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedBody(Fault):
    """The body ends too early, and its length says so; the signature is that of the whole."""

    kind = "tampering"
    keep: Share = parameter("share", 0.5, "how much of it is left: a fraction, or bytes")

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        kept = request.body[: self.keep.of(len(request.body))]
        return None if len(kept) == len(request.body) else with_body(request, kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotJson(Fault):
    """The body is a form with the JSON in it, and says that it is JSON; the signature is that of the JSON."""

    kind = "tampering"

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        return with_body(request, b"payload=" + quote_from_bytes(request.body, safe="").encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongContentType(Fault):
    """The header Content-Type says something else."""

    kind = "tampering"
    type: str = parameter("header", "text/plain", "what it says")

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        return request._replace(headers=replaced(request.headers, "Content-Type", self.type))


def other_key(seed: int) -> SigningKey:
    """A key that is not the webhook's, the same for all deliveries of a seed."""
    return SigningKey(f"{Random(f'{seed}/another key').getrandbits(256):064x}")


def _without(headers: Headers, names: tuple[str, ...]) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in names)


def _signed(request: WireRequest, turn: Turn, key: SigningKey, *, over: bytes | None = None) -> WireRequest | None:
    """The request with the signature of another key in the place of its own, or before the length of its body.

    `over` are bytes that it is the signature of, instead of the true ones.
    """
    true, turn.signed = turn.signed, turn.signed if over is None else over
    found = turn.signature(key)
    turn.signed = true
    if not found:  # nothing is signed in mode off
        return None
    headers = _without(request.headers, tuple(name.lower() for name, _ in found))
    place = next((at for at, (name, _) in enumerate(headers) if name.lower() == "content-length"), len(headers))
    return request._replace(headers=(*headers[:place], *found, *headers[place:]))


def _altered(body: bytes, chance: Random) -> bytes:
    """Change one letter or digit in a value that is a text; where there is none, one byte anywhere."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        data = found.get("data")
        places = [
            (holder, name)
            for holder in (data, found)
            if isinstance(holder, dict)
            for name, value in holder.items()
            if isinstance(value, str) and any(letter.isascii() and letter.isalnum() for letter in value)
        ]
        own = [place for place in places if place[0] is data] or places
        if own:
            holder, name = chance.choice(own)
            text = holder[name]
            at = chance.choice([at for at, letter in enumerate(text) if letter.isascii() and letter.isalnum()])
            other = chance.choice([letter for letter in ("0123456789" if text[at].isdigit() else "abcdefghij")
                                   if letter != text[at]])  # fmt: skip
            holder[name] = text[:at] + other + text[at + 1 :]
            return orjson.dumps(found)
    at = chance.randrange(len(body))
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
