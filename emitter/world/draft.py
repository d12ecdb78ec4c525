"""What one action reads and is about to change: nothing of it is in the world before it is on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from emitter.assumptions import Assumptions
from emitter.errors import IllegalAction
from emitter.factory import Cast
from emitter.world.entities import (
    APPROVED,
    BLOCKED,
    CANCELED,
    MASKING_EXCEPTION,
    PENDING,
    Entity,
    Founding,
    Product,
    Record,
    Request,
    User,
    kind_of,
)  # fmt: skip
from emitter.world.happening import DETERMINED, STEWARDS_UPDATED, Happening
from emitter.world.known import Known

Found = TypeVar("Found", Founding, Product, Request)


class Draft:
    """The world as it would be. `changed` and `happenings` are what to keep and to tell if it comes to that."""

    def __init__(
        self,
        known: Known,
        cast: Cast,
        *,
        now: int,
        assumptions: Assumptions,
        run: str = "",
        action: str = "",
        legal: Callable[[Entity], tuple[str, ...]] = lambda entity: (),
    ) -> None:
        self.known, self.cast, self.now, self.assumptions, self.run = known, cast, now, assumptions, run
        self.changed: dict[int, Entity] = {}
        self.happenings: list[Happening] = []
        self._action, self._legal = action, legal
        self._last_number = known.last_number

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        """The seed of the world that this is a draft of."""
        return self.founding.seed

    @property
    def founding(self) -> Founding:
        founding = self.known.founding
        if founding is None:
            raise RuntimeError("a world is founded before anything happens in it")
        return self._latest(founding)

    def count(self, kind: str) -> int:
        """How many of a kind there have ever been, this draft's own included."""
        fresh = (each for number, each in self.changed.items() if number > self.known.last_number)
        return self.known.counts[kind] + sum(kind_of(each) == kind for each in fresh)

    def request(self, id: str) -> Request:
        return self._latest(self.known.request(id))

    def product_of(self, request: Request) -> Product:
        return self._latest(self.known.products[request.product])

    def live_requests(self, product: Product) -> Iterator[Request]:
        """The requests for a product of which something may still become, the oldest first."""
        for id in self.known.live.get(product.id, ()):
            request = self.request(id)
            if request.live:
                yield request

    def users(self) -> list[User]:
        """Everybody, the first ones first."""
        return list(self.known.users.values())

    def _latest(self, entity: Found) -> Found:
        return self.changed.get(entity.number, entity)  # type: ignore[return-value]

    # --- changing -------------------------------------------------------------------------------------------------

    def next_number(self) -> int:
        """The number of the next new entity."""
        self._last_number += 1
        return self._last_number

    def put(self, entity: Entity) -> None:
        """Take in an entity, new or changed."""
        self.changed[entity.number] = entity

    def happen(
        self,
        type: str,
        product: Product | None,
        *requests: Request,
        record: Record | None = None,
        notice: int = 0,
        run: str | None = None,
    ) -> None:
        """Have an event follow, unless it is about masking exceptions and those are assumed to have none."""
        if self.assumptions.events_masking_exceptions == "none":
            told = tuple(each for each in requests if each.type != MASKING_EXCEPTION)
            if requests and not told:
                return
            requests = told
        bears = self.run if run is None else run
        self.happenings.append(Happening(type, product, requests, record, notice, bears))

    def determined(self, request: Request, record: Record | None = None) -> None:
        """Have a determination told, to the stewards apart where that is assumed."""
        product = self.product_of(request)
        self.happen(DETERMINED, product, request, record=record)
        if self.assumptions.events_steward_updated_on in ("determination", "both"):
            self.happen(STEWARDS_UPDATED, product, request, record=record)

    def refuse(self, entity: Entity, why: str) -> IllegalAction:
        """Make the error that says what stands against the action; `why` reads on from its name."""
        return IllegalAction(
            self._action, kind=kind_of(entity), id=entity.id, state=getattr(entity, "state", ""),
            why=f'"{self._action}" {why}', legal=self._legal(entity),
        )  # fmt: skip


def closed(request: Request, now: int) -> tuple[Record, ...]:
    """A request's records once nothing more is to be determined: what is open is canceled."""
    return tuple(
        replace(record, status=CANCELED, updated_at=now) if record.status in (PENDING, BLOCKED) else record
        for record in request.records
    )


def unblocked(records: tuple[Record, ...], now: int) -> tuple[Record, ...]:
    """The records with those opened whose prerequisites have been met."""
    met = {record.id for record in records if record.status == APPROVED}
    return tuple(
        replace(record, status=PENDING, updated_at=now)
        if record.status == BLOCKED and met.issuperset(record.prerequisites)
        else record
        for record in records
    )
