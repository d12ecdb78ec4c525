"""Who owns a store: a lock beside the file that names the process, and its address if it serves."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from emitter import clock
from emitter.errors import StoreLocked, StoreUnusable

SHORT_LIVED = 5.0  # seconds to wait for an owner that does not serve, such as a trigger that is just finishing
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds a store; `url` where it serves."""

    pid: int
    url: str = ""

    def __str__(self) -> str:
        return f"process {self.pid}" + (f", which serves {self.url}" if self.url else "")


class StoreLock:
    """An advisory lock that the system lets go of when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.store = path
        self.path = path.with_name(path.name + ".lock")
        self._file: int | None = None

    def owner(self) -> Owner | None:
        """Say who holds the lock now; None when nobody does."""
        try:
            file = os.open(self.path, os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(self.path)
        finally:
            os.close(file)
        return None

    def take(self, *, patience: float = SHORT_LIVED) -> None:
        """Become the owner, waiting up to `patience` seconds for one that does not serve; raise `StoreLocked`."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(self.store, f"cannot be locked ({error.strerror}: {self.path})") from None
        deadline = clock.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                owner = _read(self.path)
                if (owner and owner.url) or clock.monotonic() > deadline:
                    os.close(file)
                    raise StoreLocked(self.store, str(owner or "another process")) from None
                clock.pause(_POLL)
        self._file = file
        self.name("")

    def name(self, url: str) -> None:
        """Write down who we are, so that another process can come to us."""
        if self._file is not None:
            text = json.dumps({"pid": os.getpid(), "url": url}).encode()
            os.pwrite(self._file, text, 0)
            os.ftruncate(self._file, len(text))

    def release(self) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def _read(path: Path) -> Owner | None:
    try:
        found = json.loads(path.read_bytes())
        return Owner(pid=int(found["pid"]), url=str(found["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
