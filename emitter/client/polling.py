"""Waiting for what a server waits for: asked again and again, for a while each time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from emitter.errors import BadValue
from emitter.typed import duration, duration_text

LONGEST_POLL = 25.0  # seconds of waiting that are asked for at once


def within_of(expected: Mapping[str, Any]) -> float:
    """How long it is asked again, in seconds; what is no duration is left for the server to refuse."""
    try:
        return duration(str(expected.get("within", "0s"))).total_seconds()
    except BadValue:
        return 0.0


def pause_text(seconds: float) -> str:
    """A time to wait as it is sent, a millisecond at least."""
    return duration_text(timedelta(milliseconds=max(round(seconds * 1000), 1)))
