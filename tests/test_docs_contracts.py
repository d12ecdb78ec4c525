"""The chapter on checking captures: what is typed there prints what is shown there."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from emitter.captures import Captured
from emitter.captures.reading import SUFFIXES
from emitter.contract.assumed import RULES
from emitter.signing import Scheme, Signer, SigningKey
from emitter.simulator import Simulator
from tests.support_captures import BODY, CATALOG, forms
from tests.support_cli import CommandLine, command_line, served
from tests.test_captures import found

ROOT = Path(__file__).parent.parent
[CHAPTER] = re.findall(
    r"^## Check\n(.*?)(?=^## |\Z)",
    (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", CHAPTER, re.MULTILINE | re.DOTALL)
KEY = SigningKey("the key of the chapter")


def blocks(kind: str) -> list[str]:
    return [text for language, text in BLOCKS if language == kind]


def record(url: str, body: bytes, signed: bytes | None = None) -> str:
    headers = [
        ("Content-Type", "application/json"),
        *Signer(Scheme()).headers(body if signed is None else signed, KEY, message_id="", seconds=0),
    ]
    return json.dumps({"method": "POST", "url": url, "headers": headers, "bodyBase64": base64.b64encode(body).decode()})


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A folder with the captures of the chapter, and the command line there."""
    created = json.dumps(CATALOG.resolve("request-created").example, separators=(",", ":"))
    nameless = re.sub(rb',"dataProductName":"[^"]*"', b"", BODY)
    lines = [
        record("/hook", BODY),
        record("/short", re.sub(r'"timestamp":"[^"]*"', '"timestamp":"2026-03-02T14:05:09.118Z"', created).encode()),
        record("/hook", nameless, nameless + b"\n"),
        '{"method": "POST", "url": "/hook", "headers": [], "bodyBase64": "eyJ0aW1l',
    ]
    deleted = json.loads(json.dumps(CATALOG.resolve("product-deleted").example))
    deleted["data"] = {"actionLink": "https://app.immutacloud.com/marketplace", **deleted["data"]}
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "today.jsonl").write_text("\n".join(lines))
    (tmp_path / "captures" / "proxy.har").write_bytes(forms(json.dumps(deleted, separators=(",", ":")).encode())["HAR"])
    (tmp_path / "key.txt").write_text("the key of the chapter\n")
    return command_line(tmp_path, monkeypatch)


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a block with what they print."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def test_what_is_typed_prints_what_is_shown(emitter: CommandLine) -> None:
    shown = [each for block in blocks("console") for each in commands(block) if each[0].startswith("emitter ")]

    assert len(shown) == 3
    for command, output in shown:
        result = emitter(*shlex.split(command)[1:])

        assert result.stdout == output, command
        assert result.exit_code == 1  # each of them has something to say


def test_what_is_typed_runs(emitter: CommandLine, simulator: Simulator) -> None:
    emitter.ok("trigger", "access-revoked", "--ephemeral", "--dry-run")
    for line in (line for block in blocks("sh") for line in block.splitlines()):
        result = emitter(*shlex.split(line)[1:])

        # Nothing was sent from here yet, which ends with 2 and says so; the captures have violations.
        assert result.exit_code == (2 if "--history" in line else 1), result.output
        assert "no event in it" in result.stderr if "--history" in line else not result.stderr, result.output
    assert (emitter.folder / "reports" / "contract.xml").exists()


def test_what_is_asked_over_http_answers_as_shown(emitter: CommandLine, simulator: Simulator) -> None:
    [(command, output)] = [
        each for block in blocks("console") for each in commands(block) if each[0].startswith("curl ")
    ]
    with served(simulator) as url:
        here = command.replace("http://127.0.0.1:8080", url.rstrip("/"))
        ran = subprocess.run(shlex.split(here), capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == output.strip()


def test_the_python_that_is_shown_runs(emitter: CommandLine) -> None:
    [example] = blocks("python")

    exec(compile(example, "contracts.md", "exec"), {})  # it is ours


def test_the_line_that_is_shown_is_read() -> None:
    [line] = blocks("json")
    [one] = found(line.encode())

    assert isinstance(one, Captured)
    assert (one.body, one.url, one.exact) == (b"{}", "/hook", True) and one.at


def test_the_hook_that_is_shown_is_there() -> None:
    [shown] = blocks("yaml")
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

    assert yaml.safe_load(shown)["repos"][0]["hooks"] == [{"id": hook["id"]}]


def test_the_tables_say_what_the_code_says() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", CHAPTER, re.MULTILINE))

    assert {name: rows[name] for name in RULES} == dict(RULES)
    assert f"`{' '.join(SUFFIXES)}`" in CHAPTER
