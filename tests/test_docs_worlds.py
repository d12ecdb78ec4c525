"""The guide to worlds and snapshots: each example is run, and the tables say what the code says."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from emitter.clock import parse_rfc3339
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.worldfile import named
from emitter.worldfile.words import DECISIONS, STATUSES
from tests.support_cli import command_line, environment, served

GUIDE = (Path(__file__).parent.parent / "docs" / "worlds.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
NOW = parse_rfc3339("2030-01-07T09:00:00Z")
WRONG = """\
domains: [Claims]
users:
  - {name: Ada Lovelace, manages: [Clams]}
  - Charles Babbage
products:
  - name: Claims 2025
    stewards: [Ada Lovelase]
requests:
  - {product: Claims 2025, user: Charles Babbage, status: APROVED}
"""


def blocks(kind: str) -> list[str]:
    return [text for language, text in BLOCKS if language == kind]


def plain(output: str) -> str:
    """Take out what differs from run to run."""
    output = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+Z)?", "TIME", output)
    return re.sub(r'"size":\d+', '"size":N', re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", output)).strip()


def shown(text: str) -> list[tuple[str, str]]:
    """The commands of a block with what they print."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def test_what_is_typed_runs_and_prints_what_is_shown(tmp_path, monkeypatch, make_receiver):
    emitter = command_line(tmp_path, monkeypatch)
    here = make_receiver(keys=()).url.removeprefix("http://")
    Path("wrong.yaml").write_text(WRONG)

    for language, text in BLOCKS:
        for command, output in shown(text) if language == "console" else []:
            if not command.startswith("curl"):
                assert plain(emitter(*shlex.split(command)[1:]).output) == plain(output), command
        for line in text.splitlines() if language == "sh" else ():
            if "emitter serve" not in line:
                emitter.ok(*shlex.split(line.replace("127.0.0.1:3000", here))[1:])


def test_what_is_asked_over_http_answers_as_shown(simulator, tmp_path):
    with served(simulator) as url:
        for command, output in (each for text in blocks("console") for each in shown(text)):
            if command.startswith("curl"):
                adapted = command.replace("http://127.0.0.1:8080", url)
                ran = subprocess.run(["bash", "-c", adapted], env=environment(), capture_output=True, text=True)
                assert plain(ran.stdout) == plain(output), ran.stderr


def test_the_world_that_is_shown_is_one(tmp_path):
    [text] = blocks("yaml")
    (tmp_path / "w.yaml").write_text(text)

    with Simulator(Settings(store=None, world=str(tmp_path / "w.yaml"), start=NOW)) as simulator:
        requests = simulator.world_entities("access-requests")

    assert [each["status"] for each in requests] == ["PENDING", "APPROVED", "DENIED"]
    assert [[each["status"] for each in one["xSimulator"]["approvalRecords"]] for one in requests[:2]] == [
        ["APPROVED", "PENDING"], ["APPROVED", "APPROVED"],
    ]  # fmt: skip


@pytest.mark.parametrize("example", blocks("python"))
def test_the_python_that_is_shown_runs(example):
    exec(compile(example, "worlds.md", "exec"), {})  # it is ours


def table(title: str) -> dict[str, str]:
    body = GUIDE[GUIDE.index(f"| {title} |") :].partition("\n\n")[0]
    rows = [line.split(" | ", 1) for line in body.splitlines()[2:]]
    return {name.strip("| `"): rest.strip(" |") for name, rest in rows}


def test_the_tables_are_those_of_the_code():
    keys = table("key")

    assert set(named()) <= table("world").keys()
    assert list(keys) == ["status", *DECISIONS]
    assert {name: keys[name] for name in DECISIONS} == dict(DECISIONS)
    assert all(status in keys["status"] for status in STATUSES)


def test_every_link_of_the_guide_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert target.startswith("https://") or (Path(__file__).parent.parent / "docs" / target).exists(), target
