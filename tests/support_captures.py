"""For tests of captures: the published example, and one request in every form in which it can be captured."""

from __future__ import annotations

import base64
import json
from typing import Any

from emitter.catalog import Catalog

CATALOG = Catalog.load()
KIND = CATALOG.resolve("sources-updated")  # the one type with a published example
EXAMPLE: dict[str, Any] = KIND.example
BODY = json.dumps(EXAMPLE, separators=(",", ":"), ensure_ascii=False).encode()
SIGNATURE = "x-immuta-webhook-signature-sha256"
HEADERS = (("Host", "127.0.0.1:3000"), ("Content-Type", "application/json"), ("Accept", "*/*"))
URL = "http://127.0.0.1:3000/hook"


def forms(body: bytes = BODY, headers: tuple[tuple[str, str], ...] = HEADERS) -> dict[str, bytes]:
    """One POST in all the forms that keep its headers and its body."""
    text = body.decode()
    pairs = [list(pair) for pair in headers]
    encoded = base64.b64encode(body).decode()
    entry = {
        "startedDateTime": "2030-01-31T09:00:00.000Z",
        "request": {
            "method": "POST", "url": URL, "headers": [{"name": name, "value": value} for name, value in headers],
            "postData": {"mimeType": "application/json", "text": text}, "bodySize": len(body),
        },
        "response": {"status": 200},
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    raw = f"POST {URL} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:])) + b"0\r\n\r\n"
    chunked = f"POST {URL} HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks
    options = "".join(f" \\\n  -H '{name}: {value}'" for name, value in headers)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("US", "\\u0055\\x53")
    doubled = text.replace("\\", "\\\\").replace('"', '\\"')
    record = {"method": "POST", "url": URL, "at": "2030-01-31T09:00:00Z"}
    found = {
        "recorder": {**record, "headers": pairs, "bodyBase64": encoded},
        "recorder, text": {**record, "headers": dict(headers), "body": text},
        "listen": {
            "number": 1, "at": "2030-01-31T09:00:00Z", "method": "POST", "path": URL, "headers": pairs, "body": text,
            "bodyBase64": encoded, "type": "x", "signature": None, "contract": None, "status": 200,
        },
        "exchange": {
            "id": 7, "startedAt": "2030-01-31T09:00:00Z", "type": "x",
            "request": {"method": "POST", "url": URL, "headers": pairs, "body": text, "bodyEncoding": "utf-8"},
            "answer": {"status": 200},
        },
        "lambda": {
            "httpMethod": "POST", "url": URL, "headers": dict(headers), "body": encoded, "isBase64Encoded": True,
        },
        "HAR": {"log": {"version": "1.2", "entries": [entry]}},
        "HAR, base64": {"log": {"entries": [
            {"request": {**entry["request"], "postData": {"text": encoded, "encoding": "base64"}}},
        ]}},
    }  # fmt: skip
    return {
        **{name: json.dumps(value).encode() for name, value in found.items()},
        "HAR, indented, with a byte order mark": b"\xef\xbb\xbf" + json.dumps(found["HAR"], indent=2).encode(),
        "a list": json.dumps([found["recorder"]]).encode(),
        "raw HTTP": raw,
        "raw HTTP, LF": raw.replace(b"\r\n", b"\n") + b"\n",
        "raw HTTP, chunked": chunked,
        "curl": f"curl '{URL}'{options} \\\n  --data-raw '{text}'\n".encode(),
        "curl, ANSI quotes": f"curl -X POST '{URL}'{options} --compressed \\\n  --data-raw $'{escaped}'\n".encode(),
        "curl, double quotes": f'curl -sS {URL}{options} -d "{doubled}"\n'.encode(),
        "curl, --json": f"# as in a manual\n$ curl {URL}{options} --json '{text}'\n".encode(),
        "curl, piped": f"printf '%s' '{text}' | curl {URL}{options} --data-binary @-\n".encode(),
    }


def bodies(body: bytes = BODY) -> dict[str, bytes]:
    """A body alone, in the forms that keep nothing but that."""
    value = json.loads(body)
    return {
        "body": body,
        "body, indented": json.dumps(value, indent=2).encode(),
        "lines": body + b"\n\n" + body + b"\r\n",
        "documents, as jq prints them": (json.dumps(value, indent=2) + "\n").encode() * 2,
    }
