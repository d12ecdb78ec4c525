"""PagerDuty's Events API v2: alert events with the alerts that they open and end, and change events.

What is known of the real one, and from where, is in docs/teams-and-pagerduty.md; what is not known is a switch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from emitter import strictjson
from emitter.clock import SECOND, rfc3339
from emitter.errors import BadJson, UsageError, shown
from emitter.receiver.wire import Request
from emitter.standins.alerts import Alert, Alerts, PagerDutySwitches
from emitter.standins.calls import Json, Said, holds
from emitter.standins.events import (
    LONGEST_DEDUP_KEY,
    LONGEST_SUMMARY,
    alert_errors,
    change_errors,
    remarks,
)
from emitter.standins.flow import event_type
from emitter.standins.rate import MOST_KEYS, Window
from emitter.standins.standin import KEPT_BYTES, Standin, answer

ENQUEUE, CHANGES = "/v2/enqueue", "/v2/change/enqueue"


@dataclass(frozen=True, slots=True)
class Change:
    """A change event: shown beside incidents, and nobody is told."""

    number: int  # 1 for the first
    key: int
    at: int  # nanoseconds since 1970
    summary: str
    event: Json

    def as_json(self) -> Json:
        """Turn it into what JSON can hold."""
        return {"number": self.number, "key": self.key, "at": rfc3339(self.at, 3), "summary": self.summary,
                "event": self.event}  # fmt: skip


def check_keys(keys: object) -> None:
    """Raise `UsageError`, which shows none of them, for what are no routing keys."""
    if not isinstance(keys, Sequence) or isinstance(keys, str):
        raise UsageError("keys is a list of routing keys, each of 32 letters and digits. It is not shown.")
    for key in keys:
        if not (isinstance(key, str) and len(key) == 32 and key.isascii() and key.isalnum()):
            raise UsageError("A routing key has 32 letters and digits; the secrets name those that are known.")


class PagerDuty(Standin[PagerDutySwitches]):
    """An account with services. `keys` are the integration keys that it knows; without any, every well-formed one.

    `chance` makes the dedup keys of triggers that bring none. What `Standin` says of the other arguments holds here.
    """

    service = "PagerDuty"

    def __init__(
        self,
        switches: PagerDutySwitches | None = None,
        *,
        keys: Sequence[str] = (),
        chance: Random | None = None,
        **settings: Any,
    ) -> None:
        check_keys(keys)
        super().__init__(switches or PagerDutySwitches(), **settings)
        self._known = frozenset(keys)
        self._chance = chance or Random("dedup keys")
        self._numbers: dict[str, int] = {key: number for number, key in enumerate(keys, start=1)}
        self._alerts = Alerts(self._keep, KEPT_BYTES)
        self._changes = self.bounded(lambda change: 500 + len(str(change.event)))
        self._window = Window(self.switches.calls_a_minute, 60 * SECOND)

    @property
    def url(self) -> str:
        """Where alert events are posted to."""
        return f"{self.base}{ENQUEUE}"

    @property
    def change_url(self) -> str:
        """Where change events are posted to."""
        return f"{self.base}{CHANGES}"

    def where(self) -> str:
        return f"{ENQUEUE} and {CHANGES}"

    # --- what came of it

    def alerts(self, about: str = "") -> list[Alert]:
        """The alerts, the oldest first; with `about` those whose first event holds that text."""
        with self.changed:
            return [alert for alert in self._alerts if not about or alert.about(about)]

    def open_alerts(self, about: str = "") -> list[Alert]:
        """The alerts that are not resolved."""
        with self.changed:
            return [alert for alert in self._alerts.opened() if not about or alert.about(about)]

    def changes(self, about: str = "") -> list[Change]:
        """The change events, oldest first; with `about` those that hold that text."""
        with self.changed:
            return [change for change in self._changes if not about or holds(change.event, about)]

    def memory(self, about: str, limit: int) -> Json:
        return {
            "openAlerts": len(self.open_alerts(about)),
            "alerts": [each.as_json() for each in self.alerts(about)[-limit:]],
            "alertCount": self._alerts.count,
            "changes": [each.as_json() for each in self.changes(about)[-limit:]],
            "changeCount": self._changes.count,
        }

    def told(self) -> str:
        alerts, open_now, changes = self._alerts.count, len(self._alerts.opened()), self._changes.count
        return (
            f"{alerts:,} alert{'s' * (alerts != 1)}, {open_now:,} open, {changes:,} change event{'s' * (changes != 1)}"
        )

    def drop(self) -> None:
        self._alerts.clear()
        self._changes.clear()
        self._window.clear()

    # --- one call

    def serve(self, request: Request, path: str, query: dict[str, list[str]]) -> Said | None:
        if path not in (ENQUEUE, CHANGES):
            return None
        if request.method != "POST":
            return Said(
                405, b"Events are posted.\n", (("Allow", "POST"),), came=request.method, became="nothing",
                passed=False, why=("What the real one answers to anything but a POST is not known.",),
            )  # fmt: skip
        event, refused = self._read(request)
        if refused is not None:
            return refused
        came = _told(event, change=path == CHANGES)
        check = alert_errors if path == ENQUEUE else change_errors
        errors = check(event, over_long=self.switches.over_long)
        if errors:
            hints = (_raw(event),) if event_type(event) else ()
            return _invalid(errors, came, "refused: nothing was taken", (*errors, *hints))
        refused = self._unknown(event, came) or self._throttled(event, came)
        if refused is not None:
            return refused
        return self._alert(event, came) if path == ENQUEUE else self._change(event, came)

    def _read(self, request: Request) -> tuple[Json, Said | None]:
        if len(request.body) > self.switches.largest:
            why = f"A request may have {self.switches.largest:,} bytes, this one has {len(request.body):,}."
            return {}, _refusal(
                self.switches.too_large_status, "invalid event", "Event is too large", [why],
                "an event that is too large",
                (why, "What the real one answers is not known (too-large-status)."),
            )  # fmt: skip
        try:
            event = strictjson.loads(request.body, largest=self.switches.largest)
        except BadJson as error:
            return {}, _unrecognized("JSON parse error", str(error))
        if not isinstance(event, dict):
            return {}, _unrecognized("JSON parse error", "An event is an object. The text of this answer is assumed.")
        return event, None

    def _unknown(self, event: Json, came: str) -> Said | None:
        if not self._known or event["routing_key"] in self._known:
            return None
        return _refusal(
            self.switches.unknown_key_status, "invalid event", "Event object is invalid", ["Invalid routing key"], came,
            ("No integration has this routing_key. The form of this answer is assumed.",),
        )  # fmt: skip

    def _throttled(self, event: Json, came: str) -> Said | None:
        if self._window.take(event["routing_key"], self.clock.now()):
            return None
        headers = (("Retry-After", str(self.switches.retry_after)),) if self.switches.retry_after else ()
        return _refusal(
            429, "throttle exceeded", "Request Limit Exceeded", [], came,
            (
                f"More than {self.switches.calls_a_minute:,} calls within 60 s for this routing_key. The event was not "
                "taken: send it again after a pause. The form of this answer is assumed.",
            ),
            headers,
        )  # fmt: skip

    def _alert(self, event: Json, came: str) -> Said:
        dedup_key = event.get("dedup_key") or str(UUID(int=self._chance.getrandbits(128), version=4))
        dedup_key = dedup_key[:LONGEST_DEDUP_KEY]
        alert, became = self._alerts.take(
            self._cut(event), key=self._key(event), dedup_key=dedup_key, at=self.clock.now()
        )
        why = remarks(event, change=False)
        if alert is None:
            why.append(
                "An acknowledge or resolve never opens an alert. That it is answered 202 all the same is assumed."
            )
        open_now = len(self._alerts.opened())
        return answer(
            202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key},
            came=came, became=f"{became}; {open_now:,} open", passed=alert is not None, why=tuple(why),
        )  # fmt: skip

    def _change(self, event: Json, came: str) -> Said:
        kept = {name: value for name, value in self._cut(event).items() if name != "routing_key"}
        number = self._changes.count + 1
        self._changes.add(Change(number, self._key(event), self.clock.now(), str(kept["payload"]["summary"]), kept))
        return answer(
            202, {"status": "success", "message": "Event processed"},
            came=came, became=f"change event {number} kept: nobody is paged", why=tuple(remarks(event, change=True)),
        )  # fmt: skip

    def _key(self, event: Json) -> int:
        if len(self._numbers) >= MOST_KEYS and event["routing_key"] not in self._numbers:
            return 0  # one of those beyond what is told apart
        return self._numbers.setdefault(event["routing_key"], len(self._numbers) + 1)

    def _cut(self, event: Json) -> Json:
        payload = event.get("payload")
        if not isinstance(payload, dict) or len(str(payload.get("summary", ""))) <= LONGEST_SUMMARY:
            return event
        return {**event, "payload": {**payload, "summary": str(payload["summary"])[:LONGEST_SUMMARY]}}


def _told(event: Json, *, change: bool) -> str:
    raw = event_type(event)
    if raw:
        return f"a raw event, {shown(raw.removeprefix('marketplace.data_product.'))[1:-1]}"
    payload = event.get("payload")
    summary = payload.get("summary") if isinstance(payload, dict) else None
    words = ["change"] if change else [shown(event.get("event_action") or "(no event_action)")[1:-1]]
    if isinstance(summary, str):
        words.append(shown(summary))
    if isinstance(event.get("dedup_key"), str):
        words.append(f"dedup_key {shown(event['dedup_key'])[1:-1]}")
    return "  ".join(words)


def _raw(event: Json) -> str:
    return (
        "A raw event of the Request app has neither routing_key nor event_action. A relay has to stand between, which "
        "decides what is worth an alert."
    )


def _invalid(errors: list[str], came: str, became: str, why: tuple[str, ...]) -> Said:
    return answer(
        400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors},
        came=came, became=became, passed=False, why=why,
    )  # fmt: skip


def _refusal(
    status: int, word: str, message: str, errors: list[str], came: str, why: tuple[str, ...],
    headers: tuple[tuple[str, str], ...] = (),
) -> Said:  # fmt: skip
    said = answer(
        status, {"status": word, "message": message, "errors": errors},
        came=came, became="refused: nothing was taken", passed=False, why=why,
    )  # fmt: skip
    return Said(said.status, said.body, (*said.headers, *headers), said.came, said.became, said.passed, said.why)


def _unrecognized(error: str, why: str) -> Said:
    return answer(
        400, {"status": "Unrecognized object", "message": "Event object format is unrecognized", "errors": [error]},
        came="something else", became="refused: nothing was taken", passed=False, why=(why,),
    )  # fmt: skip
