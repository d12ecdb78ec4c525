"""Entities as the vendor's API shows them: DataProduct, HydratedAccessRequest, ApprovalRecord and their like.

A member that the API does not have is called `xSimulator` something, or stands in an object of that name.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from emitter.clock import rfc3339
from emitter.world.approving import STEWARDS
from emitter.world.entities import (
    APPROVED,
    CANCELED,
    DENIED,
    MASKING_EXCEPTION,
    PENDING,
    REVOKED,
    DataSource,
    Domain,
    Entity,
    Founding,
    Policy,
    Product,
    Record,
    Request,
    Stage,
    User,
)  # fmt: skip
from emitter.world.forms import form_of, form_version
from emitter.world.happening import approver_shown
from emitter.world.known import Known
from emitter.world.periods import Period

Json = dict[str, Any]


def shown(entity: Entity, known: Known) -> Json:
    """One entity as JSON."""
    match entity:
        case User():
            return _user(entity)
        case Domain():
            return {"id": entity.id, "name": entity.name}
        case DataSource():
            return {
                "id": entity.id, "name": entity.name, "type": entity.type, "sourceId": entity.id,
                "hostname": entity.hostname, "database": entity.database, "schema": entity.schema,
                "table": entity.table, "xSimulator": {"columns": list(entity.columns)},
            }  # fmt: skip
        case Product():
            return _product(entity, known)
        case Request():
            return _request(entity, known)
        case Founding():
            return {"id": entity.id, "seed": entity.seed}


def _user(user: User) -> Json:
    """An Immuta User, with its rights beside it."""
    attributes: dict[str, list[str]] = {}
    for key, value in user.attributes:
        attributes.setdefault(key, []).append(value)
    rights = [{"collectionId": domain, "permission": right} for domain, right in user.domain_permissions]
    return {
        "id": user.number,
        "iamId": "bim",
        "globalUserId": user.id,
        "username": user.username,
        "name": user.name,
        "email": f"{user.username}@example.com",
        "authorizations": attributes,
        "xSimulator": {
            "globalPermissions": list(user.permissions), "collectionPermissions": rights, "groups": list(user.groups),
        },
    }  # fmt: skip


def _product(product: Product, known: Known) -> Json:
    asked = [known.requests[each] for each in tuple(known.of_product.get(product.id, ()))]
    counts = Counter(each.status for each in asked if not each.deleted_at)
    types = {known.sources[each].type for each in product.data_sources}
    return {
        "id": product.id,
        "name": product.name,
        "description": product.description or None,
        "domains": list(product.domains),
        "suspended": product.suspended,
        "createdBy": product.created_by,
        "createdAt": rfc3339(product.created_at, 3),
        "updatedAt": rfc3339(product.updated_at, 3),
        "stats": {
            "dataSourceCount": len(product.data_sources),
            "pendingRequestCount": counts[PENDING],
            "approvedRequestCount": counts[APPROVED],
            "revokedRequestCount": counts[REVOKED],
            "canceledRequestCount": counts[CANCELED],
            "deniedRequestCount": counts[DENIED],
            "totalRequestCount": counts.total(),
        },
        "sourceTypes": sorted(types),
        "metadata": {"subjectMatterExpert": product.expert} if product.expert else None,
        "dataAccessPolicy": policy_shown(product.access, known),
        "maskingExceptionPolicy": policy_shown(product.masking, known),
        "xSimulator": {"state": product.state, "dataSources": list(product.data_sources), "run": product.run},
    }


def policy_shown(policy: Policy, known: Known) -> Json:
    """A `dataAccessPolicy`. What the world can and the API cannot say (to deny by default) is a rule for everybody."""
    rules = [_rule({"any": [{"type": "USER", "id": each} for each in policy.denied]}, "deny")] if policy.denied else []
    for rule in policy.rules:
        what = _event(rule.event, rule.stages, rule.period, rule.comment, known)
        rules.append({"conditions": rule.conditions, "event": what})
    event, stages = policy.event, policy.stages
    if event == "deny":
        rules.append(_rule({"all": []}, "deny"))
        event, stages = "review", stages or (Stage("any", STEWARDS),)
    shown: Json = {"rules": rules, "defaultEvent": _event(event, stages, policy.period, policy.comment, known)}
    return {"version": policy.version, **shown} if policy.version else shown


def _rule(conditions: Json, event: str) -> Json:
    return {"conditions": conditions, "event": {"type": event, "params": {}}}


def _event(event: str, stages: tuple[Stage, ...], period: Period | None, comment: str, known: Known) -> Json:
    if event == "dataProductPolicy":
        return {"type": event}
    params: Json = {"comment": comment} if comment else {}
    if event == "review":
        params["stages"] = [
            {stage.mode: [approver_shown(each, known.users) for each in stage.approvers]} for stage in stages
        ]
    elif event == "approve" and period is not None:
        params |= {"duration": period.duration, "durationUnit": period.unit}
    return {"type": event, "params": params}


def _request(request: Request, known: Known) -> Json:
    product = known.products[request.product]
    found: Json = {
        "id": request.id,
        "requestingUser": _user(known.users[request.requesting_user]),
        "user": _user(known.users[request.user]),
        "formVersion": form_version(form_of(product, 1 if request.type == MASKING_EXCEPTION else 0)),
        "form": request.form,
        "type": request.type,
        "status": request.status,
        "createdAt": rfc3339(request.created_at, 3),
        "updatedAt": rfc3339(request.updated_at, 3),
        "dataProduct": {"id": product.id, "name": product.name, "description": product.description or None},
    }
    if request.expiration:
        found["expiration"] = rfc3339(request.expiration, 3)
    if request.columns:
        found["metadata"] = {
            "columns": [{"columnName": each.name, "sourceId": each.source} for each in request.columns]
        }
    found["xSimulator"] = {
        "state": request.state, "run": request.run, "warningsToCome": list(request.warnings),
        "approvalRecords": [record_shown(each, request, known) for each in request.records],
    }  # fmt: skip
    return found


def record_shown(record: Record, request: Request, known: Known) -> Json:
    """An ApprovalRecord."""
    found: Json = {
        "id": record.id,
        "dataAccessRequestId": request.id,
        "approvers": [approver_shown(each, known.users) for each in record.approvers],
        "prerequisites": list(record.prerequisites),
        "status": record.status,
        "createdAt": rfc3339(record.created_at, 3),
        "updatedAt": rfc3339(record.updated_at, 3),
        "approverCriteriaMet": None,
        "duration": record.period.duration if record.period else None,
        "durationUnit": record.period.unit if record.period else None,
    }
    if record.reason:
        found["reason"] = record.reason
    if record.action_by:
        found["actionBy"] = _user(known.users[record.action_by])
        fitting = [
            each for each in record.approvers
            if each.fits(known.users[record.action_by], known.products[request.product].domains)
        ]  # fmt: skip
        found["approverCriteriaMet"] = [approver_shown(each, known.users) for each in fitting]
    return found
