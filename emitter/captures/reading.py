"""Files, folders and standard input: each is opened, its form told by its content, and read piece by piece.

JSON lines are read line by line, however many there are. What has to be read whole has a bound, and says so.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from emitter.captures import curl, forms, har, raw_http
from emitter.captures.documents import of_document, of_line
from emitter.captures.values import BOM, HISTORY, STDIN, Broken, Captured, Origin
from emitter.errors import UsageError

HEAD = 64 * 1024
LONGEST = 4 * 1024 * 1024  # of a line: a body of 1 MiB in base64, and what was answered
MOST_SKIPPED = 64 * 1024 * 1024  # of a line that is too long, before the rest of the file is given up
MOST_BROKEN = 1000  # pieces in a row, before the rest of the file is given up
_ATTEMPT = re.compile(rb'\{"id":([0-9]{1,19}),')
SUFFIXES = (".json", ".jsonl", ".ndjson", ".har", ".http", ".curl", ".sh")


class _Line(NamedTuple):
    number: int
    raw: bytes
    why: str = ""  # it is not read


def _stdin() -> BinaryIO:
    return sys.stdin.buffer


def read(sources: Sequence[str], *, stdin: Callable[[], BinaryIO] = _stdin) -> Iterator[Captured | Broken]:
    """Read every request that `sources` hold: files, folders (their captures, by suffix, in order), `-` for `stdin`.

    Raises `UsageError` at once for a source that is not there, and for a folder without a capture. What cannot be read
    in a file is a `Broken` in its place. Requests that carry nothing, as a GET, are left out.
    """
    files = [file for source in sources for file in _files(source)]
    return chain.from_iterable(_patient(_file(file, stdin), file) for file in files)


def read_history(pieces: Iterable[bytes]) -> Iterator[Captured | Broken]:
    """Read attempts as our own export gives them, a line each: `Door.export(query, "jsonl")`."""
    for number, piece in enumerate(pieces, start=1):
        begun = _ATTEMPT.match(piece)
        origin = Origin(HISTORY, entry=int(begun[1])) if begun else Origin("history", line=number)
        found = of_line(piece, origin)
        if found is not None:
            yield found


def _files(source: str) -> list[str]:
    if source == STDIN:
        return [source]
    try:
        os.stat(source)
        if not os.path.isdir(source):
            return [source]
        inside = sorted(each for each in Path(source).rglob("*") if each.suffix in SUFFIXES and each.is_file())
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise UsageError(f"{source}: {getattr(error, 'strerror', None) or error}.") from None
    if not inside:
        *others, last = (f"*{suffix}" for suffix in SUFFIXES)
        raise UsageError(f"{source}: there is no {', '.join(others)} or {last} in this folder.")
    return [str(each) for each in inside]


def _patient(found: Iterator[Captured | Broken], file: str) -> Iterator[Captured | Broken]:
    """Give a file up after many pieces in a row that cannot be read."""
    row = 0
    for each in found:
        row = row + 1 if isinstance(each, Broken) else 0
        yield each
        if row >= MOST_BROKEN:
            yield Broken(Origin(file), f"{row:,} pieces in a row cannot be read: the rest of the file is not looked at")
            return


def _file(file: str, stdin: Callable[[], BinaryIO]) -> Iterator[Captured | Broken]:
    try:
        with nullcontext(stdin()) if file == STDIN else open(file, "rb") as stream:
            yield from _stream(stream, file)
    except OSError as error:
        yield Broken(Origin(file), f"it cannot be read: {error.strerror or error}")


def _stream(stream: BinaryIO, file: str) -> Iterator[Captured | Broken]:
    begun, ended = _beginning(stream)
    if not begun.strip():
        yield Broken(Origin(file), "it is empty" if ended else f"it begins with {HEAD // 1024} KiB of white space")
        return
    head = begun.removeprefix(BOM).lstrip()
    if why := forms.foreign(begun):
        yield Broken(Origin(file), why)
        return
    form = forms.form_of(head, suffix=Path(file).suffix, ended=ended)
    match form:
        case "lines":
            yield from _lines(stream, begun, file)
        case "har" | "json":
            raw = begun if ended else begun + stream.read(har.LARGEST + 1 - len(begun))
            yield from of_document(raw, file)
        case "http":
            yield from _whole(stream, begun, file, raw_http.LARGEST, raw_http.of_http)
        case "curl" if curl.FOR_CMD.match(begun):
            yield Broken(
                Origin(file), 'it was copied for Windows\' cmd: copy it as cURL for bash ("Copy as cURL (bash)")'
            )
        case "curl":
            yield from _whole(stream, begun, file, curl.LARGEST, curl.of_curl)
        case _:
            yield Broken(Origin(file), forms.stranger(head))


def _beginning(stream: BinaryIO) -> tuple[bytes, bool]:
    """Read as much as tells the form, and say whether that is all. A first line that is whole is enough to begin with:
    what comes through a pipe, line by line, is not waited for.
    """
    begun = b""
    while len(begun) < HEAD:
        line = stream.readline(HEAD)
        if line.startswith(b"{") and not line.endswith(b"\n") and not har.BEGINNING.match(line):
            line += stream.readline(LONGEST)
        begun += line
        if not line:
            return begun, True
        if forms.is_object(line):
            following = stream.readline(HEAD)
            return begun + following, not following
    return begun, False


def _whole(
    stream: BinaryIO,
    begun: bytes,
    file: str,
    largest: int,
    read: Callable[[bytes, str], Iterator[Captured | Broken]],
) -> Iterator[Captured | Broken]:
    raw = begun + stream.read(max(largest + 1 - len(begun), 0))  # a long line of the beginning may be too much already
    if len(raw) > largest:
        yield Broken(
            Origin(file), f"it has more than {largest >> 20} MiB: split it, or bring the requests home as JSON lines"
        )
    else:
        yield from read(raw, file)


# --- JSON lines -------------------------------------------------------------------------------------------------------


def _lines(stream: BinaryIO, begun: bytes, file: str) -> Iterator[Captured | Broken]:
    lines = _numbered(stream, begun)
    first = next(lines, None)
    second = next(lines, None)
    alone = first is not None and second is None
    if alone and first is not None and begun.startswith(BOM):
        first = _Line(1, BOM + first.raw)  # of one body it is part; before many lines it is the file's
    for number, raw, why in chain(filter(None, (first, second)), lines):
        origin = Origin(file) if alone else Origin(file, line=number)
        if why:
            yield Broken(origin, why)
            continue
        found = of_line(raw, origin)
        if found is not None:
            yield found


def _numbered(stream: BinaryIO, begun: bytes) -> Iterator[_Line]:
    """Number the lines that are not empty; what was read to tell the form goes first."""
    number = 0
    *whole, part = begun.removeprefix(BOM).split(b"\n")
    for raw in whole:
        number += 1
        if raw.strip():
            yield _Line(number, raw)
    raw = part + stream.readline(LONGEST)
    while raw:
        number += 1
        if len(raw) >= LONGEST and not raw.endswith(b"\n"):
            ended = _skipped(stream)
            rest = "" if ended else ": the rest of the file is not looked at"
            yield _Line(number, b"", f"this line has more than {LONGEST >> 20} MiB{rest}")
            if not ended:
                return
        elif raw.strip():
            yield _Line(number, raw)
        raw = stream.readline(LONGEST)


def _skipped(stream: BinaryIO) -> bool:
    """Pass over the rest of a line; say whether it ended."""
    left = MOST_SKIPPED
    while left > 0:
        rest = stream.readline(HEAD)
        left -= len(rest)
        if not rest or rest.endswith(b"\n"):
            return True
    return False
