"""Who may do what through the app's own API: each role against each operation, every cell tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.vendor import OPERATIONS
from tests.test_vendor_api import PRODUCTS, RECORDS, REQUESTS, App

HOOKS = "/api/notification/webhook"
PEOPLE = ("outsider", "requester", "steward", "approver", "manager", "governor", "administrator", "admin")
"""`admin` is a token that nobody made; the others are people of the world, each with one right and no other."""
MATRIX = {
    #                                              outsider requester steward approver manager governor administr admin
    "searchDataProducts":                         "200 200 200 200 200 200 200 200",
    "createDataProduct":                          "403 403 403 403 201 201 403 201",
    "getDataProductById":                         "200 200 200 200 200 200 200 200",
    "updateDataProduct":                          "403 403 403 403 200 200 403 200",
    "deleteDataProduct":                          "403 403 403 403 200 200 403 200",
    "getDataProductByName":                       "200 200 200 200 200 200 200 200",
    "updateDataSources":                          "403 403 403 403 200 200 403 200",
    "searchDataSources":                          "200 200 200 200 200 200 200 200",
    "getAllDataSources":                          "200 200 200 200 200 200 200 200",
    "searchDataProductColumns":                   "200 200 200 200 200 200 200 200",
    "getRequestForms":                            "200 200 200 200 200 200 200 200",
    "searchDataProductAccessRequests":            "200 200 200 200 200 200 200 200",
    "searchDataProductMembers":                   "200 200 200 200 200 200 200 200",
    "recentDeterminations":                       "403 403 200 403 200 200 403 200",
    "requestAccess":                              "201 201 201 201 201 201 201 201",
    "requestMaskingException":                    "201 201 201 201 201 201 201 201",
    "revokeAccess":                               "403 403 204 204 204 204 403 204",
    "searchAccessRequests":                       "200 200 200 200 200 200 200 200",
    "getAccessRequestById":                       "403 200 200 200 200 200 403 200",
    "getAccessRequestRecords":                    "403 200 200 200 200 200 403 200",
    "searchAccessRequestMaskingExceptionColumns": "403 200 200 200 200 200 403 200",
    "getRiskAssessment":                          "403 403 200 200 200 200 403 200",
    "cancelAccessRequest":                        "403 204 403 403 403 403 403 204",
    "updateApprovalRecord":                       "403 403 403 200 403 403 403 200",
    "getApprovedMaskingExceptionColumns":         "403 200 403 403 403 200 403 200",
    "user":                                       "200 200 200 200 200 200 200 200",
    "getWebhooks":                                "403 403 403 403 403 403 200 200",
    "createWebhook":                              "403 403 403 403 403 403 200 200",
    "getWebhook":                                 "403 403 403 403 403 403 200 200",
    "updateWebhook":                              "403 403 403 403 403 403 200 200",
    "deleteWebhook":                              "403 403 403 403 403 403 204 204",
    "getWebhookHistory":                          "403 403 403 403 403 403 200 200",
    "testWebhook":                                "403 403 403 403 403 403 200 200",
    "testWebhookConfig":                          "403 403 403 403 403 403 200 200",
}  # fmt: skip
SEEN = {  # how many of the two requests each one sees
    "outsider": 0, "requester": 1, "steward": 2, "approver": 1, "manager": 2, "governor": 2, "administrator": 0,
    "admin": 2,
}  # fmt: skip


class Cast:
    """A product whose requests were once reviewed by `approver` and are now by `steward`, and everybody's way to it."""

    def __init__(self, simulator: Simulator) -> None:
        self.app = App(simulator)
        self.app.known.domains  # noqa: B018 - founded
        self.domain = self.app.simulator.world.act("add_domain", name="Theirs").entity.id
        rights: dict[str, dict[str, Any]] = {
            "manager": {"manages": ["Theirs"]},
            "governor": {"permissions": ["GOVERNANCE"]},
        }
        self.ids = {name: self.app.add(name, **rights.get(name, {})) for name in PEOPLE[:-1]}
        made = simulator.make_token("administrator", permissions=["APPLICATION_ADMIN"])
        self.app.tokens["administrator"] = made["token"]

    def status(self, person: str, operation: str) -> int:
        """Do one operation as somebody, on things of its own; returns the status."""
        by = "" if person == "admin" else person
        method, path, body, query = self._call(operation)
        return int(self.app(method, path, body, by=by, **query).status_code)

    def product(self) -> str:
        """A product that is reviewed by `approver`, then by `steward` alone."""
        found = self.app.publish(domains=[self.domain], dataAccessReviewFlow=self._flow("approver"),
                                 maskingExceptionReviewFlow=self._flow("approver"))  # fmt: skip
        return str(found["id"])

    def request(self, product: str, user: str = "requester") -> str:
        return str(self.app.ask(product, self.ids[user])["id"])

    def handed_over(self, product: str) -> None:
        """From now on the steward decides on what is asked."""
        flow = self._flow("steward")
        self.app("PUT", f"{PRODUCTS}/{product}", {"dataAccessReviewFlow": flow, "maskingExceptionReviewFlow": flow})

    def _flow(self, name: str) -> dict[str, Any]:
        stages = [{"any": [{"type": "USER", "id": self.ids[name]}]}]
        return {"rules": [], "defaultEvent": {"type": "review", "params": {"stages": stages}}}

    def _call(self, operation: str) -> tuple[str, str, Any, dict[str, Any]]:
        product = self.product()
        request = self.request(product)
        self.handed_over(product)
        record = self.app.records(request)[0]["id"]
        hook = self.app.api.hook("http://127.0.0.1:9/hook") if "ebhook" in operation else ""
        if operation == "revokeAccess":
            self.app.decide(record)
        here, name = f"{PRODUCTS}/{product}", f"N{len(self.app.known.products)}"
        stranger = self.app.add(f"stranger {name}")
        new = {"name": name, "metadata": None, "domains": [self.domain], "dataSources": []}
        column = self.app("GET", here + "/columns", limit=1).json["data"][0]
        wanted = {"user": stranger, "columns": [{"columnName": column["name"], "sourceId": column["sourceId"]}]}
        calls: dict[str, tuple[Any, ...]] = {
            "searchDataProducts": ("GET", PRODUCTS),
            "createDataProduct": ("POST", PRODUCTS, new),
            "getDataProductById": ("GET", here),
            "updateDataProduct": ("PUT", here, {"description": "x"}),
            "deleteDataProduct": ("DELETE", here),
            "getDataProductByName": ("GET", f"{PRODUCTS}/{self.app.known.products[product].name}/byName"),
            "updateDataSources": ("PUT", here + "/datasources", {"dataSources": []}),
            "searchDataSources": ("GET", here + "/datasources"),
            "getAllDataSources": ("GET", here + "/datasources/all"),
            "searchDataProductColumns": ("GET", here + "/columns"),
            "getRequestForms": ("GET", here + "/request-forms"),
            "searchDataProductAccessRequests": ("GET", here + "/request"),
            "searchDataProductMembers": ("GET", here + "/members"),
            "recentDeterminations": ("GET", here + "/recent-determinations"),
            "requestAccess": ("POST", here + "/request", {"user": stranger}),
            "requestMaskingException": ("POST", here + "/request/masking-exception", wanted),
            "revokeAccess": ("DELETE", f"{here}/request/{request}"),
            "searchAccessRequests": ("GET", REQUESTS),
            "getAccessRequestById": ("GET", f"{REQUESTS}/{request}"),
            "getAccessRequestRecords": ("GET", f"{REQUESTS}/{request}/records"),
            "searchAccessRequestMaskingExceptionColumns": ("GET", f"{REQUESTS}/{request}/masking-exception-columns"),
            "getRiskAssessment": ("GET", f"{REQUESTS}/{request}/risk-assessment"),
            "cancelAccessRequest": ("DELETE", f"{REQUESTS}/{request}"),
            "updateApprovalRecord": ("PUT", f"{RECORDS}/{record}", {"status": "APPROVED"}),
            "user": ("GET", "/api/auth/user"),
            "getWebhooks": ("GET", HOOKS),
            "createWebhook": ("POST", HOOKS, {"url": "http://127.0.0.1:9/hook"}),
            "getWebhook": ("GET", f"{HOOKS}/{hook}"),
            "updateWebhook": ("PUT", f"{HOOKS}/{hook}", {}),
            "deleteWebhook": ("DELETE", f"{HOOKS}/{hook}"),
            "getWebhookHistory": ("GET", f"{HOOKS}/{hook}/history"),
            "testWebhook": ("POST", f"{HOOKS}/{hook}/test"),
            "testWebhookConfig": ("POST", f"{HOOKS}/test", {"url": "http://127.0.0.1:9/hook"}),
        }
        if operation == "getApprovedMaskingExceptionColumns":
            path = f"{REQUESTS}/approved-masking-exception-columns"
            return "GET", path, None, {"userId": self.ids["requester"]}
        method, path, *body = calls[operation]
        return method, path, body[0] if body else None, {}


@pytest.fixture(scope="module")
def cast() -> Iterator[Cast]:
    with Simulator(Settings(store=None, seed=2)) as simulator:
        yield Cast(simulator)


def test_the_matrix_has_every_operation_that_wants_a_caller() -> None:
    assert MATRIX.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation", MATRIX)
def test_each_may_do_what_their_role_allows_and_no_more(operation: str, cast: Cast) -> None:
    found = [cast.status(person, operation) for person in PEOPLE]

    assert dict(zip(PEOPLE, found, strict=True)) == dict(
        zip(PEOPLE, map(int, MATRIX[operation].split()), strict=True)
    )  # fmt: skip


@pytest.mark.parametrize("person", PEOPLE)
def test_each_sees_the_requests_that_concern_them(person: str, cast: Cast) -> None:
    product = cast.product()
    mine = cast.request(product)
    cast.handed_over(product)
    theirs = cast.app.ask(product, cast.app.add(f"somebody for {person}"))["id"]
    by = "" if person == "admin" else person

    here = cast.app("GET", f"{PRODUCTS}/{product}/request", by=by).json["data"]
    everywhere = cast.app("GET", REQUESTS, by=by, dataProductId=product).json["data"]

    assert len(here) == SEEN[person]
    assert [each["id"] for each in here] == [each["id"] for each in everywhere]
    assert {each["id"] for each in here} <= {mine, theirs}


def test_who_publishes_has_to_manage_every_domain_of_it(cast: Cast) -> None:
    other = cast.app.domain()
    body = {"name": "Both", "metadata": None, "domains": [cast.domain, other], "dataSources": []}

    answer = cast.app("POST", PRODUCTS, body, by="manager")

    assert answer.status_code == 403
    assert answer.json["message"] == (
        "createDataProduct is for holders of Manage Data Products in its domains or holders of GOVERNANCE; "
        "manager is none of them."
    )


def test_the_caller_is_told_who_they_are(cast: Cast) -> None:
    manager, admin = (cast.app("GET", "/api/auth/user", by=by).json for by in ("manager", ""))

    assert (manager["globalUserId"], manager["displayName"]) == (cast.ids["manager"], "manager")
    assert [each["permission"] for each in manager["collectionPermissions"][cast.domain]] == ["Manage Data Products"]
    assert admin["globalPermissions"] == ["APPLICATION_ADMIN", "GOVERNANCE", "USER_ADMIN"]
    assert admin["globalUserId"] not in cast.app.known.users


@pytest.mark.parametrize("path", [PRODUCTS, REQUESTS, "/api/auth/user", HOOKS])
def test_without_a_token_everything_is_refused(path: str, cast: Cast) -> None:
    assert cast.app.api.client.get(path).status_code == 401
