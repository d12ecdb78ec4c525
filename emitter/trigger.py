"""What is asked for when an event is triggered, the same from every door."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from emitter.errors import BadValue, UnknownName, UsageError
from emitter.faults import FaultSpec

MOST_AT_ONCE = 1000  # events of one request over HTTP
MOST_FAULTS = 50
MOST_WEBHOOKS = 1000

_NAMES = {
    "type": "type", "product": "product", "body": "body", "bodyBase64": "body_base64", "to": "to",
    "signingKey": "signing_key", "verifyTls": "verify_tls", "ca": "ca", "http2": "http2", "set": "set",
    "unset": "unset", "seed": "seed", "profile": "profile", "count": "count", "allowInvalid": "allow_invalid",
    "run": "run", "faults": "faults", "webhooks": "webhooks",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """Which event to make, how to change it, and where to send it.

    Either `type` (a name, alias or unique suffix) or a whole `body`; `product` is the data product of the world, by id
    or name, that it is about, else one is made up; `to` a URL, `webhooks` the ids of registered ones, or nothing for
    every one.
    """

    type: str = ""
    product: str = ""
    body: bytes | None = None
    to: str = ""
    signing_key: str = field(default="", repr=False)
    verify_tls: bool = True
    ca: str = ""
    http2: bool = False
    set: Mapping[str, Any] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    seed: int | None = None
    profile: str = ""
    count: int = 1
    allow_invalid: bool = False
    run: str = ""
    faults: tuple[FaultSpec, ...] = ()
    webhooks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.type) == (self.body is not None):
            raise UsageError("Name an event type, or give a whole body: one of the two.")
        if self.body is not None and (self.set or self.unset or self.profile or self.product):
            raise UsageError(
                "A whole body is sent exactly as given: set, unset, profile and product do not go with it."
            )
        if not self.to and (self.signing_key or self.ca or self.http2 or not self.verify_tls):
            raise UsageError("A signing key and TLS settings go with a target (to); a webhook has its own.")
        if self.to and self.webhooks:
            raise UsageError("Send to a target (to) or to registered webhooks (webhooks): one of the two.")
        if self.count < 1:
            raise BadValue("count", str(self.count), "is less than one.")

    @classmethod
    def from_json(cls, found: object) -> TriggerSpec:
        """Read what came over HTTP; raise `BadValue`, `UnknownName` or `UsageError`."""
        if not isinstance(found, dict):
            raise UsageError('The body is to be a JSON object, as {"type": "access-revoked"}.')
        values: dict[str, Any] = {}
        for name, value in found.items():
            if name not in _NAMES:
                raise UnknownName("member", name, _NAMES)
            values[_NAMES[name]] = _checked(name, value)
        if "body_base64" in values:
            values["body"] = values.pop("body_base64")
        if values.get("count", 1) > MOST_AT_ONCE:
            raise BadValue("count", str(values["count"]), f"is more than {MOST_AT_ONCE:,}, the most of one request.")
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Write it the way `from_json` reads it."""
        found: dict[str, Any] = {}
        for name, attribute in _NAMES.items():
            if attribute == "body_base64":
                continue
            value = getattr(self, attribute)
            if attribute == "body":
                if value is not None:
                    found["bodyBase64"] = base64.b64encode(value).decode()
            elif attribute == "faults":
                if value:
                    found[name] = [FaultSpec.parse(each).to_json() for each in value]
            elif value != _DEFAULTS.get(attribute) and value not in ({}, ()):
                found[name] = list(value) if isinstance(value, tuple) else value
        return found


_DEFAULTS = {item.name: item.default for item in fields(TriggerSpec)}


def run_name(value: str) -> str:
    """Check a name to find events by; raises `BadValue`."""
    if len(value) > 255 or not value.isprintable():
        raise BadValue("run", value, "is longer than 255 characters, or cannot be printed.")
    return value


def read_body(found: Mapping[str, Any]) -> bytes | None:
    """Read the bytes of a `body` or a `bodyBase64`, None for neither; raise `BadValue`."""
    read = next((_checked(name, found[name]) for name in ("body", "bodyBase64") if name in found), None)
    return read if isinstance(read, bytes) else None


def _checked(name: str, value: object) -> object:
    if name in ("type", "product", "to", "signingKey", "ca", "profile", "run"):
        if not isinstance(value, str):
            raise BadValue(name, "(a key)" if name == "signingKey" else value, "is no text.")
        return run_name(value) if name == "run" else value
    if name in ("verifyTls", "http2", "allowInvalid"):
        if not isinstance(value, bool):
            raise BadValue(name, str(value), "is neither true nor false.")
        return value
    if name in ("seed", "count"):
        if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
            raise BadValue(name, str(value), "is no whole number of 64 bits.")
        return value
    if name == "set":
        if not isinstance(value, dict):
            raise BadValue(name, str(value), 'is no object, as {"data.dataProductName": "Claims 2025"}.')
        return value
    if name == "webhooks":
        if (
            not isinstance(value, list)
            or len(value) > MOST_WEBHOOKS
            or not all(isinstance(each, str) for each in value)
        ):
            raise BadValue(name, str(value), f"is no list of at most {MOST_WEBHOOKS} ids of webhooks.")
        return tuple(dict.fromkeys(value))
    if name == "unset":
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise BadValue(name, str(value), 'is no list of paths, as ["data.actionLink"].')
        return tuple(value)
    if name == "faults":
        return read_faults(name, value)
    if not isinstance(value, str):
        raise BadValue(name, value, "is no text: give the body as a string, byte for byte.")
    try:
        return base64.b64decode(value, validate=True) if name == "bodyBase64" else value.encode("utf-8")
    except ValueError:  # binascii.Error, UnicodeEncodeError, or base64 that is not ASCII
        raise BadValue(name, value, "is not base64." if name == "bodyBase64" else "is not UTF-8.") from None


def read_faults(name: str, value: object) -> tuple[FaultSpec, ...]:
    """Read a list of faults, as JSON or as on the command line; raise `BadValue` or `UnknownName`."""
    if not isinstance(value, list | tuple) or len(value) > MOST_FAULTS:
        shape = "(as given)" if isinstance(value, dict | list) else value  # there may be a key in it
        raise BadValue(name, shape, f'is no list of at most {MOST_FAULTS} faults, as ["duplicate", {{"delay": "5m"}}].')
    return tuple(map(FaultSpec.parse, value))
