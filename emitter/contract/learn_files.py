"""Write learned schemas into a directory that `--schemas` takes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emitter.errors import Conflict, UsageError


def write(directory: Path, documents: Mapping[str, Mapping[str, Any]], *, force: bool = False) -> list[str]:
    """Write one file a document; returns the names of schemas that lay there already and belong to none of them.

    Raises `Conflict` for a directory that holds something, unless `force`, and `UsageError` for one that cannot be
    written.
    """
    try:
        there = sorted(each.name for each in directory.iterdir()) if directory.exists() else []
        if there and not force:
            raise Conflict(f"{directory} holds {len(there):,} files already. Name a new directory, or give --force.")
        directory.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
            temporary = directory / f".{name}.new"
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, directory / name)
    except OSError as error:
        raise UsageError(f"{directory}: {error.strerror or error}.") from None
    return [name for name in there if name.endswith(".json") and name not in documents]
