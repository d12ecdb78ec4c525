"""The app's own API on a free port of loopback, for a relay that reads back; it can be held shut for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from emitter.receiver import Capture, Forwarded, Receiver
from emitter.receiver.wire import Request
from emitter.simulator import Simulator
from emitter.testing.apps import Forward, forwarder

TOKEN = "demo"  # any token will do on loopback
_PATIENCE = 30.0  # seconds that a request is held at most


class Api:
    """The API under `url`, and what it was asked."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._open = threading.Event()
        self._open.set()
        self._receiver = Receiver(forward=self._answer)

    @property
    def base(self) -> str:
        """Where it listens, as http://127.0.0.1:8000."""
        return self._receiver.url

    @property
    def url(self) -> str:
        """What the paths of the vendor's API begin with."""
        return f"{self.base}/marketplace"

    @property
    def asked(self) -> list[Capture]:
        """The requests that were answered, oldest first."""
        return self._receiver.captures

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody have an answer before the block is over."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def start(self) -> Api:
        """Listen. Raises `Unavailable`."""
        self._receiver.start()
        return self

    def close(self) -> None:
        """Stop listening."""
        self._open.set()
        self._receiver.close()

    def _answer(self, request: Request) -> Forwarded:
        self._open.wait(_PATIENCE)
        return self._forward(request)


@contextmanager
def served(simulator: Simulator) -> Iterator[Api]:
    """Serve the API of a simulator of this process for as long as the block lasts."""
    from emitter.web import create_app  # Flask and its like cost a second to import
    from emitter.web.access import Access

    with forwarder(create_app(simulator, access=Access.local(""))) as forward:
        api = Api(forward).start()
        try:
            yield api
        finally:
            api.close()
