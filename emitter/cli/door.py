"""Which simulator a command talks to: the one that was named, the one that owns the store, or one of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from emitter import clock
from emitter.cli.options import Setup
from emitter.cli.terminal import note
from emitter.errors import StoreLocked, UsageError

A_MOMENT = 0.3  # seconds that a store may be in use before we say that we wait for it

if TYPE_CHECKING:
    from pathlib import Path

    from emitter.client import Client
    from emitter.door import Door


@contextmanager
def opened(setup: Setup, *, looking: bool = False) -> Iterator[Door]:
    """Open the simulator that a command works with; one that is only `looking` sends nothing that was left waiting.

    It makes no file, either. `--server` names one that runs. A store that a server owns is reached through that
    server. Otherwise one is started here, on the same history file.
    """
    client = running(setup)
    if client is not None:
        with client:
            yield client
        return
    from emitter.simulator import Simulator

    settings = replace(setup.settings, resume=not looking)
    if looking and _missing(settings.store):
        note(f"There is no store yet: {settings.store}")
        settings = replace(settings, store=None)
    _note_waiting(settings.store)
    try:
        simulator = Simulator(settings)
    except StoreLocked:
        client = running(setup)  # a server that took the store since we looked
        if client is None:
            raise
        with client:
            yield client
        return
    with simulator:
        yield simulator


def _missing(store: Path | None) -> bool:
    """Whether there is no such file, and nobody who is about to make it; what else is wrong shows when it is opened."""
    if store is None:
        return False
    from emitter.store.lock import StoreLock

    try:
        os.stat(store)
    except FileNotFoundError:
        return StoreLock(store).owner() is None
    except OSError:
        pass
    return False


def _note_waiting(store: Path | None) -> None:
    """Say that a store is in use by a process that does not serve, if it is so for longer than a moment."""
    if store is None:
        return
    from emitter.store.lock import StoreLock

    lock, deadline = StoreLock(store), clock.monotonic() + A_MOMENT
    while (owner := lock.owner()) is not None and not owner.url:
        if clock.monotonic() > deadline:
            note(f"Waiting for {owner}, which has {store} ...")
            return
        clock.pause(0.02)


@contextmanager
def asked(setup: Setup) -> Iterator[Door]:
    """Open what answers questions that no record is needed for: a simulator that runs, or one in memory."""
    client = running(setup) if not setup.own or setup.server else None
    if client is not None:
        with client:
            yield client
        return
    from emitter.simulator import Simulator

    with Simulator(replace(setup.settings, store=None, start=None, world="")) as simulator:
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
