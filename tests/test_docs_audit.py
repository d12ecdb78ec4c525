"""The page about the audit: what it shows is run, and prints what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emitter.testing import ServedRequestApp
from tests.support_bad_receivers import BAD, KEY, LastToComeWins, Receiver, served
from tests.support_cli import CommandLine, command_line
from tests.support_examples import example

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FAST = ["--settle", "1ms"]


def blocks(kind: str) -> list[str]:
    return [text for language, text in BLOCKS if language == kind]


def steady(text: str) -> str:
    """A report without what is another one every time."""
    return re.sub(r"\d+ deliveries in [\d.]+ s", "N deliveries", re.sub(r"127\.0\.0\.1:\d+", "HERE", text)).strip()


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    (tmp_path / "key.txt").write_text(KEY)
    return command_line(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with served(Receiver()) as url:
        yield url.removeprefix("http://")


def run(emitter: CommandLine, command: str, place: str) -> tuple[int, str]:
    there = re.sub(r"127\.0\.0\.1:300\d", place, command)
    result = emitter(*shlex.split(there)[1:], *FAST)
    return result.exit_code, result.stdout


def test_the_report_of_the_example_in_flask_is_as_shown(emitter):
    command, _, output = blocks("console")[0].removeprefix("$ ").partition("\n")
    with example("receiver_flask/receiver.py", WEBHOOK_SIGNING_KEY=KEY) as url:
        code, printed = run(emitter, command, url.removeprefix("http://"))

    assert (code, steady(printed)) == (0, steady(output))


def test_the_report_of_a_bad_one_is_as_shown(emitter):
    command, _, output = blocks("console")[1].removeprefix("$ ").partition("\n")
    with served(BAD["LooksAtTheFormOnly"][1]()) as url:
        code, printed = run(emitter, command, url.removeprefix("http://"))

    assert (code, steady(printed)) == (1, steady(output))


@pytest.mark.parametrize("command", [line for text in blocks("sh") for line in text.splitlines()])
def test_every_command_of_the_page_ends_well(emitter, good, command, monkeypatch):
    some = [("payload.profile", "extended", "U3"), ("signing.encoding", "base64", "U2")]
    monkeypatch.setattr("emitter.audit.sweep.readings", lambda: iter(some))
    shorter = command.replace("--interleavings 20", "--interleavings 2") + " --only good-delivery"
    code, printed = run(emitter, shorter, good)

    assert code == 0, printed


def test_what_is_asked_over_http_answers_as_shown(tmp_path, good):
    with ServedRequestApp() as server:
        for part in re.split(r"^\$ ", blocks("console")[2], flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            there = command.replace("127.0.0.1:8080", server.url.removeprefix("http://"))
            there = there.replace("127.0.0.1:3000", good).replace("test-signing-key", KEY)
            ran = subprocess.run(["bash", "-c", there], cwd=tmp_path, capture_output=True, text=True, timeout=60)
            assert ran.stdout == output, command


def test_the_small_sequence_is_as_shown(emitter):
    with served(LastToComeWins()) as url:
        command = "emitter audit http://127.0.0.1:3000/hook --secret-file key.txt --probe http://127.0.0.1:3000/state"
        _, printed = run(
            emitter, f"{command} --only good-delivery --interleavings 3", url.removeprefix("http://")
        )  # fmt: skip

    assert blocks("text")[0] in printed
