"""What the API says of the caller."""

from __future__ import annotations

from random import Random
from typing import Any

from emitter.clock import SECOND, rfc3339
from emitter.factory.cast import uuid
from emitter.vendor.bodies import is_uuid
from emitter.vendor.caller import ADMIN, Desk
from emitter.vendor.rights import demand

Json = dict[str, Any]
SESSION = 3600  # seconds; how long a token lasts is not stated, and nothing ends here


def user(desk: Desk) -> Json:
    """`user`: a UserWithPermissionsAndEntitlements. Who is nobody in the world is its administrator."""
    demand(desk, "user")
    known, caller = desk.world.known, desk.caller
    seed = known.founding.seed if known.founding else 0
    person = caller.person
    account = desk.assumptions.payload_account_id
    id = person.id if person else uuid(Random(f"{seed}/administrator"))
    permissions = {*caller.permissions, *(person.permissions if person else (ADMIN, "GOVERNANCE", "USER_ADMIN"))}
    attributes: dict[str, list[str]] = {}
    for key, value in person.attributes if person else ():
        attributes.setdefault(key, []).append(value)
    rights: dict[str, list[Json]] = {}
    for domain, right in person.domain_permissions if person else ():
        made = {
            "id": uuid(Random(f"{id}/{domain}/{right}")), "createdAt": rfc3339(0, 3), "collectionId": domain,
            "permission": right,
        }  # fmt: skip
        rights.setdefault(domain, []).append(made)
    return {
        "displayName": person.name if person else "Administrator",
        "username": person.username if person else "administrator",
        "expiration": desk.clock.now() // SECOND + SESSION,
        "globalUserId": id,
        "trackingId": uuid(Random(f"{id}/tracking")),
        "tenantInfo": {"id": account if is_uuid(account) else uuid(Random(account))},
        "email": f"{person.username}@example.com" if person else "administrator@example.com",
        "globalPermissions": sorted(permissions),
        "collectionPermissions": rights,
        "authorizations": attributes,
        "groups": list(person.groups) if person else [],
    }
