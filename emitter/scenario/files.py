"""Files that a scenario stands in or names: read to a bound, and only if they are files."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_file(path: Path, most: int) -> bytes:
    """Read up to `most` bytes and one more, so that what is longer shows; raises `OSError`.

    What is no file (a pipe, a device) is not waited for.
    """

    def without_waiting(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NONBLOCK)

    with open(path, "rb", opener=without_waiting) as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(0, "This is no file")
        return opened.read(most + 1)
