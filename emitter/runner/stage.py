"""What a run is played on: the few things that the runner needs of a simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.clock import Clock
from emitter.delivery import Headers, Webhook
from emitter.egress import Egress
from emitter.factory import Factory
from emitter.faults import FaultSpec
from emitter.store import Store
from emitter.trigger import TriggerSpec
from emitter.world import World

Json = dict[str, Any]


class Judge(Protocol):
    """Says of what left whether it was signed right, and what the schemas say of it."""

    def signature(self, headers: Headers, body: bytes, webhook: Webhook) -> Json: ...

    def contract(self, body: bytes) -> Json: ...

    def webhook_of(self, number: int) -> Webhook: ...


class Stage(Protocol):
    """A simulator, as the runner sees it."""

    assumptions: Assumptions
    catalog: Catalog
    clock: Clock
    egress: Egress
    factory: Factory
    store: Store
    world: World

    @property
    def history(self) -> Judge: ...

    def act(self, action: str, /, *, run: str = "", **parameters: Any) -> Json: ...

    def make(self, spec: TriggerSpec) -> Any: ...

    def trigger(self, spec: TriggerSpec) -> list[Json]: ...

    def faulting(self, specs: Sequence[FaultSpec]) -> AbstractContextManager[None]: ...

    def pass_to(self, moment: int, arrive: Callable[[int], None] = ...) -> None: ...

    def settle(self, timeout: float | None = None) -> bool: ...

    def webhooks(self) -> list[Webhook]: ...

    def add_webhook(
        self, url: str, *, verify_tls: bool = True, signing_key: str = "", ca: str = "", http2: bool = False
    ) -> Webhook: ...

    def change_webhook(
        self, webhook_id: str, *, paused: bool | None = None, suppressed: bool | None = None
    ) -> Webhook: ...
