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


def references(schema: Any) -> list[str]:
    """List every `$ref` in a schema, wherever it stands."""
    found: list[str] = []
    waiting: list[Any] = [schema]
    while waiting:
        match waiting.pop():
            case dict(members):
                if isinstance(ref := members.get("$ref"), str):
                    found.append(ref)
                waiting.extend(members.values())
            case list(items):
                waiting.extend(items)
    return found


def reachable(documents: Documents, *files: str) -> dict[str, dict[str, Any]]:
    """Those of the documents that files refer to, directly or not, and the files."""
    wanted = [*files]
    for name in wanted:
        for ref in references(documents[name]):
            target = ref.partition("#")[0].removeprefix("./")
            if target in documents and target not in wanted:
                wanted.append(target)
    return {name: documents[name] for name in wanted}


def dangling(documents: Documents, file: str) -> str:
    """Say which `$ref` of a file leads nowhere; nothing if all lead somewhere."""
    for ref in references(documents[file]):
        try:
            follow(documents, file, ref)
        except LookupError as error:
            return str(error.args[0])
    return ""
