"""Schemas from captures: what the samples show is said, on how many of them it stands, and nothing more."""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Iterable
from functools import cache
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import pytest

from emitter.captures import Captured
from emitter.catalog import Catalog
from emitter.cli.contract_learn import MOST_RETOLD, _keeping
from emitter.contract.learn import Learned, learn
from emitter.contract.learn_rules import Rule
from emitter.contract.learn_scrub import Scrubber
from emitter.contract.retelling import retell
from emitter.contract.ruling import seen
from emitter.errors import UsageError
from emitter.receiver import Receiver
from emitter.runs import play_apart
from emitter.scenario import read
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.support_cli import command_line

CATALOG = Catalog.load()
UPDATED = "marketplace.data_product.data_sources.updated"
PUBLISHED: dict[str, Any] = {  # the published example, with its placeholders; its name is not in the copy that was read
    "timestamp": "2025-07-22T18:16:14.608998951Z",
    "data": {
        "actionLink": "https://app.immutacloud.com/marketplace/data-product/{Id}/data-sources?accountId={accountId}",
        "dataProductId": "12345",
        "dataProductName": "A data product",
    },
    "type": UPDATED,
}
NEW = "marketplace.asset.suspended"
KEY = b"a key for pseudonyms"


def generated(seed: int, count: int, profile: str = "core") -> list[dict[str, Any]]:
    """Events of all types, in turn."""
    found = []
    with Simulator(Settings(store=None, seed=seed, start=1_893_488_400_123_456_789)) as simulator:
        for number in range(count):
            name = simulator.catalog.names[number % len(simulator.catalog)]
            found.append(json.loads(next(simulator.make(TriggerSpec(type=name, profile=profile))).body))
    return found


def captured(bodies: Iterable[Any]) -> list[Captured]:
    return [Captured(json.dumps(each).encode()) for each in bodies]


def learned_from(bodies: Iterable[Any], **how: Any) -> tuple[Learned, Catalog]:
    learned = learn(captured(bodies), catalog=how.pop("catalog", CATALOG), **how)
    return learned, Catalog.of(learned.documents)


@cache
def of_five_hundred(profile: str) -> tuple[str, Learned, Catalog]:
    return profile, *learned_from(generated(1, 500, profile))


@pytest.fixture(params=["core", "extended"])
def five_hundred(request: Any) -> tuple[str, Learned, Catalog]:
    return of_five_hundred(request.param)


def test_schemas_of_500_events_accept_500_fresh_ones(five_hundred: Any) -> None:
    profile, learned, catalog = five_hundred

    refused = [body for body in generated(2, 500, profile) if catalog.verdict(body)[0] != "valid"]

    assert learned.samples == 500 and not refused


def changed(body: dict[str, Any], path: str, value: Any = ...) -> dict[str, Any]:
    """The body with one member set, or taken away."""
    body = copy.deepcopy(body)
    *steps, last = path.split(".")
    place: Any = body
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return body


MUTATIONS = [
    *[(path, ...) for path in ("timestamp", "data", "type")],
    *[(f"data.{name}", ...) for name in PUBLISHED["data"]],
    *[(path, wrong) for path in ("timestamp", "data.actionLink", "data.dataProductId", "data.dataProductName")
      for wrong in (None, 7, True, [], {}, ["x"])],
    ("data", None), ("data", []), ("data", "x"), ("type", None), ("type", 7),
    ("timestamp", "2025-07-22 18:16:14Z"), ("timestamp", "2025-07-22T18:16:14+02:00"), ("timestamp", "yesterday"),
    ("timestamp", ""), ("timestamp", "2025-13-22T18:16:14Z"), ("data.actionLink", "/data-product/1"),
    ("data.actionLink", "no link"), ("data.dataProductName", ""), ("data.dataProductName", "x" * 256),
    ("data.dataProductName", "a<b>"),
]  # fmt: skip


def test_mutations_of_the_published_example_are_refused(five_hundred: Any) -> None:
    _, _, catalog = five_hundred

    passed = [each for each in MUTATIONS if catalog.verdict(changed(PUBLISHED, *each))[0] != "invalid"]

    assert catalog.verdict(PUBLISHED)[0] == "valid"
    assert len(MUTATIONS) >= 40 and not passed


OF_A_REVOCATION = [
    ("data.dataProductId", "12345"), ("data.dataProductId", ...), ("data.dataProductName", ...),
    ("data.actionLink", ...), ("data.actionLink", None),
]  # fmt: skip


def test_what_the_samples_show_of_other_types_is_a_rule_too(five_hundred: Any) -> None:
    _, _, catalog = five_hundred

    for path, value in OF_A_REVOCATION:
        body = changed(CATALOG.resolve("revoked").example, path, value)
        assert CATALOG.verdict(body)[0] == ("invalid" if value is None else "valid")
        verdict, violations = catalog.verdict(body)
        assert verdict == "invalid" and {each.provenance for each in violations} <= {"observed", "assumed"}, path


def test_each_statement_says_on_how_many_samples_it_stands(five_hundred: Any) -> None:
    _, learned, catalog = five_hundred
    kind = catalog.resolve("revoked")

    member = kind.schema["properties"]["data"]["properties"]["dataProductId"]

    assert member["format"] == "uuid" and member["x-provenance"] == "observed"
    assert member["x-samples"] == {"present": 42, "of": 42, "format": 42}
    assert "42 of 42" in member["x-source"]
    assert kind.provenance["/data/dataProductId"] == "observed" and kind.provenance["/type"] == "documented"


def test_what_is_documented_stays_whatever_the_samples_show(five_hundred: Any) -> None:
    _, learned, _ = five_hundred

    [updated] = [each for each in learned.types if each.name == UPDATED]

    assert any('documented is "12345"' in each for each in updated.yielded)


def statuses(count: int, *words: str, member: str = "status") -> list[dict[str, Any]]:
    base = {"timestamp": "2026-01-01T00:00:00.1Z", "type": NEW}
    return [{**base, "data": {member: words[number % len(words)]}} for number in range(count)]


def member_of(catalog: Catalog, name: str) -> dict[str, Any]:
    found: dict[str, Any] = catalog.resolve(NEW).schema["properties"]["data"]["properties"][name]
    return found


@pytest.mark.parametrize("words", [("OPEN",), ("OPEN", "SHUT", "AJAR")])
def test_three_samples_claim_no_words(words: tuple[str, ...]) -> None:
    _, catalog = learned_from(statuses(3, *words))

    kind = catalog.resolve(NEW)
    assert not {"enum", "const", "format", "type", "required"} & set(member_of(catalog, "status"))
    assert "required" not in kind.schema["properties"]["data"]
    assert catalog.verdict({"timestamp": "2026-01-01T00:00:00Z", "data": {"status": 7}, "type": NEW})[0] == "valid"


@pytest.mark.parametrize(
    ("count", "words", "member", "rule", "said"),
    [
        (20, ("OPEN",), "status", Rule(), {"const": "OPEN"}),
        (19, ("OPEN",), "status", Rule(), {}),
        (20, ("OPEN", "SHUT"), "status", Rule(), {"enum": ["OPEN", "SHUT"]}),
        (20, tuple("ABCDEFG"), "status", Rule(), {}),  # seven words in twenty samples: there may be more
        (60, tuple("ABCDEFGHIJKLM"), "status", Rule(), {}),  # too many for a list
        (40, ("Claims", "Sales"), "dataProductName", Rule(), {}),  # a name is nothing that is listed
        (40, ("ada", "grace"), "requestedBy", Rule(), {}),
        (40, ("we need it", "it's for an audit!"), "status", Rule(), {}),
        (6, ("OPEN", "OPEN"), "status", Rule(5), {"const": "OPEN"}),
        (40, ("OPEN",), "status", Rule(100), {}),
    ],
)
def test_words_are_listed_only_where_the_evidence_carries_it(
    count: int, words: tuple[str, ...], member: str, rule: Rule, said: dict[str, Any]
) -> None:
    _, catalog = learned_from(statuses(count, *words, member=member), rule=rule)

    found = member_of(catalog, member)
    assert {key: value for key, value in found.items() if key in ("enum", "const")} == said


def test_a_word_that_was_seen_twice_is_not_made_a_rule() -> None:
    _, catalog = learned_from([*statuses(58, "OPEN", "SHUT"), *statuses(2, "AJAR")])

    assert "enum" not in member_of(catalog, "status")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, 2, 3] * 3, {"type": "integer"}),
        ([1, 2.5] * 3, {"type": "number"}),
        ([True] * 6, {"type": "boolean"}),
        (["a", None] * 15, {"type": ["null", "string"]}),
        (["a", None] * 5, {}),
        (["2026-01-01T00:00:00Z"] * 6, {"type": "string", "format": "date-time"}),
        (["a@b.example"] * 6, {"type": "string", "format": "email"}),
        (["c" + "k" * 24] * 6, {"type": "string", "pattern": "^c[a-z0-9]{24}$"}),
        (["2026-01-01T00:00:00Z"] * 5 + ["soon"], {"type": "string"}),
    ],
    ids=range(9),
)
def test_types_and_forms(values: list[Any], said: dict[str, Any]) -> None:
    base = {"timestamp": "2026-01-01T00:00:00.1Z", "type": NEW}

    _, catalog = learned_from([{**base, "data": {"when": value}} for value in values])

    found = member_of(catalog, "when")
    assert {key: found[key] for key in ("type", "format", "pattern") if key in found} == said


def test_an_assumption_that_does_not_hold_gives_way() -> None:
    revoked = CATALOG.resolve("revoked").example
    samples = [changed(changed(revoked, "data.actionLink"), "data.dataProductId", number) for number in range(25)]

    learned, catalog = learned_from(samples)

    assert all(catalog.verdict(each)[0] == "valid" for each in samples)
    [told] = learned.types
    assert told.never == ("actionLink",)
    assert any("does not hold" in each.words for each in told.statements)
    kind = catalog.resolve("revoked")
    assert kind.core == ("dataProductId", "dataProductName")
    assert kind.schema["properties"]["data"]["properties"]["dataProductId"]["type"] == "integer"


def test_what_breaks_a_document_teaches_nothing_and_is_told() -> None:
    revoked = CATALOG.resolve("revoked").example

    learned, _ = learned_from([revoked] * 3 + [changed(revoked, "timestamp")] * 2)

    [told] = learned.types
    assert (told.samples, told.refused) == (3, 2) and "timestamp" in told.refused_for


def test_a_type_that_nobody_knew_is_a_thirteenth_that_can_be_made(make_simulator: Any, tmp_path: Path) -> None:
    body = {
        "timestamp": "2026-01-01T00:00:00.1Z",
        "data": {"assetId": "c" + "k" * 24, "rows": 7, "columns": [{"name": "x"}], "dataProductName": "Claims"},
        "type": NEW,
    }
    learned, _ = learned_from([body] * 3)
    for name, document in learned.documents.items():
        (tmp_path / name).write_text(json.dumps(document))

    simulator = make_simulator(schemas=tmp_path)

    assert len(simulator.catalog) == 13
    [event] = simulator.make(TriggerSpec(type="asset.suspended"))
    assert simulator.catalog.verdict(json.loads(event.body))[0] == "valid"
    assert set(json.loads(event.body)["data"]) == set(body["data"])


@pytest.mark.parametrize(
    "bodies",
    [
        [], [[]], [7], ["x"], [{"type": 3}], [{"type": "x" * 999}], [{"type": "a b"}],
        [{"type": "marketplace.webhook.test", "data": {}, "timestamp": "2026-01-01T00:00:00Z"}],
    ],
    ids=range(8),
)  # fmt: skip
def test_nothing_to_learn_from_is_said(bodies: list[Any]) -> None:
    with pytest.raises(UsageError, match="nothing to learn from"):
        learned_from(bodies)


def test_hostile_captures_leave_schemas_that_load() -> None:
    base = {"timestamp": "2026-01-01T00:00:00.1Z"}
    deep: Any = 1
    for _ in range(50):
        deep = {"a": [deep]}
    samples = [
        {**base, "type": "../../etc/passwd", "data": {"$ref": "file:///etc/passwd", "": 1, "a/b~c": 2, "\n": 3}},
        {**base, "type": "envelope", "data": {f"key{number}": number for number in range(2000)}},
        {**base, "type": "con", "data": deep},
        {**base, "type": "\u202e.x", "data": {"const": {"$ref": "#/x"}, "x-from": "nothing"}},
    ]

    learned, catalog = learned_from(samples * 6, keep_samples=True, key=KEY)

    assert all("/" not in name and name[0] not in "./" for name in learned.documents)
    assert catalog.resolve("../../etc/passwd").file == "etc_passwd.json"


# --- people ----------------------------------------------------------------------------------------------------------

ADA = {"globalUserId": "0d9b6f1e-52e4-4a3f-8d20-6a2b9f1c7e44", "name": "Ada Lovelace", "email": "ada@corp.example"}
PEOPLE = {
    "timestamp": "2026-01-01T00:00:00.1Z",
    "type": "marketplace.data_product.access_requests.created",
    "data": {
        "dataProductId": "7b1c0f52-6a0e-4d3b-9a55-2f8f3b1f6c11",
        "dataProductName": "Claims 2025",
        "requestedBy": "alovelace",
        "ownerEmail": "grace@corp.example",
        "reviewers": ["cbabbage", "grace@corp.example"],
        "note": "Ada Lovelace (ada@corp.example) asked; unknown@corp.example was copied",
        "xSimulator": {
            "accessRequest": {"requestingUser": ADA, "user": {**ADA, "username": "alovelace"}, "id": "c" + "k" * 24},
            "approvalRecord": {"approver": {"userId": 4711, "name": "Grace Hopper"}},
        },
    },
}
NAMED = ("Ada", "Lovelace", "ada@", "alovelace", "0d9b6f1e", "grace", "Grace", "Hopper", "cbabbage", "unknown@", "4711")


def test_nobody_is_left_in_the_samples_and_everybody_stays_who_he_is() -> None:
    learned, _ = learned_from([PEOPLE] * 3, keep_samples=True, key=KEY)

    text = json.dumps(learned.documents["marketplace.data_product.access_requests.created.json"])
    assert not [name for name in NAMED if name in text]
    example = json.loads(text)["examples"][0]
    request = example["data"]["xSimulator"]["accessRequest"]
    assert request["requestingUser"] == {key: request["user"][key] for key in ADA}
    assert request["user"]["name"] in example["data"]["note"] and request["user"]["email"] in example["data"]["note"]
    assert request["user"]["username"] == example["data"]["requestedBy"]
    assert example["data"]["reviewers"][1] == example["data"]["ownerEmail"]
    assert example["data"]["dataProductName"] == "Claims 2025" and request["id"] == "c" + "k" * 24
    assert len(request["user"]["globalUserId"]) == 36
    assert isinstance(example["data"]["xSimulator"]["approvalRecord"]["approver"]["userId"], int)


def test_pseudonyms_depend_on_the_key_and_on_nothing_else() -> None:
    def scrubbed(key: bytes) -> Any:
        scrubber = Scrubber(key)
        scrubber.look([PEOPLE])
        return scrubber.scrubbed(PEOPLE)

    assert scrubbed(KEY) == scrubbed(KEY)
    assert scrubbed(KEY)["data"]["ownerEmail"] != scrubbed(b"another key")["data"]["ownerEmail"]
    assert KEY.decode() not in repr(Scrubber(KEY))


def test_without_samples_nothing_that_was_captured_is_kept() -> None:
    learned, _ = learned_from([{**PEOPLE, "type": NEW}] * 30)

    text = json.dumps(learned.documents)
    assert not [name for name in (*NAMED, "7b1c0f52-6a0e-4d3b-9a55-2f8f3b1f6c11") if name in text.replace(
        json.dumps(CATALOG.resolve("request-created").documents), "")
        and name not in json.dumps(list(CATALOG.resolve("request-created").documents.values()))]  # fmt: skip


def test_a_made_up_example_keeps_times_and_no_text_that_only_begins_with_one() -> None:
    data = {"day": "2026-01-01", "at": "2026-01-01T10:00:00.5+01:00", "log": "2026-01-01 the claims of policy 77"}

    _, catalog = learned_from([{"timestamp": "2026-01-01T00:00:00.1Z", "data": data, "type": NEW}] * 3)

    assert catalog.resolve(NEW).example["data"] == {**data, "log": "Example"}


# --- as a scenario ---------------------------------------------------------------------------------------------------


def test_captures_told_again_are_the_same_types_in_order_for_the_same_products_at_the_same_times() -> None:
    bodies = generated(5, 30)
    for number, body in enumerate(bodies):
        body["timestamp"] = f"2026-03-{1 + number // 10:02}T10:{number:02}:00.250000{number:03}Z"
    bodies[3]["data"]["dataProductName"] = "A (strange) - name \\ / \u00e9\u4e16 \u2028_"
    told = retell((seen(each, CATALOG) for each in captured(bodies)), catalog=CATALOG, key=KEY)

    story = read(told.text, name="again", catalog=CATALOG)
    with Receiver(keys=[]) as receiver:
        report = play_apart(story, settings=Settings(store=None), store=None, to=receiver.url)
        again = [json.loads(each.body) for each in receiver.captures]

    assert report.status == "passed", report.error
    assert [each["type"] for each in again] == [each["type"] for each in bodies]
    assert [each["data"].get("dataProductName") for each in again] == [
        each["data"].get("dataProductName") for each in bodies
    ]
    groups = [[each["data"]["dataProductId"] for each in those] for those in (bodies, again)]
    assert [groups[0].index(each) for each in groups[0]] == [groups[1].index(each) for each in groups[1]]
    assert not set(groups[0]) & set(groups[1])
    assert [each["timestamp"][:23] for each in again] == [each["timestamp"][:23] for each in bodies]
    assert not [id for id in groups[0] if id in told.text]


def test_a_story_of_many_events_still_loads() -> None:
    bodies = generated(6, 12) * 125

    told = retell((seen(each, CATALOG) for each in captured(bodies)), catalog=CATALOG, key=KEY)

    assert len(read(told.text, name="long", catalog=CATALOG).steps) >= 1500
    with pytest.raises(UsageError, match="1,500 events at most"):
        retell((seen(each, CATALOG) for each in captured([*bodies, bodies[0]])), catalog=CATALOG, key=KEY)


def test_captures_are_kept_for_a_story_within_bounds() -> None:
    few: list[Captured] = []
    deque(islice(_keeping(repeat(Captured(b"{}")), few), MOST_RETOLD + 1), maxlen=0)

    assert len(few) == MOST_RETOLD
    with pytest.raises(UsageError, match="64 MiB of captures at most"):
        deque(_keeping(repeat(Captured(b" " * 4_000_000)), []), maxlen=0)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    lines = "".join(f"{json.dumps(each)}\n" for each in [*generated(8, 60), PEOPLE])
    (tmp_path / "captures.jsonl").write_text(f"{lines}not json\n")
    return command_line(tmp_path, monkeypatch)


def test_what_is_learned_is_a_directory_for_schemas(emitter: Any) -> None:
    ran = emitter(
        "contract", "learn", "captures.jsonl", "--out", "learned", "--evidence", 4, "--scenario", "story.yaml"
    )

    assert ran.exit_code == 0, ran.output
    assert "always there" in ran.stdout and "Left out: captures.jsonl:62" in ran.stderr
    assert len(list((emitter.folder / "learned").glob("*.json"))) == 13
    assert "captures.jsonl:61" in emitter("check", "captures.jsonl", "--schemas", "learned").stdout
    emitter.ok("scenarios", "check", "story.yaml")
    again = emitter("contract", "learn", "captures.jsonl", "--out", "learned")
    assert again.exit_code == 2 and "--force" in again.stderr


def test_what_a_scenario_leaves_out_is_told(emitter: Any) -> None:
    test = {"timestamp": "2026-01-01T00:00:00Z", "data": {}, "type": "marketplace.webhook.test"}
    lines = [json.dumps(each) for each in (CATALOG.resolve("revoked").example, test, test)]
    (emitter.folder / "few.jsonl").write_text("\n".join(lines))

    said = emitter("contract", "learn", "few.jsonl", "--scenario", "few.yaml").output

    assert "1 event of 1 product; left out: 2 captures without an event of a known type." in said


def test_it_only_tells_where_nothing_is_to_be_written(emitter: Any) -> None:
    told = json.loads(emitter.ok("contract", "learn", "captures.jsonl", "--format", "json"))

    assert told["samples"] == 61 and {each["known"] for each in told["types"]} == {True}
    assert sorted(each.name for each in emitter.folder.iterdir()) == ["captures.jsonl"]


@pytest.mark.parametrize("args", [("nowhere.jsonl",), ("captures.jsonl", "--key-file", "nokey"), ()], ids=str)
def test_a_mistake_is_told(emitter: Any, args: tuple[str, ...]) -> None:
    ran = emitter("contract", "learn", *args)

    assert ran.exit_code == 2 and "Traceback" not in ran.output


def test_what_was_learned_is_the_beginning_of_what_is_learned_next() -> None:
    bodies = generated(3, 120)
    _, first = learned_from(bodies, rule=Rule(5))

    again, second = learned_from(bodies, catalog=first, rule=Rule(5))

    assert not any(each.statements for each in again.types)
    for kind in second:
        assert kind.schema == first.resolve(kind.name).schema


def test_keys_and_words_that_name_somebody_are_no_part_of_the_contract() -> None:
    body = {
        "timestamp": "2026-01-01T00:00:00.1Z",
        "data": {
            "approvals": {"alovelace": True, "ada@corp.example": True, "c" + "k" * 24: True, "needed": True},
            "user": {"username": "alovelace"},
            "state": "alovelace",
        },
        "type": NEW,
    }

    learned, catalog = learned_from([body] * 30)

    text = json.dumps(learned.documents)
    assert not [name for name in ("alovelace", "ada@corp.example", "c" + "k" * 24) if name in text]
    assert "needed" in member_of(catalog, "approvals")["properties"] and catalog.verdict(body)[0] == "valid"
