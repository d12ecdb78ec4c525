"""Make the pictures that the README and docs/pages.md show: `make screenshots`.

A world with people in it, weeks of simulated time, a receiver that has a bad hour; told by one seed, so that the
pictures change where the pages do. Durations are measured, and differ by a hair.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from emitter import clock
from emitter.errors import EmitterError, Unavailable
from emitter.query import AttemptQuery
from emitter.receiver import Answers, Receiver
from emitter.settings import Settings
from emitter.signing import Scheme, SigningKey
from emitter.simulator import Simulator
from tests.support_browser import CHROMIUM, Tab, chromium, serving
from tests.support_png import with_a_palette

PLACE = Path(__file__).resolve().parent.parent / "docs" / "images"
START = clock.nanoseconds(datetime(2030, 1, 7, 9, tzinfo=UTC))
TODAY = datetime(2030, 3, 4, 9, 30, tzinfo=UTC)  # what the machine's clock says when it all begins
SEED, DAYS, KEY = 7, 40, "not-a-secret"
PORTS = (3000, 3001)
LARGEST, LARGEST_OF_ALL = 150_000, 1_000_000  # bytes
FAULTS = ("delay:by=5m", "duplicate", "wrong-signature", "reserialised-body")

REVIEW = """\
description: Access to a new product is asked for twice; one gets it for thirty days and is warned of its end.
steps:
  - act: publish
    name: Churn Forecast
    as: churn
  - act: request
    product: churn
    user: Ada Lovelace
    as: ada
  - advance: 4h
  - act: approve
    request: ada
    duration: 30d
  - act: request
    product: churn
    user: Alan Turing
    as: alan
  - advance: 2d
  - act: deny
    request: alan
    reason: Ask for the aggregated product.
    faults: [duplicate]
  - advance: 29d
  - expect:
      deliveries:
        rejected: 0
"""


@dataclass(slots=True)
class _Machine:
    """The machine's clock, as the pictures have it: it moves only when it is told."""

    now: int = clock.nanoseconds(TODAY)

    def wall(self) -> int:
        self.now += 50_000  # it goes a little by itself
        return self.now

    def pass_(self, by: timedelta) -> None:
        self.now += by // timedelta(microseconds=1) * 1000


def main() -> int:
    if CHROMIUM is None:
        print("There is no Chromium on this machine: install it (apt-get install chromium), and try again.")
        return 3
    PLACE.mkdir(parents=True, exist_ok=True)
    try:
        with _told() as (simulator, machine), serving(simulator) as url, chromium() as browser:
            for name, path, how in _pictures(simulator):
                with Tab(browser, url, width=how.get("width", 1280), scheme=how.get("scheme", "light")) as tab:
                    _take(tab, machine, name, path, how)
    except Unavailable as error:
        print(f"The pictures show receivers on the ports {PORTS[0]} and {PORTS[1]}, which have to be free. {error}")
        return 3
    sizes = {each.name: each.stat().st_size for each in sorted(PLACE.glob("*.png"))}
    for name, size in sizes.items():
        print(f"{size:>8,}  {name}")
    too_large = [name for name, size in sizes.items() if size > LARGEST]
    print(f"{sum(sizes.values()):>8,}  together" + (f"; too large: {', '.join(too_large)}" if too_large else ""))
    return 1 if too_large or sum(sizes.values()) > LARGEST_OF_ALL else 0


def _take(tab: Tab, machine: _Machine, name: str, path: str, how: dict[str, Any]) -> None:
    tab.page.clock.set_fixed_time(machine.now / 1e9)  # seconds
    tab.page.set_viewport_size({"width": how.get("width", 1280), "height": how.get("height", 800)})
    tab.goto(path)
    if "do" in how:
        how["do"](tab)
    part = tab.page.locator(how["part"]) if "part" in how else tab.page
    (PLACE / f"{name}.png").write_bytes(with_a_palette(part.screenshot(caret="initial")))
    assert tab.problems() == [], tab.problems()


def _pictures(simulator: Simulator) -> list[tuple[str, str, dict[str, Any]]]:
    """Each picture: its name, the address, how it is taken."""
    rows = simulator.attempts(AttemptQuery(limit=500))["attempts"]
    broken = next(each["id"] for each in rows if "wrong-signature" in each["faults"])
    product = simulator.world_page("data-products", text="Churn", limit=1)["entities"][0]["id"]
    return [
        ("deliveries", "/", {}),
        ("deliveries-dark", "/?type=access_requests.*&outcome=rejected", {"scheme": "dark", "height": 720}),
        ("deliveries-narrow", "/?since=6h", {"width": 400, "height": 860}),
        ("delivery", f"/deliveries/{_changed(rows)}", {}),
        ("signature", f"/deliveries/{broken}", {"part": "#signature"}),
        ("contract", f"/deliveries/{_changed(rows)}", {"part": "#contract"}),
        ("changes", f"/deliveries/{_changed(rows)}", {"part": "#changes"}),
        ("compose", "/compose?type=access-revoked&seed=7", {"do": _composed, "height": 900}),
        ("world", f"/world/data-products/{product}", {"height": 820}),
        ("run", "/runs/churn-review", {"height": 820}),
        ("coverage", "/contract/coverage", {"height": 700}),
    ]


def _composed(tab: Tab) -> None:
    tab.page.locator("#m-dataProductName").fill("Claims 2025")
    with tab.page.expect_response("**/compose"):
        tab.page.locator("#c-faults").fill("delay:by=5m")
    tab.page.locator("#preview h2").wait_for()


def _changed(rows: list[dict[str, Any]]) -> int:
    """A determination that has one of the same product before it."""
    return int(next(
        each["id"] for each in rows
        if "consumer.updated" in each["type"] and each["outcome"] == "accepted" and not each["faults"]
    ))  # fmt: skip


# --- what is told -----------------------------------------------------------------------------------------------------


@contextmanager
def _told() -> Iterator[tuple[Simulator, _Machine]]:
    machine = _Machine()
    before, clock.wall = clock.wall, machine.wall
    try:
        with ExitStack() as stack:
            keys = (SigningKey(KEY),)
            stack.enter_context(Receiver(port=PORTS[0], keys=keys, scheme=Scheme()))
            bad_hour = Answers.parse("202*26,503*5,close,503*3,202")
            stack.enter_context(Receiver(port=PORTS[1], keys=keys, scheme=Scheme(), answers=bad_hour))
            simulator = stack.enter_context(Simulator(Settings(store=None, seed=SEED, start=START, world="demo")))
            _Story(simulator, machine).tell()
            yield simulator, machine
    finally:
        clock.wall = before


class _Story:
    """What people do in forty days, and what somebody plays besides."""

    def __init__(self, simulator: Simulator, machine: _Machine) -> None:
        self._simulator, self._machine, self._chance, self._acts = simulator, machine, Random(SEED), 0

    def tell(self) -> None:
        for port, path in zip(PORTS, ("hooks/tickets", "relay/teams"), strict=True):
            self._simulator.add_webhook(f"http://127.0.0.1:{port}/{path}", signing_key=KEY)
        for day in range(DAYS):
            if day == DAYS - 4:
                self._simulator.start_run(yaml=REVIEW, name="churn-review", run="churn-review", wait=30)
            self._day()
        assert self._simulator.settle(30)
        self._machine.pass_(timedelta(seconds=40))

    def _day(self) -> None:
        for _ in range(self._chance.randrange(1, 4)):
            self._act()
            self._simulator.settle(30)
            self._machine.pass_(timedelta(seconds=self._chance.randrange(5, 400)))
        self._simulator.advance(timedelta(days=1))
        self._simulator.settle(30)

    def _act(self) -> None:
        chance, simulator = self._chance, self._simulator
        open_ = simulator.world_page("requests", status="PENDING", limit=50)["entities"]
        granted = simulator.world_page("requests", status="APPROVED", limit=50)["entities"]
        products = [each for each in simulator.world_page("data-products", limit=50)["entities"]
                    if each["xSimulator"]["state"] == "ACTIVE"][-4:]  # fmt: skip
        people = [each.name for each in simulator.world.known.users.values()]
        self._acts += 1
        faults = [FAULTS[self._acts // 9 % len(FAULTS)]] if self._acts % 9 == 0 else []
        try:
            match chance.choices(("ask", "approve", "deny", "revoke", "sources"), (5, 5, 1, 1, 1))[0]:
                case "approve" if open_:
                    simulator.act("approve", request=chance.choice(open_)["id"], faults=faults,
                                  duration=chance.choice(("30d", "90d", "for good")))  # fmt: skip
                case "deny" if open_:
                    simulator.act("deny", request=chance.choice(open_)["id"], reason="Ask for the aggregated product.")
                case "revoke" if granted:
                    simulator.act("revoke", request=chance.choice(granted)["id"], faults=faults)
                case "sources":
                    known = [each.name for each in simulator.world.known.sources.values()]
                    simulator.act("change_data_sources", product=chance.choice(products)["id"],
                                  data_sources=chance.sample(known, 2))  # fmt: skip
                case _:
                    simulator.act("request", product=chance.choice(products)["id"], user=chance.choice(people),
                                  faults=faults)  # fmt: skip
        except EmitterError:
            pass  # somebody asked who may not, or had asked already: nothing happens, as in life


if __name__ == "__main__":
    sys.exit(main())
