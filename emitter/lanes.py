"""The queue of one webhook: what is next, what waits for its time, how much may be under way at once."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import chain

from emitter.delivery import Headers, Webhook
from emitter.faults import Faulted

MOST_IN_MEMORY = 1024


@dataclass(slots=True)
class Item:
    """A delivery that waits in memory, with what its next attempt needs."""

    delivery_id: int
    event_id: int
    type_id: int
    run_id: int
    body: bytes
    own_body: bytes | None  # what is sent instead of the event's body, where an attempt is repeated as it was
    due: int
    attempts: int
    headers: Headers | None  # of the attempt that is repeated as it was
    resent: bool
    stamp: int = 0  # of the body, where `payload.timestamp_source=send` may replace it; 0: it may not
    faulted: Faulted | None = None
    twin: Item | None = None  # leaves at the same moment, whatever the limit

    @property
    def key(self) -> tuple[int, int]:
        """What decides who is next: when it is due, then its place."""
        return self.due, (self.faulted.order if self.faulted else 0) or self.delivery_id


class Lane:
    """With a `limit` of one, deliveries leave in order, and one that is to be tried again holds up those behind it.

    With more, the order is free: so many are under way at once, and a retry waits aside. So does, whatever the limit, a
    delivery that a fault has taken out of the order. What does not fit into memory stays in the store: the lane is
    `behind`, and is filled again when it runs low. No locking here: the dispatcher's lock is held by whoever calls.
    """

    __slots__ = (
        "alarm",
        "aside",
        "behind",
        "elsewhere",
        "express",
        "failures",
        "forgotten",
        "gone",
        "in_flight",
        "limit",
        "loaded_to",
        "partner",
        "queue",
        "webhook",
    )

    def __init__(self, webhook: Webhook, *, limit: int, express: bool = False) -> None:
        self.webhook, self.limit, self.express = webhook, limit, express
        self.queue: deque[Item] = deque()
        self.aside: list[tuple[int, int, Item]] = []
        self.in_flight = 0
        self.loaded_to = 0
        self.behind = False
        self.elsewhere: set[int] = set()
        self.failures = 0
        self.gone = ""
        self.forgotten = False  # what is still under way is nobody's business any more
        self.alarm: int | None = None
        self.partner: Item | None = None  # the twin of the one that was given out last

    def add(self, item: Item) -> bool:
        """Take a delivery in at the end; False where it stays in the store for now, or is here already."""
        if item.delivery_id <= self.loaded_to:
            return False
        if self.behind or len(self.queue) >= MOST_IN_MEMORY:
            self.behind = True
            return False
        self.loaded_to = item.delivery_id
        if item.delivery_id in self.elsewhere:
            self.elsewhere.remove(item.delivery_id)
            return False
        if item.faulted is not None and self._beside(item, item.faulted):
            return True
        if item.attempts and self.limit > 1:  # brought back from the store, to be tried again at its time
            self.put_back(item)
        else:
            self.queue.append(item)
        return True

    def _beside(self, item: Item, faulted: Faulted) -> bool:
        """Put an item out of the order, if its faults say so: to its twin, if that has not left yet, or aside."""
        if faulted.twin:
            for first in chain(reversed(self.queue), (each for _, _, each in self.aside)):
                if first.delivery_id == faulted.twin and not (first.attempts or item.attempts):
                    first.twin = item
                    return True
        if faulted.aside or faulted.twin:
            self.put_aside(item)
            return True
        return False

    def put_aside(self, item: Item) -> None:
        """Let a delivery wait for its time where it holds up nobody."""
        due, place = item.key
        heapq.heappush(self.aside, (due, place, item))

    def pass_over(self, delivery_id: int) -> None:
        """Never take in this delivery, which goes by another lane."""
        if self.behind:
            self.elsewhere.add(delivery_id)
        else:
            self.loaded_to = max(self.loaded_to, delivery_id)

    def take(self, now: int) -> Item | None:
        """Give out what may leave now, counting it as under way; None when nothing may."""
        if self.partner is not None:
            item, self.partner = self.partner, None
            self.in_flight += 1
            return item
        if self.in_flight >= self.limit or (self.held and not self.express):
            return None
        if self.aside and self.aside[0][0] <= now and not self._queue_first():
            item = heapq.heappop(self.aside)[2]
        elif self.queue and self.queue[0].due <= now:
            item = self.queue.popleft()
        else:
            return None
        self.in_flight += 1
        if item.twin is not None:
            self.partner, item.twin = item.twin, None
        return item

    def _queue_first(self) -> bool:
        """Whether the order wants what is next in it before what has left it; where it is free, it never does."""
        return self.limit == 1 and bool(self.queue) and self.queue[0].key < self.aside[0][:2]

    def put_back(self, item: Item) -> None:
        """Keep a delivery for its next try: in front where order counts, else aside."""
        if self.limit == 1 and not (item.faulted is not None and (item.faulted.aside or item.faulted.twin)):
            self.queue.appendleft(item)
        else:
            self.put_aside(item)

    def wake(self, now: int) -> int | None:
        """When to look again because something falls due by itself; None if nothing does or the alarm is set."""
        if not self.aside and (not self.queue or self.queue[0].due <= now):
            return None
        nexts = [self.queue[0].due] if self.queue else []
        if self.aside:
            nexts.append(self.aside[0][0])
        due = min((each for each in nexts if each > now), default=None)
        if due is None or (self.alarm is not None and self.alarm <= due):
            return None
        self.alarm = due
        return due

    def next_due(self, now: int) -> int | None:
        """When something falls due by itself next; None where nothing does, or the webhook gets nothing for now."""
        if self.held and not self.express:
            return None
        nexts = [self.queue[0].due] if self.queue else []
        if self.aside:
            nexts.append(self.aside[0][0])
        return min((each for each in nexts if each > now), default=None)

    def busy(self, now: int) -> bool:
        """Whether something is under way, or could be."""
        if self.in_flight:
            return True
        if self.held and not self.express:
            return False
        return bool(
            self.behind or (self.queue and self.queue[0].due <= now) or (self.aside and self.aside[0][0] <= now)
        )

    @property
    def held(self) -> bool:
        """Whether the webhook gets nothing for now."""
        return self.webhook.paused or self.webhook.suppressed

    @property
    def hungry(self) -> bool:
        """Whether more should be brought from the store."""
        return self.behind and len(self.queue) < MOST_IN_MEMORY // 4

    def held_back(self, now: int) -> int:
        """How many wait aside for a later time; none where one of them is due."""
        return len(self.aside) if self.aside and self.aside[0][0] > now else 0

    def clear(self) -> list[Item]:
        """Give up everything that waits, in memory and, as it is dropped there too, in the store."""
        items = [*self.queue, *(item for _, _, item in self.aside)]
        items += [item.twin for item in items if item.twin is not None]
        self.queue.clear()
        self.aside.clear()
        self.behind = False
        return items
