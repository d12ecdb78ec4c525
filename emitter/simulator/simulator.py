"""The one place where the parts are wired together; every door ends here.

What it returns is JSON as `history` shapes it, so that a door in another process (`client`) has the same methods and
gives the same. What it does is told in the modules beside this one, a topic each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random, SystemRandom

from emitter.clock import Clock, SystemClock, VirtualClock
from emitter.contract.check import Contract
from emitter.dispatcher import Dispatcher
from emitter.egress import Egress
from emitter.event import Event, Stamps
from emitter.factory import Factory
from emitter.gate import Gate
from emitter.history import History, Json
from emitter.outgoing import Outgoing
from emitter.receiver import Receivers
from emitter.runner.registry import Registry
from emitter.runner.watching import Watches
from emitter.settings import Settings
from emitter.shared import Shared
from emitter.signing import Scheme, Signer
from emitter.simulator.expecting import Expecting
from emitter.simulator.keeping import Keeping
from emitter.simulator.parts import VERSION
from emitter.simulator.playing import Playing
from emitter.simulator.standing_in import StandingIn
from emitter.simulator.trying import Trying
from emitter.standins import Standins
from emitter.store import Store
from emitter.tokens import Tokens
from emitter.transport import Transport
from emitter.world import World
from emitter.worldfile import Beginning, start

USER_AGENT = f"request-app-emitter/{VERSION}"


class Simulator(Playing, Expecting, StandingIn, Trying, Keeping):
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
        self.standing_in = Standins(self.clock)
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

    def _factory(self, seed: int) -> Factory:
        return Factory(
            catalog=self.catalog, assumptions=self.assumptions, clock=self.clock, stamps=self._stamps, seed=seed
        )

    def _restamped(self, body: bytes, stamp: int) -> bytes:
        made = Event(type="", body=body, stamp=stamp, seed=self.factory.seed)
        return self.factory.restamped(made, self._stamps.next(self.clock.now()))

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
        self.standing_in.close_all()
        self.dispatcher.stop(self.settings.stop_grace.total_seconds() if grace is None else grace)
        self.clock.close()
        if self.clock.virtual and self.store.path is not None:  # what is in memory nobody goes on with
            self.store.remember("virtual-now", str(self.clock.now()))
        self.store.close()
        if self._owns_shared:
            self.shared.clock.close()
