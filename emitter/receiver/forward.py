"""Hands a request on to another receiver, the same bytes, and brings its answer back."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from emitter import clock
from emitter.delivery import masked
from emitter.errors import BadTarget
from emitter.receiver.answers import Scripted
from emitter.receiver.wire import BODY_CAP, Request, end_to_end
from emitter.signing import Headers

TIMEOUT = 30.0  # seconds, from connecting to the answer's last byte


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What came back from where a request was handed on to; status None: nothing did, and `error` says why.

    Where there is `scripted`, that is done with the connection instead. It goes back after `delay`.
    """

    status: int | None
    headers: Headers = ()
    body: bytes = b""
    error: str = ""
    scripted: Scripted | None = None
    delay: timedelta = timedelta(0)


Forward = Callable[[Request], Forwarded]


class Forwarder:
    """Forwards to one URL. The path of the request is left behind; redirects, proxies and .netrc are not followed."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise BadTarget(masked(url), "is no URL.") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadTarget(masked(url), "is nothing to forward to. Write http://host:port/path.")
        if parts.username is not None or parts.password is not None:
            raise BadTarget(masked(url), "holds a user or a password, and they are not sent. Leave them out.")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not (target.isascii() and target.isprintable()) or " " in target or not parts.netloc.isascii():
            raise BadTarget(masked(url), "holds characters that have to be percent-encoded.")
        self.url = url
        self.host, self.port = parts.hostname, port or (443 if parts.scheme == "https" else 80)
        self._netloc, self._target, self._timeout = parts.netloc, target, timeout
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None

    def __call__(self, request: Request) -> Forwarded:
        """Forward one request on a connection of its own; never raises for what the network does."""
        deadline = clock.monotonic() + self._timeout
        connection = (
            http.client.HTTPSConnection(self.host, self.port, timeout=self._timeout, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(self.host, self.port, timeout=self._timeout)
        )
        try:
            connection.putrequest(request.method, self._target, skip_host=True, skip_accept_encoding=True)
            for name, value in self._headers(request):
                connection.putheader(name, value)
            connection.endheaders(request.body or None)
            answer = connection.getresponse()
            body = bytearray()
            while len(body) <= BODY_CAP and (piece := answer.read1(64 * 1024)):
                body += piece
                if clock.monotonic() > deadline:
                    raise TimeoutError("it took too long")
            if len(body) > BODY_CAP:
                return self._failed(f"its answer is larger than {BODY_CAP:,} bytes")
            return Forwarded(answer.status, end_to_end(tuple(answer.getheaders())), bytes(body))
        except (OSError, http.client.HTTPException, ValueError) as error:
            return self._failed(_told(error, self._timeout))
        finally:
            connection.close()

    def _headers(self, request: Request) -> Headers:
        kept = tuple(
            (name, value)
            for name, value in end_to_end(request.headers)
            if name.lower() not in ("host", "content-length", "expect")
        )
        return (("Host", self._netloc), *kept, ("Content-Length", str(len(request.body))), ("Connection", "close"))

    def _failed(self, why: str) -> Forwarded:
        return Forwarded(None, error=f"{masked(self.url)} gave no answer: {why}")


def _told(error: Exception, timeout: float) -> str:
    match error:
        case TimeoutError():
            return f"nothing whole came within {timeout:g} s"
        case ConnectionRefusedError():
            return "the connection was refused; is it running?"
        case http.client.RemoteDisconnected():
            return "it closed the connection without an answer"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message})"
        case OSError() if error.strerror:
            return error.strerror
    return str(error) or type(error).__name__
