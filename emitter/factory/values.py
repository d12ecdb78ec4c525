"""Single values: what is known for a format, and which of the candidates a schema allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jsonschema_rs

if TYPE_CHECKING:
    from emitter.factory.merging import Node

EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "email": ("ascii_safe_email", {}),
    "idn-email": ("ascii_safe_email", {}),
    "hostname": ("domain_name", {}),
    "idn-hostname": ("domain_name", {}),
    "ipv6": ("ipv6", {}),
    "uri": ("uri", {}),
    "uri-reference": ("uri_path", {}),
    "iri": ("uri", {}),
    "iri-reference": ("uri_path", {}),
    "uri-template": ("uri", {}),
    "duration": ("numerify", {"text": "PT%#M"}),
    "json-pointer": ("numerify", {"text": "/data/%"}),
    "relative-json-pointer": ("numerify", {"text": "%/data"}),
    "regex": ("lexify", {"text": "^[a-z]+????$"}),
}
"""The Faker provider behind each format that is not made from bits or from the event's time."""


class Unsupported(Exception):
    """No value can be made from what the schema says; `why` says what is missing, `path` where."""

    def __init__(self, path: tuple[str, ...], why: str) -> None:
        self.path, self.why = path, why
        super().__init__(
            f"no value can be made for /{'/'.join(path)}: {why}. "
            "Give it x-faker, examples or a default there, or a whole body under examples at the top"
        )


def fitting(node: Node, candidates: Sequence[Any], path: tuple[str, ...]) -> list[Any]:
    """Return those of the candidates that the schema allows; raise `Unsupported` if there are none."""
    allowed = jsonschema_rs.Draft202012Validator(node.rules(), validate_formats=True).is_valid
    found = [candidate for candidate in candidates if allowed(candidate)]
    if not found:
        raise Unsupported(path, "nothing that is known for it keeps its rules")
    return found


def _uuid(bits: int) -> str:
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[bits >> 60 & 3]}{digits[17:20]}-{digits[20:]}"


def _ipv4(bits: int) -> str:
    return f"10.{bits >> 16 & 255}.{bits >> 8 & 255}.{bits & 255}"


def _rotated(values: tuple[Any, ...], start: int, length: int) -> list[Any]:
    """So many values that follow each other in a ring: different ones, if the ring holds different ones."""
    return [values[(start + step) % len(values)] for step in range(length)]


helpers: dict[str, Callable[..., Any]] = {"uuid": _uuid, "ipv4": _ipv4, "rotated": _rotated}
"""What the generated functions call, by the name that they call it by."""
