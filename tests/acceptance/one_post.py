"""One attempt is one POST: receivers that close or reset, and what they saw beside what the history says."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from emitter.assumptions import Assumptions
from emitter.query import AttemptQuery
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.acceptance.protocol import Protocol
from tests.support_receivers import NO_CONTENT, Authority, Conversation, RawReceiver

EVENTS = 120
PART = 50  # bytes of a body: up to its timestamp, which no two events share


def run(protocol: Protocol) -> None:
    about = (
        "Connections that are closed or reset before, while and after the next request is read, plain and over TLS; "
        f"{EVENTS} events each, in order and with eight in flight, no retries."
    )
    with protocol.section("One attempt, one POST", about), tempfile.TemporaryDirectory() as folder:
        authority = Authority.make(Path(folder))
        for tls in (False, True):
            for moment in MOMENTS:
                for end in ("close", "reset"):
                    for in_flight in (1, 8):
                        _one(protocol, authority, tls=tls, moment=moment, end=end, in_flight=in_flight)


def before(conversation: Conversation) -> None:
    """Two requests are answered, then it ends while idle."""
    for _ in range(2):
        conversation.read()
        conversation.send(NO_CONTENT)


def while_reading(conversation: Conversation) -> None:
    """Two are answered; of the third the head and a part of the body are read."""
    before(conversation)
    head = conversation.read_head()
    part = conversation.read_bytes(PART)
    conversation._seen.add(head + part)


def after(conversation: Conversation) -> None:
    """Two are answered; the third is read to its end, and not answered."""
    before(conversation)
    conversation.read()


def in_the_answer(conversation: Conversation) -> None:
    """Two are answered; the third gets half an answer."""
    after(conversation)
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


MOMENTS: dict[str, Callable[[Conversation], None]] = {
    "before it reads": before,
    "while it reads": while_reading,
    "after it has read": after,
    "in the middle of its answer": in_the_answer,
}


def _one(protocol: Protocol, authority: Authority, *, tls: bool, moment: str, end: str, in_flight: int) -> None:
    def script(conversation: Conversation) -> None:
        MOMENTS[moment](conversation)
        (conversation.close if end == "close" else conversation.reset)()

    settings = Settings(
        store=None, ca=authority.pem, assumptions=Assumptions().override("delivery.in_flight", str(in_flight))
    )
    with RawReceiver(script, tls=authority.context() if tls else None) as receiver, Simulator(settings) as simulator:
        simulator.add_webhook(receiver.url)
        simulator.trigger(TriggerSpec(type="access-revoked", count=EVENTS))
        assert simulator.settle(60)
        rows = simulator.history.every(AttemptQuery())
        attempts = {bytes(row.body): row.outcome for row, _ in rows}
        seen = Counter(request.partition(b"\r\n\r\n")[2] for request in receiver.requests)
    wrong, outcomes = compare(attempts, seen, unseen_may_fail=moment == "before it reads")
    what = f"{'TLS' if tls else 'plain'}, {end} {moment}, {in_flight} in flight"
    told = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    found = f"{told}; {seen.total()} seen" + (f"; {'; '.join(wrong[:3])}" if wrong else "")
    protocol.check(what, found, "equal, request by request", not wrong and outcomes.total() == EVENTS)


def compare(
    attempts: dict[bytes, str], seen: Counter[bytes], *, unseen_may_fail: bool
) -> tuple[list[str], Counter[str]]:
    """Hold the history against what was seen, request by request; a request that was cut off is known by its start."""
    wrong = []
    for body, outcome in attempts.items():
        count = sum(times for part, times in seen.items() if part and body.startswith(part) and (
            part == body or len(part) == PART))  # fmt: skip
        if count > 1:
            wrong.append(f"{count} POSTs for one attempt that is {outcome}")
        if not count and (outcome != "failed" or not unseen_may_fail):
            wrong.append(f"an attempt that is {outcome} and was never seen")
    known = {body for body in attempts} | {body[:PART] for body in attempts}
    wrong += ["a request that no attempt made" for part in seen if part not in known]
    return wrong, Counter(attempts.values())
