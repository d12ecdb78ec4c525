"""A web application of the test's own process, called for each request that a receiver has caught: WSGI or ASGI."""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as NotInTime
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote_to_bytes

from emitter.receiver import Forwarded
from emitter.receiver.wire import Request

SECONDS = 30.0  # for one answer
_STARTUP = 10.0
_NO_HEADERS = ("connection", "keep-alive", "transfer-encoding", "content-length")

Forward = Callable[[Request], Forwarded]


@contextmanager
def forwarder(app: Any) -> Iterator[Forward]:
    """What hands requests to an application, for as long as the block lasts."""
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None)):  # noqa: B004
        with _Loop(app) as loop:
            yield loop
    else:
        yield _Wsgi(app)


class _Wsgi:
    """Calls a WSGI application (PEP 3333) on the thread of the connection."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, request: Request) -> Forwarded:
        started: list[Any] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], None]:
            started[:] = [status, headers]
            return written.append

        written: list[bytes] = []
        try:
            answer = self._app(_environ(request), start_response)
            try:
                written += list(answer)
            finally:
                close = getattr(answer, "close", None)
                if close is not None:
                    close()
        except Exception as error:
            return _broken(error)
        if not started:
            return Forwarded(None, error="the application never called start_response")
        headers = tuple((name, value) for name, value in started[1] if name.lower() not in _NO_HEADERS)
        return Forwarded(int(started[0].split(" ", 1)[0]), headers, b"".join(written))


def _environ(request: Request) -> dict[str, Any]:
    path, _, query = request.path.partition("?")
    host = (request.values("host") or ["127.0.0.1"])[0]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": host.rpartition(":")[0] or host,
        "SERVER_PORT": host.rpartition(":")[2] if ":" in host else "80",
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key != "CONTENT_LENGTH":
            environ[f"HTTP_{key}"] = f"{environ[f'HTTP_{key}']},{value}" if f"HTTP_{key}" in environ else value
    return environ


class _Loop:
    """Calls an ASGI application (version 3) in an event loop on a thread of its own, with its lifespan around it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="emitter-asgi", daemon=True)
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._told: asyncio.Queue[str] = asyncio.Queue()
        self._lifespan: Any = None

    def __enter__(self) -> Forward:
        self._thread.start()
        self._lifespan = asyncio.run_coroutine_threadsafe(self._live(), self._loop)
        self._change("startup")
        return self

    def __exit__(self, *_: object) -> None:
        self._change("shutdown")
        self._lifespan.cancel()
        with suppress(Exception, asyncio.CancelledError):
            self._lifespan.result(1.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STARTUP)

    def _run(self) -> None:
        """Run the loop, and end it as `asyncio.run` does: an application may have left tasks in it, or be stuck."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    def _change(self, event: str) -> None:
        async def change() -> None:
            await self._events.put({"type": f"lifespan.{event}"})
            await asyncio.wait_for(self._told.get(), _STARTUP)

        if not self._lifespan.done():
            with suppress(Exception):
                asyncio.run_coroutine_threadsafe(change(), self._loop).result(_STARTUP + 1.0)

    async def _live(self) -> None:
        async def send(message: dict[str, Any]) -> None:
            await self._told.put(message["type"])

        try:
            await self._app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, self._events.get, send)
        except Exception:  # it has none, which the specification allows
            pass
        finally:
            await self._told.put("over")

    def __call__(self, request: Request) -> Forwarded:
        answered = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
        try:
            return answered.result(SECONDS)
        except NotInTime:
            answered.cancel()
            return Forwarded(None, error=f"the application gave no answer within {SECONDS:g} s")
        except Exception as error:
            return _broken(error)

    async def _answer(self, request: Request) -> Forwarded:
        path, _, query = request.path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": request.version, "method": request.method,
            "scheme": "http", "path": unquote_to_bytes(path.encode("latin-1")).decode("utf-8", "replace"),
            "raw_path": path.encode("latin-1"), "query_string": query.encode("latin-1"), "root_path": "",
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
            "client": ("127.0.0.1", 0), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        whole = [{"type": "http.request", "body": request.body, "more_body": False}]
        gone = asyncio.Event()
        status, headers, pieces = 500, [], []

        async def receive() -> dict[str, Any]:
            if whole:
                return whole.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message.get("headers", []))
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if not message.get("more_body", False):
                    gone.set()

        await self._app(scope, receive, send)
        kept = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        return Forwarded(status, tuple(each for each in kept if each[0].lower() not in _NO_HEADERS), b"".join(pieces))


def _broken(error: Exception) -> Forwarded:
    """What a server answers for an application that raised; the test shows why on standard error."""
    traceback.print_exception(error, file=sys.stderr)
    return Forwarded(
        500, (("Content-Type", "text/plain"),), f"{type(error).__name__}: {error}\n".encode("utf-8", "replace")
    )
