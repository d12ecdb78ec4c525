"""The sender thread: it owns libcurl's multi handle and makes every call on it.

It sleeps on the descriptors that libcurl waits for and on a pipe of its own, by which others wake it. Transfers beyond
the cap wait their turn; a transfer's deadline counts from its turn and covers its lookup.
"""

from __future__ import annotations

import heapq
import logging
import math
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import count

import pycurl

from emitter.clock import monotonic
from emitter.delivery import Answer
from emitter.egress import Egress
from emitter.transport.faulty import FaultyWire
from emitter.transport.lookup import Found, Lookups, Resolve
from emitter.transport.outcome import CUT, STOPPED, Outcomes, before_wire
from emitter.transport.wire import Connections, Done, Kind, Transfer, Wire

Name = tuple[str, int]

_SEEN_BY_FD_SETS = 1000  # descriptors from about here on are in no fd set
_PAUSE = 50  # milliseconds
_IDLE_KINDS = 16  # kinds of handles that are kept for reuse
_log = logging.getLogger("emitter.transport")


class Sender:
    """Moves transfers from the queue through lookups and libcurl to their answers."""

    def __init__(self, *, egress: Egress, in_flight: int, resolve: Resolve) -> None:
        self._egress, self._in_flight = egress, in_flight
        self._most_of_one = max(in_flight // 2, 1)
        self._lookups = Lookups(resolve, lambda name, found: self.hand_in([partial(self._found, name, found)]))
        self._inbound: deque[Transfer | Callable[[], None]] = deque()
        self._asleep = False
        self._stop: float | None = None
        self._waking = threading.Lock()
        self._wake_out = self._wake_in = -1
        # from here on the thread's own
        self._ready: deque[Transfer] = deque()
        self._parked: dict[str, deque[Transfer]] = {}
        self._busy: dict[str, int] = {}  # by host
        self._asking: dict[Name, list[Transfer]] = {}
        self._deadlines: list[tuple[float, int, Transfer]] = []
        self._numbers = count()
        self._active: dict[pycurl.Curl, Wire] = {}
        self._faulty: list[FaultyWire] = []
        self._idle: dict[Kind, list[Wire]] = {}
        self._pinned: dict[Name, tuple[tuple[str, ...], int]] = {}
        self._pass = 0
        self._outcomes = Outcomes()
        self._connections = Connections(4 * in_flight)

    # --- from any thread ------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Make ready to run."""
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_out, False)
        os.set_blocking(self._wake_in, False)

    def hand_in(self, items: Sequence[Transfer | Callable[[], None]]) -> None:
        """Queue transfers, and calls to make on the thread; wake it if it sleeps."""
        self._inbound.extend(items)
        if self._asleep:  # it says so before it looks at the queue for the last time, so nothing is left behind
            self._asleep = False
            with self._waking, suppress(BlockingIOError):  # full: it is being woken anyway
                if self._wake_in >= 0:
                    os.write(self._wake_in, b"\0")

    def stop_at(self, when: float) -> None:
        """End when all is done, or at that moment of the monotonic clock."""
        self.hand_in([partial(setattr, self, "_stop", when)])

    # --- the thread -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, self._in_flight)
        self._poll = select.poll()
        self._poll.register(self._wake_out, select.POLLIN)
        self._reading: set[int] = set()
        self._writing: set[int] = set()
        while not self._is_over():
            try:
                self._move()
            except Exception:  # a mistake of ours must not leave everybody without answers
                _log.exception("the sender stumbled")
                select.poll().poll(_PAUSE)
        self._shut_down()

    def _move(self) -> None:
        self._take_in()
        if self._ready:
            self._start_ready()
        self._pass += 1
        for wire in self._faulty:
            wire.go_on()
        self._multi.perform()
        self._finish()
        if self._deadlines:
            self._expire()
        if not (self._inbound or self._ready and len(self._active) < self._in_flight or self._is_over()):
            self._sleep()

    def _is_over(self) -> bool:
        if self._stop is None:
            return False
        busy = self._active or self._ready or self._parked or self._inbound or any(self._asking.values())
        return not busy or monotonic() >= self._stop

    def _take_in(self) -> None:
        inbound = self._inbound
        while inbound:
            item = inbound.popleft()
            if isinstance(item, Transfer):
                self._ready.append(item)
            else:
                item()

    def _start_ready(self) -> None:
        ready, active, most = self._ready, self._active, self._in_flight
        while ready and len(active) < most:
            transfer = ready.popleft()
            target = transfer.target
            busy = self._busy.get(target.host, 0)
            if busy >= self._most_of_one:
                self._parked.setdefault(target.host, deque()).append(transfer)
                continue
            self._busy[target.host] = busy + 1
            transfer.started = monotonic()
            self._start(transfer, None)

    # --- lookups --------------------------------------------------------------------------------------------------

    def _look_up(self, transfer: Transfer) -> None:
        target = transfer.target
        if rule := self._egress.refuse_host(target):
            self._over(transfer, before_wire(transfer, "egress", f"{target.host} {rule}"))
            return
        name = (target.host, target.port)
        found = self._lookups.known(name)
        if found is not None:
            self._go(transfer, found.addresses)
            return
        asking = self._asking.get(name)
        if asking is None:
            self._asking[name] = asking = []
            self._lookups.ask(name)
        asking.append(transfer)
        heapq.heappush(self._deadlines, (transfer.started + transfer.seconds, next(self._numbers), transfer))

    def _found(self, name: Name, found: Found) -> None:
        now = monotonic()
        for transfer in self._asking.pop(name, ()):
            transfer.lookup = now - transfer.started
            transfer.over = True  # for the deadline of lookups; libcurl watches from here on
            if found.error:
                self._over(transfer, before_wire(transfer, "lookup", found.error))
            else:
                self._start(transfer, found.addresses)

    def _expire(self) -> None:
        now, deadlines = monotonic(), self._deadlines
        while deadlines and (deadlines[0][2].over or deadlines[0][0] <= now):
            transfer = heapq.heappop(deadlines)[2]
            if transfer.over:
                continue
            transfer.over = True
            name = (transfer.target.host, transfer.target.port)
            self._asking[name].remove(transfer)  # the name stays until its thread is back: it is not asked for twice
            transfer.lookup = now - transfer.started
            error = f"no answer within {transfer.seconds:g} s (looking up {transfer.target.host})"
            self._over(transfer, before_wire(transfer, "timeout", error, phase="lookup"))

    # --- libcurl --------------------------------------------------------------------------------------------------

    def _start(self, transfer: Transfer, addresses: tuple[str, ...] | None) -> None:
        """Move a transfer on, once its turn has come and once its name is known; it is answered whatever happens."""
        try:
            if addresses is None and not transfer.target.address and not transfer.target.local:
                self._look_up(transfer)
            else:
                self._go(transfer, addresses or ())
        except Exception as error:
            self._over(transfer, before_wire(transfer, "send", f"not sent: {error}"))

    def _go(self, transfer: Transfer, addresses: tuple[str, ...]) -> None:
        """Hand a transfer to libcurl; `addresses` is what its name leads to, all of which must be allowed."""
        target = transfer.target
        for address in addresses:
            if rule := self._egress.refuse(address, target.port, target.host):
                error = f"{address} {rule} ({target.host} resolves to it)"
                self._over(transfer, before_wire(transfer, "egress", error))
                return
        transfer.addresses = addresses
        seconds = transfer.seconds if not transfer.lookup else transfer.started + transfer.seconds - monotonic()
        self._add(self._wire_for(transfer), transfer, seconds)

    def _wire_for(self, transfer: Transfer) -> Wire:
        request = transfer.request
        kind = (request.verify_tls, request.ca, request.http2)
        if transfer.faulty:
            return FaultyWire(kind, self._egress, self._connections)
        idle = self._idle.get(kind)
        return idle.pop() if idle else Wire(kind, self._egress, self._connections)

    def _add(self, wire: Wire, transfer: Transfer, seconds: float, *, fresh: bool = False) -> None:
        addresses = transfer.addresses
        if addresses:
            # libcurl takes a pin over when its handle runs: only what an earlier pass pinned can be relied on
            name = (transfer.target.host, transfer.target.port)
            known, since = self._pinned.get(name, ((), 0))
            if known != addresses or since == self._pass:
                if len(self._pinned) > 4096:
                    self._pinned.clear()
                self._pinned[name] = (addresses, self._pass)
                wire.pin(name, addresses)
        wire.begin(transfer, seconds, fresh=fresh)
        self._multi.add_handle(wire.curl)
        self._active[wire.curl] = wire
        if isinstance(wire, FaultyWire):
            self._faulty.append(wire)

    def _finish(self) -> None:
        more = 1
        while more:
            more, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._ended_by_curl(curl, 0, "")
            for curl, code, message in failed:
                self._ended_by_curl(curl, code, message)
        for wire in [wire for wire in self._faulty if wire.is_cut]:
            self._ended_by_curl(wire.curl, CUT, "")

    def _ended_by_curl(self, curl: pycurl.Curl, code: int, message: str) -> None:
        wire = self._active.pop(curl)
        transfer = wire.transfer
        self._multi.remove_handle(curl)
        if isinstance(wire, FaultyWire):
            self._faulty.remove(wire)
        if wire.stale:  # nothing was sent: the connection had been closed while it was idle
            wire.end()
            self._start_anew(wire, transfer)
            return
        try:
            answer = self._outcomes.answer(wire, code, message)
        except Exception as error:
            answer = Answer(failure="protocol", error=f"the answer could not be read: {error}")
        wire.end()
        if isinstance(wire, FaultyWire):
            wire.close()
        else:
            idle = self._idle.get(wire.kind)
            if idle is None:
                self._forget_kinds()
                self._idle[wire.kind] = idle = []
            idle.append(wire)
        self._over(transfer, answer)

    def _start_anew(self, wire: Wire, transfer: Transfer) -> None:
        try:
            self._add(wire, transfer, transfer.started + transfer.seconds - monotonic(), fresh=True)
        except Exception as error:
            self._over(transfer, before_wire(transfer, "send", f"not sent: {error}"))

    def _forget_kinds(self) -> None:
        if len(self._idle) >= _IDLE_KINDS:
            for wire in self._idle.pop(next(iter(self._idle))):
                wire.close()

    def _over(self, transfer: Transfer, answer: Answer) -> None:
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
        tell(transfer.done, answer)

    # --- sleeping and ending --------------------------------------------------------------------------------------

    def _sleep(self) -> None:
        milliseconds = self._multi.timeout() if self._active else -1
        if self._connections.highest >= _SEEN_BY_FD_SETS and self._active:
            milliseconds = 10 if milliseconds < 0 else min(milliseconds, 10)
        wakes = [wire.due for wire in self._faulty if wire.due < math.inf]
        if self._deadlines:
            wakes.append(self._deadlines[0][0])
        if self._stop is not None:
            wakes.append(self._stop)
        if wakes:
            until = max(int((min(wakes) - monotonic()) * 1000) + 1, 0)
            milliseconds = until if milliseconds < 0 else min(milliseconds, until)
        reading, writing, _ = self._multi.fdset()
        self._watch(set(reading), set(writing))
        self._asleep = True
        if self._inbound:
            milliseconds = 0
        ready = self._poll.poll(None if milliseconds < 0 else milliseconds)
        self._asleep = False
        for descriptor, _ in ready:
            if descriptor == self._wake_out:
                with suppress(BlockingIOError):
                    os.read(self._wake_out, 4096)

    def _watch(self, reading: set[int], writing: set[int]) -> None:
        """Have the poll object look at these descriptors; as a rule they are those of last time."""
        if reading == self._reading and writing == self._writing:
            return
        poll = self._poll
        for descriptor in (self._reading | self._writing) - reading - writing:
            poll.unregister(descriptor)
        for descriptor in (reading ^ self._reading | writing ^ self._writing) & (reading | writing):
            events = (select.POLLIN if descriptor in reading else 0) | (select.POLLOUT if descriptor in writing else 0)
            poll.register(descriptor, events)
        self._reading, self._writing = reading, writing

    def _shut_down(self) -> None:
        self._lookups.close()
        self._take_in()
        for wire in list(self._active.values()):
            transfer, answer = wire.transfer, self._outcomes.answer(wire, STOPPED)
            self._multi.remove_handle(wire.curl)
            wire.end()
            wire.close()
            tell(transfer.done, answer)
        self._active.clear()
        given_up = "given up ({}): the sender was closed"
        for asking in self._asking.values():
            for transfer in asking:
                error = given_up.format(f"looking up {transfer.target.host}")
                tell(transfer.done, before_wire(transfer, "closed", error, phase="lookup"))
        for transfer in (*self._ready, *(each for parked in self._parked.values() for each in parked)):
            tell(transfer.done, before_wire(transfer, "closed", given_up.format("waiting for its turn")))
        for wires in self._idle.values():
            for wire in wires:
                wire.close()
        self._multi.close()
        with self._waking:
            os.close(self._wake_out)
            os.close(self._wake_in)
            self._wake_out = self._wake_in = -1


def tell(done: Done, answer: Answer) -> None:
    """Hand an answer on; what `done` raises is logged and goes no further."""
    try:
        done(answer)
    except Exception:
        _log.exception("what an answer was handed to raised")
