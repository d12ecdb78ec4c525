"""What a request to the vendor's API asks, out of its query string and its token.

Parameters that the API does not have are passed over, as most frameworks do; those that it has are held to their types.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any

import orjson
from flask import request

from emitter.errors import BadValue
from emitter.vendor import Caller, Desk
from emitter.vendor.bodies import is_id, is_uuid
from emitter.web.tenancy import caller, simulator


def desk() -> Desk:
    """Where the one who asks is served: in the world of their tenant, as the person that their token stands for."""
    who = caller()
    if who.admin:
        return simulator().desk(Caller())
    return simulator().desk_of(who.user, who.permissions)


def text(name: str, default: str = "") -> str:
    """A parameter that is a text; raises `BadValue` if it is given twice."""
    texts = request.args.getlist(name)
    if len(texts) > 1:
        raise BadValue(name, ",".join(texts), "is given twice.")
    return texts[0] if texts else default


def choice(name: str, choices: Sequence[str], default: str = "") -> str:
    """A parameter that is one of some words."""
    found = text(name, default)
    if found not in choices and name in request.args:
        raise BadValue(name, found, f"is none of {', '.join(choices)}.")
    return found


def several(name: str, choices: Sequence[str] = ()) -> frozenset[str]:
    """A parameter that may be given more than once; with `choices` each has to be one of them."""
    found = request.args.getlist(name)
    for each in found:
        if choices and each not in choices:
            raise BadValue(name, each, f"is none of {', '.join(choices)}. For several, give it several times.")
    return frozenset(found)


def flag(name: str) -> bool | None:
    """A parameter that is true or false; None where it is not given."""
    found = text(name)
    if name not in request.args:
        return None
    if found not in ("true", "false"):
        raise BadValue(name, found, "is neither true nor false.")
    return found == "true"


def uuid(name: str) -> str:
    """A parameter that is a UUID."""
    found = text(name)
    if name in request.args and not is_uuid(found):
        raise BadValue(name, found, "is no UUID.")
    return found.lower()


def id_of(name: str, known: Container[str] = ()) -> str:
    """A parameter that is an id: of the forms that the API has, or one that there is (`ids.data_product`)."""
    found = text(name)
    if name in request.args and not is_id(found) and found not in known:
        raise BadValue(name, found, "is neither a UUID nor a cuid.")
    return found


def number(name: str, default: int, *, least: int, most: int = 2**53) -> int:
    """A parameter of JSON type number; a fraction of a row cannot be had, so 1.0 is read and 1.5 is refused."""
    texts = request.args.getlist(name)
    if not texts:
        return default
    try:
        value: Any = orjson.loads(texts[0]) if len(texts) == 1 and len(texts[0]) < 64 else None
    except orjson.JSONDecodeError:
        value = None
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == math.floor(value)
    if not whole or value < least:
        raise BadValue(name, ",".join(texts), f"is no whole number from {least} on.")
    if most < 2**53 and value > most:
        raise BadValue(name, ",".join(texts), f"is more than {most}.")
    return min(int(value), 2**53)
