"""What a receiver of one's own is sent comes home byte for byte, and nothing of the receiver is disturbed."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import requests

from emitter.assumptions import Assumptions
from emitter.captures import Captured, read
from emitter.catalog import Catalog
from emitter.cli.contract_recorder import RECORDERS
from emitter.contract.calibrate import calibrate
from emitter.signing import SigningKey
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET
from tests.support_cli import PATIENCE, command_line

ROOT = Path(__file__).parent.parent / "recorders"
AWKWARD = 'é "quoted" \\ \u2028 \x7f'.encode()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def in_python(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """An application with the recorder around it: its address, and the bodies that it has read itself."""
    names: dict[str, Any] = {}
    exec((ROOT / "python.py").read_text(), names)
    bodies: list[bytes] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        bodies.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)))
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    recorded = names["Recorder"](application, str(folder / "captures.jsonl"))
    with make_server("127.0.0.1", 0, recorded, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()


NODE = """
const http = require("node:http");
const record = recorder("captures.jsonl");
http.createServer((request, response) => record(request, response, () => setTimeout(() => {
  let body = "";
  request.on("data", (chunk) => (body += chunk.toString("base64")));
  request.on("end", () => response.end(body));
}, 5))).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
"""


@contextmanager
def in_node(folder: Path) -> Iterator[str]:
    (folder / "server.js").write_text((ROOT / "node.js").read_text() + NODE)
    with subprocess.Popen(["node", "server.js"], cwd=folder, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield f"http://127.0.0.1:{int(running.stdout.readline())}"
        finally:
            running.kill()


def one_sent(make_simulator: Any, url: str) -> bytes:
    simulator = make_simulator()
    [event] = simulator.trigger(TriggerSpec(type="access-revoked", to=f"{url}/hook?from=test", signing_key=SECRET))
    [delivery] = simulator.deliveries([event["deliveries"][0]["id"]], wait=10.0)
    assert delivery["state"] == "accepted", delivery
    body: str = simulator.event(event["id"])["body"]
    return body.encode()


def awkward(url: str) -> requests.Response:
    headers = {"Authorization": "Bearer secret-token", "Cookie": "secret-cookie=1", "X-Odd": 'a"b\\c'}
    return requests.post(url, data=AWKWARD, headers=headers, timeout=PATIENCE)


def brought_home(folder: Path, body: bytes) -> None:
    file = folder / "captures.jsonl"
    first, second = read([str(file)])
    assert isinstance(first, Captured) and isinstance(second, Captured)
    assert (first.body, first.method, first.url, first.exact) == (body, "POST", "/hook?from=test", True)
    assert second.body == AWKWARD and ("x-odd", 'a"b\\c') in [(name.lower(), value) for name, value in second.headers]
    assert first.at is not None and file.stat().st_mode & 0o077 == 0
    assert "secret-" not in file.read_text()
    found = calibrate([first], assumptions=Assumptions(), catalog=Catalog.load(), keys=[SigningKey(SECRET)])
    assert found.signature == "found" and not found.of("changed")


def test_python_brings_home_what_the_application_reads(tmp_path: Path, make_simulator: Any) -> None:
    with in_python(tmp_path) as (url, bodies):
        body = one_sent(make_simulator, url)
        awkward(url)

    assert bodies == [body, AWKWARD]
    brought_home(tmp_path, body)


def test_node_brings_home_what_a_handler_reads_later(tmp_path: Path, make_simulator: Any) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    with in_node(tmp_path) as url:
        body = one_sent(make_simulator, url)
        answer = awkward(url)

    assert answer.status_code == 200 and answer.text
    brought_home(tmp_path, body)


def test_a_receiver_goes_on_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "captures.jsonl").mkdir()  # a folder in its place

    with in_python(tmp_path) as (url, bodies):
        assert [awkward(url).status_code, awkward(url).status_code] == [200, 200]
    assert bodies == [AWKWARD] * 2
    if shutil.which("node") is not None:
        with in_node(tmp_path) as url:
            assert [awkward(url).status_code, awkward(url).status_code] == [200, 200]


@pytest.mark.acceptance
def test_java_compiles(tmp_path: Path) -> None:
    if shutil.which("javac") is None:
        pytest.skip("javac is not installed")

    ran = subprocess.run(
        ["javac", "-Xlint:all", "-Werror", "-d", str(tmp_path), str(ROOT / "Recorder.java")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr


def test_go_compiles(tmp_path: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("go is not installed")
    shutil.copy(ROOT / "recorder.go", tmp_path)
    (tmp_path / "main.go").write_text('package main\n\nfunc main() { Recorder("x", nil) }\n')

    ran = subprocess.run(
        ["go", "vet", "recorder.go", "main.go"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert ran.returncode == 0, ran.stderr


JAVA = """
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
class Main {
    public static void main(String[] args) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        }).getFilters().add(new Recorder("captures.jsonl"));
        server.start();
        System.out.println(server.getAddress().getPort());
    }
}
"""


@pytest.mark.acceptance
def test_java_brings_home_what_a_handler_reads(tmp_path: Path, make_simulator: Any) -> None:
    if shutil.which("javac") is None:
        pytest.skip("javac is not installed")
    shutil.copy(ROOT / "Recorder.java", tmp_path)
    (tmp_path / "Main.java").write_text(JAVA)
    subprocess.run(["javac", "Main.java", "Recorder.java"], cwd=tmp_path, check=True, timeout=60)
    with subprocess.Popen(["java", "Main"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = f"http://127.0.0.1:{int(running.stdout.readline())}"
        body = one_sent(make_simulator, url)
        answer = awkward(url)
        running.kill()

    assert answer.content == AWKWARD
    (tmp_path / "captures.jsonl").chmod(0o600)
    brought_home(tmp_path, body)


@pytest.mark.parametrize("name", RECORDERS)
def test_a_recorder_is_printed_as_it_is_shipped(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = command_line(tmp_path, monkeypatch).ok("contract", "recorder", name)

    assert printed == (ROOT / RECORDERS[name][0]).read_text()
    assert len(printed.splitlines()) < 90


def test_recorders_are_listed_and_a_wrong_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitter = command_line(tmp_path, monkeypatch)

    assert all(name in emitter.ok("contract", "recorder") for name in RECORDERS)
    assert emitter.ok("contract", "recorder", "express") == emitter.ok("contract", "recorder", "node")
    ran = emitter("contract", "recorder", "pyton")
    assert ran.exit_code == 2 and "python" in ran.output


def test_the_line_is_the_one_that_is_promised(tmp_path: Path, make_simulator: Any) -> None:
    with in_python(tmp_path) as (url, _):
        one_sent(make_simulator, url)

    line = json.loads((tmp_path / "captures.jsonl").read_text())
    assert line.keys() == {"method", "url", "headers", "bodyBase64", "at"}
    assert all(len(pair) == 2 for pair in line["headers"])
