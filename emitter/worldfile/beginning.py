"""What the world of one simulator starts with, where that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from emitter.errors import Conflict
from emitter.world.entities import Entity, Founding, document
from emitter.world.known import Known
from emitter.worldfile.making import Conditions
from emitter.worldfile.start import Start


class Beginning:
    """Makes the world that a simulator starts with, again after each reset, under the `conditions` of that moment.

    It is made once at once, so that what is wrong with it is told before anything else: raises `WorldFileError`.
    """

    def __init__(self, begun: Start, conditions: Callable[[], Conditions]) -> None:
        self._start, self._conditions = begun, conditions
        self._now = conditions().now
        self._made: Sequence[Entity] | None = begun.entities(conditions())

    def __call__(self) -> Sequence[Entity]:
        """Everything that is there in the beginning."""
        conditions = self._conditions()
        made, self._made = self._made, None
        return made if made is not None and conditions.now == self._now else self._start.entities(conditions)

    def check(self, known: Known, store: str) -> None:
        """Raise `Conflict` where a world is there that neither began so nor is the very one that would be made."""
        founding = known.founding
        if founding is None or founding.origin == self._start.origin:
            return
        conditions = replace(self._conditions(), seed=founding.seed)
        if _documents(known.everything()) == _documents(self._start.entities(conditions, still=True)):
            return
        was = founding.origin.rpartition(" ")[0]
        raise Conflict(
            f"The world of {store} began {f'with {was}' if was else 'as every world does'}, and {self._start.label} is "
            "another one. Leave it out to go on, forget what is there (`emitter reset`), or name another store: "
            "--store FILE."
        )


def _documents(entities: Sequence[Entity]) -> dict[int, bytes]:
    """What is known of each thing, whatever file it came from."""
    bare = (replace(each, origin="") if isinstance(each, Founding) else each for each in entities)
    return {each.number: document(each) for each in bare}
