"""Every page and every action of the history view, walked in a browser: empty, full and under attack, with and without
scripts. What there is to walk is told by the URL map, so that nothing new is forgotten.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

import emitter.web
from emitter.trigger import TriggerSpec
from emitter.web import create_app
from tests.conftest import SECRET
from tests.support_browser import Tab, in_a_browser
from tests.support_walk import FILES, GONE, PAGES, empty_store, full_store, hostile_store, long_store, routes
from tests.support_walk_actions import ACTIONS, LOOKS, act, add_a_webhook, advance, create, resend_one
from tests.test_pages import BROWSER

MOST_OF_A_LIST, MOST_OF_ASSETS = 60_000, 80_000  # bytes

STORES = {"empty": empty_store, "full": full_store, "long": long_store, "hostile": hostile_store}


@pytest.fixture(scope="module")
def shown(request):
    """One of the stores, for all tests of it."""
    with STORES[request.param]() as store:
        yield store


def on(*names):
    return pytest.mark.parametrize("shown", names, indirect=True)


def addresses(store, pages=PAGES, most=None):
    """Where the pages are on a store; of each route so `most`."""
    return [store.at(each) for templates in pages.values() for each in templates[:most]]


def walked(tab, store, paths):
    """Open each page wide and narrow; what is wrong with any of them."""
    found = []
    for path in paths:
        before = len(tab.problems())
        tab.width(1280)
        status = tab.goto(path)
        wrong = tab.wrong()
        tab.width(360)
        wrong += tab.wide() + tab.problems()[before:]
        if status != 200 and status not in GONE:
            wrong.append(f"status {status}")
        found += [f"{path}: {each}" for each in wrong]
    return found


# --- nothing is left out ----------------------------------------------------------------------------------------------


def test_every_route_of_the_pages_is_walked(simulator):
    app = create_app(simulator)

    assert routes(app, "GET") == {*PAGES, *FILES}
    assert routes(app, "POST") == set(ACTIONS)


def test_every_page_is_there_on_a_full_store_and_every_file_is_one():
    with full_store() as store:
        client = create_app(store.simulator).test_client()
        pages = {path: client.get(path, headers=BROWSER, follow_redirects=True) for path in addresses(store)}
        files = {path: client.get(path, buffered=True) for path in addresses(store, FILES)}

    wrong = {path for path, answer in pages.items() if answer.status_code != 200}
    assert wrong == {path for path in pages if "status=word" in path or path.endswith("/none")}
    assert all(answer.mimetype == "text/html" for answer in pages.values())
    assert {answer.status_code for answer in files.values()} == {200}
    assert all(len(answer.data) > 10 for answer in files.values())


# --- pages ------------------------------------------------------------------------------------------------------------


@in_a_browser
@on("hostile")
def test_no_page_runs_leaks_sticks_out_or_complains(shown, open_tab):
    tab = open_tab(shown.url)

    assert walked(tab, shown, addresses(shown, most=1)) == []


@in_a_browser
@pytest.mark.acceptance
@on("empty", "full", "long", "hostile")
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_state_of_a_page_runs_leaks_sticks_out_or_complains(shown, open_tab, scripts, scheme):
    tab = open_tab(shown.url, scripts=scripts, scheme=scheme)

    assert walked(tab, shown, addresses(shown)) == []


@in_a_browser
@pytest.mark.acceptance
@on("hostile")
def test_no_delivery_of_a_hostile_receiver_runs_leaks_or_sticks_out(shown, open_tab):
    tab = open_tab(shown.url)
    users = [each.id for each in shown.simulator.world.known.users.values()]
    runs = [each["run"] for each in shown.simulator.runs()]

    paths = [f"/deliveries/{each}" for each in range(1, shown.attempt + 1)]
    paths += [f"/compose?attempt={each}" for each in range(1, shown.attempt + 1, 7)]
    paths += [f"/deliveries/compare?id={each}&id={each + 1}" for each in range(1, shown.attempt, 7)]
    paths += [f"/world/users/{each}" for each in users]
    paths += [f"/runs/{quote(each, safe='')}" for each in runs]
    paths += [f"/world/{kind}?offset={each}" for kind in ("users", "domains", "data-sources") for each in (0, 50, 100)]

    assert len(paths) > 400
    assert walked(tab, shown, paths) == []


@in_a_browser
@pytest.mark.acceptance
@on("empty", "full", "long", "hostile")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_on_any_page(shown, open_tab, scheme, width):
    tab = open_tab(shown.url, scheme=scheme, width=width)

    found = []
    for path in addresses(shown):
        tab.goto(path)
        tab.ask("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        found += [f"{path}: {each}" for each in tab.violations()]
    assert found == []


@in_a_browser
@on("full")
def test_axe_finds_nothing_on_the_main_pages(shown, open_tab):
    tab = open_tab(shown.url)

    found = []
    for path in ("/", "/deliveries/{refused}", "/world/data-products/{product}"):
        tab.goto(shown.at(path))
        found += tab.violations()
    assert found == []


# --- actions ----------------------------------------------------------------------------------------------------------


@in_a_browser
def test_the_main_actions_do_what_they_say_without_scripts(chromium):
    with full_store() as store, Tab(chromium, store.url, scripts=False) as tab:
        done((resend_one, add_a_webhook, create, act, advance), tab, store)


@in_a_browser
@pytest.mark.acceptance
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize("kind", ["full", "long"])
def test_every_action_does_what_it_says_through_the_page(chromium, scripts, kind):
    with STORES[kind]() as store, Tab(chromium, store.url, scripts=scripts) as tab:
        done((*LOOKS, *ACTIONS.values()), tab, store)


def done(acts, tab, store):
    """Do it all, one after the other, each once; nothing may be wrong with the page where it ends."""
    for each in dict.fromkeys(acts):
        try:
            each(tab, store)
        except Exception as error:
            raise AssertionError(f"{each.__name__} at {tab.here}: {error}\n{tab.text[:800]}") from error
        assert tab.problems() == [], each.__name__
        assert tab.wrong() == [], each.__name__


# --- weight -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def fifty(make_simulator, make_receiver):
    """A list of fifty with long names in every column that has some."""
    simulator = make_simulator(seed=7)
    hooks = [
        simulator.add_webhook(f"{make_receiver().url}/a/path/of/some/length", signing_key=SECRET).id for _ in range(4)
    ]
    for kind in ("request-determined", "stewards-updated", "access-revoked", "sources-updated"):
        spec = TriggerSpec(type=kind, count=4, run=f"{kind}-nightly", webhooks=tuple(hooks))
        simulator.trigger(spec)
    assert simulator.settle(20)
    return create_app(simulator).test_client()


def test_a_list_of_fifty_is_light(fifty):
    dates = "&since=2020-01-31T09:00:00Z&until=2099-01-31T09:00:00Z"
    for path in (
        "/",
        "/?type=access_requests.*,data_sources.*&outcome=accepted&since=1h&verdict=valid",
        f"/?type=marketplace.data_product.*&outcome=accepted,rejected&status=2xx&verdict=valid{dates}",
    ):
        html = fifty.get(path, headers=BROWSER)

        assert html.text.count("<tr data-id") == 50
        assert len(html.data) < MOST_OF_A_LIST


def test_all_assets_together_are_light(fifty):
    names = [each.name for each in (Path(emitter.web.__file__).parent / "static").iterdir()]

    assert sum(len(fifty.get(f"/static/{name}", buffered=True).data) for name in names) < MOST_OF_ASSETS


@on("full")
def test_no_page_names_another_host(shown):
    client = create_app(shown.simulator).test_client()
    hosts = set()

    for path in addresses(shown):
        text = client.get(path, headers=BROWSER, follow_redirects=True).text
        for tag in re.findall(r"<(?:script|link|img|iframe|form|a|use|image|source|object|embed|meta)\b[^>]*>", text):
            for name, address in re.findall(r'\b(href|src|action|srcset|data|content)="?([^"\s>]+)', tag):
                if name != "content" and urlsplit(address).netloc:
                    hosts.add(urlsplit(address).netloc)

    assert hosts == set()
