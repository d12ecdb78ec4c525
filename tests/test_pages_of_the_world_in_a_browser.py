"""The pages of the world, of runs and the composer under the hands of somebody: narrow, live, and without scripts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emitter.clock import nanoseconds
from emitter.query import AttemptQuery
from tests.support_browser import CHROMIUM, Chromium
from tests.test_pages import HOSTILE
from tests.test_pages_in_a_browser import serving
from tests.test_pages_of_the_world import LONG, STORY

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on this machine."),
]
SOON = "new Promise((done) => {{ const ask = () => ({0}) ? done(true) : setTimeout(ask, 50); ask(); }})"


@pytest.fixture
def chromium(running, tmp_path):
    return running(Chromium(str(tmp_path / "profile")))


@pytest.fixture
def simulator(make_simulator):
    return make_simulator(start=nanoseconds(datetime(2030, 1, 31, 9, tzinfo=UTC)), seed=7)


def filled(simulator, receiver):
    """A product with a life, somebody of a hostile name in it, a run; the pages that there are."""
    webhook = simulator.add_webhook(receiver.url)
    told = HOSTILE.replace("\x1b", "").replace("\x00", "")
    product = simulator.act("publish", name="US East Customers", description=told)["entity"]
    user = simulator.act("add_user", name="<script>document.title='owned'</script>")["entity"]
    request = simulator.act("request", product=product["id"], user=user["globalUserId"])["entity"]
    simulator.act("approve", request=request["id"], faults=["wrong-signature"])
    simulator.start_run(yaml=STORY, run="mine", wait=20)
    assert simulator.settle(10)
    return (
        "/world", "/world/access-requests", "/world/users", "/world/data-sources", "/world/new/publish",
        f"/world/data-products/{product['id']}", f"/world/access-requests/{request['id']}", "/scenarios",
        "/scenarios/revoked", "/scenarios/your-own", "/runs", "/runs/mine", "/runs-compared?run=mine&other=mine",
        "/compose", "/compose?type=access-revoked", "/webhooks", f"/webhooks/{webhook.id}", "/events",
        "/contract/check", "/contract/coverage", "/assumptions",
    )  # fmt: skip


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_scrolls_sideways_or_runs_what_it_shows(simulator, chromium, receiver, running, width):
    paths = filled(simulator, receiver)
    server = running(serving(simulator))
    chromium.width(width)

    for path in paths:
        chromium.goto(server + path)
        assert chromium.ask("document.documentElement.scrollWidth <= innerWidth"), path
        assert chromium.ask("document.title !== 'owned'"), path
    assert chromium.console == []
    assert all(url.startswith((server, "data:")) for url in chromium.requested)


def test_a_run_is_followed_until_its_report_is_there(simulator, chromium, running):
    simulator.start_run(yaml=LONG, run="long", speed=3600)
    server = running(serving(simulator))
    chromium.goto(f"{server}/runs/long")
    before = chromium.ask("document.querySelector('.at').textContent")

    assert chromium.ask(SOON.format(f"document.querySelector('.at').textContent > {before!r}"))
    simulator.cancel_run("long")
    simulator.run("long", wait=20)
    chromium._until("Page.loadEventFired")

    assert "Timeline" in chromium.ask("document.body.innerText")
    assert chromium.console == []


def test_the_preview_follows_what_is_typed(simulator, chromium, running):
    server = running(serving(simulator))
    chromium.goto(f"{server}/compose?type=access-revoked")

    chromium.ask(
        "(() => { const field = document.getElementById('m-dataProductName'); field.value = 'Typed just now';"
        " field.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )

    assert chromium.ask(SOON.format("document.getElementById('preview').innerText.includes('Typed just now')"))
    assert simulator.attempts(AttemptQuery())["attempts"] == []
    assert chromium.console == []


def test_without_scripts_the_same_is_there_behind_a_button(simulator, chromium, receiver, running):
    filled(simulator, receiver)
    server = running(serving(simulator))
    chromium.without_scripts()

    chromium.goto(f"{server}/compose?type=access-revoked")

    assert chromium.ask("document.querySelectorAll('button[value=preview]').length") == 1
    chromium.goto(f"{server}/runs/mine")
    assert chromium.ask("document.querySelectorAll('.timeline circle').length") >= 2
    assert chromium.console == []
