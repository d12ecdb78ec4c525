"""Fields of entities, as a world file writes them: read by their types, so that a new field is read, too."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

from emitter.clock import parse_rfc3339
from emitter.errors import BadValue, EmitterError, NotFound, shown
from emitter.scenario.nodes import Mistakes, Node
from emitter.scenario.reading import WRONG, no, said
from emitter.scenario.texts import LAST_MOMENT
from emitter.typed import duration
from emitter.world.approving import DOMAIN_PERMISSIONS, PERMISSIONS, approver
from emitter.world.entities import Approver, Stage, User
from emitter.world.known import Known
from emitter.world.parameters import snake
from emitter.world.periods import Period
from emitter.worldfile.words import CHOICES, REFERENCES, is_time

_AGO, _IN = " ago", "in "
_HINTS: dict[type[Any], Mapping[str, Any]] = {}  # looked up for every field of every thing


def hints(made: type[Any]) -> Mapping[str, Any]:
    """The types of a dataclass's fields."""
    if made not in _HINTS:
        _HINTS[made] = typing.get_type_hints(made)
    return _HINTS[made]


def required(item: Field[Any]) -> bool:
    """Whether a field has to be given."""
    return item.default is MISSING and item.default_factory is MISSING


def _none(made: type[Any], name: str, text: str) -> bool:
    """Whether a field says that it refers to nothing, and may."""
    return not text and any(item.name == name and item.default == "" for item in fields(made))


def plain(node: Node) -> Any:
    """The value of a node and of all within it."""
    if isinstance(node.value, list):
        return [plain(each) for each in node.value]
    if isinstance(node.value, dict):
        return {key: plain(each) for key, each in node.value.items()}
    return node.value


def traps(node: Node) -> Iterable[Node]:
    """The plain words within a node that other readers take for something else."""
    if node.trap:
        yield node
    for each in node.value if isinstance(node.value, list) else node.value.values() if _is_map(node) else ():
        yield from traps(each)


def _is_map(node: Node) -> bool:
    return isinstance(node.value, dict)


@dataclass(slots=True)
class Values:
    """Reads values of one file. `shift` is how far its times move, `now` the simulator's; `known` is who is there.

    `unsure` are names of things that a mistake stands in the way of: what refers to them is not told again.
    """

    mistakes: Mistakes
    known: Known
    now: int
    shift: int
    unsure: set[tuple[str, str]]

    def wrong(self, node: Node, text: str) -> Any:
        """Note a mistake, and give back what stands in its place."""
        self.mistakes.add(node, text)
        return WRONG

    def members(self, node: Node, known: Iterable[str], *, of: str) -> dict[str, Node]:
        """The members of a mapping whose keys are a closed list, by the spelling of the list."""
        words = dict.fromkeys(known)
        found: dict[str, Node] = {}
        for key, member in node.value.items():
            word = snake(key)
            if word not in words:
                self.mistakes.add_key(member, no(f"{of} key" if of else "key", key, words))
            elif word in found:
                self.mistakes.add_key(member, f"the key {shown(key)} stands here for the second time.")
            else:
                found[word] = member
        return found

    def moment(self, node: Node, name: str) -> Any:
        """Read a moment: RFC 3339, `3d ago` or `in 3d`."""
        text = node.raw.strip() if isinstance(node.raw, str) else ""
        try:
            if text == "now":
                return self.now
            if text.endswith(_AGO):
                found = self.now - _long(text.removesuffix(_AGO), name)
            elif text.startswith(_IN):
                found = self.now + _long(text.removeprefix(_IN), name)
            else:
                found = parse_rfc3339(text) + self.shift
        except (ValueError, EmitterError):
            return self.wrong(
                node, f"{name}: {shown(text, 60)} is no time. Write 2030-01-31T09:00:00Z, 3d ago, or in 3d."
            )
        if not 0 < found <= LAST_MOMENT:
            return self.wrong(node, f"{name}: {shown(text, 60)} leads out of the years 1970 to 2261.")
        return found

    def whole(self, made: type[Any], node: Node, *, of: str, only: Iterable[str] = ()) -> Any:
        """Read a dataclass from a mapping of its fields; `only` some of them, by name: then a dict of those."""
        if not isinstance(node.value, dict):
            return self.wrong(node, f"{of} is to be a mapping of {', '.join(each.name for each in fields(made))}.")
        members = self.members(node, [each.name for each in fields(made)], of=of)
        missing = [each.name for each in fields(made) if required(each) and each.name not in members]
        if missing:
            return self.wrong(node, f"{of}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
        read = {name: self.field(made, name, member) for name, member in members.items()}
        return WRONG if node.told or any(each is WRONG for each in read.values()) else made(**read)

    def field(self, made: type[Any], name: str, node: Node) -> Any:
        """Read one field of a dataclass."""
        for each in traps(node):
            self.mistakes.add(each, each.trap)
        if node.told:
            return WRONG
        found = self._read(hints(made)[name], made, name, node)
        return WRONG if node.told else found

    def _read(self, hint: Any, made: type[Any], name: str, node: Node) -> Any:
        origin, inside = typing.get_origin(hint), typing.get_args(hint)
        if origin in (types.UnionType, typing.Union):
            if node.value is None:
                return None
            hint = next(each for each in inside if each is not types.NoneType)
            origin, inside = typing.get_origin(hint), typing.get_args(hint)
        if origin is tuple and inside[-1:] == (Ellipsis,):
            return self._tuple(inside[0], made, name, node)
        if hint is Period:
            return self._parsed(node, lambda: Period.read(name, plain(node)))
        if hint is Approver:
            return self._approver(node)
        if hint is Stage:
            return self._stage(node)
        if is_dataclass(hint) and isinstance(hint, type):
            first = fields(hint)[0]
            if not isinstance(node.value, dict | list) and first.type in ("str", str) and node.value is not None:
                return self.whole(hint, Node({first.name: node}, node.line), of=name)
            return self.whole(hint, node, of=name)
        return self._simple(hint, made, name, node)

    def _simple(self, hint: Any, made: type[Any], name: str, node: Node) -> Any:
        if hint is str:
            if isinstance(node.value, list | dict | bool) or node.value is None:
                return self.wrong(node, f"{name}: this is no text.")
            text = node.value if isinstance(node.value, str) else node.raw
            choices = CHOICES.get((made, name))
            if choices and text not in choices:
                return self.wrong(node, no(name, text, choices))
            if name == "id" and not text:
                return self.wrong(node, "id: this is empty.")
            return (
                self.reference(REFERENCES[name], node) if name in REFERENCES and not _none(made, name, text) else text
            )
        if hint is bool:
            return node.value if isinstance(node.value, bool) else self.wrong(node, f"{name}: neither true nor false.")
        if hint is int:
            if is_time(name):
                return 0 if node.value == 0 else self.moment(node, name)
            if isinstance(node.value, int) and not isinstance(node.value, bool) and -(2**63) <= node.value < 2**63:
                return node.value
            return self.wrong(node, f"{name}: {shown(node.raw or '(this)', 60)} is no whole number.")
        return plain(node)

    def _tuple(self, item: Any, made: type[Any], name: str, node: Node) -> Any:
        if typing.get_origin(item) is tuple and typing.get_args(item) == (str, str):
            return self._pairs(made, name, node)
        nodes = node.value if isinstance(node.value, list) else [node] if node.value is not None else []
        found = [self._read(item, made, name, each) for each in nodes]
        if any(each.told for each in nodes):
            node.told = True
        return tuple(found)

    def _pairs(self, made: type[Any], name: str, node: Node) -> Any:
        """Keys with one value or several, as a mapping, or as a list of pairs where their order is another one."""
        pairs: list[tuple[Node, Node]] = []
        if isinstance(node.value, dict):
            for key, values in node.value.items():
                several = values.value if isinstance(values.value, list) else [values]
                pairs += [(Node(key, values.key_line, raw=key), each) for each in several]
        elif isinstance(node.value, list):
            for each in node.value:
                if not isinstance(each.value, list) or len(each.value) != 2:
                    return self.wrong(each, f"{name}: this is no pair of a key and a value.")
                pairs.append((each.value[0], each.value[1]))
        else:
            return self.wrong(node, f"{name} is to be a mapping, as {{key: value}}.")
        found = []
        for key, value in pairs:
            if not isinstance(value.value, str | int | float) or isinstance(value.value, bool):
                return self.wrong(value, f"{name}: this is no text.")
            text = value.value if isinstance(value.value, str) else value.raw
            first = key.value if isinstance(key.value, str) else key.raw
            if (made, name) == (User, "domain_permissions"):
                first = self.reference("domain", key)
            found.append((first, text))
            node.told = node.told or key.told or value.told
        return tuple(found)

    def _approver(self, node: Node) -> Any:
        value = plain(node)
        if isinstance(value, dict) and "type" in value and value.keys() & {"value", "scope"}:
            found = self.whole(Approver, node, of="approver")
            if found is WRONG:
                return WRONG
            refers = {"USER": ("value", "user"), "DOMAIN PERMISSION": ("scope", "domain")}.get(found.type)
            if refers is None or not getattr(found, refers[0]):
                return found
            id = self.reference(refers[1], node.value[refers[0]])
            return WRONG if id is WRONG else replace(found, **{refers[0]: id})
        if isinstance(value, str) and ("user", value) in self.unsure:
            return WRONG
        if isinstance(value, str) and value not in (*PERMISSIONS, *DOMAIN_PERMISSIONS):
            id = self.reference("user", node)
            return id if id is WRONG else Approver("USER", id)
        if not isinstance(value, str | Mapping):
            return self.wrong(node, "approver: this is neither a user nor a permission.")
        return self._parsed(node, lambda: approver(self.known, value))

    def _stage(self, node: Node) -> Any:
        if not _is_map(node) or len(node.value) != 1 or not node.value.keys() & {"any", "all"}:
            return self.wrong(node, "a stage is {any: [approvers]} or {all: [approvers]}.")
        [(mode, approvers)] = node.value.items()
        found = self._tuple(Approver, Stage, "approvers", approvers)
        node.told = node.told or approvers.told
        return Stage(mode, found)

    def reference(self, kind: str, node: Node) -> Any:
        """The id of the thing that a node names, by id or name."""
        text = node.value if isinstance(node.value, str) else node.raw
        if (kind, text) in self.unsure:
            node.told = True
            return WRONG
        if isinstance(node.value, list | dict) or not text:
            return self.wrong(node, f"this is to be the name of a {kind}.")
        try:
            return self.known.find(kind, text).id
        except NotFound:
            names = [getattr(each, "name", each.id) for each in self.known.all(kind)]
            names += sorted(name for of, name in self.unsure if of == kind)
            return self.wrong(node, no(kind, text, names))
        except BadValue as error:
            return self.wrong(node, str(error))

    def _parsed(self, node: Node, parse: Callable[[], Any]) -> Any:
        try:
            return parse()
        except EmitterError as error:
            return self.wrong(node, said(error))


def _long(text: str, name: str) -> int:
    return int(duration(text.strip(), name) / timedelta(microseconds=1)) * 1000
