"""What holding an event against the contract gives: findings, and the verdict that they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DOCUMENTED, DERIVED, ASSUMED = "documented", "derived", "assumed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where something is not as it should be, or not as it is assumed to be.

    `pointer` is an RFC 6901 JSON Pointer into the body; empty for the whole body, and where `header` names a header.
    `rule` is the keyword of the schema that was broken, or one of `emitter.contract.assumed.RULES`. `message` says what
    is expected and what is there, `value` is what is there, as JSON, cut. `switch` is the assumption that it differs
    from, where there is one to change.
    """

    pointer: str
    rule: str
    message: str
    provenance: str = ""
    value: str = ""
    switch: str = ""
    header: str = ""

    def to_json(self) -> dict[str, str]:
        return {
            "pointer": self.pointer,
            "header": self.header,
            "rule": self.rule,
            "message": self.message,
            "value": self.value,
            "provenance": self.provenance,
            "switch": self.switch,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one event.

    `verdict` is `invalid` where something documented (or derived from the vendor's API description) is broken,
    `unknown` for a sound envelope around a type that has no schema, else `valid`. `warnings` are what differs from an
    assumption only: the capture may be right.
    """

    type: str
    verdict: str
    violations: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "verdict": self.verdict,
            "violations": [each.to_json() for each in self.violations],
            "warnings": [each.to_json() for each in self.warnings],
        }


@dataclass(frozen=True, slots=True)
class Signed:
    """What became of verifying a captured signature. `ok` is None where this form of capture cannot tell."""

    ok: bool | None
    reason: str
    likely: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok, "reason": self.reason, "likely": list(self.likely)}
