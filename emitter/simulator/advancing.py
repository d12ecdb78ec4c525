"""The clock: what time it is, and having it pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from emitter import clock as time
from emitter.clock import VirtualClock
from emitter.errors import BadValue, Conflict, UsageError
from emitter.faults import FaultSpec
from emitter.gate import passing
from emitter.history import Json
from emitter.settings import LATEST
from emitter.simulator.looking import Looking


class Advancing(Looking):
    """Time."""

    def clock_state(self) -> Json:
        """Whether the clock is virtual, what time it is, and when something falls due next; null for nothing."""
        due = self._next_due()
        return {
            "virtual": self.clock.virtual,
            "now": time.rfc3339(self.clock.now()),
            "nextDue": None if due is None else time.rfc3339(due),
        }

    def _next_due(self) -> int | None:
        found = (self.world.next_due(), self.dispatcher.next_due())
        return min((each for each in found if each is not None), default=None)

    @passing
    def advance(
        self,
        by: timedelta | None = None,
        *,
        to: datetime | str | None = None,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json:
        """Move the virtual clock `by` a length or `to` a moment, sending what falls due on the way.

        A moment is a datetime, RFC 3339, or "next": when something falls due next. Raises `Conflict` on the system
        clock, and where nothing falls due; `BadValue` for a moment that is over. `faults` strike the events that time
        causes meanwhile.
        """
        if (by is None) == (to is None):
            raise UsageError("The clock is moved by a length or to a moment: give one of the two.")
        if not isinstance(self.clock, VirtualClock):
            raise Conflict("The clock is the machine's and cannot be moved. Start with --start TIME for a virtual one.")
        if self.registry.playing:
            raise Conflict(f"Run {self.registry.playing} moves the clock. Wait for its end, or cancel it.")
        self.dispatcher.settle()  # what is under way may put off what falls due next
        goal = self._goal(by, to)
        with self.faulting(faults):
            self.clock.advance_to(goal, lambda: None if self.dispatcher.settle() else None)
        self.dispatcher.settle()
        self.store.remember("virtual-now", str(self.clock.now()))
        return self.state()

    @passing
    def pass_to(self, moment: int, arrive: Callable[[int], None] = lambda due: None) -> None:
        """Move the virtual clock to a moment; `arrive` is told of each that something falls due at, before it is there.

        Raises `Conflict` on the system clock. For those who move it often: it is kept with what happens, not by itself.
        """
        if not isinstance(self.clock, VirtualClock):
            raise Conflict("The clock is the machine's and cannot be moved. Start with --start TIME for a virtual one.")
        self.clock.advance_to(moment, lambda: None if self.dispatcher.settle() else None, arrive)
        self.dispatcher.settle()

    def _goal(self, by: timedelta | None, to: datetime | str | None) -> int:
        now = self.clock.now()
        if by is not None:
            goal = now + round(by / timedelta(microseconds=1)) * 1000
        elif to == "next":
            due = self._next_due()
            if due is None:
                raise Conflict(
                    "Nothing falls due: no delivery waits for its time, and nothing is to come in the world."
                )
            goal = due
        else:
            goal = _moment(to)
        if goal < now:
            name, asked = ("by", by) if by is not None else ("to", to)
            raise BadValue(name, str(asked), f"is over: it is {time.rfc3339(now, 0)}, and no clock runs backwards.")
        if goal > LATEST:
            name, asked = ("by", by) if by is not None else ("to", to)
            raise BadValue(name, str(asked), f"leads past {time.rfc3339(LATEST, 0)}, where the time of a store ends.")
        return goal

    def idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        return self.dispatcher.idle()

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all that is due has been sent and recorded."""
        return self.dispatcher.settle(timeout)


def _moment(to: datetime | str | None) -> int:
    """Nanoseconds since 1970 of a moment that was asked for; raises `BadValue`."""
    try:
        return time.nanoseconds(to) if isinstance(to, datetime) else time.parse_rfc3339(str(to))
    except (TypeError, ValueError):
        raise BadValue("to", str(to), 'is no time. Write RFC 3339, as 2030-01-31T09:00:00Z, or "next".') from None
