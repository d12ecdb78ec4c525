"""What a delivery carries that is to go wrong: which faults, and what their chance is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import orjson

from emitter.faults.fault import Fault
from emitter.faults.spec import FaultSpec
from emitter.faults.table import FAULTS

Numbered = tuple[int, FaultSpec]


@dataclass(frozen=True, slots=True)
class Asked:
    """The faults that events are kept with. `number` counts the events of a run that had faults asked for.

    What is drawn depends on the seed and on these numbers, and not on any time: it repeats whatever the clock says.
    """

    specs: tuple[FaultSpec, ...]
    seed: int
    number: Callable[[str], int]  # of the next event, by the name of its run

    def of_attempts(self, run: str) -> Faulted | None:
        """What a delivery carries that is planned already: the faults that strike attempts; None if there are none."""
        specs = tuple(each for each in enumerate(self.specs) if FAULTS[each[1].name].kind != "planning")
        return Faulted(self.seed, f"{self.number(run)}/0", specs) if specs else None


@dataclass(frozen=True, slots=True)
class Faulted:
    """The faults of one delivery, as they are kept with it. `key` says which one it is, among those of its seed."""

    seed: int
    key: str
    specs: tuple[Numbered, ...] = ()  # those that strike attempts, each with its place in what was asked for
    names: tuple[str, ...] = ()  # those that have shaped it when it was planned
    aside: bool = False  # it has left the order
    order: int = 0  # the delivery whose place in the order it takes; 0: its own
    twin: int = 0  # the delivery with which it leaves
    replays: int = 0  # the delivery whose first attempt it repeats

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it that is worth keeping."""
        return not self.specs and not self.names

    def strikes(self, number: int, now: int, kind: str) -> Iterator[tuple[str, Fault, Random]]:
        """The faults of one kind that strike an attempt, each with the chance that it draws from."""
        for place, spec in self.specs:
            if FAULTS[spec.name].kind == kind and spec.holds(number, now):
                chance = drawn(self.seed, place, spec, f"{self.key}/{number}")
                if spec.chance >= 1 or chance.random() < spec.chance:
                    yield spec.name, spec.fault(), chance

    def to_text(self) -> str:
        """Write it for the store."""
        kept: dict[str, Any] = {
            "seed": self.seed, "key": self.key, "names": self.names,
            "faults": [(place, spec.to_json(), spec.until) for place, spec in self.specs],
        }  # fmt: skip
        kept |= {name: getattr(self, name) for name in ("aside", "order", "twin", "replays") if getattr(self, name)}
        return orjson.dumps(kept).decode()

    @classmethod
    def of_text(cls, text: str) -> Faulted:
        """Read what was kept."""
        kept = orjson.loads(text)
        specs = tuple((place, _until(FaultSpec.parse(spec), until)) for place, spec, until in kept.pop("faults"))
        return cls(specs=specs, names=tuple(kept.pop("names")), **kept)


def drawn(seed: int, place: int, spec: FaultSpec, key: str) -> Random:
    """What one fault draws from for one delivery or attempt."""
    return Random(f"{seed}/{place}/{spec.name}/{key}")


def names_of(text: str | None) -> tuple[str, ...]:
    """The names of the faults that a delivery was planned with, from what was kept."""
    return tuple(orjson.loads(text)["names"]) if text else ()


def unreachable(names: Sequence[str]) -> bool:
    """Whether one of these faults keeps an attempt from being dialled."""
    return any(not FAULTS[name].dials for name in names)


def _until(spec: FaultSpec, until: int | None) -> FaultSpec:
    return spec if until is None else replace(spec, until=until)
