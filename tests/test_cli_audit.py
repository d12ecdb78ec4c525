"""`emitter audit` from the outside: what it says beforehand, what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as XML

import pytest

from emitter.audit import CHECKS
from tests.support_bad_receivers import BAD, KEY, Receiver, served
from tests.support_cli import CommandLine, command_line, nobody, silent

FAST = ("--settle", "1ms", "--assume", "delivery.timeout=2s")


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    (tmp_path / "key.txt").write_text(f"{KEY}\n")
    return command_line(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with served(Receiver()) as url:
        yield url


@pytest.fixture(scope="module")
def lax() -> Iterator[str]:
    with served(BAD["LooksAtTheFormOnly"][1]()) as url:
        yield url


def test_a_good_receiver_ends_with_0_and_a_score(emitter, good):
    result = emitter("audit", f"{good}/hook", "--secret-file", "key.txt", "--only", "signatures", *FAST)

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "score 100 of 100: 16 passed, 3 not judged"
    assert re.match(r"19 checks: up to [\d,]+ deliveries to http://127.0.0.1:\d+/hook, within 5m.", result.stderr)


def test_a_bad_one_ends_with_1_and_tells_how_to_mend_it(emitter, lax):
    result = emitter("audit", f"{lax}/hook", "--secret-file", "key.txt", "--only", "signatures", *FAST)

    assert result.exit_code == 1
    text = result.stdout
    assert "UNSAFE  wrong-signature" in text and "    mend      Refuse with 401" in text
    assert "    from this follows\n      unsafe  wrong-key: It was accepted" in text
    assert KEY not in result.output


def test_fail_under_decides_by_the_score(emitter, lax):
    asked = ("audit", f"{lax}/hook", "--secret-file", "key.txt", "--only", "wrong-key", *FAST)

    assert emitter(*asked, "--fail-under", "10").exit_code == 0
    result = emitter(*asked, "--fail-under", "50")
    assert result.exit_code == 1 and "is less than 50." in result.stderr


def test_the_reports_hold_all_that_was_found_and_no_key(emitter, lax, tmp_path):
    files = {name: tmp_path / "out" / f"audit.{name}" for name in ("junit", "html", "badge", "report")}
    flags = [part for name, path in files.items() for part in (f"--{name}", path)]
    result = emitter(
        "audit", f"{lax}/hook", "--secret-file", "key.txt", "--only", "signatures", "--format", "json", *flags, *FAST
    )  # fmt: skip

    found = json.loads(result.stdout)
    assert found == json.loads(files["report"].read_text())
    assert found["checks"][0]["name"] == "wrong-signature" and found["counts"]["unsafe"] >= 3
    assert found["checks"][0]["deliveries"][0]["headers"]
    suites = XML.parse(files["junit"]).getroot()
    assert suites.get("failures") == str(sum(each["status"] == "failed" for each in found["checks"]))
    assert suites.get("skipped") == str(found["counts"]["unjudged"])
    page = files["html"].read_text()
    assert "wrong-signature" in page and "default-src &#39;none&#39;" in page and "<script" not in page
    badge = XML.parse(files["badge"]).getroot()
    assert badge.tag.endswith("svg") and f"{found['score']} / 100" in files["badge"].read_text()
    for path in files.values():
        assert KEY not in path.read_text()


def test_what_a_receiver_says_is_escaped_on_the_page_and_in_the_terminal(emitter, tmp_path):
    from tests.support_bad_receivers import Answer

    class Evil(Receiver):
        def post(self, headers, body) -> Answer:
            return 500, "<script>alert(1)</script>\x1b[31m"

    page = tmp_path / "audit.html"
    with served(Evil()) as url:
        result = emitter("audit", f"{url}/hook", "--secret-file", "key.txt", "--html", page, *FAST)

    assert result.exit_code == 1 and "\x1b" not in result.output
    assert "<script>" not in page.read_text() and "&lt;script&gt;" in page.read_text()


def test_nobody_there_ends_with_3(emitter, tmp_path):
    badge = tmp_path / "badge.svg"
    result = emitter("audit", nobody(), "--secret-file", "key.txt", "--badge", badge, *FAST)

    assert result.exit_code == 3
    assert "Is the receiver running there?" in result.stderr and "Traceback" not in result.output
    assert "no answer" in badge.read_text()


def test_one_that_never_answers_ends_with_3_by_the_deadline(emitter):
    with silent() as url:
        result = emitter("audit", url, "--deadline", "200ms")

    assert result.exit_code == 3
    assert "Error: Nothing was answered. The time was up (--deadline). Is the receiver running there?" in result.stderr


def test_orders_and_readings_are_asked_for(emitter, good):
    result = emitter(
        "audit", f"{good}/hook", "--secret-file", "key.txt", "--probe", f"{good}/state", "--only", "good-delivery",
        "--interleavings", "2", "--seed", "3", *FAST,
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert "  good-delivery, interleavings" in result.stdout


def test_a_difference_of_orders_is_shown_with_the_deliveries_that_make_it(emitter):
    with served(BAD["LastToComeWins"][1]()) as url:
        result = emitter(
            "audit", f"{url}/hook", "--secret-file", "key.txt", "--probe", f"{url}/state", "--only", "good-delivery",
            "--interleavings", "5", "--html", "page.html", *FAST,
        )  # fmt: skip

    assert result.exit_code == 1
    assert "WRONG  interleavings" in result.stdout and re.search(r"\n    deliveries +1\. ", result.stdout)
    assert "comes to something else" in Path("page.html").read_text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "Say which receiver"),
        (("http://127.0.0.1:1/", "--interleavings", "5"), "give its URL with --probe"),
        (("http://127.0.0.1:1/", "--probe-header", "A: b"), "--probe-header goes with --probe"),
        (("http://127.0.0.1:1/", "--probe", "http://127.0.0.1:1/", "--probe-header", "Bearer t0ken"), "is no header"),
        (("http://127.0.0.1:1/", "--only", "duplicat"), 'Did you mean "duplicate"?'),
        (("http://127.0.0.1:1/", "--server", "http://127.0.0.1:2"), "goes without --server"),
        (("127.0.0.1:1/",), "Write http://127.0.0.1:1/"),
        (("http://169.254.169.254/",), "is link-local"),
        (("http://127.0.0.1:1/", "--html", "/dev/null/x.html"), "--html /dev/null/x.html"),
        (("http://127.0.0.1:1/", "--secret", "a", "--secret-file", "b"), "give one of the two"),
    ],
)
def test_wrong_use_says_what_is_wrong_and_sends_nothing(emitter, given, said):
    result = emitter("audit", *given)

    assert result.exit_code == 2, result.output
    assert said in result.stderr and "t0ken" not in result.output


def test_another_machine_is_not_sent_to_unasked(emitter):
    result = emitter("audit", "http://192.0.2.1/hook", "--secret", "x")

    assert result.exit_code == 2
    assert "page people" in result.stderr and "add --yes" in result.stderr


def test_with_yes_it_is_sent(emitter):
    result = emitter(
        "audit", "http://receiver.invalid/hook", "--secret", "x", "--yes", "--assume", "delivery.timeout=200ms"
    )

    assert result.exit_code == 3 and "page people" in result.stderr


def test_the_checks_can_be_listed(emitter):
    table = emitter.ok("audit", "--list")
    listed = json.loads(emitter.ok("audit", "--list", "--format", "json"))

    assert {each["name"] for each in listed} == set(CHECKS)
    assert all(name in table for name in CHECKS)
    assert all(each["remedy"] and each["source"] for each in listed)
