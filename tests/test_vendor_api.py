"""The app's own API over its world: the life of a request through it, what is searched for, what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from emitter.clock import nanoseconds
from emitter.settings import Settings
from emitter.simulator import Simulator
from tests.support_http import Api
from tests.support_vendor import Vendor, operations

PRODUCTS, REQUESTS, RECORDS = "/api/data-product", "/api/access-request", "/api/approval-record"
NOBODY = "3f2c9a52-6a0e-4d3b-9a55-2f8f3b1f6c11"
START = nanoseconds(datetime(2030, 1, 1, 9, tzinfo=UTC))


class App:
    """The API for several people of one world; each method is one operation."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, self.api = simulator, Api(simulator)
        simulator.world.found()
        self.known = simulator.world.known
        self.tokens: dict[str, str] = {}

    def __call__(self, method: str, path: str, body: Any = None, *, by: str = "", **query: Any) -> Any:
        """Ask as the admin, or as a person of the world; returns the answer."""
        headers = {"Authorization": f"Bearer {self._token(by)}"} if by else {}
        return self.api(method, path, body, headers=headers, query_string=query or None)

    def _token(self, user: str) -> str:
        if user not in self.tokens:
            self.tokens[user] = self.simulator.make_token(user)["token"]
        return self.tokens[user]

    def add(self, name: str, **rights: Any) -> str:
        """Add a person; returns the id."""
        return self.simulator.world.act("add_user", name=name, **rights).entity.id

    def domain(self, place: int = 0) -> str:
        return list(self.known.domains)[place]

    def publish(self, name: str = "", **members: Any) -> dict[str, Any]:
        """Publish as the admin."""
        body = {
            "name": name or f"Claims {len(self.known.products)}", "metadata": None, "domains": [self.domain()],
            "dataSources": [{"sourceId": "101"}, {"sourceId": "102"}], **members,
        }  # fmt: skip
        answer = self("POST", PRODUCTS, body)
        assert answer.status_code == 201, answer.text
        return answer.json  # type: ignore[no-any-return]

    def ask(self, product: str, user: str, **how: Any) -> dict[str, Any]:
        answer = self("POST", f"{PRODUCTS}/{product}/request", {"user": user}, **how)
        assert answer.status_code == 201, answer.text
        return answer.json  # type: ignore[no-any-return]

    def records(self, request: str) -> list[dict[str, Any]]:
        return self("GET", f"{REQUESTS}/{request}/records").json["approvalRecords"]  # type: ignore[no-any-return]

    def decide(self, record: str, status: str = "APPROVED", **more: Any) -> Any:
        by = more.pop("by", "")
        return self("PUT", f"{RECORDS}/{record}", {"status": status, **more}, by=by)

    def told(self) -> list[str]:
        """The types of all events so far, the last part of each."""
        return [
            each["type"].removeprefix("marketplace.data_product.")
            for each in reversed(self.simulator.events(limit=500)["events"])
        ]


@pytest.fixture
def app(make_simulator: Callable[..., Simulator]) -> App:
    return App(make_simulator(seed=11, start=START))


# --- the life of a request --------------------------------------------------------------------------------------------


def test_a_product_and_a_request_live_their_whole_lives_through_the_api(app: App) -> None:
    user = next(iter(app.known.users))
    product = app.publish("US East Customers")
    request = app.ask(product["id"], user)
    (record,) = app.records(request["id"])

    decided = app.decide(record["id"], duration=30, durationUnit="DAYS", reason="Churn analysis\nQ2")
    granted = app("GET", f"{REQUESTS}/{request['id']}").json
    app.simulator.advance(to="2030-02-01T00:00:00Z")
    ended = app("GET", f"{REQUESTS}/{request['id']}").json
    again = app.ask(product["id"], user)
    app.decide(app.records(again["id"])[0]["id"])
    revoked = app("DELETE", f"{PRODUCTS}/{product['id']}/request/{again['id']}")
    deleted = app("DELETE", f"{PRODUCTS}/{product['id']}")

    assert (decided.json["status"], decided.json["duration"], decided.json["reason"]) == (
        "APPROVED", 30, "Churn analysis\nQ2",
    )  # fmt: skip
    assert (granted["status"], granted["expiration"]) == ("APPROVED", "2030-01-31T09:00:00.000Z")
    assert ended["status"] == "EXPIRED"
    assert (revoked.status_code, revoked.data) == (204, b"")
    assert (deleted.status_code, deleted.data) == (200, b"")
    assert app("GET", f"{PRODUCTS}/{product['id']}").status_code == 404
    assert app.told() == [
        "state.created", "access_requests.created", "access_requests.consumer.updated", "access_requests.expiring",
        "access_requests.expiring", "access_requests.expired", "access_requests.created",
        "access_requests.consumer.updated", "access_requests.revoked", "state.deleted",
    ]  # fmt: skip


def test_what_the_api_does_and_what_an_action_does_is_one_history(app: App) -> None:
    product = app.publish("Ledger")
    request = app.simulator.act("request", product="Ledger")["entity"]

    app.decide(app.records(request["id"])[0]["id"], "DENIED", reason="No.")

    assert app.simulator.world_entity("access-requests", request["id"])["entity"]["status"] == "DENIED"
    assert app("GET", f"{PRODUCTS}/{product['id']}").json["stats"]["deniedRequestCount"] == 1
    assert app.told() == ["state.created", "access_requests.created", "access_requests.consumer.updated"]


def test_editing_tells_of_other_stewards_and_of_nothing_else(app: App) -> None:
    product = app.publish("Ledger")
    steward = app.add("Steward Stone")
    flow = {"rules": [], "defaultEvent": _review({"type": "USER", "id": steward})}

    quiet = app("PUT", f"{PRODUCTS}/{product['id']}", {"name": "Ledger 2", "description": "Lines\nof it."})
    told = app("PUT", f"{PRODUCTS}/{product['id']}", {"dataAccessReviewFlow": flow, "suspended": True})
    app("PUT", f"{PRODUCTS}/{product['id']}", {"dataAccessReviewFlow": flow})

    assert (quiet.json["name"], quiet.json["description"]) == ("Ledger 2", "Lines\nof it.")
    assert told.json["suspended"]
    assert told.json["dataAccessPolicy"]["defaultEvent"]["params"]["stages"] == [
        {"any": [{"type": "USER", "id": steward, "displayName": "Steward Stone"}]}
    ]
    assert app.told() == ["state.created", "access_requests.data_steward.updated"]


def test_data_sources_are_replaced_and_an_equal_list_tells_nobody(app: App) -> None:
    path = f"{PRODUCTS}/{app.publish()['id']}/datasources"

    same = app("PUT", path, {"dataSources": [{"sourceId": "102"}, {"sourceId": "101"}]})
    none = app("PUT", path, {"dataSources": []})

    assert same.json["stats"]["dataSourceCount"] == 2
    assert none.json["stats"]["dataSourceCount"] == 0
    assert app("GET", path + "/all").json == {"dataSources": []}
    assert app.told() == ["state.created", "data_sources.updated"]


def _review(*approvers: dict[str, str], mode: str = "any") -> dict[str, Any]:
    return {"type": "review", "params": {"stages": [{mode: list(approvers)}]}}


def test_stages_are_decided_one_after_the_other_and_a_denial_ends_it(app: App) -> None:
    first, second = app.add("First Fox"), app.add("Second Seal")
    stages = [{"any": [{"type": "USER", "id": first}]}, {"all": [{"type": "USER", "id": second}]}]
    flow = {"rules": [], "defaultEvent": {"type": "review", "params": {"stages": stages}}}
    product = app.publish(dataAccessPolicy=flow)
    user = app.add("User Umber")
    request = app.ask(product["id"], user)
    one, two = app.records(request["id"])

    early = app.decide(two["id"], by="Second Seal")
    wrong = app.decide(one["id"], by="Second Seal")
    app.decide(one["id"], by="First Fox")
    opened = app.records(request["id"])[1]
    denied = app.decide(two["id"], "DENIED", by="Second Seal", reason="No need.")

    assert (two["status"], two["prerequisites"]) == ("BLOCKED", [one["id"]])
    assert (early.status_code, wrong.status_code) == (409, 403)
    assert opened["status"] == "PENDING"
    assert denied.json["actionBy"]["globalUserId"] == second
    assert app("GET", f"{REQUESTS}/{request['id']}").json["status"] == "DENIED"
    assert app.told()[1:] == ["access_requests.created", "access_requests.consumer.updated"]


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"any": [{"type": "GROUP", "name": "interns"}]}, "DENIED"),
        ({"all": [{"type": "GROUP", "name": "interns"}, {"type": "ATTRIBUTE", "key": "site", "value": "Bonn"}]},
         "DENIED"),
        ({"not": {"type": "GROUP", "name": "interns"}}, "PENDING"),
        ({"any": [{"not": {"type": "GROUP", "name": "board"}}]}, "DENIED"),
        ({"any": [{"something": "else"}]}, "PENDING"),
        ({"not": {"something": "else"}}, "PENDING"),
        ({"any": [{"something": "else"}, {"type": "GROUP", "name": "interns"}]}, "DENIED"),
    ],
)  # fmt: skip
def test_a_rule_decides_where_its_conditions_are_understood_and_hold(
    conditions: dict[str, Any], status: str, app: App
) -> None:
    rule = {"conditions": conditions, "event": {"type": "deny", "params": {"comment": "Not for interns."}}}
    governance = {"type": "PERMISSION", "permission": "GOVERNANCE"}
    product = app.publish(dataAccessReviewFlow={"rules": [rule], "defaultEvent": _review(governance)})
    user = app.add("Intern Ives", groups=["interns"], attributes={"site": "Bonn"})

    request = app.ask(product["id"], user)

    assert request["status"] == status
    assert product["dataAccessPolicy"]["rules"] == [rule]


def test_a_form_of_another_product_brings_its_review(app: App) -> None:
    approving = {"rules": [], "defaultEvent": {"type": "approve", "params": {"duration": 2, "durationUnit": "WEEKS"}}}
    owner = app.publish("Owner", dataAccessPolicy=approving)
    form = app("GET", f"{PRODUCTS}/{owner['id']}/request-forms").json[0]

    product = app.publish("User of the form", dataAccessRequestFormId=form["id"])
    request = app.ask(product["id"], app.add("Wanda Wood"))

    assert request["status"] == "APPROVED"
    assert request["formVersion"] == form["version"]
    linked = app("GET", f"{PRODUCTS}/{product['id']}/request-forms").json[0]
    assert (linked["id"], linked["name"], linked["policy"]) == (form["id"], "Access to Owner", form["policy"])


def test_a_masking_exception_is_asked_for_columns_and_shown_once_granted(app: App) -> None:
    product, user = app.publish(), app.add("Mona Marsh")
    column = app("GET", f"{PRODUCTS}/{product['id']}/columns", maskedOnly="true", limit=1).json["data"][0]
    columns = [{"columnName": column["name"], "sourceId": column["sourceId"]}]
    asked = app("POST", f"{PRODUCTS}/{product['id']}/request/masking-exception", {"user": user, "columns": columns})
    mine = f"{REQUESTS}/approved-masking-exception-columns"

    before = app("GET", mine, userId=user).json
    app.decide(app.records(asked.json["id"])[0]["id"])

    assert asked.json["type"] == "MASKING_EXCEPTION"
    assert (before, app("GET", mine, userId=user).json) == ([], columns)
    listed = app("GET", f"{REQUESTS}/{asked.json['id']}/masking-exception-columns").json
    assert [each["name"] for each in listed["data"]] == [column["name"]]


def test_recent_determinations_are_of_the_five_requests_decided_last(app: App) -> None:
    product = app.publish()
    for number in range(7):
        request = app.ask(product["id"], app.add(f"User {number}"))
        app.decide(app.records(request["id"])[0]["id"], ("APPROVED", "DENIED")[number % 2], reason=f"reason {number}")

    found = app("GET", f"{PRODUCTS}/{product['id']}/recent-determinations").json["determinations"]

    assert [each["reason"] for each in found] == [f"reason {number}" for number in (6, 5, 4, 3, 2)]


# --- searching and paging ---------------------------------------------------------------------------------------------


def test_products_are_paged_by_token_whatever_comes_or_goes_meanwhile(app: App) -> None:
    ids = {app.publish(f"Product {letter}")["name"]: None for letter in "CABED"}
    found, token = [], ""
    for page in range(3):
        answer = app("GET", PRODUCTS, limit=2, sortBy="name", **({"nextToken": token} if token else {})).json
        found += [each["name"] for each in answer["data"]]
        token = answer["meta"]["nextToken"]
        if page == 0:
            app.publish("Product AA")

    assert found == sorted(ids)
    assert token is None
    assert app("GET", PRODUCTS, sortBy="name", sortOrder="desc", limit=1).json["data"][0]["name"] == "Product E"


def test_products_are_filtered_by_name_standing_role_and_end(app: App) -> None:
    user = app.add("Uma Ulm")
    steward = app.add("Stella Stein")
    flow = {"rules": [], "defaultEvent": _review({"type": "USER", "id": steward})}
    for name in ("Alpha", "Beta", "Gamma"):
        app.publish(name, dataAccessPolicy=flow)
    asked = app.ask(app("GET", f"{PRODUCTS}/Alpha/byName").json["id"], user)
    app.ask(app("GET", f"{PRODUCTS}/Beta/byName").json["id"], user)
    app.decide(app.records(asked["id"])[0]["id"], duration=1, durationUnit="MONTHS")

    def names(by: str = "Uma Ulm", **query: Any) -> list[str]:
        return [each["name"] for each in app("GET", PRODUCTS, by=by, **query).json["data"]]

    assert names(nameFilter="ET") == ["Beta"]
    assert names(statusFilter=["APPROVED", "PENDING"]) == ["Alpha", "Beta"]
    assert names(statusFilter="NONE") == ["Gamma"]
    assert names(expiration="true") == ["Alpha"]
    assert names(roleFilter="member") == ["Alpha"]
    assert names(roleFilter="noRole") == ["Beta", "Gamma"]
    assert names(by="Stella Stein", roleFilter="steward") == ["Alpha", "Beta", "Gamma"]
    mine = app("GET", PRODUCTS, by="Uma Ulm").json["data"][0]
    assert (mine["status"], mine["requestId"], mine["expiration"]) == (
        "APPROVED", asked["id"], "2030-02-01T09:00:00.000Z",
    )  # fmt: skip


def test_requests_are_searched_with_every_filter_there_is(app: App) -> None:
    product, other = app.publish("Claims Core"), app.publish("Ledger")
    user, second = app.add("Vera Vogel"), app.add("Willi Wolf")
    granted, open_one, theirs = (
        app.ask(product["id"], user), app.ask(other["id"], user, by="Willi Wolf"), app.ask(product["id"], second)
    )  # fmt: skip
    app.decide(app.records(granted["id"])[0]["id"], duration=3, durationUnit="DAYS")
    app.simulator.advance(to="2030-01-01T10:00:00Z")
    app("DELETE", f"{REQUESTS}/{theirs['id']}")

    def found(by: str = "", path: str = REQUESTS, **query: Any) -> list[str]:
        names = {granted["id"]: "granted", open_one["id"]: "open", theirs["id"]: "theirs"}
        return [names[each["id"]] for each in app("GET", path, by=by, **query).json["data"]]

    assert found() == ["theirs", "open", "granted"]
    assert found(sortOrder="asc") == ["granted", "open", "theirs"]
    assert found(sortBy="updatedAt") == ["theirs", "granted", "open"] or found(sortBy="updatedAt")[0] == "theirs"
    assert found(sortBy="dataProduct", sortOrder="asc") == ["granted", "theirs", "open"]
    assert found(sortBy="expiration", sortOrder="asc")[0] == "granted"
    assert found(status=["PENDING", "CANCELED"]) == ["theirs", "open"]
    assert found(type="MASKING_EXCEPTION") == found(assetType="DATA_OBJECT") == found(targetType="COLUMNS") == []
    assert found(userIds=[user]) == ["open", "granted"]
    assert found(searchText="vogel") == ["open", "granted"]
    assert found(searchText="LEDGER") == ["open"]
    assert found(expiration="true") == ["granted"]
    assert found(includeTemporary="true") == found(includeTemporary="false") == found()
    assert found(dataProductId=product["id"]) == ["theirs", "granted"]
    assert found(reviewStatus="noReviews") == ["theirs", "open"]
    assert found(reviewStatus="awaitingReviewFromYou") == ["open"]
    assert found(by="Willi Wolf") == ["theirs", "open"]
    assert found(by="Willi Wolf", role="steward") == []
    assert found(path=f"{PRODUCTS}/{product['id']}/request") == ["theirs", "granted"]
    assert found(path=f"{PRODUCTS}/{product['id']}/members") == ["granted"]
    page = app("GET", REQUESTS, limit=2, offset=2).json
    assert (len(page["data"]), page["meta"]) == (
        1, {"offset": 2, "limit": 2, "totalCount": 3, "pageCount": 1, "currentPage": 2, "totalPages": 2},
    )  # fmt: skip


def test_temporary_requests_are_hidden_where_that_is_assumed(make_simulator: Callable[..., Simulator]) -> None:
    app = App(make_simulator(seed=1, start=START, assume={"api.include_temporary": "hides"}))
    product = app.publish()
    request = app.ask(product["id"], app.add("Vera Vogel"))
    app.decide(app.records(request["id"])[0]["id"], duration=3, durationUnit="DAYS")

    assert app("GET", REQUESTS).json["data"] == []
    assert len(app("GET", REQUESTS, includeTemporary="true").json["data"]) == 1


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", PRODUCTS, {"name": "X"}, 400, "metadata is missing"),
        ("POST", PRODUCTS, {"name": "X!", "metadata": None, "domains": ["DOMAIN"], "dataSources": []}, 400, "letters"),
        ("POST", PRODUCTS, {"name": "X", "metadata": None, "domains": [], "dataSources": []}, 400, "names no domain"),
        ("POST", PRODUCTS, {"name": "X", "metadata": None, "domains": ["Y"], "dataSources": []}, 404, "No domain"),
        ("POST", PRODUCTS, {"name": "X", "metadata": {}, "domains": ["DOMAIN"], "dataSources": []}, 400, "Expert"),
        ("POST", PRODUCTS, {"name": "X", "metadata": None, "domains": ["DOMAIN"], "dataSources": [{"sourceId": "9"}]},
         404, "No data source"),
        ("POST", PRODUCTS, {"name": "There", "metadata": None, "domains": ["DOMAIN"], "dataSources": []},
         409, "in use"),
        ("POST", PRODUCTS, {"name": "X", "metadata": None, "domains": ["DOMAIN"], "dataSources": [],
                            "dataAccessPolicy": {"rules": [], "defaultEvent": {"type": "deny", "params": {}}}},
         400, "defaultEvent.type"),
        ("PUT", f"{PRODUCTS}/PRODUCT", {"id": NOBODY}, 400, "keeps its id"),
        ("PUT", f"{PRODUCTS}/PRODUCT", {"requestFormId": NOBODY}, 404, "No request form"),
        ("PUT", f"{PRODUCTS}/PRODUCT", {"suspended": "yes"}, 400, "true nor false"),
        ("PUT", f"{PRODUCTS}/{NOBODY}", {}, 404, "No data product"),
        ("GET", f"{PRODUCTS}/There2/byName", None, 404, "No data product"),
        ("POST", f"{PRODUCTS}/PRODUCT/request", {}, 400, "user is missing"),
        ("POST", f"{PRODUCTS}/PRODUCT/request", {"user": "Ann"}, 400, "no UUID"),
        ("POST", f"{PRODUCTS}/PRODUCT/request", {"user": NOBODY}, 404, "No user"),
        ("POST", f"{PRODUCTS}/PRODUCT/request", {"user": "USER"}, 409, "same user"),
        ("POST", f"{PRODUCTS}/PRODUCT/request/masking-exception", {"user": "USER", "columns": []}, 400, "no column"),
        ("POST", f"{PRODUCTS}/PRODUCT/request/masking-exception",
         {"user": "USER", "columns": [{"columnName": "x", "sourceId": "101"}]}, 404, "It has"),
        ("DELETE", f"{PRODUCTS}/PRODUCT/request/REQUEST", None, 409, "PENDING"),
        ("DELETE", f"{PRODUCTS}/OTHER/request/REQUEST", None, 404, "for this data product"),
        ("GET", f"{REQUESTS}/nothing", None, 404, "No access request"),
        ("GET", f"{REQUESTS}?status=OPEN", None, 400, "none of APPROVED"),
        ("GET", f"{REQUESTS}?sortBy=name", None, 400, "none of status"),
        ("GET", f"{REQUESTS}?expiration=1", None, 400, "true nor false"),
        ("GET", f"{REQUESTS}?searchText=a&searchText=b", None, 400, "twice"),
        ("GET", f"{REQUESTS}?dataProductId=12345", None, 400, "neither a UUID nor a cuid"),
        ("GET", f"{PRODUCTS}?limit=101", None, 400, "more than 100"),
        ("GET", f"{PRODUCTS}?nextToken=nonsense", None, 400, "no token"),
        ("GET", f"{REQUESTS}/approved-masking-exception-columns", None, 400, "userId is missing"),
        ("PUT", f"{RECORDS}/RECORD", {"status": "APPROVED", "duration": 3}, 400, "without its durationUnit"),
        ("PUT", f"{RECORDS}/RECORD", {"status": "APPROVED", "duration": 0, "durationUnit": "DAYS"}, 400, "from 1 on"),
        ("PUT", f"{RECORDS}/RECORD", {"status": "APPROVED", "duration": 900, "durationUnit": "YEARS"},
         400, "later than"),
        ("PUT", f"{RECORDS}/RECORD", {"status": "CANCELED"}, 409, "APPROVED or DENIED"),
        ("PUT", f"{RECORDS}/RECORD", {"status": "MAYBE"}, 400, "none of APPROVED"),
        ("PUT", f"{RECORDS}/RECORD", {"status": "APPROVED", "note": "x"}, 400, "note"),
        ("PUT", f"{RECORDS}/none", {"status": "APPROVED"}, 404, "No approval record"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_what_is_wrong_and_changes_nothing(
    method: str, path: str, body: Any, status: int, text: str, busy: App, things: dict[str, str]
) -> None:
    told = busy.told()
    for name, value in things.items():
        path = path.replace(name, value)
    body = _filled(body, things)

    answer = busy(method, path, body)

    assert (answer.status_code, answer.json["statusCode"]) == (status, status)
    assert text in answer.json["message"]
    assert busy.told() == told


def _filled(body: Any, things: dict[str, str]) -> Any:
    if isinstance(body, dict):
        return {name: _filled(value, things) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(each, things) for each in body]
    return things.get(body, body) if isinstance(body, str) else body


@pytest.fixture(scope="module")
def busy() -> Iterator[App]:
    """A world that the tests leave as it is."""
    with Simulator(Settings(store=None, seed=3)) as simulator:
        yield App(simulator)


@pytest.fixture(scope="module")
def things(busy: App) -> dict[str, str]:
    user = busy.add("Una Urban")
    product, other = busy.publish("There"), busy.publish("Elsewhere")
    request = busy.ask(product["id"], user)
    record = busy.records(request["id"])[0]["id"]
    return {
        "PRODUCT": product["id"], "OTHER": other["id"], "USER": user, "REQUEST": request["id"], "RECORD": record,
        "DOMAIN": busy.domain(),
    }  # fmt: skip


# --- fifty at once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("round", range(3))
def test_of_fifty_who_act_on_one_request_at_once_one_wins(round: int, app: App) -> None:
    product = app.publish()
    request = app.ask(product["id"], app.add("Paul Popular"))
    record = app.records(request["id"])[0]["id"]
    ways: list[Callable[[], Any]] = [
        lambda: app.decide(record),
        lambda: app.decide(record, "DENIED"),
        lambda: app("DELETE", f"{REQUESTS}/{request['id']}"),
    ]
    statuses: list[int] = []
    start = threading.Barrier(50)

    def act(number: int) -> None:
        way = ways[number % (3 if round else 2)]
        start.wait()
        statuses.append(way().status_code)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(set(statuses)) in ([200, 409], [204, 409])
    assert len([each for each in statuses if each < 300]) == 1
    told = app.told()[2:]
    assert len(told) == 1
    assert told[0] in ("access_requests.consumer.updated", "access_requests.canceled")
    assert round or told == ["access_requests.consumer.updated"]


# --- all of it against the vendor's description -----------------------------------------------------------------------


def test_every_operation_succeeds_as_the_vendor_describes(app: App) -> None:
    vendor, one, about = Vendor(), PRODUCTS + "/{id}", REQUESTS + "/{id}"
    expert = {"subjectMatterExpert": {"id": app.add("Ella Expert"), "name": "Ella Expert"}}
    user = app.add("Otto Otter", attributes={"site": "Bonn"}, groups=["x"], manages=[app.domain()])
    body = {"name": "All of it", "metadata": expert, "domains": [app.domain()], "dataSources": [{"sourceId": "101"}]}

    def check(path: str, method: str, body: Any = None, at: str = "", by: str = "", **query: Any) -> Any:
        return vendor.check(path, method, app(method.upper(), at or path, body, by=by, **query))

    product = check(PRODUCTS, "post", body)["id"]
    here = f"{PRODUCTS}/{product}"
    check(one, "put", {"description": "x"}, here)
    check(PRODUCTS + "/{name}/byName", "get", at=f"{PRODUCTS}/All of it/byName")
    check(
        one + "/datasources", "put", {"dataSources": [{"sourceId": "102"}, {"sourceId": "103"}]}, here + "/datasources"
    )
    request = check(one + "/request", "post", {"user": user, "form": {"why": ["x"]}}, here + "/request")["id"]
    columns = check(one + "/columns", "get", at=here + "/columns")["data"]
    asked = {"user": user, "columns": [{name: columns[0][key] for name, key in _COLUMN}]}
    masked = check(one + "/request/masking-exception", "post", asked, here + "/request/masking-exception")["id"]
    record = check(about + "/records", "get", at=f"{REQUESTS}/{request}/records")["approvalRecords"][0]["id"]
    approved = {"status": "APPROVED", "duration": 2.0, "durationUnit": "MONTHS", "reason": "x"}
    check(RECORDS + "/{id}", "put", approved, f"{RECORDS}/{record}")
    for by in ("", "Otto Otter"):
        check("/api/auth/user", "get", by=by)
        check(PRODUCTS, "get", by=by, limit=1)
        check(REQUESTS, "get", by=by)
        check(one, "get", at=here, by=by)
        check(about, "get", at=f"{REQUESTS}/{masked}", by=by)
        for place in ("request", "members", "datasources", "datasources/all", "request-forms", "recent-determinations"):
            check(f"{one}/{place}", "get", at=f"{here}/{place}", by=by)
    for place in ("records", "risk-assessment", "masking-exception-columns"):
        check(f"{about}/{place}", "get", at=f"{REQUESTS}/{masked}/{place}")
    app.decide(app.records(masked)[0]["id"])
    check(REQUESTS + "/approved-masking-exception-columns", "get", userId=user)
    check(one + "/request/{requestId}", "delete", at=f"{here}/request/{request}")
    third = app.ask(product, app.add("Tom Third"))["id"]
    check(about, "delete", at=f"{REQUESTS}/{third}")
    check(one, "delete", at=here)

    named = {vendor.paths[path][method.lower()]["operationId"] for method, path in operations()}
    others = {name for name in named if "ebhook" in name or "ness" in name}
    assert vendor.seen == named - others
    assert len(vendor.seen) == 26


_COLUMN = (("columnName", "name"), ("sourceId", "sourceId"))
