"""For tests of the command line: call it in this process, or run it as a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from emitter.cli import cli
from emitter.simulator import Simulator
from emitter.web.access import Access
from emitter.web.serving import serve

PATIENCE = 20.0  # seconds that a process of a test may take


@dataclass
class CommandLine:
    """Calls `emitter` in this process, in the folder of the test."""

    folder: Path

    def __call__(self, *args: object, stdin: str | bytes | None = None, **environment: str) -> Result:
        return CliRunner(env=environment).invoke(cli, [str(each) for each in args], input=stdin)

    def ok(self, *args: object, **how: Any) -> str:
        """Call it, expect exit code 0, and give what it printed."""
        result = self(*args, **how)
        assert result.exit_code == 0, result.output
        return result.stdout


def command_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Call `emitter` in a folder, with none of the user's settings."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("EMITTER_")]:
        monkeypatch.delenv(name)
    return CommandLine(folder)


def environment(**more: str) -> dict[str, str]:
    """The variables of a process that runs the command line: none of the user's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EMITTER_")}
    root = str(Path(__file__).resolve().parent.parent)
    return {**kept, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1", "TERM": "dumb", **more}


def start(*args: object, cwd: Path, module: str = "emitter.cli", **how: Any) -> subprocess.Popen[str]:
    """Start `emitter` as a process of its own, its output piped."""
    more = how.pop("env", {})
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, args)],
        cwd=cwd, env=environment(**more), text=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
    )  # fmt: skip


@contextmanager
def process(*args: object, cwd: Path, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """Run `emitter` as a process of its own, and end it with the block, however it stands."""
    with start(*args, cwd=cwd, **how) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def finished(*args: object, cwd: Path, **how: Any) -> tuple[int, str, str]:
    """Run `emitter` to its end; its exit code, what it printed, and what it said on standard error."""
    with process(*args, cwd=cwd, **how) as running:
        out, err = running.communicate(timeout=PATIENCE)
        return running.returncode, out or "", err or ""


def line_with(text: str, stream: Any) -> str:
    """Read lines until one holds `text`."""
    others: list[str] = []
    for line in stream:
        if text in line:
            return str(line)
        others.append(line)
    raise AssertionError(f"{text!r} was never said, but this: {''.join(others)[-2000:]}")


@contextmanager
def served(simulator: Simulator, *, access: Access | None = None) -> Iterator[str]:
    """Serve a simulator on a free port of this machine; its address."""
    ready, stop = threading.Event(), threading.Event()
    told: list[str] = []

    def tell(url: str) -> None:
        told.append(url)
        ready.set()

    def run() -> None:
        try:
            serve(simulator, port=0, access=access, ready=tell, stop=stop)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(PATIENCE) and told
        yield told[0]
    finally:
        stop.set()
        thread.join(PATIENCE)


def nobody() -> str:
    """An address of this machine at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"


@contextmanager
def silent() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives the same bytes to whatever it is asked, and is none of ours."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        stopping = threading.Event()

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    if stopping.is_set():
                        return
                    connection.settimeout(5)
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopping.set()
            socket.create_connection(listener.getsockname()).close()
            thread.join(PATIENCE)
