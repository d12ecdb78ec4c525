"""What may be done about access requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from emitter.errors import NotFound, nearest
from emitter.world import approving
from emitter.world.arrivals import newcomer
from emitter.world.draft import Draft, closed, unblocked
from emitter.world.entities import (
    APPROVED,
    CANCELED,
    DATA_ACCESS,
    DENIED,
    MASKING_EXCEPTION,
    PENDING,
    REVOKED,
    Column,
    Product,
    Record,
    Request,
    User,
)  # fmt: skip
from emitter.world.founding import request_ids
from emitter.world.happening import CREATED, DETERMINED, TAKEN, WARNED, WITHDRAWN
from emitter.world.parameters import Action, parameter
from emitter.world.periods import DAY, Period
from emitter.world.policies import outcome
from emitter.world.product_actions import OnProduct


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(OnProduct):
    """Ask for something of a product; its policy says whether somebody has to decide."""

    emits: ClassVar[tuple[str, ...]] = (CREATED, DETERMINED)
    type: ClassVar[str] = DATA_ACCESS

    user: str = parameter("user", "Who is to get it; left out, somebody without a request for it.", default="")
    requesting_user: str = parameter("user", "Who asks; left out, the user.", default="")
    form: Any = parameter("json", "The request form as it was filled in.", default=None)

    def wanted(self, draft: Draft, subject: Product) -> tuple[Column, ...]:
        """The columns that it is about."""
        return ()

    def perform(self, draft: Draft, subject: Product) -> Request:
        policy = subject.masking if self.type == MASKING_EXCEPTION else subject.access
        columns = self.wanted(draft, subject)
        there = {each.user: each for each in draft.live_requests(subject) if each.type == self.type}
        user = draft.known.user(self.user) if self.user else _somebody(draft, {*there, *policy.denied})
        if user.id in there and draft.assumptions.events_repeated_request == "refuse":
            why = f"by the same user ({user.name}) for the same product needs this one to be over"
            raise draft.refuse(there[user.id], why)
        settled = outcome(policy, user, subject.domains)
        event = settled.event
        needed = approving.record_count(settled.stages) if event == "review" else 0
        id, record_ids = request_ids(draft.seed, draft.count("request"), needed)
        request = Request(
            draft.next_number(), id, self.type, subject.id, user.id,
            draft.known.user(self.requesting_user).id if self.requesting_user else user.id,
            PENDING, draft.now, draft.now, columns=columns, form=self.form, run=draft.run,
            records=approving.records(settled.stages, record_ids, draft.now) if needed else (),
        )  # fmt: skip
        draft.put(request)
        at_once = event != "review"
        if not at_once or draft.assumptions.events_auto_approval in ("both", "created"):
            draft.happen(CREATED, subject, request)
        if at_once:
            request = _decided(draft, request, APPROVED if event == "approve" else DENIED, (settled.period,))
            if draft.assumptions.events_auto_approval in ("both", "determination"):
                draft.determined(request)
            _warn_of_what_is_past(draft, request)
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForAccess(Ask):
    """Ask for access to a product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForMaskingException(Ask):
    """Ask to see masked columns of a product's data sources."""

    type: ClassVar[str] = MASKING_EXCEPTION

    columns: tuple[tuple[str, str], ...] = parameter(
        "columns", "Which ones, as source/column; left out, one of the first data source.", default=()
    )

    def wanted(self, draft: Draft, subject: Product) -> tuple[Column, ...]:
        if not subject.data_sources:
            raise draft.refuse(subject, "needs a data source, and it has none")
        if not self.columns:
            source = draft.known.sources[subject.data_sources[0]]
            return (Column(source.id, source.columns[-1]),)
        found = []
        for place, name in self.columns:
            source = draft.known.source(place)
            if source.id not in subject.data_sources:
                raise draft.refuse(subject, f"needs columns of its data sources, and {source.name} is none of them")
            if name not in source.columns:
                close = nearest(name, source.columns) or source.columns
                raise NotFound(f"column of {source.name}", name, f"Nearest: {', '.join(close)}.")
            found.append(Column(source.id, name))
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRequest(Action):
    """What is done to a request that is there."""

    subject: ClassVar[str] = "request"
    needs: ClassVar[tuple[str, ...]] = (PENDING,)

    request: str = parameter("request", "Which one, by id.")

    def find(self, draft: Draft) -> Request:
        return draft.known.request(self.request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide(OnRequest):
    """Make a determination; it cannot be changed once it is made."""

    by: str = parameter("user", "Who decides; left out, the first who may.", default="")
    reason: str = parameter("prose", "Why.", default="")
    record: str = parameter("record", "On which record, by id; left out, the first that is open to them.", default="")

    def determine(
        self, draft: Draft, request: Request, status: str, period: Period | None = None
    ) -> tuple[Request, Record]:
        """Write the determination on its record."""
        user, record = approving.turn(draft, request, self.by, self.record)
        written = replace(
            record, status=status, action_by=user.id, reason=self.reason, period=period, updated_at=draft.now
        )
        records = tuple(written if each.id == record.id else each for each in request.records)
        return replace(request, records=records, updated_at=draft.now), written


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve(Decide):
    """Approve, for a while or for good. Access is granted with the last approval that is needed."""

    emits: ClassVar[tuple[str, ...]] = (DETERMINED,)

    duration: Period | None = parameter(
        "period", "For how long, as 12h, 30d, 2w, 6mo, 1y; left out, for good. Of several the earliest end counts.",
        default=None,
    )  # fmt: skip

    def perform(self, draft: Draft, subject: Request) -> Request:
        if self.duration is not None:
            self.duration.after(draft.now)
        request, record = self.determine(draft, subject, APPROVED, self.duration)
        request = replace(request, records=unblocked(request.records, draft.now))
        if any(each.status != APPROVED for each in request.records):
            draft.put(request)
            if draft.assumptions.events_intermediate == "each":
                draft.determined(request, record)
            return request
        request = _decided(draft, request, APPROVED, [each.period for each in request.records])
        draft.determined(request, record)
        _warn_of_what_is_past(draft, request)
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny(Decide):
    """Deny. One denial ends the request."""

    emits: ClassVar[tuple[str, ...]] = (DETERMINED,)

    def perform(self, draft: Draft, subject: Request) -> Request:
        request, record = self.determine(draft, subject, DENIED)
        request = _decided(draft, request, DENIED)
        draft.determined(request, record)
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(OnRequest):
    """Cancel a request that nobody has decided on; its open records are canceled, too."""

    emits: ClassVar[tuple[str, ...]] = (WITHDRAWN,)

    def perform(self, draft: Draft, subject: Request) -> Request:
        request = replace(subject, status=CANCELED, updated_at=draft.now, records=closed(subject, draft.now))
        draft.put(request)
        draft.happen(WITHDRAWN, draft.product_of(request), request)
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke(OnRequest):
    """Take granted access away."""

    needs: ClassVar[tuple[str, ...]] = (APPROVED,)
    emits: ClassVar[tuple[str, ...]] = (TAKEN,)

    def perform(self, draft: Draft, subject: Request) -> Request:
        request = replace(subject, status=REVOKED, updated_at=draft.now, warnings=())
        draft.put(request)
        draft.happen(TAKEN, draft.product_of(request), request)
        return request


def _somebody(draft: Draft, without: set[str]) -> User:
    """The next in turn who is none of `without`; a newcomer if everybody is."""
    users = draft.users()
    first = draft.count("request") % len(users)
    for user in (*users[first:], *users[:first]):
        if user.id not in without:
            return user
    user = newcomer(draft)
    draft.put(user)
    return user


def _decided(draft: Draft, request: Request, status: str, periods: Iterable[Period | None] = ()) -> Request:
    """Settle a request, with the earliest end of its approvals and the warnings that are still ahead."""
    ends = [period.after(draft.now) for period in periods if period is not None] if status == APPROVED else []
    end = min(ends, default=0)
    days = draft.assumptions.events_expiring_days if end else ()
    request = replace(
        request, status=status, updated_at=draft.now, expiration=end, records=closed(request, draft.now),
        warnings=tuple(each for each in days if end - each * DAY > draft.now),
    )  # fmt: skip
    draft.put(request)
    return request


def _warn_of_what_is_past(draft: Draft, request: Request) -> None:
    """Send the warnings whose time was over when access was granted, where that is assumed."""
    if request.expiration and draft.assumptions.events_expiring_past == "send":
        for days in draft.assumptions.events_expiring_days:
            if days not in request.warnings:
                draft.happen(WARNED, draft.product_of(request), request, notice=days)
