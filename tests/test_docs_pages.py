"""What docs/pages.md says of the history view is so: its filters, its keys, its pages, its pictures."""

from __future__ import annotations

import re
from pathlib import Path

from emitter.query import AttemptQuery
from emitter.web import create_app
from emitter.web.frame import RAIL
from tests.support_cli import command_line
from tests.support_pages import Page
from tests.test_pages import BROWSER

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TEXT = (DOCS / "pages.md").read_text(encoding="utf-8")
LARGEST, LARGEST_OF_ALL = 150_000, 1_000_000  # bytes


def rows(title):
    """The cells of the table under a heading."""
    part = TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:2] == "| "][1:]


def test_every_filter_is_one_and_every_filter_of_the_page_is_told(simulator):
    told = [name for row in rows("Filters") for name in re.findall("`([a-z]+)`", row[0])]
    form = Page(create_app(simulator).test_client().get("/", headers=BROWSER).text)
    fields = {own["name"] for tag in ("input", "select") for own in form.all(tag) if own.get("id", "").startswith("f-")}

    assert fields <= set(told)
    for example in ("type=access_requests.*", "outcome=interrupted", "status=401,5xx,none", "fault=any",
                    "verdict=unknown", "since=90s", "until=2030-01-31T09:00:00Z", "text=US East"):  # fmt: skip
        name, _, value = example.partition("=")
        assert name in told
        assert AttemptQuery.parse([(name, value)]).filtered


def test_the_keys_are_those_that_the_page_of_keys_tells(simulator):
    page = create_app(simulator).test_client().get("/keys", headers=BROWSER).text

    told = {key for row in rows("Keys") for key in re.findall("`(.)`", row[0])} | {"Enter", "Esc"}
    assert told == set(re.findall("<kbd>([^<]+)</kbd>", page.partition('id="keys"')[2]))


def test_the_pages_are_those_of_the_rail():
    assert [row[0] for row in rows("Where what is") if row[0] != "One delivery"] == [name for name, _, _ in RAIL]


def test_the_command_that_filters_alike_is_run(tmp_path, monkeypatch):
    emitter = command_line(tmp_path, monkeypatch)
    [command] = re.findall(r"`emitter (deliveries list [^`]+)`", TEXT)

    assert emitter(*command.replace("'", "").split()).exit_code == 0


def test_the_pictures_are_there_small_and_all_shown():
    shown = set(re.findall(r"!\[[^]]+\]\(images/([\w-]+\.png)\)", TEXT))
    there = {each.name: each.stat().st_size for each in (DOCS / "images").iterdir()}

    assert shown == set(there)
    assert max(there.values()) < LARGEST
    assert sum(there.values()) < LARGEST_OF_ALL
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all((ROOT / each).is_file() for each in re.findall(r"!\[[^]]+\]\(([^)]+)\)", readme))
