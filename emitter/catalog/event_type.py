"""What one schema file says of its event type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

from emitter.catalog.explanation import Checker
from emitter.catalog.references import BASE, Documents, follow, references
from emitter.errors import Violation

CYCLES = ("request", "product", "")
LINKS = ("product", "data-sources", "requests", "none")
MARKS = ("documented", "derived", "observed", "assumed")
_DEEPEST = 24
_MOST_PLACES = 20_000


@dataclass(frozen=True, eq=False)
class EventType:
    """One event type: its schema file, and what that says beside the rules.

    `core` are the members of `data` that are sent by default, `extended` those that the profile of that name adds,
    `link` is where `actionLink` leads (`product`, `data-sources`, `requests` or `none`), `notified` the audiences that
    the app tells, `cycle` whose life it belongs to (`request`, `product` or nothing), `provenance` the mark of each
    member by its JSON Pointer (`*` stands for any index).
    """

    name: str
    path: Path
    documents: Documents = field(repr=False)
    schema: dict[str, Any] = field(repr=False)
    alias: str = ""
    title: str = ""
    description: str = ""
    trigger: str = ""
    order: int = 0
    link: str = "none"
    cycle: str = ""
    notified: tuple[str, ...] = ()
    core: tuple[str, ...] = ()
    extended: tuple[str, ...] = ()
    examples: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    provenance: Mapping[str, str] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_valid: Callable[[object], bool] = field(default=lambda body: False, repr=False)
    violations: Callable[[object], list[Violation]] = field(default=lambda body: [], repr=False)

    @property
    def file(self) -> str:
        """The name of its schema file."""
        return self.path.name

    @property
    def example(self) -> dict[str, Any]:
        """The first whole example body; an empty object if the file gives none."""
        return self.examples[0] if self.examples else {}

    @cached_property
    def bundled(self) -> dict[str, Any]:
        """The schema with every file that it refers to inside it: one document that needs no other."""
        wanted = [self.file]
        for file in wanted:
            wanted.extend(name for name in sorted(_files(self.documents, file)) if name not in wanted)
        inner = {
            name: {**self.documents[name], "$id": BASE + name} for name in wanted if name != self.file
        }  # fmt: skip
        definitions = {**self.schema.get("$defs", {}), **inner}
        return {**self.schema, "$id": BASE + self.file, **({"$defs": definitions} if definitions else {})}


def read(path: Path, documents: Documents, registry: jsonschema_rs.Registry) -> EventType:
    """Make the event type of one file; raise `ValueError` with the reason if it is none."""
    file = path.name
    schema = documents[file]
    name = _name(schema)
    data = members(documents, file, ("data",))
    core, extended = schema.get("x-core"), []
    for member, found in data.items():
        if found.get("x-profile") == "extended":
            extended.append(member)
    if core is None:
        core = [member for member in data if member not in extended]
    link = schema.get("x-link") or ("product" if "actionLink" in core else "none")
    checked = {"x-link": (link, LINKS), "x-cycle": (schema.get("x-cycle", ""), CYCLES)}
    for keyword, (value, choices) in checked.items():
        if value not in choices:
            raise ValueError(f"{keyword} is {value!r}; it is one of {', '.join(filter(None, choices))}")
    marks, sources = marks_of(documents, file)
    for pointer, mark in marks.items():
        if mark not in MARKS:
            raise ValueError(f"x-provenance of {pointer} is {mark!r}; it is one of {', '.join(MARKS)}")
    checker = Checker(file, documents, registry, marks)
    return EventType(
        name=name,
        path=path,
        documents=documents,
        schema=schema,
        alias=_text(schema, "x-alias"),
        title=_text(schema, "title") or name,
        description=_text(schema, "description"),
        trigger=_text(schema, "x-trigger"),
        order=schema["x-order"] if isinstance(schema.get("x-order"), int) else 1_000_000,
        link=link,
        cycle=_text(schema, "x-cycle"),
        notified=_texts(schema, "x-notified"),
        core=tuple(sorted(_texts({"x-core": core}, "x-core"))),
        extended=tuple(sorted(extended)),
        examples=tuple(example for example in schema.get("examples", ()) if isinstance(example, dict)),
        provenance=marks,
        sources=sources,
        is_valid=checker.is_valid,
        violations=checker.violations,
    )


def marks_of(documents: Documents, file: str) -> tuple[dict[str, str], dict[str, str]]:
    """List the provenance of every member that a file describes, by its JSON Pointer, and the source of each."""
    marks: dict[str, str] = {}
    sources: dict[str, str] = {}
    _collect(documents, file, documents[file], "", marks, sources, set(), 0)
    return marks, sources


def members(documents: Documents, file: str, path: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """List the members that the schema names for the object at `path` in a body, with what is said of each."""
    found: dict[str, dict[str, Any]] = {}
    _members(documents, file, documents[file], path, found, set(), 0)
    return found


def _members(
    documents: Documents,
    file: str,
    schema: Any,
    path: tuple[str, ...],
    found: dict[str, dict[str, Any]],
    seen: set[tuple[int, int]],
    depth: int,
) -> None:
    if not isinstance(schema, dict) or depth > _DEEPEST or (id(schema), len(path)) in seen:
        return
    seen.add((id(schema), len(path)))
    for member, subschema in schema.get("properties", {}).items():
        if path and member == path[0]:
            _members(documents, file, subschema, path[1:], found, seen, depth + 1)
        elif not path:
            found[member] = {**_said(documents, file, subschema, depth), **found.get(member, {})}
    for where, inner in _inner(documents, file, schema):
        _members(documents, where, inner, path, found, seen, depth + 1)


def _said(documents: Documents, file: str, schema: Any, depth: int) -> dict[str, Any]:
    """The annotations of a subschema; its own go before those of what it refers to."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {}
    said: dict[str, Any] = {}
    if isinstance(schema.get("$ref"), str):
        where, inner = follow(documents, file, schema["$ref"])
        said = _said(documents, where, inner, depth + 1)
    return {**said, **{key: value for key, value in schema.items() if key.startswith("x-")}}


def _collect(
    documents: Documents,
    file: str,
    schema: Any,
    pointer: str,
    marks: dict[str, str],
    sources: dict[str, str],
    seen: set[tuple[int, str]],
    depth: int,
) -> None:
    """Note the mark of every member; what stands nearer to the type's own file goes before."""
    if not isinstance(schema, dict) or depth > _DEEPEST or (id(schema), pointer) in seen:
        return
    if len(seen) > _MOST_PLACES:
        raise ValueError(f"what it refers to makes more than {_MOST_PLACES:,} places in a body")
    seen.add((id(schema), pointer))
    if pointer and "x-provenance" in schema and pointer not in marks:
        marks[pointer] = str(schema["x-provenance"])
        sources[pointer] = str(schema.get("x-source", ""))
    for member, subschema in schema.get("properties", {}).items():
        name = member.replace("~", "~0").replace("/", "~1")
        _collect(documents, file, subschema, f"{pointer}/{name}", marks, sources, seen, depth + 1)
    if isinstance(schema.get("items"), dict):
        _collect(documents, file, schema["items"], f"{pointer}/*", marks, sources, seen, depth + 1)
    if isinstance(schema.get("$ref"), str):
        where, inner = follow(documents, file, schema["$ref"])
        _collect(documents, where, inner, pointer, marks, sources, seen, depth + 1)


def _inner(documents: Documents, file: str, schema: dict[str, Any]) -> list[tuple[str, Any]]:
    """The subschemas that hold for the same place as this one."""
    inner: list[tuple[str, Any]] = [(file, part) for part in schema.get("allOf", ())]
    if isinstance(schema.get("$ref"), str):
        inner.append(follow(documents, file, schema["$ref"]))
    return inner


def _files(documents: Documents, file: str) -> set[str]:
    """The other files that a file refers to."""
    names = {ref.partition("#")[0].removeprefix("./") for ref in references(documents[file])}
    return (names & documents.keys()) - {file}


def _name(schema: dict[str, Any]) -> str:
    try:
        name = schema["properties"]["type"]["const"]
    except (KeyError, TypeError):
        raise ValueError('it names no event type; write "properties": {"type": {"const": "the.full.name"}} ') from None
    if not isinstance(name, str) or not name or not name.isprintable() or " " in name:
        raise ValueError(f"{name!r} is no name of an event type: a text without spaces, as marketplace.thing.happened")
    return name


def _text(schema: dict[str, Any], keyword: str) -> str:
    value = schema.get(keyword, "")
    if not isinstance(value, str):
        raise ValueError(f"{keyword} is no text")
    return value


def _texts(schema: dict[str, Any], keyword: str) -> tuple[str, ...]:
    value = schema.get(keyword, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{keyword} is no list of texts")
    return tuple(value)
