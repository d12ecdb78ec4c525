"""The guide to testing: its examples are a project that passes, its failure is told as shown, its tables are whole."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from emitter.cli import cli
from emitter.pytest_plugin import _OPTIONS
from emitter.testing import RequestApp, ServedRequestApp
from tests.test_testing import ONLY_IN_THE_PROCESS, TWINS, _verbs

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
FILES = {
    re.match(r"# (\S+)\n", text)[1]: text for kind, text in BLOCKS if kind == "python" and text.startswith("# ")
}  # fmt: skip
QUIET = ("-p", "no:randomly", "-p", "no:cacheprovider")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """The project that the guide writes, file by file."""
    for name, text in FILES.items():
        (pytester.path / name).write_text(text)
    return pytester


def test_every_example_in_python_is_a_file_of_the_project() -> None:
    assert len(FILES) == len([kind for kind, _ in BLOCKS if kind == "python"])
    assert {"myapp.py", "test_myapp.py", "conftest.py"} <= FILES.keys()


def test_the_tests_of_the_project_pass_and_the_failure_is_told_as_shown(project: pytest.Pytester) -> None:
    ran = project.runpytest_inprocess(*QUIET)

    shown = next(text for kind, text in BLOCKS if kind == "text").splitlines()
    tests = sum(len(re.findall(r"^ *(?:async )?def test_", text, re.MULTILINE)) for text in FILES.values())
    ran.assert_outcomes(passed=tests - 1, failed=1)
    ran.stdout.fnmatch_lines([re.sub(r"([\[\]])", r"[\1]", line) for line in shown], consecutive=True)
    assert (project.path / shlex.split(shown[-1])[-1]).is_file()


def test_what_is_asked_over_http_answers_as_shown(tmp_path: Path) -> None:
    [console] = [text for kind, text in BLOCKS if kind == "console"]
    with ServedRequestApp() as server:
        for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            there = command.replace("127.0.0.1:8080", urlsplit(server.url).netloc)
            ran = subprocess.run(["bash", "-c", there], cwd=tmp_path, capture_output=True, text=True, timeout=60)

            assert ran.stdout == output, command


def test_the_commands_that_are_shown_are_commands() -> None:
    commands = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]

    options = {f"--{name}" for name, _, _ in _OPTIONS}
    for command in commands:
        words = shlex.split(command)
        if words[0] == "pytest":
            assert {word for word in words if word.startswith("--")} <= options
        else:
            shown = CliRunner().invoke(cli, [words[1], "--help"]).output
            assert all(word in shown for word in words if word.startswith("--")), command
    assert {"emitter_to", "emitter_secret_file", "emitter_history"} <= set(re.findall(r"`(emitter_\w+)`", GUIDE))


def rows(title: str) -> dict[str, str]:
    body = GUIDE[GUIDE.index(title) :].partition("\n\n")[0]
    found = [line.strip("| ").split(" | ", 1) for line in body.splitlines()[2:]]
    return {re.sub(r"\(.*?\)", "", name): rest for name, rest in found}


def test_the_tables_name_every_verb_and_its_twin() -> None:
    verbs = {word for names in rows("| verb | what it does |") for word in re.findall(r"`(\w+)`", names)}
    twins = {word for names in rows("| verb | over HTTP |") for word in re.findall(r"`(\w+)`", names)}

    assert verbs == _verbs(RequestApp) - ONLY_IN_THE_PROCESS | {"now"}
    assert twins == TWINS.keys() | {"webhook_receiver", "teams_workflow", "pagerduty"}


def test_every_link_of_the_guide_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert target.startswith("https://") or (ROOT / "docs" / target).exists(), target
