"""The pages of the world, the clock, the scenarios and their runs, asked for as a browser does."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest

from emitter.clock import nanoseconds
from emitter.web import run_pages
from tests.test_pages import BROWSER, HOSTILE, Browser, assert_is_sound

START = nanoseconds(datetime(2030, 1, 31, 9, tzinfo=UTC))
STORY = """\
steps:
  - act: publish
    name: Claims 2025
    as: claims
  - act: request
    product: claims
  - advance: 1h
"""
LONG = """\
steps:
  - act: publish
    name: Claims 2025
  - repeat: 1000
    steps:
      - advance: 1h
"""


@pytest.fixture
def simulator(make_simulator):
    """A simulator on a virtual clock."""
    return make_simulator(start=START, seed=7)


@pytest.fixture
def browser(simulator):
    return Browser(simulator)


def published(simulator, name="Claims 2025", **more):
    return simulator.act("publish", name=name, **more)["entity"]


def asked(simulator, product):
    return simulator.act("request", product=product["id"])["entity"]


# --- the lists --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "/access-requests", "/users", "/domains", "/data-sources"])
def test_every_list_is_sound_empty_and_full(simulator, browser, kind):
    assert_is_sound(browser.get(f"/world{kind}"))

    asked(simulator, published(simulator))

    page = browser.get(f"/world{kind}")
    assert_is_sound(page)
    assert page.rows[1:]


def test_an_empty_world_says_the_command_to_type(browser):
    page = browser.get("/world")

    assert "emitter world publish --name 'Claims 2025'" in page.text
    assert "/world/new/publish" in page.links("/world/")


def test_a_row_says_what_there_is_of_a_product(simulator, browser):
    product = published(simulator)
    asked(simulator, product)

    [row] = browser.get("/world").rows[1:]

    assert row[:5] == ["Claims 2025", "active", "1", "0", "1"]


def test_filters_choose_and_say_what_fits_none(simulator, browser):
    product, _ = published(simulator), published(simulator, "Orders")
    asked(simulator, product)

    assert [row[0] for row in browser.get("/world?text=CLAIMS").rows[1:]] == ["Claims 2025"]
    assert len(browser.get(f"/world/access-requests?product={product['id']}&status=PENDING").rows[1:]) == 1
    assert "No access requests fit status:DENIED" in browser.get("/world/access-requests?status=DENIED").text


@pytest.mark.parametrize("query", ["status=SLEEPING", "product=Nowhere", "user=Nobody"])
def test_a_filter_that_cannot_be_says_so(browser, query):
    page = browser.get(f"/world/access-requests?{query}", status=400)

    assert_is_sound(page)
    assert page.all("p", role="alert")


def test_a_long_list_has_pages(simulator, browser):
    for number in range(53):
        published(simulator, f"Product {number}")

    first = browser.get("/world?text=product")
    [older] = [own["href"] for own in first.all("a", rel="next")]
    second = browser.get(older)

    assert first.rows[1][0] == "Product 52"
    assert [row[0] for row in second.rows[1:]] == ["Product 2", "Product 1", "Product 0"]
    assert [own["href"] for own in second.all("a", rel="prev")] == ["/world/data-products?text=product"]


# --- one thing --------------------------------------------------------------------------------------------------------


def test_a_product_shows_its_life_with_a_lane_for_each_request(simulator, browser, receiver):
    simulator.add_webhook(receiver.url)
    product = published(simulator)
    request = asked(simulator, product)
    simulator.act("approve", request=request["id"], faults=["wrong-signature"])
    assert simulator.settle(10)

    page = browser.get(f"/world/data-products/{product['id']}")

    assert_is_sound(page)
    lanes = [own["class"] for own in page.all("li") if own.get("class") in ("product", "request")]
    assert lanes == ["product", "request"]
    assert [row[0] for row in page.rows if len(row) == 4][1:] == [
        "marketplace.data_product.access_requests.consumer.updated",
        "marketplace.data_product.access_requests.created",
        "marketplace.data_product.state.created",
    ]
    newest = simulator.world_events("request", request["id"])["events"][0]["deliveries"][0]["attempts"][0]["id"]
    assert f"/deliveries/{newest}" in page.links("/deliveries/")
    assert any(own.get("href") == "#t-flag" for own in page.all("use"))


def test_only_what_is_legal_has_a_button_and_says_what_follows(simulator, browser):
    request = asked(simulator, published(simulator))
    path = f"/world/access-requests/{request['id']}"

    page = browser.get(path)

    assert [own["value"] for own in page.all("input", name="action")] == ["approve", "deny", "cancel"]
    assert "Approve then follows access_requests.consumer.updated" in page.text.replace("→ ", "")
    simulator.act("cancel", request=request["id"])
    over = browser.get(path)
    assert not over.all("input", name="action")
    assert "Nothing: it is canceled." in over.text


def test_a_button_does_what_it_says_and_leads_back(simulator, browser):
    request = asked(simulator, published(simulator))
    path = f"/world/access-requests/{request['id']}"

    back = browser.post(path, action="approve", **{"p-duration": "30d"})

    assert urlsplit(back).path == path
    page = browser.get(back)
    assert "Done: approve. 1 event followed." in page.text
    assert "2030-03-02" in page.text  # thirty days on
    assert simulator.world_entity("request", request["id"])["entity"]["status"] == "APPROVED"


def test_asking_on_a_products_page_names_the_request_that_was_made(simulator, browser):
    product = published(simulator)

    page = browser.get(browser.post(f"/world/data-products/{product['id']}", action="request"))

    [made] = simulator.world_entities("requests")
    assert f"The request of {made['user']['name']} is pending." in page.text
    assert f"/world/access-requests/{made['id']}" in page.links("/world/")


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"action": "approve", "p-duration": "soon"}, 400, "soon"),
        ({"action": "approve", "faults": "dely"}, 400, "delay"),
        ({"action": "suspend"}, 404, "none for a request"),
        ({"action": "aprove"}, 404, "approve"),
        ({"action": "revoke"}, 409, "revoke"),
        ({}, 404, "Not found"),
    ],
)
def test_what_cannot_be_done_says_why_where_it_was_asked(simulator, browser, fields, status, words):
    request = asked(simulator, published(simulator))

    page = browser.post(f"/world/access-requests/{request['id']}", status=status, **fields)

    assert_is_sound(page)
    assert words in page.text
    assert simulator.world_entity("request", request["id"])["entity"]["status"] == "PENDING"


def test_what_was_typed_is_kept_where_it_was_refused(simulator, browser):
    request = asked(simulator, published(simulator))

    page = browser.post(
        f"/world/access-requests/{request['id']}", status=400, action="approve", **{"p-duration": "soon"}
    )

    assert page.all("input", name="p-duration")[0]["value"] == "soon"


def test_something_new_comes_by_a_form(simulator, browser):
    form = browser.get("/world/new/publish")
    there = browser.post("/world/new/publish", **{"p-name": "Orders/2025", "p-stewards": "GOVERNANCE\n"})

    assert_is_sound(form)
    assert "Done: publish. 1 event followed." in browser.get(there).text
    assert simulator.world_entity("data product", "Orders/2025")["entity"]["name"] == "Orders/2025"
    refused = browser.post("/world/new/publish", status=400, **{"p-name": "Orders/2025"})
    assert_is_sound(refused)
    assert refused.all("input", name="p-name")[0]["value"] == "Orders/2025"


def test_a_person_comes_with_attributes_a_line_each(simulator, browser):
    there = browser.post("/world/new/add_user", **{"p-name": "Ann Lee", "p-attributes": "team=risk\nteam=fraud"})

    page = browser.get(there)
    assert "Ann Lee" in page.text
    assert "risk, fraud" in page.text


@pytest.mark.parametrize("path", ["/world/new/approve", "/world/new/nothing", "/world/things", "/world/users/none"])
def test_what_is_not_there_is_not_found(browser, path):
    assert_is_sound(browser.get(path, status=404))


def test_a_hostile_name_is_shown_as_text(simulator, browser):
    user = simulator.act("add_user", name="<script>alert(1)</script>")["entity"]
    product = published(simulator, description=HOSTILE.replace("\x1b", "").replace("\x00", ""))
    simulator.act("request", product=product["id"], user=user["globalUserId"])

    for path in ("/world/users", "/world/access-requests", f"/world/data-products/{product['id']}"):
        page = browser.get(path)
        assert_is_sound(page)
        assert "<script>alert(1)</script>" in page.text
        assert "\u202e" not in page.text


def test_a_life_has_pages(simulator, browser, monkeypatch):
    monkeypatch.setattr("emitter.web.entity_pages.PAGE", 2)
    product = published(simulator)
    for _ in range(3):
        asked(simulator, product)
    path = f"/world/data-products/{product['id']}"

    [older] = [own["href"] for own in browser.get(path).all("a", rel="next")]
    page = browser.get(older)

    assert_is_sound(page)
    assert [row[0] for row in page.rows if len(row) == 4][1:] == [
        "marketplace.data_product.access_requests.created", "marketplace.data_product.state.created"
    ]  # fmt: skip
    assert path in page.links("/world/")


def test_what_a_store_forgets_is_forgotten_in_lives_too(simulator, receiver):
    simulator.add_webhook(receiver.url)
    product = published(simulator)
    asked(simulator, product)
    assert simulator.settle(10)

    simulator.store.trim(most=1)

    assert len(simulator.world_events("data product", product["id"])["events"]) == 1
    simulator.reset()
    with simulator.store.reader.connection() as connection:
        assert connection.execute("SELECT count(*) FROM subjects").fetchone() == (0,)


# --- the clock --------------------------------------------------------------------------------------------------------


def test_time_is_moved_from_any_page_and_leads_back_to_it(simulator, browser):
    asked(simulator, published(simulator))

    back = browser.post("/clock", move="go", by="2h", back="/deliveries/since?after=3")

    assert back == "/deliveries/since?after=3"
    assert simulator.clock_state()["now"].startswith("2030-01-31T11:00:00")
    assert "virtual, 2030-01-31 11:00:00" in browser.get("/world").text
    due = simulator.clock_state()["nextDue"]
    browser.post("/clock", move="next", back="/")
    assert simulator.clock_state()["now"] == due


@pytest.mark.parametrize("back", ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"])
def test_moving_time_leads_nobody_elsewhere(browser, back):
    assert browser.post("/clock", move="go", by="1s", back=back) == "/"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"move": "go"}, 400),
        ({"move": "go", "by": "1d", "to": "2031-01-01T00:00:00Z"}, 400),
        ({"move": "go", "by": "soon"}, 400),
        ({"move": "go", "to": "2001-01-01T00:00:00Z"}, 400),
        ({"move": "go", "by": "99999d"}, 400),
        ({"move": "next"}, 409),
        ({"move": "back"}, 400),
    ],
)
def test_time_that_cannot_be_moved_so_says_why(browser, fields, status):
    assert_is_sound(browser.post("/clock", status=status, **fields))


def test_the_machines_clock_has_no_form(make_simulator):
    browser = Browser(make_simulator())

    assert not browser.get("/").all("form", action="/clock")
    assert browser.post("/clock", status=409, move="go", by="1h")


# --- scenarios and runs -----------------------------------------------------------------------------------------------


def play(browser, **fields):
    """Play the story, and return the address of its run."""
    return browser.post("/scenarios/your-own", how="play", yaml=STORY, **fields)


def test_the_library_is_listed_and_each_has_a_page(simulator, browser):
    page = browser.get("/scenarios")

    assert_is_sound(page)
    assert [row[0] for row in page.rows[1:]] == [each["name"] for each in simulator.scenarios()]
    one = browser.get("/scenarios/a-busy-day")
    assert_is_sound(one)
    assert one.all("input", name="v-each")[0]["placeholder"] == "100"


def test_a_scenario_is_played_and_its_run_is_its_report(simulator, browser):
    there = browser.post("/scenarios/approved-twice", seed="5", run="mine", **{"speed": "0"})
    simulator.run("mine", wait=20)
    page = browser.get(there)

    assert there == "/runs/mine"
    assert_is_sound(page)
    assert "Timeline" in page.text and "Steps" in page.text and "Tally" in page.text
    assert page.links("/scenarios/approved-twice")
    assert simulator.run("mine")["seed"] == 5
    [row] = [row for row in browser.get("/scenarios").rows if row[0] == "approved-twice"]
    assert row[3].split()[0] == "failed"  # without a webhook nothing is delivered


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({"seed": "x"}, "seed"), ({"speed": "fast"}, "speed"), ({"to": "ftp://x/"}, "to"), ({"run": "a/b"}, "run")],
)
def test_a_play_that_cannot_be_is_refused_at_its_field(browser, fields, wrong):
    page = browser.post("/scenarios/approved-twice", status=400, **fields)

    assert_is_sound(page)
    assert page.all("p", role="alert")
    assert [own["name"] for _, own in page.elements if "aria-invalid" in own] == [wrong]


def test_a_text_of_ones_own_is_checked_with_its_lines(browser):
    wrong = browser.post("/scenarios/your-own", status=200, how="check", yaml="steps:\n  - act: publsh\n")
    right = browser.post("/scenarios/your-own", status=200, how="check", yaml=STORY)

    assert_is_sound(wrong)
    assert "line 2:" in wrong.text
    assert "It can be played." in right.text


def test_the_text_that_is_offered_can_be_played(simulator, browser):
    text = browser.client.get("/scenarios/your-own", headers=BROWSER).text
    yaml = text.partition('spellcheck="false">\n')[2].partition("</textarea>")[0]

    there = browser.post("/scenarios/your-own", how="play", yaml=yaml, run="offered")

    assert there == "/runs/offered"
    assert simulator.run("offered", wait=20)["state"] == "passed"


def test_a_run_that_is_played_tells_its_progress_and_can_be_cancelled(simulator, browser):
    there = browser.post("/scenarios/your-own", how="play", yaml=LONG, speed="3600", run="long")

    page = browser.get(there)
    progress = browser.client.get(f"{there}/progress", headers=BROWSER)

    assert_is_sound(page)
    assert page.all("div", data_progress="/runs/long/progress")
    assert progress.json["state"] == "playing"
    busy = browser.post("/scenarios/approved-twice", status=409)
    assert "long is being played" in busy.text
    assert browser.post(f"{there}/cancel").startswith(there)
    ended = simulator.run("long", wait=20)["state"]
    assert ended != "playing"
    over = browser.client.get(f"{there}/progress", headers=BROWSER)
    tag = {"If-None-Match": over.headers["ETag"]}
    assert browser.client.get(f"{there}/progress", headers=tag).status_code == 304


def test_a_report_is_there_as_a_file_in_every_form(simulator, browser):
    there = play(browser, run="mine")
    simulator.run("mine", wait=20)

    for form, kind in (("json", "application/json"), ("text", "text/plain"), ("junit", "application/xml"),
                       ("html", "text/html")):  # fmt: skip
        answer = browser.client.get(f"{there}/report/{form}", headers=BROWSER)
        assert (answer.status_code, answer.mimetype) == (200, kind)
        assert answer.headers["Content-Disposition"].startswith("attachment")
    assert_is_sound(browser.get(f"{there}/report/pdf", status=404))


def test_two_runs_are_compared(simulator, browser):
    for run, seed in (("one", "1"), ("two", "1"), ("three", "2")):
        browser.post(
            "/scenarios/your-own", how="play", yaml=STORY.replace("Claims 2025", f"Claims {run}"), run=run, seed=seed
        )
        assert simulator.run(run, wait=20)["state"] == "passed"

    listed = browser.get("/runs")
    page = browser.get("/runs-compared?run=one&other=three")

    assert_is_sound(listed)
    assert [row[0] for row in listed.rows[1:]] == ["three", "two", "one"]
    assert_is_sound(page)
    assert "seed: 1, then 2" in page.text
    assert "They went the same way" in browser.get("/runs-compared?run=one&other=one").text
    assert_is_sound(browser.get("/runs-compared?run=one", status=400))


def test_a_run_of_a_hostile_name_is_shown_as_text(simulator, browser):
    name = "<img src=x onerror=alert(1)>"
    there = browser.post("/scenarios/your-own", how="play", yaml=STORY, run=name)
    simulator.run(name, wait=20)

    assert there == f"/runs/{quote(name, safe='=()')}"
    page = browser.get(there)
    assert_is_sound(page)
    assert name in page.text


def test_no_run_says_what_to_type(browser):
    page = browser.get("/runs")

    assert_is_sound(page)
    assert "emitter run a-busy-day" in page.text


def test_of_many_runs_a_page_reads_its_own(simulator, browser, monkeypatch):
    monkeypatch.setattr(run_pages, "PAGE", 2)
    for place in range(3):
        simulator.start_run(yaml=STORY.replace("2025", str(place)), run=f"run-{place}", wait=20)

    first, second = browser.get("/runs"), browser.get("/runs?offset=2")

    assert "3 runs" in first.text
    assert [row[0] for row in first.rows[1:]] == ["run-2", "run-1"]
    assert [row[0] for row in second.rows[1:]] == ["run-0"]
    assert [each["run"] for each in simulator.registry.named(["run-0", "run-2", "none"])] == ["run-2", "run-0"]
