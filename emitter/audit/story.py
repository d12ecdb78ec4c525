"""The story that an audit tells: a product's whole life, played in the simulated app so that it can happen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from emitter import clock
from emitter.audit.bench import Bench
from emitter.audit.telling import Moment
from emitter.simulator import Simulator

LENGTH = timedelta(days=14)
MOST = 60  # events that it has at most, under any reading


def act(simulator: Simulator, name: str) -> None:
    """Play the story in a simulator on a virtual clock: asked for, approved for 8 days, warned of twice, expired, asked
    for again and denied, and the product deleted under a third request."""
    product = _id(simulator.act("publish", name=name))
    simulator.advance(timedelta(minutes=5))
    wish = _id(simulator.act("request", product=product))
    simulator.advance(timedelta(minutes=5))
    simulator.act("approve", request=wish, duration="8d")
    simulator.advance(timedelta(hours=1))
    simulator.act(
        "change_data_sources",
        product=product,
        data_sources=[_id(simulator.act("add_data_source", name="emitter.audit"))],
    )
    simulator.advance(timedelta(days=8))
    again = _id(simulator.act("request", product=product))
    simulator.advance(timedelta(minutes=5))
    simulator.act("deny", request=again)
    simulator.advance(timedelta(minutes=5))
    simulator.act("request", product=product)
    simulator.advance(timedelta(minutes=5))
    simulator.act("delete", product=product)


def act_beside(simulator: Simulator, name: str) -> None:
    """Play what is told in other ways under other readings: a request that lies over night, two who have to approve, a
    grant shorter than its warning, an approval by policy, new stewards, a deletion under who has access."""
    one, two = "emitter audit one", "emitter audit two"
    for each in (one, two):
        simulator.act("add_user", name=each)
    reviewed = _id(simulator.act("publish", name=f"{name} reviewed", review=[{"all": [one, two]}]))
    wish = _id(simulator.act("request", product=reviewed))
    simulator.act("request", product=reviewed, user=one)
    simulator.advance(timedelta(days=1))
    simulator.act("approve", request=wish, by=one)
    simulator.advance(timedelta(minutes=5))
    simulator.act("approve", request=wish, by=two, duration="3d")
    quick = _id(simulator.act("publish", name=f"{name} by policy", policy="approve", duration="16d"))
    simulator.act("request", product=quick)
    simulator.act("change_stewards", product=reviewed, stewards=["GOVERNANCE"])
    simulator.advance(timedelta(days=4))
    simulator.act("delete", product=quick)


def told(simulator: Simulator) -> Iterator[dict[str, Any]]:
    """The events of a story that was played, the oldest first."""
    yield from reversed(simulator.events(limit=4 * MOST)["events"])


def begin() -> int:
    """When a story has to begin that ends about now."""
    return clock.wall() - LENGTH // timedelta(microseconds=1) * 1000


def moments(bench: Bench) -> list[Moment]:
    """The story as the types and times of its events."""
    simulator = bench.open({}, start=begin())
    act(simulator, bench.product("story").name)
    found = [(each["type"], clock.parse_rfc3339(each["timestamp"])) for each in told(simulator)]
    simulator.close(0.0)
    end = max(stamp for _, stamp in found)
    return [Moment(type, end - stamp) for type, stamp in found]


def _id(done: dict[str, Any]) -> str:
    return str(done["entity"]["id"])
