"""`emitter world`: what there is in the simulated app, what is done in it, how its time passes."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from emitter.cli import lines, things
from emitter.cli.options import START, WORLD, Command, Duration, Listing, Setup, TextType, everywhere
from emitter.cli.terminal import Json, note, plain, say, show_many, show_one
from emitter.cli.world_file import save
from emitter.errors import BadValue, UnknownName, UsageError

if TYPE_CHECKING:
    from emitter.door import Door

FEW = 20  # events that time has caused, and whose lines are shown
FAULT = click.option(
    "--fault", "faults", metavar="FAULT", multiple=True,
    help="Let what is sent go wrong: duplicate, delay:by=5m,chance=0.3; `emitter faults` lists them.",
)  # fmt: skip
_AS_WRITTEN = ("text", "title", "choice", "period", "user", "data product", "request", "record")
_LISTS = ("users", "domains", "data sources", "texts", "approvers", "columns")
_DATE = re.compile(r"[0-9]{4}-")


class Shown(Listing):
    """A family of commands that shows when no command is named."""

    otherwise = "show"


class ActionName(TextType):
    """An action, completed; what it means is the simulator's to say."""

    name = "action"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from emitter.world import described

        return [
            CompletionItem(each["action"], help=each["description"])
            for each in described()
            if each["action"].startswith(incomplete)
        ]


class KindName(TextType):
    """A kind of thing, completed."""

    name = "kind"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from emitter.world.kinds import PLURALS

        return [CompletionItem(each) for each in PLURALS if each.startswith(incomplete)]


@click.group(cls=Shown)
def world() -> None:
    """Look at the simulated app, act in it, let its time pass.

    \b
      emitter world act publish name="Claims 2025"
      emitter world act request product="Claims 2025"
      emitter world show access-requests
      emitter world save > world.yaml
    """


world.add_command(save)


@world.command("show", cls=Command)
@click.argument("kind", metavar="[KIND]", required=False, type=KindName())
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--status", metavar="STATUS", default="", help="Data products or access requests in this state.")
@click.option("--product", metavar="NAME", default="", help="Access requests for this data product.")
@click.option("--user", metavar="NAME", default="", help="Access requests for this user.")
@START
@WORLD
@everywhere()
def show(
    setup: Setup,
    kind: str | None,
    name: str | None,
    status: str,
    product: str,
    user: str,
    start: str | None,
    world: str | None,
) -> None:
    """Show everything, all of a KIND, or one thing with what may be done to it.

    KIND is users, domains, data-sources, data-products or access-requests; NAME an id or a name.
    """
    from emitter.cli.door import opened

    filters = {"status": status, "product": product, "user": user}
    given = [f"--{each}" for each, value in filters.items() if value]
    if given and (not kind or name):
        raise UsageError(f"{', '.join(given)} chooses among all of a kind, as `emitter world show access-requests`.")
    with opened(setup.with_settings(start=start, world=world), looking=True) as door:
        if not kind:
            state = {**door.world_state(), **door.clock_state()}
            show_one(setup.format, state, things.everything)
            there = bool(state["users"])
        elif name:
            show_one(setup.format, door.world_entity(kind, name), things.whole)
            there = True
        else:
            found = door.world_entities(kind, **filters)
            show_many(setup.format, found, lambda values: things.table(kind, values))
            there = bool(found)
    if not there and setup.format == "table":
        note("There is none." if given else "There is none yet: the first action brings people and tables with it.\n"
             "  emitter world act publish")  # fmt: skip


@world.command("actions", cls=Command)
@click.argument("names", metavar="[ACTION]...", nargs=-1, type=ActionName())
@everywhere()
def actions(setup: Setup, names: tuple[str, ...]) -> None:
    """List what may be done, with its parameters and the events that may follow; or those that are named."""
    from emitter.cli.door import asked

    with asked(setup) as door:
        found = door.actions()
    wanted = [_named(name, found)["action"] for name in names]
    show_many(setup.format, [each for each in found if not names or each["action"] in wanted], things.actions)


@world.command("act", cls=Command)
@click.argument("action", metavar="ACTION", type=ActionName())
@click.argument("values", metavar="[NAME=VALUE]...", nargs=-1)
@FAULT
@START
@WORLD
@click.option("--run", metavar="NAME", default="", help="A name to find the events by.")
@click.option("--wait", type=Duration(), metavar="TIME", default="30s", help="How long to wait for the outcome. [30s]")
@click.option("--no-wait", is_flag=True, help="Only do it; the outcome is in the history.")
@everywhere()
def act(
    setup: Setup, action: str, values: tuple[str, ...], faults: tuple[str, ...], start: str | None, world: str | None,
    run: str, wait: float, no_wait: bool,
) -> None:  # fmt: skip
    """Do something in the simulated app, and see which events follow and what came of them.

    `emitter world actions` lists what may be done. A VALUE is text, or JSON; several make a list, by commas or by
    saying NAME again. The exit code is 0 if it was done and every receiver accepted what followed.

    \b
      emitter world act publish name="Claims 2025" domains=Finance,Claims stewards="Ann Lee"
      emitter world act approve request=cjx0... duration=30d
    """
    from emitter.cli.door import opened

    with opened(setup.with_settings(start=start, world=world)) as door:
        known = _named(action, door.actions())
        done = door.act(known["action"], run=run, faults=faults, **_parameters(known, values))
        tally = lines.Tally()
        if setup.format == "table":
            say(things.line(done["kind"], done["entity"]))
            for event in done["events"]:
                say(lines.sent(event))
        if not no_wait:
            lines.follow(setup.format, door, done["events"], wait, tally)
    show_one(setup.format, done, lambda found: ())
    if setup.format == "table":
        _note_silence(done["events"])
    sys.exit(tally.code())


@world.command("advance", cls=Command)
@click.argument("time", metavar="TIME")
@FAULT
@START
@WORLD
@everywhere()
def advance(setup: Setup, time: str, faults: tuple[str, ...], start: str | None, world: str | None) -> None:
    """Move the virtual clock, and see what falls due on the way.

    TIME is a length (7d, 1h30m), a moment (2030-02-01T09:00:00Z), or `next`: when something falls due next. The clock
    is virtual where the simulator was started with --start.
    """
    from emitter.cli.door import opened

    how = _time(time)
    with opened(setup.with_settings(start=start, world=world)) as door:
        newest = [each["id"] for each in door.events(limit=1)["events"]]
        state = door.advance(**how, faults=faults)
        tally = lines.Tally()
        if setup.format == "table":
            caused = _since(door, newest)
            for event in caused[:FEW]:
                say(lines.sent(event))
                lines.follow("table", door, [event], 0.0, tally)
            if len(caused) > FEW:
                say(f"... and more: `emitter deliveries list` has them all, the newest {FEW} are above.")
        due = door.clock_state()["nextDue"]
    show_one(setup.format, state, lambda found: [things.time_of({**found, "virtual": True, "nextDue": due})])
    sys.exit(tally.code())


def _time(text: str) -> dict[str, Any]:
    """What `advance` is to be told."""
    from emitter.typed import duration

    if text == "next" or _DATE.match(text):
        return {"to": text}
    try:
        return {"by": duration(text)}
    except BadValue:
        raise BadValue("TIME", text, "is neither a length (7d), a moment (2030-02-01T09:00:00Z) nor `next`.") from None


def _since(door: Door, newest: Sequence[str]) -> list[Json]:
    """The events after one, the oldest first; of many the last ones, and one more than are shown."""
    found: list[str] = []
    for each in door.events(limit=FEW + 1)["events"]:
        if each["id"] in newest:
            break
        found.append(each["id"])
    events = [door.event(each) for each in found[:FEW]]
    return list(reversed(events)) + [{}] * (len(found) > FEW)


def _named(name: str, known: Sequence[Json]) -> Json:
    """The action of this name; raises `UnknownName`."""
    plain_name = name.replace("-", "_").replace(" ", "_")
    names = [each["action"] for each in known]
    if plain_name not in names:
        raise UnknownName("action", name, names)
    return known[names.index(plain_name)]


# --- parameters -------------------------------------------------------------------------------------------------------


def _parameters(action: Json, values: Sequence[str]) -> dict[str, Any]:
    """Read NAME=VALUE as the parameters of an action want it; raises `UsageError` or `BadValue`."""
    names = [each["name"] for each in action["parameters"]]
    kinds = {each["name"]: each["kind"] for each in action["parameters"]}
    given: dict[str, list[str]] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(
                f'"{plain(text)}" is no NAME=VALUE. {action["action"]} takes {", ".join(names)}; '
                f"`emitter world actions {action['action']}` says more."
            )
        name = name.strip().replace("-", "_")
        if name in ("run", "faults"):
            raise UsageError(f"{name} is no parameter of an action. Write --{name.removesuffix('s')} before it.")
        given.setdefault(name, []).append(value)
    return {name: _value(name, kinds.get(name, ""), texts) for name, texts in given.items()}


def _value(name: str, kind: str, texts: Sequence[str]) -> Any:
    if kind in _LISTS:
        return [item for text in texts for item in _items(text)]
    if len(texts) > 1:
        raise BadValue(name, texts[-1], "is given twice, and it is no list.")
    parsed = _json(texts[0])
    if kind in _AS_WRITTEN:  # 2025 is a name, too; in quotes it may say what it likes
        return parsed if isinstance(parsed, str | Mapping) else texts[0]
    return texts[0] if parsed is _NONE else parsed


def _items(text: str) -> list[Any]:
    """What one text adds to a list: JSON, or what stands between its commas."""
    parsed = _json(text)
    if isinstance(parsed, list):
        return parsed
    if isinstance(parsed, str | Mapping):
        return [parsed]
    return [each.strip() for each in text.split(",") if each.strip()]


_NONE = object()


def _json(text: str) -> Any:
    """The value that a text writes as JSON; `_NONE` where it is none."""
    from emitter import strictjson
    from emitter.errors import BadJson

    try:
        return strictjson.loads(text.encode("utf-8", "surrogatepass"))
    except BadJson:
        return _NONE


def _note_silence(events: Sequence[Json]) -> None:
    if not events:
        note("The app tells nobody of that: no event follows.")
    elif not any(event["deliveries"] for event in events):
        note("Nothing was sent: there is no webhook. Register one: emitter webhooks add http://127.0.0.1:3000/")
