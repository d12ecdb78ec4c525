"""What is to go wrong on purpose, around whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any

from emitter.faults import Asked, FaultSpec
from emitter.faults import described as faults_described
from emitter.history import Json
from emitter.simulator.parts import Parts

_RUNS = 4096  # whose events with faults are counted

# what `faulting` has asked for around what runs now, in each simulator, with the seed that is to be drawn from
_FAULTING: ContextVar[tuple[tuple[Faulting, tuple[FaultSpec, ...], int | None], ...]] = ContextVar(
    "faulting", default=()
)


class Faulting(Parts):
    """The faults that are asked for."""

    def faults(self) -> list[Json]:
        """The ways in which a delivery can go wrong on purpose: each fault with its parameters."""
        return faults_described()

    @contextmanager
    def faulting(self, faults: Sequence[FaultSpec | Any], *, seed: int | None = None) -> Iterator[None]:
        """Let whatever this thread causes meanwhile go wrong in these ways, beside those that are asked for already.

        `for` counts from here; chance draws from `seed`, by default the simulator's. Do not hold it across a `yield` of
        a generator: whoever goes on meanwhile is in it, too.
        """
        now = self.clock.now()
        asked = tuple(FaultSpec.parse(each).begun(now) for each in faults)
        token = _FAULTING.set((*_FAULTING.get(), (self, asked, seed)))
        try:
            yield
        finally:
            _FAULTING.reset(token)

    def _asked(self, faults: Sequence[FaultSpec | Any] = (), *, seed: int | None = None) -> Asked | None:
        """All that is to go wrong with what happens now; events of a seed of their own are counted from its first."""
        around = [each for each in _FAULTING.get() if each[0] is self]
        if not around and not faults:
            return None
        now = self.clock.now()
        specs = (
            *(spec for _, asked, _ in around for spec in asked),
            *(FaultSpec.parse(each).begun(now) for each in faults),
        )
        if not specs:
            return None
        if seed is not None:
            own = count()
            return Asked(specs, seed, lambda run: next(own))
        seeds = [given for _, _, given in around if given is not None]
        return Asked(specs, seeds[-1] if seeds else self.factory.seed, self._next_faulted)

    def _next_faulted(self, run: str) -> int:
        with self._faulted_lock:
            if len(self._faulted) > _RUNS:
                self._faulted.clear()
            number = self._faulted.get(run, 0)
            self._faulted[run] = number + 1
            return number
