"""The pages of one delivery: what was sent, what came back, what is to be said of it; and sending it again."""

from __future__ import annotations

import base64
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter.errors import BadValue, Conflict, NotFound, UnknownName, UsageError
from emitter.export import FORMS, curl
from emitter.faults import FAULTS
from emitter.history import Json
from emitter.query import AttemptQuery
from emitter.web.delivery_filters import PAGING, address, asked, number, of_the_list, tail, without
from emitter.web.delivery_pages import export_of
from emitter.web.members import changes, header_changes, members
from emitter.web.run_steps import steps_of
from emitter.web.shown import MOST_SHOWN
from emitter.web.snippets import step_of, test_of
from emitter.web.tenancy import simulator

RESEND_WAIT = 1.0  # seconds that a page waits to show what came of a resend
_OWN = ("waiting", "whole", "against")  # what is asked of this page, and no filter
_PARTS = (
    ("Lookup", "lookupMs"),
    ("Connect", "connectMs"),
    ("TLS", "tlsMs"),
    ("First byte", "firstByteMs"),
    ("Total", "totalMs"),
)
_AFTER_PLANNING = tuple(name for name, fault in FAULTS.items() if fault.kind != "planning")


def delivery(attempt_id: str) -> ResponseReturnValue:
    """One attempt: what was sent, what came back, what is to be said of it."""
    return _attempt_page(attempt_id, None), 200


def resend(attempt_id: str) -> ResponseReturnValue:
    """Send an attempt again, and go where the new one is shown."""
    how = request.form.get("how", "")
    if how not in ("as-is", "newly-signed"):
        raise BadValue("how", how, "is neither as-is nor newly-signed.")
    try:
        again = simulator().resend(number(attempt_id), as_is=how == "as-is", faults=_faults())
    except (Conflict, UsageError, UnknownName, BadValue) as error:
        return _attempt_page(attempt_id, str(error)), 409
    return _shown_soon(attempt_id, again)


def exported(attempt_id: str) -> Response:
    """One attempt as a file."""
    found = number(attempt_id)
    simulator().attempt(found)
    return export_of(
        AttemptQuery(before=found + 1, after=found - 1), request.args.get("format", ""), f"attempt-{found}"
    )


def raw(attempt_id: str, part: str) -> Response:
    """The bytes of a body, as they travelled, as a file."""
    found = simulator().attempt(number(attempt_id))[part] if part in ("request", "answer") else None
    if found is None:
        raise NotFound("body", part)
    content = found["body"].encode() if found["bodyEncoding"] == "utf-8" else base64.b64decode(found["body"])
    answer = Response(content, mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="attempt-{number(attempt_id)}-{part}.bin"'
    return answer


def _shown_soon(attempt_id: str, again: Json) -> ResponseReturnValue:
    found = simulator().deliveries([again["id"]], wait=RESEND_WAIT)[0]
    if found["attempts"]:
        return redirect(url_for("pages.delivery", attempt_id=found["attempts"][-1]["id"]), 303)
    return redirect(url_for("pages.delivery", attempt_id=number(attempt_id), waiting=again["id"]), 303)


def _faults() -> list[str]:
    chosen = request.form.get("fault", "")
    return [chosen] if chosen else []


def _attempt_page(attempt_id: str, refused: str | None) -> str:
    found = number(attempt_id)
    attempt = simulator().attempt(found)
    pairs = without(asked(), *PAGING, "limit", *_OWN)
    filters = AttemptQuery.parse(pairs)
    if (
        not request.args
    ):  # the rows of a list do not repeat its filters; the neighbours are those of the list all the same
        pairs, filters = of_the_list()
    timing = attempt["timing"] or {}
    parts = [(name, timing.get(key)) for name, key in _PARTS]
    waiting = request.args.get("waiting", "")
    kind = _kind(attempt["type"])
    short = attempt["request"]["size"] <= MOST_SHOWN
    violations = attempt["contract"]["violations"]
    pending = attempt["delivery"]["state"] == "pending" or waiting
    return render_template(
        "delivery.html",
        attempt=attempt,
        step=steps_of([attempt]).get(found),
        timing=[(name, value) for name, value in parts if value is not None],
        longest=timing.get("totalMs") or 0,
        most_attempts=len(simulator().assumptions.delivery_retry) + 1,
        members=members(attempt["request"], kind.provenance if kind else {}, kind.sources if kind else {}, violations),
        curl=_curl(found) if short else "",
        pytest=test_of(attempt) if short else "",
        step_text=step_of(attempt, kind.alias if kind else "") if short else "",
        forms=tuple(FORMS),
        faults=_AFTER_PLANNING,
        refused=refused,
        waiting=simulator().delivery(waiting) if waiting else None,
        whole=request.args.get("whole", ""),
        newer=_beside(filters, after=found),
        older=_beside(filters, before=found),
        tail=tail(pairs),
        back=address(pairs),
        poll=url_for("pages.deliveries_since", delivery=waiting or attempt["deliveryId"],
                     after=attempt["deliveryAttempts"][-1]["id"]) if pending else None,
        **_changes(attempt),
    )  # fmt: skip


def _kind(type_name: str) -> Any:
    return simulator().catalog.resolve(type_name) if type_name in simulator().catalog.names else None


def _changes(attempt: Json) -> Json:
    """What differs from another attempt: the one that is asked for, the last try, or the last event of the product."""
    tries = [each["id"] for each in attempt["deliveryAttempts"] if each["id"] < attempt["id"]]
    offered = {
        "the try before": tries[-1] if tries else None,
        "the attempt that it repeats": attempt["resendOf"],
        "the last event of this product": attempt["previousOfProduct"],
    }
    against = request.args.get("against", "")
    mistake, other = "", None
    chosen = next((each for each in offered.values() if each), None)
    try:
        chosen = number(against) if against else chosen
        other = simulator().attempt(chosen) if chosen else None
    except NotFound as error:
        mistake = str(error)
    return {
        "against": other,
        "against_text": against,
        "against_wrong": mistake,
        "offered": {words: each for words, each in offered.items() if each},
        "body_changes": changes(other["request"], attempt["request"]) if other else [],
        "header_changes": header_changes(other["request"]["headers"], attempt["request"]["headers"]) if other else [],
        "answer_changes": changes(other["answer"], attempt["answer"]) if other else [],
    }


def _beside(filters: AttemptQuery, **anchor: int) -> int | None:
    """The next attempt on one side of another."""
    wanted = AttemptQuery.parse(filters.pairs(before=anchor.get("before"), after=anchor.get("after"), limit=1))
    found = simulator().attempts(wanted)["attempts"]
    return int(found[0]["id"]) if found else None


def _curl(found: int) -> str:
    """The command that posts the same again."""
    reader = simulator().store.reader
    rows, wire = reader.attempt_rows([found]), reader.wire(found)
    if not rows or wire is None:
        return ""
    return curl(rows[0], wire, simulator().history.webhook_of(rows[0].webhook)).rstrip("\n")
