"""Decides on access requests by rule: told by the Request app's webhooks, sure through its API.

An event is a hint that something is new about a data product, and nothing more: what is so is always read from the API.
So duplicates and disorder change nothing, and what no event told of is found by a sweep now and then.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

import requests
from flask import Flask, Response, jsonify, request

Json = dict[str, Any]
LIVE = ("PENDING", "APPROVED")  # of which something may still become
SWEEP = ""  # in the queue, instead of the id of a product
log = logging.getLogger("approver")


@dataclass(frozen=True)
class Rule:
    """What is done about requests for products of this name (with * and ?) and, if one is given, of this domain."""

    then: str  # approve, deny, or ask: a human decides
    name: str = "*"
    domain: str = ""  # the id of a domain
    days: int = 0  # how long an approval lasts; 0 for good
    reason: str = "Decided by rule"

    def __post_init__(self) -> None:
        if self.then not in ("approve", "deny", "ask") or not isinstance(self.days, int) or self.days < 0:
            raise ValueError(f"then is approve, deny or ask, and days is a whole number from 0 on: {self}")

    def fits(self, product: Json) -> bool:
        return fnmatchcase(product["name"], self.name) and (not self.domain or self.domain in product["domains"])

    def determination(self) -> Json:
        if self.then == "deny":
            return {"status": "DENIED", "reason": self.reason}
        duration = {"duration": self.days, "durationUnit": "DAYS"} if self.days else {}
        return {"status": "APPROVED", "reason": self.reason, **duration}


class Api:
    """The app's API. What fails on the way or in the app is tried again, later each time, and not for ever."""

    def __init__(self, base: str, token: str, *, tries: int = 8, pause: float = 0.25, timeout: float = 10) -> None:
        self.base, self.tries, self.pause, self.timeout = base.rstrip("/"), tries, pause, timeout
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, *path: str, **how: Any) -> requests.Response:
        """Ask; the parts of the path are quoted. Answers of 4xx are the caller's to read."""
        url = "/".join([self.base, "api", *(quote(part, safe="") for part in path)])
        for number in range(self.tries):
            try:
                answer = self.session.request(method, url, timeout=self.timeout, **how)
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
                trouble = str(answer.status_code)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                trouble = type(error).__name__
            log.info("%s %s: %s", method, url, trouble)
            if number < self.tries - 1:
                time.sleep(min(self.pause * 2**number, 10) * random.uniform(0.5, 1))
        raise requests.ConnectionError(f"{method} {url} failed {self.tries} times, the last time with {trouble}")

    def read(self, *path: str, **query: Any) -> Any:
        """Read something; None if there is no such thing (any more)."""
        answer = self("GET", *path, params=query)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return answer.json()

    def search(self, *path: str, **query: Any) -> list[Json]:
        """Read all pages; the oldest first, so that what is added meanwhile moves nothing."""
        found: list[Json] = []
        order = {"sortBy": "createdAt", "sortOrder": "asc"}
        while page := self.read(*path, **order, offset=len(found), limit=100, **query):
            found += page["data"]
            if not page["data"] or len(found) >= page["meta"]["totalCount"]:
                break
        return found


class Bot:
    """One worker that attends to products, in the order of the hints; `outcomes` is what became of each request."""

    def __init__(self, api: Api, rules: list[Rule], *, sweep_every: float = 300) -> None:
        self.api, self.rules, self.sweep_every = api, rules, sweep_every
        self.outcomes: dict[str, Json] = {}
        self._hints: queue.Queue[str] = queue.Queue()
        self._queued: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def hint(self, product: str) -> None:
        """Something is new about a product; if it is in the queue already, that will do."""
        with self._lock:
            if product not in self._queued:
                self._queued.add(product)
                self._hints.put(product)

    def stop(self) -> None:
        self._stopped.set()
        self.hint(SWEEP)  # which wakes the worker

    def run(self) -> None:
        """Work until stopped; begin with what happened while nobody listened."""
        next_sweep = time.monotonic()
        while not self._stopped.is_set():
            try:
                product = self._hints.get(timeout=max(0, next_sweep - time.monotonic()))
            except queue.Empty:
                product = SWEEP
            with self._lock:
                self._queued.discard(product)  # before reading: what is told from now on is news again
            if self._stopped.is_set():
                return
            if product == SWEEP:
                next_sweep = time.monotonic() + self.sweep_every
            try:
                self.attend(product)
            except requests.RequestException as error:
                log.warning("%s is left to the next sweep: %s", product or "The sweep", error)
            except Exception:  # a mistake of ours with one product is not to keep the others from their turn
                log.exception("%s is left to the next sweep", product or "The sweep")

    def attend(self, product: str) -> None:
        """See to the open requests for a product, or to all there are, and to what became of those that were open."""
        ours = [each for each in self.outcomes.values() if product in (SWEEP, each["product"])]
        known = {each["id"] for each in ours if each["status"] in LIVE}
        if product == SWEEP:
            found = self.api.search("access-request")
        else:
            found = self.api.search("data-product", product, "request", status="PENDING")
        for one in found:
            self.consider(one)
        for id in sorted(known - {one["id"] for one in found}):
            one = self.api.read("access-request", id)
            self.consider(one) if one else self.outcomes[id].update(status="GONE")

    def consider(self, one: Json) -> None:
        """Remember how a request is now, and decide on it if that is still to be done, and ours."""
        product = one.get("dataProduct")
        if product is None or one["type"] != "DATA_ACCESS":
            return  # assets and masking exceptions are for humans
        self.outcomes[one["id"]] = {
            "id": one["id"], "product": product["id"], "name": product["name"], "user": one["user"]["globalUserId"],
            "status": one["status"], "expiration": one.get("expiration"),
        }  # fmt: skip
        if one["status"] == "PENDING" and (whole := self.api.read("data-product", product["id"])):
            rule = next((rule for rule in self.rules if rule.fits(whole)), None)
            if rule and rule.then != "ask":
                self.decide(one["id"], rule)

    def decide(self, id: str, rule: Rule) -> None:
        """Decide on the records of a request that wait; where one opens the next, on that, too."""
        for record in self._open_records(id):
            answer = self.api("PUT", "approval-record", record, json=rule.determination())
            # 403: not ours to decide; 404: the request is gone; 409: somebody was faster, maybe we, unheard
            if answer.status_code not in (403, 404, 409):
                answer.raise_for_status()
                log.info("%s: %s by %s", id, rule.determination()["status"], rule)

    def _open_records(self, id: str) -> Iterator[str]:
        tried: set[str] = set()
        while found := self.api.read("access-request", id, "records"):
            waiting = (each["id"] for each in found["approvalRecords"] if each["status"] == "PENDING")
            record = next((each for each in waiting if each not in tried), None)
            if record is None:
                return
            tried.add(record)
            yield record


def signed(body: bytes, signature: str, key: str) -> bool:
    """Whether the raw bytes were signed with our key: HMAC-SHA256 in hex."""
    expected = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def create_app(bot: Bot, key: str) -> Flask:
    """The receiver: verifies, puts the hint into the queue, and answers at once."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 2**20

    @app.post("/hook")
    def hook() -> tuple[str, int]:
        body = request.get_data()
        if not signed(body, request.headers.get("x-immuta-webhook-signature-sha256", ""), key):
            return "The signature is wrong.\n", 401
        try:
            event = json.loads(body)
            type, product = event["type"], event["data"].get("dataProductId")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return "This is no event.\n", 400
        if isinstance(product, str) and product and str(type).startswith("marketplace.data_product."):
            bot.hint(product)
        return "", 202  # of a type that we do not know, too

    @app.get("/outcomes")
    def outcomes() -> Response:
        wanted = {name: request.args[name] for name in ("product", "name", "user", "status") if name in request.args}
        there = [bot.outcomes[id] for id in sorted(bot.outcomes)]
        return jsonify([each for each in there if all(each[name] == text for name, text in wanted.items())])

    return app


def main() -> None:
    """Serve on APPROVER_PORT; what is missing or wrong in the environment is said before anything starts."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        api = Api(os.environ["IMMUTA_API"], os.environ["IMMUTA_TOKEN"])
        key = os.environ["WEBHOOK_SIGNING_KEY"]
        rules = [Rule(**each) for each in json.loads(os.environ["APPROVER_RULES"])]
        bot = Bot(api, rules, sweep_every=float(os.environ.get("APPROVER_SWEEP", "300")))
        port = int(os.environ.get("APPROVER_PORT", "3000"))
    except KeyError as error:
        raise SystemExit(f"{error.args[0]} is not set; README.md says what it is.") from None
    except (ValueError, TypeError) as error:
        raise SystemExit(f"A variable is wrong: {error}") from None
    try:
        answer = api("GET", "auth", "user")
        answer.raise_for_status()
        log.info("Deciding as %s", answer.json()["displayName"])
    except (requests.RequestException, ValueError, LookupError) as error:
        raise SystemExit(f"{api.base} is no API that we may use: {error}") from None
    threading.Thread(target=bot.run, daemon=True).start()
    create_app(bot, key).run(port=port)


if __name__ == "__main__":
    main()
