"""The pages of deliveries under the hands of somebody: keys, narrow windows, no scripts, hostile content."""

from __future__ import annotations

import pytest

from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from tests.support_browser import CHROMIUM, Chromium
from tests.support_pages import Answering
from tests.test_pages import HOSTILE
from tests.test_pages_in_a_browser import serving

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on this machine."),
]


@pytest.fixture
def chromium(running, tmp_path):
    return running(Chromium(str(tmp_path / "profile")))


@pytest.fixture
def filled(simulator, running):
    """Three of one product's events, refused with hostile answers; the address of the server."""
    hostile = HOSTILE.encode()
    receiver = running(Answering(b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n" % len(hostile) + hostile))
    for _ in range(3):
        spec = TriggerSpec(
            type="access-revoked", to=receiver.url, run=HOSTILE[:40], allow_invalid=True,
            set={"data.dataProductName": HOSTILE, "data.dataProductId": "6f1c2d3e-0000-4000-8000-000000000001"},
        )  # fmt: skip
        simulator.trigger(spec)
        assert simulator.settle(10)
    return running(serving(simulator))


def here(chromium):
    return chromium.ask("location.pathname + location.search + location.hash")


def test_keys_walk_select_compare_open_and_resend(simulator, chromium, filled):
    last = simulator.attempts(AttemptQuery(limit=1))["attempts"][0]["id"]
    chromium.goto(filled)

    chromium.press("/")
    assert chromium.ask("document.activeElement.name") == "type"
    chromium.press("j")
    assert chromium.ask("document.activeElement.value") == "j"  # it is written, and no key
    chromium.press("Escape")
    for key in ("j", "x", "j", "x"):
        chromium.press(key)
    assert chromium.ask("document.querySelectorAll('tr input:checked').length") == 2
    chromium.press_and_go("d")
    assert here(chromium) == f"/deliveries/compare?id={last}&id={last - 1}"

    chromium.goto(filled)
    chromium.press("j")
    chromium.press("j")
    chromium.press("k")
    chromium.press_and_go("Enter")
    assert here(chromium) == f"/deliveries/{last}"
    chromium.press("d")
    assert chromium.ask("location.hash") == "#changes"
    chromium.press_and_go("j")
    assert here(chromium) == f"/deliveries/{last - 1}"
    chromium.press_and_go("r")
    assert here(chromium) == f"/deliveries/{last + 1}"

    chromium.goto(filled)
    chromium.press("j")
    chromium.press_and_go("r")
    assert here(chromium).startswith("/deliveries/resend?id=")
    assert "Resend 1 delivery?" in chromium.ask("document.body.innerText")
    chromium.press("r")  # pressed twice by mistake: nothing but a button confirms
    assert here(chromium).startswith("/deliveries/resend?id=")
    assert simulator.attempts(AttemptQuery(limit=1))["attempts"][0]["id"] == last + 1
    assert chromium.console == []


def test_the_keys_are_told_in_a_dialog(chromium, filled):
    chromium.goto(filled)

    chromium.press("?")
    shown = chromium.ask(
        "new Promise((done) => setTimeout(() => done(document.querySelector('dialog[open]').innerText), 500))"
    )

    assert "to the first filter" in shown
    chromium.press("?")
    assert chromium.ask("document.querySelector('dialog[open]') === null")


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_no_page_scrolls_sideways_or_runs_what_it_shows(simulator, chromium, filled, width):
    last = simulator.attempts(AttemptQuery(limit=1))["attempts"][0]["id"]
    chromium.width(width)

    for path in (
        "/", "/?type=nothing.*", f"/deliveries/{last}", f"/deliveries/{last}/edit", "/keys",
        f"/deliveries/compare?id={last}&id={last - 1}", f"/deliveries/resend?id={last}",
    ):  # fmt: skip
        chromium.goto(filled + path)
        assert chromium.ask("document.documentElement.scrollWidth <= innerWidth"), path
    assert chromium.console == []
    assert all(url.startswith((filled, "data:")) for url in chromium.requested)
