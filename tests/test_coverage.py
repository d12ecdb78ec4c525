"""What a receiver has seen of the contract: counted from the history and from captures, the same through every door."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from emitter.assumptions import Assumptions
from emitter.captures import Captured
from emitter.catalog import Catalog
from emitter.client import Client
from emitter.coverage import Coverage, Seeing
from emitter.coverage.goals import goals_of, members_of, words_of
from emitter.coverage.html import as_html
from emitter.errors import UsageError
from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET
from tests.support_cli import command_line, served

CATALOG = Catalog.load()
REVOKED = CATALOG.resolve("revoked")


def count_of(coverage: Coverage, dimension: str, row: str, goal: str = "seen") -> int:
    [found] = [
        each.count for one in coverage.dimensions if one.name == dimension for row_ in one.rows if row_.name == row
        for each in row_.goals if each.name == goal
    ]  # fmt: skip
    return found


def of(*bodies: Any, catalog: Catalog = CATALOG, extended: bool = False, headers: Any = ()) -> Coverage:
    seeing = Seeing(catalog, Assumptions(), extended=extended)
    for body in bodies:
        seeing.of_capture(Captured(json.dumps(body).encode(), headers))
    return seeing.coverage()


def test_every_type_and_member_of_the_catalogue_is_a_goal_and_so_is_that_an_optional_one_is_not_there() -> None:
    keys = goals_of(CATALOG)

    assert {row for dimension, row, _ in keys if dimension == "event types"} == set(CATALOG.names)
    optional = ("members", f"{REVOKED.name} /data/actionLink")
    assert {goal for *place, goal in keys if tuple(place) == optional} == {"present", "absent"}
    documented = ("members", "marketplace.data_product.data_sources.updated /data/actionLink")
    assert {goal for *place, goal in keys if tuple(place) == documented} == {"present"}
    assert not any("xSimulator" in row for _, row, _ in keys)
    assert any("xSimulator" in row for _, row, _ in goals_of(CATALOG, extended=True))


def test_what_one_event_shows_is_counted() -> None:
    body = {**REVOKED.example, "data": {"dataProductId": "12345", "dataProductName": "x"}}

    found = of(REVOKED.example, body)

    assert count_of(found, "event types", REVOKED.name) == 2
    assert count_of(found, "members", f"{REVOKED.name} /data/actionLink", "present") == 1
    assert count_of(found, "members", f"{REVOKED.name} /data/actionLink", "absent") == 1
    assert count_of(found, "assumptions", "ids.data_product", "uuid") == 1
    assert count_of(found, "assumptions", "ids.data_product", "number") == 1
    assert count_of(found, "assumptions", "payload.timestamp_digits", "9") == 2
    assert count_of(found, "assumptions", "signing.mode", "off") == 0  # no headers: nobody knows


def test_words_are_counted_where_the_schema_lists_them() -> None:
    kind = CATALOG.resolve("request-created")
    data = {**kind.example["data"], "xSimulator": {"accessRequest": {"status": "PENDING", "type": "DATA_ACCESS"}}}

    found = of({**kind.example, "data": data}, extended=True)

    pointer = "/data/xSimulator/accessRequest/status"
    assert words_of(kind, extended=True)[pointer][0] == "APPROVED" and pointer in members_of(kind, extended=True)
    assert count_of(found, "words", f"{kind.name} {pointer}", "PENDING") == 1
    assert count_of(found, "words", f"{kind.name} {pointer}", "DENIED") == 0


@pytest.mark.parametrize(
    ("headers", "mode", "encoding"),
    [
        ([("X-Immuta-Webhook-Signature-SHA256", "ab" * 32)], "sha256", "hex"),
        ([("x-immuta-webhook-signature-sha256", "YWJj" * 10 + "YWI=")], "sha256", "base64"),
        ([("x-immuta-webhook-signature-sha256", "YWJj" * 10 + "YW-")], "sha256", "base64url"),
        ([("x-immuta-webhook-signature-sha256", "ab" * 64)], "sha512", "hex"),
        ([("x-immuta-webhook-signature", "ab" * 20)], "sha1", "hex"),
        ([("x-immuta-webhook-signature", "a" * 40), ("x-immuta-webhook-signature-sha256", "a" * 64)], "both", "hex"),
        ([("webhook-id", "1"), ("webhook-signature", "v1,x")], "standard-webhooks", ""),
        ([("Content-Type", "application/json")], "off", ""),
    ],
    ids=range(8),
)
def test_how_it_was_signed_is_seen_in_the_headers(headers: Any, mode: str, encoding: str) -> None:
    found = of(REVOKED.example, headers=tuple(headers))

    [modes] = [row for one in found.dimensions for row in one.rows if row.name == "signing.mode"]
    assert {goal.name for goal in modes.goals if goal.count} == {mode}
    if encoding:
        assert count_of(found, "assumptions", "signing.encoding", encoding) == 1


@pytest.mark.parametrize("body", [b"", b"[", b"7", b"[]", b"{}", b'{"type":"x"}', b"\xff", b"[" * 1000])
def test_what_is_no_event_counts_as_a_request_and_as_nothing_else(body: bytes) -> None:
    seeing = Seeing(CATALOG, Assumptions())

    seeing.of_capture(Captured(body))

    found = seeing.coverage()
    assert found.deliveries == 1
    assert {row.name for one in found.dimensions for row in one.rows for goal in row.goals if goal.count} <= {
        "delivery.retry"
    }


def test_the_history_tells_faults_answers_and_retries(make_simulator: Any, make_receiver: Any) -> None:
    simulator = make_simulator(assume={"delivery.retry": "1s"}, start=1_893_488_400_000_000_000)
    receiver = make_receiver("500,200,404,302,200")
    for faults in ((), ("unknown-member",), ("unreachable",)):
        simulator.trigger(TriggerSpec(type="revoked", to=receiver.url, signing_key=SECRET, faults=faults))
        simulator.settle()
    simulator.advance(timedelta(seconds=5))
    found = Coverage.of_json(simulator.coverage(AttemptQuery()))

    assert count_of(found, "faults", "unknown-member") and count_of(found, "faults", "unreachable")
    assert count_of(found, "answers", "5xx") and count_of(found, "answers", "no answer")
    assert count_of(found, "assumptions", "delivery.retry", "again")
    assert count_of(found, "assumptions", "signing.mode", "sha256")
    some = Coverage.of_json(simulator.coverage(AttemptQuery(status=("500",))))
    assert some.deliveries == 1 and count_of(some, "answers", "2xx") == 0


def test_a_client_is_told_what_the_simulator_tells(make_simulator: Any, make_receiver: Any) -> None:
    simulator = make_simulator()
    [event] = simulator.trigger(TriggerSpec(type="revoked", to=make_receiver().url, signing_key=SECRET))
    simulator.deliveries([event["deliveries"][0]["id"]], wait=10.0)
    query = AttemptQuery.parse([("type", "revoked"), ("outcome", "accepted")])

    with served(simulator) as url, Client(url) as client:
        assert client.coverage(query) == simulator.coverage(query)
        assert client.coverage(query, extended=True) == simulator.coverage(query, extended=True)
        assert client.facts() == simulator.facts()
        page = requests.get(f"{url}/assumptions", timeout=10).text

    known = simulator.facts()
    assert f"{known['total']} facts: {known['documented']} documented" in page
    assert sum(count for mark, count in known.items() if mark != "total") == known["total"]


def test_what_was_seen_elsewhere_is_added() -> None:
    one, other = of(REVOKED.example), of(CATALOG.resolve("canceled").example, REVOKED.example)

    both = one.with_more(Coverage.of_json(json.loads(json.dumps(other.to_json()))))

    assert both.deliveries == 3 and both.goals == one.goals
    assert count_of(both, "event types", REVOKED.name) == 2
    assert both.covered > one.covered
    for wrong in ({}, {"dimensions": 3}, {"dimensions": [{}], "deliveries": 1}):
        with pytest.raises(UsageError, match="no coverage"):
            Coverage.of_json(wrong)


def test_all_of_a_type_is_less_than_all_and_nothing_is_nothing() -> None:
    assert of().percent == 0.0
    assert 0 < of(REVOKED.example).percent < 100


def test_the_page_needs_nothing_else_and_nothing_in_it_acts(tmp_path: Path) -> None:
    evil = '<script>alert(1)</script>"\u202e'
    (tmp_path / "evil.json").write_text(
        json.dumps({
            "$ref": "envelope.json",
            "properties": {
                "type": {"const": "evil.<script>"},
                "data": {"properties": {evil: {"enum": [evil, "b"]}}},
            },
        })
    )  # fmt: skip
    page = as_html(of(REVOKED.example, catalog=Catalog.load(tmp_path)), title=evil).decode()

    assert "<script" not in page and "\u202e" not in page and "default-src &#39;none&#39;" in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "prefers-color-scheme: dark" in page and "access_requests.revoked" in page


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    lines = "".join(f"{json.dumps(kind.example)}\n" for kind in CATALOG)
    (tmp_path / "captures.jsonl").write_text(lines)
    return command_line(tmp_path, monkeypatch)


def test_the_command_tells_what_is_missing_and_fails_below_a_bound(emitter: Any) -> None:
    told = emitter.ok("contract", "coverage", "captures.jsonl", "--html", "map.html")

    assert re.search(r"event types\s+12 of 12\s+100 %", told) and "Never seen of faults: delay" in told
    assert "12 of 12" in (emitter.folder / "map.html").read_text()
    assert emitter("contract", "coverage", "captures.jsonl", "--fail-under", 90).exit_code == 1
    assert emitter("contract", "coverage", "captures.jsonl", "--fail-under", 10).exit_code == 0
    shown = json.loads(emitter.ok("contract", "coverage", "captures.jsonl", "--format", "json"))
    assert shown["deliveries"] == 12
    assert "/data/actionLink  present 1  absent 0" in emitter.ok("contract", "coverage", "captures.jsonl", "--all")


def test_the_command_counts_the_history_and_both(emitter: Any, make_receiver: Any) -> None:
    emitter.ok("trigger", "revoked", "--to", make_receiver(keys=()).url)

    alone = json.loads(emitter.ok("contract", "coverage", "--type", "revoked", "--format", "json"))
    both = json.loads(emitter.ok("contract", "coverage", "captures.jsonl", "--history", "--format", "json"))

    assert (alone["deliveries"], both["deliveries"]) == (1, 13)
    assert both["covered"] > alone["covered"]
    for option, value in (("--type", "revoked"), ("--verdict", "valid")):
        wrong = emitter("contract", "coverage", "captures.jsonl", option, value)
        assert wrong.exit_code == 2 and option in wrong.output and "--history" in wrong.output
