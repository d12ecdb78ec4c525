"""Values as they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from emitter import clock
from emitter.faults import FaultSpec


def faults_of(faults: Sequence[FaultSpec | Any]) -> list[Any]:
    """Faults as they are sent; raises `BadValue` or `UnknownName`."""
    return [FaultSpec.parse(each).to_json() for each in faults]


def moment_of(to: datetime | str) -> str:
    """A moment as it is sent; one that is none is left for the server to refuse."""
    if isinstance(to, datetime) and to.tzinfo is not None:
        return clock.rfc3339(clock.nanoseconds(to))
    return str(to)
