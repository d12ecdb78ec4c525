"""The door to the network: one attempt is one POST, it ends in time, and it goes nowhere it must not."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from emitter.delivery import BODY_CAP, Answer, Headers, WireRequest
from emitter.egress import Egress
from emitter.errors import BadTarget, BadValue
from emitter.transport import Transport, check_request
from emitter.transport.waking import Waking
from tests.support_receivers import NO_CONTENT, PATIENCE, Authority, Conversation, RawReceiver, Script, always

HEADERS: Headers = (
    ("Content-Type", "application/json"),
    ("x-immuta-webhook-signature-sha256", "ab" * 32),
    ("User-Agent", "tests/1"),
    ("Accept", "*/*"),
)
BODY = b'{"type":"marketplace.data_product.access_requests.revoked"}'
SLACK = 0.25  # seconds after its deadline at which an attempt has ended at the latest


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def transport() -> Iterator[Transport]:
    with opened() as transport:
        yield transport


@contextmanager
def opened(
    egress: Egress | None = None, *, resolve: Callable[[str, int], Sequence[str]] | None = None, in_flight: int = 64
) -> Iterator[Transport]:
    options = {} if resolve is None else {"resolve": resolve}
    transport = Transport(egress=egress or Egress(), in_flight=in_flight, **options)
    try:
        yield transport
    finally:
        transport.close(0.0)


def to(url: str, **more: object) -> WireRequest:
    return WireRequest(url, more.pop("headers", HEADERS), more.pop("body", BODY), **more)  # type: ignore[arg-type]


class Answers:
    """Collects answers, and waits for them."""

    def __init__(self) -> None:
        self.got: list[Answer] = []
        self.threads: set[str] = set()
        self._changed = threading.Condition()

    def __call__(self, answer: Answer) -> None:
        with self._changed:
            self.got.append(answer)
            self.threads.add(threading.current_thread().name)
            self._changed.notify_all()

    def wait_for(self, count: int, patience: float = PATIENCE) -> list[Answer]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.got) >= count, patience), "an answer is missing"
            return list(self.got)


def post(transport: Transport, request: WireRequest, seconds: float = PATIENCE) -> Answer:
    answers = Answers()
    transport.submit(request, seconds, answers)
    return answers.wait_for(1, seconds + PATIENCE)[0]


# --- what leaves --------------------------------------------------------------------------------------------------


def test_a_request_leaves_to_the_byte_as_it_is_stated(transport: Transport) -> None:
    with RawReceiver(always()) as receiver:
        post(transport, to(receiver.url))

    assert receiver.requests == [
        b"POST /hook HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\n"
        b"Content-Type: application/json\r\n"
        b"x-immuta-webhook-signature-sha256: %s\r\n"
        b"User-Agent: tests/1\r\n"
        b"Accept: */*\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (receiver.port, b"ab" * 32, len(BODY), BODY)
    ]


def test_no_header_is_added_that_the_request_does_not_state(transport: Transport) -> None:
    with RawReceiver(always()) as receiver:
        post(transport, to(receiver.url, headers=()))

    host = b"Host: 127.0.0.1:%d" % receiver.port
    assert receiver.requests[0].split(b"\r\n\r\n")[0].split(b"\r\n")[1:] == [host, b"Content-Length: %d" % len(BODY)]


def test_an_empty_value_and_one_beyond_ascii_arrive(transport: Transport) -> None:
    headers = (("X-Empty", ""), ("X-Name", "Zo\u00eb"), ("X-Blank", "  "))
    with RawReceiver(always()) as receiver:
        post(transport, to(receiver.url, headers=headers))

    assert b"\r\nX-Empty:\r\nX-Name: Zo\xc3\xab\r\nX-Blank:" in receiver.requests[0]


SHARED: Headers = (("Host", "somewhere.example:81"), ("X-One", "1"), ("Content-Type", "text/x"), ("X-Two", " 2"))


@pytest.mark.parametrize("first", [SHARED, SHARED[1:], SHARED[1:2], (*SHARED, ("X-Empty", "")), ()])
def test_requests_that_share_their_first_headers_leave_to_the_byte_too(transport: Transport, first: Headers) -> None:
    """They are put together differently from the second one on."""
    lasts = [
        (("X-Signature", value), ("Content-Length", str(len(BODY)))) for value in ("ab", "cd", "e f ", "=/;,", "g")
    ]
    lasts += [(("X-Other", "1"), ("X-Signature", "h")), (("X-Other", "2"), ("X-Signature", "Zo\u00eb"))]
    with RawReceiver(always()) as receiver:
        for last in lasts:
            assert post(transport, to(receiver.url, headers=first + last)).status == 204

    for request, last in zip(receiver.requests, lasts, strict=True):
        stated = [*first, *last]
        if first[:1] != SHARED[:1]:
            stated.insert(0, ("Host", f"127.0.0.1:{receiver.port}"))
        if last[1][0] != "Content-Length":
            stated.append(("Content-Length", str(len(BODY))))
        head = "".join(f"{name}: {value}\r\n" if value else f"{name}:\r\n" for name, value in stated)
        assert request == f"POST /hook HTTP/1.1\r\n{head}\r\n".encode() + BODY


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_body_of_any_size_arrives_at_once_and_whole(transport: Transport, size: int) -> None:
    body = Random(size).randbytes(size)
    with RawReceiver(always()) as receiver:
        answer = post(transport, to(receiver.url, body=body))

    assert answer.status == 204
    head, _, got = receiver.requests[0].partition(b"\r\n\r\n")
    assert got == body
    assert b"expect" not in head.lower()


@pytest.mark.parametrize("bad", ["a\r\nX-Injected: 1", "a\nb", "a\0b", "a\r"])
def test_a_header_that_would_be_two_is_refused_before_anything_leaves(transport: Transport, bad: str) -> None:
    with RawReceiver(always()) as receiver:
        for headers in ((("X-A", bad),), ((bad, "x"),), (("X-Fine", "1"), ("X-A", bad))):
            with pytest.raises(BadValue):
                transport.submit(to(receiver.url, headers=headers), 1.0, Answers())
            with pytest.raises(BadValue):
                check_request(to(receiver.url, headers=headers))

        assert receiver.connections == 0


@pytest.mark.parametrize("bad", ["a\r\nX-Injected: 1", "a\nb", "a\0b", "a\r", "\r\n"])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_nor_does_it_leave_after_one_that_was_fine(transport: Transport, bad: str, place: int) -> None:
    fine = [("X-A", "1"), ("X-B", "2"), ("X-C", "3"), ("Content-Length", str(len(BODY)))]
    with RawReceiver(always()) as receiver:
        post(transport, to(receiver.url, headers=tuple(fine)))
        fine[place] = (fine[place][0], bad)
        with pytest.raises(BadValue):
            transport.submit(to(receiver.url, headers=tuple(fine)), 1.0, Answers())
        fine[place] = (bad, "1")
        with pytest.raises(BadValue):
            transport.submit(to(receiver.url, headers=tuple(fine)), 1.0, Answers())

        assert len(receiver.requests) == 1


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X\u00c4", "X;"])
def test_what_is_no_header_name_is_refused(transport: Transport, name: str) -> None:
    with pytest.raises(BadValue, match="is no name of a header"):
        transport.submit(to("http://127.0.0.1:9/", headers=((name, "x"),)), 1.0, Answers())


def test_what_is_no_url_is_refused(transport: Transport) -> None:
    with pytest.raises(BadTarget):
        transport.submit(to("gopher://127.0.0.1/"), 1.0, Answers())


def test_one_bad_request_does_not_hold_up_its_batch(transport: Transport) -> None:
    good, bad = Answers(), Answers()
    with RawReceiver(always()) as receiver:
        batch = [(to(receiver.url, headers=(("X", "\n"),)), 1.0, bad), (to("nonsense"), 1.0, bad)]
        transport.submit_all([*batch, (to(receiver.url), PATIENCE, good)])

        assert good.wait_for(1)[0].status == 204
        assert [answer.failure for answer in bad.wait_for(2)] == ["send", "send"]
    assert bad.threads == good.threads == {"emitter-sender"}


# --- a rest after answers -----------------------------------------------------------------------------------------


class Rests:
    """Notes after how many answers the sender rested."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.after: list[int] = []
        self.threads: set[str] = set()

    def __call__(self) -> None:
        with self._answers._changed:
            self.after.append(len(self._answers.got))
            self.threads.add(threading.current_thread().name)
            self._answers._changed.notify_all()

    def wait_for(self, answers: int) -> list[int]:
        with self._answers._changed:
            assert self._answers._changed.wait_for(lambda: answers in self.after, PATIENCE), self.after
            return list(self.after)


def test_answers_that_are_there_together_are_followed_by_one_rest(transport: Transport) -> None:
    answers = Answers()
    rests = Rests(answers)
    transport.on_rest(rests)
    together = threading.Barrier(20)

    def script(conversation: Conversation) -> None:
        conversation.read()
        together.wait(PATIENCE)
        conversation.send(NO_CONTENT)
        conversation.hold()

    with RawReceiver(script) as receiver:
        transport.submit_all([(to(receiver.url), PATIENCE, answers) for _ in range(20)])

        assert len(rests.wait_for(20)) < 20
    assert rests.threads == {"emitter-sender"}


def test_a_rest_comes_after_each_answer_that_comes_alone(transport: Transport) -> None:
    answers = Answers()
    rests = Rests(answers)
    transport.on_rest(rests)

    with RawReceiver(always()) as receiver:
        for count in (1, 2, 3):
            transport.submit(to(receiver.url), PATIENCE, answers)
            rests.wait_for(count)

    assert rests.after == [1, 2, 3]


def test_a_sender_that_always_has_something_to_do_rests_all_the_same(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps = Waking.sleep
    monkeypatch.setattr(Waking, "sleep", lambda self, pause: sleeps(self, pause) or pause == 0)
    answers = Answers()
    rests = Rests(answers)
    transport.on_rest(rests)

    with RawReceiver(always()) as receiver:
        transport.submit(to(receiver.url), PATIENCE, answers)
        answers.wait_for(1)
        began = time.monotonic()
        rests.wait_for(1)

    assert time.monotonic() - began < PATIENCE / 4


@pytest.mark.parametrize("how", ["cannot be sent", "is never dialled", "is refused", "the sender is closed"])
def test_a_rest_follows_what_never_leaves(how: str) -> None:
    answers = Answers()
    rests = Rests(answers)
    with opened() as transport:
        transport.on_rest(rests)
        if how == "cannot be sent":
            transport.submit_all([(to("nonsense"), 1.0, answers)])
        elif how == "is never dialled":
            transport.answer_all([(answers, Answer(failure="connect"))])
        elif how == "is refused":
            transport.submit_all([(to("http://169.254.169.254/"), 1.0, answers)])
        else:
            transport.close(0.0)
            transport.submit(to("http://127.0.0.1:9/"), 1.0, answers)
        rests.wait_for(1)

    assert len(answers.got) == 1


def test_what_is_given_up_at_the_end_is_followed_by_a_rest() -> None:
    answers = Answers()
    rests = Rests(answers)
    with RawReceiver(lambda conversation: conversation.hold()) as receiver:
        with opened() as transport:
            transport.on_rest(rests)
            transport.submit_all([(to(receiver.url), PATIENCE, answers) for _ in range(3)])
            receiver.seen.wait_for(0)
        assert [each.failure for each in answers.got] == ["closed"] * 3
    assert rests.after[-1] == 3


def test_a_rest_that_raises_takes_nobody_with_it(transport: Transport, caplog: pytest.LogCaptureFixture) -> None:
    transport.on_rest(lambda: 1 // 0)

    with RawReceiver(always()) as receiver:
        assert [post(transport, to(receiver.url)).status for _ in range(3)] == [204] * 3
    assert "what follows answers raised" in caplog.text


def test_proxies_and_netrc_of_the_environment_are_ignored(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")

    with RawReceiver(always()) as receiver:
        answer = post(transport, to(receiver.url))

    assert answer.status == 204
    assert b"authorization" not in receiver.requests[0].lower()


def test_a_redirect_is_an_answer_and_is_not_followed(transport: Transport) -> None:
    with RawReceiver(always()) as elsewhere:
        answer = b"HTTP/1.1 307 Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % elsewhere.url.encode()
        with RawReceiver(always(answer)) as receiver:
            got = post(transport, to(receiver.url))

    assert (got.status, got.reason, got.outcome) == (307, "Elsewhere", "rejected")
    assert elsewhere.connections == 0


# --- what comes back ----------------------------------------------------------------------------------------------


def test_an_answer_is_kept_with_everything_in_it(transport: Transport) -> None:
    said = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        b"HTTP/1.1 202 All Right\r\nX-One: 1\r\nx-one:  2 \r\nX-Latin: \xe9\r\nContent-Length: 5\r\n\r\nhello"
    )
    with RawReceiver(always(said)) as receiver:
        answer = post(transport, to(receiver.url))

    assert (answer.status, answer.reason, answer.body, answer.outcome) == (202, "All Right", b"hello", "accepted")
    assert answer.headers == (("X-One", "1"), ("x-one", "2"), ("X-Latin", "\u00e9"), ("Content-Length", "5"))
    assert answer.address == f"127.0.0.1:{receiver.port}"
    assert (answer.failure, answer.phase, answer.error, answer.body_cut) == ("", "", "", False)
    assert answer.timing.connect is not None and answer.timing.tls is None
    assert answer.timing.total >= (answer.timing.first_byte or 0) > 0


def test_a_reused_connection_costs_no_time_to_connect(transport: Transport) -> None:
    with RawReceiver(always()) as receiver:
        first, second = post(transport, to(receiver.url)), post(transport, to(receiver.url))

    assert receiver.connections == 1
    assert first.timing.connect
    assert second.timing.connect == 0
    assert second.address == first.address


def test_the_time_to_the_first_byte_is_the_receivers(transport: Transport) -> None:
    def slow(conversation: Conversation) -> None:
        conversation.read()
        conversation._stopped.wait(0.2)
        conversation.send(NO_CONTENT)

    with RawReceiver(slow) as receiver:
        timing = post(transport, to(receiver.url)).timing

    assert timing.first_byte is not None
    assert 190_000 <= timing.first_byte <= timing.total


def test_the_body_is_kept_up_to_the_cap_and_the_rest_is_not_read(transport: Transport) -> None:
    def endless(conversation: Conversation) -> None:
        conversation.read()
        conversation.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conversation.send(b"x" * 65536)

    with RawReceiver(endless) as receiver:
        answer = post(transport, to(receiver.url))

    assert (answer.status, answer.failure, answer.body_cut, len(answer.body)) == (200, "", True, BODY_CAP)
    assert answer.outcome == "accepted"


def test_a_body_of_just_the_cap_is_whole(transport: Transport) -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (BODY_CAP, b"x" * BODY_CAP)
    with RawReceiver(always(said)) as receiver:
        answer = post(transport, to(receiver.url))

    assert (answer.body_cut, len(answer.body)) == (False, BODY_CAP)


def test_a_bomb_of_gzip_stays_small(transport: Transport) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    said = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(bomb), bomb)
    with RawReceiver(always(said)) as receiver:
        answer = post(transport, to(receiver.url))

    assert answer.body == bomb[:BODY_CAP]
    assert b"accept-encoding" not in receiver.requests[0].lower()


def test_a_transfer_encoding_that_is_never_decoded_leaves_the_status(transport: Transport) -> None:
    packed = gzip.compress(b"hello")
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    with RawReceiver(always(said)) as receiver:
        answer = post(transport, to(receiver.url))

    assert (answer.status, answer.failure) == (200, "")
    assert "never decoded" in answer.error


@pytest.mark.parametrize(
    ("said", "failure", "words"),
    [
        (b"hello\r\n", "protocol", "did not answer in HTTP"),
        (b"\x15\x03\x01\x00\x02\x02", "protocol", "did not answer in HTTP"),
        (b"", "closed", "closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed", "in the middle of its answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "closed", "in the middle of its answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", "closed", "in the middle of its answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", "protocol", "did not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000, "protocol", "headers without end"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000 + b"\r\n\r\n", "protocol", "headers without end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 200_000, "protocol", "headers without end"),
    ],
)
def test_what_is_no_answer_is_a_failure_in_words(transport: Transport, said: bytes, failure: str, words: str) -> None:
    def say(conversation: Conversation) -> None:
        conversation.read()
        conversation.send(said)
        conversation.close()

    with RawReceiver(say) as receiver:
        answer = post(transport, to(receiver.url))

    assert (answer.failure, answer.outcome) == (failure, "failed")
    assert words in answer.error
    assert sum(len(name) + len(value) for name, value in answer.headers) <= 65536
    assert len(receiver.requests) == 1


def test_a_refused_connection_says_by_whom(transport: Transport) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

    answer = post(transport, to(f"http://127.0.0.1:{port}/"))

    assert (answer.failure, answer.error) == ("connect", f"connection refused by 127.0.0.1:{port}")


# --- one attempt is one POST --------------------------------------------------------------------------------------


def closes(conversation: Conversation) -> None:
    conversation.read()
    conversation.send(NO_CONTENT)
    conversation.close()


def speaks(conversation: Conversation) -> None:
    conversation.send(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
    conversation.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("end", [Conversation.close, Conversation.reset, speaks], ids=["close", "reset", "speak"])
def test_a_connection_that_ended_while_idle_is_noticed_before_anything_is_sent(
    transport: Transport, authority: Authority, end: Callable[[Conversation], None], tls: bool
) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read()
        conversation.send(NO_CONTENT)
        assert answered.acquire(timeout=PATIENCE)
        end(conversation)

    answered = threading.Semaphore(0)
    with RawReceiver(script, tls=authority.context() if tls else None) as receiver:
        answers = []
        for _ in range(5):
            answers.append(post(transport, to(receiver.url, ca=authority.pem)))
            answered.release()
            join_all(receiver)

    assert [answer.status for answer in answers] == [204] * 5
    assert len(receiver.requests) == 5
    assert receiver.connections == 5


def join_all(receiver: RawReceiver) -> None:
    """Wait until every conversation so far is over."""
    for thread in list(receiver._threads):
        thread.join(PATIENCE)


def read_then(end: Callable[[Conversation], None], *, whole: bool) -> Script:
    """Answer once, then read the second request, wholly or its first bytes only, and end without an answer."""

    def script(conversation: Conversation) -> None:
        if conversation.number > 1:
            conversation.answer_forever()
        conversation.read()
        conversation.send(NO_CONTENT)
        if whole:
            conversation.read()
        else:
            conversation.read_bytes(10)
        end(conversation)

    return script


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("whole", [False, True], ids=["while reading", "after reading"])
@pytest.mark.parametrize("end", [Conversation.close, Conversation.reset], ids=["close", "reset"])
def test_a_reused_connection_that_ends_without_an_answer_is_no_reason_to_post_again(
    transport: Transport, authority: Authority, end: Callable[[Conversation], None], whole: bool, tls: bool
) -> None:
    with RawReceiver(read_then(end, whole=whole), tls=authority.context() if tls else None) as receiver:
        first = post(transport, to(receiver.url, ca=authority.pem))
        second = post(transport, to(receiver.url, ca=authority.pem))
        third = post(transport, to(receiver.url, ca=authority.pem))

    assert (first.status, second.status, third.status) == (204, None, 204)
    assert second.failure == "closed"
    assert "without an answer" in second.error
    assert len(receiver.requests) == (3 if whole else 2)
    assert receiver.connections == 2


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_receivers_that_close_at_any_moment_never_see_an_attempt_twice(
    transport: Transport, authority: Authority, tls: bool
) -> None:
    random, lock = Random(7), threading.Lock()

    def moody(conversation: Conversation) -> None:
        while True:
            with lock:
                mood = random.choice(["answer"] * 6 + ["before", "while", "after", "idle"])
                end = random.choice([conversation.close, conversation.reset])
            if mood == "before":
                return end()
            if mood == "while":
                conversation.read_bytes(10)
                return end()
            conversation.read()
            if mood == "after":
                return end()
            conversation.send(NO_CONTENT)
            if mood == "idle":
                return end()

    answers: dict[int, Answer] = {}
    over, count = threading.Event(), 300

    def done_with(number: int) -> Callable[[Answer], None]:
        def done(answer: Answer) -> None:
            assert number not in answers
            answers[number] = answer
            if len(answers) == count:
                over.set()

        return done

    with RawReceiver(moody, tls=authority.context() if tls else None) as receiver:
        for number in range(count):
            request = to(receiver.url, headers=(("X-Attempt", str(number)),), ca=authority.pem)
            transport.submit(request, PATIENCE, done_with(number))
        assert over.wait(3 * PATIENCE)

    seen = [int(request.split(b"X-Attempt: ")[1].split(b"\r\n")[0]) for request in receiver.requests]
    assert len(seen) == len(set(seen))
    answered = {number for number, answer in answers.items() if answer.status == 204}
    assert answered <= set(seen)
    assert len(answered) > count / 3
    assert {answer.failure for number, answer in answers.items() if number not in answered} <= {
        "closed", "connect", "tls", "send",
    }  # fmt: skip


# --- deadlines ----------------------------------------------------------------------------------------------------


def drips_headers(conversation: Conversation) -> None:
    conversation.read()
    conversation.send(b"HTTP/1.1 200 OK\r\n")
    conversation.drip(b"X: y\r\n")


def drips_one_header(conversation: Conversation) -> None:
    conversation.read()
    conversation.drip(b"H")


def drips_body(conversation: Conversation) -> None:
    conversation.read()
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
    conversation.drip(b"x")


def drips_interim_answers(conversation: Conversation) -> None:
    conversation.read()
    conversation.drip(b"HTTP/1.1 102 Processing\r\n\r\n")


def never_answers(conversation: Conversation) -> None:
    conversation.read()
    conversation.hold()


def never_reads(conversation: Conversation) -> None:
    conversation.hold()


@pytest.mark.parametrize(
    ("script", "phase", "body"),
    [
        (drips_headers, "headers", BODY),
        (drips_body, "body", BODY),
        (drips_interim_answers, "headers", BODY),
        (never_answers, "wait", BODY),
        (never_reads, "wait", BODY),
        (never_reads, "wait", bytes(20_000_000)),
    ],
)
def test_a_receiver_that_takes_its_time_is_left_at_the_deadline(
    transport: Transport, script: Script, phase: str, body: bytes
) -> None:
    seconds = 0.4
    with RawReceiver(script) as receiver:
        begun = time.monotonic()
        answer = post(transport, to(receiver.url, body=body), seconds)
        took = time.monotonic() - begun

    assert (answer.failure, answer.phase, answer.outcome) == ("timeout", phase, "failed")
    assert answer.error.startswith("no answer within 0.4 s (")
    assert seconds - 0.01 <= took <= seconds + SLACK
    assert seconds - 0.01 <= answer.timing.total / 1e6 <= seconds + SLACK


def test_a_receiver_that_never_shakes_hands_is_left_at_the_deadline(transport: Transport) -> None:
    with RawReceiver(never_reads) as receiver:
        begun = time.monotonic()
        answer = post(transport, to(f"https://127.0.0.1:{receiver.port}/"), 0.3)
        took = time.monotonic() - begun

    assert (answer.failure, answer.phase) == ("timeout", "tls")
    assert took <= 0.3 + SLACK


def test_a_connection_that_never_comes_about_is_left_at_the_deadline(transport: Transport) -> None:
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:  # whose places in the queue are never freed
                filler.setblocking(False)
                filler.connect_ex(server.getsockname())
            begun = time.monotonic()
            answer = post(transport, to(f"http://127.0.0.1:{server.getsockname()[1]}/"), 0.3)
            took = time.monotonic() - begun
        finally:
            for filler in fillers:
                filler.close()

    assert (answer.failure, answer.phase) == ("timeout", "connect")
    assert "(connecting)" in answer.error
    assert took <= 0.3 + SLACK


def test_a_fresh_connection_after_a_stale_one_has_what_is_left_of_the_deadline(transport: Transport) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read()
        if conversation.number > 1:
            conversation.hold()
        conversation.send(NO_CONTENT)
        conversation.close()

    with RawReceiver(script) as receiver:
        post(transport, to(receiver.url), PATIENCE)
        join_all(receiver)
        begun = time.monotonic()
        answer = post(transport, to(receiver.url), 0.3)
        took = time.monotonic() - begun

    assert (answer.failure, answer.phase) == ("timeout", "wait")
    assert took <= 0.3 + SLACK


# --- names --------------------------------------------------------------------------------------------------------


class Names:
    """A resolver: what it knows, and names that hang until the test is over."""

    def __init__(self, **known: Sequence[str]) -> None:
        self._known = {name.replace("_", "."): addresses for name, addresses in known.items()}
        self.asked: list[str] = []
        self.released = threading.Event()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host.startswith("hangs"):
            self.released.wait(3 * PATIENCE)
        if host.rstrip(".") not in self._known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._known[host.rstrip(".")]


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names(hooks_test=["127.0.0.1"], two_test=["127.0.0.1", "169.254.169.254"], meta_test=["169.254.169.254"])
    yield names
    names.released.set()


@pytest.mark.parametrize("host", ["hooks.test", "HOOKS.test", "hooks.test."])
def test_a_name_is_looked_up_by_us_and_once_for_many(names: Names, host: str) -> None:
    with opened(resolve=names) as transport, RawReceiver(always()) as receiver:
        url = f"http://{host}:{receiver.port}/x"
        answers = Answers()
        transport.submit_all([(to(url), PATIENCE, answers) for _ in range(20)])
        answers.wait_for(20)
        later = post(transport, to(url))

    assert [answer.status for answer in answers.got] == [204] * 20
    assert names.asked == [host.lower()]
    assert later.timing.lookup == 0
    assert (b"Host: %s:%d\r\n" % (host.encode(), receiver.port)).lower() in receiver.requests[0].lower()


def test_a_name_that_moves_is_followed_once_its_answer_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emitter.transport.lookup.FRESH", 0.0)
    addresses = ["127.0.0.1"]
    with opened(resolve=lambda host, port: list(addresses)) as transport, RawReceiver(closes) as receiver:
        first = post(transport, to(f"http://moves.test:{receiver.port}/"))
        join_all(receiver)
        addresses[:] = ["127.0.0.2"]
        second = post(transport, to(f"http://moves.test:{receiver.port}/"))

    assert first.address == f"127.0.0.1:{receiver.port}"
    assert (second.failure, second.address) == ("connect", f"127.0.0.2:{receiver.port}")


def test_an_unknown_name_is_a_failure_in_words(names: Names) -> None:
    with opened(resolve=names) as transport:
        answer = post(transport, to("http://nowhere.test/"))

    assert (answer.failure, answer.error) == ("lookup", "no address for nowhere.test (Name or service not known)")


@pytest.mark.parametrize("found", [[], ["not an address"], [None]])
def test_a_resolver_that_answers_nonsense_harms_nobody(found: list[str]) -> None:
    with opened(resolve=lambda host, port: found) as transport, RawReceiver(always()) as receiver:
        odd = post(transport, to("http://odd.test/"))
        good = post(transport, to(receiver.url))

    assert odd.outcome == "failed" and odd.error
    assert good.status == 204


def test_a_name_that_hangs_ends_at_the_deadline_and_is_not_waited_for(names: Names) -> None:
    with opened(resolve=names) as transport:
        begun = time.monotonic()
        answer = post(transport, to("http://hangs.test/"), 0.3)
        took = time.monotonic() - begun
        begun = time.monotonic()
    closing_took = time.monotonic() - begun

    assert (answer.failure, answer.phase) == ("timeout", "lookup")
    assert answer.error == "no answer within 0.3 s (looking up hangs.test)"
    assert took <= 0.3 + SLACK
    assert closing_took < 1.0


def test_ten_names_that_hang_hold_up_no_other(names: Names) -> None:
    with opened(resolve=names, in_flight=4) as transport, RawReceiver(always()) as receiver:
        hanging, good = Answers(), Answers()
        transport.submit_all([(to(f"http://hangs{n % 10}.test/"), PATIENCE, hanging) for n in range(100)])
        transport.submit(to(f"http://hooks.test:{receiver.port}/"), PATIENCE, good)

        assert good.wait_for(1)[0].status == 204
        assert hanging.got == []
        assert len([name for name in names.asked if name.startswith("hangs")]) <= 10


# --- who is dialled -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://0xa9fea9fe/", "http://[::ffff:169.254.169.254]/"])
def test_a_forbidden_address_is_not_dialled(transport: Transport, url: str) -> None:
    answer = post(transport, to(url))

    assert (answer.failure, answer.outcome) == ("egress", "failed")
    assert "is link-local and is never dialled" in answer.error


@pytest.mark.parametrize("host", ["meta.test", "two.test"])
def test_a_name_is_refused_if_any_of_its_addresses_is(names: Names, host: str) -> None:
    with opened(resolve=names) as transport, RawReceiver(always()) as receiver:
        answer = post(transport, to(f"http://{host}:{receiver.port}/"))

    assert answer.failure == "egress"
    assert answer.error == f"169.254.169.254 is link-local and is never dialled ({host} resolves to it)"
    assert receiver.connections == 0


def test_our_own_listener_is_not_dialled_by_any_name() -> None:
    with RawReceiver(always()) as receiver:
        egress = Egress(listeners=lambda: [("0.0.0.0", receiver.port)])
        with opened(egress, resolve=lambda host, port: ["::ffff:127.0.0.1"]) as transport:
            hosts = ("127.0.0.1", "127.1", "localhost", "any.localhost", "[::1]", "[::ffff:127.0.0.1]", "home.test")
            answers = [post(transport, to(f"http://{host}:{receiver.port}/")) for host in hosts]

    assert [answer.failure for answer in answers] == ["egress"] * len(hosts)
    assert all("this simulator's own listener" in answer.error for answer in answers)
    assert receiver.connections == 0


def test_a_connection_that_may_no_longer_be_used_is_not_reused() -> None:
    listening: list[tuple[str, int]] = []
    with RawReceiver(always()) as receiver, opened(Egress(listeners=lambda: listening)) as transport:
        before = post(transport, to(receiver.url))
        listening.append(("127.0.0.1", receiver.port))
        after = post(transport, to(receiver.url))

    assert (before.status, after.failure) == (204, "egress")
    assert len(receiver.requests) == 1


def test_a_list_of_targets_is_all_that_is_dialled(names: Names) -> None:
    with RawReceiver(always()) as receiver, opened(Egress(allow=["hooks.test"]), resolve=names) as transport:
        listed = post(transport, to(f"http://hooks.test:{receiver.port}/"))
        others = [
            post(transport, to(f"http://{host}:{receiver.port}/")) for host in ("127.0.0.1", "localhost", "a.test")
        ]

    assert listed.status == 204
    assert [answer.failure for answer in others] == ["egress"] * 3
    assert names.asked == ["hooks.test"]


# --- TLS ----------------------------------------------------------------------------------------------------------


def test_a_receiver_with_a_private_authority_is_trusted_by_its_file_or_not_checked(
    transport: Transport, authority: Authority
) -> None:
    with RawReceiver(always(), tls=authority.context()) as receiver:
        by_system = post(transport, to(receiver.url))
        by_file = post(transport, to(receiver.url, ca=authority.pem))
        unchecked = post(transport, to(receiver.url, verify_tls=False))
        again = post(transport, to(receiver.url))

    assert [answer.status for answer in (by_system, by_file, unchecked, again)] == [None, 204, 204, None]
    assert by_system.failure == again.failure == "tls"
    assert "--ca FILE" in by_system.error
    assert by_file.timing.tls
    assert len(receiver.requests) == 2


def test_a_certificate_for_another_host_is_refused(transport: Transport, authority: Authority) -> None:
    with RawReceiver(always(), tls=authority.context("elsewhere.test")) as receiver:
        answer = post(transport, to(receiver.url, ca=authority.pem))

    assert answer.failure == "tls"
    assert "is for another host" in answer.error


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_file_of_authorities_that_is_none_is_a_failure_in_words(
    transport: Transport, authority: Authority, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with RawReceiver(always(), tls=authority.context()) as receiver:
        answer = post(transport, to(receiver.url, ca=str(file)))

    assert answer.failure == "tls"
    assert receiver.requests == []


def test_https_to_a_port_that_speaks_http_is_said(transport: Transport) -> None:
    def plain(conversation: Conversation) -> None:
        conversation.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        conversation.read_all()

    with RawReceiver(plain) as receiver:
        answer = post(transport, to(f"https://127.0.0.1:{receiver.port}/"))

    assert (answer.failure, answer.error) == ("tls", "TLS: the receiver does not speak TLS on this port; is it http?")


@pytest.mark.parametrize(("http2", "chosen"), [(True, "h2"), (False, "http/1.1")])
def test_http2_is_offered_over_tls_when_asked_for_and_only_then(
    transport: Transport, authority: Authority, http2: bool, chosen: str
) -> None:
    picked: list[str | None] = []

    def script(conversation: Conversation) -> None:
        assert isinstance(conversation.sock, ssl.SSLSocket)
        picked.append(conversation.sock.selected_alpn_protocol())
        picked.append(conversation.read_bytes(14).decode("latin-1"))

    with RawReceiver(script, tls=authority.context(alpn=("h2", "http/1.1"))) as receiver:
        post(transport, to(receiver.url, ca=authority.pem, http2=http2))

    assert picked == [chosen, "PRI * HTTP/2.0" if http2 else "POST /hook HTT"]


def test_http2_is_never_asked_for_in_clear_text(transport: Transport) -> None:
    with RawReceiver(always()) as receiver:
        post(transport, to(receiver.url, http2=True))

    assert receiver.requests[0].startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"upgrade" not in receiver.requests[0].lower()


# --- faults on the wire -------------------------------------------------------------------------------------------


def test_a_declared_length_is_sent_instead_of_the_true_one(transport: Transport) -> None:
    def script(conversation: Conversation) -> None:
        heads.append(conversation.read_head())
        bodies.append(conversation.read_bytes(len(BODY)))
        conversation.send(NO_CONTENT)

    heads: list[bytes] = []
    bodies: list[bytes] = []
    with RawReceiver(script) as receiver:
        for declared in (len(BODY) + 5, 3):
            answer = post(transport, to(receiver.url, declared_length=declared))
            assert answer.status == 204

    assert [head.lower().count(b"content-length") for head in heads] == [1, 1]
    assert b"Content-Length: %d\r\n" % (len(BODY) + 5) in heads[0]
    assert b"Content-Length: 3\r\n" in heads[1]
    assert bodies == [BODY, BODY]
    assert receiver.connections == 2


@pytest.mark.parametrize("cut", [0, 1, 20, len(BODY) - 1])
def test_a_body_is_cut_where_it_should_be(transport: Transport, cut: int) -> None:
    got: list[bytes] = []
    over = threading.Event()

    def script(conversation: Conversation) -> None:
        if conversation.number > 1:
            conversation.answer_forever()
        conversation.read_head()
        got.append(conversation.read_all())
        over.set()

    with RawReceiver(script) as receiver:
        answer = post(transport, to(receiver.url, cut_after=cut))
        assert over.wait(PATIENCE)
        after = post(transport, to(receiver.url))

    assert got == [BODY[:cut]]
    assert (answer.failure, answer.error) == ("send", f"cut on purpose after {cut} bytes of the body")
    assert after.status == 204


def test_a_paced_body_takes_its_time_and_arrives(transport: Transport) -> None:
    with RawReceiver(always()) as receiver:
        begun = time.monotonic()
        answer = post(transport, to(receiver.url, pace=len(BODY) * 4))
        took = time.monotonic() - begun
        post(transport, to(receiver.url))

    assert answer.status == 204
    assert receiver.requests[0].endswith(b"\r\n\r\n" + BODY)
    assert 0.2 <= took <= 2.0
    assert receiver.connections == 2


# --- many, and the end --------------------------------------------------------------------------------------------


def test_no_more_than_the_cap_is_in_flight_and_everything_is_answered() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def script(conversation: Conversation) -> None:
        nonlocal now, most
        while True:
            conversation.read()
            with lock:
                now += 1
                most = max(most, now)
            conversation._stopped.wait(0.002)
            with lock:
                now -= 1
            conversation.send(NO_CONTENT)

    answers = Answers()
    with RawReceiver(script) as receiver, opened(in_flight=8) as transport:
        urls = [f"http://{host}:{receiver.port}/x" for host in ("127.0.0.1", "localhost", "a.localhost")]
        transport.submit_all([(to(urls[n % 3]), PATIENCE, answers) for n in range(100)])
        answers.wait_for(100)

    assert {answer.status for answer in answers.got} == {204}
    assert 1 < most <= 8


def test_a_receiver_that_hangs_leaves_room_for_the_others() -> None:
    hanging, good = Answers(), Answers()
    with RawReceiver(never_answers) as bad, RawReceiver(always()) as receiver, opened(in_flight=8) as transport:
        transport.submit_all([(to(f"http://localhost:{bad.port}/"), PATIENCE, hanging) for _ in range(50)])
        transport.submit_all([(to(receiver.url), PATIENCE, good) for _ in range(50)])
        good.wait_for(50)

        assert {answer.status for answer in good.got} == {204}
        assert hanging.got == []


def test_many_threads_may_submit_at_once(transport: Transport) -> None:
    answers = Answers()
    with RawReceiver(always()) as receiver:
        threads = [
            threading.Thread(target=lambda: [transport.submit(to(receiver.url), PATIENCE, answers) for _ in range(50)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers.wait_for(400, 3 * PATIENCE)

    assert {answer.status for answer in answers.got} == {204}
    assert len(receiver.requests) == 400


def test_what_an_answer_is_handed_to_may_raise(transport: Transport, caplog: pytest.LogCaptureFixture) -> None:
    def boom(answer: Answer) -> None:
        raise RuntimeError("boom")

    with RawReceiver(always()) as receiver:
        transport.submit(to(receiver.url), PATIENCE, boom)
        answer = post(transport, to(receiver.url))

    assert answer.status == 204
    assert "boom" in caplog.text


def test_an_exception_in_the_say_on_targets_forbids_and_kills_nothing() -> None:
    broken = True

    def listeners() -> list[tuple[str, int]]:
        if broken:
            raise RuntimeError("no idea")
        return []

    with RawReceiver(always()) as receiver, opened(Egress(listeners=listeners)) as transport:
        refused = post(transport, to(receiver.url))
        broken = False
        fine = post(transport, to(receiver.url))

    assert (refused.outcome, fine.status) == ("failed", 204)
    assert "no idea" in refused.error
    assert len(receiver.requests) == 1


def test_closing_lets_what_is_in_flight_finish() -> None:
    reading, go = threading.Event(), threading.Event()

    def script(conversation: Conversation) -> None:
        conversation.read()
        reading.set()
        go.wait(PATIENCE)
        conversation.send(NO_CONTENT)

    answers = Answers()
    with RawReceiver(script) as receiver, opened() as transport:
        transport.submit(to(receiver.url), PATIENCE, answers)
        assert reading.wait(PATIENCE)
        closer = threading.Thread(target=transport.close, args=(PATIENCE,))
        closer.start()
        go.set()
        closer.join(PATIENCE)

    assert [answer.status for answer in answers.got] == [204]


def test_closing_gives_up_what_does_not_finish_in_time(names: Names) -> None:
    answers = Answers()
    with RawReceiver(never_answers) as receiver, opened(resolve=names, in_flight=2) as transport:
        transport.submit_all([(to(receiver.url), PATIENCE, answers) for _ in range(3)])
        transport.submit(to("http://hangs.test/"), PATIENCE, answers)
        receiver.seen.wait_for(1)
        begun = time.monotonic()
        transport.close(0.2)
        took = time.monotonic() - begun
        transport.submit(to(receiver.url), PATIENCE, answers)

    assert took <= 0.2 + SLACK
    assert [answer.failure for answer in answers.got] == ["closed"] * 5
    assert {answer.phase for answer in answers.got} <= {"wait", "lookup", ""}
    assert len(receiver.requests) == 1


def test_closing_before_the_first_request_and_twice_is_fine() -> None:
    transport, answers = Transport(egress=Egress()), Answers()

    transport.close(1.0)
    transport.close(1.0)
    transport.submit(to("http://127.0.0.1:9/"), 1.0, answers)

    assert [answer.failure for answer in answers.got] == ["closed"]


def test_nothing_is_started_before_the_first_request_and_nothing_is_left_after_the_last() -> None:
    before, threads = descriptors(), set(threading.enumerate())
    with RawReceiver(always()) as receiver:
        idle = Transport(egress=Egress())
        assert set(threading.enumerate()) - threads == {receiver._acceptor}
        with opened() as transport:
            for _ in range(3):
                post(transport, to(receiver.url))
                post(transport, to("http://127.0.0.1:9/"))
                post(transport, to(receiver.url, cut_after=1))
        idle.close(0.0)

    assert descriptors() == before
    assert set(threading.enumerate()) == threads


def descriptors() -> set[str]:
    return {
        f"{name} {link}"
        for name in os.listdir("/proc/self/fd")
        if "/proc/" not in (link := readlink(f"/proc/self/fd/{name}"))
    }


def readlink(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return "/proc/"
