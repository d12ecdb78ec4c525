"""Who may do what: one table of operations and roles, and what makes somebody have a role.

Documented are two: only who is assigned may decide, managers and GOVERNANCE not excepted (Permissions Matrix), and
webhooks are for APPLICATION_ADMIN (Manage Webhooks). The rest is assumed: who has no part in a thing may not change it,
and does not see its requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from emitter.errors import EmitterError
from emitter.vendor.caller import ADMIN, Caller, Desk
from emitter.world.approving import fits
from emitter.world.entities import Product, Request
from emitter.world.founding import MANAGE

ANYONE, SELF = "anyone", "self"
REQUESTOR, MANAGER, STEWARD, GOVERNOR = "requestor", "manager", "steward", "governor"
APPROVER, ADMINISTRATOR = "approver", "administrator"

WORDS: Mapping[str, str] = MappingProxyType(
    {
        REQUESTOR: "who asked for it or is to get it",
        MANAGER: f"holders of {MANAGE} in its domains",
        STEWARD: "its stewards",
        GOVERNOR: "holders of GOVERNANCE",
        APPROVER: "the approvers that it is assigned to",
        ADMINISTRATOR: f"holders of {ADMIN}",
        SELF: "the user whom it is about",
        ANYONE: "everybody",
    }
)
_OWNERS, _INVOLVED = (MANAGER, GOVERNOR), (REQUESTOR, MANAGER, STEWARD, GOVERNOR)
_REVIEWERS = (MANAGER, STEWARD, GOVERNOR)

OPERATIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "searchDataProducts": (ANYONE,),
        "createDataProduct": _OWNERS,
        "getDataProductById": (ANYONE,),
        "updateDataProduct": _OWNERS,
        "deleteDataProduct": _OWNERS,
        "getDataProductByName": (ANYONE,),
        "updateDataSources": _OWNERS,
        "searchDataSources": (ANYONE,),
        "getAllDataSources": (ANYONE,),
        "searchDataProductColumns": (ANYONE,),
        "getRequestForms": (ANYONE,),
        "searchDataProductAccessRequests": (ANYONE,),  # each sees what concerns them
        "searchDataProductMembers": (ANYONE,),
        "recentDeterminations": _REVIEWERS,
        "requestAccess": (ANYONE,),
        "requestMaskingException": (ANYONE,),
        "revokeAccess": _REVIEWERS,
        "searchAccessRequests": (ANYONE,),
        "getAccessRequestById": _INVOLVED,
        "getAccessRequestRecords": _INVOLVED,
        "searchAccessRequestMaskingExceptionColumns": _INVOLVED,
        "getRiskAssessment": _REVIEWERS,
        "cancelAccessRequest": (REQUESTOR,),
        "updateApprovalRecord": (APPROVER,),
        "getApprovedMaskingExceptionColumns": (SELF, GOVERNOR),
        "user": (ANYONE,),
        "getWebhooks": (ADMINISTRATOR,),
        "createWebhook": (ADMINISTRATOR,),
        "getWebhook": (ADMINISTRATOR,),
        "updateWebhook": (ADMINISTRATOR,),
        "deleteWebhook": (ADMINISTRATOR,),
        "getWebhookHistory": (ADMINISTRATOR,),
        "testWebhook": (ADMINISTRATOR,),
        "testWebhookConfig": (ADMINISTRATOR,),
    }
)
"""Each operation of the API (by its operationId) and the roles of which one is enough."""


class Refused(EmitterError):
    """The caller is known, and may not do this: status 403. `allowed` names the roles that may."""

    def __init__(self, operation: str, allowed: tuple[str, ...], who: str) -> None:
        self.operation, self.allowed = operation, allowed
        super().__init__(f"{operation} is for {' or '.join(WORDS[each] for each in allowed)}; {who} is none of them.")


def roles(caller: Caller, product: Product | None = None, request: Request | None = None) -> frozenset[str]:
    """The roles that a caller has towards a product, and a request for it."""
    found = {ANYONE}
    if caller.has(ADMIN):
        found.add(ADMINISTRATOR)
    if caller.has("GOVERNANCE"):
        found.add(GOVERNOR)
    if caller.person is None:
        return frozenset(WORDS)
    person = caller.person
    if product is not None:
        if any((domain, MANAGE) in person.domain_permissions for domain in product.domains):
            found.add(MANAGER)
        if any(each.fits(person, product.domains) for each in product.stewards):
            found.add(STEWARD)
    if product is not None and request is not None:
        if person.id in (request.user, request.requesting_user):
            found.add(REQUESTOR)
        if any(fits(person, record, product) for record in request.records):
            found |= {STEWARD, APPROVER}
    return frozenset(found)


def demand(desk: Desk, operation: str, product: Product | None = None, request: Request | None = None) -> None:
    """Raise `Refused` unless the caller has one of the roles that the operation is for."""
    allowed = OPERATIONS[operation]
    if not roles(desk.caller, product, request).intersection(allowed):
        raise refusal(desk.caller, operation)


def refusal(caller: Caller, operation: str) -> Refused:
    """The error that says who may do this."""
    return Refused(operation, OPERATIONS[operation], caller.person.name if caller.person else "the admin")


def sees(has: frozenset[str]) -> bool:
    """Whether a request is shown to who has these roles towards it."""
    return bool(has.intersection(_INVOLVED))
