"""Texts that a regular expression matches: a few of many, drawn at random, for somebody who then tries them.

It reads the syntax of ECMA 262 as far as patterns in schemas use it. Nothing depends on it being right: whoever draws
holds every text against the schema. Look-arounds and back references are passed over.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from random import Random

_LONGEST = 600
_DEEPEST = 40
_POOL = "aZbz09_- .,/\\()é漢ßя\u0301५\t\n:@#%{}"
_ESCAPES = {
    "d": lambda c: c.isascii() and c.isdecimal(),
    "w": lambda c: c.isascii() and (c.isalnum() or c == "_"),
    "s": str.isspace,
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}

Draw = Callable[[Random, int], str]
"""Makes a text; the number is how eagerly repetition repeats."""
Test = Callable[[str], bool]


def matching(pattern: str, chance: Random, count: int = 24) -> Iterator[str]:
    """Draw texts that a pattern probably matches, the shortest first; none if it cannot be read."""
    try:
        draw = _Reader(pattern).whole()
    except (_Unreadable, RecursionError):
        return
    for number in range(count):
        text = draw(chance, min(number // 4, 6))
        if len(text) <= _LONGEST:
            yield text


class _Unreadable(Exception):
    pass


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._text, self._at, self._depth = pattern, 0, 0

    def whole(self) -> Draw:
        draw = self._choice()
        if self._at < len(self._text):
            raise _Unreadable
        return draw

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        taken = self._peek()
        if not taken:
            raise _Unreadable
        self._at += 1
        return taken

    def _choice(self) -> Draw:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Unreadable
        branches = [self._sequence()]
        while self._peek() == "|":
            self._take()
            branches.append(self._sequence())
        self._depth -= 1
        return lambda chance, eager: chance.choice(branches)(chance, eager)

    def _sequence(self) -> Draw:
        parts: list[Draw] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return lambda chance, eager: "".join(part(chance, eager) for part in parts)

    def _repeated(self, draw: Draw) -> Draw:
        bounds = self._bounds()
        if bounds is None:
            return draw
        least, most = bounds
        if self._peek() in ("?", "+"):
            self._take()  # lazy or possessive: the same texts

        def repeat(chance: Random, eager: int) -> str:
            top = least + eager if most is None else min(most, least + max(eager, 1))
            times = min(chance.randrange(least, top + 1) if top >= least else least, _LONGEST)
            text = ""
            for _ in range(times):
                text += draw(chance, eager)
                if len(text) > _LONGEST:
                    break
            return text

        return repeat

    def _bounds(self) -> tuple[int, int | None] | None:
        sign = self._peek()
        if sign in ("*", "+", "?") and sign:
            self._take()
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        end = self._text.find("}", self._at)
        if sign != "{" or end < 0:
            return None
        least, comma, most = self._text[self._at + 1 : end].partition(",")
        if not least.isdigit() or (most and not most.isdigit()) or len(least) > 6 or len(most) > 6:
            return None
        self._at = end + 1
        return int(least), (int(most) if most else None) if comma else int(least)

    def _atom(self) -> Draw:
        sign = self._take()
        if sign in "^$":
            return lambda chance, eager: ""
        if sign == ".":
            return _one_of("aZ0 -é")
        if sign == "[":
            return self._set()
        if sign == "(":
            return self._group()
        if sign == "\\":
            return self._escape()
        return lambda chance, eager: sign

    def _group(self) -> Draw:
        around = False
        if self._peek() == "?":
            self._take()
            kind = self._take()
            if kind == "<" and self._peek() not in ("=", "!"):
                while self._take() != ">":
                    pass
            elif kind != ":":
                around = True
                if kind == "<":
                    self._take()
        inside = self._choice()
        if self._take() != ")":
            raise _Unreadable
        return (lambda chance, eager: "") if around else inside

    def _escape(self) -> Draw:
        if self._peek() in ("b", "B") or self._peek().isdigit() and self._peek() != "0":
            self._take()
            return lambda chance, eager: ""
        found = self._escaped()
        return _one_of(found) if isinstance(found, str) else _one_of("".join(filter(found, _POOL)))

    def _escaped(self) -> str | Test:
        """What an escape stands for: one character, or a test of one."""
        sign = self._take()
        if sign.lower() in _ESCAPES:
            test = _ESCAPES[sign.lower()]
            return test if sign.islower() else lambda c: not test(c)
        if sign in ("p", "P") and self._peek() == "{":
            end = self._text.find("}", self._at)
            name = self._text[self._at + 1 : end].rpartition("=")[2]
            if end < 0:
                raise _Unreadable
            self._at = end + 1
            wanted = {"Letter": "L", "Mark": "M", "Number": "N"}.get(name, name)
            is_of = sign == "p"
            return lambda c: unicodedata.category(c).startswith(wanted) == is_of
        if sign in ("x", "u"):
            size = 2 if sign == "x" else 4
            if self._peek() == "{":
                end = self._text.find("}", self._at)
                digits, self._at = self._text[self._at + 1 : end], end + 1
            else:
                digits = self._text[self._at : self._at + size]
                self._at += size
            try:
                return chr(int(digits, 16))
            except (ValueError, OverflowError):
                raise _Unreadable from None
        return _CONTROLS.get(sign, sign)

    def _set(self) -> Draw:
        negated = self._peek() == "^"
        if negated:
            self._take()
        tests: list[Test] = []
        likely = ""
        while (sign := self._take()) != "]":
            item = self._escaped() if sign == "\\" else sign
            if not isinstance(item, str):
                tests.append(item)
                continue
            last = item
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._take()
                end = self._escaped() if self._peek() == "\\" and self._take() else self._take()
                last = end if isinstance(end, str) else item
            likely += item + last + chr((ord(item) + ord(last)) // 2)
            tests.append(lambda c, low=item, high=last: low <= c <= high)  # type: ignore[misc]
        allowed = [c for c in dict.fromkeys(likely + _POOL) if any(test(c) for test in tests) != negated]
        return _one_of("".join(allowed))


def _one_of(characters: str) -> Draw:
    if not characters:
        raise _Unreadable
    return lambda chance, eager: chance.choice(characters)
