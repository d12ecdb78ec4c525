"""The server behind `listen`: every request is read, judged, kept, handed on if so told, and answered."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from emitter import clock
from emitter.delivery import masked
from emitter.errors import BadTarget, BadValue, Conflict, Unavailable
from emitter.receiver.answers import Answers, Scripted
from emitter.receiver.capture import Capture, Content, Contract, content_of
from emitter.receiver.caught import Caught
from emitter.receiver.forward import Forward, Forwarder
from emitter.receiver.wire import BODY_CAP, Gone, Refused, Request, Stream, part, read_request, write_answer
from emitter.signing import Headers, Scheme, SigningKey, verify

TIMEOUT = 30.0  # seconds for a request to come in whole, and for its answer to leave
IDLE = 120.0  # seconds between two requests of a connection
MOST_CONNECTIONS = 512
KEPT_BYTES = 256 * 1024 * 1024

_TEXT: Headers = (("Content-Type", "text/plain; charset=utf-8"),)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What goes back, decided."""

    scripted: Scripted
    headers: Headers = ()
    body: bytes = b""


class Receiver:
    """A receiver of webhooks on a real socket.

    It answers 200, 401 where there are keys and no signature fits, 405 to anything but a POST. `answers` overrides the
    first two. With `forward` (a URL, or anything that takes a request) the answer from there is given back, 502 where
    none comes. `on_capture` and `on_problem` are called one at a time, in order, on the threads of the connections;
    problems are requests that were refused before they were whole, as one line each.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        keys: Sequence[SigningKey] = (),
        scheme: Scheme | None = None,
        catalog: Contract | None = None,
        answers: Answers | None = None,
        forward: Forward | str | None = None,
        on_capture: Callable[[Capture], None] | None = None,
        on_problem: Callable[[str], None] | None = None,
        keep: int = 10_000,
        keep_bytes: int = KEPT_BYTES,
        timeout: float = TIMEOUT,
        idle: float = IDLE,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._host, self._port = host, port
        self._keys, self._scheme = tuple(keys), scheme or Scheme()
        self._catalog, self._answers = catalog, answers
        self._forward = Forwarder(forward) if isinstance(forward, str) else forward
        self._caught = Caught(keep=keep, keep_bytes=keep_bytes, on_capture=on_capture, on_problem=on_problem)
        self._timeout, self._idle, self._most_connections = timeout, idle, most_connections
        self._closing = threading.Event()
        self._listener: socket.socket | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()  # guards the line above

    # --- its life

    def start(self) -> Receiver:
        """Listen. Raises `Unavailable` where the port cannot be had, `BadValue` for a host or a port that is none."""
        if self._listener is not None or self._closing.is_set():
            raise Conflict("This receiver was started before; make another one.")
        if not 0 <= self._port <= 65535:
            raise BadValue("port", self._port, "is no port; 0 to 65535 are, 0 for any that is free.")
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except (OSError, UnicodeError, OverflowError):
            raise BadValue("host", self._host, "is no address and no name of this machine.") from None
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(256)
        except (OSError, OverflowError) as error:
            listener.close()
            raise Unavailable(
                f"{self._host}:{self._port} cannot be listened on: {getattr(error, 'strerror', None) or error}. "
                "Name another port, or 0 for any that is free."
            ) from None
        self._port = listener.getsockname()[1]
        if isinstance(self._forward, Forwarder) and self._is_here(self._forward):
            listener.close()
            raise BadTarget(masked(self._forward.url), "is this receiver itself; it would forward in a circle.")
        listener.setblocking(False)
        self._listener, self._wake = listener, socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="emitter-receiver", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening and let the answers under way go out, a second at most."""
        self._closing.set()
        self._caught.close()
        if self._listener is None or self._wake is None or self._thread is None:
            return
        with suppress(OSError):
            self._wake[1].send(b"x")
        self._thread.join()
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):
            with self._lock:
                open_now = list(self._connections.items())
            for connection, _ in open_now:
                with suppress(OSError):
                    connection.shutdown(how)
            deadline = clock.monotonic() + 1.0
            for _, thread in open_now:
                if thread is not threading.current_thread():
                    thread.join(max(0.0, deadline - clock.monotonic()))

    def __enter__(self) -> Receiver:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def listening(self) -> bool:
        """Whether it was started, and not closed."""
        return self._listener is not None and not self._closing.is_set()

    @property
    def url(self) -> str:
        """Where it listens, as http://127.0.0.1:8000."""
        if self._listener is None:
            raise Conflict("This receiver has no address before it is started.")
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    @property
    def port(self) -> int:
        """The port; the one that was found once it is started with 0."""
        return self._port

    def answer_with(self, answers: Answers | None) -> None:
        """Answer by another script from the next request on; None as a right receiver does."""
        self._answers = answers

    # --- what it caught

    @property
    def captures(self) -> list[Capture]:
        """What was caught, oldest first; only the newest are kept."""
        return self._caught.captures()

    @property
    def problems(self) -> list[str]:
        """Requests that were refused before they were whole, one line each."""
        return self._caught.problems()

    def wait_for(self, count: int, timeout: float) -> list[Capture]:
        """Wait until `count` requests have come since the start; return what is kept.

        Raises `Unavailable` after `timeout` seconds, or when it is closed meanwhile.
        """
        return self._caught.wait_for(count, timeout)

    # --- connections

    def _accept(self) -> None:
        assert self._listener is not None and self._wake is not None
        with selectors.DefaultSelector() as selector, self._listener, self._wake[0], self._wake[1]:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake[0], selectors.EVENT_READ)
            while not self._closing.is_set():
                selector.select()
                try:
                    connection, _ = self._listener.accept()
                except BlockingIOError:
                    continue
                except OSError as error:  # the client is gone again, or there are no descriptors left
                    self._caught.problem(f"A connection could not be taken: {error.strerror}.")
                    self._closing.wait(0.05)
                    continue
                self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        thread = threading.Thread(target=self._serve, args=(connection,), name="emitter-receiver", daemon=True)
        with self._lock:
            crowded = len(self._connections) >= self._most_connections
            if not crowded:
                self._connections[connection] = thread
        if crowded:
            connection.close()
            self._caught.problem(f"A connection was closed: {self._most_connections} are open already.")
            return
        try:
            thread.start()
        except RuntimeError:  # the machine gives no more threads
            connection.close()
            with self._lock:
                del self._connections[connection]
            self._caught.problem("A connection was closed: no thread could be started for it.")

    def _serve(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = Stream(connection)
            while not self._closing.is_set() and stream.begins(self._idle, self._timeout):
                if not self._one(connection, stream):
                    break
        except OSError:
            pass  # the client is gone, and with it whoever could be answered
        except Exception as error:  # one connection's trouble must not end the others'
            self._caught.problem(f"A request could not be handled: {type(error).__name__}: {error}")
        finally:
            connection.close()
            with self._lock:
                self._connections.pop(connection, None)

    def _one(self, connection: socket.socket, stream: Stream) -> bool:
        """Read and answer one request; False when the connection ends with it."""
        try:
            request = read_request(stream, lambda: connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n"))
        except Refused as refused:
            self._refuse(connection, refused)
            return False
        except TimeoutError:
            self._refuse(connection, Refused(408, f"The request did not come in whole within {self._timeout:g} s."))
            return False
        except Gone:
            self._caught.problem("A connection was closed in the middle of a request.")
            return False
        arrived, started = clock.wall(), clock.monotonic()
        answer = self._keep_it(request, arrived, started)
        if answer.scripted.delay and self._closing.wait(answer.scripted.delay.total_seconds()):
            return False
        if answer.scripted.status is None:
            if answer.scripted.reset:  # SO_LINGER with no time: close() sends a reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        close = request.wants_close or self._closing.is_set()
        write_answer(
            connection, answer.scripted.status, answer.headers, answer.body,
            method=request.method, close=close, timeout=self._timeout,
        )  # fmt: skip
        if close:
            part(connection)
        return not close

    def _refuse(self, connection: socket.socket, refused: Refused) -> None:
        self._caught.problem(f"A request was answered {refused.status}: {refused.why}")
        body = f"{refused.why}\n".encode()
        write_answer(connection, refused.status, _TEXT, body, method="", close=True, timeout=self._timeout)
        part(connection)

    # --- one request

    def _keep_it(self, request: Request, arrived: int, started: float) -> _Answer:
        """Judge a request, decide its answer, and keep it, in this order: who has an answer finds the capture."""
        judged = request.method == "POST" or self._forward is not None  # else it is no webhook, whatever it holds
        signature = verify(request.headers, request.body, self._keys, self._scheme) if self._keys and judged else None
        content = content_of(request.body, self._catalog, BODY_CAP) if judged else Content()
        forwarded = self._forward(request) if self._forward else None
        script = self._answers
        if script is not None and (request.method == "POST" or forwarded is not None):
            answer = _Answer(script.next())
        elif forwarded is not None and forwarded.scripted is not None:
            answer = _Answer(forwarded.scripted)
        elif forwarded is not None and forwarded.status is None:
            answer = _Answer(Scripted(502), _TEXT, f"{forwarded.error}\n".encode("utf-8", "replace"))
        elif forwarded is not None:
            answer = _Answer(Scripted(forwarded.status, forwarded.delay), forwarded.headers, forwarded.body)
        elif request.method != "POST":
            answer = _Answer(Scripted(405), (*_TEXT, ("Allow", "POST")), b"A webhook is a POST.\n")
        elif signature is not None and not signature.ok:
            answer = _Answer(Scripted(401), _TEXT, b"The signature was refused.\n")
        else:
            answer = _Answer(Scripted(200))
        took = round((clock.monotonic() - started) * 1_000_000)
        self._caught.add(
            lambda number: Capture(
                number=number,
                at=arrived,
                method=request.method,
                path=request.path,
                headers=request.headers,
                body=request.body,
                signature=signature,
                type=content.type,
                product_name=content.product_name,
                contract=content.contract,
                violations=content.violations,
                status=answer.scripted.status,
                answer=str(answer.scripted),
                delay=answer.scripted.delay,
                forwarded=forwarded,
                took=took,
            )
        )
        return answer

    def _is_here(self, forward: Forwarder) -> bool:
        here = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", self._host.lower()}
        return forward.port == self._port and forward.host in here
