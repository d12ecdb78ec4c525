"""How one signature came to be, step by step, for whoever has to make the same one."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from emitter.errors import shown
from emitter.signing.key import SigningKey, key_bytes
from emitter.signing.signer import STANDARD, Headers, Scheme

_WRITTEN = {"hex": "lower-case hex", "base64": "base64", "base64url": "URL-safe base64 without padding"}


@dataclass(frozen=True, slots=True)
class Signature:
    """One header that carries a signature."""

    header: str
    algorithm: str  # as HMAC-SHA256
    encoding: str  # hex, base64 or base64url
    prefix: str
    value: str  # the whole of it, prefix included


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was signed, with what, and what came of it. The key is never part of it.

    `signed` are the exact bytes. `key_length` counts the bytes that HMAC was keyed with, and `key_from` says how they
    came from the secret; 0 and empty where nothing is signed.
    """

    mode: str
    signed: bytes
    key_length: int
    key_from: str
    signatures: tuple[Signature, ...]
    headers: Headers
    steps: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def signed_text(self) -> str:
        """The signed bytes as text that can be printed on one line: what is not printable is escaped."""
        text = self.signed.decode("utf-8", "backslashreplace")
        return shown(text, most=max(10 * len(text), 1))[1:-1]  # an escape takes ten characters at most

    @property
    def signed_hex(self) -> str:
        """The signed bytes in hex, for comparing them byte by byte."""
        return self.signed.hex()

    def text(self) -> str:
        """Write all of it for a terminal."""
        lines = [f"{number}. {step}" for number, step in enumerate(self.steps, start=1)]
        if self.signatures:
            lines += ["", f"Signed, {len(self.signed):,} bytes:", f"  {self.signed_text}"]
            lines += ["", "Headers:", *(f"  {name}: {value}" for name, value in self.headers)]
        return "\n".join([*lines, "", *self.remarks])


def explain(body: bytes, key: SigningKey | None, scheme: Scheme, *, message_id: str, seconds: int) -> Explanation:
    """Explain how `body` is signed; `message_id` and `seconds` matter only where the scheme signs them, too."""
    if key is None or not scheme.signatures:
        why = "No key is set" if key is None else "Signing is off"
        return Explanation(
            scheme.mode, b"", 0, "", (), (), (f"{why}: the body travels without a signature.",), scheme.remarks
        )
    secret, key_from = key_bytes(key, scheme.mode)
    lead = scheme.lead(message_id, seconds)
    signed = scheme.content(body, [value for _, value in lead])
    encoding = "base64" if scheme.mode == STANDARD else scheme.encoding
    prefix = "v1," if scheme.mode == STANDARD else scheme.prefix
    signatures = tuple(
        Signature(header, f"HMAC-{name.upper()}", encoding, prefix, scheme.written(hmac.digest(secret, signed, name)))
        for header, name in scheme.signatures
    )
    values = tuple((signature.header, signature.value) for signature in signatures)
    return Explanation(
        mode=scheme.mode,
        signed=signed,
        key_length=len(secret),
        key_from=key_from,
        signatures=signatures,
        headers=(*lead, *values),
        steps=tuple(_steps(body, len(secret), key_from, signatures, scheme)),
        remarks=scheme.remarks,
    )


def _steps(body: bytes, key_length: int, key_from: str, signatures: tuple[Signature, ...], scheme: Scheme) -> list[str]:
    steps = [f"Take the body's {len(body):,} bytes exactly as they travel; do not parse them and write them anew."]
    if scheme.carried:
        steps.append(f"Put {', a dot, '.join(scheme.carried)} and a dot in front of them.")
    steps.append(f"Take the key: {key_length:,} bytes, {key_from}.")
    for signature in signatures:
        digest = _WRITTEN[signature.encoding]
        prefix = f' after the prefix "{signature.prefix}"' if signature.prefix else ""
        steps.append(
            f"Compute {signature.algorithm} of them with that key, write it in {digest}{prefix}, "
            f"and send it in the header {signature.header}."
        )
    return steps
