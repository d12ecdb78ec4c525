"""What tests want: expectations of the whole history, and receivers that are opened here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emitter.errors import EmitterError
from emitter.history import Json
from emitter.runner.watching import Asked as Expected
from emitter.runner.watching import Watch
from emitter.simulator.acting import Acting
from emitter.simulator.advancing import Advancing


class Expecting(Acting, Advancing):
    """Expectations, and receivers to hold them against."""

    def expect(
        self,
        expected: Mapping[str, Any],
        *,
        things: Mapping[str, str] | None = None,
        run: str = "",
        name: str = "",
    ) -> Json:
        """Hold all that happened, or what bears the name of a run, against what is expected, as a scenario's `expect`.

        `things` are names that stand in it, with the id or name of the entity that each stands for; ids and names of
        the world stand for themselves. What is under way is let finish first, and with `within` it is asked again for
        so long. Says `passed`, the `findings`, and all of it as `text`; where it holds, `since` of later ones may look
        back to it as `last`, or by `name`. Raises `ScenarioError`, `UsageError`, `NotFound`.
        """
        watch, asked = self.expecting(expected, things=things, run=run, name=name)
        self.settle(self.assumptions.delivery_timeout.total_seconds() + 2.0)
        return watch.hold(asked, name=name, seconds=asked.within.total_seconds(), settle=self.settle).to_json()

    def expecting(
        self, expected: Mapping[str, Any], *, things: Mapping[str, str] | None = None, run: str = "", name: str = ""
    ) -> tuple[Watch, Expected]:
        """What `expect` asks, read, and who judges it: for who waits in their own way."""
        self._found()
        watch = self.watches.of(run)
        return watch, watch.read(expected, things, name=name)

    def open_receiver(self, *, answers: str = "", signing_key: str = "", register: bool = False, port: int = 0) -> Json:
        """Open a receiver on a loopback port: it catches what comes and answers by a script, as `500,503:2s,close,200`.

        Without one it answers 200, or 401 where it has a key and the signature is wrong. `register` adds a webhook for
        it, with its key. Raises `BadValue`, `BadSigningKey`, `Conflict` for one too many, `Unavailable` for a port that
        is in use.
        """
        opened = self.opened.open(answers=answers, signing_key=signing_key, port=port)
        if register:
            try:
                webhook = self.add_webhook(self.opened.url(opened), signing_key=signing_key)
            except EmitterError:
                self.opened.close(opened)
                raise
            self.opened.register(opened, webhook.id)
        return self.opened.show(opened)

    def receivers(self) -> list[Json]:
        """The receivers that are open, the oldest first."""
        return self.opened.all()

    def receiver(self, receiver_id: str) -> Json:
        """One receiver; raises `NotFound`, as all that follows."""
        return self.opened.show(receiver_id)

    def change_receiver(self, receiver_id: str, answers: str) -> Json:
        """Have a receiver answer by another script from now on; with an empty one as a right receiver does."""
        self.opened.answer(receiver_id, answers)
        return self.opened.show(receiver_id)

    def captures(self, receiver_id: str, *, count: int = 0, after: int = 0, timeout: float = 10.0) -> Json:
        """What a receiver has caught, oldest first, numbered from 1; waits up to `timeout` seconds for `count` of them.

        Only those numbered above `after` are counted and told.
        """
        return self.opened.wait(receiver_id, count=count, after=after, timeout=timeout)

    def close_receiver(self, receiver_id: str) -> None:
        """Close a receiver, and remove the webhook that was registered for it."""
        webhook = self.opened.close(receiver_id)
        with self._webhooks_lock:
            if webhook in self._webhooks:
                self.delete_webhook(webhook)
