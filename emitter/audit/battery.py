"""Makes the checks, one after the other within bounds, and puts what they found in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import SystemRandom

from emitter import clock
from emitter.audit.bench import Bench, Stopped, Target, Unreadable
from emitter.audit.ruling import unjudged
from emitter.audit.table import CHECKS, FIRST
from emitter.audit.values import Audit, Check, Kind, Result, Ruling, Status, in_order
from emitter.delivery import masked
from emitter.egress import Egress
from emitter.errors import UnknownName
from emitter.settings import Settings
from emitter.simulator import VERSION

UNANSWERED = "Nothing was answered"
_EXTRA = 10  # deliveries beside those of the checks: a look at whether the receiver still lives
_PATIENCE = 1.0  # seconds that a receiver has to come back


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of an audit: seconds, deliveries, and how long things take on purpose.

    `settle` is for how many seconds the probe has to show the same before that counts; 0: what it says at once.
    `pace` is how many seconds the slow client takes for a body.
    """

    seconds: float = 180.0
    deliveries: int = 20_000
    settle: float = 0.25
    pace: float = 1.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What an audit would send at most."""

    checks: tuple[Check, ...]
    deliveries: int
    seconds: float


def chosen(only: Sequence[str]) -> tuple[Check, ...]:
    """The checks of these names, or families; all where none is named. Raises `UnknownName`."""
    families = {each.family for each in CHECKS.values()}
    for name in only:
        if name not in CHECKS and name not in families:
            raise UnknownName("check", name, (*CHECKS, *sorted(families)))
    found = [each for each in CHECKS.values() if not only or each.name in only or each.family in only]
    return tuple(found if FIRST in found else (FIRST, *found))


def plan(only: Sequence[str] = (), *, limits: Limits | None = None, more: int = 0) -> Plan:
    """What would be sent at most; `more` are deliveries beside those of the checks."""
    limits = limits or Limits()
    checks = chosen(only)
    return Plan(checks, min(sum(each.most for each in checks) + _EXTRA + more, limits.deliveries), limits.seconds)


Told = Callable[[Check, int, int], None]
Part = Callable[[Bench, Audit], Audit]


def audit(
    target: Target,
    settings: Settings,
    *,
    only: Sequence[str] = (),
    limits: Limits | None = None,
    seed: int | None = None,
    watch: Told = lambda check, number, of: None,
    parts: Sequence[Part] = (),
    stopped: threading.Event | None = None,
    listeners: list[tuple[str, int]] | None = None,
) -> Audit:
    """Examine a receiver; `parts` go on with the same bench once the checks are made.

    `stopped` ends it early. `listeners` are where this process listens, which is never dialled.

    Raises what a target may be refused with, and `UnknownName` for a check that there is not; what the receiver does
    is part of what is found.
    """
    limits = limits or Limits()
    checks = chosen(only)
    egress = Egress(allow=settings.allow, listeners=lambda: listeners or ())
    for url in filter(None, (target.url, target.probe)):
        egress.check_url(url)
    began = clock.monotonic()
    seed = SystemRandom().getrandbits(48) if seed is None else seed
    with Bench(
        target, settings, seed=seed, most=limits.deliveries, deadline=began + limits.seconds, settle=limits.settle,
        pace=limits.pace, stopped=stopped, listeners=listeners,
    ) as bench:  # fmt: skip
        results, why = _checked(bench, checks, watch)
        found = Audit(
            url=masked(target.url), results=in_order(results), deliveries=bench.sent,
            seconds=clock.monotonic() - began, at=clock.wall(), version=VERSION, probe=masked(target.probe),
            reachable=bench.answered > 0, stopped=why,
        )  # fmt: skip
        for part in parts if not why else ():
            try:
                found = part(bench, found)
            except Stopped as error:
                found = replace(found, stopped=str(error))
            except Unreadable as error:
                found = replace(found, stopped=f"{error} What needs it was left out.")
        return replace(found, deliveries=bench.sent, seconds=clock.monotonic() - began)


def _checked(bench: Bench, checks: Sequence[Check], watch: Told) -> tuple[list[Result], str]:
    results: list[Result] = []
    stopped = reason = ""
    for number, check in enumerate(checks, start=1):
        if reason and not (check.name == "missing-signature" and bench.open_door):
            results.append(_result(check, unjudged(reason)))
            continue
        watch(check, number, len(checks))
        try:
            ruling = check.run(bench)
        except Stopped as error:
            reason = stopped = str(error)
            ruling = unjudged(reason)
        except Unreadable as error:
            ruling = unjudged(str(error))
        if not stopped and check is not FIRST and any(each.status is None for each in ruling.shots):
            try:
                gone = _gone(bench)
            except Stopped as error:  # nobody knows, and a bound is no fault of the receiver's
                reason, stopped, gone = str(error), str(error), ""
            if gone:
                reason = stopped = f"The receiver has not answered since {check.name}: {gone}."
                ruling = replace(
                    ruling, status=Status.FAILED, kind=Kind.UNSAFE,
                    found=f"It did not survive it: nothing is answered since. {ruling.found}",
                )  # fmt: skip
        results.append(_result(check, ruling))
        if check is FIRST and ruling.status is Status.FAILED and not bench.adopted:
            if bench.answered == 0:
                reason = stopped = f"{UNANSWERED}: {ruling.shots[0].error or ruling.shots[0].failure}."
            else:
                reason = "Nothing that was sent properly was accepted, so that a refusal says nothing."
                stopped = stopped or reason
    return results, stopped


def _gone(bench: Bench) -> str:
    """Why the receiver does not answer a proper delivery any more; "" where it does."""
    for again in (False, True):
        if again:
            clock.pause(min(_PATIENCE, max(bench.remaining, 0)))
        shot = bench.good("still there")
        if shot.status is not None:
            return ""
    return (shot.error or shot.failure).rstrip(".")


def _result(check: Check, ruling: Ruling) -> Result:
    return Result(
        check, ruling.status, ruling.kind or check.kind, ruling.found, follows=ruling.follows, shots=ruling.shots
    )
