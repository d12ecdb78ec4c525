"""How many may do what takes long at once: few enough that threads are left for who asks briefly.

Each tenant has so many slots, and there are so many for all: who uses up their own holds up nobody else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from flask import Response

from emitter.simulator import Simulator
from emitter.web.errors import Busy
from emitter.web.tenancy import simulator


class Slots:
    """How many may do a slow thing at once, so that threads are left for the rest; one too many raises `Busy`."""

    def __init__(self, most: int, what: str) -> None:
        self.most, self.what = most, what
        self._free = threading.BoundedSemaphore(most)
        self._counting = threading.Lock()
        self.taken = 0

    def take(self) -> Callable[[], None]:
        """Occupy a slot; returns what gives it back, once."""
        if not self._free.acquire(blocking=False):
            raise Busy(f"{self.what}: {self.most} at once is the most. Try again in a moment.")
        once = threading.Lock()
        with self._counting:
            self.taken += 1

        def release() -> None:
            if once.acquire(blocking=False):
                with self._counting:
                    self.taken -= 1
                self._free.release()

        return release

    def stream(self, pieces: Iterator[bytes], media_type: str) -> Response:
        """Answer with pieces that are made while they are sent, in a slot until they end or nobody reads on."""
        release = self.take()

        def written() -> Iterator[bytes]:
            try:
                yield from pieces
            finally:
                release()

        answer = Response(written(), mimetype=media_type)
        answer.call_on_close(release)
        return answer

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Occupy a slot for a block."""
        release = self.take()
        try:
            yield
        finally:
            release()


class TenantSlots(Slots):
    """Slots of which each tenant has `each`, and all together `most`."""

    def __init__(self, each: int, most: int, what: str) -> None:
        super().__init__(most, what)
        self._each = each
        self._own: WeakKeyDictionary[Simulator, Slots] = WeakKeyDictionary()
        self._making = threading.Lock()

    def take(self) -> Callable[[], None]:
        """Occupy a slot of the tenant whose request this is; returns what gives it back, once."""
        with self._making:
            own = self._own.setdefault(simulator(), Slots(self._each, self.what))
        give_back = own.take()
        try:
            release = super().take()
        except Busy:
            give_back()
            raise

        def both() -> None:
            give_back()
            release()

        return both
