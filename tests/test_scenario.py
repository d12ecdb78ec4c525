"""The language: what a file becomes, what is refused and where, and that nothing in a file does any harm."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from emitter.catalog import Catalog
from emitter.errors import NotFound, ScenarioError
from emitter.faults import FAULTS, FaultSpec
from emitter.scenario import Scenario, every_step, find, library, load, nodes, read, schema, types_of
from emitter.scenario.steps import (
    Act,
    Advance,
    ChangeWebhook,
    Choose,
    Condition,
    ContractExpected,
    Count,
    DeliveriesExpected,
    EventsExpected,
    Expect,
    Name,
    Option,
    Parallel,
    Repeat,
    SignaturesExpected,
    StateExpected,
    SystemExpected,
    Template,
    Trigger,
    Wait,
)  # fmt: skip
from emitter.scenario.vocabulary import STEPS
from emitter.world import ACTIONS
from tests.support_cli import CommandLine, command_line

HERE = Path(__file__).parent
WRONG = HERE / "scenarios_wrong"
WHOLE = HERE / "scenario_whole.yaml"
CATALOG = Catalog.load()
EVENTS = "marketplace.data_product."
DAY = timedelta(days=1)
CAST = """
cast:
  users:
    ada: {name: Ada Lovelace}
    grace: {name: Grace Hopper}
  products:
    claims: {name: Claims 2025}
"""


def wrong_files() -> dict[str, list[str]]:
    """What is to be said of each wrong file, line by line, as `expected.txt` has it."""
    found: dict[str, list[str]] = {}
    for line in (WRONG / "expected.txt").read_text(encoding="utf-8").splitlines():
        found.setdefault(line.partition(":")[0], []).append(line)
    return found


def of(text: str, **more: Any) -> Scenario:
    return read(text, name="story.yaml", catalog=CATALOG, **more)


def refusal(text: str, **more: Any) -> str:
    with pytest.raises(ScenarioError) as caught:
        of(text, **more)
    return str(caught.value)


# What a file becomes


def test_one_of_everything_becomes_the_values_that_are_played():
    found = load(WHOLE, catalog=CATALOG)

    assert (found.name, found.seed, found.start) == ("scenario_whole", 7, 1896166800 * 10**9)
    assert found.variables == {"days": 30}
    assert found.settings == {"delivery.retry": "5s,5m"}
    assert found.needs == ("signing-key",)
    assert found.text == WHOLE.read_text(encoding="utf-8")
    assert found.cast == (
        Act(line=12, action="add_user", parameters={"name": "Ada Lovelace"}, name="ada"),
        Act(line=13, action="add_user", parameters={"name": "Grace Hopper", "manages": ["Finance"]}, name="grace"),
        Act(line=17, action="publish", name="claims",
            parameters={"name": "Claims 2025", "domains": ["Finance"], "stewards": ["grace"]}),
    )  # fmt: skip
    assert found.steps[:5] == (
        Act(line=19, action="request", parameters={"product": "claims", "user": "ada"}, name="wish"),
        Advance(line=23, by=2 * DAY),
        Advance(line=24, to=1896426000 * 10**9),
        Act(line=25, action="approve",
            parameters={"request": "wish", "by": "grace", "duration": Template((Name(("days",), 28), "d"))},
            faults=(FaultSpec("duplicate"), FaultSpec("delay", (("by", "5m"),)), FaultSpec("wrong-key", chance=0.3))),
        Trigger(line=30, type=f"{EVENTS}access_requests.revoked", product="claims",
                set={"data.dataProductName": "X"}, unset=("data.actionLink",), count=3, profile="extended",
                allow_invalid=True),
    )  # fmt: skip
    assert found.steps[5:9] == (
        Wait(line=37, pause=timedelta(milliseconds=500)),
        Wait(line=38, until=(DeliveriesExpected(line=38, states={"accepted": Count(3)}),)),
        Repeat(line=39, times=3, every=DAY, steps=(
            Act(line=42, action="add_user", parameters={"name": Template(("User ", Name(("round",), 43)))}),
        )),
        Repeat(line=44, times=2, values=("ada", "grace"), name="who", steps=(
            Act(line=46, action="request", name="w2",
                parameters={"product": "claims", "user": Template((Name(("who",), 48),))}),
            Act(line=50, action="cancel", parameters={"request": "w2"}),
        )),
    )  # fmt: skip
    assert found.steps[9:13] == (
        Repeat(line=52, times=1000, over=DAY, overlap=True, steps=(Advance(line=55, by=DAY),)),
        Parallel(line=56, branches=((Advance(line=57, by=DAY),), (Advance(line=58, by=DAY),))),
        Choose(line=59, options=(
            Option(weight=60.0, line=60,
                   steps=(Act(line=60, action="deny", parameters={"request": "wish"}, name="x"),)),
            Option(weight=40.0, line=61,
                   steps=(Act(line=61, action="approve", parameters={"request": "wish"}, name="x"),)),
        )),
        ChangeWebhook(line=62, change="pause"),
    )  # fmt: skip


def test_every_expectation_becomes_the_value_that_is_judged():
    found = load(WHOLE, catalog=CATALOG)

    pending, expired = f"{EVENTS}access_requests.pending", f"{EVENTS}access_requests.expired"
    published, created = f"{EVENTS}state.created", f"{EVENTS}access_requests.created"
    first, second, third = found.steps[13:]
    assert isinstance(first, Expect)
    assert (first.line, first.within, first.name) == (63, timedelta(seconds=5), "approved")
    assert first.expectations == (
        EventsExpected(line=64, order=(published, created, f"{EVENTS}access_requests.consumer.updated")),
        DeliveriesExpected(line=65, states={"accepted": Count(12, 12), "rejected": Count(0, 0)},
                           statuses={"401": Count(1, 1), "none": Count(0, 0)}, attempts=Count(14, 14),
                           total=Count(12, 12), slowest=timedelta(milliseconds=500), types=("access_requests.*",)),
        SignaturesExpected(line=66, all_valid=True),
        ContractExpected(line=67, all_valid=True),
        StateExpected(line=69, name="wish", members={"status": Condition("is", "APPROVED")}),
        StateExpected(line=70, name="claims", members={
            "suspended": Condition("is", False), "stats.pendingRequestCount": Condition("at_least", 1),
        }),
        StateExpected(line=70, name="claims", members={"stats.pendingRequestCount": Condition("at_most", 3)}),
        SystemExpected(line=71, url=Template(("http://127.0.0.1:3000/state/", Name(("claims", "id"), 72))),
                       headers={"Authorization": "Bearer x"}, status=Count(200, 200),
                       where={"$.status": Condition("is", "approved"), "$.items[*].id": Condition("contains", "x")}),
    )  # fmt: skip
    assert second == Expect(
        line=78, expectations=(EventsExpected(line=79, counts={pending: Count(3, 3), expired: Count(1, 2)}),)
    )
    assert third == Expect(
        line=80,
        expectations=(
            EventsExpected(line=81, since="approved", order=(published,), counts={pending: Count(2)},
                           total=Count(4, 4), about="wish"),
        ),
    )  # fmt: skip


def test_every_word_of_the_language_stands_in_the_file_that_has_one_of_everything():
    kinds = {type(each).__name__ for each in every_step(load(WHOLE, catalog=CATALOG).steps)}

    assert len(kinds) == len(STEPS)


def test_a_dash_and_a_low_line_are_the_same_in_keys_actions_and_types():
    text = "steps:\n  - act: add-data-source\n    name: x.y\n  - trigger: access_revoked\n    allow-invalid: true\n"

    act, trigger = of(text).steps

    assert act == Act(line=2, action="add_data_source", parameters={"name": "x.y"})
    assert trigger == Trigger(line=4, type=f"{EVENTS}access_requests.revoked", allow_invalid=True)


def test_only_true_false_null_and_numbers_are_anything_but_text():
    written = "[true, null, 12, 1.5, 2030-01-01, yes it is, 'no', '012', 12a, 1e3]"
    text = f"steps:\n  - trigger: access-revoked\n    set: {{data.x: {written}}}\n"

    (trigger,) = of(text).steps

    read_as = [True, None, 12, 1.5, "2030-01-01", "yes it is", "no", "012", "12a", 1000.0]
    assert isinstance(trigger, Trigger) and trigger.set == {"data.x": read_as}


def test_settings_are_texts_whatever_they_look_like():
    found = of("settings:\n  signing.mode: off\n  events.pending_time: 14:00\nsteps:\n  - advance: 1d\n")

    assert found.settings == {"signing.mode": "off", "events.pending_time": "14:00"}


def test_two_characters_that_begin_a_name_can_be_written():
    (act,) = of("steps:\n  - act: add_user\n    name: costs $${5}\n").steps

    assert isinstance(act, Act) and act.parameters == {"name": "costs ${5}"}


# Names


def test_a_variable_from_outside_is_in_place_before_anything_is_checked():
    text = f"variables: {{days: 30, sure: false}}\n{CAST}steps:\n  - advance: ${{days}}d\n  - advance: 1d\n"

    assert of(text, variables={"days": "3", "sure": "true"}).variables == {"days": 3, "sure": True}
    assert "story.yaml:10: " in refusal(text, variables={"days": "many"})
    assert 'story.yaml:1: no variable "dais". Did you mean "days"?' == refusal(text, variables={"dais": "3"})


def test_a_variable_may_hold_the_beginning_of_an_address():
    text = f"variables: {{there: 'http://127.0.0.1:3000'}}\n{CAST}steps:\n"
    text += "  - expect:\n      system: {get: '${there}/tickets?product=${claims.id}'}\n"

    [step] = of(text).steps[-1:]

    assert str(step.expectations[0].url) == "${there}/tickets?product=${claims.id}"
    assert '"file://x?product=x" is no URL' in refusal(text.replace("/tickets", ""), variables={"there": "file://x"})


def test_variables_stand_where_a_number_or_a_list_is_needed():
    text = """
variables: {n: 3, people: [Ann, Bob], late: {by: 7m}}
steps:
  - repeat: ${n}
    steps: [{trigger: access-revoked, faults: [{delay: "${late.by}"}]}]
  - repeat: {for: "${people}", as: who}
    steps: [{act: add_user, name: "${who}"}]
  - expect:
      events: {access-revoked: "${n}"}
"""

    first, second, third = of(text).steps

    assert isinstance(first, Repeat) and first.times == Template((Name(("n",), 4),))
    assert first.steps[0].faults == (FaultSpec.parse({"delay": "7m"}),)
    assert isinstance(second, Repeat) and second.values == ("Ann", "Bob")
    assert isinstance(third, Expect) and third.expectations == (
        EventsExpected(line=9, counts={f"{EVENTS}access_requests.revoked": Count(3, 3)}),
    )


def test_a_name_that_every_option_makes_is_known_behind_them():
    option = "steps: [{act: request, product: claims, as: wish}]"
    text = (
        f"{CAST}steps:\n  - choose:\n      - {{{option}}}\n      - {{{option}}}\n  - act: approve\n    request: wish\n"
    )

    assert len(of(text).steps) == 2


def test_what_is_made_in_a_round_is_known_in_that_round_only():
    rounds = f"{CAST}steps:\n  - repeat: 2\n    steps:\n      - {{act: request, product: claims, as: wish}}\n"
    rounds += "      - {act: cancel, request: wish}\n"

    assert len(of(rounds).steps) == 1
    assert 'story.yaml:13: "wish" is made on line 11, in a branch or round' in refusal(
        rounds + "  - {act: cancel, request: wish}\n"
    )


def test_ids_names_of_the_app_and_what_every_world_starts_with_need_no_cast():
    text = f"""{CAST}
steps:
  - act: request
    product: 3f2b8c1e-0000-4000-8000-000000000000
    user: Ada Lovelace
  - act: approve
    request: cabcdefghijklmnopqrstuvwx
    by: ada.lovelace
  - act: publish
    domains: [Supply Chain]
    data_sources: [sales.customers, 103]
    stewards: [GOVERNANCE, grace]
  - act: request_masking_exception
    product: claims
    columns: [sales.customers/email]
"""

    assert len(of(text).steps) == 4


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{act: request, product: claims, user: claims}",
         '"claims" is a data product (line 7), and this has to be a user.'),
        ("{act: request, product: '${ada}'}", "${ada} is a user, and this has to be a data product."),
        ("{act: publish, data_sources: [sales.customer]}",
         'no data source "sales.customer". Did you mean "sales.customers"?'),
        ("{act: publish, stewards: [grce]}", 'no user "grce". Did you mean "grace"?'),
        ("{act: publish, review: [{any: [{type: USER, id: grce}]}]}", 'no user "grce". Did you mean "grace"?'),
        ("{act: request_masking_exception, product: claims, columns: [sales.custmers/email]}",
         'no data source "sales.custmers". Did you mean "sales.customers"?'),
        ("{repeat: {for: [ada, grce], as: who}, steps: [{act: request, product: claims, user: '${who}'}]}",
         'no user "grce". Did you mean "grace"?'),
        ("{act: add_user, name: '${claims.nme}'}", '${claims.nme}: a data product has no "nme". Did you mean "name"?'),
        ("{trigger: access-revoked, product: ada}", '"ada" is a user; this has to be a data product.'),
        ("{act: request, product: claims, as: ada}", '"ada" is the name of a user already (line 4).'),
        ("{act: request, product: claims, as: round}", '"round" has a meaning of its own; take another name.'),
        ("{repeat: '${claims.name}', steps: [{advance: 1d}]}", "known in the run only."),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_meant_is_refused(step, said):
    assert said in refusal(f"{CAST}steps:\n  - {step}\n")


def test_what_a_mistake_stands_in_the_way_of_is_not_told_again():
    text = f"{CAST}steps:\n  - {{act: reqest, product: claims, as: wish}}\n  - {{act: cancel, request: wish}}\n"

    assert refusal(text) == 'story.yaml:9: no action "reqest". Did you mean "request"?'


# What is refused


@pytest.mark.parametrize("name", sorted(path.name for path in WRONG.glob("*.yaml")))
def test_a_wrong_file_is_refused_with_its_line_and_what_was_meant(name, monkeypatch):
    monkeypatch.chdir(WRONG)
    begun = time.thread_time()

    with pytest.raises(ScenarioError) as caught:
        load(Path(name), catalog=CATALOG)

    assert str(caught.value).splitlines() == wrong_files()[name]
    assert time.thread_time() - begun < 1


def test_all_mistakes_of_a_file_are_told_at_once_and_no_more_than_can_be_read():
    text = "steps:\n" + "".join(f"  - advnace: {number}d\n" for number in range(1000))

    lines = refusal(text).splitlines()

    assert lines[:2] == [f'story.yaml:{line}: no step "advnace". Did you mean "advance"?' for line in (2, 3)]
    assert lines[-1] == "story.yaml: and more."
    assert len(lines) == 21


def test_a_file_without_libyaml_is_read_and_refused_alike(monkeypatch):
    fast = load(WHOLE, catalog=CATALOG)

    monkeypatch.setattr(nodes, "_LOADER", yaml.SafeLoader)

    assert load(WHOLE, catalog=CATALOG) == fast
    monkeypatch.chdir(WRONG)
    for name, lines in wrong_files().items():
        with pytest.raises(ScenarioError) as caught:
            load(Path(name), catalog=CATALOG)
        assert caught.value.line == int(lines[0].split(":")[1])


HOSTILE = {
    "a list in a list in a list": ("steps: " + "[" * 500_000, "nested deeper than 40 levels"),
    "a mapping in a mapping": ("".join(f"{' ' * depth}a:\n" for depth in range(1000)), "nested deeper than 40 levels"),
    "keys without an end": ("? " * 300_000, "nested deeper than 40 levels"),
    "more values than there may be": ("steps:\n" + "  - advance: 1s\n" * 60_000, "more than 30,000 values"),
    "more bytes than there may be": ("#" * 2_000_000, "more than 1,048,576 bytes"),
    "a text without an end": ("description: " + "a" * 1_000_000, "longer than 65,536 characters"),
    "digits that look like a length of time": (f'steps: [{{advance: "{"1" * 60_000}"}}]', "is no duration"),
    "low lines": (f"steps: [{{advance: {'1' + '_' * 60_000}x}}]", "is no duration"),
    "a name beside every name": (f"steps: [{{act: add_user, name: '{'${a}' * 16_000}'}}]", 'no name "a"'),
    "aliases of aliases": (
        "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "anchors (&a) are not read",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_eat_time_or_memory_is_refused_at_once(name):
    text, said = HOSTILE[name]
    begun = time.thread_time()

    assert said in refusal(text)

    assert time.thread_time() - begun < 1


def test_a_bomb_of_aliases_takes_no_memory():
    text = (WRONG / "alias-bomb.yaml").read_text(encoding="utf-8")
    refusal(text)
    tracemalloc.start()

    refusal(text)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"steps:\n  - advance: 1d\n\xff\n", "file.yaml:3: this is no UTF-8"),
        ("steps:\n".encode("utf-16"), "file.yaml:1: this is UTF-16"),
        (b"steps:\n\0", "file.yaml:2: there is a NUL character"),
        (b"steps:\n  - advance: \x07\n", "file.yaml:2: this is no YAML"),
        (b'steps:\n  - advance: "\\ud800"\n', "file.yaml:2: "),
        (b"\xef\xbb\xbfsteps:\n  - advnace: 1d\n", 'file.yaml:2: no step "advnace"'),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_line(raw, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file.yaml").write_bytes(raw)

    with pytest.raises(ScenarioError, match="^" + said.replace("(", r"\(")):
        load(Path("file.yaml"), catalog=CATALOG)


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")

    for name, said in (("pipe.yaml", "This is no file"), ("none.yaml", "No such file"), (".", "Is a directory")):
        with pytest.raises(ScenarioError, match=said):
            load(tmp_path / name, catalog=CATALOG)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_bytes_raise_anything_but_what_is_wrong_with_them(raw):
    try:
        of(raw.decode("utf-8", "surrogateescape"))
    except ScenarioError as error:
        assert error.mistakes


PIECES = [*WHOLE.read_text(encoding="utf-8").splitlines(keepends=True)]
ODD = [
    "${",
    "${wish",
    "~",
    "no",
    "-1",
    "1e999",
    "[",
    "{a: b}",
    "*a",
    "'",
    '"',
    "\t",
    ": ",
    "- ",
    "&x ",
    "!!int ",
    "<<: ",
    "012",
]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_change_of_a_right_file_raises_anything_but_what_is_wrong_with_it(data):
    lines = list(PIECES)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "copy", "value", "cut", "insert"])):
            case "drop":
                del lines[place]
            case "copy":
                lines.insert(place, data.draw(st.sampled_from(PIECES)))
            case "value":
                key = lines[place].partition(":")[0]
                lines[place] = f"{key}: {data.draw(st.sampled_from(ODD) | st.text(max_size=6))}\n"
            case "cut":
                lines[place] = lines[place][: data.draw(st.integers(0, len(lines[place])))]
            case "insert":
                at = data.draw(st.integers(0, len(lines[place])))
                lines[place] = lines[place][:at] + data.draw(st.sampled_from(ODD)) + lines[place][at:]

    try:
        of("".join(lines))
    except ScenarioError as error:
        assert error.mistakes


# Files beside the scenario


def test_a_body_is_read_from_the_folder_of_the_scenario(tmp_path):
    (tmp_path / "bodies").mkdir()
    (tmp_path / "bodies" / "one.json").write_bytes(b'{"type":"x"}')

    (step,) = of("steps:\n  - trigger:\n    body: bodies/one.json\n", folder=tmp_path).steps

    assert step == Trigger(line=2, body=b'{"type":"x"}')


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("link.json", "leads out of the scenario's folder"), ("up/secret", "leads out of the scenario's folder"),
        ("folder", "Is a directory"), ("pipe", "This is no file"), ("huge", "has more than 1,048,576 bytes"),
    ],
)  # fmt: skip
def test_no_body_is_read_from_anywhere_else(tmp_path, name, said):
    folder = tmp_path / "scenarios"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (folder / "link.json").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / "huge").write_bytes(bytes(1024 * 1024 + 1))
    os.mkfifo(folder / "pipe")

    assert said in refusal(f"steps:\n  - trigger:\n    body: {name}\n", folder=folder)


def test_a_scenario_without_a_folder_has_no_files():
    assert "there is no folder" in refusal("steps:\n  - trigger:\n    body: one.json\n")


# The schema and the library


def plainly(node: nodes.Node) -> Any:
    """A node as the JSON that an editor holds against the schema."""
    if isinstance(node.value, list):
        return [plainly(each) for each in node.value]
    if isinstance(node.value, dict):
        return {key: plainly(each) for key, each in node.value.items()}
    return node.value


def as_an_editor_sees_it(path: Path) -> Any:
    return plainly(nodes.compose(path.read_bytes(), nodes.Mistakes(path.name)))


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema_rs.validator_for(schema())


def test_the_schema_that_is_kept_is_the_one_of_this_language():
    kept = json.loads((HERE.parent / "scenarios" / "scenario.schema.json").read_text(encoding="utf-8"))

    assert kept == schema(), "emitter scenarios schema > scenarios/scenario.schema.json"
    Draft202012Validator.check_schema(kept)


@pytest.mark.parametrize("path", [WHOLE, *library()], ids=lambda path: path.stem)
def test_the_schema_accepts_what_the_reader_accepts(path, validator):
    assert [error.message for error in validator.iter_errors(as_an_editor_sees_it(path))] == []


SEEN_BY_THE_READER_ONLY = {
    # names and what they stand for, files, lengths in all, and what only its own rule can judge
    "a-billion-steps", "bad-count", "bad-jsonpath", "bad-period", "bad-setting", "bad-start", "bad-variable-inside",
    "body-and-type", "made-in-a-branch", "made-in-one-option", "made-later", "member-of-a-checkpoint", "name-twice",
    "path-absolute", "path-outside", "path-that-leads-nowhere", "path-to-nothing", "pattern-that-fits-nothing",
    "product-for-a-request", "round-outside", "since-nothing", "too-long", "too-long-in-all", "unclosed-name",
    "unknown-domain", "unknown-member", "unknown-user", "unknown-variable", "wait-too-long",
    # an editor reads YAML by itself, and takes these for texts
    "country-no", "key-on", "duplicate-key",
}  # fmt: skip


def test_the_schema_refuses_the_wrong_files_that_a_schema_can_see(validator):
    accepted = set()
    for path in WRONG.glob("*.yaml"):
        try:
            value = as_an_editor_sees_it(path)
        except ScenarioError:
            continue
        if validator.is_valid(value):
            accepted.add(path.stem)

    assert accepted == SEEN_BY_THE_READER_ONLY


def test_the_schema_knows_every_action_every_fault_and_every_type():
    text = json.dumps(schema())

    for name in (*ACTIONS, *FAULTS, *CATALOG.names):
        assert f'"{name}"' in text


@pytest.mark.parametrize("path", library(), ids=lambda path: path.stem)
def test_a_scenario_of_the_library_is_right_and_found_by_its_name(path):
    assert load(find(path.stem), catalog=CATALOG).file == path


def test_a_name_of_the_library_is_found_and_a_slip_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("steps:\n  - advance: 1d\n")

    assert find("mine.yaml") == Path("mine.yaml")
    with pytest.raises(NotFound, match='No scenario "revokd". Did you mean "revoked"?'):
        find("revokd")
    with pytest.raises(NotFound, match='No file "none.yaml"'):
        find("none.yaml")


def test_the_library_together_is_about_all_types():
    found = {name for path in library() for name in types_of(load(path, catalog=CATALOG), CATALOG)}

    assert found == set(CATALOG.names)


# The command line


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


def test_the_command_lists_and_shows_the_library(emitter):
    listed = json.loads(emitter.ok("scenarios", "--format", "json"))
    shown = emitter.ok("scenarios", "show", "revoked")

    assert [each["name"] for each in listed] == [path.stem for path in library()]
    assert all(each["description"] for each in listed)
    assert (library()[0].parent / "revoked.yaml").read_text(encoding="utf-8") in shown


def test_a_new_scenario_is_right_and_has_its_schema_beside_it(emitter):
    emitter.ok("scenarios", "new", "mine")

    assert emitter.ok("scenarios", "check", "mine.yaml") == "ok  mine.yaml\n"
    assert json.loads(Path("scenario.schema.json").read_text()) == schema()
    again = emitter("scenarios", "new", "mine")
    assert (again.exit_code, again.stderr) == (
        2,
        "Error: mine.yaml is there already, and is kept. Take another name.\n",
    )


def test_the_check_of_a_wrong_file_fails_with_every_mistake(emitter):
    Path("wrong.yaml").write_text("steps:\n  - advnace: 1d\n  - wait: 3\n")

    result = emitter("scenarios", "check", "wrong.yaml", "revoked")

    assert result.exit_code == 1
    assert 'wrong.yaml:2: no step "advnace". Did you mean "advance"?' in result.stdout
    assert 'wrong.yaml:3: wait: "3" is no length of time.' in result.stdout
    assert "ok  revoked" in result.stdout


def test_a_check_takes_whole_folders(emitter):
    Path("stories").mkdir()
    Path("stories/one.yaml").write_text("steps:\n  - advance: 1d\n")
    Path("none").mkdir()

    assert emitter.ok("scenarios", "check", "stories") == "ok  stories/one.yaml\n"
    assert emitter("scenarios", "check", "none").exit_code == 2


def test_a_check_takes_variables_and_standard_input(emitter):
    text = "variables: {days: 3}\nsteps:\n  - advance: ${days}d\n"

    assert emitter.ok("scenarios", "check", "-", stdin=text) == "ok  -\n"
    assert emitter("scenarios", "check", "-", "--var", "days=x", stdin=text).exit_code == 1
    assert emitter("scenarios", "check", "-", "--var", "days", stdin=text).exit_code == 2
    assert emitter("scenarios", "check", "-", stdin=b"\xff").exit_code == 1


def test_the_schema_is_printed(emitter):
    assert json.loads(emitter.ok("scenarios", "schema")) == schema()
