"""What a step does, in words that a colleague understands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from emitter.clock import rfc3339
from emitter.scenario.steps import (
    Act,
    Advance,
    ChangeWebhook,
    Choose,
    ContractExpected,
    DeliveriesExpected,
    EventsExpected,
    Expect,
    Expectation,
    Parallel,
    Repeat,
    SignaturesExpected,
    StateExpected,
    Step,
    SystemExpected,
    Trigger,
    Wait,
)

Json = Mapping[str, Any]
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_WEBHOOK = {
    "pause": "the webhook is paused: what comes is held",
    "suppress": "the webhook is suppressed: what comes is dropped",
    "resume": "the webhook gets events again",
}


def step_words(step: Step) -> str:
    """What a step does, as far as it can be told before it is played."""
    if step.title:
        return step.title
    match step:
        case Act():
            named = ", ".join(f"{key} {value}" for key, value in step.parameters.items() if isinstance(value, str))
            return f"{step.action.replace('_', ' ')}{f' ({named})' if named else ''}"
        case Trigger():
            what = step.type.removeprefix("marketplace.data_product.") or "a body from a file"
            times = "" if step.count == 1 else f", {step.count} times"
            return f"{what} is sent{f' for {step.product}' if step.product else ''}{times}"
        case Advance():
            if step.to is not None:
                return f"until {moment(step.to) if isinstance(step.to, int) else step.to}"
            return f"{length(step.by) if isinstance(step.by, timedelta) else step.by} later"
        case Wait():
            if step.pause is not None:
                return f"wait {length(step.pause)} of real time"
            return f"wait for at most {length(step.timeout)} until it is as expected"
        case Expect():
            about = list(dict.fromkeys(map(_about, step.expectations)))
            listed = ", ".join(about[:-1]) + (" and " if about[:-1] else "") + about[-1] if about else "nothing"
            plural = len(about) > 1 or about[:1] in (["events"], ["deliveries"], ["signatures"], ["bodies"])
            return f"{listed} {'are' if plural else 'is'} as expected"
        case Repeat():
            return _repeat(step)
        case Parallel():
            return f"{len(step.branches)} rows of steps side by side"
        case Choose():
            return f"one of {len(step.options)} ways to go on"
        case ChangeWebhook():
            return _WEBHOOK[step.change]
    raise AssertionError(step)


def _about(expected: Expectation) -> str:
    """What an expectation looks at."""
    match expected:
        case StateExpected():
            return expected.name
        case SystemExpected():
            return "your system"
    return {
        EventsExpected: "events", DeliveriesExpected: "deliveries", SignaturesExpected: "signatures",
        ContractExpected: "bodies",
    }[type(expected)]  # fmt: skip


def _repeat(step: Repeat) -> str:
    times = f"{step.times:,} times" if isinstance(step.times, int) else f"{step.times} times"
    if step.values is not None:
        times = f"for each of {len(step.values)}"
    if step.over is not None:
        return f"{times}, spread over {length(step.over) if isinstance(step.over, timedelta) else step.over}"
    if step.every is not None:
        return f"{times}, every {length(step.every) if isinstance(step.every, timedelta) else step.every}"
    return times


def act_words(action: str, parameters: Json, entity: Json) -> str:
    """What an action did, once it is done. `entity` is what it was done to, as the API shows it."""
    name = f'"{entity.get("name", "")}"'
    product = entity.get("dataProduct")
    match action:
        case "publish":
            return f"{name} is published"
        case "edit":
            return f"{name} is edited"
        case "change_data_sources":
            return f"the data sources of {name} change"
        case "change_stewards":
            return f"the stewards of {name} change"
        case "suspend":
            return f"{name} is suspended"
        case "resume":
            return f"{name} is no longer suspended"
        case "delete":
            return f"{name} is deleted"
        case "add_user":
            return f"{entity.get('name')} is there"
        case "add_domain":
            return f"there is a domain {name}"
        case "add_data_source":
            return f"there is a data source {name}"
    if isinstance(product, Mapping):
        return _request_words(action, parameters, entity, f'"{product.get("name", "")}"')
    return action.replace("_", " ")


def _request_words(action: str, parameters: Json, request: Json, product: str) -> str:
    user = request.get("user", {}).get("name", "somebody")
    asking = request.get("requestingUser", {}).get("name", user)
    records = request.get("xSimulator", {}).get("approvalRecords", [])
    decided = [each for each in records if each.get("actionBy")]
    last = max(decided, key=lambda each: each["updatedAt"])["actionBy"]["name"] if decided else "the policy"
    match action:
        case "request":
            return f"{asking} asks for access to {product}{f' for {user}' if user != asking else ''}"
        case "request_masking_exception":
            return f"{asking} asks to see masked columns of {product}{f' for {user}' if user != asking else ''}"
        case "approve":
            period = parameters.get("duration")
            how = f" for {period}" if period else ""
            waits = " (more have to decide)" if request.get("status") == "PENDING" else ""
            return f"{last} approves {user}'s request for {product}{how}{waits}"
        case "deny":
            return f"{last} denies {user}'s request for {product}"
        case "cancel":
            return f"{user}'s request for {product} is canceled"
        case "revoke":
            return f"{user}'s access to {product} is revoked"
    return action.replace("_", " ")


def length(period: timedelta) -> str:
    """A length of time in its two largest units."""
    seconds = period.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    parts = []
    for unit, size in _UNITS:
        count = int(seconds // size)
        if count:
            parts.append(f"{count:,} {unit}{'s' if count != 1 else ''}")
            seconds -= count * size
    return " ".join(parts[:2])


def moment(stamp: int) -> str:
    """A moment of simulated time, to the minute."""
    return rfc3339(stamp, 0).replace("T", " ")[:16]
