"""What the names of a scenario stand for while it is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emitter.errors import BadValue, UnknownName
from emitter.scenario.steps import Condition, Name, Template

# Which kinds of thing a name in a parameter of such a kind may stand for.
_NAMED: Mapping[str, tuple[str, ...]] = {
    "user": ("user",), "users": ("user",), "data product": ("data product",), "request": ("request",),
    "domains": ("domain",), "data sources": ("data source",), "approvers": ("user",), "stages": ("user",),
    "columns": ("data source",), "pairs": ("domain",),
}  # fmt: skip
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Thing:
    """An entity that a step has made or changed: what kind it is, and its id."""

    kind: str
    id: str

    def __str__(self) -> str:
        return self.id


class Scope:
    """Names and what they stand for; what is not here is looked up in the scope around it.

    `show` gives an entity as the API shows it, as it is at that moment.
    """

    def __init__(self, show: Callable[[Thing], Mapping[str, Any]], around: Scope | None = None) -> None:
        self._show, self._around = show, around
        self._names: dict[str, Any] = {}

    def inner(self, **names: Any) -> Scope:
        """A scope within this one: what is named there is not known here."""
        found = Scope(self._show, self)
        found._names |= names
        return found

    def name(self, name: str, value: Any) -> None:
        """Let a name stand for something from now on."""
        self._names[name] = value

    def find(self, name: str) -> Any:
        """What a name stands for; raises `UnknownName`."""
        found = self._get(name)
        if found is _NOTHING:
            raise UnknownName("name", name, self._all())
        return found

    def _get(self, name: str) -> Any:
        scope: Scope | None = self
        while scope is not None:
            if name in scope._names:
                return scope._names[name]
            scope = scope._around
        return _NOTHING

    def thing(self, name: str) -> Thing:
        """The entity that a name stands for; raises `UnknownName` or `BadValue`."""
        found = self.find(name)
        if not isinstance(found, Thing):
            raise BadValue(name, str(found), "is no entity of the simulated app.")
        return found

    def things(self) -> dict[str, str]:
        """The names that stand for entities here, with their kinds."""
        around = self._around.things() if self._around else {}
        return around | {name: each.kind for name, each in self._names.items() if isinstance(each, Thing)}

    def called(self, thing_id: str) -> str:
        """The name that stands for an entity, the innermost first; empty where none does."""
        scope: Scope | None = self
        while scope is not None:
            for name, value in scope._names.items():
                if isinstance(value, Thing) and value.id == thing_id:
                    return name
            scope = scope._around
        return ""

    def _all(self) -> list[str]:
        return [*self._names, *(self._around._all() if self._around else ())]

    def value(self, value: Any) -> Any:
        """Put in what the names in a value stand for, however deep they are."""
        if isinstance(value, Template):
            if len(value.parts) == 1 and isinstance(value.parts[0], Name):
                return self._plain(self._look_up(value.parts[0]))
            return "".join(
                each if isinstance(each, str) else _as_text(self._plain(self._look_up(each))) for each in value.parts
            )
        if isinstance(value, Thing):
            return value.id
        if isinstance(value, Condition):
            return Condition(value.word, self.value(value.value))
        if isinstance(value, Mapping):
            return {key: self.value(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.value(each) for each in value)
        return value

    def parameter(self, kind: str, value: Any) -> Any:
        """As `value`, with names of entities, as they stand in a parameter of an action, turned into ids."""
        found = self.value(value)
        kinds = _NAMED.get(kind, ())
        return self._ids(kind, kinds, found) if kinds else found

    def _ids(self, kind: str, kinds: tuple[str, ...], value: Any) -> Any:
        if isinstance(value, str):
            if kind == "columns" and "/" in value:
                source, _, column = value.partition("/")
                return f"{self._id(kinds, source)}/{column}"
            return self._id(kinds, value)
        if isinstance(value, list | tuple):
            return [self._ids(kind, kinds, each) for each in value]
        if isinstance(value, Mapping):
            if kind == "pairs":
                return {self._id(kinds, key): each for key, each in value.items()}
            return {
                key: self._ids(kind, kinds, each) if key in ("any", "all", "id", "sourceId") else each
                for key, each in value.items()
            }
        return value

    def _id(self, kinds: tuple[str, ...], text: str) -> str:
        found = self._get(text)
        return found.id if isinstance(found, Thing) and found.kind in kinds else text

    def _look_up(self, name: Name) -> Any:
        first, *rest = name.path
        found = self.find(first)
        if not rest:
            return found
        if isinstance(found, Thing):
            if rest == ["id"]:
                return found.id
            found = self._show(found)
        return member(found, rest, str(name))

    @staticmethod
    def _plain(found: Any) -> Any:
        return found.id if isinstance(found, Thing) else found


def member(value: Any, path: list[str], written: str) -> Any:
    """Follow a dotted path into JSON; raises `BadValue` that says where it ends."""
    for place, name in enumerate(path):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list | tuple) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            there = ", ".join(value) if isinstance(value, Mapping) else f"a {type(value).__name__}"
            raise BadValue(written, ".".join(path[: place + 1]), f"is not there. There is: {there}.")
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
