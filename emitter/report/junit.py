"""Reports as JUnit XML, for CI: a test suite for each scenario, in it a test case for each step that can fail.

There is no standard; this keeps to what Jenkins, GitLab and GitHub's reporters read. A step's name stays the same from
run to run, so that they can follow it. What the suite took stands in its last case, as steps take no wall time of
their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as XML

from emitter.clock import rfc3339
from emitter.report.following import followed
from emitter.report.text import as_text, verdict
from emitter.report.values import ERROR, FAILED, SKIPPED, Report, StepReport
from emitter.report.words import CONTAINERS, gone_wrong, lines_of, moment, place, printable

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def as_junit(reports: Sequence[Report]) -> bytes:
    """Write JUnit XML."""
    root = XML.Element("testsuites", name="emitter run")
    suites = [_suite(report) for report in reports]
    root.extend(suites)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", _time(sum(report.took for report in reports)))
    XML.indent(root)
    written: bytes = XML.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _suite(report: Report) -> XML.Element:
    cases = list(_cases(report))
    suite = XML.Element("testsuite", name=legal(report.scenario))
    kinds = Counter(child.tag for case in cases for child in case)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(kinds["failure"]))
    suite.set("errors", str(kinds["error"]))
    suite.set("skipped", str(kinds["skipped"]))
    suite.set("time", _time(report.took))
    if report.wall_start:
        suite.set("timestamp", rfc3339(report.wall_start, 0).removesuffix("Z"))
    if report.file:
        suite.set("file", legal(report.file))
    suite.append(_properties(report))
    suite.extend(cases)
    XML.SubElement(suite, "system-out").text = legal("\n".join(as_text(report)))
    return suite


def _properties(report: Report) -> XML.Element:
    found = XML.Element("properties")
    pairs = {
        "run": report.run,
        "seed": report.seed,
        "start": moment(report.start),
        "end": moment(report.end),
        "target": report.target,
        "store": report.store,
        "version": report.version,
        **{f"variable.{name}": value for name, value in report.variables.items()},
        **{f"setting.{name}": value for name, value in report.settings.items()},
        **{f"deliveries.{state}": count for state, count in report.tally.deliveries.items()},
    }
    for name, value in pairs.items():
        if value != "":
            XML.SubElement(found, "property", name=legal(name), value=legal(printable(value)))
    return found


def _cases(report: Report) -> Iterable[XML.Element]:
    steps = [step for step in report.steps if step.kind not in CONTAINERS or step.findings or step.error]
    seen: Counter[str] = Counter()
    for step in steps:
        name = printable(step.words, 200)
        seen[name] += 1
        case = _case(report, name if seen[name] == 1 else f"{name} ({seen[name]})", step.line)
        _judge(case, report, step)
        yield case
    # It fails where no step says why, so that a run that broke off is never green.
    case = _case(report, "is played to its end", 0, report.took)
    explained = bool(gone_wrong(report))
    if report.status == SKIPPED:
        XML.SubElement(case, "skipped", message=legal(printable(report.error or "it was not played")))
    elif report.error or (report.status == ERROR and not explained):
        _say(case, "error", report.error or verdict(report), [place(report, 0), *lines_of(report.error)])
    elif report.status == FAILED and not explained:
        _say(case, "failure", verdict(report), [place(report, 0)])
    yield case


def _case(report: Report, name: str, line: int, took: float = 0.0) -> XML.Element:
    case = XML.Element("testcase", name=legal(name), classname=legal(report.scenario), time=_time(took))
    if report.file:
        case.set("file", legal(report.file))
    if line:
        case.set("line", str(line))
    return case


def _judge(case: XML.Element, report: Report, step: StepReport) -> None:
    if step.status == SKIPPED:
        XML.SubElement(case, "skipped", message=legal(printable(step.error or "it was not reached")))
    elif step.status == ERROR:
        _say(case, "error", step.error or "it could not be played", [place(report, step.line), *lines_of(step.error)])
    elif step.status == FAILED:
        failed = [finding for finding in step.findings if not finding.passed]
        message = "; ".join(finding.claim for finding in failed) or step.error or "it failed"
        lines = [] if failed else [place(report, step.line), *lines_of(step.error)]
        for finding in failed:
            lines.append(f"{place(report, finding.line or step.line)}: expected {printable(finding.claim)}")
            lines += [f"  came {line}" for line in lines_of(finding.found)]
            lines += [f"  {line}" for each in finding.details for line in lines_of(each)]
        if step.times > 1:
            lines.append(f"{step.failures:,} of {step.times:,} rounds failed; this is the first of them.")
        lines += [f"what followed: {each}" for each in followed(step).lines]
        _say(case, "failure", message, lines)


def _say(case: XML.Element, tag: str, message: str, lines: Sequence[str]) -> None:
    child = XML.SubElement(case, tag, message=legal(printable(message, 500)))
    child.set("type", "expectation" if tag == "failure" else "error")
    child.text = legal("\n".join(lines))


def legal(text: str) -> str:
    """Write out what XML has no character for, as `\\x1b`."""
    return _ILLEGAL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


def _time(value: float) -> str:
    return f"{value:.3f}"
