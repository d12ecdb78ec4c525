"""What is done to several deliveries at once: send them again after a confirmation, compare two, and the keys."""

from __future__ import annotations

from collections import Counter

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter.errors import BadValue, Conflict, NotFound, UsageError
from emitter.history import Json
from emitter.query import LARGEST_PAGE, AttemptQuery
from emitter.web.delivery_filters import PAGING, Pairs, address, number, without
from emitter.web.frame import slow_slot
from emitter.web.members import Change, changes, header_changes
from emitter.web.tenancy import simulator

MOST_AT_ONCE = LARGEST_PAGE  # attempts that are sent again at once
_ASKED = ("id", "all")


def confirm() -> ResponseReturnValue:
    """Say how many would be sent again, and where to, before anything is."""
    pairs = _filters()
    everything = request.args.get("all") == "yes"
    if everything:
        query = AttemptQuery.parse([*without(pairs, "limit"), ("limit", str(MOST_AT_ONCE))])
        page = simulator().attempts(query)
        attempts, more = page["attempts"], bool(page["older"])
    else:
        attempts, more = _chosen(request.args.getlist("id")), False
    return render_template(
        "deliveries_resend.html",
        attempts=attempts,
        ids=",".join(str(each["id"]) for each in attempts),
        more=more,
        everything=everything,
        filters=[(name, value) for name, value in pairs if name != "limit"],
        hooks=Counter(each["url"] for each in attempts).most_common(20),
        kinds=Counter(each["type"] for each in attempts).most_common(20),
        back=address(pairs),
        carried=pairs,
        most=MOST_AT_ONCE,
    ), 200


def resend() -> ResponseReturnValue:
    """Send the attempts that were confirmed again, the oldest first, and say on the list what came of it."""
    how = request.form.get("how", "")
    if how not in ("as-is", "newly-signed"):
        raise BadValue("how", how, "is neither as-is nor newly-signed.")
    given = [each for each in request.form.get("ids", "").split(",") if each]
    if len(given) > MOST_AT_ONCE:
        raise BadValue("ids", f"{len(given):,} of them", f"are more than {MOST_AT_ONCE}, the most at once.")
    kept = [(name, value) for name, value in request.form.items(multi=True) if name.startswith("f-")]
    pairs = [(name.removeprefix("f-"), value) for name, value in kept]
    AttemptQuery.parse(pairs)  # before anything is sent: what is refused has sent nothing
    sent, refused = 0, 0
    with slow_slot():
        for each in sorted({number(text) for text in given}):
            try:
                simulator().resend(each, as_is=how == "as-is")
                sent += 1
            except (Conflict, NotFound, UsageError):
                refused += 1
    told = [("resent", str(sent)), *([("refused", str(refused))] if refused else [])]
    return redirect(address([*pairs, *told]), 303)


def compare() -> ResponseReturnValue:
    """Two attempts side by side, member by member."""
    ids = [each for text in request.args.getlist("id") for each in text.replace(",", " ").split()]
    mistake, pair = "", []
    if len(ids) == 2:
        try:
            pair = [simulator().attempt(number(each)) for each in ids]
        except NotFound as error:
            mistake = str(error)
    elif ids:
        mistake = f"Two attempts can be compared, and {len(ids)} {'is' if len(ids) == 1 else 'are'} chosen."
    tables = _tables(*pair) if pair else []
    only = request.args.get("only") == "differences"
    return render_template(
        "deliveries_compare.html",
        pair=pair,
        ids=[each[:20] for each in ids[:2]],
        mistake=mistake,
        only=only,
        tables=[(name, [each for each in rows if each.differs or not only]) for name, rows in tables],
        differing=sum(each.differs for _, rows in tables for each in rows),
        swapped=url_for("pages.deliveries_compare", id=ids[::-1][:2]),
    ), 404 if mistake and len(ids) == 2 else 200


def keys() -> ResponseReturnValue:
    """The keys that the pages listen to."""
    return render_template("keys.html"), 200


def _filters() -> Pairs:
    return without(((n, v) for n, v in request.args.items(multi=True) if n not in _ASKED and v.strip()), *PAGING)


def _chosen(texts: list[str]) -> list[Json]:
    """The attempts with these ids, newest first; raises `BadValue` for too many, and passes over what is gone."""
    ids = sorted({number(each) for each in texts}, reverse=True)
    if len(ids) > MOST_AT_ONCE:
        raise BadValue("id", f"{len(ids):,} of them", f"are more than {MOST_AT_ONCE}, the most at once.")
    history = simulator().history
    rows = simulator().store.reader.attempt_rows(ids)
    return [history.summary(row) for row in rows]


def _tables(one: Json, other: Json) -> list[tuple[str, list[Change]]]:
    facts = (
        ("Type", "type"), ("Subject", "dataProductName"), ("Outcome", "outcome"), ("Status", "status"),
        ("Error", "error"), ("Duration, ms", "durationMs"), ("Attempt", "number"), ("Webhook", "url"), ("Run", "run"),
        ("Seed", "seed"), ("Event", "eventId"), ("Event of", "eventAt"), ("Sent", "startedAt"),
    )  # fmt: skip
    summary = [Change(words, _word(one[name]), _word(other[name])) for words, name in facts]
    summary.append(Change("Contract", one["contract"]["verdict"], other["contract"]["verdict"]))
    summary.append(Change("Signature", one["signature"]["reason"], other["signature"]["reason"]))
    answers = [each["answer"] for each in (one, other)]
    return [
        ("Summary", [each for each in summary if each.before or each.now]),
        ("Request: headers", header_changes(one["request"]["headers"], other["request"]["headers"])),
        ("Request: body", changes(one["request"], other["request"])),
        ("Answer: headers", header_changes(*((each["headers"] if each else []) for each in answers))),
        ("Answer: body", changes(*answers)),
    ]


def _word(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
