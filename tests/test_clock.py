"""Time: the two drivers of one agenda, and moments as text."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter import clock
from emitter.clock import SECOND, SystemClock, VirtualClock

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


class TestVirtualClock:
    def test_it_stands_still_until_it_is_moved(self) -> None:
        virtual = VirtualClock(NOON)

        assert virtual.now() == virtual.now() == clock.nanoseconds(NOON)
        virtual.advance(timedelta(minutes=1, microseconds=1))
        assert clock.moment(virtual.now()) == NOON + timedelta(minutes=1, microseconds=1)

    def test_what_falls_due_runs_at_its_own_time_in_order(self) -> None:
        virtual, seen = VirtualClock(0), list[tuple[str, int]]()
        for name, due in (("c", 30), ("a", 10), ("late", 99 * SECOND), ("b", 20)):
            virtual.at(due, lambda name=name: seen.append((name, virtual.now())))

        virtual.advance(timedelta(seconds=1))

        assert seen == [("a", 10), ("b", 20), ("c", 30)]
        assert virtual.now() == SECOND
        assert virtual.next_due() == 99 * SECOND

    def test_entries_of_equal_time_keep_their_order(self) -> None:
        virtual, seen = VirtualClock(0), list[int]()
        for number in range(50):
            virtual.at(7, lambda number=number: seen.append(number))

        virtual.advance(timedelta(microseconds=1))

        assert seen == list(range(50))

    def test_what_an_entry_puts_on_the_agenda_runs_in_the_same_move(self) -> None:
        virtual, seen = VirtualClock(0), list[int]()
        virtual.at(10, lambda: virtual.at(20, lambda: seen.append(virtual.now())))

        virtual.advance(timedelta(seconds=1))

        assert seen == [20]

    def test_an_entry_of_the_past_runs_now_and_time_does_not_go_back(self) -> None:
        virtual, seen = VirtualClock(100), list[int]()
        virtual.at(5, lambda: seen.append(virtual.now()))

        virtual.advance(timedelta(0))

        assert seen == [100]

    def test_what_is_in_flight_finishes_before_every_move(self) -> None:
        virtual, steps = VirtualClock(0), list[str]()
        virtual.at(10, lambda: steps.append("due"))

        virtual.advance(timedelta(seconds=1), settle=lambda: steps.append(f"settle {virtual.now()}"))

        assert steps == ["settle 0", "due", "settle 10"]

    def test_it_does_not_run_backwards(self) -> None:
        with pytest.raises(ValueError, match="backwards"):
            VirtualClock(0).advance(timedelta(seconds=-1))

    def test_closed_it_has_nothing_more_to_do(self) -> None:
        virtual = VirtualClock(0)
        virtual.at(10, lambda: pytest.fail("ran"))

        virtual.close()

        assert virtual.next_due() is None
        virtual.advance(timedelta(seconds=1))


def _clocks_beside(before: set[threading.Thread]) -> list[threading.Thread]:
    """The clocks' threads that have come since; a simulator of the whole session may have one of its own."""
    return [each for each in threading.enumerate() if each not in before and each.name == "emitter-clock"]


class TestSystemClock:
    def test_it_shows_the_time_of_the_machine(self) -> None:
        before = time.time_ns()

        assert before <= SystemClock().now() <= time.time_ns()
        assert before <= clock.wall() <= time.time_ns()

    def test_it_starts_no_thread_before_something_is_due(self) -> None:
        before = set(threading.enumerate())

        SystemClock().now()

        assert not _clocks_beside(before)

    def test_what_falls_due_runs_in_order_and_not_before_its_time(self) -> None:
        system, seen, done = SystemClock(), list[tuple[str, int]](), threading.Event()
        start = system.now()

        system.at(start + SECOND // 20, lambda: (seen.append(("second", system.now())), done.set()))
        system.at(start + SECOND // 50, lambda: seen.append(("first", system.now())))

        assert done.wait(5)
        system.close()
        assert [name for name, _ in seen] == ["first", "second"]
        assert seen[0][1] >= start + SECOND // 50 and seen[1][1] >= start + SECOND // 20

    def test_closed_it_runs_nothing_and_its_thread_is_gone(self) -> None:
        before = set(threading.enumerate())
        system = SystemClock()
        system.at(system.now() + 3600 * SECOND, lambda: pytest.fail("ran"))
        assert len(_clocks_beside(before)) == 1

        system.close()

        system.at(0, lambda: pytest.fail("ran"))
        assert not _clocks_beside(before)

    def test_an_entry_may_close_the_clock_that_runs_it(self) -> None:
        system, done = SystemClock(), threading.Event()

        system.at(0, lambda: (system.close(), done.set()))

        assert done.wait(5)


class TestText:
    @pytest.mark.parametrize(
        ("stamp", "digits", "text"),
        [
            (0, 9, "1970-01-01T00:00:00.000000000Z"),
            (0, 0, "1970-01-01T00:00:00Z"),
            (1_753_208_174_608_998_951, 9, "2025-07-22T18:16:14.608998951Z"),
            (1_753_208_174_608_998_951, 3, "2025-07-22T18:16:14.608Z"),
            (1_753_208_174_999_999_999, 6, "2025-07-22T18:16:14.999999Z"),
            (-1, 9, "1969-12-31T23:59:59.999999999Z"),
            (clock.nanoseconds(datetime(33, 1, 2, tzinfo=UTC)), 0, "0033-01-02T00:00:00Z"),
        ],
    )
    def test_a_moment_is_written_as_rfc_3339(self, stamp: int, digits: int, text: str) -> None:
        assert clock.rfc3339(stamp, digits) == text

    @pytest.mark.parametrize(
        ("text", "same"),
        [
            ("2030-01-31T09:00:00Z", "2030-01-31T09:00:00.000000000Z"),
            ("2030-01-31t09:00:00z", "2030-01-31T09:00:00.000000000Z"),
            ("2030-01-31 09:00:00.5Z", "2030-01-31T09:00:00.500000000Z"),
            ("2030-01-31T09:00:00.1234567899Z", "2030-01-31T09:00:00.123456789Z"),
            ("2030-01-31T09:00:00.000000001+01:00", "2030-01-31T08:00:00.000000001Z"),
            ("2029-12-31T23:30:00-05:30", "2030-01-01T05:00:00.000000000Z"),
        ],
    )
    def test_any_offset_and_any_number_of_digits_are_read(self, text: str, same: str) -> None:
        assert clock.rfc3339(clock.parse_rfc3339(text)) == same

    @pytest.mark.parametrize(
        "text",
        ["", "now", "2030-01-31", "2030-01-31T09:00:00", "20300131T090000Z", "2030-W05-4T09:00:00Z", "2030-01-31T09Z",
         "2030-01-31T09:00:00.Z", "2030-01-31T09:00:00,5Z", "2030-02-30T09:00:00Z", "2030-01-31T24:00:00Z",
         "2030-01-31T09:00:60Z", "2030-01-31T09:00:00+0100", "2030-01-31T09:00:00+01:00:30.5", "2030-01-31T09:00:00Z\n",
         " 2030-01-31T09:00:00Z", "2030-01-31T09:00:00.٣Z", "٢030-01-31T09:00:00Z", "0000-01-01T00:00:00Z",
         "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2030-01-31T09:00:00+25:00"],
    )  # fmt: skip
    def test_what_is_no_rfc_3339_is_a_value_error(self, text: str) -> None:
        with pytest.raises(ValueError, match="is no"):
            clock.parse_rfc3339(text)

    @given(st.integers(-(2**62), 2**62))
    def test_what_is_written_is_read_again(self, stamp: int) -> None:
        assert clock.parse_rfc3339(clock.rfc3339(stamp)) == stamp

    @given(st.text())
    def test_any_text_is_a_time_or_a_value_error(self, text: str) -> None:
        try:
            clock.parse_rfc3339(text)
        except ValueError:
            pass

    @given(st.datetimes(timezones=st.just(timezone(timedelta(hours=2)))))
    def test_a_datetime_comes_back_to_the_microsecond(self, moment: datetime) -> None:
        assert clock.moment(clock.nanoseconds(moment)) == moment


def test_deadlines_are_measured_on_a_clock_that_is_never_set() -> None:
    before = clock.monotonic()

    clock.pause(0.001)

    assert clock.monotonic() >= before + 0.001
