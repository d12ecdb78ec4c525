"""What holds on every route, taken from the URL map: headers, tokens of forms, whose host and whose page it is."""

from __future__ import annotations

import re

import pytest

from emitter.query import AttemptQuery
from emitter.web import create_app
from tests.support_http import SECURITY_HEADERS
from tests.support_walk import FILES, PAGES, full_store, routes
from tests.test_pages import BROWSER

FOREIGN = (
    {"Origin": "http://evil.test"}, {"Origin": "null"}, {"Origin": "https://localhost.evil.test"},
    {"Origin": "http://localhost:81"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Content-Type": "text/plain"},
)  # fmt: skip
HOSTS = ("evil.test", "localhost.evil.test", "10.0.0.1", "0.0.0.0", "127.0.0.1.evil.test:80", "")


@pytest.fixture(scope="module")
def store():
    with full_store() as found:
        yield found


@pytest.fixture(scope="module")
def app(store):
    return create_app(store.simulator)


def every_rule(app):
    """Each method of each route, with something in the place of what an address names."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule.endpoint, re.sub(r"<[^>]+>", "1", rule.rule)


def forms(app):
    """Where the forms of the pages are posted to."""
    posted = routes(app, "POST")
    return [path for method, endpoint, path in every_rule(app) if method == "POST" and endpoint in posted]


def everything(simulator):
    """All that a request could have changed."""
    kinds = ("data-products", "requests", "users", "domains", "data-sources")
    return (
        simulator.attempts(AttemptQuery(limit=500)), simulator.webhooks(unlisted=True), simulator.clock_state(),
        [simulator.world_page(each, limit=100) for each in kinds], simulator.runs(), simulator.assumed(),
    )  # fmt: skip


def test_every_answer_of_every_route_bears_the_headers(app):
    client, seen = app.test_client(), 0

    for method, endpoint, path in every_rule(app):
        answer = client.open(path, method=method, headers=BROWSER, buffered=True)

        assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS, path
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", path
        assert answer.headers["Cache-Control"] == ("no-cache" if answer.status_code == 200 and endpoint == "static"
                                                   else "no-store"), path  # fmt: skip
        assert answer.status_code < 500, path
        seen += 1
    assert seen > 100


def test_every_page_bears_them_where_it_is_found_too(app, store):
    client = app.test_client()

    for templates in (*PAGES.values(), *FILES.values()):
        for path in map(store.at, templates):
            answer = client.get(path, headers=BROWSER, buffered=True)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, path
            assert "unsafe" not in policy and "http" not in policy, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert "Set-Cookie" not in answer.headers, path


def test_no_form_is_taken_without_its_token_or_from_another_page(app, store):
    client = app.test_client()
    token = re.search(r'name="csrf" value="([0-9a-f]{64})"', client.get("/webhooks").text)[1]
    before = everything(store.simulator)

    for path in forms(app):
        for wrong in ({}, {"csrf": ""}, {"csrf": token[:-1] + "x"}, {"csrf": token.upper()}):
            assert client.post(path, data=wrong, headers=BROWSER).status_code == 403, path
        for foreign in FOREIGN:
            assert client.post(path, data={"csrf": token}, headers={**BROWSER, **foreign}).status_code == 403, path
        assert client.post(f"{path}?csrf={token}", headers=BROWSER).status_code == 403, path

    assert len(forms(app)) >= 17
    assert everything(store.simulator) == before


def test_no_route_answers_to_the_name_of_another_host(app):
    client = app.test_client()

    for method, _, path in every_rule(app):
        for host in HOSTS:
            answer = client.open(path, method=method, environ_overrides={"HTTP_HOST": host}, buffered=True)
            assert answer.status_code == 421, (path, host)


def test_what_only_looks_changes_nothing(app, store):
    client = app.test_client()
    before = everything(store.simulator)

    for templates in (*PAGES.values(), *FILES.values()):
        for path in map(store.at, templates):
            client.get(path, headers=BROWSER, buffered=True)
            client.head(path, headers=BROWSER, buffered=True)
    for path in forms(app):
        client.get(path, headers=BROWSER, buffered=True)

    assert everything(store.simulator) == before


def test_what_is_posted_to_cannot_be_reached_by_a_link(app):
    client, only = app.test_client(), set(forms(app))
    only -= {path for method, _, path in every_rule(app) if method == "GET"}

    assert only
    for path in only:
        assert client.get(path, headers=BROWSER, buffered=True).status_code in (404, 405), path
