"""The JSON Schemas of what the HTTP APIs read and answer, by name, as the OpenAPI document holds them."""

from __future__ import annotations

from typing import Any

from emitter.catalog.event_type import CYCLES
from emitter.export import FORMS
from emitter.faults import FAULTS
from emitter.query import OUTCOMES
from emitter.trigger import MOST_AT_ONCE, MOST_FAULTS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
YES_NO: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MOMENT: Schema = {"type": "string", "format": "date-time"}
UUID: Schema = {"type": "string", "format": "uuid"}
URL: Schema = {"type": "string", "format": "uri", "maxLength": 8192}
SEED: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
ANYTHING: Schema = {"type": "object", "additionalProperties": True}


def ref(name: str) -> Schema:
    """Refer to a schema of this module."""
    return {"$ref": f"#/components/schemas/{name}"}


def many(items: Schema, **more: Any) -> Schema:
    """A list of one kind of thing."""
    return {"type": "array", "items": items, **more}


def maybe(schema: Schema) -> Schema:
    """What may be null, too."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def described(schema: Schema, text: str, **more: Any) -> Schema:
    """A schema with a sentence about this place."""
    return {**schema, "description": text, **more}


def answer(members: dict[str, Schema], *, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object that we write: these members and no others."""
    required = [name for name in members if name not in optional]
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False, **more}


def asked(members: dict[str, Schema], *, required: tuple[str, ...] = (), closed: bool = True, **more: Any) -> Schema:
    """An object that we read; `closed` refuses members that are not named."""
    schema: Schema = {"type": "object", "properties": members, **more}
    if required:
        schema["required"] = list(required)
    if closed:
        schema["additionalProperties"] = False
    return schema


KEY = described(
    {"type": "string", "maxLength": 4096, "writeOnly": True},
    "The secret that deliveries are signed with; it is never given back.",
)
_HEADERS = many(many(TEXT, minItems=2, maxItems=2))
_BODY = {
    "body": described(TEXT, "The bytes, as `bodyEncoding` says."),
    "bodyEncoding": {"type": "string", "enum": ["utf-8", "base64"]},
}
_VERDICT: Schema = {"type": "string", "enum": ["valid", "invalid", "unknown"]}
_STATE: Schema = {
    "type": "string",
    "enum": ["pending", "accepted", "rejected", "failed", "interrupted", "dropped"],
}
_EVENT = {
    "id": UUID,
    "type": TEXT,
    "timestamp": described(MOMENT, "The event's own time, to the nanosecond."),
    "recordedAt": MOMENT,
    "dataProductId": TEXT,
    "dataProductName": TEXT,
    "verdict": _VERDICT,
    "seed": maybe(WHOLE),
    "run": TEXT,
}
_SUFFERED = {"type": "array", "items": {"type": "string", "enum": list(FAULTS)}}
_DELIVERY = {
    "id": UUID,
    "eventId": UUID,
    "webhookId": TEXT,
    "url": described(TEXT, "The target, without user and query."),
    "state": _STATE,
    "dueAt": MOMENT,
    "attemptCount": COUNT,
    "resendOf": maybe(described(WHOLE, "The attempt that this delivery repeats.")),
    "faults": described(_SUFFERED, "The faults that it was planned with; `drop` where it was dropped on purpose."),
    "note": TEXT,
}
_ATTEMPT = {
    "id": described(COUNT, "Rises in order of time."),
    "deliveryId": UUID,
    "eventId": UUID,
    "webhookId": TEXT,
    "url": TEXT,
    "type": TEXT,
    "dataProductId": TEXT,
    "dataProductName": TEXT,
    "number": described(WHOLE, "1 for the first attempt of its delivery."),
    "outcome": {"type": "string", "enum": list(OUTCOMES)},
    "status": maybe(WHOLE),
    "failure": described(TEXT, "lookup, egress, connect, tls, send, closed, timeout, protocol, or nothing."),
    "error": TEXT,
    "startedAt": described(MOMENT, "Wall time."),
    "scheduledAt": described(MOMENT, "On the simulator's clock, to the nanosecond."),
    "eventAt": MOMENT,
    "virtual": described(YES_NO, "Whether the event's time is a virtual clock's."),
    "durationMs": maybe({"type": "number"}),
    "verdict": _VERDICT,
    "run": TEXT,
    "seed": maybe(WHOLE),
    "resendOf": maybe(WHOLE),
    "faults": described(_SUFFERED, "What went wrong on purpose."),
    "delivery": answer({"state": _STATE, "attempts": COUNT, "nextAttemptAt": maybe(MOMENT), "note": TEXT}),
}
_CONTRACT = {"verdict": _VERDICT, "violations": many(ref("Violation"))}
_TYPE = {
    "type": TEXT,
    "alias": TEXT,
    "title": TEXT,
    "trigger": TEXT,
    "core": many(TEXT),
    "notified": many(TEXT),
    "cycle": {"type": "string", "enum": list(CYCLES)},
}
_PAGE = {
    "older": maybe(described(TEXT, "The query string of the page of older ones.")),
    "newer": maybe(described(TEXT, "The query string of the page of newer ones.")),
    "searchedTo": maybe(described(MOMENT, "Where a bounded search stopped; `older` goes on from there.")),
}
_PLANNED = {"id": UUID, "webhookId": UUID, "url": TEXT, "state": _STATE}
_OURS = {
    "url": URL,
    "verifyTls": {"type": "boolean", "default": True},
    "signingKey": KEY,
    "ca": described({"type": "string"}, "A PEM file of the server's, with the authorities to trust."),
    "http2": described(YES_NO, "Speak HTTP/2 where TLS offers it."),
    "paused": described(YES_NO, "Hold what comes until the pause ends."),
    "suppressed": described(YES_NO, "Drop what comes, as assumed of the app."),
}
_CONFIGURATION = {
    "url": URL,
    "verifyTls": {"type": "boolean", "default": True},
    "signingKey": KEY,
}

COMPLETE = described(YES_NO, "With `wait`: whether all deliveries were over in time.")

SCHEMAS: dict[str, Schema] = {
    "Problem": {
        "type": "object",
        "description": "What went wrong (RFC 9457), with the facts that are known of it.",
        "properties": {
            "type": described(TEXT, "The kind of mistake, as urn:emitter:problem:unknown-event-type."),
            "title": TEXT,
            "status": WHOLE,
            "detail": described(TEXT, "What, where, and the likely fix."),
            "nearest": described({"type": ["array", "string"], "items": TEXT}, "What was probably meant."),
            "violations": many(ref("Violation")),
        },
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": True,
    },
    "ProductError": answer(
        {"statusCode": WHOLE, "message": TEXT, "error": TEXT},
        description="An error of the vendor's paths. Its form is assumed; `errors.style` changes it.",
    ),
    "Violation": answer(
        {
            "pointer": described(TEXT, "A JSON Pointer into the body."),
            "rule": TEXT,
            "message": TEXT,
            "provenance": {"type": "string", "enum": ["documented", "derived", "assumed", "observed", ""]},
        }
    ),
    "Finding": answer(
        {
            "pointer": described(TEXT, "A JSON Pointer into the body; empty for all of it."),
            "header": described(TEXT, "The header that it is about; empty for the body."),
            "rule": described(TEXT, "A keyword of JSON Schema, or a rule of ours, as x-core or timestamp-digits."),
            "message": TEXT,
            "value": described(TEXT, "What is there, as JSON, cut."),
            "provenance": {"type": "string", "enum": ["documented", "derived", "assumed", ""]},
            "switch": described(TEXT, "The assumption that it differs from, where one can be changed."),
        }
    ),
    "Checked": answer(
        {
            "type": TEXT,
            "verdict": _VERDICT,
            "violations": described(many(ref("Finding")), "What breaks a documented fact."),
            "warnings": described(many(ref("Finding")), "What differs from an assumption only."),
        }
    ),
    "Trigger": asked(
        {
            "type": described(TEXT, "A name, an alias, or the end of exactly one name."),
            "body": described(TEXT, "A whole body instead of a type, sent exactly as given."),
            "bodyBase64": described({"type": "string"}, "The same for bytes, in base64."),
            "product": described(TEXT, "The data product of the world that it is about, by id or name."),
            "to": described(URL, "Send to this URL alone; left out, to every webhook."),
            "signingKey": KEY,
            "verifyTls": {"type": "boolean", "default": True},
            "ca": described({"type": "string"}, "A PEM file of the server's, with the authorities to trust."),
            "http2": {"type": "boolean", "default": False},
            "set": described(ANYTHING, 'Members to change, as {"data.dataProductName": "Claims 2025"}.'),
            "unset": described(many(TEXT), "Members to leave out."),
            "seed": described(SEED, "The same seed, the same events."),
            "profile": {"type": "string", "enum": ["core", "extended", ""]},
            "count": {"type": "integer", "minimum": 1, "maximum": MOST_AT_ONCE, "default": 1},
            "allowInvalid": described(YES_NO, "Send what the schema does not allow, too."),
            "run": described({"type": "string", "maxLength": 255}, "A name to find these by."),
            "faults": ref("FaultsAsked"),
            "webhooks": described(many(TEXT), "Send to these registered webhooks alone, by id."),
        },
        oneOf=[{"required": ["type"]}, {"required": ["body"]}, {"required": ["bodyBase64"]}],
    ),
    "FaultsAsked": many(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^({'|'.join(FAULTS)})$"},
                {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
                 "properties": {name: {} for name in FAULTS}},
            ]
        },
        maxItems=MOST_FAULTS,
        description=(
            'What is to go wrong on purpose: names, as "duplicate", or objects of one name with its main parameter, as '
            '{"delay": "5m"}, or all by name, as {"delay": {"by": "5m", "chance": 0.3, "attempts": "1..3", "for": '
            '"2d"}}. `chance` (0 to 1), `attempts` and `for` (simulated time) go with every fault; GET '
            "/simulator/faults lists the others. The command line's spelling is read, too: delay:by=5m,chance=0.3."
        ),
    ),
    "Faults": answer(
        {
            "faults": many(
                answer(
                    {
                        "name": TEXT,
                        "kind": {"type": "string", "enum": ["planning", "content", "tampering", "wire"]},
                        "help": TEXT,
                        "parameters": many(answer({"name": TEXT, "kind": TEXT, "help": TEXT, "default": {}})),
                    }
                )
            )
        }
    ),
    "Triggered": answer({"events": many(ref("Sent")), "complete": COMPLETE}, optional=("complete",)),
    "Sent": answer(
        {name: schema for name, schema in _EVENT.items() if name != "recordedAt"}
        | {"deliveries": many({"anyOf": [answer(_PLANNED), ref("Delivery")]})},
        description="An event that is on disk, with its deliveries: as they were planned, or what became of them.",
    ),
    "Preview": answer(
        {"events": many(answer({"type": TEXT, "timestamp": MOMENT, "verdict": _VERDICT, "seed": maybe(WHOLE),
                                "body": TEXT,
                                "requests": many(answer({"webhookId": TEXT, "url": TEXT, "headers": _HEADERS}))}))}
    ),  # fmt: skip
    "Event": answer({**_EVENT, **_BODY, "deliveries": many(answer(_DELIVERY))}),
    "Events": answer(
        {"events": many(answer(_EVENT)), "older": maybe(described(UUID, "`before` of the page of older ones."))}
    ),
    "Life": answer(
        {
            "events": many(answer(
                {
                    **_EVENT,
                    "deliveries": many(ref("Delivery")),
                    "requestId": maybe(described(TEXT, "The access request that it is about, if it is about one.")),
                }
            )),
            "older": maybe(described(UUID, "`before` of the page of older ones.")),
        }
    ),
    "EventTypes": answer({"eventTypes": many(answer(_TYPE))}),
    "EventType": answer(
        {**_TYPE, "schema": ANYTHING, "example": ANYTHING,
         "provenance": {"type": "object", "additionalProperties": TEXT}}
    ),  # fmt: skip
    "Delivery": answer({**_DELIVERY, "attempts": many(ref("AttemptSummary"))}),
    "AttemptSummary": answer(_ATTEMPT),
    "Attempt": answer(
        {
            **_ATTEMPT,
            "request": answer({"method": TEXT, "url": TEXT, "headers": _HEADERS, **_BODY, "size": COUNT}),
            "answer": maybe(ref("Answer")),
            "timing": maybe(ref("Timing")),
            "signature": ref("Signature"),
            "contract": ref("Contract"),
            "deliveryAttempts": many(ref("AttemptSummary")),
            "previousOfProduct": described(
                maybe(WHOLE), "The attempt of the last event of the same product before it, if it is not long ago."
            ),
        }
    ),
    "Answer": answer(
        {"status": maybe(WHOLE), "reason": TEXT, "headers": _HEADERS, **_BODY, "bodyCut": YES_NO, "failure": TEXT,
         "phase": TEXT, "error": TEXT, "address": TEXT}
    ),  # fmt: skip
    "Timing": answer(
        {name: maybe({"type": "number"}) for name in ("lookupMs", "connectMs", "tlsMs", "firstByteMs", "totalMs")}
    ),
    "Signature": answer(
        {"signed": YES_NO, "ok": maybe(YES_NO), "header": TEXT, "reason": TEXT, "likely": many(TEXT),
         "remarks": many(TEXT), "algorithms": described(ANYTHING, "By header."),
         "before": described(TEXT, "What is signed before the body."),
         "findings": many(answer({"header": TEXT, "ok": YES_NO, "reason": TEXT}))},
        optional=("header", "algorithms", "before", "findings"),
    ),  # fmt: skip
    "Contract": answer(_CONTRACT),
    "Attempts": answer({"attempts": many(ref("AttemptSummary")), **_PAGE}),
    "Count": answer({"count": COUNT, "capped": described(YES_NO, "Whether there are more than were counted.")}),
    "Overview": answer(
        {
            "count": COUNT,
            "capped": described(YES_NO, "Whether there may be more than were counted."),
            "outcomes": many(answer({"outcome": TEXT, "count": COUNT, "capped": YES_NO})),
            "bars": many(
                answer({"from": MOMENT, "to": MOMENT, "accepted": COUNT, "others": COUNT}),
                description="From old to new, all equally long: what started from `from` on and before `to`.",
            ),
            "estimated": described(YES_NO, "Whether the bars tell from a sample."),
        }
    ),
    "Waited": answer({"complete": YES_NO, "attempts": many(ref("AttemptSummary"))}),
    "Settled": answer({"settled": YES_NO}),
    "Resend": asked(
        {
            "asIs": described(YES_NO, "Byte for byte as it was, instead of signed anew."),
            "body": described(TEXT, "A body of its own, sent exactly as given: a new event, for that webhook alone."),
            "bodyBase64": described({"type": "string"}, "The same for bytes, in base64."),
            "allowInvalid": described(YES_NO, "Send a body that its schema does not allow, too."),
            "faults": ref("FaultsAsked"),
        }
    ),
    "OurWebhook": answer(
        {
            "id": UUID,
            **_OURS,
            "signingKey": described(YES_NO, "Whether there is one."),
            "waiting": described(COUNT, "Deliveries that are not over."),
            "createdAt": MOMENT,
        }
    ),
    "OurWebhooks": answer({"webhooks": many(ref("OurWebhook"))}),
    "NewWebhook": asked(_OURS, required=("url",)),
    "WebhookChange": asked(_OURS),
    "Assumptions": answer(
        {"assumptions": many(answer(
            {"switch": TEXT, "value": TEXT, "default": TEXT, "changed": YES_NO, "allowed": TEXT,
             "unknown": described(TEXT, "The open question behind it, U1 to U24."), "why": TEXT,
             "provenance": described({"type": "string", "enum": ["assumed", "calibrated"]},
                                     "Calibrated: a capture has settled the value that holds now."),
             "evidence": described(TEXT, "What was seen in that capture, when, and where it is.")}
        ))}
    ),  # fmt: skip
    "Coverage": answer(
        {"percent": {"type": "number", "minimum": 0, "maximum": 100}, "covered": COUNT, "goals": COUNT,
         "deliveries": COUNT,
         "dimensions": many(answer({
             "name": TEXT, "covered": COUNT, "goals": COUNT,
             "rows": many(answer({"name": TEXT, "goals": many(answer({"name": TEXT, "count": COUNT}))})),
         }))}
    ),  # fmt: skip
    "Facts": answer(
        {name: COUNT for name in ("total", "documented", "derived", "observed", "calibrated", "assumed")}
    ),
    "State": answer(
        {"version": TEXT, "store": TEXT, "clock": {"type": "string", "enum": ["system", "virtual"]}, "now": MOMENT,
         "profile": TEXT, "seed": WHOLE, "inFlight": COUNT, "waiting": COUNT, "webhooks": COUNT,
         "interruptedAtStart": COUNT}
    ),  # fmt: skip
    "CreateWebhook": asked(_CONFIGURATION, required=("url",), closed=False),
    "UpdateWebhook": asked(_CONFIGURATION, closed=False),
    "Webhook": answer(
        {"id": UUID, "url": TEXT, "verifyTls": YES_NO, "signingKey": described(YES_NO, "Whether there is one."),
         "suppressed": YES_NO}
    ),  # fmt: skip
    "WebhookTestResult": answer(
        {
            "status": described({"enum": ["SUCCESS", "FAILED", 1, 2]}, "By `test.status_form` a name or a number."),
            "httpStatusCode": {"type": "number"},
            "errorMessage": TEXT,
        },
        optional=("errorMessage",),
    ),
    "PaginatedWebhookHistory": answer(
        {
            "data": many(answer({"webhookId": UUID, "deliveryId": UUID, "status": TEXT, "httpStatusCode": WHOLE,
                                 "createdAt": MOMENT, "message": TEXT})),
            "meta": answer({name: COUNT for name in ("offset", "limit", "totalCount", "pageCount", "currentPage",
                                                     "totalPages")}),
        }
    ),  # fmt: skip
    "Health": answer({"status": {"type": "string", "enum": ["ok", "error"]}, "info": ANYTHING, "error": ANYTHING,
                      "details": ANYTHING}),
}  # fmt: skip

DURATION: Schema = {"type": "string", "pattern": "^([0-9]{1,4}(ms|s|m|h|d)){1,5}$", "examples": ["5s"]}
FORMAT: Schema = {"type": "string", "enum": list(FORMS), "default": "jsonl"}
