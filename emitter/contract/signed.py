"""Verify the signatures of captured requests, as far as their forms keep what was signed."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from emitter.captures import Captured
from emitter.clock import SECOND
from emitter.contract.values import Signed
from emitter.signing import Scheme, Signer, SigningKey, verify


class Signatures:
    """Verifies with one scheme and a few keys."""

    def __init__(self, keys: Sequence[SigningKey], scheme: Scheme, *, tolerance: int | None = None) -> None:
        """Take the keys of which one has to fit. `tolerance` (seconds) is for mode standard-webhooks; None: any age."""
        self._keys, self._scheme, self._tolerance = tuple(keys), scheme, tolerance
        # What only depends on body and key is compared at once; `verify` is for what does not fit, to say why.
        self._signer = Signer(scheme)
        self._fits: dict[int, Signed] = {}

    def of(self, captured: Captured) -> Signed:
        """Say whether a capture is signed with one of the keys, or why that cannot be told of it."""
        if not self._scheme.signatures:
            return Signed(None, "Signing is off (signing.mode): there is nothing to verify.")
        if not captured.headers:
            return Signed(None, "This form of capture keeps no headers, so there is no signature to verify.")
        key = self._fitting(captured)
        if key in self._fits:
            return self._fits[key]
        now = captured.at // SECOND if captured.at is not None else None
        verdict = verify(captured.headers, captured.body, self._keys, self._scheme, now=now, tolerance=self._tolerance)
        if verdict.ok or captured.exact or (verdict.header and not _there(captured, verdict.header)):
            found = Signed(verdict.ok, verdict.reason, verdict.likely)
            if verdict.ok and key is not None:
                self._fits[key] = found
            return found
        return Signed(
            None,
            "This capture does not keep the body byte for byte, so the signature cannot be verified: bring it home as "
            "bodyBase64, or as raw HTTP.",
        )

    def _fitting(self, captured: Captured) -> int | None:
        """The place of the key with which each header of the scheme fits as it stands; None if there is none."""
        given = {name.lower(): value for name, value in captured.headers}
        if len(given) != len(captured.headers):
            return None
        for number, key in enumerate(self._keys):
            signed = self._signer.headers(captured.body, key, message_id="", seconds=0)
            if len(signed) != len(self._scheme.signatures):
                return None  # more than the body is signed
            if all(hmac.compare_digest(value.encode(), _bytes(given.get(name.lower(), ""))) for name, value in signed):
                return number
        return None


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "replace")


def _there(captured: Captured, header: str) -> bool:
    return any(name.lower() == header.lower() for name, _ in captured.headers)
