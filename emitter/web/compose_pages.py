"""The composer: an event made by hand, shown as it would leave, and sent."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter import clock
from emitter.catalog import EventType
from emitter.delivery import masked
from emitter.errors import BadSigningKey, BadValue, EmitterError, InvalidEvent, NotFound
from emitter.faults import FAULTS
from emitter.history import Json
from emitter.web.composing import AGAIN, SOME, Composed, exactly
from emitter.web.delivery_filters import number
from emitter.web.errors import status_of
from emitter.web.frame import field_of, server, slow_slot
from emitter.web.placing import placed
from emitter.web.shown import editable
from emitter.web.tenancy import simulator

MOST_OFFERED = 200  # webhooks to choose from
MOST_TOLD = 20  # deliveries of what was sent, whose outcome is told
MOST_SHOWN = 64 * 1024  # bytes of a body that are laid out line by line
SEEDS = 1_000_000


def compose() -> ResponseReturnValue:
    """The form, empty or as the address fills it in."""
    given = request.args.to_dict()
    if any(name != "sent" and not value for name, value in given.items()):  # the form that picks a type
        return redirect(_address({name: value for name, value in given.items() if value}))
    composed = Composed.of(given, request.args.getlist("webhook"))
    composed = _again(composed)
    if not composed.seed and composed.body is None:
        composed = replace(composed, seed=str(_seed()))
    return _page(composed, None, None), 200


def send() -> ResponseReturnValue:
    """Show what would leave, or send it."""
    how = request.form.get("how", "")
    if how not in ("preview", "send", "send-these"):
        raise BadValue("how", how, "is none of preview, send and send-these.")
    composed = Composed.of(request.form.to_dict(), request.form.getlist("webhook"))
    try:
        if how == "preview":
            return _page(composed, _preview(composed), None), 200
        sent = _send(composed, exactly(request.form.get("these", "")) if how == "send-these" else None)
    except EmitterError as error:
        return _page(composed, None, error), status_of(error)
    return redirect(_address({**composed.address(), "sent": sent}), 303)


def _send(composed: Composed, these: bytes | None) -> str:
    """Send it; returns the id of the (last) event. `these` bytes go as they are."""
    if composed.target == AGAIN:
        body = these if these is not None else (composed.body or "").encode("utf-8", "surrogatepass")
        spec = composed.spec(seed=0, invalid=True)
        again = simulator().resend(
            _attempt(composed.attempt)["id"], body=body, allow_invalid=composed.allow_invalid, faults=spec.faults
        )
        return str(again["eventId"])
    spec = composed.spec(seed=_seed())
    if these is not None:
        spec = replace(spec, type="", set={}, unset=(), profile="", body=these, count=1)
    with slow_slot():
        return str(simulator().trigger(spec)[-1]["id"])


def _again(composed: Composed) -> Composed:
    """Fill in what an attempt sent, to be edited and sent again."""
    if not composed.attempt:
        return composed
    attempt = _attempt(composed.attempt)
    if composed.body is None:
        text = attempt["request"]["body"]
        if attempt["request"]["bodyEncoding"] != "utf-8":
            text = base64.b64decode(text).decode("utf-8", "replace")
        composed = replace(composed, body=editable(text))
    return composed


def _attempt(text: str) -> Json:
    return simulator().attempt(number(text))


def _preview(composed: Composed) -> Json:
    """What would leave: the body, what the contract says of it, the request to each target."""
    spec = composed.spec(seed=_seed(), invalid=True)
    url = ""
    if composed.target == AGAIN:
        attempt = _attempt(composed.attempt)
        spec = replace(spec, webhooks=(attempt["webhookId"],)) if _listed(attempt["webhookId"]) else spec
        url = attempt["url"]
    found = simulator().preview(replace(spec, count=1, faults=()))[0]
    if url and not spec.webhooks:
        found["requests"] = []
    raw = found["body"].encode()
    told = simulator().check(raw)
    findings = [*({**each, "kind": "violation"} for each in told["violations"]),
                *({**each, "kind": "warning"} for each in told["warnings"])]  # fmt: skip
    return {
        **found,
        "size": len(raw),
        "these": base64.b64encode(raw).decode(),
        "verdict": told["verdict"],
        "placed": placed(found["body"], findings) if len(raw) <= MOST_SHOWN else None,
        "violations": told["violations"],
        "warnings": told["warnings"],
        "refused": found["verdict"] != "valid" and not composed.allow_invalid,
        "again": url,
    }  # fmt: skip


def _listed(webhook_id: str) -> bool:
    return any(each.id == webhook_id for each in simulator().webhooks())


def _page(composed: Composed, preview: Json | None, error: EmitterError | None) -> str:
    kind = _kind(composed.type) if composed.body is None and composed.type else None
    members = composed.members(kind) if kind else []
    if composed.target == AGAIN and not composed.attempt:
        composed = replace(composed, target="all")
    return render_template(
        "compose.html",
        composed=composed,
        kind=kind,
        kinds=[(each.alias or each.name, each.title) for each in simulator().catalog],
        core=[each for each in members if not each.extended],
        extended=[each for each in members if each.extended],
        again=_attempt(composed.attempt) if composed.attempt else None,
        hooks=[
            {"id": each.id, "url": masked(each.url), "signed": each.signing_key is not None,
             "paused": each.paused, "suppressed": each.suppressed, "chosen": each.id in composed.webhooks}
            for each in simulator().webhooks()[:MOST_OFFERED]
        ],
        faults=list(FAULTS),
        preview=preview,
        sent=_sent(),
        error=str(error) if error else "",
        violations=error.violations if isinstance(error, InvalidEvent) else (),
        wrong=_wrong(error),
        some=SOME,
        server=server(),
    )  # fmt: skip


def _kind(name: str) -> EventType:
    return simulator().catalog.resolve(name)


def _wrong(error: EmitterError | None) -> str:
    if error is None:
        return ""
    return "signing_key" if isinstance(error, BadSigningKey) else {"url": "to"}.get(field_of(error), field_of(error))


def _sent() -> Json | None:
    """What became of the event that was sent from here."""
    id = request.args.get("sent", "")
    try:
        found = simulator().event(id) if id else None
    except NotFound:
        return None
    if found is None:
        return None
    told = [each["id"] for each in found["deliveries"][:MOST_TOLD]]
    return {**found, "total": len(found["deliveries"]), "deliveries": simulator().deliveries(told, wait=0.5)}


def _address(fields: dict[str, Any]) -> str:
    text = urlencode(fields, doseq=True)
    return url_for("pages.compose") + (f"?{text}" if text else "")


def _seed() -> int:
    """A seed for somebody who names none: another every time, and never the world's own row of chance."""
    return clock.wall() // 1000 % SEEDS
