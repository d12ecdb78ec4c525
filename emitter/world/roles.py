"""What somebody is in the app, which follows from the rights they have there."""

from __future__ import annotations

from emitter.world.entities import User
from emitter.world.founding import MANAGE
from emitter.world.known import Known

CONSUMER, STEWARD, PUBLISHER, GOVERNOR = "consumer", "steward", "publisher", "governor"


def roles(user: User, known: Known) -> tuple[str, ...]:
    """Name the roles of a user: everybody is a consumer, whoever may decide on some product is a steward.

    Who manages data products in a domain may publish there; who holds GOVERNANCE governs (assumed: the vendor's
    documents use these words and define none of them).
    """
    products = [each for each in tuple(known.products.values()) if not each.deleted_at]
    held = {
        CONSUMER: True,
        STEWARD: any(approver.fits(user, each.domains) for each in products for approver in each.stewards),
        PUBLISHER: any(right == MANAGE for _, right in user.domain_permissions),
        GOVERNOR: "GOVERNANCE" in user.permissions,
    }
    return tuple(role for role, holds in held.items() if holds)
