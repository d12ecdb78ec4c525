"""What a file seems to be, told by how it begins; and in words, what one is that no capture can be."""

from __future__ import annotations

import re

import orjson

from emitter.captures import curl, har, raw_http
from emitter.errors import shown

_LOOKED_AT = 20  # lines of the beginning in which JSON lines are looked for

_MAGIC = (
    (b"\x1f\x8b", "is compressed with gzip: unpack it first, as `gunzip -c FILE | emitter check -`"),
    (b"PK\x03\x04", "is a ZIP archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first, as `zstd -dc FILE | emitter check -`"),
    (b"\x78\x9c", "is compressed with zlib: unpack it first"),
    (b"BZh", "is compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "is compressed with xz: unpack it first"),
    (b"SQLite format 3\0", "is an SQLite file. If it is a store of emitter's: `emitter check --history --store FILE`"),
    (b"\xd4\xc3\xb2\xa1", "holds packets (pcap): export the requests, as raw HTTP or HAR"),
    (b"\xa1\xb2\xc3\xd4", "holds packets (pcap): export the requests, as raw HTTP or HAR"),
    (b"\x0a\x0d\x0d\x0a", "holds packets (pcapng): export the requests, as raw HTTP or HAR"),
    (b"\xff\xfe", "is UTF-16: write it as UTF-8, as `iconv -f UTF-16 -t UTF-8 FILE | emitter check -`"),
    (b"\xfe\xff", "is UTF-16: write it as UTF-8, as `iconv -f UTF-16 -t UTF-8 FILE | emitter check -`"),
)
_FLOWS = re.compile(rb"[0-9]{1,9}:[0-9]{1,4}:[a-z]")  # a netstring of netstrings, as mitmproxy writes its flows
_ANSWER = re.compile(rb"HTTP/[0-9](?:\.[0-9])? [0-9]{3}")
KNOWN = "a JSON body, JSON lines, HAR, raw HTTP or curl commands"


def foreign(head: bytes) -> str:
    """Say what no text can be that begins so; nothing for one that may be a capture."""
    for magic, words in _MAGIC:
        if head.startswith(magic):
            return f"it {words}"
    if _FLOWS.match(head):
        return (
            "it seems to be a file of mitmproxy's flows: write them as HAR, as `mitmdump -nr FILE --set hardump=x.har`"
        )
    if b"\0" in head[:4] and head.replace(b"\0", b"")[:1] in (b"{", b"["):
        return "it is UTF-16 or UTF-32: write it as UTF-8"
    if b"\0" in head:
        return f"it is binary, and no capture: {KNOWN} were expected"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end within a character. Raw HTTP and shell scripts may hold any bytes; their beginning is ASCII.
        if error.start < len(head) - 4 or len(head) < 16:
            if not raw_http.BEGINNING.match(head) and not curl.BEGINNING.match(head):
                return f"it is not UTF-8 (byte {error.start}), and no capture: {KNOWN} were expected"
    return ""


def form_of(head: bytes, *, suffix: str, ended: bool) -> str:
    """Tell a form by how a file begins: `lines`, `har`, `json`, `http`, `curl`; or nothing, where it is none of them.

    `head` begins with something that is no white space, and `ended` says that it is all there is.
    """
    if head[:1] in (b"{", b"["):
        if har.BEGINNING.match(head):
            return "har"
        if head[:1] == b"{" and (suffix in (".jsonl", ".ndjson") or _has_json_lines(head, ended=ended)):
            return "lines"
        return "json"
    if raw_http.BEGINNING.match(head):
        return "http"
    if curl.BEGINNING.match(head):
        return "curl"
    if suffix in (".jsonl", ".ndjson") or _has_json_lines(head, ended=ended):
        return "lines"
    if curl.SOMEWHERE.search(head):
        return "curl"
    return "json" if _is_scalar(head) else ""


def stranger(head: bytes) -> str:
    """Say what a text seems to be that has none of the forms."""
    if _ANSWER.match(head):
        return "it begins with an answer, and no request"
    if curl.FOR_POWERSHELL.match(head):
        return 'it was copied for PowerShell: copy it as cURL instead ("Copy as cURL (bash)")'
    if head[:1] == b"<":
        return f"it seems to be XML or HTML, and no capture: {KNOWN} were expected"
    return f"it is no capture: {KNOWN} were expected, and it begins with {shown(head[:40].decode('latin-1'), 40)}"


def _has_json_lines(head: bytes, *, ended: bool) -> bool:
    """Whether one of the first lines is a whole object, and not the only thing there is."""
    lines = head.split(b"\n", _LOOKED_AT)
    whole = lines if ended or len(lines) > _LOOKED_AT else lines[:-1]
    found = [line for line in whole[:_LOOKED_AT] if line.strip()]
    return any(line.startswith(b"{") and is_object(line) for line in found)


def is_object(line: bytes) -> bool:
    """Whether a line is a whole JSON object."""
    line = line.strip()
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return False
    try:
        return isinstance(orjson.loads(line), dict)
    except ValueError:
        return False


def _is_scalar(head: bytes) -> bool:
    """Whether it begins as any other JSON value does: a body that is one breaks its schema."""
    return head[:1] == b'"' or re.match(rb"(?:-?[0-9][-+0-9.eE]*|true|false|null)\s*\Z", head) is not None
