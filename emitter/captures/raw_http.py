"""Requests as they go over the wire: request line, headers, an empty line, the body; several after one another.

Line ends may be LF or CR LF. Where a body does not have the length that its head says, because somebody's editor or
tool changed it, it is taken up to the next request and marked as not exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emitter.captures.shapes import MOST_HEADERS, Unreadable, carries_nothing
from emitter.captures.values import Broken, Captured, Origin
from emitter.errors import shown
from emitter.signing import Headers

LARGEST = 64 * 1024 * 1024
LARGEST_HEAD = 256 * 1024
MOST_CHUNKS = 20_000
BEGINNING = re.compile(rb"[A-Z]{3,16} \S{1,8192} HTTP/[0-9](?:\.[0-9])?[ \t]*\r?\n")
_NEXT = re.compile(rb"^[A-Z]{3,16} \S{1,8192} HTTP/[0-9](?:\.[0-9])?[ \t]*\r?$", re.MULTILINE)
_LINE_END = re.compile(rb"\r?\n")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")


class _BrokenOff(Unreadable):
    """A body in chunks that cannot be read beyond `at`. What stands before is of that body, and holds no request."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.at = at


def of_http(raw: bytes, file: str) -> Iterator[Captured | Broken]:
    """Read every request of a file; one that cannot be read costs what stands before the next request line."""
    at, line, counted = 0, 1, 0
    while True:
        while raw[at : at + 1] in (b"\r", b"\n", b" ", b"\t"):
            at += 1
        if at >= len(raw):
            return
        line += raw.count(b"\n", counted, at)
        counted, origin = at, Origin(file, line=line)
        try:
            captured, at = _request(raw, at, origin)
        except Unreadable as error:
            yield Broken(origin, str(error))
            at = _next(raw, error.at if isinstance(error, _BrokenOff) else at + 1)
        else:
            if captured is not None:
                yield captured


def _next(raw: bytes, at: int) -> int:
    """Where the next request begins; the end of the file if there is none."""
    found = _NEXT.search(raw, at)
    return found.start() if found else len(raw)


def _request(raw: bytes, at: int, origin: Origin) -> tuple[Captured | None, int]:
    """Read the request that begins at `at`; return it, and where it ends."""
    begun = BEGINNING.match(raw, at)
    if not begun:
        raise Unreadable("here should be a request line, as POST /hook HTTP/1.1")
    method, url = (part.decode("latin-1") for part in begun.group().split()[:2])
    headers, end = _head(raw, begun.end())
    body, exact, at = _body(raw, end, headers)
    if carries_nothing(method, body):
        return None, at
    return Captured(body, headers, method, url, origin=origin, exact=exact), at


def _head(raw: bytes, at: int) -> tuple[Headers, int]:
    """Read the headers that begin at `at`; return them, and where the body begins."""
    pairs: list[tuple[str, str]] = []
    most = at + LARGEST_HEAD
    while at < most:
        end = raw.find(b"\n", at, most)
        if end < 0:
            break
        line, at = raw[at:end].removesuffix(b"\r"), end + 1
        if not line:
            return tuple(pairs), at
        if line[:1] in (b" ", b"\t") and pairs:  # the folded lines of old
            name, value = pairs[-1]
            pairs[-1] = name, f"{value} {line.strip().decode('latin-1')}"
            continue
        token, colon, text = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(token):
            raise Unreadable(f"a line of its head is no header: {shown(line[:60].decode('latin-1'))}")
        pairs.append((token.decode("latin-1"), text.strip(b" \t").decode("latin-1")))
        if len(pairs) > MOST_HEADERS:
            raise Unreadable(f"it has more than {MOST_HEADERS:,} headers")
    if at < most and len(raw) < most:
        raise Unreadable("it breaks off within its head: no empty line follows the headers")
    raise Unreadable(f"its head has more than {LARGEST_HEAD // 1024} KiB")


def _body(raw: bytes, start: int, headers: Headers) -> tuple[bytes, bool, int]:
    """The body that begins at `start`, whether it is exact, and where it ends."""
    named = {name.lower(): value for name, value in headers}
    if "chunked" in named.get("transfer-encoding", "").lower():
        return _chunked(raw, start)
    text = named.get("content-length", "")
    if not text:
        end = _next(raw, start)
        body = raw[start:end]
        return body.rstrip(b"\r\n") if end < len(raw) or not body.strip() else body, False, end
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Unreadable(f"its Content-Length is no number: {shown(text, 40)}")
    length = int(text)
    end = start + length
    if end <= len(raw) and (not raw[end:].strip() if len(raw) - end < 16 else _follows(raw, end)):
        return raw[start:end], True, end
    end = _next(raw, start)
    body = raw[start:end].rstrip(b"\r\n")
    if len(body) < length and not body.endswith((b"}", b"]")):
        raise Unreadable(f"it breaks off: {len(body):,} bytes of a body of {length:,}")
    return body, False, end


def _follows(raw: bytes, at: int) -> bool:
    """Whether another request begins here, or only white space is left."""
    while raw[at : at + 1] in (b"\r", b"\n"):
        at += 1
    return at >= len(raw) or BEGINNING.match(raw, at) is not None


def _chunked(raw: bytes, at: int) -> tuple[bytes, bool, int]:
    parts: list[bytes] = []
    while True:
        size = _SIZE.match(raw, at)
        if not size:
            raise _BrokenOff("its body is chunked, and here is no size of a chunk", at)
        length, start = int(size[1], 16), size.end()
        if length == 0:
            break
        if start + length > len(raw):
            raise _BrokenOff(f"it breaks off within a chunk of {length:,} bytes", at)
        if len(parts) >= MOST_CHUNKS:
            raise _BrokenOff(f"its body has more than {MOST_CHUNKS:,} chunks", at)
        ended = _LINE_END.match(raw, start + length)
        if not ended:
            raise _BrokenOff("a chunk of its body is longer than its size says", at)
        parts.append(raw[start : start + length])
        at = ended.end()
    ended = _LINE_END.match(raw, start)
    return b"".join(parts), True, ended.end() if ended else _head(raw, start)[1] if start < len(raw) else start
