"""Who asks, and what they ask it of."""

from __future__ import annotations

from dataclasses import dataclass

from emitter.assumptions import Assumptions
from emitter.clock import Clock
from emitter.errors import NotFound
from emitter.world import World
from emitter.world.entities import Product, Request, User

ADMIN = "APPLICATION_ADMIN"


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity behind a token: a person of the world, or nobody there (None), who may do everything.

    `permissions` are global ones that the token carries beside those of the person.
    """

    person: User | None = None
    permissions: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The id of the person; empty for nobody."""
        return self.person.id if self.person else ""

    def has(self, permission: str) -> bool:
        """Whether a global permission is theirs."""
        return self.person is None or permission in self.permissions or permission in self.person.permissions


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one caller is served: the world, what is assumed of the app, the time."""

    world: World
    assumptions: Assumptions
    clock: Clock
    caller: Caller

    def product(self, id: str) -> Product:
        """The product of this id; raises `NotFound` for a deleted one, too."""
        found = self.world.known.products.get(id)
        if found is None or found.deleted_at:
            raise NotFound("data product", id)
        return found

    def request(self, id: str) -> Request:
        """The access request of this id; those of a deleted product are gone with it. Raises `NotFound`."""
        found = self.world.known.requests.get(id)
        if found is None or found.deleted_at or self.world.known.products[found.product].deleted_at:
            raise NotFound("access request", id)
        return found
