"""A long history, read: pages under every filter, near and deep, in the store and through the server."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

from benchmarks import engine, filling
from benchmarks.cases import Bound, Case, Measured, NotRun, Run, Suite, cpu
from emitter.query import AttemptQuery
from emitter.simulator import Simulator

DEPTHS = 10
SAMPLED = 70  # pairs, and as many triples
SERVED = 12  # queries of each group that the server is asked, too
Named = tuple[str, AttemptQuery]


class Page(NamedTuple):
    """What one page took, in milliseconds: of wall time, and of CPU, which others on the machine disturb less.

    `short` is one where the search stopped at its bound before the page was full.
    """

    took: float
    used: float
    query: str
    short: bool


Times = dict[str, list[Page]]  # by group of queries


def read(run: Run) -> Measured:
    """Fill, then ask for pages, each once."""
    start = time.perf_counter()
    webhooks = filling.fill(run.folder / "store.sqlite", run.amount, until=time.time_ns())
    filled = time.perf_counter() - start
    with engine.simulator(run) as simulating:
        types = [each["type"] for each in simulating.event_types()]
        queries = list(_queries(simulating, types, [each.id for each in webhooks], run.amount))
        before, start = cpu(), time.perf_counter()
        full = run.amount == CASES[0].amount
        store = _times(lambda query: _page(simulating, query), queries, run.amount, DEPTHS if full else 2)
        took, used = time.perf_counter() - start, cpu() - before
        count = sum(map(len, store.values()))
        steps = _text_steps(simulating, run.amount)
        tables = {"in the store, milliseconds": _table(store), "slowest in the store": _worst(store)}
        extra: dict[str, Any] = {
            "store_p95": _p95(store), "text_most": max(steps), "filled_seconds": filled,
            "tables": tables,
        }  # fmt: skip
        for name, title, ask in _doors(simulating):
            served = _times(ask, _sample(queries, SERVED if full else 2), run.amount, 3)
            extra[f"{name}_p95"] = _p95(served)
            tables[f"{title}, milliseconds"] = _table(served)
            tables[f"slowest, {title}"] = _worst(served, most=5)
    return Measured(count, took, used, extra=extra)


def _page(simulating: Simulator, query: AttemptQuery) -> bool:
    """Ask the store for one page; True where it stopped before the page was full."""
    store = simulating.store
    page = store.reader.attempts(query, deliveries=store.delivery_ids, events=store.event_ids)
    return page.searched_to is not None


def _doors(simulating: Simulator) -> Iterator[tuple[str, str, Callable[[AttemptQuery], bool]]]:
    """The JSON route and the page, through the whole app, without a socket."""
    try:
        from emitter.web import create_app
    except ImportError as error:
        raise NotRun(f"the server cannot be loaded: {error}") from None
    client = create_app(simulating).test_client()

    def at(path: str) -> Callable[[AttemptQuery], bool]:
        def ask(query: AttemptQuery) -> bool:
            answer = client.get(f"{path}?{query.text_of()}", headers={"Authorization": "Bearer any"})
            assert answer.status_code == 200, (answer.status_code, answer.text[:500])
            return False

        return ask

    yield "json", "in the server, JSON", at("/simulator/attempts")
    yield "html", "in the server, page", at("/")


def _queries(simulating: Simulator, types: list[str], hooks: list[str], amount: int) -> Iterator[Named]:
    """Every single filter, a sample of pairs and triples, and the pairs whose members never meet."""
    chance = Random(7)
    store = simulating.store
    newest = time.time_ns()
    span = amount * filling.STEP
    singles: dict[str, list[dict[str, Any]]] = {
        "type": [{"type": (each,)} for each in types] + [{"type": ("access_requests.*",)}],
        "outcome": [{"outcome": (each,)} for each in ("accepted", "rejected", "failed", "interrupted", "started")],
        "status": [
            {"status": (each,)}
            for each in ("200", "202", "204", "404", "410", "429", "503", "599", "2xx", "3xx", "4xx", "5xx", "none")
        ],
        "webhook": [{"webhook": (each,)} for each in (hooks[0], hooks[1], hooks[17], *hooks[-2:])]
        + [{"webhook": tuple(hooks[:8])}],
        "run": [{"run": (f"run-{number:03}",)} for number in (0, 57, 133, 199)] + [{"run": ("no such run",)}],
        "time": [
            {"since": newest - span // 3},
            {"until": newest - span // 3},
            {"since": newest - span // 2, "until": newest - span // 3},
        ],
    }
    yield "no filter", AttemptQuery()
    for kind, members in singles.items():
        for each in members:
            yield f"one: {kind}", AttemptQuery(**each)
    for number in (1, amount // 2, amount):
        yield "one: event", AttemptQuery(event=(store.event_ids.show(number),))
        yield "one: delivery", AttemptQuery(delivery=(store.delivery_ids.show(number),))
    for words, size in (("two of them", 2), ("three of them", 3)):
        for _ in range(SAMPLED):
            kinds = chance.sample(sorted(singles), size)
            yield words, AttemptQuery(**{k: v for kind in kinds for k, v in chance.choice(singles[kind]).items()})
    always, old, never = types[filling.ALWAYS_ACCEPTED], types[filling.ONLY_OLD], types[filling.NEVER_HERE]
    new, there = hooks[filling.ONLY_NEW], hooks[filling.NEVER_THERE]
    for never_met in (
        {"type": (always,), "outcome": ("rejected",)},
        {"type": (always,), "outcome": ("rejected", "failed", "interrupted")},
        {"type": (always,), "status": ("5xx",)},
        {"type": (old,), "webhook": (new,)},
        {"type": (never,), "webhook": (there,)},
        {"outcome": ("failed",), "status": ("5xx",)},
        {"outcome": ("accepted",), "status": ("none",)},
        {"outcome": ("rejected",), "status": ("2xx",)},
        {"type": (never, old), "webhook": (there,), "since": newest - span // 2},
    ):
        yield "never met", AttemptQuery(**never_met)  # type: ignore[arg-type]


def _sample(queries: list[Named], most: int) -> list[Named]:
    """Some of each group: the server's part is the same for all."""
    kept: dict[str, list[Named]] = defaultdict(list)
    for each in queries:
        kept[each[0]].append(each)
    return [each for group in kept.values() for each in group[:most]]


def _times(ask: Callable[[AttemptQuery], bool], queries: list[Named], amount: int, depths: int) -> Times:
    """Each query at its newest page, at so many anchors, and once backward, by group."""
    found: Times = defaultdict(list)
    ask(AttemptQuery())
    for group, query in queries:
        anchors = [amount * depth // depths for depth in range(1, depths)]
        pages = [query, *(replace(query, before=anchor) for anchor in anchors), replace(query, after=amount // 3)]
        for page in pages:
            start, used = time.perf_counter(), time.thread_time()
            short = ask(page)
            took, used = time.perf_counter() - start, time.thread_time() - used
            found[group].append(Page(took * 1000, used * 1000, page.text_of(), short))
    return found


def _text_steps(simulating: Simulator, amount: int) -> list[float]:
    """Milliseconds of one step of a search for what is nowhere, and for what is rare, at several depths."""
    steps = []
    for text in ("nowhere to be found", "not this time", "000000007"):
        for before in (None, amount // 2, amount // 4):
            start = time.perf_counter()
            _page(simulating, AttemptQuery(text=text, before=before))
            steps.append((time.perf_counter() - start) * 1000)
    return steps


def _p95(found: Times) -> float:
    return _quantile([page.took for pages in found.values() for page in pages], 0.95)


def _quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def _table(found: Times) -> list[list[Any]]:
    rows: list[list[Any]] = [["filter", "pages", "p50", "p95", "max", "p95 of CPU", "cut short"]]
    every = [page for pages in found.values() for page in pages]
    for group, pages in [*found.items(), ("all", every)]:
        took, used = [page.took for page in pages], [page.used for page in pages]
        figures = _quantile(took, 0.5), _quantile(took, 0.95), max(took), _quantile(used, 0.95)
        rows.append([group, str(len(pages)), *figures, str(sum(page.short for page in pages))])
    return rows


def _worst(found: Times, most: int = 10) -> list[list[Any]]:
    every = sorted((page for pages in found.values() for page in pages), key=lambda page: page.took, reverse=True)
    rows = [[f"`{page.query or '(none)'}`", page.took, page.used] for page in every[:most]]
    return [["query", "took", "CPU"], *rows]


CASE = "pages"
CASES = (Case(CASE, read, amount=1_000_000, smoke_amount=10_000, once=True),)
SUITE = Suite(
    name="history",
    title="A history of a million attempts",
    unit="page",
    cases=CASES,
    bounds=(
        Bound("any page under any filter, in the store, p95", CASE, by="store_p95", most=5, unit="ms", full=True),
        Bound(
            "any page under any filter, in the server, JSON, p95", CASE, by="json_p95", most=50, unit="ms", full=True
        ),
        Bound(
            "any page under any filter, in the server, page, p95", CASE, by="html_p95", most=50, unit="ms", full=True
        ),
        Bound("a step of a search for text, the slowest", CASE, by="text_most", most=300, unit="ms", full=True),
    ),
    remarks=(
        "Each page is asked for once: the newest, nine anchors down to the oldest, one backward. Cut short: the "
        "search stopped at its bound, and the page says how far it got.",
    ),
    plain=True,
)
