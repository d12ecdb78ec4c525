"""How the things of the simulated app, and what may be done to them, are printed for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from emitter.cli.terminal import BOLD, DIM, GREEN, RED, YELLOW, Json, columns, paint, plain, short_time, short_type

COLOURS = {
    "ACTIVE": GREEN, "APPROVED": GREEN, "PENDING": YELLOW, "SUSPENDED": YELLOW, "DENIED": RED, "REVOKED": RED,
    "CANCELED": DIM, "EXPIRED": DIM, "DELETED": DIM,
}  # fmt: skip


def time_of(clock: Json) -> str:
    """One line: what time it is there, and when something happens by itself."""
    kind = "virtual clock" if clock["virtual"] else "the machine's clock"
    due = f"next due {short_time(clock['nextDue'])}" if clock["nextDue"] else "nothing falls due"
    return f"{short_time(clock['now'])} {paint(f'({kind})', DIM)}  {due}"


def everything(state: Json) -> Iterable[str]:
    """The whole world, cut to what changes."""
    yield time_of(state)
    counts = [(len(state[name]), one) for name, one in (
        ("users", "user"), ("domains", "domain"), ("dataSources", "data source"), ("dataProducts", "data product"),
        ("accessRequests", "access request"),
    )]  # fmt: skip
    yield ", ".join(f"{count:,} {one}{'' if count == 1 else 's'}" for count, one in counts)
    for kind, found in (("data product", state["dataProducts"]), ("request", state["accessRequests"])):
        if found:
            yield ""
            yield from table(kind, found)


def table(kind: str, found: Sequence[Json]) -> Iterable[str]:
    """All of a kind, one a line."""
    from emitter.world.kinds import kind_named

    titles, row = _TABLES[kind_named(kind)]
    if found:
        state = titles.index("STATE") if "STATE" in titles else -1
        yield from columns(
            titles, [row(each) for each in found], stretch=len(titles) - 1,
            paints=lambda column, text: COLOURS.get(text.strip(), "") if column == state else "",
        )  # fmt: skip


def _user_row(user: Json) -> list[str]:
    own = user["xSimulator"]
    rights = [*own["globalPermissions"], *(f"{each['permission']}" for each in own["collectionPermissions"])]
    rights += [f"group {each}" for each in own["groups"]]
    return [user["globalUserId"], user["name"], ", ".join(dict.fromkeys(rights))]


def _product_row(product: Json) -> list[str]:
    stats = product["stats"]
    return [
        product["id"], product["xSimulator"]["state"], str(stats["pendingRequestCount"]),
        str(stats["approvedRequestCount"]), product["name"],
    ]  # fmt: skip


def _request_row(request: Json) -> list[str]:
    ends = short_time(request["expiration"]) if "expiration" in request else "-"
    return [
        request["id"], request["xSimulator"]["state"], short_time(request["createdAt"]), ends, request["user"]["name"],
        request["dataProduct"]["name"],
    ]  # fmt: skip


_TABLES: dict[str, tuple[tuple[str, ...], Callable[[Json], list[str]]]] = {
    "user": (("ID", "NAME", "RIGHTS"), _user_row),
    "domain": (("ID", "NAME"), lambda each: [each["id"], each["name"]]),
    "data source": (("ID", "TYPE", "NAME"), lambda each: [each["id"], each["type"], each["name"]]),
    "data product": (("ID", "STATE", "PENDING", "APPROVED", "DATA PRODUCT"), _product_row),
    "request": (("ID", "STATE", "ASKED (UTC)", "ENDS (UTC)", "USER", "DATA PRODUCT"), _request_row),
}


def line(kind: str, entity: Json) -> str:
    """One line that says what a thing is now."""
    if kind == "request":
        state = entity["xSimulator"]["state"]
        ends = f" until {short_time(entity['expiration'])}" if "expiration" in entity else ""
        who = plain(f'{entity["user"]["name"]} for "{entity["dataProduct"]["name"]}"')
        return f"access request {plain(entity['id'])} is {paint(state, COLOURS.get(state, ''))}{ends}: {who}"
    named = plain(f'{kind} "{entity["name"]}"')
    state = entity.get("xSimulator", {}).get("state", "") if kind == "data product" else ""
    told = f" is {paint(state, COLOURS.get(state, ''))}" if state else ""
    identity = plain(entity.get("globalUserId", entity["id"]))
    return f"{named}{told} {paint(f'({identity})', DIM)}"


def whole(found: Json) -> Iterable[str]:
    """One thing, and what may be done to it now."""
    kind, entity = found["kind"], found["entity"]
    yield line(kind, entity)
    for name, value in _facts(kind, entity):
        if value:
            yield f"  {name:<14} {plain(value)}"
    if found["legal"]:
        yield ""
        yield paint("What may be done now, and what follows", BOLD)
    for each in found["legal"]:
        follows = ", ".join(map(short_type, each["events"])) or "no event"
        yield f"  {each['action']:<26} {'' if each['sure'] else 'perhaps '}{follows}"


def _facts(kind: str, entity: Json) -> Iterable[tuple[str, str]]:
    own = entity.get("xSimulator", {})
    match kind:
        case "user":
            yield "user name", entity["username"]
            yield "permissions", ", ".join(own["globalPermissions"])
            for each in own["collectionPermissions"]:
                yield "in domain", f"{each['collectionId']}: {each['permission']}"
            yield "groups", ", ".join(own["groups"])
        case "data source":
            yield "type", entity["type"]
            yield "columns", ", ".join(own["columns"])
        case "data product":
            yield "description", entity["description"] or ""
            yield "domains", ", ".join(entity["domains"])
            yield "data sources", ", ".join(own["dataSources"])
            yield "policy", entity["dataAccessPolicy"]["defaultEvent"]["type"]
            yield "published", short_time(entity["createdAt"])
            yield (
                "requests",
                ", ".join(
                    f"{entity['stats'][f'{word}RequestCount']} {word}"
                    for word in ("pending", "approved", "denied", "total")
                ),
            )
            yield "run", own["run"]
        case "request":
            yield "type", entity["type"]
            yield "asked by", entity["requestingUser"]["name"]
            yield "asked", short_time(entity["createdAt"])
            for each in own["approvalRecords"]:
                decided = f" by {each['actionBy']['name']}" if "actionBy" in each else ""
                yield "record", f"{each['id']} {each['status']}{decided}"
            yield "run", own["run"]


def actions(found: Sequence[Json]) -> Iterable[str]:
    """What may be done, each action with what it takes."""
    for each in found:
        yield f"{paint(each['action'], BOLD)}  {plain(' '.join(each['description'].split()))}"
        events = ", ".join(map(short_type, each["events"]))
        if each["needs"]:
            yield f"    {paint('needs', DIM)} a {each['subject']} that is {' or '.join(each['needs'])}"
        if events:
            yield f"    {paint('may tell', DIM)} {events}"
        for one in each["parameters"]:
            told = one["description"]
            choices = f" One of {', '.join(one['choices'])}." if one["choices"] else ""
            mark = " (needed)" if one["required"] else ""
            yield f"    {one['name']:<20} {plain(told)}{choices}{mark}"
