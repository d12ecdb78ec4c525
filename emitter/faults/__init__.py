"""Ways a delivery goes wrong on purpose.

`spec` reads and writes what is asked for, `table` lists the faults there are. A fault is one small class with the
hooks of `fault`, in the module of its kind: `planning`, `contents`, `tampering`, `wire`. `faulted` is what a delivery
carries of them.
"""

from emitter.faults.fault import Fault, Older, Planned, Turn
from emitter.faults.faulted import Asked, Faulted, unreachable
from emitter.faults.spec import FaultSpec
from emitter.faults.table import FAULTS, described

__all__ = [
    "FAULTS",
    "Asked",
    "Fault",
    "FaultSpec",
    "Faulted",
    "Older",
    "Planned",
    "Turn",
    "described",
    "unreachable",
]
