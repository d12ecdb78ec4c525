"""A relay beside the simulator of a test, with a Teams and a PagerDuty of its own: `relayed`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from emitter.demo.programs import GOOD, NAIVE, folder_of, program
from emitter.demo.served import TOKEN, Api, served
from emitter.errors import NotFound, Unavailable, UsageError
from emitter.simulator import Simulator
from emitter.standins import PagerDuty, TeamsWebhook
from emitter.testing import RequestApp, WebhookReceiver
from emitter.testing.apps import forwarder

PATIENCE = 10.0  # seconds for what is under way to come to its end
_STARTUP = 10.0
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_MODULES = {GOOD: ("services", "notebook", "relay"), NAIVE: ("naive",)}


class Relayed:
    """A relay at work: `hook` is in front of it and catches what it is sent, `teams` and `pagerduty` are behind it."""

    def __init__(
        self, name: str, app: RequestApp, hook: WebhookReceiver, teams: TeamsWebhook, pagerduty: PagerDuty, relay: Any
    ) -> None:
        self.name, self.app, self.hook, self.teams, self.pagerduty = name, app, hook, teams, pagerduty
        self.webhook = app.door.add_webhook(hook.url, signing_key=app.signing_key)
        self._relay = relay  # what works after it has acknowledged; None for one that does not

    def listens(self, wanted: bool) -> None:
        """Have what happens from now on sent to it, or not."""
        self.app.door.change_webhook(self.webhook.id, suppressed=not wanted)

    def settle(self) -> None:
        """Let all that was sent arrive, and what follows from it; raises `Unavailable` where that takes too long."""
        arrived = self.app.door.settle(PATIENCE)
        if not arrived or (self._relay is not None and not self._relay.settle(PATIENCE)):
            raise Unavailable(f"The {self.name} relay did not come to its end within {PATIENCE:g} s.")

    def cards(self, about: str = "") -> list[str]:
        """The titles of the cards in its channel once all is settled, oldest first; `about` as of the stand-in."""
        self.settle()
        return [each.title for each in self.teams.cards(about)]

    def open_alerts(self, about: str = "") -> list[str]:
        """The summaries of the alerts that are open once all is settled; `about` as of the stand-in."""
        self.settle()
        return [each.summary for each in self.pagerduty.open_alerts(about)]


@contextmanager
def relayed(
    app: RequestApp,
    name: str,
    *,
    folder: Path | str = "",
    api: Api | None = None,
    teams: TeamsWebhook | None = None,
    pagerduty: PagerDuty | None = None,
) -> Iterator[Relayed]:
    """Have the events of `app` relayed by the `good` or the `naive` relay of the examples while the block lasts.

    `folder` is that of another copy of the program, `api` one that is served already. `teams` and `pagerduty` may be
    given; those that were started, as the fixtures are, stay open. Raises `UnknownName`, `UsageError` for a simulator
    of another process and for a folder without the program, `Unavailable`.
    """
    if not isinstance(app.door, Simulator):
        raise UsageError("A relay stands beside a simulator of this process: use it with request_app.")
    known = folder_of(name)
    where = Path(folder) if folder else known
    for module in _MODULES[name]:
        if not (where / f"{module}.py").is_file():
            raise UsageError(f"{where} is no copy of the {name} relay: there is no {module}.py in it.")
    with ExitStack() as stack:
        stack.enter_context(_directly())
        teams, pagerduty = teams or TeamsWebhook(clock=app.door.clock), pagerduty or PagerDuty(clock=app.door.clock)
        for each in (teams, pagerduty):
            if not each.listening:
                stack.enter_context(each)
        modules = program(where)
        key = Random(name).randbytes(16).hex()  # the integration's
        if name == GOOD:
            api = api or stack.enter_context(served(app.door))
            wsgi, relay = stack.enter_context(_good(modules, app.signing_key, api, teams, pagerduty, key))
        else:
            naive, relay = modules["naive"], None
            naive.KEY, naive.TEAMS = app.signing_key, teams.url  # type: ignore[attr-defined]
            naive.PAGERDUTY, naive.ROUTING_KEY = pagerduty.base, key  # type: ignore[attr-defined]
            wsgi = naive.app
        forward = stack.enter_context(forwarder(wsgi))
        hook = stack.enter_context(
            WebhookReceiver(signing_key=app.signing_key, catalog=app.door.catalog, forward=forward, path="/hook")
        )
        found = Relayed(name, app, hook, teams, pagerduty, relay)
        try:
            yield found
        finally:
            with suppress(NotFound):  # a reset took it along
                app.door.delete_webhook(found.webhook.id)


@contextmanager
def _good(
    modules: Any, signing_key: str, api: Api, teams: TeamsWebhook, pagerduty: PagerDuty, key: str
) -> Iterator[tuple[Any, Any]]:
    """The good relay at work, its notebook in memory: its application, and what can be waited for."""
    logging.getLogger("relay").addHandler(logging.NullHandler())  # it says what it will try again; the checks say more
    services, notebook = modules["services"], modules["notebook"].Notebook(":memory:")
    try:
        relay = modules["relay"].Relay(
            notebook, services.App(api.url, TOKEN), services.Service("Teams", teams.url),
            services.Service("PagerDuty", pagerduty.base, key), first_pause=0.05,
        ).start()  # fmt: skip
        try:
            if not relay.settle(_STARTUP):
                raise Unavailable(f"The {GOOD} relay did not start within {_STARTUP:g} s.")
            yield modules["relay"].create_app(relay, [signing_key]), relay
        finally:
            relay.stop()
    finally:
        notebook.close()


@contextmanager
def _directly() -> Iterator[None]:
    """Keep what the relays send on this machine from proxies and from passwords that the user's surroundings name."""
    wanted = {"NETRC": os.devnull}
    if any(os.environ.get(each) or os.environ.get(each.upper()) for each in _PROXIES):
        wanted |= {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
