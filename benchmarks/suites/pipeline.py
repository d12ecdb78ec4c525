"""The whole durable path: generate, check every event, sign, deliver, record in two phases; one process on one core."""

from __future__ import annotations

from benchmarks import engine, peers
from benchmarks.cases import Bound, Case, Measured, Run, SinkSpec, Suite

SINK = SinkSpec(distinct=True, check_every=61)


def ours(run: Run) -> Measured:
    return engine.measured(run, webhooks=64)


OURS = "emitter"
A = "A: Faker, jsonschema.validate, requests.post, a commit each"
B = "B: Faker, prebuilt validator, one session, a commit each"
SUITE = Suite(
    name="pipeline",
    title="The whole durable path, 64 webhooks",
    unit="event",
    cases=(
        Case(A, peers.very_naive, SINK),
        Case(f"{A}; a flat schema by hand", peers.very_naive_by_hand, SINK, aside=True),
        Case(B, peers.naive, SINK),
        Case(f"{B}; a flat schema by hand", peers.naive_by_hand, SINK, aside=True),
        Case(OURS, ours, SINK, seconds=2),
    ),
    bounds=(
        Bound("the whole path, against the very naive composition A", OURS, A, least=90),
        Bound("the whole path, against the careful naive composition B", OURS, B, least=40),
    ),
    remarks=(
        "Ours writes the event and its delivery before it sends, and every attempt twice, with synchronous=FULL; A and "
        "B write one row after the answer, with SQLite's defaults.",
        "Every run: sent = received by the sink = rows = distinct ids = distinct bodies, every 61st signature verified "
        "at the sink, integrity_check ok.",
    ),
)
