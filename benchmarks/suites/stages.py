"""Where the microseconds of an event go: each stage alone, and the threads of the whole."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import orjson

from benchmarks import engine
from benchmarks.cases import BODY, CONTENT, SECRET, TYPE, Case, Measured, Run, SinkSpec, Suite, cpu, repeat
from benchmarks.suites import generate, transport
from emitter.catalog import Catalog
from emitter.delivery import Answer, Timing
from emitter.signing import Scheme, Signer, SigningKey

ANSWER = Answer(204, "Whatever", (), timing=Timing(0, 0, None, 100, 120), address="127.0.0.1:9")


def event(run: Run) -> Measured:
    return generate.ours(run)


def check(run: Run) -> Measured:
    is_valid = Catalog.load(None).resolve(TYPE).is_valid
    return repeat(lambda: is_valid(CONTENT), run.seconds)


def write(run: Run) -> Measured:
    return repeat(lambda: orjson.dumps(CONTENT), run.seconds)


def sign(run: Run) -> Measured:
    signer, key = Signer(Scheme()), SigningKey(SECRET)
    return repeat(lambda: signer.headers(BODY, key, message_id="", seconds=0), run.seconds)


class Instant:
    """A transport that has the answer before it is asked."""

    def submit_all(self, batch) -> None:  # type: ignore[no-untyped-def]
        for _, _, done in batch:
            done(ANSWER)

    def close(self, grace: float) -> None:
        pass


def _dispatched(run: Run, *, durable: bool) -> Measured:
    """Accept ready events, sign, record both phases, send nothing."""
    made = generate.factory()
    ready = [made.event(TYPE) for _ in range(512)]
    with engine.simulator(run, durable=durable) as simulating:
        dispatcher = simulating.dispatcher
        dispatcher._transport = Instant()
        hooks = engine.targets(simulating, replace(run, url="http://127.0.0.1:9/"), 64)
        number = 0

        def some(count: int) -> None:
            nonlocal number
            for _ in range(count):
                dispatcher.accept(ready[number % 512], (hooks[number % 64],))
                number += 1
            dispatcher.wait_for_room()

        some(500)
        simulating.settle(60)
        warm, before, start = number, cpu(), time.perf_counter()
        while time.perf_counter() - start < run.seconds:
            some(50)
        simulating.settle(120)
        return Measured(number - warm, time.perf_counter() - start, cpu() - before)


def dispatched(run: Run) -> Measured:
    return _dispatched(run, durable=True)


def in_memory(run: Run) -> Measured:
    return _dispatched(run, durable=False)


def alone(run: Run) -> Measured:
    return transport.ours(run)


def whole(run: Run) -> Measured:
    """The whole, with the CPU of each thread an event: who produces, who writes, who sends."""
    with engine.simulator(run) as simulating:
        hooks = engine.targets(simulating, run, 64)
        engine.produce(simulating, hooks, amount=500)
        simulating.settle(60)
        before, used, start = engine.thread_times(), cpu(), time.perf_counter()
        count = engine.produce(simulating, hooks, seconds=run.seconds)
        simulating.settle(120)
        took, used = time.perf_counter() - start, cpu() - used
        after = engine.thread_times()
    main = threading.main_thread().name
    shares = {("producer" if name == main else name): spent - before.get(name, 0.0) for name, spent in after.items()}
    rows = [["thread", "CPU µs/event"], *([name, spent / count * 1e6] for name, spent in shares.items())]
    return Measured(count, took, used, sent=count + 500, extra={"tables": {"threads": rows}})


SUITE = Suite(
    name="stages",
    title="Where the microseconds go",
    unit="event",
    by="cpu",
    cases=(
        Case("whole", whole, SinkSpec(), seconds=2),
        Case("made, checked and written (Factory.event)", event),
        Case("of that: checked", check),
        Case("of that: written (orjson)", write),
        Case("signed", sign),
        Case("planned, signed, dispatched, recorded (answered at once)", dispatched),
        Case("the same, store in memory", in_memory),
        Case("transport alone", alone, SinkSpec()),
    ),
    remarks=("The ratio is how much cheaper than the whole a stage is.",),
)
