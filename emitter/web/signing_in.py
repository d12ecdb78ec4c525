"""Signing in to the pages where they are not open to everybody: a token goes in, a session cookie comes out."""

from __future__ import annotations

from flask import Blueprint, Response, render_template_string, request

from emitter.web.errors import Forbidden, Unauthorized, status_of
from emitter.web.frame import local
from emitter.web.guards import COOKIE, csrf_token, guards, open_to_all

session = Blueprint("session", __name__)

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · emitter</title>
<link rel="icon" href="{{ url_for('static', filename='icon.svg') }}" type="image/svg+xml">
<link rel="stylesheet" href="{{ url_for('static', filename='style.css') }}"></head>
<body><main>
<h1>Sign in</h1>
{% if why %}<p role="alert">{{ why }}</p>{% endif %}
<form method="post" action="/sign-in">
<input type="hidden" name="csrf" value="{{ csrf }}">
<input type="hidden" name="next" value="{{ next }}">
<input type="text" name="username" value="emitter" autocomplete="username" hidden>
<p><label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label></p>
<p><button>Sign in</button></p>
</form>
<p>The token is the one that the server was started with (EMITTER_TOKEN), or that of a tenant.</p>
</main></body>
</html>
"""


@session.get("/sign-in")
@open_to_all
def form() -> Response:
    """Ask for the token."""
    return _page(local(request.args.get("next", "/")))


@session.post("/sign-in")
@open_to_all
def sign_in() -> Response:
    """Take the token; go where the visitor wanted to go."""
    wanted = local(request.form.get("next", "/"))
    try:
        value = guards().sign_in(request.form.get("token", "").strip())
    except (Unauthorized, Forbidden) as error:
        return _page(wanted, str(error), status_of(error))
    answer = Response(status=303, headers={"Location": wanted})
    answer.set_cookie(COOKIE, value, httponly=True, samesite="Strict", secure=request.is_secure, path="/")
    return answer


@session.post("/sign-out")
@open_to_all
def sign_out() -> Response:
    """End the session, here and on the server."""
    guards().sign_out()
    answer = Response(status=303, headers={"Location": "/sign-in"})
    answer.delete_cookie(COOKIE, httponly=True, samesite="Strict", path="/")
    return answer


def _page(wanted: str, why: str = "", status: int = 200) -> Response:
    text = render_template_string(_PAGE, csrf=csrf_token(), next=wanted, why=why)
    return Response(text, status, mimetype="text/html")
