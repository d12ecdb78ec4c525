"""What a view of the history may be asked for: the times."""

from __future__ import annotations

import pytest

from emitter import clock
from emitter.errors import BadValue
from emitter.query import AttemptQuery


def since(text: str) -> int:
    found = AttemptQuery.parse([("since", text)]).since
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        ("2026-11-23 14:00", "2026-11-23T14:00:00Z"),
        ("2026-11-23T14:00", "2026-11-23T14:00:00Z"),
        ("2026-11-23 14:00:30.5", "2026-11-23T14:00:30.5Z"),
        ("2026-11-23 14:00Z", "2026-11-23T14:00:00Z"),
        ("2026-11-23T14:00:00+01:00", "2026-11-23T13:00:00Z"),
        ("2026-11-23t14:00:00z", "2026-11-23T14:00:00Z"),
    ],
)
def test_a_time_may_leave_out_what_is_understood(text: str, meant: str) -> None:
    assert since(text) == clock.parse_rfc3339(meant)


def test_a_duration_goes_back_from_now() -> None:
    before = clock.wall()

    assert before <= since("1h") + 3600 * clock.SECOND <= clock.wall()


@pytest.mark.parametrize("text", ["2026-13-01", "2026-11-23 25:00", "2026-11-23Z", "23.11.2026", "5", "now", "-1h"])
def test_what_is_no_time_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(BadValue, match=r"2030-01-31 09:00 \(both UTC\).*30m, 1h, 7d"):
        since(text)
