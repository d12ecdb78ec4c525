"""The receivers that a simulator keeps for others: opened, asked what they caught, told how to answer, closed.

Each listens on a loopback port and nowhere else.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from emitter.errors import Conflict, NotFound, Unavailable, nearest
from emitter.receiver.answers import Answers
from emitter.receiver.capture import Capture, Contract
from emitter.receiver.lines import as_json
from emitter.receiver.server import Receiver
from emitter.signing import Scheme, SigningKey

Json = dict[str, Any]

MOST = 32
KEPT = 1_000  # captures of each
KEPT_BYTES = 16 * 1024 * 1024  # of bodies, of each


@dataclass(slots=True)
class _Opened:
    receiver: Receiver
    answers: str
    has_key: bool
    webhook: str  # id; empty: none was registered for it


class Receivers:
    """Opens, finds and closes them; any thread may."""

    def __init__(self, *, catalog: Contract, scheme: Scheme) -> None:
        self._catalog, self._scheme = catalog, scheme
        self._opened: dict[str, _Opened] = {}
        self._numbers = 0
        self._lock = threading.Lock()

    def open(self, *, answers: str = "", signing_key: str = "", port: int = 0) -> str:
        """Open one and return its id.

        Raises `BadValue` for a script that is none or a port that cannot be, `BadSigningKey`, `Unavailable` for a port
        that is in use, `Conflict` where there are `MOST` already.
        """
        script = Answers.parse(answers) if answers else None
        keys = (SigningKey(signing_key),) if signing_key else ()
        with self._lock:
            if len(self._opened) >= MOST:
                raise Conflict(f"{MOST} receivers are open, and that is the most. Close one first.")
            receiver = Receiver(
                port=port, keys=keys, scheme=self._scheme, catalog=self._catalog, answers=script, keep=KEPT,
                keep_bytes=KEPT_BYTES,
            ).start()  # fmt: skip
            self._numbers += 1
            id = f"receiver-{self._numbers}"
            self._opened[id] = _Opened(receiver, answers, bool(keys), "")
            return id

    def register(self, id: str, webhook: str) -> None:
        """Note that a webhook was registered for one."""
        self._find(id).webhook = webhook

    def url(self, id: str) -> str:
        """Where one listens; raises `NotFound`, as all that follows."""
        return self._find(id).receiver.url

    def all(self) -> list[Json]:
        """Those that are open, the oldest first."""
        with self._lock:
            ids = list(self._opened)
        return [self.show(id) for id in ids if id in self._opened]

    def show(self, id: str) -> Json:
        """One of them, without its key."""
        found = self._find(id)
        captures = found.receiver.captures
        return {
            "id": id,
            "url": found.receiver.url,
            "answers": found.answers,
            "signingKey": found.has_key,
            "webhookId": found.webhook or None,
            "caught": captures[-1].number if captures else 0,
        }

    def answer(self, id: str, answers: str) -> None:
        """Have one answer by another script from now on; with an empty one it answers as a right receiver does."""
        script = Answers.parse(answers) if answers else None
        found = self._find(id)
        found.receiver.answer_with(script)
        found.answers = answers

    def captures(self, id: str) -> list[Capture]:
        """What one has caught, oldest first; the newest are kept."""
        return self._find(id).receiver.captures

    def wait(self, id: str, *, count: int = 1, after: int = 0, timeout: float = 10.0) -> Json:
        """Wait up to `timeout` seconds for `count` captures numbered above `after`; `complete` says whether they came.

        `captures` holds all above `after` that are kept, `problems` the requests that were refused before they were
        whole.
        """
        receiver = self._find(id).receiver
        try:
            receiver.wait_for(after + count, timeout)
            complete = True
        except Unavailable:
            complete = False
        found = [as_json(each) for each in receiver.captures if each.number > after]
        return {"complete": complete, "captures": found, "problems": receiver.problems}

    def close(self, id: str) -> str:
        """Close one; returns the id of the webhook that was registered for it, if one was."""
        found = self._find(id)
        with self._lock:
            self._opened.pop(id, None)
        found.receiver.close()
        return found.webhook

    def close_all(self) -> None:
        """Close them all."""
        with self._lock:
            opened = list(self._opened.values())
            self._opened.clear()
        for each in opened:
            each.receiver.close()

    def _find(self, id: str) -> _Opened:
        with self._lock:
            found = self._opened.get(id)
            known = list(self._opened)
        if found is None:
            hint = f"Open: {', '.join(known)}." if known else "None is open."
            raise NotFound("receiver", id, hint, nearest=nearest(id, known))
        return found
