"""The life of alerts: triggered, acknowledged, resolved, and never opened again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from emitter.clock import rfc3339
from emitter.standins.calls import Json, holds
from emitter.standins.switches import ASSUMED, DOCUMENTED, Switches, switch

TRIGGERED, ACKNOWLEDGED, RESOLVED = "triggered", "acknowledged", "resolved"
_LOG = 100  # entries that an alert keeps


@dataclass(frozen=True, slots=True)
class PagerDutySwitches(Switches):
    """What differs from account to account, or is not known."""

    calls_a_minute: int = switch(
        120, range(1, 1_000_001), DOCUMENTED, "About that many for each integration key, over a window of 60 s."
    )
    retry_after: int = switch(
        0, range(0, 86_401), ASSUMED, "Whether a 429 bears Retry-After is not known; 0 leaves it out, else seconds."
    )
    over_long: str = switch(
        "refused", ("refused", "cut"), ASSUMED,
        "What becomes of a summary beyond 1,024 or a dedup key beyond 255 characters is not known; who passes this "
        "passes both.",
    )  # fmt: skip
    unknown_key_status: int = switch(
        400, range(400, 500), ASSUMED, "Of a well-formed key that no integration has there is one report, of a 400."
    )
    largest: int = switch(
        512_000, range(1, 2_000_001), DOCUMENTED, "512 KB a request; the smaller reading of KB is taken."
    )
    too_large_status: int = switch(
        413, range(400, 500), ASSUMED, "What a request beyond the limit is answered is not known."
    )


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert of a service. `key` numbers the integration key that opened it; the key itself is a secret."""

    number: int  # 1 for the first
    key: int
    dedup_key: str
    status: str  # triggered, acknowledged or resolved
    opened_at: int  # nanoseconds since 1970, as all times here
    summary: str
    source: str
    severity: str
    event: Json = field(hash=False)  # the one that opened it, without its routing key
    triggers: int = 1  # how many events have said `trigger` while it was open
    acknowledged_at: int | None = None
    resolved_at: int | None = None
    log: tuple[tuple[int, str], ...] = ()  # when, and what came: the newest hundred

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self.status != RESOLVED

    def about(self, text: str) -> bool:
        """Whether the event that opened it holds a text anywhere."""
        return holds(self.event, text)

    def as_json(self) -> Json:
        """Turn it into what JSON can hold."""
        return {
            "number": self.number, "key": self.key, "dedupKey": self.dedup_key, "status": self.status,
            "open": self.open, "summary": self.summary, "source": self.source, "severity": self.severity,
            "triggers": self.triggers, "openedAt": rfc3339(self.opened_at, 3),
            "acknowledgedAt": None if self.acknowledged_at is None else rfc3339(self.acknowledged_at, 3),
            "resolvedAt": None if self.resolved_at is None else rfc3339(self.resolved_at, 3),
            "log": [{"at": rfc3339(at, 3), "event": what} for at, what in self.log],
            "event": self.event,
        }  # fmt: skip


class Alerts:
    """All alerts of all keys. Beyond `most` the oldest that is resolved is forgotten, else the oldest."""

    def __init__(self, most: int) -> None:
        self._most = max(most, 1)
        self._alerts: dict[int, Alert] = {}
        self._open: dict[tuple[int, str], int] = {}
        self.count = 0

    def __iter__(self) -> Iterator[Alert]:
        return iter(self._alerts.values())

    def opened(self) -> list[Alert]:
        """Those that are open, the oldest first."""
        return [self._alerts[number] for number in self._open.values()]

    def take(self, event: Json, *, key: int, dedup_key: str, at: int) -> tuple[Alert | None, str]:
        """Let a valid alert event happen; the alert that it touched, if any, and what that did, in words."""
        number = self._open.get((key, dedup_key))
        action = event["event_action"]
        if number is None and action != "trigger":
            return None, f"dropped: no alert is open with that dedup_key{self._elsewhere(key, dedup_key)}"
        if number is None:
            alert = self._make(event, key, dedup_key, at)
            self._open[key, dedup_key] = alert.number
            became = f"alert {alert.number} opened"
        else:
            alert, became = _changed(self._alerts[number], action, at)
        self._alerts[alert.number] = alert
        if not alert.open:
            self._open.pop((key, dedup_key), None)
        self._trim()
        return alert, became

    def clear(self) -> None:
        self._alerts.clear()
        self._open.clear()
        self.count = 0

    def _make(self, event: Json, key: int, dedup_key: str, at: int) -> Alert:
        self.count += 1
        payload: dict[str, Any] = event["payload"]
        return Alert(
            number=self.count, key=key, dedup_key=dedup_key, status=TRIGGERED, opened_at=at,
            summary=str(payload["summary"]), source=str(payload["source"]), severity=str(payload["severity"]),
            event={name: value for name, value in event.items() if name != "routing_key"},
            log=((at, "trigger"),),
        )  # fmt: skip

    def _elsewhere(self, key: int, dedup_key: str) -> str:
        if any(other == dedup_key and of != key for of, other in self._open):
            return "; one is, under another routing_key, which this cannot touch"
        past = [alert for alert in self if alert.dedup_key == dedup_key and alert.key == key]
        return f"; alert {past[-1].number} is resolved, and stays so" if past else ""

    def _trim(self) -> None:
        while len(self._alerts) > self._most:
            victim = next((each for each in self if not each.open), None) or next(iter(self))
            del self._alerts[victim.number]
            if self._open.get((victim.key, victim.dedup_key)) == victim.number:
                del self._open[victim.key, victim.dedup_key]


def _changed(alert: Alert, action: str, at: int) -> tuple[Alert, str]:
    log = (*alert.log, (at, action))[-_LOG:]
    if action == "trigger":
        quiet = ", acknowledged: nobody is told again" if alert.status == ACKNOWLEDGED else ""
        more = replace(alert, triggers=alert.triggers + 1, log=log)
        return more, f"alert {alert.number} is open already: a line in its log{quiet}"
    if action == "acknowledge":
        since = alert.acknowledged_at if alert.acknowledged_at is not None else at
        return replace(alert, status=ACKNOWLEDGED, acknowledged_at=since, log=log), f"alert {alert.number} acknowledged"
    return replace(alert, status=RESOLVED, resolved_at=at, log=log), f"alert {alert.number} resolved"
