"""Follow a `$ref` from one schema file into another; what is not in the directory is not there, nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

Documents = Mapping[str, dict[str, Any]]
"""Schema documents by the name of their file."""

BASE = "https://schemas.invalid/"
"""Where the files of a directory lie for the validators; a name that can never be resolved (RFC 6761)."""


class Reference(NamedTuple):
    """A subschema, and the file it stands in: its own `$ref`s start from there."""

    file: str
    schema: Any


def follow(documents: Documents, file: str, ref: str) -> Reference:
    """Return what `ref` points at, seen from `file`; raise `LookupError` with the reason if that is nothing."""
    name, _, fragment = ref.partition("#")
    target = name.removeprefix("./") or file
    if target not in documents:
        raise LookupError(f'$ref "{ref}": there is no file {target} beside it, and nothing is ever fetched')
    found: Any = documents[target]
    if fragment and not fragment.startswith("/"):
        raise LookupError(f'$ref "{ref}": anchors are not followed; write a JSON Pointer, as #/$defs/name')
    for step in fragment.split("/")[1:]:
        step = unquote(step).replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (LookupError, TypeError, ValueError):
            raise LookupError(f'$ref "{ref}": there is nothing at {step}') from None
    return Reference(target, found)
