"""What may be taken along: a folder with the test that is shown, and the history of it all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from emitter.errors import UsageError

TEST, HISTORY = "test_relay.py", "history.jsonl"


def prepare(folder: Path) -> None:
    """Make the folder; raises `UsageError` where it cannot be, and where something would be written over."""
    there = [each for each in (TEST, HISTORY) if (folder / each).exists()]
    if there:
        raise UsageError(f"--keep {folder}: {there[0]} is there already, and is not written over. Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--keep {folder}: {error.strerror or error}.") from None


def keep(folder: Path, test: str, history: Iterable[bytes]) -> None:
    """Write the test, if there is one by now, and the history, in JSON lines; raises `UsageError`."""
    try:
        if test:
            (folder / TEST).write_text(test, encoding="utf-8")
        with (folder / HISTORY).open("wb") as file:
            file.writelines(history)
    except OSError as error:
        raise UsageError(f"--keep {folder}: {error.strerror or error}.") from None
