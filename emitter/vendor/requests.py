"""What the API offers about access requests and approval records. Each function is one operation, named as there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from emitter.errors import Conflict, NotFound
from emitter.vendor import bodies, shapes
from emitter.vendor.caller import Desk
from emitter.vendor.paging import page
from emitter.vendor.rights import GOVERNOR, MANAGER, REQUESTOR, STEWARD, demand, refusal, roles, sees
from emitter.world.approving import fits
from emitter.world.entities import APPROVED, DENIED, MASKING_EXCEPTION, PENDING, Product, Request

Json = dict[str, Any]
_TARGETS = {MASKING_EXCEPTION: "COLUMNS"}
_LATE = 2**63  # sorts behind every time that there is


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """What a search of access requests may be asked for; nothing that is left empty restricts.

    `include_temporary` is taken and, unless `api.include_temporary` says otherwise, hides nothing.
    """

    text: str = ""
    statuses: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    expiration: bool | None = None
    include_temporary: bool = False
    product: str = ""
    asset: str = ""
    asset_types: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    reviews: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    def fits(self, desk: Desk, request: Request, product: Product) -> bool:
        """Whether a request is asked for, by this caller, and may be shown to them."""
        restrictions = (
            (self.statuses, request.status), (self.types, request.type), (self.users, request.user),
            (self.targets, _TARGETS.get(request.type, "DATA_PRODUCT")), (self.asset_types, "DATA_PRODUCT"),
        )  # fmt: skip
        if any(wanted and has not in wanted for wanted, has in restrictions):
            return False
        if self.asset or (self.product and request.product != self.product):
            return False
        if self.expiration is not None and self.expiration != bool(request.expiration):
            return False
        hides = desk.assumptions.api_include_temporary == "hides" and not self.include_temporary
        if hides and self.expiration is None and request.expiration:
            return False
        if self.text and not any(self.text.casefold() in each.casefold() for each in _texts(desk, request, product)):
            return False
        if self.reviews and not self.reviews.intersection(_reviews(desk, request, product)):
            return False
        has = roles(desk.caller, product, request)
        return sees(has) and (not self.roles or bool(self.roles.intersection(_named(has))))


def _texts(desk: Desk, request: Request, product: Product) -> list[str]:
    people = [desk.world.known.users[each] for each in (request.user, request.requesting_user)]
    return [product.name, *(text for each in people for text in (each.name, each.username))]


def _named(has: frozenset[str]) -> set[str]:
    """Roles as the filter names them; who governs is assumed to manage everything."""
    names = {"requestor": {REQUESTOR}, "manager": {MANAGER, GOVERNOR}, "steward": {STEWARD}}
    return {name for name, any_of in names.items() if has.intersection(any_of)}


def _reviews(desk: Desk, request: Request, product: Product) -> set[str]:
    person = desk.caller.person
    decided = [each for each in request.records if each.action_by]
    found = set() if decided else {"noReviews"}
    if person is not None and any(each.action_by == person.id for each in decided):
        found.add("reviewedByYou")
    waits = [each for each in request.records if each.status == PENDING]
    if request.status == PENDING and any(person is None or fits(person, each, product) for each in waits):
        found.add("awaitingReviewFromYou")
    return found


def search(
    desk: Desk,
    wanted: RequestFilter,
    *,
    of: str = "",
    sort_by: str = "createdAt",
    descending: bool = True,
    offset: int = 0,
    limit: int = 10,
) -> Json:
    """`searchAccessRequests`, or with `of` those for one product (`searchDataProductAccessRequests`)."""
    known = desk.world.known
    if of:
        desk.product(of)
        there = [known.requests[each] for each in tuple(known.of_product.get(of, ()))]
    else:
        there = list(tuple(known.requests.values()))
    found = [
        each for each in there
        if not each.deleted_at and not known.products[each.product].deleted_at
        and wanted.fits(desk, each, known.products[each.product])
    ]  # fmt: skip
    found.sort(key=_sorting(desk, sort_by), reverse=descending)
    return page(desk.assumptions, found, lambda each: shapes.request_shown(desk, each), offset=offset, limit=limit)


def _sorting(desk: Desk, by: str) -> Callable[[Request], tuple[Any, int]]:
    values: dict[str, Callable[[Request], Any]] = {
        "status": lambda each: each.status,
        "dataProduct": lambda each: desk.world.known.products[each.product].name.casefold(),
        "createdAt": lambda each: each.created_at,
        "updatedAt": lambda each: each.updated_at,
        "expiration": lambda each: each.expiration or _LATE,
    }
    value = values[by]
    return lambda each: (value(each), each.number)


def members(desk: Desk, id: str, wanted: RequestFilter, **how: Any) -> Json:
    """`searchDataProductMembers`: approved requests, of those that the filter leaves."""
    statuses = wanted.statuses & {APPROVED} if wanted.statuses else frozenset({APPROVED})
    if not statuses:
        desk.product(id)
        return page(desk.assumptions, [], shapes.bare, offset=how.get("offset", 0), limit=how.get("limit", 10))
    return search(desk, replace(wanted, statuses=statuses), of=id, **how)


def ask(desk: Desk, id: str, body: Json) -> Json:
    """`requestAccess`: the caller asks, for the user of the body."""
    product = desk.product(id)
    demand(desk, "requestAccess", product)
    done = desk.world.act("request", product=id, **bodies.access_request(desk, body))
    return shapes.request_shown(desk, done.entity)  # type: ignore[arg-type]  # the action makes a request


def ask_exception(desk: Desk, id: str, body: Json) -> Json:
    """`requestMaskingException`."""
    product = desk.product(id)
    demand(desk, "requestMaskingException", product)
    parameters = bodies.exception_request(desk, body, product)
    done = desk.world.act("request_masking_exception", product=id, **parameters)
    return shapes.request_shown(desk, done.entity)  # type: ignore[arg-type]  # the action makes a request


def _involved(desk: Desk, operation: str, id: str) -> Request:
    """The request of this id, where the caller may do this with it."""
    request = desk.request(id)
    demand(desk, operation, desk.world.known.products[request.product], request)
    return request


def read(desk: Desk, id: str) -> Json:
    """`getAccessRequestById`."""
    request = _involved(desk, "getAccessRequestById", id)
    return shapes.request_shown(desk, request)


def records(desk: Desk, id: str) -> Json:
    """`getAccessRequestRecords`."""
    request = _involved(desk, "getAccessRequestRecords", id)
    return {"approvalRecords": [shapes.record_of(desk, each, request) for each in request.records]}


def risk(desk: Desk, id: str) -> Json:
    """`getRiskAssessment`: how the app weighs a risk is not known, so it is always said to be open."""
    _involved(desk, "getRiskAssessment", id)
    return {"approvalRisk": "INDETERMINATE"}


def exception_columns(desk: Desk, id: str, *, offset: int = 0, limit: int = 10) -> Json:
    """`searchAccessRequestMaskingExceptionColumns`; a request for access has none."""
    request = _involved(desk, "searchAccessRequestMaskingExceptionColumns", id)
    found = [(desk.world.known.sources[each.source], each.name) for each in request.columns]
    return page(
        desk.assumptions, found, lambda each: shapes.column_shown(*each, local=False), offset=offset, limit=limit
    )


def approved_columns(desk: Desk, user: str) -> list[Json]:
    """`getApprovedMaskingExceptionColumns`: what a user sees unmasked now."""
    if user != desk.caller.id:
        demand(desk, "getApprovedMaskingExceptionColumns")
    if user not in desk.world.known.users:
        raise NotFound("user", user)
    granted = [
        each for each in tuple(desk.world.known.requests.values())
        if each.user == user and each.type == MASKING_EXCEPTION and each.status == APPROVED and not each.deleted_at
    ]  # fmt: skip
    columns = dict.fromkeys((column.name, column.source) for each in granted for column in each.columns)
    return [{"columnName": name, "sourceId": source} for name, source in columns]


def cancel(desk: Desk, id: str) -> None:
    """`cancelAccessRequest`."""
    _involved(desk, "cancelAccessRequest", id)
    desk.world.act("cancel", request=id)


def revoke(desk: Desk, product_id: str, id: str) -> None:
    """`revokeAccess`: the request has to be one for this product."""
    desk.product(product_id)
    request = desk.world.known.requests.get(id)
    if request is None or request.product != product_id:
        raise NotFound("access request for this data product", id)
    _involved(desk, "revokeAccess", id)
    desk.world.act("revoke", request=id)


def determine(desk: Desk, id: str, body: Json) -> Json:
    """`updateApprovalRecord`: approve or deny; for whoever is nobody in the world the first approver does it."""
    known = desk.world.known
    if id not in known.request_of_record:
        raise NotFound("approval record", id)
    request = _of_record(desk, id)
    status, parameters = bodies.determination(body)
    if status not in (APPROVED, DENIED):
        raise Conflict(f"A determination is APPROVED or DENIED; nobody makes a record {status}.")
    if status == DENIED:
        del parameters["duration"]
    action = "approve" if status == APPROVED else "deny"
    done = desk.world.act(action, request=request.id, record=id, by=desk.caller.id or None, **parameters)
    decided = done.entity
    record = next(each for each in decided.records if each.id == id)  # type: ignore[union-attr]  # a request
    return shapes.record_of(desk, record, decided)  # type: ignore[arg-type]  # a request


def _of_record(desk: Desk, id: str) -> Request:
    """The request of a record, where the caller may decide on that very record."""
    request = desk.request(desk.world.known.request_of_record[id])
    product = desk.world.known.products[request.product]
    record = next(each for each in request.records if each.id == id)
    person = desk.caller.person
    if person is not None and not fits(person, record, product):
        raise refusal(desk.caller, "updateApprovalRecord")
    return request
