"""The stand-ins that a simulator keeps for others: opened, read back, told how to answer, closed.

Each listens on a loopback port and nowhere else, on the simulator's clock.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emitter.clock import Clock
from emitter.errors import BadValue, Conflict, NotFound, UnknownName, UsageError, nearest
from emitter.standins.alerts import PagerDutySwitches
from emitter.standins.calls import Json
from emitter.standins.flow import TeamsSwitches
from emitter.standins.pagerduty import PagerDuty
from emitter.standins.standin import MOST_SHOWN, SHOWN, Standin
from emitter.standins.teams import TeamsWebhook

SERVICES = ("teams", "pagerduty")
MOST = 16
KEPT = 1_000  # calls, cards, runs, alerts and changes of each
MOST_SECRETS = 100


def make(
    service: str, *, switches: Mapping[str, Any] | Sequence[str] = (), secrets: Sequence[str] = (), **how: Any
) -> Standin[Any]:
    """Make a stand-in for a service; `how` is what `Standin` takes.

    `secrets` are the `sig` of a flow, or the routing keys that have an integration. Raises `UnknownName` for a service
    or a switch that there is not, `BadValue` for what a switch cannot be, `UsageError` for secrets that cannot be.
    """
    if service not in SERVICES:
        raise UnknownName("service", service, SERVICES)
    given = [f"{name}={value}" for name, value in switches.items()] if isinstance(switches, Mapping) else switches
    if service == "teams":
        if len(secrets) > 1:
            raise UsageError("A flow has one sig: give one secret.")
        return TeamsWebhook(TeamsSwitches().changed(given), sig="".join(secrets), **how)
    if len(secrets) > MOST_SECRETS:
        raise UsageError(f"{MOST_SECRETS} routing keys at most can be given.")
    return PagerDuty(PagerDutySwitches().changed(given), keys=secrets, **how)


@dataclass(slots=True)
class _Opened:
    service: str
    standin: Standin[Any]
    answers: str
    has_secret: bool


class Standins:
    """Opens, finds and closes them; any thread may."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opened: dict[str, _Opened] = {}
        self._numbers = 0
        self._lock = threading.Lock()

    def open(
        self, service: str, *, switches: Mapping[str, Any], answers: str, secrets: Sequence[str], port: int
    ) -> str:
        """Open one and return its id.

        Raises what `make` does, `Unavailable` for a port that is in use, `Conflict` where there are `MOST` already.
        """
        standin = make(
            service,
            switches=switches,
            secrets=secrets,
            answers=answers or None,
            port=port,
            clock=self._clock,
            keep=KEPT,
        )
        with self._lock:
            if len(self._opened) >= MOST:
                raise Conflict(f"{MOST} stand-ins are open, and that is the most. Close one first.")
            standin.start()
            self._numbers += 1
            id = f"{service}-{self._numbers}"
            self._opened[id] = _Opened(service, standin, answers, bool(secrets))
            return id

    def all(self) -> list[Json]:
        """Those that are open, the oldest first."""
        with self._lock:
            ids = list(self._opened)
        return [self.show(id) for id in ids if id in self._opened]

    def show(self, id: str) -> Json:
        """One of them, without its secrets; raises `NotFound`, as all that follows."""
        found = self._find(id)
        standin = found.standin
        where = standin.where_to(found.has_secret) if isinstance(standin, TeamsWebhook) else standin.url
        return {
            "id": id,
            "service": found.service,
            "url": where,
            "changeUrl": standin.change_url if isinstance(standin, PagerDuty) else None,
            "answers": found.answers,
            "secret": found.has_secret,
            "summary": standin.told(),
        }

    def find(self, id: str) -> Standin[Any]:
        """The stand-in itself."""
        return self._find(id).standin

    def answer(self, id: str, answers: str) -> None:
        """Have one answer by another script from now on; with an empty one as the service does."""
        found = self._find(id)
        found.standin.answer_with(answers or None)
        found.answers = answers

    def state(self, id: str, *, about: str = "", limit: int = SHOWN) -> Json:
        """What there is of one: the newest `limit` of each kind; with `about` only what holds that text."""
        if not 1 <= limit <= MOST_SHOWN:
            raise BadValue("limit", limit, f"is no whole number from 1 to {MOST_SHOWN}.")
        return self._find(id).standin.state(about=about, limit=limit)

    def close(self, id: str) -> None:
        """Close one."""
        found = self._find(id)
        with self._lock:
            self._opened.pop(id, None)
        found.standin.close()

    def close_all(self) -> None:
        """Close them all."""
        with self._lock:
            opened = list(self._opened.values())
            self._opened.clear()
        for each in opened:
            each.standin.close()

    def _find(self, id: str) -> _Opened:
        with self._lock:
            found = self._opened.get(id)
            known = list(self._opened)
        if found is None:
            hint = f"Open: {', '.join(known)}." if known else "None is open."
            raise NotFound("stand-in", id, hint, nearest=nearest(id, known))
        return found
