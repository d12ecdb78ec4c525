"""The simulated app: what there is in it, what is done, who is served by its own API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emitter.dispatcher import Accepted
from emitter.errors import BadValue, NotFound
from emitter.event import Event
from emitter.faults import FaultSpec
from emitter.history import Json
from emitter.simulator.making import Making
from emitter.store import Row
from emitter.vendor import Caller, Desk
from emitter.world import described, kind_of
from emitter.worldfile import FORMS, Conditions, written


class Acting(Making):
    """The world, as every door shows and changes it."""

    def actions(self) -> list[Json]:
        """What may be done in the simulated app: each action with its parameters and the events that may follow."""
        return described()

    def act(self, action: str, /, *, run: str = "", faults: Sequence[FaultSpec | Any] = (), **parameters: Any) -> Json:
        """Do something in the simulated app; returns once it is on disk, with the events that followed, in order.

        Raises what `World.act` does, and then nothing has changed.
        """
        with self.faulting(faults):
            done = self.world.act(action, run=run, **parameters)
        return {
            "action": done.action,
            "kind": kind_of(done.entity),
            "entity": self.world.show(done.entity),
            "events": [self._accepted(each.event, each.receipt) for each in done.events],
        }

    def world_state(self) -> Json:
        """Everything in the simulated app, named and shaped as the vendor's API shows it."""
        self._found()
        return self.world.state()

    def world_file(self, form: str = "yaml") -> bytes:
        """The present world as a file that brings it back: YAML, or JSON. Raises `BadValue` for another form."""
        if form not in FORMS:
            raise BadValue("format", form, f"is none of {', '.join(FORMS)}.")
        with self.world.still():
            self.world.found()
            return written(self.world.known, self.clock.now(), form)

    def world_entities(self, kind: str, *, status: str = "", product: str = "", user: str = "") -> list[Json]:
        """All things of a kind, the oldest first; deleted ones only where `status` asks for them."""
        self._found()
        return [self.world.show(each) for each in self.world.those(kind, status=status, product=product, user=user)]

    def world_entity(self, kind: str, name: str) -> Json:
        """One thing of the simulated app by id or name, with what may be done to it now and what would follow."""
        self._found()
        entity = self.world.find(kind, name)
        legal = self.world.legal(entity)
        return {
            "kind": kind_of(entity),
            "entity": self.world.show(entity),
            "legal": [{"action": each.action, "events": list(each.events), "sure": each.sure} for each in legal],
        }

    def world_page(
        self,
        kind: str,
        *,
        status: str = "",
        product: str = "",
        user: str = "",
        text: str = "",
        offset: int = 0,
        limit: int = 50,
    ) -> Json:
        """A page of the things of a kind, the newest first, whose names hold `text`: `entities`, and the `total`."""
        self._found()
        found = self.world.those(kind, status=status, product=product, user=user, text=text)
        page = found[::-1][offset : offset + limit]
        return {"entities": [self.world.show(each) for each in page], "total": len(found)}

    def world_events(self, kind: str, name: str, *, before: str = "", limit: int = 50) -> Json:
        """The events about one thing of the simulated app, newest first, each with its deliveries and their attempts.

        `requestId` is the access request that an event is about, if it is about one. `older` is the `before` of the
        next page: the id of an event.
        """
        self._found()
        entity = self.world.find(kind, name)
        anchor = self.store.event_ids.read(before) if before else None
        if before and anchor is None:
            raise NotFound("event", before)
        rows = self.store.reader.about(entity.number, before=anchor, limit=limit + 1)
        numbers = {each.number: each.id for each in self.world.requests_of(entity)}
        events = [
            {**self.history.with_deliveries(row), "requestId": numbers.get(request)} for row, request in rows[:limit]
        ]
        return {"events": events, "older": events[-1]["id"] if len(rows) > limit else None}

    def desk(self, caller: Caller) -> Desk:
        """Where one caller of the vendor's API is served, in this world."""
        self._found()
        return Desk(self.world, self.assumptions, self.clock, caller)

    def desk_of(self, user: str, permissions: frozenset[str] = frozenset()) -> Desk:
        """The desk for a user of this world, by id, with global permissions beside their own; raises `NotFound`."""
        self._found()
        return self.desk(Caller(self.world.known.user(user), permissions))

    def _conditions(self) -> Conditions:
        return Conditions(self.factory.seed, self.clock.now(), self.assumptions, self.catalog)

    def _begin(self) -> None:
        """Found the world that was asked for; raises `Conflict` where another one is there already."""
        if self._beginning is not None:
            self._beginning.check(self.world.known, str(self.settings.store or "this store"))
            if self.settings.resume:
                self.world.keep_founders()

    def _emit(
        self, events: Sequence[Event], rows: Sequence[Row], about: Sequence[tuple[int, Sequence[int]]] = ()
    ) -> list[Accepted]:
        """Keep what happened in the world: its entities, its events, and a delivery for each webhook."""
        with self._webhooks_lock:
            targets = [each for each in self._webhooks.values() if each.listed and not each.suppressed]
        planned = [(event, self._fan_out(event, targets)) for event in events]
        return self.dispatcher.accept_all(planned, rows, faults=self._asked(), about=about)
