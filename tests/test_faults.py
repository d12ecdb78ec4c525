"""Ways to go wrong on purpose: what each does to what a receiver sees, that it repeats, and that it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_to_bytes

import pytest

from emitter.assumptions import Assumptions
from emitter.clock import nanoseconds, parse_rfc3339
from emitter.errors import BadValue, EmitterError, UnknownName
from emitter.faults import FAULTS, FaultSpec, described
from emitter.query import AttemptQuery
from emitter.settings import Settings
from emitter.signing import Scheme, SigningKey, verify
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET
from tests.support_faults import digests
from tests.support_receivers import NO_CONTENT, Gone, RawReceiver

START = nanoseconds(datetime(2030, 1, 1, 9, tzinfo=UTC))
SIGNATURE = Scheme().header
RETRIES = {"delivery.retry": "1m,1m,1m"}


class Recorder:
    """A receiver on a raw socket that keeps every byte of every connection and answers once a body is there."""

    def __init__(self, running, answer=NO_CONTENT):
        self.connections, self._answer, self._over = [], answer, threading.Semaphore(0)
        self.url = running(RawReceiver(self._converse)).url

    def _converse(self, conversation):
        raw = bytearray()
        self.connections.append(raw)
        try:
            while True:
                head = conversation.read_head()
                raw += head
                raw += conversation.read_bytes(length_of(head))
                conversation.send(self._answer)
        except Gone:
            raw += conversation.read_all()
        finally:
            self._over.release()

    def wait_for_an_end(self):
        """Wait until one more connection is over, so that all its bytes are here."""
        assert self._over.acquire(timeout=10), "the connection does not end"

    @property
    def posts(self):
        """Head and body of the first request on each connection."""
        return [bytes(raw).partition(b"\r\n\r\n")[::2] for raw in self.connections]


def length_of(head):
    return next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))


@pytest.fixture
def recorder(running):
    return Recorder(running)


@pytest.fixture
def virtual(make_simulator):
    """A simulator on a virtual clock that tries again three times, a minute apart."""
    return make_simulator(start=START, seed=7, assume=RETRIES)


@pytest.fixture
def signing(simulator, receiver):
    """A simulator on the machine's clock, with a webhook that has a key, to the receiver."""
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    return simulator


def trigger(simulator, *faults, **members):
    """Trigger under faults in any spelling."""
    spec = {"type": "access-revoked", **members}
    return simulator.trigger(TriggerSpec(**spec, faults=tuple(map(FaultSpec.parse, faults))))


def attempts(simulator, **filters):
    return simulator.attempts(AttemptQuery(**filters))["attempts"][::-1]


def suffered(simulator):
    return [each["faults"] for each in attempts(simulator)]


def one(simulator, receiver, fault, **members):
    """What a receiver gets of one event under one fault: the last capture, and what its body would have been."""
    [event] = trigger(simulator, fault, **members)
    simulator.settle(10)
    [name] = [fault] if isinstance(fault, str) else fault
    assert suffered(simulator)[-1] == [name.partition(":")[0]]
    return receiver.captures[-1], simulator.event(event["id"])["body"].encode()


# --- how they are asked for -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "written", "typed"),
    [
        ("duplicate", "duplicate", "duplicate"),
        ({"duplicate": None}, "duplicate", "duplicate"),
        ("delay:5m", {"delay": "5m"}, "delay:by=5m"),
        ({"delay": "300s"}, {"delay": "5m"}, "delay:by=5m"),
        (
            {"delay": {"by": "5m", "chance": 0.3, "attempts": "1..3", "for": "2d"}},
            {"delay": {"by": "5m", "chance": 0.3, "attempts": "1..3", "for": "2d"}},
            "delay:by=5m,chance=0.3,attempts=1..3,for=2d",
        ),
        ("unknown_member:path=data.x,value=12", {"unknown-member": {"path": "data.x", "value": 12}}, None),
        ({"unknown-member": {"value": "12"}}, {"unknown-member": {"value": "12"}}, 'unknown-member:value="12"'),
        ('unknown-member:value="a,path=b"', {"unknown-member": {"value": "a,path=b"}}, None),
        ("new-enum-value:value=[1, 2],chance=0.5", {"new-enum-value": {"value": [1, 2], "chance": 0.5}}, None),
        ("huge-body:2048KiB", {"huge-body": "2MiB"}, "huge-body:size=2MiB"),
        ("truncated-body:50%", {"truncated-body": 0.5}, "truncated-body:keep=0.5"),
        ({"dropped-connection": 100}, {"dropped-connection": 100}, "dropped-connection:after=100"),
        ("unreachable:attempts=2..", {"unreachable": {"attempts": "2.."}}, "unreachable:attempts=2.."),
        ("wrong-length:-3", {"wrong-length": -3}, "wrong-length:by=-3"),
    ],
)
def test_a_fault_is_read_in_every_spelling_and_written_as_it_is_read(asked, written, typed):
    spec = FaultSpec.parse(asked)

    assert spec.to_json() == written
    assert FaultSpec.parse(written) == spec == FaultSpec.parse(str(spec))
    assert typed in (None, str(spec))


@pytest.mark.parametrize(
    ("asked", "error", "text"),
    [
        ("dulicate", UnknownName, 'no fault "dulicate". Did you mean "duplicate"?'),
        ("delay:bye=5m", UnknownName, 'no parameter of delay "bye". Did you mean "by"?'),
        ("delay:by=5", BadValue, "delay by: .5. is no duration"),
        ({"delay": 5}, BadValue, "delay by: .5. is no duration"),
        ("delay:by=1m,by=2m", BadValue, "given twice"),
        ("delay:by=1m,2m", BadValue, "no duration"),
        ("drop:chance=1.5", BadValue, "drop chance: .1.5. is no number from 0 to 1"),
        ("drop:attempts=2", BadValue, "leaves out the first attempt"),
        ("unreachable:attempts=3..1", BadValue, "names no attempts"),
        ("unreachable:for=soon", BadValue, "unreachable for"),
        ("truncated-body:keep=half", BadValue, "neither a fraction of the body"),
        ("duplicate:times=0", BadValue, "no whole number from 1"),
        ("absent-member:path=data..x", BadValue, "empty name"),
        ("huge-body:1GiB", BadValue, "no size"),
        ("wrong-content-type:type=größe", BadValue, "no value of a header"),
        ({"delay": "1m", "drop": None}, BadValue, "is no fault"),
        (7, BadValue, "is no fault"),
        ({7: 1}, BadValue, "is no fault"),
    ],
)
def test_what_is_no_fault_is_refused_with_what_was_probably_meant(asked, error, text):
    with pytest.raises(error, match=text):
        FaultSpec.parse(asked)


def test_a_key_shows_itself_only_to_another_door():
    spec = FaultSpec.parse({"wrong-key": {"key": "very secret"}})

    assert "very secret" not in repr(spec) + str(spec)
    assert spec.to_json() == {"wrong-key": "very secret"}
    for wrong in ("wrong-key:kye=very secret", {"wrong-key": "very secret", "x": 1}, "wrong-key:key=very secret,key=x"):
        with pytest.raises(EmitterError) as refused:
            FaultSpec.parse(wrong)
        assert "very secret" not in str(refused.value)


def test_every_fault_says_what_it_does_and_what_it_takes():
    for each in described():
        assert each["help"].endswith((".", ")."))
        assert each["kind"] in ("planning", "content", "tampering", "wire")
        for parameter in each["parameters"]:
            assert parameter["help"]
            if parameter["default"] is not None:
                spec = FaultSpec.parse({each["name"]: {parameter["name"]: parameter["default"]}})
                assert spec.fault() == FaultSpec.parse(each["name"]).fault()


# --- every one of them ------------------------------------------------------------------------------------------------


def play(*fault):
    """Send three events, the second under a fault: what was named, planned, recorded, and came over the wire."""
    assume = {"delivery.timeout": "1s", "delivery.headers": "Host: receiver.test"}
    settings = Settings(store=None, start=START, seed=7, assumptions=Assumptions().override_all(assume))
    with ExitStack() as stack:
        recorder = Recorder(stack.enter_context)
        simulator = stack.enter_context(Simulator(settings))
        simulator.add_webhook(recorder.url, signing_key=SECRET)
        trigger(simulator)
        simulator.settle(10)
        events = trigger(simulator, *fault)
        simulator.advance(timedelta(hours=1))
        trigger(simulator)
        assert simulator.settle(10)
        rows = [simulator.attempt(each["id"]) for each in attempts(simulator)]
        planned = [simulator.delivery(each["id"]) for event in events for each in event["deliveries"]]
    sent = [(row["scheduledAt"], row["outcome"], row["request"]["headers"], row["request"]["body"]) for row in rows]
    named = {each for row in (*rows, *planned) for each in row["faults"]}
    wire = [bytes(raw) for raw in recorder.connections]
    if fault == ("dropped-connection",):  # how much of what was on its way arrives is the network's to say
        wire = [raw[:150] for raw in wire]
    return named, [(each["state"], each["note"]) for each in planned], sent, sorted(wire)


@pytest.fixture(scope="module")
def without():
    return play()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_something_says_so_repeats_and_leaves_the_rest_alone(name, without):
    """A new fault is tested here the day it lands, with what it does by default."""
    once, again = play(name), play(name)

    assert (without[0], once[0]) == (set(), {name})
    assert once == again
    assert once[1:] != without[1:]
    assert once[2][0] == without[2][0]
    assert once[2][-1] == without[2][-1]


def test_a_fault_strikes_an_unsigned_webhook_where_there_is_something_to_strike(make_simulator, receiver):
    simulator = make_simulator(assume={"delivery.timeout": "1s"})
    url = simulator.add_webhook(receiver.url).url
    tampering = [each["name"] for each in described() if each["kind"] == "tampering"]

    for name in tampering:
        trigger(simulator, name)
    simulator.settle(10)

    found = dict(zip(tampering, suffered(simulator), strict=True))
    assert url == receiver.url
    assert found["missing-signature"] == found["both-keys"] == []
    signed = {name: bool(dict(capture.headers).get(SIGNATURE))
              for name, capture in zip(tampering, receiver.captures, strict=True)}  # fmt: skip
    assert [name for name, yes in signed.items() if yes] == ["wrong-signature", "wrong-key"]


# --- which deliveries there are ---------------------------------------------------------------------------------------


def test_what_is_dropped_is_never_sent_and_says_why(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    [event] = trigger(virtual, "drop")
    trigger(virtual)
    virtual.settle(10)

    assert [each["state"] for each in event["deliveries"]] == ["dropped"]
    found = virtual.delivery(event["deliveries"][0]["id"])
    assert (found["state"], found["note"], found["faults"]) == ("dropped", "Dropped on purpose (drop).", ["drop"])
    assert len(receiver.captures) == 1


def test_what_is_delayed_lets_others_pass_even_where_order_counts(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    [late] = trigger(virtual, "delay:by=5m")
    [early] = trigger(virtual)
    virtual.advance(timedelta(minutes=4))
    before = len(receiver.captures)
    virtual.advance(timedelta(minutes=1))

    assert before == 1
    assert [capture.body[14:44].decode() for capture in receiver.captures] == [early["timestamp"], late["timestamp"]]
    assert [(row["faults"], row["scheduledAt"]) for row in attempts(virtual)] == [
        ([], "2030-01-01T09:00:00.000000000Z"), (["delay"], "2030-01-01T09:05:00.000000000Z"),
    ]  # fmt: skip


def test_a_duplicate_is_a_delivery_of_its_own_with_the_same_bytes(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    [event] = trigger(virtual, "duplicate:times=2,after=1m")
    virtual.settle(10)
    first = len(receiver.captures)
    virtual.advance(timedelta(minutes=2))

    assert first == 1
    assert len({(capture.headers, capture.body) for capture in receiver.captures}) == 1
    assert [(row["faults"], row["scheduledAt"][14:19]) for row in attempts(virtual)] == [
        ([], "00:00"), (["duplicate"], "01:00"), (["duplicate"], "02:00"),
    ]  # fmt: skip
    assert {each["id"] for each in virtual.event(event["id"])["deliveries"]} == {
        row["deliveryId"] for row in attempts(virtual)
    }
    assert len(event["deliveries"]) == 3


def test_a_duplicate_right_behind_keeps_its_place_in_the_order(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "duplicate", count=2)
    virtual.settle(10)

    bodies = [capture.body for capture in receiver.captures]
    assert bodies[0] == bodies[1] < bodies[2] == bodies[3]


def test_twins_leave_at_the_same_moment_though_the_webhook_gets_one_at_a_time(virtual, running):
    both = threading.Barrier(2)

    def meet(conversation):
        conversation.read()
        both.wait(5)  # broken, and a trouble, unless the other one is here, too
        conversation.send(NO_CONTENT)

    received = running(RawReceiver(meet))
    virtual.add_webhook(received.url, signing_key=SECRET)

    [event] = trigger(virtual, "twins")
    assert virtual.settle(10)

    first, second = received.requests
    assert first == second
    assert [(row["faults"], row["outcome"]) for row in attempts(virtual)] == [(["twins"], "accepted")] * 2
    assert len(event["deliveries"]) == 2


def test_a_twin_of_which_one_fails_is_tried_again_by_itself(virtual, make_receiver):
    receiver = make_receiver("500,200")
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "twins")
    virtual.advance(timedelta(minutes=5))

    assert sorted((row["number"], row["status"]) for row in attempts(virtual)) == [(1, 200), (1, 500), (2, 200)]


def test_what_is_planned_together_leaves_in_reverse_and_nothing_else_moves(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)
    webhook = virtual.webhooks()[0]
    virtual.change_webhook(webhook.id, paused=True)

    trigger(virtual)
    trigger(virtual, "reorder", count=5)
    trigger(virtual)
    virtual.change_webhook(webhook.id, paused=False)
    virtual.settle(10)

    stamps = [capture.body[14:44] for capture in receiver.captures]
    first, *five, last = sorted(stamps)
    assert stamps == [first, *reversed(five), last]
    assert [bool(each) for each in suffered(virtual)] == [False, *[True] * 5, False]


def test_one_alone_that_is_reordered_is_held_back_until_later_ones_have_overtaken_it(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "reorder:within=30s")
    trigger(virtual)
    virtual.advance(timedelta(seconds=29))
    before = len(receiver.captures)
    virtual.advance(timedelta(seconds=1))

    first, second = (capture.body[14:44] for capture in receiver.captures)
    assert before == 1
    assert first > second


def test_a_replay_sends_an_older_delivery_again_byte_for_byte(make_simulator, receiver):
    simulator = make_simulator(start=START, assume={"payload.timestamp_source": "send"})
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    nothing = trigger(simulator, "replay")
    simulator.advance(timedelta(hours=1))
    [event] = trigger(simulator, "replay")
    simulator.settle(10)

    first, second, again = receiver.captures
    assert len(nothing[0]["deliveries"]) == 1
    assert (again.headers, again.body) == (first.headers, first.body)
    assert second.body > first.body
    old, _, row = attempts(simulator)
    assert (row["faults"], row["resendOf"], row["eventId"]) == (["replay"], old["id"], old["eventId"])
    assert [each["id"] for each in simulator.event(old["eventId"])["deliveries"]][-1] == row["deliveryId"]
    assert [each["id"] for each in simulator.event(event["id"])["deliveries"]] == [event["deliveries"][0]["id"]]


def test_a_replay_may_repeat_what_was_made_in_the_same_call(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "replay", count=4)
    virtual.settle(10)

    bodies = [capture.body for capture in receiver.captures]
    assert len(bodies) == 7
    for number in (2, 4, 6):
        assert bodies[number] in bodies[: number - 1]


def test_a_replay_waits_for_what_it_repeats_where_several_are_under_way(make_simulator, receiver):
    simulator = make_simulator(start=START, seed=7, assume={"delivery.in_flight": "8"})
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    events = trigger(simulator, "replay", count=4)
    assert simulator.settle(10)

    assert [simulator.delivery(each["id"])["state"] for event in events for each in event["deliveries"]] == [
        "accepted"
    ] * 7
    assert len({capture.body for capture in receiver.captures}) == 4


def test_a_replay_of_what_never_left_is_dropped_and_says_so(virtual, make_receiver):
    receiver = make_receiver("500,200")
    virtual.add_webhook(receiver.url, signing_key=SECRET)
    trigger(virtual)
    virtual.settle(10)
    trigger(virtual)  # waits behind the first, which is to be tried again

    [event] = trigger(virtual, {"replay": None})
    virtual.store.trim(most=0)
    virtual.advance(timedelta(hours=1))

    states = {virtual.delivery(each["id"])["state"] for each in event["deliveries"]}
    assert states <= {"accepted", "dropped"}
    assert virtual.idle()


# --- what a body says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "path", "value"),
    [
        ("unknown-type", ("type",), "marketplace.data_product.sunset"),
        ({"unknown-type": "a.b"}, ("type",), "a.b"),
        ("unknown-member", ("data", "addedLater"), "something new"),
        ({"unknown-member": {"path": "data.a\\.b.c", "value": {"x": [1]}}}, ("data", "a.b", "c"), {"x": [1]}),
        ("absent-member", ("data", "actionLink"), None),
        ("null-member", ("data", "dataProductName"), None),
        ("new-enum-value", ("data", "xSimulator", "accessRequest", "status"), "ON_HOLD"),
    ],
)
def test_a_body_that_says_something_else_is_signed_properly(fault, path, value, virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    capture, true = one(virtual, receiver, fault)

    assert capture.signature.ok
    changed, meant = json.loads(capture.body), json.loads(true)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    assert holder.get(path[-1]) == value
    assert (path[-1] in holder) == (fault != "absent-member")
    assert {name for name in meant if changed[name] != meant[name]} == {path[0]}


def test_a_member_that_is_not_there_is_not_taken_away(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "absent-member:path=data.nowhere", "null-member:path=type.x", "unknown-member:path=type.x")
    trigger(virtual, "unknown-type", "huge-body", body=b'["no object"]', type="", allow_invalid=True)
    trigger(virtual, "absent-member", "tampered-body", body=b"\xff no JSON", type="", allow_invalid=True)
    virtual.settle(10)

    assert suffered(virtual) == [[], [], ["tampered-body"]]
    assert receiver.captures[1].body == b'["no object"]'


def test_a_huge_body_has_exactly_the_size_and_a_deep_one_the_depth(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    huge, true = one(virtual, receiver, "huge-body:size=70KiB")
    deep, _ = one(virtual, receiver, "deep-nesting:depth=300")

    assert (len(huge.body), huge.signature.ok) == (70 * 1024, True)
    padded = json.loads(huge.body)
    del padded["data"]["padding"]
    assert padded == json.loads(true)
    assert (deep.body.count(b"["), deep.signature.ok) == (300, True)
    assert json.loads(deep.body)["data"]["nested"][0][0]


def test_a_stale_signature_has_an_old_time_of_the_body(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    capture, true = one(virtual, receiver, "stale-signature:by=2h")

    assert capture.signature.ok
    old, new = (json.loads(body)["timestamp"] for body in (capture.body, true))
    assert len(old) == len(new)
    assert parse_rfc3339(new) - parse_rfc3339(old) == 2 * 3600 * 10**9


def test_a_stale_signature_has_an_old_signed_time_in_standard_webhooks(make_simulator, make_receiver):
    simulator = make_simulator(assume={"signing.mode": "standard-webhooks"})
    scheme = Scheme(mode="standard-webhooks")
    receiver = make_receiver(scheme=scheme)
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    capture, true = one(simulator, receiver, "stale-signature")

    assert capture.body == true
    assert not capture.signature.ok
    assert verify(capture.headers, capture.body, [SigningKey(SECRET)], scheme, tolerance=None).ok
    assert not verify(capture.headers, capture.body, [SigningKey(SECRET)], scheme, tolerance=80_000).ok


# --- after it was signed ----------------------------------------------------------------------------------------------


def signature_of(capture):
    return [value for name, value in capture.headers if name == SIGNATURE]


def fits(capture, body, key=SECRET):
    return verify(capture.headers, body, [SigningKey(key)], Scheme()).ok


def test_a_forged_signature_is_missing_random_or_of_another_key(signing, receiver):
    missing, true = one(signing, receiver, "missing-signature")
    wrong, body = one(signing, receiver, "wrong-signature")
    other, signed = one(signing, receiver, {"wrong-key": {"key": "another"}})
    made, _ = one(signing, receiver, "wrong-key")

    assert (signature_of(missing), missing.body) == ([], true)
    assert [len(each) for each in signature_of(wrong)] == [64]
    assert not fits(wrong, body) and wrong.body == body
    assert fits(other, signed, "another") and not fits(other, signed)
    assert [len(each) for each in signature_of(made)] == [64]
    assert [name for name, _ in wrong.headers] == [name for name, _ in other.headers]  # each in its place
    assert wrong.headers[-1][0] == "Content-Length"


def test_both_keys_sign_the_own_one_last(signing, receiver):
    capture, body = one(signing, receiver, {"both-keys": {"key": "next"}})

    first, second = signature_of(capture)
    assert verify([(SIGNATURE, first)], body, [SigningKey("next")], Scheme()).ok
    assert verify([(SIGNATURE, second)], body, [SigningKey(SECRET)], Scheme()).ok


def test_both_keys_share_one_header_in_standard_webhooks(make_simulator, make_receiver):
    simulator = make_simulator(assume={"signing.mode": "standard-webhooks"})
    scheme = Scheme(mode="standard-webhooks")
    receiver = make_receiver(scheme=scheme)
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    capture, body = one(simulator, receiver, {"both-keys": {"key": "next"}})

    assert capture.signature.ok
    assert verify(capture.headers, body, [SigningKey("next")], scheme).ok
    assert dict(capture.headers)["webhook-signature"].count("v1,") == 2


def test_a_body_that_was_changed_after_it_was_signed_has_the_signature_of_the_true_one(signing, receiver):
    found = {}

    for name in ("tampered-body", "reserialised-body", "truncated-body", "not-json"):
        capture, true = one(signing, receiver, name)
        assert not capture.signature.ok and fits(capture, true)
        found[name] = capture.body, true

    tampered, true = found["tampered-body"]
    assert len(tampered) == len(true) and sum(a != b for a, b in zip(tampered, true, strict=True)) == 1
    assert json.loads(tampered).keys() == json.loads(true).keys()
    body, true = found["reserialised-body"]
    assert body != true and json.loads(body) == json.loads(true)
    body, true = found["truncated-body"]
    assert body == true[: len(true) // 2]
    body, true = found["not-json"]
    assert unquote_to_bytes(body.removeprefix(b"payload=")) == true


def test_a_wrong_content_type_changes_nothing_else(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    capture, true = one(virtual, receiver, "wrong-content-type:type=application/xml")

    assert dict(capture.headers)["Content-Type"] == "application/xml"
    assert capture.signature.ok and capture.body == true


# --- on the wire ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [-10, 10])
def test_a_wrong_length_is_declared_and_the_true_body_is_sent(by, make_simulator, recorder):
    simulator = make_simulator(assume={"delivery.timeout": "300ms"})
    simulator.add_webhook(recorder.url, signing_key=SECRET)

    [event] = trigger(simulator, {"wrong-length": by})
    trigger(simulator)
    simulator.settle(10)

    true = simulator.event(event["id"])["body"].encode()
    recorder.wait_for_an_end()
    head, body = recorder.posts[0]
    assert length_of(head) == len(true) + by
    assert body == true
    assert len(recorder.connections) == 2  # nobody uses that connection again
    [row, _] = attempts(simulator)
    assert row["outcome"] == ("accepted" if by < 0 else "failed")
    assert dict(simulator.attempt(row["id"])["request"]["headers"])["Content-Length"] == str(len(true) + by)


def test_a_body_that_is_sent_slowly_arrives_whole(simulator, recorder):
    simulator.add_webhook(recorder.url, signing_key=SECRET)

    [event] = trigger(simulator, "slow-send:pace=1000")
    simulator.settle(10)

    true = simulator.event(event["id"])["body"].encode()
    [row] = attempts(simulator)
    assert recorder.posts[0][1] == true
    assert row["durationMs"] > len(true) * 0.8
    assert row["outcome"] == "accepted"


def test_a_connection_that_is_dropped_ends_in_the_middle_of_the_body(simulator, recorder):
    simulator.add_webhook(recorder.url, signing_key=SECRET)

    [event] = trigger(simulator, "dropped-connection:after=30")
    trigger(simulator)
    simulator.settle(10)

    true = simulator.event(event["id"])["body"].encode()
    recorder.wait_for_an_end()
    head, body = recorder.posts[0]
    assert length_of(head) == len(true)
    assert body == true[:30]
    assert [(row["outcome"], row["faults"]) for row in attempts(simulator)] == [
        ("failed", ["dropped-connection"]), ("accepted", []),
    ]  # fmt: skip


def test_what_is_unreachable_is_not_dialled(simulator, recorder):
    simulator.add_webhook(recorder.url, signing_key=SECRET)

    trigger(simulator, "unreachable")
    simulator.settle(10)

    [row] = attempts(simulator)
    assert (row["outcome"], row["failure"], row["error"]) == ("failed", "connect", "made unreachable on purpose")
    assert row["faults"] == ["unreachable"]
    assert simulator.attempt(row["id"])["answer"]["address"] == ""
    assert recorder.connections == []


def test_a_webhook_that_is_suppressed_after_failures_is_so_after_those_on_purpose(make_simulator, receiver):
    simulator = make_simulator(assume={"delivery.suppress_after": "3"})
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)

    for _ in range(3):
        trigger(simulator, "unreachable")
        simulator.add_webhook(receiver.url + "/other")  # holds what the dispatcher asks for when it suppresses
    assert simulator.settle(10)

    assert simulator.webhook(webhook.id).suppressed


# --- how often, when, for how long ------------------------------------------------------------------------------------


def test_chance_strikes_about_so_often_and_the_same_ones_every_time(make_simulator, receiver):
    def struck(seed):
        simulator = make_simulator(start=START, seed=seed)
        simulator.add_webhook(receiver.url, signing_key=SECRET)
        events = trigger(simulator, "drop:chance=0.3", count=400)
        return [event["deliveries"][0]["state"] == "dropped" for event in events]

    first = struck(7)

    assert 90 <= sum(first) <= 150
    assert struck(7) == first
    assert struck(8) != first


def test_the_choice_does_not_hang_on_the_clock(make_simulator, receiver):
    def struck(**settings):
        simulator = make_simulator(**settings)
        simulator.add_webhook(receiver.url, signing_key=SECRET)
        events = trigger(simulator, "drop:chance=0.5", count=40, seed=7)
        return [event["deliveries"][0]["state"] for event in events]

    assert struck() == struck(start=START) == struck(start=START + 12345)


def test_what_goes_wrong_by_chance_is_the_same_in_another_process(receiver):
    program = [sys.executable, "-m", "tests.support_faults", receiver.url]
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}

    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as there:
        here = digests(receiver.url)
        assert there.communicate(timeout=60)[0].splitlines() == here

    assert sum("dropped" in line for line in here) > 0
    assert len(set(here)) > 80


def test_a_fault_of_the_first_attempt_is_over_with_the_retry(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "wrong-key:attempts=1")
    virtual.advance(timedelta(minutes=1))

    assert [(row["number"], row["status"], row["faults"]) for row in attempts(virtual)] == [
        (1, 401, ["wrong-key"]), (2, 200, []),
    ]  # fmt: skip
    assert receiver.captures[0].body == receiver.captures[1].body


def test_every_retry_is_tampered_with_again_knowing_its_number(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "wrong-signature:attempts=2..3", "unreachable:attempts=1")
    virtual.advance(timedelta(minutes=5))

    assert [(row["number"], row["outcome"], row["faults"]) for row in attempts(virtual)] == [
        (1, "failed", ["unreachable"]), (2, "rejected", ["wrong-signature"]), (3, "rejected", ["wrong-signature"]),
        (4, "accepted", []),
    ]  # fmt: skip
    forged = [signature_of(capture) for capture in receiver.captures]
    assert forged[0] != forged[1]


def test_an_outage_ends(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "unreachable:for=90s")
    virtual.advance(timedelta(minutes=5))

    assert [(row["outcome"], row["scheduledAt"][14:19]) for row in attempts(virtual)] == [
        ("failed", "00:00"), ("failed", "01:00"), ("accepted", "02:00"),
    ]  # fmt: skip


def test_faults_of_one_delivery_add_up(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)

    trigger(virtual, "duplicate", "delay:1m", "unknown-type", "wrong-content-type")
    virtual.advance(timedelta(minutes=1))

    first, second = attempts(virtual)
    assert first["faults"] == ["delay", "unknown-type", "wrong-content-type"]
    assert second["faults"] == ["duplicate", "delay", "unknown-type", "wrong-content-type"]


# --- the doors of Python ----------------------------------------------------------------------------------------------


def founded(simulator):
    simulator.act("publish", name="Claims")
    simulator.settle(10)


def test_what_an_action_causes_goes_wrong_as_asked_and_nothing_after_it(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)
    founded(virtual)

    done = virtual.act("request", product="Claims", faults=["unknown-type"])
    virtual.settle(10)

    assert [each["type"].rpartition("requests.")[2] for each in done["events"]] == ["created"]
    assert suffered(virtual) == [[], ["unknown-type"]]
    virtual.act("publish", name="Others")
    virtual.settle(10)
    assert suffered(virtual)[-1] == []


def test_what_time_causes_goes_wrong_as_asked(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)
    founded(virtual)
    virtual.act("request", product="Claims")
    virtual.settle(10)

    virtual.advance(timedelta(days=2), faults=[{"duplicate": {"for": "1d"}}])

    reminders = [row for row in attempts(virtual) if row["type"].endswith("pending")]
    assert [row["faults"] for row in reminders] == [[], ["duplicate"], []]


def test_faulting_holds_for_all_within_and_adds_to_what_is_asked_for(virtual, receiver, make_simulator):
    virtual.add_webhook(receiver.url, signing_key=SECRET)
    other = make_simulator()
    other.add_webhook(receiver.url, signing_key=SECRET)

    with virtual.faulting(["wrong-content-type"]):
        with virtual.faulting([FaultSpec.parse("unknown-type")]):
            trigger(virtual, "unknown-member")
        trigger(virtual)
        trigger(other)
    trigger(virtual)
    virtual.settle(10)
    other.settle(10)

    assert suffered(virtual) == [["unknown-type", "unknown-member", "wrong-content-type"], ["wrong-content-type"], []]
    assert suffered(other) == [[]]


def test_faulting_may_draw_from_a_seed_of_its_own_and_each_run_from_its_first_event(make_simulator, receiver):
    simulator = make_simulator(start=START)
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    def struck(seed, run):
        with simulator.faulting(["drop:chance=0.5"], seed=seed):
            events = trigger(simulator, count=20, run=run) + trigger(simulator, count=20, run=run)
        return [event["deliveries"][0]["state"] for event in events]

    first = struck(7, "a")
    assert first == struck(7, "b") != struck(8, "c")
    assert first[:20] != first[20:]


def test_what_is_sent_again_within_suffers_what_strikes_attempts(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)
    trigger(virtual)
    virtual.settle(10)
    [row] = attempts(virtual)

    with virtual.faulting(["drop", "wrong-key", "unknown-type"]):
        virtual.resend(row["id"])
        virtual.resend(row["id"], as_is=True)
    virtual.settle(10)

    assert suffered(virtual) == [[], ["unknown-type", "wrong-key"], ["wrong-key"]]


# --- nothing more where nothing is asked for --------------------------------------------------------------------------


def test_without_faults_not_one_byte_and_not_one_row_is_more(make_simulator, running):
    def play(*faults):
        recorder = Recorder(running)
        simulator = make_simulator(
            start=START, seed=7, assume={"delivery.headers": "Host: receiver.test", "signing.mode": "both"}
        )
        simulator.add_webhook(recorder.url, signing_key=SECRET)
        trigger(simulator, *faults, count=3)
        with simulator.faulting(faults):
            trigger(simulator)
        simulator.settle(10)
        with simulator.store.reader.connection() as connection:
            kept = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    for table in ("delivery_faults", "attempt_faults")]  # fmt: skip
        return [bytes(raw) for raw in recorder.connections], kept

    plain, kept = play()
    idle, kept_of_idle = play("drop:chance=0", "wrong-key:chance=0")

    assert kept == [0, 0]
    assert plain == idle
    assert kept_of_idle == [4, 0]


# --- kept -------------------------------------------------------------------------------------------------------------


def test_a_restart_goes_on_with_the_faults_of_what_still_waits(make_simulator, receiver, tmp_path):
    settings = {"store": tmp_path / "store.sqlite", "start": START, "assume": RETRIES}
    before = make_simulator(**settings)
    webhook = before.add_webhook(receiver.url, signing_key=SECRET)
    trigger(before)
    before.settle(10)
    before.change_webhook(webhook.id, paused=True)
    [late] = trigger(before, "delay:2m", {"wrong-key": {"key": "another", "attempts": 1}})
    trigger(before, "twins")
    trigger(before, "reorder", count=3)
    trigger(before, "unreachable:for=90s")
    trigger(before, "replay")
    before.close()

    after = make_simulator(**settings)
    after.change_webhook(webhook.id, paused=False)
    after.advance(timedelta(minutes=10))

    rows = attempts(after)
    assert [row["faults"] for row in rows if row["faults"]] == [
        ["twins"], ["twins"], ["reorder"], ["reorder"], ["reorder"], ["unreachable"], ["unreachable"],
        ["delay", "wrong-key"], ["replay"],
    ]  # fmt: skip
    stamps = [row["eventAt"] for row in rows if row["faults"] == ["reorder"]]
    assert stamps == sorted(stamps, reverse=True)
    [wrong, right] = after.delivery(late["deliveries"][0]["id"])["attempts"]
    assert (wrong["status"], right["status"]) == (401, 200)
    assert wrong["scheduledAt"].startswith("2030-01-01T09:02")
    [replay] = [row for row in rows if row["faults"] == ["replay"]]
    assert replay["resendOf"] in [row["id"] for row in rows if row["id"] < replay["id"]]
    assert after.state()["waiting"] == 0


def test_any_number_of_delayed_deliveries_hold_up_nobody_before_a_restart_or_after_it(
    make_simulator, receiver, tmp_path
):
    settings = {"store": tmp_path / "store.sqlite", "start": START, "durable": False}
    before = make_simulator(**settings)
    before.add_webhook(receiver.url, signing_key=SECRET)
    spec = TriggerSpec(type="access-revoked", count=1100, faults=(FaultSpec.parse("delay:1h"),))

    assert sum(1 for _ in before.trigger_each(spec)) == 1100
    trigger(before)
    assert before.settle(10)
    assert len(receiver.captures) == 1
    before.close()
    after = make_simulator(**settings)
    trigger(after)
    assert after.settle(10)
    assert len(receiver.captures) == 2
    after.advance(timedelta(hours=1))

    assert after.state()["waiting"] == 0
    assert after.count(AttemptQuery(outcome=("accepted",)))["count"] == 1102


def test_retention_takes_the_faults_along(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)
    trigger(virtual, "duplicate", "wrong-key", count=5)
    trigger(virtual, "drop")
    trigger(virtual)
    virtual.advance(timedelta(hours=1))

    virtual.store.trim(most=0)

    with virtual.store.reader.connection() as connection:
        for table in ("attempts", "attempt_faults", "deliveries", "delivery_faults"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0, table


def test_the_history_is_filtered_by_fault(virtual, receiver):
    virtual.add_webhook(receiver.url, signing_key=SECRET)
    trigger(virtual, count=3)
    trigger(virtual, "unknown-type", run="a")
    trigger(virtual, "unknown-type", "wrong-content-type", run="b")
    trigger(virtual)
    virtual.settle(10)

    def found(**filters):
        query = AttemptQuery(**filters)
        rows = virtual.attempts(query)["attempts"]
        assert virtual.count(query) == {"count": len(rows), "capped": False}
        return [row["faults"] for row in rows]

    assert found(fault=("any",)) == [["unknown-type", "wrong-content-type"], ["unknown-type"]]
    assert found(fault=("wrong-content-type", "drop")) == [["unknown-type", "wrong-content-type"]]
    assert found(fault=("unknown-type",), run=("a",), text="access") == [["unknown-type"]]
    assert found(fault=("unknown-type",), run=("b",)) == [["unknown-type", "wrong-content-type"]]
    assert found(fault=("drop",)) == []
    older = virtual.attempts(AttemptQuery(fault=("any",), limit=1))["older"]
    assert "fault=any" in older
    with pytest.raises(BadValue, match='Nearest: "twins"'):
        AttemptQuery.parse([("fault", "twin")])
