"""The pages of the webhooks: the registrations, one of them with its settings and its test, its history."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter import clock
from emitter.delivery import Webhook, masked
from emitter.errors import BadSigningKey, BadTarget, BadValue, EgressRefused, EmitterError
from emitter.history import Json
from emitter.query import AttemptQuery
from emitter.web.frame import field_of, server, slow_slot
from emitter.web.product_api import history_row
from emitter.web.tenancy import simulator

PAGE, LISTED = 50, 25  # rows of a history; webhooks of the list, each of which looks at a day of its attempts
FEW, MANY = 100, 5000  # attempts of the last 24 hours that are looked at: in a list of many, and of one alone
HIGH = 24  # units that a drawing is high
MOST_BACK = 10**9  # rows that a history is paged over

NOTICES = {
    "added": "Added. Every event from now on goes there, too.",
    "changed": "Saved.",
    "paused": "Paused. What comes is held until you resume it.",
    "resumed": "Resumed. What was held is being sent.",
    "suppressed": "Suppressed. What waited was dropped; what comes is dropped.",
    "released": "No longer suppressed.",
    "removed": "Removed. What waited for it was dropped; the attempts made stay in the history.",
    "silent": "The test was sent, and there was no attempt in time.",
}
"""What the pages say was done; the address names it by its key, so nothing else can be put into the page."""

_SWITCHES = {
    "pause": ({"paused": True}, "paused"),
    "resume": ({"paused": False}, "resumed"),
    "suppress": ({"suppressed": True}, "suppressed"),
    "release": ({"suppressed": False}, "released"),
}


def webhooks() -> ResponseReturnValue:
    """The registrations, and a form for another."""
    return _list({}, None), 200


def add() -> ResponseReturnValue:
    """Register a webhook."""
    given = request.form
    try:
        added = simulator().add_webhook(
            given.get("url", "").strip(),
            verify_tls="verify_tls" in given,
            signing_key=given.get("signing_key", ""),
        )
    except (BadTarget, EgressRefused, BadSigningKey, BadValue) as error:
        return _list({"url": given.get("url", ""), "verify_tls": "verify_tls" in given}, error), 400
    return redirect(url_for("pages.webhook", webhook_id=added.id, done="added"), 303)


def webhook(webhook_id: str) -> ResponseReturnValue:
    """One registration."""
    return _one(webhook_id, None), 200


def change(webhook_id: str) -> ResponseReturnValue:
    """Change a registration; an empty field keeps what is there."""
    given = request.form
    key = "" if "no_signing_key" in given else given.get("signing_key", "") or None
    try:
        simulator().change_webhook(
            webhook_id,
            url=given.get("url", "").strip() or None,
            verify_tls="verify_tls" in given,
            signing_key=key,
        )
    except (BadTarget, EgressRefused, BadSigningKey, BadValue) as error:
        return _one(webhook_id, error), 400
    return redirect(url_for("pages.webhook", webhook_id=webhook_id, done="changed"), 303)


def switch(webhook_id: str) -> ResponseReturnValue:
    """Pause, resume, suppress, or end a suppression."""
    word = request.form.get("to", "")
    if word not in _SWITCHES:
        raise BadValue("to", word, f"is none of {', '.join(_SWITCHES)}.")
    changes, done = _SWITCHES[word]
    simulator().change_webhook(webhook_id, paused=changes.get("paused"), suppressed=changes.get("suppressed"))
    return redirect(url_for("pages.webhook", webhook_id=webhook_id, done=done), 303)


def test(webhook_id: str) -> ResponseReturnValue:
    """Send the test payload, and show what came of it on the webhook's page."""
    with slow_slot():
        simulator().test_webhook(webhook_id)
    found = simulator().attempts(_tests_of(webhook_id))["attempts"]
    result: dict[str, Any] = {"tested": found[0]["id"]} if found else {"done": "silent"}
    return redirect(url_for("pages.webhook", webhook_id=webhook_id, **result), 303)


def history(webhook_id: str) -> ResponseReturnValue:
    """The attempts as the vendor's own history has them."""
    found = simulator().webhook(webhook_id)
    text = request.args.get("offset", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadValue("offset", text, f"is no whole number below {MOST_BACK:,}.")
    offset = int(text)
    rows, total = simulator().webhook_history(webhook_id, offset=offset, limit=PAGE)
    return render_template(
        "webhook_history.html", **_known(found), total=total, offset=offset, page=PAGE,
        order=simulator().assumptions.history_order,
        rows=[{"id": each["id"], "record": history_row(simulator(), each)} for each in rows],
    ), 200  # fmt: skip


def removal(webhook_id: str) -> ResponseReturnValue:
    """Ask whether it is meant."""
    found = simulator().webhook(webhook_id)
    return render_template("webhook_remove.html", **_known(found)), 200


def remove(webhook_id: str) -> ResponseReturnValue:
    """Remove a registration."""
    simulator().delete_webhook(webhook_id)
    return redirect(url_for("pages.webhooks", done="removed"), 303)


def _list(typed: Json, error: EmitterError | None) -> str:
    found = simulator().webhooks()
    text = request.args.get("offset", "0")
    offset = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    waiting = simulator().store.reader.waiting_counts()
    rows = [
        {**_known(each), "waiting": waiting.get(each.number, 0), "last": _last(each), "day": _day(each, FEW)}
        for each in found[offset : offset + LISTED]
    ]
    return render_template(
        "webhooks.html", rows=rows, total=len(found), offset=offset, page=LISTED, typed=typed, server=server(),
        notice=NOTICES.get(request.args.get("done", ""), ""), **_wrong(error),
    )  # fmt: skip


def _one(webhook_id: str, error: EmitterError | None) -> str:
    found = simulator().webhook(webhook_id)
    number = request.args.get("tested", "")
    tested = None
    if number.isascii() and number.isdigit() and len(number) < 19:
        attempts = simulator().attempts(_tests_of(webhook_id, before=int(number) + 1))["attempts"]
        tested = next((each for each in attempts if each["id"] == int(number)), None)
    return render_template(
        "webhook.html",
        **_known(found),
        waiting=simulator().store.reader.waiting_counts().get(found.number, 0),
        last=_last(found),
        day=_day(found, MANY),
        tested=tested,
        result=simulator().test_result(tested) if tested else None,
        notice=NOTICES.get(request.args.get("done", ""), ""),
        **_wrong(error),
    )


def _known(webhook: Webhook) -> Json:
    """What may be shown of a registration: never its key."""
    return {
        "webhook": {
            "id": webhook.id,
            "url": masked(webhook.url),
            "masked": masked(webhook.url) != webhook.url,
            "tls": webhook.url.lower().startswith("https:"),
            "verify_tls": webhook.verify_tls,
            "signed": webhook.signing_key is not None,
            "ca": webhook.ca,
            "http2": webhook.http2,
            "suppressed": webhook.suppressed,
            "paused": webhook.paused,
            "created": clock.rfc3339(webhook.created_at, 3),
        }
    }


def _wrong(error: EmitterError | None) -> Json:
    if error is None:
        return {"error": "", "wrong": ""}
    return {"error": str(error), "wrong": "signing_key" if isinstance(error, BadSigningKey) else field_of(error)}


def _last(webhook: Webhook) -> Json | None:
    found = simulator().attempts(AttemptQuery(webhook=(webhook.id,), limit=1))["attempts"]
    return found[0] if found else None


def _day(webhook: Webhook, most: int) -> Json:
    """How the last 24 hours went, with what a drawing of them needs: in each hour the share of what failed, of 20, and
    the latency as points of a line, the slowest at the top.
    """
    found = simulator().webhook_day(webhook.id, most=most)
    busiest = max((each["completed"] for each in found["hours"]), default=0) or 1
    slowest = max((each["latencyMs"] or 0 for each in found["hours"]), default=0) or 1
    bars = [
        {
            "x": hour * 7,
            "good": round(HIGH * each["accepted"] / busiest, 1),
            "bad": round(HIGH * (each["completed"] - each["accepted"]) / busiest, 1),
        }
        for hour, each in enumerate(found["hours"])
        if each["completed"]
    ]
    line = " ".join(
        f"{hour * 7 + 3:g},{HIGH - (HIGH - 2) * each['latencyMs'] / slowest:.1f}"
        for hour, each in enumerate(found["hours"])
        if each["latencyMs"] is not None
    )
    hours = [{**each, "ago": 23 - hour} for hour, each in enumerate(found["hours"])]
    return {**found, "hours": hours, "bars": bars, "line": line, "slowest": slowest}


def _tests_of(webhook_id: str, before: int | None = None) -> AttemptQuery:
    """The newest test of a webhook."""
    return AttemptQuery(
        webhook=(webhook_id,), type=(simulator().factory.test_event().type,), before=before, limit=1
    )  # fmt: skip
