"""Whose turn it is: first come, first served, but no host gets more than its share of what may be in flight."""

from __future__ import annotations

from collections import deque

from emitter.transport.wire import Transfer


class Turns:
    """Transfers that wait for their turn. A host that has its share is passed over until one of its own is over."""

    def __init__(self, share: int) -> None:
        self._share = share
        self._ready: deque[Transfer] = deque()
        self._parked: dict[str, deque[Transfer]] = {}
        self._busy: dict[str, int] = {}
        self.add = self._ready.append

    def __bool__(self) -> bool:
        """Whether there may be a transfer whose turn has come."""
        return bool(self._ready)

    def next(self) -> Transfer | None:
        """Give the next its turn."""
        ready, busy = self._ready, self._busy
        while ready:
            transfer = ready.popleft()
            host = transfer.target.host
            count = busy.get(host, 0)
            if count < self._share:
                busy[host] = count + 1
                return transfer
            self._parked.setdefault(host, deque()).append(transfer)
        return None

    def over(self, transfer: Transfer) -> None:
        """Take note that one that had its turn is over."""
        host = transfer.target.host
        left = self._busy[host] - 1
        if left:
            self._busy[host] = left
        else:
            del self._busy[host]
        if self._parked and (parked := self._parked.get(host)):
            self._ready.append(parked.popleft())
            if not parked:
                del self._parked[host]

    def waiting(self) -> list[Transfer]:
        """Everything that has not had its turn."""
        return [*self._ready, *(transfer for parked in self._parked.values() for transfer in parked)]
