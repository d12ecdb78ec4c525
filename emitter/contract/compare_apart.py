"""Decide changes in a process of its own, which is ended when it has had its share of time or memory.

A schema may be made so that judging a body or comparing it takes for ever, and neither can be interrupted from Python.
What was not decided is unknown, and that is said.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from emitter.catalog import Documents
from emitter.contract.compare_changes import Change, changes_of
from emitter.contract.compare_deciding import UNKNOWN, Found, Pair, Side
from emitter.errors import Violation

SHARE = 1.0  # seconds of CPU for the changes of one event type
_EACH = 0.4  # seconds of CPU for one change
_RESTARTS = 2
_MEMORY = 2 * 1024**3
TOO_LONG = "it could not be decided within the time that a comparison may take"

Json = dict[str, Any]


def decided(old: Json, new: Json, bodies: Sequence[Any], count: int) -> Iterator[tuple[Found, Found, str]]:
    """Decide `count` changes between two schemas, in order: `documents`, `file` and provenance `marks` of each.

    Each is what it means for receivers, for senders, and a reason where it was given up.
    """
    start, left, algebra, starts = 0, SHARE, True, 0
    while start < count and starts <= _RESTARTS and left > 0.05:
        starts += 1
        task = {"old": old, "new": new, "bodies": list(bodies), "from": start, "left": left, "algebra": algebra}
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "emitter.contract.compare_apart"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as worker:  # fmt: skip
            assert worker.stdin is not None and worker.stdout is not None
            try:
                worker.stdin.write(json.dumps(task).encode())
                worker.stdin.close()
            except BrokenPipeError:
                pass
            reached = start
            for line in worker.stdout:
                answer = json.loads(line)
                left, algebra = answer["left"], True
                yield _read(answer["receivers"]), _read(answer["senders"]), ""
                reached += 1
        if reached < count:
            left -= min(_EACH, left)
            if reached > start or algebra:  # it fell over this one: once more without what takes longest
                algebra = False
            else:
                yield Found(UNKNOWN), Found(UNKNOWN), TOO_LONG
                reached, algebra = reached + 1, True
        start = reached
    for _ in range(start, count):
        yield Found(UNKNOWN), Found(UNKNOWN), TOO_LONG


def decided_here(old: Json, new: Json, bodies: Sequence[Any], count: int) -> Iterator[tuple[Found, Found, str]]:
    """The same in this process and without a limit, for schemas that are trusted."""
    pair = _pair({"old": old, "new": new, "bodies": bodies, "algebra": True})
    for change in _changes(pair)[:count]:
        yield pair.receivers(change.old), pair.senders(change.new), ""


def _pair(task: Json) -> Pair:
    old, new = (
        Side(name, task[name]["documents"], task[name]["file"], task[name].get("marks", {})) for name in ("old", "new")
    )
    return Pair(old, new, task["bodies"], algebra=task["algebra"])


def _written(found: Found) -> Json:
    violations = [[each.pointer, each.rule, each.message, each.provenance] for each in found.violations]
    return {"verdict": found.verdict, "body": found.body, "violations": violations}


def _read(answer: Json) -> Found:
    return Found(answer["verdict"], answer["body"], tuple(Violation(*each) for each in answer["violations"]))


def _changes(pair: Pair) -> list[Change]:
    return changes_of(pair.old.rules, pair.new.rules)


def reachable(documents: Documents, file: str) -> Documents:
    """Those of the documents that a file refers to, directly or not, and the file."""
    from emitter.catalog.references import references

    wanted = [file]
    for name in wanted:
        for ref in references(documents[name]):
            target = ref.partition("#")[0].removeprefix("./")
            if target in documents and target not in wanted:
                wanted.append(target)
    return {name: documents[name] for name in wanted}


def work() -> None:
    """Read one task from standard input, and write a line for each change."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    task = json.loads(sys.stdin.buffer.read())
    left = float(task["left"])
    signal.setitimer(signal.ITIMER_PROF, _EACH)  # its signal ends the process, wherever it is
    pair = _pair(task)
    changes = _changes(pair)
    for change in changes[task["from"] :]:
        share = min(_EACH, left)
        if share <= 0:
            return
        signal.setitimer(signal.ITIMER_PROF, share)
        found = pair.receivers(change.old), pair.senders(change.new)
        left -= share - signal.setitimer(signal.ITIMER_PROF, 0)[0]
        answer = {"receivers": _written(found[0]), "senders": _written(found[1]), "left": left}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    work()
