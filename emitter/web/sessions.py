"""Who is signed in to the pages: a cookie stands for an admin's token, and for no longer than that is good."""

from __future__ import annotations

import hashlib
import secrets
import threading

from emitter.tenants import Tenants
from emitter.web.tenancy import Admission

MOST = 1000


class Sessions:
    """The sessions of one server, by digests; the oldest goes where there are too many."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._begun: dict[bytes, bytes | None] = {}
        self._lock = threading.Lock()

    def begin(self, token: bytes | None) -> str:
        """Begin a session for the token of this digest (None: the server's own); returns the cookie's value."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._begun[_digest(value)] = token
            while len(self._begun) > MOST:
                del self._begun[next(iter(self._begun))]
        return value

    def end(self, value: str) -> None:
        """End the session of this cookie."""
        with self._lock:
            self._begun.pop(_digest(value), None)

    def find(self, value: str) -> Admission | None:
        """What the session of this cookie opens; None where there is none, or its token is good no more."""
        if not value:
            return None
        digest = _digest(value)
        if digest not in self._begun:
            return None
        token = self._begun.get(digest)
        if token is None:
            return Admission(self._tenants.default)
        found = self._tenants.bearer(token)
        return Admission.of(*found) if found is not None else None


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()
