"""Scenarios and their runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from emitter import clock
from emitter.client.polling import LONGEST_POLL, pause_text
from emitter.client.speaking import Json, Speaker


class Playing(Speaker):
    """The verbs of scenarios."""

    def scenarios(self) -> list[Json]:
        """The scenarios that come with emitter, with what each is about."""
        return self._list("GET", "/simulator/scenarios", "scenarios")

    def scenario(self, name: str) -> Json:
        """One scenario that comes with emitter, with its `text`; raises `NotFound`."""
        return self._object("GET", f"/simulator/scenarios/{quote(name, safe='')}")

    def check_scenario(self, yaml: str, *, name: str = "", variables: Mapping[str, Any] | None = None) -> Json:
        """Whether a text is a scenario: all that is wrong with it, by line, or what it is about."""
        asked = {"yaml": yaml, "name": name, "variables": dict(variables or {})}
        return self._object("POST", "/simulator/scenarios/check", json=asked)

    def scenario_schema(self) -> Json:
        """The JSON Schema of the language, by which editors complete and check."""
        return self._object("GET", "/simulator/scenarios/schema")

    def start_run(
        self,
        scenario: str = "",
        *,
        yaml: str = "",
        name: str = "",
        variables: Mapping[str, Any] | None = None,
        seed: int | None = None,
        speed: float = 0.0,
        to: str = "",
        signing_key: str = "",
        verify_tls: bool = True,
        ca: str = "",
        run: str = "",
        wait: float = 0.0,
    ) -> Json:
        """Play a scenario there; returns once it has begun, or after up to `wait` seconds, if it is over by then."""
        members: Json = {
            "scenario": scenario, "yaml": yaml, "name": name, "variables": dict(variables or {}), "speed": speed,
            "to": to, "signingKey": signing_key, "ca": ca, "run": run,
        }  # fmt: skip
        asked: Json = {each: value for each, value in members.items() if value}
        asked |= {"verifyTls": verify_tls, **({} if seed is None else {"seed": seed})}
        begun = self._object("POST", "/simulator/runs", json=asked)
        return self.run(begun["run"], wait=wait) if wait and begun["report"] is None else begun

    def runs(self) -> list[Json]:
        """The runs that were played there, the newest first, without their reports."""
        return self._list("GET", "/simulator/runs", "runs")

    def run(self, run: str, *, wait: float = 0.0) -> Json:
        """One run: its state, what it is doing, its report once it is over; waits up to `wait` seconds for that."""
        deadline = clock.monotonic() + wait
        while True:
            left = min(max(deadline - clock.monotonic(), 0.0), LONGEST_POLL)
            params = {"wait": pause_text(left)} if left else {}
            path = f"/simulator/runs/{quote(run, safe='')}"
            found = self._object("GET", path, params=params, timeout=left + self._timeout)
            if found["state"] != "playing" or clock.monotonic() >= deadline:
                return found

    def cancel_run(self, run: str) -> Json:
        """End a run between two of its steps; one that is over stays as it is."""
        return self._object("POST", f"/simulator/runs/{quote(run, safe='')}/cancel", json={})

    def run_report(self, run: str, form: str = "json") -> bytes:
        """The report of a run as JSON, text, JUnit XML or a page of HTML; raises `Conflict` while there is none."""
        return self._send("GET", f"/simulator/runs/{quote(run, safe='')}/report", params={"format": form}).content

    def compare_runs(self, run: str, other: str) -> Json:
        """How two runs differ, in words."""
        return self._object("GET", f"/simulator/runs/{quote(run, safe='')}/diff/{quote(other, safe='')}")
