"""`emitter serve`: the simulator as a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from emitter.cli.options import WORLD, Command, Setup, everywhere
from emitter.cli.terminal import note, plain, say
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.settings import Settings
    from emitter.simulator import Simulator
    from emitter.tenants import Tenants
    from emitter.web.access import Access

LOOPBACK, ANYWHERE, PORT = "127.0.0.1", "0.0.0.0", 8080


@click.command(cls=Command)
@click.option("--host", metavar="ADDRESS", help="Where to listen. [127.0.0.1]")
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), help="0 takes a free one. [8080]")
@click.option("--ci", is_flag=True, help="For a build: any interface, in memory, a token that is printed or given.")
@click.option("--shared", is_flag=True, help="For a team: closed, with a token, host names and targets.")
@click.option("--start", metavar="TIME", help="A virtual clock that starts then, as 2030-01-31T09:00:00Z.")
@WORLD
@click.option("--seed", metavar="N", type=int, help="The same seed and the same clock make the same events.")
@click.option("--allow", metavar="TARGET", multiple=True, help="Send to these targets only. Repeatable.")
@click.option("--hosts", metavar="NAME", multiple=True, help="A host name to answer to. Repeatable.")
@click.option("--ca", metavar="FILE", help="A PEM file of authorities to trust for all targets.")
@click.option("--keep", metavar="TIME", help="Forget attempts that are older, as 30d.")
@click.option("--keep-attempts", metavar="N", type=click.IntRange(1), help="Keep so many attempts. [1000000]")
@click.option("--tenants", metavar="N", type=click.IntRange(0), help="Have so many tenants at most. [1000]")
@everywhere(form=False)
def serve(setup: Setup, host: str | None, port: int | None, ci: bool, shared: bool, **settings: Any) -> None:
    """Run the simulator: the vendor's API, ours, and the history page, until Ctrl-C.

    On loopback nothing needs to be configured. The token of the API is EMITTER_TOKEN; there is no flag for it, because
    flags can be seen by others.
    """
    if ci and shared:
        raise UsageError("--ci and --shared are two ways to serve: choose one.")
    if setup.server:
        raise UsageError("--server names a simulator that runs already; to start one, leave it out.")
    setup = setup.with_settings(**settings)
    if ci and "store" not in setup.plain:
        setup = setup.with_settings(ephemeral=True)
    chosen = setup.settings
    from emitter.web.access import Access, shared_configuration

    if shared and not (chosen.token and chosen.hosts and chosen.allow):
        missing = [f"EMITTER_{name.upper()}" for name in ("token", "hosts", "allow") if not getattr(chosen, name)]
        click.echo(shared_configuration(chosen), nl=False)
        note(f"Nothing is served yet: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.")
        return
    host = host or setup.host or (LOOPBACK if not (ci or shared) else ANYWHERE)
    port = port if port is not None else setup.port if setup.port is not None else PORT
    if ci:
        access = Access.ci(chosen.token, hosts=chosen.hosts)
    else:
        access = Access.shared(chosen) if shared else Access.of(chosen, host=host)
    from emitter.simulator import Simulator
    from emitter.tenants import Tenants
    from emitter.web.serving import serve as run

    simulator = Simulator(chosen)
    with simulator:
        tenants = Tenants(simulator)
        run(
            simulator, host=host, port=port, access=access, tenants=tenants,
            ready=lambda url: _tell(url, simulator, tenants, access, chosen),
        )  # fmt: skip
    note("Stopped.")


def _tell(url: str, simulator: Simulator, tenants: Tenants, access: Access, settings: Settings) -> None:
    """Say what runs and where; the address alone goes to standard output, for scripts."""
    state = simulator.state()
    if access.mode == "local":
        token = "EMITTER_TOKEN" if access.tokens else "any bearer token"
        note(f"History page   {url}/")
        note(f"APIs           {url}/marketplace/api/... and {url}/simulator/... ({token})")
    elif access.mode == "ci" and not settings.token:
        note(f"APIs and pages {url}/ and every other address of this machine")
        note(f"Token          {access.tokens[0]} (made for this run; EMITTER_TOKEN names another)")
    else:
        note(f"APIs and pages {url}/ (token: EMITTER_TOKEN)")
    if access.hosts:
        note(f"Host names     {', '.join(access.hosts)}")
    if settings.allow:
        note(f"Targets        {', '.join(settings.allow)}")
    where = settings.store.resolve() if settings.store else "in memory; it ends with this process (--ephemeral)"
    note(f"Store          {where}")
    virtual = "virtual, moved over HTTP only" if state["clock"] == "virtual" else "the machine's"
    note(f"Clock          {virtual}: {state['now'][:19]}Z")
    if kept := len(tenants.tenants()) - 1:
        note(f"Tenants        {kept} beside the default one")
    for name, why in tenants.unusable():
        note(f"Unusable       tenant {plain(name)}: {plain(why)}")
    if settings.world:
        note(f"World          {settings.world}")
    if state["webhooks"]:
        note(f"Webhooks       {state['webhooks']}")
    if state["interruptedAtStart"]:
        note(
            f"Interrupted    {state['interruptedAtStart']} attempts whose end nobody saw when it stopped the last time"
        )
    if state["waiting"]:
        note(f"Going on with  {state['waiting']} deliveries that were waiting")
    note("Stop           Ctrl-C")
    say(url)
