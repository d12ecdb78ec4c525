"""What the app posts: verified over its raw bytes, bounded, and read as far as it is documented."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

HEADER = "X-Immuta-Webhook-Signature-Sha256"
LARGEST, DEEPEST = 256 * 1024, 32
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True)
class Event:
    """What may be depended on. There is no event id: type, time and product are what it is known by."""

    type: str
    time: datetime  # UTC, cut to microseconds
    digits: str  # all nine of its fraction
    product: str
    name: str
    link: str

    @property
    def digest(self):
        known_by = [self.type, f"{self.time:%Y-%m-%dT%H:%M:%S}.{self.digits}", self.product]
        return hashlib.sha256(json.dumps(known_by).encode()).hexdigest()


def is_signed(signatures, body, keys):
    """Whether a signature fits one of the keys, compared in constant time over the bytes as they came."""
    given = [one.strip().encode() for each in signatures for one in each.split(",")]
    expected = [hmac.new(key.encode(), body, hashlib.sha256).hexdigest().encode() for key in keys]
    return any(hmac.compare_digest(one, right) for one in given for right in expected)


def read(body):
    """Read the envelope; other members, and types that are new, are let be. Raises ValueError for what is no event."""
    depth = 0
    for token in _TOKENS.finditer(body):  # before the parser, whose own bound is the stack
        depth += (token[0] in (b"[", b"{")) - (token[0] in (b"]", b"}"))
        if depth > DEEPEST:
            raise ValueError("the body is nested too deep")
    event = json.loads(body.decode("utf-8"))
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict) or not isinstance(event.get("type"), str):
        raise ValueError("the body is no event")
    stamp = _TIME.fullmatch(event["timestamp"]) if isinstance(event.get("timestamp"), str) else None
    if stamp is None:
        raise ValueError("the event has no time")
    digits = (stamp[2] or "").ljust(9, "0")
    try:
        time = datetime.fromisoformat(f"{stamp[1]}.{digits[:6]}{stamp[3].replace('Z', '+00:00')}").astimezone(UTC)
    except OverflowError:
        raise ValueError("the event has no time that there is") from None
    data = {name: value for name, value in event["data"].items() if isinstance(value, str)}
    "".join((event["type"], *data.values())).encode()  # half a character is no text: a ValueError, too
    if len(data.get("dataProductId", "")) > 255:
        raise ValueError("the id of the product is too long for one")
    link = data.get("actionLink", "")
    return Event(
        type=event["type"], time=time, digits=digits, product=data.get("dataProductId", ""),
        name=data.get("dataProductName", ""), link=link if link.startswith("https://") and len(link) < 2000 else "",
    )  # fmt: skip
