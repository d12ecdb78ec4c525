"""For tests of the relays: one of them between a simulator and the two stand-ins, all in this process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.standins import PagerDuty, PagerDutySwitches, TeamsWebhook
from tests.support_cli import served
from tests.support_examples import EXAMPLES, listening
from tests.support_standins import ROUTING_KEY

KEY = "the signing key of the relays"
START = 1_900_000_000 * 10**9
PATIENCE = 30.0  # seconds; a deadline, never a pause
MISCHIEF = ("duplicate", "duplicate:after=2h", "reorder:within=3h", "delay:by=26h", "twins", "replay", "drop")


def module(folder: str, name: str) -> Any:
    """A module of an example, as a program in its folder imports it."""
    path = str(EXAMPLES / folder)
    if path not in sys.path:
        sys.path.append(path)
    return importlib.import_module(name)


@dataclass
class Stage:
    """A simulator and the two services, and where a relay takes events."""

    simulator: Simulator
    teams: TeamsWebhook
    pagerduty: PagerDuty
    api: str
    hook: str = ""
    relay: Any = None

    def settle(self) -> None:
        """Let all that was sent arrive, and what follows from it."""
        assert self.simulator.settle(PATIENCE)
        if self.relay is not None:
            assert self.relay.settle(PATIENCE), self.relay.state()

    def act(self, action: str, faults: Any = (), **parameters: Any) -> Any:
        done = self.simulator.act(action, faults=faults, **parameters)
        return done["entity"]

    def pass_time(self, faults: Any = (), **by: Any) -> None:
        self.simulator.advance(timedelta(**by), faults=faults)
        self.settle()


@contextmanager
def stage(**switches: Any) -> Iterator[Stage]:
    """The simulator and the services, on one clock."""
    limits = PagerDutySwitches(**{"calls_a_minute": 100_000, **switches})
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator(Settings(store=None, start=START, seed=11)))
        api = stack.enter_context(served(simulator))
        teams = stack.enter_context(TeamsWebhook(clock=simulator.clock))
        pagerduty = stack.enter_context(PagerDuty(limits, clock=simulator.clock))
        yield Stage(simulator, teams, pagerduty, f"{api.rstrip('/')}/marketplace")


@contextmanager
def good(at: Stage, file: Path, **how: Any) -> Iterator[Stage]:
    """The relay of examples/relay, registered as a webhook of the simulator."""
    services, notebook, relay = (module("relay", name) for name in ("services", "notebook", "relay"))
    book = notebook.Notebook(str(file))
    running = relay.Relay(
        book, services.App(at.api, "any"), services.Service("Teams", at.teams.url),
        services.Service("PagerDuty", at.pagerduty.base, ROUTING_KEY), **{"every": 3600.0, "first_pause": 0.02, **how},
    )  # fmt: skip
    at.relay = running.start()
    try:
        with listening(relay.create_app(running, [KEY])) as url:
            assert running.settle(PATIENCE)
            hook = at.simulator.add_webhook(f"{url}/hook", signing_key=KEY)
            at.hook = f"{url}/hook"
            yield at
            at.simulator.settle(PATIENCE)
            at.simulator.delete_webhook(hook.id)
    finally:
        running.stop()
        book.close()
        at.relay, at.hook = None, ""


@contextmanager
def naive(at: Stage) -> Iterator[Stage]:
    """The naive relay, registered as a webhook of the simulator."""
    found = module("relay_naive", "naive")
    found.KEY, found.TEAMS, found.PAGERDUTY, found.ROUTING_KEY = KEY, at.teams.url, at.pagerduty.base, ROUTING_KEY
    found.alerts.clear()
    with listening(found.app) as url:
        at.simulator.add_webhook(f"{url}/hook", signing_key=KEY)
        at.hook = f"{url}/hook"
        yield at
        at.simulator.settle(PATIENCE)


def story(at: Stage, seed: int, mischief: tuple[str, ...] = MISCHIEF) -> tuple[str, list[str]]:
    """Three requests for one new product, each with another end, told badly; the product's name and the requests."""
    chance = Random(seed)

    def faults() -> list[str]:
        return [chance.choice(mischief)] if mischief and chance.random() < 0.6 else []

    name = f"Claims {seed}"
    product = at.act("publish", faults(), name=name)["id"]
    ends = chance.sample(("approve for a while", "approve", "deny", "cancel", "delete"), 3)
    made = [at.act("request", faults(), product=product)["id"] for _ in ends]
    for id, end in sorted(zip(made, ends, strict=True), key=lambda each: (each[1] == "delete", each[0])):
        if chance.random() < 0.5:
            at.pass_time(faults(), hours=chance.choice((1, 30)))
        if end.startswith("approve"):
            at.act("approve", faults(), request=id, **({"duration": "10d"} if "while" in end else {}))
        elif end == "delete":
            at.act("delete", faults(), product=product)
        else:
            at.act(end, faults(), request=id)
    at.pass_time(faults(), days=12)
    at.pass_time(days=3)  # what was held back has come
    return name, made
