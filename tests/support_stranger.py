"""A receiver as somebody else would write it: the standard library only, and what a manual would tell.

Run as a program it prints its port. It keeps nothing of ours: no import, no constant. For each request it says, as a
line of JSON, whether the signature holds, and whether it still holds when one byte of the body is another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ.get("WEBHOOK_SECRET", "").encode()
MODE, ENCODING, PREFIX = (sys.argv[1:] + [""] * 3)[:3]


def written(digest: bytes) -> str:
    return PREFIX + (base64.b64encode(digest).decode() if ENCODING == "base64" else digest.hex())


def holds(headers: dict[str, str], body: bytes) -> bool:
    """Whether every signature that this mode promises is there and right."""
    sha256 = written(hmac.new(SECRET, body, hashlib.sha256).digest())
    sha1 = written(hmac.new(SECRET, body, hashlib.sha1).digest())
    if MODE == "standard-webhooks":
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(SECRET, content, hashlib.sha256).digest()
        return hmac.compare_digest(headers["webhook-signature"], "v1," + base64.b64encode(digest).decode())
    if MODE == "off":
        return not any("signature" in name for name in headers)
    right = True
    if MODE in ("sha256", "both"):
        right &= hmac.compare_digest(headers.get("x-immuta-webhook-signature-sha256", ""), sha256)
    if MODE in ("sha1", "both"):
        right &= hmac.compare_digest(headers.get("x-immuta-webhook-signature", ""), sha1)
    return right


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        flipped = [bytes([*body[:at], body[at] ^ 1, *body[at + 1 :]]) for at in range(0, len(body), 7)]
        still = sum(holds(headers, other) for other in flipped)
        said = {"ok": holds(headers, body), "flipped": len(flipped), "still": still, "type": json.loads(body)["type"]}
        print(json.dumps(said), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    print(server.server_port, flush=True)
    server.serve_forever()
