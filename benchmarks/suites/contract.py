"""Checking captures: the validation alone, a captured body with all that is said of it, and the whole command."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

from benchmarks import peers
from benchmarks.cases import BODY, CONTENT, TYPE, Bound, Case, Measured, Run, Suite, repeat
from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.contract.check import Contract

# What was captured: mostly right, as captures are, and some of it wrong in one place.
_DATA: dict[str, Any] = CONTENT["data"]  # type: ignore[assignment]  # it is the object of the event
WRONG: tuple[dict[str, Any], ...] = (
    {**CONTENT, "timestamp": "yesterday"},
    {**CONTENT, "timestamp": "2026-02-30T16:41:52.730915064Z"},
    {**CONTENT, "data": {**_DATA, "dataProductId": 7}},
    {**CONTENT, "data": {**_DATA, "dataProductName": "a#b"}},
    {**CONTENT, "data": {**_DATA, "actionLink": "open the app"}},
    {key: value for key, value in CONTENT.items() if key != "timestamp"},
)
CORPUS: tuple[dict[str, Any], ...] = tuple(each for wrong in WRONG for each in (*([CONTENT] * 9), wrong))


def reference() -> Any:
    """The reference validator, made once, its formats asserted."""
    from jsonschema import Draft202012Validator

    schema, registry = peers.documents()
    return Draft202012Validator(schema, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _timed(judge: Callable[[Any], object], corpus: Sequence[Any], run: Run) -> Measured:
    bodies = cycle(corpus)
    return repeat(lambda: judge(next(bodies)), run.seconds, warm=len(corpus))


def ours(run: Run) -> Measured:
    is_valid, expected = Catalog.load(None).resolve(TYPE).is_valid, reference().is_valid
    verdicts = [is_valid(body) for body in CORPUS]
    assert verdicts == [expected(body) for body in CORPUS] and verdicts.count(False) == len(WRONG)
    return _timed(is_valid, CORPUS, run)


def theirs(run: Run) -> Measured:
    return _timed(reference().is_valid, CORPUS, run)


def their_line(run: Run) -> Measured:
    validator = reference()
    lines = [json.dumps(body).encode() for body in CORPUS]
    return _timed(lambda line: [error.message for error in validator.iter_errors(json.loads(line))], lines, run)


def our_line(run: Run) -> Measured:
    contract = Contract(Catalog.load(None), Assumptions())
    lines = [json.dumps(body, separators=(",", ":")).encode() for body in CORPUS]
    return _timed(contract.of_body, lines, run)


def command(run: Run) -> Measured:
    """`emitter check` on a file of JSON lines, as a process of its own."""
    file = run.folder / "captures.jsonl"
    with open(file, "wb") as opened:
        for _ in range(run.amount // 100):
            opened.write((BODY + b"\n") * 100)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = repeat_once([sys.executable, "-m", "emitter.cli", "check", str(file)], run)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(run.amount, found, cpu, extra={"s": found, "MiB": after.ru_maxrss / 1024})


def repeat_once(words: Sequence[str], run: Run) -> float:
    """Run a program to its end, see that it says what it has to, and give the seconds that it took."""
    import time

    start = time.perf_counter()
    ran = subprocess.run(words, cwd=run.folder, capture_output=True, text=True, check=True)
    took = time.perf_counter() - start
    assert f"{run.amount:,} events: {run.amount:,} valid, 0 invalid" in ran.stdout, ran.stdout
    return took


PEER, OURS = "jsonschema, prebuilt, FormatChecker: is_valid", "EventType.is_valid"
PEER_LINE, OUR_LINE = "json.loads and jsonschema, every error", "Contract.of_body"
COMMAND = "emitter check, 100,000 JSON lines"
SUITE = Suite(
    name="contract",
    title="Checking captures",
    unit="event",
    by="cpu",
    cases=(
        Case(PEER, theirs),
        Case(OURS, ours),
        Case(PEER_LINE, their_line),
        Case(OUR_LINE, our_line),
        Case(COMMAND, command, amount=100_000, smoke_amount=1_000),
    ),
    bounds=(
        Bound("the validation alone, against prebuilt jsonschema on the same files", OURS, PEER, by="cpu", least=50),
        Bound("a captured body, read, judged and compared with what is assumed, against jsonschema", OUR_LINE,
              PEER_LINE, by="cpu", least=10),
        Bound("the whole command, 100,000 events", COMMAND, by="s", most=10, unit="s", full=True),
        Bound("its memory at the most", COMMAND, by="MiB", most=64, unit="MiB"),
    ),
    extras=("s", "MiB"),
    remarks=(
        "One event in ten is wrong, each in one place; both sides give the same verdict on every one of them.",
        "`Contract.of_body` takes bytes: it reads them strictly (no member twice, no number that differs from parser "
        "to parser), validates, and says every violation and every difference from an assumption, with its place.",
    ),
)  # fmt: skip
