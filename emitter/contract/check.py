"""Hold events against the contract: what is documented must hold, what is assumed is compared and remarked on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson

from emitter import strictjson
from emitter.assumptions import Assumptions
from emitter.captures import Captured
from emitter.catalog import Catalog
from emitter.contract.assumed import Assumed
from emitter.contract.carried import Carried
from emitter.contract.values import ASSUMED, Finding, Verdict
from emitter.errors import BadJson, Violation, shown

_ONE_BODY = 64 * 1024  # bytes; a larger one is read the slow way only


class Contract:
    """Judges events by one catalogue and one set of assumptions. Any thread may use it."""

    def __init__(self, catalog: Catalog, assumptions: Assumptions) -> None:
        self._catalog = catalog
        self._assumed = Assumed(catalog, assumptions)
        self._carried = Carried(assumptions)

    def of(self, captured: Captured) -> Verdict:
        """Judge a captured request: its body, and what it says of how it was sent."""
        found = self.of_body(captured.body)
        remarks = self._carried.differences(captured)
        if not remarks:
            return found
        return Verdict(found.type, found.verdict, found.violations, (*found.warnings, *remarks))

    def of_body(self, raw: bytes) -> Verdict:
        """Judge a body, byte for byte as it came."""
        try:
            body = _read(raw)
        except BadJson as error:
            return unread(raw, error)
        name = body.get("type") if isinstance(body, dict) else None
        name = name if isinstance(name, str) else ""
        verdict, broken = self._catalog.verdict(body)
        if not broken:
            return Verdict(name, verdict, (), tuple(self._assumed.differences(body)))
        violations, softened = _weighed(broken, body)
        if not violations:
            verdict = "valid" if name in self._catalog else "unknown"
        missing = {each.message for each in broken if each.rule == "required"}
        told = {each.pointer for each in broken if each.pointer}
        remarks = [each for each in self._assumed.differences(body, missing=missing) if each.pointer not in told]
        return Verdict(name, verdict, tuple(violations), (*softened, *remarks))


def unread(raw: bytes, error: BadJson) -> Verdict:
    """The verdict on a body that is not the JSON that any parser reads alike."""
    begun = shown(raw[:61].decode("utf-8", "backslashreplace"), 60)[1:-1]
    return Verdict("", "invalid", (Finding("", "json", str(error), value=begun),))


def _read(raw: bytes) -> Any:
    """Read a body as `strictjson` does. One that is written as we write it is read at a tenth of the cost.

    What orjson reads and writes again to the same bytes names no member twice and holds no number that differs from
    parser to parser, and its depth is bounded by its brackets: `strictjson` would find nothing.
    """
    if len(raw) <= _ONE_BODY and raw.count(b"{") + raw.count(b"[") <= strictjson.DEEPEST:
        try:
            value = orjson.loads(raw)
            if orjson.dumps(value) == raw:
                return value
        except (ValueError, TypeError):
            pass
    return strictjson.loads(raw)


def _weighed(broken: Sequence[Violation], body: object) -> tuple[list[Finding], list[Finding]]:
    """Tell what breaks a fact from what only differs from an assumption."""
    violations: list[Finding] = []
    softened: list[Finding] = []
    for each in broken:
        pointer = each.pointer
        finding = Finding(pointer, each.rule, each.message, each.provenance, _value_at(body, pointer, each.rule))
        (softened if each.provenance == ASSUMED else violations).append(finding)
    return violations, softened


def _value_at(body: Any, pointer: str, rule: str) -> str:
    """What stands at a pointer, as JSON, cut; nothing for a member that is missing."""
    if rule == "required":
        return ""
    found = body
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (LookupError, TypeError, ValueError):
            return ""
    return shown(json.dumps(found, ensure_ascii=False), 120)[1:-1]
