"""Every example of the README is run, and prints what the README says."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emitter.receiver import Receiver
from emitter.settings import from_file
from emitter.signing import SigningKey

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
def place(tmp_path, running):
    """A folder with a key, a receiver and a running simulator; gives a function that runs a command there."""
    (tmp_path / "key.txt").write_text(KEY)
    receiver = running(Receiver(keys=[SigningKey(KEY)]))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    environment = {name: value for name, value in environment.items() if not name.startswith("EMITTER_")}
    server = None

    def adapted(command: str) -> str:
        nonlocal server
        if "127.0.0.1:8080" in command and server is None:
            server = subprocess.Popen(
                ["emitter", "serve", "--port", "0"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
            )
            server.url = re.search(r"http://(\S+?)/", server.stderr.readline())[1]
        command = command.replace("127.0.0.1:3000", receiver.url.removeprefix("http://"))
        return command.replace("127.0.0.1:8080", server.url) if server else command

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

    run.start = start
    yield run
    if server is not None:
        server.terminate()
        server.communicate(timeout=20)


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
    assert plain(place(command)) == plain(output)


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
        place("emitter trigger access-revoked --to http://127.0.0.1:3000/hook --secret-file key.txt")
    if "Ann Lee" in command:
        place('emitter world act add-user name="Ann Lee"')
    if "snapshots restore" in command:
        place("emitter snapshots take base")
    if "captures.jsonl" in command:
        place("emitter deliveries export --output captures.jsonl")
    if "mine.yaml" in command:
        place("emitter scenarios new mine")
    assert "Error" not in place(command)


def test_the_demo_ends_as_the_readme_says():
    [shown] = [text for kind, text in BLOCKS if kind == "text"]

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


def test_the_snippet_verifies_what_we_send(simulator, receiver):
    [snippet] = [text for kind, text in BLOCKS if kind == "python"]
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
