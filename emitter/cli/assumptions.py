"""`emitter assumptions`: the register of everything that is assumed of the app."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from emitter.cli.options import Command, Setup, everywhere
from emitter.cli.terminal import YELLOW, Json, columns, note, show_many


@click.command(cls=Command)
@click.option("--changed", is_flag=True, help="Only those that are not at their default.")
@everywhere()
def assumptions(setup: Setup, changed: bool) -> None:
    """List what is assumed of the app: the switch, what it is now, why that is the default.

    Change one with --assume delivery.timeout=5s, with EMITTER_ASSUME (several: a line each), or in emitter.toml:

    \b
      [delivery]
      timeout = "5s"

    `emitter contract calibrate` settles many of them by one captured delivery of a real app. What is settled is marked
    calibrated, with its evidence. The last line counts all facts about the app by what they stand on.
    """
    from emitter.cli.door import asked
    from emitter.contract.facts import in_words

    with asked(setup) as door:
        found = [each for each in door.assumed() if each["changed"] or not changed]
        known = door.facts()
    show_many(setup.format, found, _table)
    if not found and setup.format == "table":
        note("Every assumption is at its default.")
    if setup.format == "table":
        note(f"{in_words(known)}.")


def _table(found: Sequence[Json]) -> Iterable[str]:
    if not found:
        return
    rows = [
        ["*" if each["changed"] else "", each["switch"], each["value"] or '""', each["default"] or '""',
         "calibrated" if each["evidence"] else each["unknown"] or "-", each["evidence"] or each["why"]]
        for each in found
    ]  # fmt: skip
    titles = ("", "SWITCH", "NOW", "DEFAULT", "OPEN", "WHY")
    yield from columns(titles, rows, stretch=5, paints=lambda column, _: "" if column else YELLOW)
