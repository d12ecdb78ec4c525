"""Names into addresses, on threads of our own, so that a name that hangs delays nobody but those who ask for it."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emitter.clock import monotonic

Resolve = Callable[[str, int], Sequence[str]]

FRESH = 2.0  # seconds for which an answer is used again; a failure is never kept
THREADS = 256  # names that may be asked for at once


@dataclass(frozen=True, slots=True)
class Found:
    """What a lookup brought: addresses, or in words why there are none."""

    addresses: tuple[str, ...] = ()
    error: str = ""
    until: float = 0.0


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system for a name's addresses, best first. Raises `OSError`."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


class Lookups:
    """Asks for each name once at a time, each on a daemon thread, and hands every answer to `tell` on that thread."""

    def __init__(self, resolve: Resolve, tell: Callable[[tuple[str, int], Found], None]) -> None:
        self._resolve, self._tell = resolve, tell
        self._cache: dict[tuple[str, int], Found] = {}
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, int]] = deque()
        self._running = 0
        self._closed = False

    def known(self, name: tuple[str, int]) -> Found | None:
        """Return a fresh answer, if there is one."""
        found = self._cache.get(name)
        return found if found is not None and found.until > monotonic() else None

    def ask(self, name: tuple[str, int]) -> None:
        """Begin to ask; the caller asks for a name once until it is told."""
        with self._lock:
            self._waiting.append(name)
            if self._running >= THREADS:
                return
            self._running += 1
        threading.Thread(target=self._work, name="emitter-lookup", daemon=True).start()

    def close(self) -> None:
        """Tell nobody any more. Threads that hang in the system's resolver are left to it."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                name = self._waiting.popleft()
            found = self._find(*name)
            if not found.error:
                if len(self._cache) >= 4096:
                    self._cache.clear()
                self._cache[name] = found
            with self._lock:
                closed = self._closed
            if not closed:
                self._tell(name, found)

    def _find(self, host: str, port: int) -> Found:
        try:
            addresses = tuple(map(str, self._resolve(host, port)))
        except socket.gaierror as error:
            return Found(error=f"no address for {host} ({error.strerror or error})")
        except Exception as error:  # whatever a resolver throws (UnicodeError, for one), the name has no address
            return Found(error=f"no address for {host} ({error})")
        if not addresses:
            return Found(error=f"no address for {host}")
        return Found(addresses, until=monotonic() + FRESH)
