"""Whose request this is: the simulator that answers it, and who asks.

The guards have found out before a view runs (`admit`); a view asks here, and never the app.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g

from emitter.simulator import Simulator
from emitter.tokens import Token


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user of the tenant's world, with the permissions of that user and of the token.

    `user` is the `id` of a `User`. An `admin` (a token that nobody made, or a tenant's own) is nobody of the world, and
    may do everything.
    """

    user: str
    admin: bool = False
    permissions: frozenset[str] = frozenset()  # global ones, as GOVERNANCE

    def may(self, permission: str) -> bool:
        """Whether the caller has a global permission."""
        return self.admin or permission in self.permissions


@dataclass(frozen=True, slots=True)
class Admission:
    """What a token opens: a tenant's simulator, for its admin or (`caller`) for one of its people."""

    simulator: Simulator
    caller: Caller | None = None

    @property
    def admin(self) -> bool:
        """Whether it is the admin's."""
        return self.caller is None

    @classmethod
    def of(cls, simulator: Simulator, token: Token) -> Admission | None:
        """What a token that was made opens; None where its user is not in the world (any more)."""
        if token.admin:
            return cls(simulator)
        user = simulator.issued.user(token)
        if user is None:
            return None
        return cls(simulator, Caller(user.id, permissions=frozenset((*user.permissions, *token.permissions))))


def admit(admission: Admission) -> None:
    """Have this request answered as an admission says."""
    g.admission = admission
    g.pop("caller", None)


def simulator() -> Simulator:
    """Give the simulator of the tenant that this request belongs to."""
    admission: Admission | None = g.get("admission")
    found: Simulator = current_app.extensions["emitter"] if admission is None else admission.simulator
    return found


def caller() -> Caller:
    """Say who asks, as the token of this request has it."""
    known: Caller | None = g.get("caller")
    if known is None:
        admission: Admission | None = g.get("admission")
        known = admission.caller if admission is not None else None
        known = g.caller = known or Caller("", admin=True)
    return known


def is_admin() -> bool:
    """Whether an admin asks; for those who need not know which person that is."""
    admission: Admission | None = g.get("admission")
    return admission is None or admission.admin
