"""Webhooks, their history and health on the vendor's own paths, with and without `/marketplace`.

Members, success codes and schemas are derived from the vendor's API description; everything that it leaves open is an
assumption (`errors.style`, `paging.*`, `history.*`, `api.put_missing`, `test.*`).
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import orjson
from flask import Blueprint, Response, current_app, jsonify

from emitter.delivery import Webhook
from emitter.errors import UsageError
from emitter.history import Json
from emitter.simulator import Simulator
from emitter.vendor.paging import meta
from emitter.web import asking, reading
from emitter.web.guards import Slots, guard_api, open_to_all
from emitter.web.tenancy import simulator

PREFIXES = ("/marketplace", "")
LARGEST_CHUNK = 500  # rows in memory at once; a page may have any number

product = guard_api(Blueprint("product", __name__))


def _simulator() -> Simulator:
    return simulator()


def _slow() -> Slots:
    found: Slots = current_app.extensions["emitter.slow"]
    return found


# --- webhooks ---------------------------------------------------------------------------------------------------------


@product.get("/api/notification/webhook")
def get_webhooks() -> Response:
    """`getWebhooks`: a bare list, without paging."""
    return jsonify([_shown(each) for each in _simulator().webhooks()])


@product.post("/api/notification/webhook")
def create_webhook() -> Response:
    """`createWebhook`: 200, not 201."""
    url, verify_tls, signing_key = _configuration()
    return jsonify(_shown(_simulator().add_webhook(url, verify_tls=verify_tls, signing_key=signing_key)))


@product.get("/api/notification/webhook/<webhook_id>")
def get_webhook(webhook_id: str) -> Response:
    """`getWebhook`."""
    return jsonify(_shown(_simulator().webhook(webhook_id)))


@product.put("/api/notification/webhook/<webhook_id>")
def update_webhook(webhook_id: str) -> Response:
    """`updateWebhook`: what is left out is kept, but for `verifyTls` (`api.put_missing`); ends a suppression."""
    simulator = _simulator()
    simulator.webhook(webhook_id)
    found = reading.json_object()
    missing = True if simulator.assumptions.api_put_missing == "schema-default" else None
    changed = simulator.change_webhook(
        webhook_id,
        url=reading.member(found, "url", str),
        verify_tls=reading.member(found, "verifyTls", bool, default=missing),
        signing_key=reading.member(found, "signingKey", str),
        suppressed=False,
    )
    return jsonify(_shown(changed))


@product.delete("/api/notification/webhook/<webhook_id>")
def delete_webhook(webhook_id: str) -> Response:
    """`deleteWebhook`."""
    _simulator().delete_webhook(webhook_id)
    return Response(status=204)


@product.post("/api/notification/webhook/<webhook_id>/test")
def test_webhook(webhook_id: str) -> Response:
    """`testWebhook`: a test that fails is a 200, too."""
    with _slow().hold():
        return jsonify(_simulator().test_webhook(webhook_id))


@product.post("/api/notification/webhook/test")
def test_webhook_config() -> Response:
    """`testWebhookConfig`: tries a configuration that is not kept (`test.scope`)."""
    url, verify_tls, signing_key = _configuration()
    with _slow().hold():
        return jsonify(_simulator().test_config(url, verify_tls=verify_tls, signing_key=signing_key))


def _configuration() -> tuple[str, bool, str]:
    """Read a `CreateWebhook`; what else stands in it is ignored, as nothing forbids it."""
    found = reading.json_object()
    if "url" not in found:
        raise UsageError("url is missing: where the events go, as https://example.com/hook.")
    return (
        reading.member(found, "url", str),
        reading.member(found, "verifyTls", bool, default=True),
        reading.member(found, "signingKey", str, default=""),
    )


def _shown(webhook: Webhook) -> Json:
    """A `Webhook`; of the signing key it says only whether there is one."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "verifyTls": webhook.verify_tls,
        "signingKey": webhook.signing_key is not None,
        "suppressed": webhook.suppressed,
    }


# --- history ----------------------------------------------------------------------------------------------------------


@product.get("/api/notification/webhook/<webhook_id>/history")
def get_webhook_history(webhook_id: str) -> Response:
    """`getWebhookHistory`: completed attempts. A limit has no maximum, so a long page is written row by row."""
    simulator = _simulator()
    offset, limit = asking.number("offset", 0, least=0), asking.number("limit", 10, least=1)
    chunk = min(limit, LARGEST_CHUNK)
    rows, total = simulator.webhook_history(webhook_id, offset=offset, limit=chunk)
    if limit <= chunk or len(rows) < chunk:
        page = meta(simulator.assumptions, offset=offset, limit=limit, total=total, items=len(rows))
        return jsonify({"data": [history_row(simulator, row) for row in rows], "meta": page})
    return _slow().stream(_stream(simulator, webhook_id, rows, total, offset, limit), "application/json")


def _stream(
    simulator: Simulator, webhook_id: str, rows: list[Json], total: int, offset: int, limit: int
) -> Iterator[bytes]:
    """Write a long page chunk by chunk. What is recorded meanwhile moves the rows; none is written twice."""
    newest_first = simulator.assumptions.history_order == "newest-first"
    written, last, position, separator = 0, None, offset, b'{"data":['
    while rows:
        fresh = [row for row in rows if last is None or (row["id"] < last if newest_first else row["id"] > last)]
        for row in fresh[: limit - written]:
            yield separator + orjson.dumps(history_row(simulator, row))
            separator, last = b",", row["id"]
            written += 1
        position += len(rows)
        if written >= limit or len(rows) < LARGEST_CHUNK:
            break
        rows, _ = simulator.webhook_history(webhook_id, offset=position, limit=LARGEST_CHUNK)
    page = meta(simulator.assumptions, offset=offset, limit=limit, total=total, items=written)
    yield b'],"meta":' + orjson.dumps(page) + b"}"


def history_row(simulator: Simulator, attempt: Json) -> Json:
    """One attempt as the vendor's history has it."""
    words = simulator.assumptions.history_status_words.split("/", 1)
    status = attempt["status"]
    return {
        "webhookId": attempt["webhookId"],
        "deliveryId": attempt["deliveryId"],
        "status": words[0] if attempt["outcome"] == "accepted" else words[-1],
        "httpStatusCode": status or simulator.assumptions.history_code_without_answer,
        "createdAt": attempt["startedAt"][:-4] + "Z",  # milliseconds, unlike an event's own time
        "message": attempt["error"] or _phrase(status),
    }


def _phrase(status: int | None) -> str:
    if status is None:
        return "The delivery was interrupted: its end was not seen."
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"


# --- health -----------------------------------------------------------------------------------------------------------


@product.get("/health")
@product.get("/health/live")
@open_to_all
def health() -> Response:
    """Whether the process answers."""
    return _healthy({})


@product.get("/health/ready")
@open_to_all
def ready() -> Response:
    """Whether the store answers, too."""
    try:
        _simulator().store.reader.waiting_counts()
    except Exception as error:  # whatever it is: the question is whether there is one
        return _unhealthy({"database": {"status": "down", "message": type(error).__name__}})
    return _healthy({"database": {"status": "up"}})


def _healthy(details: Json) -> Response:
    return jsonify({"status": "ok", "info": details, "error": {}, "details": details})


def _unhealthy(details: Json) -> Response:
    answer = jsonify({"status": "error", "info": {}, "error": details, "details": details})
    answer.status_code = 503
    return answer
