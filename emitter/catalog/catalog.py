"""The catalogue: every event type that is known, found by its name, its alias or the end of its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from emitter import strictjson
from emitter.catalog.event_type import EventType, marks_of, read
from emitter.catalog.explanation import Checker
from emitter.catalog.references import BASE, dangling
from emitter.errors import BadJson, SchemaError, UnknownEventType, Violation

ENVELOPE = "envelope.json"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def resource_directory(name: str) -> Path:
    """Find a directory that comes with emitter, as `schemas`: inside the package first, beside it second."""
    package = Path(__file__).resolve().parent.parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


class Catalog:
    """The event types that are known, in the order in which they are best read."""

    def __init__(self, types: Sequence[EventType], envelope: Checker) -> None:
        """Take types whose names differ; `load` makes them from files."""
        self._types = {kind.name: kind for kind in sorted(types, key=lambda kind: (kind.order, kind.name))}
        self._aliases = {kind.alias: kind for kind in self._types.values() if kind.alias}
        self._envelope = envelope
        self.names = tuple(self._types)

    @classmethod
    def load(cls, directory: Path | None = None, *extra: Path) -> Catalog:
        """Read the types that come with emitter, then those of the directories that are given.

        A directory adds its types to those before it, and a type that is there already is replaced. A directory with
        an `envelope.json` of its own stands alone: whatever came before it is left out. Raises `SchemaError` with the
        file that cannot be used. Only `*.json` directly in the directory counts, and nothing is ever fetched.
        """
        places = (resource_directory("schemas"), *filter(None, (directory, *extra)))
        return _loaded(tuple(tuple((path, _raw(path)) for path in _files(place)) for place in places))

    @classmethod
    def of(cls, documents: Mapping[str, dict[str, Any]], place: Path = Path()) -> Catalog:
        """Take types from schema documents by the name of their file, as if these lay in a directory `place`, alone.

        `parsed` makes them from bytes. `envelope.json` is ours if none is given. Raises `SchemaError` as `load` does.
        """
        own = dict(documents)
        ours = resource_directory("schemas") / ENVELOPE
        if ENVELOPE not in own:
            own[ENVELOPE] = parsed(ours, _raw(ours))
        return cls._of({name: place / name for name in own}, own)

    @classmethod
    def _of(cls, paths: dict[str, Path], documents: dict[str, dict[str, Any]]) -> Catalog:
        try:
            registry = jsonschema_rs.Registry([(BASE + name, document) for name, document in documents.items()])
        except ValueError as error:  # a $ref that leads out of the directory; the text does not say whose
            for name in sorted(documents):
                if reason := dangling(documents, name):
                    raise SchemaError(paths[name], reason) from None
            raise SchemaError(paths[min(paths)].parent, _reason(error)) from None
        types: dict[str, EventType] = {}
        called: dict[str, EventType] = {}
        for name in sorted(documents):
            if name == ENVELOPE:
                continue
            try:
                kind = read(paths[name], documents, registry)
            except (ValueError, LookupError) as error:  # LookupError: a $ref that leads nowhere
                raise SchemaError(paths[name], _reason(error)) from None
            except (AttributeError, TypeError):
                raise SchemaError(paths[name], "it is no JSON Schema (draft 2020-12)") from None
            for text in filter(None, (kind.name, kind.alias)):
                if text in called:
                    raise SchemaError(paths[name], f'"{text}" is taken by {paths[called[text].file].name} already')
                called[text] = kind
            types[kind.name] = kind
        try:
            envelope = Checker(ENVELOPE, documents, registry, marks_of(documents, ENVELOPE)[0])
        except ValueError as error:
            raise SchemaError(paths[ENVELOPE], _reason(error)) from None
        return cls(list(types.values()), envelope)

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def get(self, name: str) -> EventType | None:
        """Return the type of that full name, or None."""
        return self._types.get(name)

    def resolve(self, name: str) -> EventType:
        """Return the type that is meant: by full name, alias, or the end of exactly one name (`revoked`).

        Raises `UnknownEventType` with the nearest names, or with those that an ambiguous end fits.
        """
        if kind := self._types.get(name) or self._aliases.get(name):
            return kind
        fitting = [kind for kind in self if kind.name.endswith(f".{name}")] if name else []
        if len(fitting) == 1:
            return fitting[0]
        known = [*self.names, *self._aliases]
        raise UnknownEventType(name, known, ambiguous=[kind.name for kind in fitting])

    def verdict(self, body: object) -> tuple[str, list[Violation]]:
        """Judge a body by the type that it names: `valid`, `invalid` with every violation, or `unknown`.

        `unknown` is a sound envelope around a type that has no schema here.
        """
        name = body.get("type") if isinstance(body, dict) else None
        kind = self._types.get(name) if isinstance(name, str) else None
        checker = self._envelope if kind is None else kind
        if checker.is_valid(body):
            return ("unknown" if kind is None else "valid"), []
        return "invalid", checker.violations(body)


@lru_cache(maxsize=16)
def _loaded(places: tuple[tuple[tuple[Path, bytes], ...], ...]) -> Catalog:
    """The catalogue of some files, with their contents, place by place. The same files are one catalogue."""
    paths: dict[str, Path] = {}
    documents: dict[str, dict[str, Any]] = {}
    for files in places:
        found = {path.name: path for path, _ in files}
        if ENVELOPE in found:
            paths, documents = {}, {}
        fresh = {path.name: parsed(path, raw) for path, raw in files}
        replaced = {_type(document) for document in fresh.values()}
        for name in [name for name, document in documents.items() if name != ENVELOPE and _type(document)]:
            if _type(documents[name]) in replaced:
                del documents[name], paths[name]
        documents |= fresh
        paths |= found
    return Catalog._of(paths, documents)


def _files(directory: Path) -> list[Path]:
    try:
        found = [path for path in directory.iterdir() if path.suffix == ".json" and path.is_file()]
    except OSError as error:
        raise SchemaError(directory, f"the directory cannot be read: {error.strerror or error}") from None
    if not found:
        raise SchemaError(directory, "there is no schema file (*.json) in it")
    return sorted(found)


def _raw(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(strictjson.LARGEST + 1)
    except OSError as error:
        raise SchemaError(path, f"it cannot be read: {error.strerror or error}") from None


def parsed(path: Path, raw: bytes) -> dict[str, Any]:
    """Read the bytes of one schema file; raises `SchemaError` with the reason if they are none."""
    try:
        document = strictjson.loads(raw)
    except BadJson as error:
        raise SchemaError(path, str(error)) from None
    if not isinstance(document, dict):
        raise SchemaError(path, "it is JSON, but no object")
    if document.get("$schema", DRAFT) != DRAFT:
        raise SchemaError(path, f"$schema is {document['$schema']!r}; only draft 2020-12 is read: {DRAFT}")
    # The file's place is its address: with an $id, "envelope.json" would no longer mean the file beside it.
    return {key: value for key, value in document.items() if key != "$id"}


def _type(document: dict[str, Any]) -> str:
    try:
        return str(document["properties"]["type"]["const"])
    except (KeyError, TypeError):
        return ""


def _reason(error: Exception) -> str:
    """The first line of what a validator says, with the place in the schema where it says one."""
    lines = [line.strip() for line in str(error.args[0] if error.args else error).splitlines() if line.strip()]
    reason = lines[0] if lines else type(error).__name__
    path = getattr(error, "instance_path", None)
    return f"{reason} (at /{'/'.join(map(str, path))})" if path else reason
