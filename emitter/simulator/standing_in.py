"""Stand-ins for the services at the far end of a relay, opened here and on this clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emitter.history import Json
from emitter.runner.standing_in import AskedOfStandin, hold_standin, read_standin
from emitter.simulator.parts import Parts
from emitter.standins import Standin


class StandingIn(Parts):
    """Stand-ins: a Teams flow, PagerDuty."""

    def open_standin(
        self,
        service: str,
        *,
        switches: Mapping[str, Any] | None = None,
        answers: str = "",
        secrets: Sequence[str] = (),
        port: int = 0,
    ) -> Json:
        """Open a stand-in for a `service`, teams or pagerduty, on a loopback port; what comes can be read back.

        `switches` say how it behaves (`emitter listen --as teams --switches`), `answers` is a script for an outage, as
        `503*3,202`, `secrets` are the `sig` of a flow or the routing keys that are known. Raises `UnknownName`,
        `BadValue`, `UsageError`, `Conflict` for one too many, `Unavailable` for a port that is in use.
        """
        opened = self.standing_in.open(
            service, switches=switches or {}, answers=answers, secrets=secrets, port=port
        )  # fmt: skip
        return self.standing_in.show(opened)

    def standins(self) -> list[Json]:
        """The stand-ins that are open, the oldest first."""
        return self.standing_in.all()

    def standin(self, standin_id: str) -> Json:
        """One stand-in, without its secrets; raises `NotFound`, as all that follows."""
        return self.standing_in.show(standin_id)

    def change_standin(self, standin_id: str, answers: str) -> Json:
        """Have a stand-in answer by another script from now on; with an empty one as the service does."""
        self.standing_in.answer(standin_id, answers)
        return self.standing_in.show(standin_id)

    def standin_state(self, standin_id: str, *, about: str = "", limit: int = 50) -> Json:
        """What there is: cards and runs, or alerts and changes, and the calls; with `about` what holds that text."""
        return self.standing_in.state(standin_id, about=about, limit=limit)

    def expect_standin(self, standin_id: str, expected: Mapping[str, Any]) -> Json:
        """Hold what a stand-in has against what is expected, as `{"open": 1, "about": "Claims 2025"}`.

        Of Teams are asked `cards`, `runs` and `failed`, of PagerDuty `open`, `alerts`, `changes` and `lost`, of both
        `calls` and `refused`, each with how many; with `within` it is asked again for so long. The answer is that of
        `expect`.
        """
        standin, asked = self.expecting_of_standin(standin_id, expected)
        return hold_standin(asked, standin, seconds=asked.within.total_seconds()).to_json()

    def expecting_of_standin(self, standin_id: str, expected: Mapping[str, Any]) -> tuple[Standin[Any], AskedOfStandin]:
        """What `expect_standin` asks, read, and of whom: for who waits in their own way."""
        standin = self.standing_in.find(standin_id)
        return standin, read_standin(expected, standin)

    def forget_standin(self, standin_id: str) -> None:
        """Have a stand-in forget all that came, as if newly opened."""
        self.standing_in.find(standin_id).forget()

    def close_standin(self, standin_id: str) -> None:
        """Close a stand-in."""
        self.standing_in.close(standin_id)
