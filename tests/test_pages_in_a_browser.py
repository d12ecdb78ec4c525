"""The pages in a real browser: what the script adds, and that the policy lets nothing else run."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from emitter.query import AttemptQuery
from emitter.trigger import TriggerSpec
from emitter.web import create_app
from tests.support_pages import Answering, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
    "--virtual-time-budget=12000",
)  # fmt: skip

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on this machine."),
]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def serving(simulator, on=lambda path: None):
    """Serve the app on a free port; `on` is told each path before it is answered."""
    app = create_app(simulator)

    def told(environ, start_response):
        on(environ["PATH_INFO"])
        return app(environ, start_response)

    server = make_server("127.0.0.1", 0, told, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def visit(url, tmp_path):
    """Let a browser stay on a page for twelve seconds of its own time; returns the page as it is then, and the log."""
    told = subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path}", "--dump-dom", url], capture_output=True, timeout=60
    )
    console = [line for line in told.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
    return told.stdout.decode(), console


def test_commands_and_bodies_get_a_button_to_copy_them(simulator, tmp_path):
    with serving(simulator) as url:
        html, console = visit(url, tmp_path)

    assert html.count('class="copy"') == 2
    assert console == []


def test_what_comes_in_meanwhile_waits_behind_a_link(simulator, receiver, tmp_path):
    def send(path):
        if path == "/static/page.js":  # the list is read by now, and has not asked for more yet
            simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url, count=3))
            simulator.settle(10)

    with serving(simulator, on=send) as url:
        html, console = visit(f"{url}/?type=access_requests.*", tmp_path)

    assert '<a href="/?type=access_requests.%2A">3 new - show</a>' in html
    assert "Nothing fits this filter" in html
    assert console == []


def test_times_stay_true_while_a_page_is_open(simulator, receiver, tmp_path):
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
    simulator.settle(10)

    with serving(simulator) as url:
        html, _ = visit(url, tmp_path)

    [time] = [row[-1] for row in Page(html).rows[1:]]
    assert 10 <= int(time.split()[0]) <= 20


def test_nothing_that_a_receiver_sent_runs(simulator, running, tmp_path):
    body = (
        b"<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"><style>*{display:none}"
    )
    receiver = running(Answering(b"HTTP/1.1 500 No\r\nContent-Type: text/html\r\n\r\n" + body))
    simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
    simulator.settle(10)
    attempt = simulator.attempts(AttemptQuery(limit=1))["attempts"][0]

    with serving(simulator) as url:
        html, console = visit(f"{url}/deliveries/{attempt['id']}", tmp_path)

    assert "<title>marketplace.data_product.access_requests.revoked rejected" in html
    assert console == []


@pytest.mark.parametrize("path", ["/", "/webhooks", "/events", "/events/access-revoked", "/assumptions"])
def test_no_page_needs_what_the_policy_forbids(simulator, path, tmp_path):
    with serving(simulator) as url:
        html, console = visit(url + path, tmp_path)

    assert "<h1" in html
    assert console == []
