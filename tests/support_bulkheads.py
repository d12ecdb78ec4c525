"""How long deliveries take while others hang: receivers that never answer, names that never resolve.

Run as a program it is `emitter` on a machine whose resolver hangs for every name below `.hang.test`.
"""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from emitter.assumptions import Assumptions
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec

OTHERS = 9
HANGING_NAMES = tuple(f"http://receiver-{number}.hang.test:8000/hook" for number in range(10))


@contextmanager
def hanging_names() -> Iterator[None]:
    """The system's resolver hangs for `.hang.test` until the end of the block."""
    system, release = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host: Any, *arguments: Any, **more: Any) -> Any:
        if str(host).endswith(".hang.test"):
            release.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "it hung")
        return system(host, *arguments, **more)

    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = system
        release.set()


def p99(
    folder: Path, sink: str, *, tenth: str, more: tuple[str, ...] = (), seconds: float, in_flight: int = 1
) -> float:
    """The 99th percentile, in milliseconds, of what a delivery to one of nine receivers takes from event to answer.

    Fifty events a second go to the nine, to the `tenth` webhook and to `more`.
    """
    store = folder / f"{time.monotonic_ns()}.sqlite"
    settings = Settings(
        store=store, stop_grace=timedelta(milliseconds=100),
        assumptions=Assumptions().override("delivery.in_flight", str(in_flight)),
    )  # fmt: skip
    events = int(50 * seconds)
    with Simulator(settings) as simulator:
        for url in (*(f"{sink}/hook/{number}" for number in range(OTHERS)), tenth, *more):
            simulator.add_webhook(url, signing_key="bulkhead key")
        began = time.monotonic()
        for number in range(events):
            simulator.trigger(TriggerSpec(type="access-revoked"))
            time.sleep(max(began + (number + 1) / 50 - time.monotonic(), 0))
        connection = sqlite3.connect(store)
        try:
            until = time.monotonic() + 10
            while len(took := _took(connection)) < OTHERS * events and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            connection.close()
    assert len(took) == OTHERS * events, f"{len(took)} of {OTHERS * events} deliveries came through"
    return took[int(len(took) * 0.99)] / 1e6


def _took(connection: sqlite3.Connection) -> list[int]:
    rows = connection.execute(
        "SELECT a.started + a.total * 1000 - e.recorded FROM attempts a JOIN events e ON e.id = a.event "
        "WHERE a.outcome = 1 AND a.webhook <= ? ORDER BY 1",
        (OTHERS,),
    )
    return [took for (took,) in rows]


if __name__ == "__main__":
    from emitter.cli import main

    with hanging_names():
        main()
