"""In what a body differs from what is assumed of the app. None of it is wrong: the capture may well be right."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from string import Formatter
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from emitter import strictjson
from emitter.assumptions import Assumptions
from emitter.catalog import Catalog, EventType
from emitter.catalog.event_type import members
from emitter.contract.values import ASSUMED, Finding
from emitter.errors import BadJson, nearest, shown

RULES: Mapping[str, str] = MappingProxyType(
    {
        "unknown-type": "a type that no schema describes",
        "x-core": "a member of data that is assumed to be sent is not there",
        "unknown-member": "a member that no schema describes",
        "member-order": "members in another order than in the published example",
        "timestamp-digits": "another number of digits after the point",
        "id-form": "a data product id of another form",
        "link-shape": "an actionLink of another shape",
        "link-id": "an actionLink that leads to another data product than the event is about",
        "link-on-delete": "an actionLink where none is assumed, or none where one is",
        "method": "another method than POST",
        "content-type": "another Content-Type",
        "signature-header": "a signature in another header",
        "header": "a header that is not assumed, or lacks, or has another value",
    }
)
MOST_NAMES, LONGEST_NAME = 200, 200  # of unknown types, to which the nearest known one is looked for
ENVELOPE = ("timestamp", "data", "type")
_DIGITS = re.compile(r"(?:\.([0-9]*))?Z\Z")
_FORMS = {
    "uuid": re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    "cuid": re.compile(r"c[a-z0-9]{24}"),
    "number": re.compile(r"[0-9]+"),
}
_ID_WORDS = {"uuid": "a UUID", "cuid": "a cuid", "number": "a number"}
_LINKS = {
    "product": ("payload_link_product", "payload.link_product"),
    "data-sources": ("payload_link_data_sources", "payload.link_data_sources"),
    "requests": ("payload_link_requests", "payload.link_requests"),
}
_PIECE = r"[^/?#&\s]+"
_ANY_BASE = r"[A-Za-z][A-Za-z0-9+.-]*://[^?#\s]+"
_PRINTED = "{Id}"  # the placeholder of the published example


class Assumed:
    """What is assumed of bodies under one catalogue."""

    def __init__(self, catalog: Catalog, assumptions: Assumptions) -> None:
        self._catalog, self._assumptions = catalog, assumptions
        self._digits = assumptions.payload_timestamp_digits
        self._kinds: dict[str, _Kind] = {}  # made when a body of theirs comes
        self._test_type = _test_type(assumptions)
        self._near: dict[str, str] = {}

    def differences(self, body: object, *, missing: Collection[str] = ()) -> Iterator[Finding]:
        """Find what differs; `missing` are messages of violations, whose members are not missed once more."""
        if not isinstance(body, dict):
            return
        if tuple(body) != ENVELOPE:
            yield from _envelope(body)
        timestamp = body.get("timestamp")
        if isinstance(timestamp, str) and (found := _DIGITS.search(timestamp)):
            digits = found[1] or ""
            if not self._as_assumed(digits):
                yield self._other_digits(timestamp, digits)
        name, data = body.get("type"), body.get("data")
        kind = self._kind(name) if isinstance(name, str) else None
        if kind is not None and isinstance(data, dict):
            yield from kind.differences(data, missing)
        elif kind is None and isinstance(name, str) and name != self._test_type:
            yield self._unknown(name)

    def _kind(self, name: str) -> _Kind | None:
        found = self._kinds.get(name)
        if found is None and (described := self._catalog.get(name)) is not None:
            found = self._kinds[name] = _of(described, self._assumptions)
        return found

    def _as_assumed(self, digits: str) -> bool:
        if self._digits == "trimmed":
            return len(digits) <= 9 and not digits.endswith("0")
        return len(digits) == int(self._digits)

    def _other_digits(self, timestamp: str, digits: str) -> Finding:
        wanted = "as many as are needed, 9 at most," if self._digits == "trimmed" else self._digits
        return Finding(
            "/timestamp", "timestamp-digits",
            f"is assumed to have {wanted} digits after the point, has {len(digits)}: {_cut(timestamp)}",
            ASSUMED, _json(timestamp), "payload.timestamp_digits",
        )  # fmt: skip

    def _unknown(self, name: str) -> Finding:
        near = self._near.get(name)
        if near is None:  # to look for it takes a thousand times as long as all else
            few = len(self._near) < MOST_NAMES and len(name) <= LONGEST_NAME
            near = next(iter(nearest(name, self._catalog.names)), "") if few else ""
            if few:
                self._near[name] = near
        hint = f" The nearest is {near}." if near else ""
        return Finding(
            "/type", "unknown-type", f"no schema describes the type {shown(name)}.{hint}", ASSUMED, _json(name)
        )


@lru_cache(maxsize=256)
def _of(kind: EventType, assumptions: Assumptions) -> _Kind:
    return _Kind(kind, assumptions)


class _Kind:
    """What is assumed of the `data` of one type."""

    def __init__(self, kind: EventType, assumptions: Assumptions) -> None:
        self._known = frozenset(members(kind.documents, kind.file, ("data",)))
        self._extended = frozenset(kind.extended) if assumptions.payload_profile != "extended" else frozenset()
        on_delete = assumptions.payload_action_link_on_delete
        core = set(kind.core)
        self._switches = dict.fromkeys(core, "")
        if kind.alias == "request-pending":
            for member in core & {"dataProductId", "dataProductName"}:
                self._switches[member] = "events.pending_scope"
            if assumptions.events_pending_scope == "digest":
                core -= {"dataProductId", "dataProductName"}
        self._on_delete = kind.link == "none" and "actionLink" in self._known
        link = kind.link
        if self._on_delete and on_delete != "omit":
            core.add("actionLink")
            self._switches["actionLink"] = "payload.action_link_on_delete"
            link = on_delete
        self._core = tuple(sorted(core))
        self._link, self._home = _link(link, assumptions), link == "home"
        self._id_form, self._form = assumptions.ids_data_product, _FORMS[assumptions.ids_data_product]

    def differences(self, data: Mapping[str, Any], missing: Collection[str]) -> Iterator[Finding]:
        if tuple(data) != self._core:
            yield from self._members(data, missing)
        id, link = data.get("dataProductId"), data.get("actionLink")
        if isinstance(id, str) and "dataProductId" in self._known and not self._form.fullmatch(id):
            yield self._other_id(id)
        if isinstance(link, str) and self._link is not None:
            found = self._link.differs(link, id, on_delete=self._on_delete)
            if found is not None:
                yield found

    def _members(self, data: Mapping[str, Any], missing: Collection[str]) -> Iterator[Finding]:
        for member in self._core:
            if member not in data and f"the member {member} is missing" not in missing:
                switch = self._switches.get(member, "")
                rule = "link-on-delete" if self._on_delete and member == "actionLink" else "x-core"
                yield Finding("/data", rule, f"the member {member} is assumed to be sent, and is not there", ASSUMED,
                              switch=switch)  # fmt: skip
        for member in data:
            if member in self._core:
                continue
            pointer = f"/data/{_step(member)}"
            if self._on_delete and member == "actionLink":
                yield Finding(
                    pointer, "link-on-delete", f"is assumed to be left out where something was deleted, and is there: "
                    f"{_cut(data[member])}", ASSUMED, _json(data[member]), "payload.action_link_on_delete",
                )  # fmt: skip
            elif member in self._extended:
                yield Finding(
                    pointer, "unknown-member", "is a detail of this simulator; the app is not known to send it",
                    ASSUMED, _json(data[member]), "payload.profile",
                )  # fmt: skip
            elif member not in self._known:
                yield Finding(
                    pointer, "unknown-member", f"no schema describes this member, which holds {_cut(data[member])}",
                    ASSUMED, _json(data[member]),
                )  # fmt: skip
        known = [member for member in data if member in self._known]
        if known != sorted(known):
            yield _order("/data", known, sorted(known))

    def _other_id(self, id: str) -> Finding:
        other = next((f", {words}" for form, words in _ID_WORDS.items() if _FORMS[form].fullmatch(id)), "")
        return Finding(
            "/data/dataProductId", "id-form", f"is assumed to be {_ID_WORDS[self._id_form]}, is {_cut(id)}{other}",
            ASSUMED, _json(id), "ids.data_product",
        )  # fmt: skip


class _Link:
    """One shape of `actionLink`: a template of the base URL, the data product's id and the account's."""

    def __init__(self, template: str, base: str, switch: str) -> None:
        self._template, self._switch = template.replace("{base}", base), switch
        self._right = re.compile(_pattern(template, re.escape(base)))
        self._elsewhere = re.compile(_pattern(template, _ANY_BASE))

    def differs(self, link: str, id: object, *, on_delete: bool) -> Finding | None:
        found = self._right.fullmatch(link) if len(link) <= 8192 else None
        if found is None:
            switch = "payload.action_link_on_delete" if on_delete else self._switch
            if len(link) <= 8192 and self._elsewhere.fullmatch(link):
                switch = "payload.app_base_url"
            message = f"is assumed to look like {self._template}, is {_cut(link)}"
            return Finding("/data/actionLink", "link-shape", message, ASSUMED, _json(link), switch)
        named = found.groupdict().get("Id")
        if named is None or not isinstance(id, str) or named == _PRINTED or unquote(named) == id:
            return None
        message = (
            f"is assumed to lead to the data product of the event, {_cut(id)}, and leads to {_cut(unquote(named))}"
        )
        return Finding("/data/actionLink", "link-id", message, ASSUMED, _json(link), self._switch)


def _link(link: str, assumptions: Assumptions) -> _Link | None:
    base = assumptions.payload_app_base_url.rstrip("/")
    if link == "home":
        return _Link("{base}", base, "payload.action_link_on_delete")
    if link not in _LINKS:
        return None
    name, switch = _LINKS[link]
    return _Link(getattr(assumptions, name), base, switch)


def _pattern(template: str, base: str) -> str:
    parts, named = [], False
    for literal, field, _, _ in Formatter().parse(template):
        parts.append(re.escape(literal))
        if field == "base":
            parts.append(base)
        elif field == "Id":
            parts.append("(?P=Id)" if named else f"(?P<Id>{_PIECE})")
            named = True
        elif field is not None:
            parts.append(_PIECE)
    return "".join(parts)


def _envelope(body: Mapping[str, Any]) -> Iterator[Finding]:
    for member in body:
        if member not in ENVELOPE:
            yield Finding(
                f"/{_step(member)}", "unknown-member", f"the envelope is not known to have this member, which holds "
                f"{_cut(body[member])}", ASSUMED, _json(body[member]),
            )  # fmt: skip
    known = [member for member in body if member in ENVELOPE]
    right = [member for member in ENVELOPE if member in body]
    if known != right:
        yield _order("", known, right)


def _order(pointer: str, found: Collection[str], right: Collection[str]) -> Finding:
    message = f"is assumed to have its members in the order {_names(right)}, has {_names(found)}"
    return Finding(pointer, "member-order", message, ASSUMED)


def _names(names: Collection[str]) -> str:
    return shown(", ".join(names), 120)[1:-1]


def _test_type(assumptions: Assumptions) -> str:
    """The type of what the Test button is assumed to send: known, though no schema describes it."""
    try:
        body = strictjson.loads(assumptions.test_payload.encode())
    except BadJson:
        return ""
    name = body.get("type") if isinstance(body, dict) else None
    return name if isinstance(name, str) else ""


def _step(member: str) -> str:
    return member.replace("~", "~0").replace("/", "~1")


def _cut(value: object) -> str:
    return shown(value, 120) if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return shown(json.dumps(value, ensure_ascii=False), 120)[1:-1]
