"""What every page stands in: the rail, what runs, and the page of an error."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager
from typing import Any

from flask import Response, current_app, render_template, request
from werkzeug.http import HTTP_STATUS_CODES

from emitter.errors import BadTarget, EgressRefused, EmitterError
from emitter.simulator import VERSION
from emitter.tenants import Tenants
from emitter.web.guards import Slots
from emitter.web.tenancy import simulator

RAIL = (
    ("Deliveries", "pages.deliveries", ("/", "/deliveries")),
    ("Compose", "pages.compose", ("/compose",)),
    ("Webhooks", "pages.webhooks", ("/webhooks",)),
    ("World", "pages.world", ("/world",)),
    ("Scenarios", "pages.scenarios", ("/scenarios", "/runs")),
    ("Contract", "pages.events", ("/events", "/contract")),
    ("Assumptions", "pages.assumptions", ("/assumptions",)),
)
"""Name, endpoint, and the paths under which it is the current one."""

NOTHING_KNOWN: dict[str, Any] = {"running": None, "assumptions_changed": 0, "tenant": "", "next_due": None}


def slow_slot() -> AbstractContextManager[None]:
    """Occupy one of the few places for what takes long; raises `Busy` when all are taken."""
    slots: Slots = current_app.extensions["emitter.slow"]
    return slots.hold()


def rail() -> dict[str, Any]:
    """What `page.html` needs on any page, without anything that only those who are signed in may see."""
    here = request.path
    entries = [
        (name, endpoint, any(here == path or (path != "/" and here.startswith(f"{path}/")) for path in paths))
        for name, endpoint, paths in RAIL
    ]
    return {"rail": entries, "version": VERSION, "here": here_again()}


def here_again() -> str:
    """The address of the page that is shown, to come back to; the start where this one was posted to."""
    if request.method != "GET":
        return "/"
    return request.full_path if request.query_string else request.path


def local(path: str) -> str:
    """A path of this server, whatever was asked for: nobody is sent elsewhere from here."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours else "/"


def running() -> dict[str, Any]:
    """What the foot of the rail says of the simulator; nothing when the store cannot say."""
    try:
        state = simulator().state()
        due = simulator().clock_state()["nextDue"] if state["clock"] == "virtual" else None
    except Exception:  # whatever it is: the foot of a page is no reason to lose the page, least of all an error's
        return NOTHING_KNOWN
    changed = sum(each["changed"] for each in simulator().assumed())
    tenants: Tenants = current_app.extensions["emitter.tenants"]
    return {"running": state, "assumptions_changed": changed, "tenant": tenants.named(simulator()), "next_due": due}


def server() -> str:
    """This server's address, as the reader of the page reached it, for commands to copy."""
    return shlex.quote(request.host_url.rstrip("/"))


_TITLES = {
    400: "That cannot be done as asked",
    403: "Not allowed",
    404: "Not found",
    405: "That cannot be done here",
    409: "That does not fit the state of things",
    413: "That is too large",
    421: "This server has another name",
    500: "Something went wrong here",
    503: "Not now",
}
_STRANGERS = (401, 403, 421)  # errors of those who may not be who they should be
_HINTS = {
    403: "If you came here from a form that was open for long, go back, reload the page and send it again.",
    404: "It may have been removed by retention or a reset, or the address is not right.",
    503: "Nothing is lost. Try again in a moment.",
}


def error_page(status: int, text: str, *, signed_in: bool) -> Response:
    """Make the page of an error, in the same frame; what runs is shown only to those who may see the other pages."""
    html = render_template(
        "error.html",
        status=status,
        heading=_TITLES.get(status) or HTTP_STATUS_CODES.get(status, "Error"),
        message=text,
        hint=_HINTS.get(status, ""),
        **rail(),
        **(running() if signed_in and status not in _STRANGERS else NOTHING_KNOWN),
    )
    return Response(html, status, mimetype="text/html")


def field_of(error: EmitterError) -> str:
    """Which field of a form an error is about; empty for the whole form."""
    return "url" if isinstance(error, BadTarget | EgressRefused) else str(getattr(error, "name", ""))
