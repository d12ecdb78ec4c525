"""The words of the language: every key that there is, and what it is for. Reader and JSON Schema share them."""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, str]

TOP: Words = {
    "name": "What it is called; left out, the file's name.",
    "description": "The story, in a sentence or a few.",
    "seed": "The number that all chance comes from; equal seeds give equal runs.",
    "start": "When it begins, as 2030-02-01T09:00:00Z.",
    "variables": "Values that stand in the steps as ${name}, and that whoever runs it may replace.",
    "settings": "Assumptions that it is played under, by switch, as delivery.retry: 5s,5m.",
    "needs": "What a run has to be given: signing-key.",
    "cast": "Who and what is there before the first step.",
    "steps": "What happens, in order.",
}

CAST: Mapping[str, str] = {
    "domains": "add_domain",
    "data_sources": "add_data_source",
    "users": "add_user",
    "products": "publish",
}
"""The groups of a cast with the action that each member is; in the order in which they are played."""
NAMED_BY_KEY = ("domains", "data_sources")
"""What has to have a name is called as its key is, if it says nothing else."""

NEEDS: Words = {"signing-key": "The receiver checks signatures, so the run needs the key that it knows."}

TITLE = {"title": "What the report calls this step."}
FAULTS = {"faults": "What goes wrong with all that this step sends, as [duplicate, {delay: 5m}]."}

STEPS: Mapping[str, Words] = {
    "act": {
        "act": "Do something in the simulated app; the action's parameters are keys beside it.",
        "as": "What later steps call the entity that this is about.",
        "refused": "true: the app is to refuse it, and nothing is to follow.",
        **TITLE, **FAULTS,
    },
    "trigger": {
        "trigger": "Send an event that the simulated app knows nothing of; its type: name, alias or end of the name.",
        "product": "The product of the cast that it is about.",
        "set": "Members to set, by path, as data.dataProductName.",
        "unset": "Members to take away, by path.",
        "count": "How many of them.",
        "profile": "core or extended.",
        "body": "A file beside the scenario to send as it is, in place of a type.",
        "allow_invalid": "true: send it even if it breaks its schema.",
        **TITLE, **FAULTS,
    },
    "advance": {"advance": "Let simulated time pass: 2d, or {to: 2030-02-03T09:00:00Z}.", **TITLE, **FAULTS},
    "wait": {"wait": "Let real time pass: 500ms, or {until: {...}, timeout: 10s}.", **TITLE},
    "repeat": {
        "repeat": "Play steps again: so many times, or {for: [a, b], as: name}.",
        "every": "Simulated time from the beginning of one round to that of the next.",
        "over": "Simulated time over which chance spreads the rounds.",
        "overlap": "true: a round does not wait for the one before it.",
        "steps": "What each round plays; ${round} counts from 1.",
        **TITLE, **FAULTS,
    },
    "parallel": {"parallel": "Rows of steps that are played side by side in simulated time.", **TITLE, **FAULTS},
    "choose": {"choose": "Rows of steps of which the seed picks one, by weight.", **TITLE, **FAULTS},
    "webhook": {"webhook": "pause (what comes is held), suppress (what comes is dropped) or resume.", **TITLE},
    "expect": {
        "expect": "What should be so by now.",
        "as": "What later expectations call this point (since: name).",
        **TITLE,
    },
}  # fmt: skip

ADVANCE: Words = {"by": "How long.", "to": "Until when, as 2030-02-03T09:00:00Z."}
WAIT: Words = {"until": "What has to hold.", "timeout": "How long to wait for it at most. [10s]"}
FOR: Words = {"for": "A round for each of these.", "as": "What a round calls its value."}
OPTION: Words = {"weight": "How often, beside the other weights. [1]", "steps": "What is played."}
CHANGES = ("pause", "suppress", "resume")
PROFILES = ("core", "extended")

EXPECT: Words = {
    "events": "Which events there were: all types in order, or {type: count}, or {order, includes, count, total, ...}.",
    "deliveries": "How deliveries went.",
    "signatures": "valid, or {valid: 10, invalid: 1, missing: 0}.",
    "contract": "valid, or {valid: 10, invalid: 1, unknown: 0}.",
    "world": "How entities are now: {wish: {status: APPROVED}}.",
    "system": "What your own system says: one GET, or a list.",
    "within": "How long to go on asking, in real time. [0s]",
}
SINCE = {"since": "start, last (the expect before this one), or the name (as) of an earlier expect. [start]"}
EVENTS: Words = {
    "order": "All there were, in this order.",
    "includes": "These among all there were, in this order.",
    "count": "How many of a type.",
    "total": "How many in all.",
    "about": "Only those about this product or request.",
    **SINCE,
}
STATES: Words = {
    "accepted": "Answered with 2xx.",
    "rejected": "Answered with anything else.",
    "failed": "Not answered.",
    "interrupted": "The process ended in between.",
    "dropped": "Never sent: the webhook was suppressed or removed.",
    "pending": "Not decided yet.",
}
DELIVERIES: Words = {
    **STATES,
    "statuses": "Attempts by status of the answer; none for no answer.",
    "attempts": "Attempts in all.",
    "total": "Deliveries in all.",
    "slowest": "The longest that an answer may take, in real time.",
    "type": "Only these types, as access_requests.*",
    **SINCE,
}
SIGNATURES: Words = {
    "valid": "Signed rightly.", "invalid": "Signed wrongly.", "missing": "Not signed.", **SINCE,
}  # fmt: skip
CONTRACT: Words = {
    "valid": "As the schema of its type says.", "invalid": "Not so.", "unknown": "Of a type without a schema.", **SINCE,
}  # fmt: skip
SYSTEM: Words = {
    "get": "The URL that is asked.",
    "headers": "Headers of the request.",
    "status": "The status that is expected. [200]",
    "where": "What JSONPath (RFC 9535) finds in the answer.",
}
CONDITIONS: Words = {
    "is": "Equal to this.",
    "not": "Anything but this.",
    "one_of": "One of a list.",
    "contains": "A text with this in it, or a list with this item.",
    "starts_with": "A text that begins so.",
    "exists": "true: it is there; false: it is not.",
    "count": "So many items, as 3 or 2..5.",
    "at_least": "This or more.",
    "at_most": "This or less.",
}


def plain(key: str) -> str:
    """A key with the spelling that the tables have: `_` and `-` are the same."""
    return key.replace("-", "_")
