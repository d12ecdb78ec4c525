"""A receiver in a process of its own that writes down each request, on disk, before it answers.

Run as a program it prints its port and reads commands from standard input, one a line:
`PID AFTER WHERE` ends that process at the AFTERth pass of a named point (`KILL_POINTS`).

What it does is in the path: `/hook/...` is answered 204, `/slow/...` 204 a little later, `/flaky/...` in turn 204, 500,
nothing (the connection is closed) and a reset, `/hang/...` never. Each answer carries the number of its line in the
journal as `X-Seen`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

KILL_POINTS = ("first byte", "request read", "request journaled", "answer sent")
_FLAKY = (204, 500, 204, 0, 204, -1, 500, 204)  # 0: closed without an answer, -1: reset


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the journal holds it."""

    number: int
    path: str
    digest: str  # SHA-256 of the body, hexadecimal
    status: int  # what was to be answered; 0 and -1 are no answer


def read_seen(journal: Path) -> list[Seen]:
    """Read the journal; a last line that is not whole was never answered and is left out."""
    if not journal.exists():
        return []
    whole = journal.read_text().rpartition("\n")[0]
    lines = (line.split(" ") for line in whole.split("\n") if line)
    return [Seen(int(number), path, digest, int(status)) for number, path, digest, status in lines]


class _Journal:
    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.number = len(read_seen(Path(path)))
        self.victim: tuple[int, str, int] | None = None

    def write(self, path: str, body: bytes, status: int) -> int:
        self.number += 1
        os.write(self.file, f"{self.number} {path} {sha256(body).hexdigest()} {status}\n".encode())
        return self.number

    def reached(self, point: str) -> None:
        """End the process that was named, if this is the point and its time has come."""
        if self.victim is None or self.victim[1] != point:
            return
        pid, where, after = self.victim
        if after > 1:
            self.victim = (pid, where, after - 1)
            return
        self.victim = None
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class _Connection(asyncio.Protocol):
    def __init__(self, journal: _Journal) -> None:
        self.journal = journal
        self.held = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if not self.held:
            self.journal.reached("first byte")
        self.held += data
        while self.held:
            end = self.held.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.held[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.held) < end + 4 + length:
                return
            path = self.held[: self.held.find(b" HTTP/")].split(b" ", 1)[1].decode()
            body, self.held = self.held[end + 4 : end + 4 + length], self.held[end + 4 + length :]
            self.answer(path, body)

    def answer(self, path: str, body: bytes) -> None:
        journal = self.journal
        journal.reached("request read")
        status = _FLAKY[journal.number % len(_FLAKY)] if path.startswith("/flaky") else 204
        number = journal.write(path, body, status)
        journal.reached("request journaled")
        if path.startswith("/hang"):
            return
        if path.startswith("/slow"):
            asyncio.get_running_loop().call_later(0.003, self.write, number, status)
        else:
            self.write(number, status)

    def write(self, number: int, status: int) -> None:
        assert self.transport is not None
        if status <= 0:
            if status:
                self.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            self.transport.abort()
            return
        reason = b"No Content" if status == 204 else b"Oops\r\nContent-Length: 0"
        self.transport.write(b"HTTP/1.1 %d %s\r\nX-Seen: %d\r\n\r\n" % (status, reason, number))
        self.journal.reached("answer sent")


async def _serve(path: str) -> None:
    journal = _Journal(path)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(journal), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        pid, after, where = line.decode().strip().split(" ", 2)
        journal.victim = (int(pid), where, int(after))
        print("armed", flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
