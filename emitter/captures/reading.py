"""Files, folders and standard input, and what form each has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from emitter.captures.values import Broken, Captured

Found = Captured | Broken


def _stdin() -> BinaryIO:
    return sys.stdin.buffer


def read(sources: Sequence[str], *, stdin: Callable[[], BinaryIO] = _stdin) -> Iterator[Captured | Broken]:
    """Read every request that `sources` hold: files, folders (their captures, by suffix, in order), `-` for `stdin`.

    Raises `UsageError` at once for a source that is not there, and for a folder without a capture. What cannot be read
    in a file is a `Broken` in its place.
    """
    raise NotImplementedError


def read_lines(pieces: Iterable[bytes], origin: str) -> Iterator[Captured | Broken]:
    """Read JSON lines that come in pieces, as our own export gives them; `origin` is how places are named."""
    raise NotImplementedError
