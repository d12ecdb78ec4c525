"""Events and their stamps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.event import Event, Stamps


def test_an_event_cannot_be_changed() -> None:
    event = Event("a.b", b"{}", 1)

    with pytest.raises(AttributeError):
        event.body = b"x"  # type: ignore[misc]
    assert (event.verdict, event.seed, event.run, event.audiences) == ("valid", None, "", 1)


@given(st.lists(st.integers(0, 10**6)), st.integers(0, 10**6))
def test_stamps_always_rise_and_never_lie_before_the_clock(times: list[int], last: int) -> None:
    stamps = Stamps(Random(1), last)

    for now in times:
        stamp = stamps.next(now)
        assert stamp > last
        assert stamp >= now
        last = stamp


def test_a_stamp_is_within_the_microsecond_of_a_clock_that_has_moved_on() -> None:
    stamps = Stamps(Random(1))

    assert all(0 <= stamps.next(number * 1_000_000) - number * 1_000_000 < 1000 for number in range(1, 200))


def test_equal_chance_gives_equal_stamps() -> None:
    one, other = Stamps(Random(3)), Stamps(Random(3))

    assert [one.next(5) for _ in range(50)] == [other.next(5) for _ in range(50)]


def test_threads_never_share_a_stamp() -> None:
    stamps = Stamps(Random(1))

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: stamps.next(10**9), range(4000)))

    assert len(set(made)) == 4000
