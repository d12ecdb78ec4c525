"""The values that travel from an event to what came of it: Webhook, Delivery, WireRequest, Answer, Attempt.

They are frozen and know nothing of how they are sent or kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from emitter.signing import SigningKey

BODY_CAP = 64 * 1024
HEADERS_CAP = 64 * 1024

Headers = tuple[tuple[str, str], ...]
new = tuple.__new__  # of a named tuple, past the function that takes its arguments by name: half the time


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registration: where every event goes, and how it is signed.

    `suppressed` (the app's flag) drops what comes; `paused` (ours) holds it. One that is not `listed` was made by
    `trigger --to`: it gets what it was made for, no fan-out, and the vendor's API does not show it.
    """

    id: str  # a UUID
    url: str
    number: int = 0  # the store's own, small and rising
    verify_tls: bool = True
    signing_key: SigningKey | None = None
    ca: str = ""  # a PEM file of authorities to trust instead of the system's
    http2: bool = False
    suppressed: bool = False
    paused: bool = False
    listed: bool = True
    created_at: int = 0


class Delivery(NamedTuple):
    """One event on its way to one webhook, across all its tries.

    `state` is `pending` until it is `accepted`, `rejected` (answered, never accepted), `failed` (never answered),
    `interrupted` (the process ended between sending and knowing) or `dropped` (the webhook was suppressed or removed).
    """

    id: int
    event_id: int
    webhook: Webhook
    due: int  # on the simulator's clock
    state: str = "pending"
    attempts: int = 0
    resend_of: int = 0  # the attempt that this repeats
    signature: Headers | None = None  # of the attempt that is repeated as it was; None: sign anew
    note: str = ""


class WireRequest(NamedTuple):  # a tuple for the same reason as Timing
    """One POST, to the byte: every header that leaves is stated here, in order.

    What follows `http2` is for faults: the length to declare instead of the true one, how many bytes a second to send,
    after how many bytes of the body to close.
    """

    url: str
    headers: Headers
    body: bytes
    verify_tls: bool = True
    ca: str = ""
    http2: bool = False
    declared_length: int | None = None
    pace: int | None = None
    cut_after: int | None = None


class Timing(NamedTuple):  # a tuple, as Answer is: made for every attempt, and five times quicker to make
    """Where an attempt's time went, in microseconds; each counts its own part only. None: it did not get there."""

    lookup: int | None = None
    connect: int | None = None
    tls: int | None = None
    first_byte: int | None = None  # from the request's last byte, or the connection where that is not known
    total: int = 0


class Answer(NamedTuple):
    """What came back for one POST. A refused connection is an answer, too: `status` is None and `failure` says why.

    `failure` is one word: `lookup`, `egress`, `connect`, `tls`, `send`, `closed` (without an answer), `timeout`,
    `protocol`; `phase` says how far a timeout got: `lookup`, `connect`, `tls`, `wait`, `headers` or `body`. A status
    with a failure is an answer that broke off.
    """

    status: int | None = None
    reason: str = ""
    headers: Headers = ()
    body: bytes = b""
    body_cut: bool = False  # the body was longer than BODY_CAP; the rest was not read
    failure: str = ""
    phase: str = ""
    error: str = ""  # in words, for people
    timing: Timing = Timing()
    address: str = ""  # what was dialled, as 127.0.0.1:8000

    @property
    def outcome(self) -> str:
        """`accepted` for a whole 2xx (assumed of the app), `rejected` for any other answer, `failed` for none."""
        return outcome_of(self.status, self.failure)


def outcome_of(status: int | None, failure: str) -> str:
    """Say what came of an attempt, given its status and what went wrong, "" for nothing: see `Answer.outcome`."""
    if status is None or failure:
        return "failed"
    return "accepted" if 200 <= status < 300 else "rejected"


class Attempt(NamedTuple):
    """One HTTP request of a delivery and its answer."""

    id: int
    delivery_id: int
    number: int  # 1 for the first
    started: int  # nanoseconds since 1970, wall time
    scheduled: int  # on the simulator's clock
    request: WireRequest
    answer: Answer | None = None  # None: still under way, or interrupted
    outcome: str = ""  # "" while under way; else accepted, rejected, failed, interrupted
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The pauses between the attempts of a delivery; no pauses, no retries."""

    pauses: Sequence[timedelta] = ()

    def next_due(self, attempt: Attempt) -> int | None:
        """Say when the attempt after this one is due, counted from when this one was scheduled; None: never."""
        if attempt.number > len(self.pauses):
            return None
        return attempt.scheduled + self.pauses[attempt.number - 1] // timedelta(microseconds=1) * 1000


def masked(url: str) -> str:
    """Show a target URL without what may be secret in it: userinfo and query become `***`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    _, at, host = parts.netloc.rpartition("@")
    netloc = f"***@{host}" if at else host
    return urlunsplit((parts.scheme, netloc, parts.path, "***" if parts.query else "", ""))
