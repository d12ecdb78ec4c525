"""The audits that a simulator was asked for: one at a time, on a thread of its own, within bounds; what they found.

Keys and the headers of a probe are the thread's alone: they are neither kept nor told.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from emitter import clock
from emitter.audit.battery import Limits, Part, audit, plan
from emitter.audit.bench import Target
from emitter.audit.report import as_text, outcome, to_json
from emitter.audit.values import Audit
from emitter.clock import rfc3339
from emitter.delivery import masked
from emitter.egress import Egress, is_loopback
from emitter.errors import BadValue, Conflict, EmitterError, NotFound, UsageError, nearest
from emitter.signing import SigningKey
from emitter.simulator import Simulator
from emitter.typed import duration

RUNNING, CANCELLED, BROKEN = "running", "cancelled", "error"
FORMS = ("json", "text", "junit", "html", "badge")
KEPT = 20  # audits that are over
LONGEST = 3600.0  # seconds
MOST_DELIVERIES = 100_000
MOST_INTERLEAVINGS = 10_000
LONGEST_SETTLING = 30.0  # seconds
_PATIENCE = 15.0  # seconds that an audit may take to notice that it is to end

Json = dict[str, Any]


@dataclass(slots=True)
class _One:
    """An audit, without its keys."""

    id: str
    url: str
    probe: str
    fail_under: int | None
    checks: int
    most: int
    at: int
    stopped: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    words: str = ""
    done: int = 0
    state: str = RUNNING
    error: str = ""
    found: Audit | None = None


class Audits:
    """The audits of one simulator; they end with it."""

    def __init__(self, simulator: Simulator) -> None:
        self._settings, self._listeners = simulator.settings, simulator.shared.listeners
        self._all: OrderedDict[str, _One] = OrderedDict()
        self._numbers = 0
        self._lock = threading.Lock()
        simulator.dependants.append(self.stop)

    def start_audit(
        self,
        url: str,
        *,
        signing_key: str = "",
        old_key: str = "",
        verify_tls: bool = True,
        ca: str = "",
        probe: str = "",
        probe_headers: Sequence[tuple[str, str]] = (),
        only: Sequence[str] = (),
        interleavings: int = 0,
        sweep: bool = False,
        fail_under: int | None = None,
        deadline: str = "5m",
        most: int = 20_000,
        settle: str = "250ms",
        seed: int | None = None,
        yes: bool = False,
        wait: float = 0.0,
    ) -> Json:
        """Begin to examine the receiver at `url`, as `emitter audit` does; waits up to `wait` seconds for the end.

        `yes` says that another machine may be sent to. Raises what a target may be refused with, `UnknownName` for a
        check that there is not, `BadValue` beyond a bound, `UsageError`, and `Conflict` while another audit is made.
        """
        limits = Limits(
            seconds=_seconds("deadline", deadline, LONGEST), deliveries=_whole("most", most, 1, MOST_DELIVERIES),
            settle=_seconds("settle", settle, LONGEST_SETTLING),
        )  # fmt: skip
        _whole("interleavings", interleavings, 0, MOST_INTERLEAVINGS)
        if fail_under is not None:
            _whole("failUnder", fail_under, 0, 100)
        for key in filter(None, (signing_key, old_key)):
            SigningKey(key)
        if probe_headers and not probe:
            raise UsageError("Headers of a probe go with the URL of one.")
        if interleavings and not probe:
            raise UsageError("Orders are compared by what your system shows: give its URL as the probe.")
        egress = Egress(allow=self._settings.allow, listeners=lambda: self._listeners)
        for each in filter(None, (url, probe)):
            egress.check_url(each)
        if not yes and not is_loopback(url):
            raise UsageError(
                f"{masked(url)} is another machine. Among what is sent are duplicates, bursts, forged signatures and "
                "bodies that are none, and what is behind the receiver gets what it accepts: say yes if it may be sent."
            )
        target = Target(
            url=url, signing_key=signing_key, old_key=old_key, verify_tls=verify_tls, ca=ca, probe=probe,
            probe_headers=tuple(probe_headers),
        )  # fmt: skip
        made, parts = self._begin(target, only, limits, interleavings, sweep=sweep, fail_under=fail_under)
        how = {"only": tuple(only), "limits": limits, "seed": seed, "parts": parts}
        threading.Thread(target=self._perform, args=(made, target, how), name="emitter-audit", daemon=True).start()
        return self.audit(made.id, wait=wait)

    def _begin(
        self, target: Target, only: Sequence[str], limits: Limits, interleavings: int, *, sweep: bool,
        fail_under: int | None,
    ) -> tuple[_One, list[Part]]:  # fmt: skip
        from emitter.audit import sweep as sweeping
        from emitter.audit.invariance import most as most_told
        from emitter.audit.invariance import told_in

        more = (most_told(interleavings) if interleavings else 0) + (sweeping.most() if sweep else 0)
        planned = plan(only, limits=limits, more=more)
        with self._lock:
            running = next((each.id for each in self._all.values() if not each.over.is_set()), "")
            if running:
                raise Conflict(f"{running} is being made, and one is made at a time. Wait, or cancel it.")
            self._numbers += 1
            made = _One(
                f"audit-{self._numbers}", masked(target.url), masked(target.probe), fail_under, len(planned.checks),
                planned.deliveries, clock.wall(),
            )  # fmt: skip
            self._all[made.id] = made
            while len(self._all) > KEPT:
                self._all.popitem(last=False)

        def told(words: str) -> None:
            made.words = words

        parts: list[Part] = []
        if interleavings:
            parts.append(told_in(interleavings, watch=lambda number, of: told(f"order {number:,} of {of:,}")))
        if sweep:
            parts.append(sweeping.swept(told))
        return made, parts

    def _perform(self, made: _One, target: Target, how: Json) -> None:
        def watch(check: Any, number: int, of: int) -> None:
            made.words, made.done = check.name, number - 1

        try:
            made.found = audit(
                target, self._settings, watch=watch, stopped=made.stopped, listeners=self._listeners, **how
            )  # fmt: skip
            made.done = made.checks
            made.state = CANCELLED if made.stopped.is_set() else outcome(made.found, made.fail_under)
        except EmitterError as error:
            made.state, made.error = BROKEN, str(error)
        except Exception as error:
            logging.getLogger("emitter").error("%s came to no end", made.id, exc_info=error)
            made.state, made.error = BROKEN, "It came to no end; the log says why."
        finally:
            made.words = ""
            made.over.set()

    # --- telling ----------------------------------------------------------------------------------------------------

    def audits(self) -> list[Json]:
        """The audits that were asked for, the newest first, without their reports."""
        with self._lock:
            return [_told(each) for each in reversed(self._all.values())]

    def audit(self, audit_id: str, *, wait: float = 0.0) -> Json:
        """One audit: its state, what it is doing, its report once it is over; waits up to `wait` seconds for that.

        Raises `NotFound`, as all that follows.
        """
        made = self._find(audit_id)
        made.over.wait(wait)
        return {**_told(made), "report": to_json(made.found) if made.found is not None else None}

    def audit_report(self, audit_id: str, form: str = "json") -> bytes:
        """What an audit found as JSON, text, JUnit XML, a page of HTML or a badge; raises `Conflict` before its end."""
        if form not in FORMS:
            raise BadValue("format", form, f"is none of {', '.join(FORMS)}.")
        made = self._find(audit_id)
        if made.found is None:
            raise Conflict(
                f"{audit_id} is still being made."
                if made.state == RUNNING
                else f"{audit_id} has no report: {made.error}"
            )
        return _written(made.found, form)

    def cancel_audit(self, audit_id: str) -> None:
        """End an audit: nothing more is sent, and its report is what was found; one that is over is forgotten."""
        made = self._find(audit_id)
        if made.over.is_set():
            with self._lock:
                self._all.pop(audit_id, None)
        made.stopped.set()

    def stop(self) -> None:
        """End what is made, and wait for that."""
        with self._lock:
            live = [each for each in self._all.values() if not each.over.is_set()]
        for each in live:
            each.stopped.set()
        for each in live:
            each.over.wait(_PATIENCE)

    def _find(self, audit_id: str) -> _One:
        with self._lock:
            found = self._all.get(audit_id)
            known = list(self._all)
        if found is None:
            hint = f"There are: {', '.join(known)}." if known else "There is none."
            raise NotFound("audit", audit_id, hint, nearest=nearest(audit_id, known))
        return found


def _told(each: _One) -> Json:
    found = each.found
    return {
        "id": each.id,
        "url": each.url,
        "probe": each.probe,
        "state": each.state,
        "startedAt": rfc3339(each.at, 3),
        "progress": {"words": each.words, "done": each.done, "of": each.checks} if each.state == RUNNING else None,
        "mostDeliveries": each.most,
        "failUnder": each.fail_under,
        "score": found.score if found is not None else None,
        "error": each.error or (found.stopped if found is not None else ""),
    }


def _written(found: Audit, form: str) -> bytes:
    match form:
        case "text":
            return "".join(f"{line}\n" for line in as_text(found)).encode("utf-8", "backslashreplace")
        case "junit":
            from emitter.audit.junit import as_junit

            return as_junit(found)
        case "html":
            from emitter.audit.html import as_html

            return as_html(found)
        case "badge":
            from emitter.audit.badge import as_svg

            return as_svg(found)
    return orjson.dumps(to_json(found))


def _seconds(name: str, text: str, most: float) -> float:
    seconds = duration(text, name).total_seconds()
    if seconds > most:
        raise BadValue(name, text, f"is more than {most:g} s.")
    return seconds


def _whole(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise BadValue(name, value, f"is no whole number from {least:,} to {most:,}.")
    return value
