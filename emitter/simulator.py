"""The one place where the parts are wired together; every door ends here.

What it returns is JSON as `history` shapes it, so that a door in another process (`client`) has the same methods and
gives the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from itertools import count, islice
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import orjson

from emitter import clock as time
from emitter import snapshots
from emitter.assumptions import register
from emitter.clock import Clock, SystemClock, VirtualClock
from emitter.contract.check import Contract
from emitter.contract.export import chosen
from emitter.contract.export import exported as exported_contract
from emitter.contract.export_values import Contract as Exported
from emitter.contract.facts import facts
from emitter.coverage import of_history
from emitter.delivery import Attempt, Delivery, Webhook, WireRequest, masked
from emitter.dispatcher import Accepted, Dispatcher
from emitter.egress import Egress
from emitter.errors import BadValue, Conflict, EmitterError, NotFound, UsageError
from emitter.event import Event, Stamps
from emitter.export import export as exported
from emitter.factory import Factory, Override
from emitter.factory.cast import Product
from emitter.factory.samples import samples
from emitter.faults import FAULTS, Asked, FaultSpec
from emitter.faults import described as faults_described
from emitter.gate import Gate, passing
from emitter.history import History, Json
from emitter.outgoing import Outgoing
from emitter.query import AttemptQuery
from emitter.receiver import Receivers
from emitter.report import Report, to_json
from emitter.runner import Progress, play
from emitter.runner.asking import asked, new_run
from emitter.runner.registry import Registry
from emitter.runner.watching import Asked as Expected
from emitter.runner.watching import Watch, Watches
from emitter.scenario import Scenario, library, telling
from emitter.scenario import schema as scenario_schema
from emitter.settings import LATEST, Settings
from emitter.shared import Shared
from emitter.signing import Scheme, Signer, SigningKey
from emitter.store import Row, Store
from emitter.tokens import Tokens
from emitter.transport import Transport
from emitter.trigger import TriggerSpec
from emitter.vendor import Caller, Desk
from emitter.world import World, described, kind_of
from emitter.worldfile import FORMS, Beginning, Conditions, start, written

try:
    VERSION = installed("request-app-emitter")
except PackageNotFoundError:
    VERSION = "0+source"
_RUNS = 4096  # whose events with faults are counted
MOST_PREVIEWED = 20  # targets for which a preview shows the request
PORTION = 64  # events that are made before they are kept, in one commit
USER_AGENT = f"request-app-emitter/{VERSION}"

# what `faulting` has asked for around what runs now, in each simulator, with the seed that is to be drawn from
_FAULTING: ContextVar[tuple[tuple[Simulator, tuple[FaultSpec, ...], int | None], ...]] = ContextVar(
    "faulting", default=()
)


class Simulator:
    """A stand-in for the Request app: makes events, sends them to webhooks, remembers everything.

    Opening one takes the store (`StoreLocked`, `StoreUnusable`) and loads the schemas (`SchemaError`). Use it as a
    context manager, or call `close`. `shared` is what it has in common with others of this process.
    """

    def __init__(self, settings: Settings, *, shared: Shared | None = None) -> None:
        self.settings = settings
        self.assumptions = settings.assumptions
        self.shared = shared or Shared()
        self._owns_shared = shared is None
        self.dependants: list[Callable[[], None]] = []
        """Called, the last first, before this is closed."""
        scheme = Scheme.of(self.assumptions)
        self.catalog = self.shared.catalog(settings.schemas)
        self.judge = Contract(self.catalog, settings.assumptions)
        begun = start(settings.world)
        self.store = Store(
            settings.store, patience=settings.patience, durable=settings.durable, readers=settings.readers
        )
        self.egress = Egress(allow=settings.allow, listeners=lambda: self.shared.listeners)
        self.transport = Transport(egress=self.egress, shared=self.shared.sender)
        try:
            self.clock: Clock = self._clock()
            seed = settings.seed if settings.seed is not None else SystemRandom().getrandbits(48)
            self._stamps = Stamps(Random(f"stamps {seed}"), self._latest_stamp())
            self._chance = SystemRandom()
            self._faulted: dict[str, int] = {}  # by run
            self._faulted_lock = threading.Lock()
            self.gate = Gate()  # what changes records passes it; who replaces them all is alone in it
            self.factory = self._factory(seed)
            self._webhooks = {webhook.id: webhook for webhook in self.store.webhooks()}
            self._webhooks_lock = threading.RLock()
            self.history = History(store=self.store, catalog=self.catalog, scheme=scheme, virtual=self.clock.virtual)
            self.outgoing = Outgoing(
                signer=Signer(scheme),
                assumptions=self.assumptions,
                user_agent=USER_AGENT,
                ca=settings.ca,
                restamp=self._restamped if self.assumptions.payload_timestamp_source == "send" else None,
            )
            self.dispatcher = Dispatcher(
                store=self.store,
                transport=self.transport,
                clock=self.clock,
                outgoing=self.outgoing,
                assumptions=self.assumptions,
                suppressed=self._suppressed,
            )
            self._beginning = None if begun is None else Beginning(begun, self._conditions)
            self.world = World(
                store=self.store, catalog=self.catalog, factory=self.factory, clock=self.clock,
                assumptions=self.assumptions, emit=self._emit, beginning=self._beginning,
            )  # fmt: skip
            self._begin()
            known = list(self._webhooks.values())
            self.interrupted = self.dispatcher.resume(known) if settings.resume else 0
            if settings.resume:
                self.world.resume()
        except BaseException:
            self.transport.close(0.0)
            self.store.close()
            raise
        self.registry = Registry(self.play, self.store.plays)
        self.opened = Receivers(catalog=self.catalog, scheme=scheme)
        self.watches = Watches(self, self.opened.captures)
        self.issued = Tokens(self.store, self.world)
        self._library: list[Json] = []
        self._closed = False
        self._trimmed = 0  # the newest attempt that was there
        self._housekeeping()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _clock(self) -> Clock:
        if self.settings.start is None:
            return SystemClock()
        remembered = int(self.store.recall("virtual-now") or 0)
        return VirtualClock(max(self.settings.start, remembered))

    def _latest_stamp(self) -> int:
        return self.store.last_stamp(self.clock.now() + (time.SECOND if self.clock.virtual else 0))

    def _factory(self, seed: int) -> Factory:
        return Factory(
            catalog=self.catalog, assumptions=self.assumptions, clock=self.clock, stamps=self._stamps, seed=seed
        )

    def _restamped(self, body: bytes, stamp: int) -> bytes:
        made = Event(type="", body=body, stamp=stamp, seed=self.factory.seed)
        return self.factory.restamped(made, self._stamps.next(self.clock.now()))

    # --- events -----------------------------------------------------------------------------------------------------

    def event_types(self) -> list[Json]:
        """The catalogue: name, alias, title, trigger, core members, who is notified."""
        return [
            {
                "type": each.name,
                "alias": each.alias,
                "title": each.title,
                "trigger": each.trigger,
                "core": list(each.core),
                "notified": list(each.notified),
                "cycle": each.cycle,
            }
            for each in self.catalog
        ]

    def event_type(self, name: str) -> Json:
        """One event type with its schema, example and provenance; raises `UnknownEventType`."""
        each = self.catalog.resolve(name)
        listed = next(item for item in self.event_types() if item["type"] == each.name)
        return {**listed, "schema": each.schema, "example": each.example, "provenance": dict(each.provenance)}

    def contract(self, form: str, syntax: str = "") -> bytes:
        """The contract as `asyncapi`, `openapi`, `json-schema`, `markdown`, or `samples`: a body a type, a line each.

        `syntax` is `yaml` or `json` where a form has both. Raises `NotFound` for another form, `BadValue` for a syntax
        that it does not have, `SchemaError` for samples of a type from which nothing can be made.
        """
        form, syntax = chosen(form, syntax)
        bodies = samples(self.catalog, self.assumptions, all_of_them=form == "samples")
        return exported_contract(Exported(self.catalog, self.assumptions, VERSION, bodies), form, syntax)

    def make(self, spec: TriggerSpec) -> Iterator[Event]:
        """Make the events of a spec without keeping or sending them."""
        factory = self.factory if spec.seed is None else self.factory.seeded(spec.seed)
        if spec.body is not None:
            for _ in range(spec.count):
                yield factory.given(spec.body, allow_invalid=spec.allow_invalid, run=spec.run)
            return
        about = self._about(spec.type, spec.product) if spec.product else {}
        overrides = Override.of_json({"set": {**about, **spec.set}, "unset": list(spec.unset)})
        for _ in range(spec.count):
            yield factory.event(
                spec.type, profile=spec.profile or None, overrides=overrides, allow_invalid=spec.allow_invalid,
                run=spec.run,
            )  # fmt: skip

    def _about(self, type_name: str, product: str) -> Json:
        """The members that say which product of the world an event is about, with the link that belongs to it."""
        self._found()
        known, kind = self.world.known.product(product), self.catalog.resolve(type_name)
        linked = self.factory.cast.linked(Product(id=known.id, name=known.name))
        link = {
            "product": linked.link_product, "data-sources": linked.link_data_sources, "requests": linked.link_requests,
        }.get(kind.link)  # fmt: skip
        about = {"data.dataProductId": linked.id, "data.dataProductName": linked.name}
        return {**about, "data.actionLink": link} if link else about

    def preview(self, spec: TriggerSpec) -> list[Json]:
        """Show what would be sent: each event with its body and the requests that carry it; nothing is kept or sent.

        `requests` are those to the first few targets, with their headers, signatures among them.
        """
        self._check_target(spec)
        targets = self._targets(spec, keep=False)[:MOST_PREVIEWED]
        return [
            {"type": event.type, "timestamp": time.rfc3339(event.stamp), "verdict": event.verdict, "seed": event.seed,
             "body": event.body.decode("utf-8", "replace"),
             "requests": [self._preview(event, each) for each in targets]}
            for event in self.make(spec)
        ]  # fmt: skip

    def _preview(self, event: Event, webhook: Webhook) -> Json:
        headers = self.outgoing.headers(webhook, event.body, self.clock.now())
        return {"webhookId": webhook.id, "url": masked(webhook.url), "headers": [list(each) for each in headers]}

    def trigger(self, spec: TriggerSpec) -> list[Json]:
        """Make, keep and send events; returns once they are on disk, each with its planned deliveries."""
        return list(self._triggered(spec))

    def trigger_each(self, spec: TriggerSpec) -> Iterator[Json]:
        """As `trigger`, one by one, never far ahead of what has been sent: for many."""
        for number, triggered in enumerate(self._triggered(spec), start=1):
            yield triggered
            if number % PORTION == 0:
                self.dispatcher.wait_for_room()

    def _triggered(self, spec: TriggerSpec) -> Iterator[Json]:
        self._check_target(spec)
        events = self.make(spec)
        faults = self._asked(spec.faults, seed=spec.seed)
        while True:
            with self.gate.passing():
                portion = list(islice(events, PORTION))
                if not portion:
                    return
                targets = self._targets(spec)
                planned = [(event, self._fan_out(event, targets)) for event in portion]
                kept = self.dispatcher.accept_all(planned, faults=faults)
                told = list(map(self._accepted, portion, kept))
            yield from told

    def _check_target(self, spec: TriggerSpec) -> None:
        if spec.to:
            self.egress.check_url(spec.to)
            _check_ca(spec.ca)
        for each in spec.webhooks:
            self.webhook(each)

    def _targets(self, spec: TriggerSpec, *, keep: bool = True) -> list[Webhook]:
        """The webhooks that a spec means; a target is made one, and not kept if it is not to be."""
        if spec.webhooks:
            named = [self.webhook(each) for each in spec.webhooks]
            silent = next((each for each in named if each.suppressed), None)
            if silent is not None:
                raise Conflict(f"Webhook {silent.id} is suppressed: it gets nothing. Resume it first.")
            return named
        if not spec.to:
            with self._webhooks_lock:
                return [each for each in self._webhooks.values() if each.listed and not each.suppressed]
        key = SigningKey(spec.signing_key) if spec.signing_key else None
        if not keep:
            return [Webhook(id="", url=spec.to, signing_key=key, verify_tls=spec.verify_tls, listed=False)]
        return [self._one_off(spec.to, key, verify_tls=spec.verify_tls, ca=spec.ca, http2=spec.http2)]

    def _one_off(
        self, url: str, key: SigningKey | None, *, verify_tls: bool, ca: str = "", http2: bool = False
    ) -> Webhook:
        """An unlisted webhook; the same target is one webhook, so that its order is kept."""
        with self._webhooks_lock:
            for each in self._webhooks.values():
                if (each.listed, each.url, each.signing_key, each.verify_tls, each.ca, each.http2) == (
                    False, url, key, verify_tls, ca, http2,
                ):  # fmt: skip
                    return each
            return self._add(
                Webhook(id="", url=url, signing_key=key, verify_tls=verify_tls, ca=ca, http2=http2, listed=False)
            )

    def _fan_out(self, event: Event, targets: Sequence[Webhook]) -> list[Webhook]:
        if self.assumptions.delivery_fan_out == "recipient":
            return [each for each in targets for _ in range(event.audiences)]
        return list(targets)

    def _accepted(self, event: Event, accepted: Accepted) -> Json:
        return {
            "id": self.store.event_ids.show(accepted.event_id),
            "type": event.type,
            "timestamp": time.rfc3339(event.stamp),
            "dataProductId": event.product_id,
            "dataProductName": event.product_name,
            "verdict": event.verdict,
            "seed": event.seed,
            "run": event.run,
            "deliveries": [
                {
                    "id": self.store.delivery_ids.show(each.id),
                    "webhookId": each.webhook.id,
                    "url": masked(each.webhook.url),
                    "state": each.state,
                }
                for each in accepted.deliveries
            ],
        }

    # --- faults -----------------------------------------------------------------------------------------------------

    def faults(self) -> list[Json]:
        """The ways in which a delivery can go wrong on purpose: each fault with its parameters."""
        return faults_described()

    @contextmanager
    def faulting(self, faults: Sequence[FaultSpec | Any], *, seed: int | None = None) -> Iterator[None]:
        """Let whatever this thread causes meanwhile go wrong in these ways, beside those that are asked for already.

        `for` counts from here; chance draws from `seed`, by default the simulator's. Do not hold it across a `yield` of
        a generator: whoever goes on meanwhile is in it, too.
        """
        now = self.clock.now()
        asked = tuple(FaultSpec.parse(each).begun(now) for each in faults)
        token = _FAULTING.set((*_FAULTING.get(), (self, asked, seed)))
        try:
            yield
        finally:
            _FAULTING.reset(token)

    def _asked(self, faults: Sequence[FaultSpec | Any] = (), *, seed: int | None = None) -> Asked | None:
        """All that is to go wrong with what happens now; events of a seed of their own are counted from its first."""
        around = [each for each in _FAULTING.get() if each[0] is self]
        if not around and not faults:
            return None
        now = self.clock.now()
        specs = (
            *(spec for _, asked, _ in around for spec in asked),
            *(FaultSpec.parse(each).begun(now) for each in faults),
        )
        if not specs:
            return None
        if seed is not None:
            own = count()
            return Asked(specs, seed, lambda run: next(own))
        seeds = [given for _, _, given in around if given is not None]
        return Asked(specs, seeds[-1] if seeds else self.factory.seed, self._next_faulted)

    def _next_faulted(self, run: str) -> int:
        with self._faulted_lock:
            if len(self._faulted) > _RUNS:
                self._faulted.clear()
            number = self._faulted.get(run, 0)
            self._faulted[run] = number + 1
            return number

    # --- the world --------------------------------------------------------------------------------------------------

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

    def _found(self) -> None:
        """Have the people and tables that a world starts with, so that they can be named before the first action.

        One that only looks leaves that to who acts: its seed, and so the names, would be others. A world that was asked
        for it shows.
        """
        if self.settings.resume or self._beginning is not None:
            self.world.found()

    def _conditions(self) -> Conditions:
        return Conditions(self.factory.seed, self.clock.now(), self.assumptions, self.catalog)

    def _begin(self) -> None:
        """Found the world that was asked for; raises `Conflict` where another one is there already."""
        if self._beginning is not None:
            self._beginning.check(self.world.known, str(self.settings.store or "this store"))
            if self.settings.resume:
                self.world.keep_founders()

    def play(
        self,
        scenario: Scenario,
        *,
        run: str = "",
        speed: float = 0.0,
        to: str = "",
        signing_key: str = "",
        verify_tls: bool = True,
        ca: str = "",
        watch: Callable[[Progress], None] | None = None,
        stopped: threading.Event | None = None,
    ) -> Report:
        """Play a scenario here, in this world and on this clock, to its end; what it makes bears the name of the run.

        It goes to a webhook for `to`, or to all that are registered. Raises `Conflict` for a name that another run has
        and for settings that are not those here, and what a target may be refused with.
        """
        _check_ca(ca)
        if signing_key:
            SigningKey(signing_key)
        if to:
            self.egress.check_url(to)
        self._check_settings(scenario)
        run = run or new_run(scenario.name)
        self.store.plays.begin(
            run, asked(scenario, speed=speed, world=self.settings.world if isinstance(self.settings.world, str) else "")
        )
        report = play(
            self, scenario, run=run, speed=speed, to=to, signing_key=signing_key, verify_tls=verify_tls, ca=ca,
            watch=watch, stopped=stopped, version=VERSION, store=str(self.settings.store or ""),
        )  # fmt: skip
        self.store.plays.end(run, report.status, orjson.dumps(to_json(report)))
        return report

    def _check_settings(self, scenario: Scenario) -> None:
        """Refuse a story that is told under assumptions other than ours: its report would not be true."""
        wanted = self.assumptions.override_all(dict(scenario.settings))
        ours = {each.switch: each.value for each in register(self.assumptions)}
        other = {each.switch: each.value for each in register(wanted) if each.value != ours[each.switch]}
        if other:
            flags = " ".join(f"--assume {switch}={value}" for switch, value in other.items())
            raise Conflict(
                f"{scenario.name} is played under settings that this simulator does not have. Start it with {flags}, "
                "or play apart from it: `emitter run`."
            )

    # --- scenarios and their runs -----------------------------------------------------------------------------------

    def scenarios(self) -> list[Json]:
        """The scenarios that come with emitter, with what each is about."""
        if not self._library:  # they are files of ours, and stay as they are
            found = (telling.kept(each.stem, catalog=self.catalog) for each in library())
            self._library = [telling.summary(each, self.catalog) for each in found]
        return list(self._library)

    def scenario(self, name: str) -> Json:
        """One scenario that comes with emitter, with its `text`; raises `NotFound`."""
        found = telling.kept(name, catalog=self.catalog)
        return {**telling.summary(found, self.catalog), "text": found.text}

    def check_scenario(self, yaml: str, *, name: str = "", variables: Mapping[str, Any] | None = None) -> Json:
        """Whether a text is a scenario: all that is wrong with it, by line, or what it is about."""
        there = self.world.known.called()
        return telling.checked(yaml, name=name, catalog=self.catalog, variables=variables, there=there)

    def scenario_schema(self) -> Json:
        """The JSON Schema of the language, by which editors complete and check."""
        return scenario_schema(self.catalog)

    def start_run(
        self,
        scenario: str = "",
        *,
        yaml: str = "",
        name: str = "",
        variables: Mapping[str, Any] | None = None,
        seed: int | None = None,
        speed: float = 0.0,
        to: str = "",
        signing_key: str = "",
        verify_tls: bool = True,
        ca: str = "",
        run: str = "",
        wait: float = 0.0,
    ) -> Json:
        """Play a scenario of the library, or the text of one, here and beside all else; returns once it has begun.

        Waits up to `wait` seconds for its end. The answer is that of `run`. Raises `ScenarioError`, `Conflict` while
        another is played, and what `play` does.
        """
        there = self.world.known.called()
        found = telling.chosen(scenario, yaml, called=name, catalog=self.catalog, variables=variables, there=there)
        begun = self.registry.start(
            found if seed is None else replace(found, seed=seed), run=run, speed=speed, to=to, signing_key=signing_key,
            verify_tls=verify_tls, ca=ca,
        )  # fmt: skip
        return self.run(begun, wait=wait)

    def runs(self) -> list[Json]:
        """The runs that were played here, the newest first, without their reports."""
        return self.registry.all()

    def run(self, run: str, *, wait: float = 0.0) -> Json:
        """One run: its state, what it is doing, its report once it is over; waits up to `wait` seconds for that."""
        self.registry.wait(run, wait)
        return self.registry.find(run)

    def cancel_run(self, run: str) -> Json:
        """End a run between two of its steps; one that is over stays as it is."""
        self.registry.cancel(run)
        return self.registry.find(run)

    def run_report(self, run: str, form: str = "json") -> bytes:
        """The report of a run as JSON, text, JUnit XML or a page of HTML; raises `Conflict` while there is none."""
        return self.registry.written(run, form)

    def compare_runs(self, run: str, other: str) -> Json:
        """How two runs differ, in words: what they told, and how it went, whatever their speed and target."""
        return self.registry.compared(run, other)

    def _emit(
        self, events: Sequence[Event], rows: Sequence[Row], about: Sequence[tuple[int, Sequence[int]]] = ()
    ) -> list[Accepted]:
        """Keep what happened in the world: its entities, its events, and a delivery for each webhook."""
        with self._webhooks_lock:
            targets = [each for each in self._webhooks.values() if each.listed and not each.suppressed]
        planned = [(event, self._fan_out(event, targets)) for event in events]
        return self.dispatcher.accept_all(planned, rows, faults=self._asked(), about=about)

    # --- expectations, and receivers to hold them against -----------------------------------------------------------

    def expect(
        self,
        expected: Mapping[str, Any],
        *,
        things: Mapping[str, str] | None = None,
        run: str = "",
        name: str = "",
    ) -> Json:
        """Hold all that happened, or what bears the name of a run, against what is expected, as a scenario's `expect`.

        `things` are names that stand in it, with the id or name of the entity that each stands for; ids and names of
        the world stand for themselves. What is under way is let finish first, and with `within` it is asked again for
        so long. Says `passed`, the `findings`, and all of it as `text`; where it holds, `since` of later ones may look
        back to it as `last`, or by `name`. Raises `ScenarioError`, `UsageError`, `NotFound`.
        """
        watch, asked = self.expecting(expected, things=things, run=run, name=name)
        self.settle(self.assumptions.delivery_timeout.total_seconds() + 2.0)
        return watch.hold(asked, name=name, seconds=asked.within.total_seconds(), settle=self.settle).to_json()

    def expecting(
        self, expected: Mapping[str, Any], *, things: Mapping[str, str] | None = None, run: str = "", name: str = ""
    ) -> tuple[Watch, Expected]:
        """What `expect` asks, read, and who judges it: for who waits in their own way."""
        self._found()
        watch = self.watches.of(run)
        return watch, watch.read(expected, things, name=name)

    def open_receiver(self, *, answers: str = "", signing_key: str = "", register: bool = False, port: int = 0) -> Json:
        """Open a receiver on a loopback port: it catches what comes and answers by a script, as `500,503:2s,close,200`.

        Without one it answers 200, or 401 where it has a key and the signature is wrong. `register` adds a webhook for
        it, with its key. Raises `BadValue`, `BadSigningKey`, `Conflict` for one too many, `Unavailable` for a port that
        is in use.
        """
        opened = self.opened.open(answers=answers, signing_key=signing_key, port=port)
        if register:
            try:
                webhook = self.add_webhook(self.opened.url(opened), signing_key=signing_key)
            except EmitterError:
                self.opened.close(opened)
                raise
            self.opened.register(opened, webhook.id)
        return self.opened.show(opened)

    def receivers(self) -> list[Json]:
        """The receivers that are open, the oldest first."""
        return self.opened.all()

    def receiver(self, receiver_id: str) -> Json:
        """One receiver; raises `NotFound`, as all that follows."""
        return self.opened.show(receiver_id)

    def change_receiver(self, receiver_id: str, answers: str) -> Json:
        """Have a receiver answer by another script from now on; with an empty one as a right receiver does."""
        self.opened.answer(receiver_id, answers)
        return self.opened.show(receiver_id)

    def captures(self, receiver_id: str, *, count: int = 0, after: int = 0, timeout: float = 10.0) -> Json:
        """What a receiver has caught, oldest first, numbered from 1; waits up to `timeout` seconds for `count` of them.

        Only those numbered above `after` are counted and told.
        """
        return self.opened.wait(receiver_id, count=count, after=after, timeout=timeout)

    def close_receiver(self, receiver_id: str) -> None:
        """Close a receiver, and remove the webhook that was registered for it."""
        webhook = self.opened.close(receiver_id)
        with self._webhooks_lock:
            if webhook in self._webhooks:
                self.delete_webhook(webhook)

    # --- history ----------------------------------------------------------------------------------------------------

    def attempts(self, query: AttemptQuery) -> Json:
        return self.history.attempts(query)

    def count(self, query: AttemptQuery) -> Json:
        return self.history.count(query)

    def overview(self, query: AttemptQuery) -> Json:
        """The attempts that match at a glance: how many there are of each outcome, and how they lie in time."""
        return self.history.overview(query)

    def attempt(self, attempt_id: int) -> Json:
        return self.history.attempt(attempt_id)

    def events(self, *, before: str = "", limit: int = 50, types: tuple[str, ...] = (), run: str = "") -> Json:
        return self.history.events(before=before, limit=limit, types=types, run=run)

    def event(self, event_id: str) -> Json:
        return self.history.event(event_id)

    def delivery(self, delivery_id: str) -> Json:
        return self.history.delivery(delivery_id)

    def deliveries(self, delivery_ids: Sequence[str], *, wait: float = 0.0) -> list[Json]:
        """These deliveries with their attempts; waits up to `wait` seconds for all of them to be over."""
        numbers = [self.store.delivery_ids.read(each) for each in delivery_ids]
        if wait:

            def over() -> bool:
                rows = (self.store.reader.delivery(number) for number in numbers if number)
                return all(row is None or row.state != "pending" for row in rows)

            self.dispatcher.watch(over, wait)
        return [self.history.delivery(each) for each in delivery_ids]

    def wait(self, query: AttemptQuery, *, count: int = 1, timeout: float = 10.0) -> Json:
        """Wait up to `timeout` seconds (wall time) for `count` completed attempts that match; `complete` says if so."""
        query = replace(query, limit=min(max(count, 1), 500))
        found: list[Json] = []

        def enough() -> bool:
            page = self.history.attempts(query)
            found[:] = [each for each in page["attempts"] if each["outcome"] != "started"]
            return len(found) >= count

        complete = self.dispatcher.watch(enough, timeout)
        return {"complete": complete, "attempts": found}

    @passing
    def resend(
        self,
        attempt_id: int,
        *,
        as_is: bool = False,
        body: bytes | None = None,
        allow_invalid: bool = False,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json:
        """Send an attempt's event to its webhook again, signed anew or byte for byte as it was; a new delivery.

        With a `body` of its own that is a new event, for that webhook alone; `allow_invalid` sends what its schema does
        not allow, too. Of `faults`, those that strike attempts go with what was planned already. Raises `NotFound`,
        `Conflict` where the webhook is gone or suppressed, `UsageError`, and what a body may be refused with.
        """
        if body is not None and as_is:
            raise UsageError("A body of its own is a new event, and as-is is the old one: ask for one of the two.")
        specs = tuple(map(FaultSpec.parse, faults))
        shaping = next((each.name for each in specs if FAULTS[each.name].kind == "planning"), "")
        if shaping and body is None:
            raise UsageError(
                f'The fault "{shaping}" shapes what is planned for a new event, and this one is planned already. Give '
                "a body of its own, or trigger an event with it."
            )
        rows = self.store.reader.attempt_rows([attempt_id])
        wire = self.store.reader.wire(attempt_id)
        if not rows or wire is None:
            raise NotFound("attempt", attempt_id)
        row = rows[0]
        event = self.store.reader.event(row.event_id)
        with self._webhooks_lock:
            webhook = next((each for each in self._webhooks.values() if each.number == row.webhook), None)
        if webhook is None or event is None:
            raise Conflict(f"Attempt {attempt_id} cannot be sent again: its webhook was removed.")
        if webhook.suppressed:
            raise Conflict(f"Webhook {webhook.id} is suppressed: it gets nothing. Resume it first.")
        if body is not None:
            fresh = self.factory.given(body, allow_invalid=allow_invalid, run=row.run)
            [accepted] = self.dispatcher.accept_all([(fresh, [webhook])], faults=self._asked(specs))
            return self.history.delivery(self.store.delivery_ids.show(accepted.deliveries[0].id))
        sent = row.body if wire.body is None else wire.body
        request = WireRequest(webhook.url, wire.headers, sent)
        attempt = Attempt(row.id, row.delivery_id, row.number, row.started, row.scheduled, request)
        delivery = Delivery(row.delivery_id, row.event_id, webhook, row.due)
        again = self.dispatcher.send_again(attempt, delivery, event, as_is=as_is, faults=self._asked(specs))
        return self.history.delivery(self.store.delivery_ids.show(again.id))

    def coverage(self, query: AttemptQuery, *, extended: bool = False) -> Json:
        """What the receivers of all attempts that match have seen of the contract, and what not yet.

        `extended` counts the members, too, that only this simulator sends.
        """
        return of_history(self.history, self.catalog, self.assumptions, query, extended=extended).to_json()

    def export(self, query: AttemptQuery, form: str) -> Iterator[bytes]:
        """Write every attempt that matches in a form that other tools read, piece by piece."""
        return exported(self.history, query, form)

    def check(self, body: bytes) -> Json:
        """Hold a body against what is documented and what is assumed: `verdict`, `violations` and `warnings`."""
        return self.judge.of_body(body).to_json()

    # --- webhooks ---------------------------------------------------------------------------------------------------

    def webhooks(self, *, unlisted: bool = False) -> list[Webhook]:
        """The registrations, oldest first."""
        with self._webhooks_lock:
            return [each for each in self._webhooks.values() if each.listed or unlisted]

    def webhook(self, webhook_id: str) -> Webhook:
        """One registration; raises `NotFound`."""
        with self._webhooks_lock:
            found = self._webhooks.get(webhook_id)
        if found is None or not found.listed:
            raise NotFound("webhook", webhook_id)
        return found

    @passing
    def add_webhook(
        self, url: str, *, verify_tls: bool = True, signing_key: str = "", ca: str = "", http2: bool = False
    ) -> Webhook:
        """Register a webhook; raises `BadTarget`, `EgressRefused` or `BadSigningKey`."""
        self.egress.check_url(url)
        _check_ca(ca)
        key = SigningKey(signing_key) if signing_key else None
        with self._webhooks_lock:
            return self._add(Webhook(id="", url=url, verify_tls=verify_tls, signing_key=key, ca=ca, http2=http2))

    def _add(self, webhook: Webhook) -> Webhook:
        bits = f"{self._chance.getrandbits(122):031x}"
        identity = f"{bits[:8]}-{bits[8:12]}-4{bits[12:15]}-{'89ab'[int(bits[30], 16) % 4]}{bits[15:18]}-{bits[18:30]}"
        added = self.store.add_webhook(replace(webhook, id=identity, created_at=time.wall()))
        self._webhooks[added.id] = added
        return added

    @passing
    def change_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        verify_tls: bool | None = None,
        signing_key: str | None = None,
        ca: str | None = None,
        http2: bool | None = None,
        paused: bool | None = None,
        suppressed: bool | None = None,
    ) -> Webhook:
        """Change a registration; None keeps, an empty signing key removes it.

        A pause holds what comes until it ends; suppressing drops what waits and what comes.
        """
        if url is not None:
            self.egress.check_url(url)
        _check_ca(ca or "")
        with self._webhooks_lock:
            old = self.webhook(webhook_id)
            key = old.signing_key if signing_key is None else SigningKey(signing_key) if signing_key else None
            changed = replace(
                old,
                url=old.url if url is None else url,
                verify_tls=old.verify_tls if verify_tls is None else verify_tls,
                signing_key=key,
                ca=old.ca if ca is None else ca,
                http2=old.http2 if http2 is None else http2,
                paused=old.paused if paused is None else paused,
                suppressed=old.suppressed if suppressed is None else suppressed,
            )
            self.store.save_webhook(changed)
            self._webhooks[webhook_id] = changed
        self.dispatcher.changed(changed)
        if changed.suppressed and not old.suppressed:
            self.dispatcher.drop(changed, "The webhook was suppressed.")
        return changed

    @passing
    def delete_webhook(self, webhook_id: str) -> None:
        """Remove a registration; what waits for it is dropped."""
        with self._webhooks_lock:
            webhook = self.webhook(webhook_id)
            self.store.delete_webhook(webhook)
            del self._webhooks[webhook_id]
        self.dispatcher.drop(webhook, "The webhook was removed.", gone=True)

    def test_webhook(self, webhook_id: str) -> Json:
        """Send the test payload to one webhook and wait for what comes of it; a success ends a suppression."""
        webhook = self.webhook(webhook_id)
        attempt = self._test(lambda: self.webhook(webhook_id))
        if attempt is not None and attempt["outcome"] == "accepted" and webhook.suppressed:
            self.change_webhook(webhook_id, suppressed=False)
        return self.test_result(attempt)

    def test_config(self, url: str, *, verify_tls: bool = True, signing_key: str = "") -> Json:
        """Send the test payload to a configuration that is not kept (or to all webhooks: `test.scope`)."""
        self.egress.check_url(url)
        key = SigningKey(signing_key) if signing_key else None
        attempt = self._test(lambda: self._one_off(url, key, verify_tls=verify_tls))
        if self.assumptions.test_scope == "all":
            for webhook in self.webhooks():
                self._test(lambda id=webhook.id: self.webhook(id))  # type: ignore[misc]
        return self.test_result(attempt)

    def _test(self, find: Callable[[], Webhook]) -> Json | None:
        with self.gate.passing():
            accepted = self.dispatcher.accept_and_wait(self.factory.test_event(), [find()], express=True)
        longest = self.assumptions.delivery_timeout.total_seconds() + 2.0
        found = self.deliveries([self.store.delivery_ids.show(accepted.deliveries[0].id)], wait=longest)[0]
        return found["attempts"][-1] if found["attempts"] else None

    def test_result(self, attempt: Json | None) -> Json:
        """What the vendor's API says of a test: `WebhookTestResult`."""
        accepted = attempt is not None and attempt["outcome"] == "accepted"
        words: tuple[Any, Any] = ("SUCCESS", "FAILED") if self.assumptions.test_status_form == "name" else (1, 2)
        status = attempt["status"] if attempt else None
        result: Json = {"status": words[0] if accepted else words[1], "httpStatusCode": status or 0}
        if not accepted:
            told = attempt["error"] if attempt else ""
            result["errorMessage"] = told or (f"The receiver answered {status}." if status else "There was no answer.")
        return result

    def webhook_day(self, webhook_id: str, *, most: int = 5000) -> Json:
        """How a webhook's attempts of the last 24 hours went, hour by hour, told from the newest `most` of them.

        `accepted` of `completed`; `hours`, from old to new, each with its own counts and the median `latencyMs`, null
        for none. `capped` where there may be more.
        """
        webhook = self.webhook(webhook_id)
        until = time.wall()
        since = until - 24 * 3600 * time.SECOND
        rows = self.store.reader.latest(webhook.number, since=since, limit=most)
        hours: list[list[tuple[bool, int]]] = [[] for _ in range(24)]
        for started, accepted, total in rows:
            hours[min(max((started - since) // (3600 * time.SECOND), 0), 23)].append((accepted, total))
        return {
            "since": time.rfc3339(since, 0),
            "completed": len(rows),
            "accepted": sum(accepted for _, accepted, _ in rows),
            "latencyMs": _median([total for _, _, total in rows]),
            "capped": len(rows) >= most,
            "hours": [
                {"completed": len(each), "accepted": sum(accepted for accepted, _ in each),
                 "latencyMs": _median([total for _, total in each])}
                for each in hours
            ],
        }  # fmt: skip

    def webhook_history(self, webhook_id: str, *, offset: int, limit: int) -> tuple[list[Json], int]:
        """A webhook's completed attempts as the vendor's API pages them, and how many there are."""
        webhook = self.webhook(webhook_id)
        hidden = self.factory.test_event().type if self.assumptions.test_in_history == "never" else ""
        rows, total = self.store.reader.history(
            webhook.number, offset=offset, limit=limit, without_type=hidden,
            newest_first=self.assumptions.history_order == "newest-first",
        )  # fmt: skip
        return [self.history.summary(row) for row in rows], total

    def _suppressed(self, webhook: Webhook) -> None:
        """The dispatcher says that a webhook has failed too often (`delivery.suppress_after`)."""
        with self._webhooks_lock:
            current = self._webhooks.get(webhook.id)
            if current is not None:
                self._webhooks[webhook.id] = suppressed = replace(current, suppressed=True)
                self.store.save_webhook_soon(suppressed)

    # --- the simulator itself ---------------------------------------------------------------------------------------

    def state(self) -> Json:
        """What runs: version, store, clock, what is under way and what waits."""
        return {
            "version": VERSION,
            "store": str(self.settings.store) if self.settings.store else "memory",
            "clock": "virtual" if self.clock.virtual else "system",
            "now": time.rfc3339(self.clock.now()),
            "profile": self.assumptions.payload_profile,
            "seed": self.factory.seed,
            "inFlight": self.dispatcher.in_flight(),
            "waiting": sum(self.store.reader.waiting_counts().values()),
            "webhooks": len(self.webhooks()),
            "interruptedAtStart": self.interrupted,
        }

    def assumed(self) -> list[Json]:
        """The register of assumptions."""
        return [
            {"switch": each.switch, "value": each.value, "default": each.default, "changed": each.changed,
             "allowed": each.allowed, "unknown": each.unknown, "why": each.why, "provenance": each.provenance,
             "evidence": each.evidence}
            for each in register(self.assumptions, self.settings.calibrated)
        ]  # fmt: skip

    def facts(self) -> Json:
        """How many facts about the app there are, and how many stand on what: documents, captures, assumptions."""
        return dict(facts(self.catalog, register(self.assumptions, self.settings.calibrated)))

    def clock_state(self) -> Json:
        """Whether the clock is virtual, what time it is, and when something falls due next; null for nothing."""
        due = self._next_due()
        return {
            "virtual": self.clock.virtual,
            "now": time.rfc3339(self.clock.now()),
            "nextDue": None if due is None else time.rfc3339(due),
        }

    def _next_due(self) -> int | None:
        found = (self.world.next_due(), self.dispatcher.next_due())
        return min((each for each in found if each is not None), default=None)

    @passing
    def advance(
        self,
        by: timedelta | None = None,
        *,
        to: datetime | str | None = None,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json:
        """Move the virtual clock `by` a length or `to` a moment, sending what falls due on the way.

        A moment is a datetime, RFC 3339, or "next": when something falls due next. Raises `Conflict` on the system
        clock, and where nothing falls due; `BadValue` for a moment that is over. `faults` strike the events that time
        causes meanwhile.
        """
        if (by is None) == (to is None):
            raise UsageError("The clock is moved by a length or to a moment: give one of the two.")
        if not isinstance(self.clock, VirtualClock):
            raise Conflict("The clock is the machine's and cannot be moved. Start with --start TIME for a virtual one.")
        if self.registry.playing:
            raise Conflict(f"Run {self.registry.playing} moves the clock. Wait for its end, or cancel it.")
        self.dispatcher.settle()  # what is under way may put off what falls due next
        goal = self._goal(by, to)
        with self.faulting(faults):
            self.clock.advance_to(goal, lambda: None if self.dispatcher.settle() else None)
        self.dispatcher.settle()
        self.store.remember("virtual-now", str(self.clock.now()))
        return self.state()

    @passing
    def pass_to(self, moment: int, arrive: Callable[[int], None] = lambda due: None) -> None:
        """Move the virtual clock to a moment; `arrive` is told of each that something falls due at, before it is there.

        Raises `Conflict` on the system clock. For those who move it often: it is kept with what happens, not by itself.
        """
        if not isinstance(self.clock, VirtualClock):
            raise Conflict("The clock is the machine's and cannot be moved. Start with --start TIME for a virtual one.")
        self.clock.advance_to(moment, lambda: None if self.dispatcher.settle() else None, arrive)
        self.dispatcher.settle()

    def _goal(self, by: timedelta | None, to: datetime | str | None) -> int:
        now = self.clock.now()
        if by is not None:
            goal = now + round(by / timedelta(microseconds=1)) * 1000
        elif to == "next":
            due = self._next_due()
            if due is None:
                raise Conflict(
                    "Nothing falls due: no delivery waits for its time, and nothing is to come in the world."
                )
            goal = due
        else:
            goal = _moment(to)
        if goal < now:
            name, asked = ("by", by) if by is not None else ("to", to)
            raise BadValue(name, str(asked), f"is over: it is {time.rfc3339(now, 0)}, and no clock runs backwards.")
        if goal > LATEST:
            name, asked = ("by", by) if by is not None else ("to", to)
            raise BadValue(name, str(asked), f"leads past {time.rfc3339(LATEST, 0)}, where the time of a store ends.")
        return goal

    def make_token(self, user: str, *, permissions: Sequence[str] = (), name: str = "") -> Json:
        """Make a token for a user of the world; the answer holds its text as `token`, which is told this once.

        Whoever bears it has the user's rights in the vendor's API, and these global `permissions` beside. Raises what
        `Tokens.make` does.
        """
        made, text = self.issued.make(user, permissions=permissions, name=name)
        return {**self.issued.show(made), "token": text}

    def tokens(self) -> list[Json]:
        """The tokens that were made, the oldest first, without their texts."""
        return [self.issued.show(each) for each in self.issued.all()]

    def revoke_token(self, token_id: str) -> None:
        """Refuse a token from now on, by its id or a name that no other has; raises `NotFound`."""
        self.issued.revoke(token_id)

    def idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        return self.dispatcher.idle()

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all that is due has been sent and recorded."""
        return self.dispatcher.settle(timeout)

    def reset(self) -> None:
        """Forget all events, deliveries, attempts, webhooks, runs and the world, and close the receivers.

        Snapshots stay. A run is ended; what is under way is let finish first.
        """
        self.registry.stop()
        with self._replacing():
            self.store.reset()
            self.dispatcher.forget()
            self._webhooks.clear()
            self.opened.close_all()
            self.watches.forget()
        self._begin()

    @contextmanager
    def _still(self) -> Iterator[None]:
        """Let nothing happen for a while, once what is under way is over."""
        patience = self.assumptions.delivery_timeout.total_seconds() + 2.0
        with self.gate.alone(), self.world.still(), self.dispatcher.still(patience), self._webhooks_lock:
            yield

    @contextmanager
    def _replacing(self) -> Iterator[None]:
        """As `_still`, and begin anew from what the store holds then."""
        with self._still():
            with self.world.replaced():
                yield
            if self.settings.resume:
                self.world.resume()

    # --- snapshots --------------------------------------------------------------------------------------------------

    def snapshots(self) -> list[Json]:
        """The snapshots of this store, by name."""
        return [snapshots.told(each) for each in self.store.snapshots.all()]

    def take_snapshot(self, name: str, *, replace: bool = False) -> Json:
        """Keep all that there is under a name, to go back to: world, clock, webhooks with their keys, history.

        What is under way is let finish first. Raises `BadValue` for what is no name, and `Conflict` for one that is
        taken, unless it is to be replaced.
        """
        kept = self.store.snapshots
        kept.check_new(name, replace=replace)
        with self._still():
            now, virtual = self.clock.now(), self.clock.virtual
            about = snapshots.about(counts=self.store.counts(), now=now, virtual=virtual)
            with self._faulted_lock:
                facts = snapshots.facts(
                    now=now, virtual=virtual, factory=self.factory, stamps=self._stamps, faulted=self._faulted
                )
            return snapshots.told(kept.take(name, about, facts, replace=replace))

    def restore_snapshot(self, name: str) -> Json:
        """Go back to a snapshot: what came after it is gone, and what was waiting then waits again.

        A run is ended; what is under way is let finish first. A virtual clock goes back, too. The next events are those
        that came next then, where the seed is the same. Raises `NotFound`.
        """
        found = self.store.snapshots.find(name)
        self.registry.stop()
        with self._replacing():
            self.store.snapshots.restore(name)
            self.dispatcher.forget()
            self._webhooks.clear()
            self._webhooks.update((webhook.id, webhook) for webhook in self.store.webhooks())
            if isinstance(self.clock, VirtualClock):
                then = self.store.recall("virtual-now")
                self.clock.set(self.clock.now() if then is None else int(then))
            with self._faulted_lock:
                self._faulted = snapshots.go_back(
                    self.store.recall("chance"), factory=self.factory, stamps=self._stamps, latest=self._latest_stamp()
                )
            self.issued.reload()
            self.watches.forget()
            if self.settings.resume:
                self.interrupted = self.dispatcher.resume(list(self._webhooks.values()))
        return snapshots.told(found)

    @passing
    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot; raises `NotFound`."""
        self.store.snapshots.delete(name)

    def backup(self, target: Path) -> None:
        """Copy the store to a new file while it runs."""
        self.store.backup(target)

    def _housekeeping(self) -> None:
        """Keep to the retention that is set, now and then."""
        settings = self.settings
        if self._closed or (settings.keep is None and settings.keep_attempts is None):
            return
        older = None if settings.keep is None else time.wall() - settings.keep // timedelta(microseconds=1) * 1000
        newest = self.store.last_attempt
        if newest and (older is not None or newest != self._trimmed):
            self._trimmed = newest
            self.store.trim_soon(older_than=older, most=settings.keep_attempts)
        if isinstance(self.clock, SystemClock):
            self.shared.clock.at(self.clock.now() + 10 * time.SECOND, self._housekeeping)

    @property
    def listeners(self) -> list[tuple[str, int]]:
        """Where this process listens: what is never dialled."""
        return self.shared.listeners

    @property
    def closed(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._closed

    def close(self, grace: float | None = None) -> None:
        """Stop: start nothing more, let what is under way finish for a while, close the store.

        `grace` is for how many seconds, by default those of the settings.
        """
        if self._closed:
            return
        while self.dependants:
            self.dependants.pop()()
        self._closed = True
        self.registry.stop()
        self.opened.close_all()
        self.dispatcher.stop(self.settings.stop_grace.total_seconds() if grace is None else grace)
        self.clock.close()
        if self.clock.virtual:
            self.store.remember("virtual-now", str(self.clock.now()))
        self.store.close()
        if self._owns_shared:
            self.shared.clock.close()


def _moment(to: datetime | str | None) -> int:
    """Nanoseconds since 1970 of a moment that was asked for; raises `BadValue`."""
    try:
        return time.nanoseconds(to) if isinstance(to, datetime) else time.parse_rfc3339(str(to))
    except (TypeError, ValueError):
        raise BadValue("to", str(to), 'is no time. Write RFC 3339, as 2030-01-31T09:00:00Z, or "next".') from None


def _median(microseconds: list[int]) -> float | None:
    """The one in the middle, in milliseconds; None for none."""
    return sorted(microseconds)[len(microseconds) // 2] / 1000 if microseconds else None


def _check_ca(ca: str) -> None:
    if ca and not Path(ca).is_file():
        raise BadValue("ca", ca, "is no file. Name a PEM file with the authorities to trust.")
