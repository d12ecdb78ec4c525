"""The list of deliveries: its filters, its bars over time, what came in since, and the export of what it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter.errors import BadValue, UnknownName
from emitter.export import FORMS, MEDIA_TYPES
from emitter.history import Json
from emitter.query import AttemptQuery
from emitter.web.delivery_filters import PAGING, TOLD, Pairs, address, asked, form, neighbour, tail, without
from emitter.web.run_steps import steps_of
from emitter.web.slots import Slots
from emitter.web.tenancy import simulator

MOST_NEW = 100  # new rows that are counted for somebody who looks at an older list
BAR = 40  # the height of the bars over time
SUFFIX = {"curl": "sh"}


def deliveries() -> ResponseReturnValue:
    """The list of attempts, newest first, as the address asks."""
    pairs = asked()
    if any(not value.strip() for _, value in pairs):  # a form sends its empty fields, too
        return redirect(address((name, value) for name, value in pairs if value.strip()))
    try:
        query = AttemptQuery.parse(pairs)
    except (BadValue, UnknownName) as error:
        return render_template("deliveries.html", **form(pairs, error), page=None), 400
    newest = simulator().attempts(AttemptQuery(limit=1))["attempts"]
    page = simulator().attempts(query)
    attempts = page["attempts"]
    anchor = max((each["id"] for each in (*newest, *attempts[:1])), default=0)
    plain = without(pairs, *PAGING)
    overview = None if query.text else simulator().overview(replace(query, before=None, after=None))
    return render_template(
        "deliveries.html",
        **form(pairs, None),
        page=page,
        attempts=attempts,
        steps=steps_of(attempts),
        longest=max((each["durationMs"] or 0 for each in attempts), default=0),
        most_attempts=len(simulator().assumptions.delivery_retry) + 1,
        overview=overview,
        bars=_bars(overview, plain) if overview else (),
        chosen=set(query.outcome),
        outcome_address=_by_outcome(plain),
        filtered=query.filtered,
        first=address(plain) if query.before is not None or query.after is not None else None,
        older=neighbour(plain, "before", page["older"]),
        newer=neighbour(plain, "after", page["newer"]),
        plain=without(plain, "limit"),
        told={name: value for name in TOLD if (value := request.args.get(name, "")[:6]).isdigit()},
        poll=None
        if query.text or page["newer"]
        else url_for("pages.deliveries_since") + tail([*without(plain, "limit"), ("after", str(anchor))]),
        here=address(plain),
    )


def to_the_list() -> ResponseReturnValue:
    """Lead on whoever guesses the address of the list from that of one delivery; the filters go along."""
    return redirect(address(request.args.items(multi=True)))


def deliveries_since() -> ResponseReturnValue:
    """How many attempts there are after one id, 100 at most: for a list that is open. Nothing is said twice (ETag)."""
    try:
        query = AttemptQuery.parse([*without(asked(), "limit"), ("limit", str(MOST_NEW))])
        if query.after is None:
            raise BadValue("after", "", "is missing: after which attempt?")
    except (BadValue, UnknownName) as error:
        return jsonify(error=str(error)), 400
    count = len(simulator().attempts(query)["attempts"])
    answer = jsonify(count=count, most=MOST_NEW)
    answer.set_etag(f"{query.after}-{count}")
    return answer.make_conditional(request)


def exported() -> Response:
    """Every attempt that the filters fit, as a file."""
    pairs = asked()
    named = dict(pairs).get("format", "")
    query = AttemptQuery.parse(without(pairs, "format", "limit"))
    return export_of(query, named, "attempts")


def export_of(query: AttemptQuery, form: str, name: str) -> Response:
    """A file of attempts in one of the forms, written while it is read; raises `BadValue` for another form."""
    from flask import current_app

    if form not in FORMS:
        raise BadValue("format", form, f"is none of {', '.join(FORMS)}.")
    slots: Slots = current_app.extensions["emitter.slow"]
    answer = slots.stream(simulator().export(query, form), MEDIA_TYPES[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{SUFFIX.get(form, form)}"'
    return answer


def _by_outcome(plain: Pairs) -> dict[str, str]:
    """Where a count leads: the list of that outcome alone, or of all where it is what is chosen."""
    chosen = [value for name, value in plain if name == "outcome"]
    rest = without(plain, "outcome")
    words = ("accepted", "rejected", "failed", "interrupted", "started")
    return {word: address(rest if chosen == [word] else [*rest, ("outcome", word)]) for word in words}


def _bars(overview: Json, plain: Pairs) -> list[dict[str, Any]]:
    """The bars as the page draws them: heights, and where each leads; nothing where there is one slice or none."""
    found = overview["bars"]
    if len(found) < 2:
        return []
    most = max(each["accepted"] + each["others"] for each in found) or 1
    rest = without(plain, "since", "until")
    drawn = []
    for place, each in enumerate(found):
        total = each["accepted"] + each["others"]
        height = max(round(BAR * total / most), 2) if total else 0
        bad = min(max(round(height * each["others"] / total), 1), height) if each["others"] else 0
        drawn.append(
            {
                **each,
                "place": place,
                "good": height - bad,
                "bad": bad,
                "address": tail([*rest, ("since", each["from"]), ("until", each["to"])]) if total else "",
            }
        )
    return drawn
