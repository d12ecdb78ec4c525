"""The guide to scenarios: each example is played, and the tables say what the code says."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from emitter.catalog import Catalog
from emitter.clock import parse_rfc3339
from emitter.faults import described
from emitter.receiver import Receiver
from emitter.report import PASSED, Report
from emitter.runs import play_apart
from emitter.scenario import read, vocabulary
from emitter.settings import Settings
from emitter.signing import SigningKey
from tests.support_cli import served

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
CATALOG = Catalog.load()
KEY = "the key of the guide"
HERE = "127.0.0.1:3000"


def blocks(kind: str) -> list[str]:
    """The examples of one kind, in the order of the guide."""
    return [text for language, text in BLOCKS if language == kind]


FIRST = blocks("yaml")[0]


def whole(example: str) -> str:
    """An example as a file: with the cast of the first one where it brings none, with steps where it has none."""
    frame = FIRST.partition("steps:\n")[0]
    if example.startswith("- "):
        return frame + "steps:\n" + "".join(f"  {line}\n" for line in example.splitlines())
    if "steps:\n" not in example:
        return f"{example}\nsteps:\n  - advance: 1d\n"
    return example if "cast:\n" in example else frame + example


def wrong(report: Report) -> list[str]:
    """What did not come true."""
    findings = [f"{found.claim}: {found.found}" for step in report.steps for found in step.findings if not found.passed]
    return [report.error, *findings, *(step.error for step in report.steps if step.error)]


class Desk(BaseHTTPRequestHandler):
    """A user's own system: it makes a ticket of each request, and tells of its tickets."""

    tickets: list[dict[str, str]]

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if event["type"].endswith(".access_requests.created"):
            about = event["data"]
            ticket = {"id": about["dataProductId"], "product": about["dataProductName"], "type": event["type"]}
            self.tickets.append(ticket)
        self._answer({})

    def do_GET(self) -> None:
        [wanted] = parse_qs(urlsplit(self.path).query)["product"]
        self._answer({"tickets": [each for each in self.tickets if each["id"] == wanted]})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def desk() -> Iterator[str]:
    """The address of a user's own system."""
    handler = type("Desk", (Desk,), {"tickets": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("example", blocks("yaml"), ids=range(len(blocks("yaml"))))
def test_a_scenario_that_is_shown_comes_true(example, desk):
    asks = HERE in example
    needs = "signing-key" in example
    story = read(whole(example).replace(HERE, desk), name="shown", catalog=CATALOG)
    with Receiver(keys=[SigningKey(KEY)] if needs else []) as receiver:
        to = f"http://{desk}/hook" if asks else receiver.url

        report = play_apart(story, settings=Settings(store=None), store=None, to=to, signing_key=KEY if needs else "")

    assert report.status == PASSED, wrong(report)


@pytest.mark.parametrize("example", blocks("python"), ids=range(len(blocks("python"))))
def test_the_python_that_is_shown_runs(example, tmp_path, monkeypatch, make_receiver):
    (tmp_path / "first.yaml").write_text(FIRST)
    monkeypatch.chdir(tmp_path)
    receiver = make_receiver(keys=())

    exec(compile(example.replace(f"http://{HERE}", receiver.url), "scenarios.md", "exec"), {})  # it is ours

    assert receiver.captures


def test_what_is_asked_over_http_answers_as_shown(make_simulator):
    simulator = make_simulator(start=parse_rfc3339("2030-02-01T09:00:00Z"), seed=7)
    [shown] = [text for text in blocks("console") if "curl" in text]
    with served(simulator) as url:
        for command, output in commands(shown):
            adapted = command.replace("http://127.0.0.1:8080", url.rstrip("/"))
            ran = subprocess.run(["bash", "-c", adapted], capture_output=True, text=True)

            assert (ran.stdout, ran.stderr) == (output, "")


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a block with what they print."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def table(title: str) -> dict[str, str]:
    """The rows of the table whose head begins with this cell: the first cell without its marks, and the rest."""
    body = GUIDE[GUIDE.index(f"| {title} |") :].partition("\n\n")[0]
    rows = [line.split(" | ", 1) for line in body.splitlines()[2:]]
    return {name.strip("| `"): rest for name, rest in rows}


def test_the_tables_name_every_word_of_the_language():
    steps, expectations = table("step"), table("in `expect`")

    assert list(table("key")) == list(vocabulary.TOP)
    assert set(steps) == set(vocabulary.STEPS)
    for step, words in vocabulary.STEPS.items():
        known = {*re.findall(r"`(\w+)`", steps[step]), step, "title", "faults"}
        assert known >= set(words), step
        assert ("faults" in words) == (step not in ("wait", "webhook", "expect"))
    assert set(expectations) == set(vocabulary.EXPECT)
    for word, words in {
        "events": vocabulary.EVENTS, "deliveries": vocabulary.DELIVERIES, "signatures": vocabulary.SIGNATURES,
        "contract": vocabulary.CONTRACT, "system": vocabulary.SYSTEM,
    }.items():  # fmt: skip
        assert set(re.findall(r"`(\w+)`", expectations[word])) >= set(words), word
    conditions = [word for names in table("condition") for word in names.split("`, `")]
    assert sorted(conditions) == sorted(vocabulary.CONDITIONS)


def test_the_table_of_faults_is_that_of_the_code():
    rows = table("fault")

    assert [name for name in rows if name] == [each["name"] for each in described()]
    for fault in described():
        text = rows[fault["name"]]
        assert text.startswith(f"{fault['help']} |")
        assert re.findall(r"`(\w+)`", text) == [each["name"] for each in fault["parameters"]]
        for each in fault["parameters"]:
            default = "" if each["default"] is None else f" ({each['default']})"
            assert f"`{each['name']}`{default}: {each['help']}" in text


def test_every_link_of_the_guide_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert target.startswith("https://") or (ROOT / "docs" / target).exists(), target
    titles = re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors
