"""What commands print: tables, JSON, colour where it is wanted, notes on standard error.

Text from outside is printed without what could speak to the terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

import click

GREEN, RED, YELLOW, DIM, BOLD = "32", "31", "33", "2", "1"
OUTCOME_COLOURS = {"accepted": GREEN, "rejected": RED, "failed": RED, "interrupted": YELLOW, "started": DIM}

Json = dict[str, Any]


def wants_colour(stream: TextIO | None = None) -> bool:
    """Whether a stream takes colour: a terminal, and no NO_COLOR (no-color.org)."""
    stream = stream or sys.stdout
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, code: str) -> str:
    """Colour a text, if standard output takes it."""
    return f"\x1b[{code}m{text}\x1b[0m" if text and wants_colour() else text


def say(text: str = "") -> None:
    """Print a result."""
    click.echo(text, color=True if wants_colour() else None)


def note(text: str) -> None:
    """Print a remark, on standard error: what is piped stays clean."""
    click.echo(text, err=True)


def plain(text: object) -> str:
    """Escape what cannot be printed, line breaks too."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "replace").decode() for each in text
    )  # fmt: skip


def lines_of(text: str) -> list[str]:
    """Split a text from outside into lines that can be printed."""
    return [plain(line.replace("\t", "    ")) for line in text.splitlines()]


def as_json(value: object, *, indent: int | None = 2) -> str:
    """Write JSON for a terminal: readable, and with nothing in it that is not printable."""
    separators = None if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def show_one(form: str, value: Json, table: Callable[[Json], Iterable[str]]) -> None:
    """Print one thing in the form that was asked for."""
    if form == "table":
        for line in table(value):
            say(line)
    else:
        say(as_json(value, indent=2 if form == "json" else None))


def show_many(form: str, values: Sequence[Json], table: Callable[[Sequence[Json]], Iterable[str]]) -> None:
    """Print a list in the form that was asked for."""
    if form == "table":
        for line in table(values):
            say(line)
    elif form == "json":
        say(as_json(list(values)))
    else:
        for value in values:
            say(as_json(value, indent=None))


def columns(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    stretch: int | None = None,
    paints: Callable[[int, str], str] | None = None,
) -> Iterable[str]:
    """Lay rows out under their titles. On a terminal, column `stretch` gives way when a line would not fit.

    `paints(column, text)` names the colour of a cell; the widths are those of the text alone.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(titles, *cells, strict=True)]
    if stretch is not None and sys.stdout.isatty():
        over = sum(widths) + 2 * (len(widths) - 1) - shutil.get_terminal_size().columns
        widths[stretch] = max(widths[stretch] - max(over, 0), min(widths[stretch], 12))
    yield paint(_line(titles, widths, right), DIM)
    for row in cells:
        row = [shorten(cell, size) for cell, size in zip(row, widths, strict=True)]
        yield _line(row, widths, right, paints)


def _line(
    cells: Sequence[str],
    widths: Sequence[int],
    right: Sequence[int],
    paints: Callable[[int, str], str] | None = None,
) -> str:
    laid = []
    for number, (cell, size) in enumerate(zip(cells, widths, strict=True)):
        gap = " " * (size - width(cell))
        shade = paints(number, cell) if paints else ""
        painted = paint(cell, shade) if shade else cell
        laid.append(gap + painted if number in right else painted + gap)
    return "  ".join(laid).rstrip()


def width(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def shorten(text: str, size: int) -> str:
    """Cut a text in the middle until it fits."""
    if width(text) <= size or size < 3:
        return text
    head, tail = (size - 1) // 2, size - 1 - (size - 1) // 2
    while width(text[:head]) + width(text[-tail:]) + 1 > size and head:
        head -= 1
        tail = max(tail - 1, 1)
    return f"{text[:head]}…{text[-tail:]}"


def milliseconds(value: float | None) -> str:
    """Write a duration in milliseconds."""
    if value is None:
        return ""
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def short_time(text: str) -> str:
    """Cut an RFC 3339 time of ours to seconds, as people read it."""
    return text[:19].replace("T", " ")


def short_type(name: str) -> str:
    """Leave out what all names begin with."""
    return plain(name.removeprefix("marketplace.data_product."))


class Line:
    """One line that is rewritten, on a terminal only; nothing anywhere else."""

    def __init__(self) -> None:
        self._shown = False
        self._on = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, text: str) -> None:
        if self._on:
            self._shown = True
            text = shorten(plain(text), shutil.get_terminal_size().columns - 1)
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._shown = False


class Progress:
    """One line that counts, on a terminal only; nothing anywhere else."""

    def __init__(self, total: int) -> None:
        self._total, self._shown = total, False
        self._on = sys.stderr.isatty()

    def show(self, done: int, text: str = "") -> None:
        if self._on:
            self._shown = True
            click.echo(f"\r\x1b[K{done:,} of {self._total:,} {text}", nl=False, err=True)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._shown = False
