"""`emitter run --server`: scenarios are read here, and checked and played by a simulator that runs."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emitter.cli.asked import Target, read_all, shown
from emitter.cli.options import secret_of
from emitter.cli.stories import under_way
from emitter.cli.terminal import Line, plain
from emitter.delivery import masked
from emitter.errors import ScenarioError, Unavailable, UsageError

if TYPE_CHECKING:
    from emitter.client import Client
    from emitter.report import Report

_OFTEN = 0.5  # seconds between two looks at how far a run is, and whether it is to end


@dataclass(frozen=True, slots=True)
class Text:
    """A scenario as it is sent, with the variables that it has and those that were given in their place."""

    file: Path
    text: str
    variables: Mapping[str, Any]
    given: dict[str, str]


def texts_of(client: Client, names: Sequence[str], variables: dict[str, str]) -> list[Text]:
    """Read all that was named and have the server check it: it is the server's catalogue that counts.

    Raises `UsageError` with what is wrong in any of them.
    """

    def read(file: Path, given: dict[str, str]) -> Text:
        text = _text(file)
        checked = client.check_scenario(text, name=file.name, variables=given)
        if not checked["ok"]:
            raise ScenarioError(str(file), [(each["line"], each["why"]) for each in checked["mistakes"]])
        return Text(file, text, checked["scenario"]["variables"], given)

    return read_all(names, variables, read)


def _text(file: Path) -> str:
    from emitter.scenario.files import read_file
    from emitter.scenario.nodes import LARGEST

    try:
        raw = read_file(file, LARGEST)
        if len(raw) > LARGEST:
            raise ScenarioError(str(file), [(0, f"it has more than {LARGEST:,} bytes, the most of a scenario.")])
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ScenarioError(str(file), [(0, "it is no UTF-8 text.")]) from None
    except OSError as error:
        raise ScenarioError(str(file), [(0, f"{error.strerror or 'it cannot be read'}.")]) from None


def target_there(client: Client, how: dict[str, Any], names: Sequence[str]) -> Target:
    """Where it goes: as it was asked for, or to the webhooks that the server has."""
    if how["to"]:
        ca = os.path.abspath(how["ca"]) if how["ca"] else ""
        key = secret_of(how["secret"], how["secret_file"])
        return Target(how["to"], key, verify_tls=not how["insecure"], ca=ca)
    without = [f"--{name.replace('_', '-')}" for name in ("secret", "secret_file", "insecure", "ca") if how[name]]
    if without:
        raise UsageError(f"{', '.join(without)}: the webhooks of a server have their own. It goes with --to.")
    if not client.webhooks():
        raise UsageError(
            f"The simulator at {masked(client.url)} has no webhook. Say where it is to be sent: emitter run "
            f"{' '.join(names)} --to http://127.0.0.1:3000/ (or EMITTER_TO)."
        )
    return Target("")


class There:
    """Has each played by the server."""

    def __init__(self, client: Client, scenarios: Sequence[Text], target: Target) -> None:
        self.scenarios = scenarios
        self._client, self._target = client, target

    def play(self, scenario: Text, *, speed: float, seed: int | None, stopped: threading.Event) -> Report:
        """Play one, showing on a terminal how far it is; one that is stopped is cancelled there."""
        from emitter.report import from_json
        from emitter.store.plays import PLAYING

        told = self._client.start_run(
            yaml=scenario.text, name=scenario.file.name, variables=scenario.given, seed=seed, speed=speed,
            to=self._target.to, signing_key=self._target.signing_key, verify_tls=self._target.verify_tls,
            ca=self._target.ca,
        )  # fmt: skip
        run, cancelled = told["run"], False
        line = Line()
        try:
            while told["state"] == PLAYING:
                if (progress := told["progress"]) is not None:
                    line.show(under_way(told["scenario"], progress["at"], progress["events"], progress["words"]))
                if stopped.is_set() and not cancelled:
                    self._client.cancel_run(run)
                    cancelled = True
                told = self._client.run(run, wait=_OFTEN)
        finally:
            line.clear()
        if told["report"] is None:
            raise Unavailable(
                f"The simulator at {masked(self._client.url)} did not play run {run} to its end: {told['state']}."
            )
        return replace(from_json(told["report"]), file=shown(scenario.file), store="")  # which is a path over there

    def more(self, report: Report) -> str:
        """The command that shows more; there is nothing more where nothing was sent."""
        if not report.tally.outcomes:
            return ""
        return plain(
            f"emitter deliveries list --server {shlex.quote(masked(self._client.url))} --run {shlex.quote(report.run)}"
        )

    def trim(self, played: int) -> None:
        """A server keeps its runs as long as its history."""
