"""From a WireRequest to what libcurl is told; refused is what would say more on the wire than it states."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emitter.delivery import Headers, WireRequest
from emitter.egress import Target, parse_target
from emitter.errors import BadValue

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNASKED = ("Accept", "Content-Type")  # libcurl adds them by itself unless it is told not to
_LONG = 1_000_000  # bytes of a body, from about which on it would add Expect, too
_SILENCING = tuple(f"{name}:" for name in _UNASKED)
_CACHED = 1024
_HEEDED = {"host", "expect", "transfer-encoding", "te", "trailer", "connection", "upgrade"}  # libcurl may act on them

Lines = list[str] | list[bytes]


@dataclass(frozen=True, slots=True)
class _Together:
    """Headers of which only the last two values change, as they are given to libcurl: all in one line but `Host`."""

    names: tuple[str, str]  # of the last two
    host: tuple[str, ...]
    before: str
    between: str
    after: tuple[str, ...]


class Preparer:
    """Checks requests and remembers what many of them share: the shape of the headers, the target of a URL."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, ...], list[str]] = {}
        self._together: dict[Headers, _Together | None] = {}
        self._targets: dict[str, Target] = {}

    def target(self, url: str) -> Target:
        """Take a URL apart, once; raise `BadTarget`."""
        target = self._targets.get(url)
        if target is None:
            if len(self._targets) >= _CACHED:
                self._targets.clear()
            self._targets[url] = target = parse_target(url)
        return target

    def lines(self, request: WireRequest) -> Lines:
        """Return the header lines as libcurl takes them; raise `BadValue` for what would be no header, or two.

        CR, LF and NUL are what libcurl would let through as they are. A value beyond ASCII leaves as UTF-8.
        """
        _, headers, body, _, _, http2, length, _, _ = request
        if (together := self._together.get(headers[:-2])) is not None:
            (name, value), (last, other) = headers[-2:]
            values = value + other
            if (
                (name, last) == together.names
                and value >= "!" <= other  # not empty, no space in front
                and values.isascii()
                and not ("\n" in values or "\r" in values or "\0" in values)
                and length is None
                and len(body) < _LONG
                and not http2
            ):
                one = f"{together.before}{value}{together.between}{other}"
                return [*together.host, one, *together.after]
        lines = self._lines(request)
        if len(headers) > 2:
            self._keep_together(headers)
        return lines

    def _keep_together(self, headers: Headers) -> None:
        """Remember the headers of a request that was found fit to leave.

        libcurl hands a line on as it is, line breaks included, and a line costs it and pycurl half a microsecond.
        """
        hosts = 1 if headers[0][0].lower() == "host" else 0
        rest = headers[hosts:]
        stated = [name.lower() for name, _ in rest]
        before = "".join(f"{name}: {value}\r\n" for name, value in rest[:-2])
        blank = any(not value.strip(" \t") for _, value in rest[:-2])
        if _HEEDED.isdisjoint(stated) and before.isascii() and not blank and len(rest) >= 2:
            if len(self._together) >= _CACHED:
                self._together.clear()
            names = rest[-2][0], rest[-1][0]
            host = tuple(f"{name}: {value}" for name, value in headers[:hosts])
            # what is in the line libcurl does not see, and would add
            after = (*_SILENCING, *(["Content-Length:"] if "content-length" in stated else []))
            self._together[headers[:-2]] = _Together(names, host, f"{before}{names[0]}: ", f"\r\n{names[1]}: ", after)

    def _lines(self, request: WireRequest) -> Lines:
        headers = request.headers
        names = tuple([name for name, _ in headers])
        silenced = self._shapes.get(names)
        if silenced is None:
            silenced = self._shape(names)
        # "Name:" tells libcurl to leave a header out, "Name;" to send it empty
        lines = [f"{name}: {value}" if value.strip(" \t") else f"{name};" for name, value in headers]
        text = "".join(lines)
        if "\r" in text or "\n" in text or "\0" in text:
            _complain(headers)
        if request.declared_length is not None:
            lines = [line for line in lines if line[:15].lower() != "content-length:"]
            lines.append(f"Content-Length: {request.declared_length}")
        lines += silenced
        if len(request.body) >= _LONG:
            lines.append("Expect:")
        if text.isascii():
            return lines
        try:
            return [line.encode() for line in lines]
        except UnicodeEncodeError:
            raise BadValue("headers", text, "cannot be written as UTF-8.") from None

    def _shape(self, names: tuple[str, ...]) -> list[str]:
        for name in names:
            if not _TOKEN.fullmatch(name):
                raise BadValue("header", name, "is no name of a header (RFC 9110, section 5.6.2).")
        stated = {name.lower() for name in names}
        silenced = [f"{name}:" for name in _UNASKED if name.lower() not in stated]
        if len(self._shapes) >= _CACHED:
            self._shapes.clear()
        self._shapes[names] = silenced
        return silenced


def check_request(request: WireRequest) -> None:
    """Raise `BadTarget` or `BadValue` for a request that cannot be sent as it states."""
    preparer = Preparer()
    preparer.target(request.url)
    preparer.lines(request)


def _complain(headers: Headers) -> None:
    for name, value in headers:
        if any(character in value for character in "\r\n\0"):
            raise BadValue(f"header {name}", value, "holds a line break or NUL, which would begin another header.")
