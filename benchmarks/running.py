"""Run cases side by side: each in its own process on one core, its sink on the other, the order turned every round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import nginx
from benchmarks.cases import SECRET, Case, SinkSpec, Suite

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often."""

    rounds: int = 5
    seconds: float = 1.0
    smoke: bool = False
    folder: Path | None = None  # for stores; None: where temporary files outlive a restart, so on a disk


@dataclass(slots=True)
class Found:
    """What the rounds of one case came to, as the child and the sink wrote them."""

    case: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    not_run: str = ""


class CaseFailed(Exception):
    """A case broke off, or what it counted does not agree with what others counted."""


def cores() -> tuple[int | None, int | None]:
    """The sender's core and the sink's: the same one where there is only one, none where nothing can be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    found = sorted(os.sched_getaffinity(0))
    return found[0], found[1 % len(found)]


def run_suite(suite: Suite, plan: Plan, tell: Callable[[str], None] = lambda text: None) -> list[Found]:
    """Run every case of a suite `plan.rounds` times; raise `CaseFailed`."""
    results = {case.name: Found(case.name) for case in suite.cases}
    for case in suite.cases:
        if case.aside and plan.smoke:
            results[case.name].not_run = "left out of a smoke run"
    for number in range(plan.rounds):
        for case in in_turn(suite.cases, number):
            found = results[case.name]
            if found.not_run or (case.once and found.runs):
                continue
            run = run_case(case, plan)
            if "not_run" in run:
                found.not_run = run["not_run"]
                tell(f"{suite.name}: {case.name}: not run ({found.not_run})")
                continue
            found.runs.append(run)
            tell(f"{suite.name}: {case.name}: {run['per_second']:,.0f}/s, {run['cpu_us']:,.1f} µs CPU")
    return list(results.values())


def in_turn(cases: Sequence[Case], number: int) -> list[Case]:
    """The order of a round: forward and backward by turns, so that no case always follows the same one."""
    return list(cases) if number % 2 == 0 else list(reversed(cases))


def run_case(case: Case, plan: Plan) -> dict[str, Any]:
    """Run one case once, and compare what it sent with what arrived and what was recorded."""
    sender, receiver = cores()
    with tempfile.TemporaryDirectory(prefix="emitter-bench-", dir=stores(plan)) as folder:
        order = {
            "call": f"{case.call.__module__}:{case.call.__qualname__}", "core": sender, "folder": folder,
            "seconds": plan.seconds * case.seconds, "amount": case.smoke_amount if plan.smoke else case.amount,
            "url": "", "ca": "",
        }  # fmt: skip
        if case.sink is None:
            return _child(case, order)
        report: dict[str, Any] = {}
        with sink(case.sink, Path(folder), receiver, report) as ready:
            result = _child(case, order | ready)
        if "not_run" not in result:
            result["sink"] = report
            agree(case.name, result, case.sink)
        return result


def agree(name: str, result: dict[str, Any], spec: SinkSpec) -> None:
    """Raise `CaseFailed` unless sent = received = recorded = distinct, as far as the case counts them."""
    counts = {"sent": result["sent"], "received": result["sink"]["requests"], "rows": result["rows"],
              "distinct ids": result["ids"]}  # fmt: skip
    if spec.distinct:
        counts["distinct bodies"] = result["sink"]["distinct"]
    counted = {what: number for what, number in counts.items() if number is not None}
    if len(set(counted.values())) > 1:
        raise CaseFailed(f"{name}: what was counted differs: {counted}")
    if result["sink"]["bad_signatures"]:
        raise CaseFailed(f"{name}: {result['sink']['bad_signatures']} signatures were wrong at the sink")
    if spec.check_every and result["sink"]["requests"] >= spec.check_every and not result["sink"]["checked"]:
        raise CaseFailed(f"{name}: no signature was checked at the sink")


@contextmanager
def sink(spec: SinkSpec, folder: Path, core: int | None, report: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Run a sink; gives its address and authority, and fills `report` when it has ended.

    It is nginx where that is installed and no more is asked than to count, and the one in Python else.
    """
    if nginx.can(spec):
        with nginx.serve(spec, folder, core, report) as ready:
            yield ready
        return
    order = {"core": core, "folder": str(folder), "tls": spec.tls, "status": spec.status, "delay": spec.delay,
             "distinct": spec.distinct, "check_every": spec.check_every, "secret": SECRET}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sink", json.dumps(order)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise CaseFailed("the sink did not start")
        yield json.loads(line)
        process.stdin.close()
        report |= json.loads(process.stdout.readline())
        process.wait(10)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _child(case: Case, order: dict[str, Any]) -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.child"], input=json.dumps(order), capture_output=True, text=True, cwd=ROOT
    )
    if process.returncode:
        raise CaseFailed(f"{case.name}: ended with {process.returncode}\n{process.stderr[-4000:]}")
    result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return result


def stores(plan: Plan) -> Path | None:
    """Where stores go: a disk, because what is written to memory is flushed for nothing."""
    return plan.folder or (Path("/var/tmp") if Path("/var/tmp").is_dir() else None)
