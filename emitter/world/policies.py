"""Policies as the vendor's API writes them: read, and applied to somebody who asks.

The API says of a condition only that it is `all`, `any` or `not` of something. Assumed is that this something is
written as an approver is (a user, a group, a permission, an attribute). A rule about anything else is kept, and never
applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emitter.errors import BadValue
from emitter.world.approving import approver, stages
from emitter.world.entities import Approver, Policy, Rule, Stage, User
from emitter.world.known import Known
from emitter.world.periods import UNITS, Period

MOST_RULES = 100
_JOINS = ("all", "any", "not")
_EVENTS = ("approve", "review", "deny", "dataProductPolicy")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one request: `review` by stages, `approve` for a period (None: for good), or `deny`."""

    event: str
    stages: tuple[Stage, ...] = ()
    period: Period | None = None


def outcome(policy: Policy, user: User, domains: tuple[str, ...]) -> Outcome:
    """Say what becomes of a request for `user` of a product in `domains`."""
    if user.id in policy.denied:
        return Outcome("deny")
    for rule in policy.rules:
        if rule.event != "dataProductPolicy" and _holds(rule.conditions, user, domains):
            return Outcome(rule.event, rule.stages, rule.period)
    return Outcome(policy.event, policy.stages, policy.period)


def _holds(condition: Any, user: User, domains: tuple[str, ...]) -> bool | None:
    """Whether a condition holds; None where it is about something that is not known here."""
    if not isinstance(condition, Mapping):
        return None
    if len(condition) == 1 and (join := next(iter(condition))) in _JOINS:
        if join == "not":
            found = _holds(condition[join], user, domains)
            return None if found is None else not found
        each = (
            [_holds(part, user, domains) for part in condition[join]] if isinstance(condition[join], list) else [None]
        )
        decided = join == "any"  # what one part alone decides
        return decided if decided in each else None if None in each else not decided
    made = _approver(condition)
    return None if made is None else made.fits(user, domains)


def _approver(told: Mapping[str, Any]) -> Approver | None:
    match told.get("type"):
        case "USER" if isinstance(told.get("id"), str):
            return Approver("USER", told["id"])
        case "GROUP" if isinstance(told.get("name"), str):
            return Approver("GROUP", told["name"])
        case "PERMISSION" if isinstance(told.get("permission"), str):
            return Approver("PERMISSION", told["permission"])
        case "DOMAIN PERMISSION" if isinstance(told.get("permission"), str):
            return Approver("DOMAIN PERMISSION", told["permission"], str(told.get("domainId", "")))
        case "ATTRIBUTE" if isinstance(told.get("key"), str) and isinstance(told.get("value"), str):
            return Approver("ATTRIBUTE", told["value"], told["key"])
    return None


# --- reading ----------------------------------------------------------------------------------------------------------


def read_policy(known: Known, name: str, value: Any) -> Policy:
    """Read a `dataAccessPolicy`; raise `BadValue` with the place in it, or `NotFound` for somebody who is not there."""
    policy = _object(name, value, "rules", "defaultEvent")
    rules = _list(f"{name}.rules", policy["rules"], most=MOST_RULES)
    version = policy.get("version", "")
    if not isinstance(version, str):
        raise BadValue(f"{name}.version", version, "is no text.")
    event, steps, period, comment = _event(known, f"{name}.defaultEvent", policy["defaultEvent"], ("approve", "review"))
    read = tuple(_rule(known, f"{name}.rules[{place}]", each) for place, each in enumerate(rules))
    return Policy(event, steps, period, (), read, comment, version)


def _rule(known: Known, name: str, value: Any) -> Rule:
    rule = _object(name, value, "conditions", "event")
    conditions = _object(f"{name}.conditions", rule["conditions"])
    if len(conditions) != 1 or next(iter(conditions)) not in _JOINS:
        raise BadValue(f"{name}.conditions", value, 'is not {"all": [...]}, {"any": [...]} or {"not": ...}.')
    [(join, parts)] = conditions.items()
    if join != "not":
        _list(f"{name}.conditions.{join}", parts, most=1000)
    event, steps, period, comment = _event(known, f"{name}.event", rule["event"], _EVENTS)
    return Rule(conditions, event, steps, period, comment)


def _event(
    known: Known, name: str, value: Any, allowed: tuple[str, ...]
) -> tuple[str, tuple[Stage, ...], Period | None, str]:
    event = _object(name, value, "type")
    kind = event["type"]
    if kind not in allowed:
        raise BadValue(f"{name}.type", kind, f"is none of {', '.join(allowed)}.")
    if kind == "dataProductPolicy":
        return kind, (), None, ""
    params = _object(f"{name}.params", _object(name, value, "type", "params")["params"])
    comment = params.get("comment", "") if kind != "review" else ""
    if not isinstance(comment, str):
        raise BadValue(f"{name}.params.comment", comment, "is no text.")
    if kind == "review":
        return kind, _stages(known, f"{name}.params.stages", params), None, ""
    if kind == "approve":
        for member in params:
            if member not in ("comment", "duration", "durationUnit"):
                raise BadValue(f"{name}.params.{member}", params[member], "is no member of an approval.")
        return kind, (), read_period(f"{name}.params", params), comment
    return kind, (), None, comment


def _stages(known: Known, name: str, params: Mapping[str, Any]) -> tuple[Stage, ...]:
    if "stages" not in params:
        raise BadValue(name, params, "is missing.")
    found = []
    for place, stage in enumerate(_list(name, params["stages"], most=50)):
        at = f"{name}[{place}]"
        joined = [(mode, value) for mode, value in _object(at, stage).items() if mode in ("all", "any")]
        if len(joined) != 1:
            raise BadValue(at, stage, 'is no stage: {"all": [approvers]} or {"any": [approvers]}.')
        approvers = _list(f"{at}.{joined[0][0]}", joined[0][1], most=1000)
        if not approvers:
            raise BadValue(f"{at}.{joined[0][0]}", approvers, "names nobody.")
        read = tuple(approver(known, _object(f"{at}.{joined[0][0]}", each, "type")) for each in approvers)
        found.append(Stage(joined[0][0], tuple(dict.fromkeys(read))))
    return tuple(found) or stages(known, (), ())


def read_period(name: str, value: Mapping[str, Any]) -> Period | None:
    """Read `duration` and `durationUnit` of an object, None for neither; raise `BadValue`."""
    duration, unit = value.get("duration"), value.get("durationUnit")
    if duration is None and unit is None:
        return None
    if duration is None or unit is None:
        raise BadValue(name, dict(value), "has a duration without its durationUnit, or the other way round.")
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 1 <= duration < 10**9:
        raise BadValue(f"{name}.duration", duration, "is no number from 1 on.")
    if duration != int(duration):
        raise BadValue(f"{name}.duration", duration, "is no whole number.")
    if unit not in UNITS:
        raise BadValue(f"{name}.durationUnit", unit, f"is none of {', '.join(UNITS)}.")
    return Period(int(duration), unit)


def _object(name: str, value: Any, *needed: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadValue(name, value, "is no object.")
    for member in needed:
        if member not in value:
            raise BadValue(name, value, f"lacks the member {member}.")
    return value


def _list(name: str, value: Any, *, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadValue(name, value, f"is no list of at most {most:,}.")
    return value
