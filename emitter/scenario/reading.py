"""How a value of the file is read at any place: its names looked up, its mistake noted at its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar, overload

from emitter.catalog import Catalog
from emitter.errors import BadValue, EmitterError, UnknownEventType, UnknownName, nearest, shown
from emitter.faults import FaultSpec
from emitter.scenario.names import (
    CHECKPOINT,
    ENTITIES,
    RESERVED,
    UNSURE,
    Meaning,
    Names,
    member_mistake,
)
from emitter.scenario.nodes import Mistakes, Node
from emitter.scenario.steps import Name, Template
from emitter.scenario.texts import NAME, NOTHING, a_text, filled, inside, is_open, template
from emitter.scenario.vocabulary import STEPS, plain

WRONG: Final[Any] = object()
"""What is read where a mistake was noted: the scenario is not going to be played."""

Instead = TypeVar("Instead")
Parse = Callable[[str, Any], Any]
_MOST_COMPARED = 200


def no(kind: str, name: str, known: Iterable[str], *, more: str = "") -> str:
    """Say that there is no such thing, and what was most likely meant."""
    candidates = list(dict.fromkeys(islice(known, _MOST_COMPARED)))
    hint = nearest(name[:100], candidates)
    if hint:
        said = f" Did you mean {shown(hint[0])}?"
    elif more:
        said = f" {more}"
    else:
        said = f" Known: {', '.join(candidates[:20])}." if candidates else " There is none."
    return f"no {kind} {shown(name, 60)}.{said}"


def said(error: EmitterError) -> str:
    """What an error says, behind a line number."""
    if isinstance(error, UnknownName):
        return no(error.kind, error.name, error.known)
    return str(error)


@dataclass(slots=True)
class Reading:
    """One file being read: what is known of it, where files beside it are, what is wrong so far."""

    mistakes: Mistakes
    catalog: Catalog
    folder: Path | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    made: Mapping[str, int] = field(default_factory=dict)  # every name that some step makes, with its line

    def members(self, node: Node, known: Iterable[str], *, of: str) -> dict[str, Node]:
        """The members of a mapping whose keys are a closed list, by the spelling of the list."""
        if not isinstance(node.value, dict):
            return self.wrong(node, f"{of} is to be a mapping of {', '.join(known)}.", {})
        return self.known_of(node, known, of=of)

    def known_of(self, node: Node, known: Iterable[str], *, of: str) -> dict[str, Node]:
        """As `members`, of what is a mapping for sure."""
        words = {plain(each): each for each in known}
        found: dict[str, Node] = {}
        for key, member in node.value.items():
            word = words.get(plain(key))
            if word is None:
                self.mistakes.add_key(member, no(f"{of} key" if of else "key", key, words.values()))
            elif word in found:
                self.mistakes.add_key(member, f"the key {shown(key)} stands here for the second time.")
            else:
                found[word] = member
        return found

    def items(self, node: Node, what: str, *, alone: bool = False) -> list[Node]:
        """The items of a list; `alone`: what is no list is a list of one."""
        if isinstance(node.value, list):
            return list(node.value)
        if alone and node.value is not None:
            return [node]
        return self.wrong(node, f"{what}: this is no list.", [])

    @overload
    def wrong(self, node: Node, text: str) -> Any: ...
    @overload
    def wrong(self, node: Node, text: str, instead: Instead) -> Instead: ...
    def wrong(self, node: Node, text: str, instead: Any = WRONG) -> Any:
        """Note a mistake, and give back what stands in its place."""
        self.mistakes.add(node, text)
        return instead

    def value(self, node: Node, names: Names) -> Any:
        """The value of a node, with templates where its texts hold names."""
        if node.trap:
            return self.wrong(node, node.trap)
        if isinstance(node.value, list):
            return [self.value(each, names) for each in node.value]
        if isinstance(node.value, dict):
            for key, member in node.value.items():
                if "${" in key:
                    self.mistakes.add_key(member, f"the key {shown(key)} holds a name; names stand in values only.")
            return {key: self.value(each, names) for key, each in node.value.items()}
        if not isinstance(node.value, str):
            return node.value
        try:
            text = template(node.value, node.line)
        except ValueError as error:
            return self.wrong(node, f"{shown(node.value, 60)} {error}")
        if isinstance(text, Template):
            for part in text.parts:
                if isinstance(part, Name) and not node.told:
                    self.look_up(part, node, names)
        return text

    def look_up(self, name: Name, node: Node, names: Names) -> None:
        """Note a mistake where a name is not known here, or has no such member."""
        meaning, members = names.get(name.path[0]), name.path[1:]
        if meaning is None:
            self.mistakes.add(node, self.unknown(name.path[0], node.line, names, kind="name", known=names))
        elif meaning.kind == CHECKPOINT:
            self.mistakes.add(node, f"{name} is a point that expectations look back to; it has no value.")
        elif meaning.kind in ENTITIES:
            if text := member_mistake(meaning.kind, members):
                self.mistakes.add(node, f"{name}: {text}")
        elif members and meaning.kind != UNSURE:
            for value in meaning.values or (None,):
                if inside(value, members) is NOTHING:
                    shape = f"in it is {', '.join(value)}" if isinstance(value, Mapping) else "it has no members"
                    self.mistakes.add(node, f"{name}: {shown(name.path[0])} is a {meaning.kind}; {shape}.")

    def unknown(self, name: str, line: int, names: Names, *, kind: str, known: Iterable[str]) -> str:
        """Say why a name is not known here: made later, made where it may not be played, or a slip."""
        where = self.made.get(name)
        if name == "round":
            return "${round} is known inside of a repeat only."
        if where is None:
            return no(kind, name, known)
        if where >= line:
            return f"{shown(name)} is made on line {where}, which is later." if where > line else (
                f"{shown(name)} is made by this very step."
            )  # fmt: skip
        return f"{shown(name)} is made on line {where}, in a branch or round that is not known here."

    def read(self, node: Node, names: Names, parse: Parse, name: str, *, open: bool = False) -> Any:
        """Read a value by its place's own rule. `open`: a name that only the run knows may stand in it, and is kept."""
        value = self.value(node, names)
        if node.told or value is WRONG:
            return WRONG
        settled = filled(value, self.variables)
        if is_open(settled):
            if open:
                return value
            return self.wrong(node, f"{name}: only variables may be named here, since this has to be known at once.")
        try:
            found = parse(name, settled)
        except EmitterError as error:
            return self.wrong(node, said(error))
        return value if open and is_open(value) else found

    def unsure(self, node: Node | None, names: Names) -> None:
        """Make known what would have been made but for a mistake, so that it is told once."""
        if node is not None and isinstance(node.value, str) and node.value not in names:
            names.put(node.value, Meaning(UNSURE, node.line))

    def name(self, node: Node, names: Names, meaning: Meaning) -> str:
        """Take a new name and make it known."""
        text = node.value
        if node.trap:
            return self.wrong(node, node.trap, "")
        if not isinstance(text, str) or not NAME.fullmatch(text):
            return self.wrong(
                node, f"{shown(node.raw or '(this)', 60)} is no name: a letter, then letters, digits, _ and -.", ""
            )
        if text in RESERVED:
            return self.wrong(node, f"{shown(text)} has a meaning of its own; take another name.", "")
        there = names.get(text)
        if there is not None and (there.kind != meaning.kind or there.cast or there.kind not in ENTITIES):
            self.mistakes.add(node, f"{shown(text)} is the name of a {there.kind} already (line {there.line}).")
            return ""
        names.put(text, meaning)
        return text

    def event_type(self, name: str, value: Any) -> str:
        """Read a type: by name, alias or end of the name; a parser for `read`."""
        if not isinstance(value, str) or len(value) > 255:
            raise BadValue(name, value, "is no event type.")
        try:
            return self.catalog.resolve(value).name
        except UnknownEventType as error:
            if error.ambiguous or value.replace("_", "-") == value:
                raise
            try:
                return self.catalog.resolve(value.replace("_", "-")).name
            except UnknownEventType:
                raise error from None

    def step_members(self, node: Node, word: str) -> dict[str, Node]:
        """The members of a step that begins with `word`."""
        return self.known_of(node, STEPS[word], of=word)

    def common(self, node: Node, members: Mapping[str, Node], names: Names) -> dict[str, Any]:
        """What every step has."""
        return {
            "line": node.line,
            "title": self.title(members.get("title"), names),
            "faults": self.faults(members.get("faults"), names),
        }

    def title(self, node: Node | None, names: Names) -> str:
        """Read what the report calls a step."""
        found = "" if node is None or node.value is None else self.read(node, names, a_text, "title")
        return "" if found is WRONG else found

    def entity(self, node: Node, names: Names, kinds: tuple[str, ...]) -> str:
        """Read the name of an entity that an earlier step or the cast made."""
        meaning = names.get(node.raw)
        if meaning is None:
            kind = kinds[0] if len(kinds) == 1 else "name"
            self.mistakes.add(node, self.unknown(node.raw, node.line, names, kind=kind, known=names.of(*kinds)))
        elif meaning.kind not in (*kinds, UNSURE):
            self.mistakes.add(node, f"{shown(node.raw)} is a {meaning.kind}; this has to be a {' or '.join(kinds)}.")
        return node.raw

    def faults(self, node: Node | None, names: Names) -> tuple[FaultSpec, ...]:
        """Read what goes wrong with what a step sends."""
        if node is None or node.value is None:
            return ()
        found = (self.read(each, names, _fault, "fault") for each in self.items(node, "faults", alone=True))
        return tuple(each for each in found if each is not WRONG)


def _fault(name: str, value: Any) -> FaultSpec:
    return FaultSpec.parse(value)
