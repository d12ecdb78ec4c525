"""The page about Teams and PagerDuty: what it shows is run, and prints what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from emitter.runner.standing_in import PAGERDUTY_WORDS, TEAMS_WORDS
from emitter.standins import PagerDuty, PagerDutySwitches, TeamsSwitches, TeamsWebhook, line
from emitter.testing import ServedRequestApp
from tests.support_cli import command_line
from tests.support_standins import alert, post
from tests.test_readme import plain

pytest_plugins = ["pytester"]

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
    shown, _ = blocks("console")
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
    for example in (each for each in blocks("python") if not each.startswith("# test_")):
        exec(compile(example, "teams-and-pagerduty.md", "exec"), {})  # it is ours


def test_the_tests_that_are_shown_pass(pytester):
    pytester.makepyfile(test_relay=next(each for each in blocks("python") if each.startswith("# test_relay.py")))

    ran = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "--strict-markers")

    ran.assert_outcomes(passed=2)


def test_what_is_asked_over_http_answers_as_shown(tmp_path):
    _, shown = blocks("console")
    with ServedRequestApp() as server:
        for part in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            there = command.replace("127.0.0.1:8080", urlsplit(server.url).netloc)
            ran = subprocess.run(["bash", "-c", there], cwd=tmp_path, capture_output=True, text=True, timeout=60)
            assert ran.stdout == output, command


def test_the_table_names_all_that_may_be_expected():
    for name, words in (("teams_workflow", TEAMS_WORDS), ("pagerduty", PAGERDUTY_WORDS)):
        [row] = re.findall(rf"^\| `{name}` \|(.*)\|$", PAGE, re.MULTILINE)
        assert re.findall(r"`(\w+)`", row) == list(words)


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
