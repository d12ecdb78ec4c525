"""What a run was asked to do, as it is kept, so that it can be played again; and the names that runs get."""

from __future__ import annotations

import re
from random import SystemRandom
from typing import Any

import orjson

from emitter import clock
from emitter.runner.closing import plain
from emitter.scenario.steps import Scenario

_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"  # none that is taken for another


def new_run(name: str) -> str:
    """A name for a run of a scenario that no other has; it fits into a path, and is the name of a file."""
    chance = SystemRandom()
    fitting = re.sub(r"[^\w.-]+", "-", name)[:60].strip(".-") or "run"
    return f"{fitting}-{''.join(chance.choice(_LETTERS) for _ in range(6))}"


def asked(scenario: Scenario, *, speed: float, world: str = "") -> bytes:
    """Write down what is about to be played. Target and signing key are with the webhook, not here."""
    found: dict[str, Any] = {
        "scenario": scenario.name,
        "description": scenario.description,
        "text": scenario.text,
        "file": str(scenario.file.resolve()) if scenario.file else "",
        "variables": plain(scenario.variables),
        "seed": scenario.seed,
        "speed": speed,
        "askedAt": clock.rfc3339(clock.wall(), 3),
    }
    if world:
        found["world"] = world
    return orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS, default=str)
