"""A receiver of the Request app's webhooks, with Flask.

It verifies the raw bytes, bounds what it reads, acknowledges, and does its work after that. Doing it twice or in
another order is doing it once: an event is known by its type, time and product, and of a product the newest counts.
"""

import hashlib
import hmac
import json
import os
import queue
import re
import sys
import threading
from collections import OrderedDict
from datetime import UTC, datetime

from flask import Flask, request
from waitress import create_server

HEADER = "X-Immuta-Webhook-Signature-Sha256"
KEYS = [key.encode() for name in ("WEBHOOK_SIGNING_KEY", "WEBHOOK_SIGNING_KEY_OLD") if (key := os.environ.get(name))]
LARGEST, DEEPEST, REMEMBERED = 256 * 1024, 32, 100_000
TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = LARGEST  # beyond it Flask answers 413
work = queue.Queue(maxsize=10_000)  # in memory: what is in it when the process dies is lost; ../relay keeps it on disk
seen = OrderedDict()
products = {}
lock = threading.Lock()


@app.post("/hook")
def hook():
    body = request.get_data()
    if not is_signed(request.headers.getlist(HEADER), body):
        return {"error": "the signature is missing or wrong"}, 401
    if request.mimetype != "application/json":
        return {"error": "the body has to be application/json"}, 415
    try:
        event = read(body)
    except ValueError as error:
        return {"error": str(error)}, 400
    digest = hashlib.sha256(json.dumps([event["type"], event["time"], event["product"]]).encode()).digest()
    with lock:  # two copies may come at the same moment
        if digest not in seen:
            try:
                work.put_nowait(event)
            except queue.Full:
                return {"error": "too much to do"}, 503
            seen[digest] = True
            if len(seen) > REMEMBERED:
                seen.popitem(last=False)
    return "", 204


@app.get("/state")
def state():
    work.join()  # what was acknowledged is done, then shown
    with lock:
        return {"products": {id: shown(found) for id, found in products.items()}}


def shown(found):
    time, type, name = found["last"]
    return {"time": time, "type": type, "name": name, "counts": dict(sorted(found["counts"].items()))}


def is_signed(signatures, body):
    """Whether a signature fits one of the keys, compared in constant time over the bytes as they came."""
    given = [one.strip().encode() for each in signatures for one in each.split(",")]
    expected = [hmac.new(key, body, hashlib.sha256).hexdigest().encode() for key in KEYS]
    return any(hmac.compare_digest(one, right) for one in given for right in expected)


def read(body):
    """Read the envelope; its other members, and types that are new, are none of our business. Raises ValueError."""
    depth = 0
    for token in TOKENS.finditer(body):  # before the parser, whose own bound is the stack
        depth += (token[0] in (b"[", b"{")) - (token[0] in (b"]", b"}"))
        if depth > DEEPEST:
            raise ValueError("the body is nested too deep")
    event = json.loads(body.decode("utf-8"))  # both raise a ValueError
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict) or not isinstance(event.get("type"), str):
        raise ValueError("the body is no event")
    time = TIME.fullmatch(event["timestamp"]) if isinstance(event.get("timestamp"), str) else None
    if time is None:
        raise ValueError("the event has no time")
    try:
        whole = datetime.fromisoformat(time[1] + time[3].replace("Z", "+00:00")).astimezone(UTC)
    except OverflowError:
        raise ValueError("the event has no time that there is") from None
    data = {name: value for name, value in event["data"].items() if isinstance(value, str)}
    found = {
        "type": event["type"],
        "time": f"{whole:%Y-%m-%dT%H:%M:%S}.{(time[2] or '').ljust(9, '0')}Z",  # all nine digits, so that they compare
        "product": data.get("dataProductId", ""),
        "name": data.get("dataProductName", ""),
    }
    "".join(found.values()).encode()  # half a character is no text: a ValueError, too
    return found


def do(event):
    """The work; here it only notes what is known of each product."""
    with lock:
        found = products.setdefault(event["product"], {"counts": {}, "last": ("", "", "")})
        found["counts"][event["type"]] = found["counts"].get(event["type"], 0) + 1
        found["last"] = max(found["last"], (event["time"], event["type"], event["name"]))  # not the one that came last


def run():
    while True:
        event = work.get()
        try:
            do(event)
        except Exception:
            app.logger.exception("an event could not be worked on: %s", event)
        finally:
            work.task_done()


threading.Thread(target=run, daemon=True).start()

if __name__ == "__main__":
    if not KEYS:
        raise SystemExit("WEBHOOK_SIGNING_KEY is the signing key of the webhook.")
    port = int(os.environ.get("PORT", "3000"))
    server = create_server(app, host="127.0.0.1", port=port, channel_timeout=30, max_request_body_size=2**24)
    print(f"on port {server.effective_port}", file=sys.stderr)
    server.run()
