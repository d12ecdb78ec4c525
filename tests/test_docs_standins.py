"""The page about Teams and PagerDuty: what it shows is run, and prints what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import requests

from emitter.standins import PagerDuty, PagerDutySwitches, TeamsSwitches, TeamsWebhook, line
from tests.support_cli import command_line
from tests.support_standins import alert, post
from tests.test_readme import plain

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "teams-and-pagerduty.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for language, text in BLOCKS if language == kind]


def commands(start: str) -> list[str]:
    lines = [each for block in blocks("sh") for each in block.splitlines()]
    return [each for each in lines if each.startswith(start)]


def test_what_a_raw_event_comes_to_is_as_shown(tmp_path, monkeypatch, running):
    emitter = command_line(tmp_path, monkeypatch)
    teams = running(TeamsWebhook())
    [shown] = blocks("console")
    command, _, output = shown.removeprefix("$ ").partition("\n")

    printed = emitter.ok(*shlex.split(command.replace("127.0.0.1:3001", teams.base.removeprefix("http://")))[1:])

    assert plain(printed.replace(teams.base, "http://127.0.0.1:3001")) == plain(output)
    assert plain(line(teams.calls[0])) == plain(blocks("text")[0])


@pytest.mark.parametrize("command", commands("emitter listen"))
def test_a_command_that_is_shown_listens(command, tmp_path, monkeypatch):
    emitter = command_line(tmp_path, monkeypatch)
    words = [each for each in shlex.split(command, comments=True)[1:] if each not in ("--port", "3001", "3002")]
    ends = [] if "--switches" in words else ["--port", "0", "--count", "1", "--timeout", "1ms"]

    result = emitter(*words, *ends)

    assert result.exit_code == (1 if ends else 0), result.output
    assert ("Standing in for" in result.stderr) if ends else ("assumed" in result.stdout)


def test_the_python_that_is_shown_runs():
    for example in blocks("python"):
        exec(compile(example, "teams-and-pagerduty.md", "exec"), {})  # it is ours


def test_what_is_read_back_is_as_said(running):
    pagerduty = running(PagerDuty())
    post(pagerduty.url, alert())
    asked, emptied = (shlex.split(each, comments=True)[-1] for each in commands("curl"))

    state = requests.get(asked.replace("http://127.0.0.1:3002", pagerduty.base), timeout=10).json()
    requests.delete(emptied.replace("http://127.0.0.1:3002", pagerduty.base), timeout=10)

    assert state["openAlerts"] == len(state["alerts"]) == 1
    assert {"changes", "calls"} < set(state)
    assert pagerduty.alerts() == []


def test_it_lists_every_switch_as_it_is():
    for switches in (TeamsSwitches(), PagerDutySwitches()):
        for each in switches.entries():
            assert f"| `{each.name}` | {each.default} | {each.allowed} | {each.mark} | {each.why} |" in PAGE


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert target.startswith("https://") or (ROOT / "docs" / target).exists(), target
