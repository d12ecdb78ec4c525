"""The pages over a million attempts: how soon the server answers, how soon a browser shows it, what ten tabs cost."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from benchmarks import filling
from tests.acceptance.protocol import Protocol
from tests.support_browser import CHROMIUM, Tab, chromium
from tests.support_cli import process

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ATTEMPTS = 1_000_000
TIMES, TABS, IDLE = 3, 10, 60.0
IN_SERVER, IN_BROWSER, STEP, SHARE = 50.0, 500.0, 1_500.0, 2.0  # milliseconds; milliseconds; milliseconds; per cent
ROW = "tr[data-id], .empty"
USABLE = """() => new Promise((done) => {
    const ask = () => {
        const parsed = performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd;
        const [painted] = performance.getEntriesByName("first-contentful-paint");
        if (parsed && painted) done(Math.max(parsed, painted.startTime));
        else setTimeout(ask, 10);
    };
    ask();
})"""
HTML = {"Accept": "text/html"}


def run(protocol: Protocol) -> None:
    about = (
        f"A store in a file with {ATTEMPTS:,} attempts (twelve types, 64 webhooks, 200 runs), served by `emitter "
        f"serve`; every list and filter is asked {TIMES} times over a connection, at its newest page and deep in the "
        f"past, a third of them is opened in headless Chromium; then {TABS} tabs stay open for {IDLE:g} s."
    )
    with protocol.section("The pages: a million attempts", about), tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        webhooks = [each.id for each in filling.fill(store, ATTEMPTS, until=time.time_ns())]
        with process("serve", "--port", 0, "--store", store, cwd=Path(folder)) as serving:
            assert serving.stdout is not None
            url = serving.stdout.readline().strip().rstrip("/")
            lists = _lists(webhooks)
            _in_the_server(protocol, url, lists, serving.pid)
            _free_text(protocol, url)
            if CHROMIUM is None:
                protocol.check("in a browser", "there is no Chromium on this machine", "Chromium", False)
                return
            with chromium() as browser:
                _in_a_browser(protocol, browser, url, lists[::3])
                _idle(protocol, browser, url, serving.pid)


def _lists(webhooks: list[str]) -> list[str]:
    """Addresses of lists: each filter alone, several together, what never meets, near and deep."""
    filters = [
        "", "type=access_requests.*", "type=*.created", "type=state.deleted", "outcome=accepted", "outcome=rejected",
        "outcome=failed,interrupted", "status=503", "status=4xx", "status=none", "run=run-057", "run=no+such+run",
        "since=1h", "since=24h", "since=5d&until=2d", "verdict=valid", "verdict=invalid", "fault=any",
        f"webhook={webhooks[0]}", f"webhook={webhooks[filling.ONLY_NEW]}", f"webhook={','.join(webhooks[:8])}",
        f"webhook={webhooks[3]}&outcome=rejected", "type=access_requests.*&outcome=rejected&since=24h",
        f"type=*.expired&webhook={webhooks[5]}&status=5xx", "outcome=accepted&status=none",
        "outcome=rejected&status=2xx",
    ]  # fmt: skip
    anchors = ["", f"before={ATTEMPTS // 2}", f"before={ATTEMPTS // 10}", f"after={ATTEMPTS // 3}"]
    found = ["/?" + "&".join(filter(None, (each, anchor))) for each in filters for anchor in anchors]
    return [*found, "/webhooks", f"/webhooks/{webhooks[0]}", f"/webhooks/{webhooks[0]}/history", "/world", "/runs",
            f"/webhooks/{webhooks[0]}/history?offset=5000", f"/deliveries/{ATTEMPTS}", f"/deliveries/{ATTEMPTS // 2}",
            f"/deliveries/resend?id={ATTEMPTS}", "/compose"]  # fmt: skip


def _in_the_server(protocol: Protocol, url: str, addresses: list[str], server: int) -> None:
    with requests.Session() as session:
        for each in addresses[:3]:
            session.get(url + each, headers=HTML)
        took: dict[str, float] = {}
        used: dict[str, float] = {}
        for each in addresses:
            before = _on_cpu(server)
            times = [_timed(lambda each=each: _answered(session, url + each)) for _ in range(TIMES)]  # type: ignore[misc]
            took[each], used[each] = sorted(times)[TIMES // 2], (_on_cpu(server) - before) / TIMES
    _told(protocol, f"{len(addresses)} lists, filters and pages in the server, p95", took, IN_SERVER)
    _told(protocol, "the same, CPU alone, which others on the machine disturb less", used, IN_SERVER)


def _answered(session: requests.Session, url: str) -> None:
    answer = session.get(url, headers=HTML)
    assert answer.status_code == 200, (url, answer.status_code, answer.text[:200])


def _free_text(protocol: Protocol, url: str) -> None:
    """What is nowhere is looked for in steps: each ends in time, and says how far it got."""
    took, went_on, address = {}, 0, "/?text=nowhere+to+be+found"
    with requests.Session() as session:
        for _ in range(4):
            start = time.perf_counter()
            page = session.get(url + address, headers=HTML).text
            took[address] = (time.perf_counter() - start) * 1000
            if "Go on</a>" not in page:
                break
            went_on += 1
            address = page.rpartition('">Go on</a>')[0].rpartition('href="')[2].replace("&amp;", "&")
    protocol.check("a step of a search in bodies, at most", f"{max(took.values()):.0f} ms", f"{STEP:g} ms",
                   max(took.values()) <= STEP)  # fmt: skip
    protocol.check(
        "a step says how far it got, and goes on from there", f"{went_on} of {len(took)}", "each", went_on >= 3
    )


def _in_a_browser(protocol: Protocol, browser: Browser, url: str, addresses: Iterable[str]) -> None:
    took = {}
    with Tab(browser, url) as tab:
        tab.goto("/")
        for each in addresses:
            tab.page.goto(url + each, wait_until="domcontentloaded")
            took[each] = tab.page.evaluate(USABLE)
            assert tab.page.locator(ROW if each.startswith("/?") else "main h1").first.is_visible(), each
        protocol.none_of("complaints of the browser", tab.problems())
    _told(protocol, f"{len(took)} of them usable in the browser (parsed, first row seen), p95", took, IN_BROWSER)


def _idle(protocol: Protocol, browser: Browser, url: str, server: int) -> None:
    tabs = [Tab(browser, url) for _ in range(TABS)]
    for each in tabs:
        each.goto("/")
    time.sleep(5)
    asked = sum(len(each.requested) for each in tabs)
    before, start = _cpu(server), time.perf_counter()
    tabs[0].page.wait_for_timeout(IDLE * 1000)
    share = 100 * (_cpu(server) - before) / (time.perf_counter() - start)
    polls = sum(len(each.requested) for each in tabs) - asked
    for each in tabs:
        each.__exit__(None, None, None)
    protocol.check(f"of a core, with {TABS} tabs open and nothing to tell", f"{share:.2f} % ({polls} requests)",
                   f"{SHARE:g} %", share < SHARE and polls > 0)  # fmt: skip


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _on_cpu(process: int) -> float:
    """Milliseconds that its threads were on a processor."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e6


def _timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def _told(protocol: Protocol, claim: str, took: dict[str, float], most: float) -> None:
    times = sorted(took.values())
    p95 = times[min(int(len(times) * 0.95), len(times) - 1)]
    worst = max(took, key=lambda each: took[each])
    figure = f"{p95:.0f} ms; median {times[len(times) // 2]:.0f}, slowest {times[-1]:.0f} ({worst[:60]})"
    protocol.check(claim, figure, f"{most:g} ms", p95 <= most)
