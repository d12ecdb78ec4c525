"""Count what was seen, delivery by delivery: from the history, and from captures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from emitter import strictjson
from emitter.assumptions import Assumptions
from emitter.captures import Captured
from emitter.catalog import Catalog, EventType
from emitter.contract.calibrate_body import digits_of, form_of
from emitter.coverage.goals import (
    ABSENT,
    ANSWERS,
    FAULTY,
    MEMBERS,
    PRESENT,
    SEEN,
    TYPES,
    VARIED,
    WORDS,
    Coverage,
    Key,
    arranged,
    goals_of,
    members_of,
    words_of,
)
from emitter.errors import BadJson
from emitter.history import History
from emitter.query import AttemptQuery
from emitter.signing import Headers

_NEVER_ARRIVED = ("lookup", "egress", "connect", "tls")
_LENGTHS = {20: "sha1", 32: "sha256", 64: "sha512"}
_MOST_VALUES = 64  # at one place of one body


class Seeing:
    """Counts goals. What is no goal, as a type that no schema has, is not counted."""

    def __init__(self, catalog: Catalog, assumptions: Assumptions, *, extended: bool = False) -> None:
        self._catalog, self._assumptions = catalog, assumptions
        self._keys = goals_of(catalog, extended=extended)
        self._counts: Counter[Key] = Counter()
        self._deliveries = 0
        self._members = {kind.name: members_of(kind, extended=extended) for kind in catalog}
        self._words = {kind.name: words_of(kind, extended=extended) for kind in catalog}

    def see(
        self,
        body: bytes,
        headers: Headers = (),
        *,
        status: int | None = None,
        failure: str = "",
        answered: bool = True,
        faults: Iterable[str] = (),
        number: int = 1,
    ) -> None:
        """Count one request, and how it was answered; not at all (`answered` False) where nobody knows."""
        self._deliveries += 1
        for fault in faults:
            self._counts[FAULTY, fault, SEEN] += 1
        if answered:
            self._counts[ANSWERS, _answer(status, failure), SEEN] += 1
        if failure in _NEVER_ARRIVED:
            return
        self._counts[VARIED, "delivery.retry", "none" if number == 1 else "again"] += 1
        if headers:
            self._signature(headers)
        try:
            value = strictjson.loads(body)
        except BadJson:
            return
        name = value.get("type") if isinstance(value, dict) else None
        kind = self._catalog.get(name) if isinstance(name, str) else None
        if kind is not None:
            self._body(kind, value)

    def of_capture(self, captured: Captured) -> None:
        """Count one capture."""
        self.see(captured.body, captured.headers, status=captured.status, answered=captured.status is not None)

    def coverage(self) -> Coverage:
        """What was seen so far."""
        return arranged(self._keys, self._counts, self._deliveries)

    # --- bodies -------------------------------------------------------------------------------------------------------

    def _body(self, kind: EventType, body: dict[str, Any]) -> None:
        self._counts[TYPES, kind.name, SEEN] += 1
        for pointer in self._members[kind.name]:
            parents = _at(body, pointer.rpartition("/")[0])
            name = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            objects = [each for each in parents if isinstance(each, dict)]
            row = f"{kind.name} {pointer}"
            self._counts[MEMBERS, row, PRESENT] += any(name in each for each in objects)
            self._counts[MEMBERS, row, ABSENT] += any(name not in each for each in objects)
        for pointer in self._words[kind.name]:
            for value in _at(body, pointer):
                if isinstance(value, str):
                    self._counts[WORDS, f"{kind.name} {pointer}", value] += 1
        data = body.get("data")
        self._varied(kind, body.get("timestamp"), data if isinstance(data, dict) else {})

    def _varied(self, kind: EventType, timestamp: Any, data: dict[str, Any]) -> None:
        found: list[tuple[str, str]] = []
        digits = digits_of(timestamp) if isinstance(timestamp, str) else None
        if digits is not None:
            found.append(("payload.timestamp_digits", str(digits) if digits in (0, 3, 6, 9) else "trimmed"))
        found.append(("payload.profile", "extended" if any(name in data for name in kind.extended) else "core"))
        id, link = data.get("dataProductId"), data.get("actionLink")
        if isinstance(id, str):
            found.append(("ids.data_product", form_of(id)))
        if kind.link == "none":
            named = isinstance(id, str) and isinstance(link, str) and id in link
            found.append(("payload.action_link_on_delete", "omit" if link is None else "product" if named else "home"))
        for switch, value in found:
            self._counts[VARIED, switch, value] += 1

    def _signature(self, headers: Headers) -> None:
        given = {name.strip().lower(): value for name, value in headers}
        known = self._assumptions
        new, old = given.get(known.signing_header.lower()), given.get(known.signing_header_sha1.lower())
        mode, encoding = "off", ""
        if "webhook-signature" in given and "webhook-id" in given:
            mode = "standard-webhooks"
        elif new is not None or old is not None:
            length, encoding = _form((new or old or "").removeprefix(known.signing_prefix))
            mode = "both" if new is not None and old is not None else _LENGTHS.get(length, "sha256")
        self._counts[VARIED, "signing.mode", mode] += 1
        if encoding:
            self._counts[VARIED, "signing.encoding", encoding] += 1


def of_history(
    history: History, catalog: Catalog, assumptions: Assumptions, query: AttemptQuery, *, extended: bool = False
) -> Coverage:
    """Count every attempt of the history that matches."""
    seeing = Seeing(catalog, assumptions, extended=extended)
    for row, wire in history.every(query):
        answer = wire.answer
        seeing.see(
            row.body if wire.body is None else wire.body,
            wire.headers,
            status=row.status,
            failure=row.failure,
            answered=answer is not None,
            faults=row.faults,
            number=row.number,
        )
    return seeing.coverage()


def _answer(status: int | None, failure: str) -> str:
    if status is not None and not failure:
        return f"{status // 100}xx"
    return "timeout" if failure == "timeout" else "no answer"


def _form(value: str) -> tuple[int, str]:
    """The length of a digest in bytes, and how it is written."""
    if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", value) and len(value) // 2 in _LENGTHS:
        return len(value) // 2, "hex"
    bare = value.rstrip("=")
    written = "base64" if bare != value or len(bare) % 4 == 0 or set("+/") & set(bare) else "base64url"
    return len(bare) * 3 // 4, written if re.fullmatch(r"[A-Za-z0-9+/_-]+", bare) else ""


def _at(body: Any, pointer: str) -> list[Any]:
    """What stands at a pointer; several values where `*` stands for any index."""
    places = [body]
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        after: list[Any] = []
        for place in places:
            if step == "*" and isinstance(place, list):
                after += place
            elif isinstance(place, dict) and name in place:
                after.append(place[name])
        places = after[:_MOST_VALUES]
    return places
