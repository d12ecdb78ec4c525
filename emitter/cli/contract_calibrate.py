"""`emitter contract calibrate`: settle assumptions by what a real app has sent."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emitter import clock
from emitter.cli.failures import FAILED
from emitter.cli.options import Command, Setup, everywhere, secrets_of
from emitter.cli.terminal import DIM, GREEN, YELLOW, Json, columns, note, paint, plain, show_one
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.contract.calibrate import Calibration

PAINTS = {"confirmed": GREEN, "changed": YELLOW}


@click.command(cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--secret", multiple=True, metavar="KEY", help="Signing key. Rather EMITTER_SECRET, or a file.")
@click.option("--secret-file", multiple=True, metavar="FILE", help="A file that holds the signing key.")
@click.option("--write", "writes", is_flag=True, help="Write what is settled to emitter.toml.")
@click.option("--config", metavar="FILE", help="Write to this file. [the emitter.toml that is used, or a new one here]")
@click.option("--force", is_flag=True, help="With --write: replace values that the file sets otherwise.")
@click.option("--all", "every", is_flag=True, help="Show all that stays open, too.")
@everywhere()
def calibrate(
    setup: Setup, files: tuple[str, ...], secret: tuple[str, ...], secret_file: tuple[str, ...], writes: bool,
    config: str | None, force: bool, every: bool,
) -> None:  # fmt: skip
    """Settle assumptions by captures of a real app: one delivery, or a test, is enough for many.

    FILE is a file or folder of captures, or - for standard input; `emitter contract recorder` prints a few lines that
    bring one home. With the signing key, how the app signs is found by trying. What a capture does not decide is said
    to be open, with what would decide it. Exit code 1 if there is a key and nothing fits it.
    """
    if not writes and (config or force):
        raise UsageError("--config and --force say how it is written: they go with --write.")
    from emitter.catalog import Catalog
    from emitter.cli.captured import Reading
    from emitter.contract import calibrate as calibrating
    from emitter.signing import SigningKey

    keys = [SigningKey(each) for each in secrets_of(secret, secret_file)]
    found = calibrating.calibrate(
        Reading(files), assumptions=setup.settings.assumptions, catalog=Catalog.load(setup.settings.schemas), keys=keys
    )
    show_one(setup.format, _json(found), lambda shown: _table(shown, every=every))
    if writes:
        _write(found, config, force=force)
    elif found.settled and setup.format == "table":
        note("Nothing was written; --write puts what is settled into emitter.toml.")
    if found.signature == "not found":
        sys.exit(FAILED)


def _write(found: Calibration, config: str | None, *, force: bool) -> None:
    from emitter.contract.writing import write
    from emitter.settings import FILE, find_file

    path = Path(config) if config else find_file(Path.cwd()) or Path.cwd() / FILE
    written = write(path, found.settled, at=clock.rfc3339(clock.wall(), 0), force=force)
    note(plain(f"Written to {path}: {len(written)} switches." if written else f"Nothing is settled; {path} stays."))


def _json(found: Calibration) -> Json:
    return {
        "captures": found.captures,
        "signature": found.signature,
        "settled": [_row(each) for each in found.settled],
        "open": [_row(each) for each in found.open],
        "facts": [{"fact": name, "value": value} for name, value in found.facts],
        "remarks": list(found.remarks),
    }


def _row(each: Any) -> Json:
    return {
        "switch": each.switch, "now": each.now, "state": each.state, "value": each.value if each.settled else None,
        "evidence": each.evidence, "open": each.open, "source": each.source,
    }  # fmt: skip


def _table(shown: Json, *, every: bool) -> Iterable[str]:
    settled, left = shown["settled"], shown["open"]
    if settled:
        rows = [
            [each["switch"], each["now"] or '""', each["value"] or '""', each["state"], _short(each["evidence"])]
            for each in settled
        ]
        titles = ("SWITCH", "NOW", "THE CAPTURE", "", "EVIDENCE")
        yield from columns(
            titles, rows, stretch=4, paints=lambda column, text: PAINTS.get(text, "") if column == 3 else ""
        )
    else:
        yield "The captures settle nothing."
    seen = [each for each in left if every or each["evidence"] or _near(each["switch"])]
    if seen:
        yield ""
        rows = [
            [each["switch"], each["now"] or '""', _short(" ".join(filter(None, (each["evidence"], each["open"]))))]
            for each in seen
        ]
        yield from columns(("OPEN", "NOW", "WHY, AND WHAT WOULD SETTLE IT"), rows, stretch=2)
    if len(seen) < len(left):
        yield paint(f"{len(left) - len(seen)} more are nothing that a capture of this kind shows (--all).", DIM)
    if shown["facts"]:
        yield ""
        yield from columns(
            ("ALSO SEEN", ""), [[each["fact"], _short(each["value"])] for each in shown["facts"]], stretch=1
        )
    if shown["remarks"]:
        yield ""
        yield from map(plain, shown["remarks"])


def _short(text: str) -> str:
    """Leave out what the names of all types begin with."""
    return text.replace("marketplace.data_product.", "")


def _near(switch: str) -> bool:
    """Whether a capture of a delivery could have settled it."""
    return switch.startswith(("signing.", "payload.", "ids.", "delivery.headers", "test.payload")) and (
        switch != "signing.timestamp"
    )
