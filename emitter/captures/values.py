"""What reading a capture gives: a request as it was received, or a piece that could not be read."""

from __future__ import annotations

from dataclasses import dataclass

from emitter.signing import Headers

STDIN, HISTORY = "-", "(history)"
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a capture stands: the file (`-`: standard input), and in it a line or an entry, each counted from 1.

    In the history of a simulator (`HISTORY`) the entry is the number of the attempt.
    """

    file: str
    line: int = 0
    entry: int = 0

    def __str__(self) -> str:
        if self.file == HISTORY:
            return f"attempt {self.entry}"
        name = "standard input" if self.file == STDIN else self.file
        if self.line:
            return f"{name}:{self.line}"
        return f"{name}, entry {self.entry}" if self.entry else name


@dataclass(frozen=True, slots=True)
class Captured:
    """One request as it was captured; all but the body may be unknown.

    Names and values of headers are as they came. `method` and `url` are empty where the form does not tell them; a URL
    may be a path only.
    """

    body: bytes
    headers: Headers = ()
    method: str = ""
    url: str = ""
    at: int | None = None  # nanoseconds since 1970, when it was captured
    origin: Origin = Origin("")
    status: int | None = None  # what the receiver answered, where the capture has it
    exact: bool = True  # False: the form does not keep the body byte for byte (decoded text, written anew)


@dataclass(frozen=True, slots=True)
class Broken:
    """A piece that could not be read, and why: it costs that piece, not the file."""

    origin: Origin
    why: str
