"""Decide changes in a process of its own, which is ended when it has had its share of time or memory.

A schema may be made so that judging a body or comparing it takes for ever, and neither can be interrupted from Python.
What was not decided is unknown, and that is said.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from emitter.contract.compare_changes import Change, changes_of
from emitter.contract.compare_deciding import UNKNOWN, Found, Pair, Side
from emitter.errors import Violation

SHARE = 0.7  # seconds of CPU for the changes of one event type
_EACH = 0.25  # seconds of CPU for one change
_RESTARTS = 2  # for one event type
_MEMORY = 2 * 1024**3
TOO_LONG = "it could not be decided within the time that a comparison may take"
TOO_LARGE = "it could not be decided within the memory that a comparison may take"
FAILED = "it could not be decided: deciding it failed with"

Json = dict[str, Any]
Decided = tuple[Found, Found, str]
"""What a change means for receivers and for senders, and a reason where it was given up."""


class Apart:
    """The process that decides; it starts with the first question, and again after one that was too much for it."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def __call__(self, old: Json, new: Json, bodies: Sequence[Any], count: int) -> Iterator[Decided]:
        """Decide `count` changes between two schemas, in order: `documents`, `file` and provenance `marks` of each."""
        start, left, algebra, falls, why = 0, SHARE, True, 0, TOO_LONG
        while start < count and falls <= _RESTARTS and left > 0.02:
            reached = start
            task = {"old": old, "new": new, "bodies": bodies, "from": start, "left": left, "algebra": algebra}
            ready, why = False, TOO_LONG
            for answer in self._answers(task):
                left = answer["left"]
                if "failed" in answer:
                    ready, why = True, answer["failed"]
                    continue
                if "ready" in answer:
                    ready = True
                    continue
                algebra = True
                yield _read(answer["receivers"]), _read(answer["senders"]), ""
                reached += 1
            if reached < count:
                falls, left = falls + 1, left - min(_EACH, left) if ready else 0
                if reached > start or algebra:  # it fell over this one: once more without what takes longest
                    algebra = False
                else:
                    yield Found(UNKNOWN), Found(UNKNOWN), why
                    reached, algebra = reached + 1, True
            start = reached
        for _ in range(start, count):
            yield Found(UNKNOWN), Found(UNKNOWN), why

    def _answers(self, task: Json) -> Iterator[Json]:
        """The worker's answers to one task, until it has answered all or is gone."""
        worker = self._worker = self._worker or subprocess.Popen(
            [sys.executable, "-P", "-m", "emitter.contract.compare_apart"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert worker.stdin is not None and worker.stdout is not None
        try:
            worker.stdin.write(json.dumps(task).encode() + b"\n")
            worker.stdin.flush()
        except BrokenPipeError:
            pass
        for line in worker.stdout:
            if line == b"\n":
                return
            yield json.loads(line)
        self._end()

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            with worker:
                pass


def decided_here(old: Json, new: Json, bodies: Sequence[Any], count: int) -> Iterator[Decided]:
    """The same in this process and without a limit, for schemas that are trusted."""
    pair = _pair({"old": old, "new": new, "bodies": bodies, "algebra": True})
    for change in _changes(pair)[:count]:
        yield pair.receivers(change.old), pair.senders(change.new), ""


def _pair(task: Json) -> Pair:
    old, new = (
        Side(name, task[name]["documents"], task[name]["file"], task[name].get("marks", {})) for name in ("old", "new")
    )
    return Pair(old, new, task["bodies"], algebra=task["algebra"])


def _changes(pair: Pair) -> list[Change]:
    return changes_of(pair.old.rules, pair.new.rules)


def _written(found: Found) -> Json:
    violations = [[each.pointer, each.rule, each.message, each.provenance] for each in found.violations]
    return {"verdict": found.verdict, "body": found.body, "violations": violations}


def _read(answer: Json) -> Found:
    return Found(answer["verdict"], answer["body"], tuple(Violation(*each) for each in answer["violations"]))


def work() -> None:
    """Read tasks from standard input, a line each, and write a line for each change and an empty one behind the last.

    The signal of the timer ends the process, wherever it is. What fails is told with its reason, and ends its task.
    """
    import resource  # there is none on Windows

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        task = json.loads(line)
        try:
            _work_on(task)
        except Exception as error:
            left = signal.setitimer(signal.ITIMER_PROF, 0)[0]
            why = TOO_LARGE if isinstance(error, MemoryError) else f"{FAILED} {type(error).__name__}"
            _write({"failed": why, "left": left})
        sys.stdout.write("\n")
        sys.stdout.flush()


def _work_on(task: Json) -> None:
    left = float(task["left"])
    signal.setitimer(signal.ITIMER_PROF, left)
    pair = _pair(task)
    changes = _changes(pair)[task["from"] :]
    left = signal.setitimer(signal.ITIMER_PROF, 0)[0]
    _write({"ready": True, "left": left})
    for change in changes:
        share = max(min(_EACH, left), 0.001)
        signal.setitimer(signal.ITIMER_PROF, share)
        found = pair.receivers(change.old), pair.senders(change.new)
        left -= share - signal.setitimer(signal.ITIMER_PROF, 0)[0]
        _write({"receivers": _written(found[0]), "senders": _written(found[1]), "left": left})
    signal.setitimer(signal.ITIMER_PROF, 0)


def _write(answer: Json) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    work()
