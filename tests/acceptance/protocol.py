"""What was tried, what was measured, and whether it is so: printed while it runs, written as Markdown at the end."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pycurl


@dataclass(frozen=True, slots=True)
class Line:
    """One claim with its figure. `bound` is what was asked for."""

    claim: str
    figure: str
    bound: str
    ok: bool


@dataclass(slots=True)
class Section:
    """One family of claims."""

    title: str
    about: str
    lines: list[Line] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return bool(self.lines) and all(line.ok for line in self.lines)


class Protocol:
    """Collects lines by section and says them as they come."""

    def __init__(self, say: Callable[[str], None] = print) -> None:
        self.sections: list[Section] = []
        self._say = say

    @contextmanager
    def section(self, title: str, about: str) -> Iterator[None]:
        """Open a section; what goes wrong in it becomes a line of it, and the next section runs all the same."""
        section = Section(title, about)
        self.sections.append(section)
        self._say(f"\n{title}\n  {about}")
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            traceback.print_exc(file=sys.stdout)
            self.check("the section ran to its end", f"{type(error).__name__}: {error}", "no error", False)
        section.seconds = time.monotonic() - began

    def check(self, claim: str, figure: object, bound: str, ok: bool) -> None:
        """Note a claim, what was found, what was asked for, and whether it holds."""
        self.sections[-1].lines.append(Line(claim, str(figure), bound, ok))
        self._say(f"  {'ok  ' if ok else 'FAIL'} {claim}: {figure}" + (f"  (asked: {bound})" if bound else ""))

    def none_of(self, claim: str, found: list[str]) -> None:
        """Note that something never happened, with the first few cases where it did."""
        self.check(claim, "; ".join([str(len(found)), *found[:3]]), "0", not found)

    @property
    def ok(self) -> bool:
        return all(section.ok for section in self.sections)

    def markdown(self) -> str:
        """The whole protocol as a page."""
        parts = [
            "# What `make acceptance` found\n",
            "The long tests of the last run, as they printed themselves. Times are of one machine and compare with "
            "nothing; ratios and counts do.\n",
            f"{machine()}\n",
        ]
        for section in self.sections:
            verdict = "holds" if section.ok else "**does not hold**"
            parts.append(f"## {section.title}: {verdict}\n\n{section.about} ({section.seconds:.0f} s)\n")
            parts.append("| claim | found | asked | |\n|---|---|---|---|")
            for line in section.lines:
                cells = (*map(_cell, (line.claim, line.figure, line.bound)), "ok" if line.ok else "**no**")
                parts.append(f"| {' | '.join(cells)} |")
            parts.append("")
        return "\n".join(parts)


def machine() -> str:
    """Where this ran: what it takes to read the figures."""
    return (
        f"Run on {time.strftime('%Y-%m-%d', time.gmtime())}: {platform.system()} {platform.release()}, "
        f"{os.cpu_count()} processors, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{pycurl.version.split(' ', 1)[1].split(' ')[0]}, revision {_revision()}."
    )


def _revision() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
