"""`emitter check`: captures held against the contract, told for people, for programs and for CI."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pytest
import yaml

from emitter.catalog import Catalog
from emitter.contract.values import Finding
from emitter.signing import Scheme, Signer, SigningKey
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.support_captures import BODY, HEADERS, bodies, forms
from tests.support_cli import CommandLine, command_line, environment, served
from tests.test_contract_check import DIFFERENCES, MUTATIONS

KEY = "the key of the test"
TYPE = "data_sources.updated"
HOOKS = Path(__file__).parent.parent / ".pre-commit-hooks.yaml"


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


def _example(name: str) -> str:
    return json.dumps(Catalog.load().resolve(name).example)


def _save(emitter: CommandLine, files: dict[str, bytes | str]) -> None:
    for name, content in files.items():
        path = emitter.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _signed(body: bytes = BODY, key: str = KEY) -> tuple[tuple[str, str], ...]:
    return (*HEADERS, *Signer(Scheme()).headers(body, SigningKey(key), message_id="", seconds=0))


# --- what is said -----------------------------------------------------------------------------------------------------


def test_a_valid_body_is_valid(emitter: CommandLine) -> None:
    _save(emitter, {"body.json": BODY})

    assert emitter.ok("check", "body.json").split() == ["valid", "body.json", TYPE]
    assert emitter.ok("contract", "check", "body.json") == emitter.ok("check", "body.json")


def test_the_published_example_is_valid_in_every_form(emitter: CommandLine) -> None:
    for name, raw in {**forms(), **bodies()}.items():
        found = [json.loads(line) for line in emitter.ok("check", "-", "--format", "jsonl", stdin=raw).splitlines()]

        assert {each["verdict"] for each in found} == {"valid"}, name
        if "document" not in name and "indented" not in name:
            assert not any(each["warnings"] for each in found), name


def test_violations_are_named_with_their_place_and_end_with_1(emitter: CommandLine) -> None:
    body = json.loads(_example("sources-updated"))
    body["timestamp"], body["data"]["dataProductName"] = "yesterday", 7

    result = emitter("check", "-", stdin=json.dumps(body))

    assert result.exit_code == 1
    assert result.stdout.startswith(f"invalid     standard input  {TYPE}\n")
    assert '    /timestamp: must be an RFC 3339 time, is "yesterday" (format) [documented]\n' in result.stdout
    assert "    /data/dataProductName: must be a string, is the number 7 (type) [documented]\n" in result.stdout


def test_every_mutation_is_found_in_one_go(emitter: CommandLine) -> None:
    _save(emitter, {f"{number:02}.json": body for number, (body, *_) in enumerate(MUTATIONS.values()) if body})

    result = emitter("check", ".", "--format", "json")

    assert result.exit_code == 1
    found = {each["where"]: [(one["pointer"], one["rule"]) for one in each["violations"]] for each in
             json.loads(result.stdout)}  # fmt: skip
    # Text that is no UTF-8 is no JSON file at all: it is unreadable, and the event in it is not judged.
    assert found.pop(f"{[*MUTATIONS].index('Latin-1'):02}.json", []) == []
    for number, (name, (body, pointer, rule)) in enumerate(MUTATIONS.items()):
        if body and name != "Latin-1":
            assert found[f"{number:02}.json"] == [(pointer, rule)], name


def test_what_only_differs_from_an_assumption_ends_with_0_and_names_the_switch(emitter: CommandLine) -> None:
    for name, (body, pointer, rule, switch) in DIFFERENCES.items():
        text = emitter.ok("check", "-", stdin=body)

        assert f"{pointer or '(the whole body)'}: " in text and f"({rule})" in text, name
        assert f"the switch is {switch}" in text if switch else "`emitter contract learn`" in text, name
    assert emitter("check", "-", "--strict", stdin=DIFFERENCES["three digits"][0]).exit_code == 1
    assert emitter("check", "-", "--strict", stdin=BODY).exit_code == 0


def test_a_type_without_a_schema_is_said_and_is_no_violation(emitter: CommandLine) -> None:
    body = '{"timestamp":"2030-01-31T09:00:00.000000001Z","data":{},"type":"x.y"}'

    assert emitter.ok("check", "-", stdin=body).startswith("no schema   standard input  x.y  1 warning\n")


def test_events_in_a_row_take_a_line_and_every_kind_of_warning_is_told_once(emitter: CommandLine) -> None:
    sound, short = BODY + b"\n", DIFFERENCES["three digits"][0] + b"\n"
    _save(emitter, {"many.jsonl": sound * 3 + short * 4 + MUTATIONS["no name"][0] + b"\n" + sound})

    result = emitter("check", "many.jsonl")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "valid       many.jsonl:1-7  7 events, 4 with warnings",
        f"invalid     many.jsonl:8  {TYPE}",
        "    /data: the member dataProductName is missing (required) [documented]",
        f"valid       many.jsonl:9  {TYPE}",
        "Warnings: what differs from an assumption. The capture may be right.",
        "  4 times  /timestamp: is assumed to have 9 digits after the point, has 3: \"2025-07-22T18:16:14.608Z\" "
        "(timestamp-digits)",
        "      first at many.jsonl:4; assumed, U21; the switch is payload.timestamp_digits",
        "9 events: 8 valid, 1 invalid; 4 with warnings.",
    ]  # fmt: skip
    assert len(emitter("check", "many.jsonl", "-v").stdout.splitlines()) == 9 + 1 + 4


def test_a_folder_holds_captures_of_any_form(emitter: CommandLine) -> None:
    _save(emitter, {
        "in/deep/many.jsonl": f"{_example('expired')}\n\n{{}}\n", "in/one.har": forms()["HAR"],
        "in/two.http": forms()["raw HTTP"], "in/notes.txt": "no capture",
    })  # fmt: skip

    result = emitter("check", "in")

    assert result.exit_code == 1
    found = [line.split()[:2] for line in result.stdout.splitlines()]
    assert found[0] == ["valid", "in/deep/many.jsonl:1"] and found[1] == ["invalid", "in/deep/many.jsonl:3"]
    assert ["valid", "in/one.har,"] in found and ["valid", "in/two.http:1"] in found
    assert result.stdout.endswith("4 events: 3 valid, 1 invalid; 0 with warnings.\n")


def test_only_requests_of_a_url_are_checked_if_asked(emitter: CommandLine) -> None:
    har = json.loads(forms()["HAR"])
    other = json.loads(json.dumps(har["log"]["entries"][0]))
    other["request"] |= {"url": "http://127.0.0.1/login", "postData": {"text": "user=me"}}
    har["log"]["entries"].append(other)
    raw = json.dumps(har).encode()

    assert emitter("check", "-", stdin=raw).exit_code == 1
    assert emitter.ok("check", "-", "--url", "/hook", stdin=raw).startswith("valid")
    assert "no event in it" in emitter("check", "-", "--url", "/nowhere", stdin=raw).stderr


def test_json_for_programs_holds_everything(emitter: CommandLine) -> None:
    _save(emitter, {"a.jsonl": MUTATIONS["no name"][0] + b"\n{\n" + DIFFERENCES["a number"][0]})

    whole = json.loads(emitter("check", "a.jsonl", "--format", "json").stdout)
    lines = [json.loads(line) for line in emitter("check", "a.jsonl", "--format", "jsonl").stdout.splitlines()]

    assert whole == lines
    first, second, third = whole
    assert first["violations"] == [{
        "pointer": "/data", "header": "", "rule": "required", "message": "the member dataProductName is missing",
        "value": "", "provenance": "documented", "switch": "",
    }]  # fmt: skip
    assert (second["verdict"], second["line"]) == ("unreadable", 2) and "breaks off" in second["error"]
    assert (third["warnings"][0]["value"], third["warnings"][0]["switch"]) == ('"12345"', "ids.data_product")
    assert json.loads(emitter("check", "-", "--format", "json", stdin="GET / HTTP/1.1\n\n").stdout) == []


def test_what_came_from_outside_cannot_speak_to_the_terminal(emitter: CommandLine) -> None:
    body = '{"timestamp":"\\u001b[31m","data":{"\\u001b]0;x\\u0007":1},"type":"\\u001b[2J"}'

    for form in ("table", "json", "jsonl"):
        assert "\x1b" not in emitter("check", "-", "--format", form, stdin=body * 2).stdout
    _save(emitter, {"\x1b[31m.json": body})
    assert "\x1b" not in emitter("check", ".").stdout


# --- what cannot be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"{", "no JSON"), (b"[]", "object"), (b'{"a":1e999}', "double"), (b"12", "object"), (BODY[:50], "no JSON")],
)
def test_what_is_no_event_is_a_violation(emitter: CommandLine, body: bytes, text: str) -> None:
    result = emitter("check", "-", stdin=body)

    assert result.exit_code == 1
    assert text in result.stdout


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"", "it is empty"), (b"\xff", "not UTF-8"), (b"\x1f\x8b", "gzip"), (b"hello", "it is no capture"),
     (b"GET / HTTP/1.1\r\n\r\n", "no event in it")],
)  # fmt: skip
def test_where_nothing_can_be_read_it_is_wrong_usage(emitter: CommandLine, body: bytes, text: str) -> None:
    result = emitter("check", "-", stdin=body)

    assert result.exit_code == 2
    assert text in result.output


def test_a_broken_line_costs_that_line_and_the_check(emitter: CommandLine) -> None:
    result = emitter("check", "-", stdin=BODY + b"\n" + BODY[:50] + b"\n" + BODY + b"\n")

    assert result.exit_code == 1
    assert "unreadable  standard input:2\n    it breaks off after 50 bytes" in result.stdout
    assert result.stdout.endswith("2 events: 2 valid, 0 invalid; 0 with warnings. 1 piece could not be read.\n")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), "Missing argument"), (("nowhere.json",), "No such file"), ((".",), "there is no *.json"),
        (("-", "--history"), "goes with no file"), (("-", "--since", "1h"), "--since: the filters"),
        (("-", "--tolerance", "5m"), "goes with a signing key"), (("-", "--junit", "/nowhere/x\0"), "--junit"),
        (("--history", "--outcome", "good"), "good"), (("-", "--schemas", "nowhere"), "nowhere"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_wrong_usage(emitter: CommandLine, args: tuple[str, ...], text: str) -> None:
    result = emitter("check", *args, stdin=BODY)

    assert result.exit_code == 2
    assert text in result.stderr


# --- signatures -------------------------------------------------------------------------------------------------------


def test_signatures_are_verified_with_a_key(emitter: CommandLine) -> None:
    raw = b"\n".join(forms(headers=_signed(key=key))["recorder"] for key in (KEY, KEY, "another key"))
    _save(emitter, {"a.jsonl": raw + b"\n" + BODY, "key.txt": KEY + "\n"})

    result = emitter("check", "a.jsonl", "--secret-file", "key.txt")

    assert result.exit_code == 1
    assert result.stdout.splitlines()[:4] == [
        "valid       a.jsonl:1-2  2 events  signature ok",
        f"valid       a.jsonl:3  {TYPE}  signature refused",
        "    signature: x-immuta-webhook-signature-sha256 does not fit the body.",
        "      It was made with another key, or the body was changed after it was signed.",
    ]
    assert f"valid       a.jsonl:4  {TYPE}  signature not verified" in result.stdout
    assert "Signatures: 2 ok, 1 refused, 1 not verified." in result.stdout
    assert KEY not in emitter("check", "a.jsonl", "--secret", KEY, "--format", "json").output
    assert emitter.ok("check", "a.jsonl")  # without a key nobody asks


def test_the_key_may_stand_in_the_environment(emitter: CommandLine) -> None:
    raw = forms(headers=_signed())["raw HTTP"]

    assert "signature ok" in emitter.ok("check", "-", stdin=raw, EMITTER_SECRET=KEY)
    assert emitter("check", "-", stdin=raw, EMITTER_SECRET="another").exit_code == 1


# --- CI ---------------------------------------------------------------------------------------------------------------


def test_junit_names_files_and_types(emitter: CommandLine) -> None:
    _save(emitter, {
        "in/a.jsonl": BODY + b"\n" + MUTATIONS["no name"][0] + b"\nx\n", "in/b.json": DIFFERENCES["three digits"][0],
    })  # fmt: skip

    assert emitter("check", "in", "--junit", "out/report.xml").exit_code == 1

    root = XML.parse(emitter.folder / "out" / "report.xml").getroot()
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "4", "failures": "1", "errors": "1",
    }  # fmt: skip
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    full = f"marketplace.data_product.{TYPE}"
    assert names == [
        ("in/a.jsonl", "can be read"),
        ("in/a.jsonl", full),
        ("in/b.json", "can be read"),
        ("in/b.json", full),
    ]
    assert "in/a.jsonl:2: /data: the member dataProductName is missing" in str(root.findtext(".//failure"))
    assert "in/a.jsonl:3: it is no JSON" in str(root.findtext(".//error"))
    emitter("check", "in/b.json", "--strict", "--junit", "strict.xml")
    assert "timestamp-digits" in str(XML.parse(emitter.folder / "strict.xml").findtext(".//failure"))


def test_the_pre_commit_hook_checks_what_it_is_given(emitter: CommandLine) -> None:
    [hook] = yaml.safe_load(HOOKS.read_text())

    assert (hook["id"], hook["language"]) == ("emitter-check", "python")
    program, *args = hook["entry"].split()
    assert program == "emitter"
    _save(emitter, {"good.json": BODY, "bad.jsonl": MUTATIONS["no name"][0]})
    assert emitter(*args, "good.json").exit_code == 0
    assert emitter(*args, "good.json", "bad.jsonl").exit_code == 1


# --- a simulator's history and schemas --------------------------------------------------------------------------------


def test_what_was_sent_from_here_is_checked_by_the_filters_of_the_history(emitter: CommandLine, receiver: Any) -> None:
    for kind in ("revoked", "product-deleted", "revoked"):
        emitter.ok("trigger", kind, "--to", receiver.url, "--secret", "test-signing-key")

    assert emitter.ok("check", "--history").endswith("3 events: 3 valid, 0 invalid; 0 with warnings.\n")
    filtered = ("--type", "access-revoked", "--secret", "test-signing-key", "--format", "json")
    found = json.loads(emitter.ok("check", "--history", *filtered))
    assert [each["where"] for each in found] == ["attempt 3", "attempt 1"]
    assert all(each["signature"]["ok"] for each in found)
    assert emitter("check", "--history", "--since", "2030-01-01").exit_code == 2


def test_a_history_that_is_served_is_checked_there(emitter: CommandLine, simulator: Simulator, receiver: Any) -> None:
    simulator.trigger(TriggerSpec(type="revoked", to=receiver.url))
    simulator.settle(10)

    with served(simulator) as url:
        assert emitter.ok("check", "--history", "--server", url).startswith(
            "valid       attempt 1  access_requests.revoked"
        )


def test_a_named_server_checks_with_its_schemas_and_assumptions(emitter: CommandLine, make_simulator: Any) -> None:
    simulator = make_simulator(assume={"payload.timestamp_digits": "3", "delivery.headers": "X-A: 1"})
    with served(simulator) as url:
        text = emitter.ok("check", "-", "--server", url, stdin=forms()["recorder"])
        assert "timestamp-digits" in text and "header X-A: " in text
        assert emitter("check", "-", "--server", url, stdin="{}").exit_code == 1
        assert (
            "larger than" in emitter("check", "-", "--server", url, stdin=b'{"a":"' + b"x" * 1_048_576 + b'"}').stdout
        )


def test_what_a_newer_server_tells_beside_is_left_aside(
    emitter: CommandLine, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Finding.to_json
    monkeypatch.setattr(Finding, "to_json", lambda each: {**told(each), "severity": 3, "value": None})
    with served(simulator) as url:
        result = emitter("check", "-", "--server", url, stdin='{"type": "x", "timestamp": "2030-01-01T00:00:00Z"}')

    assert result.exit_code == 1 and "data is missing" in result.stdout, result.output


# --- much of it -------------------------------------------------------------------------------------------------------


@pytest.mark.acceptance
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a process is read from /proc")
@pytest.mark.parametrize(("form", "most"), [("body", 10.0), ("recorder", 20.0)])
def test_a_hundred_thousand_events_are_checked_in_seconds_and_flat_memory(
    emitter: CommandLine, form: str, most: float
) -> None:
    """The whole command, by the processor's time: others may be at work here. Twice as many take no more memory."""
    examples = [json.dumps(kind.example, separators=(",", ":")).encode() for kind in Catalog.load()]
    lines = [body if form == "body" else forms(body, _signed(body))["recorder"] for body in examples]
    captures = b"\n".join(lines) + b"\n"
    # The most memory by VmHWM: what getrusage tells begins with that of whoever started the process.
    program = (
        "import re, sys, time\nfrom emitter.cli import cli\ntry:\n    cli.main(sys.argv[1:])\nfinally:\n"
        "    peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]\n"
        "    print(time.process_time(), peak, file=sys.stderr)\n"
    )
    peaks = []
    for times in (8_334, 16_668):
        _save(emitter, {"many.jsonl": captures * times})

        ran = subprocess.run(
            [sys.executable, "-c", program, "check", "many.jsonl"],
            cwd=emitter.folder, env=environment(), capture_output=True, text=True,
        )  # fmt: skip

        assert ran.returncode == 0, ran.stderr
        assert f"{12 * times:,} events: {12 * times:,} valid, 0 invalid; 0 with warnings." in ran.stdout
        seconds, kilobytes = ran.stderr.split()[-2:]
        assert float(seconds) < most * times / 8_334
        peaks.append(int(kilobytes))
    assert peaks[1] < peaks[0] * 1.1
