"""For walking the pages: the stores that they are shown on, and where each route's page is on each of them."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from flask import Flask

from benchmarks import filling
from emitter import clock
from emitter.clock import nanoseconds
from emitter.errors import EmitterError
from emitter.query import AttemptQuery
from emitter.receiver import Answers, Receiver
from emitter.settings import Settings
from emitter.signing import Scheme, SigningKey
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.support_browser import serving
from tests.support_pages import Answering

SECRET = "test-signing-key"
WORST_RUN = "<img src=x onerror=owned=1>"
START = nanoseconds(datetime(2030, 1, 31, 9, tzinfo=UTC))
STORY = """\
description: {0}
steps:
  - act: publish
    name: Claims {1}
    as: claims
  - act: request
    product: claims
    as: wish
  - advance: 1h
  - act: approve
    request: wish
  - expect:
      events: [product-published, request-created, request-determined]
"""
LONG = """\
steps:
  - act: publish
    name: Claims for long
  - repeat: 1000
    steps:
      - advance: 1h
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A store and its pages: the simulator, the server's address, and what an address may name."""

    simulator: Simulator
    url: str
    receiver: str = ""
    attempt: int = 1
    earlier: int = 1
    refused: int = 1
    webhook: str = "00000000-0000-4000-8000-000000000001"
    product: str = "00000000-0000-4000-8000-000000000002"
    request: str = "00000000-0000-4000-8000-000000000003"
    user: str = "00000000-0000-4000-8000-000000000004"
    domain: str = "1"
    source: str = "1"
    run: str = "none"
    other: str = "none"

    def at(self, template: str) -> str:
        """Fill in an address."""
        names = {name: getattr(self, name) for name in self.__slots__ if name not in ("simulator", "url", "receiver")}
        return template.format(**{name: quote(str(value), safe="") for name, value in names.items()})


PAGES: dict[str, tuple[str, ...]] = {
    "pages.deliveries": (
        "/", "/?outcome=rejected&limit=200", "/?type=nothing.*&since=1h", "/?status=word", "/?text=Claims",
        "/?before={attempt}", "/?resent=3&refused=1",
    ),
    "pages.to_deliveries": ("/deliveries?outcome=accepted",),
    "pages.deliveries_confirm": ("/deliveries/resend", "/deliveries/resend?id={attempt}", "/deliveries/resend?all=yes"),
    "pages.deliveries_compare": (
        "/deliveries/compare", "/deliveries/compare?id={attempt}&id={earlier}", "/deliveries/compare?id=1&id=2&id=3",
    ),
    "pages.delivery": (
        "/deliveries/{attempt}", "/deliveries/{refused}", "/deliveries/{attempt}?against={earlier}", "/deliveries/none",
    ),
    "pages.keys": ("/keys",),
    "pages.compose": ("/compose", "/compose?type=access-revoked", "/compose?attempt={attempt}"),
    "pages.webhooks": ("/webhooks",),
    "pages.webhook": ("/webhooks/{webhook}",),
    "pages.webhook_history": ("/webhooks/{webhook}/history",),
    "pages.webhook_removal": ("/webhooks/{webhook}/remove",),
    "pages.world": ("/world", "/world?text=nothing"),
    "pages.world_kind": (
        "/world/access-requests", "/world/users", "/world/domains", "/world/data-sources",
        "/world/access-requests?status=word",
    ),
    "pages.creation": tuple(f"/world/new/{each}" for each in ("publish", "add_user", "add_domain", "add_data_source")),
    "pages.entity": (
        "/world/data-products/{product}", "/world/access-requests/{request}", "/world/users/{user}",
        "/world/domains/{domain}", "/world/data-sources/{source}",
    ),
    "pages.scenarios": ("/scenarios",),
    "pages.scenario": ("/scenarios/revoked",),
    "pages.own": ("/scenarios/your-own",),
    "pages.runs": ("/runs",),
    "pages.run": ("/runs/{run}", "/runs/{other}"),
    "pages.compare_runs": ("/runs-compared?run={run}&other={other}",),
    "pages.to_contract": ("/contract",),
    "pages.events": ("/events",),
    "pages.event": ("/events/access-revoked", "/events/data_sources.updated"),
    "pages.checker": ("/contract/check",),
    "pages.coverage": ("/contract/coverage", "/contract/coverage?extended=on"),
    "pages.assumptions": ("/assumptions",),
    "session.form": ("/sign-in",),
}  # fmt: skip
"""Where the page of each route is, in each of its states."""

FILES: dict[str, tuple[str, ...]] = {
    "static": ("/static/style.css", "/static/page.js", "/static/keys.js", "/static/icon.svg"),
    "pages.deliveries_since": ("/deliveries/since?after=0",),
    "pages.deliveries_export": tuple(f"/deliveries/export?format={each}" for each in ("jsonl", "har", "csv", "curl")),
    "pages.delivery_export": tuple(f"/deliveries/{{attempt}}/export?format={each}" for each in ("jsonl", "har", "csv")),
    "pages.body": ("/deliveries/{attempt}/body/request",),
    "pages.progress": ("/runs/{run}/progress",),
    "pages.report": tuple(f"/runs/{{run}}/report/{each}" for each in ("json", "text", "junit", "html")),
}
"""Routes that answer with a file, or with what a script reads."""

GONE = {400, 404, 409}  # what the page of a mistake, or of what is not there, may be answered with


def routes(app: Flask, method: str) -> set[str]:
    """The endpoints of the pages that take a method: what is in no blueprint of the API."""
    found = set()
    for rule in app.url_map.iter_rules():
        blueprint = app.blueprints.get(rule.endpoint.rpartition(".")[0])
        if not getattr(blueprint, "is_emitter_api", False) and method in (rule.methods or ()):
            found.add(rule.endpoint)
    return found


# --- stores -----------------------------------------------------------------------------------------------------------


@contextmanager
def empty_store() -> Iterator[Shown]:
    """Nothing was ever done."""
    with Simulator(Settings(store=None, start=START, seed=7)) as simulator, serving(simulator) as url:
        yield Shown(simulator, url)


@contextmanager
def full_store(store: Path | None = None) -> Iterator[Shown]:
    """Some of everything that there is, on top of what the store has already."""
    with ExitStack() as stack:
        good = stack.enter_context(Receiver(keys=(SigningKey(SECRET),), scheme=Scheme()))
        bad = stack.enter_context(Receiver(answers=Answers.parse("500,401,200")))
        simulator = stack.enter_context(Simulator(Settings(store=store, start=START, seed=7)))
        for each in simulator.webhooks():  # of a history that is there already: nobody is at the other end
            simulator.change_webhook(each.id, suppressed=True)
        yield _filled(simulator, stack.enter_context(serving(simulator)), good.url, bad.url)


@contextmanager
def long_store() -> Iterator[Shown]:
    """Some of everything on top of a hundred thousand attempts."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        filling.fill(path, 100_000, until=clock.wall())
        with full_store(path) as shown:
            yield shown


def _filled(simulator: Simulator, url: str, good: str, bad: str) -> Shown:
    webhook = simulator.add_webhook(good, signing_key=SECRET)
    simulator.add_webhook(bad)
    simulator.add_webhook("http://127.0.0.1:1/closed")
    paused = simulator.add_webhook("https://user:word@receiver.example.com/paused?token=classified")
    simulator.change_webhook(paused.id, paused=True)
    simulator.change_webhook(simulator.add_webhook("https://receiver.example.com/gone").id, suppressed=True)
    product, request, user = _world(simulator, "US East Customers", "Everything about customers.", "Ann Lee")
    simulator.start_run(yaml=STORY.format("A short one.", "one"), run="mine", seed=1, wait=20)
    simulator.start_run(yaml=STORY.format("Another.", "two"), run="other", seed=2, wait=20)
    wrong = STORY.format("It goes wrong.", "three").replace("request-created", "access-revoked")
    simulator.start_run(yaml=wrong, run="wrong", wait=20)
    _send(simulator, b'{"timestamp":"2026-01-01T00:00:00Z","data":{},"type":"some.other.type"}', good)
    _send(simulator, b"\xff\xfe no JSON at all", good)
    simulator.trigger(TriggerSpec(type="access-revoked", to=bad, set={"data.actionLink": 5}, allow_invalid=True))
    simulator.trigger(TriggerSpec(type="access-expired", to=good, signing_key="another", faults=_faults(simulator)))
    simulator.trigger(TriggerSpec(type="access-expiring", to=good, signing_key=SECRET, run="nightly"))
    assert simulator.settle(20)
    return _shown(simulator, url, good, webhook.id, product, request, user, run="mine", other="wrong")


@contextmanager
def hostile_store(store: Path | None = None, most: int = 200) -> Iterator[Shown]:
    """Everything that somebody stores, or a receiver answers, tries to break the page that shows it."""
    payloads = PAYLOADS[:most]
    with ExitStack() as stack:
        answers = _Answers(payloads)
        receiver = stack.enter_context(Answering(answers))
        simulator = stack.enter_context(Simulator(Settings(store=store, start=START, seed=7)))
        url = stack.enter_context(serving(simulator))
        for number, payload in enumerate(payloads):
            body = _body(payload, number)
            to = f"{receiver.url}/{payload}?q={payload}"
            try:
                _send(simulator, body, to, run=payload)
            except EmitterError:  # not all of it may stand in a URL, or in a run's name
                _send(simulator, body, f"{receiver.url}/{quote(payload)}")
        assert simulator.settle(60)
        yield _attacked(simulator, url, receiver.url, payloads)


def _attacked(simulator: Simulator, url: str, receiver: str, payloads: list[str]) -> Shown:
    printable = [each for each in payloads if each.isprintable()]
    worst = "".join(printable)[:1500]
    webhook = simulator.add_webhook(f"{receiver}/{quote(worst[:900])}", signing_key=SECRET)
    for each in printable:
        simulator.act("add_user", name=each)
        simulator.act("add_domain", name=each)
        simulator.act("add_data_source", name=each)
    product, request, user = _world(simulator, "x" * 255, worst, worst[:200], reason=worst)
    for place, each in enumerate((worst, *[one for one in printable if len(one) < 200 and "/" not in one][:6])):
        quoted = each.replace("\\", "\\\\").replace('"', '\\"')
        name = each if place else WORST_RUN
        simulator.start_run(yaml=STORY.format(f'"{quoted}"', place), run=name, wait=20)
    assert simulator.settle(60)
    return _shown(simulator, url, receiver, webhook.id, product, request, user,
                  run=WORST_RUN, other=simulator.runs()[0]["run"])  # fmt: skip


def _world(simulator: Simulator, title: str, told: str, who: str, reason: str = "As agreed.") -> tuple[str, str, str]:
    product = str(simulator.act("publish", name=title, description=told)["entity"]["id"])
    user = str(simulator.act("add_user", name=who)["entity"]["globalUserId"])
    request = str(simulator.act("request", product=product, user=user)["entity"]["id"])
    simulator.act("approve", request=request, reason=reason, faults=["wrong-signature"])
    return product, request, user


def _send(simulator: Simulator, body: bytes, to: str, run: str = "") -> None:
    simulator.trigger(TriggerSpec(body=body, to=to, run=run, allow_invalid=True, signing_key=SECRET))


def _faults(simulator: Simulator) -> tuple:  # type: ignore[type-arg]
    from emitter.faults import FaultSpec

    return (FaultSpec.parse("wrong-key"),)


def _shown(
    simulator: Simulator, url: str, receiver: str, webhook: str, product: str, request: str, user: str, **runs: str
) -> Shown:
    rows = simulator.attempts(AttemptQuery(limit=200))["attempts"]
    refused = next((each["id"] for each in rows if each["outcome"] == "rejected"), rows[0]["id"])
    known = simulator.world.known
    return Shown(
        simulator, url, receiver, rows[0]["id"], rows[1]["id"], refused, webhook, product, request, user,
        str(next(iter(known.domains), "1")), str(next(iter(known.sources), "1")), **runs,
    )  # fmt: skip


# --- what is hostile --------------------------------------------------------------------------------------------------

_OUT = ("", '">', "'>", "</textarea>", "</title>", "</script>", "-->", "]]>", "&quot;&gt;", '\\">')
_IN = (
    "<script>owned=1;alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>parent.owned=1</script>'></iframe>", "<details open ontoggle=alert(1)>",
    "<style>@import url(//evil.test/a.css);*{display:none}</style>", "<link rel=stylesheet href=//evil.test/b.css>",
    "<meta http-equiv=refresh content='0;url=//evil.test/'>", "<base href=//evil.test/><form action=//evil.test/>",
)  # fmt: skip
_ODD = (
    '" onmouseover=alert(1) autofocus onfocus=alert(1) x="', "' autofocus onfocus=alert(1) '", "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "{{7*7}}{% raise %}", "${7*7}#{7*7}",
    "%3Cscript%3Ealert(1)%3C/script%3E", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<title>owned</title><h1>owned</h1><main>", "\\u003cscript\\u003ealert(1)",
)  # fmt: skip
_CONTROLS = [f"a{chr(each)}b" for each in (*range(1, 32), *range(127, 160))]
_BIDI = [
    f"abc{chr(each)}gnirts{chr(each)}" for each in
    (0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0x200E, 0x200F, 0x061C, 0x200B, 0x200C,
     0x200D, 0x2060, 0xFEFF, 0xAD, 0x2028, 0x2029, 0xFFF9, 0xFFFB, 0xE0001, 0xE0041, 0x180E, 0xFFFE, 0xE000, 0x3164)
]  # fmt: skip
_SHAPES = [
    "x" * 255,
    "Z" + "\u0340" * 60,
    "\u05d0" * 120,
    "\u4e00" * 120,
    "\U0001f3f4" * 40,
    "\u202e" * 40 + "evil",
    "\ufdfd" * 60,
    "W" * 120 + "\u200b" + "W" * 120,
]
PAYLOADS = [*(out + each for out in _OUT for each in _IN), *_ODD, *_CONTROLS, *_BIDI, *_SHAPES]
assert len(PAYLOADS) >= 200 and len(set(PAYLOADS)) == len(PAYLOADS)


def _body(payload: str, number: int) -> bytes:
    """A body with it for every name and every value."""
    import orjson

    kind = "marketplace.data_product.access_requests.revoked" if number % 2 else payload
    member = payload or "x"
    data = {"dataProductName": payload, "dataProductId": payload, "actionLink": payload, member: [payload, {member: 1}]}
    return orjson.dumps({"timestamp": payload, "type": kind, "data": data, member: payload})


class _Answers:
    """What a hostile receiver answers, one payload after the other: in the status line, in headers, in the body."""

    def __init__(self, payloads: list[str]) -> None:
        self._payloads, self._next, self._lock = payloads, 0, threading.Lock()

    def __call__(self) -> bytes:
        with self._lock:
            payload = self._payloads[self._next % len(self._payloads)]
            self._next += 1
        inline = "".join(each for each in payload if each not in "\r\n\0").encode("utf-8", "surrogatepass")
        body = payload.encode("utf-8", "surrogatepass") * 3
        status = (b"500", b"401", b"200", b"404")[self._next % 4]
        token = "".join(each for each in payload if each.isalnum() or each in "-<>'()")[:60].encode() or b"a"
        head = b"HTTP/1.1 %s %s\r\nContent-Type: text/html\r\nX-Hostile: %s\r\nX-%s: 1\r\nContent-Length: %d\r\n\r\n"
        return head % (status, inline, inline, token, len(body)) + body


def readable(payload: str) -> bool:
    """Whether no character of it is one that cannot be seen."""
    return all(unicodedata.category(each)[0] != "C" for each in payload)
