"""The HTML pages, asked for as a browser does: every page, empty and full, and what hostile receivers send."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from markupsafe import Markup

import emitter.web
from emitter.clock import nanoseconds
from emitter.errors import StoreUnusable
from emitter.query import AttemptQuery
from emitter.settings import Settings
from emitter.trigger import TriggerSpec
from emitter.web import create_app
from emitter.web.access import Access
from emitter.web.shown import ago, indented, milliseconds, plain, visible
from tests.conftest import SECRET
from tests.support_pages import Answering, Page

FILES = Path(emitter.web.__file__).parent
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
REVOKED = "marketplace.data_product.access_requests.revoked"
LISTS = (
    "/",
    "/deliveries/compare",
    "/deliveries/resend",
    "/keys",
    "/webhooks",
    "/events",
    f"/events/{REVOKED}",
    "/assumptions",
    "/compose",
    "/compose?type=access-revoked",
    "/world",
    "/world/new/publish",
    "/scenarios",
    "/scenarios/revoked",
    "/scenarios/your-own",
    "/runs",
    "/contract/check",
    "/contract/coverage",
)
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>bold</b>&amp;\x1b[31mred\x1b[0m\x00\u202egnirts\u2066"
)


class Browser:
    """Asks as a browser does, and reads every page that comes back."""

    def __init__(self, simulator, access=None):
        self.client = create_app(simulator, access=access).test_client()

    def get(self, path, status=200, *, by_way_of=""):
        """`by_way_of` is the page whose link is followed, as browsers say it."""
        answer = self.client.get(path, headers={**BROWSER, **({"Referer": by_way_of} if by_way_of else {})})
        assert answer.status_code == status, answer.text
        assert answer.mimetype == "text/html"
        return Page(answer.text)

    def follow(self, path):
        """Go where a page sends us at once."""
        answer = self.client.get(path, headers=BROWSER)
        return answer.headers["Location"]

    def post(self, path, status=303, **fields):
        """Send a form of the first page that has one; returns where it leads, or the page that comes instead."""
        token = self.get("/webhooks").csrf
        answer = self.client.post(path, data={"csrf": token, **fields}, headers=BROWSER)
        assert answer.status_code == status, answer.text
        return answer.headers["Location"] if status == 303 else Page(answer.text)


@pytest.fixture
def browser(simulator):
    return Browser(simulator)


def trigger(simulator, kind="access-revoked", **members):
    [event] = simulator.trigger(TriggerSpec(type=kind, **members))
    assert simulator.settle(10)
    return event


def newest(simulator):
    return simulator.attempts(AttemptQuery(limit=1))["attempts"][0]


def fill(simulator, make_receiver):
    """Some of everything: accepted, rejected, no answer, invalid, unknown, paused, suppressed."""
    simulator.add_webhook(make_receiver().url, signing_key=SECRET)
    simulator.add_webhook(make_receiver("500").url, verify_tls=False)
    simulator.add_webhook("http://127.0.0.1:1/closed")
    paused = simulator.add_webhook("https://user:word@receiver.example.com/paused?token=classified")
    simulator.change_webhook(paused.id, paused=True)
    suppressed = simulator.add_webhook("https://receiver.example.com/suppressed")
    simulator.change_webhook(suppressed.id, suppressed=True)
    trigger(simulator, "request-created", run="nightly")
    trigger(simulator, to=make_receiver().url, set={"data.actionLink": 5}, allow_invalid=True)
    body = b'{"timestamp":"2026-01-01T00:00:00Z","data":{},"type":"some.other.type"}'
    simulator.trigger(TriggerSpec(body=body, to=make_receiver().url, allow_invalid=True))
    assert simulator.settle(10)


# --- every page -------------------------------------------------------------------------------------------------------


def assert_is_sound(page):
    """What holds for every page: landmarks, one heading, a label for each field, nothing inline."""
    assert page.all("html", lang="en")
    assert len(page.all("main")) == len(page.all("h1")) == len(page.all("title")) == 1
    assert page.all("nav", aria_label="Pages")
    labelled = {own["for"] for own in page.all("label")}
    for tag in ("input", "select", "textarea"):
        for own in page.all(tag):
            assert own.get("type") == "hidden" or own.get("aria-label") or own["id"] in labelled, own
    ids = [own["id"] for _, own in page.elements if "id" in own]
    assert len(ids) == len(set(ids))
    for _, own in page.elements:
        assert not any(name == "style" or name.startswith("on") for name in own), own
        for reference in ("aria-labelledby", "aria-describedby"):
            assert set(own.get(reference, "").split()) <= set(ids), own
    assert not page.all("style")
    assert all(own.get("src") for own in page.all("script"))


@pytest.mark.parametrize("path", LISTS)
def test_every_page_is_sound_on_an_empty_store(browser, path):
    page = browser.get(path)

    assert_is_sound(page)
    assert "Store memory" in page.text


def test_every_page_is_sound_on_a_filled_store(simulator, browser, make_receiver):
    fill(simulator, make_receiver)

    seen: set[str] = set()
    waiting = list(LISTS)
    while waiting:
        path = waiting.pop()
        if path in seen or len(seen) > 150:
            continue
        seen.add(path)
        page = browser.get(path)
        assert_is_sound(page)
        links = [html.unescape(link) for link in page.links("/")]
        waiting += [link for link in links if not re.search("/export|/body/", link)]  # those are files

    assert sum(path.startswith("/deliveries/") for path in seen) >= 5
    assert sum(path.endswith("/remove") for path in seen) == 5


def test_no_page_loads_anything_from_elsewhere():
    allowed = re.compile(r"http://(127\.0\.0\.1|www\.w3\.org/2000/svg)")
    for file in (*FILES.glob("templates/*"), *FILES.glob("static/*")):
        for address in re.findall(
            r"(?:https?:)?//[\w.%{}-]+[^\s\"'<]*", re.sub(r"^\s*//.*", "", file.read_text(), flags=re.M)
        ):
            assert allowed.match(address), f"{file.name}: {address}"


def test_no_template_switches_escaping_off():
    for file in FILES.glob("templates/*"):
        text = file.read_text()
        assert file.suffix == ".html"
        assert not re.search(r"\|\s*safe|autoescape|Markup", text), file.name
        assert not re.search(r"<style|\sstyle=|<script(?! src)|\son\w+=", text), file.name


@pytest.mark.parametrize(
    ("guessed", "meant"),
    [
        ("/deliveries", "/"),
        ("/deliveries?type=access_requests.*&outcome=rejected", "/?type=access_requests.*&outcome=rejected"),
        ("/contract", "/events"),
    ],
)
def test_an_address_that_is_near_leads_to_the_page_that_is_meant(browser, guessed, meant):
    assert browser.follow(guessed) == meant
    assert_is_sound(browser.get(meant))


def test_the_rail_names_the_pages_and_says_which_one_this_is(browser):
    page = browser.get(f"/events/{REVOKED}")

    [rail] = [own for own in page.all("a", aria_current="page")]
    assert rail["href"] == "/events"
    assert page.links("/")[:6] == [
        "/", "/", "/compose", "/webhooks", "/world", "/scenarios"
    ]  # fmt: skip


def test_what_runs_is_said_under_the_rail(make_simulator):
    simulator = make_simulator(
        start=nanoseconds(datetime(2030, 2, 3, 9, tzinfo=UTC)),
        assume={"delivery.timeout": "5s", "payload.profile": "extended"},
    )

    text = Browser(simulator).get("/").text

    assert "Store memory" in text
    assert "virtual, 2030-02-03 09:00:00" in text
    assert "Profile extended" in text
    assert "2 changed" in text


# --- the list ---------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_the_command_to_type(browser):
    page = browser.get("/")

    assert "emitter trigger access-revoked --to http://127.0.0.1:3000/ --server http://localhost" in page.text


def test_a_row_says_what_came_of_an_attempt(simulator, browser, receiver):
    trigger(
        simulator, to=receiver.url, signing_key=SECRET, set={"data.dataProductName": "US East Customers"}, run="seven"
    )

    page = browser.get("/")

    [[_, *row]] = page.rows[1:]
    assert row[0] == "accepted"
    assert row[1] == "200"
    assert row[2] == REVOKED
    assert row[3] == "US East Customers"
    assert row[4] == "1/1"
    assert re.fullmatch(r"[\d.]+ m?s", row[5])
    assert row[6:9] == ["ok", receiver.url.removeprefix("http://"), "seven"]
    assert row[9] in ("now", "1 s ago", "2 s ago")
    assert f"/deliveries/{newest(simulator)['id']}" in page.links("/deliveries/")
    assert "1 attempt" in page.text


def test_a_retry_that_is_due_shows_of_how_many(make_simulator, make_receiver):
    simulator = make_simulator(assume={"delivery.retry": "1h,2h"})
    trigger(simulator, to=make_receiver("503").url)
    browser = Browser(simulator)

    [[_, *row]] = browser.get("/").rows[1:]
    detail = browser.get(f"/deliveries/{newest(simulator)['id']}")

    assert (row[0], row[1], row[4]) == ("rejected", "503", "1/3")
    assert any(cells[:2] == ["2/3", "waiting"] and cells[4] == "in 59 min" for cells in detail.rows)


def test_no_answer_says_how_far_it_got(simulator, browser):
    trigger(simulator, to="http://127.0.0.1:1/closed")

    [[_, *row]] = browser.get("/").rows[1:]

    assert row[:2] == ["no answer", "connect"]


FILTERS = {
    "type": "access_requests.*",
    "outcome": "accepted",
    "status": "2xx",
    "run": "nightly",
    "since": "1h",
    "until": "2099-01-31T09:00:00Z",
    "text": "data<Product",
}


@pytest.mark.parametrize("name", [*FILTERS, "webhook"])
def test_a_filter_stands_in_its_field_and_its_chip_takes_it_away(simulator, browser, name):
    webhook = simulator.add_webhook("http://127.0.0.1:1/some/where")
    asked = {**FILTERS, "webhook": webhook.id}

    path = "/?" + "&".join(f"{key}={value}" for key, value in asked.items())
    page = browser.get(path)

    if name in ("outcome", "webhook"):
        assert {own.get("value") for own in page.all("option") if "selected" in own} == {None, webhook.id}
        assert "<option selected>accepted\n" in browser.client.get(path, headers=BROWSER).text
    else:
        assert page.all("input", name=name)[0]["value"] == asked[name]
    without = [dict(parse_qsl(urlsplit(link).query)) for link in page.links("/?")]
    assert {key: value for key, value in asked.items() if key != name} in without


def test_filters_choose_what_is_shown(simulator, browser, make_receiver):
    fill(simulator, make_receiver)

    rows = browser.get("/?outcome=rejected,failed&type=access_requests.*&run=nightly").rows[1:]

    assert sorted(row[1] for row in rows) == ["no answer", "rejected"]


def test_several_values_of_a_choice_stay_chosen(simulator, browser):
    page = browser.get("/?outcome=rejected&outcome=failed")

    [chosen] = [own["value"] for own in page.all("option") if "selected" in own]
    assert chosen == "rejected,failed"


def test_a_form_with_empty_fields_leads_to_a_clean_address(browser):
    assert browser.follow("/?type=&outcome=rejected&status=&text=++") == "/?outcome=rejected"


def test_what_fits_no_filter_says_which_and_how_to_clear_it(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)

    page = browser.get("/?type=data_sources.*&outcome=rejected")

    assert (
        "Nothing fits these filters together: type:data_sources.* take it away outcome:rejected take it away"
        in page.text
    )
    assert {"/?outcome=rejected", "/?type=data_sources.*", "/"} <= set(page.links("/"))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("until=2030", "until"),
        ("status=abc", "status"),
        ("outcome=broken", "outcome"),
        ("webhook=none", "webhook"),
        ("before=x", None),
        ("before=1&after=2", None),
        ("limit=100000", None),
        ("colour=red", None),
        ("type=%00", "type"),
        ("text=" + "x" * 300, "text"),
    ],
)
def test_a_filter_that_cannot_be_is_shown_where_it_was_typed(browser, query, field):
    page = browser.get(f"/?{query}", status=400)

    assert_is_sound(page)
    [alert] = page.all("p", role="alert")
    wrong = [own["name"] for _, own in page.elements if "aria-invalid" in own]
    assert wrong == ([field] if field else [])
    assert query.partition("=")[0].split("&")[0] in page.text or field is None


def test_paging_walks_all_rows_and_keeps_the_filters(simulator, browser, receiver):
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url, count=7))
    simulator.settle(10)

    seen, path = [], "/?type=access_requests.*&since=1h&limit=3"
    while path:
        page = browser.get(path)
        seen += [int(own["data-id"]) for own in page.all("tr") if "data-id" in own]
        older = [own["href"] for own in page.all("a", rel="next")]
        path = older[0] if older else None
        assert not path or "type=access_requests.*&since=1h&limit=3&before=" in path

    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 7
    [newer] = [own["href"] for own in page.all("a", rel="prev")]
    back = browser.get(newer)
    assert [int(own["data-id"]) for own in back.all("tr") if "data-id" in own] == seen[3:6]
    assert "/?type=access_requests.*&since=1h&limit=3" in page.links("/?")


def test_a_page_beyond_the_end_says_so(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)

    page = browser.get(f"/?before={newest(simulator)['id']}")

    assert "Nothing more on this side." in page.text
    assert "/" in page.links("/")


def test_a_bounded_search_says_where_it_stopped_and_goes_on(simulator, browser, receiver, monkeypatch):
    trigger(simulator, to=receiver.url)
    trigger(simulator, to=receiver.url)
    monkeypatch.setattr("emitter.store.search.TEXT_STEP", -1.0)

    page = browser.get(f"/?text=nothing-like-it&before={newest(simulator)['id']}")

    assert "Searched back to" in page.text
    assert "Nothing found so far." in page.text
    assert any(link.startswith("/?text=nothing-like-it&before=") for link in page.links())


def test_a_count_is_capped(simulator, browser, receiver, monkeypatch):
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url, count=3))
    simulator.settle(10)
    monkeypatch.setattr("emitter.store.overview.CAP", 2)
    monkeypatch.setattr("emitter.store.overview.CAP_BY_INDEX", 2)

    assert "2+ attempts" in browser.get("/").text


def test_what_came_since_is_counted_for_an_open_list(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)
    page = browser.get("/?type=access_requests.*")
    [place] = [own for own in page.all("p") if "data-poll" in own]

    before = browser.client.get(place["data-poll"]).json
    trigger(simulator, to=receiver.url)
    trigger(simulator, "sources-updated", to=receiver.url)
    after = browser.client.get(place["data-poll"]).json

    assert (before["count"], after["count"]) == (0, 1)
    assert place["data-show"] == "/?type=access_requests.*"


def test_an_older_page_is_not_polled(simulator, browser, receiver):
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url, count=3))
    simulator.settle(10)
    page = browser.get("/?limit=1")

    older = browser.get(page.all("a", rel="next")[0]["href"])

    assert not [own for own in older.all("p") if "data-poll" in own]


@pytest.mark.parametrize("query", ["", "after=x", "after=1&colour=red"])
def test_counting_refuses_what_it_cannot_read(browser, query):
    answer = browser.client.get(f"/deliveries/since?{query}")

    assert answer.status_code == 400
    assert answer.json["error"]


# --- one delivery -----------------------------------------------------------------------------------------------------


def test_a_delivery_is_shown_whole(simulator, browser, receiver):
    trigger(simulator, to=receiver.url, signing_key=SECRET, seed=7, run="nightly")
    sent = receiver.captures[0]

    page = browser.get(f"/deliveries/{newest(simulator)['id']}")

    assert f"POST {receiver.url}" in page.text
    for name, value in sent.headers:
        if name.lower() not in ("host", "content-length"):
            assert [name, value] in page.rows
    assert sent.body.decode() in page.text
    assert "right x-immuta-webhook-signature-sha256 fits the body." in page.text
    assert "assumed, U1" in page.text
    assert "The body is as its schema says." in page.text
    assert [row[0] for row in page.rows if row[0] in ("Lookup", "Connect", "First byte", "Total")] == [
        "Lookup", "Connect", "First byte", "Total"
    ]  # fmt: skip
    assert "curl --silent" in page.text
    assert "Seed 7" in page.text
    assert SECRET not in page.text


def test_violations_are_shown_with_their_place_and_their_source(simulator, browser, receiver):
    trigger(simulator, to=receiver.url, set={"data.actionLink": 5}, allow_invalid=True)

    page = browser.get(f"/deliveries/{newest(simulator)['id']}")

    [violation] = [row for row in page.rows if row[0] == "/data/actionLink" and len(row) == 4]
    assert violation[2:] == ["type", "assumed"]


def test_a_wrong_signature_says_why_it_probably_is(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)
    trigger(simulator)
    simulator.change_webhook(webhook.id, signing_key="another key")

    page = browser.get(f"/deliveries/{newest(simulator)['id']}")

    assert "wrong x-immuta-webhook-signature-sha256 does not fit the body." in page.text
    assert "What it most likely is:" in page.text


def test_a_right_signature_that_was_refused_says_what_to_look_at(simulator, browser, make_receiver):
    trigger(simulator, to=make_receiver("401").url, signing_key=SECRET)

    page = browser.get(f"/deliveries/{newest(simulator)['id']}")

    assert "the receiver most likely has another key" in page.text


def test_neighbours_are_those_of_the_list_one_came_from(simulator, browser, receiver):
    for kind in ("access-revoked", "sources-updated", "access-revoked"):
        trigger(simulator, kind, to=receiver.url)
    listing = "/?type=access_requests.*&limit=1"
    [listed] = [own["href"] for own in browser.get(listing).all("a", class_="name")]

    page = browser.get(listed, by_way_of=f"http://localhost{listing}")
    older = page.all("a", rel="next")[0]["href"]
    next_page = browser.get(older, by_way_of=f"http://localhost{listed}")

    assert urlsplit(older).path == f"/deliveries/{newest(simulator)['id'] - 2}"
    assert urlsplit(older).query == "type=access_requests.*"
    assert not page.all("a", rel="prev")
    assert page.links("/?type") == next_page.links("/?type") == ["/?type=access_requests.*"]  # back to the list
    assert next_page.all("a", rel="prev")[0]["href"] == f"{listed}?type=access_requests.*"


@pytest.mark.parametrize(
    "by_way_of",
    ["", "http://elsewhere.example/?type=access_requests.*", "http://localhost/events?type=access_requests.*",
     "http://localhost/?outcome=never", "http://localhost/?type=%00", "http://[", "nonsense"],
)  # fmt: skip
def test_neighbours_of_who_came_from_elsewhere_are_those_of_all(simulator, browser, receiver, by_way_of):
    for kind in ("access-revoked", "sources-updated", "access-revoked"):
        trigger(simulator, kind, to=receiver.url)

    page = browser.get(f"/deliveries/{newest(simulator)['id']}", by_way_of=by_way_of)

    assert page.all("a", rel="next")[0]["href"] == f"/deliveries/{newest(simulator)['id'] - 1}"


@pytest.mark.parametrize("how", ["as-is", "newly-signed"])
def test_resending_leads_to_the_new_attempt(simulator, browser, receiver, how):
    trigger(simulator, to=receiver.url, signing_key=SECRET)
    first = newest(simulator)

    path = browser.post(f"/deliveries/{first['id']}/resend", how=how)
    page = browser.get(path)

    assert len(receiver.captures) == 2
    assert receiver.captures[1].body == receiver.captures[0].body
    assert path == f"/deliveries/{newest(simulator)['id']}"
    assert f"attempt {first['id']}" in page.text


def test_what_cannot_be_sent_again_says_why_beside_the_button(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url)
    trigger(simulator)
    simulator.change_webhook(webhook.id, suppressed=True)

    page = browser.post(f"/deliveries/{newest(simulator)['id']}/resend", status=409, how="as-is")

    assert_is_sound(page)
    assert "is suppressed" in page.text
    assert page.all("p", role="alert")


def test_what_is_sent_again_to_a_paused_webhook_waits_and_says_so(simulator, browser, receiver, monkeypatch):
    monkeypatch.setattr("emitter.web.attempt_pages.RESEND_WAIT", 0.05)
    webhook = simulator.add_webhook(receiver.url)
    trigger(simulator)
    simulator.change_webhook(webhook.id, paused=True)

    page = browser.get(browser.post(f"/deliveries/{newest(simulator)['id']}/resend", how="newly-signed"))

    assert "is waiting for its turn" in page.text


@pytest.mark.parametrize(
    "path",
    ["/deliveries/1", "/deliveries/x", f"/deliveries/{10**30}", f"/deliveries/{'9' * 5000}", "/webhooks/x",
     "/webhooks/x/history", "/webhooks/x/remove", "/events/no.such.type", "/nowhere"],
)  # fmt: skip
def test_what_is_not_there_is_a_page_too(browser, path):
    page = browser.get(path, status=404)

    assert_is_sound(page)
    assert "Not found" in page.text


def test_a_store_that_cannot_be_read_is_a_page_too(simulator, browser, monkeypatch):
    def unreadable(*_, **__):
        raise StoreUnusable("store.sqlite", "the disk is full.")

    monkeypatch.setattr(simulator.store.reader, "attempts", unreadable)
    monkeypatch.setattr(simulator.store.reader, "waiting_counts", unreadable)

    page = browser.get("/", status=503)

    assert_is_sound(page)
    assert "the disk is full." in page.text
    assert "Nothing is lost." in page.text


def test_a_store_that_is_gone_is_a_page_too(make_simulator):
    simulator = make_simulator()
    browser = Browser(simulator)
    simulator.close()

    page = browser.get("/webhooks", status=503)

    assert_is_sound(page)
    assert "Try again in a moment" in page.text


def test_an_error_that_nobody_expected_is_a_page_too(simulator, browser, monkeypatch):
    def broken(*_):
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr(simulator, "webhooks", broken)

    page = browser.get("/webhooks", status=500)

    assert_is_sound(page)
    assert "nobody expected" not in page.text


# --- hostile receivers ------------------------------------------------------------------------------------------------


def assert_is_escaped(simulator, browser, path):
    answer = browser.client.get(path, headers=BROWSER)
    page = Page(answer.text)
    assert_is_sound(page)
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert not page.all("b")
    for character in "\x1b\x00\u202e\u2066":
        assert character not in answer.text
    return page


def test_a_hostile_answer_is_shown_as_text(simulator, browser, running):
    body = HOSTILE.encode() + b"\xff\xfe" + b"A" * 100
    head = b'HTTP/1.1 500 <script>no</script>\r\nX-"><b>Evil</b>: <img src=x>\xe2\x80\xae\r\n\r\n'
    receiver = running(Answering(head + body))
    trigger(simulator, to=receiver.url)

    page = assert_is_escaped(simulator, browser, f"/deliveries/{newest(simulator)['id']}")

    assert "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>bold</b>&amp;⟨ESC⟩[31mred" in page.text
    assert "⟨202E⟩gnirts⟨2066⟩\\xff\\xfeAAA" in page.text
    assert "This is no UTF-8." in page.text


def test_a_long_answer_is_cut_and_says_so(simulator, browser, running):
    receiver = running(Answering(b"HTTP/1.1 400 Bad\r\n\r\n" + b"<i>" * 40_000))
    trigger(simulator, to=receiver.url)

    page = assert_is_escaped(simulator, browser, f"/deliveries/{newest(simulator)['id']}")

    assert not page.all("i")
    assert "Cut: the answer was longer than 64 KiB" in page.text


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b"[" * 450 + b"1," * 31_000 + b"1" + b"]" * 450,
        b"\x1b[1m" * 16_000,
        b'"' + b"\\u202e" * 10_000 + b'"',
    ],
)
def test_no_answer_makes_a_page_many_times_its_size(simulator, browser, running, body):
    receiver = running(Answering(b"HTTP/1.1 400 Bad\r\n\r\n" + body))
    trigger(simulator, to=receiver.url)

    answer = browser.client.get(f"/deliveries/{newest(simulator)['id']}", headers=BROWSER)

    assert answer.status_code == 200
    assert len(answer.data) < 3_000_000


def test_a_hostile_body_run_and_target_are_shown_as_text(simulator, browser, receiver):
    name = HOSTILE.replace("\x00", "").replace("\x1b", "")
    url = f"{receiver.url}/%3Cb%3E'onmouseover=alert(1)"
    run = "<b>run</b>\"'"
    trigger(simulator, to=url, set={"data.dataProductName": name}, allow_invalid=True, run=run)

    for path in (
        "/",
        f"/deliveries/{newest(simulator)['id']}",
        "/?run=%3Cb%3Erun%3C/b%3E%22%27",
        f"/?text={'%3Cb%3E'}",
    ):
        page = assert_is_escaped(simulator, browser, path)
        assert "<b>bold</b>" in page.text


@pytest.mark.parametrize("name", ["type", "status", "outcome", "webhook", "run", "since", "text", "event", "<b>"])
def test_a_hostile_filter_is_shown_as_text(browser, name):
    answer = browser.client.get("/", query_string={name: HOSTILE}, headers=BROWSER)

    page = Page(answer.text)

    assert_is_sound(page)
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert not page.all("b")


def test_the_body_of_a_big_event_is_shown_in_part(simulator, browser, receiver):
    trigger(simulator, to=receiver.url, set={"data.extra": "x" * 200_000})

    answer = browser.client.get(f"/deliveries/{newest(simulator)['id']}", headers=BROWSER)

    assert "more are in the record" in answer.text


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_a_webhook_is_added_by_the_form_and_its_key_is_never_shown(simulator, browser, receiver):
    path = browser.post("/webhooks", url=receiver.url, signing_key=SECRET, verify_tls="yes")

    page = browser.get(path)

    [webhook] = simulator.webhooks()
    assert (webhook.url, webhook.verify_tls, webhook.signing_key.reveal()) == (receiver.url, True, SECRET)
    assert "Added." in page.text
    assert all(SECRET not in str(own) for _, own in page.elements)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"url": "ftp://x/<b>", "signing_key": "k3y-in-clear"}, "url"),
        ({"url": "", "signing_key": "k3y-in-clear"}, "url"),
        ({"url": "http://169.254.169.254/", "signing_key": "k3y-in-clear"}, "url"),
        ({"url": "http://127.0.0.1:1/", "signing_key": "k3y-in-clear\r\nX: 1"}, "signing_key"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_at_its_field(simulator, browser, fields, wrong):
    page = browser.post("/webhooks", status=400, **fields)

    assert_is_sound(page)
    [field] = [own for own in page.all("input") if "aria-invalid" in own]
    assert field["name"] == wrong
    assert page.all("input", name="url")[0]["value"] == fields["url"]
    assert all("k3y-in-clear" not in str(own) for _, own in page.elements)
    assert "k3y-in-clear" not in page.text
    assert not [own for own in page.all("input", name="verify_tls") if "checked" in own]
    assert simulator.webhooks() == []


def test_the_list_of_webhooks_says_how_each_one_is(simulator, browser, make_receiver):
    fill(simulator, make_receiver)

    page = browser.get("/webhooks")

    rows = page.rows[1:]
    assert [row[1:5] for row in rows] == [
        ["no", "yes", "active", "0"],
        ["no", "no", "active", "0"],
        ["no", "no", "active", "0"],
        ["verified", "no", "paused", "1"],
        ["verified", "no", "suppressed", "0"],
    ]
    assert [row[7].split(",")[0] for row in rows] == [
        "accepted 200", "rejected 500", "no answer", "nothing sent yet", "nothing sent yet"
    ]  # fmt: skip
    assert rows[3][0] == "https://***@receiver.example.com/paused?***"


def test_a_list_of_many_webhooks_has_pages(simulator, browser):
    for number in range(60):
        simulator.add_webhook(f"http://127.0.0.1:1/{number}")

    first = browser.get("/webhooks")
    second = browser.get(first.all("a", rel="next")[0]["href"])

    assert (len(first.rows), len(second.rows)) == (26, 26)  # 25 of them, and a head
    assert "60 webhooks" in second.text


def test_what_is_secret_in_a_target_is_masked_everywhere(simulator, browser, make_receiver):
    fill(simulator, make_receiver)
    paused = simulator.webhooks()[3]

    for path in (
        "/",
        "/webhooks",
        f"/webhooks/{paused.id}",
        f"/webhooks/{paused.id}/history",
        f"/webhooks/{paused.id}/remove",
    ):
        answer = browser.client.get(path, headers=BROWSER).text
        assert "classified" not in answer
        assert "word@" not in answer


@pytest.mark.parametrize(
    ("answers", "words"), [("200", "accepted SUCCESS, answered 200 in"), ("503", "rejected FAILED, answered 503 in")]
)
def test_the_test_button_shows_what_came_of_it(simulator, browser, make_receiver, answers, words):
    receiver = make_receiver(answers)
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)

    path = browser.post(f"/webhooks/{webhook.id}/test")
    page = browser.get(path)

    assert len(receiver.captures) == 1
    assert words in page.text
    assert f"/deliveries/{newest(simulator)['id']}" in page.links("/deliveries/")


def test_a_test_names_no_attempt_but_a_test_of_that_webhook(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url)
    trigger(simulator)

    for tested in (newest(simulator)["id"], 999, "x", "9" * 40):
        page = browser.get(f"/webhooks/{webhook.id}?tested={tested}")
        assert "SUCCESS" not in page.text


def test_a_webhook_is_paused_resumed_suppressed_and_released(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url)

    for word, said in (
        ("pause", "Paused."),
        ("resume", "Resumed."),
        ("suppress", "Suppressed."),
        ("release", "No longer"),
    ):
        page = browser.get(browser.post(f"/webhooks/{webhook.id}/switch", to=word))
        assert said in page.text
        now = simulator.webhook(webhook.id)
        assert (now.paused, now.suppressed) == (word == "pause", word == "suppress")


def test_changing_a_webhook_keeps_what_is_left_empty(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)

    browser.post(f"/webhooks/{webhook.id}", url="", signing_key="")
    kept = simulator.webhook(webhook.id)
    browser.post(
        f"/webhooks/{webhook.id}", url="http://127.0.0.1:1/", signing_key="", no_signing_key="yes", verify_tls="yes"
    )
    changed = simulator.webhook(webhook.id)

    assert (kept.url, kept.signing_key.reveal(), kept.verify_tls) == (receiver.url, SECRET, False)
    assert (changed.url, changed.signing_key, changed.verify_tls) == ("http://127.0.0.1:1/", None, True)


def test_a_change_that_cannot_be_is_refused_at_its_field(simulator, browser):
    webhook = simulator.add_webhook("http://127.0.0.1:1/")

    page = browser.post(f"/webhooks/{webhook.id}", status=400, url="nonsense")

    assert [own["name"] for own in page.all("input") if "aria-invalid" in own] == ["url"]
    assert simulator.webhook(webhook.id).url == "http://127.0.0.1:1/"


def test_the_history_of_a_webhook_says_what_the_vendors_api_says(simulator, browser, make_receiver):
    webhook = simulator.add_webhook(make_receiver("200,500").url)
    trigger(simulator)
    trigger(simulator)
    api = browser.client.get(
        f"/api/notification/webhook/{webhook.id}/history", headers={"Authorization": "Bearer any"}
    ).json

    page = browser.get(f"/webhooks/{webhook.id}/history")

    assert [[row[0], int(row[1]), row[2], row[4]] for row in page.rows[1:]] == [
        [each["status"], each["httpStatusCode"], each["message"], each["deliveryId"]] for each in api["data"]
    ]
    assert [own["datetime"] for own in page.all("time")] == [each["createdAt"] for each in api["data"]]


def test_the_history_of_a_webhook_has_pages(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url)
    simulator.trigger(TriggerSpec(type="access-revoked", count=53))
    simulator.settle(20)

    first = browser.get(f"/webhooks/{webhook.id}/history")
    second = browser.get(first.all("a", rel="next")[0]["href"])

    assert (len(first.rows), len(second.rows)) == (51, 4)
    assert "53 in all" in second.text
    assert browser.get(f"/webhooks/{webhook.id}/history?offset=-1", status=400)


def test_removing_a_webhook_asks_first(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url)
    trigger(simulator)

    page = browser.get(f"/webhooks/{webhook.id}/remove")
    assert "Remove this webhook?" in page.text
    assert simulator.webhooks()

    gone = browser.get(browser.post(f"/webhooks/{webhook.id}/remove"))
    assert "Removed." in gone.text
    assert simulator.webhooks() == []
    assert browser.get(f"/deliveries/{newest(simulator)['id']}")


# --- what is known and what is assumed --------------------------------------------------------------------------------


def test_every_event_type_has_a_page(simulator, browser):
    listed = browser.get("/events")

    for kind in simulator.catalog:
        assert f"/events/{kind.name}" in listed.links("/events/")
        page = browser.get(f"/events/{kind.name}")
        assert kind.trigger in page.text
        assert f"emitter trigger {kind.alias} --to" in page.text
        assert any(row[:2] == ["/timestamp", "documented"] for row in page.rows)


def test_an_event_type_is_found_by_what_people_type(browser):
    assert browser.follow("/events/access-revoked") == f"/events/{REVOKED}"
    assert browser.follow("/events/revoked") == f"/events/{REVOKED}"


def test_an_event_type_that_is_not_there_names_the_nearest(browser):
    assert REVOKED in browser.get("/events/access_requests.revoke", status=404).text


def test_a_changed_assumption_is_marked(make_simulator):
    simulator = make_simulator(assume={"delivery.timeout": "5s"})

    rows = Browser(simulator).get("/assumptions").rows

    assert len(rows) == len(simulator.assumed()) + 1
    assert [row[:3] for row in rows if "changed" in row[1]] == [["delivery.timeout", "5s changed", "10s"]]


# --- guards -----------------------------------------------------------------------------------------------------------


def posts(browser, webhook_id, attempt_id):
    """Every address that takes a form."""
    rules = [
        rule.rule
        for rule in browser.client.application.url_map.iter_rules()
        if rule.endpoint.startswith("pages.") and "POST" in (rule.methods or ())
    ]
    return [rule.replace("<webhook_id>", webhook_id).replace("<attempt_id>", str(attempt_id)) for rule in rules]


def test_no_form_is_taken_without_its_token(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url)
    trigger(simulator)
    fields = {"url": "http://127.0.0.1:1/", "to": "suppress", "how": "as-is"}

    paths = posts(browser, webhook.id, newest(simulator)["id"])
    for path in paths:
        for token in ({}, {"csrf": "x"}, {"csrf": ""}):
            answer = browser.client.post(path, data={**fields, **token}, headers=BROWSER)
            assert answer.status_code == 403
            assert_is_sound(Page(answer.text))

    assert len(paths) == 15
    assert simulator.webhooks() == [webhook]
    assert len(receiver.captures) == 1


@pytest.mark.parametrize(("path", "fields"), [("switch", {"to": "explode"}), ("switch", {})])
def test_a_form_that_asks_for_nothing_we_know_is_refused(simulator, browser, path, fields):
    webhook = simulator.add_webhook("http://127.0.0.1:1/")

    assert_is_sound(browser.post(f"/webhooks/{webhook.id}/{path}", status=400, **fields))


def test_a_shared_server_shows_strangers_nothing(make_simulator):
    token = "a-token-of-some-length"
    settings = {"token": token, "hosts": ("emitter.test",), "allow": ("127.0.0.1",)}
    simulator = make_simulator(**settings)
    browser = Browser(simulator, Access.shared(Settings(**settings)))

    for path in (*LISTS, "/deliveries/1", "/deliveries/since?after=0"):
        assert browser.follow(path).startswith("/sign-in")
    assert "Store" not in browser.get("/nowhere", status=404).text
    strange = browser.client.get("/", headers={**BROWSER, "Host": "evil.test"})
    assert strange.status_code == 421
    assert "Store" not in Page(strange.text).text


def test_a_wrong_host_name_learns_nothing_from_an_open_server(browser):
    answer = browser.client.get("/", headers={**BROWSER, "Host": "evil.test"})

    assert answer.status_code == 421
    assert "Store" not in Page(answer.text).text


# --- how things are shown ---------------------------------------------------------------------------------------------


def test_json_is_indented_without_being_changed():
    sent = '{"big":12345678901234567890,"digits":2.50,"twice":1,"twice":"\\u00e9 \\"{[,:]}","none":{},"list":[[],[1]]}'

    shown = indented(sent)

    assert shown.splitlines()[:3] == ["{", '  "big": 12345678901234567890,', '  "digits": 2.50,']
    assert '  "twice": "\\u00e9 \\"{[,:]}",' in shown.splitlines()
    assert '  "none": {},' in shown.splitlines()
    assert re.sub(r"\n *|(?<=\"): ", lambda match: ":" if ":" in match[0] else "", shown) == sent


@pytest.mark.parametrize("text", ["", "no json", '{"a":1', "[" * 100_000, "1" * 5000])
def test_what_is_no_json_stays_as_it_is(text):
    assert indented(text) == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "now"), (1, "1 s ago"), (59.9, "59 s ago"), (60, "1 min ago"), (3600, "1 h ago"), (86_400, "1 d ago"),
     (864_000, "10 d ago"), (-4, "in 4 s"), (-7200, "in 2 h")],
)  # fmt: skip
def test_times_are_said_as_people_say_them(seconds, words):
    now = nanoseconds(datetime(2030, 1, 31, 9, tzinfo=UTC))

    assert ago("2030-01-31T09:00:00Z", now + int(seconds * 1e9)) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, ""), (0.04, "0.0 ms"), (3.25, "3.2 ms"), (12.6, "13 ms"), (9999, "9,999 ms"), (12_340, "12.3 s")],
)
def test_durations_have_as_many_digits_as_count(value, words):
    assert milliseconds(value) == words


@pytest.mark.parametrize(
    ("text", "signs"),
    [("a\x00b", "a⟨NUL⟩b"), ("\x7f", "⟨DEL⟩"), ("a\u200bb", "a⟨200B⟩b"), ("\ud800", "⟨D800⟩"), ("\r\n", "⟨CR⟩\n"),
     ("Größe 日本 😀\t", "Größe 日本 😀\t"), ("\U000e0041", "⟨E0041⟩"), ("<\u202e>", "<⟨202E⟩>")],
)  # fmt: skip
def test_what_cannot_be_seen_has_a_sign(text, signs):
    assert plain(text) == signs
    assert Markup(visible(text)).striptags().strip() == signs.strip()


# --- colours ----------------------------------------------------------------------------------------------------------


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_can_be_read_in_both_schemes(scheme):
    style = (FILES / "static" / "style.css").read_text()
    light, dark, *_ = re.findall(r":root \{(.*?)\}", style, flags=re.S)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light if scheme == "light" else dark))

    for words in ("text", "quiet", "accent", "accepted", "rejected", "waiting", "interrupted"):
        for ground in ("ground", "rail", "raised", "hover"):
            assert contrast(colours[words], colours[ground]) >= 4.5, (words, ground)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["field"], colours["ground"]) >= 3


def test_colours_stand_in_one_place():
    style = (FILES / "static" / "style.css").read_text()
    rest = re.sub(r"@media print.*", "", re.sub(r":root \{.*?\}", "", style, flags=re.S), flags=re.S)

    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", rest)
