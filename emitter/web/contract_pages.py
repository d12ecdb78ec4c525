"""The pages that hold things against the contract: a body that is pasted, and what receivers have seen so far."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from emitter.history import Json
from emitter.query import AttemptQuery
from emitter.web.frame import server, slow_slot
from emitter.web.placing import placed
from emitter.web.tenancy import simulator

MOST_ATTEMPTS = 2000  # the newest ones, that coverage is counted from
MOST_ROWS = 400  # of one dimension
MOST_CHARACTERS = 256 * 1024  # of a body that is laid out line by line


def checker() -> ResponseReturnValue:
    """A place for a body."""
    return render_template("check.html", body="", told=None, server=server()), 200


def check() -> ResponseReturnValue:
    """Hold what was pasted against the contract, each finding at its place."""
    text = request.form.get("body", "").replace("\r\n", "\n")
    with slow_slot():
        told = simulator().check(text.encode("utf-8", "surrogatepass"))
    findings = [*({**each, "kind": "violation"} for each in told["violations"]),
                *({**each, "kind": "warning"} for each in told["warnings"])]  # fmt: skip
    laid = placed(text, findings) if len(text) <= MOST_CHARACTERS else placed("", findings)
    return render_template("check.html", body=text, told=told, placed=laid, server=server()), 200


def coverage() -> ResponseReturnValue:
    """What receivers have seen of the contract, told from the newest attempts."""
    newest = simulator().attempts(AttemptQuery(limit=1))["attempts"]
    extended = "extended" in request.args
    first = max(newest[0]["id"] - MOST_ATTEMPTS, 0) if newest else 0
    with slow_slot():
        found = simulator().coverage(AttemptQuery(after=first), extended=extended)
    return render_template(
        "coverage.html", found=found, dimensions=[_dimension(each) for each in found["dimensions"]],
        extended=extended, most=MOST_ATTEMPTS, bounded=first > 0, empty=not newest, server=server(),
    ), 200  # fmt: skip


def _dimension(each: Json) -> Json:
    """One way to look at it: what was not seen stands first."""
    rows = sorted(each["rows"], key=lambda row: all(goal["count"] for goal in row["goals"]))
    return {**each, "rows": rows[:MOST_ROWS], "more": max(len(rows) - MOST_ROWS, 0)}
