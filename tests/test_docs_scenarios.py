"""The guide to scenarios: each example is played, and the tables say what the code says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from emitter.catalog import Catalog
from emitter.faults import described
from emitter.receiver import Receiver
from emitter.report import PASSED, Report
from emitter.runs import play_apart
from emitter.scenario import read, vocabulary
from emitter.settings import Settings
from emitter.signing import SigningKey
from tests.support_cli import command_line, environment, line_with, process

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


@pytest.fixture
def place(tmp_path, monkeypatch, make_receiver):
    """A folder with the first scenario, the library and a key; gives a function that runs a command there."""
    (tmp_path / "first.yaml").write_text(FIRST)
    (tmp_path / "key.txt").write_text(KEY)
    library = tmp_path / "scenarios"
    library.mkdir()
    for name in ("denied", "key-rotation"):
        (library / f"{name}.yaml").write_text((ROOT / "scenarios" / f"{name}.yaml").read_text())
    emitter = command_line(tmp_path, monkeypatch)
    here = make_receiver(keys=(SigningKey(KEY),)).url.removeprefix("http://")
    open_here = make_receiver(keys=()).url.removeprefix("http://")

    def run(command: str, served_at: str = "") -> str:
        heard = here if "--secret-file" in command else open_here
        adapted = command.replace(HERE, heard).replace("127.0.0.1:8080", served_at)
        first, *rest = shlex.split(adapted, comments=True)
        if first == "emitter" and "|" not in rest:
            result = emitter(*rest)
            assert result.exit_code in (0, 2), result.output  # 2 is shown once, and says why
            return result.output.replace(heard, HERE)
        emitter_here = f'emitter() {{ {shlex.quote(sys.executable)} -m emitter.cli "$@"; }}; '
        ran = subprocess.run(
            ["bash", "-c", emitter_here + adapted], cwd=tmp_path, env=environment(), capture_output=True, text=True
        )
        return (ran.stdout + ran.stderr).replace(heard, HERE)

    return run


def plain(output: str) -> str:
    """Take out what differs from run to run."""
    return re.sub(r"\b(first|four)-\w{6}\b", r"\1-RUN", re.sub(r"in [\d.]+ m?s\b", "in TIME", output))


def test_what_is_typed_prints_what_is_shown(place):
    for block in (each for each in blocks("console") if "curl" not in each):
        for command, output in commands(block):
            assert plain(place(command)) == plain(output), command


def test_what_is_typed_runs(place):
    for block in (each for each in blocks("sh") if "emitter serve" not in each):
        for line in block.splitlines():
            output = place(line)

            assert "Error" not in output and "wrong" not in output, output
            assert "--again" not in line or "it went the same way" in output


def test_what_is_asked_over_http_answers_as_shown(place, tmp_path):
    [command] = [each.strip() for each in blocks("sh") if "emitter serve" in each]
    with process(*shlex.split(command)[1:], "--port", "0", cwd=tmp_path) as server:
        url = urlsplit(re.search(r"http://\S+", line_with("http://", server.stderr))[0])
        for block in (each for each in blocks("console") if "curl" in each):
            for command, output in commands(block):
                assert plain(place(command, url.netloc)) == plain(output), command


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
