"""HTTP/1.1 as a receiver reads and writes it: strict, bounded, and exact to the byte (RFC 9110, RFC 9112)."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from emitter import clock
from emitter.signing import Headers

BODY_CAP = 2 * 1024 * 1024
LINE_CAP = 16 * 1024  # bytes of a request line or of one header
HEADERS_CAP = 64 * 1024
MOST_HEADERS = 200
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade")
)  # fmt: skip

PHRASES = frozenset(HTTPStatus)

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9]\.[0-9])")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?", re.DOTALL)


class Refused(Exception):
    """A request that cannot be taken: the status to answer with, and why."""

    def __init__(self, status: int, why: str) -> None:
        self.status, self.why = status, why
        super().__init__(why)


class Gone(Exception):
    """The other side closed the connection in the middle of a request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, one character for one byte in everything but the body."""

    method: str
    path: str
    version: str
    headers: Headers
    body: bytes

    def values(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for header, value in self.headers if header.lower() == name]

    @property
    def wants_close(self) -> bool:
        """Whether the connection ends with this request."""
        return self.version == "1.0" or "close" in _list(self.values("connection"))


class Stream:
    """Reads a connection up to a deadline that holds for the whole request, however slowly it drips."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self._deadline = 0.0

    def begins(self, idle: float, timeout: float) -> bool:
        """Wait `idle` seconds for a request; then it has `timeout` seconds to come in. False: none comes."""
        self._deadline = clock.monotonic() + idle
        try:
            while not self._buffer:
                self._more()
        except (Gone, TimeoutError):
            return False
        self._deadline = clock.monotonic() + timeout
        return True

    def line(self, most: int, refusal: Refused) -> bytes:
        """Read a line and cut its end off; raise `refusal` when it has more than `most` bytes."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched, most + 2)) < 0:
            searched = len(self._buffer)
            if searched > most + 1:
                raise refusal
            self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def exactly(self, count: int) -> bytes:
        """Read so many bytes."""
        while len(self._buffer) < count:
            self._more()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _more(self) -> None:
        left = self._deadline - clock.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        data = self._connection.recv(64 * 1024)
        if not data:
            raise Gone
        self._buffer += data


def read_request(stream: Stream, proceed: Callable[[], None]) -> Request:
    """Read one request; `proceed` is called when the client waits to be told that it may send the body.

    Raises `Refused` for what breaks a rule or a bound, `Gone`, and `TimeoutError` at the stream's deadline.
    """
    method, path, version = _request_line(stream)
    headers = _headers(stream)
    request = Request(method, path, version, headers, b"")
    if version == "1.1" and len(request.values("host")) != 1:
        raise Refused(400, "An HTTP/1.1 request carries exactly one Host header.")
    expectations = _list(request.values("expect"))
    if expectations and expectations != ["100-continue"]:
        raise Refused(417, "The only expectation that can be met is 100-continue.")
    length, chunked = _framing(request)
    if expectations and version == "1.1" and (length or chunked):
        proceed()
    body = _chunks(stream) if chunked else stream.exactly(length)
    return Request(method, path, version, headers, body)


def _request_line(stream: Stream) -> tuple[str, str, str]:
    refusal = Refused(414, f"The request line has more than {LINE_CAP:,} bytes.")
    line = stream.line(LINE_CAP, refusal) or stream.line(LINE_CAP, refusal)  # RFC 9112, 2.2: ignore one empty line
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise Refused(400, "The request line is none of HTTP/1.1.")
    method, path, version = (part.decode("latin-1") for part in match.groups())
    if version not in ("1.0", "1.1"):
        raise Refused(505, f"HTTP/{version} is not spoken here, only HTTP/1.1.")
    return method, path, version


def _headers(stream: Stream) -> Headers:
    headers: list[tuple[str, str]] = []
    left = HEADERS_CAP
    refusal = Refused(
        431, f"The headers are too many or too large: {MOST_HEADERS} and {HEADERS_CAP:,} bytes are taken."
    )
    while line := stream.line(min(LINE_CAP, left), refusal):
        left -= len(line)
        if len(headers) == MOST_HEADERS:
            raise refusal
        match = _HEADER.fullmatch(line)
        if match is None:
            raise Refused(400, f"Header {len(headers) + 1} is no header of HTTP/1.1.")
        headers.append((match[1].decode("latin-1"), match[2].decode("latin-1").strip(" \t")))
    return tuple(headers)


def _framing(request: Request) -> tuple[int, bool]:
    """Say how long the body is, or that it comes in chunks; without either there is none (RFC 9112, section 6.3)."""
    lengths, codings = request.values("content-length"), _list(request.values("transfer-encoding"))
    if codings and (lengths or request.version == "1.0"):
        raise Refused(400, "Transfer-Encoding goes neither with Content-Length nor with HTTP/1.0.")
    if codings and codings != ["chunked"]:
        raise Refused(501, "The only transfer coding that is understood is chunked.")
    if not lengths:
        return 0, bool(codings)
    if len(set(lengths)) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise Refused(400, "Content-Length is not one number.")
    if len(lengths[0]) > 12 or int(lengths[0]) > BODY_CAP:
        raise _too_large()
    return int(lengths[0]), False


def _chunks(stream: Stream) -> bytes:
    bad = Refused(400, "A chunk of the body has no size that could be read, or another one than it says.")
    body = bytearray()
    while True:
        match = _CHUNK.fullmatch(stream.line(1024, bad))
        if match is None:
            raise bad
        size = int(match[1], 16)
        if not size:
            break
        if len(body) + size > BODY_CAP:
            raise _too_large()
        body += stream.exactly(size)
        if stream.line(0, bad):
            raise bad
    _headers(stream)  # trailers say nothing that a receiver of webhooks needs
    return bytes(body)


def _too_large() -> Refused:
    return Refused(413, f"The body is larger than {BODY_CAP:,} bytes.")


def _list(values: list[str]) -> list[str]:
    return [item.strip().lower() for value in values for item in value.split(",") if item.strip()]


def end_to_end(headers: Headers) -> Headers:
    """Leave out what belongs to one connection only (RFC 9110, section 7.6.1)."""
    named = _list([value for name, value in headers if name.lower() == "connection"])
    return tuple((name, value) for name, value in headers if name.lower() not in HOP_BY_HOP.union(named))


def write_answer(
    connection: socket.socket,
    status: int,
    headers: Headers,
    body: bytes,
    *,
    method: str,
    close: bool,
    timeout: float,
) -> None:
    """Write one answer; `headers` are without those that frame it."""
    phrase = HTTPStatus(status).phrase if status in PHRASES else ""
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() != "content-length"]
    bare = status in (204, 304)
    if not bare:
        lines.append(f"Content-Length: {len(body)}")
    if close:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    connection.settimeout(timeout)
    connection.sendall(head if bare or method == "HEAD" else head + body)


def part(connection: socket.socket, patience: float = 1.0, most: int = 8 * BODY_CAP) -> None:
    """Close so that the last answer arrives: a close with unread bytes would reset the connection, answer and all."""
    deadline = clock.monotonic() + patience
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while most > 0 and (left := deadline - clock.monotonic()) > 0:
            connection.settimeout(left)
            data = connection.recv(64 * 1024)
            if not data:
                break
            most -= len(data)
    connection.close()
