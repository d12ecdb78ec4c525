"""What the real app cannot give, over HTTP: trigger any event, read everything, wait, send again.

The simulated app and its clock are next door (`world_api`). Paths begin with `/simulator`. Mistakes come as problem
JSON; a query string means what it means on the page and on the command line.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from emitter import clock
from emitter.delivery import Webhook
from emitter.errors import BadValue, NotFound, UsageError
from emitter.export import FORMS, export
from emitter.history import Json
from emitter.query import LARGEST_PAGE, AttemptQuery
from emitter.trigger import TriggerSpec, read_body, read_faults
from emitter.web import reading
from emitter.web.guards import guard_api, refuse_ca, slots
from emitter.web.tenancy import simulator as _simulator
from emitter.web.waiting import follow, patiently

EXPORT_TYPES = {
    "jsonl": "application/jsonl", "har": "application/json", "csv": "text/csv", "curl": "text/x-shellscript",
}  # fmt: skip

simulator_api = guard_api(Blueprint("simulator", __name__, url_prefix="/simulator"))


# --- events -----------------------------------------------------------------------------------------------------------


@simulator_api.post("/trigger")
def trigger() -> tuple[Response, int]:
    """Make events, keep them, send them; with `wait` tell what became of them."""
    asked = reading.parameters("wait", "dryRun")
    spec = TriggerSpec.from_json(reading.json_body())
    refuse_ca(spec.ca)
    simulator = _simulator()
    if reading.flag("dryRun", asked.get("dryRun", "false")):
        if "wait" in asked:
            raise UsageError("wait does not go with dryRun: nothing is sent.")
        return jsonify({"events": simulator.preview(spec)}), 200
    if "wait" not in asked:
        return jsonify({"events": simulator.trigger(spec)}), 201
    longest = reading.seconds("wait", asked["wait"])
    with slots("polls").hold():
        events = simulator.trigger(spec)
        complete = follow(simulator, events, longest)
    return jsonify({"events": events, "complete": complete}), 201


@simulator_api.get("/events")
def events() -> Response:
    """Events, newest first."""
    found = _grouped("type", "run", "before", "limit")
    limit = reading.whole("limit", _one("limit", found) or "50", least=1, most=LARGEST_PAGE)
    query = AttemptQuery.parse([("type", each) for each in found["type"]])
    page = _simulator().events(
        before=_one("before", found), limit=limit, types=query.type, run=_one("run", found)
    )  # fmt: skip
    return jsonify(page)


def _grouped(*known: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in known}
    for name, value in request.args.items(multi=True):
        if name not in found:
            reading.parameters(*known)
        if value.strip():
            found[name].append(value.strip())
    return found


def _one(name: str, found: dict[str, list[str]]) -> str:
    if len(found[name]) > 1:
        raise BadValue(name, found[name][-1], "is given twice.")
    return found[name][0] if found[name] else ""


@simulator_api.get("/events/<event_id>")
def event(event_id: str) -> Response:
    """One event with its body and deliveries."""
    return jsonify(_simulator().event(event_id))


@simulator_api.get("/event-types")
def event_types() -> Response:
    """The catalogue."""
    reading.parameters()
    return jsonify({"eventTypes": _simulator().event_types()})


@simulator_api.get("/event-types/<name>")
def event_type(name: str) -> Response:
    """One event type: schema, example, provenance."""
    return jsonify(_simulator().event_type(name))


@simulator_api.post("/check")
def check() -> Response:
    """Hold the body of the request, as it is, against the schemas."""
    return jsonify(_simulator().check(reading.body("application/json", "application/octet-stream")))


@simulator_api.get("/faults")
def faults() -> Response:
    """The faults that a delivery can be made to suffer."""
    reading.parameters()
    return jsonify({"faults": _simulator().faults()})


# --- attempts and deliveries ------------------------------------------------------------------------------------------


@simulator_api.get("/attempts")
def attempts() -> Response:
    """A page of attempts, newest first; `older` and `newer` are the query strings of its neighbours."""
    return jsonify(_simulator().attempts(_query()))


@simulator_api.get("/attempts/count")
def count() -> Response:
    """How many attempts match."""
    return jsonify(_simulator().count(_unpaged()))


@simulator_api.get("/attempts/overview")
def overview() -> Response:
    """The attempts that match at a glance: counts by outcome, and bars over time."""
    return jsonify(_simulator().overview(_unpaged()))


@simulator_api.get("/attempts/export")
def exported() -> Response:
    """Every attempt that matches, as JSON lines, HAR, CSV or curl commands, written while it is read."""
    form = request.args.get("format", "jsonl")
    query = _unpaged("format")
    if form not in FORMS or len(request.args.getlist("format")) > 1:
        raise BadValue("format", form, f"is none of {', '.join(FORMS)}.")
    answer = slots("slow").stream(export(_simulator().history, query, form), EXPORT_TYPES[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="attempts.{form if form != "curl" else "sh"}"'
    return answer


@simulator_api.get("/coverage")
def coverage() -> Response:
    """What the receivers of the attempts that match have seen of the contract."""
    extended = reading.flag("extended", request.args.get("extended", "false"))
    query = _unpaged("extended")
    with slots("slow").hold():
        return jsonify(_simulator().coverage(query, extended=extended))


@simulator_api.get("/attempts/<attempt_id>")
def attempt(attempt_id: str) -> Response:
    """One attempt in full."""
    return jsonify(_simulator().attempt(_attempt_id(attempt_id)))


@simulator_api.post("/attempts/<attempt_id>/resend")
def resend(attempt_id: str) -> tuple[Response, int]:
    """Send an attempt again: signed anew, byte for byte as it was (`asIs`), or with a body of its own."""
    found = reading.json_object(optional=True, known=("asIs", "body", "bodyBase64", "allowInvalid", "faults"))
    if "body" in found and "bodyBase64" in found:
        raise UsageError("Give the body once: as text (body), or in base64 (bodyBase64).")
    again = _simulator().resend(
        _attempt_id(attempt_id),
        as_is=reading.member(found, "asIs", bool, default=False),
        body=read_body(found),
        allow_invalid=reading.member(found, "allowInvalid", bool, default=False),
        faults=read_faults("faults", found.get("faults", [])),
    )
    return jsonify(again), 201


@simulator_api.get("/deliveries/<delivery_id>")
def delivery(delivery_id: str) -> Response:
    """One delivery with its attempts."""
    return jsonify(_simulator().delivery(delivery_id))


@simulator_api.get("/wait")
def wait() -> Response:
    """Wait until so many completed attempts match: a long poll."""
    asked = request.args.to_dict()
    longest = reading.seconds("timeout", asked.get("timeout", "10s"))
    wanted = reading.whole("count", asked.get("count", "1"), least=1, most=LARGEST_PAGE)
    query = _query("timeout", "count")
    simulator = _simulator()
    found: Json = {}

    def enough(patience: float) -> bool:
        found.update(simulator.wait(query, count=wanted, timeout=patience))
        return bool(found["complete"])

    with slots("polls").hold():
        patiently(enough, longest)
    return jsonify(found)


@simulator_api.get("/settled")
def settled() -> Response:
    """Wait until nothing is under way and nothing is due."""
    longest = reading.seconds("timeout", reading.parameters("timeout").get("timeout", "10s"))
    with slots("polls").hold():
        return jsonify({"settled": patiently(_simulator().settle, longest)})


def _query(*beside: str) -> AttemptQuery:
    """The filters of the query string; `beside` are parameters that are read elsewhere, once each."""
    for name in beside:
        if len(request.args.getlist(name)) > 1:
            raise BadValue(name, request.args.getlist(name)[-1], "is given twice.")
    return AttemptQuery.parse((name, value) for name, value in request.args.items(multi=True) if name not in beside)


def _unpaged(*beside: str) -> AttemptQuery:
    """The filters of what is no page: a limit would be taken for what it is not."""
    if "limit" in request.args:
        raise BadValue("limit", request.args["limit"], "has no meaning here: all that match are taken. Leave it out.")
    return _query(*beside)


def _attempt_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound("attempt", text, "An attempt's id is a number.")
    return int(text)


# --- webhooks ---------------------------------------------------------------------------------------------------------

_SETTINGS = ("url", "verifyTls", "signingKey", "ca", "http2", "paused", "suppressed")


@simulator_api.get("/webhooks")
def webhooks() -> Response:
    """The registrations with what the vendor's API does not say of them."""
    reading.parameters()
    simulator = _simulator()
    waiting = simulator.store.reader.waiting_counts()
    return jsonify({"webhooks": [_shown(each, waiting) for each in simulator.webhooks()]})


@simulator_api.post("/webhooks")
def add_webhook() -> tuple[Response, int]:
    """Register a webhook; it may start paused, so that nothing is sent yet."""
    found = reading.json_object(known=_SETTINGS)
    if "url" not in found:
        raise UsageError("url is missing: where the events go, as https://example.com/hook.")
    held = {name: reading.member(found, name, bool, default=False) for name in ("paused", "suppressed")}
    ca = reading.member(found, "ca", str, default="")
    refuse_ca(ca)
    simulator = _simulator()
    added = simulator.add_webhook(
        reading.member(found, "url", str),
        verify_tls=reading.member(found, "verifyTls", bool, default=True),
        signing_key=reading.member(found, "signingKey", str, default=""),
        ca=ca,
        http2=reading.member(found, "http2", bool, default=False),
    )
    if any(held.values()):
        added = simulator.change_webhook(added.id, **held)
    return jsonify(_shown(added, {})), 201


@simulator_api.get("/webhooks/<webhook_id>")
def webhook(webhook_id: str) -> Response:
    """One registration."""
    return _answer_with(_simulator().webhook(webhook_id))


@simulator_api.patch("/webhooks/<webhook_id>")
def change_webhook(webhook_id: str) -> Response:
    """Change what is given and keep the rest; an empty signing key removes it."""
    simulator = _simulator()
    simulator.webhook(webhook_id)
    found = reading.json_object(known=_SETTINGS)
    refuse_ca(reading.member(found, "ca", str, default=""))
    changed = simulator.change_webhook(
        webhook_id,
        url=reading.member(found, "url", str),
        verify_tls=reading.member(found, "verifyTls", bool),
        signing_key=reading.member(found, "signingKey", str),
        ca=reading.member(found, "ca", str),
        http2=reading.member(found, "http2", bool),
        paused=reading.member(found, "paused", bool),
        suppressed=reading.member(found, "suppressed", bool),
    )
    return _answer_with(changed)


@simulator_api.delete("/webhooks/<webhook_id>")
def delete_webhook(webhook_id: str) -> Response:
    """Remove a registration; what waits for it is dropped."""
    _simulator().delete_webhook(webhook_id)
    return Response(status=204)


def _answer_with(found: Webhook) -> Response:
    return jsonify(_shown(found, _simulator().store.reader.waiting_counts()))


def _shown(found: Webhook, waiting: dict[int, int]) -> Json:
    return {
        "id": found.id,
        "url": found.url,
        "verifyTls": found.verify_tls,
        "signingKey": found.signing_key is not None,
        "suppressed": found.suppressed,
        "paused": found.paused,
        "ca": found.ca,
        "http2": found.http2,
        "waiting": waiting.get(found.number, 0),
        "createdAt": clock.rfc3339(found.created_at, 3),
    }


# --- the simulator itself ---------------------------------------------------------------------------------------------


@simulator_api.get("/assumptions")
def assumptions() -> Response:
    """The register of assumptions."""
    reading.parameters()
    return jsonify({"assumptions": _simulator().assumed()})


@simulator_api.get("/facts")
def facts() -> Response:
    """How many facts about the app there are, and on what they stand."""
    reading.parameters()
    return jsonify(_simulator().facts())


@simulator_api.get("/state")
def state() -> Response:
    """What runs."""
    reading.parameters()
    return jsonify(_simulator().state())


@simulator_api.post("/reset")
def reset() -> Response:
    """Forget all events, deliveries, attempts and webhooks."""
    reading.json_object(optional=True, known=("nothing",))
    with slots("slow").hold():
        _simulator().reset()
    return Response(status=204)
