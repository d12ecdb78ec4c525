"""One libcurl handle: what it is told for a transfer, what its callbacks hear, and what they forbid.

libcurl posts again on its own when a reused connection turns out to be closed. So `PREREQFUNCTION`, which runs once
before each try, looks at a reused connection first (closed: nothing was sent, the transfer begins anew on a fresh one)
and forbids a second try. A callback that raised would take the sender thread with it: each catches everything.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pycurl

from emitter.delivery import BODY_CAP, HEADERS_CAP, Answer, WireRequest
from emitter.egress import Egress, Target
from emitter.transport.preparing import Lines

Done = Callable[[Answer], None]
Kind = tuple[bool, str, bool]  # verify_tls, ca, http2: what a handle is made for
Connection = tuple[str, str, int, int]  # far address, near address, far port, near port

_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_CA_CACHE_TIMEOUT = 321  # CURLOPT_CA_CACHE_TIMEOUT, which pycurl has no name for
_CA_CACHED = 60  # seconds for which a file of authorities is not read again


class Transfer:
    """One attempt on its way: what was asked for, and what is known of it before libcurl has it."""

    __slots__ = ("request", "seconds", "done", "target", "lines", "started", "lookup", "addresses", "over")

    def __init__(self, request: WireRequest, seconds: float, done: Done, target: Target, lines: Lines) -> None:
        self.request, self.seconds, self.done = request, seconds, done
        self.target, self.lines = target, lines
        self.started = 0.0  # on the monotonic clock, by the sender
        self.lookup = 0.0  # seconds that our own lookup took
        self.addresses: tuple[str, ...] = ()  # what its name leads to
        self.over = False  # whether its lookup is: found, failed or too late

    @property
    def faulty(self) -> bool:
        """Whether it breaks HTTP on purpose, so that its connection must serve no other."""
        request = self.request
        return request.declared_length is not None or request.pace is not None or request.cut_after is not None


class Connections:
    """The descriptors behind libcurl's connections, by their two ends, to look at one that is about to be reused."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._descriptors: dict[Connection, int] = {}
        self.highest = 0

    def opened(self, connection: Connection, descriptors: list[int]) -> bool:
        """Remember a new connection; False if none of the descriptors is its own."""
        for descriptor in reversed(descriptors):
            if len(descriptors) == 1 or _is(descriptor, connection):
                if len(self._descriptors) >= self._most:
                    self._descriptors = {key: each for key, each in self._descriptors.items() if _is(each, key)}
                self._descriptors[connection] = descriptor
                return True
        return False

    def is_closed(self, connection: Connection, *, silent: bool) -> bool:
        """Whether the far end has closed an idle connection, or, where it ought to be silent, has said something."""
        descriptor = self._descriptors.get(connection)
        if descriptor is None:
            return True
        look = select.poll()
        look.register(descriptor, _GONE | select.POLLIN if silent else _GONE)
        return bool(look.poll(0))


class Wire:
    """A handle for transfers of one kind, used again and again."""

    def __init__(self, kind: Kind, egress: Egress, connections: Connections) -> None:
        self.kind, self._egress, self._connections = kind, egress, connections
        self.curl = pycurl.Curl()
        self.transfer: Transfer = None  # type: ignore[assignment]  # begin() comes first
        self._url, self._milliseconds, self._fresh = "", 0, False
        self._lines: Lines = [""]
        self._ours: list[socket.socket] = []
        self._silent = not kind[2]
        self._forget()
        self._set_up()

    def _forget(self) -> None:
        self.tries = 0
        self.opened: list[int] = []
        self.peer: tuple[str, int] | None = None
        self.refused = ""  # why an address was not dialled
        self.stale = False
        self.head: list[bytes] = []
        self.head_size = 0
        self.head_cut = False
        self.chunks: list[bytes] = []
        self.body_size = 0
        self.body_cut = False
        self.trouble = ""  # an exception in a callback, in words

    def _set_up(self) -> None:
        verify_tls, ca, http2 = self.kind
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROXY, ""),
            (pycurl.NETRC, pycurl.NETRC_IGNORED),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP09_ALLOWED, 0),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS if http2 else pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.USERAGENT, ""),
            (pycurl.SSL_VERIFYPEER, int(verify_tls)),
            (pycurl.SSL_VERIFYHOST, 2 if verify_tls else 0),
            (_CA_CACHE_TIMEOUT, _CA_CACHED),
            (pycurl.PREREQFUNCTION, self._before_sending),
            (pycurl.OPENSOCKETFUNCTION, self._open_socket),
            (pycurl.SOCKOPTFUNCTION, self._opened_socket),
            (pycurl.HEADERFUNCTION, self._on_header),
            (pycurl.WRITEFUNCTION, self._on_body),
        ):
            self.curl.setopt(option, value)
        authorities = ca or _system_authorities()
        if authorities:
            self.curl.setopt(pycurl.CAINFO, authorities)

    def begin(self, transfer: Transfer, seconds: float, *, fresh: bool = False) -> None:
        """Take a transfer on, with the seconds that are left to it. Raises `pycurl.error` if libcurl refuses."""
        self.transfer = transfer
        request, setopt = transfer.request, self.curl.setopt
        if self._url != request.url:
            setopt(pycurl.URL, request.url)
            self._url = request.url
        if self._lines != transfer.lines:
            setopt(pycurl.HTTPHEADER, transfer.lines)
            self._lines = transfer.lines
        milliseconds = max(int(seconds * 1000), 1)
        if self._milliseconds != milliseconds:
            setopt(pycurl.TIMEOUT_MS, milliseconds)
            self._milliseconds = milliseconds
        if self._fresh is not fresh:
            setopt(pycurl.FRESH_CONNECT, int(fresh))
            self._fresh = fresh
        self._set_body(request.body)

    def _set_body(self, body: bytes) -> None:
        self.curl.setopt(pycurl.POSTFIELDS, body)

    def pin(self, name: tuple[str, int], addresses: tuple[str, ...]) -> None:
        """Have libcurl use these addresses for a name, for this transfer and all after it."""
        listed = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        self.curl.setopt(pycurl.RESOLVE, [f"{name[0]}:{name[1]}:{listed}"])

    def end(self) -> None:
        """Let go of everything that belonged to the transfer."""
        if len(self.transfer.request.body) > BODY_CAP:
            self.curl.setopt(pycurl.POSTFIELDS, b"")
        self._close_ours()
        self._forget()

    def close(self) -> None:
        self._close_ours()
        self.curl.close()

    # --- what libcurl calls ---------------------------------------------------------------------------------------

    def _open_socket(self, purpose: int, address: tuple[int, int, int, tuple[Any, ...]]) -> socket.socket | int:
        """The last say before anything leaves: the address that is dialled."""
        try:
            family, kind, protocol, place = address
            if not self.refused and family in (socket.AF_INET, socket.AF_INET6):
                host, port = str(place[0]), int(place[1])
                rule = self._egress.refuse(host, port, self.transfer.target.host)
                if not rule:
                    opened = socket.socket(family, kind, protocol)
                    self._ours.append(opened)
                    self.peer = (host, port)
                    return opened
                self.refused = f"{host} {rule}"
        except Exception as error:
            self.trouble = f"no socket: {error}"
        return int(pycurl.SOCKET_BAD)

    def _opened_socket(self, descriptor: int, purpose: int) -> int:
        """libcurl has made its own copy of the socket: ours can go."""
        try:
            self._close_ours()
            os.set_inheritable(descriptor, False)
            self.opened.append(descriptor)
            if descriptor > self._connections.highest:
                self._connections.highest = descriptor
        except Exception as error:
            self.trouble = f"no socket: {error}"
            return 1
        return 0

    def _before_sending(self, address: str, near_address: str, port: int, near_port: int) -> int:
        """Runs before each try, when there is a connection and nothing was sent on it yet."""
        try:
            self.tries += 1
            if self.tries > 1:
                return int(pycurl.PREREQFUNC_ABORT)
            rule = self._egress.refuse(address, port, self.transfer.target.host)
            if rule:
                self.refused = f"{address} {rule}"
                return int(pycurl.PREREQFUNC_ABORT)
            self.peer = (address, port)
            connection = (address, near_address, port, near_port)
            if not self.opened or not self._connections.opened(connection, self.opened):
                silent = self._silent and self.transfer.target.scheme == "http"
                if self._connections.is_closed(connection, silent=silent):
                    self.stale = True
                    return int(pycurl.PREREQFUNC_ABORT)
        except Exception as error:
            self.trouble = f"not sent: {error}"
            return int(pycurl.PREREQFUNC_ABORT)
        return int(pycurl.PREREQFUNC_OK)

    def _on_header(self, line: bytes) -> int | None:
        self.head_size += len(line)
        if self.head_size > HEADERS_CAP:
            self.head_cut = True
            return -1
        self.head.append(line)
        return None

    def _on_body(self, chunk: bytes) -> int | None:
        room = BODY_CAP - self.body_size
        self.body_size += len(chunk)
        if len(chunk) > room:
            self.chunks.append(chunk[:room])
            self.body_cut = True
            return -1
        self.chunks.append(chunk)
        return None

    def _close_ours(self) -> None:
        for each in self._ours:
            each.close()
        self._ours.clear()


def _is(descriptor: int, connection: Connection) -> bool:
    """Whether a descriptor is that very connection."""
    try:
        copy = socket.socket(fileno=descriptor)
    except OSError:
        return False
    try:
        near, far = copy.getsockname(), copy.getpeername()
        return bool((far[1], near[1]) == (connection[2], connection[3]))
    except OSError:
        return False
    finally:
        copy.detach()


def _system_authorities() -> str:
    """The file of authorities that this machine trusts; certifi's where it has none."""
    if file := ssl.get_default_verify_paths().cafile:
        return file
    try:
        import certifi
    except ImportError:
        return ""
    return str(certifi.where())
