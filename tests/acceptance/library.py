"""The library of scenarios as a whole: green, quick, and the same again whatever the process and the speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

from emitter.catalog import Catalog
from emitter.receiver import Receiver
from emitter.report import PASSED
from emitter.report.compare import comparable
from emitter.runs import play_apart
from emitter.scenario import library, load
from emitter.settings import Settings
from emitter.signing import SigningKey
from tests.acceptance.protocol import Protocol

KEY = "a key of both"
SECONDS = 30
FASTER = 1_000_000.0  # simulated seconds a second: slow enough to wait now and then


def run(protocol: Protocol) -> None:
    about = "Every scenario of the library, played to a receiver of ours that knows the key, in processes of their own."
    with protocol.section("The library", about):
        began = time.monotonic()
        first = played("1", 0.0, None)
        took = time.monotonic() - began
        again, slower, other = played("2", 0.0, None), played("3", FASTER, None), played("4", 0.0, 4711)
        red = [name for name, each in first.items() if each["status"] != PASSED]
        types = Counter(name for each in first.values() for name in each["types"])
        protocol.none_of(f"scenarios that are not green, of {len(first)}", red)
        protocol.check("event types that they emit together", len(types), "12", len(types) == 12)
        protocol.check("seconds for all, the start of the process with them", f"{took:.1f}", f"under {SECONDS}",
                       took < SECONDS)  # fmt: skip
        for claim, others in (("in another process", again), (f"at {FASTER:,.0f} times real time", slower)):
            for part in ("requests", "report"):
                protocol.none_of(
                    f"{part} that differ {claim}", [name for name in first if first[name][part] != others[name][part]]
                )
        protocol.none_of("requests that are the same under another seed", [
            name for name in first if set(first[name]["bodies"]) & set(other[name]["bodies"])
        ])  # fmt: skip
        protocol.none_of("stories that another seed makes another one of", [
            name for name in first
            if other[name]["types"] != first[name]["types"] and name not in ("a-busy-day",)
        ])  # fmt: skip


def played(hash_seed: str, speed: float, seed: int | None) -> dict[str, Any]:
    """Play all of them in a process of its own, with a hash seed of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.acceptance.library", str(speed), "" if seed is None else str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def play(path: Path, speed: float, seed: int | None) -> dict[str, Any]:
    """Play one, and say what left and what was reported, as digests."""
    catalog = Catalog.load()
    with Receiver(keys=(SigningKey(KEY),), catalog=catalog) as receiver:
        report = play_apart(
            load(path, catalog=catalog), settings=Settings(), store=None, seed=seed, speed=speed,
            to=f"{receiver.url}/hook", signing_key=KEY,
        )  # fmt: skip
        captures = receiver.captures
        # Where a delivery leaves beside another (twins), which of the two comes first is the network's.
        left = sorted(
            repr([pair for pair in each.headers if pair[0].lower() != "host"]).encode() + each.body for each in captures
        )
        said = json.dumps(comparable(report), sort_keys=True, default=str)
        return {
            "status": report.status,
            "types": sorted(report.tally.events),
            "requests": sha256(b"\0".join(left)).hexdigest(),
            "bodies": [sha256(each.body).hexdigest()[:16] for each in captures if each.contract == "valid"],
            "report": sha256(said.replace(receiver.url, "").encode()).hexdigest(),
        }


def main() -> None:
    speed, seed = float(sys.argv[1]), int(sys.argv[2]) if sys.argv[2] else None
    print(json.dumps({path.stem: play(path, speed, seed) for path in library()}))


if __name__ == "__main__":
    main()
