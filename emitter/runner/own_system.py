"""Asking the user's own system, with a GET: the same rules for where it may lead as for deliveries.

The address is judged and then dialled as it is, so that a name cannot lead elsewhere in between. No redirects, no
proxy, no .netrc; the body is read to a bound.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

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
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", _Pinned(address))
    session.mount("https://", _Pinned(address))
    with session:
        try:
            answer = session.get(
                url, headers={"Accept": "application/json", **dict(headers)}, timeout=seconds, allow_redirects=False,
                stream=True,
            )  # fmt: skip
            raw = answer.raw.read(LARGEST + 1, decode_content=True) or b""
        except requests.RequestException as error:
            return Told(error=f"{masked(url)} does not answer: {_reason(error)}")
        except Exception as error:  # urllib3's own, while the body is read
            return Told(error=f"{masked(url)} breaks off: {type(error).__name__}")
    if len(raw) > LARGEST:
        return Told(answer.status_code, error=f"its body is larger than {LARGEST:,} bytes")
    text = raw.decode("utf-8", "replace")
    try:
        return Told(answer.status_code, strictjson.loads(raw), text, is_json=True)
    except BadJson:
        return Told(answer.status_code, None, text)


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


class _Pinned(HTTPAdapter):
    """Dials one address whatever the name in the URL is; the certificate is checked against the name."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        parts = urlsplit(request.url)
        request.headers.setdefault("Host", parts.netloc.rpartition("@")[2])
        if parts.scheme == "https":
            return HTTPSConnectionPool(
                self._address, parts.port or 443, server_hostname=parts.hostname, assert_hostname=parts.hostname
            )
        return HTTPConnectionPool(self._address, parts.port or 80)


def _reason(error: Exception) -> str:
    inner: Any = error.args[0] if error.args else error
    inner = getattr(inner, "reason", inner)
    return str(inner).rpartition(": ")[2] or type(error).__name__
