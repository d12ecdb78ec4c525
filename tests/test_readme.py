"""Every example of the README is run, and prints what the README says."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from emitter.receiver import Receiver
from emitter.settings import Settings, from_file
from emitter.signing import SigningKey
from emitter.simulator import Simulator
from tests.support_cli import command_line, served

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
KEY = "s3cret"
LONG_RUNNING = ("emitter listen", "emitter serve")


def commands(kind: str) -> list[tuple[str, str]]:
    """The commands of one kind of block, each with the output that stands below it."""
    found = []
    for language, text in BLOCKS:
        if language != kind:
            continue
        if kind == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append((command, output))
        else:
            joined = text.replace("\\\n", " ")
            found += [(line.split("  #")[0].strip(), "") for line in joined.splitlines() if line.strip()]
    return found


@pytest.fixture
def place(tmp_path, running, monkeypatch):
    """A folder with a key, a receiver and a running simulator; gives a function that runs a command there.

    What needs a shell gets one; `quick` runs the others in this process, which takes a tenth of the time.
    """
    (tmp_path / "key.txt").write_text(KEY)
    emitter = command_line(tmp_path, monkeypatch)
    receiver = running(Receiver(keys=[SigningKey(KEY)]))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    environment = {name: value for name, value in environment.items() if not name.startswith("EMITTER_")}

    @cache
    def server() -> str:
        url: str = running(served(running(Simulator(Settings(store=None)))))
        return url.removeprefix("http://")

    def adapted(command: str) -> str:
        command = command.replace("127.0.0.1:3000", receiver.url.removeprefix("http://"))
        command = command.replace("timeout=10s", "timeout=50ms")  # for what does not come
        return command.replace("127.0.0.1:8080", server()) if "127.0.0.1:8080" in command else command

    def run(command: str) -> str:
        ran = subprocess.run(
            ["bash", "-c", adapted(command)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        output = ran.stdout + ran.stderr
        assert "Traceback" not in output
        return output.replace(receiver.url.removeprefix("http://"), "127.0.0.1:3000")

    def start(command: str) -> subprocess.Popen:
        return subprocess.Popen(
            shlex.split(adapted(command)), cwd=tmp_path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def quick(command: str) -> str:
        if not command.startswith("emitter ") or re.search(r"[|<>&;$`]", command):
            return run(command)
        ran = emitter(*shlex.split(adapted(command))[1:], NO_COLOR="1")
        assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
        return ran.output.replace(receiver.url.removeprefix("http://"), "127.0.0.1:3000")

    run.start, run.quick = start, quick
    return run


def plain(output: str) -> str:
    """Take out what differs from run to run: times, ids, the product that was picked."""
    output = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", output)
    output = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", output)
    output = re.sub(r"\d+(\.\d+)? m?s\b", "MS", output)
    output = re.sub(r"\b([a-z]+(?:-[a-z]+)*)-[a-z0-9]{6}\b(?=[,. \n]|$)", r"\1-RUN", output)
    output = re.sub(r"(--> access\S+)  .+?  \(delivery", r"\1  PRODUCT  (delivery", output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


@pytest.mark.parametrize(
    ("command", "output"), commands("console"), ids=[command for command, _ in commands("console")]
)
def test_a_shown_command_prints_what_is_shown(place, command, output):
    assert plain(place.quick(command)) == plain(output)


@pytest.mark.parametrize("command", [command for command, _ in commands("sh") if not command.startswith("make ")])
def test_a_command_runs(place, command):
    if command.startswith(LONG_RUNNING) and "--shared" not in command:
        command = re.sub(r"--port \d+", "--port 0", command) + ("" if "--port" in command else " --port 0")
        process = place.start(command)
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        assert "http://" in first, first + rest
        assert process.returncode in (0, 130), first + rest
        assert "Traceback" not in rest
        return
    if "deliveries" in command or "emitter check" in command:
        place.quick("emitter trigger access-revoked --to http://127.0.0.1:3000/hook --secret-file key.txt")
    if "--user" in command:
        place.quick('emitter world act add-user name="Ann Lee"')
    if "snapshots restore" in command:
        place.quick("emitter snapshots take base")
    if "check captures.jsonl" in command:
        place.quick("emitter deliveries export --output captures.jsonl")
    if "mine.yaml" in command:
        place.quick("emitter scenarios new mine")
    assert "Error" not in place.quick(command)


def test_the_demo_ends_as_the_readme_says():
    [shown] = [text for kind, text in BLOCKS if kind == "text" and not text.startswith("$ ")]

    ran = subprocess.run(
        [sys.executable, "-m", "emitter.cli.demo", "--no-stay"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert ran.stdout.endswith(shown), ran.stdout + ran.stderr
    assert ran.returncode == 0


def test_the_make_targets_are_there():
    makefile = (ROOT / "Makefile").read_text()
    named = {command.split()[1] for command, _ in commands("sh") if command.startswith("make ")}

    assert named == {"demo", "test"}
    assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in named)


def snippets() -> list[str]:
    return [text for kind, text in BLOCKS if kind == "python"]


MYAPP = """
from flask import Flask, request

app = Flask(__name__)
tickets = {}


@app.post("/hook")
def hook():
    headers = {name.lower(): value for name, value in request.headers.items()}
    if not is_ours(headers, request.get_data(), "test-signing-key"):
        return "", 401
    event = request.get_json()
    if event["type"].endswith(("access_requests.expired", "access_requests.revoked")):
        tickets[event["data"]["dataProductId"]] = "closed"
    return "", 204
"""


def test_the_test_with_pytest_is_green_and_complete_in_fifteen_lines(pytester):
    snippet, is_ours = snippets()
    pytester.makepyfile(myapp=is_ours + MYAPP, test_mine=snippet)

    ran = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider")

    ran.assert_outcomes(passed=1)
    assert len([line for line in snippet.splitlines() if line.strip()]) + len(["pip install", "pytest"]) <= 15


def test_the_snippet_verifies_what_we_send(simulator, receiver):
    [snippet] = [text for text in snippets() if "def is_ours" in text]
    names: dict = {}
    exec(compile(snippet, "README.md", "exec"), names)  # it is ours
    from emitter.trigger import TriggerSpec

    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url, signing_key=KEY))
    [capture] = receiver.wait_for(1, 10)
    headers = {name.lower(): value for name, value in capture.headers}

    assert names["is_ours"](headers, capture.body, KEY)
    assert not names["is_ours"](headers, capture.body.replace(b"data", b"datA"), KEY)
    assert not names["is_ours"]({}, capture.body, KEY)


def test_the_settings_are_read(tmp_path):
    [toml] = [text for kind, text in BLOCKS if kind == "toml"]
    (tmp_path / "emitter.toml").write_text(toml)

    assert from_file(tmp_path / "emitter.toml") == (
        {},
        {"delivery.timeout": "5s", "delivery.retry": "standard-webhooks"},
    )


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
