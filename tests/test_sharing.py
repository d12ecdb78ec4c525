"""Several transports, one sender: each keeps its own say on targets, leaves room for the others, and may leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from emitter.egress import Egress
from emitter.transport import SharedSender, Transport
from tests.support_receivers import NO_CONTENT, PATIENCE, Conversation, RawReceiver, always
from tests.test_transport import Answers, post, to

IN_FLIGHT = 16


@pytest.fixture
def shared() -> SharedSender:
    return SharedSender(in_flight=IN_FLIGHT)


@pytest.fixture
def hanging() -> Iterator[RawReceiver]:
    """Takes requests, and answers them once it is told to."""
    release = threading.Event()

    def script(conversation: Conversation) -> None:
        while True:
            conversation.read()
            release.wait(PATIENCE)
            conversation.sock.sendall(NO_CONTENT)

    with RawReceiver(script) as receiver:
        yield receiver
        release.set()


def _fill(transport: Transport, receiver: RawReceiver, count: int, seconds: float = PATIENCE) -> Answers:
    answers = Answers()
    transport.submit_all([(to(receiver.url), seconds, answers) for _ in range(count)])
    return answers


def _senders() -> int:
    return sum(thread.name == "emitter-sender" for thread in threading.enumerate())


def test_what_one_may_not_send_another_may(shared: SharedSender) -> None:
    free = Transport(egress=Egress(), shared=shared)
    closed = Transport(egress=Egress(allow=("receiver.example.com",)), shared=shared)

    with RawReceiver(always()) as receiver:
        answers = [post(each, to(receiver.url)) for each in (free, closed, free, closed)]
    for each in (free, closed):
        each.close(0.0)

    assert [each.status for each in answers] == [204, None, 204, None]
    assert {each.failure for each in answers[1::2]} == {"egress"}
    assert len(receiver.requests) == 2


def test_a_connection_that_one_has_opened_is_not_used_for_another_who_may_not_dial_there(shared: SharedSender) -> None:
    def leads_here(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    shared = SharedSender(resolve=leads_here)
    free = Transport(egress=Egress(), shared=shared)
    with RawReceiver(always()) as receiver:
        url = f"http://receiver.test:{receiver.port}/hook"
        listening = [("127.0.0.1", receiver.port)]
        closed = Transport(egress=Egress(listeners=lambda: listening), shared=shared)

        first, refused = post(free, to(url)), post(closed, to(url))
    for each in (free, closed):
        each.close(0.0)

    assert (first.status, refused.failure, len(receiver.requests)) == (204, "egress", 1)


def test_many_share_one_thread_which_ends_with_the_last(shared: SharedSender) -> None:
    before = _senders()
    transports = [Transport(egress=Egress(), shared=shared) for _ in range(20)]
    idle = _senders()

    with RawReceiver(always()) as receiver:
        statuses = [post(each, to(receiver.url)).status for each in transports]
        during = _senders()
        for each in transports:
            each.close(0.0)

    assert statuses == [204] * 20
    assert (idle - before, during - before, _senders() - before) == (0, 1, 0)


def test_the_thread_may_be_kept_for_those_who_come_one_after_the_other(
    shared: SharedSender, hanging: RawReceiver
) -> None:
    before, threads = _senders(), set[int]()
    with RawReceiver(always()) as receiver, shared.staying():
        left = Transport(egress=Egress(), shared=shared)
        given_up = _fill(left, hanging, 1)
        for _ in range(3):
            transport = Transport(egress=Egress(), shared=shared)
            assert post(transport, to(receiver.url)).status == 204
            threads |= {each.ident or 0 for each in threading.enumerate() if each.name == "emitter-sender"}
            transport.close(0.0)
        assert _senders() == before + 1 and len(threads) == before + 1
        left.close(0.0)
        assert [each.failure for each in given_up.wait_for(1)] == ["closed"]
        assert _senders() == before + 1

    assert _senders() == before


def test_who_sends_to_receivers_that_hang_leaves_room_for_the_others(shared: SharedSender) -> None:
    greedy, modest = (Transport(egress=Egress(), shared=shared) for _ in range(2))
    release = threading.Event()

    def script(conversation: Conversation) -> None:
        conversation.read()
        release.wait(PATIENCE)

    hosts = ("127.0.0.1", "a.localhost", "b.localhost")
    with RawReceiver(script) as hanging, RawReceiver(always()) as receiver:
        assert post(greedy, to(receiver.url)).status == post(modest, to(receiver.url)).status == 204
        for host in hosts:
            answers = Answers()
            url = hanging.url.replace("127.0.0.1", host)
            greedy.submit_all([(to(url), PATIENCE, answers) for _ in range(IN_FLIGHT)])
        hanging.seen.wait_for(2)
        began = time.monotonic()
        statuses = [post(modest, to(receiver.url)).status for _ in range(10)]
        took = time.monotonic() - began
        for each in (greedy, modest):
            each.close(0.0)
        release.set()

    assert statuses == [204] * 10
    assert took < PATIENCE / 4
    assert 1 < len(hanging.requests) <= IN_FLIGHT // 2


def test_several_greedy_ones_leave_room_for_one_more(shared: SharedSender) -> None:
    release = threading.Event()

    def script(conversation: Conversation) -> None:
        while True:
            conversation.read()
            release.wait(PATIENCE)
            conversation.sock.sendall(NO_CONTENT)

    greedy = [Transport(egress=Egress(), shared=shared) for _ in range(4)]
    late = Transport(egress=Egress(), shared=shared)
    with RawReceiver(script) as one, RawReceiver(script) as other, RawReceiver(always()) as receiver:
        assert all(post(each, to(receiver.url)).status == 204 for each in (*greedy, late))
        waiting = [_fill(each, where, 3 * IN_FLIGHT) for each in greedy for where in (one, other)]
        status = post(late, to(receiver.url)).status
        release.set()
        answered = [len(each.wait_for(3 * IN_FLIGHT)) for each in waiting]
    for each in (*greedy, late):
        each.close(0.0)

    assert status == 204
    assert answered == [3 * IN_FLIGHT] * 8


def test_one_that_leaves_gives_up_its_own_and_nobody_elses(shared: SharedSender, hanging: RawReceiver) -> None:
    leaving, staying = (Transport(egress=Egress(), shared=shared) for _ in range(2))
    gone, kept = _fill(leaving, hanging, 2 * IN_FLIGHT), _fill(staying, hanging, 2)
    with RawReceiver(always()) as receiver:
        assert post(staying, to(receiver.url)).status == 204
        began = time.monotonic()

        leaving.close(0.05)

        took = time.monotonic() - began
        assert {each.failure for each in gone.wait_for(2 * IN_FLIGHT)} == {"closed"}
        assert not kept.got
        assert post(staying, to(receiver.url)).status == 204
    staying.close(0.0)

    assert took < 2
    assert len(kept.wait_for(2)) == 2


def test_one_that_leaves_lets_what_is_under_way_finish(shared: SharedSender) -> None:
    leaving, staying = (Transport(egress=Egress(), shared=shared) for _ in range(2))
    with RawReceiver(always()) as receiver:
        assert post(staying, to(receiver.url)).status == 204
        answers = _fill(leaving, receiver, 200)
        leaving.close(PATIENCE)

        assert [each.status for each in answers.got] == [204] * 200
        late = post(leaving, to(receiver.url))
    staying.close(0.0)

    assert late.failure == "closed"


def test_a_name_that_hangs_is_given_up_for_who_leaves_only() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> Sequence[str]:
        release.wait(PATIENCE)
        return ["127.0.0.1"]

    shared = SharedSender(resolve=resolve)
    leaving, staying = (Transport(egress=Egress(), shared=shared) for _ in range(2))
    with RawReceiver(always()) as receiver:
        url = f"http://slow.test:{receiver.port}/hook"
        gone, kept = Answers(), Answers()
        leaving.submit(to(url), PATIENCE, gone)
        staying.submit(to(url), PATIENCE, kept)

        leaving.close(0.0)
        closed = gone.wait_for(1)
        release.set()
        answered = kept.wait_for(1)
    staying.close(0.0)

    assert (closed[0].failure, answered[0].status) == ("closed", 204)
