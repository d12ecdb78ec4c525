"""Steps as they stand in the file, one reader for each word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from emitter.errors import BadValue, EmitterError, shown
from emitter.factory import Override
from emitter.scenario.acting import act
from emitter.scenario.expecting import expect, expectations
from emitter.scenario.files import read_file
from emitter.scenario.names import PRODUCT, ROUND, VALUE, Meaning, Names
from emitter.scenario.nodes import Node
from emitter.scenario.playing import MOST_PLAYED
from emitter.scenario.reading import WRONG, Reading, no, said
from emitter.scenario.steps import (
    Advance,
    ChangeWebhook,
    Choose,
    Option,
    Parallel,
    Repeat,
    Step,
    Trigger,
    Wait,
)  # fmt: skip
from emitter.scenario.texts import a_duration, a_moment, a_number, a_truth, a_wait, a_weight, a_word, filled
from emitter.scenario.vocabulary import ADVANCE, CHANGES, EXPECT, FOR, OPTION, PROFILES, STEPS, WAIT, plain

LARGEST_BODY = 1024 * 1024
MOST_VALUES = 10_000


def steps(reading: Reading, node: Node, names: Names) -> tuple[Step, ...]:
    """Read a row of steps; what they make is known behind them."""
    rows = reading.items(node, "steps")
    found = [read for each in rows if (read := _step(reading, each, names)) is not None]
    if not rows:
        reading.mistakes.add(node, "there is no step here.")
    return tuple(found)


def _step(reading: Reading, node: Node, names: Names) -> Step | None:
    if not isinstance(node.value, dict):
        hint = f" Write it as a key with its value, as `{node.raw}: ...`." if node.raw in STEPS else ""
        reading.mistakes.add(node, f"a step is a mapping that begins with one of {', '.join(STEPS)}.{hint}")
        return None
    words = [plain(key) for key in node.value if plain(key) in STEPS]
    if not words:
        first = next(iter(node.value), "")
        reading.mistakes.add(node, no("step", first, STEPS, more=f"A step has one of {', '.join(STEPS)}."))
        reading.unsure(node.value.get("as"), names)
        return None
    if len(words) > 1:
        text = f"a step does one thing, and this one is to {' and to '.join(words)}: begin a step of its own (-)."
        reading.mistakes.add(node, text)
        reading.unsure(node.value.get("as"), names)
        return None
    return _READERS[words[0]](reading, node, names)


def _trigger(reading: Reading, node: Node, names: Names) -> Trigger:
    members = reading.step_members(node, "trigger")
    word, body, type = members["trigger"], members.get("body"), ""
    if word.value is not None or body is None:
        type = reading.read(word, names, reading.event_type, "trigger")
    if body is not None:
        for other in ("set", "unset", "profile", "product"):
            if other in members:
                reading.mistakes.add_key(members[other], f"a body is sent as it is: {other} does not go with it.")
        if word.value is not None:
            reading.mistakes.add_key(body, "a body stands in place of a type: write `trigger:` with nothing behind it.")
    product = ""
    if place := members.get("product"):
        product = reading.entity(place, names, (PRODUCT,))
    return Trigger(
        **reading.common(node, members, names),
        type=type,
        body=_body(reading, body, names) if body is not None else None,
        product=product,
        set=_set(reading, members.get("set"), names),
        unset=_unset(reading, members.get("unset"), names),
        count=_maybe(reading, members, "count", names, a_number(1, MOST_PLAYED), 1, open=True),
        profile=_maybe(reading, members, "profile", names, a_word(*PROFILES), ""),
        allow_invalid=_maybe(reading, members, "allow_invalid", names, a_truth, False),
    )


def _set(reading: Reading, node: Node | None, names: Names) -> Mapping[str, Any]:
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        return reading.wrong(node, "set is a mapping of paths and values, as {data.dataProductName: X}.", {})
    for path, member in node.value.items():
        try:
            Override.of_json({"set": {path: None}})
        except EmitterError as error:
            reading.mistakes.add_key(member, said(error))
    found = reading.value(node, names)
    return found if isinstance(found, dict) else {}


def _unset(reading: Reading, node: Node | None, names: Names) -> tuple[str, ...]:
    if node is None or node.value is None:
        return ()
    return tuple(reading.read(each, names, _a_path, "unset") for each in reading.items(node, "unset", alone=True))


def _a_path(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1000:
        raise BadValue(name, value, "is no path, as data.actionLink.")
    Override.unset(value)
    return value


def _body(reading: Reading, node: Node, names: Names) -> bytes:
    """Read a file beside the scenario, never one outside of its folder."""
    name = reading.read(node, names, _a_file, "body")
    if name is WRONG:
        return b""
    if reading.folder is None:
        return reading.wrong(node, "body: there is no folder that this scenario stands in, so it has no files.", b"")
    folder = reading.folder.resolve()
    try:
        file = (folder / name).resolve(strict=True)
        if not file.is_relative_to(folder):
            return reading.wrong(node, f"body: {shown(name)} leads out of the scenario's folder.", b"")
        found = read_file(file, LARGEST_BODY)
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "cannot be read"
        return reading.wrong(node, f"body: {shown(name)} beside the scenario: {why}.", b"")
    if len(found) > LARGEST_BODY:
        return reading.wrong(node, f"body: {shown(name)} has more than {LARGEST_BODY:,} bytes.", b"")
    return found


def _a_file(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 1000 or not value.isprintable():
        raise BadValue(name, value, "is no name of a file beside the scenario.")
    path = Path(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or value.startswith("~"):
        raise BadValue(name, value, "leads out of the scenario's folder; name a file in it.")
    return value


def _advance(reading: Reading, node: Node, names: Names) -> Advance:
    members = reading.step_members(node, "advance")
    word = members["advance"]
    common = reading.common(node, members, names)
    if not isinstance(word.value, dict):
        return Advance(**common, by=reading.read(word, names, a_duration, "advance", open=True))
    parts = reading.members(word, ADVANCE, of="advance")
    if len(parts) != 1 and not word.told:
        reading.mistakes.add(word, "advance goes by a length of time, or to a moment: one of the two.")
    if "to" in parts:
        return Advance(**common, to=reading.read(parts["to"], names, a_moment, "to", open=True))
    return Advance(**common, by=reading.read(parts["by"], names, a_duration, "by", open=True) if parts else None)


def _wait(reading: Reading, node: Node, names: Names) -> Wait:
    members = reading.step_members(node, "wait")
    word = members["wait"]
    common = reading.common(node, members, names)
    if not isinstance(word.value, dict):
        return Wait(**common, pause=reading.read(word, names, a_wait, "wait"))
    parts = reading.members(word, WAIT, of="wait")
    until: tuple[Any, ...] = ()
    if place := parts.get("until"):
        words = {name: help for name, help in EXPECT.items() if name != "within"}
        until = expectations(reading, place, reading.members(place, words, of="until"), names)
    elif not word.told:
        reading.mistakes.add(word, "wait: until is missing: what has to hold.")
    timeout = _maybe(reading, parts, "timeout", names, a_wait, timedelta(seconds=10))
    return Wait(**common, until=until, timeout=timeout)


def _repeat(reading: Reading, node: Node, names: Names) -> Repeat:
    members = reading.step_members(node, "repeat")
    common = reading.common(node, members, names)
    every = _maybe(reading, members, "every", names, a_duration, None, open=True)
    over = _maybe(reading, members, "over", names, a_duration, None, open=True)
    if every is not None and over is not None:
        reading.mistakes.add_key(members["over"], "every and over are two ways to say when rounds begin: one of them.")
    overlap = _maybe(reading, members, "overlap", names, a_truth, False)
    word, times, values, name = members["repeat"], 1, None, ""
    inside = names.inside()
    if isinstance(word.value, dict):
        parts = reading.members(word, FOR, of="repeat")
        values = _values(reading, word, parts.get("for"), names)
        times = len(values)
        if "as" in parts:
            name = reading.name(parts["as"], inside, Meaning(VALUE, word.key_line, values))
        elif not word.told:
            reading.mistakes.add(word, "repeat: as is missing: what a round calls its value.")
    else:
        times = reading.read(word, names, a_number(0, MOST_PLAYED), "repeat", open=True)
    inside.put("round", Meaning(ROUND, node.line))
    return Repeat(
        **common, steps=_inner(reading, node, members, inside), times=times, values=values, name=name,
        every=every, over=over, overlap=overlap,
    )  # fmt: skip


def _values(reading: Reading, word: Node, node: Node | None, names: Names) -> tuple[Any, ...]:
    if node is None:
        return reading.wrong(word, "repeat: for is missing: the values of the rounds, as [a, b].", ())
    found = filled(reading.value(node, names), reading.variables)
    if node.told or found is WRONG:
        return ()
    if not isinstance(found, list | tuple) or not 0 < len(found) <= MOST_VALUES:
        return reading.wrong(node, f"for: this is no list of 1 to {MOST_VALUES:,} values.", ())
    return tuple(found)


def _parallel(reading: Reading, node: Node, names: Names) -> Parallel:
    members = reading.step_members(node, "parallel")
    common = reading.common(node, members, names)
    word = members["parallel"]
    branches = []
    for each in reading.items(word, "parallel"):
        row = each.value.get("steps") if isinstance(each.value, dict) and set(each.value) == {"steps"} else None
        branches.append(steps(reading, row or each, names.inside()))
    if not branches and not word.told:
        reading.mistakes.add(word, "parallel has at least one row of steps.")
    return Parallel(**common, branches=tuple(branches))


def _choose(reading: Reading, node: Node, names: Names) -> Choose:
    members = reading.step_members(node, "choose")
    common = reading.common(node, members, names)
    word, options, ends = members["choose"], [], []
    for each in reading.items(word, "choose"):
        parts = reading.members(each, OPTION, of="choose")
        weight = _maybe(reading, parts, "weight", names, a_weight, 1.0)
        ends.append(names.inside())
        options.append(Option(weight=weight, steps=_inner(reading, each, parts, ends[-1]), line=each.line))
    if options:
        names.take_common(ends)
    elif not word.told:
        reading.mistakes.add(word, "choose has at least one option, as {weight: 60, steps: [...]}.")
    return Choose(**common, options=tuple(options))


def _inner(reading: Reading, node: Node, members: Mapping[str, Node], names: Names) -> tuple[Step, ...]:
    if "steps" not in members:
        if not node.told:
            reading.mistakes.add(node, "steps is missing: what is played.")
        return ()
    return steps(reading, members["steps"], names)


def _webhook(reading: Reading, node: Node, names: Names) -> ChangeWebhook:
    members = reading.step_members(node, "webhook")
    change = reading.read(members["webhook"], names, a_word(*CHANGES), "webhook")
    return ChangeWebhook(**reading.common(node, members, names), change=change)


def _maybe(
    reading: Reading,
    members: Mapping[str, Node],
    name: str,
    names: Names,
    parse: Any,
    default: Any,
    *,
    open: bool = False,
) -> Any:
    """Read a member that may be left out."""
    node = members.get(name)
    return default if node is None else reading.read(node, names, parse, name, open=open)


_READERS: Mapping[str, Callable[[Reading, Node, Names], Step]] = {
    "act": act, "trigger": _trigger, "advance": _advance, "wait": _wait, "repeat": _repeat, "parallel": _parallel,
    "choose": _choose, "webhook": _webhook, "expect": expect,
}  # fmt: skip
