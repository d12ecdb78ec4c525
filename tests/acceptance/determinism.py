"""The same seed under a virtual clock: the same bytes, whatever the process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.acceptance.protocol import Protocol
from tests.support_crash import JournalSink
from tests.support_reproducible import MODES

EVENTS = 504  # 21 of each of 24: twelve types, two profiles


def run(protocol: Protocol) -> None:
    about = f"Two processes, two hash seeds, one seed and one virtual clock; {EVENTS} events delivered in each mode."
    with protocol.section("Determinism", about), tempfile.TemporaryDirectory() as folder:
        with JournalSink(Path(folder) / "seen") as sink:
            for mode in MODES:
                first, second = (lines(mode, f"{sink.url}/hook", hash_seed) for hash_seed in ("1", "271828"))
                types = {line.split(" ")[1] for line in first}
                accepted = all(line.startswith("accepted ") for line in first)
                different = [f"event {number}" for number, pair in enumerate(zip(first, second, strict=True))
                             if pair[0] != pair[1]]  # fmt: skip
                protocol.check(
                    f"{mode}: bodies and headers that differ, of {len(first)} of {len(types)} types",
                    "; ".join([str(len(different)), *different[:3]]), "0",
                    not different and accepted and len(types) == 12 and len(set(first)) == len(first),
                )  # fmt: skip


def lines(mode: str, url: str, hash_seed: str, events: int = EVENTS) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-m", "tests.support_reproducible", mode, url, str(events)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return found.stdout.splitlines()
