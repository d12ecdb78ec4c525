"""Waits for what somebody asked to see the end of: a second at a time, so that nobody is waited for who has gone."""

from __future__ import annotations

from collections.abc import Callable

from flask import current_app, request

from emitter import clock
from emitter.history import Json
from emitter.simulator import Simulator
from emitter.web.tenancy import simulator

_SLICE = 1.0  # seconds of a wait after which we look whether anybody still waits


def follow(here: Simulator, events: list[Json], longest: float) -> bool:
    """Put what became of the deliveries of events in their place, once they are over or time is up.

    Says whether all are over.
    """
    pending = {each["id"]: each for event in events for each in event["deliveries"]}

    def over(patience: float) -> bool:
        for found in here.deliveries(list(pending), wait=patience):
            pending[found["id"]].update(found)
            if found["state"] != "pending":
                del pending[found["id"]]
        return not pending

    return patiently(over, longest)


def patiently(holds: Callable[[float], bool], longest: float) -> bool:
    """Ask `holds` for a second at a time; give up when time is up, nobody waits any more, or the server stops."""
    gone = request.environ.get("waitress.client_disconnected", lambda: False)
    stopping = current_app.extensions["emitter.stopping"]
    here = simulator()
    deadline = clock.monotonic() + longest
    while not holds(max(min(deadline - clock.monotonic(), _SLICE), 0.0)):
        if clock.monotonic() >= deadline or stopping.is_set() or here.closed or gone():
            return False
    return True
