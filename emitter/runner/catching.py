"""Holds what a receiver has caught against what was expected of it, in the words that a scenario has for what left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emitter.catalog import Catalog
from emitter.errors import ScenarioError, UnknownName, shown
from emitter.receiver import Capture
from emitter.report import Finding
from emitter.report.words import printable
from emitter.runner.sequences import MOST_SHOWN, Sequences, counted
from emitter.scenario import expected
from emitter.scenario.steps import (
    ContractExpected,
    Count,
    DeliveriesExpected,
    EventsExpected,
    Expectation,
    SignaturesExpected,
)

WORDS = {
    "events": "The types that it caught, as in a scenario.",
    "signatures": "valid, or {valid: 10, invalid: 1, missing: 0}.",
    "contract": "valid, or {valid: 10, invalid: 1, unknown: 0}.",
    "total": "How many requests it caught.",
    "statuses": "What it answered, by status; none for a connection that it dropped.",
}
_OF_DELIVERIES = ("total", "statuses")


def read_caught(words: Mapping[str, Any], *, of: str, catalog: Catalog) -> tuple[Expectation, ...]:
    """Read what is expected of a receiver called `of`; raises `UnknownName` or `ScenarioError`."""
    if not isinstance(words, Mapping) or not words:
        raise ScenarioError("expect", [(0, f"{of}: write what it has caught, as {{events: [access-revoked]}}.")])
    for word in words:
        if word not in WORDS:
            raise UnknownName("expectation of a receiver", str(word), WORDS)
    asked = {word: value for word, value in words.items() if word not in _OF_DELIVERIES}
    if told := {word: words[word] for word in _OF_DELIVERIES if word in words}:
        asked["deliveries"] = told
    found = expected(asked, catalog=catalog, things={}).expectations
    for each in found:
        if each.since != "start" or (isinstance(each, EventsExpected) and each.about):
            raise ScenarioError("expect", [(0, f"{of}: since and about look at the history; a receiver has none.")])
    return found


def judge_caught(
    asked: Sequence[Expectation], captures: Sequence[Capture], sequences: Sequences, *, of: str
) -> Iterator[Finding]:
    """Say of each claim whether it holds for the requests that a receiver called `of` has caught."""
    for each in asked:
        match each:
            case EventsExpected():
                yield from sequences.judge(each, [one.type for one in captures], of=f" at {of}")
            case SignaturesExpected():
                yield from _verdicts(f"signatures at {of}", each, _signatures(captures, sequences))
            case ContractExpected():
                yield from _verdicts(f"bodies at {of}", each, _contract(captures, sequences))
            case DeliveriesExpected():
                yield from _requests(each, captures, of)


def _requests(asked: DeliveriesExpected, captures: Sequence[Capture], of: str) -> Iterator[Finding]:
    answered = Counter(str(each.status) if each.status else "none" for each in captures)
    there = ", ".join(f"{count:,} answered {status}" for status, count in answered.items()) or "none"
    if asked.total is not None:
        yield counted(f"requests at {of}", asked.total, len(captures), asked.line, (f"there are: {there}",))
    for status, count in asked.statuses.items():
        yield counted(
            f"requests at {of} answered {status}", count, answered[status], asked.line, (f"there are: {there}",)
        )


def _signatures(captures: Sequence[Capture], sequences: Sequences) -> Iterator[tuple[str, str]]:
    for each in captures:
        verdict = each.signature
        if verdict is None:
            yield "unchecked", f"{told(each, sequences)}: this receiver has no key to check with"
        elif verdict.ok:
            yield "valid", ""
        else:
            there = {name.lower() for name, _ in each.headers}
            signed = any(one.header.lower() in there for one in verdict.findings)
            yield "invalid" if signed else "missing", f"{told(each, sequences)}: {verdict.reason}"


def _contract(captures: Sequence[Capture], sequences: Sequences) -> Iterator[tuple[str, str]]:
    for each in captures:
        why = printable(each.violations[0], 500) if each.violations else f"{sequences.short(each.type)} has no schema"
        yield each.contract or "unknown", "" if each.contract == "valid" else f"{told(each, sequences)}: {why}"


def _verdicts(
    what: str, asked: SignaturesExpected | ContractExpected, found: Iterator[tuple[str, str]]
) -> Iterator[Finding]:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for verdict, why in found:
        counts[verdict] += 1
        if why and len(wrong) < MOST_SHOWN:
            wrong.append(why)
    there = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items()) or "nothing was caught"
    claims: Mapping[str, Count] = asked.counts
    if asked.all_valid:
        right = set(counts) <= {"valid"}
        yield Finding(f"all {what} are valid", right, there, () if right else tuple(wrong), asked.line)
    for verdict, count in claims.items():
        yield counted(f"{what} {verdict}", count, counts[verdict], asked.line, (there, *wrong))


def told(capture: Capture, sequences: Sequences) -> str:
    """One request in a few words."""
    name = sequences.short(capture.type) if capture.type else printable(f"{capture.method} {capture.path}", 200)
    about = f" {shown(capture.product_name)}" if capture.product_name else ""
    answered = f"answered {capture.status}" if capture.status else "not answered"
    return f"request {capture.number}: {name}{about}, {answered}"
