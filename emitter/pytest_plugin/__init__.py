"""Fixtures of pytest: a simulated Request app, a receiver, a served simulator; and scenario files as tests.

It is loaded in every run of pytest of everybody who has the package, so nothing heavy is imported before it is used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emitter.clock import Clock
    from emitter.shared import Shared
    from emitter.testing import PagerDuty, RequestApp, ServedRequestApp, TeamsWorkflow, WebhookReceiver

FOLDER = ".emitter/tests"
_MARKERS = (
    "request_app(seed, start, assume, world, schemas, signing_key): how the simulator of this test begins; "
    "`start=None` is the machine's clock.",
    "teams_workflow(sig, trigger_schema, retry_after, ...): how the flow of this test behaves; the switches of "
    "`emitter listen --as teams --switches`.",
    "pagerduty(keys, calls_a_minute, over_long, ...): how the PagerDuty of this test behaves; the switches of "
    "`emitter listen --as pagerduty --switches`.",
)
_OPTIONS = (
    ("to", "URL", "Play scenario files (*.yaml) as tests, to this receiver."),
    ("secret-file", "FILE", "The signing key of that receiver."),
)
_APPS: pytest.StashKey[list[RequestApp]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the ini file may say: the receiver of scenario files, and where histories are kept."""
    parser.addini("emitter_to", "The receiver that scenario files are played to; collects them as tests.", default="")
    parser.addini("emitter_secret_file", "The signing key of that receiver.", default="")
    parser.addini("emitter_history", "Where the histories of failed tests are kept.", default=FOLDER)


@pytest.hookimpl(trylast=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> None:
    """Add the options: after everybody else, so that a project whose own are called so keeps them."""
    group = parser.getgroup("emitter", "emitter: webhooks of a simulated Request app")
    for name, metavar, text in _OPTIONS:
        taken = {
            each
            for one in (parser._anonymous, *parser._groups)  # there is no public way to ask
            for option in one.options
            for each in option.names()
        }
        flag = f"--{name}" if f"--{name}" not in taken else f"--emitter-{name}"
        dest = f"emitter_{name.replace('-', '_')}"
        group.addoption(flag, metavar=metavar, dest=dest, default=None, help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take a scenario file for a test, where it was said to which receiver scenarios are to be played."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    to = parent.config.getoption("emitter_to", None) or parent.config.getini("emitter_to")
    if not to:
        return None
    from emitter.pytest_plugin.collecting import scenario_file

    return scenario_file(file_path, parent, to)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the history of a test that has failed, and say where."""
    report = yield
    if report.failed and report.when in ("setup", "call"):
        server = getattr(item, "funcargs", {}).get("request_app_server")
        for app in (*item.stash.get(_APPS, []), *([server] if server is not None else [])):
            report.sections.append(("emitter", _told(app)))
    return report


def _told(app: RequestApp) -> str:
    from emitter.errors import EmitterError

    try:
        lines = app.history()
        kept = app.keep() if app.events() else ""
    except (EmitterError, OSError) as error:
        return f"The history could not be kept: {error}"
    sent = "\n".join(["What was sent last:", *(f"  {each}" for each in lines)]) if lines else "Nothing was sent."
    return f"{sent}\nThe whole history of this test is kept: {kept}" if kept else sent


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def request_app_defaults() -> dict[str, Any]:
    """What simulators of tests begin with where no marker says otherwise; override it in a conftest.py."""
    return {}


@pytest.fixture(scope="session")
def _emitter_shared() -> Iterator[Shared]:
    """What the simulators of this run share, so that each costs little."""
    from emitter.shared import Shared

    shared = Shared()
    with shared.sender.staying():
        yield shared
    shared.clock.close()


@pytest.fixture
def request_app(
    request: pytest.FixtureRequest, request_app_defaults: dict[str, Any], _emitter_shared: Shared
) -> Iterator[RequestApp]:
    """A simulated Request app of this test's own: in this process, on a virtual clock, seeded by the test's name."""
    from emitter.errors import EmitterError
    from emitter.testing import RequestApp

    kept = kept_at(request.node.nodeid, request.config)
    with ExitStack() as stack:
        wrong = ""
        try:
            options = _options(request, request_app_defaults)
            app = stack.enter_context(RequestApp.open(shared=_emitter_shared, kept=kept, **options))
        except EmitterError as error:
            wrong = str(error)
        if wrong:
            pytest.fail(f"request_app: {wrong}", pytrace=False)
        request.node.stash.setdefault(_APPS, []).append(app)
        yield app


@pytest.fixture
def webhook_receiver(
    request: pytest.FixtureRequest, request_app_defaults: dict[str, Any], _emitter_shared: Shared
) -> Iterator[WebhookReceiver]:
    """A receiver on a free port of loopback, which knows the signing key of this test and answers as a right one."""
    from emitter.errors import EmitterError
    from emitter.signing import Scheme
    from emitter.testing import WebhookReceiver
    from emitter.testing.options import SIGNING_KEY, settings_of

    with ExitStack() as stack:
        wrong = ""
        try:
            options = _options(request, request_app_defaults)
            key = options.pop("signing_key", SIGNING_KEY)
            settings = settings_of(options)
            catalog, scheme = _emitter_shared.catalog(settings.schemas), Scheme.of(settings.assumptions)
            receiver = stack.enter_context(WebhookReceiver(signing_key=key, catalog=catalog, scheme=scheme))
        except EmitterError as error:
            wrong = str(error)
        if wrong:
            pytest.fail(f"webhook_receiver: {wrong}", pytrace=False)
        yield receiver


@pytest.fixture
def teams_workflow(request: pytest.FixtureRequest, request_app: RequestApp) -> Iterator[TeamsWorkflow]:
    """A stand-in for a Teams Workflows webhook on a free port of loopback, on the clock of this test."""
    from emitter.standins import TeamsSwitches
    from emitter.testing import TeamsWorkflow

    made = _standing_in(request, request_app, "teams_workflow", TeamsWorkflow, TeamsSwitches(), "sig")
    with made as standin:
        yield standin


@pytest.fixture
def pagerduty(request: pytest.FixtureRequest, request_app: RequestApp) -> Iterator[PagerDuty]:
    """A stand-in for PagerDuty's Events API on a free port of loopback, on the clock of this test."""
    from emitter.standins import PagerDutySwitches
    from emitter.testing import PagerDuty

    made = _standing_in(request, request_app, "pagerduty", PagerDuty, PagerDutySwitches(), "keys")
    with made as standin:
        yield standin


def _clock_of(app: RequestApp) -> Clock:
    from emitter.simulator import Simulator

    assert isinstance(app.door, Simulator)  # the fixture's own is here
    return app.door.clock


def _standing_in(
    request: pytest.FixtureRequest, app: RequestApp, name: str, make: Callable[..., Any], switches: Any, own: str
) -> Any:
    """A stand-in as its markers say it: its switches, and what else it takes, which is called `own`."""
    from emitter.errors import EmitterError, UsageError

    wrong = ""
    given: dict[str, Any] = {}
    try:
        for marker in reversed(list(request.node.iter_markers(name))):
            if marker.args:
                raise UsageError(f"The marker {name} takes its values by name, as {name}(retry_after=30).")
            given |= marker.kwargs
        more = {own: given.pop(own)} if own in given else {}
        return make(
            switches.changed([f"{each}={value}" for each, value in given.items()]), clock=_clock_of(app), **more
        )
    except EmitterError as error:
        wrong = str(error)
    pytest.fail(f"{name}: {wrong}", pytrace=False)


@pytest.fixture(scope="session")
def request_app_server(
    request: pytest.FixtureRequest, request_app_defaults: dict[str, Any]
) -> Iterator[ServedRequestApp]:
    """A simulator that is served over HTTP for the whole run, for receivers in other processes; `reset` empties it."""
    from emitter.testing import ServedRequestApp

    options = {"seed": _seed("request_app_server"), **request_app_defaults}
    with ServedRequestApp(kept=str(_folder(request.config) / "request_app_server.sqlite"), **options) as served:
        yield served


def _options(request: pytest.FixtureRequest, defaults: dict[str, Any]) -> dict[str, Any]:
    """What the markers of a test say, the nearest first, then the defaults."""
    options: dict[str, Any] = {"seed": _seed(request.node.nodeid), **defaults}
    for marker in reversed(list(request.node.iter_markers("request_app"))):
        if marker.args:
            from emitter.errors import UsageError

            raise UsageError("The marker request_app takes its values by name, as request_app(seed=7).")
        options |= marker.kwargs
    return options


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])


def _folder(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getini("emitter_history"))


def kept_at(name: str, config: pytest.Config) -> str:
    """The file for the history of a test: named after it, and short enough for every file system."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.")
    if len(plain) > 120 or plain.lower() != plain:
        plain = f"{plain[-100:].strip('-.')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return str(_folder(config) / f"{plain}.sqlite")
