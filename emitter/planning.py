"""Events become deliveries where faults are asked for: which there are, when each is due, what it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from emitter.delivery import Delivery, Webhook
from emitter.event import Event
from emitter.faults import FAULTS, Asked, Faulted, FaultSpec, Older, Planned
from emitter.faults.fault import Planning
from emitter.faults.faulted import drawn
from emitter.store import Row, Store
from emitter.store.rows import EventRow

LATEST = 2**63 - 1  # nanoseconds since 1970 that a store can hold
MOST_OLDER = 100  # deliveries among which a replay picks


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery that is planned and numbered, with the event whose bytes it is to carry."""

    delivery: Delivery
    event: Event | EventRow
    faulted: Faulted | None


class Planner:
    """Plans the deliveries of events that are kept together, once."""

    def __init__(
        self, store: Store, events: Sequence[tuple[Event, Sequence[Webhook]]], asked: Asked, *, due: int
    ) -> None:
        self._store, self._asked, self._due = store, asked, due
        self._events = [event for event, _ in events]
        self._planned: list[list[Planned]] = []
        for at, (event, webhooks) in enumerate(events):
            number = asked.number(event.run)
            self._planned.append([Planned(each, at, number, str(place), due) for place, each in enumerate(webhooks)])
        for place, spec in enumerate(asked.specs):
            if FAULTS[spec.name].kind == "planning" and spec.holds(1, due):
                self._strike(place, spec)

    def _strike(self, place: int, spec: FaultSpec) -> None:
        """Let one fault change what is planned, webhook by webhook, where chance picks it."""
        fault, chances = spec.fault(), dict[Planned, Random]()

        def chance(planned: Planned) -> Random:
            if planned not in chances:
                chances[planned] = drawn(self._asked.seed, place, spec, f"{planned.number}/{planned.place}")
            return chances[planned]

        groups: dict[int, list[Planned]] = {}
        for each in self._all():
            if each.whole:
                groups.setdefault(each.webhook.number, []).append(each)
        planning = Planning(chance=chance, older=self._older)
        for group in groups.values():
            hit = [each for each in group if spec.chance >= 1 or chance(each).random() < spec.chance]
            if hit:
                fault.plan(hit, planning)

    def _all(self) -> list[Planned]:
        return [each for made in self._planned for first in made for each in first.all()]

    def _older(self, planned: Planned) -> list[Older]:
        """What leaves to the same webhook before this one, the newest first: of these events, then from the store."""
        here = [
            Older(0, 0, each)
            for made in reversed(self._planned[: planned.event])
            for each in made
            if each.webhook.number == planned.webhook.number and not each.dropped and each.due <= planned.due
        ]
        most = max(MOST_OLDER - len(here), 0)
        return [
            *here,
            *(Older(*each) for each in self._store.reader.older(planned.webhook.number, now=self._due, most=most)),
        ]

    def numbered(self) -> tuple[list[tuple[int, list[Ready]]], list[Row]]:
        """Number everything: each event's id with its deliveries, in order, and all rows that keep them."""
        event_ids = []
        for made in self._planned:
            event_ids.append(self._store.next_event_id())
            following = [each for first in made for each in first.all()]
            for each in sorted(following, key=lambda each: each.older is not None):  # those of the event in one row
                each.id = self._store.next_delivery_id()
        found: list[tuple[int, list[Ready]]] = []
        rows: list[Row] = []
        for at, made in enumerate(self._planned):
            ready = sorted(
                (one for first in made for each in first.all() if (one := self._ready(each, event_ids)) is not None),
                key=lambda one: one.delivery.id,
            )
            own = [one.delivery for one in ready if one.delivery.event_id == event_ids[at]]
            rows.append(self._store.event_row(event_ids[at], self._events[at], own))
            for one in ready:
                rows += self._store.delivery_rows(one.delivery, one.faulted.to_text() if one.faulted else "")
            found.append((event_ids[at], ready))
        return found, rows

    def _ready(self, planned: Planned, event_ids: Sequence[int]) -> Ready | None:
        event: Event | EventRow | None = self._events[planned.event]
        event_id, older = event_ids[planned.event], planned.older
        if older is not None:
            if older.planned is None:
                event, event_id = self._store.reader.event(older.event_id), older.event_id
            else:
                event, event_id = self._events[older.planned.event], event_ids[older.planned.event]
        if event is None:  # retention has taken it meanwhile
            return None
        note = f"Dropped on purpose ({planned.names[-1]})." if planned.dropped else ""
        state = "dropped" if planned.dropped else "pending"
        due = min(planned.due, LATEST)
        delivery = Delivery(planned.id, event_id, planned.webhook, due, state, note=note)
        strikes = [] if planned.dropped or older else enumerate(self._asked.specs)
        faulted = Faulted(
            seed=self._asked.seed,
            key=f"{planned.number}/{planned.place}",
            specs=tuple((place, spec) for place, spec in strikes if FAULTS[spec.name].kind != "planning"),
            names=tuple(planned.names),
            aside=planned.aside,
            order=planned.slot.id if planned.slot is not None and planned.slot is not planned else 0,
            twin=planned.twin.id if planned.twin is not None else 0,
            replays=(older.planned.id if older.planned else older.delivery_id) if older else 0,
        )
        return Ready(delivery, event, None if faulted.empty else faulted)
