"""A Report as JSON and back, as it is stored and served.

Members are named as fields are, in camelCase. Times are RFC 3339 with nine digits, so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from emitter.clock import parse_rfc3339, rfc3339
from emitter.errors import BadJson
from emitter.report.values import Finding, Mark, Report, StepReport, Tally, Tick

_TIMES = {"at", "start", "end", "wall_start"}
_INSIDE: Mapping[str, Any] = {
    "steps": StepReport, "findings": Finding, "marks": Mark, "ticks": Tick, "tally": Tally,
}  # fmt: skip

Json = dict[str, Any]


def to_json(report: Report) -> Json:
    """Write a report as JSON."""
    return _written(report)


def from_json(document: Mapping[str, Any]) -> Report:
    """Read a report back; members that are unknown are passed over, as a later version may have more.

    Raises `BadJson` for what is no report.
    """
    report: Report = _read(Report, document, "")
    return report


def _written(value: Any) -> Json:
    return {_camel(each.name): _member(each.name, getattr(value, each.name)) for each in fields(value)}


def _member(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return rfc3339(value)
    if isinstance(value, tuple):
        return [_member("", each) for each in value]
    if isinstance(value, Mapping):
        return dict(value)
    return _written(value) if is_dataclass(value) else value


def _read(kind: Any, document: Any, where: str) -> Any:
    if not isinstance(document, Mapping):
        raise BadJson("A report holds an object here", where or "the whole of it")
    found = {}
    for each in fields(kind):
        member = _camel(each.name)
        path = f"{where}.{member}" if where else member
        if member in document:
            found[each.name] = _value(each.name, document[member], path)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise BadJson(f"This is no report: it has no {path}")
    return kind(**found)


def _value(name: str, value: Any, path: str) -> Any:
    if name in _TIMES and value is not None:
        try:
            return parse_rfc3339(value)
        except (TypeError, ValueError):
            raise BadJson("This is no report: a time is no RFC 3339", path) from None
    kind = _INSIDE.get(name)
    if kind is not None and isinstance(value, list):
        return tuple(_read(kind, each, f"{path}[{number}]") for number, each in enumerate(value))
    if kind is not None:
        return _read(kind, value, path)
    return tuple(value) if isinstance(value, list) else value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
