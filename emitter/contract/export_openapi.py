"""The contract as an OpenAPI 3.1 document with `webhooks`: what a receiver is sent, and what it answers."""

from __future__ import annotations

from typing import Any

from emitter.catalog import EventType
from emitter.contract.export_schemas import Bundle
from emitter.contract.export_values import TAGS, TITLE, Contract, key_of, said_of, tags_of

Json = dict[str, Any]


def openapi(contract: Contract) -> Json:
    """Write the whole document."""
    bundle = Bundle(contract.catalog, "#/components/schemas/", portable=True)
    kinds = list(contract.catalog)
    names = list(contract.signature_headers())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": contract.version,
            "summary": "What a receiver of the webhooks is sent.",
            "description": contract.description(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "tags": [
            {"name": tag, "description": words}
            for tag, words in TAGS.items()
            if any(tag in tags_of(kind) for kind in kinds)
        ],
        "webhooks": {kind.name: {"post": _operation(contract, bundle, kind, names)} for kind in kinds},
        "components": {
            "schemas": bundle.schemas(),
            "parameters": {name: _parameter(contract, name) for name in names},
            "responses": {
                "Taken": {"description": "Taken. Any 2xx is; the body of the answer is not read (assumed)."},
                "NotTaken": {"description": "Not taken. The app is not known to try again (assumed)."},
            },
        },
    }


def _operation(contract: Contract, bundle: Bundle, kind: EventType, headers: list[str]) -> Json:
    examples = {
        f"{key_of(kind)}-{number}": {"summary": f"{kind.title}: an {what} of a whole body." if what == "example"
                                     else f"{kind.title}: a made-up body.", "value": body}
        for number, (what, body) in enumerate(contract.examples(kind), start=1)
    }  # fmt: skip
    content: Json = {"schema": bundle.ref(kind.name)}
    if examples:
        content["examples"] = examples
    return {
        "operationId": key_of(kind),
        "summary": kind.trigger or kind.title,
        "description": said_of(kind),
        "tags": [tag for tag in tags_of(kind) if tag in TAGS],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in headers],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "2XX": {"$ref": "#/components/responses/Taken"},
            "default": {"$ref": "#/components/responses/NotTaken"},
        },
    }


def _parameter(contract: Contract, name: str) -> Json:
    schema = dict(contract.signature_headers()[name])
    words = schema.pop("description")
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": f"{words} {' '.join(contract.signature_words())}",
        "schema": schema,
        "x-provenance": "assumed",
    }
