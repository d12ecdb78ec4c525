"""The one place where a mistake becomes an HTTP answer: by class, in the form of the path that was asked.

The vendor's paths answer as `errors.style` says, ours with problem JSON (RFC 9457), the rest (the pages) in plain text
or with the page that `app.extensions["emitter.error-page"]` makes (of a status and a text).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from emitter.errors import (
    Conflict,
    EmitterError,
    IllegalAction,
    NotFound,
    ScenarioError,
    Unavailable,
    UsageError,
    Violation,
)
from emitter.vendor import Refused
from emitter.web.tenancy import simulator

PRODUCT_PATHS = ("/marketplace/", "/api/", "/health")
OUR_PATHS = ("/simulator/",)
_FACTS = ("nearest", "ambiguous", "where", "name", "rule", "address")


class Unauthorized(EmitterError):
    """No token, or a wrong one: status 401."""


class Forbidden(EmitterError):
    """A token would not help: status 403."""


class WrongMediaType(UsageError):
    """A body in a form that is not read here: status 415."""


class WrongHost(EmitterError):
    """A request to a host name that is not ours: status 421."""


class Busy(Unavailable):
    """As many as may wait at once are waiting already: status 503, with a Retry-After."""


STATUSES: tuple[tuple[type[EmitterError], int], ...] = (
    (Unauthorized, 401),
    (Forbidden, 403),
    (Refused, 403),
    (NotFound, 404),
    (Conflict, 409),
    (WrongMediaType, 415),
    (WrongHost, 421),
    (Unavailable, 503),
    (EmitterError, 400),
)
_WHY = {
    400: "The request cannot be understood.",
    404: "There is nothing at this path.",
    405: "This path does not take that method.",
    413: "The body is larger than 1,048,576 bytes, the most that is read.",
    500: "Something went wrong inside; the log says what.",
    503: "The simulator is stopping.",
}

_DELETED = "The tenant was deleted."


def install(app: Flask) -> None:
    """Have every mistake answered by this module."""
    app.register_error_handler(EmitterError, _mistake)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: EmitterError) -> int:
    """The status that a mistake is answered with."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def facts(error: EmitterError) -> dict[str, Any]:
    """What an error knows beside its text, for programs."""
    found = {name: getattr(error, name) for name in _FACTS if getattr(error, name, None)}
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
    if isinstance(error, IllegalAction):
        found |= {name: getattr(error, name) for name in ("action", "kind", "id", "state", "why")}
        found["legal"] = list(error.legal)
    if isinstance(error, ScenarioError):
        found["mistakes"] = [{"line": line, "why": why} for line, why in error.mistakes]
    violations: tuple[Violation, ...] = getattr(error, "violations", ())
    if violations:
        found["violations"] = [
            {"pointer": each.pointer, "rule": each.rule, "message": each.message, "provenance": each.provenance}
            for each in violations
        ]
    return found


def _mistake(error: EmitterError) -> Response:
    if isinstance(error, Unavailable) and _went_under():
        return _answer(503, _DELETED)
    return _answer(status_of(error), str(error), kind=type(error).__name__, more=facts(error))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 405 and _is_product(request.path):
        status = 404  # the vendor's framework knows no route for a wrong method, and says so (assumed)
    answer = _answer(status, _WHY.get(status) or error.description or HTTP_STATUS_CODES[status])
    if status == 405 and error.response is None:
        answer.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return answer


def _unexpected(error: Exception) -> Response:
    if current_app.extensions["emitter.stopping"].is_set():
        return _answer(503, _WHY[503])
    if _went_under():
        return _answer(503, _DELETED)
    current_app.logger.error("An unexpected %s in %s %s", type(error).__name__, request.method, request.path,
                             exc_info=error)  # fmt: skip
    return _answer(500, _WHY[500])


def _went_under() -> bool:
    """Whether the tenant was deleted while its request was answered."""
    here = simulator()
    return here.closed and here is not current_app.extensions["emitter"]


def _answer(status: int, text: str, *, kind: str = "", more: Mapping[str, Any] = MappingProxyType({})) -> Response:
    if _is_product(request.path):
        answer = _product_answer(status, text, kind, more)
    elif request.path.startswith(OUR_PATHS):
        answer = problem(status, text, kind, more)
    else:
        answer = _page(status, text)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        answer.headers["Retry-After"] = "1"
    return answer


def _is_product(path: str) -> bool:
    return path.startswith(PRODUCT_PATHS)


def _product_answer(status: int, text: str, kind: str, more: Mapping[str, Any]) -> Response:
    style = simulator().assumptions.errors_style
    if style == "empty":
        return Response(status=status)
    if style == "problem":
        return problem(status, text, kind, more)
    body = {"statusCode": status, "message": text, "error": HTTP_STATUS_CODES[status]}
    return Response(current_app.json.dumps(body), status, mimetype="application/json")


def problem(status: int, text: str, kind: str, more: Mapping[str, Any]) -> Response:
    """A problem document: `type` names the kind of mistake, `detail` is its text, what else is known stands beside."""
    slug = re.sub(r"(?<!^)(?=[A-Z])", "-", kind).lower()
    body = {
        "type": f"urn:emitter:problem:{slug}" if slug else "about:blank",
        "title": HTTP_STATUS_CODES[status],
        "status": status,
        "detail": text,
        **more,
    }
    return Response(current_app.json.dumps(body), status, mimetype="application/problem+json")


def _page(status: int, text: str) -> Response:
    make = current_app.extensions.get("emitter.error-page")
    wants_html = request.accept_mimetypes.best_match(["text/plain", "text/html"]) == "text/html"
    if make is not None and wants_html:
        try:
            answer: Response = make(status, text)
            return answer
        except Exception as error:  # an error page must not end in another error
            current_app.logger.error("The error page cannot be shown", exc_info=error)
    return Response(f"{status} {HTTP_STATUS_CODES[status]}\n\n{text}\n", status, mimetype="text/plain")
