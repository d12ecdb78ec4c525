"""What every door into a simulator offers: the one in this process, and the one over HTTP.

Who is handed a `Door` need not know which it is; the tests hold both, and the routes, against it. What they give is
JSON as `history` and `world` shape it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from emitter.delivery import Webhook
from emitter.faults import FaultSpec
from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec

Json = dict[str, Any]


class Door(Protocol):
    """The verbs of a simulator; `Simulator` says what each does and raises."""

    # --- events -----------------------------------------------------------------------------------------------------

    def event_types(self) -> list[Json]: ...

    def event_type(self, name: str) -> Json: ...

    def preview(self, spec: TriggerSpec) -> list[Json]: ...

    def trigger(self, spec: TriggerSpec) -> list[Json]: ...

    def trigger_each(self, spec: TriggerSpec) -> Iterator[Json]: ...

    def check(self, body: bytes) -> Json: ...

    def contract(self, form: str, syntax: str = "") -> bytes: ...

    def faults(self) -> list[Json]: ...

    # --- the world --------------------------------------------------------------------------------------------------

    def actions(self) -> list[Json]: ...

    def act(
        self, action: str, /, *, run: str = "", faults: Sequence[FaultSpec | Any] = (), **parameters: Any
    ) -> Json: ...

    def world_state(self) -> Json: ...

    def world_file(self, form: str = "yaml") -> bytes: ...

    def world_entities(self, kind: str, *, status: str = "", product: str = "", user: str = "") -> list[Json]: ...

    def world_entity(self, kind: str, name: str) -> Json: ...

    def world_events(self, kind: str, name: str, *, before: str = "", limit: int = 50) -> Json: ...

    # --- scenarios and their runs -----------------------------------------------------------------------------------

    def scenarios(self) -> list[Json]: ...

    def scenario(self, name: str) -> Json: ...

    def check_scenario(self, yaml: str, *, name: str = "", variables: Mapping[str, Any] | None = None) -> Json: ...

    def scenario_schema(self) -> Json: ...

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
    ) -> Json: ...

    def runs(self) -> list[Json]: ...

    def run(self, run: str, *, wait: float = 0.0) -> Json: ...

    def cancel_run(self, run: str) -> Json: ...

    def run_report(self, run: str, form: str = "json") -> bytes: ...

    def compare_runs(self, run: str, other: str) -> Json: ...

    # --- expectations, and receivers to hold them against -----------------------------------------------------------

    def expect(
        self,
        expected: Mapping[str, Any],
        *,
        things: Mapping[str, str] | None = None,
        run: str = "",
        name: str = "",
    ) -> Json: ...

    def open_receiver(
        self, *, answers: str = "", signing_key: str = "", register: bool = False, port: int = 0
    ) -> Json: ...

    def receivers(self) -> list[Json]: ...

    def receiver(self, receiver_id: str) -> Json: ...

    def change_receiver(self, receiver_id: str, answers: str) -> Json: ...

    def captures(self, receiver_id: str, *, count: int = 0, after: int = 0, timeout: float = 10.0) -> Json: ...

    def close_receiver(self, receiver_id: str) -> None: ...

    # --- stand-ins for the far end of a relay -----------------------------------------------------------------------

    def open_standin(
        self,
        service: str,
        *,
        switches: Mapping[str, Any] | None = None,
        answers: str = "",
        secrets: Sequence[str] = (),
        port: int = 0,
    ) -> Json: ...

    def standins(self) -> list[Json]: ...

    def standin(self, standin_id: str) -> Json: ...

    def change_standin(self, standin_id: str, answers: str) -> Json: ...

    def standin_state(self, standin_id: str, *, about: str = "", limit: int = 50) -> Json: ...

    def expect_standin(self, standin_id: str, expected: Mapping[str, Any]) -> Json: ...

    def forget_standin(self, standin_id: str) -> None: ...

    def close_standin(self, standin_id: str) -> None: ...

    # --- history ----------------------------------------------------------------------------------------------------

    def attempts(self, query: AttemptQuery) -> Json: ...

    def count(self, query: AttemptQuery) -> Json: ...

    def overview(self, query: AttemptQuery) -> Json: ...

    def attempt(self, attempt_id: int) -> Json: ...

    def events(self, *, before: str = "", limit: int = 50, types: tuple[str, ...] = (), run: str = "") -> Json: ...

    def event(self, event_id: str) -> Json: ...

    def delivery(self, delivery_id: str) -> Json: ...

    def deliveries(self, delivery_ids: Sequence[str], *, wait: float = 0.0) -> list[Json]: ...

    def wait(self, query: AttemptQuery, *, count: int = 1, timeout: float = 10.0) -> Json: ...

    def resend(
        self,
        attempt_id: int,
        *,
        as_is: bool = False,
        body: bytes | None = None,
        allow_invalid: bool = False,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json: ...

    def coverage(self, query: AttemptQuery, *, extended: bool = False) -> Json: ...

    def export(self, query: AttemptQuery, form: str) -> Iterator[bytes]: ...

    # --- webhooks ---------------------------------------------------------------------------------------------------

    def webhooks(self) -> list[Webhook]: ...

    def webhook(self, webhook_id: str) -> Webhook: ...

    def add_webhook(
        self, url: str, *, verify_tls: bool = True, signing_key: str = "", ca: str = "", http2: bool = False
    ) -> Webhook: ...

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
    ) -> Webhook: ...

    def delete_webhook(self, webhook_id: str) -> None: ...

    def test_webhook(self, webhook_id: str) -> Json: ...

    def test_config(self, url: str, *, verify_tls: bool = True, signing_key: str = "") -> Json: ...

    # --- the simulator itself ---------------------------------------------------------------------------------------

    def state(self) -> Json: ...

    def assumed(self) -> list[Json]: ...

    def facts(self) -> Json: ...

    def clock_state(self) -> Json: ...

    def advance(
        self,
        by: timedelta | None = None,
        *,
        to: datetime | str | None = None,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json: ...

    def make_token(self, user: str, *, permissions: Sequence[str] = (), name: str = "") -> Json: ...

    def tokens(self) -> list[Json]: ...

    def revoke_token(self, token_id: str) -> None: ...

    def idle(self) -> bool: ...

    def settle(self, timeout: float | None = None) -> bool: ...

    def reset(self) -> None: ...

    # --- snapshots --------------------------------------------------------------------------------------------------

    def snapshots(self) -> list[Json]: ...

    def take_snapshot(self, name: str, *, replace: bool = False) -> Json: ...

    def restore_snapshot(self, name: str) -> Json: ...

    def delete_snapshot(self, name: str) -> None: ...


class Tenancy(Protocol):
    """What a server offers to whoever looks after all of its tenants; `Tenants` says what each does and raises."""

    def make_tenant(
        self,
        name: str = "",
        *,
        world: str | Mapping[str, Any] | None = None,
        seed: int | None = None,
        start: datetime | str | None = None,
        assume: Mapping[str, Any] | None = None,
        ephemeral: bool = True,
    ) -> Json: ...

    def tenants(self) -> list[Json]: ...

    def tenant(self, tenant_id: str) -> Json: ...

    def delete_tenant(self, tenant_id: str) -> None: ...

    def reset_tenant(self, tenant_id: str) -> None: ...


class Auditing(Protocol):
    """What a server offers to whoever has a receiver examined; `Audits` says what each does and raises."""

    def start_audit(
        self,
        url: str,
        *,
        signing_key: str = "",
        old_key: str = "",
        verify_tls: bool = True,
        ca: str = "",
        probe: str = "",
        probe_headers: Sequence[tuple[str, str]] = (),
        only: Sequence[str] = (),
        interleavings: int = 0,
        sweep: bool = False,
        fail_under: int | None = None,
        deadline: str = "5m",
        most: int = 20_000,
        settle: str = "250ms",
        seed: int | None = None,
        yes: bool = False,
        wait: float = 0.0,
    ) -> Json: ...

    def audits(self) -> list[Json]: ...

    def audit(self, audit_id: str, *, wait: float = 0.0) -> Json: ...

    def audit_report(self, audit_id: str, form: str = "json") -> bytes: ...

    def cancel_audit(self, audit_id: str) -> None: ...
