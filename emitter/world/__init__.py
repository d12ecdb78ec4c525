"""The simulated app behind the events: what there is in it, what may be done, and what follows.

`entities` are the things, `ACTIONS` what may be done to them, `passing` what time does by itself; `World` keeps it all,
and hands each change over together with the events that it causes.
"""

from __future__ import annotations

from emitter.world.actions import ACTIONS, described
from emitter.world.entities import kind_of
from emitter.world.happening import Happening
from emitter.world.kinds import PLURALS, kind_named
from emitter.world.listing import STATUSES
from emitter.world.parameters import Action, Parameter
from emitter.world.periods import Period
from emitter.world.world import Caused, Done, Emit, Legal, World

__all__ = [
    "ACTIONS",
    "PLURALS",
    "STATUSES",
    "Action",
    "Caused",
    "Done",
    "Emit",
    "Happening",
    "Legal",
    "Parameter",
    "Period",
    "World",
    "described",
    "kind_named",
    "kind_of",
]
