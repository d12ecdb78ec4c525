"""What an event for PagerDuty has to be: all that is wrong with one, in the service's own words where they are known.

Observed are the texts about `routing_key`, `payload.source` and `payload.severity`; those about other members are
assumed to be alike.
"""

from __future__ import annotations

import re
from typing import Any

from emitter.standins.calls import Json

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "warning", "error", "info")
LONGEST_SUMMARY, LONGEST_DEDUP_KEY = 1024, 255
_ALNUM = re.compile(r"[0-9A-Za-z]*")
_ISO8601 = re.compile(r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s?([Zz]|[+-]\d{2}:?\d{2})?)?")


def alert_errors(event: Json, *, over_long: str) -> list[str]:
    """Everything for which an alert event is refused."""
    errors = _key(event.get("routing_key"))
    action = event.get("event_action")
    if _blank(action):
        errors.append("'event_action' is missing or blank")
    elif action not in ACTIONS:
        errors.append("'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')")
    dedup_key = event.get("dedup_key")
    if dedup_key is None or dedup_key == "":
        if action in ("acknowledge", "resolve"):
            errors.append("'dedup_key' is missing or blank")
    elif not isinstance(dedup_key, str):
        errors.append("'dedup_key' must be a string")
    elif len(dedup_key) > LONGEST_DEDUP_KEY and over_long == "refused":
        errors.append(f"Length of 'dedup_key' is incorrect (should be at most {LONGEST_DEDUP_KEY} characters)")
    if action in ("acknowledge", "resolve"):
        return errors
    payload = event.get("payload")
    if not isinstance(payload, dict):
        payload = {}
        if action == "trigger":
            errors.append("'payload' is missing or blank")
    errors += _summary(payload, over_long)
    if _blank(payload.get("source")):
        errors.append("'payload.source' is missing or blank")
    elif not isinstance(payload["source"], str):
        errors.append("'payload.source' must be a string")
    severity = payload.get("severity")
    if _blank(severity):
        errors.append("'payload.severity' is missing or blank")
    elif severity not in SEVERITIES:
        errors.append(
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"
        )
    return errors + _optional(event, payload)


def change_errors(event: Json, *, over_long: str) -> list[str]:
    """Everything for which a change event is refused."""
    errors = _key(event.get("routing_key"))
    payload = event.get("payload")
    if not isinstance(payload, dict):
        payload = {}
        errors.append("'payload' is missing or blank")
    return errors + _summary(payload, over_long) + _optional(event, payload)


def remarks(event: Json, *, change: bool) -> list[str]:
    """What is odd about an event that is taken."""
    found = []
    payload = event.get("payload") if isinstance(event.get("payload"), dict) else {}
    stamp = payload.get("timestamp") if isinstance(payload, dict) else None
    if stamp is not None and not (isinstance(stamp, str) and _ISO8601.fullmatch(stamp)):
        found.append("`payload.timestamp` is no ISO 8601 time; what the real one does with it is not known.")
    if change:
        extra: list[str] = [name for name in ("event_action", "dedup_key") if name in event]
        if isinstance(payload, dict) and "severity" in payload:
            extra.append("payload.severity")
        if extra:
            found.append(f"A change event has no {' and no '.join(extra)}; only an alert has.")
        if str(event.get("routing_key", "")).startswith("R"):
            found.append("A routing key that begins with R is a ruleset's, and change events go to a service.")
    return found


def _key(key: object) -> list[str]:
    if _blank(key):
        return ["'routing_key' is missing or blank"]
    text = key if isinstance(key, str) else str(key)
    errors = []
    if len(text) != 32:
        errors.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    if not _ALNUM.fullmatch(text):
        errors.append("'routing_key' cannot contain non-alphanumeric characters.")
    return errors


def _summary(payload: dict[str, Any], over_long: str) -> list[str]:
    summary = payload.get("summary")
    if _blank(summary):
        return ["'payload.summary' is missing or blank"]
    if not isinstance(summary, str):
        return ["'payload.summary' must be a string"]
    if len(summary) > LONGEST_SUMMARY and over_long == "refused":
        return [f"Length of 'payload.summary' is incorrect (should be at most {LONGEST_SUMMARY} characters)"]
    return []


def _optional(event: Json, payload: dict[str, Any]) -> list[str]:
    errors = []
    for name in ("component", "group", "class"):
        if payload.get(name) is not None and not isinstance(payload[name], str):
            errors.append(f"'payload.{name}' must be a string")
    if payload.get("custom_details") is not None and not isinstance(payload["custom_details"], dict):
        errors.append("'payload.custom_details' must be an object")
    for name, needed in (("links", "href"), ("images", "src")):
        items = event.get(name)
        if items is None:
            continue
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            errors.append(f"'{name}' must be an array of objects")
            continue
        for place, each in enumerate(items):
            if _blank(each.get(needed)):
                errors.append(f"'{name}[{place}].{needed}' is missing or blank")
            elif name == "images" and not str(each["src"]).startswith("https://"):
                errors.append(f"'images[{place}].src' must be an HTTPS URL")
    return errors[:20]


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
