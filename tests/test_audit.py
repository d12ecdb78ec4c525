"""The audit: good receivers get full marks, each planted fault is named first, and wrong use ends in a clear report."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import fields
from random import Random
from typing import Any

import pytest

from emitter.assumptions import Assumptions
from emitter.audit import CHECKS, Audit, Kind, Limits, Result, Status, Target, audit
from emitter.audit.battery import chosen, plan
from emitter.audit.bench import Bench
from emitter.audit.invariance import interleaving, shrinking, told_in
from emitter.audit.probe import NOISE, apart, noise, settled, shows, view
from emitter.audit.story import MOST, act, act_beside, begin, told
from emitter.audit.sweep import NOT_SENT, VALUES, readings, swept
from emitter.audit.values import in_order, score
from emitter.errors import EgressRefused, UnknownName
from emitter.settings import Settings
from tests.support_bad_receivers import BAD, KEY, OLD, Answer, LastToComeWins, Receiver, served
from tests.support_cli import answering, nobody, silent
from tests.support_examples import example

QUICK = Limits(settle=0, pace=0.3)
SETTINGS = Settings(store=None, assumptions=Assumptions().override("delivery.timeout", "2s"))
CARRYING = Settings(
    store=None,
    assumptions=Assumptions().override_all({"delivery.timeout": "2s", "signing.mode": "standard-webhooks"}),
)


def examined(url: str, settings: Settings = SETTINGS, *, probe: bool = True, **how: Any) -> Audit:
    """Audit a receiver at `url`, whose state is beside it."""
    target = Target(f"{url}/hook", KEY, OLD, probe=f"{url}/state" if probe else "")
    return audit(target, settings, **{"limits": QUICK, "seed": 1, **how})


def names(results: Any) -> list[str]:
    return [each.check.name for each in results]


def found(report: Audit, name: str) -> Result:
    return next(each for each in report.results if each.check.name == name)


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with served(Receiver()) as url:
        yield url


@pytest.fixture(scope="module")
def of_good(good: str) -> Audit:
    return examined(good)


# --- good receivers ---


def test_a_good_receiver_gets_full_marks(of_good):
    assert names(of_good.failed) == []
    assert of_good.score == 100 and of_good.passed and not of_good.stopped


def test_what_could_not_be_judged_says_why_and_costs_nothing(of_good):
    unjudged = of_good.of(Status.UNJUDGED)

    assert names(unjudged) == ["stale-signature", "replay"]
    assert all("covers neither a time nor an id" in each.found for each in unjudged)


def test_it_keeps_to_what_it_said_that_it_would_send(of_good):
    assert of_good.deliveries <= plan().deliveries


def test_a_signed_time_and_id_let_stale_signatures_and_replays_be_judged():
    with served(Carrying()) as url:
        report = examined(url, CARRYING, only=("stale-signature", "replay"))

    assert [(each.check.name, each.status) for each in report.results] == [
        ("good-delivery", Status.PASSED), ("stale-signature", Status.PASSED), ("replay", Status.PASSED),
    ]  # fmt: skip


def test_one_that_takes_old_times_is_unsafe():
    class Lenient(Carrying):
        tolerance = 10**9

    with served(Lenient()) as url:
        report = examined(url, CARRYING, only=("stale-signature",))

    assert names(report.failed) == ["stale-signature"] and report.failed[0].kind is Kind.UNSAFE


@pytest.mark.acceptance
@pytest.mark.parametrize("script", ["flask/receiver.py", "fastapi/receiver.py", "node/receiver.mjs"])
def test_the_example_receivers_get_full_marks(script):
    with example(f"receiver_{script}", WEBHOOK_SIGNING_KEY=KEY) as url:
        report = examined(url, parts=[told_in(20), swept()])

    assert names(report.failed) == [] and report.score == 100
    assert {"interleavings", "readings"} <= set(names(report.of(Status.PASSED)))


def test_the_example_in_flask_gets_full_marks_for_what_can_be_judged_quickly():
    with example("receiver_flask/receiver.py", WEBHOOK_SIGNING_KEY=KEY) as url:
        report = examined(url, only=("signatures", "contents"))

    assert names(report.failed) == [] and report.score == 100


# --- bad ones ---


@pytest.mark.parametrize("name", list(BAD)[::3])  # all of them, among all checks: `make acceptance`
def test_a_planted_fault_is_named_first_among_those_that_are_near_it(name):
    check, receiver = BAD[name]
    following = [each.name for each in CHECKS.values() if check in each.follows and each.kind is not Kind.UNFORTUNATE]
    near = (check, *CHECKS[check].follows, *(following if check != "good-delivery" else ()))
    with served(receiver()) as url:
        report = examined(url, only=near)

    first, *rest = report.failed
    assert first.check.name == check, names(report.failed)
    assert not report.passed or first.kind is Kind.UNFORTUNATE
    assert all(each.cause for each in rest if each.check.follows and set(each.check.follows) & {check})


@pytest.mark.acceptance
@pytest.mark.parametrize("name", BAD)
def test_a_planted_fault_is_named_first_among_all_checks(name):
    check, receiver = BAD[name]
    with served(receiver()) as url:
        report = examined(url)

    assert report.failed[0].check.name == check, names(report.failed)
    assert report.score < 100


def test_there_are_faults_enough_and_each_has_its_check():
    assert len(BAD) >= 25
    assert {check for check, _ in BAD.values()} <= set(CHECKS)
    planted = {check for check, _ in BAD.values()} | {"stale-signature"}
    assert set(CHECKS) - planted == {
        "wrong-key", "form-body", "both-headers", "replay", "probe", "prompt", "lives",
    }  # fmt: skip


def test_a_receiver_that_accepts_everything_fails_and_what_follows_stands_below():
    with served(BAD["NeverVerifies"][1]()) as url:
        report = examined(url, only=("signatures",))

    first, *rest = report.failed
    assert (first.check.name, first.kind, first.cause) == ("missing-signature", Kind.UNSAFE, "")
    assert {each.cause for each in rest} == {"missing-signature"} and len(rest) >= 7
    assert report.score < 50 and not report.passed


def test_slow_answers_are_merely_unfortunate(monkeypatch):
    monkeypatch.setattr("emitter.audit.behaviour._SLOW", 0.05)

    class Slow(Receiver):
        def take(self, event: dict[str, Any]) -> Answer:
            threading.Event().wait(0.06)
            return super().take(event)

    with served(Slow()) as url:
        report = examined(url, only=("prompt",))

    assert names(report.failed) == ["prompt"] and report.passed and report.score < 100


@pytest.mark.parametrize("padding", [0, 1962])  # what is kept of an answer ends within the key
def test_an_answer_that_holds_the_key_is_unsafe_and_the_report_does_not_hold_it(padding):
    from emitter.audit.html import as_html
    from emitter.audit.junit import as_junit
    from emitter.audit.report import as_text, to_json

    class Blabs(Receiver):
        def verify(self, headers: Any, body: bytes) -> None:
            if not self.is_signed(headers, body):
                self.refuse(f"{' ' * padding}wrong: the key is {KEY}")

        def refuse(self, text: str) -> None:
            from tests.support_bad_receivers import Refused

            raise Refused(401, text)

    with served(Blabs()) as url:
        report = examined(url, only=("answers",))

    assert names(report.failed) == ["answers"] and "signing key" in report.failed[0].found
    written = json.dumps(to_json(report)) + "".join(as_text(report)) + (as_html(report) + as_junit(report)).decode()
    assert KEY not in written and KEY[:14] not in written and "the key is ***" in written
    assert KEY not in repr(Target("http://127.0.0.1/", KEY, KEY))


def test_without_a_key_one_that_takes_what_is_unsigned_is_told_so():
    with served(BAD["NeverVerifies"][1]()) as url:
        report = audit(Target(f"{url}/hook"), SETTINGS, only=("signatures",), limits=QUICK)

    assert names(report.failed) == ["missing-signature"]
    assert "anybody who knows the URL" in report.failed[0].found


# --- wrong use ---


def test_nobody_there_is_told_and_nothing_else_is_tried():
    report = audit(Target(nobody(), KEY), SETTINGS, limits=QUICK)

    assert not report.reachable and report.deliveries == 1
    assert report.stopped.startswith("Nothing was answered: connection refused")
    assert set(names(report.of(Status.UNJUDGED))) == set(CHECKS) - {"good-delivery"}


def test_one_that_takes_connections_and_never_answers_costs_one_time_limit():
    settings = Settings(store=None, assumptions=Assumptions().override("delivery.timeout", "200ms"))
    with silent() as url:
        report = audit(Target(url, KEY), settings, limits=QUICK)

    assert not report.reachable and report.seconds < 5


def test_a_wrong_secret_is_guessed_at_and_nothing_is_judged_by_refusals(good):
    report = audit(Target(f"{good}/hook", "some other key"), SETTINGS, limits=QUICK)

    assert names(report.failed) == ["good-delivery"]
    assert "Is it the secret that the receiver has?" in report.failed[0].found
    assert not report.of(Status.PASSED) and report.reachable and not report.passed


def test_another_encoding_is_found_out_and_the_rest_is_judged_under_it():
    with served(BAD["WantsAnotherEncoding"][1]()) as url:
        report = examined(url, only=("signatures",))

    assert names(report.failed) == ["good-delivery"]
    assert "--assume signing.prefix=sha256=" in report.failed[0].found
    assert "wrong-signature" in names(report.of(Status.PASSED))


def test_a_probe_that_answers_html_is_a_finding_and_the_rest_is_judged(good):
    with answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<!doctype html>") as page:
        report = audit(Target(f"{good}/hook", KEY, probe=page), SETTINGS, only=("duplicate", "probe"), limits=QUICK)

    assert names(report.failed) == ["probe"]
    assert "no JSON; it begins with '<!doctype html>'" in report.failed[0].found
    assert found(report, "duplicate").status is Status.PASSED


def test_a_receiver_that_dies_half_way_is_unsafe_and_the_rest_is_left_alone():
    with served(BAD["DiesOfDepth"][1]()) as url:
        report = examined(url)

    assert names(report.failed) == ["deep-nesting"] and report.failed[0].kind is Kind.UNSAFE
    assert "nothing is answered since" in report.failed[0].found
    assert "has not answered since deep-nesting" in report.stopped
    assert found(report, "burst").status is Status.UNJUDGED
    assert found(report, "missing-signature").status is Status.PASSED


def test_a_receiver_that_hangs_half_way_ends_within_the_deadline():
    class Hangs(Receiver):
        def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
            if event["type"].endswith("sunset") or self.__dict__.setdefault("hung", False):
                self.hung = True
                threading.Event().wait(3)

    settings = Settings(store=None, assumptions=Assumptions().override("delivery.timeout", "300ms"))
    with served(Hangs()) as url:
        report = examined(url, settings, probe=False)

    assert report.failed[0].check.name == "unknown-type" and report.stopped
    assert report.seconds < 20


def test_the_bounds_of_time_and_number_hold(good):
    late = examined(good, limits=Limits(seconds=0.0, settle=0))
    few = examined(good, limits=Limits(deliveries=5, settle=0))

    assert late.deliveries == 0 and "--deadline" in late.stopped
    assert few.deliveries <= 5 and "--most" in few.stopped


def test_a_bound_that_is_reached_is_not_taken_for_the_receivers_death():
    class HangsUpOnTests(Receiver):
        def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
            if event["type"].endswith("webhook.test"):
                raise BrokenPipeError

    with served(HangsUpOnTests()) as url:
        report = examined(url, only=("test-event",), limits=Limits(deliveries=2, settle=0))

    assert [(each.check.name, each.kind) for each in report.failed] == [("test-event", Kind.WRONG)]
    assert "--most" in report.stopped and "nothing is answered since" not in report.failed[0].found


def test_what_may_not_be_dialled_is_refused_before_anything_is_sent():
    for target in (Target("http://169.254.169.254/"), Target("http://127.0.0.1:9/", probe="http://169.254.169.254/")):
        with pytest.raises(EgressRefused):
            audit(target, SETTINGS)


def test_an_unknown_check_names_the_nearest():
    with pytest.raises(UnknownName, match='Did you mean "duplicate"'):
        chosen(("duplicat",))


# --- the table ---


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_says_all_that_it_has_to_say(name):
    check = CHECKS[name]

    for text in (check.sent, check.expected, check.why, check.source, check.remedy):
        assert text and text == text.strip()
    explained, waiting = set(), [*check.follows]
    while waiting:  # in a circle nothing would be the cause, and nothing be told
        explained.add(each := waiting.pop())
        waiting += [*(set(CHECKS[each].follows) - explained)]
    assert name not in explained


def test_causes_come_before_what_follows_and_the_worst_first():
    def failed(name: str) -> Result:
        return Result(CHECKS[name], Status.FAILED, CHECKS[name].kind, "")

    results = in_order([failed("both-keys"), failed("wrong-key"), failed("missing-signature"), failed("twins")])

    assert [(each.check.name, each.cause) for each in results] == [
        ("missing-signature", ""), ("wrong-key", "missing-signature"), ("twins", ""), ("both-keys", ""),
    ]  # fmt: skip
    assert score(results) == 0
    assert score([*results, Result(CHECKS["good-delivery"], Status.PASSED, Kind.WRONG, "")]) < 50


# --- order and duplicates ---


class BreaksOnOneReordering(Receiver):
    """What was determined and comes after it has expired is taken for access without an end."""

    def work(self, event: dict[str, Any]) -> None:
        with self.lock:
            super().work(event)
            known = self.products[event["product"]]
            if event["type"].endswith("access_requests.expired"):
                known["expired"] = event["time"]
            elif event["type"].endswith("consumer.updated") and event["time"] < known.get("expired", ""):
                known["access"] = "for ever"


def test_a_correct_receiver_comes_to_the_same_in_every_order(good):
    report = examined(good, only=("good-delivery",), parts=[told_in(6)])

    assert found(report, "interleavings").status is Status.PASSED and report.interleavings == 6


@pytest.mark.acceptance
def test_a_correct_receiver_passes_two_hundred_orders_within_a_minute(good):
    report = examined(good, only=("good-delivery",), parts=[told_in(200)])

    assert found(report, "interleavings").status is Status.PASSED and report.seconds < 60


@pytest.mark.parametrize("receiver", [BreaksOnOneReordering, LastToComeWins])
def test_one_that_breaks_on_a_reordering_is_caught_with_at_most_three_deliveries(receiver):
    with served(receiver()) as url:
        report = examined(url, only=("good-delivery",), parts=[told_in(30)])

    assert names(report.failed) == ["interleavings"] and report.difference is not None
    assert 2 <= len(report.difference.sequence) <= 3, report.difference.sequence
    assert list(apart(report.difference.expected, report.difference.found))


def test_one_that_works_twice_is_caught_with_the_same_event_twice():
    with served(BAD["DoesTheWorkTwice"][1]()) as url:
        report = examined(url, only=("good-delivery",), parts=[told_in(3)])

    assert report.difference is not None
    first, second = report.difference.sequence
    assert second.what == f"{first.what} again"


def test_a_difference_stands_although_the_probe_stops_before_it_is_small():
    class ShowsFiveStates(LastToComeWins):
        asked = 0

        def state(self) -> Answer:
            self.asked += 1
            return super().state() if self.asked <= 5 else (500, "")

    with served(ShowsFiveStates()) as url:
        report = examined(url, only=("good-delivery",), parts=[told_in(3)])

    assert names(report.failed) == ["interleavings"] and report.difference is not None
    assert "The probe answers 500. It may not be the smallest." in report.failed[0].found
    assert report.difference.expected != report.difference.found


def test_without_a_probe_that_shows_anything_orders_are_not_judged(good):
    with answering(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}") as page:
        target = Target(f"{good}/hook", KEY, probe=page)
        report = audit(target, SETTINGS, only=("good-delivery",), limits=QUICK, parts=[told_in(3)])

    assert found(report, "interleavings").status is Status.UNJUDGED
    assert "shows nothing" in found(report, "interleavings").found


def test_an_order_tells_everything_at_least_once_and_nothing_before_it_happened():
    chance = Random(1)
    for number in range(1, 50):
        assert set(interleaving(chance, 12, number)) == set(range(12))


@pytest.mark.parametrize("culprits", [(3,), (7, 2), (9, 4, 0)])
def test_a_difference_is_made_as_small_as_it_gets(culprits):
    def differs(sequence: Any) -> bool:
        places = [sequence.index(each) for each in culprits if each in sequence]
        return len(places) == len(culprits) and places == sorted(places)

    order = [11, *culprits, 5, 6, *reversed(range(12))]
    smallest = list(shrinking(order, differs, lambda: True))[-1]

    assert tuple(smallest) == culprits


# --- what a probe shows ---


def test_ids_and_names_become_placeholders_and_numbers_what_was_added():
    before = {"open": 3, "tickets": [{"id": "a", "about": "old"}], "same": [1]}
    after = {"open": 5, "tickets": [{"id": "p-1", "about": "Claims"}, {"id": "a", "about": "old"}], "same": [1]}

    assert view(before, after, {"p-1": "{product}", "Claims": "{name}"}) == {
        "open": "+2", "tickets": {"added": [{"id": "{product}", "about": "{name}"}]},
    }  # fmt: skip


def test_what_was_added_is_told_to_the_last_digit_and_without_what_floats_leave():
    assert view({"sum": 1}, {"sum": 1_234_568}, {}) != view({"sum": 1}, {"sum": 1_234_569}, {})
    assert view({"sum": 0.1}, {"sum": 0.3}, {}) == {"sum": "+0.2"} == view({"sum": 0.3}, {"sum": 0.5}, {})


def test_what_differs_between_two_equal_tellings_is_not_compared():
    first = {"tickets": {"added": [{"number": 17, "state": "open"}]}, "seen": "10:00"}
    second = {"tickets": {"added": [{"number": 18, "state": "open"}]}, "seen": "10:01"}
    noisy = noise(first, second)

    assert settled(first, noisy) == settled(second, noisy)
    assert settled(first, noisy)["tickets"]["added"] == [{"number": NOISE, "state": "open"}]
    assert shows(settled(first, noisy)) and not shows({"seen": NOISE}) and not shows({})


def test_what_is_gone_and_what_is_nested_too_deep_is_shown_too():
    deep: Any = "end"
    for _ in range(200):
        deep = {"x": deep}

    assert view({"a": 1, "b": [2]}, {"b": []}, {}) == {"b": {"removed": [2]}, "a": "(gone)"}
    assert NOISE in json.dumps(view({}, {"deep": deep}, {}))


# --- readings ---


def test_every_switch_is_swept_or_said_to_change_nothing():
    switches = {item.metadata["switch"] for item in fields(Assumptions)}
    tried = {switch for switch, _, _ in readings()}

    assert tried | NOT_SENT == switches and not tried & NOT_SENT
    assert set(VALUES) <= tried
    for switch, value, _ in readings():
        Assumptions().override(switch, value)


@pytest.mark.acceptance
def test_every_reading_about_events_shows_in_the_story():
    def shape(bench: Bench, assume: dict[str, str]) -> list[Any]:
        simulator = bench.open(assume, start=begin())
        act_beside(simulator, "emitter audit story")
        act(simulator, "emitter audit story")
        bodies = [json.loads(simulator.event(each["id"])["body"]) for each in told(simulator)]
        simulator.close(0.0)
        return [(each["type"], sorted(each["data"]), each["timestamp"][11:16]) for each in bodies]

    with Bench(Target("http://127.0.0.1:9/"), SETTINGS, seed=1, most=1, deadline=1e18, settle=0, pace=1) as bench:
        own = [each[:2] for each in shape(bench, {})]
        for switch, value, _ in readings():
            if switch.startswith("events.") and switch != "events.pending_time":
                assert [each[:2] for each in shape(bench, {switch: value})] != own, (switch, value)


def test_readings_that_are_refused_are_told_and_those_of_signatures_are_not_held_against_it(monkeypatch):
    some = [("signing.mode", "sha1", "U1"), ("ids.data_product", "cuid", "U24"), ("payload.profile", "extended", "U3")]
    monkeypatch.setattr("emitter.audit.sweep.readings", lambda: iter(some))
    with served(BAD["WantsUuids"][1]()) as url:
        report = examined(url, only=("good-delivery",), probe=False, parts=[swept()])

    assert names(report.failed) == ["readings"]
    assert "ids.data_product=cuid: none of" in report.failed[0].found
    assert "signing." not in report.failed[0].found
    assert [(each.accepted > 0, each.scored) for each in report.readings] == [
        (False, False),
        (False, True),
        (True, True),
    ]


def test_a_reading_is_not_begun_that_cannot_be_told_within_the_bound(good):
    report = examined(good, only=("good-delivery",), limits=Limits(deliveries=MOST, settle=0), parts=[swept()])

    assert report.deliveries == 1 and "--most" in report.stopped
    assert found(report, "readings").status is Status.UNJUDGED


class Carrying(Receiver):
    """Verifies as the Standard Webhooks specification says."""

    tolerance = 300

    def is_signed(self, headers: Any, body: bytes) -> bool:
        from emitter.signing import Scheme, SigningKey, verify

        scheme = Scheme(mode="standard-webhooks")
        return verify(
            tuple(headers.items()), body, [SigningKey(KEY)], scheme, tolerance=self.tolerance
        ).ok  # fmt: skip
