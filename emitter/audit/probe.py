"""What a probe shows of one telling of a story: what has changed, with everything that is never the same taken out.

The ids, names and times of a telling become placeholders, numbers become what was added to them, lists are compared
without their order. What differs between two tellings that were the same is noise, and is not compared at all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str, ...]
ANY = "[]"
NOISE = "*"
NOTHING: dict[str, Any] = {}
_DEEPEST = 64


def view(before: Any, after: Any, names: Mapping[str, str]) -> Any:
    """What has changed from one state to the next, with `names` (text to placeholder) put in; `NOTHING` for nothing."""
    return _changed(before, after, _longest_first(names), 0)


def _changed(before: Any, after: Any, names: Sequence[tuple[str, str]], depth: int) -> Any:
    if before == after and type(before) is type(after):
        return NOTHING
    if depth > _DEEPEST:
        return NOISE
    if isinstance(before, dict) and isinstance(after, dict):
        found = {}
        for key, value in after.items():
            if key not in before:
                found[_named(key, names)] = _mapped(value, names, depth)
            elif (change := _changed(before[key], value, names, depth + 1)) != NOTHING:
                found[_named(key, names)] = change
        found |= {_named(key, names): "(gone)" for key in before if key not in after}
        return found
    if isinstance(before, list) and isinstance(after, list):
        gone = Counter(map(_text, before))
        added = []
        for each in after:
            if gone[_text(each)] > 0:
                gone[_text(each)] -= 1
            else:
                added.append(_mapped(each, names, depth))
        lost = [_mapped(json.loads(text), names, depth) for text, count in gone.items() for _ in range(count)]
        return {name: value for name, value in (("added", added), ("removed", lost)) if value}
    if _is_number(before) and _is_number(after):
        added = after - before
        return f"{added:+}" if isinstance(added, int) else f"{added:+.12g}"  # what adding floats leaves is no change
    return _mapped(after, names, depth)


def _mapped(value: Any, names: Sequence[tuple[str, str]], depth: int) -> Any:
    if depth > _DEEPEST:
        return NOISE
    if isinstance(value, str):
        return _named(value, names)
    if isinstance(value, dict):
        return {_named(key, names): _mapped(each, names, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_mapped(each, names, depth + 1) for each in value]
    return value


def noise(first: Any, second: Any) -> frozenset[Path]:
    """The places in which two views of the same telling differ: they say nothing."""
    return frozenset(_differing(first, second, ()))


def _differing(first: Any, second: Any, path: Path) -> Iterator[Path]:
    if isinstance(first, dict) and isinstance(second, dict):
        for key in {**first, **second}:
            if key not in first or key not in second:
                yield (*path, key)
            else:
                yield from _differing(first[key], second[key], (*path, key))
    elif isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            yield path
        for one, other in zip(first, second, strict=False):
            yield from _differing(one, other, (*path, ANY))
    elif first != second or type(first) is not type(second):
        yield path


def settled(found: Any, noisy: frozenset[Path], path: Path = ()) -> Any:
    """A view in a form that can be compared: without its noise, and with lists in an order of their own."""
    if path in noisy:
        return NOISE
    if isinstance(found, dict):
        return {key: settled(value, noisy, (*path, key)) for key, value in sorted(found.items())}
    if isinstance(found, list):
        return sorted((settled(each, noisy, (*path, ANY)) for each in found), key=_text)
    return found


def shows(found: Any) -> bool:
    """Whether there is anything in a settled view that is no noise."""
    if isinstance(found, dict):
        return any(map(shows, found.values()))
    if isinstance(found, list):
        return any(map(shows, found))
    return bool(found != NOISE)


def apart(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """Say where two settled views differ, a line each."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in {**expected, **found}:
            place = f"{path}.{key}" if path else key
            if key not in expected:
                yield f"{place}: {_brief(found[key])}, which is not there in the story's own order"
            elif key not in found:
                yield f"{place}: is not there, and is {_brief(expected[key])} in the story's own order"
            else:
                yield from apart(expected[key], found[key], place)
    elif expected != found:
        yield f"{path or '(all of it)'}: {_brief(found)} instead of {_brief(expected)}"


def _brief(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _named(text: str, names: Sequence[tuple[str, str]]) -> str:
    for found, placeholder in names:
        if found in text:
            text = text.replace(found, placeholder)
    return text


def _longest_first(names: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(((text, name) for text, name in names.items() if text), key=lambda pair: -len(pair[0]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
