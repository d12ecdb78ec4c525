"""Stand-ins for Teams and PagerDuty in the hands of a test of a relay: they answer as told, and say what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from emitter import standins
from emitter.runner.standing_in import hold_standin, read_standin
from emitter.testing.aio import Aio
from emitter.testing.options import length_of
from emitter.testing.telling import failed
from emitter.testing.verbs import verb
from emitter.typed import duration_text


class _InHand(standins.Standin[Any]):
    """The verbs that both have."""

    def answer(self, answers: str | int) -> None:
        """Answer by a script from now on, as `503*3,202`, `202:2s` or 503; with an empty one as the service does.

        While it says anything but 2xx nothing is taken; of a 2xx only its delay counts.
        """
        self.answer_with(answers or None)

    def clear(self) -> None:
        """Forget all that came."""
        self.forget()

    @property
    def aio(self) -> Aio:
        """The same verbs to be awaited, for a test that runs in an event loop."""
        return Aio(self)

    def _hold(self, given: dict[str, Any], about: str, within: str | timedelta, unknown: dict[str, Any]) -> None:
        words = {name: value for name, value in {**given, **unknown}.items() if value is not None}
        if about:
            words["about"] = about
        if within:
            words["within"] = within if isinstance(within, str) else duration_text(length_of(within, "within"))
        asked = read_standin(words, self)
        judged = hold_standin(asked, self, seconds=asked.within.total_seconds())
        if not judged.passed:
            raise failed(judged.text(), waited=True)


class TeamsWorkflow(_InHand, standins.TeamsWebhook):
    """A Teams Workflows webhook at `url`: `cards()`, `runs()` and `calls` say what came of what was posted to it."""

    @verb
    def expect(
        self,
        *,
        cards: Any = None,
        runs: Any = None,
        failed: Any = None,
        calls: Any = None,
        refused: Any = None,
        about: str = "",
        within: str | timedelta = "",
        **unknown: Any,
    ) -> None:
        """Hold how many there are against how many there should be (3, "2..5", "1.."); fails with what there is.

        `failed` are runs that failed, which no sender sees; `refused` calls that were not taken. `about` counts only
        cards that hold a text; `within` is how long to ask again.
        """
        self._hold(
            {"cards": cards, "runs": runs, "failed": failed, "calls": calls, "refused": refused}, about, within, unknown
        )


class PagerDuty(_InHand, standins.PagerDuty):
    """PagerDuty's Events API v2 at `url` and `change_url`: `alerts()`, `open_alerts()`, `changes()` and `calls` say
    what came of what was posted to it."""

    @verb
    def expect(
        self,
        *,
        open: Any = None,
        alerts: Any = None,
        changes: Any = None,
        lost: Any = None,
        calls: Any = None,
        refused: Any = None,
        about: str = "",
        within: str | timedelta = "",
        **unknown: Any,
    ) -> None:
        """Hold how many there are against how many there should be (3, "2..5", "1.."); fails with what there is.

        `open` are alerts that are not resolved; `lost` acknowledges and resolves that met no open alert; `refused`
        calls that were not taken. `about` counts only alerts and changes that hold a text; `within` is how long to ask
        again.
        """
        given = {"open": open, "alerts": alerts, "changes": changes, "lost": lost, "calls": calls, "refused": refused}
        self._hold(given, about, within, unknown)
