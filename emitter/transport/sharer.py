"""One of those who share the sender: whose say it is what may be dialled, and how much is under way for it."""

from __future__ import annotations

from collections.abc import Callable

from emitter.egress import Egress


class Sharer:
    """A simulator, as the sender knows it. The counts are the sender thread's own."""

    __slots__ = ("egress", "refuse", "busy", "turns", "leaves_at", "left", "rests")

    def __init__(self, egress: Egress) -> None:
        self.egress = egress
        self.refuse = egress.refuse
        self.busy: dict[str, int] = {}  # transfers that have their turn, by host
        self.turns = 0  # all of them
        self.leaves_at = 0.0  # when what is still under way is given up, on the monotonic clock
        self.left: Callable[[], None] = lambda: None
        self.rests: Callable[[], None] = lambda: None  # called once answers were told and there are no more for now
