"""What a receiver answers, as it was told: a script of statuses, delays and dropped connections."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from emitter.errors import BadValue
from emitter.typed import duration, duration_text

LONGEST = timedelta(hours=1)
MOST_TIMES = 1_000_000
MOST_STEPS = 1_000

_STEP = re.compile(r"([0-9]{3}|close|reset)(?::([^*]+))?(?:\*([0-9]{1,7}))?")


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer of a script. Status None is none: the connection is closed, or reset if `reset` says so."""

    status: int | None = 200
    delay: timedelta = timedelta(0)
    reset: bool = False

    def __str__(self) -> str:
        word = str(self.status) if self.status is not None else "reset" if self.reset else "close"
        return word + (f":{duration_text(self.delay)}" if self.delay else "")


class Answers:
    """A script of answers, given out in order, one a request, to any thread. The last one repeats for ever."""

    def __init__(self, steps: Sequence[tuple[Scripted, int]]) -> None:
        if not steps:
            raise ValueError("a script needs an answer")
        self._steps = tuple(steps)
        self._step, self._given = 0, 0
        self._lock = threading.Lock()

    @classmethod
    def parse(cls, script: str | int) -> Answers:
        """Read a script, as `500,500,200`: statuses, `close` or `reset`, with a delay (`200:2s`) or a count (`503*3`).

        A status alone may be a number. Raises `BadValue`.
        """
        text = str(script)
        parts = [part.strip() for part in text.split(",")]
        if len(parts) > MOST_STEPS:
            raise BadValue("answers", text, f"has more than {MOST_STEPS:,} steps.")
        return cls([_step(part, text) for part in parts])

    def next(self) -> Scripted:
        """Give the answer for the next request."""
        with self._lock:
            scripted, times = self._steps[self._step]
            self._given += 1
            if self._given >= times and self._step < len(self._steps) - 1:
                self._step, self._given = self._step + 1, 0
            return scripted

    def __str__(self) -> str:
        return ",".join(f"{scripted}{f'*{times}' if times > 1 else ''}" for scripted, times in self._steps)


def _step(part: str, text: str) -> tuple[Scripted, int]:
    match = _STEP.fullmatch(part)
    if match is None:
        raise BadValue(
            "answers", text, "is no script of answers. Write statuses, close or reset, as in 500,503*3,200:2s,close."
        )
    word, delay_text, times_text = match.groups()
    delay = duration(delay_text, "answers") if delay_text else timedelta(0)
    if delay > LONGEST:
        raise BadValue("answers", text, f"has a delay of more than {duration_text(LONGEST)}.")
    times = int(times_text or 1)
    if not 1 <= times <= MOST_TIMES:
        raise BadValue("answers", text, f"repeats an answer {times:,} times; 1 to {MOST_TIMES:,} can be.")
    if word in ("close", "reset"):
        return Scripted(None, delay, reset=word == "reset"), times
    if not 200 <= int(word) <= 599:
        raise BadValue("answers", text, f"holds {word}, and an answer's status is 200 to 599.")
    return Scripted(int(word), delay), times
