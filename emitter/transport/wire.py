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
from functools import partial
from typing import Any

import pycurl

from emitter.delivery import BODY_CAP, Answer, WireRequest
from emitter.egress import Target
from emitter.transport.preparing import Lines
from emitter.transport.sharer import Sharer

Done = Callable[[Answer], None]
Kind = tuple[bool, str, bool]  # verify_tls, ca, http2: what a handle is made for
Ends = tuple[str, str, int, int]  # far address, near address, far port, near port

_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_CA_CACHE_TIMEOUT = 321  # CURLOPT_CA_CACHE_TIMEOUT, which pycurl has no name for
_ALLOW, _FORBID = int(pycurl.PREREQFUNC_OK), int(pycurl.PREREQFUNC_ABORT)
_LINES = 1000  # of all heads of one transfer, interim ones (1xx) included
_CA_CACHED = 60  # seconds for which a file of authorities is not read again


class Transfer:
    """One attempt on its way: what was asked for, and what is known of it before libcurl has it."""

    __slots__ = (
        "sharer", "request", "url", "body", "kind", "seconds", "done", "target", "lines",
        "started", "lookup", "addresses", "looked_up", "faulty",
    )  # fmt: skip

    def __init__(
        self, sharer: Sharer, request: WireRequest, seconds: float, done: Done, target: Target, lines: Lines
    ) -> None:
        self.sharer, self.request, self.seconds, self.done = sharer, request, seconds, done
        self.url, _, self.body, verify_tls, ca, http2, length, pace, cut = request
        self.kind: Kind = (verify_tls, ca, http2)
        # whether it breaks HTTP on purpose, so that its connection must serve no other
        self.faulty = not (length is pace is cut is None)
        self.target, self.lines = target, lines
        self.started = self.lookup = 0.0  # on the monotonic clock, by the sender; seconds that our own lookup took
        self.addresses: tuple[str, ...] = ()  # what its name leads to
        self.looked_up = False  # whether its lookup is over: found, failed or too late


class Connection:
    """One connection of libcurl's: what it is shown as, and a way to look whether its far end is still there.

    `look(0)` is empty unless the far end has closed it or, where it ought to be silent, has said something.
    """

    __slots__ = ("descriptor", "shown", "look")

    def __init__(self, descriptor: int, shown: str, *, silent: bool) -> None:
        self.descriptor, self.shown = descriptor, shown
        looking = select.poll()
        looking.register(descriptor, _GONE | select.POLLIN if silent else _GONE)
        self.look = looking.poll


class Connections:
    """The descriptors behind libcurl's connections, by their two ends, to look at one that is about to be reused."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[Ends, Connection] = {}
        self.get = self._known.get
        self.highest = 0  # descriptor

    def opened(self, ends: Ends, descriptors: list[int], *, silent: bool) -> Connection | None:
        """Remember a new connection; None if none of the descriptors is its own."""
        for descriptor in reversed(descriptors):
            if len(descriptors) == 1 or _is(descriptor, ends):
                if len(self._known) >= self._most:
                    for old in [key for key, each in self._known.items() if not _is(each.descriptor, key)]:
                        del self._known[old]
                self._known[ends] = connection = Connection(descriptor, shown_address(*ends[0:3:2]), silent=silent)
                return connection
        return None


class Wire:
    """A handle for transfers of one kind, used again and again."""

    def __init__(self, kind: Kind, connections: Connections) -> None:
        self.kind, self._connections = kind, connections
        self.curl = pycurl.Curl()
        self.transfer: Transfer = None  # type: ignore[assignment]  # begin() comes first
        self._url, self._seconds, self._fresh = "", 0.0, False
        self._ours: list[socket.socket] = []
        self._known = connections.get
        self.opened: list[int] = []  # descriptors of new connections
        self.head: list[bytes] = []
        self.chunks: list[bytes] = []
        self.tries = 0  # more than one: libcurl wanted to post again, and was not let
        self.address = ""  # what was dialled
        self.refused = self.trouble = ""  # why an address was not dialled; an exception in a callback, in words
        self.stale = self.body_cut = False
        self._set_body: Callable[[bytes], None] = partial(self.curl.setopt, pycurl.POSTFIELDS)
        self._set_up()

    def _set_up(self) -> None:
        verify_tls, ca, http2 = self.kind
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROXY, ""),
            (pycurl.NOPROXY, "*"),  # else the environment is asked before each transfer
            (pycurl.NETRC, pycurl.NETRC_IGNORED),
            (pycurl.USERAGENT, ""),  # else pycurl names itself
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP09_ALLOWED, 0),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS if http2 else pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.SSL_VERIFYPEER, int(verify_tls)),
            (pycurl.SSL_VERIFYHOST, 2 if verify_tls else 0),
            (_CA_CACHE_TIMEOUT, _CA_CACHED),
            (pycurl.PREREQFUNCTION, self._before_sending),
            (pycurl.OPENSOCKETFUNCTION, self._open_socket),
            (pycurl.SOCKOPTFUNCTION, self._opened_socket),
            (pycurl.HEADERFUNCTION, self.head.append),  # capped by the sender, see `Wire.floods`
            (pycurl.WRITEFUNCTION, self._on_body),
        ):
            self.curl.setopt(option, value)
        authorities = ca or _system_authorities()
        if authorities:
            self.curl.setopt(pycurl.CAINFO, authorities)

    def begin(self, transfer: Transfer, seconds: float, *, fresh: bool = False) -> None:
        """Take a transfer on, with the seconds that are left to it. Raises `pycurl.error` if libcurl refuses."""
        self.transfer = transfer
        setopt = self.curl.setopt
        if self._url != transfer.url:
            setopt(pycurl.URL, transfer.url)
            self._url = transfer.url
        setopt(pycurl.HTTPHEADER, transfer.lines)
        if self._seconds != seconds:
            setopt(pycurl.TIMEOUT_MS, max(int(seconds * 1000), 1))
            self._seconds = seconds
        if self._fresh is not fresh:
            setopt(pycurl.FRESH_CONNECT, int(fresh))
            self._fresh = fresh
        self._set_body(transfer.body)

    def pin(self, name: tuple[str, int], addresses: tuple[str, ...]) -> None:
        """Have libcurl use these addresses for a name, for this transfer and all after it."""
        listed = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        self.curl.setopt(pycurl.RESOLVE, [f"{name[0]}:{name[1]}:{listed}"])

    def end(self) -> None:
        """Let go of everything that belonged to the transfer."""
        if len(self.transfer.body) > BODY_CAP:
            self.curl.setopt(pycurl.POSTFIELDS, b"")
        self.tries, self.address = 0, ""
        self.head.clear()
        if self.chunks:
            self.chunks.clear()
        if self.opened or self._ours:
            self.opened.clear()
            self._close_ours()
        if self.refused or self.trouble or self.stale or self.body_cut:
            self.refused = self.trouble = ""
            self.stale = self.body_cut = False

    @property
    def floods(self) -> bool:
        """Whether there are more lines of headers than any receiver has reason to send."""
        return len(self.head) > _LINES

    def close(self) -> None:
        self._close_ours()
        self.curl.close()

    # --- what libcurl calls ---------------------------------------------------------------------------------------

    def _open_socket(self, purpose: int, address: tuple[int, int, int, tuple[Any, ...]]) -> socket.socket | int:
        """The last say before anything leaves: the address that is dialled."""
        try:
            family, kind, protocol, place = address
            if self.tries:  # libcurl wants to post again
                self.tries += 1
            elif not self.refused and family in (socket.AF_INET, socket.AF_INET6):
                host, port = str(place[0]), int(place[1])
                rule = self.transfer.sharer.refuse(host, port, self.transfer.target.host)
                if not rule:
                    opened = socket.socket(family, kind, protocol)
                    self._ours.append(opened)
                    self.address = shown_address(host, port)
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

    def _before_sending(self, *ends: Any) -> int:
        """Runs before each try, when there is a connection (by its `Ends`) and nothing was sent on it yet."""
        try:
            self.tries += 1
            if self.tries > 1:
                return _FORBID
            transfer = self.transfer
            target = transfer.target
            if rule := transfer.sharer.refuse(ends[0], ends[2], target.host):
                self.refused = f"{ends[0]} {rule}"
                return _FORBID
            connection = None
            if self.opened:
                # over TLS and HTTP/2 a receiver may speak unasked: session tickets, settings
                connection = self._connections.opened(ends, self.opened, silent=target.scheme == "http")
            if connection is None:
                connection = self._known(ends)
                if connection is None or connection.look(0):
                    self.stale = True
                    return _FORBID
            self.address = connection.shown
        except Exception as error:
            self.trouble = f"not sent: {error}"
            return _FORBID
        return _ALLOW

    def _on_body(self, chunk: bytes) -> int | None:
        chunks = self.chunks
        room = BODY_CAP - sum(map(len, chunks))
        if len(chunk) > room:
            chunks.append(chunk[:room])
            self.body_cut = True
            return -1
        chunks.append(chunk)
        return None

    def _close_ours(self) -> None:
        for each in self._ours:
            each.close()
        self._ours.clear()


def _is(descriptor: int, ends: Ends) -> bool:
    """Whether a descriptor is that very connection."""
    try:
        copy = socket.socket(fileno=descriptor)
    except OSError:
        return False
    try:
        near, far = copy.getsockname(), copy.getpeername()
        return bool((far[1], near[1]) == (ends[2], ends[3]))
    except OSError:
        return False
    finally:
        copy.detach()


def shown_address(host: str, port: int) -> str:
    """Write an address and port the usual way."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _system_authorities() -> str:
    """The file of authorities that this machine trusts; certifi's where it has none."""
    if file := ssl.get_default_verify_paths().cafile:
        return file
    try:
        import certifi
    except ImportError:
        return ""
    return str(certifi.where())
