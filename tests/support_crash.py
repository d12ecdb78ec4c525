"""Kill a simulator, start it again on the same file, and compare its record with two journals kept outside of it.

One journal is the producer's: every event that was acknowledged. The other is the receiver's: every request, written
before its answer. Both are appended to with one write(2) a line, by processes of their own, so a kill takes nothing.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from emitter.store.schema import OUTCOME_NAMES, STATE_NAMES
from tests.support_crash_child import Plan
from tests.support_journal import Seen, read_seen
from tests.support_program import Program


class JournalSink(Program):
    """The receiver in its own process."""

    def __init__(self, journal: Path) -> None:
        super().__init__("tests.support_journal", str(journal))
        self.journal = journal
        self.url = f"http://127.0.0.1:{self.line(20)}"

    def arm(self, pid: int, where: str, after: int) -> None:
        """Have it kill a process at one of its own points."""
        self.tell(f"{pid} {after} {where}")
        assert self.line(10) == "armed"

    def seen(self) -> list[Seen]:
        return read_seen(self.journal)


class Victims(Program):
    """Starts processes that are killed; one at a time."""

    def __init__(self) -> None:
        super().__init__("tests.support_crash_child")
        self.kills: Counter[str] = Counter()
        self.pragmas: set[tuple[int, str]] = set()
        self.interrupted = 0
        self.left_waiting = 0
        self.pid = 0
        self._descriptor = -1
        self.line(30)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pid and not self.gone(0):
            os.kill(self.pid, signal.SIGKILL)
        self.close()

    def start(self, plan: Plan) -> int:
        self.tell(json.dumps(asdict(plan)))
        while True:
            said = json.loads(self.line(10))
            if said["what"] == "forked":
                self.pid = said["child"]
                try:
                    self._descriptor = os.pidfd_open(self.pid)
                except ProcessLookupError:  # it is gone already
                    self._descriptor = -1
                return self.pid

    def gone(self, timeout: float) -> bool:
        """Whether the process has ended, waiting for it so many seconds."""
        if self._descriptor < 0:
            return True
        ended = bool(select.select([self._descriptor], [], [], timeout)[0])
        if ended:
            os.close(self._descriptor)
            self._descriptor = -1
        return ended

    def hears(self, what: str, timeout: float) -> dict[str, Any]:
        """Wait for the process to say something; raises what it failed with."""
        until = time.monotonic() + timeout
        while True:
            said: dict[str, Any] = json.loads(self.line(max(until - time.monotonic(), 0.0)))
            if said["what"] == "failed":
                raise AssertionError(said["error"])
            if said["what"] == "ready":
                self.pragmas.add((said["synchronous"], said["journal_mode"]))
                self.interrupted += said["interrupted"]
            if said["what"] == what:
                return said

    def kill(self, name: str) -> None:
        os.kill(self.pid, signal.SIGKILL)
        assert self.gone(10), "a process outlived SIGKILL"
        self.kills[name] += 1
        self._drain()

    def dies(self, name: str, timeout: float = 20) -> None:
        """Wait for the process to end itself at its point."""
        try:
            self.hears("strike", timeout)
        except TimeoutError:
            raise AssertionError(f"nothing reached {name!r}") from None
        assert self.gone(10), "a process outlived SIGKILL"
        self.kills[name] += 1

    def killed_by_sink(self, name: str, timeout: float = 20) -> None:
        assert self.gone(timeout), f"nothing reached {name!r}"
        self.kills[name] += 1
        self._drain()

    def _drain(self) -> None:
        """Take note of what was said before the end."""
        while self._held or select.select([self.process.stdout], [], [], 0)[0]:
            try:
                said = json.loads(self.line(0.01))
            except TimeoutError:
                return
            if said["what"] == "failed":
                raise AssertionError(said["error"])
            if said["what"] == "ready":
                self.pragmas.add((said["synchronous"], said["journal_mode"]))
                self.interrupted += said["interrupted"]

    def settle(self, plan: Plan, timeout: float = 150) -> None:
        """Start once more without load, let everything that is due leave, and end in peace."""
        self.start(plan)
        said = self.hears("settled", timeout)
        assert self.gone(20), "a settled simulator did not end"
        self.left_waiting = said["waiting"]


@dataclass(slots=True)
class Judgement:
    """What the record and the two journals say of each other; every list is to be empty."""

    events: int = 0
    acknowledged: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[str] = field(default_factory=Counter)
    seen: int = 0
    integrity: str = ""
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        broken = [] if self.integrity == "ok" else [f"integrity_check: {self.integrity}"]
        return [*broken, *self.lost, *self.stuck, *self.unseen, *self.unrecorded, *self.repeated, *self.other]


@dataclass(slots=True)
class _Attempt:
    id: int
    number: int
    outcome: str
    status: int
    answered: int | None  # the line of the receiver's journal, as its answer said
    why: str  # it failed, in the record's words


def judge(store: Path, acknowledged: Path, seen: Iterable[Seen], *, ordered: bool, trimmed: bool = False) -> Judgement:
    """Hold the record against the journals.

    `ordered`: webhooks got one delivery at a time, so each saw its events in order. `trimmed`: retention was at work,
    so whatever is older than the oldest attempt may be gone.
    """
    found = Judgement()
    connection = sqlite3.connect(store)
    try:
        found.integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if found.integrity == "ok":
            _judge(found, connection, acknowledged, list(seen), ordered=ordered, trimmed=trimmed)
    finally:
        connection.close()
    return found


def _judge(
    found: Judgement, connection: sqlite3.Connection, acknowledged: Path, seen: list[Seen], *, ordered: bool,
    trimmed: bool,
) -> None:  # fmt: skip
    from hashlib import sha256

    events = {
        number: (sha256(body).hexdigest(), first, planned)
        for number, body, first, planned in connection.execute("SELECT id, body, first_delivery, planned FROM events")
    }
    found.events = len(events)
    paths = {
        number: "/" + url.split("/", 3)[3] for number, url in connection.execute("SELECT number, url FROM webhooks")
    }
    deliveries = {
        number: (event, paths[webhook], STATE_NAMES[state], attempts)
        for number, event, webhook, state, attempts in connection.execute(
            "SELECT id, event, webhook, state, attempts FROM deliveries"
        )
    }
    found.deliveries = Counter(state for _, _, state, _ in deliveries.values())
    kept_from = min(events, default=0) if trimmed else 0

    _acknowledged(found, acknowledged, events, deliveries, kept_from)
    found.stuck += [f"delivery {number} is still {state}" for number, (_, _, state, _) in deliveries.items()
                    if state == "pending"]  # fmt: skip

    attempts: dict[int, list[_Attempt]] = defaultdict(list)
    for number, delivery, ordinal, outcome, status, headers, why in connection.execute(
        "SELECT a.id, a.delivery, a.number, a.outcome, a.status, r.headers, r.failure || ': ' || r.error "
        "FROM attempts a LEFT JOIN answers r ON r.attempt = a.id ORDER BY a.id"
    ):
        answered = next((int(value) for name, value in json.loads(headers or "[]") if name.lower() == "x-seen"), None)
        attempts[delivery].append(_Attempt(number, ordinal, OUTCOME_NAMES[outcome], status, answered, why))
        found.attempts[OUTCOME_NAMES[outcome]] += 1

    by_key: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for each in seen:
        by_key[each.path, each.digest].append(each)
    found.seen = len(seen)
    keys: set[tuple[str, str]] = set()
    for number, (event, path, state, counted) in deliveries.items():
        if event not in events:
            found.lost.append(f"delivery {number} is kept and its event {event} is not")
            continue
        key = path, events[event][0]
        if key in keys:
            found.other.append(f"two deliveries of event {event} to {path}")
        keys.add(key)
        _one_delivery(found, number, state, counted, attempts.pop(number, []), by_key.pop(key, []), trimmed=trimmed)
    found.other += [f"attempts without a delivery: {each}" for each in attempts]
    known = {digest for digest, _, _ in events.values()}
    for (path, digest), lines in by_key.items():
        if not trimmed or digest in known:
            found.unrecorded += [f"request {line.number} at {path} has no attempt" for line in lines]
    if ordered:
        _order(found, seen, {digest: number for number, (digest, _, _) in events.items()})


def _acknowledged(
    found: Judgement, journal: Path, events: dict[int, tuple[str, int, int]],
    deliveries: dict[int, tuple[int, str, str, int]], kept_from: int,
) -> None:  # fmt: skip
    whole = journal.read_text().rpartition("\n")[0] if journal.exists() else ""
    for line in filter(None, whole.split("\n")):
        number, digest, planned = line.split(" ")
        found.acknowledged += 1
        event = events.get(int(number))
        if event is None:
            if int(number) >= kept_from:
                found.lost.append(f"event {number} was acknowledged and is gone")
            continue
        if event[0] != digest:
            found.lost.append(f"event {number} was acknowledged with another body")
        if event[2] != int(planned):
            found.lost.append(f"event {number}: {planned} deliveries were acknowledged, {event[2]} planned")
        if kept_from:
            continue
        for delivery in range(event[1], event[1] + event[2]):
            if deliveries.get(delivery, (0,))[0] != int(number):
                found.lost.append(f"event {number}: its delivery {delivery} is gone")


def _one_delivery(
    found: Judgement, number: int, state: str, counted: int, attempts: list[_Attempt], lines: list[Seen], *,
    trimmed: bool,
) -> None:  # fmt: skip
    """One delivery: its attempts, and the requests that carried its body to its webhook, both in order of time."""
    if [each.number for each in attempts] != list(range(1, len(attempts) + 1)) and not trimmed:
        found.other.append(f"delivery {number} has attempts {[each.number for each in attempts]}")
    if counted != len(attempts) and not trimmed and state not in ("pending", "dropped"):
        found.other.append(f"delivery {number} counts {counted} attempts and has {len(attempts)}")
    if trimmed and not attempts:
        return
    if not attempts:
        found.unrecorded += [f"request {line.number} of delivery {number}, which has no attempt" for line in lines]
        return
    stretch: list[_Attempt] = []  # unanswered ones between two whose answers came home
    left = list(lines)
    for attempt in attempts:
        if attempt.outcome == "started":
            found.stuck.append(f"attempt {attempt.id} is still started")
        if attempt.outcome not in ("accepted", "rejected"):
            stretch.append(attempt)
            continue
        line = next((line for line in left if line.number == attempt.answered), None)
        if line is None or line.status != attempt.status:
            found.unseen.append(f"attempt {attempt.id} is {attempt.outcome}, and the receiver saw no such request")
            continue
        at = left.index(line)
        _stretch(found, number, stretch, left[:at])
        stretch, left = [], left[at + 1 :]
    if not trimmed or attempts[0].number == 1:
        _stretch(found, number, stretch, left)


def _stretch(found: Judgement, number: int, attempts: list[_Attempt], lines: list[Seen]) -> None:
    """Attempts without an answer, and the requests seen meanwhile: a failed one was seen, an interrupted one may be."""
    if len(lines) > len(attempts):
        found.repeated += [f"delivery {number} has no attempt for request {line.number}" for line in lines]
    elif not _fits(attempts, lines):
        told = [
            f"{each.id} {each.outcome} ({each.why})" if each.why else f"{each.id} {each.outcome}" for each in attempts
        ]
        found.other.append(
            f"delivery {number}: {', '.join(told)} against {[(each.number, each.status) for each in lines]}"
        )


def _fits(attempts: list[_Attempt], lines: list[Seen]) -> bool:
    if not attempts:
        return not lines
    failed = attempts[0].outcome == "failed"
    if lines and (not failed or lines[0].status <= 0) and _fits(attempts[1:], lines[1:]):
        return True
    return not failed and _fits(attempts[1:], lines)


def _order(found: Judgement, seen: list[Seen], numbers: dict[str, int]) -> None:
    last: dict[str, int] = {}
    for each in seen:
        number = numbers.get(each.digest)
        if number is None or each.path.startswith("/flaky"):
            continue
        if number <= last.get(each.path, 0):
            found.other.append(f"request {each.number} at {each.path}: event {number} after {last[each.path]}")
        last[each.path] = max(number, last.get(each.path, 0))
