"""A battery that examines somebody's receiver: what is sent, what should happen and why, what happened, how to mend it.

`table` lists the checks, `bench` sends, `battery` puts the results in order, causes first. `invariance` tells one story
in many orders, `sweep` under every reading that the documentation leaves open. The reports are `text`, `junit`, `html`
and `badge`.
"""

from emitter.audit.battery import Limits, audit, plan
from emitter.audit.bench import Target
from emitter.audit.table import CHECKS
from emitter.audit.values import Audit, Check, Kind, Result, Status

__all__ = ["CHECKS", "Audit", "Check", "Kind", "Limits", "Result", "Status", "Target", "audit", "plan"]
