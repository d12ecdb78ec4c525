"""The sender thread: it owns libcurl's multi handle and makes every call on it.

A transfer waits for its turn, then for its name to be looked up, then for libcurl. Its deadline counts from its turn.
Several may share the thread; each transfer knows whose it is, and so whose say it is where it may go.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import pycurl

from emitter.clock import monotonic
from emitter.delivery import Answer
from emitter.transport.asking import Asking, Name
from emitter.transport.faulty import FaultyWire
from emitter.transport.lookup import Resolve
from emitter.transport.outcome import CUT, FLOOD, STOPPED, Outcomes, before_wire
from emitter.transport.sharer import Sharer
from emitter.transport.turns import Turns
from emitter.transport.waking import Waking
from emitter.transport.wire import Connections, Done, Kind, Transfer, Wire

Item = Transfer | Callable[[], None]

_SEEN_BY_FD_SETS = 1000  # descriptors from about here on are in no fd set
_BLIND = 10  # milliseconds to sleep at most while libcurl may wait for one of those
_PAUSE = 50  # milliseconds to sleep after a mistake
_IDLE_KINDS = 16  # kinds of handles that are kept for reuse
_NAMES = 4096
_UNRESTED = 0.005  # seconds after which those who were told answers are left in peace, though there may be more
_GIVEN_UP = "given up ({}): the sender was closed"
_log = logging.getLogger("emitter.transport")


class Sender:
    """Moves transfers from the queue through lookups and libcurl to their answers. `run` is the thread."""

    def __init__(self, *, in_flight: int, resolve: Resolve) -> None:
        self._in_flight = in_flight
        self._asking = Asking(resolve, hand_in=self.hand_in, go=self._start, over=self._over)
        self._inbound: deque[Item] = deque()
        self._waking = Waking()
        self._stop: float | None = None  # when to give up what is still in flight
        self._leaving: list[Sharer] = []
        self._turns = Turns(in_flight)
        self._active: dict[pycurl.Curl, Wire] = {}
        self._faulty: list[FaultyWire] = []
        self._idle: dict[Kind, list[Wire]] = {}
        self._pinned: dict[Name, tuple[tuple[str, ...], int]] = {}
        self._told: dict[Sharer, None] = {}  # who was told answers since it was last left in peace
        self._rest_by = 0.0
        self._pass = 0
        self._outcomes = Outcomes()
        self._connections = Connections(4 * in_flight)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, in_flight)

    # --- from any thread ------------------------------------------------------------------------------------------

    def hand_in(self, items: Sequence[Item]) -> None:
        """Queue transfers, and calls to make on the thread."""
        self._inbound.extend(items)
        if self._waking.asleep:  # it says so before it looks at the queue for the last time: nothing is left behind
            self._waking.wake()

    def stop_at(self, when: float) -> None:
        """End when all is done, or at that moment of the monotonic clock."""
        self.hand_in([partial(setattr, self, "_stop", when)])

    def crowd(self, several: bool) -> None:
        """Say whether there are several sharers, so that each has to leave room."""
        self._turns.crowded = several

    def leave_at(self, sharer: Sharer, when: float, left: Callable[[], None]) -> None:
        """Call `left` once all that a sharer has handed in is over, or given up at that moment of the clock."""

        def leave() -> None:
            sharer.leaves_at, sharer.left = when, left
            self._leaving.append(sharer)

        self.hand_in([leave])

    # --- the thread -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Send until told to stop."""
        while not self._is_over():
            try:
                self._move()
            except Exception:  # a mistake of ours must not leave everybody without answers
                _log.exception("the sender stumbled")
                self._waking.sleep(_PAUSE)
        self._shut_down()

    def _move(self) -> None:
        inbound, turns, active = self._inbound, self._turns, self._active
        self._take_in()
        now = monotonic()
        while turns and len(active) < self._in_flight and (transfer := turns.next()) is not None:
            transfer.started = now
            target = transfer.target
            self._start(transfer, () if target.address or target.local else None)
        self._pass += 1
        for wire in self._faulty:
            wire.go_on()
        self._multi.perform()
        self._finish()
        if len(active) < 16 or not self._pass & 15:
            self._cut_floods()
        if self._asking.next_deadline is not None:
            self._asking.expire()
        if self._leaving:
            self._let_go(monotonic())
        if self._told and now >= self._rest_by:
            self._rest()
        if not (inbound or turns and len(active) < self._in_flight or self._is_over()):
            self._sleep()

    def _take_in(self) -> None:
        inbound, turns = self._inbound, self._turns
        while inbound:
            item = inbound.popleft()
            if isinstance(item, Transfer):
                turns.add(item)
            else:
                item()

    def _is_over(self) -> bool:
        if self._stop is None:
            return False
        busy = self._active or self._inbound or self._asking.busy or self._turns.waiting()
        return not busy or monotonic() >= self._stop

    def _sleep(self) -> None:
        active = self._active
        milliseconds = self._multi.timeout() if active else -1
        if active and self._connections.highest >= _SEEN_BY_FD_SETS:
            milliseconds = _BLIND if milliseconds < 0 else min(milliseconds, _BLIND)
        wakes = [wire.due for wire in self._faulty if wire.due < math.inf]
        if (deadline := self._asking.next_deadline) is not None:
            wakes.append(deadline)
        if self._stop is not None:
            wakes.append(self._stop)
        wakes += [sharer.leaves_at for sharer in self._leaving]
        if wakes:
            until = max(int((min(wakes) - monotonic()) * 1000) + 1, 0)
            milliseconds = until if milliseconds < 0 else min(milliseconds, until)
        reading, writing, _ = self._multi.fdset()
        self._waking.watch(set(reading), set(writing))
        if self._told:
            if self._waking.sleep(0):
                return
            self._rest()
        self._waking.asleep = True
        if self._inbound:
            milliseconds = 0
        self._waking.sleep(None if milliseconds < 0 else milliseconds)
        self._waking.asleep = False

    def _rest(self) -> None:
        """Tell those who were told answers that there are no more at the moment."""
        told, self._told = self._told, {}
        for sharer in told:
            rest(sharer)

    # --- from a turn to libcurl -----------------------------------------------------------------------------------

    def _start(self, transfer: Transfer, addresses: tuple[str, ...] | None) -> None:
        """Move a transfer on: None is a name that is to be looked up. It is answered whatever happens."""
        try:
            if addresses is None:
                self._look_up(transfer)
            else:
                self._go(transfer, addresses)
        except Exception as error:
            self._over(transfer, before_wire(transfer, "send", f"not sent: {error}"))

    def _look_up(self, transfer: Transfer) -> None:
        target = transfer.target
        if rule := transfer.sharer.egress.refuse_host(target):
            self._over(transfer, before_wire(transfer, "egress", f"{target.host} {rule}"))
            return
        addresses = self._asking.look_up(transfer)
        if addresses is not None:
            self._go(transfer, addresses)

    def _go(self, transfer: Transfer, addresses: tuple[str, ...]) -> None:
        """Hand a transfer to libcurl; `addresses` is what its name leads to, all of which must be allowed."""
        target, seconds, kind = transfer.target, transfer.seconds, transfer.kind
        for address in addresses:
            if rule := transfer.sharer.refuse(address, target.port, target.host):
                error = f"{address} {rule} ({target.host} resolves to it)"
                self._over(transfer, before_wire(transfer, "egress", error))
                return
        if transfer.lookup:
            seconds -= transfer.lookup
        transfer.addresses = addresses
        if transfer.faulty:
            self._add(FaultyWire(kind, self._connections), transfer, seconds)
        else:
            idle = self._idle.get(kind)
            self._add(idle.pop() if idle else Wire(kind, self._connections), transfer, seconds)

    def _add(self, wire: Wire, transfer: Transfer, seconds: float, *, fresh: bool = False) -> None:
        addresses = transfer.addresses
        if addresses:
            # libcurl takes a pin over when its handle runs: only what an earlier pass pinned can be relied on
            name = (transfer.target.host, transfer.target.port)
            known, since = self._pinned.get(name, ((), 0))
            if known != addresses or since == self._pass:
                if len(self._pinned) > _NAMES:
                    self._pinned.clear()
                self._pinned[name] = (addresses, self._pass)
                wire.pin(name, addresses)
        wire.begin(transfer, seconds, fresh=fresh)
        self._multi.add_handle(wire.curl)
        self._active[wire.curl] = wire
        if transfer.faulty and isinstance(wire, FaultyWire):
            self._faulty.append(wire)

    # --- from libcurl to an answer --------------------------------------------------------------------------------

    def _finish(self) -> None:
        more = 1
        while more:
            more, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._finished(curl, 0, "")
            for curl, code, message in failed:
                self._finished(curl, code, message)
        if self._faulty:
            for wire in [wire for wire in self._faulty if wire.is_cut]:
                self._finished(wire.curl, CUT, "")

    def _cut_floods(self) -> None:
        """End what is sent headers without end; libcurl would take 6 MB of them, if most are of interim answers."""
        for wire in [wire for wire in self._active.values() if wire.floods]:
            self._finished(wire.curl, FLOOD, "")

    def _finished(self, curl: pycurl.Curl, code: int, message: str) -> None:
        wire = self._active.pop(curl)
        transfer = wire.transfer
        self._multi.remove_handle(curl)
        if wire.stale:  # nothing was sent: the connection had been closed while it was idle
            wire.end()
            self._start_anew(wire, transfer)
            return
        try:
            answer = self._outcomes.answer(wire, code, message)
        except Exception as error:
            answer = Answer(failure="protocol", error=f"the answer could not be read: {error}")
        wire.end()
        if transfer.faulty and isinstance(wire, FaultyWire):
            self._faulty.remove(wire)
            wire.close()
        else:
            idle = self._idle.get(wire.kind)
            if idle is None:
                idle = self._idle_of(wire.kind)
            idle.append(wire)
        self._over(transfer, answer)

    def _start_anew(self, wire: Wire, transfer: Transfer) -> None:
        try:
            self._add(wire, transfer, transfer.started + transfer.seconds - monotonic(), fresh=True)
        except Exception as error:
            self._over(transfer, before_wire(transfer, "send", f"not sent: {error}"))

    def _idle_of(self, kind: Kind) -> list[Wire]:
        if len(self._idle) >= _IDLE_KINDS:
            for wire in self._idle.pop(next(iter(self._idle))):
                wire.close()
        return self._idle.setdefault(kind, [])

    def _over(self, transfer: Transfer, answer: Answer) -> None:
        self._turns.over(transfer)
        self._tell(transfer, answer)

    def _tell(self, transfer: Transfer, answer: Answer) -> None:
        if not self._told:
            self._rest_by = monotonic() + _UNRESTED
        self._told[transfer.sharer] = None
        tell(transfer.done, answer)

    # --- ending ---------------------------------------------------------------------------------------------------

    def _let_go(self, now: float) -> None:
        """Part with those whose last transfer is over, or whose time is up."""
        for sharer in list(self._leaving):
            busy = sharer.turns or any(each.sharer is sharer for each in self._turns.waiting())
            if busy and now < sharer.leaves_at:
                continue
            if busy:
                self._give_up(sharer)
            self._leaving.remove(sharer)
            self._rest()
            sharer.left()

    def _give_up(self, sharer: Sharer) -> None:
        """Abort what a sharer has under way, and answer what it waits for."""
        for transfer in self._turns.give_up(sharer):
            self._tell(transfer, before_wire(transfer, "closed", _GIVEN_UP.format("waiting for its turn")))
        for transfer in self._asking.give_up(sharer):
            self._over(transfer, _while_asking(transfer))
        for wire in [wire for wire in self._active.values() if wire.transfer.sharer is sharer]:
            transfer, answer = wire.transfer, self._aborted(wire)
            self._active.pop(wire.curl)
            if isinstance(wire, FaultyWire) and wire in self._faulty:
                self._faulty.remove(wire)
            self._over(transfer, answer)

    def _aborted(self, wire: Wire) -> Answer:
        """Take a handle out of libcurl in the middle of its transfer."""
        answer = self._outcomes.answer(wire, STOPPED)
        self._multi.remove_handle(wire.curl)
        wire.end()
        wire.close()
        return answer

    def _shut_down(self) -> None:
        self._asking.close()
        self._take_in()
        for wire in list(self._active.values()):
            transfer = wire.transfer
            self._tell(transfer, self._aborted(wire))
        for transfer in self._asking.give_up():
            self._tell(transfer, _while_asking(transfer))
        for transfer in self._turns.waiting():
            self._tell(transfer, before_wire(transfer, "closed", _GIVEN_UP.format("waiting for its turn")))
        self._rest()
        for sharer in self._leaving:
            sharer.left()
        for wires in self._idle.values():
            for wire in wires:
                wire.close()
        self._multi.close()
        self._waking.close()


def _while_asking(transfer: Transfer) -> Answer:
    error = _GIVEN_UP.format(f"looking up {transfer.target.host}")
    return before_wire(transfer, "closed", error, phase="lookup")


def tell(done: Done, answer: Answer) -> None:
    """Hand an answer on; what `done` raises is logged and goes no further."""
    try:
        done(answer)
    except Exception:
        _log.exception("what an answer was handed to raised")


def rest(sharer: Sharer) -> None:
    """Leave a sharer in peace for a moment; what it raises is logged and goes no further."""
    try:
        sharer.rests()
    except Exception:
        _log.exception("what follows answers raised")
