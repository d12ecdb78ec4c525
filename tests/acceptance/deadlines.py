"""Receivers that keep us waiting, each in its own way: every attempt ends in time, and is classed by how far it got."""

from __future__ import annotations

import gzip
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from emitter.assumptions import Assumptions
from emitter.query import AttemptQuery
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.acceptance.protocol import Protocol
from tests.support_bulkheads import hanging_names
from tests.support_receivers import Authority, Conversation, RawReceiver

TIMEOUT, SLACK = 1.0, 0.25
WARM, BODIES = 600, 900  # SQLite's page cache (32 MiB) is full after the first

Script = Callable[[Conversation], None]


def drips_headers(conversation: Conversation) -> None:
    conversation.read()
    conversation.send(b"HTTP/1.1 200 OK\r\n")
    conversation.drip(b"X-Drop: 1\r\n", every=0.05)


def drips_body(conversation: Conversation) -> None:
    conversation.read()
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    conversation.drip(b"x", every=0.05)


def drips_chunks(conversation: Conversation) -> None:
    conversation.read()
    conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    conversation.drip(b"1\r\nx\r\n", every=0.05)


def never_answers(conversation: Conversation) -> None:
    conversation.read()
    conversation.hold()


def interim_forever(conversation: Conversation) -> None:
    conversation.read()
    conversation.drip(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", every=0.05)


def interim_flood(conversation: Conversation) -> None:
    conversation.read()
    while True:
        conversation.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 50)


def never_reads(conversation: Conversation) -> None:
    conversation.hold()


def body_without_end(conversation: Conversation) -> None:
    conversation.read()
    conversation.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        conversation.send(b"y" * 65536)


BOMB = gzip.compress(bytes(100_000_000))  # 97 kB


def gzip_bomb(conversation: Conversation) -> None:
    while True:
        conversation.read()
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
        conversation.send(head + BOMB)


# What hangs, and how the record is to class it: failure, phase.
RECEIVERS: dict[str, tuple[Script, tuple[str, str]]] = {
    "drips its headers": (drips_headers, ("timeout", "headers")),
    "drips its body": (drips_body, ("timeout", "body")),
    "drips chunks": (drips_chunks, ("timeout", "body")),
    "never answers": (never_answers, ("timeout", "wait")),
    "answers 103 for ever": (interim_forever, ("timeout", "headers")),
    "floods with 102": (interim_flood, ("protocol", "headers")),
    "never reads (a body of 900 kB)": (never_reads, ("timeout", "wait")),
}


@contextmanager
def full_backlog() -> Iterator[str]:
    """A port whose queue is full: a connection to it is neither taken nor refused."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def run(protocol: Protocol) -> None:
    about = f"delivery.timeout={TIMEOUT:g}s; each of them alone, and then all at once."
    with protocol.section("Deadlines", about), tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        authority = Authority.make(Path(folder))
        stack.enter_context(hanging_names())
        targets = {what: (stack.enter_context(RawReceiver(script)).url, expected)
                   for what, (script, expected) in RECEIVERS.items()}  # fmt: skip
        for what in ("never answers", "drips its body"):
            script, expected = RECEIVERS[what]
            secure = stack.enter_context(RawReceiver(script, tls=authority.context()))
            targets[f"{what}, over TLS"] = secure.url, expected
        silent = stack.enter_context(RawReceiver(never_reads))
        targets["never says hello in TLS"] = silent.url.replace("http:", "https:"), ("timeout", "tls")
        targets["never takes the connection"] = stack.enter_context(full_backlog()), ("timeout", "connect")
        targets["has a name that never resolves"] = "http://receiver.hang.test/", ("timeout", "lookup")
        settings = Settings(
            store=None, ca=authority.pem, assumptions=Assumptions().override("delivery.timeout", f"{TIMEOUT:g}s")
        )
        with Simulator(settings) as simulator:
            for what, (url, expected) in targets.items():
                _one(protocol, simulator, what, url, expected)
            began = time.monotonic()
            for _, (url, _) in targets.items():
                simulator.trigger(_spec(url))
            settled = simulator.settle(TIMEOUT * 5)
            took = time.monotonic() - began
            protocol.check(f"all {len(targets)} at once, until all are over", f"{took:.3f} s",
                           f"at most {TIMEOUT + SLACK:g} s", settled and took <= TIMEOUT + SLACK)  # fmt: skip
    about = f"{WARM + BODIES:,} answers of each kind, eight at once: kept to 64 KiB, never unpacked, memory flat."
    with protocol.section("Deadlines: bodies without end", about):
        for what, script in {"a body without end": body_without_end, "100 MB of zeros as gzip": gzip_bomb}.items():
            with tempfile.TemporaryDirectory() as folder:
                _bodies(protocol, Path(folder), what, script)


def _spec(url: str) -> TriggerSpec:
    return TriggerSpec(type="access-revoked", to=url)


def _large(url: str) -> TriggerSpec:
    body = b'{"timestamp":"2030-01-01T00:00:00Z","data":{"x":"%s"},"type":"x"}' % (b"x" * 900_000)
    return TriggerSpec(body=body, allow_invalid=True, to=url)


def _one(protocol: Protocol, simulator: Simulator, what: str, url: str, expected: tuple[str, str]) -> None:
    began = time.monotonic()
    [event] = simulator.trigger(_large(url) if "900 kB" in what else _spec(url))
    [delivery] = simulator.deliveries([event["deliveries"][0]["id"]], wait=TIMEOUT * 5)
    took = time.monotonic() - began
    [attempt] = delivery["attempts"]
    found = simulator.attempt(attempt["id"])
    phase = (found["answer"] or {}).get("phase", "")
    early = expected[0] == "timeout" and took < TIMEOUT * 0.9
    protocol.check(
        what, f"{took:.3f} s, {attempt['failure']} {phase}: {attempt['error']}",
        f"at most {TIMEOUT + SLACK:g} s, {' '.join(expected)}",
        took <= TIMEOUT + SLACK and not early and (attempt["failure"], phase) == expected,
    )  # fmt: skip


def _bodies(protocol: Protocol, folder: Path, what: str, script: Script) -> None:
    assumptions = Assumptions().override("delivery.in_flight", "8")
    settings = Settings(store=folder / "store.sqlite", assumptions=assumptions)
    with RawReceiver(script) as receiver, Simulator(settings) as simulator:
        simulator.add_webhook(receiver.url)
        simulator.trigger(TriggerSpec(type="access-revoked", count=WARM))
        assert simulator.settle(60)
        before = _resident()
        simulator.trigger(TriggerSpec(type="access-revoked", count=BODIES))
        assert simulator.settle(60)
        grown = _resident() - before
        found = [wire.answer for _, wire in simulator.history.every(AttemptQuery())]
        lengths = {len(answer.body) for answer in found if answer}
        cut = all(answer is not None and answer.body_cut for answer in found)
        packed = script is body_without_end or all(answer and answer.body == BOMB[: 64 * 1024] for answer in found)
    protocol.check(f"{what}: bytes kept of each body", lengths, "65,536, and it says that it was cut",
                   lengths == {65536} and cut and packed)  # fmt: skip
    protocol.check(f"{what}: memory gained by the last {BODIES} of them, in MB", f"{grown / 1e6:.1f}", "less than 10",
                   grown < 10e6)  # fmt: skip


def _resident() -> int:
    """Bytes of this process's own memory, without what is mapped from files."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024
