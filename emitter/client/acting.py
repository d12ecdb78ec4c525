"""The world: what is in it, and what is done in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from emitter.client.sent import faults_of
from emitter.client.speaking import Json, Speaker
from emitter.faults import FaultSpec


class Acting(Speaker):
    """The verbs of the world."""

    def actions(self) -> list[Json]:
        """What may be done in the simulated app: each action with its parameters and the events that may follow."""
        return self._list("GET", "/simulator/world/actions", "actions")

    def act(self, action: str, /, *, run: str = "", faults: Sequence[FaultSpec | Any] = (), **parameters: Any) -> Json:
        """Do something in the simulated app; returns once it is on disk, with the events that followed, in order."""
        asked = {"action": action, "parameters": parameters, "run": run, "faults": faults_of(faults)}
        return self._object("POST", "/simulator/world/act", json=asked)

    def world_state(self) -> Json:
        """Everything in the simulated app, named and shaped as the vendor's API shows it."""
        return self._object("GET", "/simulator/world")

    def world_file(self, form: str = "yaml") -> bytes:
        """The present world as a file that brings it back: YAML, or JSON."""
        return self._send("GET", "/simulator/world/file", params={"format": form}).content

    def world_entities(self, kind: str, *, status: str = "", product: str = "", user: str = "") -> list[Json]:
        """All things of a kind, the oldest first; deleted ones only where `status` asks for them."""
        filters = {"status": status, "product": product, "user": user}
        params = {name: value for name, value in filters.items() if value}
        return self._list("GET", f"/simulator/world/{quote(kind, safe='')}", "entities", params=params)

    def world_entity(self, kind: str, name: str) -> Json:
        """One thing of the simulated app by id or name, with what may be done to it now and what would follow."""
        return self._object("GET", f"/simulator/world/{quote(kind, safe='')}/{quote(name, safe='')}")

    def world_events(self, kind: str, name: str, *, before: str = "", limit: int = 50) -> Json:
        """The events about one thing of the simulated app, newest first, with their deliveries and attempts."""
        params = {"limit": str(limit), **({"before": before} if before else {})}
        path = f"/simulator/world/events/{quote(kind, safe='')}/{quote(name, safe='')}"
        return self._object("GET", path, params=params)
