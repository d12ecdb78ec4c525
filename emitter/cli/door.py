"""Which simulator a command talks to: the one that was named, the one that owns the store, or one of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from emitter.cli.options import Setup
from emitter.cli.terminal import note
from emitter.errors import StoreLocked, UsageError

if TYPE_CHECKING:
    from emitter.client import Client
    from emitter.simulator import Simulator

    Door = Simulator | Client


@contextmanager
def opened(setup: Setup, *, looking: bool = False) -> Iterator[Door]:
    """Open the simulator that a command works with; one that is only `looking` sends nothing that was left waiting.

    `--server` names one that runs. A store that a server owns is reached through that server. Otherwise one is started
    here, on the same history file.
    """
    client = running(setup)
    if client is not None:
        with client:
            yield client
        return
    from emitter.simulator import Simulator

    try:
        simulator = Simulator(replace(setup.settings, resume=not looking))
    except StoreLocked:
        client = running(setup)  # a server that took the store since we looked
        if client is None:
            raise
        with client:
            yield client
        return
    with simulator:
        yield simulator


@contextmanager
def asked(setup: Setup) -> Iterator[Door]:
    """Open what answers questions that no record is needed for: a simulator that runs, or one in memory."""
    client = running(setup) if not setup.own or setup.server else None
    if client is not None:
        with client:
            yield client
        return
    from emitter.simulator import Simulator

    with Simulator(replace(setup.settings, store=None, start=None)) as simulator:
        yield simulator


def running(setup: Setup) -> Client | None:
    """The simulator in another process that a command is to use; None if there is none."""
    settings = setup.settings
    url, why = setup.server, ""
    if not url and settings.store is not None:
        from emitter.store.lock import StoreLock

        owner = StoreLock(settings.store).owner()
        if owner is not None and owner.url:
            url, why = owner.url, f"Using the simulator at {owner.url}, which owns {settings.store}."
    if not url:
        return None
    if setup.own:
        raise UsageError(
            f"{', '.join(setup.own)}: the simulator at {url} runs with its own. Restart it with them, or work beside "
            "it: --ephemeral, or --store with another file."
        )
    from emitter.client import Client

    if why:
        note(why)
    return Client(url, token=settings.token or os.environ.get("EMITTER_TOKEN", ""))
