"""What is measured and against what: Case, Bound, Suite; and Run and Measured, which a case is given and gives back."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

TYPE = "marketplace.data_product.access_requests.consumer.updated"  # the real core event, in every suite
SECRET = "benchmark-signing-key"
CONTENT = {
    "timestamp": "2026-03-03T16:41:52.730915064Z",
    "data": {
        "actionLink": "https://app.immutacloud.com/marketplace/data-product/7b1c0f52-6a0e-4d3b-9a55-2f8f3b1f6c11"
        "?accountId=1880aad3-3885-45e0-859c-992e0114e56f",
        "dataProductId": "7b1c0f52-6a0e-4d3b-9a55-2f8f3b1f6c11",
        "dataProductName": "US East Customers",
    },
    "type": TYPE,
}
BODY = json.dumps(CONTENT, separators=(",", ":")).encode()  # where one body will do


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """The receiver that a case sends to: whether it speaks TLS, and how it answers."""

    tls: bool = False
    status: int = 204
    delay: float = 0.0  # seconds
    distinct: bool = False  # count how many bodies are different
    check_every: int = 0  # verify the signature of every so many-th request; 0: of none


@dataclass(frozen=True, slots=True)
class Run:
    """What a case is told when it runs: how long, how much, where to."""

    seconds: float
    amount: int  # for cases that do a fixed number of things
    folder: Path  # on a real disk, empty, deleted afterwards
    url: str = ""  # of the sink
    ca: str = ""  # a PEM file of the authority that signed the sink's certificate


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a case came to. `sent`, `rows` and `ids` are compared with what the sink has counted."""

    operations: int
    seconds: float
    cpu: float = 0.0  # seconds of all threads, user and system
    sent: int | None = None
    rows: int | None = None
    ids: int | None = None  # distinct ones among the rows
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Operations a second of wall time."""
        return self.operations / self.seconds if self.seconds else 0.0

    @property
    def micros(self) -> float:
        """Microseconds of CPU an operation."""
        return self.cpu / self.operations * 1e6 if self.operations else 0.0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "per_second": self.rate, "cpu_us": self.micros}


class NotRun(Exception):
    """Raised by a case that needs what is not installed here."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is measured: `call` runs in a process of its own, pinned to the sender's core."""

    name: str
    call: Callable[[Run], Measured]
    sink: SinkSpec | None = None
    seconds: float = 1.0  # how many times the run's seconds this case takes
    amount: int = 0
    smoke_amount: int = 0
    once: bool = False  # one round is enough: it takes long and compares with no peer
    aside: bool = False  # for information: left out of a smoke run


@dataclass(frozen=True, slots=True)
class Bound:
    """A claim: `case` is at least so many times `over`, or its figure `by` is at least or at most so much.

    `by` is `rate` (operations a second), `cpu` (CPU time an operation; the smaller, the better), or a name in `extra`.
    One that is `full` says nothing of a smaller amount.
    """

    words: str
    case: str
    over: str = ""
    by: str = "rate"
    least: float | None = None
    most: float | None = None
    unit: str = ""
    full: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that run interleaved and are compared with each other; the first one is what ratios are relative to."""

    name: str
    title: str
    cases: Sequence[Case]
    bounds: Sequence[Bound] = ()
    unit: str = "operation"
    by: str = "rate"  # what the column of ratios compares
    remarks: Sequence[str] = ()
    extras: Sequence[str] = ()  # columns to show of `extra`, beside the common ones
    plain: bool = False  # no rates and ratios to show, only what is in `extra`


def cpu() -> float:
    """Seconds of CPU that this process has used so far, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def repeat(call: Callable[[], object], seconds: float, *, warm: int = 1) -> Measured:
    """Call again and again for so long, in batches that grow until the clock costs nothing."""
    for _ in range(warm):
        call()
    batch, done = 1, 0
    before, start = cpu(), time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        if passed and passed / max(done, 1) * batch < 0.005:
            batch *= 2
        for _ in range(batch):
            call()
        done += batch
    return Measured(done, time.perf_counter() - start, cpu() - before)
