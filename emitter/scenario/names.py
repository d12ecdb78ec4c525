"""What a name stands for at a place in a scenario, and what members it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from emitter.errors import nearest, shown
from emitter.world.arrivals import AddDataSource, AddDomain, AddUser
from emitter.world.entities import (
    DATA_ACCESS,
    PENDING,
    Column,
    DataSource,
    Domain,
    Entity,
    Policy,
    Product,
    Request,
    User,
)  # fmt: skip
from emitter.world.known import Known
from emitter.world.parameters import Action
from emitter.world.product_actions import OnProduct, Publish
from emitter.world.request_actions import Ask, OnRequest
from emitter.world.showing import shown as entity_shown

VARIABLE, ROUND, VALUE, CHECKPOINT = "variable", "round", "value", "checkpoint"
UNSURE = "name"  # of something that a mistake stands in the way of
USER, DOMAIN, SOURCE, PRODUCT, REQUEST = "user", "domain", "data source", "data product", "request"
ENTITIES = (USER, DOMAIN, SOURCE, PRODUCT, REQUEST)
RESERVED = ("round", "start", "last")


def made_by(action: type[Action]) -> str:
    """The kind of entity that an action is about, which `as` gives a name to."""
    if issubclass(action, Ask | OnRequest):
        return REQUEST
    if issubclass(action, Publish | OnProduct):
        return PRODUCT
    return {AddUser: USER, AddDomain: DOMAIN, AddDataSource: SOURCE}[action]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name stands for: `kind` is VARIABLE, ROUND, VALUE, CHECKPOINT or an entity's.

    `values` are those of a variable (one) or of the rounds of a repeat.
    """

    kind: str
    line: int
    values: tuple[Any, ...] = ()
    cast: bool = False


@dataclass(slots=True)
class Names:
    """The names that are known at a place. What is made inside of a branch is not known outside of it."""

    _outside: Names | None = None
    _known: dict[str, Meaning] = field(default_factory=dict)
    _called: set[tuple[str, str]] = field(default_factory=set)

    def get(self, name: str) -> Meaning | None:
        """What a name stands for here."""
        return next((each._known[name] for each in self._outwards() if name in each._known), None)

    def put(self, name: str, meaning: Meaning) -> None:
        """Make a name known."""
        self._known[name] = meaning

    def call(self, kind: str, text: str) -> None:
        """Make known that there is an entity of this name or id in the simulated app."""
        self._called.add((kind, text))

    def is_called(self, kind: str, text: str) -> bool:
        """Whether an entity of this name or id was made."""
        return any((kind, text) in each._called for each in self._outwards())

    def called(self, kind: str) -> Iterator[str]:
        """The names and ids of the entities of a kind that were made."""
        return (text for each in self._outwards() for made, text in each._called if made == kind)

    def inside(self) -> Names:
        """The names of a branch, which begins with those known here."""
        return Names(self)

    def take_common(self, branches: list[Names]) -> None:
        """Make known what every branch has made, of the same kind in each."""
        first, *others = branches
        for name, meaning in first._known.items():
            if all(name in each._known and each._known[name].kind == meaning.kind for each in others):
                self._known[name] = meaning
        self._called |= first._called.intersection(*(each._called for each in others))

    def of(self, *kinds: str) -> Iterator[str]:
        """The names of these kinds."""
        return (name for each in self._outwards() for name, meaning in each._known.items() if meaning.kind in kinds)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (name for each in self._outwards() for name in each._known)

    def _outwards(self) -> Iterator[Names]:
        names: Names | None = self
        while names is not None:
            yield names
            names = names._outside


@cache
def _samples() -> Mapping[str, Any]:
    """One entity of each kind as the API shows it, with all members that it can have."""
    user, domain = User(1, "u", "U", "u"), Domain(2, "d", "D")
    source, policy = DataSource(3, "s", "S", "Snowflake", columns=("c",)), Policy()
    product = Product(4, "p", "P", ("d",), ("s",), policy, policy, "u", 0, 0)
    request = Request(
        5, "r", DATA_ACCESS, "p", "u", "u", PENDING, 0, 0, expiration=1, columns=(Column("s", "c"),), form={},
    )  # fmt: skip
    known = Known()
    entities: dict[str, Entity] = {USER: user, DOMAIN: domain, SOURCE: source, PRODUCT: product, REQUEST: request}
    for each in entities.values():
        known.apply(each)
    return {kind: entity_shown(each, known) for kind, each in entities.items()}


def member_mistake(kind: str, path: tuple[str, ...]) -> str:
    """Say what is wrong with a path into an entity of this kind; nothing if it may lead somewhere."""
    place: Any = _samples()[kind]
    for depth, step in enumerate(path):
        if isinstance(place, list):
            if not step.isdigit():
                return f"{'.'.join(path[:depth])} of a {kind} is a list, and {shown(step)} no place in it."
            if not place:
                return ""
            place = place[0]
        elif isinstance(place, dict) and place:
            if step not in place:
                inside = f"{'.'.join(path[:depth])} of a {kind}" if depth else f"a {kind}"
                hint = nearest(step, place)
                said = f"Did you mean {shown(hint[0])}?" if hint else f"Known: {', '.join(place)}."
                return f"{inside} has no {shown(step)}. {said}"
            place = place[step]
        elif place is None or place == {}:
            return ""
        else:
            return f"{'.'.join(path[:depth])} of a {kind} has no members."
    return ""
