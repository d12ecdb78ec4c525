"""A world with a virtual clock and a store, without webhooks: what it causes is kept, and written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, ClassVar

import orjson

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.clock import SECOND, VirtualClock, moment
from emitter.event import Event, Stamps
from emitter.factory import Factory
from emitter.store import Row, Store
from emitter.world import Done, World

PREFIX = "marketplace.data_product."
START = datetime(2030, 1, 1, 9, tzinfo=UTC)
CATALOG = Catalog.load()


class Stage:
    """A world and what it has caused so far; `told` is (type without its common beginning, when)."""

    opened: ClassVar[list[Stage]] = []

    def __init__(
        self,
        assume: dict[str, str] | None = None,
        *,
        start: datetime = START,
        seed: int = 7,
        store: Store | None = None,
        catalog: Catalog = CATALOG,
    ) -> None:
        self.assumptions = Assumptions().override_all(assume or {})
        self.clock = VirtualClock(start)
        self.store = store or Store(None)
        self.opened.append(self)
        self.events: list[Event] = []
        self.fails: Exception | None = None
        stamps = Stamps(Random(seed), self.store.last_stamp(self.clock.now() + SECOND))
        factory = Factory(catalog=catalog, assumptions=self.assumptions, clock=self.clock, stamps=stamps, seed=seed)
        self.world = World(
            store=self.store, catalog=catalog, factory=factory, clock=self.clock, assumptions=self.assumptions,
            emit=self._keep,
        )  # fmt: skip

    def close(self) -> None:
        """End the store's threads."""
        self.store.close()
        self.opened.remove(self)

    @classmethod
    def close_all(cls) -> None:
        """Close every one that is still open."""
        while cls.opened:
            cls.opened[-1].close()

    def _keep(
        self, events: Sequence[Event], rows: Sequence[Row], about: Sequence[tuple[int, Sequence[int]]] = ()
    ) -> list[str]:
        if self.fails is not None:
            raise self.fails
        planned = [row for event in events for row in self.store.plan(event, (), due=self.clock.now())[2]]
        self.store.put_and_wait([*planned, *rows])
        self.events += events
        return [event.type for event in events]

    def act(self, action: str, /, **parameters: Any) -> Any:
        """Do something and return the entity."""
        return self.done(action, **parameters).entity

    def done(self, action: str, /, **parameters: Any) -> Done:
        return self.world.act(action, **parameters)

    def advance(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))

    def advance_to(self, when: datetime) -> None:
        self.clock.advance(when - moment(self.clock.now()))

    @property
    def types(self) -> list[str]:
        """The types so far, without their common beginning."""
        return [event.type.removeprefix(PREFIX) for event in self.events]

    def told(self, *types: str) -> list[tuple[str, str]]:
        """What was told so far as (type, minute), of some types if named."""
        found = [
            (event.type.removeprefix(PREFIX), moment(event.stamp).strftime("%m-%d %H:%M")) for event in self.events
        ]
        return [each for each in found if not types or each[0] in types]

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self.events.clear()

    def body(self, place: int = -1) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.events[place].body)
        return found

    def kept(self) -> list[tuple[int, str, bytes]]:
        """What is on disk."""
        return self.store.entities()

    def snapshot(self) -> tuple[Any, ...]:
        """All that an action could change."""
        known = self.world.known
        return (
            dict(known.users), dict(known.products), dict(known.requests), dict(known.sources), dict(known.domains),
            self.kept(), len(self.events), self.world.next_due(), self.clock.now(),
        )  # fmt: skip

    def restarted(self, assume: dict[str, str] | None = None, *, start: datetime | None = None, seed: int = 7) -> Stage:
        """Another process on the same store."""
        again = Stage(assume, start=start or moment(self.clock.now()), seed=seed, store=self.store)
        again.world.resume()
        return again
