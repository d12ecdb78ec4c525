"""Whose request this is: the simulator that answers it, and who asks.

The guards have found out before a view runs; a view asks here, and never the app.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g

from emitter.simulator import Simulator


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user of the tenant's world, with the permissions of that user and of the token.

    `user` is the `id` of a `User`. An `admin` (a token that nobody made, or a tenant's own) may do everything, and
    where somebody has to have asked, that is the first who holds GOVERNANCE; "" in a world without people.
    """

    user: str
    admin: bool = False
    permissions: frozenset[str] = frozenset()  # global ones, as GOVERNANCE

    def may(self, permission: str) -> bool:
        """Whether the caller has a global permission."""
        return self.admin or permission in self.permissions


def simulator() -> Simulator:
    """Give the simulator of the tenant that this request belongs to."""
    found: Simulator = g.get("simulator") or current_app.extensions["emitter"]
    return found


def caller() -> Caller:
    """Say who asks, as the token of this request has it."""
    known: Caller | None = g.get("caller")
    if known is None:
        known = g.caller = Caller(_first(simulator()), admin=True)
    return known


def _first(simulator: Simulator) -> str:
    """The first user who holds GOVERNANCE, else the first of all."""
    simulator.world.found()
    users = tuple(simulator.world.known.users.values())
    found = next((each for each in users if "GOVERNANCE" in each.permissions), users[0] if users else None)
    return found.id if found else ""
