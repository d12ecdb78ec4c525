"""Write what a calibration settles into an `emitter.toml`: what stands there stays, comments too."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitter.contract.ruling import Ruling
from emitter.errors import Conflict, UsageError, shown

TABLE = "calibrated"
LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Other:
    """A value that stands in the file already and is another one than the capture shows."""

    switch: str
    value: str
    found: str


class DiffersFromFile(Conflict):
    """The file sets switches to other values than the captures show; nothing was written."""

    def __init__(self, path: Path, others: Iterable[Other]) -> None:
        self.path, self.others = path, tuple(others)
        lines = "".join(
            f"\n  {each.switch} is {shown(each.value)}, the capture shows {shown(each.found)}" for each in self.others
        )
        super().__init__(f"{path} says otherwise:{lines}\nNothing was written. --force takes what the capture shows.")


def write(path: Path, rulings: Iterable[Ruling], *, at: str, force: bool = False) -> list[str]:
    """Write settled rulings to a file, in their sections and, with their evidence, under `[calibrated]`.

    Returns the switches that were written. Raises `DiffersFromFile` where the file sets one otherwise, unless `force`,
    and `UsageError` for a file that cannot be read or written; nothing is written then.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: it has more than {LARGEST:,} bytes.")
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        document = tomlkit.parse(text)
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    settled = [each for each in rulings if each.settled]
    others = [
        Other(each.switch, held, each.value)
        for each in settled
        if (held := _held(document, each.switch)) is not None and held != each.value
    ]
    if others and not force:
        raise DiffersFromFile(path, others)
    for each in settled:
        section, _, key = each.switch.partition(".")
        _table(document, section, path)[key] = each.value
    evidence = _table(document, TABLE, path)
    for each in settled:
        row = tomlkit.inline_table()
        row.update({"value": each.value, "at": at, "source": each.source, "evidence": each.evidence})
        evidence[each.switch] = row
    _replace(path, tomlkit.dumps(document))
    return [each.switch for each in settled]


def _held(document: Any, switch: str) -> str | None:
    section, _, key = switch.partition(".")
    table = document.get(section)
    value = table.get(key) if isinstance(table, dict) else None
    if value is None:
        return None
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(document: Any, name: str, path: Path) -> Any:
    import tomlkit

    if name not in document:
        document[name] = tomlkit.table()
    if not isinstance(document[name], dict):
        raise UsageError(f"{path}: {name} is no table. Write it as [{name}].")
    return document[name]


def _replace(path: Path, text: str) -> None:
    """Put the whole new file in the place of the old one, with the rights that it had."""
    target = path.resolve()
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
        descriptor, name = tempfile.mkstemp(prefix=".emitter-", suffix=".toml", dir=target.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(name, mode)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise UsageError(f"{path}: it cannot be written: {error.strerror or error}") from None
