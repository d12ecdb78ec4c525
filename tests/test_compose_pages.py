"""The composer, the check by pasting, coverage and the day of a webhook, asked for as a browser does."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from emitter.web.placing import placed
from tests.conftest import SECRET
from tests.test_pages import HOSTILE, REVOKED, Browser, assert_is_sound


@pytest.fixture
def browser(simulator):
    return Browser(simulator)


def attempts(simulator):
    assert simulator.settle(10)
    return simulator.attempts(AttemptQuery())["attempts"]


def sent(receiver):
    """The bodies that a receiver got, parsed."""
    return [orjson.loads(each.body) for each in receiver.captures]


# --- the composer -----------------------------------------------------------------------------------------------------


def test_every_type_has_a_form_made_from_its_schema(simulator, browser):
    assert_is_sound(browser.get("/compose"))
    for kind in simulator.catalog:
        page = browser.get(f"/compose?type={kind.alias or kind.name}")
        assert_is_sound(page)
        offered = {own["name"][2:] for own in page.all("input") if own.get("name", "").startswith("s-")}
        assert offered == {*kind.core, *kind.extended}


def test_a_preview_shows_the_very_body_with_its_signature_and_sends_nothing(simulator, browser, receiver):
    simulator.add_webhook(receiver.url, signing_key=SECRET)

    page = browser.post(
        "/compose", status=200, how="preview", type="access-revoked", seed="7", **{"s-dataProductName": "US East"}
    )

    assert_is_sound(page)
    assert '"dataProductName": "US East"' in page.text
    [these] = [own["value"] for own in page.all("input", name="these")]
    body = base64.b64decode(these)
    rows = {row[0].lower(): row[1] for row in page.rows if len(row) == 2}
    assert rows["content-length"] == str(len(body))
    assert receiver.captures == [] and attempts(simulator) == []


def test_what_was_previewed_is_sent_to_the_byte_with_the_signature_that_was_shown(simulator, browser, receiver):
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    form = {"type": "access-revoked", "seed": "7", "s-dataProductName": "US East"}
    page = browser.post("/compose", status=200, how="preview", **form)
    [these] = [own["value"] for own in page.all("input", name="these")]
    shown = {row[0]: row[1] for row in page.rows if len(row) == 2}

    back = browser.post("/compose", how="send-these", these=these, **form)

    attempts(simulator)
    [capture] = receiver.captures
    assert capture.body == base64.b64decode(these)
    signed = {name: value for name, value in capture.headers if "signature" in name.lower()}
    assert signed and signed.items() <= shown.items()
    told = browser.get(back)
    assert_is_sound(told)
    assert "1 delivery" in told.text and "accepted 200" in told.text
    assert told.all("input", name="s-dataProductName")[0]["value"] == "US East"


def test_members_are_set_left_out_and_added(simulator, browser, receiver):
    simulator.add_webhook(receiver.url)

    browser.post(
        "/compose", how="send", type="access-revoked", more="data.extra.list.0=5\n-data.dataProductId", count="2",
        run="by-hand", allow_invalid="on", **{"s-dataProductName": '"42"', "u-actionLink": "on"},
    )  # fmt: skip

    assert len(attempts(simulator)) == 2
    for body in sent(receiver):
        assert body["data"]["dataProductName"] == "42"
        assert body["data"].keys() == {"dataProductName", "extra"}
    assert {each["run"] for each in attempts(simulator)} == {"by-hand"}


def test_what_the_schema_forbids_is_shown_at_its_place_and_refused_until_it_is_meant(simulator, browser, receiver):
    simulator.add_webhook(receiver.url)
    form = {"type": "access-revoked", "s-dataProductName": "5"}

    preview = browser.post("/compose", status=200, how="preview", **form)
    refused = browser.post("/compose", status=400, how="send", **form)

    assert_is_sound(preview)
    assert "sending refuses it" in preview.text
    assert preview.all("span", class_="finding warning") or preview.all("span", class_="finding violation")
    assert_is_sound(refused)
    assert refused.all("div", role="alert")
    assert receiver.captures == []
    browser.post("/compose", how="send", allow_invalid="on", **form)
    attempts(simulator)
    assert sent(receiver)[0]["data"]["dataProductName"] == 5


def test_it_goes_to_the_webhooks_that_are_ticked(simulator, browser, make_receiver):
    one, other = make_receiver(), make_receiver()
    chosen = simulator.add_webhook(one.url)
    simulator.add_webhook(other.url)

    back = browser.post("/compose", how="send", type="access-revoked", target="some", webhook=chosen.id)

    attempts(simulator)
    assert (len(one.captures), len(other.captures)) == (1, 0)
    assert [own["value"] for own in browser.get(back).all("input", name="webhook") if "checked" in own] == [chosen.id]


def test_it_goes_to_a_url_signed_and_the_key_is_never_shown(simulator, browser, receiver):
    form = {"type": "access-revoked", "target": "url", "to": receiver.url, "signing_key": SECRET}

    preview = browser.client.post(
        "/compose",
        data={"csrf": browser.get("/webhooks").csrf, "how": "preview", **form},
        headers={"Accept": "text/html"},
    )
    back = browser.post("/compose", how="send", **form)

    assert SECRET not in preview.text and SECRET not in back
    assert len(simulator.webhooks(unlisted=True)) == 1  # of what was sent: a preview keeps nothing
    assert [each["outcome"] for each in attempts(simulator)] == ["accepted"]


def test_a_fault_goes_with_it(simulator, browser, receiver):
    browser.post(
        "/compose", how="send", type="access-revoked", target="url", to=receiver.url, signing_key=SECRET,
        faults="wrong-signature",
    )  # fmt: skip

    [attempt] = attempts(simulator)
    assert attempt["faults"] == ["wrong-signature"]


def test_an_attempt_is_edited_and_sent_where_it_went(simulator, browser, receiver):
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
    [attempt] = attempts(simulator)

    page = browser.get(f"/compose?attempt={attempt['id']}")
    body = receiver.captures[0].body.decode().replace('"data"', ' "data"')
    browser.post("/compose", how="send", attempt=str(attempt["id"]), body=body, target="again")

    assert_is_sound(page)
    attempts(simulator)
    assert receiver.captures[1].body == body.encode()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"seed": "x"}, "seed"),
        ({"count": "0"}, "count"),
        ({"profile": "all"}, "profile"),
        ({"more": "nothing"}, "more"),
        ({"target": "url"}, "to"),
        ({"target": "url", "to": "gopher://x/"}, "to"),
        ({"target": "some"}, None),
        ({"faults": "dely"}, None),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(browser, fields, wrong):
    page = browser.post("/compose", status=400, how="send", type="access-revoked", **fields)

    assert_is_sound(page)
    assert page.all("div", role="alert")
    assert [own["name"] for _, own in page.elements if "aria-invalid" in own] == ([wrong] if wrong else [])


@pytest.mark.parametrize(
    ("path", "status"),
    [("/compose?type=nothing", 404), ("/compose?attempt=1", 404), ("/compose?attempt=x", 404),
     ("/compose?type=access-revoked&target=moon", 400)],
)  # fmt: skip
def test_an_address_that_leads_nowhere_is_a_page_too(browser, path, status):
    assert_is_sound(browser.get(path, status=status))


def test_a_hostile_body_is_shown_as_text(browser):
    body = orjson.dumps({"type": REVOKED, "timestamp": HOSTILE, "data": {HOSTILE: [HOSTILE]}}).decode()

    for path in ("/compose", "/contract/check"):
        page = browser.post(path, status=200, how="preview", body=body, allow_invalid="on")
        assert_is_sound(page)
        assert "alert(1)" in page.text
        assert page.text.count("\u202e") == body.count("\u202e")  # in the field, where it was typed


def test_an_address_that_comes_back_holds_neither_body_nor_key(simulator, browser, receiver):
    body = orjson.dumps({"type": "x.y", "timestamp": "2026-01-01T00:00:00Z", "data": {}}).decode()

    back = browser.post(
        "/compose", how="send", body=body, allow_invalid="on", target="url", to=receiver.url, signing_key=SECRET
    )

    assert parse_qs(urlsplit(back).query).keys() <= {"target", "to", "allow_invalid", "sent"}


# --- the contract -----------------------------------------------------------------------------------------------------


def test_a_body_that_is_pasted_is_judged_with_each_finding_at_its_line(simulator, browser):
    event = simulator.preview(TriggerSpec(type="access-revoked", set={"type": 5}, allow_invalid=True))[0]["body"]

    empty = browser.get("/contract/check")
    page = browser.post("/contract/check", status=200, body=event)

    assert_is_sound(empty)
    assert_is_sound(page)
    assert page.all("li", class_="said")
    assert "violation" in page.text


@pytest.mark.parametrize("body", ["", "no json", "[" * 5000, '{"a":1,"a":2}', "\ud800", "5"])
def test_anything_can_be_pasted(browser, body):
    assert_is_sound(browser.post("/contract/check", status=200, body=body.encode("utf-8", "replace").decode()))


def test_findings_stand_at_their_place_or_at_what_they_are_missing_from():
    laid = placed(
        '{"a":{"b/c":[1,{"d":2}]},"e":"x"}',
        [{"pointer": "/a/b~1c/1/d"}, {"pointer": "/a/missing"}, {"pointer": ""}, {"pointer": "/e"}],
    )

    assert {line.text.strip(): len(line.findings) for line in laid.lines if line.findings} == {
        '"d": 2': 1, '"a": {': 1, '"e": "x"': 1
    }  # fmt: skip
    assert len(laid.whole) == 1


def test_coverage_says_what_was_seen_and_what_not(simulator, browser, receiver):
    assert_is_sound(browser.get("/contract/coverage"))
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
    attempts(simulator)

    page = browser.get("/contract/coverage?extended=on")

    assert_is_sound(page)
    assert ["access_requests.revoked", "seen 1"] in page.rows
    assert ["access_requests.expired", "not yet"] in page.rows


# --- the day of a webhook ---------------------------------------------------------------------------------------------


def test_a_webhook_says_how_its_day_went(simulator, browser, make_receiver):
    webhook = simulator.add_webhook(make_receiver("200,500").url)
    simulator.trigger(TriggerSpec(type="access-revoked", count=4))
    attempts(simulator)
    day = simulator.webhook_day(webhook.id)

    assert (day["completed"], sum(each["completed"] for each in day["hours"])) == (4, 4)
    rate = f"{100 * day['accepted'] / 4:.0f} %" if day["accepted"] in (0, 4) else f"{100 * day['accepted'] / 4:.1f} %"
    assert rate in browser.get("/webhooks").text
    page = browser.get(f"/webhooks/{webhook.id}")
    assert_is_sound(page)
    assert f"{rate} accepted of 4" in page.text
    assert page.all("svg", class_="spark large")
