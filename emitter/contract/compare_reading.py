"""What can be compared: a directory of schemas, one schema file, a wheel of emitter, or what is installed.

Only the directory, the file and the files beside it that it refers to are read; a link that leads elsewhere is
refused, and nothing is ever fetched.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from emitter import strictjson
from emitter.catalog import BASE, Catalog, Documents, EventType, parsed
from emitter.catalog.explanation import Checker
from emitter.catalog.references import dangling, references
from emitter.errors import SchemaError, UsageError, shown

SHIPPED = "shipped"
_MOST_FILES = 2_000
_INSIDE = re.compile(r"emitter/schemas/([^/]+\.json)")
_VERSION = re.compile(r"v?\d+(\.\d+)+\S*")


@dataclass(frozen=True)
class Subject:
    """One schema of a side: that of an event type, or, with an empty `type`, of anything."""

    type: str
    file: str
    documents: Documents
    examples: tuple[Any, ...] = ()
    kind: EventType | None = None


@dataclass(frozen=True)
class Source:
    """One side of a comparison: what it is called, its schemas by type, and whether those are all there are."""

    label: str
    subjects: Mapping[str, Subject]
    whole: bool = True


def read_source(text: str, *, version: str = "") -> Source:
    """Read what a side names: `shipped`, a version, a directory, a `*.json` or a `*.whl` file.

    Raises `UsageError` for what is none of these and `SchemaError` for a file that cannot be used.
    """
    if text == SHIPPED or (version and text.removeprefix("v") == version):
        return _catalogue(f"{SHIPPED} ({version})" if version else SHIPPED, Catalog.load())
    path = Path(text)
    if path.is_dir():
        _stay_inside(path)
        return _catalogue(text, Catalog.load(path))
    if path.suffix == ".whl" and path.is_file():
        return _catalogue(text, Catalog.of(_of_wheel(path), path))
    if path.is_file():
        return _of_file(path)
    if _VERSION.fullmatch(text):
        installed = f"{version} is installed" if version else "another version is installed"
        raise UsageError(
            f"{text} is not here: {installed}, and nothing is fetched. Give its wheel "
            f"(request_app_emitter-{text.removeprefix('v')}-py3-none-any.whl) or a directory of its schemas."
        )
    raise UsageError(
        f"{shown(text)}: there is no such file or directory. Give a directory of schemas, a schema file, a wheel "
        f"(*.whl), or {SHIPPED} for those that come with emitter."
    )


def _catalogue(label: str, catalog: Catalog) -> Source:
    return Source(label, {kind.name: _of_type(kind) for kind in catalog})


def _of_type(kind: EventType) -> Subject:
    return Subject(kind.name, kind.file, kind.documents, kind.examples, kind)


def _stay_inside(directory: Path) -> None:
    """Refuse a directory in which a link leads out of it."""
    root = directory.resolve()
    for path in directory.glob("*.json"):
        if not Path(os.path.realpath(path)).is_relative_to(root):  # where `resolve` stops at a circle of links
            raise SchemaError(path, "it is a link that leads out of the directory, and is not followed")


def _of_wheel(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                inside = _INSIDE.fullmatch(info.filename)
                if inside is None:
                    continue
                if info.file_size > strictjson.LARGEST or len(found) >= _MOST_FILES:
                    raise SchemaError(
                        path, f"{info.filename} is larger than {strictjson.LARGEST:,} bytes, or one too many"
                    )
                with archive.open(info) as opened:
                    found[inside[1]] = parsed(path / inside[1], opened.read(strictjson.LARGEST + 1))
    except SchemaError:
        raise
    except Exception as error:  # each way of packing has errors of its own
        raise SchemaError(path, f"it is no wheel that can be read: {error}") from None
    if not found:
        raise SchemaError(path, "there are no schemas (emitter/schemas/*.json) in it")
    return found


def _of_file(path: Path) -> Source:
    """One file, with the files beside it that it refers to; `envelope.json` is ours if there is none."""
    found = {path.name: parsed(path, _bytes(path))}
    waiting = [path.name]
    while waiting:
        for ref in references(found[waiting.pop()]):
            other = ref.partition("#")[0].removeprefix("./")
            beside = path.parent / other
            if other and other not in found and "/" not in other and "\\" not in other and beside.suffix == ".json":
                if beside.is_file() and beside.resolve().is_relative_to(path.parent.resolve()):
                    found[other] = parsed(beside, _bytes(beside))
                    waiting.append(other)
    try:
        name = found[path.name]["properties"]["type"]["const"]
    except (KeyError, TypeError):
        return _plain(path, found)
    kind = Catalog.of(found, path.parent).get(str(name))
    if kind is None:
        raise SchemaError(path, "it names no event type")
    return Source(str(path), {kind.name: _of_type(kind)}, whole=False)


def _plain(path: Path, documents: dict[str, dict[str, Any]]) -> Source:
    try:
        _checker(path.name, documents)
    except ValueError as error:
        raise SchemaError(path, dangling(documents, path.name) or str(error).splitlines()[0]) from None
    examples = documents[path.name].get("examples")
    listed = tuple(examples) if isinstance(examples, list) else ()
    return Source(str(path), {"": Subject("", path.name, documents, listed)}, whole=False)


def _checker(file: str, documents: Documents) -> Checker:
    registry = jsonschema_rs.Registry([(BASE + name, document) for name, document in documents.items()])
    return Checker(file, documents, registry)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(strictjson.LARGEST + 1)
    except OSError as error:
        raise SchemaError(path, f"it cannot be read: {error.strerror or error}") from None
