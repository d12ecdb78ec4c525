"""The routes of audits, as the OpenAPI document describes them."""

from __future__ import annotations

from emitter.audit.audits import BROKEN, CANCELLED, FORMS, MOST_DELIVERIES, MOST_INTERLEAVINGS, RUNNING
from emitter.audit.report import FAILED, PASSED, UNREACHABLE
from emitter.audit.table import CHECKS
from emitter.web.audits_api import MOST_CHECKS, MOST_HEADERS, REPORT_TYPES
from emitter.web.openapi_schemas import (
    ANYTHING,
    COUNT,
    DURATION,
    KEY,
    MOMENT,
    TEXT,
    URL,
    YES_NO,
    Schema,
    answer,
    asked,
    described,
    many,
    maybe,
    ref,
)  # fmt: skip
from emitter.web.operation import Operation

_SCORE: Schema = {"type": "integer", "minimum": 0, "maximum": 100}
_STATES = [RUNNING, PASSED, FAILED, UNREACHABLE, CANCELLED, BROKEN]

AUDITS: dict[tuple[str, str], Operation] = {
    ("POST", "/simulator/audits"): Operation(
        "startAudit", "Have a receiver examined, in the background, as `emitter audit` does", "Audit", 201,
        reads="StartAudit", query=("waitAudit",), errors=(409,), also={202: "Audit"},
        example={
            "url": "http://127.0.0.1:3000/hook", "signingKey": "a-secret-of-yours",
            "probe": "http://127.0.0.1:3000/state", "only": ["signatures"], "failUnder": 90, "deadline": "1m",
        },
    ),
    ("GET", "/simulator/audits"): Operation("audits", "The audits, the newest first", "Audits"),
    ("GET", "/simulator/audits/{audit_id}"): Operation(
        "audit", "One audit: its state, what it is doing, its report once it is over", "Audit", query=("waitAudit",)
    ),
    ("GET", "/simulator/audits/{audit_id}/report"): Operation(
        "auditReport", "What an audit found, as JSON, text, JUnit XML, a page or a badge", query=("formAudit",),
        errors=(409,), media=tuple(REPORT_TYPES.values()),
    ),
    ("DELETE", "/simulator/audits/{audit_id}"): Operation(
        "cancelAudit", "End an audit; what was found so far is its report. One that is over is forgotten", status=204
    ),
}  # fmt: skip

AUDITS_PARAMETERS: dict[str, tuple[str, Schema, str]] = {
    "waitAudit": ("wait", DURATION, "Answer when the audit is over, or after so long; 30 s at most."),
    "formAudit": ("format", {"type": "string", "enum": list(FORMS), "default": "json"}, ""),
}

_AUDIT = {
    "id": TEXT,
    "url": described(TEXT, "The receiver, without user and query."),
    "probe": TEXT,
    "state": described(
        {"type": "string", "enum": _STATES},
        "passed: nothing unsafe and nothing wrong was found, or the score is reached; unreachable: nothing answered; "
        "error: it could not be made.",
    ),
    "startedAt": described(MOMENT, "Wall time."),
    "progress": maybe(
        answer({"words": described(TEXT, "The check at hand."), "done": COUNT, "of": COUNT}, description="Till then.")
    ),
    "mostDeliveries": described(COUNT, "How many it sends at most."),
    "failUnder": maybe(_SCORE),
    "score": maybe(_SCORE),
    "error": described(TEXT, "Why not all was tried, or why it could not be made."),
}

AUDITS_SCHEMAS: dict[str, Schema] = {
    "StartAudit": asked(
        {
            "url": URL,
            "signingKey": KEY,
            "oldSigningKey": described(KEY, "The key that was the webhook's before."),
            "verifyTls": {"type": "boolean", "default": True},
            "ca": described({"type": "string"}, "A PEM file of the server's, with the authorities to trust."),
            "probe": described(URL, "Shows the state of your system as JSON, to judge by effect."),
            "probeHeaders": described(
                many(many({"type": "string", "writeOnly": True}, minItems=2, maxItems=2), maxItems=MOST_HEADERS),
                "Pairs of name and value that the probe is asked with; never given back.",
            ),
            "only": described(
                many({"type": "string", "enum": [*CHECKS, *sorted({each.family for each in CHECKS.values()})]},
                     maxItems=MOST_CHECKS),
                "Only these checks, or families of checks.",
            ),
            "interleavings": described(
                {"type": "integer", "minimum": 0, "maximum": MOST_INTERLEAVINGS, "default": 0},
                "Tell a story in so many orders; wants a probe.",
            ),
            "sweep": described(YES_NO, "Tell a story under every reading that the documentation leaves open."),
            "failUnder": described(_SCORE, "It has passed from this score on, whatever was found."),
            "deadline": described({**DURATION, "default": "5m"}, "Send nothing after that; 1 h at most."),
            "most": {"type": "integer", "minimum": 1, "maximum": MOST_DELIVERIES, "default": 20_000},
            "settle": described(
                {**DURATION, "default": "250ms"}, "What the probe shows counts once it stays the same for so long."
            ),
            "seed": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
            "yes": described(YES_NO, "Another machine may be sent to: what is behind it gets what it accepts."),
        },
        required=("url",),
    ),
    "Audit": answer({**_AUDIT, "report": maybe(ref("AuditReport"))}),
    "Audits": answer({"audits": many(answer(_AUDIT))}),
    "AuditReport": {
        "type": "object",
        "description": "What was sent, what should have happened and why, what happened, and how to mend it.",
        "properties": {
            "url": TEXT, "score": _SCORE, "passed": YES_NO, "reachable": YES_NO, "stopped": TEXT, "deliveries": COUNT,
            "seconds": {"type": "number"}, "counts": ANYTHING, "checks": many(ANYTHING), "readings": many(ANYTHING),
        },
        "required": ["url", "score", "passed", "reachable", "stopped", "deliveries", "checks"],
        "additionalProperties": True,
    },
}  # fmt: skip
