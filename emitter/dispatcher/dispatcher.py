"""From an event to its deliveries to their attempts: order, retries, pauses, restart.

Write first, send after, write again: a delivery is in the store before the event is acknowledged, an attempt is there
as `started` before its first byte leaves, and what came back is there before the next one of that webhook starts.

Three threads meet here. Producers call `accept`; the store's writer tells what is committed; the sender tells what came
back. None of them waits for another: each takes the lock for a moment, moves items, and queues rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from emitter import clock as time
from emitter.delivery import Attempt, Webhook, WireRequest
from emitter.dispatcher.accepting import Accepting
from emitter.store import Row

ROOM = 1024  # deliveries in memory beyond which a producer in bulk is asked to wait


class Dispatcher(Accepting):
    """Moves deliveries. `suppressed` is told of a webhook that has failed too often (`delivery.suppress_after`)."""

    # --- the life of a webhook ------------------------------------------------------------------------------------

    def changed(self, webhook: Webhook) -> None:
        """Use what a webhook has become from its next attempt on; a pause holds what waits, its end lets it go."""
        with self._lock:
            for express in (False, True):
                lane = self._lanes.get((webhook.number, express))
                if lane is not None:
                    lane.webhook = webhook
                    self._pump(lane)

    def drop(self, webhook: Webhook, why: str, *, gone: bool = False) -> None:
        """End what waits for a webhook as `dropped`, with the reason; what is under way is let finish."""
        with self._lock:
            lane = self._lane(webhook)
            lane.gone = why if gone else ""
            self._in_memory -= len(lane.clear())
        self._store.drop_waiting(webhook, why)

    # --- restart --------------------------------------------------------------------------------------------------

    def resume(self, webhooks: Sequence[Webhook]) -> int:
        """Take up what an earlier process left: end what it had started as `interrupted`, go on with what is due.

        Returns how many attempts were found without an end.
        """
        rows: list[Row] = []
        left = self._store.reader.left_started()
        for attempt_id, delivery, number, scheduled in left:
            attempt = Attempt(attempt_id, delivery.id, number, 0, scheduled, WireRequest("", (), b""))
            retry = self._schedule.next_due(attempt) if not delivery.resend_of else None
            rows += self._store.interrupted_rows(
                attempt_id, delivery_id=delivery.id, state="interrupted" if retry is None else "pending",
                due=retry or delivery.due, attempts=number,
            )  # fmt: skip
        if rows:
            self._store.put_and_wait(rows)  # unwritten, what was left would be taken for unsent
        by_number = {webhook.number: webhook for webhook in webhooks}
        for number in self._store.reader.waiting_counts():
            webhook = by_number.get(number)
            if webhook is None:  # the process ended between the removal and the drop
                self._store.drop_waiting(Webhook("", "", number), "The webhook was removed.")
            elif webhook.suppressed:
                self._store.drop_waiting(webhook, "The webhook was suppressed.")
            else:
                lane = self._lane(webhook)
                lane.behind = True
                self._refill(lane)
        return len(left)

    # --- waiting and stopping -------------------------------------------------------------------------------------

    def watch(self, holds: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until `holds()`, asking after every commit; False after `timeout` seconds of wall time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        self._watchers += 1
        try:
            with self._changed:
                while not holds():
                    left = 1.0 if deadline is None else min(deadline - time.monotonic(), 1.0)
                    if left <= 0:
                        return holds()
                    self._changed.wait(left)
                return True
        finally:
            self._watchers -= 1

    def wait_for_room(self, timeout: float = 60.0) -> None:
        """Let a producer in bulk wait while much is in memory."""
        if self._in_memory > ROOM:
            self.watch(lambda: self._in_memory - self._held_back() < ROOM // 2, timeout)

    def _held_back(self) -> int:
        """How many of those in memory wait for a later time, and nobody for them."""
        with self._lock:
            now = self._clock.now()
            return sum(lane.held_back(now) for lane in self._lanes.values())

    def idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        with self._lock:
            now = self._clock.now()
            return not self._planning and not any(lane.busy(now) for lane in self._lanes.values())

    def next_due(self) -> int | None:
        """When a delivery falls due next that has to wait for its time; None where none has."""
        with self._lock:
            found = [lane.next_due(self._clock.now()) for lane in self._lanes.values()]
            return min((each for each in found if each is not None), default=None)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until everything that is due has been sent and recorded; False when time is up before."""
        self._wake_due()
        done = self.watch(self.idle, timeout)
        if done:
            self._store.flush()
        return done

    def _wake_due(self) -> None:
        """Wake each lane whose time has come.

        Of several due at one moment a virtual clock wakes one, and lets it settle before it comes to the next.
        """
        with self._lock:
            now = self._clock.now()
            for lane in list(self._lanes.values()):
                if lane.alarm is not None and lane.alarm <= now:
                    self._woken(lane)

    @contextmanager
    def still(self, patience: float) -> Iterator[None]:
        """Start nothing for a while, once what is under way is over and on disk; then go on.

        What is not over within `patience` seconds goes on meanwhile.
        """
        with self._lock:
            self._still = True
        try:
            self.watch(self._at_rest, patience)
            self._store.flush()
            yield
        finally:
            with self._lock:
                self._still = False
                for lane in list(self._lanes.values()):
                    self._pump(lane)

    def _at_rest(self) -> bool:
        with self._lock:
            return not (self._planning or self._telling or any(lane.in_flight for lane in self._lanes.values()))

    def forget(self) -> None:
        """Drop every lane, and what is under way with it: the store holds something else now."""
        with self._lock:
            for lane in self._lanes.values():
                lane.clear()
                lane.partner, lane.forgotten = None, True
            self._lanes.clear()
            self._in_memory = 0

    def in_flight(self) -> int:
        """How many attempts are under way."""
        with self._lock:
            return sum(lane.in_flight for lane in self._lanes.values())

    def stop(self, grace: float) -> None:
        """Start nothing more, let what is under way finish for `grace` seconds, and end the sender.

        What still waits stays in the store for the next start.
        """
        with self._lock:
            self._stopped = True
        deadline = time.monotonic() + grace
        self.watch(lambda: self.in_flight() == 0, grace)
        self._transport.close(max(deadline - time.monotonic(), 0.0))
