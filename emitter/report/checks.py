"""What checking captures gave as JUnit XML: a suite for each file, in it a case for each type that it holds.

The names stay the same from run to run, however many events a file holds, so that CI can follow them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as XML

from emitter.captures import Origin
from emitter.captures.values import HISTORY
from emitter.contract.checking import MOST_TYPES, OTHERS, UNREADABLE, Checked
from emitter.report.junit import legal
from emitter.report.words import printable

MOST_LINES = 100  # of one case
MOST_FILES = 10_000
READABLE = "can be read"


@dataclass(slots=True)
class _Case:
    events: int = 0
    failed: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, found: list[str]) -> None:
        self.events += 1
        if found:
            self.failed += 1
            self.lines += found[: max(MOST_LINES - len(self.lines), 0)]


class CheckReport:
    """Gathers what is wrong. `strict`: warnings are, too."""

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._suites: dict[str, dict[str, _Case]] = {}

    def add(self, each: Checked) -> None:
        """Take one piece in; memory stays bounded however many there are."""
        name = str(Origin(each.origin.file)) if each.origin.file != HISTORY else "history"
        suite = self._suites.get(name)
        if suite is None:
            name = name if len(self._suites) < MOST_FILES else OTHERS
            suite = self._suites.setdefault(name, {READABLE: _Case()})
        suite[READABLE].add([f"{each.origin}: {each.error}"] if each.word == UNREADABLE else [])
        if each.word != UNREADABLE:
            kind = each.type or "(no type)"
            kind = kind if kind in suite or len(suite) < MOST_TYPES else OTHERS
            suite.setdefault(kind, _Case()).add(list(self._wrong(each)))

    def _wrong(self, each: Checked) -> Iterator[str]:
        verdict = each.verdict
        if verdict is not None:
            for finding in (*verdict.violations, *(verdict.warnings if self._strict else ())):
                place = f"header {finding.header}" if finding.header else finding.pointer or "(the whole body)"
                yield f"{each.origin}: {place}: {finding.message} ({finding.rule})"
        if each.refused and each.signed is not None:
            yield f"{each.origin}: signature refused: {' '.join((each.signed.reason, *each.signed.likely))}"

    def as_junit(self) -> bytes:
        """Write JUnit XML."""
        root = XML.Element("testsuites", name="emitter check")
        for name, cases in self._suites.items():
            suite = XML.SubElement(root, "testsuite", name=legal(printable(name, 500)))
            for kind, case in cases.items():
                self._case(suite, name, kind, case)
            errors = len(suite.findall("testcase/error"))
            failures = len(suite.findall("testcase/failure"))
            for key, count in (("tests", len(cases)), ("failures", failures), ("errors", errors), ("skipped", 0)):
                suite.set(key, str(count))
        for key in ("tests", "failures", "errors", "skipped"):
            root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
        XML.indent(root)
        written: bytes = XML.tostring(root, encoding="utf-8", xml_declaration=True)
        return written + b"\n"

    def _case(self, suite: XML.Element, file: str, kind: str, case: _Case) -> None:
        element = XML.SubElement(
            suite, "testcase", name=legal(printable(kind, 200)), classname=legal(printable(file, 500)), time="0.000"
        )
        if not case.failed:
            return
        unread = kind == READABLE
        what = "pieces cannot be read" if unread else "events are not as they should be"
        child = XML.SubElement(element, "error" if unread else "failure")
        child.set("message", f"{case.failed:,} of {case.events:,} {what}")
        child.set("type", "unreadable" if unread else "contract")
        lines = [printable(line, 1000) for line in case.lines]
        if len(lines) >= MOST_LINES:
            lines.append("and more: `emitter check` lists them all")
        child.text = legal("\n".join(lines))
