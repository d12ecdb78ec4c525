"""What a world that is read would have gone through by now: it is over, and nobody is told of it."""

from __future__ import annotations

from dataclasses import replace

from emitter.assumptions import Assumptions
from emitter.world.draft import closed
from emitter.world.entities import APPROVED, EXPIRED, PENDING, Entity, Request
from emitter.world.known import Known
from emitter.world.periods import DAY, next_time_of_day


def deleted_with(known: Known) -> None:
    """Let requests be deleted with their products, as far as something might still become of them."""
    for request in list(known.requests.values()):
        gone = known.products[request.product].deleted_at
        if gone and request.live:
            known.apply(replace(request, deleted_at=gone, updated_at=gone, records=closed(request, gone), warnings=()))


def settled(known: Known, now: int, assumptions: Assumptions) -> list[Entity]:
    """Everything there is, with access ended and warnings and reminders sent whose time is over."""
    founding = known.founding
    assert founding is not None
    last = next_time_of_day(now - DAY, assumptions.events_pending_time)
    if founding.reminded < last and any(
        each.state == PENDING and each.created_at < last for each in known.requests.values()
    ):
        founding = replace(founding, reminded=last)
    return [
        founding, *known.domains.values(), *known.users.values(), *known.sources.values(), *known.products.values(),
        *(_settled(each, now) for each in known.requests.values()),
    ]  # fmt: skip


def _settled(request: Request, now: int) -> Request:
    if request.state != APPROVED or not request.expiration:
        return request
    if request.expiration <= now:
        return replace(request, status=EXPIRED, updated_at=request.expiration, warnings=())
    return replace(request, warnings=tuple(each for each in request.warnings if request.expiration - each * DAY > now))
