"""What people and paths call the kinds of thing that there are: `data-products`, `data product`, `dataProducts`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from emitter.errors import UnknownName

PLURALS: Mapping[str, str] = {
    "users": "user",
    "domains": "domain",
    "data-sources": "data source",
    "data-products": "data product",
    "access-requests": "request",
}
"""The word of a path, and what the world calls one of them."""
_SHORT = {"sources": "data source", "products": "data product", "requests": "request"}
_WORDS = {re.sub("[-_ ]", "", word): kind for word, kind in {**PLURALS, **_SHORT}.items()}


def kind_named(word: str) -> str:
    """What the world calls the kind that a word means, in the singular or the plural; raises `UnknownName`."""
    plain = re.sub("[-_ ]", "", word).lower()
    kind = _WORDS.get(plain) or _WORDS.get(f"{plain}s")
    if kind is None:
        raise UnknownName("kind of thing", word, PLURALS)
    return kind
