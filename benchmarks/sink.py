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
import ssl
import sys
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
                "bad_signatures": self.bad_signatures}  # fmt: skip


class Answering(asyncio.Protocol):
    """One connection, kept alive; what comes in one read may be a part of a request, or several."""

    def __init__(self, counts: Counts, answer: bytes, delay: float) -> None:
        self._counts, self._answer, self._delay = counts, answer, delay
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write

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
                asyncio.get_running_loop().call_later(self._delay, self._write, self._answer)
            else:
                self._write(self._answer)
            data = data[stop:]
        self._left = data


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
    server = await loop.create_server(
        lambda: Answering(counts, answer, order["delay"]), "127.0.0.1", 0, ssl=context, backlog=1024
    )
    port = server.sockets[0].getsockname()[1]
    ended = asyncio.Event()
    await loop.connect_read_pipe(lambda: _UntilClosed(ended), sys.stdin)
    print(json.dumps({"url": f"{'https' if context else 'http'}://127.0.0.1:{port}/", "ca": ca}), flush=True)
    await ended.wait()
    print(json.dumps(counts.report()), flush=True)


def _tls(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's side of TLS, and the file of the private authority that vouches for it."""
    import trustme

    authority, path = trustme.CA(), folder / "sink-ca.pem"
    authority.cert_pem.write_to_path(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context, str(path)


def main() -> None:
    """Pin, then serve: with uvloop in clear text, with the standard loop under TLS, where that is twice as fast."""
    order = json.loads(sys.argv[1])
    if order["core"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {order["core"]})
    if not order["tls"]:
        try:
            import uvloop
        except ImportError:  # where there is none the sink is slower, which is fair to nobody and wrong to nobody
            pass
        else:
            asyncio.run(serve(order), loop_factory=uvloop.new_event_loop) if sys.version_info >= (
                3,
                12,
            ) else uvloop.run(serve(order))
            return
    asyncio.run(serve(order))


if __name__ == "__main__":
    main()
