"""A receiver of a test's own: it catches what comes, answers as it is told, and says what it has caught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import orjson

from emitter import clock
from emitter.catalog import Catalog
from emitter.errors import Unavailable, UnknownName
from emitter.receiver import Answers, Capture, Forwarded, Receiver
from emitter.receiver.wire import Request
from emitter.runner.catching import WORDS, judge_caught, read_caught
from emitter.runner.catching import told as told_caught
from emitter.runner.judged import Judged
from emitter.runner.nearest import caught
from emitter.runner.sequences import MOST_SHOWN, Sequences
from emitter.signing import Scheme, SigningKey
from emitter.testing.aio import Aio
from emitter.testing.options import length_of
from emitter.testing.telling import failed
from emitter.testing.verbs import verb
from emitter.typed import duration_text

Json = dict[str, Any]

NAME = "the receiver"


class WebhookReceiver:
    """A receiver on a free port of loopback, from the start of a `with` block to its end.

    With `signing_key` it refuses with 401 what is not signed with it; `answers` is a script as `500,503*3,200:2s`
    (or close, reset) that stands in for that. `forward` hands each request on, to what answers it in its place.
    """

    def __init__(
        self,
        *,
        signing_key: str = "",
        answers: str = "",
        catalog: Catalog | None = None,
        scheme: Scheme | None = None,
        forward: Callable[[Request], Forwarded] | None = None,
        path: str = "",
        port: int = 0,
    ) -> None:
        self.signing_key = signing_key
        self._catalog = catalog or Catalog.load()
        self._sequences = Sequences(self._catalog)
        self._path = path if not path or path.startswith("/") else f"/{path}"
        self._forgotten, self._in_front = 0, forward is not None
        self._receiver = Receiver(
            port=port, keys=(SigningKey(signing_key),) if signing_key else (), scheme=scheme, catalog=self._catalog,
            answers=Answers.parse(answers) if answers else None, forward=forward,
        )  # fmt: skip

    def __enter__(self) -> WebhookReceiver:
        self._receiver.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._receiver.close()

    @property
    def url(self) -> str:
        """Where it listens; what is a webhook's `url`."""
        return self._receiver.url + self._path

    @property
    def captures(self) -> list[Capture]:
        """The requests it has caught, oldest first: headers, body, verdicts on signature and contract, its answer.

        In front of an application these are its POSTs; what else it is asked is no delivery.
        """
        found = (each for each in self._receiver.captures if each.number > self._forgotten)
        return [each for each in found if each.method == "POST" or not self._in_front]

    @property
    def bodies(self) -> list[Json]:
        """The bodies of what it has caught, as JSON; raises `ValueError` for one that is none."""
        return [orjson.loads(each.body) for each in self.captures]

    @property
    def events(self) -> list[str]:
        """The types of what it has caught, by their short names."""
        return [self._sequences.short(each.type) for each in self.captures]

    def answer(self, answers: str | int) -> None:
        """Answer by a script from now on, as `500,503*3,200:2s` or `close`; with an empty one as a right receiver."""
        self._receiver.answer_with(Answers.parse(answers) if answers else None)

    def clear(self) -> None:
        """Forget what was caught so far."""
        captures = self._receiver.captures
        self._forgotten = captures[-1].number if captures else self._forgotten

    @verb
    def wait(self, count: int = 1, *, timeout: str | timedelta = "10s") -> list[Capture]:
        """Wait until it has caught `count` requests, for at most `timeout` of real time; fails with what came."""
        patience = length_of(timeout, "timeout")
        deadline = clock.monotonic() + patience.total_seconds()
        newest = self._newest()
        while len(came := self.captures) < count and (left := deadline - clock.monotonic()) > 0:
            newest = self._newer(newest, left)
        if len(came) < count:
            wanted = f"{count} requests were" if count != 1 else "A request was"
            text = f"{wanted} waited for at {self.url}; {len(came) or 'none'} came within {duration_text(patience)}."
            lines = [f"    {told_caught(each, self._sequences)}" for each in came[-MOST_SHOWN:]]
            raise failed("\n".join([text, *lines, *self._problems()]), waited=True)
        return came

    def _newest(self) -> int:
        """The number of the newest request; asked before one looks, so that none that comes meanwhile is missed."""
        there = self._receiver.captures
        return there[-1].number if there else 0

    def _newer(self, newest: int, seconds: float) -> int:
        """Wait for a request after the newest that was known, for so long at most."""
        with suppress(Unavailable):
            self._receiver.wait_for(newest + 1, seconds)
        return self._newest()

    @verb
    def expect(
        self,
        *,
        events: Any = None,
        signatures: Any = None,
        contract: Any = None,
        total: Any = None,
        statuses: Any = None,
        within: str | timedelta = "0s",
        **unknown: Any,
    ) -> None:
        """Hold what it has caught against what should have come, in the words of a scenario; fails with what came.

        `total` counts the requests, `statuses` what it answered. `within` is how long to wait until all of it holds.
        """
        for name in unknown:
            raise UnknownName("expectation of a receiver", name, (*WORDS, "within"))
        given = {"events": events, "signatures": signatures, "contract": contract, "total": total, "statuses": statuses}
        words = {name: value for name, value in given.items() if value is not None}
        asked = read_caught(words, of=NAME, catalog=self._catalog)
        judged = self._judged(asked, length_of(within, "within").total_seconds())
        if not judged.passed:
            raise failed("\n".join([judged.text(), *self._problems()]), waited=True)

    def _judged(self, asked: Sequence[Any], seconds: float) -> Judged:
        deadline = clock.monotonic() + seconds
        newest = self._newest()
        while True:
            captures = self.captures
            findings = tuple(judge_caught(asked, captures, self._sequences, of=NAME))
            left = deadline - clock.monotonic()
            if all(each.passed for each in findings):
                return Judged(findings)
            if left <= 0:
                return Judged(findings, tuple(caught(captures, asked, self._sequences)))
            newest = self._newer(newest, left)

    def _problems(self) -> list[str]:
        return [f"  {each}" for each in self._receiver.problems[-MOST_SHOWN:]]

    @property
    def aio(self) -> Aio:
        """The same verbs to be awaited, for a test that runs in an event loop."""
        return Aio(self)
