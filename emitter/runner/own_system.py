"""Asking the user's own system, with a GET: the same rules for where it may lead as for deliveries.

The address is judged and then dialled as it is, so that a name cannot lead elsewhere in between. No redirects, no
proxy, no .netrc; the body is read to a bound.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from emitter import strictjson
from emitter.delivery import Headers, masked
from emitter.egress import LOOPBACK, Egress, parse_target
from emitter.errors import BadJson, EgressRefused

LARGEST = 1024 * 1024
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """What came back: a status and JSON, or why there is none."""

    status: int | None = None
    value: Any = None
    text: str = ""
    error: str = ""
    is_json: bool = False


def ask(url: str, headers: Headers, egress: Egress, *, seconds: float = _SECONDS) -> Told:
    """GET a URL; raises `BadTarget` or `EgressRefused`, anything that the network does is part of what is told."""
    egress.check_url(url)
    try:
        addresses = _addresses(url, egress)
    except OSError as error:
        return Told(error=f"{urlsplit(url).hostname} cannot be looked up: {error.strerror or error}")
    for address in addresses[:-1]:
        told = _ask(url, address, headers, seconds)
        if told.status is not None or not told.error:
            return told
    return _ask(url, addresses[-1], headers, seconds)


def _ask(url: str, address: str, headers: Headers, seconds: float) -> Told:
    from emitter.runner.pinned import get  # most scenarios ask nothing, and it takes a while to load

    answer = get(url, address, headers, seconds=seconds, most=LARGEST + 1)
    if isinstance(answer, str):
        return Told(error=f"{masked(url)} {answer}")
    status, raw = answer
    if len(raw) > LARGEST:
        return Told(status, error=f"its body is larger than {LARGEST:,} bytes")
    text = raw.decode("utf-8", "replace")
    try:
        return Told(status, strictjson.loads(raw), text, is_json=True)
    except BadJson:
        return Told(status, None, text)


def _addresses(url: str, egress: Egress) -> list[str]:
    target = parse_target(url)
    if target.address:
        found = [target.address]
    elif target.local:
        found = list(LOOPBACK)
    else:
        rows = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    for address in found:
        if rule := egress.refuse(address, target.port, target.host):
            raise EgressRefused(address, rule, masked(url))
    return found
