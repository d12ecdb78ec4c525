"""The examples of a learned schema: samples without their people, those that were there before, or made-up ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from emitter.catalog import EventType
from emitter.contract.learn_evidence import kind_of
from emitter.contract.learn_scrub import Scrubber, stand_in

Body = dict[str, Any]
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9:.]{5,30}(?:[Zz]|[+-][0-9:]{4,5})?)?")
_DIGEST = "1f0e2d3c4b5a6978" * 4  # that made-up ids come from


def examples(
    kept: Sequence[Body], known: Sequence[Body], judge: EventType, scrubber: Scrubber, most: int
) -> list[Body]:
    """Choose examples that the new schema allows: `most` samples without their people, the known ones, or one made up.
    """  # fmt: skip
    if most:
        scrubbed = (scrubber.scrubbed(body) for body in kept[:most])
        found = [body for body in scrubbed if judge.is_valid(body)]
        if found:
            return found
    found = [body for body in known if judge.is_valid(body)]
    if not found and kept:
        made = _made_up(kept[0], judge.schema, scrubber)
        found = [made] if judge.is_valid(made) else []
    return found


def _made_up(body: Body, schema: Body, scrubber: Scrubber) -> Body:
    """A body of the same shape; of what was captured only its type, its time and the schema's own words are in it."""
    words = set(_words_of(schema))
    body = scrubber.scrubbed(body)  # for the names of members; the values go anyway
    return {
        name: value if name in ("type", "timestamp") else _in_place_of(value, words) for name, value in body.items()
    }


def _words_of(schema: Any) -> Iterable[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("const"), str):
            yield schema["const"]
        if isinstance(schema.get("enum"), list):
            yield from (word for word in schema["enum"] if isinstance(word, str))
        for keyword, value in schema.items():
            if not keyword.startswith("x-"):
                yield from _words_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _words_of(value)


def _in_place_of(value: Any, words: set[str]) -> Any:
    match kind_of(value):
        case "object":
            return {stand_in(name, _DIGEST) or name: _in_place_of(inner, words) for name, inner in value.items()}
        case "array":
            return [_in_place_of(item, words) for item in value[:3]]
        case "integer" | "number":
            return 1 if value > 0 else 0
        case "string":
            return value if value in words else _text_in_place_of(value)
    return value


def _text_in_place_of(text: str) -> str:
    if other := stand_in(text, _DIGEST):
        return other
    if _TIME.fullmatch(text):
        return text
    if re.match(r"[a-z][a-z0-9+.-]*://", text):
        return "https://app.example.com/"
    return "person@example.com" if re.fullmatch(r"\S+@\S+\.\S+", text) else "Example"
