"""The tenants of a server: each its own simulator with its own store, so that nothing of one shows in another.

The default tenant was there first and lasts as long as the server. Those that were made live in memory, or in files
beside its store, and come back with it. What a tenant was not told is as the server was started.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from shutil import rmtree
from typing import Any

import orjson

from emitter import clock
from emitter.errors import BadValue, Conflict, EmitterError, NotFound, StoreUnusable, UnknownName, UsageError, nearest
from emitter.settings import Settings, moment, switches
from emitter.simulator import Simulator
from emitter.store.tokens import TenantRow
from emitter.tokens import Token, name_of
from emitter.worldfile import DEFAULT as DEFAULT_WORLD
from emitter.worldfile import named

Json = dict[str, Any]

DEFAULT = "default"
FOLDER = "tenants"  # beside the store
READERS = 1  # connections for reading that a tenant's file keeps open: a hundred tenants are to fit into a process
CLOSING = 16  # tenants that are closed at once


@dataclass(frozen=True, slots=True)
class Asked:
    """What a tenant was asked for; None is as the server was started."""

    name: str
    world: str | Mapping[str, Any] | None
    seed: int | None
    start: int | None  # nanoseconds since 1970
    assume: Mapping[str, str]
    ephemeral: bool
    created_at: int

    def settings(self, base: Settings, store: Path | None) -> Settings:
        """Settings for its simulator; raises what a switch or its value is refused with."""
        return replace(
            base,
            store=store,
            world=base.world if self.world is None else self.world,
            seed=base.seed if self.seed is None else self.seed,
            start=base.start if self.start is None else self.start,
            assumptions=base.assumptions.override_all(dict(self.assume)),
            token="",
            readers=READERS,
            patience=0.0,
        )


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant; one whose file cannot be used has no simulator, and `why` says what is wrong."""

    id: str
    asked: Asked
    simulator: Simulator | None
    why: str = ""


class Tenants:
    """All tenants of a process. Closing the default tenant's simulator closes them.

    Raises nothing for a tenant whose file cannot be used any more: it is listed with what is wrong.
    """

    def __init__(self, default: Simulator) -> None:
        self.default = default
        self._most = default.settings.tenants
        self._chance = SystemRandom()
        self._made: dict[str, Tenant] = {}
        self._making: dict[str, str] = {}  # names of those that are being made, by id
        self._lock = threading.Lock()
        started = clock.wall()
        self._own = Asked(DEFAULT, None, None, None, {}, default.settings.store is None, started)
        default.dependants.append(self.close)
        for row in default.store.tenants.all():
            self._made[row.id] = self._restored(row)

    # --- what a door offers ---------------------------------------------------------------------------------------

    def make_tenant(
        self,
        name: str = "",
        *,
        world: str | Mapping[str, Any] | None = None,
        seed: int | None = None,
        start: datetime | str | None = None,
        assume: Mapping[str, Any] | None = None,
        ephemeral: bool = True,
    ) -> Json:
        """Make a tenant; the answer holds its admin's token as `token`, which is told this once.

        What is left out is as the server was started. An `ephemeral` one ends with the process, another is kept beside
        the server's store. Raises `Conflict` for a name that another has, for one too many, and for a server that keeps
        nothing, and what a setting is refused with.
        """
        if isinstance(world, str) and world not in (DEFAULT_WORLD, *named()):
            raise UnknownName("world", world, (DEFAULT_WORLD, *named()))
        asked = Asked(
            name_of(name), world, seed, _moment(start), switches(assume or {}), ephemeral, clock.wall()
        )  # fmt: skip
        if not ephemeral and self.default.store.path is None:
            raise Conflict(
                "This server keeps nothing itself (--ephemeral, --ci), and so none of its tenants: leave ephemeral out."
            )
        id = self._reserved(asked.name)
        try:
            made, token = self._opened(id, replace(asked, name=asked.name or id))
        finally:
            with self._lock:
                del self._making[id]
        return {**self._show(made), "token": token}

    def tenants(self) -> list[Json]:
        """All tenants, the default one first."""
        return [self._show(each) for each in self._all()]

    def tenant(self, tenant_id: str) -> Json:
        """One tenant, by its id or name; raises `NotFound`."""
        return self._show(self._find(tenant_id))

    def delete_tenant(self, tenant_id: str) -> None:
        """End a tenant and forget all that it holds; what is under way for it is given up."""
        found = self._find(tenant_id)
        if found.id == DEFAULT:
            raise Conflict("The default tenant is the server itself. Reset it, or stop the server.")
        with self._lock:
            if self._made.pop(found.id, None) is None:
                return  # somebody was faster
        if not found.asked.ephemeral:
            self._forget(found.id)
        if found.simulator is not None:
            found.simulator.close(grace=0.0)
        if not found.asked.ephemeral:
            self._remove_files(found.id)

    def reset_tenant(self, tenant_id: str) -> None:
        """Forget all events, deliveries, attempts, webhooks, runs and the world of a tenant; its tokens stay."""
        found = self._find(tenant_id)
        if found.simulator is None:
            raise Conflict(f"Tenant {found.id} cannot be used: {found.why}")
        try:
            found.simulator.reset()
        except Exception:
            if found.simulator.closed:  # its store went under the reset
                raise NotFound("tenant", tenant_id, "It was deleted meanwhile.") from None
            raise

    # --- for whoever serves them ----------------------------------------------------------------------------------

    def bearer(self, digest: bytes) -> tuple[Simulator, Token] | None:
        """The simulator and the token whose text has this digest; None where no tenant made it."""
        if token := self.default.issued.find(digest):
            return self.default, token
        for each in tuple(self._made.values()):
            if each.simulator is not None and (token := each.simulator.issued.find(digest)):
                return each.simulator, token
        return None

    def named(self, simulator: Simulator) -> str:
        """What the tenant with this simulator is called; "" for the default one."""
        return next((each.asked.name for each in tuple(self._made.values()) if each.simulator is simulator), "")

    def unusable(self) -> list[tuple[str, str]]:
        """The tenants that could not be opened, by name, each with what is wrong."""
        return [(each.asked.name, each.why) for each in tuple(self._made.values()) if each.simulator is None]

    def close(self) -> None:
        """Close all but the default one, some at once; each has the grace that the settings give."""
        with self._lock:
            self._most = 0
            left = [each.simulator for each in self._made.values() if each.simulator is not None]

        def some() -> None:
            while True:
                try:
                    each = left.pop()
                except IndexError:
                    return
                each.close()

        threads = [threading.Thread(target=some, name="emitter-closing") for _ in range(min(CLOSING, len(left)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # --- making them ----------------------------------------------------------------------------------------------

    def _reserved(self, name: str) -> str:
        """Find an id, and keep the name and a place for it."""
        with self._lock:
            names = {DEFAULT, *self._making.values(), *(each.asked.name for each in self._made.values()), *self._made}
            if name in names:
                raise Conflict(f'There is a tenant "{name}" already. Leave the name out, or choose another.')
            if len(self._made) + len(self._making) >= self._most:
                raise Conflict(
                    f"There are {self._most:,} tenants, the most that this server has (EMITTER_TENANTS). "
                    "Delete some that nobody uses."
                )
            id = f"{self._chance.getrandbits(48):012x}"
            self._making[id] = name or id
            return id

    def _opened(self, id: str, asked: Asked) -> tuple[Tenant, str]:
        store = None if asked.ephemeral else self._file(id)
        simulator = Simulator(asked.settings(self.default.settings, store), shared=self.default.shared)
        try:
            _, token = simulator.issued.make_admin()
            made = Tenant(id, asked, simulator)
            if store is not None:
                with self.default.gate.passing():  # a restore that is under way would not know of it
                    self.default.store.tenants.add(TenantRow(id, _written(asked)))
            with self._lock:
                if not self._most:
                    raise Conflict("The server is stopping.")
                self._made[id] = made
        except BaseException:
            simulator.close(grace=0.0)
            if store is not None:
                with suppress(EmitterError):
                    self._forget(id)
                self._remove_files(id)
            raise
        return made, token

    def _restored(self, row: TenantRow) -> Tenant:
        """Open a tenant that was kept."""
        asked, file = _read(row.document), self._file(row.id)
        try:
            if not file.is_file():
                raise StoreUnusable(file, "is not there any more.")
            settings = asked.settings(self.default.settings, file)
            return Tenant(row.id, asked, Simulator(settings, shared=self.default.shared))
        except EmitterError as error:
            return Tenant(row.id, asked, None, str(error))

    def _file(self, id: str) -> Path:
        beside = self.default.store.path
        if beside is None:
            raise UsageError("A store in memory has no place beside it.")
        return beside.parent / FOLDER / f"{id}.sqlite"

    def _forget(self, id: str) -> None:
        with self.default.gate.passing():
            self.default.store.tenants.remove(id)

    def _remove_files(self, id: str) -> None:
        file = self._file(id)
        for name in (file.name, *(f"{file.name}{end}" for end in ("-wal", "-shm", ".lock"))):
            with suppress(OSError):
                file.with_name(name).unlink()
        rmtree(file.with_name(f"{file.name}.snapshots"), ignore_errors=True)

    # --- finding and showing them ---------------------------------------------------------------------------------

    def _all(self) -> list[Tenant]:
        return [Tenant(DEFAULT, self._own, self.default), *tuple(self._made.values())]

    def _find(self, id: str) -> Tenant:
        known = self._all()
        found = next((each for each in known if each.id == id), None) or next(
            (each for each in known if each.asked.name == id), None
        )
        if found is None:
            close = nearest(id, [name for each in known for name in {each.id, each.asked.name}])
            raise NotFound("tenant", id, f"Nearest: {close[0]}." if close else "")
        return found

    @staticmethod
    def _show(tenant: Tenant) -> Json:
        simulator, asked = tenant.simulator, tenant.asked
        shown: Json = {
            "id": tenant.id,
            "name": asked.name,
            "ephemeral": asked.ephemeral,
            "createdAt": clock.rfc3339(asked.created_at, 3),
            "assume": dict(asked.assume),
        }
        if simulator is None:
            return {**shown, "why": tenant.why, "seed": None, "clock": None, "now": None, "webhooks": None}
        founding = simulator.world.known.founding
        return {
            **shown,
            "why": None,
            "seed": founding.seed if founding else simulator.factory.seed,
            "clock": "virtual" if simulator.clock.virtual else "system",
            "now": clock.rfc3339(simulator.clock.now(), 3),
            "webhooks": len(simulator.webhooks()),
        }


def _moment(start: datetime | str | None) -> int | None:
    if start is None:
        return None
    try:
        text = clock.rfc3339(clock.nanoseconds(start)) if isinstance(start, datetime) else start
    except TypeError:
        raise BadValue("start", str(start), "has no offset from UTC.") from None
    return moment("start", text)


def _written(asked: Asked) -> bytes:
    return orjson.dumps(
        {"name": asked.name, "world": asked.world, "seed": asked.seed, "start": asked.start,
         "assume": dict(asked.assume), "createdAt": asked.created_at}
    )  # fmt: skip


def _read(document: bytes) -> Asked:
    found = orjson.loads(document)
    return Asked(
        found["name"], found["world"], found["seed"], found["start"], found["assume"], ephemeral=False,
        created_at=found["createdAt"],
    )  # fmt: skip
