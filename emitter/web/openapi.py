"""The OpenAPI 3.1 description of what we serve, at `/simulator/openapi.json`: one line a route.

The tests hold it against the routes, and against what they answer.
"""

from __future__ import annotations

import re
from functools import cache

import orjson
from flask import Blueprint, Response

from emitter.contract.export import FORMS
from emitter.faults import FAULTS
from emitter.query import ANY_FAULT, LARGEST_PAGE, OUTCOMES, VERDICTS
from emitter.simulator import VERSION
from emitter.web.guards import guard_api, open_to_all
from emitter.web.openapi_audits import AUDITS, AUDITS_PARAMETERS, AUDITS_SCHEMAS
from emitter.web.openapi_product import PRODUCT_PARAMETERS, PRODUCT_SCHEMAS, WORLD_PRODUCT
from emitter.web.openapi_runs import RUNS, RUNS_PARAMETERS, RUNS_SCHEMAS
from emitter.web.openapi_schemas import COUNT, DURATION, FORMAT, SCHEMAS, TEXT, UUID, YES_NO, Schema, many, ref
from emitter.web.openapi_snapshots import SNAPSHOTS, SNAPSHOTS_SCHEMAS
from emitter.web.openapi_standins import STANDINS, STANDINS_PARAMETERS, STANDINS_SCHEMAS
from emitter.web.openapi_tenants import TENANTS, TENANTS_SCHEMAS
from emitter.web.openapi_testing import TESTING, TESTING_PARAMETERS, TESTING_SCHEMAS
from emitter.web.openapi_world import KIND, WORLD, WORLD_PARAMETERS, WORLD_SCHEMAS
from emitter.web.operation import Operation

document = guard_api(Blueprint("document", __name__, url_prefix="/simulator"))

ID = "3f2c9a52-6a0e-4d3b-9a55-2f8f3b1f6c11"
HOOK = "https://example.com/hook"


_FILTERS = (
    "type",
    "outcome",
    "status",
    "webhook",
    "run",
    "event",
    "delivery",
    "fault",
    "verdict",
    "since",
    "until",
    "text",
)
_ANCHORS = ("before", "after")
_PAGING = (*_ANCHORS, "limit")
_WEBHOOK = "/api/notification/webhook"
_NEW = {"url": HOOK, "verifyTls": True, "signingKey": "a-secret-of-yours"}

PRODUCT: dict[tuple[str, str], Operation] = {
    ("GET", _WEBHOOK): Operation("getWebhooks", "List webhooks", "Webhook", is_list=True),
    ("POST", _WEBHOOK): Operation("createWebhook", "Create a webhook", "Webhook", reads="CreateWebhook", example=_NEW),
    ("GET", _WEBHOOK + "/{id}"): Operation("getWebhook", "One webhook", "Webhook"),
    ("PUT", _WEBHOOK + "/{id}"): Operation(
        "updateWebhook", "Change a webhook; ends a suppression", "Webhook", reads="UpdateWebhook",
        example={"url": HOOK, "verifyTls": False},
    ),
    ("DELETE", _WEBHOOK + "/{id}"): Operation("deleteWebhook", "Delete a webhook and hide its history", status=204),
    ("GET", _WEBHOOK + "/{id}/history"): Operation(
        "getWebhookHistory", "What was sent to a webhook", "PaginatedWebhookHistory", query=("offset", "pageLimit")
    ),
    ("POST", _WEBHOOK + "/{id}/test"): Operation("testWebhook", "Send a test to a webhook", "WebhookTestResult"),
    ("POST", _WEBHOOK + "/test"): Operation(
        "testWebhookConfig", "Send a test to a configuration that is not kept", "WebhookTestResult",
        reads="CreateWebhook", example=_NEW,
    ),
    ("GET", "/health"): Operation("health", "Whether the process answers", "Health", is_open=True),
    ("GET", "/health/live"): Operation("healthLive", "Whether the process answers", "Health", is_open=True),
    ("GET", "/health/ready"): Operation(
        "healthReady", "Whether the store answers, too", "Health", is_open=True, also={503: "Health"}
    ),
    **WORLD_PRODUCT,
}  # fmt: skip

OURS: dict[tuple[str, str], Operation] = {
    ("POST", "/simulator/trigger"): Operation(
        "trigger", "Make events, keep them, send them", "Triggered", 201, reads="Trigger", query=("wait", "dryRun"),
        errors=(404, 409), also={200: "Preview"},
        example={"type": "access-revoked", "to": HOOK, "seed": 7, "faults": ["duplicate", {"delay": "5m"}]},
    ),
    ("GET", "/simulator/events"): Operation(
        "events", "Events, newest first", "Events", query=("type", "run1", "beforeEvent", "limit"), errors=(404,)
    ),
    ("GET", "/simulator/events/{event_id}"): Operation("event", "One event with its body and deliveries", "Event"),
    ("GET", "/simulator/event-types"): Operation("eventTypes", "The catalogue", "EventTypes"),
    ("GET", "/simulator/event-types/{name}"): Operation(
        "eventType", "One event type: schema, example, provenance", "EventType"
    ),
    ("GET", "/simulator/attempts"): Operation(
        "attempts", "A page of attempts, newest first", "Attempts", query=_FILTERS + _PAGING
    ),
    ("GET", "/simulator/attempts/count"): Operation(
        "countAttempts", "How many attempts match", "Count", query=_FILTERS + _ANCHORS
    ),
    ("GET", "/simulator/attempts/overview"): Operation(
        "overview", "The attempts that match at a glance: counts by outcome, and bars over time", "Overview",
        query=_FILTERS + _ANCHORS,
    ),
    ("GET", "/simulator/attempts/export"): Operation(
        "exportAttempts", "Every attempt that matches, as JSON lines, HAR, CSV or curl commands",
        media=("application/jsonl", "application/json", "text/csv", "text/x-shellscript"),
        query=("format",) + _FILTERS + _ANCHORS,
    ),
    ("GET", "/simulator/coverage"): Operation(
        "coverage", "What the receivers have seen of the contract, and what not yet", "Coverage",
        query=("extended",) + _FILTERS + _ANCHORS,
    ),
    ("GET", "/simulator/attempts/{attempt_id}"): Operation("attempt", "One attempt in full", "Attempt"),
    ("POST", "/simulator/attempts/{attempt_id}/resend"): Operation(
        "resend", "Send an attempt again, as a new delivery", "Delivery", 201, reads="Resend", reads_optional=True,
        errors=(409,), example={"asIs": True},
    ),
    ("GET", "/simulator/deliveries/{delivery_id}"): Operation("delivery", "One delivery with its attempts", "Delivery"),
    ("GET", "/simulator/wait"): Operation(
        "wait", "Wait until so many completed attempts match, 30 s at most", "Waited",
        query=("timeout", "count") + _FILTERS + _PAGING,
    ),
    ("GET", "/simulator/faults"): Operation("faults", "What can be made to go wrong on purpose", "Faults"),
    ("GET", "/simulator/settled"): Operation(
        "settled", "Wait until nothing is under way and nothing is due, 30 s at most", "Settled", query=("timeout",)
    ),
    ("GET", "/simulator/contract/{form}"): Operation(
        "contract", "The contract of the webhooks: as AsyncAPI, OpenAPI, JSON Schema, Markdown, or sample bodies",
        query=("syntax",), media=("application/yaml", "application/json", "text/markdown", "application/jsonl"),
    ),
    ("POST", "/simulator/check"): Operation(
        "check", "Hold a body against what is documented and assumed", "Checked", reads="*",
        example={"type": "marketplace.data_product.state.created"},
    ),
    ("GET", "/simulator/webhooks"): Operation("webhooks", "Webhooks, with what is ours", "OurWebhooks"),
    ("POST", "/simulator/webhooks"): Operation(
        "addWebhook", "Register a webhook", "OurWebhook", 201, reads="NewWebhook", example={**_NEW, "paused": True}
    ),
    ("GET", "/simulator/webhooks/{webhook_id}"): Operation("webhook", "One webhook", "OurWebhook"),
    ("PATCH", "/simulator/webhooks/{webhook_id}"): Operation(
        "changeWebhook", "Change what is given", "OurWebhook", reads="WebhookChange", example={"paused": False}
    ),
    ("DELETE", "/simulator/webhooks/{webhook_id}"): Operation("removeWebhook", "Remove a webhook", status=204),
    ("GET", "/simulator/assumptions"): Operation("assumptions", "Everything that is assumed", "Assumptions"),
    ("GET", "/simulator/facts"): Operation("facts", "How many facts about the app stand on what", "Facts"),
    ("GET", "/simulator/state"): Operation("state", "What runs", "State"),
    ("POST", "/simulator/reset"): Operation(
        "reset", "Forget all events, deliveries, attempts and webhooks", status=204, reads="Nothing",
        reads_optional=True, example={},
    ),
    **WORLD,
    **RUNS,
    **TENANTS,
    **SNAPSHOTS,
    **TESTING,
    **STANDINS,
    **AUDITS,
    ("GET", "/simulator/openapi.json"): Operation("openapi", "This description", "Anything", is_open=True),
}  # fmt: skip

CONTRACT_FORM: Schema = {"type": "string", "enum": list(FORMS)}
_ANCHOR = {"type": "integer", "minimum": 0, "maximum": 2**62}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 50}
_PARAMETERS: dict[str, tuple[str, Schema, str]] = {
    "type": ("type", many(TEXT), "Names, aliases, ends of names, with * for any characters."),
    "outcome": ("outcome", many({"type": "string", "enum": list(OUTCOMES)}), ""),
    "status": ("status", many({"type": "string", "pattern": "^([1-9][0-9][0-9]|[1-9]xx|none)$"}), "404, 5xx, none."),
    "webhook": ("webhook", many(UUID), ""),
    "run": ("run", many(TEXT), ""),
    "run1": ("run", TEXT, ""),
    "event": ("event", many(UUID), ""),
    "delivery": ("delivery", many(UUID), ""),
    "fault": ("fault", many({"type": "string", "enum": [ANY_FAULT, *FAULTS]}), "That it suffered."),
    "verdict": ("verdict", many({"type": "string", "enum": list(VERDICTS)}), "Of the event against its schema."),
    "since": ("since", TEXT, "RFC 3339, or a duration back from now, as 1h."),
    "until": ("until", TEXT, "RFC 3339, or a duration back from now, as 1h."),
    "text": ("text", {"type": "string", "maxLength": 255}, "In bodies sent or received; ASCII case is ignored."),
    "before": ("before", _ANCHOR, "Attempts older than this one."),
    "after": ("after", _ANCHOR, "Attempts newer than this one."),
    "beforeEvent": ("before", TEXT, "Events older than this one."),
    "limit": ("limit", _LIMIT, ""),
    "offset": ("offset", {"type": "integer", "minimum": 0, "default": 0}, ""),
    "pageLimit": ("limit", {"type": "integer", "minimum": 1, "default": 10}, "There is no maximum."),
    "format": ("format", FORMAT, ""),
    "syntax": ("format", {"type": "string", "enum": ["yaml", "json"]}, "Of a form that has both."),
    "wait": ("wait", DURATION, "Answer when all deliveries are over, or after so long; 30 s at most."),
    "timeout": ("timeout", {**DURATION, "default": "10s"}, "30 s at most."),
    "count": ("count", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 1}, ""),
    "extended": ("extended", YES_NO, "Count the members, too, that only this simulator sends."),
    "dryRun": ("dryRun", YES_NO, "Show what would be sent, and send nothing."),
    **PRODUCT_PARAMETERS,
    **WORLD_PARAMETERS,
    **RUNS_PARAMETERS,
    **TESTING_PARAMETERS,
    **STANDINS_PARAMETERS,
    **AUDITS_PARAMETERS,
}
_EXAMPLES = {
    "name": "access-revoked", "attempt_id": "1", "kind": "data-products", "id_or_name": "Claims 2025", "run": "a-run",
    "other": "another-run", "receiver_id": "receiver-1", "tenant_id": "build 42", "token_id": "9f2c4e71a0b3d5c8",
    "snapshot": "base", "form": "asyncapi", "standin_id": "teams-1", "audit_id": "audit-1",
}  # fmt: skip
_ERRORS = {
    400: "What was asked for cannot be done as asked.",
    401: "No token, or a wrong one.",
    403: "Not from here.",
    404: "No such thing.",
    409: "It does not fit the state things are in.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not in a form that is read.",
    421: "A host name that is not ours.",
    503: "Not now; try again.",
}


@document.get("/openapi.json")
@open_to_all
def openapi() -> Response:
    """The document."""
    return Response(_bytes(), mimetype="application/json")


@cache
def _bytes() -> bytes:
    return orjson.dumps(describe())


def describe() -> Schema:
    """Make the whole document."""
    paths: dict[str, Schema] = {}
    for (method, path), operation in {**PRODUCT, **OURS}.items():
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation)
    for (method, path), operation in PRODUCT.items():
        prefixed = _operation(path, operation)
        prefixed["operationId"] = f"marketplace.{operation.id}"
        paths.setdefault(f"/marketplace{path}", {})[method.lower()] = prefixed
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "emitter",
            "version": VERSION,
            "summary": "A stand-in for the Immuta Request app's webhooks.",
            "description": (
                "The vendor's own paths (`/marketplace/api/...`, `/api/...`, `/health`), and what the real app cannot "
                "give (`/simulator/...`). Every request but the health checks and this document wants a bearer token; "
                "on loopback any will do unless EMITTER_TOKEN names one. A token that was made (`/simulator/tokens`, "
                "`/simulator/tenants`) decides who asks, and in which tenant; ours is for admins."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": "Request app", "description": "As the vendor describes it."},
                 {"name": "Simulator", "description": "Ours."}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {**SCHEMAS, **PRODUCT_SCHEMAS, **WORLD_SCHEMAS, **RUNS_SCHEMAS, **TENANTS_SCHEMAS,
                        **SNAPSHOTS_SCHEMAS, **TESTING_SCHEMAS, **STANDINS_SCHEMAS, **AUDITS_SCHEMAS,
                        "Nothing": {"type": "object", "additionalProperties": False}, "Anything": {"type": "object"}},
        },
    }  # fmt: skip


def _operation(path: str, operation: Operation) -> Schema:
    ours = path.startswith("/simulator/")
    described: Schema = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": ["Simulator" if ours else "Request app"],
        "parameters": [_path_parameter(name) for name in re.findall(r"{(\w+)}", path)]
        + [_query_parameter(name) for name in operation.query],
        "responses": {str(operation.status): _success(operation, operation.answer)},
    }
    for status, name in dict(operation.also).items():
        described["responses"][str(status)] = _success(operation, name)
    for status in sorted({*_always(path, operation), *operation.errors} - set(operation.also)):
        described["responses"][str(status)] = _error(status, ours=ours)
    if operation.reads:
        described["requestBody"] = _request_body(operation)
    if operation.is_open:
        described["security"] = []
    return {name: value for name, value in described.items() if value != [] or name == "security"}


def _always(path: str, operation: Operation) -> set[int]:
    """The statuses that any route of its kind may give."""
    statuses = {403, 421, 503}
    if not operation.is_open:
        statuses |= {400, 401}
    if "{" in path:
        statuses.add(404)
    if operation.reads:
        statuses |= {413, 415}
    return statuses


def _success(operation: Operation, name: str) -> Schema:
    if operation.status == 204:
        return {"description": "Done."}
    schema = many(ref(name)) if operation.is_list else ref(name)
    types = {media: {"schema": schema} if name else {} for media in operation.media}
    return {"description": operation.summary + ".", "content": types}


def _error(status: int, *, ours: bool) -> Schema:
    media, name = ("application/problem+json", "Problem") if ours else ("application/json", "ProductError")
    answer: Schema = {"description": _ERRORS[status], "content": {media: {"schema": ref(name)}}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": TEXT, "required": True}}
    if status == 503:
        answer["headers"] = {"Retry-After": {"schema": COUNT, "required": True}}
    return answer


def _request_body(operation: Operation) -> Schema:
    if operation.reads == "*":
        body: Schema = {"schema": {}, "example": operation.example}
        return {"required": True, "content": {"application/json": body, "application/octet-stream": {}}}
    content = {"schema": ref(operation.reads), "example": operation.example}
    return {"required": not operation.reads_optional, "content": {"application/json": content}}


def _path_parameter(name: str) -> Schema:
    schema = {"kind": KIND, "form": CONTRACT_FORM}.get(name, TEXT)
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": _EXAMPLES.get(name, ID)}


def _query_parameter(key: str) -> Schema:
    name, schema, text = _PARAMETERS[key]
    found: Schema = {"name": name, "in": "query", "required": False, "schema": schema}
    return {**found, "description": text} if text else found
