"""The world that is kept: actions and time change it, and what follows goes to disk and to the webhooks as one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.clock import SECOND, Clock, rfc3339
from emitter.errors import EmitterError, IllegalAction, UnknownName
from emitter.event import Event
from emitter.factory import Cast, Factory, Product
from emitter.store import Row, Store
from emitter.world.actions import ACTIONS
from emitter.world.draft import Draft
from emitter.world.entities import Entity, Request, User, document, kind_of, restored
from emitter.world.founding import founders
from emitter.world.happening import Happening
from emitter.world.known import Known
from emitter.world.listing import those
from emitter.world.parameters import Action, snake
from emitter.world.passing import Agenda
from emitter.world.showing import shown

_AT_ONCE = 256  # events of one transaction, where much falls due
_AGAIN = 60 * SECOND


class Emit(Protocol):
    """Keeps events, with their deliveries, and `rows` in one transaction; returns once they are on disk.

    `about` says of each event which product (0: none) and which requests it is about, by their numbers. The answer
    holds one receipt for each event, whatever those who call `act` want to know of it.
    """

    def __call__(
        self, events: Sequence[Event], rows: Sequence[Row], about: Sequence[tuple[int, Sequence[int]]] = ()
    ) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Caused:
    """One event that an action has caused: what happened, the event, and the receipt of who keeps it."""

    happening: Happening
    event: Event
    receipt: Any


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action: the entity as it is now, and the events that followed, in order."""

    action: str
    entity: Entity
    events: tuple[Caused, ...]


@dataclass(frozen=True, slots=True)
class Legal:
    """An action that an entity allows now, and the types of the events that would follow if nothing else is said.

    `sure` is False where that depends on parameters that have to be given: `events` are then those that may follow.
    """

    action: str
    events: tuple[str, ...]
    sure: bool = True


class World:
    """The simulated app: entities, what may be done, what time does. One action at a time.

    Equal seeds, clocks and actions give equal worlds and equal bytes. A world keeps the seed that it was founded with.
    Reading `known` needs no lock: an entity is there once it is on disk.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalog: Catalog,
        factory: Factory,
        clock: Clock,
        assumptions: Assumptions,
        emit: Emit,
        beginning: Callable[[], Sequence[Entity]] | None = None,
    ) -> None:
        """Take in what the store holds. `beginning` makes what a world starts with in place of the usual people and
        tables, its `Founding` among it."""
        self._store, self._catalog, self._factory, self._clock = store, catalog, factory, clock
        self._assumptions, self._emit, self._beginning = assumptions, emit, beginning
        self.listeners: list[Callable[[Sequence[Caused]], None]] = []
        """Told of all events once they are on disk, in order, while the world holds still."""
        self._acting = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        self.known = Known()
        self._unkept: list[Entity] = []  # what a world starts with, until the first action is kept
        self._subjects: dict[str, Product] = {}
        self._alarm: int | None = None
        self._take_in(restored(kind, kept) for _, kind, kept in self._store.entities())

    def _take_in(self, entities: Iterable[Entity]) -> None:
        """Let these be there, with all that is to come of them."""
        for entity in entities:
            self.known.apply(entity)
        founding = self.known.founding
        same = founding is None or founding.seed == self._factory.seed
        self._cast = self._factory.cast if same or founding is None else Cast(founding.seed, self._assumptions)
        self._agenda = Agenda(self._assumptions)
        self._agenda.restore(self.known, self._clock.now())

    def resume(self) -> None:
        """Go on where an earlier process ended: what fell due meanwhile is told now, late and once."""
        self._woken()

    # --- what may be done -----------------------------------------------------------------------------------------

    def act(self, action: str, /, *, run: str = "", **parameters: Any) -> Done:
        """Do something, by its name in `ACTIONS`; returns once it is on disk, with the events that followed.

        Raises `UnknownName`, `UsageError`, `BadValue`, `NotFound` or `IllegalAction`, and then nothing has changed.
        What falls due by now comes first.
        """
        name, asked = self._asked(action, parameters)
        with self._acting:
            self._found()
            self._pass()
            draft = self._draft(run=run, action=name)
            entity = self._perform(name, asked, draft)
            return Done(name, entity, self._keep(draft))

    def legal(self, entity: Entity) -> tuple[Legal, ...]:
        """List what may be done to a product or a request now, with the events that would follow."""
        with self._acting:
            found = []
            for name, kind in ACTIONS.items():
                if kind.subject != kind_of(entity) or getattr(entity, "state", "") not in kind.needs:
                    continue
                if any(each.required for each in kind.parameters()[1:]):
                    found.append(Legal(name, kind.emits, sure=False))
                    continue
                draft = self._draft()
                try:
                    self._perform(name, kind.read({kind.parameters()[0].name: entity.id}), draft)
                except IllegalAction:
                    continue
                except EmitterError:  # more has to be said first
                    found.append(Legal(name, kind.emits, sure=False))
                    continue
                found.append(Legal(name, tuple(each.type for each in draft.happenings)))
            return tuple(found)

    def _asked(self, name: str, parameters: Mapping[str, Any]) -> tuple[str, Action]:
        plain = snake(name.replace(" ", "_"))
        if plain not in ACTIONS:
            raise UnknownName("action", name, ACTIONS)
        return plain, ACTIONS[plain].read(parameters)

    def _perform(self, name: str, asked: Action, draft: Draft) -> Entity:
        subject = asked.find(draft)
        if subject is not None and (state := getattr(subject, "state", "")) not in asked.needs:
            raise draft.refuse(subject, f"needs {' or '.join(asked.needs)}" if state else "cannot be done")
        return asked.perform(draft, subject)

    def _draft(self, *, run: str = "", action: str = "") -> Draft:
        legal = (lambda entity: tuple(each.action for each in self.legal(entity))) if action else (lambda entity: ())
        return Draft(
            self.known, self._cast, now=self._clock.now(), assumptions=self._assumptions, run=run, action=action,
            legal=legal,
        )  # fmt: skip

    # --- keeping it -----------------------------------------------------------------------------------------------

    def found(self) -> None:
        """Have the people, domains and data sources that every world starts with; else the first action brings them."""
        with self._acting:
            self._found()

    def keep_founders(self) -> None:
        """Put what a world starts with on disk now, for whoever refers to it: another process would make others."""
        with self._acting:
            self._found()
            if self._unkept:
                self._emit((), [self._entity_row(each) for each in self._unkept])
                self._unkept = []

    def _entity_row(self, entity: Entity) -> Row:
        return self._store.entity_row(entity.number, kind_of(entity), entity.id, document(entity))

    def _found(self) -> None:
        if self.known.founding is None:
            if self._beginning is None:
                self._unkept = list(founders(self._factory.seed, self._cast, first=1))
            else:
                self._unkept = list(self._beginning())
            self._take_in(self._unkept)

    def _keep(self, draft: Draft, *, by_itself: bool = False) -> tuple[Caused, ...]:
        """Put a draft on disk together with its events; only then it is the world."""
        changed = list(draft.changed.values())
        told = [each for each in draft.happenings if each.type in self._catalog]  # the user's own schemas may be fewer
        if not changed and not told:
            return ()
        users = {**self.known.users, **{each.id: each for each in changed if isinstance(each, User)}}
        events = [self._event(each, users, by_itself) for each in told]
        kept = {each.number: each for each in (*self._unkept, *changed)}
        rows = list(map(self._entity_row, kept.values()))
        if self._clock.virtual:  # a crash must not set the clock back behind what has happened
            rows.append(self._store.remembered_row("virtual-now", str(self._clock.now())))
        about = [
            (each.product.number if each.product else 0, [one.number for one in each.requests]) for each in told
        ]  # fmt: skip
        receipts = self._emit(events, rows, about)
        self._unkept = []
        for entity in changed:
            before = self.known.requests.get(entity.id) if isinstance(entity, Request) else None
            self.known.apply(entity)
            if isinstance(entity, Request) and (before is None or before.status != entity.status):
                self._agenda.note(entity, draft.now)
        self._arm()
        caused = tuple(map(Caused, told, events, receipts))
        for listener in self.listeners:
            listener(caused)
        return caused

    def _event(self, happening: Happening, users: dict[str, User], by_itself: bool) -> Event:
        product = happening.product
        extended = self._assumptions.payload_profile == "extended"
        return self._factory.about(
            happening.type,
            self._subject(product.id, product.name) if product else None,
            detail=happening.detail(users) if extended else None,
            allow_invalid=by_itself,  # nobody is there to be told that a schema of their own forbids it
            run=happening.run,
        )

    def _subject(self, id: str, name: str) -> Product:
        """The product as the factory knows one, with its links."""
        found = self._subjects.get(id)
        if found is None or found.name != name:
            found = self._subjects[id] = self._cast.linked(Product(id=id, name=name))
        return found

    # --- what time does -------------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """When something happens by itself next; None for nothing."""
        with self._acting:
            self._agenda.forget_what_is_over(self.known)
            return self._agenda.next_due

    def _pass(self) -> None:
        """Let happen what is due by now."""
        while (due := self._agenda.next_due) is not None and due <= self._clock.now():
            draft = self._draft()
            try:
                self._agenda.pass_to(draft.now, draft, _AT_ONCE)
                self._keep(draft, by_itself=True)
            except EmitterError:
                self._agenda.restore(self.known, draft.now)
                raise

    def _woken(self) -> None:
        with self._acting:
            if self._alarm is not None and self._alarm <= self._clock.now():
                self._alarm = None
            try:
                self._pass()
                self._arm()
            except EmitterError:  # the disk is full, or the store is closed: it stays due
                self._clock.at(self._clock.now() + (0 if self._clock.virtual else _AGAIN), self._woken)
                if self._clock.virtual:  # whoever moves the clock is there to be told
                    raise

    def _arm(self) -> None:
        due = self._agenda.next_due
        if due is not None and (self._alarm is None or due < self._alarm):
            self._alarm = due
            self._clock.at(due, self._woken)

    # --- showing it -----------------------------------------------------------------------------------------------

    def find(self, kind: str, text: str) -> Entity:
        """The user, domain, data source, data product or request of this id or name; raises `NotFound`."""
        return self.known.find(kind, text)

    def those(
        self, kind: str, *, status: str = "", product: str = "", user: str = "", text: str = ""
    ) -> list[Entity]:  # fmt: skip
        """All of a kind, the oldest first; deleted ones only where `status` asks for them.

        `status` is of products and requests, `product` and `user` (for whom) of requests; `text` is what a name holds,
        case ignored. Raises `UnknownName`, `UsageError`, `BadValue` or `NotFound`.
        """
        return those(self.known, kind, status=status, product=product, user=user, text=text)

    def requests_of(self, entity: Entity) -> list[Request]:
        """The requests for a product, the oldest first, or a request alone."""
        if isinstance(entity, Request):
            return [entity]
        known = self.known
        return [known.requests[each] for each in tuple(known.of_product.get(entity.id, ()))]

    def show(self, entity: Entity) -> dict[str, Any]:
        """An entity as the API shows it (DataProduct, HydratedAccessRequest and their like)."""
        return shown(entity, self.known)

    def state(self) -> dict[str, Any]:
        """Everything that is there, as the API shows it; deleted products and their requests are left out."""
        founding, due = self.known.founding, self.next_due()
        return {
            "seed": founding.seed if founding else self._factory.seed,
            "now": rfc3339(self._clock.now(), 3),
            "nextDue": None if due is None else rfc3339(due, 3),
            "users": [self.show(each) for each in self.those("users")],
            "domains": [self.show(each) for each in self.those("domains")],
            "dataSources": [self.show(each) for each in self.those("data sources")],
            "dataProducts": [self.show(each) for each in self.those("data products")],
            "accessRequests": [self.show(each) for each in self.those("requests")],
        }

    # --- starting over --------------------------------------------------------------------------------------------

    @contextmanager
    def still(self) -> Iterator[None]:
        """Hold still: nothing is done, and nothing happens by itself."""
        with self._acting:
            yield

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Hold still while the store is emptied, then begin anew from what it holds."""
        with self._acting:
            yield
            self._begin()
