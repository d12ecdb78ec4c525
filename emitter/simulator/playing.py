"""Stories: the scenarios that there are, and runs of them in this world."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from emitter.assumptions import register
from emitter.errors import Conflict
from emitter.history import Json
from emitter.report import Report, to_json
from emitter.runner import Progress, play
from emitter.runner.asking import asked, new_run
from emitter.scenario import Scenario, library, telling
from emitter.scenario import schema as scenario_schema
from emitter.signing import SigningKey
from emitter.simulator.acting import Acting
from emitter.simulator.advancing import Advancing
from emitter.simulator.parts import VERSION
from emitter.simulator.targets import check_ca


class Playing(Acting, Advancing):
    """Scenarios and their runs."""

    def play(
        self,
        scenario: Scenario,
        *,
        run: str = "",
        speed: float = 0.0,
        to: str = "",
        signing_key: str = "",
        verify_tls: bool = True,
        ca: str = "",
        watch: Callable[[Progress], None] | None = None,
        stopped: threading.Event | None = None,
    ) -> Report:
        """Play a scenario here, in this world and on this clock, to its end; what it makes bears the name of the run.

        It goes to a webhook for `to`, or to all that are registered. Raises `Conflict` for a name that another run has
        and for settings that are not those here, and what a target may be refused with.
        """
        check_ca(ca)
        if signing_key:
            SigningKey(signing_key)
        if to:
            self.egress.check_url(to)
        self._check_settings(scenario)
        run = run or new_run(scenario.name)
        self.store.plays.begin(
            run, asked(scenario, speed=speed, world=self.settings.world if isinstance(self.settings.world, str) else "")
        )
        report = play(
            self, scenario, run=run, speed=speed, to=to, signing_key=signing_key, verify_tls=verify_tls, ca=ca,
            watch=watch, stopped=stopped, version=VERSION, store=str(self.settings.store or ""),
        )  # fmt: skip
        self.store.plays.end(run, report.status, orjson.dumps(to_json(report)))
        return report

    def _check_settings(self, scenario: Scenario) -> None:
        """Refuse a story that is told under assumptions other than ours: its report would not be true."""
        wanted = self.assumptions.override_all(dict(scenario.settings))
        ours = {each.switch: each.value for each in register(self.assumptions)}
        other = {each.switch: each.value for each in register(wanted) if each.value != ours[each.switch]}
        if other:
            flags = " ".join(f"--assume {switch}={value}" for switch, value in other.items())
            raise Conflict(
                f"{scenario.name} is played under settings that this simulator does not have. Start it with {flags}, "
                "or play apart from it: `emitter run`."
            )

    def scenarios(self) -> list[Json]:
        """The scenarios that come with emitter, with what each is about."""
        if not self._library:  # they are files of ours, and stay as they are
            found = (telling.kept(each.stem, catalog=self.catalog) for each in library())
            self._library = [telling.summary(each, self.catalog) for each in found]
        return list(self._library)

    def scenario(self, name: str) -> Json:
        """One scenario that comes with emitter, with its `text`; raises `NotFound`."""
        found = telling.kept(name, catalog=self.catalog)
        return {**telling.summary(found, self.catalog), "text": found.text}

    def check_scenario(self, yaml: str, *, name: str = "", variables: Mapping[str, Any] | None = None) -> Json:
        """Whether a text is a scenario: all that is wrong with it, by line, or what it is about."""
        there = self.world.known.called()
        return telling.checked(yaml, name=name, catalog=self.catalog, variables=variables, there=there)

    def scenario_schema(self) -> Json:
        """The JSON Schema of the language, by which editors complete and check."""
        return scenario_schema(self.catalog)

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
        """Play a scenario of the library, or the text of one, here and beside all else; returns once it has begun.

        Waits up to `wait` seconds for its end. The answer is that of `run`. Raises `ScenarioError`, `Conflict` while
        another is played, and what `play` does.
        """
        there = self.world.known.called()
        found = telling.chosen(scenario, yaml, called=name, catalog=self.catalog, variables=variables, there=there)
        begun = self.registry.start(
            found if seed is None else replace(found, seed=seed), run=run, speed=speed, to=to, signing_key=signing_key,
            verify_tls=verify_tls, ca=ca,
        )  # fmt: skip
        return self.run(begun, wait=wait)

    def runs(self) -> list[Json]:
        """The runs that were played here, the newest first, without their reports."""
        return self.registry.all()

    def run(self, run: str, *, wait: float = 0.0) -> Json:
        """One run: its state, what it is doing, its report once it is over; waits up to `wait` seconds for that."""
        self.registry.wait(run, wait)
        return self.registry.find(run)

    def cancel_run(self, run: str) -> Json:
        """End a run between two of its steps; one that is over stays as it is."""
        self.registry.cancel(run)
        return self.registry.find(run)

    def run_report(self, run: str, form: str = "json") -> bytes:
        """The report of a run as JSON, text, JUnit XML or a page of HTML; raises `Conflict` while there is none."""
        return self.registry.written(run, form)

    def compare_runs(self, run: str, other: str) -> Json:
        """How two runs differ, in words: what they told, and how it went, whatever their speed and target."""
        return self.registry.compared(run, other)
