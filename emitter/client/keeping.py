"""Tenants and snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from emitter.client.sent import moment_of
from emitter.client.speaking import Json, Speaker


class Keeping(Speaker):
    """The verbs of tenants and snapshots."""

    # --- tenants ----------------------------------------------------------------------------------------------------

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
        """Make a tenant; the answer holds its admin's token as `token`, which is told this once."""
        moment = None if start is None else moment_of(start)
        members = {"name": name or None, "world": world, "seed": seed, "start": moment,
                   "assume": dict(assume) if assume else None, "ephemeral": ephemeral}  # fmt: skip
        asked = {each: value for each, value in members.items() if value is not None}
        return self._object("POST", "/simulator/tenants", json=asked)

    def tenants(self) -> list[Json]:
        """All tenants, the default one first."""
        return self._list("GET", "/simulator/tenants", "tenants")

    def tenant(self, tenant_id: str) -> Json:
        """One tenant, by its id or name; raises `NotFound`."""
        return self._object("GET", f"/simulator/tenants/{quote(tenant_id, safe='')}")

    def delete_tenant(self, tenant_id: str) -> None:
        """End a tenant and forget all that it holds; what is under way for it is given up."""
        self._send("DELETE", f"/simulator/tenants/{quote(tenant_id, safe='')}")

    def reset_tenant(self, tenant_id: str) -> None:
        """Forget all events, deliveries, attempts, webhooks, runs and the world of a tenant; its tokens stay."""
        path = f"/simulator/tenants/{quote(tenant_id, safe='')}/reset"
        self._send("POST", path, json={}, timeout=self._timeout * 2)

    # --- snapshots --------------------------------------------------------------------------------------------------

    def snapshots(self) -> list[Json]:
        """The snapshots of the server's store, by name."""
        return self._list("GET", "/simulator/snapshots", "snapshots")

    def take_snapshot(self, name: str, *, replace: bool = False) -> Json:
        """Keep all that there is under a name, to go back to: world, clock, webhooks with their keys, history."""
        asked = {"name": name, "replace": replace}
        return self._object("POST", "/simulator/snapshots", json=asked, timeout=self._timeout * 2)

    def restore_snapshot(self, name: str) -> Json:
        """Go back to a snapshot: what came after it is gone, and what was waiting then waits again."""
        path = f"/simulator/snapshots/{quote(name, safe='')}/restore"
        return self._object("POST", path, json={}, timeout=self._timeout * 2)

    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot; raises `NotFound`."""
        self._send("DELETE", f"/simulator/snapshots/{quote(name, safe='')}")
