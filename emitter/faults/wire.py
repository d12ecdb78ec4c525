"""Faults of how a request travels: a length that lies, a body that dribbles or breaks off, nobody there."""

from __future__ import annotations

from dataclasses import dataclass

from emitter.delivery import WireRequest
from emitter.faults.fault import Fault, Turn, replaced
from emitter.faults.parameters import Share, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongLength(Fault):
    """Content-Length is not the length of the body. One that is too long keeps the receiver waiting for the rest."""

    kind = "wire"
    by: int = parameter("bytes", -10, "how much too long; a negative number for too short")

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        declared = max(len(request.body) + self.by, 0)
        if declared == len(request.body):
            return None
        headers = replaced(request.headers, "Content-Length", str(declared))
        return request._replace(headers=headers, declared_length=declared)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowSend(Fault):
    """The body leaves slowly, in small pieces."""

    kind = "wire"
    pace: int = parameter("size", "1KiB", "how much a second")

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        return request._replace(pace=self.pace) if request.body else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedConnection(Fault):
    """The connection is closed in the middle of the body."""

    kind = "wire"
    after: Share = parameter("share", 0.5, "after how much of the body: a fraction, or bytes")

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        return request._replace(cut_after=self.after.of(len(request.body)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable(Fault):
    """Nothing is dialled: the attempt fails as if nobody listened there."""

    kind = "wire"
    dials = False

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        return request
