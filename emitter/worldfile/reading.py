"""A world file is read into entities: what is written whole as it stands, the rest as the app's own actions make it.

Nothing is told to anybody: this is where a world starts, no story. All mistakes are told together, each at its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emitter.clock import parse_rfc3339
from emitter.errors import WorldFileError, shown
from emitter.factory import Cast
from emitter.scenario.nodes import Mistakes, Node, compose
from emitter.scenario.reading import WRONG, no
from emitter.world.entities import KIND_OF, DataSource, Domain, Entity, Founding, Product, Request, User
from emitter.world.founding import first_domains, first_people, first_sources
from emitter.world.known import Known
from emitter.world.parameters import snake
from emitter.worldfile.making import Conditions, Making
from emitter.worldfile.settling import deleted_with, settled
from emitter.worldfile.values import Values
from emitter.worldfile.words import ALSO, NUMBER, SECTIONS, TOP, WORLD

_LARGEST_SEED = 2**63 - 1
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


def read(
    raw: bytes | str, label: str, conditions: Conditions, *, origin: str = "", still: bool = False
) -> list[Entity]:
    """Read a world; raises `WorldFileError`. `still`: its times stay where they are, whatever its `now`."""
    mistakes = Mistakes(label, WorldFileError)
    top = compose(_paired(raw), mistakes, WORLD)
    reading = _Reading(mistakes, conditions, still=still)
    entities = reading.world(top, origin)
    if mistakes:
        raise mistakes.error()
    return entities


class _Reading:
    """One file, section by section: what stands in one may name what stands in those before it."""

    def __init__(self, mistakes: Mistakes, conditions: Conditions, *, still: bool) -> None:
        self._mistakes, self._conditions, self._still = mistakes, conditions, still
        self._known = Known()
        self._lines: dict[tuple[str, object], int] = {}  # of ids and numbers

    def world(self, top: Node, origin: str) -> list[Entity]:
        """Every entity of the world, by number."""
        parts = self._parts(top)
        seed, now = self._seed(parts.get("seed")), self._now(parts.get("now"))
        shift = 0 if self._still or not now else self._conditions.now - now
        values = Values(self._mistakes, self._known, self._conditions.now, shift, set())
        reminded = values.moment(parts["reminded"], "reminded") if "reminded" in parts else 0
        founding = Founding(1, "world", seed, 0 if reminded is WRONG else reminded, origin)
        self._cast = Cast(seed, self._conditions.assumptions)
        self._making = Making(values, self._known, self._cast, self._conditions)
        self._known.apply(founding)
        self._known.last_number = max([1, *self._numbers(parts)])
        for section, made in SECTIONS.items():
            node = parts.get(section)
            if node is None or node.value is None:
                self._usual(made, seed)
            elif not isinstance(node.value, list):
                self._mistakes.add(node, f"{section} is to be a list of {KIND_OF[made]}s, each behind a dash (- ...).")
            else:
                for each in node.value:
                    self._item(made, each, values)
        if not self._known.users and not self._mistakes:
            self._mistakes.add(parts.get("users", top), "users: a world has at least one.")
        if self._mistakes:
            return []
        deleted_with(self._known)
        found = settled(self._known, self._conditions.now, self._conditions.assumptions)
        return sorted(found, key=lambda each: each.number)

    # --- the top ----------------------------------------------------------------------------------------------------

    def _parts(self, top: Node) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, member in top.value.items():
            word = ALSO.get(snake(key), snake(key))
            if word not in TOP:
                self._mistakes.add_key(member, no("key", key, [*TOP, *ALSO]))
            elif word in found:
                self._mistakes.add_key(member, f"{shown(key)} stands here for the second time, as {word}.")
            else:
                found[word] = member
        return found

    def _seed(self, node: Node | None) -> int:
        if node is None or node.value is None:
            return self._conditions.seed
        seed = node.value
        if not isinstance(seed, int) or isinstance(seed, bool) or not -_LARGEST_SEED <= seed <= _LARGEST_SEED:
            self._mistakes.add(node, f"seed: {shown(node.raw or '(this)', 60)} is no whole number of 64 bits.")
            return 0
        return seed

    def _now(self, node: Node | None) -> int:
        if node is None or node.value is None:
            return 0
        try:
            return parse_rfc3339(node.raw)
        except ValueError:
            self._mistakes.add(node, f"now: {shown(node.raw or '(this)', 60)} is no time. Write 2030-01-31T09:00:00Z.")
            return 0

    def _numbers(self, parts: Mapping[str, Node]) -> list[int]:
        """The numbers that are given; what has none is counted from the highest on."""
        found: list[int] = []
        for section in SECTIONS:
            node = parts.get(section)
            for each in node.value if node is not None and isinstance(node.value, list) else ():
                number = each.value.get(NUMBER) if isinstance(each.value, dict) else None
                if number is None:
                    continue
                value = number.value
                if not isinstance(value, int) or isinstance(value, bool) or not 1 < value < 2**53:
                    self._mistakes.add(
                        number, f"number: {shown(number.raw or '(this)', 60)} is no whole number from 2 on."
                    )
                elif (line := self._lines.setdefault((NUMBER, value), number.line)) != number.line or value in found:
                    self._mistakes.add(number, f"number: {value} is that of another thing, too (line {line}).")
                else:
                    found.append(value)
        return found

    # --- one thing --------------------------------------------------------------------------------------------------

    def _usual(self, made: type[Any], seed: int) -> None:
        """What a world starts with that says nothing of it."""
        first = self._known.last_number + 1
        usual: list[Entity] = []
        if made is Domain:
            usual += first_domains(seed, first)
        elif made is User:
            usual += first_people(self._cast, list(self._known.domains.values()), first)
        elif made is DataSource:
            usual += first_sources(seed, first)
        for each in usual:
            self._making.take(each)

    def _item(self, made: type[Any], node: Node, values: Values) -> None:
        kind = KIND_OF[made]
        if isinstance(node.value, str | int) and not isinstance(node.value, bool) and made is not Request:
            node = Node({"name": Node(node.raw, node.line, raw=node.raw, trap=node.trap)}, node.line)
        if not isinstance(node.value, dict):
            self._mistakes.add(node, f"a {kind} is to be a mapping of keys and values.")
            return
        before = len(self._mistakes)
        if any(snake(key) == NUMBER for key in node.value):
            entity = values.whole(made, node, of=kind)
        else:
            entity = self._making.made(made, node)
        if entity is WRONG or len(self._mistakes) > before:
            if len(self._mistakes) == before:  # what it refers to has a mistake, and that was told
                node.told = True
            for name in ("name", "id", "username"):
                if (member := node.value.get(name)) is not None:
                    values.unsure.add((kind, member.raw))
            return
        self._check_own(entity, kind, node)
        self._making.take(entity)

    def _check_own(self, entity: Any, kind: str, node: Node) -> None:
        """Note a mistake where an id or a name is that of another thing."""
        place = node.value.get("id") or node
        for id in (entity.id, *(each.id for each in getattr(entity, "records", ()))):
            line = self._lines.setdefault((kind if id == entity.id else "record", id), node.line)
            if line != node.line:
                self._mistakes.add(place, f"id: {shown(id)} is that of another {kind}, too (line {line}).")
        name = getattr(entity, "name", None)
        if name is None or (isinstance(entity, Product) and entity.deleted_at):
            return
        line = self._lines.setdefault((f"{kind} name", name), node.line)
        if line != node.line:
            self._mistakes.add(
                node.value.get("name") or node, f"name: {shown(name)} is that of another {kind}, too (line {line})."
            )


def _paired(raw: bytes | str) -> bytes | str:
    """JSON as YAML takes it: two escapes that stand for one character become one."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    if not text.lstrip("\ufeff \t\r\n").startswith("{") or "\\ud" not in text.lower():
        return raw
    return _PAIR.sub(lambda found: f"{found[1]}\\U{_joined(found[2], found[3]):08x}", text)


def _joined(first: str, second: str) -> int:
    return 0x10000 + ((int(first, 16) & 0x3FF) << 10) + (int(second, 16) & 0x3FF)
