"""The guide to comparing and exporting the contract: each example is run, and prints what the guide says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.signing import Scheme, SigningKey
from emitter.simulator import Simulator
from tests.support_cli import CommandLine, command_line
from tests.support_http import Api

_PAGE = (Path(__file__).parent.parent / "docs" / "contracts.md").read_text(encoding="utf-8")
GUIDE = "".join(re.findall(r"^## (?:Compare|Export)\n.*?(?=^## |\Z)", _PAGE, re.MULTILINE | re.DOTALL))
KEY = "the key of the guide"


def _section(name: str) -> list[tuple[str, str]]:
    """The examples of a section: language and text."""
    text = re.split(r"^## ", GUIDE, flags=re.MULTILINE)
    [found] = [part for part in text if part.startswith(f"{name}\n")]
    return re.findall(r"^```(\w+)\n(.*?)^```", found, re.MULTILINE | re.DOTALL)


COMPARE, EXPORT = _section("Compare"), _section("Export")


def _typed(examples: list[tuple[str, str]]) -> list[list[str]]:
    lines = [line for language, text in examples if language == "sh" for line in text.splitlines()]
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line in a folder with the files of the guide."""
    schemas = [text for language, text in COMPARE if language == "json"]
    for side, text in zip(("old", "new"), schemas, strict=True):
        (tmp_path / side).mkdir()
        (tmp_path / side / "asset-suspended.json").write_text(text)
    (tmp_path / "key.txt").write_text(KEY)
    return command_line(tmp_path, monkeypatch)


def test_what_is_typed_to_compare_prints_what_the_guide_says(emitter: CommandLine) -> None:
    with Receiver(keys=(SigningKey(KEY),), scheme=Scheme()) as receiver:
        for language, text in COMPARE:
            if language != "console":
                continue
            command, _, output = text.removeprefix("$ ").partition("\n")
            words = shlex.split(command.replace("http://127.0.0.1:3000", receiver.url))

            printed = emitter(*words[1:]).stdout

            wanted = [re.escape(part.strip("\n")) for part in output.split("...\n")]
            assert re.search("(?s)" + ".*".join(wanted), printed)
            assert "..." in output or printed == output
        assert len(receiver.captures) == 2


@pytest.mark.parametrize("words", [each for each in _typed(COMPARE)], ids=" ".join)
def test_each_way_to_compare_is_one_that_there_is(words: list[str], emitter: CommandLine) -> None:
    result = emitter(*words[1:])

    assert result.exit_code in (0, 1) and not result.stderr


def test_the_rules_of_the_exit_code_are_those_of_the_guide(emitter: CommandLine) -> None:
    assert emitter("contract", "diff", "new/").exit_code == 0  # a type more breaks nobody
    assert emitter("contract", "diff", "old/", "new/").exit_code == 1


def test_each_export_of_the_guide_is_what_it_says(emitter: CommandLine, tmp_path: Path) -> None:
    for words in _typed(EXPORT):
        if words[0] == "emitter":
            emitter.ok(*words[1:])
        else:
            with Simulator(Settings(store=None)) as simulator:
                answer = Api(simulator)("GET", words[-1].removeprefix("http://127.0.0.1:8080"))
            assert answer.json["asyncapi"] == "3.0.0"

    assert yaml.safe_load((tmp_path / "asyncapi.yaml").read_text())["asyncapi"] == "3.0.0"
    assert json.loads((tmp_path / "openapi.json").read_text())["openapi"] == "3.1.0"
    assert "$defs" in json.loads((tmp_path / "contract.json").read_text())
    assert (tmp_path / "contract.md").read_text().startswith("# ")
    assert len(list((tmp_path / "samples").iterdir())) == 12
