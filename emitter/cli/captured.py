"""Captures as commands take them: what could not be read is remarked on, and costs only itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from emitter.cli.terminal import note, plain
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.captures import Captured

MOST_TOLD = 10


class Reading:
    """Reads captures and counts what could not be read."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = sources
        self.read = self.broken = 0

    def __iter__(self) -> Iterator[Captured]:
        from emitter.captures import Broken, read

        for each in read(self._sources):
            if isinstance(each, Broken):
                self.broken += 1
                if self.broken <= MOST_TOLD:
                    note(plain(f"Left out: {each.origin}: {each.why}"))
            else:
                self.read += 1
                yield each
        if self.broken > MOST_TOLD:
            note(f"Left out: {self.broken - MOST_TOLD:,} more.")
        if not self.read:
            raise UsageError(f"{', '.join(self._sources)}: there is no capture in it that can be read.")
