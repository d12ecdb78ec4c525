"""The pages of deliveries beyond reading them: filters by click, counts and bars, many at once, differences, code."""

from __future__ import annotations

import csv
import io
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from emitter.query import AttemptQuery
from emitter.store import overview
from emitter.store.overview import Bar, _slices
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET
from tests.support_pages import Answering
from tests.test_pages import BROWSER, HOSTILE, Browser, assert_is_sound, newest
from tests.test_pages import trigger as triggered


@pytest.fixture
def browser(simulator):
    return Browser(simulator)


def trigger(simulator, kind="access-revoked", **members):
    """As elsewhere; what goes to one target is signed with the key that receivers here know."""
    return triggered(simulator, kind, **({"signing_key": SECRET} if "to" in members else {}), **members)


def shown(page):
    """The ids of a list's rows."""
    return [int(own["data-id"]) for own in page.all("tr") if "data-id" in own]


def ask(browser, path, **fields):
    """Send a form as it is, and return the whole answer."""
    token = browser.get("/webhooks").csrf
    return browser.client.post(path, data={"csrf": token, **fields}, headers=BROWSER)


# --- the list ---------------------------------------------------------------------------------------------------------


def test_each_cell_of_a_row_is_a_filter_that_finds_the_row(simulator, browser, make_receiver):
    trigger(simulator, to=make_receiver("503").url, run="nightly", faults=("wrong-key",), seed=1)
    trigger(simulator, "sources-updated", to=make_receiver().url, seed=2)  # about another product
    page = browser.get("/")
    cells = [(own["name"], own["value"]) for own in page.all("button") if "value" in own and own["name"] != "all"]
    of_the_older = cells[-7:]

    found = {name: shown(browser.get(f"/?{name}={value}")) for name, value in of_the_older}

    assert found.keys() == {"outcome", "status", "text", "verdict", "webhook", "run", "fault"}
    older = newest(simulator)["id"] - 1
    assert all(older in ids for ids in found.values())
    assert [ids for name, ids in found.items() if name != "verdict"] == [[older]] * 6


def test_a_cell_adds_to_the_filters_that_are_there(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)

    page = browser.get("/?type=access_requests.*&since=1h")

    hidden = [(own["name"], own["value"]) for own in page.all("input", type="hidden")]
    assert hidden.count(("type", "access_requests.*")) == 2  # one form for the cells, one for what is done to many
    assert hidden.count(("since", "1h")) == 2


def test_the_verdict_is_a_filter(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)
    trigger(simulator, to=receiver.url, set={"data.actionLink": 5}, allow_invalid=True)
    wrong = newest(simulator)["id"]

    assert shown(browser.get("/?verdict=invalid")) == [wrong]
    assert shown(browser.get("/?verdict=valid")) == [wrong - 1]
    assert shown(browser.get("/?verdict=valid,invalid&type=access_requests.*")) == [wrong, wrong - 1]
    assert shown(browser.get("/?verdict=invalid&outcome=failed")) == []
    assert simulator.count(AttemptQuery(verdict=("valid",)))["count"] == 1
    page = browser.get("/?verdict=wrong", status=400)
    assert '"wrong"' in page.text and "is none of valid, invalid, unknown" in page.text


def test_what_is_invalid_is_found_when_it_is_no_longer_rare(simulator, receiver, monkeypatch):
    monkeypatch.setattr("emitter.store.filtering.FEW_EVENTS", 0)
    trigger(simulator, to=receiver.url)
    trigger(simulator, to=receiver.url, set={"data.actionLink": 5}, allow_invalid=True)

    found = simulator.attempts(AttemptQuery(verdict=("invalid",)))["attempts"]

    assert [each["verdict"] for each in found] == ["invalid"]


def test_counts_lead_to_their_outcome_and_back(simulator, browser, make_receiver):
    trigger(simulator, to=make_receiver().url)
    trigger(simulator, to=make_receiver("500").url)

    page = browser.get("/?since=1h")

    assert "accepted 1 rejected 1" in page.text
    [to_rejected] = [link for link in page.links("/?") if link.endswith("outcome=rejected")]
    filtered = browser.get(to_rejected)
    assert len(shown(filtered)) == 1
    assert "rejected 1" in filtered.text and "accepted 1" not in filtered.text
    assert "/?since=1h" in filtered.links("/?")


def test_each_bar_leads_to_its_slice(simulator, browser, receiver, monkeypatch):
    monkeypatch.setattr(overview, "STEPS", (1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 60_000_000_000))
    for _ in range(3):
        trigger(simulator, to=receiver.url)
    bars = simulator.overview(AttemptQuery())["bars"]

    page = browser.get("/")

    assert sum(bar["accepted"] for bar in bars) == 3
    slices = [link for link in page.links("?") if "since=" in link]
    if len(bars) > 1:  # they may have come within one millisecond
        assert len(slices) == sum(bar["accepted"] > 0 for bar in bars)


def test_slices_of_time_are_round_and_few():
    second = 1_000_000_000
    for span in (1, 59, 61, 3600, 86_400, 40 * 86_400, 20 * 365 * 86_400):
        first, step, number = _slices(7 * second, (7 + span) * second)

        assert first % step == 0 and first <= 7 * second
        assert first + number * step > (7 + span) * second
        assert number <= overview.MOST_BARS


def test_more_than_are_counted_one_by_one_are_told_from_a_sample(simulator, make_receiver, monkeypatch):
    accepting, refusing = make_receiver(), make_receiver("500")
    simulator.trigger(TriggerSpec(type="access-revoked", to=accepting.url, signing_key=SECRET, count=30))
    simulator.trigger(TriggerSpec(type="sources-updated", to=refusing.url, count=10))
    assert simulator.settle(20)
    exact = simulator.overview(AttemptQuery())
    monkeypatch.setattr(overview, "CAP", 5)
    monkeypatch.setattr(overview, "SAMPLE", 1000)

    sampled = simulator.overview(AttemptQuery())
    of_a_type = simulator.overview(AttemptQuery(type=("access-revoked",)))

    assert not exact["estimated"] and sampled["estimated"]
    assert sampled["bars"] == exact["bars"]  # the sample is everything here
    assert sampled["outcomes"] == exact["outcomes"] and not sampled["capped"]
    assert (of_a_type["count"], of_a_type["capped"]) == (5, True)
    assert sum(bar["accepted"] for bar in of_a_type["bars"]) == 30
    assert sum(bar["others"] for bar in of_a_type["bars"]) == 0


def test_an_overview_of_nothing_is_empty(simulator):
    assert simulator.overview(AttemptQuery()) == {
        "count": 0, "capped": False, "outcomes": [], "bars": [], "estimated": False
    }  # fmt: skip
    assert Bar(0, 1).accepted == 0


def test_a_list_of_fifty_weighs_less_than_60_kb(simulator, browser, receiver, make_receiver):
    for kind in ("access-revoked", "request-created"):
        simulator.trigger(TriggerSpec(type=kind, to=make_receiver().url, count=25, run="nightly-build-1234"))
    assert simulator.settle(20)

    answer = browser.client.get("/", headers=BROWSER)

    assert len(shown(browser.get("/"))) == 50
    assert len(answer.data) < 60_000


def test_nothing_is_told_twice_to_a_list_that_is_open(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)
    place = next(own for own in browser.get("/").all("p") if "data-poll" in own)
    first = browser.client.get(place["data-poll"])
    tag = {"If-None-Match": first.headers["ETag"]}

    again = browser.client.get(place["data-poll"], headers=tag)
    trigger(simulator, to=receiver.url)
    later = browser.client.get(place["data-poll"], headers=tag)

    assert (again.status_code, again.data) == (304, b"")
    assert (later.status_code, later.json["count"]) == (200, 1)


# --- many at once -----------------------------------------------------------------------------------------------------


def test_what_is_selected_is_resent_after_its_number_was_confirmed(simulator, browser, receiver):
    for _ in range(3):
        trigger(simulator, to=receiver.url)
    first = newest(simulator)["id"] - 2

    page = browser.get(f"/deliveries/resend?id={first}&id={first + 2}&type=access_requests.*")
    [ids] = page.all("input", name="ids")
    fields = {own["name"]: own["value"] for own in page.all("input", type="hidden")}
    before = len(receiver.captures)
    answer = ask(browser, "/deliveries/resend", **{**fields, "csrf": page.csrf, "how": "newly-signed"})
    assert simulator.settle(10)

    assert_is_sound(page)
    assert "Resend 2 deliveries?" in page.text
    assert ids["value"] == f"{first + 2},{first}"
    assert before == 3 and len(receiver.captures) == 5
    assert answer.headers["Location"] == "/?type=access_requests.*&resent=2"
    assert "2 sent again." in browser.get(answer.headers["Location"]).text
    assert [each["resendOf"] for each in simulator.attempts(AttemptQuery(limit=2))["attempts"]] == [first + 2, first]


def test_all_that_match_are_resent_and_no_more(simulator, browser, make_receiver):
    accepting = make_receiver()
    trigger(simulator, "sources-updated", to=accepting.url)
    simulator.trigger(TriggerSpec(type="access-revoked", to=accepting.url, count=4))
    assert simulator.settle(10)

    page = browser.get("/deliveries/resend?all=yes&type=access_requests.*&since=1h")

    assert "Resend 4 deliveries?" in page.text
    assert "All that fit type:access_requests.* since:1h" in page.text
    assert accepting.url in page.text


def test_more_than_can_be_resent_at_once_are_refused_or_said(simulator, browser, receiver, monkeypatch):
    monkeypatch.setattr("emitter.web.bulk_pages.MOST_AT_ONCE", 2)
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url, count=3))
    assert simulator.settle(10)

    page = browser.get("/deliveries/resend?all=yes")
    refused = browser.get("/deliveries/resend?id=1&id=2&id=3", status=400)
    forced = ask(browser, "/deliveries/resend", ids="1,2,3", how="as-is")

    assert "Resend 2 deliveries?" in page.text and "only the newest 2 are sent again" in page.text
    assert "more than 2" in refused.text
    assert forced.status_code == 400
    assert len(receiver.captures) == 3


def test_what_cannot_be_resent_is_counted(simulator, browser, receiver):
    webhook = simulator.add_webhook(receiver.url)
    trigger(simulator)
    attempt = newest(simulator)["id"]
    simulator.delete_webhook(webhook.id)

    answer = ask(browser, "/deliveries/resend", ids=f"{attempt},99999", how="as-is")

    assert answer.headers["Location"] == "/?resent=0&refused=2"
    assert "0 sent again; 2 could not be" in browser.get(answer.headers["Location"]).text


def test_a_resend_of_many_that_is_refused_has_sent_nothing(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)

    answer = ask(browser, "/deliveries/resend", ids=str(newest(simulator)["id"]), how="as-is", **{"f-outcome": "odd"})

    assert answer.status_code == 400
    assert simulator.settle(10) and len(receiver.captures) == 1


@pytest.mark.parametrize("path", ["/deliveries/resend", "/deliveries/resend?id=7", "/deliveries/resend?all=yes"])
def test_nothing_to_resend_says_so(browser, path):
    page = browser.get(path)

    assert_is_sound(page)
    assert "Nothing to resend" in page.text
    assert not page.all("form")


# --- differences ------------------------------------------------------------------------------------------------------


def test_two_attempts_are_compared_member_by_member(simulator, browser, make_receiver):
    trigger(simulator, to=make_receiver().url, set={"data.dataProductName": "One"})
    trigger(simulator, to=make_receiver("500").url, set={"data.dataProductName": "Other"})
    last = newest(simulator)["id"]

    page = browser.get(f"/deliveries/compare?id={last - 1}&id={last}")
    short = browser.get(f"/deliveries/compare?id={last - 1}&id={last}&only=differences")

    assert_is_sound(page)
    assert ["differs /data/dataProductName", '"One"', '"Other"'] in page.rows
    assert ["differs Status", "200", "500"] in page.rows
    kept = ["/type", *[f'"{"marketplace.data_product.access_requests.revoked"}"'] * 2]
    assert kept in page.rows and kept not in short.rows
    assert re.search(r"\d+ differences", page.text)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 200, "Select two rows"),
        ("?id=1", 200, "Two attempts can be compared, and 1 is chosen."),
        ("?id=1&id=2&id=3", 200, "Two attempts can be compared, and 3 are chosen."),
        ("?id=1&id=2", 404, "attempt"),
        ("?id=x&id=y", 404, "attempt"),
    ],
)
def test_what_cannot_be_compared_says_why(browser, query, status, words):
    page = browser.get(f"/deliveries/compare{query}", status=status)

    assert_is_sound(page)
    assert words in page.text


def test_a_delivery_is_held_against_the_last_event_of_its_product(simulator, browser, receiver):
    about = {"data.dataProductId": "6f1c2d3e-0000-4000-8000-000000000001", "data.dataProductName": "Claims"}
    trigger(simulator, "product-published", to=receiver.url, set=about)
    first = newest(simulator)["id"]
    trigger(simulator, "sources-updated", to=receiver.url)
    trigger(simulator, "access-revoked", to=receiver.url, set=about)

    page = browser.get(f"/deliveries/{first + 2}")

    assert simulator.attempt(first + 2)["previousOfProduct"] == first
    assert simulator.attempt(first + 1)["previousOfProduct"] is None
    assert f"members differ from attempt {first}" in page.text
    assert [row[0] for row in page.rows if row[0] == "differs /type"] == ["differs /type"]
    assert "/data/dataProductName" not in [row[0].removeprefix("differs ") for row in page.rows if "differs" in row[0]]


def test_a_delivery_is_held_against_any_other(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)
    trigger(simulator, "sources-updated", to=receiver.url)
    last = newest(simulator)["id"]

    page = browser.get(f"/deliveries/{last}?against={last - 1}")
    wrong = browser.get(f"/deliveries/{last}?against=99999")

    assert f"differ from attempt {last - 1}" in page.text
    assert "99999" in wrong.text and wrong.all("p", role="alert")


# --- one delivery -----------------------------------------------------------------------------------------------------


def test_each_member_says_who_says_so_and_what_is_wrong_with_it(simulator, browser, receiver):
    trigger(simulator, to=receiver.url, set={"data.actionLink": 5}, allow_invalid=True)

    rows = browser.get(f"/deliveries/{newest(simulator)['id']}").rows

    assert ["/type", '"marketplace.data_product.access_requests.revoked"', "documented"] in rows
    assert ["/data/actionLink", "5 must be a string, is the number 5", "assumed"] in rows


def test_the_signature_shows_the_bytes_that_are_signed(make_simulator, receiver):
    simulator = make_simulator(assume={"signing.signed": "timestamp.body"})
    trigger(simulator, to=receiver.url)
    attempt = simulator.attempt(newest(simulator)["id"])
    [stamp] = [value for name, value in attempt["request"]["headers"] if name.lower().endswith("timestamp")]

    page = Browser(simulator).get(f"/deliveries/{attempt['id']}")

    assert attempt["signature"]["before"] == f"{stamp}."
    assert f"{stamp}.{attempt['request']['body']}" in page.text
    assert "HMAC with SHA256" in page.text
    assert SECRET not in page.text


def test_a_body_is_edited_and_sent_to_the_same_webhook_alone(simulator, browser, receiver, make_receiver):
    other = make_receiver()
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    trigger(simulator)
    simulator.add_webhook(other.url)
    first = newest(simulator)
    body = simulator.attempt(first["id"])["request"]["body"].replace(first["dataProductName"], "Claims 2025")

    [link] = browser.get(f"/deliveries/{first['id']}").links("/compose?attempt=")
    form = browser.get(link)
    path = browser.post("/compose", how="send", target="again", attempt=first["id"], body=body)
    assert simulator.settle(10)
    page = browser.get(f"/deliveries/{newest(simulator)['id']}")

    assert_is_sound(form)
    assert first["dataProductName"] in form.text
    assert receiver.captures[-1].body == body.encode()
    assert receiver.captures[-1].signature.ok
    assert other.captures == []
    assert "sent=" in path
    assert "Claims 2025" in page.text


def test_an_edited_body_that_is_wrong_is_shown_with_the_reason_and_kept(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)
    attempt = newest(simulator)["id"]

    edited = {"how": "send", "target": "again", "attempt": attempt, "body": '{"mine": "half'}
    page = browser.post("/compose", status=400, **edited)
    browser.post("/compose", **edited, allow_invalid="on")

    assert '{"mine": "half' in page.text
    assert page.all("div", role="alert")
    assert simulator.settle(10)
    assert receiver.captures[-1].body == b'{"mine": "half'


def test_a_body_of_its_own_and_faults_go_through_the_api_too(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)
    first = newest(simulator)
    body = simulator.attempt(first["id"])["request"]["body"]
    bearer = {"Authorization": "Bearer any"}

    def resend(**asked):
        return browser.client.post(f"/simulator/attempts/{first['id']}/resend", json=asked, headers=bearer)

    edited = resend(body=body.replace(first["dataProductName"], "Claims 2025"), faults=["wrong-key"])
    assert simulator.settle(10)

    assert edited.status_code == 201
    assert newest(simulator)["dataProductName"] == "Claims 2025"
    assert newest(simulator)["faults"] == ["wrong-key"] and newest(simulator)["outcome"] == "rejected"
    for wrong in ({"asIs": True, "body": body}, {"body": body, "bodyBase64": "e30="}, {"faults": ["duplicate"]}):
        assert resend(**wrong).status_code == 400, wrong
    assert resend(body='{"no": "type"}').status_code == 400
    assert len(receiver.captures) == 2


def test_what_hides_in_a_body_can_be_seen_where_it_is_edited(simulator, browser, receiver):
    trigger(simulator, to=receiver.url, set={"data.dataProductName": HOSTILE}, allow_invalid=True)

    answer = browser.client.get(f"/compose?attempt={newest(simulator)['id']}", headers=BROWSER)

    assert "\u202e" not in answer.text and "\\u202e" in answer.text
    assert "<script>alert" not in answer.text


def test_a_resend_suffers_the_fault_that_was_chosen(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)
    first = newest(simulator)["id"]

    path = browser.post(f"/deliveries/{first}/resend", how="newly-signed", fault="wrong-key")
    refused = browser.post(f"/deliveries/{first}/resend", status=409, how="newly-signed", fault="duplicate")

    assert newest(simulator)["faults"] == ["wrong-key"]
    assert path == f"/deliveries/{newest(simulator)['id']}"
    assert "shapes what is planned" in refused.text


def test_a_long_body_is_shown_in_part_then_whole_and_as_a_file(simulator, browser, receiver):
    body = json.dumps({"type": "some.other.type", "timestamp": "2026-01-01T00:00:00Z", "data": {"x": "y" * 80_000}})
    simulator.trigger(TriggerSpec(body=body.encode(), to=receiver.url, allow_invalid=True, signing_key=SECRET))
    assert simulator.settle(10)
    attempt = newest(simulator)["id"]

    page = browser.get(f"/deliveries/{attempt}")
    whole, signed = page.links(f"/deliveries/{attempt}?whole=request")
    file = browser.client.get(f"/deliveries/{attempt}/body/request")

    assert body not in page.text and "more are in the record" in page.text
    assert signed.endswith("#signature") and "more are signed, too" in page.text
    assert body in browser.get(whole).text
    assert file.data == body.encode()
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert browser.client.get(f"/deliveries/{attempt}/body/other").status_code == 404


def test_the_code_of_an_attempt_runs(simulator, browser, receiver):
    name = 'Claims "2025" \\ \U0001f600\u2028\x7f'
    trigger(simulator, to=receiver.url, set={"data.dataProductName": name}, allow_invalid=True)
    page = browser.get(f"/deliveries/{newest(simulator)['id']}")
    code = page.text[page.text.index("import requests") : page.text.index("A step of a scenario")]
    assert "def test_access_requests_revoked_is_accepted():" in code
    from emitter.web.snippets import step_of, test_of

    attempt = simulator.attempt(newest(simulator)["id"])
    found: dict = {}
    exec(test_of(attempt), found)
    found["test_access_requests_revoked_is_accepted"]()
    [step] = yaml.safe_load(step_of(attempt, "access-revoked"))

    assert receiver.captures[-1].body == receiver.captures[0].body
    assert receiver.captures[-1].signature.ok
    assert step["trigger"] == "access-revoked"
    assert step["set"]["data.dataProductName"] == name
    story = "name: again\nsteps:\n" + "".join(f"  {line}\n" for line in step_of(attempt, "access-revoked").splitlines())
    assert simulator.check_scenario(story)["ok"], simulator.check_scenario(story)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("[" * 900 + "]" * 900, "nested deeper than 64 levels"),
        ('{"a": 1, "a": 2}', 'names the member "a" twice'),
        ("", "the body is empty"),
    ],
)
def test_a_body_that_parsers_read_differently_is_invalid_in_the_list_and_on_its_page(
    simulator, browser, receiver, body, why
):
    simulator.trigger(TriggerSpec(body=body.encode(), to=receiver.url, allow_invalid=True))
    assert simulator.settle(10)
    attempt = newest(simulator)

    page = browser.get(f"/deliveries/{attempt['id']}")

    assert_is_sound(page)
    assert attempt["verdict"] == "invalid"
    assert why in page.text
    assert_is_sound(browser.get(f"/compose?attempt={attempt['id']}"))


@pytest.mark.parametrize("form", ["jsonl", "har", "csv", "curl"])
def test_one_attempt_and_what_matches_are_exported(simulator, browser, receiver, form):
    trigger(simulator, to=receiver.url)
    trigger(simulator, "sources-updated", to=receiver.url)
    last = newest(simulator)["id"]

    one = browser.client.get(f"/deliveries/{last}/export?format={form}")
    matching = browser.client.get(f"/deliveries/export?format={form}&type=access_requests.*")

    for answer in (one, matching):
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert b"data_sources.updated" in one.data and b"access_requests.revoked" not in one.data
    assert b"access_requests.revoked" in matching.data and b"data_sources.updated" not in matching.data


def test_a_form_that_is_not_known_is_refused(simulator, browser, receiver):
    trigger(simulator, to=receiver.url)

    assert browser.client.get("/deliveries/export?format=xml").status_code == 400
    assert browser.client.get(f"/deliveries/{newest(simulator)['id']}/export").status_code == 400


def test_a_spreadsheet_takes_nothing_for_a_formula(simulator, receiver):
    trigger(simulator, to=receiver.url, set={"data.dataProductName": '=HYPERLINK("http://x","y")'}, allow_invalid=True)

    text = b"".join(simulator.export(AttemptQuery(), "csv")).decode()

    [row] = csv.DictReader(io.StringIO(text))
    assert row["dataProductName"] == '\'=HYPERLINK("http://x","y")'
    assert row["outcome"] == "accepted" and row["status"] == "200"


def test_an_attempt_of_a_run_names_the_line_of_its_scenario(simulator, browser, receiver):
    story = "name: short\nsteps:\n  - trigger: access-revoked\n"
    told = simulator.start_run(yaml=story, to=receiver.url, wait=10)
    assert told["report"] is not None, told
    [mark] = told["report"]["marks"]

    row = next(row for row in browser.get("/").rows[1:])
    page = browser.get(f"/deliveries/{newest(simulator)['id']}")

    assert mark["line"] > 0
    assert row[9] == f"short:{mark['line']}"
    assert f"Scenario short:{mark['line']}" in page.text


def test_an_open_delivery_that_waits_asks_for_its_next_try_alone(make_simulator, make_receiver):
    simulator = make_simulator(assume={"delivery.retry": "1h"})
    trigger(simulator, to=make_receiver("503").url)
    attempt = newest(simulator)

    page = Browser(simulator).get(f"/deliveries/{attempt['id']}")

    [place] = [own for own in page.all("p") if "data-poll" in own]
    asked = dict(parse_qsl(urlsplit(place["data-poll"]).query))
    assert asked == {"delivery": attempt["deliveryId"], "after": str(attempt["id"])}
    assert "Next try in 59 min" in page.text


def test_nothing_that_is_stored_or_answered_is_markup(simulator, browser, running):
    hostile = HOSTILE.encode()
    receiver = running(
        Answering(b"HTTP/1.1 500 <b>No</b>\r\nX-<i>: <script>\r\nContent-Length: %d\r\n\r\n" % len(hostile) + hostile)
    )
    for _ in range(2):
        trigger(simulator, to=receiver.url, set={"data.dataProductName": HOSTILE}, allow_invalid=True, run="<i>&\"'")
    last = newest(simulator)["id"]

    for path in (
        "/", f"/deliveries/{last}", f"/deliveries/{last}?against={last - 1}", f"/compose?attempt={last}",
        f"/deliveries/compare?id={last - 1}&id={last}", "/deliveries/resend?all=yes&text=<script>alert(1)</script>",
        f"/deliveries/resend?id={last}",
    ):  # fmt: skip
        page = browser.get(path)
        assert_is_sound(page)
        assert not page.all("i") and not page.all("img")
        assert all(own["src"].startswith("/static/") for own in page.all("script"))


def test_the_keys_have_a_page(browser):
    page = browser.get("/keys")

    assert_is_sound(page)
    assert "to the first filter" in page.text
