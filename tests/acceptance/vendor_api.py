"""The app's own API: ten thousand calls made up of the vendor's description, and fifty clients on one request."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any

import requests
from schemathesis import GenerationMode

from emitter.settings import Settings
from emitter.simulator import Simulator
from tests.acceptance.protocol import Protocol
from tests.support_cli import served
from tests.support_vendor import VENDOR, Examiner, operations

CALLS = 10_000
EACH = 185  # of an operation, right and wrong ones alike
CLIENTS, ROUNDS = 50, 20
HEADERS = {"Authorization": "Bearer any"}


def run(protocol: Protocol) -> None:
    about = (
        "Calls that Schemathesis makes up of the vendor's API description, right and wrong, half of them about things "
        "that are there, and walks from one operation to the next; every answer is held against that description."
    )
    with protocol.section("The app's own API as the vendor describes it", about):
        if not VENDOR.is_file():
            protocol.check("the vendor's description lies beside the project", "no", "yes", False)
        else:
            described(protocol)
    about = f"{ROUNDS} requests over HTTP, each with {CLIENTS} clients that approve, deny and cancel it at once."
    with protocol.section("Fifty clients on one request", about):
        raced(protocol)


def described(protocol: Protocol) -> None:
    with Simulator(Settings(store=None, seed=1, allow=("127.0.0.1",))) as simulator:
        examiner = Examiner(simulator)
        for method, path in operations():
            for mode in GenerationMode:
                examiner.examine(method, path, mode, examples=EACH)
        alone = sum(examiner.calls.values())
        examiner.wander(walks=60, steps=30)
    total, calls = sum(examiner.calls.values()), examiner.calls
    protocol.check("calls", f"{total:,} ({total - alone:,} of them on walks)", f"{CALLS:,}", total >= CALLS)
    succeeded = {label for label, status in calls if status < 300}
    protocol.check("operations that succeeded", len(succeeded), str(len(operations())),
                   len(succeeded) == len(operations()))  # fmt: skip
    protocol.none_of("answers of 5xx", [f"{label} {status}" for label, status in calls if status >= 500])
    protocol.none_of("answers that the description does not have", examiner.wrong)
    statuses = Counter[int]()
    for (_, status), count in calls.items():
        statuses[status] += count
    told = ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items()))
    protocol.check("answers by status", told, "", True)
    protocol.check("wrong calls that were taken all the same", examiner.accepted_negatives, "", True)


def raced(protocol: Protocol) -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with Simulator(Settings(store=None, seed=2)) as simulator, served(simulator) as url:
        outcomes = [race(url) for _ in range(ROUNDS)]
    winners = Counter(sum(status < 300 for status in statuses) for statuses, _ in outcomes)
    others = sorted({status for statuses, _ in outcomes for status in statuses if status >= 300})
    told = Counter(count for _, count in outcomes)
    protocol.check("clients that won, in each round", dict(winners), f"{{1: {ROUNDS}}}", winners == {1: ROUNDS})
    protocol.check("what the others were answered", others, "[409]", others == [409])
    protocol.check("events that left, in each round", dict(told), f"{{1: {ROUNDS}}}", told == {1: ROUNDS})


def race(url: str) -> tuple[list[int], int]:
    """Fifty clients on one request: the statuses they got, and how many events followed."""
    base = url.rstrip("/")

    def call(method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, base + path, json=body, headers=HEADERS, timeout=60)

    product = call("POST", "/simulator/world/act", {"action": "publish"}).json()["entity"]["id"]
    asked = {"action": "request", "parameters": {"product": product}}
    request = call("POST", "/simulator/world/act", asked).json()["entity"]
    record = request["xSimulator"]["approvalRecords"][0]["id"]
    before = len(call("GET", "/simulator/events?limit=500").json()["events"])
    ways = (
        ("PUT", f"/marketplace/api/approval-record/{record}", {"status": "APPROVED"}),
        ("PUT", f"/marketplace/api/approval-record/{record}", {"status": "DENIED"}),
        ("DELETE", f"/marketplace/api/access-request/{request['id']}", None),
    )
    start, statuses = threading.Barrier(CLIENTS), list[int]()

    def act(number: int) -> None:
        start.wait()
        statuses.append(call(*ways[number % len(ways)]).status_code)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return statuses, len(call("GET", "/simulator/events?limit=500").json()["events"]) - before
