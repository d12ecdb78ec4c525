"""Runs that are played apart: each in a simulator of its own, on a virtual clock, kept as a store file of its own.

So a run repeats byte for byte whatever else happens here, and what it leaves can be looked at like any other history:
`emitter deliveries list --store .emitter/runs/<run>.sqlite`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import SystemRandom
from typing import Any

import orjson

from emitter import clock
from emitter.delivery import Webhook
from emitter.errors import NotFound, UsageError, nearest
from emitter.report import Report, from_json
from emitter.runner import Progress
from emitter.runner.asking import new_run
from emitter.scenario.steps import Scenario
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.store.plays import newest

FOLDER = Path(".emitter") / "runs"
KEPT = 50
"""How many runs a folder keeps; the oldest go."""
START = clock.parse_rfc3339("2030-01-07T09:00:00Z")
"""When a scenario begins that does not say: a Monday morning."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One run in the folder. `state` is `playing` where it was never ended; then there is no report."""

    run: str
    path: Path
    state: str
    asked: dict[str, Any]
    report: Report | None = None


def play_apart(
    scenario: Scenario,
    *,
    settings: Settings,
    store: Path | None,
    run: str = "",
    seed: int | None = None,
    speed: float = 0.0,
    to: str = "",
    signing_key: str = "",
    verify_tls: bool = True,
    ca: str = "",
    watch: Callable[[Progress], None] | None = None,
    stopped: threading.Event | None = None,
) -> Report:
    """Play a scenario in a simulator of its own, whose records go to `store` (None: memory).

    The scenario's own settings go before those given, its clock starts when it says. A run as fast as can be does not
    wait for the disk at every commit: it can be played again. Raises what `Simulator.play` does.
    """
    if seed is None:
        seed = scenario.seed if scenario.seed is not None else SystemRandom().getrandbits(32)
    own = replace(
        settings,
        store=store,
        start=START if scenario.start is None else scenario.start,
        seed=seed,
        assumptions=settings.assumptions.override_all(dict(scenario.settings)),
        durable=speed != 0,
        keep=None,
        keep_attempts=None,
    )
    with Simulator(own) as simulator:
        return simulator.play(
            replace(scenario, seed=seed), run=run, speed=speed, to=to, signing_key=signing_key, verify_tls=verify_tls,
            ca=ca, watch=watch, stopped=stopped,
        )  # fmt: skip


class Runs:
    """The folder of runs. What somebody else put there is left alone."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def new(self, name: str) -> tuple[str, Path]:
        """A name for a new run, and the file that it is to be kept in."""
        while (path := self.path(run := new_run(name))).exists():
            pass
        return run, path

    def path(self, run: str) -> Path:
        """The file of a run of this name."""
        if not run or "/" in run or "\\" in run or "\0" in run or run.startswith("."):
            raise UsageError(f'"{run}" is no name of a run.')
        return self.folder / f"{run}.sqlite"

    def all(self) -> list[Kept]:
        """All runs, the newest first, without their reports."""
        found = [kept for path in self._files() if (kept := self._read(path, report=False)) is not None]
        return sorted(found, key=lambda each: each.asked.get("askedAt", ""), reverse=True)

    def find(self, run: str) -> Kept:
        """One run with its report; raises `NotFound`. The beginning of its name will do where only one fits."""
        names = {path.stem: path for path in self._files()}
        fitting = [name for name in names if name == run] or [name for name in names if name.startswith(run)]
        kept = self._read(names[fitting[0]], report=True) if len(fitting) == 1 else None
        if kept is None:
            close = fitting[:5] if len(fitting) > 1 else nearest(run, names, most=3)
            raise NotFound("run", run, f"Nearest: {', '.join(close)}." if close else f"There is none in {self.folder}.")
        return kept

    def webhooks(self, run: Kept) -> list[Webhook]:
        """Where a run went, with the keys that it was signed with."""
        with Simulator(Settings(store=run.path, resume=False, start=START)) as simulator:
            return simulator.webhooks()

    def forget(self, run: str) -> None:
        """Delete a run's file; raises `NotFound`."""
        _remove(self.find(run).path)

    def trim(self, most: int = KEPT) -> None:
        """Delete the oldest runs beyond so many."""
        for path in sorted(self._files(), key=lambda each: each.stat().st_mtime, reverse=True)[most:]:
            _remove(path)

    def _files(self) -> Iterator[Path]:
        yield from self.folder.glob("*.sqlite")

    @staticmethod
    def _read(path: Path, *, report: bool) -> Kept | None:
        row = newest(path, report=report)
        if row is None:
            return None
        found = from_json(orjson.loads(row.report)) if row.report else None
        return Kept(row.run, path, row.state, orjson.loads(row.asked), found)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
