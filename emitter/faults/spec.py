"""A fault as it is asked for, the same from every door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """Which fault, with which parameters, how often, at which attempts, for how long.

    `lasting` counts in simulated time from the moment at which it is asked for; `until` is when that ends.
    """

    name: str  # one of FAULTS
    parameters: tuple[tuple[str, Any], ...] = ()  # sorted by name, as they are kept and shown
    chance: float = 1.0  # of each delivery, or of each attempt
    first_attempt: int = 1
    last_attempt: int | None = None
    lasting: timedelta | None = None
    until: int | None = None  # nanoseconds since 1970 on the simulator's clock
