"""A webhook's secret, and the bytes that it stands for."""

from __future__ import annotations

import binascii

from emitter.errors import BadSigningKey

WHSEC = "whsec_"


class SigningKey:
    """A webhook's secret. It never shows itself: `str` and `repr` are masked, and only this package reads it."""

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


def key_bytes(key: SigningKey, mode: str) -> tuple[bytes, str]:
    """Return the bytes that HMAC is keyed with in a signing mode, and how they came from the secret, in words.

    In mode standard-webhooks `whsec_<base64>` is decoded, as that specification says; everything else is UTF-8. What
    follows `whsec_` and is no base64 is taken as it is: a send must not fail for it, and `explain` says so.
    """
    secret = key.reveal()
    if mode == "standard-webhooks" and secret.startswith(WHSEC):
        try:
            decoded = binascii.a2b_base64(secret[len(WHSEC) :], strict_mode=True)
        except ValueError:  # binascii.Error, or characters that are not ASCII
            return secret.encode(), f"the whole secret as UTF-8, because what follows {WHSEC} is no base64"
        if decoded:
            return decoded, f"decoded from the base64 that follows {WHSEC}"
        return secret.encode(), f"the whole secret as UTF-8, because nothing follows {WHSEC}"
    return secret.encode(), "the secret as UTF-8"
