"""Transfers whose names are being looked up: each waits until its name is found, or until its own time is over."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

from emitter.clock import monotonic
from emitter.delivery import Answer
from emitter.transport.lookup import Found, Lookups, Resolve
from emitter.transport.outcome import before_wire
from emitter.transport.sharer import Sharer
from emitter.transport.wire import Transfer

Name = tuple[str, int]


class Asking:
    """On the sender thread, but for the lookups themselves. Who is found goes on with `go`, who is not with `over`."""

    def __init__(
        self,
        resolve: Resolve,
        *,
        hand_in: Callable[[Sequence[Callable[[], None]]], None],
        go: Callable[[Transfer, tuple[str, ...]], None],
        over: Callable[[Transfer, Answer], None],
    ) -> None:
        self._go, self._over = go, over
        self._lookups = Lookups(resolve, lambda name, found: hand_in([partial(self._found, name, found)]))
        self._waiting: dict[Name, list[Transfer]] = {}
        self._deadlines: list[tuple[float, int, Transfer]] = []
        self._numbers = count()
        self.close = self._lookups.close

    @property
    def busy(self) -> bool:
        """Whether anybody waits for a name."""
        return any(self._waiting.values())

    @property
    def next_deadline(self) -> float | None:
        """When the time of one is over next, on the monotonic clock."""
        return self._deadlines[0][0] if self._deadlines else None

    def look_up(self, transfer: Transfer) -> tuple[str, ...] | None:
        """Return the addresses of its name where they are known; None: it is asked for, and the transfer waits."""
        name = (transfer.target.host, transfer.target.port)
        found = self._lookups.known(name)
        if found is not None:
            return found.addresses
        waiting = self._waiting.get(name)
        if waiting is None:
            self._lookups.ask(name)
            self._waiting[name] = waiting = []
        waiting.append(transfer)
        heapq.heappush(self._deadlines, (transfer.started + transfer.seconds, next(self._numbers), transfer))
        return None

    def _found(self, name: Name, found: Found) -> None:
        now = monotonic()
        for transfer in self._waiting.pop(name, ()):
            transfer.lookup = now - transfer.started
            transfer.looked_up = True
            if found.error:
                self._over(transfer, before_wire(transfer, "lookup", found.error))
            else:
                self._go(transfer, found.addresses)

    def expire(self) -> None:
        """Answer those whose time is over."""
        now, deadlines = monotonic(), self._deadlines
        while deadlines and (deadlines[0][2].looked_up or deadlines[0][0] <= now):
            transfer = heapq.heappop(deadlines)[2]
            if transfer.looked_up:
                continue
            transfer.looked_up = True
            target = transfer.target
            # the name itself stays until its thread is back: it is not asked for twice
            self._waiting[(target.host, target.port)].remove(transfer)
            error = f"no answer within {transfer.seconds:g} s (looking up {target.host})"
            self._over(transfer, before_wire(transfer, "timeout", error, phase="lookup"))

    def give_up(self, sharer: Sharer | None = None) -> list[Transfer]:
        """Take away what a sharer, or anybody, waits for, and return it."""
        gone: list[Transfer] = []
        for waiting in self._waiting.values():
            gone += [transfer for transfer in waiting if sharer in (None, transfer.sharer)]
            waiting[:] = [transfer for transfer in waiting if sharer not in (None, transfer.sharer)]
        for transfer in gone:
            transfer.looked_up = True  # so that its deadline means nothing any more
        return gone
