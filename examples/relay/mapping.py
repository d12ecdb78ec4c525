"""What becomes of what: the twelve types and the states of a request, as cards, change events and alerts.

An alert is for what somebody has to do: an access request waits for a decision. It is opened when the request is seen
to wait and resolved when it no longer does, under a dedup key made of the request's id, which no event holds. Why each
type is what it is stands in README.md.
"""

from datetime import datetime, timedelta

PENDING, GONE = "PENDING", "GONE"
OVER = ("DENIED", "CANCELED", "REVOKED", "EXPIRED", GONE)
DECIDED = ("APPROVED", *OVER)  # any other state, also one that is new, waits for somebody
TEAMS, PAGERDUTY, CHANGES = "Teams", "PagerDuty", "PagerDuty changes"
PREFIX = "marketplace.data_product."
EXPIRING = f"{PREFIX}access_requests.expiring"
CHANGED = {
    f"{PREFIX}state.created": "was published",
    f"{PREFIX}state.deleted": "was deleted",
    f"{PREFIX}data_sources.updated": "has other data sources",
    f"{PREFIX}access_requests.data_steward.updated": "has other stewards",
}
TOLD = {
    "APPROVED": "{who} has access to {product}{until}",
    "DENIED": "{who} was denied access to {product}",
    "EXPIRED": "The access of {who} to {product} has ended",
    "REVOKED": "The access of {who} to {product} was revoked",
}  # CANCELED and GONE: nobody has to know


def change_of(event):
    """The change event of a product event, as (key, service, body); None for any other type."""
    if event.type not in CHANGED:
        return None
    links = [{"href": event.link, "text": "Open the product"}] if event.link else []
    return (
        f"change/{event.digest}", CHANGES,
        {
            "payload": {
                "summary": _short(f"{_name(event.name)} {CHANGED[event.type]}"), "source": "Immuta Request app",
                "timestamp": f"{event.time:%Y-%m-%dT%H:%M:%S}Z", "custom_details": {"dataProductId": event.product},
            },
            "links": links,
        },
    )  # fmt: skip


def outcome_of(request, before, link=""):
    """What follows from a request that was seen as `before` and is now seen as it is: (key, service, body) each."""
    id, status = request["id"], request["status"]
    words = _words(request)
    if status not in DECIDED:
        text = "{who} asks for access to {product}".format(**words)
        yield f"alert/{id}/trigger", PAGERDUTY, _trigger(request, text, link)
        yield f"card/{id}/{PENDING}", TEAMS, _message(text, words, link)
    if before not in (None, *DECIDED) and status in DECIDED:
        yield f"alert/{id}/resolve", PAGERDUTY, {"event_action": "resolve", "dedup_key": _dedup_key(id)}
    if status in TOLD:
        yield f"card/{id}/{status}", TEAMS, _message(TOLD[status].format(**words), words, link)


def warning_of(request, event):
    """The card for a warning that access ends. The event does not say how far ahead it warns, nor for whom."""
    if request["status"] != "APPROVED" or not request.get("expiration"):
        return
    left = datetime.fromisoformat(request["expiration"].replace("Z", "+00:00")) - event.time
    days = next((days for days in (1, 7) if timedelta(0) < left <= timedelta(days=days, minutes=5)), None)
    if days is not None:
        words = _words(request)
        text = f"The access of {words['who']} to {words['product']} ends in {days} day{'s' * (days > 1)} or less"
        yield f"card/{request['id']}/expiring/{days}", TEAMS, _message(text, words, event.link)


def _trigger(request, text, link):
    return {
        "event_action": "trigger",
        "dedup_key": _dedup_key(request["id"]),
        "payload": {
            "summary": _short(text), "source": "Immuta Request app", "severity": "warning",
            "component": _short(_product(request)["name"]), "class": "access request",
            "timestamp": request["createdAt"],
            "custom_details": {"request": request["id"], "dataProductId": _product(request)["id"]},
        },
        "links": [{"href": link, "text": "Decide"}] if link else [],
    }  # fmt: skip


def _message(text, words, link):
    body = [
        {"type": "TextBlock", "text": _short(text), "weight": "Bolder", "wrap": True},
        {"type": "FactSet", "facts": [
            {"title": "Product", "value": words["product"]}, {"title": "For", "value": words["who"]},
            {"title": "Request", "value": words["id"]},
        ]},
    ]  # fmt: skip
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "msteams": {"width": "full"}, "body": body,
        # a button that decides would need a bot: a card from a webhook can only open a link
        "actions": [{"type": "Action.OpenUrl", "title": "Open in Immuta", "url": link}] if link else [],
    }  # fmt: skip
    item = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [item]}


def _words(request):
    until = request.get("expiration")
    return {
        "id": request["id"], "who": _name((request.get("user") or {}).get("name")),
        "product": _name(_product(request)["name"]), "until": f" until {until[:10]}" if until else "",
    }  # fmt: skip


def _product(request):
    found = request.get("dataProduct") or {}
    return {"id": found.get("id", ""), "name": found.get("name") or "a product"}


def _dedup_key(id):
    return f"immuta-request/{id}"[:255]


def _name(text):
    """A name out of somebody's hands: cut, so that a card keeps far below 28 KB, and without what is markup there."""
    return "".join(each for each in (text or "somebody")[:200] if each not in "[]*_`<>")


def _short(text):
    return text[:1000]
