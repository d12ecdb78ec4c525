"""`emitter listen --as`: a stand-in for a service on the command line."""

from __future__ import annotations

import queue
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emitter import clock
from emitter.cli.failures import FAILED
from emitter.cli.terminal import columns, note, paint, plain, say, wants_colour

if TYPE_CHECKING:
    from emitter.standins import Call, PagerDutySwitches, Standin, TeamsSwitches

_MARKS = {"documented": "32", "observed": "", "assumed": "33"}


def list_switches(service: str, given: Sequence[str]) -> None:
    """Print how a service can be made to behave, and how well that is known."""
    entries = _switches(service, given).entries()
    rows = [[each.name, each.value, each.allowed, each.mark] for each in entries]
    for line, entry in zip(
        columns(("SWITCH", "NOW", "ALLOWED", "KNOWN"), rows, paints=lambda column, text: _MARKS.get(text.strip(), "")),
        (None, *entries),
        strict=True,
    ):
        say(line)
        if entry is not None:
            say(f"  {paint(entry.why, '2')}")


def listen_as(
    service: str,
    given: Sequence[str],
    *,
    host: str,
    port: int,
    secrets: Sequence[str],
    respond: str | None,
    count: int | None,
    timeout: float | None,
    form: str,
) -> None:
    """Be that service until Ctrl-C, or until so many calls have come; exit 1 where one came to nothing."""
    from emitter.standins import make

    told: queue.SimpleQueue[Call | str] = queue.SimpleQueue()
    standin = make(
        service,
        switches=given,
        secrets=secrets,
        host=host,
        port=port,
        answers=respond,
        on_call=told.put,
        on_problem=told.put,
        keep=10_000,
    )
    with standin:
        try:
            _tell(service, standin, named=bool(secrets))
            came, bad = _follow(told, form, count, timeout)
        except KeyboardInterrupt:
            note(f"Stopped: {standin.told()}.")
            return
    if count is None:
        return
    note(f"{standin.service}: {standin.told()}.")
    if came < count:
        waited = f"{count} calls were" if count != 1 else "1 call was"
        note(f"Error: {waited} waited for, {came} came within {timeout:g} s.")
        sys.exit(FAILED)
    if bad:
        note(f"Error: {bad} of {count} came to nothing.")
        sys.exit(FAILED)


def _switches(service: str, given: Sequence[str]) -> TeamsSwitches | PagerDutySwitches:
    from emitter.standins import PagerDutySwitches, TeamsSwitches

    return TeamsSwitches().changed(given) if service == "teams" else PagerDutySwitches().changed(given)


def _tell(service: str, standin: Standin[Any], *, named: bool) -> None:
    from emitter.standins import TeamsWebhook
    from emitter.standins.pagerduty import CHANGES, ENQUEUE
    from emitter.standins.standin import STATE

    if isinstance(standin, TeamsWebhook):
        note(f"Standing in for a Teams Workflows webhook: {standin.where_to(named)}")
    else:
        keys = "the routing keys given" if named else "any routing key of 32 letters and digits"
        note(f"Standing in for PagerDuty: {standin.base}{ENQUEUE} and {standin.base}{CHANGES}, with {keys}")
    note(f"What there is: {standin.base}{STATE}    Stop: Ctrl-C")
    note(f"How it behaves, and what of that is assumed: emitter listen --as {service} --switches")


def _follow(
    told: queue.SimpleQueue[Call | str], form: str, count: int | None, timeout: float | None
) -> tuple[int, int]:
    """Show what comes until there is enough or time is up; how many calls came, and how many came to nothing."""
    from emitter.standins import json_line, line

    colour = wants_colour()
    deadline = None if timeout is None else clock.monotonic() + timeout
    came = bad = 0
    while count is None or came < count:
        try:
            found = told.get(timeout=None if deadline is None else max(deadline - clock.monotonic(), 0.0))
        except queue.Empty:
            break
        if isinstance(found, str):
            note(plain(found))
            continue
        say(json_line(found) if form == "json" else line(found, colour=colour))
        sys.stdout.flush()
        came += found.method == "POST"
        bad += found.method == "POST" and not found.passed
    return came, bad
