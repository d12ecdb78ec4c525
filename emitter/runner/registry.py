"""The runs of one simulator: one at a time, on a thread of its own; what it does, and how each of them ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import orjson

from emitter.clock import rfc3339
from emitter.errors import BadValue, Conflict
from emitter.report import Report, from_json
from emitter.report.compare import differences
from emitter.report.text import as_text
from emitter.runner.asking import new_run
from emitter.runner.play import Progress
from emitter.scenario.steps import Scenario
from emitter.store.plays import PLAYING, PlayRow, Plays

FORMS = ("json", "text", "junit", "html")
INTERRUPTED = "interrupted"
"""What a run is whose process ended before it did."""
_PATIENCE = 15.0  # seconds that a run may take to notice that it is to end

Json = dict[str, Any]


@dataclass(slots=True)
class _Live:
    """The run that is played now."""

    run: str
    stopped: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    progress: Progress | None = None
    failure: Exception | None = None

    def heard(self, progress: Progress) -> None:
        self.progress = progress
        self.begun.set()


class Registry:
    """`play` plays a scenario to its end and keeps it in `plays`, from its beginning on."""

    def __init__(self, play: Callable[..., Report], plays: Plays) -> None:
        self._play, self._plays = play, plays
        self._lock = threading.Lock()
        self._live: _Live | None = None

    @property
    def playing(self) -> str:
        """The name of the run that is played now, or nothing."""
        live = self._live
        return live.run if live else ""

    def start(self, scenario: Scenario, *, run: str = "", **how: Any) -> str:
        """Begin a run and return its name, once its first step is at hand; `how` are more parameters of `play`.

        Raises `Conflict` while another is played, and what the play is refused with: its name, its target, its key.
        """
        if any(each in run for each in "/\\") or run.startswith("."):
            raise BadValue("run", run, "is no name of a run: it begins with a dot, or a slash is in it.")
        live = _Live(run or new_run(scenario.name))
        with self._lock:
            if self._live is not None:
                raise Conflict(
                    f"Run {self._live.run} is being played, and one is played at a time. Wait, or cancel it."
                )
            self._live = live
        threading.Thread(target=self._perform, args=(live, scenario, how), name="emitter-run", daemon=True).start()
        live.begun.wait()
        if live.failure is not None:
            raise live.failure
        return live.run

    def _perform(self, live: _Live, scenario: Scenario, how: Json) -> None:
        try:
            self._play(scenario, run=live.run, watch=live.heard, stopped=live.stopped, **how)
        except Exception as error:
            live.failure = error
            if live.begun.is_set():  # nobody is there any more to be told
                logging.getLogger("emitter").error("Run %s came to no end", live.run, exc_info=error)
        finally:
            self._live = None
            live.over.set()
            live.begun.set()

    def wait(self, run: str, seconds: float) -> bool:
        """Wait for the end of a run; False if it is still played when time is up."""
        live = self._live
        return live is None or live.run != run or live.over.wait(seconds)

    def cancel(self, run: str) -> None:
        """End a run between two of its steps; one that is over stays as it is. Raises `NotFound`."""
        self._plays.find(run)
        live = self._live
        if live is not None and live.run == run:
            live.stopped.set()

    def stop(self) -> None:
        """End what is played, and wait for that."""
        live = self._live
        if live is not None:
            live.stopped.set()
            live.over.wait(_PATIENCE)

    # --- telling ----------------------------------------------------------------------------------------------------

    def all(self, *, most: int = -1, offset: int = 0) -> list[Json]:
        """The runs, the newest first, without their reports; so many at `most`, after `offset` of them."""
        before = self._live
        return [self._told(row, before) for row in self._plays.all(most=most, offset=offset)]

    def named(self, runs: Collection[str]) -> list[Json]:
        """Those of these runs that were played, without their reports."""
        before = self._live
        return [self._told(row, before) for row in self._plays.named(runs)]

    def count(self) -> int:
        """How many runs there are."""
        return self._plays.count()

    def find(self, run: str) -> Json:
        """One run with its report, once there is one; raises `NotFound`."""
        before = self._live
        row = self._plays.find(run)
        report = orjson.loads(row.report) if row.report else None
        return {**self._told(row, before), "report": report}

    def _told(self, row: PlayRow, before: _Live | None) -> Json:
        """What is known of a run; `before` is what was played before the row was read: it may have ended since."""
        live = next((each for each in (before, self._live) if each is not None and each.run == row.run), None)
        asked = orjson.loads(row.asked)
        progress = live.progress if live is not None and row.state == PLAYING else None
        return {
            "run": row.run,
            "scenario": asked["scenario"],
            "description": asked["description"],
            "state": INTERRUPTED if row.state == PLAYING and live is None else row.state,
            "variables": asked["variables"],
            "seed": asked["seed"],
            "speed": asked["speed"],
            "askedAt": asked["askedAt"],
            "progress": progress and {"words": progress.words, "at": rfc3339(progress.at), "events": progress.events},
        }

    def report(self, run: str) -> Report:
        """What a run found; raises `NotFound`, or `Conflict` where there is no report (yet)."""
        found = self.find(run)
        if found["report"] is None:
            still = found["state"] == PLAYING
            raise Conflict(f"Run {run} {'is still being played' if still else 'was interrupted: it has no report'}.")
        return from_json(found["report"])

    def written(self, run: str, form: str) -> bytes:
        """The report of a run in one of `FORMS`."""
        if form not in FORMS:
            raise BadValue("format", form, f"is none of {', '.join(FORMS)}.")
        report = self.report(run)
        match form:
            case "text":
                return "".join(f"{line}\n" for line in as_text(report)).encode("utf-8", "backslashreplace")
            case "junit":
                from emitter.report.junit import as_junit

                return as_junit([report])
            case "html":
                from emitter.report.html import as_html

                return as_html([report])
        return orjson.dumps(self.find(run)["report"])

    def compared(self, run: str, other: str) -> Json:
        """How two runs differ, in words."""
        told = differences(self.report(run), self.report(other))
        return {"same": not told, "differences": told}
