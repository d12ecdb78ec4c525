"""A handle that breaks HTTP on purpose: a slow body, a body that is cut, a length that lies."""

from __future__ import annotations

import math

import pycurl

from emitter.clock import monotonic
from emitter.transport.wire import Connections, Kind, Transfer, Wire

_TICK = 0.02  # seconds; a paced body leaves in as many pieces as that makes


class FaultyWire(Wire):
    """A handle for one transfer, on a connection of its own that nobody uses after it."""

    def __init__(self, kind: Kind, connections: Connections) -> None:
        super().__init__(kind, connections)
        self._given = 0  # bytes of the body that libcurl has
        self._began = 0.0
        self._paused = False
        self.due = math.inf  # when to go on, on the monotonic clock
        self.curl.setopt(pycurl.FORBID_REUSE, 1)
        self._set_body = self._give_body

    def begin(self, transfer: Transfer, seconds: float, *, fresh: bool = False) -> None:
        super().begin(transfer, seconds, fresh=True)
        if transfer.request.cut_after == 0:
            self.due = monotonic() + _TICK

    def _give_body(self, body: bytes) -> None:
        self.curl.setopt(pycurl.POST, 1)
        self.curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(body))
        self.curl.setopt(pycurl.READFUNCTION, self._read)

    @property
    def is_cut(self) -> bool:
        """Whether all that should leave has left, and the rest never shall."""
        cut_after = self.transfer.request.cut_after
        if cut_after is None or not self.tries:
            return False
        return int(self.curl.getinfo(pycurl.SIZE_UPLOAD_T)) >= min(cut_after, len(self.transfer.request.body))

    def go_on(self) -> None:
        """Let libcurl ask for more of the body, if it is time."""
        if monotonic() < self.due:
            return
        if self._paused:
            self._paused = False
            self.due = math.inf
            self.curl.pause(pycurl.PAUSE_CONT)
        elif self.transfer.request.cut_after is not None:
            self.due = monotonic() + _TICK

    def _read(self, size: int) -> bytes | int:
        try:
            request, now = self.transfer.request, monotonic()
            end = len(request.body) if request.cut_after is None else min(request.cut_after, len(request.body))
            room = min(size, end - self._given)
            if request.pace is not None:
                self._began = self._began or now
                room = min(room, int((now - self._began) * request.pace) + 1 - self._given)
            if room <= 0 and self._given < len(request.body):
                self._paused = True
                self.due = now + _TICK
                if request.pace is not None and self._given < end:
                    self.due = max(self.due, self._began + self._given / request.pace)
                return int(pycurl.READFUNC_PAUSE)
            chunk = request.body[self._given : self._given + max(room, 0)]
            self._given += len(chunk)
            return chunk
        except Exception as error:
            self.trouble = f"not sent: {error}"
            return int(pycurl.READFUNC_ABORT)
