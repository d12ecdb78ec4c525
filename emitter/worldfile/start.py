"""Find the world that is asked for: one of those that come with emitter, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from emitter.catalog import resource_directory
from emitter.errors import NotFound, WorldFileError, nearest, shown
from emitter.scenario.files import read_file
from emitter.world.entities import Entity
from emitter.worldfile.making import Conditions
from emitter.worldfile.reading import read
from emitter.worldfile.words import WORLD

DEFAULT = "default"
"""The world that a simulator has which is told nothing: people, domains and data sources."""


@dataclass(frozen=True, slots=True)
class Start:
    """A world to start with, read but not yet made; `name` is how it was asked for."""

    name: str
    label: str
    raw: bytes

    @property
    def origin(self) -> str:
        """What a world keeps that was started with it, to know it again."""
        return f"{self.name} {sha256(self.raw).hexdigest()[:32]}"

    def entities(self, conditions: Conditions, *, still: bool = False) -> list[Entity]:
        """Make everything in it, by number; raises `WorldFileError`. `still`: its times do not move to the present."""
        return read(self.raw, self.label, conditions, origin=self.origin, still=still)


def named() -> list[str]:
    """The worlds that come with emitter."""
    return sorted(each.stem for each in resource_directory("worlds").glob("*.yaml"))


def start(asked: str | Mapping[str, Any]) -> Start | None:
    """Find the world that is asked for, by name or path, or take one that is written out; None for the default.

    Raises `NotFound` or `WorldFileError`.
    """
    if isinstance(asked, Mapping):
        return Start("given", "the world", orjson.dumps(asked))
    if asked in ("", DEFAULT):
        return None
    names = named()
    if asked in names:
        path = resource_directory("worlds") / f"{asked}.yaml"
        return Start(asked, f"{asked}.yaml", path.read_bytes())
    try:
        return Start(Path(asked).name, asked, read_file(Path(asked), WORLD.largest))
    except FileNotFoundError:
        close = nearest(asked, [*names, DEFAULT])
        hint = f"Did you mean {shown(close[0])}?" if close else f"There are {', '.join(names)}, and files of your own."
        raise NotFound("world", asked, hint, nearest=close) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise WorldFileError(asked, [(0, f"{why or 'it cannot be read'}.")]) from None
