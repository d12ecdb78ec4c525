"""Awkward moments: an end between two steps, a file that goes away or is damaged, a value that no column takes."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from emitter.clock import nanoseconds
from emitter.errors import StoreUnusable
from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET

START = nanoseconds(datetime(2030, 1, 1, 9, tzinfo=UTC))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite"


def waiting_for(simulator, receiver, count=3):
    """A webhook that is paused, with deliveries that wait for it."""
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)
    simulator.change_webhook(webhook.id, paused=True)
    events = simulator.trigger(TriggerSpec(type="access-revoked", count=count))
    return simulator.webhook(webhook.id), [event["deliveries"][0]["id"] for event in events]


def test_what_waits_for_a_webhook_is_dropped_though_the_process_ended_right_after_its_removal(
    make_simulator, receiver, path
):
    before = make_simulator(store=path)
    webhook, deliveries = waiting_for(before, receiver)
    before.store.delete_webhook(webhook)  # and here it ended: what waits was not dropped yet
    before.close()

    after = make_simulator(store=path)

    found = [after.delivery(each) for each in deliveries]
    assert {(each["state"], each["note"]) for each in found} == {("dropped", "The webhook was removed.")}
    assert after.state()["waiting"] == 0


def test_what_waits_for_a_webhook_is_dropped_though_the_process_ended_right_after_its_suppression(
    make_simulator, receiver, path
):
    before = make_simulator(store=path)
    webhook, deliveries = waiting_for(before, receiver)
    before.store.save_webhook(replace(webhook, paused=False, suppressed=True))
    before.close()

    after = make_simulator(store=path)
    after.change_webhook(webhook.id, suppressed=False)
    after.settle(10)

    found = [after.delivery(each) for each in deliveries]
    assert {(each["state"], each["note"]) for each in found} == {("dropped", "The webhook was suppressed.")}
    assert receiver.captures == []


def test_in_free_order_a_retry_that_waits_holds_up_nobody_after_a_restart_either(make_simulator, make_receiver, path):
    assume = {"delivery.in_flight": "8", "delivery.retry": "1h"}
    receiver = make_receiver("500,200")
    before = make_simulator(store=path, start=START, assume=assume)
    webhook = before.add_webhook(receiver.url)
    before.trigger(TriggerSpec(type="access-revoked"))
    before.settle(10)
    before.change_webhook(webhook.id, paused=True)
    before.trigger(TriggerSpec(type="access-revoked", count=2))
    before.close()

    after = make_simulator(store=path, start=START, assume=assume)
    after.change_webhook(webhook.id, paused=False)
    after.settle(10)

    assert len(receiver.captures) == 3
    after.advance(timedelta(hours=1))
    assert len(receiver.captures) == 4
    assert receiver.captures[3].body == receiver.captures[0].body


def test_a_test_that_is_under_way_is_not_sent_once_more_when_what_waits_is_brought_in(make_simulator, make_receiver):
    simulator = make_simulator()
    receiver = make_receiver("200:2s,200")  # the test itself comes first and takes long
    webhook = simulator.add_webhook(receiver.url)
    simulator.change_webhook(webhook.id, paused=True)
    simulator.trigger(TriggerSpec(type="access-revoked", count=1100))  # more than memory holds: some stay in the store

    accepted = simulator.dispatcher.accept_and_wait(simulator.factory.test_event(), [webhook], express=True)
    receiver.wait_for(1, 10)
    simulator.change_webhook(webhook.id, paused=False)
    assert simulator.settle(60)

    number = simulator.store.delivery_ids.show(accepted.deliveries[0].id)
    assert len(simulator.delivery(number)["attempts"]) == 1
    assert len(receiver.captures) == 1101


def test_a_start_that_cannot_write_what_was_interrupted_says_so_and_sends_nothing(make_simulator, make_receiver, path):
    receiver = make_receiver("200:30s")
    before = make_simulator(store=path, stop_grace=timedelta(0))
    before.add_webhook(receiver.url)
    [event] = before.trigger(TriggerSpec(type="access-revoked"))
    receiver.wait_for(1, 10)
    copy = path.with_name("copy.sqlite")
    before.backup(copy)  # as a kill would leave it: the attempt is started
    connection = sqlite3.connect(copy)
    connection.execute("CREATE TRIGGER full BEFORE UPDATE ON attempts BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    connection.close()

    with pytest.raises(StoreUnusable, match="disk is full"):
        make_simulator(store=copy)

    connection = sqlite3.connect(copy)
    connection.execute("DROP TRIGGER full")
    connection.close()
    after = make_simulator(store=copy)
    assert after.interrupted == 1
    assert after.delivery(event["deliveries"][0]["id"])["state"] == "interrupted"
    assert after.attempts(AttemptQuery(outcome=("started",)))["attempts"] == []
    assert len(receiver.captures) == 1


def test_a_store_that_is_removed_while_it_is_used_takes_nothing_until_it_is_back(make_simulator, receiver, path):
    simulator = make_simulator(store=path)
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    away = path.with_name("away.sqlite")
    path.rename(away)

    with pytest.raises(StoreUnusable, match="removed or replaced while it was in use"):
        simulator.trigger(TriggerSpec(type="access-revoked"))
    away.rename(path)
    simulator.trigger(TriggerSpec(type="access-revoked"))

    assert simulator.settle(10)
    assert len(receiver.captures) == 1


def test_a_store_that_is_damaged_further_in_is_refused_and_let_go_of(make_simulator, path):
    make_simulator(store=path).close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)

    for _ in range(2):  # the second time it would be locked, had the first one kept it
        with pytest.raises(StoreUnusable, match=r"cannot be (used|read) .*Name another file"):
            make_simulator(store=path, patience=0)


def test_a_value_that_no_column_takes_ends_its_own_batch_and_nothing_else(make_simulator, receiver, path):
    simulator = make_simulator(store=path)
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    with pytest.raises(StoreUnusable, match="surrogates not allowed"):
        simulator.store.remember("key", "\ud800")
    simulator.trigger(TriggerSpec(type="access-revoked"))

    assert simulator.settle(10)
    assert len(receiver.captures) == 1


def test_no_id_is_given_out_again_after_retention_has_taken_everything(make_simulator, receiver, path):
    shown = []
    for _ in range(3):
        simulator = make_simulator(store=path)
        [event] = simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
        simulator.settle(10)
        [attempt] = simulator.attempts(AttemptQuery())["attempts"]
        shown += [event["id"], event["deliveries"][0]["id"], str(attempt["id"])]
        simulator.store.trim(older_than=2**62)
        assert simulator.attempts(AttemptQuery())["attempts"] == []
        simulator.close()

    assert len(set(shown)) == 9
