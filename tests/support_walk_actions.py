"""What somebody does on the pages, done as they do it, with mouse and keyboard, and its effect seen each time."""

from __future__ import annotations

from collections.abc import Callable

from emitter.query import AttemptQuery
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.web.access import Access
from tests.support_browser import Tab, serving
from tests.support_walk import LONG, SECRET, STORY, Shown

Act = Callable[[Tab, Shown], None]


def button(words: str) -> str:
    """The selector of a button by its words."""
    return f'button:text-is("{words}")'


def newest(store: Shown) -> int:
    return int(store.simulator.attempts(AttemptQuery(limit=1))["attempts"][0]["id"])


def says(tab: Tab, *words: str) -> None:
    """Fail unless the page says all that."""
    for each in words:
        assert each in tab.text, f"{each!r} is not on the page"


# --- looking ----------------------------------------------------------------------------------------------------------


def filter_by_form(tab: Tab, store: Shown) -> None:
    tab.goto("/")
    tab.page.get_by_label("Type", exact=True).fill("access_requests.*")
    tab.page.get_by_label("Outcome", exact=True).select_option("rejected")
    tab.click(button("Filter"))
    assert tab.here == "/?type=access_requests.*&outcome=rejected"
    assert set(tab.page.locator("tbody button[name=outcome]").all_inner_texts()) == {"rejected"}
    tab.click(".chips a[title]")
    assert tab.here == "/?outcome=rejected"
    tab.click(".chips a.clear")
    assert tab.here == "/"


def filter_by_cell(tab: Tab, store: Shown) -> None:
    tab.goto("/")
    tab.click("tbody button[name=status][value='500']")
    assert tab.here == "/?status=500"
    tab.goto("/")
    tab.click(".counts a")
    assert "outcome=" in tab.here
    if tab.page.locator(".bars a").count():
        tab.page.locator(".bars a path").last.click()
        tab.page.wait_for_url("**since=**")


def page_back_and_forth(tab: Tab, store: Shown) -> None:
    tab.goto("/?limit=3")
    first = tab.page.locator("tr[data-id]").first.get_attribute("data-id")
    tab.click("a[rel=next]")
    assert tab.page.locator("tr[data-id]").first.get_attribute("data-id") != first
    tab.click("a[rel=prev]")
    assert tab.page.locator("tr[data-id]").first.get_attribute("data-id") == first
    tab.goto("/")
    tab.click("td a.name")
    assert tab.here == f"/deliveries/{newest(store)}"
    tab.click("a[rel=next]")
    tab.click("a[rel=prev]")
    assert tab.here == f"/deliveries/{newest(store)}"


def compare_two(tab: Tab, store: Shown) -> None:
    tab.goto("/")
    for place in (0, 1):
        tab.page.locator("tr[data-id] input[type=checkbox]").nth(place).check()
    tab.click(button("Compare two"))
    says(tab, "Request: body", "Answer: headers")
    tab.page.get_by_label("Only what differs").check()
    tab.click(button("Compare"))
    assert "only=differences" in tab.here


def compare_with_another(tab: Tab, store: Shown) -> None:
    tab.goto(f"/deliveries/{store.attempt}")
    tab.page.get_by_label("Against attempt").fill(str(store.earlier))
    tab.click("#changes button")
    assert f"against={store.earlier}" in tab.here
    says(tab, f"attempt {store.earlier}")


def export_all_forms(tab: Tab, store: Shown) -> None:
    for path in ("/?run=nightly", f"/deliveries/{store.attempt}"):
        tab.goto(path)
        for link in tab.page.locator(".exports a").all():
            with tab.page.expect_download() as coming:
                link.click()
            name = coming.value.suggested_filename
            assert name.startswith("attempt") and name.endswith((".jsonl", ".har", ".csv", ".sh", ".http"))
            assert coming.value.path().stat().st_size > 100
    tab.goto(f"/runs/{store.run}")
    for link in tab.page.locator("a[download]").all():
        with tab.page.expect_download() as coming:
            link.click()
        assert coming.value.suggested_filename.startswith(store.run)


def choose_a_type(tab: Tab, store: Shown) -> None:
    tab.goto("/compose")
    picked = tab.page.get_by_label("Event type")
    if tab.ask("document.querySelector('.copy') !== null"):  # scripts run: choosing is enough
        with tab.page.expect_navigation():
            picked.select_option("access-revoked")
    else:
        picked.select_option("access-revoked")
        tab.click(button("Choose"))
    assert "type=access-revoked" in tab.here


def compare_runs(tab: Tab, store: Shown) -> None:
    tab.goto("/runs")
    tab.click(button("Compare"))
    assert tab.here.startswith("/runs-compared?run=")


def filter_the_world(tab: Tab, store: Shown) -> None:
    tab.goto("/world")
    tab.page.get_by_label("Name or id holds").fill("US East")
    tab.click(button("Filter"))
    says(tab, "US East Customers")
    tab.click("main th a")
    says(tab, "Life", "Requests")


LOOKS: tuple[Act, ...] = (
    filter_by_form, filter_by_cell, page_back_and_forth, compare_two, compare_with_another, export_all_forms,
    choose_a_type, compare_runs, filter_the_world,
)  # fmt: skip
"""What changes nothing."""


# --- acting -----------------------------------------------------------------------------------------------------------


def resend_one(tab: Tab, store: Shown) -> None:
    for words in ("Resend, newly signed", "Resend as it was"):
        tab.goto(f"/deliveries/{store.attempt}")
        before = newest(store)
        tab.click(button(words))
        assert tab.here == f"/deliveries/{newest(store)}"
        assert newest(store) > before
        says(tab, f"attempt {store.attempt}")
    tab.goto(f"/deliveries/{store.attempt}")
    tab.page.get_by_label("Fault that the resend suffers").select_option("wrong-key")
    tab.click(button("Resend, newly signed"))
    says(tab, "wrong-key", "rejected")


def resend_many(tab: Tab, store: Shown) -> None:
    tab.goto("/?outcome=accepted")
    for place in (0, 1):
        tab.page.locator("tr[data-id] input[type=checkbox]").nth(place).check()
    tab.click(button("Resend selected"))
    says(tab, "Resend 2 deliveries?")
    tab.click(button("Resend 2, newly signed"))
    assert tab.here.startswith("/?outcome=accepted&resent=2")
    says(tab, "2 sent again")
    tab.goto("/?run=nightly")
    tab.click(button("Resend all that match"))
    says(tab, "run:nightly")
    tab.click("main form.actions a")
    assert tab.here == "/?run=nightly"


def send(tab: Tab, store: Shown) -> None:
    tab.goto("/compose?type=access-revoked")
    tab.page.locator("#m-dataProductName").fill("Made by hand")
    tab.page.get_by_label("A URL", exact=True).check()
    tab.page.get_by_label("URL", exact=True).fill(store.receiver)
    tab.page.locator("#c-key").fill(SECRET)
    tab.click(button("Preview"))
    says(tab, "Preview", "Made by hand", "x-immuta-webhook-signature-sha256")
    tab.page.locator("#c-key").fill(SECRET)
    tab.click(button("Send these very bytes"))
    says(tab, "Sent:", "accepted 200")
    tab.goto(f"/deliveries/{newest(store)}")
    says(tab, "Made by hand")
    tab.click('a:text-is("Edit and send")')
    body = tab.page.locator("#c-body")
    body.fill(body.input_value().replace("Made by hand", "Made by another hand"))
    tab.click(button("Send"))
    says(tab, "Sent:")
    tab.goto(f"/deliveries/{newest(store)}")
    says(tab, "Made by another hand")


def add_a_webhook(tab: Tab, store: Shown) -> None:
    tab.goto("/webhooks")
    tab.page.get_by_label("URL").fill("gopher://no")
    tab.click(button("Add webhook"))
    assert tab.page.locator("[role=alert]").inner_text()
    tab.page.get_by_label("URL").fill(f"{store.receiver}/added")
    tab.page.get_by_label("Signing key").fill(SECRET)
    tab.click(button("Add webhook"))
    says(tab, "Added.", "/added", "yes")


def _added(tab: Tab, store: Shown) -> None:
    found = next(each for each in store.simulator.webhooks() if each.url.endswith(("/added", "/changed")))
    tab.goto(f"/webhooks/{found.id}")


def change_a_webhook(tab: Tab, store: Shown) -> None:
    _added(tab, store)
    tab.page.get_by_label("New URL").fill(f"{store.receiver}/changed")
    tab.page.get_by_label("Take the signing key away").check()
    tab.click(button("Save"))
    says(tab, "Saved.", "/changed", "no: there is no signing key")


def switch_a_webhook(tab: Tab, store: Shown) -> None:
    _added(tab, store)
    for words, told in (("Pause", "Paused."), ("Resume", "Resumed."), ("Suppress", "Suppressed."),
                        ("End suppression", "No longer suppressed.")):  # fmt: skip
        tab.click(button(words))
        says(tab, told)


def test_a_webhook(tab: Tab, store: Shown) -> None:
    tab.goto(f"/webhooks/{store.webhook}")
    tab.click(button("Test"))
    says(tab, "SUCCESS", "answered 200")
    tab.click('a:text-is("History")')
    says(tab, "SUCCESS")


def remove_a_webhook(tab: Tab, store: Shown) -> None:
    _added(tab, store)
    tab.click("a.danger")
    tab.click(button("Remove"))
    says(tab, "Removed.")
    assert "/changed" not in tab.text


def create(tab: Tab, store: Shown) -> None:
    for path, field, name in (
        ("/world", "name", "Made on the page"), ("/world/users", "name", "Bea Ray"),
        ("/world/domains", "name", "Treasury"), ("/world/data-sources", "name", "orders"),
    ):  # fmt: skip
        tab.goto(path)
        tab.click("a.new-one")
        tab.page.locator(f"input[name=p-{field}]").fill(name)
        tab.click("main form button")
        assert tab.page.locator("h1").inner_text() == name
        says(tab, "Done:")


def act(tab: Tab, store: Shown) -> None:
    tab.goto("/world?text=Made+on+the+page")
    tab.click("main th a")
    tab.page.locator("#do-request summary").click()
    tab.page.locator("#do-request input[name=p-user]").fill("Bea Ray")
    tab.click("#do-request button")
    says(tab, "The request of Bea Ray", "is pending")
    tab.click('a:text-is("The request of Bea Ray")')
    tab.click("#do-approve button")
    says(tab, "Done: approve", "approved")
    assert tab.page.locator("main svg .dot, main svg circle").count() >= 1


def advance(tab: Tab, store: Shown) -> None:
    for path in ("/webhooks", "/world?text=US"):
        tab.goto(path)
        before = store.simulator.clock_state()["now"]
        tab.page.locator("details.advance summary").click()
        tab.page.locator("#clock-by").fill("2h")
        tab.click("details.advance button[value=go]")
        assert tab.here == path
        assert store.simulator.clock_state()["now"] > before
        assert store.simulator.clock_state()["now"][:16].replace("T", " ") in tab.page.locator("footer").inner_text()
    tab.page.locator("details.advance summary").click()
    if tab.page.locator("details.advance button[value=next]").count():
        tab.click("details.advance button[value=next]")


def play(tab: Tab, store: Shown) -> None:
    tab.goto("/scenarios")
    tab.click('a[href="/scenarios/revoked"]')
    tab.page.get_by_label("Name of the run").fill(f"played-{id(tab)}")
    tab.click(button("Play"))
    _played(tab, store)


def play_own(tab: Tab, store: Shown) -> None:
    tab.goto("/scenarios/your-own")
    tab.page.get_by_label("YAML").fill("steps: nonsense")
    tab.click(button("Check"))
    says(tab, "It cannot be played")
    tab.page.get_by_label("YAML").fill(STORY.format("Mine.", "of mine"))
    tab.click(button("Check"))
    says(tab, "It can be played.")
    tab.click(button("Play"))
    _played(tab, store)
    says(tab, "passed", "Timeline")


def _played(tab: Tab, store: Shown) -> None:
    assert tab.here.startswith("/runs/")
    run = tab.here.removeprefix("/runs/")
    store.simulator.run(run, wait=20)
    tab.goto(f"/runs/{run}")
    says(tab, "Its deliveries", "JUnit XML")


def cancel(tab: Tab, store: Shown) -> None:
    store.simulator.start_run(yaml=LONG, run="long", speed=3600.0)
    tab.goto("/runs/long")
    says(tab, "playing")
    tab.click(button("Cancel after this step"))
    store.simulator.run("long", wait=20)
    tab.goto("/runs/long")
    assert "playing" not in tab.text


def check(tab: Tab, store: Shown) -> None:
    tab.goto("/contract/check")
    tab.page.get_by_label("Body of a webhook request").fill('{"timestamp": 5, "type": "some.type", "data": {}}')
    tab.click(button("Check"))
    assert tab.here == "/contract/check#verdict"
    says(tab, "violation", "/timestamp")


def sign_in_and_out(tab: Tab, store: Shown) -> None:
    """On a server of its own: this one is open to all of its machine."""
    token = "a-token-of-some-length"
    settings = Settings(store=None, token=token, hosts=("127.0.0.1",), allow=("127.0.0.1",))
    with Simulator(settings) as simulator, serving(simulator, access=Access.shared(settings)) as url:
        page, home = tab.page, tab.server
        tab.server = url
        tab.servers.add(url)
        try:
            tab.goto("/webhooks")
            assert tab.here == "/sign-in?next=/webhooks"
            page.get_by_label("Token").fill("wrong")
            tab.click(button("Sign in"))
            says(tab, "That is no token of this server.")
            page.get_by_label("Token").fill(token)
            tab.click(button("Sign in"))
            assert tab.here == "/webhooks"
            tab.click(button("Sign out"))
            assert tab.here == "/sign-in"
            tab.goto("/")
            assert tab.here == "/sign-in?next=/"
        finally:
            tab.server = home


ACTIONS: dict[str, Act] = {
    "pages.resend": resend_one,
    "pages.deliveries_resend": resend_many,
    "pages.send": send,
    "pages.webhook_add": add_a_webhook,
    "pages.webhook_change": change_a_webhook,
    "pages.webhook_switch": switch_a_webhook,
    "pages.webhook_test": test_a_webhook,
    "pages.webhook_remove": remove_a_webhook,
    "pages.create": create,
    "pages.act": act,
    "pages.advance": advance,
    "pages.play": play,
    "pages.play_own": play_own,
    "pages.cancel": cancel,
    "pages.check": check,
    "session.sign_in": sign_in_and_out,
    "session.sign_out": sign_in_and_out,
}
"""What is done by each route that is posted to."""
