"""Receivers on raw sockets that do to a connection what a test wants done to it, plain or over TLS."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import trustme

PATIENCE = 10.0  # seconds; a deadline, never a pause
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Gone(Exception):
    """The far end has closed, or the receiver is being stopped."""


class Conversation:
    """One accepted connection, in the hands of a script."""

    def __init__(self, sock: socket.socket, number: int, seen: Seen, stopped: threading.Event) -> None:
        self.sock, self.number, self._seen, self._stopped = sock, number, seen, stopped
        self._buffer = b""

    def read(self) -> bytes:
        """Read one request, head and body, and note that it was seen; raise `Gone` if none comes."""
        head = self.read_head()
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        request = head + self.read_bytes(length)
        self._seen.add(request)
        return request

    def read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        end = self._buffer.index(b"\r\n\r\n") + 4
        head, self._buffer = self._buffer[:end], self._buffer[end:]
        return head

    def read_bytes(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def read_all(self) -> bytes:
        """Read until the far end closes or resets."""
        with suppress(Gone):
            while True:
                self._more()
        return self._buffer

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer_forever(self, answer: bytes = NO_CONTENT) -> None:
        """Answer every request the same way until the far end closes."""
        while True:
            self.read()
            self.send(answer)

    def drip(self, piece: bytes, every: float = 0.02) -> None:
        """Send a piece again and again until somebody has had enough."""
        while not self._stopped.wait(every):
            self.send(piece)
        raise Gone

    def hold(self) -> None:
        """Keep the connection open and silent until the receiver is stopped."""
        self._stopped.wait(PATIENCE)
        raise Gone

    def close(self) -> None:
        """Close as a program does that has read everything: FIN, over TLS with its farewell before."""
        if isinstance(self.sock, ssl.SSLSocket):
            with suppress(OSError, ValueError):
                self.sock.settimeout(0)
                self.sock.unwrap()
        self.sock.close()

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self._buffer += data


class Seen:
    """What was read, in order, by all conversations."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._changed = threading.Condition()

    def add(self, request: bytes) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[bytes]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, PATIENCE), "fewer requests than expected"
            return list(self.requests)


Script = Callable[[Conversation], None]


class RawReceiver:
    """Listens on a free port of loopback and hands each connection to the script, on a thread of its own."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, receive_buffer: int = 0) -> None:
        self._script, self._tls = script, tls
        self.seen = Seen()
        self.connections = 0
        self.troubles: list[BaseException] = []
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    @property
    def requests(self) -> list[bytes]:
        return self.seen.requests

    def __enter__(self) -> RawReceiver:
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # which is what wakes accept()
        self._acceptor.join(PATIENCE)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        if self.troubles and error is None:
            raise self.troubles[0]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._stopped.is_set():
                sock.close()
                return
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._converse, args=(sock, self.connections))
            self._threads.append(thread)
            thread.start()

    def _converse(self, sock: socket.socket, number: int) -> None:
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
                self._open.append(sock)
            conversation = Conversation(sock, number, self.seen, self._stopped)
            self._script(conversation)
        except (Gone, OSError, ValueError):  # ssl raises ValueError for what was closed under its hands
            pass
        except BaseException as error:
            self.troubles.append(error)
        finally:
            sock.close()


def always(answer: bytes = NO_CONTENT) -> Script:
    """A script that answers every request the same way."""
    return lambda conversation: conversation.answer_forever(answer)


@dataclass(frozen=True, slots=True)
class Authority:
    """A private authority: its PEM file, and contexts for receivers that it vouches for."""

    ca: trustme.CA
    pem: str

    @classmethod
    def make(cls, directory: Path) -> Authority:
        ca = trustme.CA()
        path = directory / "authority.pem"
        ca.cert_pem.write_to_path(path)
        return cls(ca, str(path))

    def context(self, *names: str, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context
