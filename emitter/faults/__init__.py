"""Ways a delivery goes wrong on purpose."""

from emitter.faults.spec import FaultSpec

__all__ = ["FaultSpec"]
