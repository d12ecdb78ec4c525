"""`emitter demo`: a minute in a terminal that shows what all of this is for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emitter import clock
from emitter.cli.failures import FAILED
from emitter.cli.options import Command
from emitter.cli.terminal import paint, plain, say
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.demo.telling import Laid
    from emitter.demo.values import Line

_MARKS, _RULE = ("✓", "✗"), "─"
_PLAIN_MARKS, _PLAIN_RULE = ("ok", "NO"), "-"


@click.command(cls=Command)
@click.option("--fast", is_flag=True, help="As fast as it goes; else at a pace that can be read.")
@click.option("--seed", type=click.IntRange(0), default=1, metavar="N", help="Other names, other orders. [1]")
@click.option("--keep", metavar="FOLDER", help="Write the test that is shown, and the history, to a new folder.")
def demo(fast: bool, seed: int, keep: str | None) -> None:
    """Watch a minute of it: the app, two relays, Teams and PagerDuty, side by side on this machine.

    A request is made, approved, and expires 30 days later. Then the same story comes late, twice and out of order: one
    of the relays leaves an alert open for ever, and the two deliveries that do it become a test to take home. Nothing
    is asked, and nothing leaves this machine. The exit code is 0 if all that is claimed was found to be so, else 1.
    """
    from emitter.demo.telling import Layout

    folder = _folder(keep)
    pace = _Pace(0.0 if fast or not sys.stdout.isatty() else 1.0)
    marks, rule = (_MARKS, _RULE) if _can_print("".join((*_MARKS, _RULE))) else (_PLAIN_MARKS, _PLAIN_RULE)
    layout = Layout(shutil.get_terminal_size((80, 24)).columns, marks, rule)
    _show(layout.title(), pace)  # before what takes a second to import
    from emitter.demo import Script, play
    from emitter.demo.values import Claim, Outcome

    claims = 0

    def tell(line: Line) -> None:
        nonlocal claims
        claims += isinstance(line, Claim | Outcome)
        _show(layout.lay(line), pace)

    broken = play(Script(seed=seed), tell, folder=folder)
    _show(layout.end(claims, len(broken)), pace)
    if broken:
        sys.exit(FAILED)


def _folder(keep: str | None) -> Path | None:
    """The folder that was named; what is wrong with it is said before anything else."""
    from emitter.demo.keeping import prepare

    if keep is None:
        return None
    if not keep.strip():
        raise UsageError("--keep wants the name of a folder.")
    prepare(Path(keep))
    return Path(keep)


class _Pace:
    """Waits between lines; what was done meanwhile counts as waited."""

    def __init__(self, factor: float) -> None:
        self._factor, self._last = factor, clock.monotonic()

    def wait(self, seconds: float) -> None:
        left = self._last + seconds * self._factor - clock.monotonic()
        if left > 0:
            sys.stdout.flush()
            clock.pause(left)
        self._last = clock.monotonic()


def _show(lines: Iterable[Laid], pace: _Pace) -> None:
    for line in lines:
        if line.pause:
            pace.wait(line.pause)
        say("".join(paint(plain(text), shade) if shade else plain(text) for text, shade in line.spans).rstrip())
    sys.stdout.flush()


def _can_print(text: str) -> bool:
    """Whether the encoding of standard output has what the demonstration likes to print."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
