"""A fault as it is asked for, the same from every door."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from emitter.errors import BadValue, UnknownName
from emitter.faults.fault import Fault, refuse_attempts
from emitter.faults.parameters import KINDS
from emitter.faults.table import FAULTS
from emitter.signing import SigningKey
from emitter.typed import duration_text

OPTIONS = ("chance", "attempts", "for")
MOST_ATTEMPTS = 1_000_000
_OPTION = re.compile(r"([A-Za-z][A-Za-z_-]*)=")
_ATTEMPTS = re.compile(r"([0-9]{1,7})?(\.\.)?([0-9]{1,7})?")


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """Which fault, with which parameters, how often, at which attempts, for how long.

    `lasting` counts in simulated time from the moment at which it is asked for; `until` is when that ends.
    """

    name: str  # one of FAULTS
    parameters: tuple[tuple[str, Any], ...] = ()  # sorted by name, as they are kept and shown
    chance: float = 1.0  # of each delivery, or of each attempt
    first_attempt: int = 1
    last_attempt: int | None = None
    lasting: timedelta | None = None
    until: int | None = None  # nanoseconds since 1970 on the simulator's clock

    @classmethod
    def parse(cls, value: object) -> FaultSpec:
        """Read `delay:by=5m,chance=0.3`, or the JSON of it: a name, or `{name: the main parameter, or all by name}`.

        Raises `UnknownName` with the nearest, or `BadValue`.
        """
        if isinstance(value, FaultSpec):
            return value
        if isinstance(value, str):
            name, colon, rest = value.partition(":")
            known = _named(name)
            given = dict(_options(known, rest)) if colon else {}
            return cls._of(known, given)
        if not isinstance(value, Mapping) or len(value) != 1 or not isinstance(next(iter(value)), str):
            shape = list(value) if isinstance(value, Mapping) else value  # never what may be a key
            raise BadValue(
                "fault", shape, 'is no fault. Write "duplicate", {"delay": "5m"} or {"delay": {"by": "5m"}}.'
            )
        [(name, found)] = value.items()
        known = _named(name)
        if found is None:
            return cls._of(known, {})
        return cls._of(known, found if isinstance(found, Mapping) else {_main(known): found})

    @classmethod
    def _of(cls, name: str, given: Mapping[Any, Any]) -> FaultSpec:
        found = {str(key).replace("-", "_"): value for key, value in given.items()}
        if len(found) != len(given):
            raise BadValue(name, ", ".join(map(str, given)), "names something twice.")
        chance = _chance(f"{name} chance", found.pop("chance", 1.0))
        attempts = found.pop("attempts", "1..")
        first, last = _attempts(f"{name} attempts", attempts)
        lasting = found.pop("for", None)
        kind = FAULTS[name]
        if kind.kind == "planning" and first > 1:
            raise refuse_attempts(name, str(attempts))
        fault = kind.read(name, found)
        return cls(
            name,
            tuple((each.name, _written(fault, each.name)) for each in _given(fault, found)),
            chance,
            first,
            last,
            None if lasting is None else KINDS["duration"].read(f"{name} for", lasting),
        )

    def fault(self) -> Fault:
        """Make the fault itself."""
        return FAULTS[self.name].read(self.name, dict(self.parameters))

    def begun(self, now: int) -> FaultSpec:
        """The same from `now` on: with the moment at which it ends, if it ends."""
        if self.lasting is None or self.until is not None:
            return self
        return replace(self, until=now + self.lasting // timedelta(microseconds=1) * 1000)

    def holds(self, number: int, now: int) -> bool:
        """Whether an attempt of this number is within its reach at that time; chance aside."""
        late = self.last_attempt is not None and number > self.last_attempt
        return number >= self.first_attempt and not late and (self.until is None or now < self.until)

    def to_json(self) -> Any:
        """Write it the way `parse` reads it, with a signing key in it if it has one: for another door, not to show."""
        given = {
            name: value.reveal() if isinstance(value, SigningKey) else value
            for name, value in (*self.parameters, *self._common())
        }
        if not given:
            return self.name
        alone = list(given) == [_main(self.name)] and not isinstance(next(iter(given.values())), dict)
        return {self.name: next(iter(given.values())) if alone else given}

    def __str__(self) -> str:
        """Write it as on the command line; a signing key shows as `***`."""
        given = [f"{name}={_typed(value)}" for name, value in (*self.parameters, *self._common())]
        return f"{self.name}:{','.join(given)}" if given else self.name

    def _common(self) -> Iterator[tuple[str, Any]]:
        if self.chance < 1:
            yield "chance", self.chance
        if self.first_attempt > 1 or self.last_attempt is not None:
            one = self.first_attempt == self.last_attempt
            last = "" if self.last_attempt is None else str(self.last_attempt)
            yield "attempts", self.first_attempt if one else f"{self.first_attempt}..{last}"
        if self.lasting is not None:
            yield "for", duration_text(self.lasting)


def _named(text: str) -> str:
    plain = text.strip().replace("_", "-")
    if plain not in FAULTS:
        raise UnknownName("fault", text, FAULTS)
    return plain


def _main(name: str) -> str:
    """The parameter that may stand alone; `chance` where a fault has none of its own."""
    parameters = FAULTS[name].parameters()
    return parameters[0].name if parameters else "chance"


def _options(name: str, text: str) -> Iterator[tuple[str, Any]]:
    """Cut `by=5m,chance=0.3` apart. A value that begins as JSON of quotes or brackets may hold commas."""
    kinds = {each.name: each.kind for each in FAULTS[name].parameters()}
    seen: set[str] = set()
    while text:
        found = _OPTION.match(text)
        key = found[1].replace("-", "_") if found else _main(name)
        if not found and seen:
            raise BadValue(name, f"...,{text}", "is no option. Write name=value, with commas between.")
        if key in seen:
            raise BadValue(name, key, "is given twice.")
        seen.add(key)
        value, text = _value(text[found.end() :] if found else text, any_json=kinds.get(key) == "json")
        yield key, value


def _value(text: str, *, any_json: bool) -> tuple[Any, str]:
    """Take one value off the front: what it is, and what comes after its comma."""
    if text[:1] in ('"', "[", "{"):
        try:
            value, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            pass
        else:
            if text[end : end + 1] in ("", ",") and (any_json or isinstance(value, str)):
                return value, text[end + 1 :]
    end = next((at for at in range(len(text)) if text[at] == "," and _OPTION.match(text, at + 1)), len(text))
    value, rest = text[:end], text[end + 1 :]
    if any_json:
        try:
            return json.loads(value, parse_constant=_refuse), rest
        except (ValueError, RecursionError):
            pass
    return value, rest


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _given(fault: Fault, found: Mapping[str, Any]) -> Iterator[Any]:
    return (each for each in sorted(fields(fault), key=lambda item: item.name) if each.name in found)


def _written(fault: Fault, name: str) -> Any:
    kind = next(each.kind for each in fault.parameters() if each.name == name)
    return KINDS[kind].write(getattr(fault, name))


def _typed(value: Any) -> str:
    """A value as it is typed: plain where that is read back as it was."""
    if isinstance(value, SigningKey):
        return "***"
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    plain = value and value[0] not in '"[{' and "," not in value
    try:
        json.loads(value)
    except ValueError:
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


def _chance(name: str, value: Any) -> float:
    try:
        chance = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        chance = math.nan
    if not 0 <= chance <= 1:
        raise BadValue(name, value, "is no number from 0 to 1, as 0.3.")
    return chance


def _attempts(name: str, value: Any) -> tuple[int, int | None]:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = _ATTEMPTS.fullmatch(text.strip()) if isinstance(text, str) else None
    if found and (found[1] or found[3]) and (found[2] or not found[3]):
        first = int(found[1] or 1)
        last = first if not found[2] else int(found[3]) if found[3] else None
        if 1 <= first <= (last or first) <= MOST_ATTEMPTS:
            return first, last
    raise BadValue(name, value, "names no attempts. Write 2, 1..3 or 2..; the first is 1.")
