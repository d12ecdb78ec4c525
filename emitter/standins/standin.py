"""What the stand-ins have in common: a real server, a memory within bounds, and ways to look at it and wait for it."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs

from emitter.clock import Clock, SystemClock, rfc3339
from emitter.errors import BadValue, Unavailable
from emitter.receiver import Answers, Forwarded, Receiver
from emitter.receiver.wire import Request
from emitter.standins.calls import Bounded, Call, Json, Said
from emitter.standins.switches import Switches

STATE = "/_standin/state"
KEPT = 10_000
KEPT_BYTES = 64 * 1024 * 1024
MOST_SHOWN, SHOWN = 500, 50
_AT_ONCE = timedelta(0)
_JSON = (("Content-Type", "application/json"),)

Self = TypeVar("Self", bound="Standin[Any]")
Chosen = TypeVar("Chosen", bound=Switches)


class Standin(ABC, Generic[Chosen]):
    """A service that answers as the real one does and remembers what came of it.

    `clock` is the simulator's, so that limits and times go by simulated time; by default the machine's. `answers` is a
    script for an outage: while it says anything but 2xx, that is answered and nothing is taken; a 2xx stands for what
    the service says itself, and only its delay counts. `on_call` is told of
    each call, one at a time, in order. The newest are kept: `keep` of each kind, and of those 64 MiB.
    """

    service = ""

    def __init__(
        self,
        switches: Chosen,
        *,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        answers: Answers | str | None = None,
        keep: int = KEPT,
        on_call: Callable[[Call], None] | None = None,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        self.switches = switches
        self.clock: Clock = clock or SystemClock()
        self.changed = threading.Condition()
        self._answers: Answers | None = None
        self.answer_with(answers)
        self._on_call, self._keep = on_call, keep
        self._calls: Bounded[Call] = self.bounded(lambda call: 500)
        self._receiver = Receiver(host=host, port=port, forward=self._take, on_problem=on_problem, keep=1)

    def bounded(self, size: Callable[[Any], int]) -> Bounded[Any]:
        """A memory for the newest of one kind."""
        return Bounded(self._keep, KEPT_BYTES, size)

    # --- its life

    def start(self: Self) -> Self:
        """Listen. Raises `Unavailable` where the port cannot be had, `BadValue` for a host that is none."""
        self._receiver.start()
        return self

    def close(self) -> None:
        """Stop listening; what is remembered can still be looked at."""
        self._receiver.close()

    def __enter__(self: Self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def listening(self) -> bool:
        """Whether it was started, and not closed."""
        return self._receiver.listening

    @property
    def base(self) -> str:
        """Where it listens, as http://127.0.0.1:8000."""
        return self._receiver.url

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is posted to."""

    @property
    def port(self) -> int:
        """The port; the one that was found once it is started with 0."""
        return self._receiver.port

    def answer_with(self, answers: Answers | str | int | None) -> None:
        """Answer by another script from the next call on; None as the service does. Raises `BadValue`."""
        self._answers = answers if answers is None or isinstance(answers, Answers) else Answers.parse(answers)

    # --- what it remembers

    @property
    def calls(self) -> list[Call]:
        """The newest calls to the service, oldest first, with what came of each."""
        with self.changed:
            return list(self._calls)

    def wait_for(self: Self, condition: Callable[[Self], object], timeout: float = 10.0) -> None:
        """Wait until something is so: `teams.wait_for(lambda teams: len(teams.cards()) == 2)`.

        Raises `Unavailable` after `timeout` seconds of wall time, with what there is.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), timeout):
                raise Unavailable(
                    f"What was waited for did not come within {timeout:g} s. {self.service} has: {self.told()}."
                )

    def forget(self) -> None:
        """Forget all that came, as if newly started."""
        with self.changed:
            self._calls.clear()
            self.drop()
            self.changed.notify_all()

    def state(self, *, about: str = "", limit: int = SHOWN) -> Json:
        """What there is, the newest `limit` of each kind, oldest first; with `about` only what holds that text."""
        with self.changed:
            shown: Json = {
                "service": self.service,
                "now": rfc3339(self.clock.now(), 3),
                "summary": self.told(),
                "switches": {each.name: each.value for each in self.switches.entries()},
            }
            return {
                **shown,
                **self.memory(about, limit),
                "calls": [each.as_json() for each in list(self._calls)[-limit:]],
            }

    @abstractmethod
    def serve(self, request: Request, path: str, query: dict[str, list[str]]) -> Said | None:
        """Answer one call to the service, holding `changed`; None: there is nothing at that path."""

    @abstractmethod
    def memory(self, about: str, limit: int) -> Json:
        """What `state` shows of this service."""

    @abstractmethod
    def told(self) -> str:
        """What there is, in a few words."""

    @abstractmethod
    def drop(self) -> None:
        """Forget what `serve` has kept."""

    # --- requests

    def _take(self, request: Request) -> Forwarded:
        path, _, asked = request.path.partition("?")
        query = parse_qs(asked, keep_blank_values=True)
        if path == STATE:
            return self._read_back(request, query)
        with self.changed:
            forwarded, said = self._serve(request, path, query)
            call = Call(
                number=self._calls.count + 1, at=self.clock.now(), method=request.method, path=path,
                status=forwarded.status, came=said.came, became=said.became, passed=said.passed, why=said.why,
            )  # fmt: skip
            self._calls.add(call)
            self.changed.notify_all()
            if self._on_call is not None:
                self._on_call(call)
        return forwarded

    def _serve(self, request: Request, path: str, query: dict[str, list[str]]) -> tuple[Forwarded, Said]:
        script = self._answers
        scripted = script.next() if script is not None and request.method == "POST" else None
        if scripted is not None and (scripted.status is None or not 200 <= scripted.status < 300):
            became = "the connection was dropped" if scripted.status is None else "an outage"
            said = Said(
                scripted.status or 0, came="a call", became=f"{became}, as scripted; nothing was taken", passed=False
            )
            return Forwarded(scripted.status, scripted=scripted), said
        found = self.serve(request, path, query)
        if found is None:
            found = Said(
                404, f"There is nothing of the stand-in at {path}.\n".encode("utf-8", "replace"), _TEXT,
                came=f"{request.method} {path}", became="nothing is there", passed=False,
                why=(f"What it is called by: {self.where()}",),
            )  # fmt: skip
        return Forwarded(found.status, found.headers, found.body, delay=scripted.delay if scripted else _AT_ONCE), found

    @abstractmethod
    def where(self) -> str:
        """By which paths the service is called."""

    def _read_back(self, request: Request, query: dict[str, list[str]]) -> Forwarded:
        if request.method == "DELETE":
            self.forget()
            return Forwarded(204)
        if request.method not in ("GET", "HEAD"):
            return Forwarded(
                405, (*_TEXT, ("Allow", "GET, HEAD, DELETE")), b"It is read with GET, emptied with DELETE.\n"
            )
        try:
            about, limit = _asked(query)
        except BadValue as error:
            return Forwarded(400, _TEXT, f"{error}\n".encode("utf-8", "replace"))
        return Forwarded(200, _JSON, as_bytes(self.state(about=about, limit=limit)))


_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)


def as_bytes(value: object) -> bytes:
    """Write JSON in ASCII."""
    return json.dumps(value, separators=(",", ":")).encode()


def answer(status: int, value: object, **told: Any) -> Said:
    """An answer in JSON."""
    return Said(status, as_bytes(value), _JSON, **told)


def _asked(query: dict[str, list[str]]) -> tuple[str, int]:
    unknown = set(query) - {"about", "limit"}
    if unknown:
        raise BadValue("query", ", ".join(sorted(unknown)), "is nothing that can be asked for: about and limit can.")
    text = query.get("limit", [str(SHOWN)])[-1]
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST_SHOWN):
        raise BadValue("limit", text, f"is no whole number from 1 to {MOST_SHOWN}.")
    return query.get("about", [""])[-1], int(text)
