"""Which step of which scenario an attempt belongs to: by the name of its run, and by the event's time in the report."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from emitter.clock import parse_rfc3339
from emitter.errors import NotFound
from emitter.history import Json
from emitter.simulator import Simulator
from emitter.web.tenancy import simulator

MOST_RUNS = 16  # of one tenant that are kept in mind


@dataclass(frozen=True, slots=True)
class Step:
    """A place in a scenario; `line` is 0 where time caused the event, or nobody knows."""

    scenario: str
    file: str = ""
    line: int = 0
    seed: int | None = None

    @property
    def words(self) -> str:
        """The place as people write it, `denied:14`."""
        return f"{self.scenario}:{self.line}" if self.line else self.scenario


@dataclass(frozen=True, slots=True)
class _Run:
    step: Step
    lines: Mapping[tuple[int, str], int] = field(default_factory=dict)


_known: WeakKeyDictionary[Simulator, OrderedDict[tuple[str, str], _Run]] = WeakKeyDictionary()
_lock = threading.Lock()


def steps_of(attempts: Sequence[Json]) -> dict[int, Step]:
    """The steps of these attempts by their ids, of those that belong to a run of a scenario."""
    found = {}
    named = {each["run"] for each in attempts if each["run"]}
    kept = simulator().registry.named(named) if named else ()
    runs = {each["run"]: run for each in kept if (run := _run(each))}
    for each in attempts:
        run = runs.get(each["run"])
        if run is not None:
            line = run.lines.get((parse_rfc3339(each["eventAt"]), each["type"]), 0)
            found[each["id"]] = Step(run.step.scenario, run.step.file, line, run.step.seed)
    return found


def _run(kept: Json) -> _Run | None:
    """A run as it is known; `kept` is what is told of it without its report. None where it went in the meantime."""
    key = kept["run"], kept["askedAt"]  # after a reset there may be another of that name
    with _lock:
        known = _known.setdefault(simulator(), OrderedDict())
        if key in known:
            known.move_to_end(key)
            return known[key]
    try:
        told = simulator().run(kept["run"])
    except NotFound:
        return None
    run = _read(told)
    if told["report"] is not None:  # it will not change
        with _lock:
            known[key] = run
            while len(known) > MOST_RUNS:
                known.popitem(last=False)
    return run


def _read(told: Json) -> _Run:
    report = told["report"] or {}
    step = Step(str(told["scenario"]), str(report.get("file", "")), seed=told["seed"])
    marks = report.get("marks", ())
    return _Run(step, {(parse_rfc3339(each["at"]), each["type"]): each["line"] for each in marks if each["line"]})
