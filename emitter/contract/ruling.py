"""What captures say of one assumption: settled or left open, with the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emitter import strictjson
from emitter.assumptions import Assumptions, register
from emitter.captures import Captured
from emitter.catalog import Catalog, EventType
from emitter.errors import BadJson, EmitterError, shown

CONFIRMED, CHANGED, OPEN = "confirmed", "changed", "open"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was found for one switch.

    `value` is what the captures settle, as it is typed; empty together with `open` where they settle nothing.
    `evidence` says what was seen and where, `open` what is in doubt, or which capture would settle it.
    """

    switch: str
    now: str
    value: str = ""
    settled: bool = False
    evidence: str = ""
    open: str = ""
    source: str = ""

    @property
    def state(self) -> str:
        """`confirmed` where the captures settle the value that holds now, `changed` for another one, else `open`."""
        if not self.settled:
            return OPEN
        return CONFIRMED if self.value == self.now else CHANGED


@dataclass(frozen=True, slots=True)
class Seen:
    """One capture, read as far as it can be."""

    captured: Captured
    body: dict[str, Any]
    kind: EventType | None

    @property
    def type(self) -> str:
        name = self.body.get("type")
        return name if isinstance(name, str) else ""

    @property
    def data(self) -> Mapping[str, Any]:
        data = self.body.get("data")
        return data if isinstance(data, dict) else {}

    def text(self, member: str) -> str:
        """A member of `data` that is a text; empty where there is none."""
        value = self.data.get(member)
        return value if isinstance(value, str) else ""

    @property
    def timestamp(self) -> str:
        value = self.body.get("timestamp")
        return value if isinstance(value, str) else ""


def seen(captured: Captured, catalog: Catalog) -> Seen:
    """Read a capture; a body that is no JSON object has no members."""
    try:
        body = strictjson.loads(captured.body)
    except BadJson:
        body = {}
    body = body if isinstance(body, dict) else {}
    name = body.get("type")
    return Seen(captured, body, catalog.get(name) if isinstance(name, str) else None)


@dataclass(frozen=True, slots=True)
class Vote:
    """What one capture says of a switch."""

    value: str
    evidence: str
    source: str


class Bench:
    """Makes rulings under the assumptions that hold now."""

    def __init__(self, assumptions: Assumptions) -> None:
        self.assumptions = assumptions
        self._now = {each.switch: each.value for each in register(assumptions)}

    def settle(self, switch: str, value: str, evidence: str, source: str = "") -> Ruling:
        """Rule that a switch has this value; one that the switch cannot take stays open and says so."""
        try:
            entries = register(self.assumptions.override(switch, value))
        except EmitterError as error:
            return self.leave(switch, f"{evidence} The switch cannot say that: {error}")
        spelt = next(each.value for each in entries if each.switch == switch)
        return Ruling(switch, self._now[switch], spelt, True, evidence, source=source)

    def leave(self, switch: str, why: str, *, evidence: str = "") -> Ruling:
        """Rule that a switch stays open."""
        return Ruling(switch, self._now[switch], evidence=evidence, open=why)

    def count(self, switch: str, votes: Sequence[Vote], otherwise: str) -> Ruling:
        """Rule what all votes say; where there are none, or they differ, leave it open."""
        if not votes:
            return self.leave(switch, otherwise)
        found = Counter(vote.value for vote in votes)
        if len(found) > 1:
            told = ", ".join(f"{shown(value)} {count} times" for value, count in found.most_common(4))
            return self.leave(switch, f"The captures differ: {told}.")
        more = f" ({len(votes):,} captures agree)" if len(votes) > 1 else ""
        return self.settle(switch, votes[0].value, f"{votes[0].evidence}{more}", votes[0].source)

    def now(self, switch: str) -> str:
        """The value that holds now, as it is typed."""
        return self._now[switch]

    @property
    def switches(self) -> Iterable[str]:
        """All switches, in the order of the register."""
        return self._now
