"""The fixtures that many tests share: a simulator in memory, a receiver that checks what it gets."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from emitter.assumptions import Assumptions
from emitter.receiver import Answers, Receiver
from emitter.settings import Settings
from emitter.signing import Scheme, SigningKey
from emitter.simulator import Simulator
from tests import support_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SECRET = "test-signing-key"

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # As a shell's `make test &` has it; the processes that tests start and end with Ctrl-C would be as deaf.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def running() -> Iterator[Callable[..., Any]]:
    """Start things that are to be closed at the end of the test, the last one first."""
    with ExitStack() as stack:
        yield stack.enter_context


@pytest.fixture
def make_simulator(running: Callable[..., Any]) -> Callable[..., Simulator]:
    """Make simulators: settings by keyword, assumptions by switch in `assume`."""

    def make(*, assume: dict[str, str] | None = None, **settings: Any) -> Simulator:
        chosen = {"store": None, **settings}
        simulator: Simulator = running(
            Simulator(Settings(assumptions=Assumptions().override_all(assume or {}), **chosen))
        )
        return simulator

    return make


@pytest.fixture
def simulator(make_simulator: Callable[..., Simulator]) -> Simulator:
    """A simulator in memory, on the machine's clock."""
    return make_simulator()


@pytest.fixture
def make_receiver(running: Callable[..., Any]) -> Callable[..., Receiver]:
    """Make receivers on free loopback ports; `answers` as a script."""

    def make(answers: str = "", **settings: Any) -> Receiver:
        script = Answers.parse(answers) if answers else None
        chosen = {"keys": (SigningKey(SECRET),), "scheme": Scheme(), **settings}
        receiver: Receiver = running(Receiver(answers=script, **chosen))
        return receiver

    return make


@pytest.fixture
def receiver(make_receiver: Callable[..., Receiver]) -> Receiver:
    """A receiver that knows the key and answers as a right one would."""
    return make_receiver()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of one module; no longer, since asyncio cannot be used in a thread where it is."""
    with support_browser.chromium() as browser:
        yield browser


@pytest.fixture
def open_tab(chromium: Browser, running: Callable[..., Any]) -> Callable[..., support_browser.Tab]:
    """Open tabs: on a server, with what `Tab` takes."""

    def make(server: str, **how: Any) -> support_browser.Tab:
        tab: support_browser.Tab = running(support_browser.Tab(chromium, server, **how))
        return tab

    return make
