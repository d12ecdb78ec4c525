"""What a run found, in its forms: JSON and back, text, JUnit XML, a page; and two runs beside each other."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree as XML

import pytest

import emitter
from emitter.clock import SECOND, parse_rfc3339
from emitter.errors import BadJson
from emitter.report.compare import comparable, differences
from emitter.report.forms import from_json, to_json
from emitter.report.html import as_html
from emitter.report.junit import as_junit
from emitter.report.lanes import MOST, Scale, lanes_of
from emitter.report.text import as_text, verdict
from emitter.report.values import (
    ERROR,
    FAILED,
    PASSED,
    SKIPPED,
    Finding,
    Mark,
    Report,
    StepReport,
    Tally,
    Tick,
)
from emitter.report.words import span

START = parse_rfc3339("2030-02-01T09:00:00Z")
DAY = 86_400 * SECOND
REQUESTS = "marketplace.data_product.access_requests."
HOSTILE = "<script>alert(1)</script> & \x1b[31m \u202e \ud800 \x00\nsecond line"


def a_report(**changes: Any) -> Report:
    """A run of a request that is approved two days later, all of it accepted."""
    accepted = Tick(START, 1, "accepted", 204)
    report = Report(
        run="story-1", scenario="story", status=PASSED, description="Access is asked for and given.",
        file="scenarios/story.yaml", seed=7, start=START, end=START + 33 * DAY, target="http://127.0.0.1:3000/hook",
        variables={"days": 30, "who": ["ada", None]}, settings={"delivery.retry": "5s,5m"},
        steps=(
            StepReport(14, "act", 'Ada Lovelace requests access to "Claims 2025"', PASSED, at=START, times=1, events=1,
                       told=("request-created: accepted 204",)),
            StepReport(18, "advance", "2 days pass", PASSED, at=START, times=1),
            StepReport(25, "expect", "expects deliveries", PASSED, at=START + 2 * DAY, times=1,
                       findings=(Finding("6 deliveries are accepted", True, "6", line=26),
                                 Finding("the slowest answer took 500 ms", True, "12 ms", line=27, varies=True))),
        ),
        tally=Tally(events={REQUESTS + "created": 1, REQUESTS + "consumer.updated": 1}, deliveries={"accepted": 2},
                    outcomes={"accepted": 2}, statuses={"204": 2}, verdicts={"valid": 2}),
        marks=(Mark(START + 123_456_789, REQUESTS + "created", "Claims 2025", "wish", 14, (accepted,)),
               Mark(START + 2 * DAY, REQUESTS + "consumer.updated", "Claims 2025", "wish", 0,
                    (Tick(START + 2 * DAY, 1, "rejected", 503, ("delay",)),
                     Tick(START + 2 * DAY + 5 * SECOND, 2, "accepted", 204)))),
        wall_start=parse_rfc3339("2026-03-01T10:00:00.123456789Z"), took=0.31, version="0.1.0",
        store=".emitter/runs/story 1.sqlite",
    )  # fmt: skip
    return replace(report, **changes)


def a_failed_report() -> Report:
    """A run in which an expectation did not hold, a step could not be played and one was not reached."""
    expected = Finding(
        "the events are request-created, request-determined, in this order", False, "request-created",
        ("request-determined never came", HOSTILE), line=29,
    )  # fmt: skip
    steps = (
        StepReport(14, "act", "Ada requests access", PASSED, at=START, times=1, faults=("wrong-key",)),
        StepReport(18, "repeat", "3 times", ERROR, at=START, times=1),
        StepReport(19, "act", "Grace revokes wish", ERROR, depth=1, at=START + DAY, times=3, failures=2, events=1,
                   error="Access request 1b2c is REVOKED; nothing can be revoked twice."),
        StepReport(28, "expect", "expects events", FAILED, at=START + DAY, times=1, failures=1,
                   findings=(Finding("all signatures are valid", True, line=30), expected)),
        StepReport(40, "trigger", "triggers access-revoked", SKIPPED),
    )  # fmt: skip
    tally = Tally(events={REQUESTS + "created": 1}, deliveries={"rejected": 1, "dropped": 1},
                  outcomes={"rejected": 1}, statuses={"401": 1}, verdicts={"valid": 1},
                  faults={"wrong-key": 1})  # fmt: skip
    return a_report(status=FAILED, steps=steps, tally=tally, lost=("request-created to the target: rejected 401",),
                    lost_left_out=3)  # fmt: skip


def a_large_report(events: int = 3000) -> Report:
    """A day with very many events of very many requests."""
    chance = Random(3)
    marks = tuple(
        Mark(START + number * DAY // events, REQUESTS + "created", f"Product {int(chance.expovariate(0.2))}",
             f"wish {number}", 14, (Tick(START, 1, chance.choice(("accepted", "rejected", "failed"))),))
        for number in range(events)
    )  # fmt: skip
    steps = tuple(StepReport(number, "act", f"step {number}", PASSED, at=START, times=1) for number in range(1, 2000))
    lost = tuple(f"delivery {number}" for number in range(1000))
    return a_report(marks=marks, marks_left_out=97_000, steps=steps, lost=lost, lost_left_out=9000)


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("report", [a_report(), a_failed_report(), Report("r", "s", PASSED), a_large_report(50)])
def test_a_report_comes_back_from_json_as_it_was(report: Report) -> None:
    text = json.dumps(to_json(report))

    assert from_json(json.loads(text)) == report


def test_the_json_names_members_in_camel_case_and_writes_times_with_nine_digits() -> None:
    found = to_json(a_report())

    assert found["wallStart"] == "2026-03-01T10:00:00.123456789Z"
    assert found["marks"][0]["at"] == "2030-02-01T09:00:00.123456789Z"
    assert found["lostLeftOut"] == 0
    assert found["variables"] == {"days": 30, "who": ["ada", None]}
    assert from_json(found).steps[0].at == START


def test_a_report_of_a_later_version_is_read_without_what_is_new_in_it() -> None:
    found = to_json(a_report()) | {"mood": "calm"}
    found["steps"][0]["mood"] = "calm"

    assert from_json(found) == a_report()


@pytest.mark.parametrize(
    ("change", "where"),
    [({"run": ...}, "run"), ({"start": "yesterday"}, "start"), ({"end": 5}, "end"), ({"tally": 3}, "tally"),
     ({"steps": [7]}, "steps[0]"), ({"marks": [{"at": "2030-02-01T09:00:00Z"}]}, "marks[0].type")],
)  # fmt: skip
def test_what_is_no_report_is_refused_with_the_place(change: dict[str, Any], where: str) -> None:
    found = {**to_json(a_report()), **change}
    found = {name: value for name, value in found.items() if value is not ...}

    with pytest.raises(BadJson, match=re.escape(where)):
        from_json(found)


# --- two runs ---------------------------------------------------------------------------------------------------------


def test_two_runs_that_went_the_same_way_compare_equal_whatever_the_wall_clock_and_the_port_were() -> None:
    first = a_report(lost=("request-created to http://127.0.0.1:3000/hook: rejected 401",))
    steps = (*first.steps[:2], replace(first.steps[2], findings=(
        first.steps[2].findings[0], Finding("the slowest answer took 500 ms", True, "300 ms", line=27, varies=True),
    )))  # fmt: skip
    second = replace(
        first, run="story-2", wall_start=5, took=99.0, speed=60.0, target="http://127.0.0.1:4000/hook",
        lost=("request-created to http://127.0.0.1:4000/hook: rejected 401",), store="", version="9", steps=steps,
    )  # fmt: skip

    assert comparable(first) == comparable(second)
    assert differences(first, second) == []


def test_two_runs_that_differ_are_told_in_words() -> None:
    first, second = a_report(), a_report()
    failed = Finding("6 deliveries are accepted", False, "5 accepted, 1 rejected", line=26)
    second = replace(
        second, status=FAILED, seed=8, lost=("one",),
        steps=(*second.steps[:2], replace(second.steps[2], status=FAILED, failures=1, findings=(failed,))),
        tally=replace(second.tally, deliveries={"accepted": 1, "rejected": 1}),
        marks=(second.marks[0], replace(second.marks[1], ticks=(Tick(START, 1, "rejected", 401),))),
    )  # fmt: skip

    told = "\n".join(differences(first, second))

    assert "seed: 7, then 8" in told
    assert (
        "line 25, expects deliveries: passed, then failed (6 deliveries are accepted: 5 accepted, 1 rejected)" in told
    )
    assert "deliveries rejected: 0, then 1" in told
    assert "event 2 is the first that differs" in told
    assert "(rejected 503 [delay], accepted 204), then" in told
    assert "lost only in the second run: one" in told
    assert comparable(first) != comparable(second)


def test_runs_of_two_scenarios_are_not_compared_step_by_step() -> None:
    told = differences(a_report(), a_report(scenario="other", steps=()))

    assert told == ["scenario: story, then other"]


def test_a_difference_that_only_the_words_have_is_not_kept_silent() -> None:
    other = replace(a_report().steps[0], told=("request-created: accepted 200",))

    told = differences(a_report(), a_report(steps=(other, *a_report().steps[1:])))

    assert len(told) == 1 and "words only" in told[0]


# --- text -------------------------------------------------------------------------------------------------------------


def test_a_run_is_told_as_a_story() -> None:
    text = "\n".join(as_text(a_report()))

    assert text.startswith("story  (scenarios/story.yaml)\n  Access is asked for and given.\n  run story-1, seed 7")
    assert "2030-02-01 09:00:00 to 2030-03-06 09:00:00 UTC (33 d)" in text
    assert 'ok     2030-02-01 09:00:00    14  Ada Lovelace requests access to "Claims 2025"\n' in text
    assert "-> request-created: accepted 204" in text
    assert "Deliveries  2: 2 accepted" in text
    assert "\npassed: 3 steps, 2 expectations met, in 310 ms\n" in text
    assert text.endswith("emitter deliveries list --store '.emitter/runs/story 1.sqlite' --run story-1")


def test_a_failed_expectation_is_told_with_its_line_what_was_expected_and_what_came() -> None:
    lines = list(as_text(a_failed_report()))

    assert "         expected  the events are request-created, request-determined, in this order (line 29)" in lines
    assert "         came      request-created" in lines
    assert "                   request-determined never came" in lines
    assert "FAIL   scenarios/story.yaml:28  the events are request-created, request-determined, in this order" in lines
    assert any("Grace revokes wish  (3 times, 2 of them failed; 1 event)" in line for line in lines)
    assert any(line.startswith("ERROR  scenarios/story.yaml:19  Access request 1b2c") for line in lines)
    assert not any(line.startswith("ERROR  scenarios/story.yaml:18") for line in lines), "what holds it fails with it"
    assert "failed: 2 of 5 steps, in 310 ms" in lines
    assert "  Lost        4 deliveries never accepted:" in lines


def test_equal_events_that_followed_a_step_take_one_line() -> None:
    step = replace(a_report().steps[0], told=("request-created: accepted 204",) * 3, events=1000, times=1000)

    text = "\n".join(as_text(a_report(steps=(step,))))

    assert "-> request-created: accepted 204 (3 times)\n" in text
    assert "and 997 more events\n" in text


def test_verbose_text_tells_what_held_and_what_else_followed() -> None:
    many = replace(a_report().steps[0], told=tuple(f"event {number}" for number in range(9)))
    report = a_report(steps=(many, *a_report().steps[1:]))

    short, long = "\n".join(as_text(report)), "\n".join(as_text(report, verbose=True))

    assert "and 6 more events (-v shows more)" in short and "event 8" not in short
    assert "event 8" in long and "holds: 6 deliveries are accepted (6)" in long and "variable days = 30" in long


@pytest.mark.parametrize("report", [a_failed_report(), a_report(description=HOSTILE, scenario=HOSTILE, run=HOSTILE)])
def test_no_line_of_text_holds_what_a_terminal_would_obey(report: Report) -> None:
    lines = list(as_text(report, verbose=True))

    assert all(line.isprintable() for line in lines)
    assert any("\\x1b[31m" in line for line in lines)


def test_the_text_of_a_large_run_stays_short() -> None:
    lines = list(as_text(a_large_report()))

    assert len(lines) < 300
    assert any("more steps (-v shows all)" in line for line in lines)


def test_a_run_that_broke_off_says_why() -> None:
    report = a_report(status=ERROR, error="The store is full.", steps=())

    text = "\n".join(as_text(report))

    assert "It could not be played to its end: The store is full." in text
    assert "ERROR  scenarios/story.yaml  The store is full." in text
    assert verdict(replace(report, status=SKIPPED)) == "skipped: The store is full."


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [(0, "0 s"), (250_000_000, "0.25 s"), (SECOND, "1 s"), (90 * SECOND, "1 min 30 s"), (32 * DAY, "32 d"),
     (DAY + 4 * 3600 * SECOND, "1 d 4 h"), (DAY + SECOND, "1 d")],
)  # fmt: skip
def test_a_span_is_told_in_its_two_largest_units(nanoseconds: int, words: str) -> None:
    assert span(nanoseconds) == words


# --- JUnit ------------------------------------------------------------------------------------------------------------


def check_junit(root: XML.Element) -> None:
    """Hold a document against what is common to all who read JUnit XML."""
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite" and suite.get("name")
        cases = suite.findall("testcase")
        assert [child.tag for child in suite] == ["properties", *["testcase"] * len(cases), "system-out"]
        assert suite.get("tests") == str(len(cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(attribute) == str(len(suite.findall(f"testcase/{tag}")))
        names = [case.get("name") for case in cases]
        assert len(set(names)) == len(names) and all(names)
        assert all(case.get("classname") and float(case.get("time", "x")) >= 0 and len(case) <= 1 for case in cases)
        assert all(child.get("message") for case in cases for child in case)
        assert sum(float(case.get("time", "x")) for case in cases) == pytest.approx(float(suite.get("time", "x")))
        assert all(each.get("name") and each.get("value") is not None for each in suite.findall("properties/property"))
    for attribute in ("tests", "failures", "errors", "skipped"):
        assert root.get(attribute) == str(sum(int(suite.get(attribute, "x")) for suite in root))


def test_junit_has_a_suite_for_each_scenario_and_a_case_for_each_step() -> None:
    written = as_junit([a_report(), a_failed_report()])

    root = XML.fromstring(written)
    check_junit(root)
    assert written.startswith(b"<?xml")
    good, bad = root
    assert (good.get("tests"), good.get("failures"), good.get("errors")) == ("4", "0", "0")
    assert (bad.get("tests"), bad.get("failures"), bad.get("errors"), bad.get("skipped")) == ("5", "1", "1", "1")
    assert good.get("timestamp") == "2026-03-01T10:00:00"
    properties = {each.get("name"): each.get("value") for each in good.iter("property")}
    assert properties["run"] == "story-1" and properties["seed"] == "7" and properties["variable.days"] == "30"
    failure = bad.find("testcase/failure")
    assert failure is not None and failure.text is not None
    assert failure.text.startswith("scenarios/story.yaml:29: expected the events are request-created")
    assert "came request-created" in failure.text
    case = next(case for case in bad.iter("testcase") if case.find("error") is not None)
    assert (case.get("file"), case.get("line")) == ("scenarios/story.yaml", "19")


def test_junit_keeps_the_name_of_a_step_and_tells_equal_ones_apart() -> None:
    step = a_report().steps[0]

    root = XML.fromstring(as_junit([a_report(steps=(step, replace(step, line=20), replace(step, line=30)))]))

    check_junit(root)
    assert [case.get("name") for case in root.iter("testcase")][:3] == [
        step.words, f"{step.words} (2)", f"{step.words} (3)",
    ]  # fmt: skip


def test_junit_stays_well_formed_whatever_was_said() -> None:
    finding = Finding(HOSTILE, False, HOSTILE, (HOSTILE,))
    steps = (
        StepReport(3, "expect", HOSTILE, FAILED, findings=(finding,)),
        StepReport(4, "act", HOSTILE, ERROR, error=HOSTILE),
    )
    report = a_report(scenario=HOSTILE, file=HOSTILE, description=HOSTILE, steps=steps, variables={HOSTILE: HOSTILE},
                      error=HOSTILE, status=FAILED)  # fmt: skip

    written = as_junit([report])

    check_junit(XML.fromstring(written))
    assert b"\\x00" in written and b"\\ud800" in written


@pytest.mark.parametrize(
    ("report", "tag"),
    [(a_report(status=ERROR, error="The store is full.", steps=()), "error"), (a_report(status=FAILED), "failure"),
     (a_report(status=ERROR), "error"), (a_report(status=SKIPPED, steps=(), error="It needs a key."), "skipped")],
)  # fmt: skip
def test_a_run_is_never_green_in_junit_that_did_not_pass(report: Report, tag: str) -> None:
    root = XML.fromstring(as_junit([report]))

    check_junit(root)
    assert len(root.findall(f"testsuite/testcase/{tag}")) == 1


def test_junit_of_nothing_is_a_document_all_the_same() -> None:
    check_junit(XML.fromstring(as_junit([])))


# --- the page ---------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Reads a page: its tags with their attributes, its text; fails on what is not closed in order."""

    VOID = ("meta", "br", "hr", "img", "link", "input")

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.parts: list[str] = []
        self.feed(document.decode("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.parts.append(" ")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


EVERY = [[], [a_report()], [a_failed_report()], [Report("r", "empty", PASSED)], [a_report(), a_failed_report()]]


@pytest.mark.parametrize("reports", [*EVERY, [a_large_report(200)]])
def test_a_page_holds_all_it_needs_and_runs_nothing(reports: list[Report]) -> None:
    document = as_html(reports)

    page = Page(document)
    policy = next(each["content"] for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    css = document.decode().partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    assert not any(name == "style" or name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert all((each.get("href") or "").startswith("#") for tag in ("a", "use") for each in page.all(tag))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {(each.get("href") or "")[1:] for tag in ("a", "use") for each in page.all(tag)} <= set(ids)


def test_a_page_escapes_whatever_was_said() -> None:
    finding = Finding(HOSTILE, False, HOSTILE, (HOSTILE,))
    mark = Mark(START, HOSTILE, HOSTILE, HOSTILE, 3, (Tick(START, 1, HOSTILE, 204, (HOSTILE,)),), dropped=HOSTILE)
    steps = (StepReport(3, "expect", HOSTILE, FAILED, at=START, told=(HOSTILE,), faults=(HOSTILE,), findings=(finding,),
                        error=HOSTILE),)  # fmt: skip
    tally = Tally(*({HOSTILE: 1} for _ in range(6)))
    report = a_report(scenario=HOSTILE, run=HOSTILE, file=HOSTILE, description=HOSTILE, target=HOSTILE, steps=steps,
                      variables={HOSTILE: HOSTILE}, settings={HOSTILE: HOSTILE}, marks=(mark,), lost=(HOSTILE,),
                      tally=tally, error=HOSTILE, store=HOSTILE, version=HOSTILE)  # fmt: skip

    document = as_html([report, report])

    page = Page(document)
    assert b"<script" not in document and b"\x1b" not in document and "\u202e" not in document.decode()
    assert "<script>alert(1)</script> & \\x1b[31m \\u202e" in page.text


def test_a_page_explains_what_failed_with_line_numbers() -> None:
    text = Page(as_html([a_failed_report()])).text

    assert "story failed 2 of 5 steps" in text
    assert "scenarios/story.yaml:28 expects events" in text
    assert (
        "expected the events are request-created, request-determined, in this order line 29 came request-created"
        in text
    )
    assert "scenarios/story.yaml:19 Grace revokes wish" in text
    assert "because Access request 1b2c is REVOKED" in text
    assert "4 deliveries never accepted" in text and "and 3 more" in text


def test_the_timeline_draws_each_event_with_its_attempts_and_faults() -> None:
    page = Page(as_html([a_report()]))

    used = [(each.get("href"), each.get("class")) for each in page.all("use") if each.get("class")]
    assert used == [("#t-accepted", "accepted"), ("#t-rejected", "rejected"), ("#t-accepted", "accepted")]
    assert "2030-02-03 09:00:00 access_requests.consumer.updated · Claims 2025, wish · caused by time" in page.text
    assert "rejected 503 (delay), accepted 204" in page.text
    assert len(page.all("circle")) == 2 + sum(1 for _ in re.finditer("<circle r", as_html([a_report()]).decode()))


def test_a_table_stands_in_front_of_several_runs() -> None:
    page = Page(as_html([a_report(), a_failed_report(), a_report(scenario="third")]))

    assert "3 scenarios: 2 passed, 1 failed" in page.text
    assert [each.get("href") for each in page.all("a") if (each.get("href") or "").count("-") == 1] == [
        "#run-1", "#run-2", "#run-3",
    ]  # fmt: skip


def test_the_page_of_a_large_run_is_bounded_and_says_what_it_leaves_out() -> None:
    document = as_html([a_large_report()])

    page = Page(document)
    assert len(document) < 1_000_000
    assert "the first 3,000 events of 100,000" in page.text
    assert "and 1,599 more steps" in page.text
    assert "and 9,900 more" in page.text
    assert len(page.all("rect")) < 60 * 140 * 3


def test_lanes_leave_nothing_out_however_many_there_are() -> None:
    report = a_large_report()

    lanes = lanes_of(report)

    assert len(lanes) <= MOST
    assert sorted(number for lane in lanes for number, _ in lane.marks) == list(range(3000))
    assert any(lane.name.endswith("more products") for lane in lanes)
    assert any(lane.name.endswith("more requests") for lane in lanes)


@pytest.mark.parametrize("passing", [0, 1, 1000, SECOND, DAY])
def test_time_on_the_timeline_never_runs_backwards(passing: int) -> None:
    marks = tuple(Mark(START + passing * (number // 3), "t", f"p{number % 2}") for number in range(30))
    report = a_report(marks=marks, end=START + passing * 12)

    scale = Scale(report, lanes_of(report))

    places = [scale.of_mark(number) for number in range(30)]
    assert places == sorted(places)
    assert 0 <= places[0] and places[-1] <= 100
    assert len({(place, number % 2) for number, place in enumerate(places)}) == 30, "none lies upon another"
    times = [scale.of_time(START + passing * tenth) for tenth in range(13)]
    assert times == sorted(times)


def test_a_long_silence_is_longer_on_the_timeline_than_a_short_one() -> None:
    marks = tuple(Mark(START + days * DAY, "t", "p") for days in (0, 1, 2, 30))
    report = a_report(marks=marks, end=START + 33 * DAY)

    scale = Scale(report, lanes_of(report))

    first, second, third, last = map(scale.of_mark, range(4))
    assert second - first == pytest.approx(third - second)
    assert last - third > 10 * (third - second)


def test_the_page_has_the_colours_of_the_simulator_s_own_pages() -> None:
    root = Path(emitter.__file__).parent

    def colours(file: str) -> list[dict[str, str]]:
        css = (root / file).read_text()
        return [
            dict(re.findall(r"--([\w-]+): ([^;]+);", block)) for block in re.findall(r":root \{(.*?)\n *\}", css, re.S)
        ]

    ours, theirs = colours("report/templates/report.css"), colours("web/static/style.css")

    for mine, others in zip(ours[:2], theirs[:2], strict=True):
        assert len(mine) > 10 and mine.items() <= others.items()
