"""What values were seen at each place of a body: counted as they come, in bounded memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jsonschema_rs

MOST_TEXTS = 64  # different texts of one place that are told apart
LONGEST_TEXT = 200  # of those
MOST_MEMBERS = 200  # different names in the objects of one place
MOST_ITEMS = 1000  # of one list that are looked at
MOST_PLACES = 20_000  # of one type

FORMATS = ("uuid", "date-time", "date", "email", "uri", "ipv4")
PATTERNS = {"cuid": r"^c[a-z0-9]{24}$", "number": r"^[0-9]{1,20}$"}
_SHAPES = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}


@dataclass(slots=True)
class Place:
    """All values that were seen at one place.

    `texts` counts the different texts, as long as they are few; `forms` counts for each format and id form how many of
    the texts have it. `open` says that the names of an object's members are no fixed set.
    """

    seen: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] | None = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    members: dict[str, Place] = field(default_factory=dict)
    items: Place | None = None
    open: bool = False

    @property
    def objects(self) -> int:
        """How many of the values were objects."""
        return self.kinds["object"]

    @property
    def strings(self) -> int:
        """How many of the values were texts."""
        return self.kinds["string"]


@dataclass(slots=True)
class Evidence:
    """What was seen in the bodies of one type."""

    whole: Place = field(default_factory=Place)
    first: str = ""  # the earliest and the latest day, by the bodies' own timestamps
    last: str = ""
    _places: int = 0

    @property
    def samples(self) -> int:
        """How many bodies there were."""
        return self.whole.seen

    def add(self, body: dict[str, Any]) -> None:
        """Count one body."""
        self._add(self.whole, body)
        stamp = body.get("timestamp")
        if isinstance(stamp, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", stamp):
            self.first = min(self.first or stamp[:10], stamp[:10])
            self.last = max(self.last, stamp[:10])

    def _add(self, place: Place, value: Any) -> None:
        place.seen += 1
        kind = kind_of(value)
        place.kinds[kind] += 1
        if kind == "string":
            _count(place, value)
        elif kind == "object":
            for name, member in value.items():
                inner = place.members.get(name)
                if inner is None:
                    if len(place.members) >= MOST_MEMBERS or self._places >= MOST_PLACES:
                        place.open = True
                        continue
                    inner = place.members[name] = Place()
                    self._places += 1
                self._add(inner, member)
        elif kind == "array":
            if place.items is None:
                place.items = Place()
            for item in value[:MOST_ITEMS]:
                self._add(place.items, item)

    def walk(self) -> Iterator[tuple[str, Place, Place | None]]:
        """Every place with its JSON Pointer (`*` stands for any index) and the object that it is a member of."""
        yield from _walk("", self.whole, None)


def _walk(pointer: str, place: Place, parent: Place | None) -> Iterator[tuple[str, Place, Place | None]]:
    yield pointer, place, parent
    for name, member in place.members.items():
        yield from _walk(f"{pointer}/{step(name)}", member, place)
    if place.items is not None:
        yield from _walk(f"{pointer}/*", place.items, None)


def step(name: str) -> str:
    """Write a member's name as a step of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def kind_of(value: Any) -> str:
    """The JSON type of a value; a whole number is an integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def _count(place: Place, text: str) -> None:
    if place.texts is not None:
        if len(text) > LONGEST_TEXT or (text not in place.texts and len(place.texts) >= MOST_TEXTS):
            place.texts = None
        else:
            place.texts[text] += 1
    before = place.strings - 1
    # A form that one of the texts did not have is out; looking again would only cost time.
    for name in (*FORMATS, *PATTERNS):
        if place.forms[name] == before and has_form(text, name):
            place.forms[name] += 1


def has_form(text: str, name: str) -> bool:
    """Whether a text has a format (as the schemas' validator understands it) or an id form."""
    if name in _SHAPES:
        return bool(_SHAPES[name].match(text))
    return len(text) <= 4096 and _validator(name).is_valid(text)


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True)
