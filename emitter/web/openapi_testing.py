"""The routes of expectations and receivers, as the OpenAPI document describes them."""

from __future__ import annotations

from emitter.query import LARGEST_PAGE
from emitter.runner.catching import WORDS as CAUGHT
from emitter.scenario.vocabulary import EXPECT
from emitter.web.openapi_schemas import (
    ANYTHING,
    COUNT,
    KEY,
    MOMENT,
    TEXT,
    UUID,
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

_SCRIPT = described(
    {"type": "string"},
    "What it answers, in order, the last for ever: statuses, close or reset, with a delay (200:2s) or a count (503*3). "
    "Without: 200, or 401 where it has a key and the signature is wrong.",
)
_PORT: Schema = {"type": "integer", "minimum": 0, "maximum": 65535, "default": 0}
_NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": 2**53, "default": 0}

TESTING: dict[tuple[str, str], Operation] = {
    ("POST", "/simulator/expectations"): Operation(
        "expect", "Hold what happened against what is expected; the answer says whether, and what came instead",
        "Judged", reads="Expectation", errors=(404, 409),
        example={"expect": {"deliveries": {"accepted": 0}, "within": "1s"}},
    ),
    ("POST", "/simulator/receivers"): Operation(
        "openReceiver", "Open a receiver on a loopback port of the simulator's machine", "Receiver", 201,
        reads="OpenReceiver", reads_optional=True, errors=(409,),
        example={"answers": "500,200", "signingKey": "a-secret-of-yours", "register": True},
    ),
    ("GET", "/simulator/receivers"): Operation("receivers", "The receivers that are open", "Receivers"),
    ("GET", "/simulator/receivers/{receiver_id}"): Operation("receiver", "One receiver", "Receiver"),
    ("PATCH", "/simulator/receivers/{receiver_id}"): Operation(
        "changeReceiver", "Have a receiver answer by another script from now on", "Receiver", reads="ReceiverChange",
        example={"answers": "200"},
    ),
    ("GET", "/simulator/receivers/{receiver_id}/captures"): Operation(
        "captures", "What a receiver has caught; with count once so many have come, 30 s at most", "Captures",
        query=("countCaught", "afterCaught", "timeout"),
    ),
    ("DELETE", "/simulator/receivers/{receiver_id}"): Operation(
        "closeReceiver", "Close a receiver, and remove the webhook that was registered for it", status=204
    ),
}  # fmt: skip

TESTING_PARAMETERS: dict[str, tuple[str, Schema, str]] = {
    "countCaught": ("count", {**_NUMBER, "maximum": LARGEST_PAGE}, "Answer when so many are there."),
    "afterCaught": ("after", _NUMBER, "Count and tell only those with a higher number."),
}

TESTING_SCHEMAS: dict[str, Schema] = {
    "Expectation": asked(
        {
            "expect": {
                "type": "object",
                "description": "The `expect` of a scenario (GET /simulator/scenarios/schema), and receivers by id.",
                "properties": {
                    **{word: {"description": text} for word, text in EXPECT.items()},
                    "receivers": {
                        "type": "object",
                        "description": "What receivers have caught, by their ids.",
                        "additionalProperties": {
                            "type": "object",
                            "properties": {word: {"description": text} for word, text in CAUGHT.items()},
                        },
                    },
                },
            },
            "things": described(
                {"type": "object", "additionalProperties": {"type": "string"}},
                "Names that stand in it, with the id or name of the entity of the world that each stands for.",
            ),
            "run": described({"type": "string", "maxLength": 255}, "Look only at what bears this name."),
            "as": described({"type": "string", "maxLength": 255}, "What `since` of later ones calls this moment."),
        },
        required=("expect",),
    ),
    "Judged": answer(
        {
            "passed": YES_NO,
            "text": described(TEXT, "All of it in words: what was expected, what came, the nearest first."),
            "findings": many(
                answer({"claim": TEXT, "passed": YES_NO, "found": TEXT, "details": many(TEXT)})
            ),
            "came": described(many(TEXT), "Where something does not hold: what there was, the nearest first."),
        }
    ),
    "OpenReceiver": asked(
        {
            "answers": _SCRIPT,
            "signingKey": KEY,
            "register": described(YES_NO, "Add a webhook for it, with its key."),
            "port": described(_PORT, "0 takes a free one."),
        }
    ),
    "ReceiverChange": asked({"answers": _SCRIPT}, required=("answers",)),
    "Receiver": answer(
        {
            "id": TEXT,
            "url": TEXT,
            "answers": TEXT,
            "signingKey": described(YES_NO, "Whether it has one."),
            "webhookId": maybe(described(UUID, "That was registered for it.")),
            "caught": described(COUNT, "How many requests it has had."),
        }
    ),
    "Receivers": answer({"receivers": many(ref("Receiver"))}),
    "Captures": answer(
        {
            "complete": described(YES_NO, "Whether as many came as were waited for."),
            "captures": many(ref("Capture")),
            "problems": described(many(TEXT), "Requests that were refused before they were whole."),
        }
    ),
    "Capture": answer(
        {
            "number": described(COUNT, "1 for the first."),
            "at": described(MOMENT, "Wall time."),
            "method": TEXT,
            "path": TEXT,
            "headers": many(many(TEXT, minItems=2, maxItems=2)),
            "body": maybe(described(TEXT, "null where it is not UTF-8.")),
            "bodyBase64": TEXT,
            "type": maybe(TEXT),
            "signature": maybe(described(ANYTHING, "The verdict on it; null where there is no key to check with.")),
            "contract": maybe(described(ANYTHING, "The verdict of the schemas, with the violations.")),
            "status": maybe(described(COUNT, "What was answered; null where the connection was dropped.")),
            "answer": described(TEXT, "The same in the words of a script."),
            "tookMicroseconds": COUNT,
            "forwarded": maybe(ANYTHING),
        }
    ),
}  # fmt: skip
