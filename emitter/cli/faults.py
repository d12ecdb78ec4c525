"""`emitter faults`: what can be made to go wrong on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from emitter.cli.options import Command, Setup, everywhere
from emitter.cli.terminal import BOLD, DIM, Json, note, paint, plain, show_many

MEANING = {
    "planning": "which deliveries there are, and when they leave",
    "content": "what a body says; it is signed properly",
    "tampering": "what becomes of it after it was signed",
    "wire": "how it travels",
}


@click.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@everywhere()
def faults(setup: Setup, names: tuple[str, ...]) -> None:
    """List the faults that a delivery can be made to suffer, with their parameters; or those that are named.

    Three options go with every fault: chance=0.3 (of each delivery, or of each attempt), attempts=1, 1..3 or 2.. (by
    their numbers), for=2d (of simulated time, from when it is asked for; then it is over).

    \b
      emitter trigger access-revoked --fault duplicate
      emitter trigger access-revoked --fault delay:5m --fault wrong-key:chance=0.3
      emitter trigger access-revoked --fault unreachable:attempts=1..2
    """
    from emitter.errors import UnknownName
    from emitter.faults import described

    found = described()
    known = [each["name"] for each in found]
    wanted = [name.replace("_", "-") for name in names]
    for name in wanted:
        if name not in known:
            raise UnknownName("fault", name, known)
    show_many(setup.format, [each for each in found if not names or each["name"] in wanted], _table)
    if setup.format == "table":
        note("With each: chance=0.3, attempts=1..3, for=2d. A parameter that comes first needs no name: delay:5m.")


def _table(found: Sequence[Json]) -> Iterable[str]:
    kind = ""
    for each in found:
        if each["kind"] != kind:
            if kind:
                yield ""
            kind = each["kind"]
            yield paint(f"{kind}: {MEANING[kind]}", DIM)
        yield f"  {paint(each['name'], BOLD)}{' ' * max(20 - len(each['name']), 1)}{plain(each['help'])}"
        for parameter in each["parameters"]:
            default = "" if parameter["default"] is None else f" [{parameter['default']}]"
            yield f"{' ' * 22}{parameter['name']}: {plain(parameter['help'])}{default}"
