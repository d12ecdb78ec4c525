"""Tell captures again as a scenario: the same types in the same order, for the same products, with the same pauses.

Ids give way to names: each product has one, after what it is called, and stands in the steps by it. The ids behind the
names are made up, of the same form, with a key; nobody gets the captured ones back from them.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from emitter import clock
from emitter.catalog import Catalog
from emitter.contract.calibrate_body import is_test
from emitter.contract.learn_scrub import stand_in
from emitter.contract.ruling import Seen
from emitter.errors import UsageError
from emitter.typed import duration_text

MOST = 1500  # events; a scenario holds 30,000 values at most
MOST_EXPECTED = 300
_LATEST = clock.parse_rfc3339("2261-12-31T00:00:00Z")
_RESERVED = frozenset({"round", "start", "last"})


@dataclass(frozen=True, slots=True)
class Told:
    """A scenario's text, what it tells, and how many captures could not be told."""

    text: str
    types: tuple[str, ...]
    products: int
    left_out: int


@dataclass(slots=True)
class _Product:
    name: str  # in the scenario
    title: str
    id: str


def retell(found: Iterable[Seen], *, catalog: Catalog, key: bytes) -> Told:
    """Write captured events as a scenario, in the order of the captures; types that the catalogue lacks are left out.

    Raises `UsageError` where there is nothing to tell, or too much for one scenario.
    """
    events: list[Seen] = []
    left_out = 0
    for each in found:
        if each.type not in catalog or is_test(each):
            left_out += 1
        elif len(events) >= MOST:
            raise UsageError(f"A scenario tells {MOST:,} events at most. Take fewer captures.")
        else:
            events.append(each)
    if not events:
        raise UsageError("There is no event of a known type that a scenario could tell.")
    products = _products(events, key)
    times = [_moment(each) for each in events]
    start = next((each for each in times if each is not None), None)
    lines = [
        f"description: {_text(f'Retold from {len(events):,} captured events.')}",
        *([f"start: {clock.rfc3339(start, 0)}"] if start is not None else []),
    ]
    if products:
        lines += ["variables:", *(f"  {each.name}: {_text(each.id)}" for each in products.values())]
    lines.append("steps:")
    now = start // clock.SECOND * clock.SECOND if start is not None else 0
    for each, at in zip(events, times, strict=True):
        if at is not None and at - now >= 1_000_000:
            pause = (at - now) // 1_000_000 * 1_000_000
            lines += _pause(pause)
            now += pause
        lines += _step(each, products.get(each.text("dataProductId")), catalog)
    names = [_short(each.type, catalog) for each in events]
    if len(events) <= MOST_EXPECTED:
        lines += ["  - expect:", "      events:", *(f"        - {name}" for name in names)]
    head = "# Retold from captures. Ids are made up; names stand for them.\n"
    return Told(head + "\n".join(lines) + "\n", tuple(each.type for each in events), len(products), left_out)


def _products(events: Sequence[Seen], key: bytes) -> dict[str, _Product]:
    found: dict[str, _Product] = {}
    taken: set[str] = set()
    for each in events:
        id = each.text("dataProductId")
        if not id or id in found:
            continue
        digest = hmac.digest(key, id.encode("utf-8", "replace"), "sha256").hex()
        title = each.text("dataProductName")
        name = base = _slug(title)
        number = 1
        while name in taken or name in _RESERVED:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        found[id] = _Product(name, title, stand_in(id, digest) or f"{name}-{digest[:8]}")
    return found


def _step(each: Seen, product: _Product | None, catalog: Catalog) -> list[str]:
    kind = catalog.resolve(each.type)
    lines = [f"  - trigger: {_short(each.type, catalog)}"]
    name = each.text("dataProductName")
    given = []
    if product is not None:
        given.append(f"data.dataProductId: {_text('${' + product.name + '}')}")
    if name:
        given.append(f"data.dataProductName: {_text(name.replace('${', '$${'))}")
    if given:
        lines += ["    set:", *(f"      {each}" for each in given)]
    absent = [member for member in kind.core if member not in each.data]
    if absent:
        lines.append(f"    unset: [{', '.join(f'data.{member}' for member in absent)}]")
    if "xSimulator" in each.data:
        lines.append("    profile: extended")
    return lines


def _pause(nanoseconds: int) -> list[str]:
    """Time that passes; a step of it is 100 years at most, and no capture spans more."""
    return [f"  - advance: {duration_text(timedelta(microseconds=nanoseconds // 1000))}"]


def _moment(each: Seen) -> int | None:
    """When it happened, by its own timestamp, else when it was captured."""
    try:
        at: int | None = clock.parse_rfc3339(each.timestamp)
    except ValueError:
        at = each.captured.at
    return at if at is not None and 0 <= at <= _LATEST else None


def _short(type: str, catalog: Catalog) -> str:
    kind = catalog.resolve(type)
    return kind.alias if re.fullmatch(r"[a-z][a-z0-9-]*", kind.alias) else _text(type)


def _slug(title: str) -> str:
    words = re.findall(r"[a-z0-9]+", title.lower())
    name = "-".join(words)[:48].strip("-")
    return name if name and name[0].isalpha() else f"product-{name}".rstrip("-")


def _text(text: str) -> str:
    """Write a text as YAML reads it back, whatever is in it."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(
        each
        if each.isprintable() or each == " "
        else "".join(f"\\u{ord(each):04x}" if ord(each) < 0x10000 else f"\\U{ord(each):08x}" for each in each)
        for each in quoted
    )
