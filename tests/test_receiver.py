"""The receiving end: what it catches, what it answers, and what it does with requests that are none."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.catalog import Catalog
from emitter.errors import BadTarget, BadValue, Conflict, EmitterError, Unavailable
from emitter.receiver import Answers, Capture, Forwarded, Forwarder, Receiver, Scripted, as_json, json_line, line
from emitter.receiver.wire import BODY_CAP
from emitter.signing import Scheme, Signer, SigningKey

SECRET = "kettle-drum-4711-of-the-orchestra"
KEY = SigningKey(SECRET)
PATIENCE = 10.0  # seconds; a deadline, never a pause
BODY = (
    b'{"timestamp":"2030-01-02T09:00:00.123456789Z","data":{"actionLink":"https://app.immutacloud.com/x",'
    b'"dataProductId":"7b1c0f52-6a0e-4d3b-9a55-2f8f3b1f6c11","dataProductName":"US East Customers"},'
    b'"type":"marketplace.data_product.access_requests.revoked"}'
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def signed(body: bytes = BODY, key: SigningKey = KEY) -> dict[str, str]:
    return dict(Signer(Scheme()).headers(body, key, message_id="", seconds=0))


@contextmanager
def connected(receiver: Receiver) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=PATIENCE)) as connection:
        yield connection


def post(receiver: Receiver, body: bytes = BODY, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    with connected(receiver) as connection:
        connection.request("POST", "/hook", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def raw(receiver: Receiver, *pieces: bytes) -> bytes:
    """Send bytes as they are, say that no more come, and read all that comes back."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return everything(connection)


def everything(connection: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


# --- what it catches


def test_a_request_is_caught_byte_for_byte(receiver: Receiver) -> None:
    body = bytes(range(256)) * 3
    request = (
        b"POST /a%20b/\xff?x=\xc3\xa9 HTTP/1.1\r\nHOST: here\r\nx-Two: 1\r\nX-tWO:\t2  \r\nX-Bytes: caf\xe9\r\n"
        b"Content-Length: 768\r\n\r\n"
    )

    answer = raw(receiver, request + body)

    (capture,) = receiver.wait_for(1, PATIENCE)
    assert answer == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert (capture.number, capture.method, capture.body) == (1, "POST", body)
    assert capture.path.encode("latin-1") == b"/a%20b/\xff?x=\xc3\xa9"
    assert capture.headers == (
        ("HOST", "here"), ("x-Two", "1"), ("X-tWO", "2"), ("X-Bytes", "caf\xe9"), ("Content-Length", "768"),
    )  # fmt: skip


@given(st.binary(max_size=3000), st.lists(st.integers(1, 700), max_size=5))
def test_whatever_the_body_and_however_it_is_cut_it_arrives(body: bytes, cuts: list[int]) -> None:
    chunks, rest = b"", body
    for cut in cuts:
        piece, rest = rest[:cut], rest[cut:]
        chunks += b"%x;name=value\r\n%b\r\n" % (len(piece), piece) if piece else b""
    chunks += b"%X\r\n%b\r\n" % (len(rest), rest) if rest else b""
    with Receiver() as receiver:
        raw(
            receiver,
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunks + b"00\r\nTrailer: x\r\n\r\n"
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
        )

        assert [capture.body for capture in receiver.wait_for(2, PATIENCE)] == [body, body]
        assert receiver.problems == []


def test_a_connection_is_kept_and_requests_may_be_sent_ahead(receiver: Receiver) -> None:
    requests = b"".join(b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}" % number for number in range(50))

    answers = raw(receiver, requests)

    assert answers.count(b"HTTP/1.1 200 OK") == 50
    assert [capture.path for capture in receiver.captures] == [f"/{number}" for number in range(50)]
    assert [capture.number for capture in receiver.captures] == list(range(1, 51))


def test_a_request_that_comes_byte_by_byte_is_one_request(receiver: Receiver) -> None:
    request = b"\r\nPOST / HTTP/1.1\nHost: h\r\nContent-Length: 3\r\n\r\nabc"

    raw(receiver, *(request[at : at + 1] for at in range(len(request))))

    assert [capture.body for capture in receiver.wait_for(1, PATIENCE)] == [b"abc"]


def test_many_senders_at_once_are_all_counted(receiver: Receiver) -> None:
    threads = [threading.Thread(target=post, args=(receiver, b"%d" % number)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    captures = receiver.captures
    assert sorted(int(capture.body) for capture in captures) == list(range(40))
    assert [capture.number for capture in captures] == list(range(1, 41))


def test_who_has_an_answer_finds_the_capture(receiver: Receiver) -> None:
    for number in range(1, 30):
        post(receiver)
        assert len(receiver.captures) == number


def test_only_the_newest_are_kept_and_all_are_counted() -> None:
    with Receiver(keep=3) as receiver:
        for number in range(7):
            post(receiver, b"%d" % number)

        assert [capture.number for capture in receiver.wait_for(7, PATIENCE)] == [5, 6, 7]


def test_large_bodies_are_kept_within_bounds_however_few() -> None:
    with Receiver(keep_bytes=1000) as receiver:
        for _ in range(4):
            post(receiver, b"x" * 400)

        assert [capture.number for capture in receiver.captures] == [3, 4]


def test_waiting_ends_at_its_deadline_and_says_what_came(receiver: Receiver) -> None:
    post(receiver)

    with pytest.raises(Unavailable, match="2 requests were waited for, 1 came within 0.01 s"):
        receiver.wait_for(2, 0.01)


def test_waiting_ends_when_it_is_closed(receiver: Receiver) -> None:
    failures: list[EmitterError] = []

    def wait() -> None:
        try:
            receiver.wait_for(1, PATIENCE)
        except EmitterError as error:
            failures.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    receiver.close()
    waiting.join(PATIENCE)

    assert len(failures) == 1


def test_captures_are_told_in_order_one_at_a_time() -> None:
    told: list[Capture] = []
    with Receiver(on_capture=told.append) as receiver:
        for _ in range(3):
            post(receiver)

    assert [capture.number for capture in told] == [1, 2, 3]


# --- what it makes of it


def test_a_right_signature_and_a_valid_event_are_said_so(catalog: Catalog) -> None:
    with Receiver(keys=[SigningKey("old-one"), KEY], catalog=catalog) as receiver:
        status, _ = post(receiver, BODY, signed())

        (capture,) = receiver.captures
        assert status == capture.status == 200
        assert capture.signature is not None and capture.signature.ok and capture.signature.key == 2
        assert (capture.contract, capture.violations) == ("valid", ())
        assert capture.type == "marketplace.data_product.access_requests.revoked"
        assert capture.product_name == "US East Customers"


def test_a_wrong_signature_is_answered_401_without_a_hint_for_whoever_sent_it() -> None:
    with Receiver(keys=[KEY]) as receiver:
        wrong = {name: value.upper() for name, value in signed().items()}

        assert post(receiver, BODY, wrong) == (401, b"The signature was refused.\n")
        assert post(receiver) == (401, b"The signature was refused.\n")

        first, second = receiver.captures
        assert first.signature is not None and "upper-case hex" in first.signature.likely[0]
        assert second.signature is not None and "is missing" in second.signature.reason


def test_without_a_key_nothing_is_refused(receiver: Receiver) -> None:
    assert post(receiver, b"no json at all")[0] == 200
    assert receiver.captures[0].signature is None and receiver.captures[0].contract == ""


@pytest.mark.parametrize(
    ("body", "verdict", "rule"),
    [
        (b"", "invalid", "json"),
        (b"\xff", "invalid", "json"),
        (b"[" * 100_000, "invalid", "json"),
        (b'{"a": NaN}', "invalid", "json"),
        (BODY.replace(b'"US East Customers"', b"7"), "invalid", "type"),
        (BODY.replace(b".revoked", b".revoked.not"), "unknown", None),
    ],
)
def test_a_contract_that_is_broken_is_said_and_answered_200(
    catalog: Catalog, body: bytes, verdict: str, rule: str | None
) -> None:
    with Receiver(catalog=catalog) as receiver:
        assert post(receiver, body)[0] == 200

        (capture,) = receiver.captures
        assert capture.contract == verdict
        assert [violation.rule for violation in capture.violations][:1] == ([rule] if rule else [])


@pytest.mark.parametrize("body", [b"[]", b"7", b'{"type": 7, "data": []}', b'{"data": {"dataProductName": []}}'])
def test_a_body_that_is_no_event_is_judged_all_the_same(catalog: Catalog, body: bytes) -> None:
    with Receiver(catalog=catalog) as receiver:
        post(receiver, body)

        assert (receiver.captures[0].type, receiver.captures[0].contract) == ("", "invalid")


# --- what it answers


def test_answers_come_as_scripted_and_the_last_repeats() -> None:
    with Receiver(answers=Answers.parse("500,503*2,204,200")) as receiver:
        statuses = [post(receiver)[0] for _ in range(7)]

        assert statuses == [500, 503, 503, 204, 200, 200, 200]
        assert [capture.status for capture in receiver.captures] == statuses


def test_a_script_overrides_what_the_signature_says() -> None:
    with Receiver(keys=[KEY], answers=Answers.parse("202")) as receiver:
        assert post(receiver)[0] == 202
        assert receiver.captures[0].signature is not None and not receiver.captures[0].signature.ok


def test_a_connection_can_be_closed_without_an_answer() -> None:
    with Receiver(answers=Answers.parse("close,200")) as receiver, connected(receiver) as connection:
        with pytest.raises(http.client.RemoteDisconnected):
            connection.request("POST", "/", BODY)
            connection.getresponse()

        assert post(receiver)[0] == 200
        assert [(capture.status, capture.answer) for capture in receiver.captures] == [(None, "close"), (200, "200")]
        assert receiver.captures[0].body == BODY


def test_a_connection_can_be_reset() -> None:
    with (
        Receiver(answers=Answers.parse("reset")) as receiver,
        connected(receiver) as connection,
        pytest.raises(ConnectionResetError),
    ):
        connection.request("POST", "/", BODY)
        connection.getresponse()


def test_a_delay_holds_the_answer_back_not_the_capture() -> None:
    with Receiver(answers=Answers.parse("200:1h")) as receiver, connected(receiver) as connection:
        connection.request("POST", "/", BODY)

        (capture,) = receiver.wait_for(1, PATIENCE)
        receiver.close()  # does not wait an hour either
        assert capture.delay == timedelta(hours=1)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            connection.getresponse()


def test_a_short_delay_ends_in_the_answer() -> None:
    with Receiver(answers=Answers.parse("201:30ms")) as receiver:
        assert post(receiver)[0] == 201


@pytest.mark.parametrize("text", ["500,503*3,200:2s,close,reset:10ms", "200", "204:1m30s*7"])
def test_a_script_is_written_as_it_is_read(text: str) -> None:
    assert str(Answers.parse(text)) == text
    assert str(Answers.parse(str(Answers.parse(text)))) == text


@pytest.mark.parametrize(
    "text",
    ["", "abc", "99", "100", "600", "200,", "200*0", "200*9999999", "200:2", "200:2h", "closed", "²00", "2" * 99],
)
def test_a_script_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadValue):
        Answers.parse(text)


def test_a_script_of_too_many_steps_is_refused() -> None:
    with pytest.raises(BadValue, match="more than 1,000 steps"):
        Answers.parse(",".join(["200"] * 1001))


def test_a_script_gives_each_answer_once_to_however_many_ask() -> None:
    answers, given_out = Answers([(Scripted(500), 100), (Scripted(200), 1)]), []

    def ask() -> None:
        given_out.extend(answers.next().status for _ in range(40))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert given_out.count(500) == 100 and given_out.count(200) == 100


def test_what_is_no_post_is_caught_and_answered_405_and_not_judged(catalog: Catalog) -> None:
    with Receiver(keys=[SigningKey("k")], catalog=catalog) as receiver:
        assert raw(receiver, b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n").endswith(b"\r\n\r\n")
        assert b" 405 " in raw(receiver, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")

        assert [capture.method for capture in receiver.captures] == ["HEAD", "GET"]
        assert [(capture.signature, capture.contract) for capture in receiver.captures] == [(None, ""), (None, "")]


def test_a_client_that_waits_for_its_cue_gets_it(receiver: Receiver) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        connection.sendall(b"{}")

        assert everything(connection).startswith(b"HTTP/1.1 200 OK")


def test_http_1_0_is_answered_and_closed(receiver: Receiver) -> None:
    answer = raw(receiver, b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}POST / HTTP/1.0\r\n\r\n")

    assert answer.count(b"HTTP/1.1 200 OK") == 1 and b"Connection: close" in answer


# --- requests that are none

POST = b"POST / HTTP/1.1\r\nHost: h\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /\r\n\r\n", 400),  # HTTP/0.9
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
        (b"POST  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"POST /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"POST /\x00 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"POST /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"x" * 100_000, 414),
        (b"POST / HTTP/1.1\r\n\r\n", 400),  # no Host
        (POST + b"Host: again\r\n\r\n", 400),
        (POST + b"No colon\r\n\r\n", 400),
        (POST + b"Space : before\r\n\r\n", 400),
        (POST + b"X: 1\r\n folded\r\n\r\n", 400),
        (POST + b"X: nul\x00\r\n\r\n", 400),
        (POST + b": nameless\r\n\r\n", 400),
        (POST + b"X: " + b"y" * 20_000 + b"\r\n\r\n", 431),
        (POST + (b"X: " + b"y" * 1000 + b"\r\n") * 70 + b"\r\n", 431),
        (POST + b"X: 1\r\n" * 250 + b"\r\n", 431),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: +2\r\n\r\n{}", 400),
        (POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
        (POST + b"Content-Length: \xb2\r\n\r\n", 400),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}", 400),
        (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 2000 + b"\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: 1\r\n" * 250 + b"\r\n", 431),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: %d\r\n\r\n" % (BODY_CAP + 1), 413),
        (POST + b"Content-Length: %s\r\n\r\n" % (b"9" * 400), 413),
        (POST + b"Expect: tea\r\n\r\n", 417),
    ],
)  # fmt: skip
def test_a_request_that_breaks_a_rule_is_answered_said_and_not_kept(
    receiver: Receiver, request_bytes: bytes, status: int
) -> None:
    answer = raw(receiver, request_bytes)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in answer
    assert receiver.captures == [] and len(receiver.problems) == 1
    assert f"answered {status}: " in receiver.problems[0]
    assert post(receiver)[0] == 200  # and the next one is served


def test_a_body_that_is_too_large_is_answered_although_nobody_reads_it(receiver: Receiver) -> None:
    status, body = post(receiver, b"x" * (BODY_CAP * 2))

    assert status == 413 and body == b"The body is larger than 2,097,152 bytes.\n"
    assert receiver.problems == ["A request was answered 413: The body is larger than 2,097,152 bytes."]
    assert post(receiver, b"x" * BODY_CAP)[0] == 200


def test_a_client_that_drips_is_cut_off_at_the_deadline() -> None:
    with (
        Receiver(timeout=0.05) as receiver,
        socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE) as connection,
    ):
        started = time.monotonic()
        connection.sendall(b"POST / HT")

        assert everything(connection).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - started < 5
        assert "did not come in whole within 0.05 s" in receiver.problems[0]


def test_a_connection_that_idles_is_closed_without_a_word() -> None:
    with (
        Receiver(idle=0.05) as receiver,
        socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE) as connection,
    ):
        assert everything(connection) == b""
        assert receiver.problems == []


@pytest.mark.parametrize("sent", [b"POST", POST, POST + b"Content-Length: 9\r\n\r\n{}"])
def test_a_client_that_leaves_in_the_middle_is_said(sent: bytes) -> None:
    told = threading.Event()
    with Receiver(on_problem=lambda text: told.set()) as receiver:
        assert raw(receiver, sent) == b""

        assert told.wait(PATIENCE)
        assert receiver.problems == ["A connection was closed in the middle of a request."]


def test_a_client_that_resets_harms_nobody(receiver: Receiver) -> None:
    for _ in range(5):
        connection = socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE)
        connection.sendall(POST + b"Content-Length: 9\r\n\r\n{}")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    assert post(receiver)[0] == 200


def test_noise_is_answered_and_survived(receiver: Receiver) -> None:
    chance = Random(7)
    for _ in range(60):
        noise = bytes(chance.choices(b"POST /HTTP1.\r\n:\x00\xff{}0aA;, ", k=chance.randrange(400)))
        raw(receiver, chance.choice((b"", POST, b"POST / HTTP/1.1\r\n")) + noise)

    assert post(receiver)[0] == 200
    assert not [problem for problem in receiver.problems if "could not be handled" in problem]


def test_more_connections_than_it_can_bear_are_closed_and_said() -> None:
    told = threading.Event()
    with Receiver(most_connections=1, on_problem=lambda text: told.set()) as receiver, connected(receiver) as first:
        first.request("POST", "/", BODY)
        assert first.getresponse().read() == b""

        with socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE) as second:
            assert everything(second) == b""

        assert told.wait(PATIENCE) and receiver.problems == ["A connection was closed: 1 are open already."]
        first.request("POST", "/", BODY)
        assert first.getresponse().status == 200


def test_what_fails_beneath_it_ends_one_connection_and_is_said() -> None:
    def fail(capture: object) -> Forwarded:
        raise RuntimeError("out of ink\x1b[2J")

    for receiver in (Receiver(on_capture=fail), Receiver(forward=fail)):
        with receiver:
            assert raw(receiver, POST + b"\r\n") == b""
            assert receiver.problems == ["A request could not be handled: RuntimeError: out of ink\\x1b[2J"]


# --- its life


def test_a_port_in_use_is_said(receiver: Receiver) -> None:
    with pytest.raises(Unavailable, match=f"127.0.0.1:{receiver.port} cannot be listened on: .* Name another port"):
        Receiver(port=receiver.port).start()


@pytest.mark.parametrize("host", ["no such host", "x" * 300, "256.1.1.1"])
def test_a_host_that_is_none_is_said(host: str) -> None:
    with pytest.raises(BadValue, match="is no address"):
        Receiver(host=host).start()


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
def test_a_port_that_is_none_is_said(port: int) -> None:
    with pytest.raises(BadValue, match="is no port"):
        Receiver(port=port).start()


def test_it_listens_on_ipv6_too() -> None:
    try:
        receiver = Receiver(host="::1").start()
    except (Unavailable, BadValue):
        pytest.skip("this machine has no IPv6")
    with closing(receiver):
        assert receiver.url == f"http://[::1]:{receiver.port}"
        with socket.create_connection(("::1", receiver.port), timeout=PATIENCE):
            pass


def test_it_is_started_once_and_closed_as_often_as_one_likes() -> None:
    receiver = Receiver()
    with pytest.raises(Conflict):
        _ = receiver.url
    receiver.start()
    with pytest.raises(Conflict):
        receiver.start()

    receiver.close()
    receiver.close()

    with pytest.raises(ConnectionError):
        post(receiver)
    Receiver(port=receiver.port).close()


def test_closing_leaves_no_thread_and_no_connection() -> None:
    before = set(threading.enumerate())
    receiver = Receiver().start()
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(receiver)) for _ in range(10)]
        for connection in connections:  # by the last one's turn the first is idle, its thread waiting for more
            connection.request("POST", "/", BODY)
            assert connection.getresponse().read() == b""

        receiver.close()

        assert not [one for one in set(threading.enumerate()) - before if one.name == "emitter-receiver"]
        for connection in connections:
            assert everything(connection.sock) == b""


# --- forwarding


def test_forwarding_hands_on_the_same_bytes_and_brings_the_answer_back() -> None:
    body = BODY + bytes(range(256))
    with Receiver(keys=[KEY]) as inner, Receiver(forward=f"{inner.url}/deep/er?q=1") as outer:
        answer = raw(
            outer,
            b"POST /hook HTTP/1.1\r\nHost: outer\r\nX-a: 1\r\nx-A: caf\xe9\r\nUser-Agent: me\r\nX-Mine: 1\r\n"
            b"Connection: keep-alive, x-mine\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        )

        (inside,), (outside,) = inner.captures, outer.captures
        assert inside.body == outside.body == body
        assert inside.path == "/deep/er?q=1"
        assert inside.headers == (
            ("Host", f"127.0.0.1:{inner.port}"), ("X-a", "1"), ("x-A", "caf\xe9"), ("User-Agent", "me"),
            ("Content-Length", str(len(body))), ("Connection", "close"),
        )  # fmt: skip
        assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
        assert answer.endswith(b"\r\n\r\nThe signature was refused.\n")
        assert outside.forwarded is not None and outside.forwarded.status == outside.status == 401


def test_a_signature_survives_being_forwarded() -> None:
    with Receiver(keys=[KEY]) as inner, Receiver(forward=inner.url) as outer:
        assert post(outer, BODY, signed())[0] == 200


def test_a_script_overrides_what_comes_back() -> None:
    with Receiver() as inner, Receiver(forward=inner.url, answers=Answers.parse("503")) as outer:
        assert post(outer)[0] == 503
        assert len(inner.captures) == 1


def test_where_nobody_answers_it_is_502_and_said() -> None:
    with Receiver() as inner:
        gone = inner.url
    with Receiver(forward=f"{gone}/x?token=hidden") as outer:
        status, body = post(outer)

        assert status == 502 and b"the connection was refused" in body and b"hidden" not in body
        assert "<-- [502] POST /hook" in line(outer.captures[0])
        assert "not forwarded: http://127.0.0.1:" in line(outer.captures[0])


@pytest.mark.parametrize(
    ("answer", "why"), [("close", b"without an answer"), ("reset", b"eset"), ("200:1h", b"within")]
)
def test_an_answer_that_does_not_come_is_502(answer: str, why: bytes) -> None:
    with (
        Receiver(answers=Answers.parse(answer)) as inner,
        Receiver(forward=Forwarder(inner.url, timeout=0.2)) as outer,
    ):
        status, body = post(outer)

        assert status == 502 and why in body


@contextmanager
def streaming(piece: bytes, pause: float) -> Iterator[str]:
    """A server that answers and never comes to an end."""
    stop = threading.Event()

    def stream() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not stop.wait(pause):
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=stream)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            stop.set()
            thread.join()


def test_an_answer_that_drips_for_ever_ends_at_the_deadline() -> None:
    with streaming(b".", 0.01) as url, Receiver(forward=Forwarder(url, timeout=0.3)) as outer:
        status, body = post(outer)

        assert status == 502 and b"nothing whole came within 0.3 s" in body


def test_an_answer_without_end_is_not_read_to_it() -> None:
    with streaming(b"x" * 65536, 0) as url, Receiver(forward=url) as outer:
        status, body = post(outer)

        assert status == 502 and b"its answer is larger than 2,097,152 bytes" in body


def test_a_redirect_is_mirrored_not_followed() -> None:
    elsewhere = (("Location", "/elsewhere"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
    with Receiver(forward=lambda request: Forwarded(302, elsewhere, b"moved")) as outer:
        with connected(outer) as connection:
            connection.request("POST", "/", BODY)
            answer = connection.getresponse()

            assert (answer.status, answer.read()) == (302, b"moved")
            assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    "url",
    ["ftp://h/", "h:80", "http://", "http://h:99999/", "http://[/", "http://u:pa55@h/", "http://h/a b", "http://h/é",
     "http://h/\r\nX: 1"],
)  # fmt: skip
def test_a_url_that_nothing_can_be_forwarded_to_is_refused(url: str) -> None:
    with pytest.raises(BadTarget) as refused:
        Receiver(forward=url)

    assert "pa55" not in str(refused.value)


def test_forwarding_in_a_circle_is_refused(receiver: Receiver) -> None:
    port = receiver.port
    receiver.close()

    with pytest.raises(BadTarget, match="in a circle"):
        Receiver(port=port, forward=f"http://localhost:{port}/x").start()


# --- what is printed


def capture_of(**changes: object) -> Capture:
    fields: dict[str, object] = {
        "number": 1, "at": 1893574800_123456789, "method": "POST", "path": "/hook", "headers": (("A", "b"),),
        "body": BODY, "type": "marketplace.data_product.access_requests.revoked",
        "product_name": "US East Customers", "contract": "valid", "status": 200, "answer": "200", "took": 12_345,
    }  # fmt: skip
    return Capture(**(fields | changes))  # type: ignore[arg-type]


def test_a_capture_is_two_lines() -> None:
    assert line(capture_of()) == (
        "2030-01-02 09:00:00  --> access_requests.revoked  US East Customers  signature not checked  contract ok\n"
        "2030-01-02 09:00:00  <-- [200] POST /hook  12 ms"
    )


def test_a_dropped_connection_and_a_delay_are_shown() -> None:
    shown = line(capture_of(status=None, answer="reset:2s", delay=timedelta(seconds=2), took=700))

    assert shown.endswith("<-- [reset] POST /hook  0.7 ms, held back 2s")


def test_a_refused_signature_says_why_and_what_is_assumed(catalog: Catalog) -> None:
    with Receiver(keys=[KEY], catalog=catalog) as receiver:
        post(receiver, BODY.replace(b'"US East Customers"', b"7"))

    shown = line(receiver.captures[0])
    assert "--> access_requests.revoked  signature refused  contract broken (1)\n" in shown
    assert "\n    The header x-immuta-webhook-signature-sha256 is missing.\n" in shown
    assert "assumed, U1; a captured delivery would settle it" in shown
    assert "\n    /data/dataProductName: " in shown
    assert shown.splitlines()[-1].split("  ")[1] == "<-- [401] POST /hook"


def test_hostile_text_does_not_reach_the_terminal() -> None:
    hostile = "\x1b[2J\x07\x9b\r\n\u202e" + "x" * 1000
    shown = line(
        capture_of(
            method=hostile, path=hostile, type=hostile, product_name=hostile,
            forwarded=Forwarded(None, error=hostile),
        )
    )  # fmt: skip

    assert all(part.isprintable() for part in shown.split("\n")) and len(shown.split("\n")) == 2
    assert len(shown) < 2000


def test_a_signature_that_nobody_checked_is_not_called_right() -> None:
    with Receiver(keys=[KEY], scheme=Scheme(mode="off")) as receiver:
        assert post(receiver)[0] == 200

    assert "signature not checked" in line(receiver.captures[0])


def test_colours_come_only_when_asked_for() -> None:
    assert "\x1b" not in line(capture_of())
    assert "\x1b[32mcontract ok\x1b[0m" in line(capture_of(), colour=True)


def test_a_capture_is_one_line_of_json_that_holds_it_all() -> None:
    text = json_line(capture_of(body=b"\xff\x00", path="/\x7f\x9b\n", product_name="\u2028"))

    assert text.isascii() and text.isprintable()
    read = json.loads(text)
    assert (read["body"], read["bodyBase64"], read["path"]) == (None, "/wA=", "/\x7f\x9b\n")
    assert read["at"] == "2030-01-02T09:00:00.123456789Z" and read["headers"] == [["A", "b"]]


def test_json_holds_the_verdicts_and_what_came_back(catalog: Catalog) -> None:
    with Receiver(keys=[KEY], catalog=catalog, answers=Answers.parse("close")) as receiver:
        with suppress(http.client.RemoteDisconnected):
            post(receiver, b"{}", signed(b"{}"))

    read = as_json(receiver.captures[0])
    assert read["signature"]["ok"] and read["signature"]["key"] == 1
    assert read["contract"]["verdict"] == "invalid" and read["contract"]["violations"][0]["rule"] == "required"
    assert (read["status"], read["answer"], read["forwarded"]) == (None, "close", None)
    assert as_json(capture_of(forwarded=Forwarded(None, error="why")))["forwarded"] == {"status": None, "error": "why"}


def test_nothing_that_is_printed_holds_the_key() -> None:
    with Receiver(keys=[KEY]) as receiver:
        post(receiver)
        post(receiver, BODY, signed())

    told = [repr(receiver), repr(receiver.captures), *map(line, receiver.captures), *map(json_line, receiver.captures)]
    assert not [text for text in told if SECRET in text]
