"""A request as it was received, with what is to be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from emitter import strictjson
from emitter.errors import BadJson, Violation
from emitter.receiver.forward import Forwarded
from emitter.signing import Headers, Verdict


class Contract(Protocol):
    """What judges a body: the catalogue."""

    def verdict(self, body: object) -> tuple[str, Sequence[Violation]]:
        """Return `valid`, `invalid` or `unknown` (no schema for that type), and the violations."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One request, byte for byte, the verdicts on it, and what was answered.

    Headers and path hold one character for one byte (Latin-1); order and case of the headers are as they came.
    `contract` is `valid`, `invalid`, `unknown` (no schema for that type), or empty where nobody asked.
    """

    number: int  # 1 for the first
    at: int  # nanoseconds since 1970, wall time, when its last byte had come
    method: str
    path: str
    headers: Headers
    body: bytes
    signature: Verdict | None = None  # None: there is no key to check it with
    type: str = ""
    product_name: str = ""
    contract: str = ""
    violations: tuple[Violation, ...] = ()
    status: int | None = None  # what is answered; None: nothing, the connection is dropped
    answer: str = ""  # the same in the words of a script, as 200:2s
    delay: timedelta = timedelta(0)
    forwarded: Forwarded | None = None
    took: int = 0  # microseconds from its last byte to the answer, the delay left out


@dataclass(frozen=True, slots=True)
class Content:
    """What a body says of itself, and what the contract says of it."""

    type: str = ""
    product_name: str = ""
    contract: str = ""
    violations: tuple[Violation, ...] = ()


def content_of(body: bytes, contract: Contract | None, largest: int) -> Content:
    """Read an event out of a body of at most `largest` bytes, whatever that is."""
    try:
        value = strictjson.loads(body, largest=largest)
    except BadJson as error:
        if contract is None:
            return Content()
        return Content(contract="invalid", violations=(Violation("", "json", str(error)),))
    verdict, violations = contract.verdict(value) if contract is not None else ("", ())
    event = value if isinstance(value, dict) else {}
    data = event.get("data")
    name = data.get("dataProductName") if isinstance(data, dict) else None
    return Content(_text(event.get("type")), _text(name), verdict, tuple(violations))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
