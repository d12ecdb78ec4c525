"""A receiver of the Request app's webhooks, with FastAPI.

It verifies the raw bytes, bounds what it reads, acknowledges, and does its work after that. Doing it twice or in
another order is doing it once: an event is known by its type, time and product, and of a product the newest counts.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import os
import re
from collections import OrderedDict
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from starlette.requests import ClientDisconnect

HEADER = "x-immuta-webhook-signature-sha256"
KEYS = [key.encode() for name in ("WEBHOOK_SIGNING_KEY", "WEBHOOK_SIGNING_KEY_OLD") if (key := os.environ.get(name))]
LARGEST, DEEPEST, REMEMBERED, PATIENCE = 256 * 1024, 32, 100_000, 10.0
TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)

# in memory: what is in it when the process dies is lost; ../relay keeps it on disk
work = asyncio.Queue(maxsize=10_000)
seen = OrderedDict()
products = {}


@asynccontextmanager
async def lifespan(app):
    worker = asyncio.create_task(run())
    yield
    worker.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/hook", status_code=204)
async def hook(request: Request):
    body = await bounded(request)
    if not is_signed(request.headers.getlist(HEADER), body):
        raise HTTPException(401, "the signature is missing or wrong")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "the body has to be application/json")
    try:
        event = read(body)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    digest = hashlib.sha256(json.dumps([event["type"], event["time"], event["product"]]).encode()).digest()
    if digest not in seen:  # nothing is awaited from here on, so two copies at the same moment are told apart, too
        try:
            work.put_nowait(event)
        except asyncio.QueueFull:
            raise HTTPException(503, "too much to do") from None
        seen[digest] = True
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
    return Response(status_code=204)


@app.get("/state")
async def state():
    await work.join()  # what was acknowledged is done, then shown
    return {"products": {id: shown(found) for id, found in products.items()}}


def shown(found):
    time, type, name = found["last"]
    return {"time": time, "type": type, "name": name, "counts": dict(sorted(found["counts"].items()))}


async def bounded(request):
    """The body, if it is neither too large nor too slow. What is too much is thrown away: a cut connection loses the
    answer."""
    pieces, size = [], 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for piece in request.stream():
                size += len(piece)
                if size <= LARGEST:
                    pieces.append(piece)
    except TimeoutError:
        raise HTTPException(408, "the body came too slowly") from None
    except ClientDisconnect:
        raise HTTPException(400, "the body broke off") from None
    if size > LARGEST:
        raise HTTPException(413, "the body is too large")
    return b"".join(pieces)


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
    found = products.setdefault(event["product"], {"counts": {}, "last": ("", "", "")})
    found["counts"][event["type"]] = found["counts"].get(event["type"], 0) + 1
    found["last"] = max(found["last"], (event["time"], event["type"], event["name"]))  # not the one that came last


async def run():
    while True:
        event = await work.get()
        try:
            do(event)
        except Exception:
            logging.exception("an event could not be worked on: %s", event)
        finally:
            work.task_done()


if __name__ == "__main__":
    if not KEYS:
        raise SystemExit("WEBHOOK_SIGNING_KEY is the signing key of the webhook.")
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ.get("PORT", "3000")), timeout_keep_alive=30, access_log=False
    )
