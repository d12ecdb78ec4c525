"""What a simulator is made of. The parts are wired together in one place (`simulator`); here they have their names."""

from __future__ import annotations

import threading
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from random import SystemRandom

from emitter import clock as time
from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.clock import Clock
from emitter.contract.check import Contract
from emitter.delivery import Webhook
from emitter.dispatcher import Dispatcher
from emitter.egress import Egress
from emitter.event import Stamps
from emitter.factory import Factory
from emitter.gate import Gate
from emitter.history import History, Json
from emitter.outgoing import Outgoing
from emitter.receiver import Receivers
from emitter.runner.registry import Registry
from emitter.runner.watching import Watches
from emitter.settings import Settings
from emitter.shared import Shared
from emitter.standins import Standins
from emitter.store import Store
from emitter.tokens import Tokens
from emitter.transport import Transport
from emitter.world import World
from emitter.worldfile import Beginning

try:
    VERSION = installed("request-app-emitter")
except PackageNotFoundError:
    VERSION = "0+source"


class Parts:
    """The parts, for those who use them."""

    settings: Settings
    assumptions: Assumptions
    shared: Shared
    catalog: Catalog
    judge: Contract
    store: Store
    egress: Egress
    transport: Transport
    clock: Clock
    gate: Gate
    """What changes records passes it; who replaces them all is alone in it."""
    factory: Factory
    history: History
    outgoing: Outgoing
    dispatcher: Dispatcher
    world: World
    registry: Registry
    opened: Receivers
    standing_in: Standins
    watches: Watches
    issued: Tokens
    interrupted: int
    _beginning: Beginning | None
    _stamps: Stamps
    _chance: SystemRandom
    _faulted: dict[str, int]  # by run
    _faulted_lock: threading.Lock
    _webhooks: dict[str, Webhook]
    _webhooks_lock: threading.RLock
    _library: list[Json]
    _closed: bool
    _trimmed: int  # the newest attempt that was there

    def _latest_stamp(self) -> int:
        return self.store.last_stamp(self.clock.now() + (time.SECOND if self.clock.virtual else 0))

    def _found(self) -> None:
        """Have the people and tables that a world starts with, so that they can be named before the first action.

        One that only looks leaves that to who acts: its seed, and so the names, would be others. A world that was asked
        for it shows.
        """
        if self.settings.resume or self._beginning is not None:
            self.world.found()
