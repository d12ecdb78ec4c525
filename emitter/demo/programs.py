"""The relays of `examples/`, imported as they are: programs of their own, which come with the package."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from emitter.catalog import resource_directory
from emitter.errors import NotFound, UnknownName

GOOD, NAIVE = "good", "naive"
FOLDERS = {GOOD: "relay", NAIVE: "relay_naive"}
_LOCK = threading.Lock()


def folder_of(name: str) -> Path:
    """Where the program of a relay lies; raises `UnknownName`, and `NotFound` where this copy came without it."""
    if name not in FOLDERS:
        raise UnknownName("relay", name, FOLDERS)
    found = resource_directory("examples") / FOLDERS[name]
    if not found.is_dir():
        raise NotFound("relay", name, f"It should be at {found}: this copy of emitter is not whole.")
    return found


def program(folder: Path) -> Mapping[str, ModuleType]:
    """Import all modules of a program by the names that they have for one another; nobody else sees them.

    Each call makes new ones, so that what they keep in globals is the caller's alone.
    """
    names = sorted(each.stem for each in folder.glob("*.py"))
    with _LOCK:
        hidden = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        sys.path.insert(0, str(folder))
        try:
            importlib.invalidate_caches()
            return {name: importlib.import_module(name) for name in names}
        finally:
            sys.path.remove(str(folder))
            for name in names:
                sys.modules.pop(name, None)
            sys.modules.update(hidden)
