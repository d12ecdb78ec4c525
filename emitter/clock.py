"""The door for time: what time it is, what falls due when, and how long something took.

One agenda, two drivers. `SystemClock` waits for what falls due, on a thread that starts with the first entry;
`VirtualClock.advance` runs it in the caller's thread, in order, at once. Entries of equal time keep their order.
Deadlines and polls are wall time on either clock: `monotonic`.
"""

from __future__ import annotations

import heapq
import os
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000_000
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

Entry = tuple[int, int, Callable[[], None]]


class Clock(Protocol):
    """What every part that asks for the time is given. Times are nanoseconds since 1970, UTC."""

    virtual: bool

    def now(self) -> int: ...

    def at(self, due: int, call: Callable[[], None]) -> None:
        """Have `call` run once it is `due`; it must be quick and must not raise."""

    def close(self) -> None: ...


class SystemClock:
    """The time of the machine."""

    virtual = False

    def __init__(self) -> None:
        self._agenda: list[Entry] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def now(self) -> int:
        return time.time_ns()

    def at(self, due: int, call: Callable[[], None]) -> None:
        with self._changed:
            if self._closed:
                return
            heapq.heappush(self._agenda, (due, next(self._numbers), call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._wait, name="emitter-clock", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Run nothing any more; what is due lives on in the store."""
        with self._changed:
            self._closed = True
            self._agenda.clear()
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _wait(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (not self._agenda or self._agenda[0][0] > time.time_ns()):
                    # An hour at most: a wall clock that is set anew must not make an entry late by more than that.
                    pause = min((self._agenda[0][0] - time.time_ns()) / SECOND, 3600.0) if self._agenda else None
                    self._changed.wait(pause)
                if self._closed:
                    return
                call = heapq.heappop(self._agenda)[2]
            call()


class VirtualClock:
    """A clock that stands still until somebody moves it."""

    virtual = True

    def __init__(self, start: datetime | int) -> None:
        self._now = start if isinstance(start, int) else nanoseconds(start)
        self._agenda: list[Entry] = []
        self._numbers = count()
        self._lock = threading.Lock()

    def now(self) -> int:
        return self._now

    def at(self, due: int, call: Callable[[], None]) -> None:
        with self._lock:
            heapq.heappush(self._agenda, (due, next(self._numbers), call))

    def next_due(self) -> int | None:
        """When the next entry falls due; None for an empty agenda."""
        with self._lock:
            return self._agenda[0][0] if self._agenda else None

    def advance(
        self, by: timedelta, settle: Callable[[], None] = lambda: None, arrive: Callable[[int], None] = lambda due: None
    ) -> None:
        """Move forward, running what falls due on the way, each at its own time.

        `settle` lets what is in flight finish; it is called before every move, so that what an attempt causes is
        on the agenda before the clock passes it. `arrive` is told of each moment before the clock gets there, and may
        take its time. Raises `ValueError` for a negative duration.
        """
        if by < timedelta(0):
            raise ValueError("a clock does not run backwards")
        self.advance_to(self._now + round(by / timedelta(microseconds=1)) * 1000, settle, arrive)

    def advance_to(
        self,
        goal: int,
        settle: Callable[[], None] = lambda: None,
        arrive: Callable[[int], None] = lambda due: None,
    ) -> None:
        """As `advance`, to a moment; nothing moves where that is over."""
        while True:
            settle()
            with self._lock:
                due = min(self._agenda[0][0], goal) if self._agenda else goal
            if due > self._now:
                arrive(due)
            with self._lock:
                if not self._agenda or self._agenda[0][0] > goal:
                    break
                due, _, call = heapq.heappop(self._agenda)
                self._now = max(self._now, due)
            call()
        self._now = max(self._now, goal)

    def set(self, now: int) -> None:
        """Stand at another moment, an earlier one too, with an empty agenda: for who puts everything back."""
        with self._lock:
            self._agenda.clear()
            self._now = now

    def close(self) -> None:
        with self._lock:
            self._agenda.clear()


def give_way() -> None:
    """Let other threads go first that have something to do: for who has much to do and is in no hurry."""
    os.sched_yield()


def wall() -> int:
    """What the machine's clock says, whatever clock the simulator runs on: when something was seen to happen."""
    return time.time_ns()


def monotonic() -> float:
    """Seconds on a clock that is never set: for deadlines and durations."""
    return time.monotonic()


def nanoseconds(moment: datetime) -> int:
    """Turn an aware datetime into nanoseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def moment(stamp: int) -> datetime:
    """Turn nanoseconds since 1970 into an aware datetime in UTC, cut to microseconds."""
    return EPOCH + timedelta(microseconds=stamp // 1000)


def rfc3339(stamp: int, digits: int = 9) -> str:
    """Write nanoseconds since 1970 as RFC 3339 in UTC with so many fractional digits (cut, not rounded); 0 for none."""
    seconds, fraction = divmod(stamp, SECOND)
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    whole = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    return f"{whole}.{f'{fraction:09}'[:digits]}Z" if digits else f"{whole}Z"


def parse_rfc3339(text: str) -> int:
    """Read RFC 3339 with any offset and any number of fractional digits into nanoseconds since 1970.

    Raises `ValueError` where it is none. Digits past the ninth are cut.
    """
    found = _RFC3339.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no RFC 3339 time with an offset, as 2030-01-31T09:00:00Z")
    date, clock, fraction, zone = found.groups()
    try:
        parsed = datetime.fromisoformat(f"{date}T{clock}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError) as error:  # OverflowError: an offset that leads out of the years 1 to 9999
        raise ValueError(f"{text!r} is no time that there is: {error}") from None
    return nanoseconds(parsed) + int((fraction or "0")[:9].ljust(9, "0"))


def pause(seconds: float) -> None:
    """Let wall time pass; only for polling what cannot be waited for."""
    time.sleep(seconds)
