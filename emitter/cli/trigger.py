"""`emitter trigger`: make an event, send it, and see what came of it."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from emitter import clock
from emitter.cli import lines
from emitter.cli.failures import FAILED
from emitter.cli.options import Command, Duration, EventTypeName, Setup, everywhere, read_bytes, secret_of
from emitter.cli.terminal import Json, Progress, as_json, note, plain, say, show_many
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.door import Door
    from emitter.trigger import TriggerSpec

FEW = 20  # events whose lines are all shown
AHEAD = 1024  # deliveries that may be on their way before the oldest are looked at
PORTION = 128


def one_target(ctx: click.Context, parameter: click.Parameter, targets: tuple[str, ...]) -> str | None:
    """Take one target; several would need an order, and each its own key."""
    if len(targets) > 1:
        raise UsageError(
            "--to names one target. For several, register each with `emitter webhooks add URL`, and leave --to out: "
            "every webhook gets it."
        )
    return targets[0] if targets else None


@click.command(cls=Command)
@click.argument("type_name", metavar="[TYPE]", required=False, type=EventTypeName())
@click.option(
    "--to", metavar="URL", envvar="EMITTER_TO", multiple=True, callback=one_target,
    help="Send it there. Without: to every webhook.",
)  # fmt: skip
@click.option("--secret", metavar="KEY", help="Signing key. Others see it in `ps`: rather EMITTER_SECRET, or a file.")
@click.option("--secret-file", metavar="FILE", help="A file that holds the signing key.")
@click.option("--insecure", is_flag=True, help="Do not verify the target's certificate.")
@click.option("--ca", metavar="FILE", help="A PEM file of authorities to trust for the target.")
@click.option("--http2", is_flag=True, help="Offer HTTP/2 (over TLS).")
@click.option("--set", "sets", metavar="PATH=VALUE", multiple=True, help="Set a member: data.dataProductName=Claims.")
@click.option("--unset", metavar="PATH", multiple=True, help="Leave a member out: data.actionLink.")
@click.option("--product", metavar="NAME", default="", help="A product of the simulated app that it is about.")
@click.option("--seed", type=int, metavar="N", help="The same seed makes the same events.")
@click.option("--start", metavar="TIME", help="On a virtual clock that starts then, as 2030-01-31T09:00:00Z.")
@click.option("--count", type=click.IntRange(1), default=1, metavar="N", help="How many events. [1]")
@click.option("--profile", type=click.Choice(("core", "extended")), help="What data holds. [core]")
@click.option("--body", metavar="FILE", help="A whole body, sent exactly as it is; - for standard input.")
@click.option("--edit", is_flag=True, help="Open the body in your editor before it is sent.")
@click.option("--allow-invalid", is_flag=True, help="Send it even if its schema does not allow it.")
@click.option("--dry-run", is_flag=True, help="Print the bodies; keep and send nothing.")
@click.option(
    "--fault", "faults", metavar="FAULT", multiple=True,
    help="Let it go wrong: duplicate, delay:by=5m,chance=0.3; `emitter faults` lists them.",
)  # fmt: skip
@click.option("--run", metavar="NAME", default="", help="A name to find the events by.")
@click.option("--wait", type=Duration(), metavar="TIME", default="30s", help="How long to wait for the outcome. [30s]")
@click.option("--no-wait", is_flag=True, help="Only hand it in; the outcome is in the history.")
@everywhere()
def trigger(
    setup: Setup,
    type_name: str | None,
    start: str | None,
    dry_run: bool,
    edit: bool,
    wait: float,
    no_wait: bool,
    **how: Any,
) -> None:
    """Make an event of TYPE and send it.

    TYPE is a full name, an alias (access-revoked) or the end of a name that only one type has (revoked); `emitter
    events` lists them. The exit code is 0 if every receiver accepted it, 1 if one did not, 3 if none could be reached.

    \b
      emitter trigger access-revoked --to http://127.0.0.1:3000/ --set data.dataProductName="Claims 2025"
      emitter trigger --body captured.json --to http://127.0.0.1:3000/
      emitter trigger access-revoked --count 50 --fault duplicate:chance=0.2 --fault unreachable:attempts=1
    """
    spec = _spec(type_name or "", how)
    setup = setup.with_settings(start=start)
    if how["seed"] is not None:  # the digits of its stamps come from the simulator's seed
        setup = replace(setup, plain={**setup.plain, "seed": how["seed"]})
    from emitter.cli.door import opened

    with opened(setup) as door:
        _note_new_members(door, spec)
        if edit:
            spec = _edited(door, spec)
        with _named("--edit" if edit else f"--body {how['body']}", spec):
            if dry_run:
                _preview(setup.format, door.preview(spec))
            elif no_wait:
                _hand_in(setup.format, door, spec)
            else:
                sys.exit(_send(setup.format, door, spec, wait))


@contextmanager
def _named(source: str, spec: TriggerSpec) -> Iterator[None]:
    """Name where a whole body came from if it is refused, and how it is sent all the same."""
    from emitter.errors import BadJson, InvalidEvent, UnknownEventType

    try:
        yield
    except (BadJson, UnknownEventType) as error:
        if spec.body is None:
            raise
        raise UsageError(f"{source}: {error} Send it as it is with --allow-invalid.") from None
    except InvalidEvent as error:
        raise UsageError(f"{source}: {error}") if spec.body is not None else error from None


def _note_new_members(door: Door, spec: TriggerSpec) -> None:
    """Remark on members that --set makes where the type has none: a slip in the path looks just so."""
    from emitter.factory.overrides import Override, newly_made

    if spec.set:
        overrides = Override.of_json({"set": dict(spec.set)})
        for remark in newly_made(overrides, door.event_type(spec.type)):
            note(plain(f"Note: {remark}"))


def _spec(type_name: str, how: dict[str, Any]) -> TriggerSpec:
    from emitter.factory import Override
    from emitter.strictjson import LARGEST
    from emitter.trigger import TriggerSpec, read_faults

    if not type_name and how["body"] is None:
        raise UsageError("Name an event type, as `emitter trigger access-revoked`; `emitter events` lists them.")
    to = how["to"] or ""
    given = [
        f"--{name.replace('_', '-')}" for name in ("secret", "secret_file", "insecure", "ca", "http2") if how[name]
    ]
    if given and not to:
        raise UsageError(f"{', '.join(given)} goes with --to URL; a webhook that is registered has its own.")
    sets = [Override.set(text) for text in how["sets"]]
    return TriggerSpec(
        type=type_name,
        product=how["product"],
        body=None if how["body"] is None else _body(how["body"], LARGEST),
        to=to,
        signing_key=secret_of(how["secret"], how["secret_file"]) if to else "",
        verify_tls=not how["insecure"],
        ca=os.path.abspath(how["ca"]) if how["ca"] else "",
        http2=how["http2"],
        set={each.text: each.value for each in sets},
        unset=tuple(how["unset"]),
        seed=how["seed"],
        profile=how["profile"] or "",
        count=how["count"],
        allow_invalid=how["allow_invalid"],
        run=how["run"],
        faults=read_faults("--fault", how["faults"]),
    )


def _body(file: str, largest: int) -> bytes:
    raw = read_bytes(file, most=largest)
    if len(raw) > largest:
        raise UsageError(f"--body {file}: it has more than {largest:,} bytes.")
    return raw


def _edited(door: Door, spec: TriggerSpec) -> TriggerSpec:
    """Let the user change the body; what the editor leaves is sent compact, in its order."""
    import json

    from emitter import strictjson
    from emitter.errors import BadJson

    body = door.preview(replace(spec, count=1, allow_invalid=True))[0]["body"]
    try:
        text = as_json(strictjson.loads(body.encode())) + "\n"
    except BadJson:
        raise UsageError("This body is no JSON and cannot be edited here. Edit its file.") from None
    changed = click.edit(text, extension=".json")
    if changed is None or not changed.strip():
        raise UsageError("The body was not saved, and nothing was sent.")
    compact = json.dumps(strictjson.loads(changed.encode()), ensure_ascii=False, separators=(",", ":"))
    return replace(spec, type="", product="", body=compact.encode(), set={}, unset=(), profile="", seed=None)


def _preview(form: str, events: list[Json]) -> None:
    show_many(form, events, lambda values: (each["body"] for each in values))
    note("Nothing was sent (--dry-run).")


def _hand_in(form: str, door: Door, spec: TriggerSpec) -> None:
    for number, event in enumerate(door.trigger_each(spec)):
        if form != "table":
            say(as_json(event, indent=None))
        elif number < FEW:
            say(lines.sent(event))
        if not event["deliveries"]:
            _nothing_sent(spec)
            return
    if form == "table" and spec.count > FEW:
        say(f"{spec.count:,} events handed in.")


def _send(form: str, door: Door, spec: TriggerSpec, wait: float) -> int:
    """Send and wait; return the exit code."""
    tally, started = lines.Tally(), clock.monotonic()
    if spec.count <= FEW:
        found = _send_few(form, door, spec, wait, tally)
        if form != "table":
            show_many(form, found, lambda values: ())
    else:
        _send_many(form, door, spec, wait, tally)
        if form == "json":
            say("]" if tally.printed else "[]")
    if not tally.states:
        _nothing_sent(spec)
        return FAILED
    if spec.count > 1 and form == "table":
        say(tally.summary(clock.monotonic() - started))
        for line in lines.waiting(door, tally.left) if spec.count > FEW and tally.left else ():
            say(line)
    return tally.code()


def _send_few(form: str, door: Door, spec: TriggerSpec, wait: float, tally: lines.Tally) -> list[Json]:
    """Send, showing every line as soon as it is known; return the events with their deliveries as they ended."""
    found = []
    for event in door.trigger_each(spec):
        tally.events += 1
        found.append(event)
        if form == "table":
            say(lines.sent(event))
    lines.follow(form, door, found, wait, tally)
    return found


def _send_many(form: str, door: Door, spec: TriggerSpec, wait: float, tally: lines.Tally) -> None:
    """Send without ever holding all of them: the oldest are looked at while the newest are made."""
    progress = Progress(spec.count)
    ahead: deque[Json] = deque()
    try:
        for event in door.trigger_each(spec):
            tally.events += 1
            ahead.append(event)
            if len(ahead) >= AHEAD:
                _look(form, door, [ahead.popleft() for _ in range(PORTION)], wait, tally, faulted=bool(spec.faults))
                progress.show(tally.events, "events")
        while ahead:
            _look(
                form,
                door,
                [ahead.popleft() for _ in range(min(PORTION, len(ahead)))],
                wait,
                tally,
                faulted=bool(spec.faults),
            )
            progress.show(tally.events, "events, the last ones are under way")
    finally:
        progress.clear()


def _look(form: str, door: Door, events: Sequence[Json], wait: float, tally: lines.Tally, *, faulted: bool) -> None:
    """Wait for some events to be over and count how they ended."""
    ids = [each["id"] for event in events for each in event["deliveries"]]
    last = [each["id"] for each in events[-1]["deliveries"]]
    ended: dict[str, Json] = {}
    if faulted:
        is_beyond = lines.beyond(door, wait)
        ended = {each["id"]: each for each in door.deliveries(ids) if is_beyond(each)}
        ids, last = [each for each in ids if each not in ended], []
    door.deliveries(last, wait=wait)  # of each webhook the last: the others are over before it, order being kept
    ended |= {each["id"]: each for each in door.deliveries(ids, wait=wait)}
    for event in events:
        event["deliveries"] = [ended[each["id"]] for each in event["deliveries"]]
        for delivery in event["deliveries"]:
            tally.add(delivery)
    for event in events if form != "table" else ():
        before = ("[" if tally.printed == 0 else ",") if form == "json" else ""
        say(before + as_json(event, indent=None))
        tally.printed += 1


def _nothing_sent(spec: TriggerSpec) -> None:
    name = spec.type or "--body FILE"
    note(
        "Nothing was sent: there is no webhook that takes it. The event is in the history. Send one to a target with\n"
        f"  emitter trigger {name} --to http://127.0.0.1:3000/\n"
        "or register a webhook with\n"
        "  emitter webhooks add http://127.0.0.1:3000/"
    )
