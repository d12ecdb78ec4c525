"""A real browser on our pages (Playwright, with the Chromium of this machine), and all that it has to complain of."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from emitter.simulator import Simulator
from emitter.web import create_app
from emitter.web.access import Access

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
PATIENCE = 30_000  # milliseconds
FITS = "document.documentElement.scrollWidth <= innerWidth"

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium on this machine.")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(
    simulator: Simulator, on: Callable[[str], None] = lambda path: None, access: Access | None = None
) -> Iterator[str]:
    """Serve the app on a free port; `on` is told each path before it is answered. Gives the address."""
    app = create_app(simulator, access=access)

    def told(environ: dict[str, Any], start_response: Any) -> Any:
        on(environ["PATH_INFO"])
        return app(environ, start_response)

    server = make_server("127.0.0.1", 0, told, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """One tab of a browser on one server; it writes down what goes wrong in it, and what it asks for.

    `page` is Playwright's own, for everything that somebody does with mouse and keys.
    """

    def __init__(
        self, browser: Browser, server: str, *, scripts: bool = True, width: int = 1280, scheme: str = "light"
    ) -> None:
        self.server = server
        self.servers = {server}
        self._context = browser.new_context(
            base_url=server, java_script_enabled=scripts, viewport={"width": width, "height": 900},
            color_scheme=scheme, service_workers="block",
        )  # fmt: skip
        self._context.set_default_timeout(PATIENCE)
        self.page: Page = self._context.new_page()
        self.console: list[str] = []
        self.dialogs: list[str] = []
        self.requested: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("dialog", self._asked)
        self._context.on("request", self._went)

    def __enter__(self) -> Tab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()

    def goto(self, path: str) -> int:
        """Open a page, and wait until it is there; returns its status."""
        answer = self.page.goto(self.server + path)
        assert answer is not None
        return answer.status

    @property
    def here(self) -> str:
        """Where it is: path, query and fragment, as people read them."""
        return unquote(self.page.url.removeprefix(self.server))

    @property
    def text(self) -> str:
        """Every word of the content that can be seen."""
        return " ".join(self.page.locator("main").inner_text().split())

    def ask(self, expression: str) -> Any:
        """What an expression is on the page; promises are waited for."""
        return self.page.evaluate(expression)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for each in keys:
            self.page.keyboard.press(each)

    def press_and_go(self, key: str) -> None:
        """Press a key that leads to another page, and wait until that is there."""
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def click(self, selector: str) -> None:
        """Click on something that leads to another page, and wait until that is there."""
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()

    def width(self, width: int) -> None:
        """Make the window so wide."""
        self.page.set_viewport_size({"width": width, "height": 900})

    def problems(self) -> list[str]:
        """What no page may do: say something on the console, open a dialog, ask somebody else for something."""
        ours = (*(f"{each}/" for each in self.servers), "data:", "about:", "blob:")
        left = [f"asked for {url}" for url in self.requested if not url.startswith(ours)]
        return [*(f"console: {each}" for each in self.console), *(f"dialog: {each}" for each in self.dialogs), *left]

    def wrong(self) -> list[str]:
        """What is wrong with the page at hand as it stands: its frame, what sticks out, whether something ran."""
        shape = self.ask(
            """() => ({
                mains: document.querySelectorAll("main").length,
                heads: document.querySelectorAll("h1").length,
                title: document.title, owned: Boolean(window.owned),
            })"""
        )
        found = [f"{shape[name]} {name}" for name in ("mains", "heads") if shape[name] != 1]
        if not shape["title"] or shape["title"].startswith("owned"):
            found.append(f"title {shape['title']!r}")
        return found + ["a script ran"] * shape["owned"] + self.wide()

    def wide(self) -> list[str]:
        """What sticks out of the window to the right, if the page scrolls sideways."""
        if self.ask(FITS):
            return []
        out = self.ask(
            """() => [...document.querySelectorAll("main *, footer *")].filter((each) =>
                each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".scroll, pre, .body"))
                .slice(0, 3).map((each) => each.outerHTML.slice(0, 120))"""
        )
        return [f"wider than {self.ask('innerWidth')}: {self.ask('document.documentElement.scrollWidth')} {out}"]

    def violations(self, *rules: str) -> list[str]:
        """What axe-core finds: by the rules of WCAG 2.2 AA and its own, or by those that are named."""
        self.page.evaluate(axe())
        wanted: Any = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": RULES}
        found = self.page.evaluate(
            """(wanted) => axe.run(document, { runOnly: wanted, resultTypes: ["violations"], elementRef: false })
                .then((found) => found.violations.map((each) => [each.id, each.nodes.length, each.nodes[0].html,
                    each.nodes[0].failureSummary]))""",
            wanted,
        )
        return [f"{id} ({count}): {html[:160]} {why[:300]}" for id, count, html, why in found]

    def _said(self, message: ConsoleMessage) -> None:
        asked_for = message.location.get("url", "") == self.page.url  # the page itself is an error's, as was wanted
        if not ("Failed to load resource" in message.text and asked_for):
            self.console.append(message.text)

    def _asked(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _went(self, request: Request) -> None:
        self.requested.append(request.url)


def axe() -> str:
    """The script of axe-core, from the package that brings it."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None and spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")
