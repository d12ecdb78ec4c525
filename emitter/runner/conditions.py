"""Whether a value is what it should be, and how to say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emitter.errors import shown
from emitter.scenario.steps import Condition, Count

MISSING = object()
"""Stands for a member that is not there."""


def holds(condition: Condition, found: Any) -> bool:
    """Whether a value meets a condition; one that is not there meets only `exists: false` and `not`."""
    wanted = condition.value
    match condition.word:
        case "exists":
            return (found is not MISSING) == bool(wanted)
        case "is":
            return found is not MISSING and _equal(found, wanted)
        case "not":
            return found is MISSING or not _equal(found, wanted)
        case "one_of":
            return any(_equal(found, each) for each in wanted)
        case "contains":
            if isinstance(found, str):
                return isinstance(wanted, str) and wanted in found
            if isinstance(found, Mapping):
                return _within(wanted, found) if isinstance(wanted, Mapping) else wanted in found
            return isinstance(found, Sequence) and any(_within(wanted, each) for each in found)
        case "starts_with":
            return isinstance(found, str) and found.startswith(str(wanted))
        case "count":
            size = len(found) if isinstance(found, str | Mapping | Sequence) else 0 if found is MISSING else 1
            return (wanted if isinstance(wanted, Count) else Count(wanted, wanted)).holds(size)
        case "at_least":
            return _ordered(found, wanted) and found >= wanted
        case "at_most":
            return _ordered(found, wanted) and found <= wanted
    raise AssertionError(condition.word)


def _equal(found: Any, wanted: Any) -> bool:
    """Equal as JSON is: true is not 1."""
    if isinstance(found, bool) is not isinstance(wanted, bool):
        return False
    return bool(found == wanted)


def _within(wanted: Any, found: Any) -> bool:
    """Whether `wanted` is `found`, or an object some members of it."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(key in found and _within(each, found[key]) for key, each in wanted.items())
    return _equal(found, wanted)


def _ordered(found: Any, wanted: Any) -> bool:
    numbers = isinstance(found, int | float) and isinstance(wanted, int | float) and not isinstance(found, bool)
    return numbers or (isinstance(found, str) and isinstance(wanted, str))


_WORDS = {
    "is": "is", "not": "is not", "one_of": "is one of", "contains": "contains", "starts_with": "starts with",
    "count": "has a count of", "at_least": "is at least", "at_most": "is at most",
}  # fmt: skip


def said(condition: Condition) -> str:
    """A condition in words, to follow what it is about."""
    if condition.word == "exists":
        return "is there" if condition.value else "is not there"
    return f"{_WORDS[condition.word]} {written(condition.value)}"


def written(value: Any) -> str:
    """A value in words, on one line, cut."""
    if value is MISSING:
        return "not there"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str):
        return shown(value, 80)
    if isinstance(value, list | tuple) and len(value) <= 5 and all(not isinstance(each, list | dict) for each in value):
        return "[" + ", ".join(map(written, value)) + "]"
    text = str(value)
    return text if len(text) <= 120 else f"{text[:120]}..."
