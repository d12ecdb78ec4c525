"""Access requests, approval records and the caller on the vendor's own paths; each view is one operation."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask import request as asked

from emitter.errors import UsageError
from emitter.vendor import Desk, people
from emitter.vendor import requests as access
from emitter.web import asking, reading
from emitter.web.asking import desk
from emitter.web.product_api import product
from emitter.world.entities import DATA_ACCESS, MASKING_EXCEPTION

STATUSES = ("APPROVED", "CANCELED", "DENIED", "PENDING", "NONE", "PUBLISHER", "REVOKED", "EXPIRED")
REQUEST_TYPES = (DATA_ACCESS, MASKING_EXCEPTION)
_PATH = "/api/access-request"
_SORTS = ("status", "dataProduct", "createdAt", "updatedAt", "expiration")


def request_filter(at: Desk, **more: Any) -> access.RequestFilter:
    """Read what all searches of access requests can be asked for."""
    return access.RequestFilter(
        text=asking.text("searchText"),
        statuses=asking.several("status", STATUSES),
        types=asking.several("type", REQUEST_TYPES),
        users=asking.several("userIds"),
        expiration=asking.flag("expiration"),
        include_temporary=bool(asking.flag("includeTemporary")),
        product=asking.id_of("dataProductId", at.world.known.products),
        asset=asking.uuid("assetId"),
        asset_types=asking.several("assetType", ("DATA_PRODUCT", "DATA_OBJECT")),
        targets=asking.several("targetType"),
        reviews=asking.several("reviewStatus", ("noReviews", "reviewedByYou", "awaitingReviewFromYou")),
        **more,
    )


def request_order() -> dict[str, Any]:
    """Read order and page of such a search."""
    return {
        "sort_by": asking.choice("sortBy", _SORTS, "createdAt"),
        "descending": asking.choice("sortOrder", ("asc", "desc"), "desc") == "desc",
        "offset": asking.number("offset", 0, least=0),
        "limit": asking.number("limit", 10, least=1),
    }


@product.get(_PATH)
def search_access_requests() -> Response:
    """`searchAccessRequests`."""
    at = desk()
    wanted = request_filter(at, roles=asking.several("role", ("requestor", "manager", "steward")))
    return jsonify(access.search(at, wanted, **request_order()))


@product.get(f"{_PATH}/approved-masking-exception-columns")
def get_approved_masking_exception_columns() -> Response:
    """`getApprovedMaskingExceptionColumns`."""
    if "userId" not in asked.args:
        raise UsageError("userId is missing: the global user id of whose columns they are.")
    return jsonify(access.approved_columns(desk(), asking.text("userId")))


@product.get(f"{_PATH}/<id>")
def get_access_request_by_id(id: str) -> Response:
    """`getAccessRequestById`."""
    return jsonify(access.read(desk(), id))


@product.delete(f"{_PATH}/<id>")
def cancel_access_request(id: str) -> Response:
    """`cancelAccessRequest`."""
    access.cancel(desk(), id)
    return Response(status=204)


@product.get(f"{_PATH}/<id>/records")
def get_access_request_records(id: str) -> Response:
    """`getAccessRequestRecords`."""
    return jsonify(access.records(desk(), id))


@product.get(f"{_PATH}/<id>/risk-assessment")
def get_risk_assessment(id: str) -> Response:
    """`getRiskAssessment`."""
    return jsonify(access.risk(desk(), id))


@product.get(f"{_PATH}/<id>/masking-exception-columns")
def search_access_request_masking_exception_columns(id: str) -> Response:
    """`searchAccessRequestMaskingExceptionColumns`."""
    offset, limit = asking.number("offset", 0, least=0), asking.number("limit", 10, least=1)
    return jsonify(access.exception_columns(desk(), id, offset=offset, limit=limit))


@product.put("/api/approval-record/<id>")
def update_approval_record(id: str) -> Response:
    """`updateApprovalRecord`."""
    return jsonify(access.determine(desk(), id, reading.json_object()))


@product.get("/api/auth/user")
def user() -> Response:
    """`user`: the caller."""
    return jsonify(people.user(desk()))
