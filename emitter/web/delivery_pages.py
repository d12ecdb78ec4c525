"""The pages of the history: the list of attempts with its filters, and one attempt in full."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter.delivery import masked
from emitter.errors import BadValue, Conflict, NotFound, UnknownName, UsageError
from emitter.export import curl
from emitter.faults import FAULTS
from emitter.history import Json
from emitter.query import ANY_FAULT, OUTCOMES, AttemptQuery
from emitter.web.frame import server
from emitter.web.tenancy import simulator

LARGEST_ID = 2**62
MOST_NEW = 100  # new rows that are counted for somebody who looks at an older list
MOST_OFFERED = 100  # webhooks to choose from
RESEND_WAIT = 1.0  # seconds that a page waits to show what came of a resend

Pairs = list[tuple[str, str]]

_PAGING = ("before", "after")
_HIDDEN = ("event", "delivery", "limit")  # filters without a field, carried along


def deliveries() -> ResponseReturnValue:
    """The list of attempts, newest first, as the address asks."""
    pairs = _asked()
    if any(not value.strip() for _, value in pairs):  # a form sends its empty fields, too
        return redirect(_address((name, value) for name, value in pairs if value.strip()))
    try:
        query = AttemptQuery.parse(pairs)
    except (BadValue, UnknownName) as error:
        return render_template("deliveries.html", **_form(pairs, error), page=None), 400
    newest = simulator().attempts(AttemptQuery(limit=1))["attempts"]
    page = simulator().attempts(query)
    attempts = page["attempts"]
    anchor = max((each["id"] for each in (*newest, *attempts[:1])), default=0)
    plain = _without(pairs, *_PAGING)
    return render_template(
        "deliveries.html",
        **_form(pairs, None),
        page=page,
        attempts=attempts,
        longest=max((each["durationMs"] or 0 for each in attempts), default=0),
        most_attempts=len(simulator().assumptions.delivery_retry) + 1,
        count=None if query.text else simulator().count(replace(query, before=None, after=None)),
        filtered=query.filtered,
        first=_address(plain) if query.before is not None or query.after is not None else None,
        older=_neighbour(plain, "before", page["older"]),
        newer=_neighbour(plain, "after", page["newer"]),
        with_filter=f"?{urlencode(plain)}" if plain else "",
        poll=None
        if query.text or page["newer"]
        else url_for("pages.deliveries_since") + f"?{urlencode([*_without(plain, 'limit'), ('after', str(anchor))])}",
        here=_address(plain),
    )


def deliveries_since() -> ResponseReturnValue:
    """How many attempts there are after one id, 100 at most: for a list that is open."""
    try:
        query = AttemptQuery.parse([*_without(_asked(), "limit"), ("limit", str(MOST_NEW))])
        if query.after is None:
            raise BadValue("after", "", "is missing: after which attempt?")
    except (BadValue, UnknownName) as error:
        return jsonify(error=str(error)), 400
    return jsonify(count=len(simulator().attempts(query)["attempts"]), most=MOST_NEW)


def delivery(attempt_id: str) -> ResponseReturnValue:
    """One attempt: what was sent, what came back, what is to be said of it."""
    return _attempt_page(attempt_id, None), 200


def resend(attempt_id: str) -> ResponseReturnValue:
    """Send an attempt again, and go where the new one is shown."""
    how = request.form.get("how", "")
    if how not in ("as-is", "newly-signed"):
        raise BadValue("how", how, "is neither as-is nor newly-signed.")
    number = _number(attempt_id)
    try:
        again = simulator().resend(number, as_is=how == "as-is")
    except (Conflict, UsageError) as error:
        return _attempt_page(attempt_id, str(error)), 409
    found = simulator().deliveries([again["id"]], wait=RESEND_WAIT)[0]
    if found["attempts"]:
        return redirect(url_for("pages.delivery", attempt_id=found["attempts"][-1]["id"]), 303)
    return redirect(url_for("pages.delivery", attempt_id=number, waiting=again["id"]), 303)


def _attempt_page(attempt_id: str, refused: str | None) -> str:
    number = _number(attempt_id)
    attempt = simulator().attempt(number)
    pairs = _without(_asked(), *_PAGING, "limit", "waiting")
    filters = AttemptQuery.parse(pairs)  # so that the neighbours are those of the list one came from
    timing = attempt["timing"] or {}
    parts = [(name, timing.get(key)) for name, key in _PARTS]
    tail = f"?{urlencode(pairs)}" if pairs else ""
    waiting = request.args.get("waiting", "")
    return render_template(
        "delivery.html",
        attempt=attempt,
        timing=[(name, value) for name, value in parts if value is not None],
        longest=timing.get("totalMs") or 0,
        most_attempts=len(simulator().assumptions.delivery_retry) + 1,
        curl=_curl(number),
        refused=refused,
        waiting=simulator().delivery(waiting) if waiting else None,
        newer=_beside(filters, after=number),
        older=_beside(filters, before=number),
        tail=tail,
        back=_address(pairs),
    )


_PARTS = (
    ("Lookup", "lookupMs"),
    ("Connect", "connectMs"),
    ("TLS", "tlsMs"),
    ("First byte", "firstByteMs"),
    ("Total", "totalMs"),
)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:20]) < LARGEST_ID):
        raise NotFound("attempt", text)
    return int(text[:20])


def _beside(filters: AttemptQuery, **anchor: int) -> int | None:
    """The next attempt on one side of another."""
    asked = AttemptQuery.parse(filters.pairs(before=anchor.get("before"), after=anchor.get("after"), limit=1))
    found = simulator().attempts(asked)["attempts"]
    return int(found[0]["id"]) if found else None


def _curl(number: int) -> str:
    """The command that posts the same again."""
    reader = simulator().store.reader
    rows, wire = reader.attempt_rows([number]), reader.wire(number)
    if not rows or wire is None:
        return ""
    return curl(rows[0], wire, simulator().history.webhook_of(rows[0].webhook)).rstrip("\n")


# --- the filters of the list ------------------------------------------------------------------------------------------


def _asked() -> Pairs:
    return list(request.args.items(multi=True))


def _without(pairs: Iterable[tuple[str, str]], *names: str) -> Pairs:
    return [(name, value) for name, value in pairs if name not in names]


def _address(pairs: Iterable[tuple[str, str]]) -> str:
    text = urlencode(list(pairs))
    return url_for("pages.deliveries") + (f"?{text}" if text else "")


def _neighbour(plain: Pairs, anchor: str, query: str | None) -> str | None:
    """The address of the next page: the filters as they were typed, and the anchor that the history names."""
    if query is None:
        return None
    return _address([*plain, (anchor, parse_qs(query)[anchor][0])])


def _form(pairs: Pairs, error: BadValue | UnknownName | None) -> Json:
    """What the filter form shows: the values as typed, the choices, the chips that take one filter away."""
    typed: dict[str, list[str]] = {}
    for name, value in pairs:
        typed.setdefault(name, []).append(value)
    values = {name: ",".join(found) for name, found in typed.items()}
    plain = _without(pairs, *_PAGING)
    hooks = simulator().webhooks(unlisted=True)[-MOST_OFFERED:]
    return {
        "values": values,
        "outcomes": _choices([(word, word) for word in OUTCOMES], values.get("outcome", "")),
        "faults": _choices([(ANY_FAULT, "some fault"), *((name, name) for name in FAULTS)], values.get("fault", "")),
        "webhooks": _choices([(each.id, masked(each.url)) for each in hooks], values.get("webhook", "")),
        "carried": [(name, value) for name, value in plain if name in _HIDDEN],
        "chips": [
            {"name": name, "value": _said(name, value, hooks), "without": _address(_without(plain, name))}
            for name, value in values.items()
            if name not in (*_PAGING, "limit")
        ],
        "types": [name for each in simulator().catalog for name in (each.alias or each.name,)],
        "error": str(error) if error else "",
        "wrong": error.name if error else "",
        "server": server(),
    }


def _choices(offered: Pairs, chosen: str) -> list[tuple[str, str, bool]]:
    """Options of a list: value, words, whether chosen. What was asked for is always among them."""
    options = [(value, words, value == chosen) for value, words in offered]
    if chosen and all(value != chosen for value, _ in offered):
        words = " or ".join(dict(offered).get(part.strip(), part.strip()) for part in chosen.split(","))
        options.append((chosen, words, True))
    return options


def _said(name: str, value: str, hooks: Iterable[Any]) -> str:
    """A filter's value in words: webhooks by their URLs."""
    if name != "webhook":
        return value
    urls = {each.id: masked(each.url) for each in hooks}
    return ", ".join(urls.get(part.strip(), part.strip()) for part in value.split(","))
