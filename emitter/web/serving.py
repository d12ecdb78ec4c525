"""Serve a simulator with waitress in this process: bind, tell, answer, and stop in time when told to."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Any

from emitter import clock
from emitter.errors import Unavailable, UsageError
from emitter.web.access import Access, is_loopback

if TYPE_CHECKING:
    from emitter.simulator import Simulator
    from emitter.tenants import Tenants

THREADS = 32
LAST_ANSWERS = 1.0  # seconds for answers that are under way when we are told to stop
LARGEST_HEAD = 64 * 1024
CONNECTIONS = 512
IDLE = 30  # seconds after which a connection that says nothing is closed


def serve(
    simulator: Simulator,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    access: Access | None = None,
    tenants: Tenants | None = None,
    ready: Callable[[str], None] = lambda url: None,
    stop: threading.Event | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or `stop`, then close the simulator; `ready` is told the URL once it is bound.

    Port 0 takes a free one. What is under way when it stops gets `settings.stop_grace`; a second signal ends at once.
    Raises `Unavailable` for a port that is in use, `UsageError` for an address that cannot be bound or is not
    loopback without the settings that a server needs. Signals are heard in the main thread only.
    """
    access = access or Access.of(simulator.settings, host=host)
    if access.mode == "local" and not is_loopback(host):
        raise UsageError(f"{host} is not loopback: others could reach it. Use --ci or --shared, or leave --host out.")
    told = stop or threading.Event()
    listener = bind(host, port)
    try:
        server = _Server(simulator, access, tenants, listener)
    except BaseException:
        listener.close()
        raise
    address, bound = listener.getsockname()[:2]
    url = url_of(address, bound)
    simulator.listeners.append((address, bound))
    if simulator.store.lock is not None:
        simulator.store.lock.name(url)
    with _signals(told, server.wake):
        try:
            with nullcontext() if stop is None else _woken(stop, server.wake):
                ready(url)
                server.run(told)
        finally:
            server.finish()


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening socket; raise `Unavailable` or `UsageError` with what to do."""
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is no port: 0 to 65535, 0 for any that is free.")
    try:
        family, kind, proto, _, where = _addresses(host.strip("[]"), port)[0]
        listener = socket.socket(family, kind, proto)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host} is no address of this machine ({error}). Try --host 127.0.0.1.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and where[0] != "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(where)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Unavailable(
                f"Port {port} on {host} is in use, maybe by another `emitter serve`. "
                "Stop it, or choose another: --port 0 takes a free one."
            ) from None
        if error.errno == errno.EACCES:
            raise UsageError(
                f"Port {port} wants a privilege that we lack. Choose one above 1023: --port 8080."
            ) from None
        raise UsageError(f"{host} port {port} cannot be bound ({error.strerror}). Try --host 127.0.0.1.") from None
    return listener


def _addresses(host: str, port: int) -> list[tuple[Any, Any, int, str, Any]]:
    """What a host name stands for on this machine, IPv4 first: `localhost` is two, and most clients try that one."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return sorted(found, key=lambda each: each[0] != socket.AF_INET)


def url_of(address: str, port: int) -> str:
    """The URL by which this machine reaches a listener."""
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, f"[{address}]" if ":" in address else address)
    return f"http://{here}:{port}"


class _Server:
    """Waitress around the app, and a loop that knows how to end."""

    def __init__(self, simulator: Simulator, access: Access, tenants: Tenants | None, listener: socket.socket) -> None:
        from waitress.channel import HTTPChannel
        from waitress.server import create_server
        from waitress.task import ErrorTask

        from emitter.strictjson import LARGEST
        from emitter.web import create_app
        from emitter.web.guards import CACHE, HEADERS

        class Refusal(ErrorTask):  # type: ignore[misc]  # waitress is untyped
            """What waitress refuses itself (too large, not HTTP), dressed like every other answer."""

            def execute(self) -> None:
                self.response_headers.extend([*HEADERS.items(), ("Cache-Control", CACHE)])
                super().execute()

        class Channel(HTTPChannel):  # type: ignore[misc]  # waitress is untyped
            error_task_class = Refusal

        # Threads that are busy for a moment are no news; what fails is logged by the app.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._simulator = simulator
        self._app = create_app(simulator, access=access, tenants=tenants)
        self._map: dict[int, Any] = {}
        self._waitress = create_server(
            self._app, self._map, sockets=[listener], threads=THREADS, ident="emitter",
            max_request_body_size=LARGEST, max_request_header_size=LARGEST_HEAD,
            inbuf_overflow=2 * LARGEST, outbuf_overflow=2 * LARGEST, outbuf_high_watermark=LARGEST,
            connection_limit=CONNECTIONS, channel_timeout=IDLE, asyncore_use_poll=True, channel_request_lookahead=1,
            clear_untrusted_proxy_headers=True,
        )  # fmt: skip
        self._waitress.channel_class = Channel

    def wake(self) -> None:
        """Have the loop look at once; from any thread, or a signal."""
        self._waitress.pull_trigger()

    def run(self, stop: threading.Event) -> None:
        """Answer until told to stop."""
        while not stop.is_set():
            self._turn(1.0)

    def finish(self) -> None:
        """Take no more connections, give the last answers, close the simulator, end."""
        self._app.extensions["emitter.stopping"].set()
        self._waitress.accepting = False
        self._waitress.del_channel()
        self._waitress.socket.close()
        deadline = clock.monotonic() + LAST_ANSWERS
        while self._busy() and clock.monotonic() < deadline:
            self._turn(0.05)
        closing = threading.Thread(target=self._simulator.close, name="emitter-closing")
        closing.start()
        while closing.is_alive():
            self._turn(0.05)
        deadline = clock.monotonic() + LAST_ANSWERS
        while self._busy() and clock.monotonic() < deadline:
            self._turn(0.05)
        for channel in list(self._waitress.active_channels.values()):
            channel.handle_close()
        self._waitress.task_dispatcher.shutdown(timeout=LAST_ANSWERS)
        self._waitress.trigger.close()

    def _turn(self, seconds: float) -> None:
        from waitress import wasyncore

        wasyncore.loop(timeout=seconds, map=self._map, use_poll=True, count=1)

    def _busy(self) -> bool:
        """Whether an answer is being made or written."""
        return any(each.requests or each.total_outbufs_len for each in self._waitress.active_channels.values())


@contextmanager
def _woken(stop: threading.Event, wake: Callable[[], None]) -> Iterator[None]:
    """Let the loop see at once that somebody else has set `stop`. It is set in the end, by whatever that comes."""

    def wait() -> None:
        stop.wait()
        wake()

    waiting = threading.Thread(target=wait, name="emitter-stop", daemon=True)
    waiting.start()
    try:
        yield
    finally:
        stop.set()
        waiting.join()


@contextmanager
def _signals(stop: threading.Event, wake: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and SIGINT set `stop`, once each; then they mean again what they meant before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def told(number: int, _: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL if each == signal.SIGTERM else signal.default_int_handler)
        stop.set()
        wake()

    for number in before:
        signal.signal(number, told)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
