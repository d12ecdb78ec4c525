"""Things that are written by hand, made as the app's own actions make them; what else is said of them is laid on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.errors import BadValue, EmitterError, IllegalAction, NotFound
from emitter.factory import Cast
from emitter.scenario.acting import named
from emitter.scenario.nodes import Node
from emitter.scenario.reading import WRONG, Reading, no, said
from emitter.world import actions
from emitter.world.draft import Draft
from emitter.world.entities import (
    APPROVED,
    CANCELED,
    DENIED,
    EXPIRED,
    KIND_OF,
    MASKING_EXCEPTION,
    PENDING,
    REVOKED,
    Entity,
    Request,
    kind_of,
)  # fmt: skip
from emitter.world.known import Known
from emitter.world.parameters import READERS, Action, Parameter
from emitter.world.request_actions import Approve, AskForAccess, AskForMaskingException, Cancel, Deny, Revoke
from emitter.worldfile.values import Values, plain, traps
from emitter.worldfile.words import ACTIONS, BY_HAND, DECISIONS, NUMBER

_ENDS: Mapping[str, type[Action]] = {CANCELED: Cancel, REVOKED: Revoke}
_NAMES = {action: name for name, action in actions.ACTIONS.items()}


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a world depends on beside its file: the seed, unless the file has one; the time; what is assumed."""

    seed: int
    now: int
    assumptions: Assumptions
    catalog: Catalog


class Making:
    """Makes the things of one world, each of those that were made before it."""

    def __init__(self, values: Values, known: Known, cast: Cast, conditions: Conditions) -> None:
        self._values, self._known, self._cast, self._conditions = values, known, cast, conditions
        self._reading = Reading(values.mistakes, conditions.catalog)
        self._parameters: dict[type[Action], dict[str, Parameter]] = {}

    def take(self, entity: Entity) -> None:
        """Let a thing be there."""
        self._known.apply(entity)
        kind = kind_of(entity)
        self._known.counts[kind] = len(self._known.all(kind))

    def made(self, made: type[Any], node: Node) -> Any:
        """Make a thing of a mapping; `WRONG` where a mistake was noted, here or in what it refers to."""
        kind = KIND_OF[made]
        names = {each.name for each in fields(made)} - {NUMBER}
        action = ACTIONS[made]
        parameters = self._parameters_of(action)
        more = DECISIONS if made is Request else {}
        members = self._values.members(node, [*parameters, *sorted(names - parameters.keys()), *more], of=kind)
        for place in traps(node):
            self._values.mistakes.add(place, place.trap)
        if made is Request:
            action = AskForMaskingException if _masks(members) else AskForAccess
            parameters = self._parameters_of(action)
        asked = {
            name: self._parameter(parameters[name], member) for name, member in members.items() if name in parameters
        }
        own = {
            name: self._values.field(made, name, member)
            for name, member in members.items()
            if name in names and name not in parameters
        }
        told = {name: self._decision(name, member) for name, member in members.items() if name in more}
        for each in parameters.values():
            if each.required and asked.get(each.name) is None:
                self._values.mistakes.add(node, f"{kind}: {each.name} is missing: {each.help}")
        if any(each is WRONG for each in (*asked.values(), *own.values(), *told.values())) or node.told:
            return WRONG
        if made is Request:
            return self._request(action, node, members, asked, own, told)
        return self._perform(action, asked, node, at=own.get("created_at", 0), own=own)

    def _parameters_of(self, action: type[Action]) -> dict[str, Parameter]:
        if action not in self._parameters:
            self._parameters[action] = {each.name: each for each in action.parameters()}
        return self._parameters[action]

    # --- reading ----------------------------------------------------------------------------------------------------

    def _parameter(self, parameter: Parameter, node: Node) -> Any:
        value = plain(node)
        if value is None or node.told:
            return WRONG if node.told else None
        try:
            found = READERS[parameter.kind](parameter.name, value)
        except EmitterError as error:
            return self._values.wrong(node, said(error))
        if parameter.choices and found not in parameter.choices:
            return self._values.wrong(node, no(parameter.name, str(found), parameter.choices))
        allowed = BY_HAND.get(parameter.name, ())
        texts = [each[1] for each in found] if parameter.kind == "pairs" else found
        for each in texts if allowed else ():
            if each not in allowed:
                return self._values.wrong(node, no("permission", each, allowed))
        fine = True
        for place, kind, text in named(node, value, parameter.kind, self._reading):
            fine = self._refers(kind, place, str(text)) and fine
        if parameter.name == "domain_permissions" and isinstance(node.value, dict):
            for key, member in node.value.items():
                fine = self._refers("domain", Node(key, member.key_line, raw=key), key) and fine
        return found if fine else WRONG

    def _refers(self, kind: str, node: Node, text: str) -> bool:
        if kind == "record":
            return True
        return self._values.reference(kind, Node(text, node.line, raw=text)) is not WRONG

    def _decision(self, name: str, node: Node) -> Any:
        if name.endswith("_at"):
            return self._values.moment(node, name)
        kind = {"approved_by": "users", "denied_by": "user", "granted_for": "period", "reason": "text"}[name]
        return self._parameter(Parameter(name, kind, "", False), node)

    # --- making -----------------------------------------------------------------------------------------------------

    def _draft(self, action: type[Action], at: int) -> Draft:
        now, assumptions = at or self._conditions.now, self._conditions.assumptions
        return Draft(self._known, self._cast, now=now, assumptions=assumptions, action=_NAMES[action])

    def _perform(
        self,
        action: type[Action],
        asked: Mapping[str, Any],
        node: Node,
        *,
        at: int,
        own: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what makes a thing, without telling anybody; a mistake is noted at what it is about."""
        draft = self._draft(action, at)
        try:
            given = action(**{name: value for name, value in asked.items() if value is not None})
            subject = given.find(draft)
            if subject is not None and getattr(subject, "state", "") not in (
                *given.needs,
                *_ALSO_DELETED.get(action, ()),
            ):
                raise BadValue(kind_of(subject), getattr(subject, "name", subject.id), f"is {subject.state} by then.")
            entity: Any = given.perform(draft, subject)
        except EmitterError as error:
            return self._values.wrong(_about(error, node), _why(error))
        for each in draft.changed.values():
            if each.number != entity.number:
                self.take(each)
        if own:
            entity = replace(entity, **own)
            if "created_at" in own and "updated_at" not in own:
                entity = replace(entity, updated_at=own["created_at"])
        return entity

    def _request(
        self, action: type[Action], node: Node, members: Mapping[str, Node], asked: Mapping[str, Any],
        own: Mapping[str, Any], told: Mapping[str, Any],
    ) -> Any:  # fmt: skip
        """A request in the state that it is to be in: asked for, decided on, ended."""
        made_at = own.get("created_at", 0)
        begun = {name: value for name, value in own.items() if name in ("id", "run", "created_at")}
        request = self._perform(action, asked, node, at=made_at, own=begun)
        if request is WRONG:
            return WRONG
        decided_at = told.get("decided_at", 0) or made_at
        decision = {
            name: told[word] for name, word in (("duration", "granted_for"), ("reason", "reason")) if word in told
        }
        status = own.get("status", "")
        self.take(request)
        for by in told.get("approved_by") or ():
            request = self._decide(Approve, request, members["approved_by"], decided_at, by=by, **decision)
        if told.get("denied_by") and request is not WRONG:
            reason = {name: value for name, value in decision.items() if name == "reason"}
            request = self._decide(Deny, request, members["denied_by"], decided_at, by=told["denied_by"], **reason)
        place = members.get("status", node)
        while request is not WRONG and request.status == PENDING and status in (APPROVED, REVOKED, EXPIRED):
            request = self._decide(Approve, request, place, decided_at, **decision)
        if request is not WRONG and request.status == PENDING and status == DENIED:
            reason = {name: value for name, value in decision.items() if name == "reason"}
            request = self._decide(Deny, request, place, decided_at, **reason)
        if request is not WRONG and status in _ENDS and request.status != status:
            request = self._decide(_ENDS[status], request, place, told.get("ended_at", 0) or decided_at)
        if request is WRONG:
            return WRONG
        rest = {name: value for name, value in own.items() if name not in ("id", "run", "created_at", "status")}
        return self._ended(replace(request, **rest), status, place)

    def _ended(self, request: Request, status: str, place: Node) -> Any:
        """A request whose access has ended by now; a mistake where it is not in the state that it is said to be in."""
        if status == EXPIRED and request.status == APPROVED:
            if not request.expiration:
                return self._values.wrong(
                    place, "status: access that was granted for good does not end; say granted_for."
                )
            if request.expiration > self._conditions.now:
                return self._values.wrong(
                    place,
                    "status: this access ends later than now; say an earlier decided_at, or a shorter granted_for.",
                )
            return replace(request, status=EXPIRED, updated_at=request.expiration, warnings=())
        if status and request.status != status:
            return self._values.wrong(
                place,
                f"status: by what its product's policy and the decisions say, it is {request.status}, not {status}.",
            )
        return request

    def _decide(self, action: type[Action], request: Request, node: Node, at: int, **more: Any) -> Any:
        found = self._perform(action, {"request": request.id, **more}, node, at=at)
        if found is not WRONG:
            self.take(found)
        return found


_ALSO_DELETED: Mapping[type[Action], tuple[str, ...]] = {
    AskForAccess: ("DELETED",), AskForMaskingException: ("DELETED",),
}  # fmt: skip
"""What was deleted since may have been asked for before."""


def _masks(members: Mapping[str, Node]) -> bool:
    said_so = members.get("type")
    return said_so.value == MASKING_EXCEPTION if said_so is not None else "columns" in members


def _about(error: EmitterError, node: Node) -> Node:
    """The place within a node that an error is about: where the name stands that it speaks of."""
    text = error.name if isinstance(error, NotFound) else str(error.value) if isinstance(error, BadValue) else None
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each.value, dict):
            waiting += each.value.values()
        elif isinstance(each.value, list):
            waiting += each.value
        elif text and each.raw == text:
            return each
    return node


def _why(error: EmitterError) -> str:
    return f"{error.why}." if isinstance(error, IllegalAction) else said(error)
