"""A limit on calls over a sliding window, on whichever clock."""

from __future__ import annotations

from collections import deque

MOST_KEYS = 10_000


class Window:
    """At most so many calls within so many nanoseconds, for each key by itself; one that is refused is not counted."""

    def __init__(self, most: int, span: int) -> None:
        self.most, self._span = most, span
        self._taken: dict[str, deque[int]] = {}

    def take(self, key: str, now: int) -> bool:
        """Count a call, if there is room for one."""
        taken = self._taken.pop(key, None) or deque()
        self._taken[key] = taken  # the key that was used last stands last
        if len(self._taken) > MOST_KEYS:
            del self._taken[next(iter(self._taken))]
        while taken and taken[0] <= now - self._span:
            taken.popleft()
        while taken and taken[-1] > now:  # the clock went back, to a snapshot
            taken.pop()
        if len(taken) >= self.most:
            return False
        taken.append(now)
        return True

    def clear(self) -> None:
        self._taken.clear()
