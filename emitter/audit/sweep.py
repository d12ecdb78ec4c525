"""The same story under every reading that the documentation leaves open.

Whether the app signs in another way is not the receiver's fault: readings of the signature are told, and not scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from emitter.assumptions import Assumptions, register
from emitter.audit.bench import Bench, Stopped
from emitter.audit.ruling import failed, passed, unjudged
from emitter.audit.story import MOST, act, act_beside, begin
from emitter.audit.values import Audit, Check, Kind, Reading, Result, in_order
from emitter.query import AttemptQuery
from emitter.typed import duration_text

OWN = "(as it is assumed)"
VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "signing.prefix": ("sha256=", "v1="),
        "signing.header": ("X-Webhook-Signature",),
        "payload.app_base_url": ("https://acme.eu.immutacloud.com/marketplace",),
        "payload.account_id": ("12345",),
        "payload.link_product": ("{base}/products/{Id}",),
        "payload.link_data_sources": ("{base}/products/{Id}/sources",),
        "payload.link_requests": ("{base}/requests",),
        "events.pending_time": ("00:00",),
        "events.expiring_days": ("30,14,7,1", "none"),
        "events.delete_states": ("PENDING", "none"),
        "delivery.headers": ("Content-Type: application/json; charset=utf-8",),
        "delivery.in_flight": ("8",),
    }
)
"""What is tried of switches whose values are not a list."""

NOT_SENT = frozenset(
    {
        "signing.header_sha1", "signing.header_timestamp", "signing.header_id", "signing.timestamp",
        "events.masking_exceptions", "events.repeated_request", "delivery.timeout", "delivery.retry",
        "delivery.suppress_after", "test.payload", "test.scope", "test.in_history", "test.status_form",
        "history.status_words", "history.code_without_answer", "history.order", "paging.page_count_mode",
        "paging.pages_when_empty", "errors.style", "api.include_temporary", "api.put_missing",
    }
)  # fmt: skip
"""Switches that change nothing of what this story sends."""

CHECK = Check(
    "readings", "contents", "A product's whole life, under every reading that the documentation leaves open.",
    "2xx for all that is sent, under each.",
    "What is not documented may be either way, and may change without notice.",
    "what is open about the app (U1 to U24); `emitter assumptions` says why each is assumed as it is",
    "Depend on type, timestamp, data.dataProductId and data.dataProductName only, and take the rest as it comes.",
    Kind.WRONG, lambda bench: unjudged("It is asked for with --sweep."), 0,
    ("good-delivery", "every-type", "link-absent", "short-times", "other-ids", "unknown-members", "members-absent",
     "content-type", "test-event"),
)  # fmt: skip


def readings() -> Iterator[tuple[str, str, str]]:
    """Every reading but the assumed ones: its switch, its value, and the number of the open question."""
    for entry in register(Assumptions()):
        if entry.switch in NOT_SENT:
            continue
        choices = VALUES.get(entry.switch) or tuple(entry.allowed.split(" | "))
        for value in choices:
            if value != entry.default:
                yield entry.switch, value, entry.unknown


def most() -> int:
    """How many deliveries a sweep takes at most."""
    return (len(list(readings())) + 1) * MOST


def swept(watch: Callable[[str], None] = lambda words: None) -> Callable[[Bench, Audit], Audit]:
    """The part of an audit that tells the story under every reading."""

    def part(bench: Bench, found: Audit) -> Audit:
        told: list[Reading] = []
        stopped = ""
        try:
            for switch, value, unknown in ((OWN, "", ""), *readings()):
                watch(f"{switch}={value}")
                told.append(_told(bench, switch, value, unknown))
                if told[-1].deliveries and not told[-1].accepted and "no answer" in told[-1].found:
                    raise Stopped(f"The receiver did not answer under {switch}={value}, and was left alone then.")
        except Stopped as error:
            stopped = str(error)
        result = _result(told)
        return replace(
            found,
            results=in_order([*found.results, result]),
            readings=tuple(told[1:]),
            stopped=found.stopped or stopped,
        )

    return part


def _told(bench: Bench, switch: str, value: str, unknown: str) -> Reading:
    """Tell the story under one reading, through a webhook, as the app would."""
    bench.spend(MOST)
    patience = min(bench.timeout, max(bench.remaining / MOST, 0.05))  # so that all of it is over in time
    own = {} if switch == OWN else {switch: value}
    simulator = bench.open(
        {"delivery.in_flight": "1", "delivery.retry": "none", "delivery.suppress_after": "never",
         "delivery.timeout": duration_text(timedelta(milliseconds=round(1000 * patience))), **own}, start=begin(),
    )  # fmt: skip
    target = bench.target
    simulator.add_webhook(target.url, verify_tls=target.verify_tls, signing_key=target.signing_key, ca=target.ca)
    name = bench.product("reading").name
    act_beside(simulator, name)
    act(simulator, name)
    simulator.settle(max(bench.remaining, 0.1))
    attempts = simulator.attempts(AttemptQuery(limit=500))["attempts"]
    simulator.close(0.0)
    bench.spend(len(attempts) - MOST)
    bench.answered += sum(each["status"] is not None for each in attempts)
    wrong = Counter(
        f"{each['status'] or 'no answer'} for {each['type'].removeprefix('marketplace.data_product.')}"
        for each in attempts if each["outcome"] != "accepted"
    )  # fmt: skip
    accepted = len(attempts) - sum(wrong.values())
    if not wrong:
        words = f"all {accepted} accepted"
    elif not accepted:
        words = f"none of {len(attempts)} accepted: {wrong.most_common(1)[0][0].partition(' for ')[0]}"
    else:
        words = f"{accepted} of {len(attempts)} accepted: {', '.join(text for text, _ in wrong.most_common(3))}"
    return Reading(switch, value, unknown, len(attempts), accepted, words, not switch.startswith("signing."))


def _result(told: list[Reading]) -> Result:
    own = next((each for each in told if each.switch == OWN), None)
    if own is None or not own.accepted:
        ruling = unjudged("The story was not accepted as it is assumed, so that the readings say nothing.")
    else:
        wrong = [each for each in told if each.scored and each.accepted < each.deliveries and each.switch != OWN]
        if wrong:
            ruling = failed("; ".join(f"{each.switch}={each.value}: {each.found}" for each in wrong[:6]))
        else:
            ruling = passed(f"{sum(each.scored for each in told) - 1} readings, and all that was sent was accepted")
    return Result(CHECK, ruling.status, CHECK.kind, ruling.found)
