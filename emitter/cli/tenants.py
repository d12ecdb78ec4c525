"""`emitter tenants`: simulators side by side in one server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from emitter.cli.options import Command, Listing, Setup, everywhere
from emitter.cli.terminal import Json, as_json, columns, note, plain, say, short_time, show_many, show_one
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.door import Tenancy


@click.group(cls=Listing)
def tenants() -> None:
    """Make tenants, list, reset and delete them.

    A tenant is a simulator of its own in a server that runs: its token opens its webhooks, history, world and clock,
    and nothing of any other.
    """


@tenants.command("make", cls=Command)
@click.argument("name", metavar="[NAME]", required=False, default="")
@click.option("--world", metavar="WORLD", help="What its world starts with: demo, empty, or default.")
@click.option("--seed", metavar="N", type=int, help="The same seed and the same clock make the same events.")
@click.option("--start", metavar="TIME", help="A virtual clock that starts then, as 2030-01-31T09:00:00Z.")
@click.option("--keep", is_flag=True, help="Keep it in a file beside the server's store; else it ends with the server.")
@everywhere(assumes=False)
def make(
    setup: Setup,
    name: str,
    world: str | None,
    seed: int | None,
    start: str | None,
    assume: tuple[str, ...],
    keep: bool,
) -> None:
    """Make a tenant and print the token of its admin: it is told this once.

    What is not said (--world, --seed, --start, --assume) is as the server was started. Whatever speaks to the
    server with the token is in the tenant:
    EMITTER_TOKEN=... emitter trigger access-revoked --server URL
    """
    from emitter.settings import assumption

    switches = dict(assumption(text) for text in assume)
    with _of_all(setup, making=not keep) as door:
        made = door.make_tenant(name, world=world, seed=seed, start=start, assume=switches, ephemeral=not keep)
    if setup.format != "table":
        say(as_json(made, indent=2 if setup.format == "json" else None))
        return
    note(f"Tenant {plain(made['name'])} ({made['id']}). The token of its admin is shown this once.")
    say(made["token"])


@tenants.command("list", cls=Command)
@everywhere()
def list_tenants(setup: Setup) -> None:
    """List the tenants, the default one first."""
    with _of_all(setup, looking=True) as door:
        found = door.tenants()
    show_many(setup.format, found, _table)


@tenants.command("show", cls=Command)
@click.argument("tenant_id", metavar="ID")
@everywhere()
def show(setup: Setup, tenant_id: str) -> None:
    """Show one tenant, by id or name."""
    with _of_all(setup, looking=True) as door:
        show_one(setup.format, door.tenant(tenant_id), _whole)


@tenants.command("delete", cls=Command)
@click.argument("tenant_id", metavar="ID")
@click.option("--yes", is_flag=True, help="It is kept, and that is meant.")
@everywhere(form=False)
def delete(setup: Setup, tenant_id: str, yes: bool) -> None:
    """End a tenant, by id or name, and forget all that it holds."""
    with _of_all(setup, looking=True) as door:
        if not yes:
            _refuse_kept(door.tenant(tenant_id))
        door.delete_tenant(tenant_id)
    note(f"Deleted {plain(tenant_id)}.")


@tenants.command("reset", cls=Command)
@click.argument("tenant_id", metavar="ID")
@click.option("--yes", is_flag=True, help="It is kept, and that is meant.")
@everywhere(form=False)
def reset(setup: Setup, tenant_id: str, yes: bool) -> None:
    """Forget all events, deliveries, webhooks, runs and the world of a tenant; its tokens stay."""
    with _of_all(setup, looking=True) as door:
        if not yes:
            _refuse_kept(door.tenant(tenant_id))
        door.reset_tenant(tenant_id)
    note(f"Tenant {plain(tenant_id)} is empty.")


def _refuse_kept(found: Json) -> None:
    if not found["ephemeral"]:
        raise UsageError(f"Tenant {plain(found['name'])} is kept, and all in it would go. Say --yes if that is meant.")


@contextmanager
def _of_all(setup: Setup, *, looking: bool = False, making: bool = False) -> Iterator[Tenancy]:
    """The tenants of the server that runs, or those that are kept beside the store; `making` one wants a server."""
    from emitter.cli.door import opened, running

    if making and running(setup) is None:
        raise UsageError(
            "No server runs on this store, and a tenant in memory would end with this command. Start `emitter serve`, "
            "name one that runs (--server URL), or keep the tenant in a file: --keep."
        )
    from emitter.simulator import Simulator
    from emitter.tenants import Tenants

    with opened(setup, looking=looking) as door:
        yield Tenants(door) if isinstance(door, Simulator) else door  # type: ignore[misc]  # else it is a Client


def _table(found: Sequence[Json]) -> Iterable[str]:
    rows = [
        (
            each["id"],
            each["name"],
            each["why"] or f"{each['clock']}, {short_time(each['now'])}",
            "" if each["webhooks"] is None else str(each["webhooks"]),
            "in memory" if each["ephemeral"] else "kept",
            short_time(each["createdAt"]),
        )
        for each in found
    ]
    return columns(("ID", "NAME", "CLOCK", "WEBHOOKS", "STORE", "MADE"), rows, right=(3,), stretch=2)


def _whole(each: Json) -> Iterable[str]:
    told = {
        "Id": each["id"],
        "Name": each["name"],
        "Unusable": each["why"],
        "Store": "in memory" if each["ephemeral"] else "kept",
        "Clock": each["clock"] and f"{each['clock']}, {short_time(each['now'])}",
        "Seed": each["seed"],
        "Webhooks": each["webhooks"],
        "Assumptions": ", ".join(f"{switch}={value}" for switch, value in each["assume"].items()),
        "Made": short_time(each["createdAt"]),
    }
    for title, value in told.items():
        if value not in (None, ""):
            yield f"{title:<12} {plain(value)}"
