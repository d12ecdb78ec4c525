"""How much of the contract stands on what: documents, the API description, captures, assumptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from emitter.assumptions import Entry
from emitter.catalog import Catalog

MARKS = ("documented", "derived", "observed", "calibrated", "assumed")
_ENVELOPE = ("/timestamp", "/data")  # the same in every type, so counted once


def facts(catalog: Catalog, entries: Iterable[Entry]) -> Mapping[str, Any]:
    """Count the facts about the app by what they stand on; `total` is all of them.

    A fact is the name of a type, a member that it may carry, a member of the envelope, or a switch of the register.
    What only the simulator sends (the profile `extended`) says nothing of the app and is not counted.
    """
    found: Counter[str] = Counter(entry.provenance for entry in entries)
    shared: dict[str, str] = {}
    for kind in catalog:
        ours = tuple(f"/data/{member}" for member in kind.extended)
        for pointer, mark in kind.provenance.items():
            if pointer in _ENVELOPE:
                shared.setdefault(pointer, mark)
            elif not any(pointer == each or pointer.startswith(f"{each}/") for each in ours):
                found[mark] += 1
    found.update(shared.values())
    return {"total": sum(found.values()), **{mark: found[mark] for mark in MARKS}}


def in_words(counts: Mapping[str, Any]) -> str:
    """Say it in a line: `118 facts: 18 documented, 0 derived, 12 calibrated, 88 assumed`; zeros only of documents."""
    parts = [f"{counts[mark]:,} {mark}" for mark in MARKS if counts[mark] or mark in ("documented", "derived")]
    return f"{counts['total']:,} facts: {', '.join(parts)}"
