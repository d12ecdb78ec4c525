"""What hangs delays nobody else, and not the end of the process."""

from __future__ import annotations

import re
import signal
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import requests

from emitter.query import AttemptQuery
from emitter.settings import Settings
from emitter.simulator import Simulator
from tests.acceptance.protocol import Protocol
from tests.support_bulkheads import HANGING_NAMES, hanging_names, p99
from tests.support_cli import line_with, process
from tests.support_crash import JournalSink

PAIRS, SECONDS = 9, 2.0


def run(protocol: Protocol) -> None:
    about = (
        "50 events a second to ten receivers; p99 from event to answer of nine of them, in milliseconds, without and "
        f"with somebody that hangs; median of {PAIRS} interleaved pairs."
    )
    with protocol.section("Bulkheads", about), tempfile.TemporaryDirectory() as folder, hanging_names():
        place = Path(folder)
        with JournalSink(place / "seen") as sink:
            for in_flight in (1, 64):
                _pairs(protocol, place, sink.url, f"one of ten receivers hangs, {in_flight} in flight each",
                       tenth=f"{sink.url}/hang", more=(), in_flight=in_flight)  # fmt: skip
                _pairs(protocol, place, sink.url, f"ten names whose lookup hangs, {in_flight} in flight each",
                       tenth=f"{sink.url}/hook/9", more=HANGING_NAMES, in_flight=in_flight)  # fmt: skip
    about = "`emitter serve` with deadlines of 60 s, a receiver and ten names that hang, and 40 events on their way."
    with protocol.section("Bulkheads: SIGTERM", about), tempfile.TemporaryDirectory() as folder:
        _sigterm(protocol, Path(folder))


def _pairs(
    protocol: Protocol, place: Path, sink: str, what: str, *, tenth: str, more: tuple[str, ...], in_flight: int
) -> None:
    without, with_it = [], []
    for number in range(PAIRS):
        arms = [(without, f"{sink}/hook/9", ()), (with_it, tenth, more)]
        for found, url, others in arms if number % 2 == 0 else reversed(arms):
            found.append(p99(place, sink, tenth=url, more=others, seconds=SECONDS, in_flight=in_flight))
    ratio = median(b / a for a, b in zip(without, with_it, strict=True))
    beyond = median(b - a for a, b in zip(without, with_it, strict=True))
    protocol.check(
        what,
        f"{median(without):.1f} without, {median(with_it):.1f} with: {ratio:.2f} times, {beyond:+.1f} ms",
        "1.2 times, or 5 ms more", ratio <= 1.2 or beyond <= 5,
    )  # fmt: skip


def _sigterm(protocol: Protocol, place: Path) -> None:
    limit = Settings().stop_grace.total_seconds() + 1
    store = place / "store.sqlite"
    with JournalSink(place / "seen") as sink, process(
        "serve", "--port", "0", "--store", store, "--assume", "delivery.timeout=60s",
        cwd=place, module="tests.support_bulkheads",
    ) as server:  # fmt: skip
        found = re.search(r"http://\S+", line_with("http://", server.stdout))
        assert found is not None
        base, headers = found[0], {"Authorization": "Bearer any"}
        for url in (f"{sink.url}/hook/0", f"{sink.url}/hang", *HANGING_NAMES):
            added = requests.post(f"{base}/marketplace/api/notification/webhook", json={"url": url}, headers=headers,
                                  timeout=10)  # fmt: skip
            added.raise_for_status()
        for _ in range(2):
            told = requests.post(f"{base}/simulator/trigger", json={"type": "access-revoked", "count": 20},
                                 headers=headers, timeout=10)  # fmt: skip
            told.raise_for_status()
        until = time.monotonic() + 10
        while len(sink.seen()) < 41 and time.monotonic() < until:
            time.sleep(0.02)
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=limit + 30)
        took = time.monotonic() - began
        protocol.check("seconds from SIGTERM to the end of the process", f"{took:.2f}", f"at most {limit:.0f}",
                       took <= limit)  # fmt: skip
        protocol.check("exit code", server.returncode, "0", server.returncode == 0)
        seen = [each.path for each in sink.seen()]
        protocol.check("requests seen by the receiver that answers", seen.count("/hook/0"), "40",
                       seen.count("/hook/0") == 40)  # fmt: skip
        protocol.check("requests seen by the one that hangs, its order kept", seen.count("/hang"), "1",
                       seen.count("/hang") == 1)  # fmt: skip
        with hanging_names(), Simulator(Settings(store=store, stop_grace=timedelta(0))) as after:
            started = after.attempts(AttemptQuery(outcome=("interrupted", "failed"), limit=500))["attempts"]
            protocol.check("attempts that were under way, each with its end in the record", len(started), "11",
                           len(started) == 11)  # fmt: skip
            waiting = after.state()["waiting"]
            protocol.check("deliveries that wait for the next start", waiting, "429 (11 of 40 each, less one)",
                           waiting == 11 * 39)  # fmt: skip
