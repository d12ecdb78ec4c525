"""What time does by itself: the daily reminder, the warnings before access ends, the end of access."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import NamedTuple

from emitter.assumptions import Assumptions
from emitter.world.draft import Draft
from emitter.world.entities import APPROVED, EXPIRED, MASKING_EXCEPTION, PENDING, Request
from emitter.world.happening import ENDED, REMINDED, WARNED
from emitter.world.known import Known
from emitter.world.periods import DAY, next_time_of_day

_END, _WARNING, _REMINDER = range(3)


class _Entry(NamedTuple):
    """When, what, and to which request; entries of one moment keep the order of their requests, restart or not."""

    due: int
    what: int
    number: int = 0
    request: str = ""
    days: int = 0


class Agenda:
    """What falls due, as far as is known; whether it still holds is seen in the world when it is due."""

    def __init__(self, assumptions: Assumptions) -> None:
        self._assumptions = assumptions
        self._entries: list[_Entry] = []
        self._reminder = 0

    @property
    def next_due(self) -> int | None:
        """When something falls due next; None for nothing."""
        return self._entries[0].due if self._entries else None

    def forget_what_is_over(self, known: Known) -> None:
        """Drop what stands first and comes to nothing any more: a warning of access that was revoked since."""
        while self._entries and not self._holds(self._entries[0], known):
            if heapq.heappop(self._entries).what == _REMINDER:
                self._reminder = 0

    def _holds(self, entry: _Entry, known: Known) -> bool:
        if entry.what == _REMINDER:
            return entry.due == self._reminder and any(known.open.values())
        request = known.requests[entry.request]
        if request.status != APPROVED or not request.live:
            return False
        return request.expiration == entry.due if entry.what == _END else entry.days in request.warnings

    def note(self, request: Request, now: int) -> None:
        """Take in what is to come of a request that has just become what it is."""
        if not request.live:
            return
        if request.status == PENDING:
            if not self._reminder:
                self._remind_at(next_time_of_day(now, self._assumptions.events_pending_time))
        elif request.expiration:
            heapq.heappush(self._entries, _Entry(request.expiration, _END, request.number, request.id))
            for days in request.warnings:
                due = request.expiration - days * DAY
                heapq.heappush(self._entries, _Entry(due, _WARNING, request.number, request.id, days))

    def restore(self, known: Known, now: int) -> None:
        """Rebuild everything from a world that was kept.

        What fell due while nobody was there is due at once: each warning and each end, but one reminder for all days.
        """
        self._entries.clear()
        self._reminder = 0
        last = next_time_of_day(now - DAY, self._assumptions.events_pending_time)
        requests = known.requests.values()
        if known.founding and known.founding.reminded < last:
            if any(each.state == PENDING and each.created_at < last for each in requests):
                self._remind_at(last)
        for request in requests:
            self.note(request, now)

    def _remind_at(self, due: int) -> None:
        self._reminder = due
        heapq.heappush(self._entries, _Entry(due, _REMINDER))

    def pass_to(self, now: int, draft: Draft, most: int) -> None:
        """Draw up what is due by `now`, in order, until that makes about `most` events."""
        while self._entries and self._entries[0].due <= now and len(draft.happenings) < most:
            entry = heapq.heappop(self._entries)
            if entry.what == _REMINDER:
                self._remind(entry.due, draft)
                continue
            request = draft.request(entry.request)
            if request.status != APPROVED or not request.live:
                continue
            if entry.what == _END and request.expiration == entry.due:
                _end(draft, request)
            elif entry.what == _WARNING and entry.days in request.warnings:
                _warn(draft, request, entry.days)

    def _remind(self, due: int, draft: Draft) -> None:
        """Remind of all requests that were open before `due`, and look forward to the next day."""
        if due != self._reminder:
            return
        self._reminder = 0
        known, scope = draft.known, draft.assumptions.events_pending_scope
        silent = draft.assumptions.events_masking_exceptions == "none"
        told: list[Request] = []
        for product in known.products.values():
            if not known.open.get(product.id):
                continue
            pending = [request for id in known.open[product.id] if (request := draft.request(id)).state == PENDING]
            for each in pending[:1]:
                self.note(each, max(due, draft.now))
            waiting = [
                each for each in pending if each.created_at < due and not (silent and each.type == MASKING_EXCEPTION)
            ]
            if scope == "product" and waiting:
                draft.happen(REMINDED, product, *waiting, run=waiting[0].run)
            elif scope == "request":
                for each in waiting:
                    draft.happen(REMINDED, product, each, run=each.run)
            told += waiting
        if told and scope == "digest":
            draft.happen(REMINDED, None, *told, run=told[0].run)
        if told:
            draft.put(replace(draft.founding, reminded=due))


def _warn(draft: Draft, request: Request, days: int) -> None:
    left = tuple(each for each in request.warnings if each != days)
    draft.put(replace(request, warnings=left))
    draft.happen(WARNED, draft.product_of(request), request, notice=days, run=request.run)


def _end(draft: Draft, request: Request) -> None:
    ended = replace(request, status=EXPIRED, updated_at=draft.now, warnings=())
    draft.put(ended)
    draft.happen(ENDED, draft.product_of(request), ended, run=request.run)
