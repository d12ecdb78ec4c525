"""What the evidence carries: which statements about a place may be made, and on how many samples each stands.

The rules are careful, because a wrong statement refuses what is right. With N the evidence that is asked for (20):

- a type, after N/4 values; of several types, after N;
- a format or an id form, after N/4 texts that all have it;
- that a member is required, after N objects that all have it;
- one constant, or an enumeration, after N texts that are words (no names, ids, links or times), each of which was seen
  at least three times, at most twelve of them, and five times as many samples as words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emitter.contract.learn_evidence import FORMATS, PATTERNS, Place

MOST_WORDS = 12
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_. -][A-Za-z0-9]+){0,5}")
# Members whose values are somebody's or something's own, however few of them were seen.
_OWN = re.compile(
    r"(?:^|[a-z0-9_-])(?:id|ids|uuid|key|name|title|label|description|reason|message|comment|note|text|subject|email|mail|url|uri|link|href"
    r"|host|path|login|user|owner|by|token|phone|address|city|country|department|team)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How many samples a statement needs. `few` is enough for what one sample nearly shows."""

    evidence: int = 20
    repeats: int = 3

    @property
    def few(self) -> int:
        return max(1, -(-self.evidence // 4))


@dataclass(frozen=True, slots=True)
class Claim:
    """One keyword of a schema that the evidence carries, and on how many samples it stands."""

    keyword: str
    value: Any
    samples: int


def claims(name: str, place: Place, rule: Rule) -> list[Claim]:
    """What may be said of the values at a place; `name` is that of the member."""
    found: list[Claim] = []
    kinds = kinds_of(place)
    if kinds and place.seen >= (rule.few if len(kinds) == 1 else rule.evidence):
        found.append(Claim("type", kinds[0] if len(kinds) == 1 else kinds, place.seen))
    if place.strings:
        found += _of_texts(name, place, rule)
    if place.objects >= rule.evidence and not place.open:
        required = sorted(member for member, inner in place.members.items() if inner.seen == place.objects)
        if required:
            found.append(Claim("required", required, place.objects))
    return found


def kinds_of(place: Place) -> list[str]:
    """The JSON types that were seen; a number that is whole now and then is a number."""
    kinds = set(place.kinds)
    if "number" in kinds:
        kinds.discard("integer")
    return sorted(kinds)


def _of_texts(name: str, place: Place, rule: Rule) -> list[Claim]:
    texts, total = place.texts, place.strings
    if total >= rule.few:
        for form in FORMATS:
            if place.forms[form] == total:
                return [Claim("format", form, total)]
        for form, pattern in PATTERNS.items():
            if place.forms[form] == total and (form != "number" or is_id(name)):
                return [Claim("pattern", pattern, total)]
    if texts is None or total < rule.evidence or set(place.kinds) != {"string"} or _OWN.search(name):
        return []
    words = sorted(texts)
    if len(words) > MOST_WORDS or total < 5 * len(words) or min(texts.values()) < rule.repeats:
        return []
    if not all(_WORD.fullmatch(word) and len(word) <= 40 for word in words):
        return []
    return [Claim("const", words[0], total)] if len(words) == 1 else [Claim("enum", words, total)]


def is_id(name: str) -> bool:
    """Whether a member is an id by its name."""
    return bool(re.search(r"(?:^id|[a-z0-9]Id|_id|-id)s?$", name))


def in_words(claim: Claim) -> str:
    """Say a statement in a few words."""
    value = claim.value
    match claim.keyword:
        case "type":
            return f"{value if isinstance(value, str) else ' or '.join(value)}"
        case "format":
            return f"format {value}"
        case "pattern":
            return next((f"a {name}" for name, pattern in PATTERNS.items() if pattern == value), f"pattern {value}")
        case "const":
            return f"always {value!r}"
        case "enum":
            return f"one of {', '.join(map(repr, value))}"
    return f"requires {', '.join(value)}"


def counts(found: list[Claim]) -> Mapping[str, int]:
    """On how many samples each statement stands."""
    return {claim.keyword: claim.samples for claim in found}
