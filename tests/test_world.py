"""The simulated app: what may be done in it, what follows, what time does, what a restart finds."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from emitter.catalog import Catalog
from emitter.clock import SECOND, moment, rfc3339, wall
from emitter.errors import BadValue, EmitterError, IllegalAction, NotFound, StoreUnusable, UnknownName, UsageError
from emitter.query import AttemptQuery
from emitter.store import Store
from emitter.world import ACTIONS, described
from tests.conftest import SECRET
from tests.support_world import CATALOG, PREFIX, START, Stage

CREATED, DETERMINED = "access_requests.created", "access_requests.consumer.updated"
REMINDED, WARNED, ENDED = "access_requests.pending", "access_requests.expiring", "access_requests.expired"
STEWARDS = "access_requests.data_steward.updated"
ORPHANED = "access_requests.deleted"


@pytest.fixture(autouse=True)
def closed_at_the_end() -> Iterator[None]:
    """Leave no store open."""
    yield
    Stage.close_all()


@pytest.fixture
def stage() -> Stage:
    """A world with one product in it, that has told nothing yet."""
    made = Stage()
    made.act("publish", name="Claims")
    made.forget()
    return made


def ask(stage: Stage, **more: Any) -> Any:
    return stage.act("request", product="Claims", **more)


class TestProducts:
    def test_publishing_makes_up_what_is_left_out(self) -> None:
        stage = Stage()

        done = stage.done("publish")

        product = done.entity
        assert [each.receipt for each in done.events] == [PREFIX + "state.created"]
        assert stage.body()["data"]["dataProductId"] == product.id
        assert stage.body()["data"]["dataProductName"] == product.name
        assert product.id in stage.body()["data"]["actionLink"]
        assert len(product.domains) == 1
        assert len(product.data_sources) == 3

    def test_a_product_gets_what_it_is_given(self) -> None:
        stage = Stage()

        product = stage.act(
            "publish", name="Müller (2025)", id="12345", domains=["Claims"], dataSources=["claims.claims", 112],
            stewards=["GOVERNANCE"],
        )  # fmt: skip

        assert (product.id, product.name) == ("12345", "Müller (2025)")
        assert [stage.world.known.sources[each].name for each in product.data_sources] == [
            "claims.claims",
            "claims.call_records",
        ]
        assert stage.body()["data"]["dataProductId"] == "12345"

    def test_a_name_in_use_is_refused_until_its_product_is_deleted(self, stage: Stage) -> None:
        with pytest.raises(IllegalAction, match='"publish" needs a name that is not in use'):
            stage.act("publish", name="Claims")

        first = stage.act("delete", product="Claims")
        second = stage.act("publish", name="Claims")

        assert first.id != second.id
        assert stage.world.known.product("Claims") == second

    def test_more_products_than_the_cast_knows_have_names_and_ids_of_their_own(self) -> None:
        stage = Stage()

        products = [stage.act("publish") for _ in range(120)]

        assert len({each.name for each in products}) == len({each.id for each in products}) == 120

    def test_other_data_sources_are_told_and_equal_ones_are_not(self, stage: Stage) -> None:
        stage.act("change_data_sources", product="Claims", data_sources=["sales.orders", "sales.returns"])
        stage.act("change_data_sources", product="Claims", data_sources=["sales.returns", "sales.orders"])

        assert stage.types == ["data_sources.updated"]
        assert "/data-sources" in stage.body()["data"]["actionLink"]

    def test_other_stewards_are_told_and_the_same_in_another_review_are_not(self, stage: Stage) -> None:
        ann, bob = list(stage.world.known.users.values())[:2]
        stage.act("change_stewards", product="Claims", stewards=[ann.name, bob.name])
        stage.act("change_stewards", product="Claims", review=[{"all": [bob.id, ann.id]}])
        stage.act("change_stewards", product="Claims", review=[{"all": [bob.id, ann.id]}])

        assert stage.types == [STEWARDS]

    def test_suspending_resuming_and_editing_tell_nobody(self, stage: Stage) -> None:
        suspended = stage.act("suspend", product="Claims")
        with pytest.raises(IllegalAction, match='is SUSPENDED; "suspend" needs ACTIVE. Legal now: edit, .*resume'):
            stage.act("suspend", product="Claims")
        resumed = stage.act("resume", product="Claims")
        renamed = stage.act("edit", product="Claims", name="Claims 2025", description="All of them")

        assert (suspended.state, resumed.state) == ("SUSPENDED", "ACTIVE")
        assert (renamed.name, renamed.description) == ("Claims 2025", "All of them")
        assert stage.events == []

    def test_a_renamed_product_is_told_of_under_its_new_name(self, stage: Stage) -> None:
        stage.act("edit", product="Claims", name="Claims 2025")
        stage.act("request", product="Claims 2025")

        assert stage.body()["data"]["dataProductName"] == "Claims 2025"

    def test_deleting_tells_of_the_product_and_then_of_each_request_that_was_not_over(self, stage: Stage) -> None:
        pending, approved, denied = ask(stage), ask(stage), ask(stage)
        stage.act("approve", request=approved.id)
        stage.act("deny", request=denied.id)
        stage.forget()

        stage.act("delete", product="Claims")

        assert stage.types == ["state.deleted", ORPHANED, ORPHANED]
        assert "actionLink" not in stage.body()["data"]
        requests = stage.world.known.requests
        assert [requests[each.id].state for each in (pending, approved, denied)] == ["DELETED", "DELETED", "DENIED"]
        assert {each.status for each in requests[pending.id].records} == {"CANCELED"}
        with pytest.raises(IllegalAction, match='is DELETED; "cancel" needs PENDING. Legal now: nothing'):
            stage.act("cancel", request=pending.id)
        stage.advance(days=400)
        assert len(stage.events) == 3

    @pytest.mark.parametrize(
        ("order", "states", "types"),
        [
            ("requests-first", "PENDING,APPROVED", [ORPHANED, ORPHANED, "state.deleted"]),
            ("product-first", "APPROVED", ["state.deleted", ORPHANED]),
            ("requests-first", "none", ["state.deleted"]),
        ],
    )
    def test_what_a_deletion_tells_is_an_assumption(self, order: str, states: str, types: list[str]) -> None:
        stage = Stage({"events.delete_order": order, "events.delete_states": states})
        stage.act("publish", name="Claims")
        ask(stage)
        stage.act("approve", request=ask(stage).id)
        stage.forget()

        stage.act("delete", product="Claims")

        assert stage.types == types


class TestRequests:
    def test_a_request_is_created_and_then_determined(self, stage: Stage) -> None:
        request = ask(stage)
        approved = stage.act("approve", request=request.id, reason="Churn analysis")

        assert stage.types == [CREATED, DETERMINED]
        assert (request.status, approved.status) == ("PENDING", "APPROVED")
        assert approved.records[0].reason == "Churn analysis"
        assert approved.records[0].action_by in stage.world.known.users
        assert re.fullmatch("c[a-z0-9]{24}", request.id)

    @pytest.mark.parametrize(
        ("action", "status", "type"),
        [("deny", "DENIED", DETERMINED), ("cancel", "CANCELED", "access_requests.canceled")],
    )
    def test_a_pending_request_may_end(self, stage: Stage, action: str, status: str, type: str) -> None:
        request = stage.act(action, request=ask(stage).id)

        assert stage.types == [CREATED, type]
        assert request.status == status
        assert request.records[0].status == status

    def test_granted_access_may_be_revoked_and_nothing_comes_after(self, stage: Stage) -> None:
        request = stage.act("approve", request=ask(stage).id, duration="30d")
        stage.act("revoke", request=request.id)
        stage.forget()

        stage.advance(days=60)

        assert stage.events == []

    def test_what_is_final_takes_nothing_more_but_may_be_asked_for_again(self, stage: Stage) -> None:
        request = ask(stage)
        stage.act("deny", request=request.id)

        for action in ("approve", "deny", "cancel", "revoke"):
            with pytest.raises(IllegalAction) as caught:
                stage.act(action, request=request.id)
            assert (caught.value.state, caught.value.legal) == ("DENIED", ())
        again = ask(stage, user=request.user)

        assert again.id != request.id
        assert again.user == request.user

    def test_the_error_names_state_action_and_what_is_legal(self, stage: Stage) -> None:
        request = stage.act("approve", request=ask(stage).id)

        with pytest.raises(IllegalAction) as caught:
            stage.act("approve", request=request.id)

        assert str(caught.value) == (f'Request {request.id} is APPROVED; "approve" needs PENDING. Legal now: revoke.')
        assert (caught.value.action, caught.value.kind, caught.value.id) == ("approve", "request", request.id)

    def test_one_user_has_one_request_at_a_time_unless_it_is_assumed_otherwise(self, stage: Stage) -> None:
        request = ask(stage)

        with pytest.raises(
            IllegalAction, match=r"is PENDING; .* needs this one to be over. Legal now: approve, deny, cancel"
        ):
            ask(stage, user=request.user)

        free = Stage({"events.repeated_request": "allow"})
        free.act("publish", name="Claims")
        assert ask(free, user=request.user).user == ask(free, user=request.user).user

    def test_who_is_left_out_is_somebody_new_each_time(self, stage: Stage) -> None:
        requests = [ask(stage) for _ in range(40)]

        assert len({each.user for each in requests}) == 40
        assert len(stage.world.known.users) == 40
        assert all(each.requesting_user == each.user for each in requests)

    def test_one_may_ask_for_another(self, stage: Stage) -> None:
        ann, bob = list(stage.world.known.users.values())[:2]

        request = ask(stage, user=ann.username, requestingUser=bob.name, form={"purpose": ["audit", 7, None, 0.5]})

        assert (request.user, request.requesting_user) == (ann.id, bob.id)
        assert stage.world.show(request)["form"] == {"purpose": ["audit", 7, None, 0.5]}

    @pytest.mark.parametrize(("policy", "status"), [("approve", "APPROVED"), ("deny", "DENIED")])
    @pytest.mark.parametrize(
        ("told", "types"),
        [("both", [CREATED, DETERMINED]), ("created", [CREATED]), ("determination", [DETERMINED]), ("none", [])],
    )
    def test_a_policy_may_decide_at_once(self, policy: str, status: str, told: str, types: list[str]) -> None:
        stage = Stage({"events.auto_approval": told})
        stage.act("publish", name="Claims", policy=policy)
        stage.forget()

        request = ask(stage)

        assert request.status == status
        assert stage.types == types

    def test_a_policy_may_approve_for_a_while(self) -> None:
        stage = Stage()
        stage.act("publish", name="Claims", policy="approve", duration="2w")
        stage.forget()

        ask(stage)
        stage.advance(days=20)

        assert stage.told() == [
            (CREATED, "01-01 09:00"), (DETERMINED, "01-01 09:00"), (WARNED, "01-08 09:00"), (WARNED, "01-14 09:00"),
            (ENDED, "01-15 09:00"),
        ]  # fmt: skip

    def test_a_rule_may_deny_some(self) -> None:
        stage = Stage()
        stage.act("add_user", name="Mallory")
        stage.act("publish", name="Claims", denied=["Mallory"])

        assert ask(stage, user="Mallory").status == "DENIED"
        assert all(ask(stage).status == "PENDING" for _ in range(40))

    def test_a_masking_exception_is_about_columns_of_the_product(self, stage: Stage) -> None:
        stage.act("change_data_sources", product="Claims", data_sources=["claims.claims"])
        [source] = stage.world.known.product("Claims").data_sources
        column = stage.world.known.sources[source].columns[0]
        user = ask(stage).user

        request = stage.act(
            "request_masking_exception", product="Claims", user=user, columns=[f"claims.claims/{column}"]
        )

        assert request.type == "MASKING_EXCEPTION"
        assert stage.world.show(request)["metadata"] == {"columns": [{"columnName": column, "sourceId": source}]}
        with pytest.raises(NotFound, match="Nearest: "):
            stage.act("request_masking_exception", product="Claims", columns=["claims.claims/nothing"])
        with pytest.raises(IllegalAction, match="sales.orders is none of them"):
            stage.act("request_masking_exception", product="Claims", columns=["sales.orders/id"])

    def test_masking_exceptions_may_be_assumed_to_tell_nobody(self) -> None:
        stage = Stage({"events.masking_exceptions": "none"})
        stage.act("publish", name="Claims")
        stage.forget()

        request = stage.act("request_masking_exception", product="Claims")
        stage.advance(days=3)
        stage.act("approve", request=request.id, duration="9d")
        stage.advance(days=20)

        assert stage.world.known.requests[request.id].status == "EXPIRED"
        assert stage.events == []


class TestReviews:
    def test_all_of_a_stage_have_to_approve_and_a_later_stage_waits_for_it(self) -> None:
        stage = Stage()
        for name in ("Ann", "Bob", "Cy", "Di"):
            stage.act("add_user", name=name)
        stage.act("publish", name="Claims", review=[{"all": ["Ann", "Bob"]}, {"any": ["Cy", "Di"]}])
        stage.forget()
        request = ask(stage)
        assert [each.status for each in request.records] == ["PENDING", "PENDING", "BLOCKED"]
        assert set(request.records[2].prerequisites) == {each.id for each in request.records[:2]}

        with pytest.raises(IllegalAction, match="is not for Cy now: it waits for Ann or Bob"):
            stage.act("approve", request=request.id, by="Cy")
        stage.act("approve", request=request.id, by="Bob")
        with pytest.raises(IllegalAction, match="is not for Bob now: it waits for Ann"):
            stage.act("approve", request=request.id, by="Bob")
        request = stage.act("approve", request=request.id, by="Ann")
        assert (request.status, [each.status for each in request.records]) == (
            "PENDING",
            ["APPROVED", "APPROVED", "PENDING"],
        )
        request = stage.act("approve", request=request.id, by="Di")

        assert request.status == "APPROVED"
        assert stage.types == [CREATED, DETERMINED]

    def test_one_denial_ends_it_and_cancels_what_is_open(self) -> None:
        stage = Stage()
        for name in ("Ann", "Bob", "Cy"):
            stage.act("add_user", name=name)
        stage.act("publish", name="Claims", review=[{"all": ["Ann", "Bob"]}, {"any": ["Cy"]}])
        request = ask(stage)

        request = stage.act("deny", request=request.id, by="Bob")

        assert [each.status for each in request.records] == ["CANCELED", "DENIED", "CANCELED"]

    def test_intermediate_approvals_may_be_assumed_to_be_told(self) -> None:
        stage = Stage({"events.intermediate": "each"})
        stage.act("publish", name="Claims", review=[{"any": ["GOVERNANCE"]}, {"any": ["GOVERNANCE"]}])
        stage.forget()
        request = ask(stage)

        stage.act("approve", request=request.id)
        stage.act("approve", request=request.id)

        assert stage.types == [CREATED, DETERMINED, DETERMINED]

    def test_a_determination_is_made_on_its_record_and_stays(self) -> None:
        stage = Stage()
        stage.act("publish", name="Claims", review=[{"all": ["GOVERNANCE", "Manage Data Products"]}])
        request = ask(stage)
        first, second = request.records

        stage.act("approve", request=second.id, record=second.id)
        with pytest.raises(IllegalAction, match=f"needs a record that is PENDING, and {second.id} is APPROVED"):
            stage.act("deny", request=request.id, record=second.id)
        with pytest.raises(IllegalAction, match="and nonsense is none"):
            stage.act("deny", request=request.id, record="nonsense")

        assert stage.act("deny", request=request.id, record=first.id).status == "DENIED"

    def test_of_several_durations_the_earliest_end_counts(self) -> None:
        stage = Stage()
        stage.act("publish", name="Claims", review=[{"any": ["GOVERNANCE"]}, {"any": ["GOVERNANCE"]}])
        request = ask(stage)

        stage.act("approve", request=request.id, duration="10d")
        stage.advance(days=2)
        request = stage.act("approve", request=request.id, duration="1mo")

        assert rfc3339(request.expiration, 0) == "2030-01-13T09:00:00Z"

    def test_groups_attributes_and_domains_say_who_may_decide(self) -> None:
        stage = Stage()
        stage.act("add_domain", name="Lab")
        stage.act("add_user", name="Gil", groups=["Stewards"])
        stage.act("add_user", name="Ada", attributes={"team": ["risk", "audit"]})
        stage.act("add_user", name="Dot", manages=["Lab"])
        stage.act("add_user", name="Cat", permissions=["CATALOG"], domain_permissions={"Lab": "Manage Policies"})
        lab = stage.world.known.domain("Lab").id
        approvers = [
            {"type": "GROUP", "name": "Stewards"}, {"type": "ATTRIBUTE", "key": "team", "value": "audit"},
            {"type": "DOMAIN PERMISSION", "permission": "Manage Data Products", "domainId": lab},
            {"type": "CATALOG PERMISSION"},
        ]  # fmt: skip
        stage.act("publish", name="Claims", domains=["Lab"], review=[{"all": approvers}])
        request = ask(stage)

        for name in ("Gil", "Ada", "Dot", "Cat"):
            with pytest.raises(IllegalAction, match="is not for"):
                stage.act("approve", request=request.id, by=stage.world.known.users[request.user].name)
            request = stage.act("approve", request=request.id, by=name)

        assert request.status == "APPROVED"
        shown = stage.world.show(request)["xSimulator"]["approvalRecords"]
        assert [each["approvers"][0] for each in shown] == approvers

    def test_where_nobody_may_decide_nobody_does(self) -> None:
        stage = Stage()
        stage.act("publish", name="Claims", stewards=[{"type": "GROUP", "name": "Nobody"}])
        request = ask(stage)

        with pytest.raises(IllegalAction, match="needs somebody who may decide: it waits for GROUP Nobody") as caught:
            stage.act("approve", request=request.id)

        assert caught.value.legal == ("cancel",)

    @pytest.mark.parametrize(
        ("told_on", "types"),
        [
            ("stewards", [CREATED, DETERMINED, STEWARDS]),
            ("determination", [CREATED, DETERMINED, STEWARDS]),
            ("both", [CREATED, DETERMINED, STEWARDS, STEWARDS]),
        ],
    )
    def test_what_stewards_updated_means_is_an_assumption(self, told_on: str, types: list[str]) -> None:
        stage = Stage({"events.steward_updated_on": told_on})
        stage.act("publish", name="Claims")
        stage.forget()

        stage.act("approve", request=ask(stage).id)
        before = len(stage.events)
        stage.act("change_stewards", product="Claims", stewards=["AUDIT"])

        assert stage.types == types
        assert len(stage.events) - before == (0 if told_on == "determination" else 1)


class TestTime:
    def test_access_for_30_days_is_warned_of_twice_and_ends(self, stage: Stage) -> None:
        request = stage.act("approve", request=ask(stage).id, duration="30d")
        stage.forget()

        stage.advance(days=40)

        assert stage.told() == [(WARNED, "01-24 09:00"), (WARNED, "01-30 09:00"), (ENDED, "01-31 09:00")]
        assert stage.world.known.requests[request.id].status == "EXPIRED"

    def test_access_for_good_never_ends(self, stage: Stage) -> None:
        stage.act("approve", request=ask(stage).id)
        stage.forget()

        stage.advance(days=2000)

        assert stage.events == []
        assert stage.world.next_due() is None

    @pytest.mark.parametrize(("duration", "warnings"), [("12h", 0), ("1d", 0), ("25h", 1), ("7d", 1), ("169h", 2)])
    def test_warnings_that_are_past_when_access_is_granted_are_skipped(
        self, stage: Stage, duration: str, warnings: int
    ) -> None:
        stage.act("approve", request=ask(stage).id, duration=duration)
        stage.advance(days=9)

        assert stage.types == [CREATED, DETERMINED, *[WARNED] * warnings, ENDED]

    def test_or_sent_at_once_where_that_is_assumed(self) -> None:
        stage = Stage({"events.expiring_past": "send"})
        stage.act("publish", name="Claims")
        stage.forget()

        stage.act("approve", request=ask(stage).id, duration="3d")
        stage.advance(days=9)

        assert stage.told() == [
            (CREATED, "01-01 09:00"), (DETERMINED, "01-01 09:00"), (WARNED, "01-01 09:00"), (WARNED, "01-03 09:00"),
            (ENDED, "01-04 09:00"),
        ]  # fmt: skip

    def test_the_days_are_an_assumption(self) -> None:
        stage = Stage({"events.expiring_days": "1,14,3", "payload.profile": "extended"})
        stage.act("publish", name="Claims")
        stage.act("approve", request=ask(stage).id, duration="1mo")

        stage.advance(days=40)

        noted = [orjson.loads(each.body)["data"]["xSimulator"].get("noticeDays") for each in stage.events]
        assert [each for each in noted if each] == [14, 3, 1]

    def test_a_month_is_the_calendars(self) -> None:
        stage = Stage(start=datetime(2031, 1, 31, 9, tzinfo=UTC))
        stage.act("publish", name="Claims")
        stage.act("approve", request=ask(stage).id, duration="1mo")

        stage.advance(days=60)

        assert stage.told(ENDED) == [(ENDED, "02-28 09:00")]

    def test_a_reminder_comes_daily_for_each_product_with_open_requests(self, stage: Stage) -> None:
        stage.act("publish", name="Orders")
        first, second = ask(stage), ask(stage)
        other = stage.act("request", product="Orders")
        stage.forget()

        stage.advance(days=1)
        stage.act("deny", request=first.id)
        stage.act("cancel", request=other.id)
        stage.advance(days=1)
        stage.act("approve", request=second.id)
        stage.advance(days=5)

        assert stage.told(REMINDED) == [(REMINDED, "01-01 14:00")] * 2 + [(REMINDED, "01-02 14:00")]
        assert [each.product_name for each in stage.events if each.type.endswith("pending")] == [
            "Claims", "Orders", "Claims",
        ]  # fmt: skip

    def test_a_request_of_the_very_moment_is_reminded_of_the_day_after(self) -> None:
        stage = Stage(start=START.replace(hour=14))
        stage.act("publish", name="Claims")
        ask(stage)
        stage.forget()

        stage.advance(days=2)

        assert stage.told() == [(REMINDED, "01-02 14:00"), (REMINDED, "01-03 14:00")]

    @pytest.mark.parametrize(
        ("scope", "names"),
        [
            ("product", ["Claims", "Orders"]),
            ("request", ["Claims", "Claims", "Orders"]),
            ("digest", [""]),
        ],
    )
    def test_what_a_reminder_is_about_and_when_is_an_assumption(self, scope: str, names: list[str]) -> None:
        stage = Stage({"events.pending_scope": scope, "events.pending_time": "06:30", "payload.profile": "extended"})
        for name, requests in (("Claims", 2), ("Orders", 1)):
            stage.act("publish", name=name)
            for _ in range(requests):
                stage.act("request", product=name)
        stage.forget()

        stage.advance(days=1)

        assert stage.told() == [(REMINDED, "01-02 06:30")] * len(names)
        assert [each.product_name for each in stage.events] == names
        assert all(CATALOG.verdict(orjson.loads(each.body))[0] == "valid" for each in stage.events)
        counts = [
            orjson.loads(each.body)["data"]["xSimulator"]["stats"]["pendingRequestCount"] for each in stage.events
        ]
        assert sum(counts) == 3

    def test_what_is_due_comes_before_an_action_of_the_same_moment(self, stage: Stage) -> None:
        request = stage.act("approve", request=ask(stage).id, duration="1d")
        stage.forget()
        stage.clock._now += 86_400_000_000_000  # the moment has come, and nobody has run the agenda yet

        with pytest.raises(IllegalAction, match='is EXPIRED; "revoke" needs APPROVED'):
            stage.act("revoke", request=request.id)

        assert stage.types == [ENDED]

    def test_things_come_by_themselves_on_the_systems_clock(
        self, make_simulator: Any, receiver: Any, tmp_path: Any
    ) -> None:
        store, hour = tmp_path / "store.sqlite", 3600 * SECOND
        earlier = make_simulator(store=store, start=wall() - hour + SECOND // 2)  # an hour ago, but for half a second
        earlier.add_webhook(receiver.url, signing_key=SECRET)
        earlier.act("publish", name="Claims")
        request = earlier.act("request", product="Claims")["entity"]["id"]
        earlier.act("approve", request=request, duration="1h")
        earlier.close()

        simulator = make_simulator(store=store)

        assert simulator.wait(AttemptQuery(type=(PREFIX + ENDED,)), timeout=20)["complete"]
        assert simulator.world_entity("request", request)["entity"]["status"] == "EXPIRED"


class TestRestart:
    def test_a_restart_finds_the_same_world_and_goes_on(self, stage: Stage) -> None:
        requests = [ask(stage) for _ in range(3)]
        stage.act("approve", request=requests[0].id, duration="30d")
        stage.act("request_masking_exception", product="Claims")
        stage.act("add_user", name="Ann", groups=["A"], attributes={"k": "v"}, manages=["Risk"])
        stage.act("publish", name="Orders", policy="approve", duration="1y", denied=["Ann"])
        stage.advance(days=25)
        before = stage.world.known

        again = stage.restarted()

        for name in ("founding", "users", "domains", "sources", "products", "requests", "counts", "last_number"):
            assert getattr(again.world.known, name) == getattr(before, name)
        assert again.events == []
        stage.forget()
        again.advance(days=10)
        stage.clock.advance(timedelta(days=10))
        assert again.told() == stage.told()
        assert again.act("request", product="Claims").id not in before.requests

    def test_what_fell_due_meanwhile_is_told_once_and_late(self, stage: Stage) -> None:
        ask(stage)
        stage.act("approve", request=ask(stage).id, duration="30d")

        late = stage.restarted(start=START + timedelta(days=40))

        assert late.told() == [(each, "02-10 09:00") for each in (WARNED, WARNED, ENDED, REMINDED)]
        assert late.restarted().events == []
        late.forget()
        late.advance(days=1)
        assert late.told() == [(REMINDED, "02-10 14:00")]

    def test_a_reminder_that_was_sent_is_not_sent_again(self, stage: Stage) -> None:
        ask(stage)
        stage.advance(hours=6)
        assert stage.types == [CREATED, REMINDED]

        again = stage.restarted()
        again.advance(hours=1)

        assert again.events == []

    def test_a_world_keeps_the_seed_that_it_was_founded_with(self, stage: Stage) -> None:
        again = stage.restarted(seed=8)

        assert again.act("publish").id == stage.act("publish").id
        assert again.world.state()["seed"] == 7

    def test_an_action_whose_keeping_fails_changes_nothing(self, stage: Stage) -> None:
        before = stage.snapshot()
        stage.fails = StoreUnusable("the disk", "is full")

        with pytest.raises(StoreUnusable):
            ask(stage)

        assert stage.snapshot() == before
        stage.fails = None
        assert ask(stage).status == "PENDING"

    def test_time_that_could_not_be_kept_passes_again(self, stage: Stage) -> None:
        stage.act("approve", request=ask(stage).id, duration="8d")
        stage.forget()
        stage.fails = StoreUnusable("the disk", "is full")
        with pytest.raises(StoreUnusable):
            stage.advance(days=2)
        assert stage.events == []

        stage.fails = None
        stage.advance(days=20)

        assert stage.types == [WARNED, WARNED, ENDED]

    def test_a_store_of_an_earlier_version_gets_room_for_a_world(self, tmp_path: Any) -> None:
        path = tmp_path / "store.sqlite"
        Store(path).close()
        with sqlite3.connect(path) as connection:
            for table in ("entities", "delivery_faults", "attempt_faults", "plays", "tokens", "tenants", "subjects"):
                connection.execute(f"DROP TABLE {table}")
            connection.execute("DROP INDEX events_verdict")
            connection.execute("PRAGMA user_version = 1")
        connection.close()

        store = Store(path)

        assert store.entities() == []
        store.close()


class TestSeeds:
    def test_one_seed_gives_one_world_and_the_same_bytes(self) -> None:
        first, second, other = _story(7), _story(7), _story(8)

        assert first == second
        assert [each.split(b'"type"')[1] for each in first] == [each.split(b'"type"')[1] for each in other]
        assert not set(first) & set(other)

    def test_ids_follow_the_form_that_is_assumed(self) -> None:
        assert re.fullmatch("c[a-z0-9]{24}", Stage({"ids.data_product": "cuid"}).act("publish").id)
        assert re.fullmatch("[0-9]+", Stage({"ids.data_product": "number"}).act("publish").id)


class TestMistakes:
    @pytest.mark.parametrize(
        ("action", "parameters", "error", "text"),
        [
            ("aprove", {}, UnknownName, 'There is no action "aprove". Did you mean "approve"?'),
            ("approve", {"requst": "x"}, UnknownName, 'no parameter "requst". Did you mean "request"?'),
            ("approve", {}, UsageError, "request is missing"),
            ("approve", {"request": "x"}, NotFound, 'No request "x". There is none yet.'),
            ("approve", {"request": ["x"]}, BadValue, "is neither an id nor a name"),
            ("request", {"product": "Clams"}, NotFound, 'No data product "Clams". Nearest: Claims.'),
            ("request", {"product": "Claims", "user": "nobody"}, NotFound, 'No user "nobody"'),
            ("request", {"product": "Claims", "form": {"x": float("nan")}}, BadValue, "is no text"),
            ("request", {"product": "Claims", "form": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}, BadValue, "nested"),
            ("publish", {"name": "a\nb\x00"}, BadValue, "letters, marks, digits"),
            ("publish", {"name": "a&b"}, BadValue, "letters, marks, digits"),
            ("publish", {"name": "x" * 256}, BadValue, "letters, marks, digits"),
            ("publish", {"name": 7}, BadValue, "letters, marks, digits"),
            ("publish", {"policy": "maybe"}, BadValue, "is none of review, approve, deny"),
            ("publish", {"duration": "30m"}, BadValue, "is no period"),
            ("publish", {"duration": "0d"}, BadValue, "is no period"),
            ("publish", {"duration": "300y"}, BadValue, "ends later than in the year 2261"),
            ("publish", {"duration": "999999999 weeks"}, BadValue, "ends later than in the year 2261"),
            ("publish", {"stewards": []}, BadValue, "is no list of approvers"),
            ("publish", {"stewards": [{"type": "NOBODY"}]}, BadValue, "is no approver"),
            ("publish", {"stewards": ["AUDIT"], "review": [{"any": ["AUDIT"]}]}, BadValue, "give one of them"),
            ("publish", {"review": []}, BadValue, "has no stage"),
            ("publish", {"review": [{"some": ["x"]}]}, BadValue, "is no stage"),
            ("publish", {"domains": ["Nowhere"]}, NotFound, 'No domain "Nowhere"'),
            ("publish", {"data_sources": {"a": 1}}, BadValue, "is no list"),
            ("publish", {"data_sources": ["1"] * 1001}, BadValue, "is no list of at most 1,000"),
            ("change_stewards", {"product": "Claims"}, BadValue, "name the new stewards"),
            ("request_masking_exception", {"product": "Claims", "columns": ["x"]}, BadValue, "is no column"),
            ("request_masking_exception", {"product": "Claims", "columns": []}, BadValue, "names no column"),
            ("add_domain", {"name": "Risk"}, BadValue, "the name of a domain already"),
            ("add_data_source", {"name": "sales.orders"}, BadValue, "the name of a data source already"),
            ("add_user", {"attributes": ["x"]}, BadValue, "is no object of keys and values"),
            ("add_user", {"name": "x\ud800"}, BadValue, "no printable text"),
        ],
    )  # fmt: skip
    def test_a_mistake_says_what_is_wrong_and_changes_nothing(
        self, stage: Stage, action: str, parameters: dict[str, Any], error: type[EmitterError], text: str
    ) -> None:
        before = stage.snapshot()

        with pytest.raises(error) as caught:
            stage.act(action, **parameters)

        assert text in str(caught.value)
        assert stage.snapshot() == before

    def test_two_of_one_name_are_told_apart_by_id(self, stage: Stage) -> None:
        first, second = list(stage.world.known.users.values())[:2]
        stage.act("add_user", name=first.username, id=second.name)

        with pytest.raises(BadValue, match="fits several: .* Name one by its id"):
            ask(stage, user=first.username)

        assert ask(stage, user=first.id).user == first.id

    def test_only_what_the_catalogue_has_is_told(self, tmp_path: Any) -> None:
        for name in ("envelope.json", PREFIX + "access_requests.created.json"):
            (tmp_path / name).write_bytes((CATALOG.resolve("request-created").path.parent / name).read_bytes())
        stage = Stage(catalog=Catalog.load(tmp_path))

        stage.act("publish", name="Claims")
        stage.act("deny", request=ask(stage).id)

        assert stage.types == [CREATED]


class TestLegal:
    def test_every_action_is_described(self) -> None:
        listed = described()

        assert [each["action"] for each in listed] == list(ACTIONS)
        for each in listed:
            assert each["description"].endswith(".")
            assert all(known["description"].endswith(".") for known in each["parameters"])
        assert listed[list(ACTIONS).index("approve")]["needs"] == ["PENDING"]

    def test_what_is_legal_comes_with_the_events_that_would_follow(self, stage: Stage) -> None:
        request = ask(stage)

        legal = {
            each.action: [name.removeprefix(PREFIX) for name in each.events] for each in stage.world.legal(request)
        }

        assert legal == {"approve": [DETERMINED], "deny": [DETERMINED], "cancel": ["access_requests.canceled"]}
        product = stage.world.known.product("Claims")
        found = {each.action: each for each in stage.world.legal(product)}
        assert list(found["delete"].events) == [PREFIX + "state.deleted", PREFIX + ORPHANED]
        assert not found["change_data_sources"].sure
        assert "resume" not in found

    def test_asking_what_is_legal_changes_nothing(self, stage: Stage) -> None:
        request = ask(stage)
        before = stage.snapshot()

        stage.world.legal(request)
        stage.world.legal(stage.world.known.product("Claims"))

        assert stage.snapshot() == before

    def test_users_and_the_like_allow_nothing(self, stage: Stage) -> None:
        for kind, name in (("user", next(iter(stage.world.known.users))), ("domain", "Risk"), ("data source", "101")):
            assert stage.world.legal(stage.world.find(kind, name)) == ()
        with pytest.raises(UnknownName, match='no kind of thing "thing"'):
            stage.world.find("thing", "x")


class TestDetail:
    def test_the_extended_profile_tells_of_the_entity_itself(self) -> None:
        stage = Stage({"payload.profile": "extended"})
        product = stage.act("publish", name="Claims", stewards=["GOVERNANCE"])
        request = ask(stage)
        told = stage.body()["data"]["xSimulator"]["accessRequest"]
        assert (told["id"], told["status"], told["user"]["globalUserId"]) == (request.id, "PENDING", request.user)

        approved = stage.act(
            "approve", request=request.id, duration={"duration": 30, "durationUnit": "DAYS"}, reason="Audit"
        )
        told = stage.body()["data"]["xSimulator"]
        assert told["accessRequest"]["expiration"] == rfc3339(approved.expiration, 3)
        assert told["approvalRecord"] == {
            "id": approved.records[0].id, "status": "APPROVED", "reason": "Audit", "duration": 30,
            "durationUnit": "DAYS",
        }  # fmt: skip

        stage.act("change_data_sources", product="Claims", data_sources=["101"])
        assert stage.body()["data"]["xSimulator"] == {
            "dataSources": [{"sourceId": "101"}],
            "stats": {"dataSourceCount": 1},
        }
        stage.act("change_stewards", product="Claims", stewards=["AUDIT"])
        assert stage.body()["data"]["xSimulator"] == {"approvers": [{"type": "PERMISSION", "permission": "AUDIT"}]}
        stage.act("delete", product="Claims")
        assert stage.body()["data"]["xSimulator"] == {"accessRequest": {
            "id": request.id, "type": "DATA_ACCESS", "status": "APPROVED",
            "expiration": rfc3339(approved.expiration, 3),
        }}  # fmt: skip
        assert stage.body(-2)["data"]["xSimulator"] == {"dataProduct": {"domains": list(product.domains)}}

    def test_the_core_profile_tells_nothing_more(self, stage: Stage) -> None:
        ask(stage)

        assert set(stage.body()["data"]) == {"actionLink", "dataProductId", "dataProductName"}

    def test_entities_are_shown_as_the_vendors_api_has_them(self, stage: Stage) -> None:
        request = stage.act("approve", request=ask(stage).id, duration="30d", by=None)
        stage.act("publish", policy="approve", duration="1d", denied=[request.user])

        state = stage.world.state()

        [shown] = state["accessRequests"]
        assert (shown["id"], shown["status"], shown["type"]) == (request.id, "APPROVED", "DATA_ACCESS")
        assert shown["user"]["globalUserId"] == request.user
        assert shown["xSimulator"]["approvalRecords"][0]["actionBy"]["globalUserId"] == request.records[0].action_by
        claims, other = state["dataProducts"]
        assert (claims["stats"]["approvedRequestCount"], claims["stats"]["totalRequestCount"]) == (1, 1)
        assert other["dataAccessPolicy"]["defaultEvent"] == {
            "type": "approve",
            "params": {"duration": 1, "durationUnit": "DAYS"},
        }
        assert other["dataAccessPolicy"]["rules"][0]["event"]["type"] == "deny"
        assert len(state["users"]) == 32
        assert orjson.dumps(state)


class TestSimulator:
    def test_what_an_action_causes_arrives_in_order(self, make_simulator: Any, receiver: Any) -> None:
        simulator = make_simulator(start=int(START.timestamp()) * 10**9, seed=7)
        simulator.add_webhook(receiver.url, signing_key=SECRET)

        simulator.act("publish", name="Claims")
        first = simulator.act("request", product="Claims")
        second = simulator.act("request", product="Claims", run="r1")
        done = simulator.act("approve", request=first["entity"]["id"], duration="10d", run="r1")
        simulator.advance(timedelta(days=11))
        simulator.act("delete", product="Claims")
        simulator.settle(10)

        arrived = [orjson.loads(each.body)["type"].removeprefix(PREFIX) for each in receiver.captures]
        assert arrived[:4] == ["state.created", CREATED, CREATED, DETERMINED]
        assert [each for each in arrived if each != REMINDED][4:] == [WARNED, WARNED, ENDED, "state.deleted", ORPHANED]
        assert arrived.count(REMINDED) == 11
        assert all(each.signature.ok for each in receiver.captures)
        assert done["events"][0]["deliveries"][0]["url"] == receiver.url
        assert (done["kind"], done["entity"]["status"]) == ("request", "APPROVED")
        found = simulator.attempts(AttemptQuery(run=("r1",)))["attempts"]
        told = [each["type"].removeprefix(PREFIX) for each in reversed(found)]
        assert told == [CREATED, DETERMINED, *[REMINDED] * 11]  # time goes on in the run of the request
        assert second["events"][0]["run"] == "r1"

    def test_state_and_events_are_one_on_disk(self, make_simulator: Any, tmp_path: Any) -> None:
        path = tmp_path / "store.sqlite"
        begin = int(START.timestamp()) * 10**9
        with_world = make_simulator(store=path, start=begin, seed=7)
        with_world.act("publish", name="Claims")
        request = with_world.act("request", product="Claims")["entity"]["id"]
        with_world.advance(timedelta(days=2))
        with_world.close()

        again = make_simulator(store=path, start=begin, seed=7)

        assert again.world_entity("request", request)["entity"]["status"] == "PENDING"
        assert again.world_entity("request", request)["legal"][0]["action"] == "approve"
        assert moment(again.clock.now()) == START + timedelta(days=2)
        assert len(again.events()["events"]) == 4
        assert [each["action"] for each in again.actions()] == list(ACTIONS)

    def test_actions_from_many_threads_come_one_after_another(self, simulator: Any, receiver: Any) -> None:
        simulator.add_webhook(receiver.url, signing_key=SECRET)
        simulator.act("publish", name="Claims")

        def story(_: int) -> str:
            request: str = simulator.act("request", product="Claims")["entity"]["id"]
            simulator.act("approve", request=request)
            return request

        with ThreadPoolExecutor(8) as pool:
            requests = list(pool.map(story, range(24)))
        simulator.settle(10)

        assert len(set(requests)) == 24
        assert simulator.world_state()["dataProducts"][0]["stats"]["approvedRequestCount"] == 24
        stamps = [orjson.loads(each.body)["timestamp"] for each in receiver.captures]
        assert len(stamps) == 49
        assert stamps == sorted(stamps)

    def test_a_reset_empties_the_world(self, simulator: Any) -> None:
        simulator.act("publish", name="Claims")

        simulator.reset()

        assert simulator.world_state()["dataProducts"] == []
        assert simulator.act("publish", name="Claims")["events"][0]["dataProductName"] == "Claims"


def _story(seed: int) -> list[bytes]:
    stage = Stage(seed=seed)
    for _ in range(3):
        product = stage.act("publish")
        requests = [stage.act("request", product=product.id) for _ in range(5)]
        stage.act("approve", request=requests[0].id, duration="20d")
        stage.act("deny", request=requests[1].id)
    stage.advance(days=30)
    stage.act("delete", product=product.id)
    return [each.body for each in stage.events]
