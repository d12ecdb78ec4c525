"""Verify the signatures of captured requests, as far as their forms keep what was signed."""

from __future__ import annotations

from collections.abc import Sequence

from emitter.captures import Captured
from emitter.clock import SECOND
from emitter.contract.values import Signed
from emitter.signing import Scheme, SigningKey, verify


class Signatures:
    """Verifies with one scheme and a few keys."""

    def __init__(self, keys: Sequence[SigningKey], scheme: Scheme, *, tolerance: int | None = None) -> None:
        """Take the keys of which one has to fit. `tolerance` (seconds) is for mode standard-webhooks; None: any age."""
        self._keys, self._scheme, self._tolerance = tuple(keys), scheme, tolerance

    def of(self, captured: Captured) -> Signed:
        """Say whether a capture is signed with one of the keys, or why that cannot be told of it."""
        if not self._scheme.signatures:
            return Signed(None, "Signing is off (signing.mode): there is nothing to verify.")
        if not captured.headers:
            return Signed(None, "This form of capture keeps no headers, so there is no signature to verify.")
        now = captured.at // SECOND if captured.at is not None else None
        verdict = verify(captured.headers, captured.body, self._keys, self._scheme, now=now, tolerance=self._tolerance)
        if verdict.ok or captured.exact or verdict.header and not self._there(captured, verdict.header):
            return Signed(verdict.ok, verdict.reason, verdict.likely)
        return Signed(
            None,
            "This capture does not keep the body byte for byte, so the signature cannot be verified: bring it home as "
            "bodyBase64, or as raw HTTP.",
        )

    def _there(self, captured: Captured, header: str) -> bool:
        return any(name.lower() == header.lower() for name, _ in captured.headers)
