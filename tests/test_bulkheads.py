"""A receiver or a name that hangs delays neither the others nor the end: the short form.

The long one, with its figures, is in tests/acceptance/bulkheads.py.
"""

from __future__ import annotations

import time
from datetime import timedelta
from statistics import median

import pytest

from emitter.trigger import TriggerSpec
from tests.support_bulkheads import HANGING_NAMES, hanging_names, p99
from tests.support_crash import JournalSink

PAIRS, SERIES = 3, 3  # a fault delays every series, a machine that is busy for a second one of them
TIMES, BEYOND = 2.0, 50.0  # milliseconds; looser than the long form, because here other tests run beside it


@pytest.fixture
def sink(tmp_path):
    with hanging_names(), JournalSink(tmp_path / "seen") as started:
        yield started.url


@pytest.mark.parametrize("what", ["a receiver", "ten names"])
def test_nobody_waits_for_who_hangs(sink, tmp_path, what):
    tenth, more = (f"{sink}/hang", ()) if what == "a receiver" else (f"{sink}/hook/9", HANGING_NAMES)

    for series in range(1, SERIES + 1):
        without, with_it = [], []
        for _ in range(PAIRS):
            without.append(p99(tmp_path, sink, tenth=f"{sink}/hook/9", seconds=0.4))
            with_it.append(p99(tmp_path, sink, tenth=tenth, more=more, seconds=0.4))
        holds = median(with_it) <= max(TIMES * median(without), median(without) + BEYOND)
        if holds or series == SERIES:
            break

    assert holds, (without, with_it)


def test_a_stop_waits_for_nobody_beyond_its_grace(make_simulator, sink):
    simulator = make_simulator(stop_grace=timedelta(milliseconds=300), assume={"delivery.timeout": "60s"})
    for url in (f"{sink}/hang", *HANGING_NAMES):
        simulator.add_webhook(url)
    simulator.trigger(TriggerSpec(type="access-revoked", count=3))
    began = time.monotonic()

    simulator.close()

    assert time.monotonic() - began < 1.3
