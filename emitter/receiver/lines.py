"""What `listen` prints: two lines a request for people, one line of JSON for programs.

What came from outside is shown escaped: a request must not be able to speak to the terminal.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from emitter.clock import rfc3339
from emitter.errors import shown
from emitter.receiver.capture import Capture
from emitter.receiver.forward import Forwarded
from emitter.signing import Verdict
from emitter.typed import duration_text

_PREFIX = "marketplace.data_product."
_GREEN, _RED, _YELLOW, _DIM = "32", "31", "33", "2"


def line(capture: Capture, *, colour: bool = False) -> str:
    """Write a capture for people: what came, what was answered, and what is wrong beneath."""
    time = rfc3339(capture.at, 0).replace("T", " ").removesuffix("Z")
    if capture.method != "POST" and capture.forwarded is None:
        asked = f"--> {_plain(capture.method)} {_plain(capture.path)}"
        return "  ".join([_paint(time, _DIM, colour), asked, "no POST, so no webhook", _answered(capture, colour)])
    came = [_paint(time, _DIM, colour), f"--> {_type(capture)}"]
    if capture.product_name:
        came.append(_plain(capture.product_name))
    came += [_signature(capture.signature, colour), _contract(capture, colour)]
    went = [
        _paint(time, _DIM, colour),
        f"<-- {_answered(capture, colour)} {_plain(capture.method)} {_plain(capture.path)}",
    ]
    went.append(_milliseconds(capture.took) + (f", held back {duration_text(capture.delay)}" if capture.delay else ""))
    if capture.forwarded is not None:
        went.append(_forwarded(capture.forwarded, colour))
    lines = ["  ".join(came), *(f"    {detail}" for detail in _details(capture)), "  ".join(went)]
    return "\n".join(lines)


def as_json(capture: Capture) -> dict[str, Any]:
    """Turn a capture into what JSON can hold. `body` is null where it is not UTF-8; `bodyBase64` always holds it."""
    try:
        body = capture.body.decode()
    except UnicodeDecodeError:
        body = None
    return {
        "number": capture.number,
        "at": rfc3339(capture.at),
        "method": capture.method,
        "path": capture.path,
        "headers": [list(pair) for pair in capture.headers],
        "body": body,
        "bodyBase64": b64encode(capture.body).decode(),
        "type": capture.type or None,
        "signature": None if capture.signature is None else _verdict(capture.signature),
        "contract": None
        if not capture.contract
        else {
            "verdict": capture.contract,
            "violations": [
                {"pointer": one.pointer, "rule": one.rule, "message": one.message, "provenance": one.provenance or None}
                for one in capture.violations
            ],
        },
        "status": capture.status,
        "answer": capture.answer,
        "tookMicroseconds": capture.took,
        "forwarded": None
        if capture.forwarded is None
        else {"status": capture.forwarded.status, "error": capture.forwarded.error or None},
    }


def json_line(capture: Capture) -> str:
    """Write a capture as one line of JSON in ASCII."""
    return json.dumps(as_json(capture), separators=(",", ":"))


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "ok": verdict.ok,
        "reason": verdict.reason,
        "header": verdict.header or None,
        "key": verdict.key,
        "likely": list(verdict.likely),
        "remarks": list(verdict.remarks),
    }


def _details(capture: Capture) -> list[str]:
    details = []
    if capture.signature is not None and not capture.signature.ok:
        details += [capture.signature.reason, *capture.signature.likely, *capture.signature.remarks]
    details += [str(violation) for violation in capture.violations]
    return [_plain(detail, most=500) for detail in details]


def _type(capture: Capture) -> str:
    return _plain(capture.type.removeprefix(_PREFIX)) if capture.type else "(no event)"


def _signature(verdict: Verdict | None, colour: bool) -> str:
    if verdict is None or (verdict.ok and not verdict.header):  # no key, or signing is off
        return _paint("signature not checked", _DIM, colour)
    return _paint("signature ok", _GREEN, colour) if verdict.ok else _paint("signature refused", _RED, colour)


def _contract(capture: Capture, colour: bool) -> str:
    match capture.contract:
        case "valid":
            return _paint("contract ok", _GREEN, colour)
        case "invalid":
            return _paint(f"contract broken ({len(capture.violations)})", _RED, colour)
        case "unknown":
            return _paint("contract has no such type", _YELLOW, colour)
    return _paint("contract not checked", _DIM, colour)


def _answered(capture: Capture, colour: bool) -> str:
    if capture.status is None:
        return _paint(f"[{capture.answer.partition(':')[0]}]", _YELLOW, colour)
    return _paint(f"[{capture.status}]", _GREEN if capture.status < 300 else _RED, colour)


def _forwarded(forwarded: Forwarded, colour: bool) -> str:
    if forwarded.status is None:
        return _paint(_plain(f"not forwarded: {forwarded.error}", most=500), _RED, colour)
    return f"forwarded: {forwarded.status}"


def _milliseconds(microseconds: int) -> str:
    return f"{microseconds / 1000:.0f} ms" if microseconds >= 10_000 else f"{microseconds / 1000:.1f} ms"


def _plain(text: str, most: int = 120) -> str:
    return shown(text, most=most)[1:-1]


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
