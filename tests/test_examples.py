"""The suites in other languages run against a served simulator, and the workflow file is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from emitter.testing import ServedRequestApp

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def server() -> Iterator[ServedRequestApp]:
    with ServedRequestApp(seed=7) as served:
        yield served


def run(server: ServedRequestApp, folder: str, *command: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = {**os.environ, "EMITTER_URL": server.url, "EMITTER_TOKEN": server.token}
    return subprocess.run(
        command, cwd=EXAMPLES / folder, env=environment, capture_output=True, text=True, timeout=120
    )  # fmt: skip


def test_the_suite_in_node_passes(server: ServedRequestApp) -> None:
    ran = run(server, "node-tests", "node", "--test", "--test-reporter=tap")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "# pass 6" in ran.stdout and "# skipped 0" in ran.stdout, ran.stdout


def test_the_suite_in_java_passes(server: ServedRequestApp) -> None:
    ran = run(server, "java-tests", "java", "-XX:TieredStopAtLevel=1", "ReceiverTest.java")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.endswith("4 passed, 0 failed\n")


def test_the_workflow_installs_tests_and_keeps_what_failed() -> None:
    workflow = yaml.safe_load((EXAMPLES / "ci" / "github-workflow.yml").read_text())

    steps = workflow["jobs"]["test"]["steps"]
    commands = [line.strip() for each in steps if "run" in each for line in each["run"].splitlines()]
    assert all(("run" in each) != ("uses" in each) for each in steps)
    assert any(each.startswith("pip install") and "request-app-emitter" in each for each in commands)
    assert "pytest --junit-xml=pytest.xml" in commands
    assert any(each.startswith("emitter run denied revoked --to") for each in commands)
    kept = [each["with"]["path"] for each in steps if each.get("uses", "").startswith("actions/upload-artifact")]
    assert kept and ".emitter/" in kept[0]
