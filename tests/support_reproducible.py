"""Run as a program: make and deliver the same events as any other process would, and print what left, as digests."""

from __future__ import annotations

import sys
from hashlib import sha256

from emitter.assumptions import Assumptions
from emitter.query import AttemptQuery
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec

START = 1_893_456_000_000_000_000  # 2030-01-01T00:00:00Z
SEED = 20300101
KEY = "a key of both"
MODES: dict[str, dict[str, str]] = {
    "sha256": {},
    "sha256, base64 with a prefix": {"signing.encoding": "base64", "signing.prefix": "sha256="},
    "both": {"signing.mode": "both"},
    "sha1": {"signing.mode": "sha1"},
    "standard-webhooks": {"signing.mode": "standard-webhooks", "signing.timestamp": "clock"},
    "off": {"signing.mode": "off"},
}


def digests(mode: str, url: str, events: int) -> list[str]:
    """Deliver so many events of all types and both profiles; one digest for each, of its headers and its body."""
    settings = Settings(
        store=None, seed=SEED, start=START,
        assumptions=Assumptions().override_all({**MODES[mode], "delivery.in_flight": "16"}),
    )  # fmt: skip
    with Simulator(settings) as simulator:
        simulator.add_webhook(url, signing_key=KEY)
        names = [each.alias for each in simulator.catalog]
        made = 0
        while made < events:
            for name in names:
                for profile in ("core", "extended"):
                    simulator.trigger(TriggerSpec(type=name, profile=profile))
                    made += 1
        simulator.settle(60)
        found = sorted(simulator.history.every(AttemptQuery()), key=lambda pair: pair[0].event_id)
        return [
            f"{row.outcome} {row.type} {sha256(repr(wire.headers).encode() + row.body).hexdigest()}"
            for row, wire in found
        ]


if __name__ == "__main__":
    for line in digests(sys.argv[1], sys.argv[2], int(sys.argv[3])):
        print(line)
