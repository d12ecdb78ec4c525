"""Delivering one signed body again and again, 64 in flight: the transport with all its callbacks, alone."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import threading
import time

from benchmarks import peers
from benchmarks.cases import BODY, Bound, Case, Measured, NotRun, Run, SinkSpec, Suite, cpu
from emitter.delivery import Answer, WireRequest
from emitter.egress import Egress
from emitter.transport import Transport

IN_FLIGHT = 64
PLAIN, TLS = SinkSpec(), SinkSpec(tls=True)


def ours(run: Run) -> Measured:
    """Keep 64 requests under way for so long; what is answered is followed by another."""
    transport = Transport(egress=Egress())
    headers = tuple(peers.signed(BODY).items())
    request = WireRequest(run.url, headers, BODY, ca=run.ca)
    finished = threading.Event()
    until = time.perf_counter() + 0.1
    sent = answered = 0
    bad: list[Answer] = []

    def done(answer: Answer) -> None:  # on the sender's thread, and nobody else counts meanwhile
        nonlocal sent, answered
        if answer.status != 204:
            bad.append(answer)
        answered += 1
        if time.perf_counter() < until:
            sent += 1
            transport.submit(request, 10.0, done)
        elif answered == sent:
            finished.set()

    def burst() -> None:
        nonlocal sent
        finished.clear()
        sent += IN_FLIGHT
        transport.submit_all([(request, 10.0, done)] * IN_FLIGHT)
        finished.wait(30)

    burst()  # opens the connections
    warmed, before, start = answered, cpu(), time.perf_counter()
    until = start + run.seconds
    burst()
    measured = Measured(answered - warmed, time.perf_counter() - start, cpu() - before, sent=sent)
    transport.close(1.0)
    assert not bad, bad[0]
    return measured


def hey(run: Run) -> Measured:
    """The load generator in Go, kept to one CPU."""
    program = shutil.which("hey")
    if program is None:
        raise NotRun("hey is not installed")
    (run.folder / "body").write_bytes(BODY)
    headers = [part for name, value in peers.signed(BODY).items() for part in ("-H", f"{name}: {value}")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(
        [program, "-z", f"{run.seconds}s", "-c", str(IN_FLIGHT), "-cpus", "1", "-m", "POST", "-D",
         str(run.folder / "body"), "-T", "application/json", *headers, run.url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate, seconds = _figure(r"Requests/sec:\s+([\d.]+)", told), _figure(r"Total:\s+([\d.]+) secs", told)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(round(rate * seconds), seconds, used)


def _figure(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1])


OURS, PEER, GO = "Transport", "requests, one session", "hey, one CPU"
SUITE = Suite(
    name="transport",
    title="Delivering, 64 in flight",
    unit="delivery",
    cases=(
        Case(PEER, peers.session_posts, PLAIN),
        Case(GO, hey, PLAIN),
        Case(OURS, ours, PLAIN),
        Case(f"{PEER}, TLS", peers.session_posts, TLS),
        Case(f"{OURS}, TLS", ours, TLS),
    ),
    bounds=(
        Bound("the transport with all its callbacks, against a requests session", OURS, PEER, least=20),
        Bound("the same over TLS, verified", f"{OURS}, TLS", f"{PEER}, TLS", least=20),
        Bound("the transport, against hey on one CPU", OURS, GO, least=0.8),
    ),
)
