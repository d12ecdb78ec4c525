"""Captures: every form is read to the byte, and what cannot be read costs its piece and says why."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emitter.captures import Broken, Captured, Origin, read, read_history
from emitter.captures.reading import MOST_BROKEN
from emitter.captures.shapes import moment
from emitter.captures.shell import commands
from emitter.clock import parse_rfc3339
from emitter.errors import UsageError
from emitter.query import AttemptQuery
from emitter.receiver import json_line
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.support_captures import BODY, HEADERS, URL, bodies, forms

AT = parse_rfc3339("2030-01-31T09:00:00Z")
TELL_ANSWER = {"listen", "exchange", "HAR", "HAR, indented, with a byte order mark"}
TELL_WHEN = {*TELL_ANSWER, "recorder", "recorder, text", "a list"}
PATIENCE = 2.0  # seconds of processor that any capture may take


def found(raw: bytes) -> list[Captured | Broken]:
    """Everything that standard input holds."""
    return list(read(["-"], stdin=lambda: io.BytesIO(raw)))


def only(raw: bytes) -> Captured:
    [one] = found(raw)
    assert isinstance(one, Captured), one
    return one


def why(raw: bytes) -> str:
    [one] = found(raw)
    assert isinstance(one, Broken), one
    return one.why


# --- the forms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", forms())
def test_every_form_gives_the_request_to_the_byte(form: str) -> None:
    one = only(forms()[form])

    assert one.body == BODY
    assert one.exact
    assert one.method == "POST" and one.url == URL
    assert [pair for pair in one.headers if pair[0] in dict(HEADERS)] == list(HEADERS)
    assert one.at == (AT if form in TELL_WHEN else None)
    assert one.status == (200 if form in TELL_ANSWER else None)


@pytest.mark.parametrize("form", bodies())
def test_bodies_alone_are_read_to_the_byte_too(form: str) -> None:
    for one in found(bodies()[form]):
        assert isinstance(one, Captured)
        assert one.body == BODY or json.loads(one.body) == json.loads(BODY)
        assert (one.headers, one.method) == ((), "")


def test_what_the_simulator_exports_is_read_again(simulator: Simulator, receiver: Any) -> None:
    for kind in ("revoked", "sources-updated", "product-deleted"):
        simulator.trigger(TriggerSpec(type=kind, to=receiver.url, signing_key="k"))
    simulator.settle(10)
    sent = sorted(capture.body for capture in receiver.captures)

    for form in ("jsonl", "har", "curl"):
        whole = b"".join(simulator.export(AttemptQuery(), form))
        came = found(whole)

        assert sorted(one.body for one in came if isinstance(one, Captured)) == sent, form
        assert all(isinstance(one, Captured) and one.exact and one.url == receiver.url for one in came)
    history = list(read_history(simulator.export(AttemptQuery(), "jsonl")))
    assert [str(one.origin) for one in history] == ["attempt 3", "attempt 2", "attempt 1"]
    lines = "\n".join(json_line(capture) for capture in receiver.captures)
    assert sorted(one.body for one in found(lines.encode()) if isinstance(one, Captured)) == sent


def test_a_body_that_is_no_utf_8_comes_home_through_each_export(simulator: Simulator, receiver: Any) -> None:
    body = b'{"a":"\xff\xfe\n\'"}'
    simulator.trigger(TriggerSpec(body=body, allow_invalid=True, to=receiver.url))
    simulator.settle(10)

    for form in ("jsonl", "har", "curl"):
        assert only(b"".join(simulator.export(AttemptQuery(), form))).body == body, form


def test_requests_that_carry_nothing_are_left_out() -> None:
    looked = json.dumps({"method": "GET", "path": "/", "headers": [], "body": ""}).encode()
    http = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + forms()["raw HTTP"]

    assert len(found(looked + b"\n" + forms()["recorder"])) == 1
    assert only(http).body == BODY
    assert only(b"GET / HTTP/1.1\nHost: x\n\n" + forms()["raw HTTP"] + b"GET / HTTP/1.1\n\n\n").body == BODY
    assert only(b"curl http://x/health\n" + forms()["curl"]).body == BODY


def test_several_requests_stand_in_one_file() -> None:
    for form in ("raw HTTP", "raw HTTP, LF", "raw HTTP, chunked", "curl", "curl, piped"):
        assert [one.body for one in found(forms()[form] * 3) if isinstance(one, Captured)] == [BODY] * 3, form


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        ({"headers": {}, "body": {"a": 1}}, False),
        ({"headers": {}, "body": "a\ufffdb"}, False),
        ({"headers": {}, "body": "a"}, True),
        ({"log": {"entries": [{"request": {"method": "POST", "bodySize": 9, "postData": {"text": "{}"}}}]}}, False),
    ],
)
def test_a_form_that_does_not_keep_the_bytes_says_so(value: object, exact: bool) -> None:
    assert only(json.dumps(value).encode()).exact is exact


def test_a_body_whose_length_was_edited_is_not_exact() -> None:
    edited = forms()["raw HTTP"].replace(b'"data":', b'"data": ')

    one, whole = found(edited + b"\n" + forms()["raw HTTP"])

    assert isinstance(one, Captured) and not one.exact and one.body == BODY.replace(b'"data":', b'"data": ')
    assert isinstance(whole, Captured) and whole.exact


@pytest.mark.parametrize(
    ("value", "nanoseconds"),
    [
        ("2030-01-31T09:00:00Z", AT), ("2030-01-31T10:00:00.5+01:00", AT + 500_000_000),
        ("2030-01-31T09:00:00.000000001Z", AT + 1), ("2030-01-31T09:00:00.5Z", AT + 500_000_000),
        (AT // 10**9, AT), (AT / 10**9 + 0.5, AT + 500_000_000), (AT // 10**6, AT), (AT // 1000, AT), (AT, AT),
        ("yesterday", None), (None, None), (-1, None), (True, None), (1e30, None), (float("nan"), None),
    ],
)  # fmt: skip
def test_a_moment_is_read_in_any_unit(value: object, nanoseconds: int | None) -> None:
    assert moment(value) == nanoseconds


# --- curl -------------------------------------------------------------------------------------------------------------

WORDS = r"""plain 'single "quoted"' "double 'quoted' \"\\\$\` \n" $'ansi \'\"\\\n\t\x41\101\u00e9\e' \
mi'x'"e"d \a\ b "" '' con\
tinued "li\
ne" a#b $'\\' 'ü' $'\u20ac' '#' -d@x "a\!b" """


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to compare with")
def test_words_are_what_a_shell_makes_of_them() -> None:
    script = f"printf '%s\\0' {WORDS}"
    bash = subprocess.run(["bash", "-c", script], capture_output=True, env={"LC_ALL": "C.UTF-8"}, check=True).stdout

    [command] = commands(script.encode().decode("latin-1"))

    assert [word.text.encode("latin-1") for word in command.words[2:]] == bash.split(b"\0")[:-1]


@pytest.mark.parametrize(
    ("command", "body", "method"),
    [
        ("curl -d a=1 -d b=2 http://x", b"a=1&b=2", "POST"),
        ("curl --json '{\"a\":' --json '1}' http://x", b'{"a":1}', "POST"),
        ("curl -sSXPUT -d'{}' http://x", b"{}", "PUT"),
        ("curl --data-raw @x http://x", b"@x", "POST"),
        ("curl -o out -w '%{http_code}' --max-time 5 -d 1 http://x", b"1", "POST"),
        ("curl -X POST http://x", b"", "POST"),
        ("echo '{\"a\": 1}' | curl -d @- http://x", b'{"a": 1}', "POST"),
        ("echo '{}' | curl --data-binary @- http://x", b"{}\n", "POST"),
        ('curl -d "5 $" http://x', b"5 $", "POST"),
        ("curl -d 5$ http://x", b"5$", "POST"),
        ("cd /tmp && curl -d 1 http://x; echo done | cat", b"1", "POST"),
        ("/usr/bin/curl -d 1 -- http://x", b"1", "POST"),
    ],
)
def test_options_mean_what_they_mean_to_curl(command: str, body: bytes, method: str) -> None:
    one = only(command.encode())

    assert (one.body, one.method, one.url) == (body, method, "http://x")


def test_headers_of_curl_are_read_as_curl_sends_them() -> None:
    one = only(b"curl -H 'A: 1' -H 'B;' -H 'C:' -A me --json '{}' http://x")

    assert one.headers == (
        ("A", "1"), ("B", ""), ("User-Agent", "me"), ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("curl -d @{secret} http://x", "stands in a file"), ("curl --json @{secret} http://x", "stands in a file"),
        ("curl -H @{secret} -d 1 http://x", "stand in a file"), ("curl -K {secret} -d 1", "stand in a file"),
        ("curl -T {secret} http://x", "sends a file"), ("curl -F a=@{secret} http://x", "posts a form"),
        ("cat {secret} | curl -d @- http://x", "comes from another command"),
        ("curl -d @- http://x < {secret}", "comes from another command"),
        ('curl -d "$(cat {secret})" http://x', "only a shell could fill in"),
        ("curl -d `cat {secret}` http://x", "only a shell could fill in"),
        ('curl -d "$BODY" http://x', "only a shell could fill in"),
        ("curl --data-urlencode a=1 http://x", "posts a form"), ("curl http://x -d", "-d wants a value"),
    ],
)  # fmt: skip
def test_nothing_that_a_command_names_is_opened_and_nothing_is_run(command: str, text: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("very secret")

    [*_, last] = found(b"curl http://y\n" + command.format(secret=secret).encode())

    assert isinstance(last, Broken) and text in last.why
    assert "very secret" not in repr(last)


def test_an_unclosed_quote_ends_the_script_and_says_where() -> None:
    first, last = found(b"curl -d 1 http://x\n\ncurl -d '2 http://x\n")

    assert isinstance(first, Captured) and isinstance(last, Broken)
    assert "a single quote is opened and never closed" in last.why


# --- what cannot be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "it is empty"), (b" \n\n ", "it is empty"), (b"\x1f\x8b\x08\x00", "compressed with gzip"),
        (b"PK\x03\x04", "ZIP"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"SQLite format 3\0", "--history --store FILE"),
        (b"\xd4\xc3\xb2\xa1\x02", "pcap"), (b"\x0a\x0d\x0d\x0a\x1c", "pcapng"),
        (BODY.decode().encode("utf-16"), "UTF-16"),
        (BODY.decode().encode("utf-16-le"), "UTF-16"), (BODY.decode().encode("utf-32-be"), "UTF-16 or UTF-32"),
        (b"\x00\x01\x02", "binary"), (b"\xff", "not UTF-8"), (b"caf\xe9 " * 10, "not UTF-8"),
        (b"1234:9:websocket;", "mitmproxy"), (b"<html></html>", "XML or HTML"), (b"hello", 'begins with "hello"'),
        (b"HTTP/1.1 200 OK\r\n\r\n", "an answer, and no request"), (b"Invoke-WebRequest -Uri x", "PowerShell"),
        (b'curl "http://x" ^\r\n  -H "a: b"', "Windows' cmd"),
        (b'{"log":{"entries":[{"request', "it begins as a HAR file"),
        (b'{"log":{}}', "no list log.entries"), (b'{"log":{"entries":[]}}', "has a body"),
        (b'{"log":{"entries":[{"request":{"method":"GET"}}]}}', "A browser keeps only"),
        (b'{"log":{"entries":[{"request":{"method":"POST","bodySize":5}}]}}', "5 bytes was left out"),
        (b'{"log":{"entries":[{"request":{"method":"POST","postData":{"params":[{}]}}}]}}', "posts a form"),
        (b'{"log":{"entries":[{"request":{"method":"POST","postData":{"text":"*","encoding":"base64"}}}]}}',
         "no base64"),
        (b'{"bodyBase64":"*","headers":{}}', "no base64"), (b'{"body":1,"headers":{}}', "neither a text nor an object"),
        (b'{"request":[]}', "no object"), (b'{"request":{"method":"POST"}}', "there is no body in it"),
        (b"POST / HTTP/1.1\r\nHost: x\r\n", "breaks off within its head"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{", "breaks off: 1 bytes of a body of 9"),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n{}", "no number"),
        (b"POST / HTTP/1.1\r\nno header\r\n\r\n{}", "is no header"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz", "no size of a chunk"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}", "within a chunk"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", "longer than its size"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_what_it_seems_to_be(raw: bytes, text: str) -> None:
    assert text in why(raw)


@pytest.mark.parametrize("raw", [b"{", b"[]", b"[1]", b'"x"', b"12", b"null", b'{"a":NaN}', b"{'a':1}"])
def test_json_that_is_no_event_is_a_body_for_the_contract_to_judge(raw: bytes) -> None:
    assert only(raw).body == raw


def test_a_broken_line_costs_that_line() -> None:
    raw = BODY + b"\n" + BODY[:50] + b"\n\n" + b"\xff\n" + BODY + b"\nplain\n" + BODY

    came = found(raw)

    assert [type(one) for one in came] == [Captured, Broken, Broken, Captured, Broken, Captured]
    assert [one.origin.line for one in came] == [1, 2, 4, 5, 6, 7]
    assert "breaks off after 50 bytes" in came[1].why  # type: ignore[union-attr]  # it is a Broken


def test_lines_are_found_behind_what_a_program_says_first() -> None:
    raw = b"Listening on http://127.0.0.1:3000/\n" + BODY[:20] + b"\n" + forms()["recorder"] + b"\n"

    assert [type(one) for one in found(raw)] == [Broken, Broken, Captured]


def test_a_broken_entry_or_request_costs_only_itself() -> None:
    har = json.loads(forms()["HAR"])
    har["log"]["entries"][1:] = ["x", *har["log"]["entries"]]
    http = b"POST / HTTP/1.1\nbad\n\n{}\n" + forms()["raw HTTP"]

    assert [type(one) for one in found(json.dumps(har).encode())] == [Captured, Broken, Captured]
    assert [str(one.origin) for one in found(http)] == ["standard input:1", "standard input:5"]


def test_what_stands_in_the_chunks_of_a_broken_body_is_no_request() -> None:
    inner = b"POST /inner HTTP/1.1\nContent-Length: 2\n\n{}"
    broken = b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n%x\n%b\nzz\n" % (len(inner), inner)

    assert [type(one) for one in found(broken + forms()["raw HTTP"])] == [Broken, Captured]


def test_a_file_is_given_up_after_a_thousand_broken_pieces_in_a_row() -> None:
    raw = BODY + b"\n" + b"x\n" * 5000 + BODY + b"\n"

    came = found(raw)

    assert len(came) == 1 + MOST_BROKEN + 1
    assert "the rest of the file is not looked at" in came[-1].why  # type: ignore[union-attr]  # it is a Broken


# --- files and folders ------------------------------------------------------------------------------------------------


def test_a_folder_is_read_in_order_by_suffix(tmp_path: Path) -> None:
    for name, raw in {
        "b/two.har": forms()["HAR"], "a.json": BODY, "b/one.jsonl": BODY + b"\n" + BODY, "notes.txt": b"none",
        "c.http": forms()["raw HTTP"], "d.sh": forms()["curl"],
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(raw)

    places = [str(one.origin).removeprefix(f"{tmp_path}/") for one in read([str(tmp_path)])]

    assert places == ["a.json", "b/one.jsonl:1", "b/one.jsonl:2", "b/two.har, entry 1", "c.http:1", "d.sh:1"]


@pytest.mark.parametrize(
    ("source", "text"), [("nowhere", "No such file"), (".", "there is no *.json"), ("a\0b", "null")]
)
def test_a_source_that_is_not_there_is_told_before_anything_is_read(
    source: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match=text.replace("*", r"\*")):
        read(["-", source])


def test_the_form_is_told_by_the_content_and_not_by_the_name(tmp_path: Path) -> None:
    for name, raw in forms().items():
        file = tmp_path / "capture.json"
        file.write_bytes(raw)

        assert [one.body for one in read([str(file)]) if isinstance(one, Captured)] == [BODY], name


def test_places_are_named_for_people() -> None:
    assert str(Origin("x.har", entry=3)) == "x.har, entry 3"
    assert str(Origin("x.jsonl", line=17)) == "x.jsonl:17"
    assert str(Origin("-", line=2)) == "standard input:2"
    assert str(Origin("x.json")) == "x.json"


# --- hostile captures -------------------------------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """A stream that begins somehow, and then says the same for ever."""

    def __init__(self, begun: bytes, again: bytes) -> None:
        self._left, self._again = begun, again * (8192 // len(again) + 1)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or self._again
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def endless(begun: bytes, again: bytes) -> Iterator[Captured | Broken]:
    stream = io.BufferedReader(Endless(begun, again))
    return read(["-"], stdin=lambda: stream)


def test_lines_are_read_as_they_come_however_many_will() -> None:
    stream = endless(BODY + b"\n", BODY + b"\n")

    assert [next(stream).origin.line for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("begun", "again"),
    [(b"", b"\0"), (b"", b" "), (b"", b"x\n"), (b"", b"x"), (b"{", b'"a":1,'), (BODY + b"\n{", b'"a":1,'), (b"", b"["),
     (b"POST / HTTP/1.1\n", b"a: b\n"), (b"POST / HTTP/1.1\n\n", b"x"), (b"curl ", b"a "), (b"curl -d '", b"x"),
     (b"curl x\n{", b"x"), (b'{"log":{"entries":[', b"1,")],
    ids=repr,
)  # fmt: skip
def test_what_never_ends_is_refused_in_time(begun: bytes, again: bytes) -> None:
    before = time.process_time()

    came = list(endless(begun, again))

    assert isinstance(came[-1], Broken)
    assert time.process_time() - before < PATIENCE


def within_chunks(size: int) -> bytes:
    """Requests, each of which holds all that follow in its first chunk, and breaks off behind them."""
    begun = b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n%08x\n"
    length = len(begun % 0)
    many = min(MOST_BROKEN - 1, size // length)
    heads = b"".join(begun % (size - length * number) for number in range(1, many + 1))
    return heads + b"x" * (size - len(heads)) + b"\nzz"


HOSTILE: dict[str, Callable[[int], bytes]] = {  # of so many bytes, about
    "deep": lambda size: b"[" * size,
    "deep objects": lambda size: b'{"a":' * (size // 5),
    "a deep HAR": lambda size: b'{"log":' + b"[" * size,
    "many empty values": lambda size: b'{"log":{"entries":[' + b"[]," * (size // 3) + b"1]}}",
    "chunks": lambda size: b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n" + b"1\na\n" * (size // 4),
    "chunks within chunks": within_chunks,
    "request lines": lambda size: b"GET / HTTP/1.1\n" * (size // 15),
    "heads": lambda size: b"POST / HTTP/1.1\nContent-Length: 9\n\n" * (size // 35),
    "headers": lambda size: b"POST / HTTP/1.1\n" + b"a: b\n" * (size // 5),
    "quotes": lambda size: b"curl -d '" + b"'x'" * (size // 3),
    "dollars": lambda size: b'curl -d "' + b"$" * size + b'"',
    "backslashes": lambda size: b"curl -d " + b"\\a" * (size // 2),
    "pipes": lambda size: b"curl -d x http://x\n" + b"a|" * (size // 2),
    "words": lambda size: b"curl -d x " + b"a " * (size // 2),
    "documents": lambda size: b"{\n}\n" * (size // 4),
    "half a surrogate": lambda size: b'{"a":[' + b'"\\ud800",' * (size // 9) + b"1]}",
    "digits": lambda size: b"1" * size,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_answered_in_time(name: str) -> None:
    raw = HOSTILE[name](150_000)
    before = time.process_time()

    came = found(raw)

    assert came
    assert time.process_time() - before < PATIENCE


@pytest.mark.acceptance
@pytest.mark.parametrize("size", [4 * 1024 * 1024 - 100, 64 * 1024 * 1024 - 100, 100_000_000])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_and_large_is_answered_in_time_too(name: str, size: int) -> None:
    raw = HOSTILE[name](size)
    before = time.process_time()

    assert found(raw)
    assert time.process_time() - before < PATIENCE


@pytest.mark.acceptance
@pytest.mark.parametrize("size", [60_000_000, 100_000_000])
def test_a_large_har_is_read_or_refused_in_time(size: int) -> None:
    entry = forms()["HAR"].replace(b'"status": 200', b'"status": 200, "content": {"text": "%b"}' % (b"x" * 4000))
    [whole] = json.loads(entry)["log"]["entries"]
    one = json.dumps(whole).encode()
    raw = b'{"log":{"entries":[' + b",".join([one] * (size // len(one))) + b"]}}"
    before = time.process_time()

    count = sum(isinstance(each, Captured) for each in read(["-"], stdin=lambda: io.BytesIO(raw)))

    assert count in (0, size // len(one))
    assert time.process_time() - before < PATIENCE
