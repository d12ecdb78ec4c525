"""Scenario files as tests: each is played apart, to the receiver that was named, and its report is the test's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

_STEPS = re.compile(rb"^steps[ \t]*:", re.MULTILINE)
_LARGEST = 1024 * 1024


class NotPassed(Exception):
    """A scenario that was played and did not pass; the text is its report."""


def scenario_file(path: Path, parent: pytest.Collector, to: str) -> pytest.Collector | None:
    """The collector of a file that is a scenario; None where it is another kind of YAML."""
    try:
        with path.open("rb") as opened:
            found = _STEPS.search(opened.read(_LARGEST))
    except OSError:
        return None
    if not found:
        return None
    collected: ScenarioFile = ScenarioFile.from_parent(parent, path=path)
    collected.to = to
    return collected


class ScenarioFile(pytest.File):
    """A file that holds one scenario."""

    to = ""

    def collect(self) -> Iterable[pytest.Item]:
        """One test, called as the file."""
        item: ScenarioItem = ScenarioItem.from_parent(self, name=self.path.stem)
        item.to = self.to
        yield item


class ScenarioItem(pytest.Item):
    """A scenario that is played as a test."""

    to = ""

    def runtest(self) -> None:
        """Play it; raises `NotPassed` with its report, and keeps its history then."""
        from emitter.catalog import Catalog
        from emitter.cli.options import secret_of
        from emitter.pytest_plugin import kept_at
        from emitter.report import SKIPPED
        from emitter.report.text import as_text
        from emitter.runs import play_apart
        from emitter.scenario import load
        from emitter.settings import Settings

        file = self.config.getoption("emitter_secret_file", None) or self.config.getini("emitter_secret_file") or None
        store = Path(kept_at(self.nodeid, self.config))
        store.parent.mkdir(parents=True, exist_ok=True)
        _remove(store)
        scenario = load(self.path, catalog=Catalog.load())
        report = play_apart(scenario, settings=Settings(), store=store, to=self.to, signing_key=secret_of(None, file))
        if report.failures or report.error and report.status != SKIPPED:
            raise NotPassed("\n".join(as_text(report)))
        _remove(store)
        if report.status == SKIPPED:
            pytest.skip(report.error)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report, or what is wrong with the file, without a traceback of ours."""
        from emitter.errors import EmitterError

        if isinstance(excinfo.value, NotPassed | EmitterError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, 0, f"scenario {self.name}"


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
