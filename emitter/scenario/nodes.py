"""YAML from outside, read with bounds into nodes that know their lines; what one reader takes so and another otherwise
is refused.

Texts stay texts: only what YAML 1.2 calls null, true, false and numbers is anything else. Plain words that YAML 1.1
reads as something else (`no`, `1:30`, `012`) are traps. No tags, anchors, aliases, merge keys or second documents.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from emitter.errors import ScenarioError, shown

LARGEST = 1024 * 1024
DEEPEST = 40
MOST_NODES = 30_000
MOST_MISTAKES = 50
_LONGEST_TEXT, _LONGEST_KEY, _LONGEST_TRAP = 64 * 1024, 2000, 64
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TRUTHS = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_SIXTIES = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_ZEROS = re.compile(r"[-+]?0[0-9_]+")
_LOW_LINES = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?")
_OTHER_BASES = re.compile(r"[-+]?0[xob][0-9a-fA-F_]+")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: what it is called and begins with, how many bytes and values it has at most."""

    name: str
    beginning: str
    largest: int = LARGEST
    most_nodes: int = MOST_NODES


SCENARIO = Kind("scenario", "steps:")


@dataclass(slots=True, eq=False)
class Node:
    """A value of the file. `value` is a scalar, a list of nodes, or a dict of nodes by key."""

    value: Any
    line: int
    key_line: int = 0  # where the key of a member stands
    raw: str = ""  # a scalar as it is written
    trap: str = ""  # why a plain scalar may be meant otherwise
    told: bool = False  # a mistake of it was noted: what follows from it is not told again

    def __post_init__(self) -> None:
        self.key_line = self.key_line or self.line


class Mistakes:
    """All that is wrong with one file, in the order of its lines; raises `ScenarioError`, or another such `error`, once
    it has seen enough."""

    def __init__(self, file: str, error: type[ScenarioError] = ScenarioError) -> None:
        self.file = file
        self._error = error
        self._found: list[tuple[int, str]] = []

    def add(self, place: Node | int, text: str) -> None:
        """Note a mistake; of one node, the first only."""
        if isinstance(place, int):
            self._note(place, text)
        elif not place.told:
            place.told = True
            self._note(place.line, text)

    def add_key(self, node: Node, text: str) -> None:
        """Note a mistake of a member's key."""
        node.told = True
        self._note(node.key_line, text)

    def _note(self, line: int, text: str) -> None:
        self._found.append((line, text))
        if len(self._found) >= MOST_MISTAKES:
            raise self.error()

    def stop(self, line: int, text: str) -> ScenarioError:
        """The error of a file that cannot be read on."""
        self._found.append((line, text))
        return self.error()

    def error(self) -> ScenarioError:
        """All of them as one error."""
        found = dict.fromkeys(sorted(self._found, key=lambda each: each[0]))
        return self._error(self.file, list(found))

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)


def compose(raw: bytes | str, mistakes: Mistakes, kind: Kind = SCENARIO) -> Node:
    """Read one document whose top is a mapping; raises `ScenarioError` where it cannot be read on."""
    text = _decoded(raw, mistakes, kind)
    try:
        events = yaml.parse(text, Loader=_LOADER)
        return _Composer(events, mistakes, kind).document()
    except yaml.YAMLError as error:
        raise _unreadable(error, text, mistakes) from None


def scalar(text: str) -> Any:
    """What a plain scalar stands for; raises `ValueError` with the reason where it cannot be taken."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0].isalpha():
        return text
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is no number that can be counted to")
    if _INTEGER.fullmatch(text):
        if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
            raise ValueError(f"{text[:24]} is a whole number beyond 64 bits")
        return int(text)
    if _FLOAT.fullmatch(text):
        if not math.isfinite(value := float(text)):
            raise ValueError(f"{text[:24]} is a number beyond a double")
        return value
    return text


def _trap(text: str) -> str:
    """Why other readers of YAML take a plain scalar for something else."""
    if not text or len(text) > _LONGEST_TRAP or not (text[0] in "+-0123456789" or len(text) <= 3):
        return ""
    if _TRUTHS.fullmatch(text):
        truth = "true" if text.lower() in ("yes", "on") else "false"
        return f'{text} may be a text or {truth}: write "{text}" in quotes, or {truth}.'
    if _SIXTIES.fullmatch(text):
        return (
            f'{text} is a number in base 60 to many readers of YAML: write "{text}" in quotes, or a length of time '
            "with its units, as 1h30m."
        )
    if _ZEROS.fullmatch(text) or _OTHER_BASES.fullmatch(text):
        return f'{text} is another number to many readers of YAML: write "{text}" in quotes, or the number in full.'
    if _LOW_LINES.fullmatch(text):
        return f'{text} is a number to some readers of YAML: write {text.replace("_", "")}, or "{text}" in quotes.'
    return ""


def _decoded(raw: bytes | str, mistakes: Mistakes, kind: Kind) -> str:
    if isinstance(raw, str):
        text = raw
        try:
            raw = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise mistakes.stop(text.count("\n", 0, error.start) + 1, "this is no UTF-8 (half of a pair).") from None
    if len(raw) > kind.largest:
        raise mistakes.stop(0, f"it has more than {kind.largest:,} bytes, the most of a {kind.name}.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise mistakes.stop(1, "this is UTF-16; save it as UTF-8.")
    if b"\0" in raw:
        raise mistakes.stop(raw.count(b"\n", 0, raw.index(b"\0")) + 1, "there is a NUL character; this is no text.")
    try:
        return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise mistakes.stop(line, "this is no UTF-8; save the file as UTF-8.") from None


class _Composer:
    """Makes nodes of the parser's events, counting before anything is kept."""

    def __init__(self, events: Iterator[Any], mistakes: Mistakes, kind: Kind) -> None:
        self._events, self._mistakes, self._kind = events, mistakes, kind
        self._count = 0
        self._instead = ", or use `variables`" if kind is SCENARIO else ""

    def document(self) -> Node:
        top: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if top is not None:
                    raise self._stop(event, f"a second document begins here (---); a file holds one {self._kind.name}.")
            elif isinstance(event, yaml.NodeEvent):
                top = self._node(event, 1)
        if top is None or top.value is None:
            raise self._mistakes.stop(
                1, f"the file is empty; a {self._kind.name} has at least `{self._kind.beginning}`."
            )
        if not isinstance(top.value, dict):
            raise self._mistakes.stop(
                top.line, f"a {self._kind.name} is a mapping that begins with keys, as `{self._kind.beginning}`."
            )
        return top

    def _node(self, event: Any, depth: int) -> Node:
        self._count += 1
        if self._count > self._kind.most_nodes:
            most, name = self._kind.most_nodes, self._kind.name
            raise self._stop(event, f"there are more than {most:,} values, the most of a {name}.")
        if isinstance(event, yaml.AliasEvent):
            raise self._stop(event, f"aliases (*{event.anchor}) are not read: write it out{self._instead}.")
        if event.anchor is not None:
            raise self._stop(event, f"anchors (&{event.anchor}) are not read: write it out{self._instead}.")
        if depth > DEEPEST:
            raise self._stop(event, f"this is nested deeper than {DEEPEST} levels.")
        if event.tag is not None:
            raise self._stop(
                event, f"tags ({shown(event.tag, 40)}) are not read; nothing in a {self._kind.name} needs one."
            )
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(event, depth + 1))
            return Node(items, line)
        members: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            name = self._key(key)
            member = self._node(next(self._events), depth + 1)
            member.key_line = key.line
            if name in members:
                where = members[name].key_line
                self._mistakes.add(
                    key.line, f"the key {shown(name, 60)} stands here for the second time (line {where})."
                )
            else:
                members[name] = member
        return Node(members, line)

    def _key(self, key: Node) -> str:
        if isinstance(key.value, list | dict):
            raise self._mistakes.stop(key.line, "a key is a text; this is a list or a mapping.")
        if len(key.raw) > _LONGEST_KEY:
            raise self._mistakes.stop(key.line, f"this key is longer than {_LONGEST_KEY:,} characters.")
        if key.raw == "<<":
            raise self._mistakes.stop(key.line, "merge keys (<<) are not read: write it out.")
        if key.trap:
            self._mistakes.add(key, key.trap)
        elif key.value is None or isinstance(key.value, bool):
            self._mistakes.add(key, f'a key is a text: write it in quotes, as "{key.raw}".')
        return key.raw

    def _scalar(self, event: Any, line: int) -> Node:
        text = event.value
        if len(text) > _LONGEST_TEXT:
            raise self._stop(event, f"this text is longer than {_LONGEST_TEXT:,} characters.")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise self._stop(event, "this text holds half of a pair (a lone surrogate).")
        if "\0" in text:
            raise self._stop(event, "this text holds a NUL character.")
        if event.style:
            return Node(text, line, raw=text)
        if trap := _trap(text):
            return Node(text, line, raw=text, trap=trap)
        try:
            return Node(scalar(text), line, raw=text)
        except ValueError as error:
            raise self._stop(event, f"{error}.") from None

    def _stop(self, event: Any, text: str) -> ScenarioError:
        return self._mistakes.stop(event.start_mark.line + 1, text)


def _unreadable(error: yaml.YAMLError, text: str, mistakes: Mistakes) -> ScenarioError:
    """Say what the parser says, with the line and what most likely helps."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        problem = error.problem or error.context or "it cannot be read"
        lines = text.splitlines()
        written = lines[line] if line < len(lines) else ""
        hint = ""
        if "\t" in written[: len(written) - len(written.lstrip())] or "'\\t'" in problem or "tab" in problem:
            hint = " Indent with spaces: there is a tab."
        elif "mapping values are not allowed" in problem:
            hint = ' A text that holds ": " has to stand in quotes.'
        elif "did not find expected" in problem or "expected" in problem:
            begun = error.context_mark.line + 1 if error.context_mark else line + 1
            where = f", from line {begun} on" if begun <= line else ""
            hint = f" Look at the indentation, and at brackets and quotes that are not closed{where}."
        elif "cannot start any token" in problem:
            hint = " A text that begins so has to stand in quotes."
        return mistakes.stop(line + 1, f"this is no YAML: {problem}.{hint}")
    position = getattr(error, "position", 0)
    reason = getattr(error, "reason", "it cannot be read")
    if _LOADER is not yaml.SafeLoader:  # libyaml counts in bytes
        before = text.encode("utf-8")[:position].count(b"\n")
    else:
        before = text[:position].count("\n")
    return mistakes.stop(before + 1, f"this is no YAML: {reason}.")
