"""An audit as JSON and as text."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from emitter.audit.telling import drawn
from emitter.audit.values import Audit, Kind, Reading, Result, Shot, Status
from emitter.clock import rfc3339
from emitter.report.words import counted, printable
from emitter.typed import duration_text

Json = dict[str, Any]
_MOST_SHOTS = 12  # of one check, in JSON
_WIDE = 100
PASSED, FAILED, UNREACHABLE = "passed", "failed", "unreachable"


def to_json(found: Audit) -> Json:
    """Write all of an audit as JSON; what was sent and came back in full only where a check failed."""
    return {
        "url": found.url,
        "version": found.version,
        "startedAt": rfc3339(found.at - round(found.seconds * 1e9), 3),
        "seconds": round(found.seconds, 3),
        "deliveries": found.deliveries,
        "probe": found.probe,
        "reachable": found.reachable,
        "stopped": found.stopped,
        "score": found.score,
        "passed": found.passed,
        "counts": counts(found),
        "checks": [_check(each) for each in found.results],
        "interleavings": found.interleavings,
        "difference": _difference(found),
        "readings": [_reading(each) for each in found.readings],
    }


def counts(found: Audit) -> dict[str, int]:
    """How many checks failed by kind, how many passed, how many could not be judged."""
    return {
        **{str(kind): len(found.of(Status.FAILED, kind)) for kind in Kind},
        "passed": len(found.of(Status.PASSED)),
        "unjudged": len(found.of(Status.UNJUDGED)),
    }


def _check(each: Result) -> Json:
    check = each.check
    return {
        "name": check.name, "family": check.family, "status": str(each.status), "kind": str(each.kind),
        "cause": each.cause, "sent": check.sent, "expected": check.expected, "found": each.found, "why": check.why,
        "source": check.source, "remedy": check.remedy,
        "deliveries": [_shot(shot, whole=each.failed) for shot in _shots(each)],
        "moreDeliveries": max(len(each.shots) - _MOST_SHOTS, 0),
    }  # fmt: skip


def _shots(each: Result) -> Sequence[Shot]:
    """Those that went wrong first, where there are many."""
    if len(each.shots) <= _MOST_SHOTS:
        return each.shots
    return sorted(each.shots, key=lambda shot: shot.accepted)[:_MOST_SHOTS]


def _shot(shot: Shot, *, whole: bool) -> Json:
    found: Json = {
        "what": shot.what, "type": shot.type, "status": shot.status, "failure": shot.failure, "error": shot.error,
        "milliseconds": round(shot.seconds * 1000, 3),
    }  # fmt: skip
    if whole:
        found |= {
            "headers": [list(pair) for pair in shot.headers],
            **_body(shot.body),
            "answerHeaders": [list(pair) for pair in shot.answer_headers],
            "answer": shot.answer,
        }
    return found


def _body(raw: bytes) -> Json:
    try:
        return {"body": raw.decode(), "bodyEncoding": "utf-8"}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(raw).decode(), "bodyEncoding": "base64"}


def _difference(found: Audit) -> Json | None:
    if found.difference is None:
        return None
    return {
        "sequence": [
            {"what": each.what, "type": each.type, "timestamp": each.timestamp} for each in found.difference.sequence
        ],
        "expected": found.difference.expected,
        "found": found.difference.found,
        "tries": found.difference.tries,
    }


def _reading(each: Reading) -> Json:
    return {
        "switch": each.switch, "value": each.value, "unknown": each.unknown, "deliveries": each.deliveries,
        "accepted": each.accepted, "found": each.found, "scored": each.scored,
    }  # fmt: skip


def as_text(found: Audit, *, verbose: bool = False) -> Iterator[str]:
    """Tell an audit, line by line: what failed and what follows from it, what was not judged, what passed."""
    yield f"Audit of {printable(found.url)}"
    probe = f", probe {printable(found.probe)}" if found.probe else ""
    yield f"  {counted(found.deliveries, 'delivery')} in {found.seconds:.1f} s{probe}"
    for root in (each for each in found.failed if not each.cause):
        yield ""
        yield from _failure(root)
        if root.check.name == "interleavings" and found.difference is not None:
            for number, line in enumerate(drawn(found.difference)):
                yield f"    {'deliveries' if number == 0 else '':<11}{line}"
        followers = [each for each in found.failed if each.cause == root.check.name]
        if followers:
            yield "    from this follows"
        for each in followers:
            yield f"      {each.kind}  {each.check.name}: {printable(each.found)}"
    yield from _readings(found)
    unjudged = found.of(Status.UNJUDGED)
    if unjudged:
        yield ""
        yield "not judged"
        yield from _grouped(unjudged)
    passed = found.of(Status.PASSED)
    if passed:
        yield ""
        yield "passed"
        if verbose:
            yield from (f"  {each.check.name}: {printable(each.found)}" for each in passed)
        else:
            yield from _wrapped([each.check.name for each in passed], "  ")
    yield ""
    if found.stopped:
        yield f"Not all was tried: {printable(found.stopped)}"
    yield verdict(found)


def verdict(found: Audit) -> str:
    """The score and what it is made of, on one line."""
    told = counts(found)
    parts = [f"{told[kind]} {kind}" for kind in map(str, Kind) if told[kind]]
    rest = f"{told['passed']} passed" + (f", {told['unjudged']} not judged" if told["unjudged"] else "")
    return f"score {found.score} of 100: {', '.join([*parts, rest])}"


def duration_words(seconds: float) -> str:
    """Seconds as people say them."""
    return duration_text(timedelta(seconds=seconds))


def _failure(each: Result) -> Iterator[str]:
    check = each.check
    yield f"{str(each.kind).upper()}  {check.name}"
    for word, text in (
        ("sent", check.sent), ("expected", check.expected), ("found", each.found), ("why", check.why),
        ("source", check.source), ("mend", check.remedy),
    ):  # fmt: skip
        for number, line in enumerate(_wrapped(printable(text).split(" "), "", sep=" ", width=_WIDE - 14)):
            yield f"    {word if number == 0 else '':<10}{line}"


def _readings(found: Audit) -> Iterator[str]:
    if not found.readings:
        return
    yield ""
    yield "readings of what is not documented"
    width = max(len(f"{each.switch}={each.value}") for each in found.readings)
    for each in found.readings:
        yield f"  {f'{each.switch}={each.value}':<{width}}  {each.unknown:<4} {printable(each.found)}"


def _grouped(results: Sequence[Result]) -> Iterator[str]:
    """Names that share their reason on one line."""
    reasons: dict[str, list[str]] = {}
    for each in results:
        reasons.setdefault(each.found, []).append(each.check.name)
    for reason, names in reasons.items():
        yield from _wrapped(names, "  ")
        yield from _wrapped(printable(reason).split(" "), "      ", sep=" ")


def _wrapped(words: Sequence[str], indent: str, *, sep: str = ", ", width: int = _WIDE) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(indent) + len(line) + len(sep) + len(word) > width:
            yield indent + (line + sep).rstrip()
            line = word
        else:
            line = f"{line}{sep}{word}" if line else word
    if line:
        yield indent + line


def outcome(found: Audit, fail_under: int | None = None) -> str:
    """passed, failed or unreachable: nothing unsafe and nothing wrong was found, or the score is reached, and all of it
    was tried."""
    if not found.reachable:
        return UNREACHABLE
    good = found.passed if fail_under is None else found.score >= fail_under
    return PASSED if good and not found.stopped else FAILED
