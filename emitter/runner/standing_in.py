"""Holds what a stand-in remembers against what was expected of it: cards, runs and alerts, counted and told.

Each service has words of its own; `about` leaves what holds a text, and `within` says how long to ask again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from emitter import clock
from emitter.clock import rfc3339
from emitter.errors import BadValue, UnknownName, UsageError, shown
from emitter.report import Finding
from emitter.report.words import printable
from emitter.runner.judged import Judged
from emitter.runner.sequences import MOST_SHOWN, counted, likest
from emitter.scenario.steps import Count
from emitter.scenario.texts import a_count, a_wait
from emitter.standins import Alert, Call, Card, Change, PagerDuty, Run, Standin, TeamsWebhook
from emitter.standins.flow import FAILED

LONGEST_ABOUT = 255
_LOOKED_AT = 200  # of the newest, to find the nearest among
_POLL = 0.02

_CALLS = {
    "calls": "How many calls there were; it knows nothing of `about`.",
    "refused": "How many calls were not taken: refused, dropped, or answered by a script; it knows nothing of `about`.",
}
TEAMS_WORDS = {
    "cards": "How many cards stand in the channel.",
    "runs": "How many runs the flow had; it knows nothing of `about`.",
    "failed": "How many of them failed, which their senders do not see; it knows nothing of `about`.",
    **_CALLS,
}
PAGERDUTY_WORDS = {
    "open": "How many alerts are open.",
    "alerts": "How many alerts there have been, resolved ones included.",
    "changes": "How many change events there were.",
    "lost": "How many acknowledges and resolves were dropped: no alert was open; it knows nothing of `about`.",
    **_CALLS,
}
WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType({"Teams": TEAMS_WORDS, "PagerDuty": PAGERDUTY_WORDS})
"""What may be expected, by the name of the service."""
_NOUNS = {
    "cards": ("card in the channel", "cards in the channel"),
    "runs": ("run", "runs"),
    "failed": ("failed run", "failed runs"),
    "calls": ("call", "calls"),
    "refused": ("call that was not taken", "calls that were not taken"),
    "open": ("open alert", "open alerts"),
    "alerts": ("alert", "alerts"),
    "changes": ("change event", "change events"),
    "lost": ("acknowledge or resolve without an open alert", "acknowledges and resolves without an open alert"),
}
_ABOUT = ("cards", "open", "alerts", "changes")


@dataclass(frozen=True, slots=True)
class AskedOfStandin:
    """How many of each there should be, of those that hold a text, and how long to ask again."""

    counts: Mapping[str, Count]
    about: str = ""
    within: timedelta = timedelta(0)


def read_standin(words: Mapping[str, Any], standin: Standin[Any]) -> AskedOfStandin:
    """Read what is expected of a stand-in; raises `UnknownName`, `BadValue`, `UsageError`."""
    known = WORDS[standin.service]
    for word in words:
        if word not in known and word not in ("about", "within"):
            raise UnknownName(f"expectation of {standin.service}", str(word), (*known, "about", "within"))
    about = words.get("about", "")
    if not isinstance(about, str) or len(about) > LONGEST_ABOUT:
        raise BadValue("about", about, f"is no text of {LONGEST_ABOUT} characters at most.")
    within = a_wait("within", words["within"]) if "within" in words else timedelta(0)
    counts = {word: a_count(word, value) for word, value in words.items() if word in known}
    if not counts:
        raise UsageError(f"Say what is expected of {standin.service}: {', '.join(known)}, each with how many.")
    if about and not any(word in _ABOUT for word in counts):
        raise UsageError(f"`about` goes with {', '.join(word for word in _ABOUT if word in known)}.")
    return AskedOfStandin(counts, about, within)


def judge_standin(asked: AskedOfStandin, standin: Standin[Any], *, telling: bool = True) -> Judged:
    """Judge now: say of each claim whether it holds, and where one does not, what there is, the nearest first.

    Without `telling` it leaves out what there is, which takes longest.
    """
    with standin.changed:  # all of it of one moment
        findings = tuple(
            _finding(word, count, _those(word, standin, asked.about), asked.about, standin.service)
            for word, count in asked.counts.items()
        )
        passed = all(each.passed for each in findings)
        return Judged(findings, () if passed or not telling else tuple(_came(standin, asked.about)))


def hold_standin(
    asked: AskedOfStandin, standin: Standin[Any], *, seconds: float, stopped: Callable[[], bool] = lambda: False
) -> Judged:
    """Judge until it holds, for up to `seconds` of wall time."""
    deadline = clock.monotonic() + seconds
    while True:
        left = deadline - clock.monotonic()
        over = left <= 0 or stopped()
        judged = judge_standin(asked, standin, telling=over)
        if judged.passed or over:
            return judged
        with standin.changed:
            standin.changed.wait(min(left, _POLL))


Item = Card | Run | Alert | Change | Call


def _those(word: str, standin: Standin[Any], about: str) -> Sequence[Item]:
    match word:
        case "calls":
            return [each for each in standin.calls if each.method == "POST"]
        case "refused":
            return [each for each in standin.calls if each.method == "POST" and _refused(each)]
        case "lost":
            return [each for each in standin.calls if not each.passed and not _refused(each)]
    if isinstance(standin, TeamsWebhook):
        return standin.cards(about) if word == "cards" else standin.runs(FAILED if word == "failed" else "")
    assert isinstance(standin, PagerDuty)
    if word == "changes":
        return standin.changes(about)
    return standin.open_alerts(about) if word == "open" else standin.alerts(about)


def _refused(call: Call) -> bool:
    return call.status is None or call.status >= 300


def _finding(word: str, count: Count, those: Sequence[Item], about: str, service: str) -> Finding:
    noun = _NOUNS[word][(count.least, count.most) != (1, 1)]
    told = f"{noun} about {shown(about)}" if about and word in _ABOUT else noun
    details = [f"there is: {_told(each)}" for each in those[-MOST_SHOWN:]]
    return counted(f"{told} at {service}", count, len(those), 0, details)


def _came(standin: Standin[Any], about: str) -> Iterator[str]:
    """All that there is, what is likest to the text first, then the newest; then what came to nothing, and why."""
    items: list[Item] = []
    if isinstance(standin, TeamsWebhook):
        items = [*standin.cards()]
    elif isinstance(standin, PagerDuty):
        items = sorted([*standin.alerts(), *standin.changes()], key=_when)
    newest = items[-_LOOKED_AT:][::-1]
    places = likest([_title(each) for each in newest], about, MOST_SHOWN) if about else range(MOST_SHOWN)
    yield from (_told(newest[place]) for place in places if place < len(newest))
    if len(items) > MOST_SHOWN:
        yield f"and {len(items) - MOST_SHOWN:,} more"
    wrong = [each for each in standin.calls if not each.passed]
    yield from map(_told, wrong[-MOST_SHOWN:])
    if not items and not wrong:
        yield f"nobody has called {standin.service}"


def _when(item: Item) -> int:
    return item.opened_at if isinstance(item, Alert) else item.at


def _title(item: Item) -> str:
    return item.title if isinstance(item, Card) else item.summary if isinstance(item, Alert | Change) else ""


def _told(item: Item) -> str:
    at = rfc3339(_when(item), 0).replace("T", " ").removesuffix("Z")
    match item:
        case Card():
            words = f"card {item.number} {shown(item.title)}"
        case Run():
            words = f"run {item.number} {item.status}: {printable(item.error or item.sent, 300)}"
        case Alert():
            words = f"alert {item.number} {shown(item.summary)}: {item.status}, dedup_key {shown(item.dedup_key)}"
        case Call():
            answered = f"answered {item.status}" if item.status else "not answered"
            why = f": {printable(item.why[0], 300)}" if item.why else ""
            words = f"call {item.number}, {printable(item.came, 200)}: {answered}, {printable(item.became, 200)}{why}"
        case Change():
            words = f"change event {item.number} {shown(item.summary)}"
    return f"{at}  {words}"
