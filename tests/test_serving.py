"""The server itself: binding, readiness, stopping in time, and what it refuses before the app sees it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from emitter.errors import Unavailable, UsageError
from emitter.query import AttemptQuery
from emitter.receiver import Receiver
from emitter.simulator import Simulator
from emitter.web.access import Access
from emitter.web.serving import THREADS, bind, serve, url_of
from tests.support_http import HOOKS, SECRET, SECURITY_HEADERS

ROOT = Path(__file__).parents[1]
TOKEN = {"Authorization": "Bearer any"}


@contextmanager
def served(simulator: Simulator, **how: Any) -> Iterator[str]:
    """A server on a free port, in a thread; ends with the block."""
    stop, bound, urls = threading.Event(), threading.Event(), []

    def ready(url: str) -> None:
        urls.append(url)
        bound.set()

    failures: list[BaseException] = []

    def run() -> None:
        try:
            serve(simulator, port=0, ready=ready, stop=stop, **how)
        except BaseException as error:
            failures.append(error)
            bound.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert bound.wait(10)
        if failures:
            raise failures[0]
        yield urls[0]
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def url(simulator: Simulator) -> Iterator[str]:
    with served(simulator) as url:
        yield url


def raw(url: str, request: bytes, *, timeout: float = 10) -> bytes:
    """Send bytes, read the answer to its end."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass  # it did not read all that was sent
    return answer


# --- binding ----------------------------------------------------------------------------------------------------------


def test_it_serves_on_a_free_port_and_says_where(simulator: Simulator, url: str) -> None:
    host, port = url.removeprefix("http://").split(":")

    assert requests.get(f"{url}/health", timeout=10).json()["status"] == "ok"
    assert simulator.listeners == [(host, int(port))]


def test_its_own_address_is_never_a_target(url: str) -> None:
    answer = requests.post(f"{url}{HOOKS}", json={"url": f"{url}/x"}, headers=TOKEN, timeout=10)

    assert answer.status_code == 400
    assert "own listener" in answer.json()["message"]


def test_a_port_in_use_is_named_with_the_fix(simulator: Simulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(Unavailable, match=rf"Port {port} on 127.0.0.1 is in use.*--port 0"):
            serve(simulator, port=port)


@pytest.mark.parametrize(
    ("host", "port"), [("192.0.2.1", 0), ("no.such.host.invalid", 0), ("127.0.0.1", -1), ("127.0.0.1", 65536),
                       ("a" * 300, 0), ("1.2.3.4.5", 0)],
)  # fmt: skip
def test_an_address_that_cannot_be_bound_is_a_usage_error(host: str, port: int) -> None:
    with pytest.raises(UsageError):
        bind(host, port)


def test_what_others_could_reach_is_not_served_without_settings(simulator: Simulator) -> None:
    with pytest.raises(UsageError, match="EMITTER_TOKEN"):
        serve(simulator, host="0.0.0.0", port=0)
    with pytest.raises(UsageError, match="not loopback"):
        serve(simulator, host="0.0.0.0", port=0, access=Access.local())


def test_a_build_is_served_everywhere_to_who_has_the_token(simulator: Simulator) -> None:
    with served(simulator, host="0.0.0.0", access=Access.ci("0123456789abcdef")) as url:
        good = requests.get(url + HOOKS, headers={"Authorization": "Bearer 0123456789abcdef"}, timeout=10)
        bad = requests.get(url + HOOKS, headers=TOKEN, timeout=10)

    assert simulator.listeners[0][0] == "0.0.0.0"
    assert (good.status_code, bad.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", "http://127.0.0.1:8"), ("0.0.0.0", "http://127.0.0.1:8"), ("::1", "http://[::1]:8"),
     ("::", "http://[::1]:8"), ("192.0.2.1", "http://192.0.2.1:8")],
)  # fmt: skip
def test_a_url_is_one_that_this_machine_can_use(address: str, expected: str) -> None:
    assert url_of(address, 8) == expected


def test_the_lock_beside_the_store_names_the_address(make_simulator: Callable[..., Simulator], tmp_path: Path) -> None:
    simulator = make_simulator(store=tmp_path / "store.sqlite")

    with served(simulator) as url:
        assert json.loads((tmp_path / "store.sqlite.lock").read_text())["url"] == url


# --- what is refused before the app -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /simulator/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n", 413),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /health HTTP/1.0\r\n\r\n", 421),
        (b"GET /health HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n", 421),
        (b"BREW /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
    ],
)
def test_what_is_refused_is_dressed_like_every_other_answer(request_bytes: bytes, status: int, url: str) -> None:
    answer = raw(url, request_bytes)

    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    assert head.split(" ")[1] == str(status)
    for name, value in SECURITY_HEADERS.items():
        assert f"{name}: {value}".lower() in head.lower()
    assert "Traceback" not in answer.decode("latin-1")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_megabytes_are_refused_early(chunked: bool, url: str) -> None:
    sent = 0
    host, port = url.removeprefix("http://").split(":")
    head = "POST /simulator/check HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
    piece = b"[" * 65536
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        size = "Transfer-Encoding: chunked" if chunked else "Content-Length: 104857600"
        connection.sendall(f"{head}{size}\r\n\r\n".encode())
        try:
            while sent < 100 * 1024 * 1024:
                connection.sendall(b"10000\r\n" + piece + b"\r\n" if chunked else piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass

    assert sent < 20 * 1024 * 1024
    assert requests.get(f"{url}/health", timeout=10).status_code == 200


@pytest.mark.parametrize("megabytes", [2, 50])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_too_much_reads_why(megabytes: int, chunked: bool, url: str) -> None:
    piece = b"[" * 65536
    body = iter([piece] * 16 * megabytes) if chunked else piece * 16 * megabytes
    headers = {**TOKEN, "Content-Type": "application/json"}

    answer = requests.post(f"{url}/simulator/check", data=body, headers=headers, timeout=20)

    assert answer.status_code == 413


def test_a_client_that_says_it_will_send_too_much_need_not_send_it(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)

    connection.putrequest("POST", "/simulator/check")
    connection.putheader("Authorization", "Bearer x")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(100 * 1024 * 1024))
    connection.endheaders()
    answer = connection.getresponse()

    assert answer.status == 413
    connection.close()


# --- many at once -----------------------------------------------------------------------------------------------------


def test_long_polls_and_slow_tests_leave_threads_for_the_rest(url: str, make_receiver: Callable[..., Receiver]) -> None:
    hanging = make_receiver("200:20s")
    hook = requests.post(url + HOOKS, json={"url": hanging.url}, headers=TOKEN, timeout=10).json()["id"]
    statuses: list[int] = []

    def ask(method: str, path: str) -> None:
        try:
            statuses.append(requests.request(method, url + path, headers=TOKEN, timeout=30).status_code)
        except requests.RequestException:
            statuses.append(0)

    asked = [("GET", "/simulator/wait?timeout=3s&run=none")] * 8 + [("POST", f"{HOOKS}/{hook}/test")] * 8
    threads = [threading.Thread(target=ask, args=each) for each in asked]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while statuses.count(503) < 9 and time.monotonic() < deadline:
        requests.get(f"{url}/simulator/state", headers=TOKEN, timeout=10)
    began = time.monotonic()
    healthy = requests.get(f"{url}/health", timeout=10).status_code
    took = time.monotonic() - began
    hanging.close()
    for thread in threads:
        thread.join(30)

    assert (healthy, took < 2) == (200, True)
    assert statuses.count(503) == 9
    assert statuses.count(200) == 7
    assert THREADS > 7


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_stopping_ends_a_long_poll_and_closes_the_store(make_simulator: Callable[..., Simulator]) -> None:
    simulator = make_simulator()
    answers: list[Any] = []
    with served(simulator) as url:

        def wait() -> None:
            while not answers or answers[-1].status_code == 503:  # those who look how many are free may come first
                answers[:] = [requests.get(f"{url}/simulator/wait?timeout=30s", headers=TOKEN, timeout=60)]

        poll = threading.Thread(target=wait)
        poll.start()
        deadline = time.monotonic() + 20
        while _free_polls(url) == 4 and time.monotonic() < deadline:
            pass
        began = time.monotonic()
    poll.join(10)

    assert time.monotonic() - began < 6
    assert answers[0].json() == {"complete": False, "attempts": []}
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/health", timeout=5)
    with pytest.raises(Unavailable):
        simulator.add_webhook("http://127.0.0.1:9/")


def _free_polls(url: str) -> int:
    """How many more long polls are let in; each is a short one."""
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(
                requests.get(f"{url}/simulator/wait?timeout=1s", headers=TOKEN, timeout=10).status_code
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results.count(200)


CHILD = """
import sys, time
from pathlib import Path
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.web.serving import serve
simulator = Simulator(Settings(store=Path(sys.argv[1])))
serve(simulator, port=0, ready=lambda url: print(url, time.process_time(), flush=True))
print("stopped", flush=True)
"""


@contextmanager
def child(store: Path) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """A serving process, its URL, and the seconds of work until it was ready (other processes do not count)."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(store)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout
        try:
            url, seconds = process.stdout.readline().split()
            yield process, url, float(seconds)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_time_and_what_was_under_way_is_recorded(
    number: signal.Signals,
    tmp_path: Path,
    make_receiver: Callable[..., Receiver],
    make_simulator: Callable[..., Simulator],
) -> None:
    receiver = make_receiver("200:1s")
    with child(tmp_path / "store.sqlite") as (process, url, _):
        asked = {"type": "access-revoked", "to": receiver.url, "signingKey": SECRET}
        requests.post(f"{url}/simulator/trigger", json=asked, headers=TOKEN, timeout=10)
        receiver.wait_for(1, 10)
        began = time.monotonic()
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
        took = time.monotonic() - began

    assert (process.returncode, out) == (0, "stopped\n")
    assert took < 5
    with make_simulator(store=tmp_path / "store.sqlite") as after:
        assert [each["outcome"] for each in after.attempts(AttemptQuery())["attempts"]] == ["accepted"]


def test_the_app_for_other_servers_is_set_up_by_variables(tmp_path: Path) -> None:
    ask = "from app import app; print(app.test_client().get('/health/ready').json['status'])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EMITTER_STORE": str(tmp_path / "of-the-app.sqlite")}

    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
    assert (tmp_path / "of-the-app.sqlite").is_file()


def test_it_is_ready_in_a_few_times_what_loading_its_packages_takes(tmp_path: Path) -> None:
    def once(number: int) -> float:
        with child(tmp_path / f"{number}.sqlite") as (_, url, seconds):
            assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200
        return seconds

    def packages() -> float:
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import flask, jsonschema_rs, pycurl, requests"], check=True)
        return time.monotonic() - began

    found = [(once(number), packages()) for number in range(2)]  # `make bench` holds the seconds

    assert min(ready for ready, _ in found) < 6 * min(loaded for _, loaded in found)


def test_an_app_is_whole_though_its_modules_were_forgotten() -> None:
    """As after a run of pytest within a test: what that has imported first is imported anew."""
    script = """
import sys
import emitter.web
from emitter.settings import Settings
from emitter.simulator import Simulator
before = set(sys.modules)
with Simulator(Settings()) as simulator:
    first = {str(each) for each in emitter.web.create_app(simulator).url_map.iter_rules()}
    for each in set(sys.modules) - before:
        del sys.modules[each]
    again = {str(each) for each in emitter.web.create_app(simulator).url_map.iter_rules()}
assert "/marketplace/api/auth/user" in first
assert first == again, first ^ again
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
