"""Request bodies of the API, read into what an action takes. Raises `BadValue`, `UsageError` or `NotFound`.

A schema that forbids no other members gets them ignored, as the app's framework does by default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emitter.errors import BadValue, NotFound, UnknownName, UsageError
from emitter.vendor.caller import Desk
from emitter.world.entities import Product
from emitter.world.policies import read_period

Json = dict[str, Any]
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_CUID = re.compile(r"c[a-z0-9]{7,31}")
_STATUSES = ("APPROVED", "BLOCKED", "CANCELED", "DENIED", "PENDING")


def is_uuid(text: object) -> bool:
    """Whether a text is written as a UUID."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def is_id(text: object) -> bool:
    """Whether a text has one of the two forms of an id, uuid or cuid."""
    return is_uuid(text) or (isinstance(text, str) and _CUID.fullmatch(text) is not None)


def new_product(desk: Desk, body: Json) -> Json:
    """Read a CreateDataProduct into the parameters of `publish`."""
    for name in ("name", "metadata", "domains", "dataSources"):
        if name not in body:
            raise UsageError(f"{name} is missing: a data product needs name, metadata, domains and dataSources.")
    found = _product(desk, body)
    if "id" in body:
        if not is_uuid(body["id"]):
            raise BadValue("id", body["id"], "is no UUID.")
        found["id"] = body["id"].lower()
    found["data_sources"] = sources(desk, body)
    return found


def changed_product(desk: Desk, body: Json, product: Product) -> Json:
    """Read an UpdateDataProduct into the parameters of `edit`; what is left out stays as it is."""
    if "id" in body and (not is_uuid(body["id"]) or body["id"].lower() != product.id.lower()):
        raise BadValue("id", body["id"], f"is not this product's: a product keeps its id ({product.id}).")
    found = _product(desk, body)
    if "suspended" in body:
        if not isinstance(body["suspended"], bool):
            raise BadValue("suspended", body["suspended"], "is neither true nor false.")
        found["suspended"] = "yes" if body["suspended"] else "no"
    if "metadata" in body and body["metadata"] is None:
        found["expert"] = False
    if "description" in body and body["description"] is None:
        found["description"] = ""
    return found


def _product(desk: Desk, body: Json) -> Json:
    found: Json = {}
    if "name" in body:
        found["name"] = body["name"]
        if not isinstance(body["name"], str) or not body["name"]:
            raise BadValue("name", body["name"], "is no name of 1 to 255 characters.")
    if body.get("description") is not None:
        found["description"] = body["description"]
    if "domains" in body:
        found["domains"] = _domains(desk, body["domains"])
    if body.get("metadata") is not None:
        found["expert"] = _expert(body["metadata"])
    for member, older, form, name in (
        ("dataAccessReviewFlow", "dataAccessPolicy", "dataAccessRequestFormId", "access"),
        ("maskingExceptionReviewFlow", "maskingExceptionPolicy", "maskingExceptionRequestFormId", "masking"),
    ):
        chosen = member if member in body else older
        if chosen in body:
            found[f"{name}_policy"] = _mapping(chosen, body[chosen])
        linked = body.get(form, body.get("requestFormId") if name == "access" else None)
        if linked is not None:
            if not is_id(linked):
                raise BadValue(form, linked, "is neither a UUID nor a cuid.")
            found[f"{name}_form"] = linked
    return found


def _domains(desk: Desk, value: Any) -> list[str]:
    texts = _texts("domains", value)
    if not texts:
        raise BadValue("domains", value, "names no domain.")
    for each in texts:
        if each not in desk.world.known.domains:
            raise NotFound("domain", each, "Domains are named by their ids here.")
    return texts


def sources(desk: Desk, body: Json) -> list[str]:
    """Read `dataSources`, a list of objects with `sourceId`."""
    if "dataSources" not in body:
        raise UsageError('dataSources is missing: all that there are from now on, as [{"sourceId": "101"}].')
    value = body["dataSources"]
    if not isinstance(value, list) or len(value) > 1000:
        raise BadValue("dataSources", value, "is no list of at most 1,000.")
    found = []
    for each in value:
        if not isinstance(each, dict) or not isinstance(each.get("sourceId"), str):
            raise BadValue("dataSources", each, 'is no {"sourceId": "..."}.')
        if each["sourceId"] not in desk.world.known.sources:
            raise NotFound("data source", each["sourceId"])
        found.append(each["sourceId"])
    return found


def _expert(metadata: Any) -> Json:
    expert = _mapping("metadata", metadata).get("subjectMatterExpert")
    if not isinstance(expert, dict) or not is_uuid(expert.get("id")):
        raise BadValue("metadata.subjectMatterExpert", expert, "is no object with the id (a UUID) of a user.")
    for name in ("username", "name"):
        if name in expert and not isinstance(expert[name], str):
            raise BadValue(f"metadata.subjectMatterExpert.{name}", expert[name], "is no text.")
    return {name: expert[name] for name in ("id", "username", "name") if name in expert}


def access_request(desk: Desk, body: Json) -> Json:
    """Read a CreateAccessRequest into the parameters of `request`."""
    if "user" not in body:
        raise UsageError("user is missing: the global user id of who is to get access.")
    if not is_uuid(body["user"]):
        raise BadValue("user", body["user"], "is no UUID.")
    if body["user"] not in desk.world.known.users:
        raise NotFound("user", body["user"])
    return {"user": body["user"], "form": body.get("form"), "requesting_user": desk.caller.id or None}


def exception_request(desk: Desk, body: Json, product: Product) -> Json:
    """Read a CreateMaskingExceptionRequest into the parameters of `request_masking_exception`."""
    found = access_request(desk, body)
    if not isinstance(body.get("columns"), list):
        raise UsageError('columns is missing: a list of {"columnName": "...", "sourceId": "..."}.')
    for each in body["columns"]:
        if not isinstance(each, dict) or not all(isinstance(each.get(key), str) for key in ("columnName", "sourceId")):
            raise BadValue("columns", each, 'is no {"columnName": "...", "sourceId": "..."}.')
        source = desk.world.known.sources.get(each["sourceId"])
        if source is None or source.id not in product.data_sources:
            raise NotFound("data source of this product", each["sourceId"])
        if each["columnName"] not in source.columns:
            raise NotFound(f"column of {source.name}", each["columnName"], f"It has {', '.join(source.columns)}.")
    columns = [{"columnName": each["columnName"], "sourceId": each["sourceId"]} for each in body["columns"]]
    return {**found, "columns": columns}


def determination(body: Json) -> tuple[str, Json]:
    """Read an UpdateApprovalRecordRequest: the status, and the parameters of `approve` or `deny`."""
    known = ("status", "reason", "duration", "durationUnit")
    for name in body:
        if name not in known:
            raise UnknownName("member", name, known)
    if "status" not in body:
        raise UsageError("status is missing: APPROVED or DENIED.")
    if body["status"] not in _STATUSES:
        raise BadValue("status", body["status"], f"is none of {', '.join(_STATUSES)}.")
    reason = body.get("reason", "")
    if not isinstance(reason, str):
        raise BadValue("reason", reason, "is no text.")
    if any(name in body and body[name] is None for name in ("duration", "durationUnit")):
        raise BadValue("duration", None, "is null: leave it out for an approval without an end.")
    return body["status"], {"reason": reason, "duration": read_period("duration", body)}


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadValue(name, value, "is no object.")
    return value


def _texts(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > 1000 or not all(isinstance(each, str) for each in value):
        raise BadValue(name, value, "is no list of at most 1,000 texts.")
    return value
