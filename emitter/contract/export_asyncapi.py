"""The contract as an AsyncAPI 3.0 document: written from the app's side, which sends, to your receiver, which answers.

https://www.asyncapi.com/docs/reference/specification/v3.0.0; the bindings are HTTP's, version 0.3.0.
"""

from __future__ import annotations

from typing import Any

from emitter.catalog import EventType
from emitter.contract.export_schemas import Bundle
from emitter.contract.export_values import EXAMPLE_KEY, TAGS, TITLE, Contract, key_of, said_of, tags_of

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_BINDING = {"bindingVersion": "0.3.0"}


def asyncapi(contract: Contract) -> Json:
    """Write the whole document."""
    bundle = Bundle(contract.catalog, _SCHEMAS, draft7=True)
    kinds = list(contract.catalog)
    used = [tag for tag in TAGS if any(tag in tags_of(kind) for kind in kinds)]
    components: Json = {
        "schemas": bundle.schemas(),
        "messages": {key_of(kind): _message(contract, bundle, kind) for kind in kinds},
        "messageTraits": {"delivery": _trait(contract)},
        "tags": {tag: {"name": tag, "description": TAGS[tag]} for tag in used},
        "operationBindings": {"post": {"http": {"method": "POST", **_BINDING}}},
    }
    if signature := _security(contract):
        components["securitySchemes"] = {"signature": signature}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": contract.version,
            "description": contract.description(),
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
            "tags": [{"$ref": f"#/components/tags/{tag}"} for tag in used],
        },
        "defaultContentType": "application/json",
        "servers": {"receiver": _server(signed=bool(signature))},
        "channels": {"webhook": _channel(kinds)},
        "operations": {f"send-{key_of(kind)}": _operation(kind) for kind in kinds},
        "components": components,
    }


def _server(*, signed: bool) -> Json:
    server: Json = {
        "host": "{host}",
        "protocol": "https",
        "title": "Your receiver",
        "summary": "The URL that a webhook was registered with.",
        "description": "Whatever URL you give to the app, here taken apart. Plain http is accepted, too (assumed).",
        "variables": {
            "host": {
                "description": "Host of the receiver, with its port if it is not the usual one.",
                "default": "receiver.example.com",
                "examples": ["receiver.example.com", "127.0.0.1:3000"],
            },
        },
    }
    if signed:
        server["security"] = [{"$ref": "#/components/securitySchemes/signature"}]
    return server


def _channel(kinds: list[EventType]) -> Json:
    return {
        "address": "/{path}",
        "title": "A webhook",
        "summary": "All events of the app, to one URL.",
        "description": (
            "A webhook has no filter: each gets every type of event. That they come one at a time and in order is "
            "assumed; a receiver should rely on neither."
        ),
        "parameters": {
            "path": {
                "description": "Path of the URL that the webhook was registered with.",
                "default": "hook",
                "examples": ["hook", "webhooks/immuta"],
            }
        },
        "servers": [{"$ref": "#/servers/receiver"}],
        "messages": {key_of(kind): {"$ref": f"#/components/messages/{key_of(kind)}"} for kind in kinds},
    }


def _operation(kind: EventType) -> Json:
    key = key_of(kind)
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/webhook"},
        "title": kind.title,
        "summary": kind.trigger or kind.title,
        "description": f"{said_of(kind)} Any 2xx is taken for success (assumed).".strip(),
        "tags": [{"$ref": f"#/components/tags/{tag}"} for tag in tags_of(kind) if tag in TAGS],
        "bindings": {"$ref": "#/components/operationBindings/post"},
        "messages": [{"$ref": f"#/channels/webhook/messages/{key}"}],
    }


def _message(contract: Contract, bundle: Bundle, kind: EventType) -> Json:
    found: Json = {
        "name": kind.name,
        "title": kind.title,
        "summary": kind.trigger or kind.title,
        "description": said_of(kind),
        "contentType": "application/json",
        "tags": [{"$ref": f"#/components/tags/{tag}"} for tag in tags_of(kind) if tag in TAGS],
        "traits": [{"$ref": "#/components/messageTraits/delivery"}],
        "payload": bundle.ref(kind.name),
    }
    examples = [
        {
            "name": f"{key_of(kind)}-{number}",
            "summary": f"Signed as compact JSON with the key `{EXAMPLE_KEY}`.",
            "headers": contract.headers(body),
            "payload": body,
        }
        for number, (_, body) in enumerate(contract.examples(kind), start=1)
    ]
    if examples:
        found["examples"] = examples
    return {word: value for word, value in found.items() if value not in ("", [])}


def _trait(contract: Contract) -> Json:
    """The headers that all messages have."""
    words = contract.signature_words()
    headers = {
        "content-type": {
            "type": "string",
            "description": "What the body is.",
            "examples": ["application/json"],
            "x-provenance": "assumed",
            "x-source": "No header of a delivery is documented for this app.",
        },
        **{
            name: {**schema, "x-provenance": "assumed", "x-source": " ".join(words)}
            for name, schema in contract.signature_headers().items()
        },
    }
    return {"headers": {"type": "object", "properties": headers}, "bindings": {"http": {**_BINDING}}}


def _security(contract: Contract) -> Json | None:
    headers = list(contract.signature_headers())
    if not headers:
        return None
    return {
        "type": "httpApiKey",
        "in": "header",
        "name": headers[-1],
        "description": (
            "Not a key but a signature, for which AsyncAPI has no kind of its own: only who holds the webhook's "
            "signing key can make it. Sent only if the webhook has a key. " + " ".join(contract.signature_words())
        ),
        "x-provenance": "assumed",
    }
