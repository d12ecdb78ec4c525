"""One event and its exact bytes, and the stamps that keep two events of a store apart."""

from __future__ import annotations

import threading
from random import Random
from typing import Any, NamedTuple


class Event(NamedTuple):  # a tuple, as `Delivery` is: made for every delivery, and four times quicker to make
    """What happened, as it will be posted.

    `body` is signed and sent as it is, never built again. `verdict` is what the type's schema says of it: `valid`,
    `invalid`, or `unknown` for a type that has no schema.
    """

    type: str
    body: bytes
    stamp: int  # nanoseconds since 1970 of its `timestamp`
    product_id: str = ""
    product_name: str = ""
    verdict: str = "valid"
    seed: int | None = None
    run: str = ""
    audiences: int = 1  # kinds of person that the app notifies; a delivery for each under delivery.fan_out=recipient


class Stamps:
    """Hands out the nanoseconds of events: never before the clock, never twice, always rising.

    Events of one virtual moment differ in their last digits, in order. A clock that has jumped back is ignored until it
    has caught up, because an idempotent receiver would take two equal bodies for one.
    """

    def __init__(self, chance: Random, last: int = 0) -> None:
        self._chance, self._last = chance, last
        self._lock = threading.Lock()

    def next(self, now: int) -> int:
        """Return the stamp of an event that happens `now`, with digits below the microsecond that look lived-in.

        Every call draws once, whatever the clock says, so that equal calls give equal stamps.
        """
        with self._lock:
            bits = self._chance.getrandbits(10)
            if now <= self._last:
                self._last += 1 + bits
            else:
                self._last = now if now % 1000 else now + bits % 1000
            return self._last

    def position(self) -> tuple[int, tuple[Any, ...]]:
        """Where the row of stamps is: the last one, and the state of the chance."""
        with self._lock:
            return self._last, self._chance.getstate()

    def go_to(self, last: int, chance: tuple[Any, ...] | None = None) -> None:
        """Go on from where the row was, or, without a state of chance, behind a stamp."""
        with self._lock:
            self._last = last
            if chance is not None:
                self._chance.setstate(chance)
