"""The door itself: what others call, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from emitter.clock import monotonic
from emitter.delivery import Answer, WireRequest
from emitter.egress import Egress
from emitter.errors import EmitterError
from emitter.transport.lookup import Resolve, system_resolve
from emitter.transport.preparing import Preparer
from emitter.transport.sender import Sender, rest, tell
from emitter.transport.sharer import Sharer
from emitter.transport.wire import Done, Transfer

IN_FLIGHT = 512
Submission = tuple[WireRequest, float, Done]

_SLACK = 5.0  # seconds beyond the grace after which the thread is left to itself


class SharedSender:
    """A sender thread for several `Transport`s, which starts with the first request and ends with the last of them.

    `in_flight` caps the transfers that libcurl has at once (each has a descriptor, and fd sets end at 1,024); half of
    it is the most that one target gets, so that a receiver that hangs leaves room for the others. Where several share
    it, none gets more than it leaves free. `resolve` looks names up, on threads of its own; it may hang.
    """

    def __init__(self, *, in_flight: int = IN_FLIGHT, resolve: Resolve = system_resolve) -> None:
        self._make = partial(Sender, in_flight=in_flight, resolve=resolve)
        self._sender: Sender | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._sharers: set[Sharer] = set()
        self._staying = 0

    def join(self, sharer: Sharer) -> None:
        """Be one of those who share it."""
        with self._lock:
            self._sharers.add(sharer)
            self._crowd()

    def _crowd(self) -> None:
        if self._sender is not None:
            self._sender.crowd(len(self._sharers) > 1)

    def hand_in(self, items: Sequence[Transfer | Callable[[], None]]) -> None:
        """Queue transfers, and calls to make on the thread."""
        sender = self._sender
        if sender is None:
            with self._lock:
                sender = self._sender
                if sender is None:
                    sender = self._sender = self._make()
                    self._crowd()
                    self._thread = threading.Thread(target=sender.run, name="emitter-sender", daemon=True)
                    self._thread.start()
        sender.hand_in(items)

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Keep the thread for a while though nobody may share it, for those who come and go one after the other."""
        with self._lock:
            self._staying += 1
        try:
            yield
        finally:
            with self._lock:
                self._staying -= 1
                over = not self._staying and not self._sharers
                sender, thread = self._sender, self._thread
                if over:
                    self._sender = self._thread = None
            if over and sender is not None and thread is not None:
                sender.stop_at(monotonic())
                thread.join(_SLACK)

    def leave(self, sharer: Sharer, grace: float) -> None:
        """Let what a sharer handed in finish for up to `grace` seconds, then abort it; the last one ends the thread."""
        until = monotonic() + max(grace, 0.0)
        with self._lock:
            self._sharers.discard(sharer)
            last = not self._sharers and not self._staying
            sender, thread = self._sender, self._thread
            self._crowd()
            if last:
                self._sender = self._thread = None
        if sender is None or thread is None:
            return
        left = threading.Event()
        if last:
            sender.stop_at(until)
        else:
            sender.leave_at(sharer, until, left.set)
        if thread is threading.current_thread():
            return
        if last:
            thread.join(max(grace, 0.0) + _SLACK)
        else:
            left.wait(max(grace, 0.0) + _SLACK)


class Transport:
    """Sends requests, each once, and tells what came back. `egress` has its say on each; `shared` is who sends them."""

    def __init__(
        self,
        *,
        egress: Egress,
        in_flight: int = IN_FLIGHT,
        resolve: Resolve = system_resolve,
        shared: SharedSender | None = None,
    ) -> None:
        self._preparer = Preparer()
        self._sharer = Sharer(egress)
        self._shared = shared or SharedSender(in_flight=in_flight, resolve=resolve)
        self._lock = threading.Lock()
        self._joined = self._closed = False

    def submit(self, request: WireRequest, seconds: float, done: Done) -> None:
        """Send a request, once, and call `done` with its answer, once, on the sender thread.

        The answer is there `seconds` after the transfer's turn at the latest; what is handed in beyond the cap waits
        for its turn. Raises `BadValue` or `BadTarget`, and sends nothing, for a request that cannot leave as it
        states. `done` must be quick. After `close` it gets the failure `closed`, on the caller's own thread.
        """
        self._hand_in([self._prepared(request, seconds, done)])

    def submit_all(self, batch: Sequence[Submission]) -> None:
        """Send many with one wake-up. Raises nothing: what cannot leave gets an answer with the failure `send`."""
        items: list[Transfer | Callable[[], None]] = []
        for request, seconds, done in batch:
            try:
                items.append(self._prepared(request, seconds, done))
            except EmitterError as error:
                items.append(partial(tell, done, Answer(failure="send", error=str(error))))
                items.append(partial(rest, self._sharer))
        self._hand_in(items)

    def answer_all(self, told: Sequence[tuple[Done, Answer]]) -> None:
        """Tell answers of what is never to be sent, on the thread on which those of what was sent are told."""
        self._hand_in([*(partial(tell, done, answer) for done, answer in told), partial(rest, self._sharer)])

    def on_rest(self, rests: Callable[[], None]) -> None:
        """Have `rests` called, on the sender thread, once it has told answers and finds no more at the moment.

        So whoever is told can take several together: it is never late by more than some milliseconds.
        """
        self._sharer.rests = rests

    def close(self, grace: float) -> None:
        """Let what was handed in finish for up to `grace` seconds, then abort it (failure `closed`), and end.

        Nothing new is taken meanwhile. Lookups that hang are not waited for.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._joined:
            self._shared.leave(self._sharer, grace)

    def _prepared(self, request: WireRequest, seconds: float, done: Done) -> Transfer:
        preparer = self._preparer
        return Transfer(
            self._sharer, request, seconds, done, preparer.target(request.url), preparer.lines(request)
        )  # fmt: skip

    def _hand_in(self, items: Sequence[Transfer | Callable[[], None]]) -> None:
        with self._lock:
            closed = self._closed
            if not closed:
                if not self._joined:
                    self._shared.join(self._sharer)
                    self._joined = True
                self._shared.hand_in(items)
        if closed:
            for item in items:
                if isinstance(item, Transfer):
                    tell(item.done, Answer(failure="closed", error="not sent: the sender is closed"))
                else:
                    item()
            rest(self._sharer)
