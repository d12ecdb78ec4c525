"""Settle assumptions by what a real app has sent: one captured delivery is enough for many of them.

What a capture does not decide stays open, and it is said which capture would decide it. The key is used and never told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emitter.assumptions import Assumptions
from emitter.captures import Captured
from emitter.catalog import Catalog
from emitter.contract.calibrate_body import body_rulings
from emitter.contract.calibrate_links import link_rulings
from emitter.contract.calibrate_request import body_facts, header_rulings, request_facts
from emitter.contract.calibrate_signing import signing_rulings
from emitter.contract.ruling import CHANGED, CONFIRMED, OPEN, Bench, Ruling, seen
from emitter.signing import SigningKey

MOST = 2000  # captures that are looked at: one settles what can be settled, a few more what one leaves in doubt
LARGEST = 64 * 1024 * 1024  # bytes of their bodies

# What no capture of a request shows, and what would show it.
_ELSEWHERE = {
    "events.": "It shows in which events the app sends for what people do, not in one of them.",
    "delivery.timeout": "A receiver that answers late shows it: `emitter listen --respond 200:15s`.",
    "delivery.retry": "A receiver that answers 500 shows it: capture what comes again, and when.",
    "delivery.suppress_after": "A receiver that answers 500 for long, and the flag `suppressed` in the app's API.",
    "delivery.fan_out": "Two captures of one event with two kinds of people to notify would show it.",
    "delivery.in_flight": "It shows in deliveries that overlap at a slow receiver.",
    "test.scope": "It shows in where a test arrives when the app has two webhooks.",
    "test.": "The app's API shows it: the answer to a test, and the history behind it.",
    "history.": "The answer of the app's API to a webhook's history shows it.",
    "paging.": "The answer of the app's API to a webhook's history shows it.",
    "errors.": "An error of the app's API shows it.",
    "api.": "A PUT without verifyTls at the app's API shows it.",
    "signing.timestamp": "It is about this simulator's clock, not about the app.",
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """What captures settle: a ruling for every switch, facts that no switch stands for, and remarks."""

    rulings: tuple[Ruling, ...]
    facts: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    captures: int
    signature: str  # "found", "not found", "no key", "none there"

    def of(self, *states: str) -> tuple[Ruling, ...]:
        """The rulings in these states."""
        return tuple(each for each in self.rulings if each.state in states)

    @property
    def settled(self) -> tuple[Ruling, ...]:
        """What the captures decide."""
        return self.of(CONFIRMED, CHANGED)

    @property
    def open(self) -> tuple[Ruling, ...]:
        """What they leave open."""
        return self.of(OPEN)


def calibrate(
    captures: Iterable[Captured], *, assumptions: Assumptions, catalog: Catalog, keys: Sequence[SigningKey] = ()
) -> Calibration:
    """Rule on every assumption by some captures and, where there is one, the key that they were signed with."""
    found, size = [], 0
    for captured in captures:
        found.append(seen(captured, catalog))
        size += len(captured.body)
        if len(found) >= MOST or size >= LARGEST:
            break
    bench = Bench(assumptions)
    signing, remarks, state, taken = signing_rulings(found, keys, bench)
    rulings = {each.switch: each for each in signing}
    for each in (
        *body_rulings(found, bench), *link_rulings(found, bench), *header_rulings(found, bench, taken=taken, keys=keys),
    ):  # fmt: skip
        rulings[each.switch] = each
    for switch in bench.switches:
        if switch not in rulings:
            rulings[switch] = bench.leave(switch, _elsewhere(switch))
    return Calibration(
        rulings=tuple(rulings[switch] for switch in bench.switches),
        facts=(*body_facts(found), *request_facts(found)),
        remarks=tuple(remarks),
        captures=len(found),
        signature=state,
    )


def _elsewhere(switch: str) -> str:
    return next((hint for name, hint in _ELSEWHERE.items() if switch.startswith(name)), "No capture shows it.")
