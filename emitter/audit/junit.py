"""An audit as JUnit XML: a suite for each family of checks, in it a case for each check.

The names stay the same from run to run, so that CI can follow them. What could not be judged is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as XML

from emitter.audit.report import verdict
from emitter.audit.values import Audit, Result, Status
from emitter.clock import rfc3339
from emitter.report.junit import legal
from emitter.report.words import printable


def as_junit(found: Audit) -> bytes:
    """Write JUnit XML."""
    root = XML.Element("testsuites", name="emitter audit")
    families: dict[str, list[Result]] = {}
    for each in found.results:
        families.setdefault(each.check.family, []).append(each)
    for name, results in sorted(families.items()):
        root.append(_suite(name, results, found))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{found.seconds:.3f}")
    XML.indent(root)
    written: bytes = XML.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _suite(name: str, results: Sequence[Result], found: Audit) -> XML.Element:
    suite = XML.Element("testsuite", name=legal(f"emitter audit: {name}"))
    failures = sum(each.failed for each in results)
    skipped = sum(each.status is Status.UNJUDGED for each in results)
    for key, count in (("tests", len(results)), ("failures", failures), ("errors", 0), ("skipped", skipped)):
        suite.set(key, str(count))
    suite.set("timestamp", rfc3339(found.at, 0).removesuffix("Z"))
    properties = XML.SubElement(suite, "properties")
    for key, value in (("url", found.url), ("score", found.score), ("version", found.version)):
        XML.SubElement(properties, "property", name=key, value=legal(printable(value)))
    for each in results:
        _case(suite, each)
    XML.SubElement(suite, "system-out").text = legal(printable(verdict(found)))
    return suite


def _case(suite: XML.Element, each: Result) -> None:
    check = each.check
    seconds = sum(shot.seconds for shot in each.shots)
    case = XML.SubElement(
        suite,
        "testcase",
        name=legal(check.name),
        classname=legal(f"emitter.audit.{check.family}"),
        time=f"{seconds:.3f}",
    )
    if each.status is Status.UNJUDGED:
        XML.SubElement(case, "skipped", message=legal(printable(each.found, 500)))
    if not each.failed:
        return
    failure = XML.SubElement(case, "failure", type=str(each.kind), message=legal(printable(each.found, 500)))
    lines = (
        ("sent", check.sent), ("expected", check.expected), ("found", each.found), ("why", check.why),
        ("source", check.source), ("mend", check.remedy), ("follows from", each.cause),
    )  # fmt: skip
    failure.text = legal("\n".join(f"{word}: {printable(text)}" for word, text in lines if text))
