"""A hundred tenants in one process: what they cost, that nothing leaks, how soon one of them is empty."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from emitter.query import AttemptQuery
from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.tenants import Tenants
from emitter.tokens import digest_of
from emitter.trigger import TriggerSpec
from tests.acceptance.protocol import Protocol

MANY, EACH, HISTORY, RESETS = 100, 10, 1000, 15
MOST_MEGABYTES, MOST_MILLISECONDS = 2.0, 50.0  # a tenant; a reset


def run(protocol: Protocol) -> None:
    for kept in (False, True):
        kind = "kept in files" if kept else "in memory"
        about = (
            f"{MANY} tenants {kind} beside one default tenant with a store in a file; each sends {EACH} events to an "
            f"address of its own, all at once; one of them is reset {RESETS} times with {HISTORY:,} attempts in it."
        )
        with protocol.section(f"Tenants: {kind}", about), tempfile.TemporaryDirectory() as folder:
            _many(protocol, Path(folder), kept=kept)


def _many(protocol: Protocol, folder: Path, *, kept: bool) -> None:
    with Receiver() as receiver, Simulator(Settings(store=folder / "store.sqlite", seed=7)) as default:
        default.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
        default.settle(30)
        tenants, before = Tenants(default), _costs()
        began = time.perf_counter()
        opened = [_opened(tenants, kept=kept) for _ in range(MANY)]
        protocol.check("made, one after the other", f"{(time.perf_counter() - began) * 1000 / MANY:.1f} ms each",
                       "no bound", True)  # fmt: skip
        _apart(protocol, opened, receiver)
        _cost(protocol, before, _costs())
        _reset(protocol, opened[MANY // 2], receiver)


def _opened(tenants: Tenants, *, kept: bool) -> Simulator:
    found = tenants.bearer(digest_of(tenants.make_tenant(ephemeral=not kept)["token"]))
    assert found is not None
    return found[0]


def _apart(protocol: Protocol, opened: Sequence[Simulator], receiver: Receiver) -> None:
    for number, each in enumerate(opened):
        each.add_webhook(f"{receiver.url}/{number}")
    spec = TriggerSpec(type="access-revoked", count=EACH)
    threads = [threading.Thread(target=each.trigger, args=(spec,)) for each in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settled = all(each.settle(120) for each in opened)
    pages = [each.attempts(AttemptQuery(limit=500))["attempts"] for each in opened]
    own = [{row["url"] for row in page} == {f"{receiver.url}/{n}"} for n, page in enumerate(pages)]
    ids = {row["deliveryId"] for page in pages for row in page}
    whole = settled and all(len(page) == EACH for page in pages)
    protocol.check(
        "each has its own deliveries and nobody else's", f"{sum(own)} of {len(opened)}, {len(ids):,} ids",
        f"all, {len(opened) * EACH:,} ids", whole and all(own) and len(ids) == len(opened) * EACH,
    )  # fmt: skip
    senders = sum(thread.name == "emitter-sender" for thread in threading.enumerate())
    protocol.check("sender threads", str(senders), "1", senders == 1)


def _costs() -> tuple[float, int, int]:
    status = Path("/proc/self/status").read_text()
    resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
    threads = sum(each.name.startswith(("emitter-writer", "emitter-sender", "emitter-clock"))
                  for each in threading.enumerate())  # fmt: skip
    stores = [os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")
              if os.path.lexists(f"/proc/self/fd/{each}")]  # fmt: skip
    return resident, threads, sum(".sqlite" in each for each in stores)


def _cost(protocol: Protocol, before: tuple[float, int, int], after: tuple[float, int, int]) -> None:
    megabytes, threads, files = (b - a for a, b in zip(before, after, strict=True))
    protocol.check("memory of one, with its history", f"{megabytes / MANY:.2f} MB", f"{MOST_MEGABYTES:g} MB",
                   megabytes / MANY <= MOST_MEGABYTES)  # fmt: skip
    protocol.check("descriptors of its store", f"{files / MANY:.1f}", "8", files / MANY <= 8)
    protocol.check("threads of one that has just written (they end when it is idle)", f"{threads / MANY:.2f}", "1",
                   threads <= MANY)  # fmt: skip


def _reset(protocol: Protocol, one: Simulator, receiver: Receiver) -> None:
    took = []
    for _ in range(RESETS):
        if not one.webhooks():
            one.add_webhook(receiver.url)
        one.trigger(TriggerSpec(type="access-revoked", count=HISTORY))
        assert one.settle(120)
        began = time.perf_counter()
        one.reset()
        took.append((time.perf_counter() - began) * 1000)
        assert one.count(AttemptQuery())["count"] == 0
    protocol.check(
        f"reset of one with {HISTORY:,} attempts", f"{median(took):.1f} ms, at most {max(took):.1f} ms",
        f"{MOST_MILLISECONDS:g} ms (median)", median(took) < MOST_MILLISECONDS,
    )  # fmt: skip
