"""What came of a transfer, as an Answer: its status, how far it got, and in words what went wrong."""

from __future__ import annotations

import errno
import os

import pycurl

from emitter.clock import monotonic
from emitter.delivery import HEADERS_CAP, Answer, Headers, Timing, new
from emitter.transport.wire import Transfer, Wire

Head = tuple[int | None, str, Headers, bool]  # status, reason, headers, whether it came to its end

_PARSED_MOST = 256
_LONG = 16_384  # bytes of a body that takes its time to leave
_TLS = {35, 51, 53, 54, 58, 59, 60, 64, 66, 77, 80, 82, 83, 90, 91, 98}
_TOO_LARGE = 100  # CURLE_TOO_LARGE
_BLANK = (b"\r\n", b"\n")

STOPPED = -1  # the sender ended before the transfer did
CUT = -2  # the body was cut on purpose
FLOOD = -3  # headers without end


class Outcomes:
    """Reads answers; remembers blocks of headers, which one receiver repeats for a second at a time."""

    def __init__(self) -> None:
        self._parsed: dict[bytes, Head] = {}

    def answer(self, wire: Wire, code: int = 0, message: str = "") -> Answer:
        """Say what came of a transfer that libcurl has ended with this code."""
        head, chunks = wire.head, wire.chunks
        raw = b"".join(head)
        parsed = self._parsed.get(raw)
        if parsed is None:
            parsed = _parse(head)
            if len(raw) < 4096:
                if len(self._parsed) >= _PARSED_MOST:
                    self._parsed.clear()
                self._parsed[raw] = parsed
        status, reason, headers, whole = parsed
        failure = phase = error = ""
        if code or not whole:
            failure, phase, error = self._failure(wire, code, message, status)
        body = b"".join(chunks) if chunks else b""
        return new(
            Answer,
            (status, reason, headers, body, wire.body_cut, failure, phase, error, _timing(wire), wire.address),
        )

    def _failure(self, wire: Wire, code: int, message: str, status: int | None) -> tuple[str, str, str]:
        transfer = wire.transfer
        where = wire.address or f"{transfer.target.host}:{transfer.target.port}"
        if wire.refused:
            by_name = "" if transfer.target.address else f" ({transfer.target.host} resolves to it)"
            return "egress", "", wire.refused + by_name
        if wire.body_cut:
            return "", "", ""
        if wire.trouble:
            return "send", "", wire.trouble
        if code in (FLOOD, _TOO_LARGE):
            return "protocol", "headers", f"{where} sent headers without end ({len(wire.head)} lines were read)"
        if code == CUT:
            return "send", "body", f"cut on purpose after {transfer.request.cut_after} bytes of the body"
        if code == STOPPED:
            phase, words = reached(wire)
            return "closed", phase, f"given up ({words}): the sender was closed"
        if code == pycurl.E_OPERATION_TIMEDOUT:
            phase, words = reached(wire)
            return "timeout", phase, f"no answer within {transfer.seconds:g} s ({words})"
        if wire.tries > 1:
            return "closed", "", f"{where} closed the connection without an answer"
        number = wire.curl.getinfo(pycurl.OS_ERRNO)
        if code == pycurl.E_COULDNT_RESOLVE_HOST:
            return "lookup", "", message
        if code == pycurl.E_COULDNT_CONNECT:
            return "connect", "", _no_connection(where, number, message)
        if code in _TLS:
            return "tls", "", tls_words(code, message)
        if code == 61 and status is not None:
            return "", "", "the body is in a transfer encoding that is never decoded; it was not read"
        reset = number in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED) or "reset" in message
        if status is None and (code == pycurl.E_GOT_NOTHING or code in (pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR)):
            how = "reset" if reset else "closed"
            return "closed", "", f"{where} {how} the connection without an answer"
        if code in (0, pycurl.E_PARTIAL_FILE) or reset:
            return "closed", reached(wire)[0], f"{where} closed the connection in the middle of its answer"
        if code == pycurl.E_SEND_ERROR:
            return "send", "", f"the request could not be sent to {where}: {message}"
        return "protocol", "", f"{where} did not answer in HTTP: {message}"


def reached(wire: Wire) -> tuple[str, str]:
    """Say how far a transfer got, as a phase and in words."""
    getinfo = wire.curl.getinfo
    if wire.tries == 0:
        if wire.transfer.target.scheme == "https" and wire.opened and getinfo(pycurl.CONNECT_TIME_T) > 0:
            return "tls", "in the TLS handshake"
        return "connect", "connecting"
    if not wire.head:
        return "wait", "waiting for the first byte"
    if not _parse(wire.head)[3]:
        return "headers", "in the middle of the headers"
    return "body", "in the middle of the body"


def before_wire(transfer: Transfer, failure: str, error: str, *, phase: str = "") -> Answer:
    """Answer for a transfer that libcurl never had."""
    total = round((monotonic() - transfer.started) * 1e6) if transfer.started else 0
    lookup = round(transfer.lookup * 1e6) if transfer.lookup else None
    return Answer(failure=failure, phase=phase, error=error, timing=Timing(lookup=lookup, total=total))


def tls_words(code: int, message: str) -> str:
    """Say what is wrong with the TLS of a receiver, and what to do."""
    low = message.lower()
    cure = "trust it with --ca FILE or turn verifyTls off"
    if "self-signed certificate in" in low or "unable to get local issuer" in low:
        return f"TLS: the certificate's authority is not known here; {cure}"
    if "self-signed" in low or "self signed" in low:
        return f"TLS: certificate is self-signed; {cure}"
    if "expired" in low:
        return "TLS: the certificate has expired; renew it or turn verifyTls off"
    if "does not match" in low or "no alternative certificate" in low:
        return f"TLS: the certificate is for another host ({message})"
    if code == 77:
        return f"TLS: the file of authorities cannot be read ({message})"
    if "wrong version number" in low or "packet length too long" in low or "http request" in low:
        return "TLS: the receiver does not speak TLS on this port; is it http?"
    return f"TLS: {message}"


def _no_connection(where: str, number: int, message: str) -> str:
    if number == errno.ECONNREFUSED:
        return f"connection refused by {where}"
    if number:
        return f"no connection to {where}: {os.strerror(number).lower()}"
    return f"no connection to {where}: {message}"


def _timing(wire: Wire) -> Timing:
    transfer, getinfo = wire.transfer, wire.curl.getinfo
    encrypted = transfer.target.scheme == "https"
    lookup = round(transfer.lookup * 1e6) if transfer.lookup else 0
    total = getinfo(pycurl.TOTAL_TIME_T) + lookup
    connect: int | None = 0
    tls: int | None = 0 if encrypted else None
    begun = 0
    if wire.tries and not wire.opened and wire.head and len(transfer.body) <= _LONG:  # as nearly always
        return new(Timing, (lookup, connect, tls, getinfo(pycurl.STARTTRANSFER_TIME_T), total))
    if wire.opened or not wire.tries:  # a new connection, or none
        looked_up, begun = getinfo(pycurl.NAMELOOKUP_TIME_T), getinfo(pycurl.CONNECT_TIME_T)
        connect = begun - looked_up if begun else None
        if encrypted:
            shaken = getinfo(pycurl.APPCONNECT_TIME_T)
            tls = shaken - begun if shaken else None
            begun = shaken or begun
    if not wire.head:
        return Timing(lookup, connect, tls, None, total)
    if wire.opened or len(transfer.body) > _LONG:  # else it left at once, in one piece with its headers
        begun = getinfo(pycurl.POSTTRANSFER_TIME_T) or begun
    return Timing(lookup, connect, tls, max(getinfo(pycurl.STARTTRANSFER_TIME_T) - begun, 0), total)


def _parse(lines: list[bytes]) -> Head:
    """Read the last block that begins with a status; an interim one (1xx) is none."""
    start = -1
    for number, line in enumerate(lines):
        if line[:5] == b"HTTP/" and (number == 0 or lines[number - 1] in _BLANK):
            start = number
    if start < 0:
        return None, "", (), False
    first = lines[start].decode("latin-1").rstrip("\r\n").split(" ", 2)
    status = int(first[1][:3]) if len(first) > 1 and first[1][:3].isdigit() else None
    if status is None or status < 200 and status != 101:
        return None, "", (), False
    headers: list[tuple[str, str]] = []
    whole = False
    for line in lines[start + 1 :]:
        if line in _BLANK:
            whole = True
            break
        text = line.decode("latin-1").rstrip("\r\n")
        if text[:1] in (" ", "\t") and headers:  # a folded line (RFC 9112, section 5.2)
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {text.strip()}")
            continue
        name, _, value = text.partition(":")
        headers.append((name.strip(), value.strip()))
    return status, first[2] if len(first) > 2 else "", _capped(headers), whole


def _capped(headers: list[tuple[str, str]]) -> Headers:
    size = 0
    for number, (name, value) in enumerate(headers):
        size += len(name) + len(value)
        if size > HEADERS_CAP:
            return tuple(headers[:number])
    return tuple(headers)
