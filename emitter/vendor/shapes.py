"""What the world shows, as a caller of the API sees it: nothing of ours, and with the caller's own standing."""

from __future__ import annotations

from random import Random
from typing import Any

from emitter.clock import rfc3339
from emitter.factory.cast import cuid, uuid
from emitter.vendor.caller import Caller, Desk
from emitter.world.columns import column_facts
from emitter.world.entities import DATA_ACCESS, MASKING_EXCEPTION, DataSource, Product, Record, Request
from emitter.world.forms import form_ids, form_of, form_version
from emitter.world.known import Known
from emitter.world.showing import policy_shown, record_shown

Json = dict[str, Any]


def bare(shown: Any) -> Any:
    """Leave out what is ours and not the API's (`xSimulator`), at any depth."""
    if isinstance(shown, dict):
        return {name: bare(value) for name, value in shown.items() if name != "xSimulator"}
    if isinstance(shown, list):
        return [bare(each) for each in shown]
    return shown


def standing(caller: Caller, product: Product, known: Known) -> tuple[str, Request | None]:
    """What a product says of the caller: PUBLISHER, the status of their latest request for access, or NONE."""
    mine = [
        request
        for id in tuple(known.of_product.get(product.id, ()))
        if (request := known.requests[id]).user == caller.id and request.type == DATA_ACCESS
    ]
    latest = mine[-1] if mine else None
    if product.created_by == caller.id:
        return "PUBLISHER", latest
    return (latest.status if latest else "NONE"), latest


def product_shown(desk: Desk, product: Product) -> Json:
    """A DataProduct; `status`, `expiration` and `requestId` are the caller's, and left out for who is nobody."""
    shown: Json = bare(desk.world.show(product))
    if desk.caller.person is not None:
        status, latest = standing(desk.caller, product, desk.world.known)
        shown["status"] = status
        shown["expiration"] = rfc3339(latest.expiration, 3) if latest and latest.expiration else None
        if latest is not None:
            shown["requestId"] = latest.id
    return shown


def request_shown(desk: Desk, request: Request) -> Json:
    """A HydratedAccessRequest."""
    found: Json = bare(desk.world.show(request))
    return found


def record_of(desk: Desk, record: Record, request: Request) -> Json:
    """An ApprovalRecord."""
    found: Json = bare(record_shown(record, request, desk.world.known))
    return found


def user_shown(desk: Desk, id: str) -> Json:
    """An Immuta user, as they stand in requests and records."""
    found: Json = bare(desk.world.show(desk.world.known.users[id]))
    return found


def source_shown(desk: Desk, product: Product, source: DataSource, user: str) -> Json:
    """A data source of a product, with the standing of a user towards it; SUBSCRIBED is who has been granted access.

    RESTRICTED is assumed to be a grant for a product that is suspended.
    """
    shown: Json = bare(desk.world.show(source))
    status = "NONE"
    if granted(desk.world.known, product, user):
        status = "RESTRICTED" if product.suspended else "SUBSCRIBED"
    return {**shown, "id": cuid(Random(f"{product.id}/source/{source.id}")), "prefix": None, "status": status}


def granted(known: Known, product: Product, user: str) -> bool:
    """Whether a user has access to a product now."""
    there = (known.requests[id] for id in tuple(known.live.get(product.id, ())))
    return any(each.user == user and each.type == DATA_ACCESS and each.status == "APPROVED" for each in there)


def column_shown(source: DataSource, name: str, *, local: bool = True) -> Json:
    """A column, with its tags and how it is masked; `local` adds the member for a policy of its own, which none has."""
    facts = column_facts(name)
    masked: Json = {"globalPolicyInfo": {"maskingType": facts.masking} if facts.masking else None}
    if not local and facts.masking:
        masked["globalPolicyInfo"] |= {"matchingTag": facts.tags[0] if facts.tags else None, "matchingRegex": None}
    return {
        "name": name, "sourceId": source.id, "sourceName": source.name, "tags": list(facts.tags), "type": facts.type,
        **masked, **({"localPolicyInfo": None} if local else {}),
    }  # fmt: skip


def form_shown(desk: Desk, product: Product, place: int) -> Json:
    """A DataProductRequestForm. The API makes none; each product has one of each type, with one question (assumed)."""
    known, id = desk.world.known, form_of(product, place)
    linked = tuple(known.products.values()) if product.forms[place] else ()  # deleted ones, too: the form stays
    owner = next((each for each in linked if form_ids(each)[place] == id), product)
    author = known.users[owner.created_by]
    by = {"globalUserId": author.id, "name": author.name}
    made = rfc3339(owner.created_at, 3)
    return {
        "id": id,
        "name": ("Access to ", "Masking exception for ")[place] + owner.name,
        "fields": [
            {"id": uuid(Random(f"{id}/reason")), "type": "SHORT_ANSWER", "label": "Why do you need this data?",
             "required": True}
        ],
        "policy": policy_shown(product.masking if place else product.access, known),
        "dataUseAgreements": [],
        "createdBy": by,
        "createdAt": made,
        "updatedBy": by,
        "updatedAt": made,
        "version": form_version(id),
        "requestType": MASKING_EXCEPTION if place else DATA_ACCESS,
    }  # fmt: skip
