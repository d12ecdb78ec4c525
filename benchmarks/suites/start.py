"""How long one waits for `emitter --help`, and for a server that answers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.cases import Bound, Case, Measured, NotRun, Run, Suite

TIMES = 7


def _program() -> str:
    program = Path(sys.executable).parent / "emitter"
    if not program.exists():
        raise NotRun(f"there is no {program.name} beside {sys.executable}")
    return str(program)


def _surroundings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("EMITTER_")}


def _median(once: Callable[[], float], run: Run) -> Measured:
    once()  # the first one writes bytecode
    taken = [once() for _ in range(run.amount)]
    return Measured(run.amount, sum(taken), extra={"seconds": median(taken)})


def help_text(run: Run) -> Measured:
    program = _program()

    def once() -> float:
        start = time.perf_counter()
        subprocess.run([program, "--help"], check=True, capture_output=True, env=_surroundings(), cwd=run.folder)
        return time.perf_counter() - start

    return _median(once, run)


def ready(run: Run) -> Measured:
    """From the command to its line with the address, which it writes once it listens, and an answer from there."""
    import requests

    program = _program()

    def once() -> float:
        start = time.perf_counter()
        with subprocess.Popen(
            [program, "serve", "--port", "0", "--store", str(run.folder / "serve.sqlite")],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_surroundings(), cwd=run.folder,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, "it ended before it was ready"
            assert requests.get(f"{url}/simulator/openapi.json", timeout=10).ok
            took = time.perf_counter() - start
            process.terminate()
        return took

    return _median(once, run)


HELP, SERVE = "emitter --help", "emitter serve, until it answers"
SUITE = Suite(
    name="start",
    title="Starting",
    unit="start",
    cases=(
        Case(HELP, help_text, amount=TIMES, smoke_amount=3, once=True),
        Case(SERVE, ready, amount=TIMES, smoke_amount=2, once=True),
    ),
    bounds=(
        Bound("emitter --help", HELP, by="seconds", most=0.4, unit="s"),
        Bound("emitter serve, ready", SERVE, by="seconds", most=1.5, unit="s"),
    ),
    plain=True,
)
