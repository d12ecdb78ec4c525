"""A thing of the simulated app in the hands of a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emitter.runner.scope import Scope, Thing
from emitter.world import ACTIONS


class Entity:
    """A user, data product, access request or their like: `kind` and `id`, and its members as they were when given.

    It may stand wherever a thing of the world is asked for. `app.show(entity)` gives it as it is now.
    """

    __slots__ = ("kind", "id", "shown")

    def __init__(self, kind: str, shown: Mapping[str, Any]) -> None:
        self.kind, self.shown = kind, shown
        self.id = str(shown["globalUserId"] if kind == "user" else shown["id"])

    def __getitem__(self, path: str) -> Any:
        """A member by dotted path, as `entity["dataProduct.name"]`; raises `KeyError` that says what there is."""
        value: Any = self.shown
        for name in path.split("."):
            if isinstance(value, list) and name.isdigit() and int(name) < len(value):
                value = value[int(name)]
            elif isinstance(value, Mapping) and name in value:
                value = value[name]
            else:
                there = ", ".join(value) if isinstance(value, Mapping) else f"a {type(value).__name__}"
                raise KeyError(f"{path} is not there. There is: {there}.")
        return value

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        name = self.shown.get("name") or self.shown.get("status") or ""
        return f"<{self.kind} {self.id}{f' {name!r}' if name else ''}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entity) and (self.kind, self.id) == (other.kind, other.id)

    def __hash__(self) -> int:
        return hash((self.kind, self.id))


def plain(value: Any) -> Any:
    """A value with ids in the place of entities, however deep they are."""
    if isinstance(value, Entity):
        return value.id
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def in_parameters(action: str, parameters: Mapping[str, Any], known: Mapping[str, Entity]) -> dict[str, Any]:
    """Parameters of an action with ids for the entities in them, and for the names that stand for `known` ones."""
    kinds = {each.name: each.kind for each in ACTIONS[action].parameters()} if action in ACTIONS else {}
    scope = Scope(lambda thing: {"id": thing.id})
    for name, each in known.items():
        scope.name(name, Thing(each.kind, each.id))
    return {key: scope.parameter(kinds.get(key, ""), plain(value)) for key, value in parameters.items()}
