"""A simulator that is served over HTTP from a thread, for receivers and clients in other processes."""

from __future__ import annotations

import threading
from typing import Any

from emitter.client import Client
from emitter.errors import Unavailable
from emitter.simulator import Simulator
from emitter.testing.app import RequestApp
from emitter.testing.keeping import keep
from emitter.testing.options import SIGNING_KEY, settings_of

_STARTING = 10.0
_STOPPING = 15.0


class ServedRequestApp(RequestApp):
    """A `RequestApp` whose every verb goes over HTTP, as from any other language; `url` is where it is served."""

    def __init__(self, *, kept: str = "", **options: Any) -> None:
        """Serve on a free port of loopback; options as in `RequestApp.open`. Raises what that does."""
        from emitter.web.serving import serve  # Flask and its like cost a second to import

        signing_key = str(options.pop("signing_key", SIGNING_KEY))
        self._simulator = Simulator(settings_of(options))
        self._stop = threading.Event()
        ready = threading.Event()
        self.url = ""
        self._failure: BaseException | None = None

        def told(url: str) -> None:
            self.url = url
            ready.set()

        def run() -> None:
            try:
                serve(self._simulator, port=0, ready=told, stop=self._stop)
            except BaseException as error:  # whoever waits for it is to hear of it
                self._failure = error
                ready.set()

        self._thread = threading.Thread(target=run, name="emitter-served", daemon=True)
        self._thread.start()
        ready.wait(_STARTING)
        if not self.url:
            self._stop.set()  # one that only took too long must not go on by itself
            self._simulator.close(0.0)
            raise self._failure or Unavailable("The simulator could not be served.")
        self.token = "local"
        super().__init__(Client(self.url, token=self.token), signing_key=signing_key, kept=kept)

    def close(self) -> None:
        """Stop serving."""
        if isinstance(self.door, Client):
            self.door.close()
        self._stop.set()
        self._thread.join(_STOPPING)
        super().close()

    def keep(self) -> str:
        """Write the history to its file, and return how to see it; empty where there is none to write."""
        return keep(self._simulator, self.kept)
