"""What the simulators of one process share: the sender, our own listeners, the event types, a clock for chores.

Nothing here says whose an event, a webhook or a time is: that is each simulator's own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.clock import SystemClock
from emitter.factory import Plans
from emitter.transport import SharedSender

_MOST_PLANS = 64  # sets of assumptions that are remembered


class Shared:
    """Made by the first simulator of a process, or for it, and handed to those beside it."""

    def __init__(self) -> None:
        self.sender = SharedSender()
        self.clock = SystemClock()
        """For what all of them do now and then, beside their own clocks."""
        self.listeners: list[tuple[str, int]] = []
        """Where this process listens: no simulator in it ever dials that."""
        self._catalogs: dict[Path | None, Catalog] = {}
        self._plans: OrderedDict[tuple[Path | None, Assumptions], Plans] = OrderedDict()
        self._lock = threading.Lock()

    def catalog(self, directory: Path | None) -> Catalog:
        """The event types with those of a directory, read once; raises `SchemaError`."""
        with self._lock:
            found = self._catalogs.get(directory)
            if found is None:
                found = self._catalogs[directory] = Catalog.load(directory)
            return found

    def plans(self, directory: Path | None, assumptions: Assumptions) -> Plans:
        """How events are made of the types with those of a directory; filled by who makes them."""
        with self._lock:
            found = self._plans.setdefault((directory, assumptions), {})
            self._plans.move_to_end((directory, assumptions))
            while len(self._plans) > _MOST_PLANS:
                self._plans.popitem(last=False)
            return found
