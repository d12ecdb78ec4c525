"""The library of scenarios: every story comes true at a receiver that is right, and at no other."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from emitter.catalog import Catalog
from emitter.receiver import Answers, Receiver
from emitter.report import FAILED, PASSED, SKIPPED, Report
from emitter.runs import play_apart
from emitter.scenario import Scenario, load, read
from emitter.settings import Settings
from emitter.signing import SigningKey

FOLDER = Path(__file__).parent.parent / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))
NAMES = [file.stem for file in FILES]
CATALOG = Catalog.load()
KEY = "the key of the run"
SETTINGS = Settings(store=None)


@functools.cache
def scenario(name: str) -> Scenario:
    """One story of the library, read once."""
    return load(FOLDER / f"{name}.yaml", catalog=CATALOG)


def changed(name: str, old: str, new: str) -> Scenario:
    """A story of the library in which one thing stands otherwise."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.count(old) >= 1, old
    return read(text.replace(old, new, 1), name=name, catalog=CATALOG, folder=FOLDER)


def played(
    story: Scenario, *, keys: tuple[str, ...] = (), answers: str = "", key: str = "", seed: int | None = None
) -> Report:
    """Play a story against a receiver that knows these keys, as fast as can be."""
    script = Answers.parse(answers) if answers else None
    with Receiver(keys=[SigningKey(each) for each in keys], answers=script) as receiver:
        return play_apart(story, settings=SETTINGS, store=None, to=f"{receiver.url}/hook", signing_key=key, seed=seed)


def findings(report: Report) -> str:
    """Everything that did not come true, to be read where a test fails."""
    wrong = [
        f"{step.line}: {found.claim}; {found.found} {found.details}"
        for step in report.steps for found in step.findings if not found.passed
    ]  # fmt: skip
    return "\n".join([report.status, report.error, *wrong, *(step.error for step in report.steps if step.error)])


LONG = "a-busy-day"  # a thousand requests: more than all the others together
STORIES = [pytest.param(each, marks=pytest.mark.acceptance) if each == LONG else each for each in NAMES]


@pytest.mark.parametrize("name", STORIES)
def test_a_story_comes_true_at_a_receiver_that_is_right(name):
    needs_key = "signing-key" in scenario(name).needs
    key = KEY if needs_key else ""

    report = played(scenario(name), keys=(KEY,) if needs_key else (), key=key)

    assert report.status == PASSED, findings(report)
    assert report.steps and all(step.times for step in report.steps if "choose" not in step.kind and not step.depth)


def test_a_tenth_of_a_busy_day_comes_true():
    text = (FOLDER / f"{LONG}.yaml").read_text(encoding="utf-8")
    for whole, tenth in {
        "each: 100 ": "each: 10 ", "created: 1000": "created: 100", "780..920": "78..92", "55..150": "2..20",
        "1900..2100": "190..220", "280..520": "28..60", "140..260": "14..30", "80..110": "40..100",
    }.items():  # fmt: skip
        assert text.count(whole) == 1, whole
        text = text.replace(whole, tenth)

    report = played(read(text, name=LONG, catalog=CATALOG, folder=FOLDER))

    assert report.status == PASSED, findings(report)
    assert report.tally.events["marketplace.data_product.access_requests.created"] == 100


def test_together_they_tell_all_twelve_types():
    """Not all files need to be played for it: these are the quick ones."""
    types = {
        type
        for name in ("approved-for-30-days", "canceled-while-pending", "revoked", "product-deleted-under-requests",
                     "stewards-replaced", "data-sources-changed-twice")
        for type in played(scenario(name)).tally.events
    }  # fmt: skip

    assert types == {each.name for each in CATALOG}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_says_what_it_is_for(file):
    story = scenario(file.stem)
    text = file.read_text(encoding="utf-8")
    comment = [line for line in text.partition("\ndescription")[0].splitlines() if line.startswith("#")]

    assert story.name == file.stem
    assert story.description.endswith(".") and "\n" not in story.description
    assert len(comment) >= 3 and "What breaks here: " in " ".join(line.lstrip("# ") for line in comment)
    assert all(len(line) <= 120 for line in text.splitlines())
    assert story.seed is not None and story.start is not None


@pytest.mark.parametrize("name", [each for each in NAMES if each != LONG])
def test_no_story_comes_true_at_a_receiver_that_refuses_everything(name):
    report = played(scenario(name), answers="500", key=KEY)

    assert report.status == FAILED, findings(report)


@pytest.mark.parametrize("name", ["everything-twice-and-out-of-order", "hostile-payloads", "garbage-between"])
def test_what_is_done_to_a_delivery_keeps_its_signature_right_where_it_should(name):
    report = played(scenario(name), keys=(KEY,), key=KEY)

    assert report.status == PASSED, findings(report)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("approved-for-good", "200,200,503,200"),  # one is not taken
        ("everything-twice-and-out-of-order", "200*4,409,200"),  # a repetition is called a conflict
        ("approved-twice", "200*3,500"),  # a twin is too much
        ("hostile-payloads", "200*5,400,200"),  # an unknown type is refused
        ("garbage-between", "400,500,400"),  # a body falls through to a stack trace
        ("garbage-between", "200*8,503"),  # and nothing is right afterwards
        ("receiver-down-with-retries", "200,500"),  # it comes up, and is ill
    ],
)
def test_a_receiver_that_is_wrong_once_is_found_out(name, answers):
    report = played(scenario(name), answers=answers)

    assert report.status == FAILED
    assert "deliveries" in findings(report) or "attempts" in findings(report)


def test_a_receiver_that_looks_at_no_signature_is_found_out():
    report = played(scenario("key-rotation"), key=KEY)

    assert report.status == FAILED
    assert "401" in findings(report)


def test_what_needs_a_key_is_left_out_without_one():
    report = played(scenario("key-rotation"))

    assert report.status == SKIPPED
    assert "--secret-file" in report.error
    assert not report.tally.events


@pytest.mark.parametrize(
    ("name", "switch", "value", "told"),
    [
        ("approved-for-30-days", "events.expiring_days", "none", "access-expiring"),
        ("reminder-after-reminder", "events.pending_scope", "request", "request-pending"),
        ("product-deleted-under-requests", "events.delete_states", "PENDING", "request-deleted"),
        ("product-deleted-under-requests", "events.delete_order", "requests-first", "product-deleted"),
        ("stewards-replaced", "events.steward_updated_on", "determination", "stewards-updated"),
        ("masking-exception", "events.masking_exceptions", "none", "request-created"),
        ("two-approvers", "events.intermediate", "each", "request-determined"),
        ("denied", "events.auto_approval", "created", "request-determined"),
    ],
)
def test_an_app_that_works_otherwise_is_found_out(name, switch, value, told):
    story = scenario(name)
    otherwise = Settings(store=None, assumptions=SETTINGS.assumptions.override(switch, value))
    with Receiver() as receiver:
        report = play_apart(story, settings=otherwise, store=None, to=receiver.url)

    assert report.status == FAILED
    assert told in findings(report)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("approved-for-good", "{total: 3, accepted: 3", "{total: 4, accepted: 3"),
        ("approved-for-30-days", "order: [access-expired]", "order: [access-revoked]"),
        ("revoked", "refused: true", "refused: false"),
        ("canceled-while-pending", "second: {status: CANCELED}", "second: {status: PENDING}"),
        ("receiver-down-without-retries", "failed: 4", "failed: 3"),
    ],
)
def test_a_story_that_is_told_otherwise_does_not_come_true(name, old, new):
    report = played(changed(name, old, new))

    assert report.status != PASSED
