"""One GET to one address, whatever the name in its URL is: no redirects, no proxy, no .netrc, a bound on the body."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

from emitter.delivery import Headers


def get(url: str, address: str, headers: Headers, *, seconds: float, most: int) -> tuple[int, bytes] | str:
    """Ask an address; its status, and up to `most` bytes of the body, or what it did instead of answering."""
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
            return answer.status_code, answer.raw.read(most, decode_content=True) or b""
        except requests.RequestException as error:
            return f"does not answer: {_reason(error)}"
        except Exception as error:  # urllib3's own, while the body is read
            return f"breaks off: {type(error).__name__}"


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
