"""What the user wants otherwise in a generated body: `--set data.x=y`, `--unset data.x`, the same over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from emitter import strictjson
from emitter.errors import BadJson, BadValue, UnknownName, nearest

_KINDS = {str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Override:
    """One member to set or to take away.

    A path names members from the outside in, with dots between: `data.dataProductName`. A number is an index where a
    list stands (`data.tags.0` or `data.tags[0]`), `-` is the place after its last item. A backslash takes the meaning
    from a dot, a bracket, an equals sign or a backslash that belongs to a name: `data.a\\.b`.
    """

    path: tuple[str, ...]
    value: Any = None
    remove: bool = False

    @classmethod
    def set(cls, text: str) -> Override:
        """Read `path=value`; the value is JSON if it can be read as JSON, else the text as it stands."""
        path, value = _split("set", text, equals=True)
        try:
            return cls(path, strictjson.loads(_bytes("set", value)))
        except BadJson:
            return cls(path, value)

    @classmethod
    def unset(cls, text: str) -> Override:
        """Read the path of a member that is to be taken away."""
        return cls(_split("unset", text, equals=False)[0], remove=True)

    @classmethod
    def of_json(cls, document: object) -> tuple[Override, ...]:
        """Read `{"set": {path: value}, "unset": [path]}`; both members are optional."""
        if not isinstance(document, Mapping):
            raise BadValue("overrides", document, 'is no object. Write {"set": {"data.x": 1}, "unset": ["data.y"]}.')
        for name in document:
            if name not in ("set", "unset"):
                raise UnknownName("member of overrides", str(name), ("set", "unset"))
        changed, gone = document.get("set") or {}, document.get("unset") or []
        if not isinstance(changed, Mapping):
            raise BadValue("set", changed, "is no object of paths and values.")
        if isinstance(gone, str) or not isinstance(gone, Sequence) or not all(isinstance(path, str) for path in gone):
            raise BadValue("unset", gone, "is no list of paths.")
        made = [cls(_split("set", path, equals=False)[0], value) for path, value in changed.items()]
        return (*made, *(cls.unset(path) for path in gone))

    @property
    def text(self) -> str:
        """The path as it is typed."""
        return ".".join(_escaped(step) for step in self.path)

    def apply(self, body: dict[str, Any]) -> None:
        """Lay this on a body, in place; raise `BadValue` if it leads nowhere."""
        place: Any = body
        for depth, step in enumerate(self.path[:-1]):
            place = self._enter(place, step, depth)
        step, depth = self.path[-1], len(self.path) - 1
        if isinstance(place, dict):
            if not self.remove:
                place[step] = deepcopy(self.value)
            elif step in place:
                del place[step]
            else:
                raise self._nowhere(place, depth)
        elif isinstance(place, list):
            index = self._index(place, step, depth)
            if self.remove and index < len(place):
                del place[index]
            elif not self.remove:
                place[index : index + 1] = [deepcopy(self.value)]
            else:
                raise self._nowhere(place, depth)
        else:
            raise self._inside(place, depth)

    def _enter(self, place: Any, step: str, depth: int) -> Any:
        if isinstance(place, dict):
            if step not in place:
                if self.remove:
                    raise self._nowhere(place, depth)
                place[step] = {}
            return place[step]
        if isinstance(place, list):
            index = self._index(place, step, depth)
            if index == len(place):
                if self.remove:
                    raise self._nowhere(place, depth)
                place.append({})
            return place[index]
        raise self._inside(place, depth)

    def _index(self, place: list[Any], step: str, depth: int) -> int:
        if step == "-":
            return len(place)
        if not (step.isascii() and step.isdigit() and len(step) < 10) or int(step) > len(place):
            raise BadValue(
                self._flag, self.text, f"leads to {self._to(depth)}, a list of {len(place)}: {step} is no place in it."
            )
        return int(step)

    @property
    def _flag(self) -> str:
        return "unset" if self.remove else "set"

    def _to(self, depth: int) -> str:
        return ".".join(_escaped(step) for step in self.path[:depth]) or "the body"

    def _nowhere(self, place: Any, depth: int) -> BadValue:
        there = f" There is: {', '.join(place)}." if isinstance(place, dict) and place else ""
        return BadValue(self._flag, self.text, f"cannot be taken away: {self._to(depth + 1)} is not there.{there}")

    def _inside(self, place: Any, depth: int) -> BadValue:
        kind = _KINDS.get(type(place), "no object")
        return BadValue(self._flag, self.text, f"leads into {self._to(depth)}, which is {kind}.")


def newly_made(overrides: Iterable[Override], kind: Mapping[str, Any]) -> Iterator[str]:
    """Say of each member that is set where its event type has no place for it: it is sent, and may be a slip.

    `kind` is an event type as `Simulator.event_type` describes it. A new member of an object that the type has is
    meant, and not said.
    """
    known = {(name,) for name in kind["example"]} | {tuple(each.split("/")[1:]) for each in kind["provenance"]}
    dotted = [".".join(map(_escaped, path)) for path in sorted(known)]
    for override in overrides:
        path = override.path
        missing = next((path[:depth] for depth in range(1, len(path)) if path[:depth] not in known), path[:1])
        if missing in known or (len(missing) > 1 and any(each.isdigit() or each == "-" for each in missing)):
            continue
        name = ".".join(map(_escaped, missing))
        near = nearest(name, [each for each in dotted if not name.startswith(f"{each}.")])
        yield f"there was no member {name}; " + (f"did you mean {near[0]}?" if near else "it is sent as asked.")


def _split(flag: str, text: str, *, equals: bool) -> tuple[tuple[str, ...], str]:
    """Cut a path into its steps, and off what follows the first free equals sign."""
    _bytes(flag, text)
    steps, step, position, closed = [], "", 0, False
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            position += 1
            step += text[position]
        elif character == "=" and equals:
            break
        elif character == "[" and (end := text.find("]", position)) > 0 and text[position + 1 : end].isdigit():
            if step:
                steps.append(step)
            elif not closed:
                raise BadValue(flag, text, "has an index that follows no name.")
            steps.append(text[position + 1 : end])
            step, position, closed = "", end, True
        elif character == ".":
            if not step and not closed:
                raise BadValue(flag, text, "has an empty name in its path.")
            if step:
                steps.append(step)
            step, closed = "", False
        elif closed:
            raise BadValue(flag, text, "goes on after an index without a dot.")
        else:
            step += character
        position += 1
    if not step and not closed:
        raise BadValue(flag, text, "has an empty name in its path. Write it as data.dataProductName.")
    if step:
        steps.append(step)
    if equals and position == len(text):
        raise BadValue(flag, text, "has no value. Write path=value, as data.dataProductName=Claims.")
    return tuple(steps), text[position + 1 :]


def _escaped(step: str) -> str:
    for character in "\\.[=":
        step = step.replace(character, f"\\{character}")
    return step


def _bytes(flag: str, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadValue(flag, text, "is not UTF-8 text.") from None
