"""What captures say of the request around the body: its headers, and facts that no switch stands for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import orjson

from emitter.contract.ruling import Bench, Ruling, Seen
from emitter.signing import SigningKey

# Made by the connection, by what stands between, or anew for every request: none of them is the app's habit.
_NOT_KEPT = frozenset(
    "host content-length connection keep-alive transfer-encoding te trailer upgrade expect accept-encoding "
    "content-encoding proxy-connection via forwarded date traceparent tracestate baggage priority "
    "max-forwards cdn-loop true-client-ip x-real-ip x-request-start".split()
)
_BETWEEN = re.compile(
    r"(x-forwarded|x-amzn|x-amz|cf|x-envoy|x-ms|x-azure|x-arr|fly|x-vercel|x-github|x-b3|x-cloud|x-appengine|x-original"
    r"|x-scheme|x-render|ngrok|x-hookdeck|x-smee|sec|fastly|x-varnish|x-client-ip|x-nginx|x-proxy)(-|$)"
)
_EACH_TIME = re.compile(
    r"(^|[-_])(id|uuid|trace|request|correlation|timestamp|time|date|nonce|signature|span|delivery)([-_]|$)"
)
_SECRET = re.compile(r"auth|cookie|token|secret|password|credential|api-?key|session|bearer")
_OURS = re.compile(r"request-app-emitter/")
MOST, LONGEST = 20, 300


def header_rulings(
    found: Sequence[Seen], bench: Bench, *, taken: set[str], keys: Sequence[SigningKey]
) -> Iterator[Ruling]:
    """Rule on `delivery.headers`: those that every capture has with the same value, as far as they are the sender's.

    `taken` are headers (lower case) that belong to the signature. What may be secret is neither told nor kept.
    """
    switch = "delivery.headers"
    told = [each for each in found if each.captured.headers]
    if not told:
        yield bench.leave(switch, "A capture that holds the request's headers settles it.")
        return
    kept: dict[str, tuple[str, str]] | None = None
    dropped: set[str] = set()
    for each in told:
        own: dict[str, tuple[str, str]] = {}
        for name, value in each.captured.headers:
            lower = name.strip().lower()
            if lower in taken or lower in _NOT_KEPT or _BETWEEN.match(lower) or _EACH_TIME.search(lower):
                continue
            if _SECRET.search(lower) or any(len(key.reveal()) >= 4 and key.reveal() in value for key in keys):
                dropped.add(lower)
            elif len(value) <= LONGEST and value.isascii() and value.isprintable() and ";;" not in value:
                own[lower] = (name.strip(), value.strip())
        kept = (
            own
            if kept is None
            else {name: pair for name, pair in kept.items() if own.get(name, ("", ""))[1] == pair[1]}
        )
    wanted = [pair for name, pair in (kept or {}).items() if not _default(name, pair[1])][:MOST]
    names = ", ".join(name for name, _ in wanted)
    evidence = (
        f"The request says {names} otherwise than assumed." if wanted else "Its headers are those that are assumed."
    )
    if len(told) > 1:
        evidence += f" {len(told):,} captures agree."
    if dropped:
        evidence += f" Not taken over, because they may be secret: {', '.join(sorted(dropped))}."
    if "content-type" not in (kept or {}):
        yield bench.leave(switch, "The captures have no header Content-Type, or differ in it.", evidence=evidence)
        return
    value = ";; ".join(f"{name}: {value}" for name, value in wanted)
    same = {(name.lower(), value) for name, value in wanted} == {
        (name.lower(), value) for name, value in bench.assumptions.delivery_headers
    }
    yield bench.settle(switch, bench.now(switch) if same else value, evidence, _where(told[0]))


def _default(name: str, value: str) -> bool:
    return (
        (name == "content-type" and value == "application/json")
        or (name == "accept" and value == "*/*")
        or (name == "user-agent" and bool(_OURS.match(value)))
    )


def request_facts(found: Sequence[Seen]) -> Iterator[tuple[str, str]]:
    """What the requests show and no switch stands for: method, and header by header what was left out and why."""
    methods = Counter(each.captured.method.upper() for each in found if each.captured.method)
    if methods:
        yield "method", ", ".join(name for name, _ in methods.most_common(3))
    each_time = {
        name.lower() for each in found for name, _ in each.captured.headers
        if _EACH_TIME.search(name.lower()) and not _BETWEEN.match(name.lower())
    }  # fmt: skip
    if each_time:
        yield "headers that differ from request to request", ", ".join(sorted(each_time)[:MOST])


def body_facts(found: Sequence[Seen]) -> Iterator[tuple[str, str]]:
    """How the bodies are written: order of the members, spaces."""
    bodies = [each for each in found if each.body]
    if not bodies:
        return
    yield "types", ", ".join(dict.fromkeys(each.type or "(no type)" for each in bodies[:50]))
    orders = Counter(", ".join(each.body) for each in bodies)
    documented = "timestamp, data, type"
    for order, _ in orders.most_common(2):
        yield (
            "member order",
            f"{order} ({'as in the published example' if order == documented else 'not the published example'})",
        )
    sorted_data = all(list(each.data) == sorted(each.data) for each in bodies)
    yield "order within data", "alphabetical" if sorted_data else "not alphabetical"
    exact = [each for each in bodies if each.captured.exact]
    if exact:
        compact = all(each.captured.body.strip() == orjson.dumps(each.body) for each in exact)
        yield (
            "form",
            "compact UTF-8, as it is sent here" if compact else "other JSON text than the compact UTF-8 sent here",
        )


def _where(each: Seen) -> str:
    return str(each.captured.origin)
