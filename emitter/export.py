"""Attempts in forms that other tools read: JSON lines, HAR 1.2, CSV, curl commands; never gathered, written one by one.

A target's user and query are masked here as in every view. A signing key is in none of these; its signatures are.
"""

from __future__ import annotations

import base64
import csv
import io
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import orjson

from emitter import clock
from emitter.delivery import Answer, Headers, Timing, Webhook, masked
from emitter.errors import BadValue, nearest, shown
from emitter.history import History
from emitter.query import AttemptQuery
from emitter.store.rows import AttemptRow, AttemptWire

_CURL_ADDS = frozenset(("host", "content-length", "transfer-encoding", "connection"))


def export(history: History, query: AttemptQuery, form: str) -> Iterator[bytes]:
    """Write every attempt that matches, newest first, in one of `FORMS`; raise `BadValue` for another one.

    The limit of a query counts pages of a view and means nothing here.
    """
    if form not in FORMS:
        hint = nearest(form, FORMS)
        raise BadValue("format", form, f"is none of {', '.join(FORMS)}." + (f' Nearest: "{hint[0]}".' if hint else ""))
    return FORMS[form](history, query)


def _json_lines(history: History, query: AttemptQuery) -> Iterator[bytes]:
    for row, wire in history.every(query):
        yield orjson.dumps(history.exchange(row, wire)) + b"\n"


# --- HAR: the HTTP Archive format, version 1.2 ------------------------------------------------------------------------


def _har(history: History, query: AttemptQuery) -> Iterator[bytes]:
    creator = orjson.dumps({"name": "emitter", "version": _version()})
    yield b'{"log":{"version":"1.2","creator":' + creator + b',"pages":[],"entries":['
    separator = b"\n"
    for row, wire in history.every(query):
        yield separator + orjson.dumps(_entry(row, wire, history.webhook_of(row.webhook)))
        separator = b",\n"
    yield b"\n]}}\n"


def _entry(row: AttemptRow, wire: AttemptWire, webhook: Webhook) -> dict[str, Any]:
    protocol = "HTTP/2" if webhook.http2 else "HTTP/1.1"
    timings = _timings(wire.answer.timing if wire.answer else Timing())
    entry = {
        "startedDateTime": clock.rfc3339(row.started, 6),
        "time": round(sum(part for name, part in timings.items() if part > 0 and name != "ssl"), 3),
        "request": _request(row, wire, masked(wire.url), protocol),
        "response": _response(wire.answer, protocol),
        "cache": {},
        "timings": timings,
        "comment": f"{row.type}, attempt {row.number}: {row.outcome}",
        "_attempt": row.id,
        "_outcome": row.outcome,
    }
    if row.faults:
        entry["_faults"] = list(row.faults)
    if wire.answer and wire.answer.address:
        host, _, port = wire.answer.address.rpartition(":")
        entry |= {"serverIPAddress": host.strip("[]"), "connection": port}
    return entry


def _request(row: AttemptRow, wire: AttemptWire, url: str, protocol: str) -> dict[str, Any]:
    body = row.body if wire.body is None else wire.body
    text, encoding = _text(body)
    posted = {"mimeType": _value(wire.headers, "content-type"), "params": [], "text": text}
    if encoding:  # The format knows an encoding for answers only; a member of one's own begins with an underscore.
        posted |= {"_encoding": encoding, "comment": "The text is base64 of the body, which is no UTF-8."}
    return {
        "method": "POST",
        "url": url,
        "httpVersion": protocol,
        "cookies": [],
        "headers": _pairs(wire.headers),
        "queryString": [],
        "postData": posted,
        "headersSize": -1,
        "bodySize": len(body),
    }


def _response(answer: Answer | None, protocol: str) -> dict[str, Any]:
    answer = answer or Answer(error="No answer is known: it is under way, or was interrupted.")
    text, encoding = _text(answer.body)
    content = {
        "size": len(answer.body),
        "mimeType": _value(answer.headers, "content-type") or "x-unknown",
        "text": text,
    }
    if encoding:
        content["encoding"] = encoding
    if answer.body_cut:
        content["comment"] = f"Cut after {len(answer.body):,} bytes; the rest was not read."
    response = {
        "status": answer.status or 0,
        "statusText": answer.reason,
        "httpVersion": protocol if answer.status else "",
        "cookies": [],
        "headers": _pairs(answer.headers),
        "content": content,
        "redirectURL": _value(answer.headers, "location"),
        "headersSize": -1,
        "bodySize": len(answer.body) if answer.status and not answer.body_cut else -1,
    }
    if answer.error:
        response |= {"comment": answer.error, "_error": answer.error}
    return response


def _timings(timing: Timing) -> dict[str, float]:
    """In milliseconds; -1 for what did not happen. `connect` holds `ssl`, as the format says."""
    connect = None if timing.connect is None else timing.connect + (timing.tls or 0)
    known = (timing.lookup or 0) + (connect or 0) + (timing.first_byte or 0)
    return {
        "blocked": -1,
        "dns": _milliseconds(timing.lookup),
        "connect": _milliseconds(connect),
        "send": 0,
        "wait": _milliseconds(timing.first_byte or 0),
        "receive": _milliseconds(max(timing.total - known, 0)),
        "ssl": _milliseconds(timing.tls),
    }


def _milliseconds(microseconds: int | None) -> float:
    return -1 if microseconds is None else microseconds / 1000


def _pairs(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _value(headers: Headers, wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _text(raw: bytes) -> tuple[str, str]:
    try:
        return raw.decode("utf-8"), ""
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), "base64"


def _version() -> str:
    try:
        return version("request-app-emitter")
    except PackageNotFoundError:
        return "0"


# --- CSV (RFC 4180): a row an attempt, without bodies -----------------------------------------------------------------

_COLUMNS = (
    "id", "startedAt", "type", "dataProductId", "dataProductName", "outcome", "status", "failure", "error",
    "durationMs", "number", "verdict", "faults", "url", "run", "seed", "resendOf", "scheduledAt", "eventAt", "eventId",
    "deliveryId", "webhookId",
)  # fmt: skip


def _csv(history: History, query: AttemptQuery) -> Iterator[bytes]:
    yield _csv_row(_COLUMNS)
    for row, _ in history.every(query):
        found = history.summary(row)
        yield _csv_row([found[name] for name in _COLUMNS])


def _csv_row(values: Sequence[Any]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerow([_cell(value) for value in values])
    return written.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    """Write a value so that no spreadsheet takes what a stranger wrote for a formula: those get an apostrophe."""
    if not isinstance(value, str | list):
        return "" if value is None else str(value)
    text = value if isinstance(value, str) else ",".join(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


# --- curl -------------------------------------------------------------------------------------------------------------


def _curl(history: History, query: AttemptQuery) -> Iterator[bytes]:
    for row, wire in history.every(query):
        yield curl(row, wire, history.webhook_of(row.webhook)).encode("utf-8", "replace") + b"\n"


def curl(row: AttemptRow, wire: AttemptWire, webhook: Webhook) -> str:
    """Write one attempt as a command for a POSIX shell that posts the same bytes with the same headers."""
    url = masked(wire.url)
    outcome = f"{row.outcome} {row.status}" if row.status else row.outcome
    lines = [f"# attempt {row.id}, {clock.rfc3339(row.started, 3)}, {_plain(row.type)}: {outcome}"]
    if row.faults:
        lines.append(f"# It went wrong on purpose: {', '.join(row.faults)}.")
    if url != wire.url:
        lines.append("# The target's user and query are masked (***). Put them back before you run this.")
    words = ["curl", "--silent", "--show-error", "--include", "--globoff", "--http2" if webhook.http2 else "--http1.1"]
    words += [] if webhook.verify_tls else ["--insecure"]
    words += ["--cacert", shlex.quote(webhook.ca)] if webhook.ca else []
    command = [" ".join([*words, "--request", "POST", shlex.quote(url)])]
    for name, value in wire.headers:
        if name.lower() not in _CURL_ADDS:  # a header without a value is written with a semicolon
            command.append("--header " + shlex.quote(f"{name}: {value}" if value else f"{name};"))
    body = row.body if wire.body is None else wire.body
    word = _shell_word(body)
    source = "" if word else f"printf '%b' '{_octal(body)}' | "
    command.append(f"--data-binary {word or '@-'}")
    return "\n".join([*lines, source + " \\\n  ".join(command), ""])


def _shell_word(body: bytes) -> str:
    """Quote a body for the shell; empty where a word cannot hold it, or curl would take it for the name of a file."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    plain = all(character.isprintable() or character in "\n\t" for character in text)
    return "" if not plain or text.startswith("@") else shlex.quote(text)


def _octal(body: bytes) -> str:
    """Write bytes as what `printf '%b'` of POSIX takes."""
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\0{byte:03o}" for byte in body)


def _plain(text: str) -> str:
    return shown(text)[1:-1]


FORMS: Mapping[str, Callable[[History, AttemptQuery], Iterator[bytes]]] = MappingProxyType(
    {"jsonl": _json_lines, "har": _har, "csv": _csv, "curl": _curl}
)
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "jsonl": "application/x-ndjson",
        "har": "application/json",
        "csv": "text/csv; charset=utf-8",
        "curl": "text/x-shellscript; charset=utf-8",
    }
)
