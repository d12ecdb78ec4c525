"""`emitter events`, `sign`, `verify` and `assumptions`: what is known, and holding things against it."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from emitter.assumptions import Assumptions, register
from emitter.catalog import Catalog, resource_directory
from emitter.simulator import Simulator
from tests.support_cli import CommandLine, command_line, served

BODY = b'{"timestamp":"2030-01-31T09:00:00Z","data":{},"type":"x.y"}'
HEADER = "x-immuta-webhook-signature-sha256"


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


def _example(name: str) -> str:
    return json.dumps(Catalog.load().resolve(name).example)


# --- events -----------------------------------------------------------------------------------------------------------


def test_every_type_is_listed_with_alias_and_trigger(emitter: CommandLine) -> None:
    text = emitter.ok("events")

    for kind in Catalog.load():
        assert kind.alias in text and kind.name.removeprefix("marketplace.data_product.") in text
        assert kind.trigger in text


def test_the_list_shows_a_name_in_full(emitter: CommandLine) -> None:
    result = emitter("events")

    assert result.stderr.endswith("In full: marketplace.data_product.access_requests.created\n")
    assert emitter("events", "--format", "jsonl").stderr == ""


def test_a_type_is_shown_with_the_provenance_of_each_member(emitter: CommandLine) -> None:
    text = emitter.ok("events", "show", "sources-updated")

    assert "alias            sources-updated" in text
    assert '"dataProductId": "' in text
    assert ["/data/actionLink", "documented"] in [line.split() for line in text.splitlines()]
    assert '"x-alias": "sources-updated"' in text


def test_a_schema_of_ones_own_is_a_type_everywhere(emitter: CommandLine) -> None:
    own = json.loads((resource_directory("schemas") / "marketplace.data_product.state.created.json").read_text())
    own["properties"]["type"]["const"] = "marketplace.data_product.state.archived"
    own["x-alias"], own["x-order"] = "product-archived", 99
    own["examples"] = []
    (emitter.folder / "mine").mkdir()
    (emitter.folder / "mine" / "archived.json").write_text(json.dumps(own))

    assert "product-archived" in emitter.ok("events", "--schemas", "mine")
    assert "state.archived" in emitter.ok("events", "show", "archived", "--schemas", "mine")
    body = emitter.ok("trigger", "product-archived", "--dry-run", "--schemas", "mine")
    assert emitter.ok("check", "-", "--schemas", "mine", stdin=body).startswith("valid")


def test_through_a_server_the_catalogue_is_the_same(emitter: CommandLine, simulator: Simulator) -> None:
    with served(simulator) as url:
        for args in (("events",), ("events", "show", "revoked"), ("assumptions",)):
            assert emitter.ok(*args) == emitter.ok(*args, "--server", url)


# --- sign and verify --------------------------------------------------------------------------------------------------


def test_a_signature_is_the_hmac_of_exactly_the_bytes(emitter: CommandLine) -> None:
    result = emitter("sign", "-", stdin=BODY, EMITTER_SECRET="key")

    assert result.exit_code == 0
    assert result.stdout == f"{HEADER}: {hmac.new(b'key', BODY, hashlib.sha256).hexdigest()}\n"
    assert "assumed, U1" in result.stderr


def test_an_explanation_shows_the_bytes_that_are_signed(emitter: CommandLine) -> None:
    text = emitter.ok("sign", "-", "--explain", stdin=BODY + b"\n", EMITTER_SECRET="key")

    assert BODY.decode() + "\\n" in text
    assert "HMAC-SHA256" in text and "key" not in text.replace("the key", "").replace("that key", "")


def test_a_newline_at_the_end_is_said(emitter: CommandLine) -> None:
    assert "ends with a newline" in emitter("sign", "-", stdin=BODY + b"\n", EMITTER_SECRET="k").stderr
    assert "newline" not in emitter("sign", "-", stdin=BODY, EMITTER_SECRET="k").stderr


def test_what_was_signed_is_verified(emitter: CommandLine) -> None:
    for mode in ("sha256", "both", "sha1", "standard-webhooks"):
        how = ("--assume", f"signing.mode={mode}", "--secret", "key")
        found = json.loads(emitter.ok("sign", "-", "--format", "json", *how, stdin=BODY))
        headers = [part for pair in found["headers"] for part in ("-H", ": ".join(pair))]

        assert emitter.ok("verify", "-", *headers, *how, stdin=BODY).startswith("signature ok")
        broken = emitter("verify", "-", *headers, *how, stdin=BODY.replace(b"09:00", b"09:01"))
        assert broken.exit_code == 1
        assert broken.stdout.startswith("signature refused")


def test_a_signature_that_fails_says_why_it_probably_does(emitter: CommandLine) -> None:
    header = emitter.ok("sign", "-", stdin=BODY, EMITTER_SECRET="key").strip()

    result = emitter("verify", "-", "-H", header, stdin=BODY + b"\n", EMITTER_SECRET="key")

    assert result.exit_code == 1
    assert "newline" in result.stdout or "line break" in result.stdout
    assert "assumed, U1" in result.stdout


def test_one_of_several_keys_is_enough(emitter: CommandLine) -> None:
    header = emitter.ok("sign", "-", "--secret", "new", stdin=BODY).strip()

    found = json.loads(
        emitter.ok("verify", "-", "-H", header, "--secret", "old", "--secret", "new", "--format", "json", stdin=BODY)
    )

    assert found["key"] == 2


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("sign", "-"), "There is no signing key"),
        (("verify", "-", "-H", "a: b"), "There is no signing key"),
        (("verify", "-", "--secret", "k"), "There is no header to verify"),
        (("verify", "-", "--secret", "k", "-H", "nonsense"), "is no header"),
        (("sign", "nowhere", "--secret", "k"), "No such file"),
        (("sign", "-", "--secret", "a\rb"), "line break"),
        (("sign", "-", "--secret", "k", "--assume", "signing.header=a b"), "no name of a header"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_signed_or_verified_is_refused(emitter: CommandLine, args: tuple[str, ...], text: str) -> None:
    result = emitter(*args, stdin=BODY)

    assert result.exit_code == 2
    assert text in result.stderr


# --- assumptions ------------------------------------------------------------------------------------------------------


def test_every_assumption_is_listed_with_its_open_question(emitter: CommandLine) -> None:
    found = json.loads(emitter.ok("assumptions", "--format", "json"))

    assert [each["switch"] for each in found] == [each.switch for each in register(Assumptions())]
    assert "U1 " in emitter.ok("assumptions")


def test_only_those_that_were_changed_are_shown_when_asked(emitter: CommandLine) -> None:
    assert "at its default" in emitter("assumptions", "--changed").stderr

    (line,) = emitter.ok("assumptions", "--changed", "--assume", "delivery.timeout=5s").splitlines()[1:]

    assert line.split()[:4] == ["*", "delivery.timeout", "5s", "10s"]


@pytest.mark.parametrize("given", [["--config", "mine.toml"], ["--force"]])
def test_how_it_is_written_goes_with_write(emitter: CommandLine, given: list[str]) -> None:
    result = emitter("contract", "calibrate", "nowhere.json", *given)

    assert result.exit_code == 2 and "they go with --write" in result.stderr
