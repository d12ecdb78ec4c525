"""`emitter deliveries`: what was sent, and what came back."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from emitter.cli import lines
from emitter.cli.failures import FAILED
from emitter.cli.filters import filters, query_of
from emitter.cli.options import Command, Duration, Listing, Setup, everywhere, read_bytes
from emitter.cli.terminal import (
    Json,
    as_json,
    note,
    plain,
    say,
    show_many,
    show_one,
)
from emitter.cli.views import attempts_table, exchange, whole_attempt, whole_delivery, whole_event
from emitter.errors import NotFound, StoreUnusable, UsageError

if TYPE_CHECKING:
    from emitter.client import Client
    from emitter.door import Door
    from emitter.query import AttemptQuery

PAGE = 500
POLL = 20.0  # seconds that a server is asked to wait for the next attempt
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@click.group(cls=Listing)
def deliveries() -> None:
    """Look at what was sent: list, show, resend, follow, diff, export."""


@deliveries.command("list", cls=Command)
@filters
@click.option("--limit", metavar="N", type=click.IntRange(1), default=50, help="How many. [50]")
@click.option("--follow", is_flag=True, help="Then go on with what comes (needs a server).")
@everywhere()
def list_attempts(setup: Setup, limit: int, follow: bool, **given: Any) -> None:
    """List attempts, newest first. Filters of one kind are alternatives, of different kinds all have to hold."""
    from emitter.cli.door import opened

    if follow:
        _follow(setup, given)
        return
    with opened(setup, looking=True) as door:
        found, older, searched_to = _pages(door, query_of(given, limit), limit)
    show_many(setup.format, found, attempts_table)
    if setup.format == "table" and not found and not searched_to:
        filtered = any(given.values())
        note(
            "No attempt matches." if filtered else "Nothing was sent yet. Try: emitter trigger access-revoked --to URL"
        )
    if searched_to:
        note(f"Searched back to {searched_to} so far. Go on with --before {older}.")
    elif older and setup.format == "table":
        note(f"There is more: --before {older}, or a larger --limit.")


@deliveries.command("follow", cls=Command)
@filters
@everywhere()
def follow_attempts(setup: Setup, **given: Any) -> None:
    """Print attempts as they come, until Ctrl-C. Needs a server: `emitter serve`."""
    _follow(setup, given)


@deliveries.command("show", cls=Command)
@click.argument("which", metavar="[ID]", required=False)
@everywhere()
def show(setup: Setup, which: str | None) -> None:
    """Show an attempt in full: request, answer, signature, contract, timing.

    ID is an attempt's number; a delivery's or an event's id shows what became of it. Without: the newest attempt.
    """
    from emitter.cli.door import opened

    with opened(setup, looking=True) as door:
        if which is not None and _UUID.fullmatch(which.lower()):
            found, table = _by_uuid(door, which.lower())
        else:
            found, table = door.attempt(_attempt_id(door, which)), whole_attempt
    show_one(setup.format, found, table)


@deliveries.command("resend", cls=Command)
@click.argument("which", metavar="[ID]", required=False)
@click.option("--as-is", is_flag=True, help="The very same request, signature and all; else it is signed anew.")
@click.option(
    "--body", metavar="FILE", help="A body of its own instead, to the same webhook: a new event; - for input."
)
@click.option("--allow-invalid", is_flag=True, help="Send that body even if its schema does not allow it.")
@click.option(
    "--fault", "faults", metavar="FAULT", multiple=True,
    help="Let it go wrong: wrong-key, slow:chance=0.3; `emitter faults` lists them.",
)  # fmt: skip
@click.option("--wait", type=Duration(), metavar="TIME", default="30s", help="How long to wait for the outcome. [30s]")
@click.option("--no-wait", is_flag=True, help="Only hand it in.")
@everywhere()
def resend(
    setup: Setup,
    which: str | None,
    as_is: bool,
    body: str | None,
    allow_invalid: bool,
    faults: tuple[str, ...],
    wait: float,
    no_wait: bool,
) -> None:
    """Send an attempt's event to its webhook again. ID as in `show`; without: the newest attempt."""
    from emitter import strictjson
    from emitter.cli.door import opened
    from emitter.trigger import read_faults

    if allow_invalid and body is None:
        raise UsageError("--allow-invalid goes with --body: what was sent before is sent again whatever it is.")
    given = None if body is None else read_bytes(body, most=strictjson.LARGEST)
    asked = read_faults("--fault", faults)
    with opened(setup) as door:
        delivery = door.resend(
            _attempt_id(door, which), as_is=as_is, body=given, allow_invalid=allow_invalid, faults=asked
        )
        if not no_wait:
            delivery = door.deliveries([delivery["id"]], wait=wait)[0]
        if setup.format == "table":
            say(f"--> delivery {delivery['id']}")
            for line in lines.show_attempts(door, delivery, set()):
                say(line)
            for line in lines.waiting(door, delivery) if not no_wait else ():
                say(line)
        else:
            show_one(setup.format, delivery, lambda _: ())
    if not no_wait:
        tally = lines.Tally()
        tally.add(delivery)
        sys.exit(tally.code())


@deliveries.command("diff", cls=Command)
@click.argument("one", metavar="ID")
@click.argument("other", metavar="ID")
@everywhere(form=False)
def diff(setup: Setup, one: str, other: str) -> None:
    """Compare two attempts, line by line. The exit code is 1 if they differ, as with diff."""
    from difflib import unified_diff

    from emitter.cli.door import opened

    with opened(setup, looking=True) as door:
        first, second = (door.attempt(_attempt_id(door, each)) for each in (one, other))
    names = (f"attempt {first['id']}", f"attempt {second['id']}")
    found = list(unified_diff(list(exchange(first)), list(exchange(second)), *names, lineterm=""))
    for line in found:
        say(line)
    if found:
        sys.exit(FAILED)
    note("They are equal: same request, same answer.")


@deliveries.command("export", cls=Command)
@filters
@click.option(
    "--format",
    "form",
    type=click.Choice(("jsonl", "har", "csv", "curl")),
    default="jsonl",
    help="JSON lines, HAR 1.2, CSV (without bodies), or curl commands. [jsonl]",
)
@click.option("--output", "-o", metavar="FILE", default="-", help="Write it there instead of to standard output.")
@everywhere(form=False)
def export(setup: Setup, form: str, output: str, **given: Any) -> None:
    """Export attempts with requests and answers, byte for byte.

    A target's user and query are masked (***), in curl commands too: put them back before you run one. Signing keys
    are in none of these.
    """
    from emitter.cli.door import opened

    with opened(setup, looking=True) as door:
        pieces = door.export(query_of(given, PAGE), form)
        if output == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            _save(pieces, Path(output))


def _save(pieces: Iterable[bytes], target: Path) -> None:
    """Write beside the target and rename: what stands there is whole, or the old one."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with open(part, "xb") as file:
            file.writelines(pieces)
        part.replace(target)
    except OSError as error:
        raise StoreUnusable(target, f"cannot be written ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)


def _attempt_id(door: Door, which: str | None) -> int:
    """The attempt that is meant: its number, the last one of a delivery, or the newest of all."""
    from emitter.query import AttemptQuery

    if which is None:
        newest = door.attempts(AttemptQuery(limit=1))["attempts"]
        if not newest:
            raise UsageError("Nothing was sent yet. Try: emitter trigger access-revoked --to URL")
        return int(newest[0]["id"])
    if which.isascii() and which.isdigit() and len(which) < 19:
        return int(which)
    if _UUID.fullmatch(which.lower()):
        attempts = door.delivery(which.lower())["attempts"]
        if attempts:
            return int(attempts[-1]["id"])
        raise UsageError(f"Delivery {which} has no attempt yet.")
    raise NotFound("attempt", which, "An attempt's id is a number, as `emitter deliveries list` shows it.")


def _by_uuid(door: Door, identity: str) -> tuple[Json, Callable[[Json], Iterable[str]]]:
    try:
        return door.delivery(identity), whole_delivery
    except NotFound:
        try:
            return door.event(identity), whole_event
        except NotFound:
            raise NotFound("delivery or event", identity, "`emitter deliveries list` shows what there is.") from None


def _pages(door: Door, query: AttemptQuery, limit: int) -> tuple[list[Json], str, str]:
    """Gather so many attempts; say where the next page begins, and how far a search went that was bounded."""
    from urllib.parse import parse_qs

    from emitter.query import LARGEST_PAGE, AttemptQuery

    found: list[Json] = []
    while True:
        page = door.attempts(query)
        found += page["attempts"]
        older = parse_qs(page["older"])["before"][0] if page["older"] else ""
        left = limit - len(found)
        if page["searchedTo"]:
            return found, older, str(page["searchedTo"])
        if not older or left <= 0 or query.after is not None:
            return found, older if query.after is None else "", ""
        query = AttemptQuery.parse(query.pairs(before=int(older), limit=min(left, LARGEST_PAGE)))


def _follow(setup: Setup, given: dict[str, Any]) -> None:
    from emitter.cli.door import running
    from emitter.query import AttemptQuery

    if given["before"] or given["until"]:
        raise UsageError("--before and --until look back; what is followed is yet to come.")
    client = running(setup)
    if client is None:
        raise UsageError(
            "There is nothing to follow: no simulator serves this store. Start one (`emitter serve`), or name one that "
            "runs: --server URL."
        )
    with client:
        newest = client.attempts(AttemptQuery(limit=1))["attempts"]
        low = int(given["after"]) if given["after"] else newest[0]["id"] if newest else 0
        note("Following; stop with Ctrl-C.")
        try:
            _follow_on(setup.format, client, given, low)
        except KeyboardInterrupt:
            note("Stopped.")


def _follow_on(form: str, client: Client, given: dict[str, Any], low: int) -> NoReturn:
    """Print what comes after attempt `low`, for ever."""
    from emitter.query import OUTCOMES

    seen: set[int] = set()
    while True:
        query = replace(query_of(given, PAGE), after=low)
        found = client.attempts(query)["attempts"][::-1]
        for attempt in found:
            if attempt["outcome"] != "started" and attempt["id"] not in seen:
                seen.add(attempt["id"])
                _follow_line(form, attempt)
        # What is still under way may end after what was started later, so it is passed over only once it is over.
        while found and (found[0]["outcome"] != "started" or len(found) >= PAGE):
            low = found.pop(0)["id"]
            seen.discard(low)
        ended = query.outcome or tuple(word for word in OUTCOMES if word != "started")
        client.wait(replace(query, after=low, outcome=ended), count=len(seen) + 1, timeout=POLL)


def _follow_line(form: str, attempt: Json) -> None:
    if form == "table":
        name = f"  {plain(attempt['dataProductName'])}" if attempt["dataProductName"] else ""
        say(f"--> {lines.type_of(attempt)}{name}  (attempt {attempt['id']}, delivery {attempt['deliveryId']})")
        for line in lines.answered(attempt):
            say(line)
    else:
        say(as_json(attempt, indent=None))
    sys.stdout.flush()
