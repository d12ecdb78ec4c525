"""Audits over HTTP: have a receiver examined in the background, see how far it is, fetch the report, end it."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

from flask import Blueprint, Flask, Response, current_app, jsonify

from emitter.audit.audits import FORMS, MOST_DELIVERIES, MOST_INTERLEAVINGS, RUNNING, Audits
from emitter.errors import BadValue, UsageError
from emitter.simulator import Simulator
from emitter.web import reading
from emitter.web.guards import guard_api, refuse_ca, slots
from emitter.web.tenancy import simulator
from emitter.web.waiting import patiently

REPORT_TYPES = {
    "json": "application/json", "text": "text/plain", "junit": "application/xml", "html": "text/html",
    "badge": "image/svg+xml",
}  # fmt: skip
MOST_CHECKS, MOST_HEADERS = 100, 20
LONGEST_HEADER = 8_192
_ASKED = (
    "url", "signingKey", "oldSigningKey", "verifyTls", "ca", "probe", "probeHeaders", "only", "interleavings", "sweep",
    "failUnder", "deadline", "most", "settle", "seed", "yes",
)  # fmt: skip

audits_api = guard_api(Blueprint("audits", __name__, url_prefix="/simulator/audits"))


class _Own:
    """The audits of each tenant, made when they are first asked for."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Simulator, Audits] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, here: Simulator) -> Audits:
        with self._lock:
            found = self._known.get(here)
            if found is None:
                found = self._known[here] = Audits(here)
            return found


def install(app: Flask) -> None:
    """Let the app make audits."""
    app.extensions["emitter.audits"] = _Own()
    app.register_blueprint(audits_api)


def _audits() -> Audits:
    own: _Own = current_app.extensions["emitter.audits"]
    return own.of(simulator())


@audits_api.post("")
def start() -> tuple[Response, int]:
    """Begin an audit; 201 if it is over, 202 while it is made."""
    asked = reading.parameters("wait")
    longest = reading.seconds("wait", asked["wait"]) if "wait" in asked else 0.0
    found = reading.json_object(known=_ASKED)
    if "url" not in found:
        raise UsageError('url is missing: which receiver to examine, as {"url": "http://127.0.0.1:3000/hook"}.')
    ca = reading.member(found, "ca", str, default="")
    refuse_ca(ca)
    how: dict[str, Any] = {
        "signing_key": reading.member(found, "signingKey", str, default=""),
        "old_key": reading.member(found, "oldSigningKey", str, default=""),
        "verify_tls": reading.member(found, "verifyTls", bool, default=True),
        "probe": reading.member(found, "probe", str, default=""),
        "probe_headers": _headers(reading.member(found, "probeHeaders", list, default=[])),
        "only": _names(reading.member(found, "only", list, default=[])),
        "interleavings": reading.number(found, "interleavings", int, least=0, most=MOST_INTERLEAVINGS, default=0),
        "sweep": reading.member(found, "sweep", bool, default=False),
        "fail_under": reading.number(found, "failUnder", int, least=0, most=100),
        "deadline": reading.member(found, "deadline", str, default="5m"),
        "most": reading.number(found, "most", int, least=1, most=MOST_DELIVERIES, default=20_000),
        "settle": reading.member(found, "settle", str, default="250ms"),
        "seed": reading.number(found, "seed", int, least=0, most=2**63 - 1),
        "yes": reading.member(found, "yes", bool, default=False),
    }
    url = reading.member(found, "url", str)
    with slots("polls" if longest else "slow").hold():
        begun = _audits().start_audit(url, ca=ca, **how)
        told = _ended(begun["id"], longest)
    return jsonify(told), 202 if told["state"] == RUNNING else 201


def _names(found: list[Any]) -> list[str]:
    if len(found) > MOST_CHECKS or not all(isinstance(each, str) for each in found):
        raise BadValue("only", found, f"is no list of names, {MOST_CHECKS} at most.")
    return found


def _headers(found: list[Any]) -> list[tuple[str, str]]:
    """Pairs of name and value, as they are sent to the probe; what is none is not shown, it may hold a token."""
    if not all(isinstance(each, list) and len(each) == 2 and _is_header(*each) for each in found):
        raise UsageError('probeHeaders is a list of pairs, as [["Authorization", "Bearer ..."]]. It is not shown.')
    if len(found) > MOST_HEADERS:
        raise UsageError(f"probeHeaders holds {MOST_HEADERS} pairs at most.")
    return [(name.strip(), value.strip()) for name, value in found]


def _is_header(name: object, value: object) -> bool:
    texts = [each for each in (name, value) if isinstance(each, str) and each.isprintable() and each.isascii()]
    return len(texts) == 2 and bool(texts[0].strip()) and ":" not in texts[0] and len(texts[1]) <= LONGEST_HEADER


def _ended(audit_id: str, longest: float) -> Any:
    """An audit once it is over, or time is up."""
    audits = _audits()
    if longest:
        patiently(lambda patience: audits.audit(audit_id, wait=patience)["state"] != RUNNING, longest)
    return audits.audit(audit_id)


@audits_api.get("")
def all_of_them() -> Response:
    """The audits, the newest first."""
    reading.parameters()
    return jsonify({"audits": _audits().audits()})


@audits_api.get("/<audit_id>")
def one(audit_id: str) -> Response:
    """One audit; with `wait` once it is over."""
    asked = reading.parameters("wait")
    if "wait" not in asked:
        return jsonify(_audits().audit(audit_id))
    longest = reading.seconds("wait", asked["wait"])
    with slots("polls").hold():
        return jsonify(_ended(audit_id, longest))


@audits_api.get("/<audit_id>/report")
def report(audit_id: str) -> Response:
    """What an audit found, in one of five forms."""
    form = reading.parameters("format").get("format", "json")
    if form not in FORMS:
        raise BadValue("format", form, f"is none of {', '.join(FORMS)}.")
    with slots("slow").hold():
        written = _audits().audit_report(audit_id, form)
    answer = Response(written, mimetype=REPORT_TYPES[form])
    if form == "html":  # the page has a policy of its own, and is nothing to be shown from here
        answer.headers["Content-Disposition"] = 'attachment; filename="audit.html"'
    return answer


@audits_api.delete("/<audit_id>")
def cancel(audit_id: str) -> Response:
    """End an audit; forget one that is over."""
    _audits().cancel_audit(audit_id)
    return Response(status=204)
