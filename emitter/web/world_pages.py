"""The pages of the simulated app: what there is of each kind, and the clock; one thing has `entity_pages`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter.errors import BadValue, EmitterError, NotFound, UnknownName, UsageError
from emitter.typed import duration
from emitter.web.acting import Form
from emitter.web.frame import local, server, slow_slot
from emitter.web.guards import slots
from emitter.web.shown import query
from emitter.web.tenancy import simulator
from emitter.web.world_api import FARTHEST
from emitter.world import PLURALS, STATUSES, kind_named

PAGE = 50
MOST_BACK = 10**9  # rows that a list is paged over

KINDS = {
    "data-products": "Data products",
    "access-requests": "Access requests",
    "users": "People",
    "domains": "Domains",
    "data-sources": "Data sources",
}
"""The kinds that have a list, as their addresses and as people call them."""

NEW = {"data-products": "publish", "users": "add_user", "domains": "add_domain", "data-sources": "add_data_source"}
"""By what action a thing of each kind comes to be; a request is asked for on the page of its product."""

ADDED = {"data product": "Published.", "user": "Added.", "domain": "Added.", "data source": "Added."}
_FILTERS = ("text", "status", "product", "user")


def plural(kind: str) -> str:
    """The word of an address for what the world calls a kind."""
    return next(word for word, name in PLURALS.items() if name == kind)


def world(kind: str = "data-products") -> ResponseReturnValue:
    """All things of a kind, the newest first, as the filters ask."""
    if kind not in KINDS:
        raise NotFound("kind of thing", kind, f"There are {', '.join(KINDS)}.")
    typed = {name: request.args.get(name, "").strip() for name in _FILTERS}
    given = {name: value for name, value in typed.items() if value}
    offset = whole(request.args.get("offset", "0"))
    error: EmitterError | None = None
    try:
        page = simulator().world_page(kind, **given, offset=offset, limit=PAGE)
    except (UnknownName, UsageError, BadValue, NotFound) as found:
        error, page = found, {"entities": [], "total": 0}

    def beside(change: int) -> str:
        shown: dict[str, Any] = {**given, **({"offset": offset + change} if offset + change > 0 else {})}
        return url_for("pages.world_kind", kind=kind) + (f"?{query(shown.items())}" if shown else "")

    return render_template(
        "world.html",
        kind=kind,
        kinds=KINDS,
        name=KINDS[kind],
        rows=page["entities"],
        total=page["total"],
        statuses=STATUSES.get(kind_named(kind), ()),
        typed=typed,
        given=given,
        error=str(error) if error else "",
        before=beside(-PAGE) if offset else None,
        after=beside(PAGE) if offset + PAGE < page["total"] else None,
        clear=url_for("pages.world_kind", kind=kind),
        new=NEW.get(kind, ""),
        server=server(),
    ), 400 if error else 200  # fmt: skip


def creation(action: str) -> ResponseReturnValue:
    """A form for something new."""
    return _creation(Form.of(action, {}), None), 200


def create(action: str) -> ResponseReturnValue:
    """Have something new, and go where it is shown."""
    form = Form.of(action, request.form)
    try:
        done = simulator().act(form.action, **form.read())
    except EmitterError as error:
        return _creation(form, error), 400
    return redirect(
        url_for(
            "pages.entity", kind=plural(done["kind"]), id=done["entity"].get("globalUserId") or done["entity"]["id"],
            done=form.action, events=len(done["events"]),
        ),
        303,
    )  # fmt: skip


def _creation(form: Form, error: EmitterError | None) -> str:
    if form.subject or form.action not in NEW.values():
        raise NotFound("action", form.action, f"What is new comes by {', '.join(NEW.values())}.")
    kind = next(kind for kind, action in NEW.items() if action == form.action)
    return render_template("world_new.html", form=form, kind=kind, name=KINDS[kind], error=str(error) if error else "")


# --- the clock --------------------------------------------------------------------------------------------------------


def advance() -> ResponseReturnValue:
    """Move the virtual clock, and go back to where one was."""
    given = request.form
    how = given.get("move", "")
    by, to = given.get("by", "").strip(), given.get("to", "").strip()
    if how not in ("go", "next"):
        raise BadValue("move", how, "is neither go nor next.")
    if how == "go" and bool(by) == bool(to):
        raise UsageError("Say how far, as 7d or 1h30m, or to which moment, as 2030-01-31T09:00:00Z: one of the two.")
    length = duration(by, "by") if how == "go" and by else None
    if length is not None and length > FARTHEST:
        raise BadValue("by", by, "is more than a hundred years at once.")
    with slow_slot(), slots("clock").hold():
        simulator().advance(length, to="next" if how == "next" else to or None)
    return redirect(local(given.get("back", "/")), 303)


def whole(text: str) -> int:
    """The rows before a page, 0 for what is no such number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@dataclass(frozen=True, slots=True)
class Notice:
    """What was done, in words: an action by its name, with how many events followed."""

    action: str
    events: int

    @classmethod
    def asked(cls) -> Notice | None:
        """The one that the address names, if it names one."""
        action, number = request.args.get("done", ""), whole(request.args.get("events", "0"))
        known = {each["action"] for each in simulator().actions()}
        return cls(action.replace("_", " "), number) if action in known else None
