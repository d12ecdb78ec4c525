"""A receiver that does as little as possible: reads a request, counts it, answers.

Run as `python -m benchmarks.sink ORDER` (JSON). It writes its address as a line of JSON, and another one with what it
has counted when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import re
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
SIGNATURE = re.compile(rb"(?i)\r\nx-immuta-webhook-signature-sha256: *([0-9a-f]+)")


class Counts:
    """What has come so far."""

    def __init__(self, *, distinct: bool = False, check_every: int = 0, secret: str = "") -> None:
        self.requests = self.checked = self.bad_signatures = 0
        self.check_every, self._secret = check_every, secret.encode()
        self.bodies: set[int] | None = set() if distinct else None

    def note(self, head: bytes, body: bytes) -> None:
        self.requests += 1
        if self.bodies is not None:
            self.bodies.add(hash(body))
        if self.check_every and self.requests % self.check_every == 0:
            self.checked += 1
            found = SIGNATURE.search(head)
            wanted = hmac.new(self._secret, body, "sha256").hexdigest().encode()
            if found is None or found[1] != wanted:
                self.bad_signatures += 1

    def report(self) -> dict[str, Any]:
        distinct = None if self.bodies is None else len(self.bodies)
        return {"requests": self.requests, "distinct": distinct, "checked": self.checked,
                "bad_signatures": self.bad_signatures, "by": "Python"}  # fmt: skip


class Answering(asyncio.Protocol):
    """One connection, kept alive; what comes in one read may be a part of a request, or several."""

    def __init__(self, counts: Counts, answer: bytes, delay: float) -> None:
        self._counts, self._answer, self._delay = counts, answer, delay
        self._left = b""
        self.write: Callable[[bytes], object]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.write = transport.write  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self._left:
            data = self._left + data
            self._left = b""
        while data:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            found = LENGTH.search(data, 0, end + 2)
            stop = end + 4 + (int(found[1]) if found else 0)
            if len(data) < stop:
                break
            self._counts.note(data[:end], data[end + 4 : stop])
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self.write, self._answer)
            else:
                self.write(self._answer)
            data = data[stop:]
        self._left = data


class Secured:
    """One connection under TLS, on the socket itself: asyncio's TLS costs more than the sender that is measured."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, answering: Answering) -> None:
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._answering, self._shaken, self._loop = answering, False, asyncio.get_running_loop()
        answering.write = self._socket.send  # an answer is short, and the far end reads each: it never waits
        self._loop.add_reader(self._socket, self._ready)

    def _ready(self) -> None:
        try:
            if not self._shaken:
                self._socket.do_handshake()
                self._shaken = True
                return
            data = self._socket.recv(65536)
            while self._socket.pending():
                data += self._socket.recv(65536)
        except ssl.SSLWantReadError:
            return
        except OSError:
            data = b""
        if data:
            self._answering.data_received(data)
        else:
            self._loop.remove_reader(self._socket)
            self._socket.close()


def listen(counts: Counts, answer: bytes, delay: float, context: ssl.SSLContext) -> socket.socket:
    """Take connections under TLS from now on; returns the socket that listens."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)

    def accept() -> None:
        try:
            Secured(listener.accept()[0], context, Answering(counts, answer, delay))
        except OSError:  # it is gone again
            pass

    asyncio.get_running_loop().add_reader(listener, accept)
    return listener


class _UntilClosed(asyncio.Protocol):
    """Standard input: its end is the end."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()


async def serve(order: dict[str, Any]) -> None:
    """Listen on a free port of loopback until standard input is closed."""
    counts = Counts(distinct=order["distinct"], check_every=order["check_every"], secret=order["secret"])
    length = b"" if order["status"] == 204 else b"Content-Length: 0\r\n"
    answer = b"HTTP/1.1 %d Whatever\r\n%b\r\n" % (order["status"], length)
    context, ca = _tls(Path(order["folder"])) if order["tls"] else (None, "")
    loop = asyncio.get_running_loop()
    if context:
        port = listen(counts, answer, order["delay"], context).getsockname()[1]
    else:
        server = await loop.create_server(
            lambda: Answering(counts, answer, order["delay"]), "127.0.0.1", 0, backlog=1024
        )
        port = server.sockets[0].getsockname()[1]
    ended = asyncio.Event()
    await loop.connect_read_pipe(lambda: _UntilClosed(ended), sys.stdin)
    print(json.dumps({"url": f"{'https' if context else 'http'}://127.0.0.1:{port}/", "ca": ca}), flush=True)
    await ended.wait()
    print(json.dumps(counts.report()), flush=True)


def _tls(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's side of TLS, and the file of the private authority that vouches for it."""
    ca = certificate(folder, folder / "sink.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "sink.pem")
    return context, ca


def certificate(folder: Path, file: Path) -> str:
    """Write a key and certificate for loopback into `file`; returns the file of the authority that vouches for it."""
    import trustme

    authority, path = trustme.CA(), folder / "sink-ca.pem"
    authority.cert_pem.write_to_path(path)
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(file)
    return str(path)


def main() -> None:
    """Pin, then serve."""
    order = json.loads(sys.argv[1])
    if order["core"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {order["core"]})
    try:
        import uvloop
    except ImportError:  # where there is none the sink is slower, which is fair to nobody and wrong to nobody
        asyncio.run(serve(order))
        return
    if sys.version_info >= (3, 12):
        asyncio.run(serve(order), loop_factory=uvloop.new_event_loop)
    else:
        uvloop.run(serve(order))


if __name__ == "__main__":
    main()
