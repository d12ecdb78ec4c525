"""What a failed test says: what was expected, what came with the nearest first, and how to see it in full."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from emitter.query import matching_types

Json = dict[str, Any]

FEW = 8
_PREFIX = "marketplace.data_product."


class NotAsExpected(AssertionError):
    """What a test expected did not come; the text says what came instead."""

    __module__ = "emitter.testing"


def failed(text: str, *, see: str = "", waited: bool = False) -> NotAsExpected:
    """The error of an expectation that does not hold. `waited`: something of the test's own may have stood still."""
    lines = [text]
    if waited and _in_a_loop():
        lines.append(
            "This test runs in an event loop, which stood still meanwhile. If your receiver runs in it, let it go on: "
            "`await request_app.aio.trigger(...)`."
        )
    if see:
        lines.append(f"In full: {see}")
    return NotAsExpected("\n".join(lines))


def see(path: str) -> str:
    """The command that shows a history that is kept as a file."""
    if not path:
        return ""
    near = os.path.relpath(path)
    return f"emitter deliveries list --store {shlex.quote(path if near.startswith('..') else near)}"


def none_came(filters: Mapping[str, Any], found: int, count: int, timeout: str, attempts: Sequence[Json]) -> str:
    """Say that deliveries were waited for in vain, and what there was."""
    asked = ", ".join(f"{name} {_written(value)}" for name, value in filters.items())
    wanted = f"{count} deliveries" if count != 1 else "a delivery"
    lines = [
        f"{wanted}{f' with {asked}' if asked else ''} {'was' if count == 1 else 'were'} waited for; "
        f"{found or 'none'} came within {timeout}."
    ]
    if not attempts:
        lines.append("  Nothing was sent. Is a webhook registered? `request_app.deliver_to(...)` does it.")
        return "\n".join(lines)
    lines.append("  What was sent, the nearest first:")
    ranked = sorted(reversed(attempts), key=lambda each: _distance(each, filters))[:FEW]
    for each in ranked:
        differing = _differing(each, filters)
        why = f"   <- {', '.join(f'{name} is {told}' for name, told in differing)}" if differing else ""
        lines.append(f"    {told(each)}{why}")
    if len(attempts) > len(ranked):
        lines.append(f"    and {len(attempts) - len(ranked):,} more")
    return "\n".join(lines)


def _written(value: Any) -> str:
    return " or ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _distance(attempt: Json, filters: Mapping[str, Any]) -> int:
    """How far an attempt is from what was asked for: the wrong type counts for more than all else."""
    return sum(len(filters) if name == "type" else 1 for name, _ in _differing(attempt, filters))


def _differing(attempt: Json, filters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The filters that an attempt does not fit, with what it has instead."""
    has = {
        "type": attempt["type"], "outcome": attempt["outcome"], "status": str(attempt["status"] or "none"),
        "webhook": attempt["webhookId"], "event": attempt["eventId"], "delivery": attempt["deliveryId"],
        "run": attempt.get("run", ""),
    }  # fmt: skip
    found = []
    for name, value in filters.items():
        if name not in has:
            continue
        words = [str(each) for each in (value if isinstance(value, list | tuple) else str(value).split(","))]
        if name == "type":
            fits = bool(matching_types(words, [has["type"]]))
        elif name == "status":
            fits = any(
                has["status"] == word or (word.endswith("xx") and has["status"][:1] == word[:1]) for word in words
            )
        else:
            fits = has[name] in words
        if not fits:
            found.append((name, has[name].removeprefix(_PREFIX)))
    return found


def told(attempt: Json) -> str:
    """One attempt in a line."""
    answer = f" {attempt['status']}" if attempt["status"] else f" ({attempt['error']})" if attempt["error"] else ""
    name = f' "{attempt["dataProductName"]}"' if attempt["dataProductName"] else ""
    number = f", attempt {attempt['number']}" if attempt["number"] > 1 else ""
    at = str(attempt["scheduledAt"])[:19].replace("T", " ")
    return f"{at}  {attempt['type'].removeprefix(_PREFIX)}{name}: {attempt['outcome']}{answer}{number}"


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
