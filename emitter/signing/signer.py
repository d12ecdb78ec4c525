"""How deliveries are signed, and the headers that come of it."""

from __future__ import annotations

import hashlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

from emitter.assumptions import Assumptions
from emitter.errors import BadValue
from emitter.signing.key import SigningKey, key_bytes

Headers = tuple[tuple[str, str], ...]

STANDARD = "standard-webhooks"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"  # names of that specification
MOST_KEYS = 4096

_Keyed = tuple[str, "hashlib._Hash", "hashlib._Hash"]  # the header, and the two hashes of an HMAC that has its key


@dataclass(frozen=True, slots=True)
class Scheme:
    """How signatures are made and where they stand; all of it is assumed (U1, U2).

    `mode` is `sha256`, `both`, `sha1`, `sha512`, `standard-webhooks` or `off`. Mode `standard-webhooks` goes by its
    specification: `encoding`, `prefix`, `signed` and the names of the headers do not touch it. `signed` is `body`,
    `timestamp.body` or `id.timestamp.body`; what stands there before the body travels in headers of its own.
    """

    mode: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    header: str = "x-immuta-webhook-signature-sha256"
    header_sha1: str = "x-immuta-webhook-signature"
    signed: str = "body"
    header_timestamp: str = TIMESTAMP
    header_id: str = ID

    @classmethod
    def of(cls, assumptions: Assumptions) -> Scheme:
        """Take the scheme out of the assumptions; raise `BadValue` for what no header could carry."""
        scheme = cls(
            mode=assumptions.signing_mode,
            encoding=assumptions.signing_encoding,
            prefix=assumptions.signing_prefix,
            header=assumptions.signing_header,
            header_sha1=assumptions.signing_header_sha1,
            signed=assumptions.signing_signed,
            header_timestamp=assumptions.signing_header_timestamp,
            header_id=assumptions.signing_header_id,
        )
        if not scheme.prefix.isascii():
            raise BadValue("signing.prefix", scheme.prefix, "is not ASCII; a header's value has to be.")
        if scheme.mode == "both" and scheme.header.lower() == scheme.header_sha1.lower():
            raise BadValue("signing.header_sha1", scheme.header_sha1, "is signing.header, too; mode both needs two.")
        return scheme

    @property
    def signatures(self) -> tuple[tuple[str, str], ...]:
        """The headers that carry a signature in this mode, each with its algorithm as `hashlib` names it."""
        match self.mode:
            case "sha256" | "sha512":
                return ((self.header, self.mode),)
            case "sha1":
                return ((self.header_sha1, "sha1"),)
            case "both":
                return ((self.header, "sha256"), (self.header_sha1, "sha1"))
            case "standard-webhooks":
                return ((SIGNATURE, "sha256"),)
        return ()

    def written(self, digest: bytes) -> str:
        """Write a digest the way the header carries it."""
        if self.mode == STANDARD:
            return f"v1,{b64encode(digest).decode()}"
        if self.encoding == "base64url":  # as JOSE and Node write it (RFC 7515, section 2): without padding
            return self.prefix + urlsafe_b64encode(digest).decode().rstrip("=")
        return self.prefix + (digest.hex() if self.encoding == "hex" else b64encode(digest).decode())

    @property
    def carried(self) -> tuple[str, ...]:
        """The headers whose values are signed before the body, in order."""
        if self.mode == STANDARD:
            return (ID, TIMESTAMP)
        names = {
            "timestamp.body": (self.header_timestamp,),
            "id.timestamp.body": (self.header_id, self.header_timestamp),
        }
        return names.get(self.signed, ()) if self.signatures else ()

    def content(self, body: bytes, values: Sequence[str]) -> bytes:
        """Return exactly the bytes that are signed, given the values of the headers in `carried`."""
        return b"".join(f"{value}.".encode("utf-8", "replace") for value in values) + body

    def lead(self, message_id: str, seconds: int) -> Headers:
        """Return the headers that are signed before the body, for a message and its time (seconds since 1970)."""
        values = {1: (str(seconds),), 2: (message_id, str(seconds))}.get(len(self.carried), ())
        return tuple(zip(self.carried, values, strict=True))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of this scheme is assumed, each with the number of the open question behind it."""
        if self.mode == "off":
            return (f"That nothing is signed is {assumed('signing.mode')}",)
        if self.mode == STANDARD:
            return (f"That the app signs as the Standard Webhooks specification says is {assumed('signing.mode')}",)
        names = " and ".join(name for name, _ in self.signatures)
        more = (f"That {self.signed} is signed is {assumed('signing.signed')}",) if self.carried else ()
        prefix = f"with the prefix {self.prefix}" if self.prefix else "no prefix"
        switch = "signing.header_sha1" if self.mode == "sha1" else "signing.header"
        return (
            f"The header's name, {names}, is {assumed(switch)}",
            f"The encoding, {self.encoding}, {prefix}, is {assumed('signing.encoding')}",
            *more,
        )


class Signer:
    """Signs bodies under one scheme. Any thread may use it."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self._hex = scheme.encoding == "hex" and scheme.mode != STANDARD
        self._carries = bool(scheme.carried)
        # Keying an HMAC costs as much as signing a small body, so each key's state is made once and copied.
        # By identity, which the key beside it keeps from being given to another: to compare keys takes longer.
        self._keyed: dict[int, tuple[SigningKey, tuple[_Keyed, ...]]] = {}

    def headers(self, body: bytes, key: SigningKey | None, *, message_id: str, seconds: int) -> Headers:
        """Return the headers that sign exactly `body`; none without a key or in mode off.

        `message_id` and `seconds` (since 1970) go into the headers and the signed bytes where the scheme has them
        signed, as mode standard-webhooks does; elsewhere they are ignored.
        """
        if key is None:
            return ()
        known = self._keyed.get(id(key))
        keyed = self._key(key) if known is None else known[1]
        scheme, signed = self.scheme, []
        if self._carries:
            signed = list(scheme.lead(message_id, seconds))
            body = scheme.content(body, [value for _, value in signed])
        for header, inner, outer in keyed:
            inner, outer = inner.copy(), outer.copy()
            inner.update(body)
            outer.update(inner.digest())
            value = scheme.prefix + outer.hexdigest() if self._hex else scheme.written(outer.digest())
            signed.append((header, value))
        return tuple(signed)

    def _key(self, key: SigningKey) -> tuple[_Keyed, ...]:
        secret, _ = key_bytes(key, self.scheme.mode)
        keyed = tuple(_keyed(header, name, secret) for header, name in self.scheme.signatures)
        if len(self._keyed) >= MOST_KEYS:
            self._keyed.clear()
        self._keyed[id(key)] = key, keyed
        return keyed


def _keyed(header: str, name: str, secret: bytes) -> _Keyed:
    """Begin an HMAC (RFC 2104) with its key: the inner and the outer hash. `hmac` does the same at twice the cost."""
    inner, outer = hashlib.new(name), hashlib.new(name)
    padded = (secret if len(secret) <= inner.block_size else hashlib.new(name, secret).digest()).ljust(
        inner.block_size, b"\0"
    )
    inner.update(bytes(byte ^ 0x36 for byte in padded))
    outer.update(bytes(byte ^ 0x5C for byte in padded))
    return header, inner, outer


@cache  # of a few switches, and asked for with every signature that is verified
def assumed(switch: str) -> str:
    """Say that a switch decides what nobody documents: with its open question, and what would settle it."""
    unknown = next(item.metadata["unknown"] for item in fields(Assumptions) if item.metadata["switch"] == switch)
    return f"assumed, {unknown}; a captured delivery would settle it ({switch})."
