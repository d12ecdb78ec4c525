"""All that takes part in the demonstration, set up and taken down: the app, its API, both relays, what is behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from emitter.demo.programs import GOOD, NAIVE
from emitter.demo.relays import Relayed, relayed
from emitter.demo.served import Api, served
from emitter.simulator import Simulator
from emitter.standins import PagerDuty, PagerDutySwitches, TeamsSwitches, TeamsWebhook
from emitter.testing import Entity, RequestApp


@dataclass(frozen=True, slots=True)
class Script:
    """How the demonstration goes: what its names and orders are drawn from, and in how many orders the story is told.

    `good` and `naive` are folders of other copies of the relays; `teams` and `pagerduty` how the good one's behave.
    """

    seed: int = 1
    orders: int = 12
    good: Path | str = ""
    naive: Path | str = ""
    teams: TeamsSwitches = field(default_factory=TeamsSwitches)
    pagerduty: PagerDutySwitches = field(default_factory=PagerDutySwitches)


@dataclass(slots=True)
class Stage:
    """Who takes part, and what the story is about so far."""

    script: Script
    app: RequestApp
    api: Api
    good: Relayed
    naive: Relayed
    chance: Random
    product: Entity | None = None
    request: Entity | None = None
    smallest: tuple[int, ...] = ()
    test: str = ""

    def settle(self) -> None:
        """Let all that was sent arrive at both relays, and what follows from it."""
        self.good.settle()
        self.naive.settle()


@contextmanager
def staged(script: Script) -> Iterator[Stage]:
    """Set everything up for as long as the block lasts; nothing of it is left then. Raises `Unavailable`."""
    with RequestApp.open(seed=script.seed) as app:
        assert isinstance(app.door, Simulator)
        clock = app.door.clock
        teams, pagerduty = TeamsWebhook(script.teams, clock=clock), PagerDuty(script.pagerduty, clock=clock)
        with (
            served(app.door) as api,
            relayed(app, GOOD, folder=script.good, api=api, teams=teams, pagerduty=pagerduty) as good,
            relayed(app, NAIVE, folder=script.naive) as naive,
        ):
            yield Stage(script, app, api, good, naive, Random(script.seed))
