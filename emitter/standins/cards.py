"""Adaptive Cards as a flow posts them: what makes the posting fail, and what is posted but does not work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emitter.errors import shown

ADAPTIVE = "application/vnd.microsoft.card.adaptive"
LARGEST = 28_672
"""Bytes that a card may have once it is converted; observed in the error of a run."""
_ACTIONS = ("Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a card was not posted: as the run says it, and what is to be done."""

    error: str
    hint: str


def size_of(content: object, counted: str) -> int:
    """How many bytes a card is counted as: on the wire, or escaped as a text within JSON.

    That it is more than on the wire has been observed (24,453 bytes sent, 28,897 counted), the conversion has not: a
    text within JSON, where each quote takes two bytes, is assumed, and comes near.
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return len((json.dumps(text, ensure_ascii=False) if counted == "escaped" else text).encode())


def failure(content: object, counted: str, largest: int, message_card: str) -> Failure | None:
    """Say why a card cannot be posted; None: it can."""
    if not isinstance(content, dict):
        return Failure(
            f"The card is {_kind(content)}, not an object.",
            "`content` is the card itself, an object with type AdaptiveCard, and not a text that holds it.",
        )
    if content.get("@type") == "MessageCard" and "type" not in content:
        if message_card == "fails":
            return Failure(
                "Property 'type' must be 'AdaptiveCard'.",
                "This is a MessageCard, the form of the retired connector. Make an Adaptive Card of it; some tenants "
                "show its text (message-card=shown).",
            )
    elif content.get("type") != "AdaptiveCard":
        found = shown(content["type"]) if "type" in content else "missing"
        return Failure("Property 'type' must be 'AdaptiveCard'.", f"The card's own `type` is {found}.")
    elif not isinstance(content.get("body", []), list) or not isinstance(content.get("actions", []), list):
        return Failure("The card's 'body' and 'actions' must be arrays.", "Put the elements of the card into a list.")
    size = size_of(content, counted)
    if size > largest:
        return Failure(
            f"MessageSizeExceeded-Message properties size exceeded. Actual {size} bytes, max allowed size is "
            f"{largest} bytes",
            "The size counts after conversion, about a fifth more than on the wire. Cut texts, or post a link.",
        )
    return None


def remarks(content: dict[str, Any]) -> list[str]:
    """Say what is wrong with a card that is posted all the same."""
    found = []
    if content.get("type") == "AdaptiveCard":
        if not isinstance(content.get("version"), str):
            found.append("The card has no `version`; write one, as 1.4.")
        if not content.get("body") and not content.get("actions"):
            found.append("The card shows nothing: it has neither `body` nor `actions`.")
    kinds = {str(each["type"]) for each in _objects(content) if str(each.get("type")).startswith("Action.")}
    for kind in sorted(kinds.difference(_ACTIONS)):
        found.append(f"{shown(kind)[1:-1]} does nothing in a card from a webhook; Action.OpenUrl opens a link.")
    if content.get("@type") == "MessageCard":
        found.append("Of a MessageCard only text and facts are shown, and no buttons.")
    return found


def title(content: object) -> str:
    """The first text that a card shows; empty where it has none."""
    for each in _objects(content):
        for name in ("text", "title", "summary"):
            if isinstance(each.get(name), str) and each[name].strip():
                return str(each[name])
    return ""


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Every object within a JSON value, in the order in which they stand."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += reversed(list(found.values()))
        elif isinstance(found, list):
            waiting += reversed(found)


def _kind(value: object) -> str:
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return "null" if value is None else names.get(type(value), "something else")
