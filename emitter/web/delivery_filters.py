"""The filters of the list of deliveries: read from an address, written into one, shown as a form and as chips."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from flask import request, url_for

from emitter.delivery import masked
from emitter.errors import BadValue, NotFound, UnknownName
from emitter.faults import FAULTS
from emitter.history import Json
from emitter.query import ANY_FAULT, OUTCOMES, VERDICTS, AttemptQuery
from emitter.web.frame import server
from emitter.web.shown import query
from emitter.web.tenancy import simulator

LARGEST_ID = 2**62
MOST_OFFERED = 25  # webhooks to choose from, the newest; a click on a cell chooses any
PAGING = ("before", "after")
TOLD = ("resent", "refused")  # what came of a resend of many, said once on the list
_HIDDEN = ("event", "delivery", "limit")  # filters without a field, carried along

Pairs = list[tuple[str, str]]


def asked() -> Pairs:
    """The filters of the address, without what is only told in it."""
    return [(name, value) for name, value in request.args.items(multi=True) if name not in TOLD]


def without(pairs: Iterable[tuple[str, str]], *names: str) -> Pairs:
    """The same without some names."""
    return [(name, value) for name, value in pairs if name not in names]


def of_the_list() -> tuple[Pairs, AttemptQuery]:
    """The filters of the list that somebody has come from by a link in it; none where they came from elsewhere."""
    with suppress(ValueError, BadValue, UnknownName):  # no URL at all, or no filters
        came = urlsplit(request.referrer or "")
        if came.netloc == request.host and came.path == url_for("pages.deliveries"):
            pairs = without(parse_qsl(came.query), *PAGING, "limit", *TOLD)
            return pairs, AttemptQuery.parse(pairs)
    return [], AttemptQuery()


def address(pairs: Iterable[tuple[str, str]]) -> str:
    """The list under these filters."""
    return url_for("pages.deliveries") + tail(pairs)


def tail(pairs: Iterable[tuple[str, str]]) -> str:
    """What these filters add to an address, the question mark included."""
    text = query(pairs)
    return f"?{text}" if text else ""


def neighbour(plain: Pairs, anchor: str, beside: str | None) -> str | None:
    """The address of the next page: the filters as they were typed, and the anchor that the history names."""
    if beside is None:
        return None
    return address([*plain, (anchor, parse_qs(beside)[anchor][0])])


def number(text: str) -> int:
    """Read an attempt's id; raise `NotFound` for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < LARGEST_ID):
        raise NotFound("attempt", text, "An attempt's id is a number.")
    return int(text)


def form(pairs: Pairs, error: BadValue | UnknownName | None) -> Json:
    """What the filter form shows: the values as typed, the choices, the chips that take one filter away."""
    typed: dict[str, list[str]] = {}
    for name, value in pairs:
        typed.setdefault(name, []).append(value)
    values = {name: ",".join(found) for name, found in typed.items()}
    plain = without(pairs, *PAGING)
    hooks = simulator().webhooks(unlisted=True)[-MOST_OFFERED:]
    return {
        "values": values,
        "outcomes": choices([(word, word) for word in OUTCOMES], values.get("outcome", "")),
        "verdicts": choices([(word, word) for word in VERDICTS], values.get("verdict", "")),
        "faults": choices([(ANY_FAULT, "some fault"), *((name, name) for name in FAULTS)], values.get("fault", "")),
        "webhooks": choices([(each.id, masked(each.url)) for each in hooks], values.get("webhook", "")),
        "carried": [(name, value) for name, value in plain if name in _HIDDEN],
        "chips": [
            {"name": name, "value": _said(name, value, hooks), "without": address(without(plain, name))}
            for name, value in values.items()
            if name not in (*PAGING, "limit")
        ],
        "types": [name for each in simulator().catalog for name in (each.alias or each.name,)],
        "error": str(error) if error else "",
        "wrong": error.name if error else "",
        "server": server(),
    }


def choices(offered: Pairs, chosen: str) -> list[tuple[str, str, bool]]:
    """Options of a list: value, words, whether chosen. What was asked for is always among them."""
    options = [(value, words, value == chosen) for value, words in offered]
    if chosen and all(value != chosen for value, _ in offered):
        words = " or ".join(dict(offered).get(part.strip(), part.strip()) for part in chosen.split(","))
        options.append((chosen, words, True))
    return options


def _said(name: str, value: str, hooks: Iterable[Any]) -> str:
    """A filter's value in words: webhooks by their URLs."""
    if name != "webhook":
        return value
    urls = {each.id: masked(each.url) for each in hooks}
    return ", ".join(urls.get(part.strip(), part.strip()) for part in value.split(","))
