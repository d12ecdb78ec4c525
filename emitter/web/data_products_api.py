"""Data products on the vendor's own paths; each view is one operation of the vendor's API description."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from emitter.vendor import products
from emitter.vendor import requests as access
from emitter.web import asking, reading
from emitter.web.asking import desk
from emitter.web.product_api import product
from emitter.web.requests_api import REQUEST_TYPES, STATUSES, request_filter, request_order
from emitter.world.entities import DATA_ACCESS

_PATH = "/api/data-product"
_ORDERS = ("asc", "desc")


@product.get(_PATH)
def search_data_products() -> Response:
    """`searchDataProducts`."""
    wanted = products.ProductFilter(
        name=asking.text("nameFilter"),
        statuses=asking.several("statusFilter", STATUSES),
        roles=asking.several("roleFilter", ("manager", "member", "noRole", "steward")),
        expiration=asking.flag("expiration"),
    )
    order: dict[str, Any] = {
        "sort_by": asking.choice("sortBy", ("name",)), "descending": asking.choice("sortOrder", _ORDERS) == "desc"
    }  # fmt: skip
    return jsonify(products.search(desk(), wanted, **order, **_token_page()))


@product.post(_PATH)
def create_data_product() -> tuple[Response, int]:
    """`createDataProduct`."""
    return jsonify(products.publish(desk(), reading.json_object())), 201


@product.get(f"{_PATH}/<id>")
def get_data_product_by_id(id: str) -> Response:
    """`getDataProductById`."""
    return jsonify(products.read(desk(), id))


@product.put(f"{_PATH}/<id>")
def update_data_product(id: str) -> Response:
    """`updateDataProduct`."""
    return jsonify(products.edit(desk(), id, reading.json_object()))


@product.delete(f"{_PATH}/<id>")
def delete_data_product(id: str) -> Response:
    """`deleteDataProduct`: 200, with nothing to say."""
    products.delete(desk(), id)
    return Response(status=200)


@product.get(f"{_PATH}/<name:name>/byName")
def get_data_product_by_name(name: str) -> Response:
    """`getDataProductByName`."""
    return jsonify(products.by_name(desk(), name))


@product.put(f"{_PATH}/<id>/datasources")
def update_data_sources(id: str) -> Response:
    """`updateDataSources`."""
    return jsonify(products.change_sources(desk(), id, reading.json_object()))


@product.get(f"{_PATH}/<id>/datasources")
def search_data_sources(id: str) -> Response:
    """`searchDataSources`."""
    user, name = asking.uuid("user"), asking.text("nameFilter")
    return jsonify(products.search_sources(desk(), id, user=user, name=name, **_token_page()))


@product.get(f"{_PATH}/<id>/datasources/all")
def get_all_data_sources(id: str) -> Response:
    """`getAllDataSources`."""
    return jsonify(products.all_sources(desk(), id))


@product.get(f"{_PATH}/<id>/columns")
def search_data_product_columns(id: str) -> Response:
    """`searchDataProductColumns`: `dir` and `sortOrder` say the same thing twice; either turns the order."""
    turned = asking.choice("sortOrder", _ORDERS) == "desc" or asking.choice("dir", ("ASC", "DESC")) == "DESC"
    return jsonify(
        products.columns(
            desk(), id, text=asking.text("searchText"), masked_only=bool(asking.flag("maskedOnly")),
            tags=tuple(asking.several("tagIds")), sources=tuple(asking.several("dataSourceIds")), descending=turned,
            offset=asking.number("offset", 0, least=0), limit=asking.number("limit", 10, least=1),
        )
    )  # fmt: skip


@product.get(f"{_PATH}/<id>/request-forms")
def get_request_forms(id: str) -> Response:
    """`getRequestForms`."""
    return jsonify(products.forms(desk(), id))


@product.get(f"{_PATH}/<id>/recent-determinations")
def recent_determinations(id: str) -> Response:
    """`recentDeterminations`."""
    return jsonify(products.determinations(desk(), id, type=asking.choice("type", REQUEST_TYPES, DATA_ACCESS)))


@product.get(f"{_PATH}/<id>/request")
def search_data_product_access_requests(id: str) -> Response:
    """`searchDataProductAccessRequests`."""
    at = desk()
    return jsonify(access.search(at, request_filter(at), of=id, **request_order()))


@product.get(f"{_PATH}/<id>/members")
def search_data_product_members(id: str) -> Response:
    """`searchDataProductMembers`."""
    at = desk()
    return jsonify(access.members(at, id, request_filter(at), **request_order()))


@product.post(f"{_PATH}/<id>/request")
def request_access(id: str) -> tuple[Response, int]:
    """`requestAccess`."""
    return jsonify(access.ask(desk(), id, reading.json_object())), 201


@product.post(f"{_PATH}/<id>/request/masking-exception")
def request_masking_exception(id: str) -> tuple[Response, int]:
    """`requestMaskingException`."""
    return jsonify(access.ask_exception(desk(), id, reading.json_object())), 201


@product.delete(f"{_PATH}/<id>/request/<request_id>")
def revoke_access(id: str, request_id: str) -> Response:
    """`revokeAccess`."""
    access.revoke(desk(), id, request_id)
    return Response(status=204)


def _token_page() -> dict[str, Any]:
    return {"token": asking.text("nextToken"), "limit": asking.number("limit", 10, least=1, most=100)}
