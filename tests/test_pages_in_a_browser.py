"""What the pages gain where scripts run: keys, what comes in live, previews, copies; and that focus can be seen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emitter.clock import nanoseconds
from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from tests.support_browser import in_a_browser, serving
from tests.support_pages import Answering
from tests.support_walk import LONG
from tests.test_pages import HOSTILE

pytestmark = in_a_browser


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


def last_of(simulator):
    return simulator.attempts(AttemptQuery(limit=1))["attempts"][0]["id"]


# --- keys -------------------------------------------------------------------------------------------------------------


def test_keys_walk_select_compare_open_and_resend(simulator, open_tab, filled):
    tab = open_tab(filled)
    last = last_of(simulator)
    tab.goto("/")

    tab.press("/")
    assert tab.ask("document.activeElement.name") == "type"
    tab.press("j")
    assert tab.ask("document.activeElement.value") == "j"  # it is written, and no key
    tab.press("Escape", "j", "x", "j", "x")
    assert tab.page.locator("tr input:checked").count() == 2
    tab.press_and_go("d")
    assert tab.here == f"/deliveries/compare?id={last}&id={last - 1}"

    tab.goto("/")
    tab.press("j", "j", "k")
    tab.press_and_go("Enter")
    assert tab.here == f"/deliveries/{last}"
    tab.press("d")
    assert tab.ask("location.hash") == "#changes"
    tab.press_and_go("j")
    assert tab.here == f"/deliveries/{last - 1}"
    tab.press_and_go("k")
    assert tab.here == f"/deliveries/{last}"
    tab.press_and_go("r")
    assert tab.here == f"/deliveries/{last + 1}"

    tab.goto("/")
    tab.press("j")
    tab.press_and_go("r")
    assert tab.here.startswith("/deliveries/resend?id=")
    assert "Resend 1 delivery?" in tab.text
    tab.press("r")  # pressed twice by mistake: nothing but a button confirms
    assert tab.here.startswith("/deliveries/resend?id=")
    assert last_of(simulator) == last + 1
    assert tab.problems() == []


@pytest.mark.acceptance
def test_the_keys_are_told_in_a_dialog(open_tab, filled):
    tab = open_tab(filled)
    tab.goto("/")

    tab.press("?")
    tab.page.wait_for_selector("dialog[open]")

    assert "to the first filter" in tab.page.locator("dialog[open]").inner_text()
    tab.press("j")
    assert tab.ask("document.activeElement.closest('dialog, body').tagName") == "DIALOG"  # nothing moves beneath it
    assert tab.violations() == []
    tab.press("?")
    assert tab.page.locator("dialog[open]").count() == 0


@pytest.mark.acceptance
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whatever_has_the_focus_shows_it(simulator, open_tab, filled, scheme):
    tab = open_tab(filled, scheme=scheme)

    for path in ("/", f"/deliveries/{last_of(simulator)}", "/webhooks", "/compose?type=access-revoked"):
        tab.goto(path)
        seen = 0
        for _ in range(60):
            tab.press("Tab")
            told = tab.ask(
                """(() => { const has = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(has);
                    return [has.tagName, has.outerHTML.slice(0, 100), outlineStyle, parseFloat(outlineWidth)];
                })()"""
            )
            if told[0] == "BODY":
                break
            assert told[2] != "none" and told[3] >= 1, told
            seen += 1
        assert seen > 10


@pytest.mark.acceptance
def test_the_first_tab_skips_to_the_content(open_tab, filled):
    tab = open_tab(filled)
    tab.goto("/")

    tab.press("Tab", "Enter")

    assert tab.ask("document.activeElement.id") == "main"


# --- live -------------------------------------------------------------------------------------------------------------


@pytest.mark.acceptance
def test_what_comes_in_waits_behind_a_link_and_no_row_moves(simulator, open_tab, filled, receiver):
    tab = open_tab(filled)
    tab.page.clock.install()
    tab.goto("/?type=access_requests.*")
    tab.press("j", "j")
    where = "JSON.stringify(document.activeElement.getBoundingClientRect())"
    before, rows = tab.ask(where), tab.page.locator("tr[data-id]").count()

    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url, count=3))
    assert simulator.settle(10)
    tab.page.clock.fast_forward(6_000)
    link = tab.page.get_by_role("link", name="3 new - show")
    link.wait_for()

    assert tab.ask(where) == before
    assert tab.page.locator("tr[data-id]").count() == rows
    tab.click(".new a")
    assert tab.page.locator("tr[data-id]").count() == rows + 3
    assert tab.here == "/?type=access_requests.*"
    assert tab.problems() == []


@pytest.mark.acceptance
def test_a_page_that_nobody_looks_at_asks_for_nothing(simulator, open_tab, filled):
    tab = open_tab(filled)
    tab.page.clock.install()
    tab.goto("/")
    tab.ask(
        "(() => { Object.defineProperty(document, 'hidden', { value: true });"
        " document.dispatchEvent(new Event('visibilitychange')); })()"
    )
    asked = len(tab.requested)

    tab.page.clock.fast_forward(3_600_000)

    assert [each for each in tab.requested[asked:] if "/static/" not in each] == []


@pytest.mark.acceptance
def test_times_stay_true_while_a_page_is_open(simulator, open_tab, filled):
    tab = open_tab(filled)
    tab.page.clock.install()
    tab.goto("/")

    tab.page.clock.run_for(70_000)

    told = tab.page.locator("tbody [data-ago]").first.inner_text()
    assert told == "1 min ago"


@pytest.mark.acceptance
def test_a_run_is_followed_until_its_report_is_there(make_simulator, open_tab, running):
    simulator = make_simulator(start=nanoseconds(datetime(2030, 1, 31, 9, tzinfo=UTC)), seed=7)
    simulator.start_run(yaml=LONG, run="long", speed=3600)
    tab = open_tab(running(serving(simulator)))
    tab.goto("/runs/long")
    before = tab.page.locator(".at").inner_text()

    tab.page.wait_for_function("(before) => document.querySelector('.at').textContent > before", arg=before)
    simulator.cancel_run("long")
    simulator.run("long", wait=20)
    tab.page.wait_for_selector("h2, h3")

    assert "Timeline" in tab.text
    assert tab.problems() == []


@pytest.mark.acceptance
def test_the_preview_follows_what_is_typed(simulator, open_tab, running):
    tab = open_tab(running(serving(simulator)))
    tab.goto("/compose?type=access-revoked")

    tab.page.locator("#m-dataProductName").type("Typed just now")
    tab.page.locator("#preview").get_by_text("Typed just now").first.wait_for()

    assert simulator.attempts(AttemptQuery())["attempts"] == []
    assert tab.problems() == []


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.mark.acceptance
def test_a_body_is_copied_as_it_travelled(simulator, open_tab, running, receiver):
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
    assert simulator.settle(10)
    tab = open_tab(running(serving(simulator)))
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto("/deliveries/1#request")

    tab.page.locator("#request summary").first.click()
    tab.page.locator("#request button.copy").first.click()
    tab.page.locator("#request button.copy").get_by_text("Copied").wait_for()

    assert tab.ask("navigator.clipboard.readText()") == receiver.captures[0].body.decode()


@pytest.mark.acceptance
def test_a_page_is_printed_without_what_only_a_screen_has(open_tab, filled):
    tab = open_tab(filled, scheme="dark")
    tab.page.emulate_media(media="print")
    tab.goto("/")

    assert not tab.page.locator(".rail nav").is_visible()
    assert not tab.page.locator("#filter").is_visible()
    assert tab.ask("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"  # whatever the screen prefers
    assert tab.page.locator("tr[data-id]").count() == 3
