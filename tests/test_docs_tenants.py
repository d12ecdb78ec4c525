"""The page about tenants and tokens: what it shows is typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emitter.client import Client
from emitter.receiver import Receiver
from emitter.simulator import Simulator
from tests.support_cli import environment, served

PAGE = (Path(__file__).parent.parent / "docs" / "tenants.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def url(tmp_path: Path, make_simulator: Callable[..., Simulator], running: Callable[..., Any]) -> str:
    """A server that owns the store of the folder that the commands are typed in."""
    return str(running(served(make_simulator(store=tmp_path / ".emitter" / "store.sqlite"))))


def _typed(script: str, folder: Path, url: str, receiver: Receiver) -> str:
    script = script.replace("http://127.0.0.1:8080", url).replace("http://127.0.0.1:3000", receiver.url)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment(PATH=path, NO_COLOR="1"),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_a_person_asks_with_a_token(tmp_path: Path, url: str, receiver: Receiver) -> None:
    printed = _typed([text for kind, text in BLOCKS if kind == "sh"][0], tmp_path, url, receiver)

    assert "[]" in printed
    assert re.search(r"the integration +Ann Lee +consumer, APPLICATION_ADMIN", printed)
    with Client(url) as client:
        assert client.tokens() == []


def test_a_tenant_is_made_used_and_deleted(tmp_path: Path, url: str, make_receiver: Callable[..., Receiver]) -> None:
    receiver = make_receiver(keys=())
    printed = _typed([text for kind, text in BLOCKS if kind == "sh"][1], tmp_path, url, receiver)

    assert "2030-02-07 09:00:00 (virtual clock)" in printed
    assert re.search(r"build 42 +virtual, 2030-02-07 09:00:00 +0 +in memory", printed)
    assert len(receiver.captures) == 1
    with Client(url) as client:
        assert [each["name"] for each in client.tenants()] == ["default"]
        assert client.webhooks() == []


def test_python_does_the_same(url: str) -> None:
    [example] = [text for kind, text in BLOCKS if kind == "python"]
    names: dict[str, Any] = {}

    exec(compile(example.replace("http://127.0.0.1:8080", url), "docs/tenants.md", "exec"), names)  # it is ours

    assert names["product"]["name"] == "Claims 2025"
    with Client(url) as client:
        assert [each["name"] for each in client.tenants()] == ["default"]
