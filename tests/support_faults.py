"""Run as a program: let everything go wrong that can, by chance, and print what left, as digests."""

from __future__ import annotations

import sys
from datetime import timedelta
from hashlib import sha256

from emitter.assumptions import Assumptions
from emitter.faults import FAULTS, FaultSpec
from emitter.query import AttemptQuery
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec

START = 1_893_456_000_000_000_000  # 2030-01-01T00:00:00Z
SEED = 20300101
PATIENT = ("wrong-length", "slow-send", "dropped-connection")  # what takes real time, or needs a receiver of its own


def digests(url: str, events: int = 4) -> list[str]:
    """Deliver some events under each fault by chance, and retry what fails; one line for each attempt and each drop."""
    settings = Settings(
        store=None, seed=SEED, start=START, assumptions=Assumptions().override_all({"delivery.retry": "1m"})
    )
    with Simulator(settings) as simulator:
        simulator.add_webhook(url, signing_key="a key of both")
        dropped = []
        for name in FAULTS:
            if name not in PATIENT:
                faults = (FaultSpec.parse({name: {"chance": 0.5}}),)
                made = simulator.trigger(TriggerSpec(type="access-revoked", count=events, faults=faults))
                simulator.advance(timedelta(minutes=10))
                dropped += [each["state"] for event in made for each in event["deliveries"]]
        found = sorted(simulator.history.every(AttemptQuery()), key=lambda pair: pair[0].id)
        return dropped + [
            f"{row.number} {row.outcome} {row.scheduled} {row.faults} "
            + sha256(repr(wire.headers).encode() + (row.body if wire.body is None else wire.body)).hexdigest()
            for row, wire in found
        ]


if __name__ == "__main__":
    for line in digests(sys.argv[1]):
        print(line)
