"""The page of one thing of the simulated app: what it is, its life as lanes of events, what may be done to it now."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from emitter.clock import parse_rfc3339
from emitter.errors import EmitterError, NotFound
from emitter.history import Json
from emitter.report.timeline import SPRITE, legend, timeline
from emitter.report.values import Mark, Report, Tick
from emitter.web.acting import Form
from emitter.web.errors import status_of
from emitter.web.tenancy import simulator
from emitter.web.world_pages import KINDS, Notice
from emitter.world import kind_named

PAGE = 30  # events of a life that are shown at once
MOST_REQUESTS = 20  # of a product or a person, beside the link to all
MOST_OFFERED = 200  # names of people and products to choose from
_LIVES = ("data product", "request")


def entity(kind: str, id: str) -> ResponseReturnValue:
    """One thing."""
    return _page(kind, id, None, None), 200


def act(kind: str, id: str) -> ResponseReturnValue:
    """Do something to it, and come back."""
    found = simulator().world_entity(_kind(kind), id)
    form = Form.of(request.form.get("action", ""), request.form)
    if form.subject != found["kind"]:
        raise NotFound("action", form.action, f"It is none for a {found['kind']}.")
    own = _id(found["entity"])
    try:
        done = simulator().act(form.action, faults=form.read_faults(), **{form.to: own}, **form.read())
    except EmitterError as error:
        return _page(kind, id, form, error), status_of(error)
    made = _id(done["entity"])
    known: dict[str, Any] = {"made": made} if made != own else {}
    return redirect(
        url_for("pages.entity", kind=kind, id=own, done=form.action, events=len(done["events"]), **known), 303
    )


def _kind(word: str) -> str:
    if word not in KINDS:
        raise NotFound("kind of thing", word, f"There are {', '.join(KINDS)}.")
    return kind_named(word)


def _id(entity: Json) -> str:
    """The id by which a thing is found: a person's own member is called otherwise."""
    return str(entity.get("globalUserId") or entity["id"])


def _page(kind: str, id: str, refused: Form | None, error: EmitterError | None) -> str:
    found = simulator().world_entity(_kind(kind), id)
    own, name = found["entity"], found["kind"]
    before = request.args.get("before", "")
    life = simulator().world_events(name, _id(own), before=before, limit=PAGE) if name in _LIVES else None
    requests = _requests(name, own)
    return render_template(
        "entity.html",
        kind=kind,
        kinds=KINDS,
        what=name,
        entity=own,
        id=_id(own),
        title=own.get("name") or f"{own['user']['name']}: {own['dataProduct']['name']}",
        state=own.get("xSimulator", {}).get("state", ""),
        forms=_forms(found["legal"], refused),
        refused=refused.action if refused else "",
        error=str(error) if error else "",
        notice=Notice.asked(),
        made=_made(request.args.get("made", "")),
        life=life,
        before=before,
        lanes=_lanes(life["events"], own, name) if life and life["events"] else None,
        requests=requests,
        people=[each.name for each in list(simulator().world.known.users.values())[:MOST_OFFERED]],
        sources=_sources(own) if name == "data product" else [],
        domains=_domains(own) if name == "data product" else [],
    )


def _forms(legal: list[Json], refused: Form | None) -> list[Form]:
    """A form for each thing that may be done; the one that was refused with what was typed."""
    forms = [Form.of(each["action"], {}, events=tuple(each["events"]), sure=each["sure"]) for each in legal]
    if refused is None:
        return forms
    if all(each.action != refused.action for each in forms):  # not possible any more; the error says why
        return forms
    return [refused if each.action == refused.action else each for each in forms]


def _made(id: str) -> Json | None:
    """The request that came of what was done."""
    if not id:
        return None
    try:
        found: Json = simulator().world_entity("request", id[:255])["entity"]
    except NotFound:
        return None
    return found


def _requests(kind: str, own: Json) -> Json | None:
    """The requests for a product or of a person, the newest few."""
    filters = {"data product": "product", "user": "user"}
    if kind not in filters:
        return None
    if kind == "data product" and own["xSimulator"]["state"] == "DELETED":
        return None
    return simulator().world_page("requests", **{filters[kind]: _id(own)}, limit=MOST_REQUESTS)  # type: ignore[arg-type]


def _sources(own: Json) -> list[Json]:
    known = simulator().world.known
    return [{"id": each, "name": known.sources[each].name} for each in own["xSimulator"]["dataSources"]]


def _domains(own: Json) -> list[Json]:
    known = simulator().world.known
    return [{"id": each, "name": known.domains[each].name} for each in own["domains"] if each in known.domains]


# --- the lanes --------------------------------------------------------------------------------------------------------


def _lanes(events: list[Json], own: Json, kind: str) -> Markup:
    """Time across, a lane for each request: events as dots that lead to their deliveries, attempts as ticks."""
    events = events[::-1]
    product = own["name"] if kind == "data product" else own["dataProduct"]["name"]
    names = _names(events)
    marks = tuple(_mark(each, product, names) for each in events)
    last = max([*(mark.at for mark in marks), *(tick.at for mark in marks for tick in mark.ticks)])
    report = Report("", "", "", start=marks[0].at, end=last, marks=marks)
    links = {place: address for place, each in enumerate(events) if (address := _address(each))}
    return SPRITE + timeline(report, links=links) + Markup('<p class="legend">{}</p>').format(legend(report))


def _names(events: list[Json]) -> dict[str, str]:
    """What each request is called: by whom it is for, and the end of its id where that is not enough."""
    known = simulator().world.known
    users = {
        each: known.users[known.requests[each].user].name
        for event in events
        if (each := event["requestId"]) and each in known.requests
    }
    twice = {name for name in users.values() if list(users.values()).count(name) > 1}
    return {id: f"{name} …{id[-4:]}" if name in twice else name for id, name in users.items()}


def _mark(event: Json, product: str, names: dict[str, str]) -> Mark:
    ticks = tuple(
        Tick(parse_rfc3339(one["scheduledAt"]), one["number"], one["outcome"], one["status"], tuple(one["faults"]))
        for each in event["deliveries"]
        for one in each["attempts"]
    )
    waiting = [each for each in event["deliveries"] if each["state"] == "pending" and not each["attempts"]]
    ticks += tuple(Tick(parse_rfc3339(each["dueAt"]), 1, "pending") for each in waiting)
    dropped = "; ".join(dict.fromkeys(each["note"] for each in event["deliveries"] if each["state"] == "dropped"))
    return Mark(
        at=parse_rfc3339(event["timestamp"]), type=event["type"], product=product,
        request=names.get(event["requestId"] or "", ""), line=-1, ticks=ticks, dropped=dropped,
    )  # fmt: skip


def _address(event: Json) -> str:
    """Where an event's deliveries are shown: its one attempt, or the list of all."""
    attempts: list[Any] = [one for each in event["deliveries"] for one in each["attempts"]]
    if len(attempts) == 1:
        return url_for("pages.delivery", attempt_id=attempts[0]["id"])
    return url_for("pages.deliveries", event=event["id"]) if event["deliveries"] else ""
