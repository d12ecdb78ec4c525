"""`emitter contract diff` and `emitter contract export`, as they are typed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog, resource_directory
from emitter.factory.samples import samples
from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.signing import Scheme, SigningKey
from emitter.simulator import Simulator
from tests.support_cli import CommandLine, command_line, nobody, served

SOURCES = "marketplace.data_product.data_sources.updated"


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The shipped schemas, but a product's id may be a number, and a region has to be named."""
    shutil.copytree(resource_directory("schemas"), tmp_path / "mine")
    _edit(
        tmp_path / "mine" / "envelope.json", lambda it: it["$defs"]["dataProductId"].update(type=["string", "integer"])
    )
    _edit(tmp_path / "mine" / f"{SOURCES}.json", lambda it: it["properties"]["data"]["required"].append("region"))
    return tmp_path / "mine"


def _edit(file: Path, change: Any) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


# --- diff -------------------------------------------------------------------------------------------------------------


def test_a_diff_says_who_breaks_by_place_and_rule_and_shows_it(emitter: CommandLine, mine: Path) -> None:
    result = emitter("contract", "diff", "mine")

    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("old  shipped (") and lines[1] == "new  mine"
    assert "breaks receivers  /data/dataProductId  type: a string -> a string or an integer" in lines
    assert "    in all 12 types" in lines
    assert "        /data/dataProductId: must be a string, is the number 1 (type) [assumed]" in lines
    assert "breaks senders    /data  required: region may be missing -> region is required" in lines
    assert "    in data_sources.updated" in lines
    assert lines[-1] == "breaks both: 12 types compared, 12 differ; changes: 1 breaks receivers, 1 breaks senders."


def test_the_shipped_schemas_and_themselves_are_compatible(emitter: CommandLine) -> None:
    text = emitter.ok("contract", "diff", "shipped", "shipped")

    assert text.splitlines()[-1] == "compatible: 12 types compared, 0 differ."


def test_the_exit_code_is_about_those_that_are_asked_for(emitter: CommandLine, mine: Path) -> None:
    shutil.copy(resource_directory("schemas") / "envelope.json", mine)  # what is left breaks senders only

    assert emitter("contract", "diff", "mine", "--for", "senders").exit_code == 1
    assert emitter("contract", "diff", "mine", "--for", "receivers").exit_code == 0


def test_unknown_fails_unless_it_is_allowed(emitter: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"pattern": "^(a+)+$", "type": "string"}')
    (tmp_path / "new.json").write_text('{"pattern": "^(a|aa)+$", "type": "string"}')

    result = emitter("contract", "diff", "old.json", "new.json")

    assert result.exit_code == 1
    assert "unknown           (the whole body)  pattern: a match of ^(a+)+$ -> a match of ^(a|aa)+$" in result.stdout
    assert emitter("contract", "diff", "old.json", "new.json", "--allow-unknown").exit_code == 0


def test_the_json_holds_every_type_change_and_witness(emitter: CommandLine, mine: Path) -> None:
    told = json.loads(emitter("contract", "diff", "mine", "--format", "json").stdout)

    assert told["verdict"] == "breaks both"
    sources = next(each for each in told["types"] if each["type"] == SOURCES)
    required, kind = sources["changes"]
    assert (required["pointer"], required["rule"], required["member"]) == ("/data", "required", "region")
    assert required["witnesses"][0]["rejectedBy"] == "new"
    assert kind["places"] == {
        "old": ["envelope.json#/$defs/dataProductId/type"],
        "new": ["envelope.json#/$defs/dataProductId/type"],
    }
    assert kind["witnesses"][0]["body"]["data"]["dataProductId"] == 1


def test_the_markdown_is_a_table_for_a_pull_request(emitter: CommandLine, mine: Path) -> None:
    text = emitter("contract", "diff", "mine", "--format", "markdown").stdout

    assert (
        "| breaks receivers | `/data/dataProductId` | type | a string | a string or an integer | all 12 types |" in text
    )
    assert "```json" in text


def test_the_markdown_says_why_something_is_unknown(emitter: CommandLine, tmp_path: Path) -> None:
    for side in (0, 1):
        branches = [{"const": number} for number in range(side, 10_001 + side)]
        (tmp_path / f"{side}.json").write_text(json.dumps({"anyOf": branches}))

    text = emitter("contract", "diff", "0.json", "1.json", "--format", "markdown").stdout

    assert text.splitlines()[-1].endswith("it has more than 10,000 parts, too many to be compared.")


def test_what_is_not_about_validity_is_told_if_asked_for(emitter: CommandLine, mine: Path) -> None:
    shutil.copytree(resource_directory("schemas"), mine, dirs_exist_ok=True)
    _edit(mine / f"{SOURCES}.json", lambda it: it.update(description="Otherwise."))

    assert "1 difference not about validity" in emitter.ok("contract", "diff", "mine")
    assert '(the whole body)  description: "The' in emitter.ok("contract", "diff", "mine", "--all")


def test_own_schemas_of_the_settings_are_the_new_side(emitter: CommandLine, mine: Path) -> None:
    assert emitter("contract", "diff", "--schemas", "mine").exit_code == 1


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ([], "Give one or two sides"),
        (["a", "b", "c"], "Give one or two sides"),
        (["nowhere"], '"nowhere": there is no such file or directory'),
        (["9.9.9", "shipped"], "9.9.9 is not here"),
        (["plain.json"], "plain.json names no event type"),
        (["broken.json"], "broken.json: This is no JSON"),
        (["shipped", "shipped", "--secret", "x"], "go with --send URL"),
        (["shipped", "shipped", "--server", "http://127.0.0.1:1"], "it goes without --server"),
    ],
)
def test_a_mistake_is_told_with_what_to_write(
    sides: list[str], said: str, emitter: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "plain.json").write_text("{}")
    (tmp_path / "broken.json").write_text("{")

    result = emitter("contract", "diff", *sides)

    assert result.exit_code == 2
    assert said in result.stderr


def test_witnesses_are_sent_and_what_is_answered_is_told(emitter: CommandLine, mine: Path) -> None:
    shutil.copy(resource_directory("schemas") / "envelope.json", mine)

    with Receiver(keys=(SigningKey("k"),), scheme=Scheme()) as receiver:
        result = emitter("contract", "diff", "mine", "--send", receiver.url, "--secret", "k")
        [capture] = receiver.captures

    assert result.exit_code == 1
    assert "    The receiver answered 200: it takes it all the same." in result.stdout.splitlines()
    body = json.loads(capture.body)
    assert body["type"] == SOURCES and "region" not in body["data"]
    assert json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() == capture.body
    assert not (mine.parent / ".emitter").exists()


def test_a_receiver_that_cannot_be_reached_is_exit_code_3(emitter: CommandLine, mine: Path) -> None:
    shutil.copy(resource_directory("schemas") / "envelope.json", mine)

    result = emitter("contract", "diff", "mine", "--send", nobody())

    assert result.exit_code == 3
    assert "The receiver gave no answer" in result.stdout


# --- export -----------------------------------------------------------------------------------------------------------


def test_a_document_is_written_to_a_file_or_to_standard_output(emitter: CommandLine, tmp_path: Path) -> None:
    printed = emitter.ok("contract", "export", "asyncapi")
    result = emitter("contract", "export", "asyncapi", "--out", "asyncapi.yaml")

    assert (tmp_path / "asyncapi.yaml").read_text() == printed
    assert result.stdout == "" and result.stderr.startswith("asyncapi.yaml: ")
    assert json.loads(emitter.ok("contract", "export", "openapi", "--format", "json"))["openapi"] == "3.1.0"


def test_samples_are_a_file_each_with_the_very_bytes(emitter: CommandLine, tmp_path: Path) -> None:
    emitter.ok("contract", "export", "samples", "--out", "samples")

    expected = samples(Catalog.load(), Assumptions())
    assert {path.stem: path.read_bytes() for path in (tmp_path / "samples").iterdir()} == expected


def test_a_server_exports_what_it_runs_with(emitter: CommandLine) -> None:
    with Simulator(Settings(store=None)) as simulator, served(simulator) as url:
        there = emitter.ok("contract", "export", "markdown", "--server", url)
        refused = emitter("contract", "export", "markdown", "--format", "json", "--server", url)

    assert there == emitter.ok("contract", "export", "markdown")
    assert refused.exit_code == 2 and "one form only" in refused.stderr


def test_a_form_that_has_another_name_is_told(emitter: CommandLine) -> None:
    result = emitter("contract", "export", "md")

    assert result.exit_code == 2
    assert 'There is no form "md". Did you mean "markdown"?' in result.stderr


@pytest.mark.parametrize("place", ["folder", ".", "", "/", "nowhere/file"])
def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left(
    place: str, emitter: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()

    result = emitter("contract", "export", "openapi", "--out", place)

    assert result.exit_code == 2 and f"--out {place or '.'}: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_link_or_a_pipe_that_is_written_to_stays_one(emitter: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "there" / "file.json")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR)  # it holds 64 KiB, which is twice the page

    emitter.ok("contract", "export", "json-schema", "--out", "link.json")
    with open(reader, "rb") as pipe:
        emitter.ok("contract", "export", "markdown", "--out", "pipe")
        read = pipe.read(10)

    assert (tmp_path / "link.json").is_symlink() and "$defs" in json.loads((tmp_path / "link.json").read_text())
    assert (tmp_path / "pipe").is_fifo() and read.startswith(b"# ")
