"""The story, chapter by chapter: what is done, and what is looked up before it is claimed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from emitter import clock
from emitter.demo import checks, pasted
from emitter.demo.orders import GRANTED, LEGEND, STORY, letters, orders, smallest, tell
from emitter.demo.programs import GOOD, NAIVE
from emitter.demo.stage import Stage
from emitter.demo.steward import Steward
from emitter.demo.values import Claim, Code, Line, Outcome, Said
from emitter.report.words import counted

APP = "app"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story, so long `after` the one before it. `play` makes it happen, and yields each line once what it
    claims was looked up."""

    title: str
    play: Callable[[Stage], Iterator[Line]]
    after: str = ""
    dated: bool = True


def _asked_for(stage: Stage) -> Iterator[Line]:
    app = stage.app
    stage.product = app.act("publish")
    stage.settle()
    asked = len(stage.api.asked)
    with stage.api.held():
        stage.request = app.act("request", product=stage.product)
        acknowledged, answered = checks.delivered(stage, "access_requests.created"), len(stage.api.asked) - asked
    who, what = stage.request["user.name"], stage.product["name"]
    yield Said(f'{who} asks for access to "{what}".')
    yield acknowledged
    yield Claim(
        "good relay", "acknowledged at once: the app's API was still held shut",
        acknowledged.holds and not answered, f"{counted(answered, 'request')} were answered before",
    )  # fmt: skip
    stage.settle()
    yield checks.read_back(stage, asked)
    yield checks.newest_card(stage, f"{who} asks for access to {what}")
    yield checks.alerts(stage, "1 open alert", statuses=["triggered"])
    yield checks.naive_alerts(stage, "a card and 1 open alert, too", of="created", opened=1)


def _approved(stage: Stage) -> Iterator[Line]:
    assert stage.request is not None and stage.product is not None
    yield Said(f"Somebody reads it through the app's own API, and approves it for {GRANTED[:-1]} days.")
    with Steward(stage.api.url) as steward:
        found = steward.state_of(stage.request.id)
        yield Claim(APP, "GET /api/access-request/ID  says PENDING", found == "PENDING", found)
        steward.approve(stage.request.id, days=int(GRANTED[:-1]))
        stage.settle()
        found = steward.state_of(stage.request.id)
        yield Claim(APP, "PUT /api/approval-record/ID  and then it says APPROVED", found == "APPROVED", found)
    yield checks.newest_card(stage, "{who} has access to {what} until {until}")
    yield checks.alerts(stage, "the alert is resolved: 0 open", statuses=["resolved"])
    yield checks.naive_alerts(stage, "a card and 0 open alerts, too", of="consumer.updated", opened=0)


def _passed(stage: Stage) -> Iterator[Line]:
    assert stage.request is not None
    took = 0.0

    def pass_time(length: str) -> None:
        nonlocal took
        began = clock.monotonic()
        stage.app.advance(length)
        stage.settle()
        took += clock.monotonic() - began

    yield Said("Nobody waits for that: the clock is virtual.")
    for length, days in (("23d", 7), ("6d", 1)):
        pass_time(length)
        yield checks.newest_card(
            stage, f"The access of {{who}} to {{what}} ends in {days} day{'s' * (days > 1)} or less", dated=True
        )
    pass_time("1d")
    yield checks.newest_card(stage, "The access of {who} to {what} has ended", dated=True)
    state = stage.app.show(stage.request)["status"]
    warned, expired = (checks.happened(stage, each) for each in ("expiring", "expired"))
    yield Claim(
        APP, f"30 days in {took:.1f} s: warned twice, then expired",
        (warned, expired, state) == (2, 1, "EXPIRED"), f"{warned} warnings, {expired} ends; the request is {state}",
    )  # fmt: skip
    yield checks.nothing_open(stage, "both relays", "no alert is open. So far nobody could tell them apart")


def _told_again(stage: Stage) -> Iterator[Line]:
    yield Said(
        f"{counted(stage.script.orders, 'time')} that story, each about a new product, its deliveries as networks may "
        "bring them: late, twice, out of order. Each letter is a delivery as it arrives:"
    )
    yield Said(LEGEND, aside=True)
    failing: list[tuple[int, tuple[int, ...]]] = []
    for number, order in enumerate(orders(stage.chance, stage.script.orders), start=1):
        told = tell(stage.app, order, stage.settle)
        left = stage.naive.open_alerts(told.product.id)
        failing += [(number, order)] if left else []
        yield Outcome(number, letters(order), checks.clean(stage, told), len(left))
    total = stage.script.orders
    yield checks.nothing_open(stage, "good relay", f"no alert left open in any of {total}", relays=(stage.good,))
    still = len(failing)
    yield Claim("naive relay", f"leaves an alert open in {still} of {total}", still > 0, "in none")
    if not failing:
        return
    number, order = failing[0]
    with checks.unheard(stage, stage.good):
        small, tries = smallest(order, lambda part: _leaves_open(stage, part))
        told = tell(stage.app, small, stage.naive.settle)
    words, met = counted(len(small), "delivery"), letters(small)
    yield Said(f"Order {number}, told again with ever fewer of its {len(order)} deliveries, leaves these:")
    yield Claim(
        "the culprits", f"{words}, {met.replace(' ', ' then ')}, found in {counted(tries, 'telling')}",
        len(small) == 2 and bool(stage.naive.open_alerts(told.product.id)), f"{words}: {met}",
    )  # fmt: skip
    yield from checks.calls(stage, told, [STORY[place].letter for place in small])
    stage.app.advance("365d")
    yield checks.open_for_ever(stage, told)
    stage.smallest = tuple(small)


def _leaves_open(stage: Stage, order: Sequence[int]) -> bool:
    return bool(stage.naive.open_alerts(tell(stage.app, order, stage.naive.settle).product.id))


def _as_a_test(stage: Stage) -> Iterator[Line]:
    if not stage.smallest:
        return
    stage.test = pasted.as_test(stage.smallest)
    yield Code(stage.test)
    found = {relay: pasted.run(stage.test, relay, stage.script.seed) for relay in (NAIVE, GOOD)}
    yield Claim("naive relay", "this test fails, as it should", bool(found[NAIVE]), "it passed")
    yield Claim("good relay", "this test passes", not found[GOOD], found[GOOD])


CHAPTERS = (
    Chapter("Somebody asks for access", _asked_for),
    Chapter("It is approved", _approved, after="1h"),
    Chapter("30 days pass", _passed),
    Chapter("The same again, as networks tell it", _told_again),
    Chapter("To take home: the bug as a test", _as_a_test, dated=False),
)
