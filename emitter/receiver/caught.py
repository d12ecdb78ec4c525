"""What a receiver has caught: kept within bounds, told in order, waited for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from emitter.errors import Unavailable, shown
from emitter.receiver.capture import Capture

KEPT_PROBLEMS = 1000


class Caught:
    """The captures and problems of one receiver; any thread may add to them, ask for them and wait for them."""

    def __init__(
        self,
        *,
        keep: int,
        keep_bytes: int,  # of bodies, however few captures that leaves
        on_capture: Callable[[Capture], None] | None,
        on_problem: Callable[[str], None] | None,
    ) -> None:
        self._keep, self._on_capture, self._on_problem = max(keep, 1), on_capture, on_problem
        self._keep_bytes = keep_bytes
        self._captures: deque[Capture] = deque()
        self._problems: deque[str] = deque(maxlen=KEPT_PROBLEMS)
        self._bytes = self._count = 0
        self._closed = False
        self._changed = threading.Condition()
        self._telling = threading.Lock()

    def add(self, capture: Callable[[int], Capture]) -> None:
        """Keep the capture that is made of the next number, and tell it."""
        with self._telling:
            made = capture(self._count + 1)
            with self._changed:
                self._captures.append(made)
                self._count += 1
                self._bytes += len(made.body)
                while len(self._captures) > self._keep or self._bytes > self._keep_bytes:
                    self._bytes -= len(self._captures.popleft().body)
                self._changed.notify_all()
            if self._on_capture is not None:
                self._on_capture(made)

    def problem(self, text: str) -> None:
        """Keep a line about a request that was none, made fit to be printed, and tell it."""
        told = shown(text, most=500)[1:-1]
        with self._telling:
            with self._changed:
                self._problems.append(told)
            if self._on_problem is not None:
                self._on_problem(told)

    def captures(self) -> list[Capture]:
        """The newest captures, oldest first."""
        with self._changed:
            return list(self._captures)

    def problems(self) -> list[str]:
        """The newest problems, oldest first."""
        with self._changed:
            return list(self._problems)

    def wait_for(self, count: int, timeout: float) -> list[Capture]:
        """Wait for the capture of that number; raise `Unavailable` after `timeout` seconds or when none comes more."""
        with self._changed:
            self._changed.wait_for(lambda: self._count >= count or self._closed, timeout)
            if self._count < count:
                waited = f"{count:,} requests were" if count != 1 else "1 request was"
                raise Unavailable(f"{waited} waited for, {self._count:,} came within {timeout:g} s.")
            return list(self._captures)

    def close(self) -> None:
        """Let those who wait go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
