"""Sign, verify and explain: HMAC over exactly the bytes that travel."""

from __future__ import annotations

from emitter.errors import BadSigningKey


class SigningKey:
    """A webhook's secret. It never shows itself: `str` and `repr` are masked, and only this module reads it."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        if not secret:
            raise BadSigningKey("is empty. Leave it out to send unsigned.")
        if any(character in secret for character in "\r\n\0"):
            raise BadSigningKey("holds a line break or a NUL; it was probably read with its newline.")
        try:
            secret.encode("utf-8")
        except UnicodeEncodeError:
            raise BadSigningKey("is not UTF-8 text.") from None
        if len(secret) > 4096:
            raise BadSigningKey("is longer than 4,096 characters.")
        self._secret = secret

    def reveal(self) -> str:
        """Give the secret itself, for the store and for signing only."""
        return self._secret

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningKey) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash(self._secret)

    def __repr__(self) -> str:
        return "SigningKey(***)"

    __str__ = __repr__
