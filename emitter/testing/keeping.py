"""The history of a test as a file."""

from __future__ import annotations

from pathlib import Path

from emitter.simulator import Simulator
from emitter.testing.telling import see


def keep(simulator: Simulator, path: str) -> str:
    """Write a history to a file, in the place of an older one, and return how to see it; nothing without a path."""
    if not path:
        return ""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    simulator.store.flush()
    simulator.backup(file)
    return see(path)
