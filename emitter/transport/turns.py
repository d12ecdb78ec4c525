"""Whose turn it is: first come, first served, but no host and no sharer gets more than its share of what is in flight.

A host has a fixed share. Where several share the sender, each may have as many turns as are left free: one that asks
for all it can get has half of them, two a third each, so whoever comes next finds room at once.
"""

from __future__ import annotations

from collections import deque

from emitter.transport.sharer import Sharer
from emitter.transport.wire import Transfer


class Turns:
    """Transfers that wait for their turn. One whose share is used up is passed over until a turn of its own is over.

    `crowded` says that there are several sharers; a single one has all that its hosts take.
    """

    def __init__(self, in_flight: int) -> None:
        self._in_flight = in_flight
        self._share = max(in_flight // 2, 1)
        self.crowded = False
        self._ready: deque[Transfer] = deque()
        self._parked: dict[tuple[Sharer, str], deque[Transfer]] = {}  # for a host
        self._held: dict[Sharer, deque[Transfer]] = {}  # for a sharer; who had a turn last stands last
        self._given = 0
        self.add = self._ready.append

    def __bool__(self) -> bool:
        """Whether there may be a transfer whose turn has come."""
        return bool(self._ready)

    def next(self) -> Transfer | None:
        """Give the next its turn."""
        ready = self._ready
        while ready:
            transfer = ready.popleft()
            sharer, host = transfer.sharer, transfer.target.host
            count = sharer.busy.get(host, 0)
            if count >= self._share:
                self._parked.setdefault((sharer, host), deque()).append(transfer)
            elif self.crowded and not self._fits(sharer):
                self._held.setdefault(sharer, deque()).append(transfer)
            else:
                sharer.busy[host] = count + 1
                sharer.turns += 1
                self._given += 1
                return transfer
        return None

    def _fits(self, sharer: Sharer) -> bool:
        return not sharer.turns or sharer.turns < self._in_flight - self._given

    def over(self, transfer: Transfer) -> None:
        """Take note that one that had its turn is over."""
        sharer, host = transfer.sharer, transfer.target.host
        self._given -= 1
        sharer.turns -= 1
        left = sharer.busy[host] - 1
        if left:
            sharer.busy[host] = left
        else:
            del sharer.busy[host]
        if self._parked and (parked := self._parked.get((sharer, host))):
            self._ready.append(parked.popleft())
            if not parked:
                del self._parked[sharer, host]
        if self._held:
            self._release()

    def _release(self) -> None:
        """Let one go on whose sharer has room again."""
        for sharer in self._held:
            if self._fits(sharer):
                held = self._held.pop(sharer)
                self._ready.append(held.popleft())
                if held:
                    self._held[sharer] = held
                return

    def waiting(self) -> list[Transfer]:
        """Everything that has not had its turn."""
        return [
            *self._ready,
            *(transfer for parked in self._parked.values() for transfer in parked),
            *(transfer for held in self._held.values() for transfer in held),
        ]

    def give_up(self, sharer: Sharer) -> list[Transfer]:
        """Take away what a sharer waits for, and return it."""
        gone = [transfer for transfer in self.waiting() if transfer.sharer is sharer]
        kept = [transfer for transfer in self._ready if transfer.sharer is not sharer]
        self._ready.clear()
        self._ready.extend(kept)
        self._held.pop(sharer, None)
        for key in [key for key in self._parked if key[0] is sharer]:
            del self._parked[key]
        return gone
