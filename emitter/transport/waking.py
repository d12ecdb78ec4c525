"""How the sender thread sleeps: on the descriptors that libcurl waits for, and on a pipe by which others wake it."""

from __future__ import annotations

import os
import select
import threading
from contextlib import suppress


class Waking:
    """A poll object and a pipe. All but `wake` is for the thread that sleeps."""

    def __init__(self) -> None:
        self.asleep = False
        self._lock = threading.Lock()
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._reading: set[int] = set()
        self._writing: set[int] = set()

    def wake(self) -> None:
        """Wake the thread, from any other; it need not be asleep."""
        self.asleep = False
        with self._lock, suppress(BlockingIOError):  # full: it is being woken anyway
            if self._in >= 0:
                os.write(self._in, b"\0")

    def watch(self, reading: set[int], writing: set[int]) -> None:
        """Look at these descriptors from now on; as a rule they are those of last time."""
        if reading == self._reading and writing == self._writing:
            return
        for descriptor in (self._reading | self._writing) - reading - writing:
            self._poll.unregister(descriptor)
        for descriptor in (reading ^ self._reading | writing ^ self._writing) & (reading | writing):
            events = (select.POLLIN if descriptor in reading else 0) | (select.POLLOUT if descriptor in writing else 0)
            self._poll.register(descriptor, events)
        self._reading, self._writing = reading, writing

    def sleep(self, milliseconds: int | None) -> bool:
        """Sleep until a descriptor is ready, somebody calls `wake`, or the time is over (False); None: for ever."""
        found = self._poll.poll(milliseconds)
        for descriptor, _ in found:
            if descriptor == self._out:
                with suppress(BlockingIOError):
                    os.read(self._out, 4096)
        return bool(found)

    def close(self) -> None:
        with self._lock:
            os.close(self._out)
            os.close(self._in)
            self._out = self._in = -1
