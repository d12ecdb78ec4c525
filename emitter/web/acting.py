"""An action of the simulated app as a form: a field for each parameter, what was typed read as the action takes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emitter import strictjson
from emitter.errors import BadJson, BadValue, NotFound, nearest
from emitter.faults import FaultSpec
from emitter.report.words import short_type
from emitter.world import ACTIONS
from emitter.world.parameters import Parameter

LINES = ("users", "domains", "data sources", "texts", "approvers", "columns", "pairs")
AREAS = ("prose", "json", "stages", *LINES)
_HINTS = {
    "period": "90 days, 6 weeks, for good",
    "json": "JSON",
    "stages": '[{"any": ["Ann Lee"]}, {"all": ["GOVERNANCE"]}]',
    "approvers": "one a line: a name, GOVERNANCE, or JSON",
    "columns": "one a line: source/column",
    "pairs": "one a line: key=value",
    "user": "a name or an id",
}
_LISTS = {"user": "l-people"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    parameter: Parameter
    id: str
    value: str = ""

    @property
    def name(self) -> str:
        return f"p-{self.parameter.name}"

    @property
    def label(self) -> str:
        return self.parameter.name.replace("_", " ")

    @property
    def area(self) -> bool:
        """Whether what is typed may have lines."""
        return self.parameter.kind in AREAS

    @property
    def hint(self) -> str:
        return _HINTS.get(self.parameter.kind, "one a line" if self.parameter.kind in LINES else "")

    @property
    def offers(self) -> str:
        """The id of the list whose words are offered."""
        return _LISTS.get(self.parameter.kind, "")

    def read(self) -> Any:
        """What was typed as the action takes it; None for nothing. Raises `BadValue`."""
        text, kind = self.value.replace("\r\n", "\n").strip(), self.parameter.kind
        if not text:
            return None
        if kind in ("json", "stages") or (kind == "approvers" and text.startswith("[")):
            return self._json(text)
        if kind == "pairs":
            return self._pairs(text)
        if kind in LINES:
            lines = [line.strip() for line in text.split("\n") if line.strip()]
            return [self._json(line) if line.startswith("{") else line for line in lines]
        return text

    def _json(self, text: str) -> Any:
        try:
            return strictjson.loads(text.encode("utf-8", "replace"))
        except BadJson as error:
            raise BadValue(self.label, text[:200], f"is no JSON: {error}") from None

    def _pairs(self, text: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in filter(None, map(str.strip, text.split("\n"))):
            name, equals, value = line.partition("=")
            if not equals or not name.strip():
                raise BadValue(self.label, line[:200], "is no line key=value.")
            found.setdefault(name.strip(), []).append(value.strip())
        return found


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one action. `subject` is the kind of what it is done to, which the page it stands on is about."""

    action: str
    subject: str
    description: str
    fields: tuple[Field, ...]
    faults: str = ""
    events: tuple[str, ...] = ()
    sure: bool = True
    to: str = field(default="")  # the parameter that names the subject

    @classmethod
    def of(
        cls, action: str, typed: Mapping[str, str], *, events: tuple[str, ...] | None = None, sure: bool = True
    ) -> Form:
        """Make the form of an action, with what was typed into it; raises `NotFound`."""
        made = ACTIONS.get(action)
        if made is None:
            close = nearest(action[:100], ACTIONS)
            raise NotFound("action", action, f'Did you mean "{close[0]}"?' if close else "", nearest=close)
        parameters = made.parameters()
        own = parameters[1:] if made.subject else parameters
        return cls(
            action,
            made.subject,
            (made.__doc__ or "").strip(),
            tuple(Field(each, f"{action}-{each.name}", typed.get(f"p-{each.name}", "")) for each in own),
            typed.get("faults", ""),
            made.emits if events is None else events,
            sure,
            parameters[0].name if made.subject else "",
        )

    @property
    def label(self) -> str:
        return self.action.replace("_", " ")

    @property
    def needs_more(self) -> bool:
        """Whether something has to be said before it can be done."""
        return any(each.parameter.required for each in self.fields)

    @property
    def typed(self) -> bool:
        """Whether something was."""
        return bool(self.faults) or any(each.value for each in self.fields)

    @property
    def follows(self) -> list[str]:
        """The types of the events that follow, shortened, each with how many there are of it."""
        counts = Counter(map(short_type, self.events))
        return [name if count == 1 else f"{count:,} × {name}" for name, count in counts.items()]

    def read(self) -> dict[str, Any]:
        """The parameters as the action takes them; raises `BadValue`."""
        read = {each.parameter.name: each.read() for each in self.fields}
        return {name: value for name, value in read.items() if value is not None}

    def read_faults(self) -> tuple[FaultSpec, ...]:
        """The faults that were asked for, one a line; raises `BadValue` or `UnknownName`."""
        return faults_of(self.faults)


MOST_FAULTS = 50


def faults_of(text: str) -> tuple[FaultSpec, ...]:
    """Read faults as on the command line, one a line; raises `BadValue` or `UnknownName`."""
    lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if len(lines) > MOST_FAULTS:
        raise BadValue("fault", f"{len(lines)} lines", f"are more than {MOST_FAULTS} faults.")
    return tuple(map(FaultSpec.parse, lines))
