"""Which things of a kind are asked for: by what state they are in, and by what they are about."""

from __future__ import annotations

from collections.abc import Callable

from emitter.errors import BadValue, UsageError
from emitter.world.entities import (
    ACTIVE,
    APPROVED,
    CANCELED,
    DELETED,
    DENIED,
    EXPIRED,
    PENDING,
    REVOKED,
    SUSPENDED,
    Entity,
    Request,
)  # fmt: skip
from emitter.world.kinds import kind_named
from emitter.world.known import Known

STATUSES = {
    "data product": (ACTIVE, SUSPENDED, DELETED),
    "request": (PENDING, APPROVED, DENIED, CANCELED, REVOKED, EXPIRED, DELETED),
}


def those(
    known: Known, kind: str, *, status: str = "", product: str = "", user: str = "", text: str = ""
) -> list[Entity]:  # fmt: skip
    """Choose among all of a kind; what `World.those` says."""
    kind = kind_named(kind)
    if status and kind not in STATUSES:
        raise UsageError(f"status: a {kind} has none; data products and access requests have.")
    if (product or user) and kind != "request":
        raise UsageError(f"{'product' if product else 'user'}: only access requests can be asked for by it.")
    if status and status.upper() not in STATUSES[kind]:
        raise BadValue("status", status, f"is none of {', '.join(STATUSES[kind])}.")
    product_id = known.product(product).id if product else ""
    user_id = known.user(user).id if user else ""
    fits = _named(known, text)
    return [
        each
        for each in known.all(kind)
        if (each.state == status.upper() if status else each.state != DELETED)
        and (not product_id or (isinstance(each, Request) and each.product == product_id))
        and (not user_id or (isinstance(each, Request) and each.user == user_id))
        and (fits is None or fits(each))
    ]


def _named(known: Known, text: str) -> Callable[[Entity], bool] | None:
    """Whether a thing's id or names hold a text, case ignored; a request has those of its product and its user."""
    if not text:
        return None
    wanted = text.casefold()

    def own(each: Entity) -> bool:
        names = (each.id, getattr(each, "name", ""), getattr(each, "username", ""))
        return any(wanted in name.casefold() for name in names)

    subjects: list[Entity] = [*known.products.copy().values(), *known.users.copy().values()]
    about = {each.id for each in subjects if own(each)}

    def fits(each: Entity) -> bool:
        if isinstance(each, Request):
            return each.product in about or each.user in about or wanted in each.id
        return own(each)

    return fits
