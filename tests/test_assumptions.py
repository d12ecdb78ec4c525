"""The register of assumptions: what is there, how it is changed, and what is refused."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.assumptions import Assumptions, register
from emitter.errors import BadValue, EmitterError, UnknownName
from emitter.typed import STANDARD_WEBHOOKS_SCHEDULE, duration, duration_text

SWITCHES = [entry.switch for entry in register(Assumptions())]


class TestRegister:
    def test_every_entry_says_what_it_is_what_it_may_be_and_why(self) -> None:
        for entry in register(Assumptions()):
            assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", entry.switch)
            assert entry.why.endswith(".")
            assert entry.allowed
            assert entry.unknown == "" or re.fullmatch(r"U([1-9]|1\d|2[0-4])", entry.unknown)

    def test_no_switch_is_there_twice(self) -> None:
        assert len(SWITCHES) == len(set(SWITCHES))

    def test_nothing_is_changed_at_first(self) -> None:
        assert [entry.switch for entry in register(Assumptions()) if entry.changed] == []

    @pytest.mark.parametrize("switch", SWITCHES)
    def test_what_is_shown_can_be_typed_again(self, switch: str) -> None:
        shown = next(entry for entry in register(Assumptions()) if entry.switch == switch)

        assert Assumptions().override(switch, shown.value) == Assumptions()

    @pytest.mark.parametrize(
        ("switch", "typed", "shown"),
        [
            ("delivery.timeout", "90s", "1m30s"),
            ("delivery.timeout", "1.5s", "1s500ms"),
            ("delivery.retry", "5s,5m,1h", "5s,5m,1h"),
            ("delivery.retry", "standard-webhooks", "standard-webhooks"),
            ("delivery.suppress_after", "3", "3"),
            ("delivery.headers", "X-A: 1;;User-Agent:  x y ", "X-A: 1;; User-Agent: x y"),
            ("signing.mode", "off", "off"),
            ("signing.prefix", "sha256=", "sha256="),
            ("ids.data_product", "cuid", "cuid"),
        ],
    )
    def test_a_change_is_shown_as_it_would_be_typed(self, switch: str, typed: str, shown: str) -> None:
        changed = Assumptions().override(switch, typed)

        entry = next(entry for entry in register(changed) if entry.switch == switch)
        assert (entry.value, entry.changed) == (shown, True)
        assert changed.override(switch, shown) == changed

    def test_several_are_changed_at_once_and_the_first_stays_as_it_was(self) -> None:
        first = Assumptions()

        changed = first.override_all({"signing.mode": "both", "delivery.in_flight": "8"})

        assert (changed.signing_mode, changed.delivery_in_flight) == ("both", 8)
        assert first == Assumptions()

    def test_a_switch_that_does_not_exist_brings_the_nearest(self) -> None:
        with pytest.raises(UnknownName, match=r'no assumption "delivery\.timeuot"\. Did you mean "delivery\.timeout"'):
            Assumptions().override("delivery.timeuot", "5s")


class TestValues:
    def test_a_schedule_is_a_list_of_pauses(self) -> None:
        read = {text: Assumptions().override("delivery.retry", text).delivery_retry for text in ("none", "5s,1h30m")}

        assert read == {"none": (), "5s,1h30m": (timedelta(seconds=5), timedelta(minutes=90))}
        assert (
            Assumptions().override("delivery.retry", "standard-webhooks").delivery_retry == STANDARD_WEBHOOKS_SCHEDULE
        )

    @pytest.mark.parametrize(
        ("switch", "text", "why"),
        [
            ("signing.mode", "md5", "is none of sha256, both"),
            ("signing.header", "x y", "no name of a header"),
            ("signing.header", "", "no name of a header"),
            ("signing.header", "x\r\ny", "no name of a header"),
            ("signing.prefix", "a\nb", "cannot be printed"),
            ("signing.prefix", "\ud800", "cannot be printed"),
            ("payload.timestamp_digits", "12", "is none of"),
            ("payload.link_product", "{base}/{id}", "no template"),
            ("payload.link_product", "{base", "no template"),
            ("payload.link_product", "}", "no template"),
            ("payload.link_product", "{}", "no template"),
            ("payload.link_product", "{0}", "no template"),
            ("payload.link_product", "{base.__class__}", "no template"),
            ("payload.link_product", "{Id!r}", "no template"),
            ("payload.link_product", "{Id:>999999999}", "no template"),
            ("payload.link_product", "{base}\n", "cannot be printed"),
            ("payload.app_base_url", "app.test", "no URL"),
            ("payload.app_base_url", "https://", "no URL"),
            ("payload.app_base_url", "https://[", "no URL"),
            ("payload.app_base_url", "https://a b", "no URL"),
            ("delivery.timeout", "10", "is no duration"),
            ("delivery.timeout", "0s", "is not between 1ms and 1h"),
            ("delivery.timeout", "2h", "is not between"),
            ("delivery.timeout", "-1s", "is no duration"),
            ("delivery.retry", "5s,", "is no duration"),
            ("delivery.retry", "never", "is no duration"),
            ("delivery.retry", "400d", "366 days"),
            ("delivery.retry", ",".join(["1s"] * 101), "100 pauses"),
            ("delivery.in_flight", "0", "no whole number from 1 to 512"),
            ("delivery.in_flight", "1.5", "no whole number"),
            ("delivery.in_flight", "٣", "no whole number"),
            ("delivery.in_flight", "9" * 10_000, "no whole number"),
            ("delivery.in_flight", "never", "no whole number"),
            ("delivery.suppress_after", "always", "nor never"),
            ("delivery.headers", "X-A", "no list of headers"),
            ("delivery.headers", "X A: 1", "no name of a header"),
            ("delivery.headers", "X-A: 1\r\nX-B: 2", "cannot be printed"),
            ("delivery.headers", "X-A: ä", "beyond ASCII"),
            ("history.status_words", "DONE", "not two words"),
            ("history.status_words", "A/B/C", "not two words"),
            ("test.payload", "a\x00b", "cannot be printed"),
        ],
    )
    def test_a_value_that_cannot_be_is_refused_with_the_switch_and_why(self, switch: str, text: str, why: str) -> None:
        with pytest.raises(BadValue) as caught:
            Assumptions().override(switch, text)

        assert caught.value.name == switch
        assert str(caught.value).startswith(f"{switch}: ") and why in str(caught.value)
        assert len(str(caught.value)) < 400

    @given(st.sampled_from(SWITCHES), st.text() | st.from_regex(r"[0-9a-z{}:,/;. -]{0,20}", fullmatch=True))
    def test_any_text_is_a_value_or_a_clear_error(self, switch: str, text: str) -> None:
        try:
            changed = Assumptions().override(switch, text)
        except EmitterError as error:
            assert switch in str(error)
        else:
            entry = next(entry for entry in register(changed) if entry.switch == switch)
            assert changed.override(switch, entry.value) == changed


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("10s", timedelta(seconds=10)),
            ("1h30m", timedelta(minutes=90)),
            ("250ms", timedelta(milliseconds=250)),
            ("0.5s", timedelta(milliseconds=500)),
            ("30d", timedelta(days=30)),
            (" 5m ", timedelta(minutes=5)),
            ("0s", timedelta(0)),
        ],
    )
    def test_a_number_with_its_unit_is_read(self, text: str, value: timedelta) -> None:
        assert duration(text) == value

    @pytest.mark.parametrize(
        "text", ["", "5", "s", "5 s", "-5s", "5sec", "1h-30m", "5s!", "١s", "1e3s", ".5s", "nan", "inf"]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(BadValue, match="is no duration"):
            duration(text, "pause")

    @pytest.mark.parametrize("text", ["9" * 400 + "s", "9999999999d"])
    def test_longer_than_time_goes_is_refused(self, text: str) -> None:
        with pytest.raises(BadValue, match="longer than time goes"):
            duration(text)

    @given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3660)))
    def test_what_is_written_is_read_again(self, value: timedelta) -> None:
        assert duration(duration_text(value)) == value
