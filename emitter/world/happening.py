"""What an action causes, before it is an event: which type, about which entities, and the detail that it may carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emitter.clock import rfc3339
from emitter.world.entities import Approver, Product, Record, Request, User

_PREFIX = "marketplace.data_product."
CREATED = _PREFIX + "access_requests.created"
REMINDED = _PREFIX + "access_requests.pending"
DETERMINED = _PREFIX + "access_requests.consumer.updated"
WITHDRAWN = _PREFIX + "access_requests.canceled"
WARNED = _PREFIX + "access_requests.expiring"
ENDED = _PREFIX + "access_requests.expired"
TAKEN = _PREFIX + "access_requests.revoked"
ORPHANED = _PREFIX + "access_requests.deleted"
STEWARDS_UPDATED = _PREFIX + "access_requests.data_steward.updated"
PUBLISHED = _PREFIX + "state.created"
SOURCES_UPDATED = _PREFIX + "data_sources.updated"
UNPUBLISHED = _PREFIX + "state.deleted"


@dataclass(frozen=True, slots=True)
class Happening:
    """One event to be: its type, and the entities as they are at that moment. A digest of reminders has no product."""

    type: str
    product: Product | None
    requests: tuple[Request, ...] = ()
    record: Record | None = None
    notice: int = 0  # days ahead
    run: str = ""

    def detail(self, users: dict[str, User]) -> dict[str, Any]:
        """What the extended profile tells of it, named as in the API (HydratedAccessRequest and its like)."""
        product = self.product
        if self.type == REMINDED:
            about = [{"id": each.id, "status": each.status} for each in self.requests]
            return {"stats": {"pendingRequestCount": len(about)}, "accessRequests": about}
        if self.requests:
            return self._of_request(self.requests[0], users)
        if product is None:
            return {}
        if self.type == STEWARDS_UPDATED:
            return {"approvers": approvers_shown(product, users)}
        if self.type == SOURCES_UPDATED:
            sources = [{"sourceId": source} for source in product.data_sources]
            return {"dataSources": sources, "stats": {"dataSourceCount": len(sources)}}
        told: dict[str, Any] = {"domains": list(product.domains)}
        if self.type == PUBLISHED:
            told |= {"createdBy": product.created_by, "createdAt": rfc3339(product.created_at, 3)}
        return {"dataProduct": told}

    def _of_request(self, request: Request, users: dict[str, User]) -> dict[str, Any]:
        told: dict[str, Any] = {"id": request.id, "type": request.type, "status": request.status}
        found: dict[str, Any] = {"accessRequest": told}
        if self.type == CREATED:
            told["createdAt"] = rfc3339(request.created_at, 3)
            told["requestingUser"] = _person(request.requesting_user, users)
            told["user"] = _person(request.user, users)
        if request.expiration:
            told["expiration"] = rfc3339(request.expiration, 3)
        if self.notice:
            found["noticeDays"] = self.notice
        if (record := self.record) is not None:
            found["approvalRecord"] = decided = {"id": record.id, "status": record.status}
            if record.reason:
                decided["reason"] = record.reason
            if record.period is not None:
                found["approvalRecord"] |= {"duration": record.period.duration, "durationUnit": record.period.unit}
        if self.type == STEWARDS_UPDATED and self.product is not None:
            found["approvers"] = approvers_shown(self.product, users)
        return found


def _person(id: str, users: dict[str, User]) -> dict[str, str]:
    return {"globalUserId": id, "name": users[id].name}


def approvers_shown(product: Product, users: dict[str, User]) -> list[dict[str, str]]:
    """A product's stewards as the API lists approvers, in the order of the review."""
    stages = (*product.access.stages, *product.masking.stages)
    return [approver_shown(each, users) for each in dict.fromkeys(one for stage in stages for one in stage.approvers)]


def approver_shown(approver: Approver, users: dict[str, User]) -> dict[str, str]:
    """An approver as the API writes one."""
    match approver.type:
        case "USER":
            user = users.get(approver.value)
            return {"type": "USER", "id": approver.value, **({"displayName": user.name} if user else {})}
        case "GROUP":
            return {"type": "GROUP", "name": approver.value}
        case "DOMAIN PERMISSION":
            scope = {"domainId": approver.scope} if approver.scope else {}
            return {"type": approver.type, "permission": approver.value, **scope}
        case "PERMISSION":
            return {"type": approver.type, "permission": approver.value}
        case "ATTRIBUTE":
            return {"type": approver.type, "key": approver.scope, "value": approver.value}
    return {"type": approver.type}
