"""The demo: it finds out what it says."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import requests

from emitter.cli.demo import _listed, _received, _Rows
from emitter.receiver import Receiver
from tests.support_cli import PATIENCE, answering, finished, line_with, process

MODULE = "emitter.cli.demo"


def test_it_ends_with_0_when_all_was_so(tmp_path: Path) -> None:
    code, out, err = finished("--no-stay", cwd=tmp_path, module=MODULE, env={"EMITTER_STORE": "elsewhere"})

    assert (code, err) == (0, "")
    assert (out.count("-->"), out.count("<-- [200]"), out.count("\nok ")) == (12, 12, 6)
    assert "12 distinct types arrived, each once" in out
    assert "12 rows are on the history page" in out
    assert list(tmp_path.iterdir()) == []


def test_it_serves_the_history_page_until_ctrl_c(tmp_path: Path) -> None:
    with process(cwd=tmp_path, module=MODULE) as running:
        address = line_with("The history page:", running.stdout).split()[-1]
        page = requests.get(address, timeout=PATIENCE)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=PATIENCE)

    assert page.status_code == 200 and page.text.count('href="/deliveries/') >= 12
    assert (running.returncode, err) == (0, "Stopped.\n")


def test_it_does_not_say_what_is_not_so(receiver: Receiver) -> None:
    requests.post(receiver.url, data=b'{"type":"x"}', timeout=PATIENCE)

    findings = _received(receiver, ["x", "y"])

    assert [each.ok for each in findings] == [False, False, False]
    assert "missing: y" in findings[0].found


@pytest.mark.parametrize(("wanted", "ok"), [(1, True), (2, False)])
def test_the_rows_of_the_page_have_to_be_as_many_as_the_types(wanted: int, ok: bool) -> None:
    page = b'<tr><td><a href="/deliveries/7">x</a></td></tr>'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)

    with answering(head + page) as url, requests.Session() as session:
        assert _listed(session, url, wanted).ok is ok


@pytest.mark.parametrize(
    ("html", "attempts"),
    [
        ('<tr><td><a href="/deliveries/7?x">a</a><a href="/deliveries/7">b</a></td></tr>', {"7"}),
        ('<a href="/deliveries/7">outside of a row</a><tr><td><a href="/webhooks/1">w</a></td></tr>', set()),
    ],
)
def test_rows_of_the_page_are_counted_by_what_they_lead_to(html: str, attempts: set[str]) -> None:
    rows = _Rows()

    rows.feed(html)

    assert rows.attempts == attempts
