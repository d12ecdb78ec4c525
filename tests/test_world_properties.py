"""The world against a second opinion: random stories, played beside a model written from the tables of the facts.

The model is slow and plain on purpose. It knows requests by their place in the story, walks through time second by
second of what could fall due, and says of each action beforehand whether it is legal and what it tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle, pairwise
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from emitter.clock import moment
from emitter.errors import EmitterError, IllegalAction
from tests.support_world import CATALOG, PREFIX, START, Stage

REQUEST = "access_requests."
CREATED, REMINDED, DETERMINED = REQUEST + "created", REQUEST + "pending", REQUEST + "consumer.updated"
CANCELED, WARNED, ENDED = REQUEST + "canceled", REQUEST + "expiring", REQUEST + "expired"
REVOKED, ORPHANED, STEWARDS = REQUEST + "revoked", REQUEST + "deleted", REQUEST + "data_steward.updated"
PUBLISHED, SOURCES, UNPUBLISHED = "state.created", "data_sources.updated", "state.deleted"

NEXT = {
    "": {CREATED, DETERMINED},
    CREATED: {REMINDED, DETERMINED, STEWARDS, CANCELED, ORPHANED, WARNED, ENDED, REVOKED},
    REMINDED: {REMINDED, DETERMINED, CANCELED, ORPHANED},
    DETERMINED: {DETERMINED, STEWARDS, REMINDED, CANCELED, WARNED, ENDED, REVOKED, ORPHANED},
    STEWARDS: {DETERMINED, REMINDED, CANCELED, WARNED, ENDED, REVOKED, ORPHANED},
    WARNED: {WARNED, ENDED, REVOKED, ORPHANED},
    CANCELED: set(), ENDED: set(), REVOKED: set(), ORPHANED: set(),
}  # fmt: skip
"""What may follow what in the life of one request, whatever is assumed."""

CAST = ("Ann", "Bob", "Cy", "Di")
NAMES = ("Claims", "Orders", "Leads", "Trips")
PERIODS = {
    None: None, "5h": timedelta(hours=5), "1d": timedelta(days=1), "3 days": timedelta(days=3),
    "7d": timedelta(days=7), "2w": timedelta(days=14), "1mo": 1, "6 MONTHS": 6, "1y": 12,
}  # fmt: skip
STEPS = (
    timedelta(), timedelta(seconds=1), timedelta(hours=5), timedelta(hours=6), timedelta(days=1), timedelta(days=4),
    timedelta(days=7), timedelta(days=33), timedelta(days=200),
)  # fmt: skip


def end_of(period: Any, start: datetime) -> datetime:
    """When a period ends: hours are added, months are the calendar's, cut to the last day."""
    if isinstance(period, timedelta):
        return start + period
    month = start.month - 1 + period
    for day in (start.day, 30, 29, 28):
        try:
            return start.replace(year=start.year + month // 12, month=month % 12 + 1, day=day)
        except ValueError:
            continue
    raise AssertionError


@dataclass
class Product:
    name: str
    id: str = ""
    alive: bool = True
    suspended: bool = False
    policy: str = "review"
    period: Any = None
    stages: list[list[set[str]]] = field(default_factory=list)
    stewards: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)


@dataclass
class Request:
    product: Product
    user: str
    kind: str
    made: datetime
    id: str = ""
    status: str = "PENDING"
    todo: list[list[set[str]]] = field(default_factory=list)
    periods: list[Any] = field(default_factory=list)
    end: datetime | None = None
    granted: datetime | None = None

    @property
    def live(self) -> bool:
        return self.status in ("PENDING", "APPROVED")


class Model:
    """What the facts say."""

    def __init__(self, assumed: dict[str, str]) -> None:
        self.assumed = assumed
        self.now = START
        self.products: list[Product] = []
        self.requests: list[Request] = []

    def tells(self, request: Request) -> bool:
        return request.kind == "DATA_ACCESS" or self.assumed["events.masking_exceptions"] == "same"

    def determination(self, request: Request) -> list[str]:
        twice = self.assumed["events.steward_updated_on"] != "stewards"
        return [DETERMINED, STEWARDS] if twice else [DETERMINED]

    def settle(self, request: Request, status: str, periods: list[Any]) -> list[str]:
        """A request is approved or denied for good; what comes of it at once."""
        request.status = status
        ends = [end_of(each, self.now) for each in periods if each is not None]
        if status == "APPROVED":
            request.granted = self.now
            request.end = min(ends, default=None)
        late = [WARNED for day in (7, 1) if request.end and request.end - timedelta(days=day) <= self.now]
        return late if self.assumed["events.expiring_past"] == "send" else []

    def pass_to(self, until: datetime) -> list[tuple[datetime, str, str]]:
        """Everything that time tells in (now, until], as (when, type, product)."""
        told: list[tuple[datetime, str, str]] = []
        for request in self.requests:
            if request.status == "APPROVED" and request.end:
                for day in (7, 1):
                    mark = request.end - timedelta(days=day)
                    if self.now < mark <= until and mark > request.granted and self.tells(request):
                        told.append((mark, WARNED, request.product.name))
                if request.end <= until:
                    request.status = "EXPIRED"
                    if self.tells(request):
                        told.append((request.end, ENDED, request.product.name))
        day = self.now.replace(hour=14, minute=0, second=0)
        while day <= until:
            if day > self.now:
                open_ = [
                    each for each in self.requests if each.status == "PENDING" and each.made < day and self.tells(each)
                ]
                names = [each.product.name for each in open_]
                scope = self.assumed["events.pending_scope"]
                if scope == "digest":
                    names = [""] if names else []
                elif scope == "product":
                    names = sorted(set(names))
                told += [(day, REMINDED, name) for name in names]
            day += timedelta(days=1)
        self.now = until
        return sorted(told)


class WorldMachine(RuleBasedStateMachine):
    """One story."""

    @initialize(
        told_on=st.sampled_from(("stewards", "determination", "both")),
        scope=st.sampled_from(("product", "request", "digest")),
        past=st.sampled_from(("skip", "send")),
        masking=st.sampled_from(("same", "none")),
        auto=st.sampled_from(("both", "created", "determination")),
        between=st.sampled_from(("none", "each")),
        order=st.sampled_from(("product-first", "requests-first")),
        states=st.sampled_from(("PENDING,APPROVED", "PENDING", "APPROVED")),
        seed=st.integers(0, 3),
    )
    def begin(self, told_on, scope, past, masking, auto, between, order, states, seed):
        assumed = {
            "events.steward_updated_on": told_on, "events.pending_scope": scope, "events.expiring_past": past,
            "events.masking_exceptions": masking, "events.auto_approval": auto, "events.intermediate": between,
            "events.delete_order": order, "events.delete_states": states, "payload.profile": "extended",
        }  # fmt: skip
        self.stage = Stage(assumed, seed=seed)
        self.model = Model(assumed)
        for name in CAST:
            self.stage.act("add_user", name=name)
        self.seen: dict[str, str] = {}
        self.last_stamp = 0
        self.publish("Claims", [("all", ["Ann", "Bob"]), ("any", ["Bob", "Cy"])], "review", None)

    def teardown(self):
        Stage.close_all()

    # --- what both are asked ------------------------------------------------------------------------------------

    def does(self, told, action, **parameters):
        """The world does it, and tells exactly `told`, in order, now."""
        self.stage.forget()
        done = self.stage.done(action, **parameters)
        assert [each.event for each in done.events] == self.stage.events
        assert self.stage.types == [type for type, _ in told]
        self.check_events([(self.model.now, type, name) for type, name in told])
        return done.entity

    def refuses(self, action, **parameters):
        """The world does not do it, says why, and stays as it was."""
        before = self.stage.snapshot()
        with pytest.raises(EmitterError) as caught:
            self.stage.act(action, **parameters)
        assert self.stage.snapshot() == before
        if isinstance(caught.value, IllegalAction):
            assert caught.value.state in str(caught.value)
            assert f'"{action}"' in str(caught.value)

    def check_events(self, expected):
        """Each event is valid, about the right product, at the right time, and allowed in the life of its request."""
        for event, (when, type, name) in zip(self.stage.events, expected, strict=True):
            body = orjson.loads(event.body)
            assert CATALOG.verdict(body) == ("valid", [])
            assert event.stamp > self.last_stamp
            self.last_stamp = event.stamp
            assert moment(event.stamp).replace(microsecond=0) == when
            assert body["data"].get("dataProductName", "") == name
            assert event.type == PREFIX + type
            told = body["data"]["xSimulator"]
            about = [told["accessRequest"]] if "accessRequest" in told else told.get("accessRequests", [])
            for request in about:
                before = self.seen.get(request["id"], "")
                assert type in NEXT[before], f"{type} after {before or 'nothing'}"
                self.seen[request["id"]] = type

    def request_at(self, place):
        return self.model.requests[place % len(self.model.requests)] if self.model.requests else None

    def product_at(self, place):
        return self.model.products[place % len(self.model.products)] if self.model.products else None

    # --- products -----------------------------------------------------------------------------------------------

    reviews = st.lists(
        st.tuples(
            st.sampled_from(("any", "all")), st.lists(st.sampled_from(CAST), min_size=1, max_size=3, unique=True)
        ),
        min_size=1,
        max_size=2,
    )
    places = st.integers(0, 40)
    periods = st.sampled_from(list(PERIODS))

    @staticmethod
    def stages_of(review):
        return [[set(names)] if mode == "any" else [{name} for name in names] for mode, names in review]

    @rule(
        name=st.sampled_from(NAMES), review=reviews, period=periods,
        policy=st.sampled_from(("review", "review", "review", "approve", "deny")),
    )  # fmt: skip
    def publish(self, name, review, policy, period):
        written = [{mode: names} for mode, names in review]
        if any(each.alive and each.name == name for each in self.model.products):
            self.refuses("publish", name=name, review=written)
            return
        made = self.does(
            [(PUBLISHED, name)], "publish", name=name, review=written, policy=policy, duration=period,
            data_sources=["101", "102"],
        )  # fmt: skip
        product = Product(name, made.id, policy=policy, period=PERIODS[period], stages=self.stages_of(review))
        product.stewards = {each for _, names in review for each in names}
        product.sources = {"101", "102"}
        self.model.products.append(product)

    @rule(place=places, sources=st.lists(st.sampled_from(("101", "102", "103")), max_size=3))
    def change_data_sources(self, place, sources):
        if (product := self.product_at(place)) is None:
            self.refuses("change_data_sources", product="Claims", data_sources=sources)
        elif not product.alive:
            self.refuses("change_data_sources", product=product.id, data_sources=sources)
        else:
            told = [(SOURCES, product.name)] if set(sources) != product.sources else []
            self.does(told, "change_data_sources", product=product.id, data_sources=sources)
            product.sources = set(sources)

    @rule(place=places, review=reviews)
    def change_stewards(self, place, review):
        if (product := self.product_at(place)) is None:
            return
        written = [{mode: names} for mode, names in review]
        if not product.alive:
            self.refuses("change_stewards", product=product.id, review=written)
            return
        stewards = {each for _, names in review for each in names}
        tells = stewards != product.stewards and self.model.assumed["events.steward_updated_on"] != "determination"
        self.does([(STEWARDS, product.name)] if tells else [], "change_stewards", product=product.id, review=written)
        product.stewards, product.stages = stewards, self.stages_of(review)

    @rule(place=places, action=st.sampled_from(("suspend", "resume")))
    def suspend_or_resume(self, place, action):
        if (product := self.product_at(place)) is None:
            return
        if product.alive and product.suspended == (action == "resume"):
            self.does([], action, product=product.id)
            product.suspended = action == "suspend"
        else:
            self.refuses(action, product=product.id)

    @rule(place=places)
    def delete(self, place):
        if (product := self.product_at(place)) is None:
            return
        if not product.alive:
            self.refuses("delete", product=product.id)
            return
        gone = [each for each in self.model.requests if each.product is product and each.live]
        counts = [each for each in gone if each.status in self.model.assumed["events.delete_states"].split(",")]
        told = [(ORPHANED, product.name) for each in counts if self.model.tells(each)]
        own = [(UNPUBLISHED, product.name)]
        first = self.model.assumed["events.delete_order"] == "product-first"
        self.does(own + told if first else told + own, "delete", product=product.id)
        product.alive = False
        for each in gone:
            each.status = "DELETED"

    # --- requests -----------------------------------------------------------------------------------------------

    @rule(place=places, user=st.sampled_from(CAST), masking=st.booleans())
    def ask(self, place, user, masking):
        action = "request_masking_exception" if masking else "request"
        kind = "MASKING_EXCEPTION" if masking else "DATA_ACCESS"
        if (product := self.product_at(place)) is None:
            self.refuses(action, product="Claims", user=user)
            return
        there = [each for each in self.model.requests if each.product is product and each.live and each.kind == kind]
        if not product.alive or any(each.user == user for each in there) or (masking and not product.sources):
            self.refuses(action, product=product.id, user=user)
            return
        request = Request(product, user, kind, self.model.now)
        auto = self.model.assumed["events.auto_approval"]
        told = [CREATED] if product.policy == "review" or auto != "determination" else []
        if product.policy == "review":
            request.todo = [[set(each) for each in stage] for stage in product.stages]
        else:
            status = "APPROVED" if product.policy == "approve" else "DENIED"
            late = self.model.settle(request, status, [product.period])
            told += self.model.determination(request) if auto != "created" else []
            told += late
        told = [(type, product.name) for type in told if self.model.tells(request)]
        request.id = self.does(told, action, product=product.id, user=user).id
        self.model.requests.append(request)

    def turn(self, request, by):
        """The determination that `by` may make now: the group of which one is enough. None: not theirs."""
        stage = request.todo[0]
        return next((group for group in stage if by is None or by in group), None)

    @rule(place=places, by=st.sampled_from((None, None, *CAST)), period=periods)
    def approve(self, place, by, period):
        if (request := self.request_at(place)) is None:
            self.refuses("approve", request="c" + "0" * 24)
            return
        group = self.turn(request, by) if request.status == "PENDING" else None
        if group is None:
            self.refuses("approve", request=request.id, by=by, duration=period)
            return
        request.todo[0].remove(group)
        request.periods.append(PERIODS[period])
        request.todo = [stage for stage in request.todo if stage]
        if request.todo:
            told = self.model.determination(request) if self.model.assumed["events.intermediate"] == "each" else []
        else:
            late = self.model.settle(request, "APPROVED", request.periods)
            told = [*self.model.determination(request), *late]
        told = [(type, request.product.name) for type in told if self.model.tells(request)]
        self.does(told, "approve", request=request.id, by=by, duration=period)

    @rule(
        place=places, user=st.sampled_from(CAST), masking=st.booleans(), step=st.sampled_from(STEPS),
        given=st.lists(periods, min_size=1, max_size=3),
    )  # fmt: skip
    def grant(self, place, user, masking, given, step):
        """The common story: somebody asks, all who have to approve do, some time goes by."""
        before = len(self.model.requests)
        self.ask(place, user, masking)
        if len(self.model.requests) > before:
            for period in cycle(given):
                if self.model.requests[-1].status != "PENDING":
                    break
                self.approve(before, None, period)
            self.advance(step, True)

    @rule(place=places, by=st.sampled_from((None, *CAST)))
    def deny(self, place, by):
        if (request := self.request_at(place)) is None:
            return
        if request.status != "PENDING" or self.turn(request, by) is None:
            self.refuses("deny", request=request.id, by=by)
            return
        request.status = "DENIED"
        told = self.model.determination(request) if self.model.tells(request) else []
        self.does([(type, request.product.name) for type in told], "deny", request=request.id, by=by)

    @rule(place=places)
    def cancel(self, place):
        self.end(place, "cancel", "PENDING", "CANCELED", CANCELED)

    @rule(place=places)
    def revoke(self, place):
        self.end(place, "revoke", "APPROVED", "REVOKED", REVOKED)

    def end(self, place, action, needs, becomes, type):
        if (request := self.request_at(place)) is None:
            return
        if request.status != needs:
            self.refuses(action, request=request.id)
            return
        request.status = becomes
        self.does([(type, request.product.name)] if self.model.tells(request) else [], action, request=request.id)

    # --- time ---------------------------------------------------------------------------------------------------

    @rule(by=st.sampled_from(STEPS), restarts=st.booleans())
    def advance(self, by, restarts):
        self.stage.forget()
        self.stage.clock.advance(by)
        self.compare_time(self.model.pass_to(self.model.now + by))
        if restarts:
            self.restart()

    def compare_time(self, expected):
        """Things of one moment have no order that anybody could know; all else has."""
        found = sorted(
            (moment(each.stamp).replace(microsecond=0), each.type.removeprefix(PREFIX), each.product_name)
            for each in self.stage.events
        )
        assert found == expected
        told = [
            (moment(each.stamp).replace(microsecond=0), each.type.removeprefix(PREFIX), each.product_name)
            for each in self.stage.events
        ]
        assert all(one[0] <= other[0] for one, other in pairwise(told))
        self.check_events(told)

    def restart(self):
        """Another process finds the same world, and nothing to tell."""
        before = self.stage.world.known
        self.stage = self.stage.restarted(self.model.assumed)
        assert self.stage.events == []
        assert self.stage.world.known.requests == before.requests
        assert self.stage.world.known.products == before.products

    @rule(word=st.sampled_from(("aprove", "", "publish!", "request")), parameter=st.text(max_size=5))
    def talk_nonsense(self, word, parameter):
        self.refuses(word, **{f"x{parameter}": parameter})

    # --- always -------------------------------------------------------------------------------------------------

    @invariant()
    def both_agree_where_every_request_stands(self):
        if not hasattr(self, "stage"):
            return
        known = self.stage.world.known
        for request in self.model.requests:
            there = known.requests[request.id]
            assert there.state == request.status
            assert bool(there.expiration) == bool(request.end)
        if self.model.requests:
            request = self.model.requests[-1]
            legal = {each.action for each in self.stage.world.legal(known.requests[request.id])}
            allowed = {"PENDING": {"approve", "deny", "cancel"}, "APPROVED": {"revoke"}}
            assert legal == allowed.get(request.status, set())


LAXER = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)

TestStories = WorldMachine.TestCase
TestStories.settings = settings(
    max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=LAXER
)  # fmt: skip


@pytest.mark.acceptance
class TestManyStories(WorldMachine.TestCase):
    settings = settings(max_examples=2000, stateful_step_count=50, deadline=None, suppress_health_check=LAXER)
