"""Shell words, as far as copied commands need them: quotes, `$'...'`, line continuations. Nothing is ever run.

What only a shell could fill in, as `$NAME` or `$(...)`, stays as it is written, and the word says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_WORDS = 200_000

_GAP = re.compile(r"[ \t\r\n;&|()]+")
_PLAIN = re.compile(r"[^'\\]*")
_PLAINLY = re.compile(r"(?:[^\s'\"\\$`|;&<>()]++|'[^']*+')++")  # bare text and single quotes, by turns
_ESCAPED = re.compile(r"(?:\\[^\r\n])+")
_ESCAPED_IN_DOUBLE = re.compile(r'(?:\\["\\$`])+')
_FILLING = re.compile(r"(?:`|\$(?!['\"]))+")
_FILLING_IN_DOUBLE = re.compile(r"[$`]+")
_IN_DOUBLE = re.compile(r'[^"\\$`]+')
_ANSI = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))", re.DOTALL
)
_LETTERS = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_OCTAL = re.compile(r"\\(?:0?([0-7]{1,3})|(.))", re.DOTALL)


class Unclosed(Exception):
    """What cannot be told apart any more, and so ends the script: quotes that are never closed, or too many words."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command; each character stands for a byte (Latin-1)."""

    text: str
    filled: bool = False  # a shell would put something else in: a variable, or what a command prints


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command and where it begins. `piped` are the words of the one whose output it reads, if there is one."""

    words: tuple[Word, ...]
    line: int
    piped: tuple[Word, ...] = ()


def commands(text: str) -> Iterator[Command]:
    """Split a script into its simple commands; raise `Unclosed` where one does not end."""
    at, line, counted, total = 0, 1, 0, 0
    words: list[Word] = []
    begun = 1
    piped: tuple[Word, ...] | None = None
    while at < len(text):
        character = text[at]
        if character == "\\" and text.startswith(("\\\n", "\\\r\n"), at):
            at = text.index("\n", at) + 1
        elif character in " \t\r":
            at += 1
        elif character == "#":  # only at the start of a word: within one, `_word` has taken it
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif character in "\n;&|()":
            if words:
                if character == "|" and not text.startswith("||", at):
                    piped = tuple(words)
                else:
                    yield Command(tuple(words), begun, piped or ())
                    piped = None
                words, at = [], at + 1
            else:
                at = _GAP.match(text, at).end()  # type: ignore[union-attr]  # it matches wherever we are
        elif character in "<>":
            at += 1
        else:
            if not words:
                line += text.count("\n", counted, at)
                counted, begun = at, line
            word, at = _word(text, at)
            words.append(word)
            total += 1
            if total > MOST_WORDS:
                raise Unclosed(f"there are more than {MOST_WORDS:,} words: split the file")
    if words:
        yield Command(tuple(words), begun, piped or ())


def _word(text: str, at: int) -> tuple[Word, int]:
    """Read the word that begins at `at`; return it, and where it ends."""
    parts: list[str] = []
    filled = False
    while at < len(text):
        character = text[at]
        if plain := _PLAINLY.match(text, at):
            parts.append(plain.group().replace("'", ""))
            at = plain.end()
        elif character == "'":
            raise Unclosed("a single quote is opened and never closed")
        elif character == '"':
            part, also, at = _double(text, at + 1)
            parts.append(part)
            filled = filled or also
        elif text.startswith("$'", at):
            part, at = _ansi(text, at + 2)
            parts.append(part)
        elif text.startswith('$"', at):
            at += 1
        elif escaped := _ESCAPED.match(text, at):
            parts.append(escaped.group()[1::2])
            at = escaped.end()
        elif character == "\\":
            at = text.index("\n", at) + 1 if text.startswith(("\\\n", "\\\r\n"), at) else at + 1
        elif filling := _FILLING.match(text, at):
            at = filling.end()
            filled = filled or len(filling.group()) > 1 or _fills(text, at - 1)
            parts.append(filling.group())
        else:
            break
    return Word("".join(parts), filled), at


def _fills(text: str, at: int) -> bool:
    """Whether a shell would put something in here: a dollar alone is one."""
    following = text[at + 1 : at + 2]
    return text[at] == "`" or following.isalnum() or following in ("(", "{", "_", "@", "*", "?", "$", "!", "#")


def _double(text: str, at: int) -> tuple[str, bool, int]:
    parts: list[str] = []
    filled = False
    while at < len(text):
        character = text[at]
        if character == '"':
            return "".join(parts), filled, at + 1
        if escaped := _ESCAPED_IN_DOUBLE.match(text, at):
            parts.append(escaped.group()[1::2])
            at = escaped.end()
        elif character == "\\":
            following = text[at + 1 : at + 2]
            parts.append("" if following == "\n" else character + following)
            at += 2
        elif filling := _FILLING_IN_DOUBLE.match(text, at):
            at = filling.end()
            filled = filled or len(filling.group()) > 1 or _fills(text, at - 1)
            parts.append(filling.group())
        elif found := _IN_DOUBLE.match(text, at):
            parts.append(found.group())
            at = found.end()
    raise Unclosed("a double quote is opened and never closed")


def _ansi(text: str, at: int) -> tuple[str, int]:
    """Read the inside of `$'...'` as bash does."""
    start = at
    while at < len(text):
        if text[at] == "'":
            return _ANSI.sub(_unescaped, text[start:at]), at + 1
        at += 2 if text[at] == "\\" else 1
        # The plain stretch up to the next quote or backslash.
        plain = _PLAIN.match(text, at)
        at = plain.end() if plain else at
    raise Unclosed("$' is opened and never closed")


def _unescaped(found: re.Match[str]) -> str:
    hexadecimal, short, long, octal, control, letter = found.groups()
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    if short or long:
        code = int(short or long, 16)
        return "" if code > 0x10FFFF else chr(code).encode("utf-8", "surrogatepass").decode("latin-1")
    if octal:
        return chr(int(octal, 8) & 0xFF)
    if control:
        return chr(ord(control) & 0x1F)
    return _LETTERS.get(letter, letter if letter in "\\'\"?" else f"\\{letter}")


def printf_b(text: str) -> str:
    """Write what `printf '%b'` prints of an argument, in POSIX's form."""
    return _OCTAL.sub(
        lambda found: chr(int(found[1], 8) & 0xFF) if found[1] else _LETTERS.get(found[2], found[2]), text
    )
