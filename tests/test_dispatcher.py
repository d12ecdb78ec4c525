"""From an event to what came of it: order, retries, pauses, suppression, restart. Real bytes over loopback."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from emitter.clock import nanoseconds
from emitter.errors import Conflict
from emitter.faults import FaultSpec
from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET

START = nanoseconds(datetime(2030, 1, 1, 9, tzinfo=UTC))


def trigger(simulator, kind="access-revoked", **members):
    [event] = simulator.trigger(TriggerSpec(type=kind, **members))
    return event


def outcomes(simulator, **filters):
    """The attempts so far, oldest first, as (number, outcome, status)."""
    rows = simulator.attempts(AttemptQuery(**filters))["attempts"]
    return [(row["number"], row["outcome"], row["status"]) for row in reversed(rows)]


def test_an_event_goes_to_every_webhook(simulator, make_receiver):
    first, second = make_receiver(), make_receiver()
    simulator.add_webhook(first.url, signing_key=SECRET)
    simulator.add_webhook(second.url, signing_key=SECRET)

    event = trigger(simulator)
    simulator.settle(10)

    assert [each["url"] for each in event["deliveries"]] == [first.url, second.url]
    assert first.captures[0].body == second.captures[0].body
    assert first.captures[0].signature.ok
    assert outcomes(simulator) == [(1, "accepted", 200), (1, "accepted", 200)]


def test_a_target_of_its_own_gets_what_it_was_made_for_and_nothing_else(simulator, receiver):
    trigger(simulator, to=receiver.url, signing_key=SECRET)
    event = trigger(simulator)
    simulator.settle(10)

    assert event["deliveries"] == []
    assert len(receiver.captures) == 1
    assert simulator.webhooks() == []


def test_the_deliveries_of_a_webhook_arrive_in_order(simulator, make_receiver):
    receiver = make_receiver("200:5ms,200")
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    simulator.trigger(TriggerSpec(type="access-revoked", count=50))
    simulator.settle(20)

    stamps = [capture.body[14:44] for capture in receiver.captures]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == 50


def test_more_in_flight_frees_the_order(make_simulator, make_receiver):
    simulator = make_simulator(assume={"delivery.in_flight": "8"})
    receiver = make_receiver("200:2s,200")
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    simulator.trigger(TriggerSpec(type="access-revoked", count=5))

    found = simulator.wait(AttemptQuery(outcome=("accepted",)), count=4, timeout=1.5)
    assert found["complete"]


def test_without_a_schedule_nothing_is_tried_again(simulator, make_receiver):
    simulator.add_webhook(make_receiver("500").url)

    trigger(simulator)
    simulator.settle(10)

    assert outcomes(simulator) == [(1, "rejected", 500)]


def test_a_retry_comes_when_it_is_due_and_keeps_the_body(make_simulator, make_receiver):
    simulator = make_simulator(start=START, assume={"delivery.retry": "5s,1h"})
    receiver = make_receiver("500,503,200")
    simulator.add_webhook(receiver.url)
    trigger(simulator)

    simulator.advance(timedelta(seconds=4))
    assert outcomes(simulator) == [(1, "rejected", 500)]
    simulator.advance(timedelta(seconds=1))
    assert outcomes(simulator) == [(1, "rejected", 500), (2, "rejected", 503)]
    simulator.advance(timedelta(hours=1))

    assert outcomes(simulator) == [(1, "rejected", 500), (2, "rejected", 503), (3, "accepted", 200)]
    assert len({capture.body for capture in receiver.captures}) == 1
    [delivery] = {each["deliveryId"] for each in simulator.attempts(AttemptQuery())["attempts"]}
    assert simulator.delivery(delivery)["state"] == "accepted"


def test_the_standard_webhooks_schedule_takes_75_hours_and_then_gives_up(make_simulator, make_receiver):
    simulator = make_simulator(start=START, assume={"delivery.retry": "standard-webhooks"})
    simulator.add_webhook(make_receiver("500").url)
    event = trigger(simulator)

    simulator.advance(timedelta(hours=76))

    assert len(outcomes(simulator)) == 10
    assert simulator.delivery(event["deliveries"][0]["id"])["state"] == "rejected"
    assert simulator.idle()


def test_a_delivery_that_waits_for_its_retry_holds_up_those_behind_it(make_simulator, make_receiver):
    simulator = make_simulator(start=START, assume={"delivery.retry": "1h"})
    receiver = make_receiver("500,200")
    other = make_receiver()
    simulator.add_webhook(receiver.url)
    simulator.add_webhook(other.url, signing_key=SECRET)

    first, second = trigger(simulator), trigger(simulator)
    simulator.settle(10)
    assert len(receiver.captures) == 1
    assert len(other.captures) == 2  # held up only where it hangs
    simulator.advance(timedelta(hours=1))

    bodies = [capture.body for capture in receiver.captures]
    assert bodies[0] == bodies[1] != bodies[2]
    assert first["timestamp"] < second["timestamp"]


def test_a_retry_on_the_systems_clock_comes_by_itself(make_simulator, make_receiver):
    simulator = make_simulator(assume={"delivery.retry": "20ms"})
    simulator.add_webhook(make_receiver("500,200").url)

    trigger(simulator)

    assert simulator.wait(AttemptQuery(outcome=("accepted",)), timeout=10)["complete"]


def test_a_refused_connection_is_an_answer(simulator, make_receiver):
    gone = make_receiver()
    url = gone.url
    gone.close()
    simulator.add_webhook(url)

    trigger(simulator)
    simulator.settle(10)

    [row] = simulator.attempts(AttemptQuery())["attempts"]
    assert (row["outcome"], row["status"], row["failure"]) == ("failed", None, "connect")
    assert "refused" in row["error"]


def test_a_paused_webhook_gets_what_came_meanwhile_when_the_pause_ends(simulator, receiver):
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.change_webhook(webhook.id, paused=True)

    trigger(simulator)
    trigger(simulator)
    assert simulator.settle(10)
    assert receiver.captures == []
    assert simulator.state()["waiting"] == 2
    simulator.change_webhook(webhook.id, paused=False)

    assert len(receiver.wait_for(2, 10)) == 2


def test_a_suppressed_webhook_gets_nothing_and_what_waits_is_dropped_with_the_reason(simulator, receiver):
    webhook = simulator.add_webhook(receiver.url)
    simulator.change_webhook(webhook.id, paused=True)
    waiting = trigger(simulator)

    simulator.change_webhook(webhook.id, suppressed=True, paused=False)
    later = trigger(simulator)
    simulator.settle(10)

    assert receiver.captures == []
    assert later["deliveries"] == []
    found = simulator.delivery(waiting["deliveries"][0]["id"])
    assert (found["state"], found["note"]) == ("dropped", "The webhook was suppressed.")


def test_removing_a_webhook_drops_what_waits_in_memory_and_in_the_store(simulator, receiver):
    webhook = simulator.add_webhook(receiver.url)
    simulator.change_webhook(webhook.id, paused=True)
    events = simulator.trigger(TriggerSpec(type="access-revoked", count=1500))

    simulator.delete_webhook(webhook.id)
    simulator.settle(10)

    assert simulator.state()["waiting"] == 0
    for event in (events[0], events[-1]):
        found = simulator.delivery(event["deliveries"][0]["id"])
        assert (found["state"], found["note"]) == ("dropped", "The webhook was removed.")
    assert receiver.captures == []


def test_a_webhook_is_suppressed_after_so_many_failures_in_a_row_if_assumed(make_simulator, make_receiver):
    simulator = make_simulator(assume={"delivery.suppress_after": "3"})
    webhook = simulator.add_webhook(make_receiver("500,200,500,500,500").url)

    for _ in range(5):
        trigger(simulator)
        simulator.settle(10)

    assert simulator.webhook(webhook.id).suppressed
    assert trigger(simulator)["deliveries"] == []


def test_a_successful_test_ends_a_suppression(simulator, receiver):
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.change_webhook(webhook.id, suppressed=True)

    assert simulator.test_webhook(webhook.id) == {"status": "SUCCESS", "httpStatusCode": 200}

    assert not simulator.webhook(webhook.id).suppressed
    assert receiver.captures[0].signature.ok


def test_a_test_overtakes_a_pause_and_tells_what_went_wrong(simulator, make_receiver):
    webhook = simulator.add_webhook(make_receiver("418").url)
    simulator.change_webhook(webhook.id, paused=True)

    result = simulator.test_webhook(webhook.id)

    assert result == {"status": "FAILED", "httpStatusCode": 418, "errorMessage": "The receiver answered 418."}


def test_sending_again_signs_anew_or_repeats_the_very_bytes(simulator, receiver):
    webhook = simulator.add_webhook(receiver.url, signing_key="old key")
    trigger(simulator)
    simulator.settle(10)
    [attempt] = simulator.attempts(AttemptQuery())["attempts"]
    simulator.change_webhook(webhook.id, signing_key=SECRET)

    simulator.resend(attempt["id"])
    simulator.resend(attempt["id"], as_is=True)
    simulator.settle(10)

    first, anew, as_is = receiver.captures
    assert first.body == anew.body == as_is.body
    assert not first.signature.ok
    assert anew.signature.ok
    assert as_is.headers == first.headers
    rows = simulator.attempts(AttemptQuery())["attempts"]
    assert [row["resendOf"] for row in rows] == [attempt["id"], attempt["id"], None]
    assert len({row["deliveryId"] for row in rows}) == 3


def test_what_was_sent_to_a_removed_webhook_cannot_be_sent_again(simulator, receiver):
    webhook = simulator.add_webhook(receiver.url)
    trigger(simulator)
    simulator.settle(10)
    [attempt] = simulator.attempts(AttemptQuery())["attempts"]
    simulator.delete_webhook(webhook.id)

    with pytest.raises(Conflict, match="its webhook was removed"):
        simulator.resend(attempt["id"])


def test_a_restart_goes_on_with_what_is_due(make_simulator, receiver, tmp_path):
    path = tmp_path / "store.sqlite"
    before = make_simulator(store=path)
    webhook = before.add_webhook(receiver.url, signing_key=SECRET)
    before.change_webhook(webhook.id, paused=True)
    before.trigger(TriggerSpec(type="access-revoked", count=600))
    before.close()

    after = make_simulator(store=path)
    assert after.state()["waiting"] == 600
    after.change_webhook(webhook.id, paused=False)
    assert after.settle(30)

    stamps = [capture.body[14:44] for capture in receiver.captures]
    assert len(set(stamps)) == 600
    assert stamps == sorted(stamps)
    assert after.state()["waiting"] == 0


def test_more_than_memory_holds_goes_through_the_store_in_order(simulator, receiver):
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.change_webhook(webhook.id, paused=True)
    simulator.trigger(TriggerSpec(type="access-revoked", count=2000))
    assert simulator.state()["waiting"] == 2000

    simulator.change_webhook(webhook.id, paused=False)
    assert simulator.settle(60)

    stamps = [capture.body[14:44] for capture in receiver.captures]
    assert len(set(stamps)) == 2000
    assert stamps == sorted(stamps)


def test_a_delivery_for_each_kind_of_person_if_assumed(make_simulator, receiver):
    simulator = make_simulator(assume={"delivery.fan_out": "recipient"})
    simulator.add_webhook(receiver.url)

    assert len(trigger(simulator, "request-determined")["deliveries"]) == 2
    assert len(trigger(simulator, "access-revoked")["deliveries"]) == 1


def test_a_body_can_be_stamped_when_it_is_sent_if_assumed(make_simulator, make_receiver):
    simulator = make_simulator(start=START, assume={"payload.timestamp_source": "send", "delivery.retry": "1h"})
    receiver = make_receiver("500,200")
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    trigger(simulator)
    simulator.advance(timedelta(hours=1))

    first, second = receiver.captures
    assert first.body[14:27] == b"2030-01-01T09"
    assert second.body[14:27] == b"2030-01-01T10"
    assert first.body[44:] == second.body[44:]
    assert second.signature.ok
    rows = simulator.attempts(AttemptQuery())["attempts"]
    shown = [simulator.attempt(row["id"])["request"]["body"].encode() for row in rows]
    assert shown == [second.body, first.body]


def test_a_simulator_that_is_closed_ends_in_time_whatever_hangs(make_simulator, make_receiver):
    simulator = make_simulator(stop_grace=timedelta(milliseconds=200))
    simulator.add_webhook(make_receiver("200:30s").url)
    trigger(simulator)

    simulator.close()


def test_a_reset_leaves_an_empty_simulator_that_works(simulator, receiver):
    simulator.add_webhook(receiver.url)
    trigger(simulator)

    simulator.reset()

    assert simulator.webhooks() == []
    assert outcomes(simulator) == []
    trigger(simulator, to=receiver.url)
    simulator.settle(10)
    assert outcomes(simulator) == [(1, "rejected", 401)]  # the receiver wants a signature


def test_events_of_a_virtual_year_do_not_pull_later_ones_along(make_simulator, tmp_path):
    path = tmp_path / "store.sqlite"
    ahead = make_simulator(store=path, start=START)
    virtual = [trigger(ahead)["timestamp"], trigger(ahead)["timestamp"]]
    ahead.close()

    today = make_simulator(store=path)
    real = trigger(today)["timestamp"]
    today.close()
    again = make_simulator(store=path, start=START)

    assert virtual[0] < virtual[1] < trigger(again)["timestamp"] < "2030-01-01T09:00:01"
    assert real < "2030"


def test_the_history_shows_where_an_attempt_went_though_its_webhook_has_moved(simulator, make_receiver):
    old, new = make_receiver(), make_receiver()
    webhook = simulator.add_webhook(old.url + "/old", signing_key=SECRET)
    trigger(simulator)
    simulator.settle(10)
    [attempt] = simulator.attempts(AttemptQuery())["attempts"]
    simulator.change_webhook(webhook.id, url=new.url + "/new")

    simulator.resend(attempt["id"], as_is=True)
    simulator.settle(10)

    shown = simulator.attempt(attempt["id"])["request"]
    assert shown["url"] == old.url + "/old"
    assert [tuple(pair) for pair in shown["headers"]] == list(old.captures[0].headers)
    assert dict(new.captures[0].headers)["Host"] == new.url.removeprefix("http://")
    assert new.captures[0].headers[1:] == old.captures[0].headers[1:]


@pytest.mark.parametrize(
    ("answers", "schedule", "faults", "outcome"),
    [
        ("503,200", "5m", (), [(1, "rejected", 503), (2, "accepted", 200)]),
        ("200", "none", ("delay:by=5m",), [(1, "accepted", 200)]),
    ],
)
def test_what_falls_due_for_two_webhooks_at_one_moment_leaves_for_both(
    make_simulator, make_receiver, answers, schedule, faults, outcome
):
    simulator = make_simulator(start=START, assume={"delivery.retry": schedule})
    for _ in range(2):
        simulator.add_webhook(make_receiver(answers).url, signing_key=SECRET)
    trigger(simulator, faults=tuple(map(FaultSpec.parse, faults)))
    assert simulator.settle(10)

    advancing = threading.Thread(target=simulator.advance, args=(timedelta(minutes=5),), daemon=True)
    advancing.start()
    advancing.join(10)

    assert not advancing.is_alive()
    assert sorted(outcomes(simulator)) == sorted(outcome * 2)
