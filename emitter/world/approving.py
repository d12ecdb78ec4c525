"""Who may decide on a request: approvers as people write them, the records of a review, whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emitter.errors import BadValue
from emitter.world.draft import Draft
from emitter.world.entities import BLOCKED, PENDING, Approver, Product, Record, Request, Stage, User
from emitter.world.founding import MANAGE
from emitter.world.known import Known

PERMISSIONS = ("GOVERNANCE", "USER_ADMIN", "AUDIT")
DOMAIN_PERMISSIONS = ("Manage Policies", "Audit Activity", MANAGE, "Manage Identifiers")
STEWARDS = (Approver("PERMISSION", "GOVERNANCE"), Approver("DOMAIN PERMISSION", MANAGE))
"""Who decides where nobody is named: the default of the API's dataAccessPolicy."""


def approver(known: Known, value: Any) -> Approver:
    """Read an approver: a user by id or name, a permission, or the API's object. Raises `NotFound` or `BadValue`."""
    if isinstance(value, str):
        if value in PERMISSIONS:
            return Approver("PERMISSION", value)
        if value in DOMAIN_PERMISSIONS:
            return Approver("DOMAIN PERMISSION", value)
        return Approver("USER", known.user(value).id)
    told = {name: str(each) for name, each in value.items()}
    match told.get("type"):
        case "USER" if "id" in told:
            return Approver("USER", known.user(told["id"]).id)
        case "GROUP" if "name" in told:
            return Approver("GROUP", told["name"])
        case "PERMISSION" if told.get("permission") in PERMISSIONS:
            return Approver("PERMISSION", told["permission"])
        case "DOMAIN PERMISSION" if told.get("permission") in DOMAIN_PERMISSIONS:
            domain = told.get("domainId", "")
            return Approver("DOMAIN PERMISSION", told["permission"], known.domain(domain).id if domain else "")
        case "ATTRIBUTE" if "key" in told and "value" in told:
            return Approver("ATTRIBUTE", told["value"], told["key"])
        case "CATALOG PERMISSION":
            return Approver("CATALOG PERMISSION")
    raise BadValue("approver", value, 'is no approver. Write a user, a permission, or {"type": "GROUP", "name": ...}.')


def stages(
    known: Known, stewards: tuple[Any, ...], review: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...]
) -> tuple[Stage, ...]:
    """The stages of a review: those given, or one in which any of the stewards decides, or the API's default."""
    if stewards and review:
        raise BadValue("stewards", "(as given)", "and review are two ways to say who decides: give one of them.")
    if review:
        return tuple(Stage(mode, _distinct(known, each)) for mode, each in review)
    return (Stage("any", _distinct(known, stewards) if stewards else STEWARDS),)


def _distinct(known: Known, values: tuple[Any, ...]) -> tuple[Approver, ...]:
    return tuple(dict.fromkeys(approver(known, value) for value in values))


def record_count(stages: tuple[Stage, ...]) -> int:
    """How many records a request that goes through these stages gets."""
    return sum(1 if stage.mode == "any" else len(stage.approvers) for stage in stages)


def records(stages: tuple[Stage, ...], ids: list[str], now: int) -> tuple[Record, ...]:
    """One record for a stage of `any`, one for each approver of `all`; each stage waits for the one before it."""
    made: list[Record] = []
    earlier: tuple[str, ...] = ()
    for stage in stages:
        groups = [stage.approvers] if stage.mode == "any" else [(each,) for each in stage.approvers]
        status = BLOCKED if earlier else PENDING
        fresh = [Record(ids[len(made) + place], status, group, now, now, earlier) for place, group in enumerate(groups)]
        made += fresh
        earlier = tuple(each.id for each in fresh)
    return tuple(made)


def turn(draft: Draft, request: Request, by: str, record: str) -> tuple[User, Record]:
    """Who decides on which record: as asked, or the first that can. Raises `IllegalAction` where nobody can."""
    product = draft.product_of(request)
    waiting = [each for each in request.records if each.status == PENDING]
    if record:
        named = next((each for each in request.records if each.id == record), None)
        if named is None:
            raise draft.refuse(request, f"needs a record of this request, and {record} is none")
        if named.status != PENDING:
            raise draft.refuse(request, f"needs a record that is PENDING, and {record} is {named.status}")
        waiting = [named]
    if by:
        user = draft.known.user(by)
        for each in waiting:
            if fits(user, each, product):
                return user, each
        raise draft.refuse(request, f"is not for {user.name} now: it waits for {_waited_for(draft, waiting)}")
    for each in waiting:
        for user in draft.users():
            if fits(user, each, product):
                return user, each
    raise draft.refuse(request, f"needs somebody who may decide: it waits for {_waited_for(draft, waiting)}")


def fits(user: User, record: Record, product: Product) -> bool:
    """Whether somebody is one of those who may decide on a record."""
    return any(each.fits(user, product.domains) for each in record.approvers)


def _waited_for(draft: Draft, waiting: list[Record]) -> str:
    names = []
    for each in dict.fromkeys(one for record in waiting for one in record.approvers):
        user = draft.known.users.get(each.value) if each.type == "USER" else None
        names.append(user.name if user else f"{each.type} {each.value}".strip())
    return " or ".join(names[:5]) + (f" or {len(names) - 5} more" if len(names) > 5 else "")
