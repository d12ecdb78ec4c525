"""A stand-in for the Request app as one object: `Simulator`, which every door opens or speaks to."""

from emitter.simulator.making import IN_A_ROW, PORTION
from emitter.simulator.parts import VERSION
from emitter.simulator.simulator import Simulator

__all__ = ["IN_A_ROW", "PORTION", "VERSION", "Simulator"]
