"""Learning, calibrating, coverage: every command that the pages show is run, in order, on what a tenant has sent."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from emitter.assumptions import Assumptions
from emitter.clock import rfc3339
from emitter.receiver import Receiver
from emitter.settings import Settings, from_file
from emitter.signing import SigningKey
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.support_cli import command_line, environment

DOCS = Path(__file__).parent.parent / "docs"
KEY = "the key of the guide"
HERE = "http://127.0.0.1:3000"
TENANT = {
    "signing.header": "x-tenant-signature", "signing.prefix": "sha256=", "payload.timestamp_digits": "3",
    "ids.data_product": "cuid", "payload.app_base_url": "https://acme.example.com/request",
}  # fmt: skip
OURS = ("## Learn", "## Calibrate", "## Coverage")
LINE = re.compile(r"^```(sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@cache
def captures() -> tuple[str, ...]:
    """What a recorder writes of five events of each type, from a tenant that is not as assumed."""
    settings = Settings(
        store=None, seed=11, start=1_893_488_400_123_456_789, assumptions=Assumptions().override_all(TENANT)
    )
    with Receiver(keys=[]) as receiver, Simulator(settings) as simulator:
        for number in range(60):
            name = simulator.catalog.names[number % len(simulator.catalog)]
            told = {"data.requestId": f"REQ-{number % 7}"}
            simulator.trigger(TriggerSpec(type=name, to=f"{receiver.url}/hook", signing_key=KEY, set=told))
        return tuple(
            json.dumps({
                "method": each.method, "url": each.path, "headers": [list(pair) for pair in each.headers],
                "bodyBase64": base64.b64encode(each.body).decode(), "at": rfc3339(each.at, 6),
            })
            for each in receiver.wait_for(60, 20.0)
        )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_receiver: Any) -> Any:
    """A folder with captures and a key in it, and a receiver; runs a command there: exit code and all that it says."""
    (tmp_path / "captures.jsonl").write_text("\n".join(captures()) + "\n")
    (tmp_path / "one.json").write_text(captures()[6] + "\n")
    (tmp_path / "key.txt").write_text(KEY + "\n")
    receiver = make_receiver(keys=())
    emitter = command_line(tmp_path, monkeypatch)

    def run(command: str) -> tuple[int, str]:
        command = re.split(r"\s# ", command)[0].strip().replace(HERE, receiver.url)
        command, _, lines = command.partition(" | head -")
        if command.startswith("emitter ") and not re.search("[|><;&]", command):
            ran = emitter(*shlex.split(command)[1:])
            assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
            return ran.exit_code, "".join(ran.output.splitlines(keepends=True)[: int(lines or 10_000)])
        variables = environment(PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin")
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    run.folder, run.receiver = tmp_path, receiver  # type: ignore[attr-defined]
    return run


def shown(page: str) -> list[tuple[str, str | None]]:
    """The commands of a page, with what they print where that is shown."""
    whole = (DOCS / page).read_text(encoding="utf-8")
    if page == "contracts.md":  # the other chapters have tests of their own
        whole = "".join(part for part in re.split(r"^(?=## )", whole, flags=re.MULTILINE) if part.startswith(OURS))
    found: list[tuple[str, str | None]] = []
    for kind, text in LINE.findall(whole):
        if kind == "sh":
            found += [(line, None) for line in text.splitlines() if line.strip()]
        else:
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append((command, output))
    return found


def played(page: str, desk: Any) -> None:
    """Run what a page shows, in order."""
    commands = shown(page)
    assert len(commands) > 9
    for command, output in commands:
        code, said = desk(command)
        assert code in ((0, 1) if "contract diff" in command else (0,)), f"{command}\n{said}"
        assert "Traceback" not in said
        if output is not None:
            assert [line.rstrip() for line in said.splitlines()] == [line.rstrip() for line in output.splitlines()]


def test_every_command_of_the_chapters_runs_and_prints_what_is_shown(desk: Any) -> None:
    played("contracts.md", desk)


def test_after_five_minutes_the_simulator_is_one_of_that_tenant(desk: Any) -> None:
    played("five-minutes.md", desk)

    _, switches = from_file(desk.folder / "emitter.toml")
    assert TENANT.items() <= switches.items()
    [sent] = desk.receiver.captures
    body = json.loads(sent.body)
    assert re.fullmatch("c[a-z0-9]{24}", body["data"]["dataProductId"]) and body["data"]["requestId"]
    assert body["data"]["actionLink"].startswith(TENANT["payload.app_base_url"])
    assert re.search(r"\.\d{3}Z$", body["timestamp"])
    assert dict(sent.headers)["x-tenant-signature"].startswith("sha256=")
    assert KEY not in (desk.folder / "emitter.toml").read_text()
    assert SigningKey(KEY).reveal() not in "".join(path.read_text() for path in (desk.folder / "learned").iterdir())


def test_the_table_of_what_a_statement_takes_says_what_the_code_does() -> None:
    from emitter.contract.learn_evidence import FORMATS
    from emitter.contract.learn_rules import MOST_WORDS, Rule

    page = (DOCS / "contracts.md").read_text(encoding="utf-8")

    assert ", ".join(f"`{each}`" for each in FORMATS) in page
    assert (Rule().evidence, Rule().few, Rule().repeats, MOST_WORDS) == (20, 5, 3, 12)


# --- the command that settles ----------------------------------------------------------------------------------------


def test_calibrating_says_what_is_settled_and_what_is_open_and_never_the_key(desk: Any) -> None:
    code, said = desk("emitter contract calibrate one.json --secret-file key.txt --format json")

    found = json.loads(said)
    assert code == 0 and found["signature"] == "found"
    settled = {each["switch"]: each["value"] for each in found["settled"] if each["state"] == "changed"}
    assert settled == TENANT
    assert all(each["open"] for each in found["open"])
    for options in ("--write", "--all", "--write --force --format jsonl"):
        _, said = desk(f"emitter contract calibrate one.json --secret-file key.txt {options}")
        assert KEY not in said
    assert KEY not in (desk.folder / "emitter.toml").read_text()


def test_a_key_that_fits_nothing_is_a_failed_check(desk: Any) -> None:
    code, said = desk("emitter contract calibrate one.json --secret wrong-key")

    assert code == 1 and "No combination fits the key" in said and "wrong-key" not in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("nowhere.json", "nowhere.json"),
        ("one.json --write --config nowhere/emitter.toml", "nowhere"),
        ("one.json --secret-file nokey.txt", "nokey.txt"),
        ("", "FILE"),
    ],
)
def test_a_wrong_call_is_told(desk: Any, options: str, told: str) -> None:
    code, said = desk(f"emitter contract calibrate {options}")

    assert code == 2 and told in said and "Traceback" not in said


def test_what_the_file_says_otherwise_is_not_replaced(desk: Any) -> None:
    file = desk.folder / "emitter.toml"
    file.write_text('[signing]\nheader = "x-mine"  # ours\n')

    code, said = desk("emitter contract calibrate one.json --secret-file key.txt --write")

    assert code == 2 and "signing.header" in said and "--force" in said
    assert file.read_text() == '[signing]\nheader = "x-mine"  # ours\n'


def test_the_register_shows_what_was_calibrated(desk: Any) -> None:
    desk("emitter contract calibrate one.json --secret-file key.txt --write")

    _, table = desk("emitter assumptions")
    _, listed = desk("emitter assumptions --format json")

    entries = {each["switch"]: each for each in json.loads(listed)}
    assert (
        entries["signing.header"]["provenance"] == "calibrated" and "one.json" in entries["signing.header"]["evidence"]
    )
    assert entries["delivery.timeout"]["provenance"] == "assumed"
    assert re.search(r"\d+ facts: .*\d+ calibrated", table)
    _, otherwise = desk("emitter assumptions --format json --assume signing.header=x-else")
    assert {each["switch"]: each for each in json.loads(otherwise)}["signing.header"]["provenance"] == "assumed"


@pytest.mark.parametrize(
    "text",
    [
        "calibrated = 1", "[calibrated]\nx = 1", '[calibrated]\n"signing.header" = {value = 1}',
        '[calibrated]\n"signing.heder" = {value = "x"}', '[calibrated]\n"signing.header" = {value = "x", by = "me"}',
        '[calibrated]\n"signing.mode" = {value = "md5"}',
    ],
)  # fmt: skip
def test_a_file_that_says_something_odd_of_what_was_calibrated_is_refused_with_the_place(desk: Any, text: str) -> None:
    (desk.folder / "emitter.toml").write_text(text)

    code, said = desk("emitter assumptions")

    assert code == 2 and "emitter.toml" in said and "calibrated" in said
