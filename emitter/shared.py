"""What the simulators of one process share: the sender, our own listeners, the event types, a clock for chores.

Nothing here says whose an event, a webhook or a time is: that is each simulator's own.
"""

from __future__ import annotations

import threading
from pathlib import Path

from emitter.catalog import Catalog
from emitter.clock import SystemClock
from emitter.transport import SharedSender


class Shared:
    """Made by the first simulator of a process, or for it, and handed to those beside it."""

    def __init__(self) -> None:
        self.sender = SharedSender()
        self.clock = SystemClock()
        """For what all of them do now and then, beside their own clocks."""
        self.listeners: list[tuple[str, int]] = []
        """Where this process listens: no simulator in it ever dials that."""
        self._catalogs: dict[Path | None, Catalog] = {}
        self._lock = threading.Lock()

    def catalog(self, directory: Path | None) -> Catalog:
        """The event types with those of a directory, read once; raises `SchemaError`."""
        with self._lock:
            found = self._catalogs.get(directory)
            if found is None:
                found = self._catalogs[directory] = Catalog.load(directory)
            return found
