"""What a stand-in keeps of the requests to it: each call with what came of it behind its answer, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from emitter.clock import rfc3339
from emitter.signing import Headers

Json = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Said:
    """The answer to one call and what is to be told of it.

    `came` is what was asked, `became` what came of it, in a few words each; `why` says what is wrong, and what mends
    it, where the one who called cannot see it. `passed` is whether it came to what the caller wanted.
    """

    status: int
    body: bytes = b""
    headers: Headers = ()
    came: str = ""
    became: str = ""
    passed: bool = True
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a stand-in, with what came of it. Its query is left out: it may hold a secret."""

    number: int  # 1 for the first
    at: int  # nanoseconds since 1970, on the stand-in's clock
    method: str
    path: str
    status: int | None  # None: the connection was dropped, as scripted
    came: str
    became: str
    passed: bool
    why: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """Turn it into what JSON can hold."""
        return {
            "number": self.number, "at": rfc3339(self.at, 3), "method": self.method, "path": self.path,
            "status": self.status, "came": self.came, "became": self.became, "passed": self.passed,
            "why": list(self.why),
        }  # fmt: skip


class Bounded(Generic[Item]):
    """The newest of something: at most so many, and at most so many bytes of it."""

    def __init__(self, most: int, most_bytes: int, size: Callable[[Item], int]) -> None:
        self._most, self._most_bytes, self._size = max(most, 1), most_bytes, size
        self._items: deque[Item] = deque()
        self._bytes = 0
        self.count = 0
        """How many there have been."""

    def add(self, item: Item) -> None:
        self._items.append(item)
        self.count += 1
        self._bytes += self._size(item)
        while len(self._items) > self._most or (self._bytes > self._most_bytes and len(self._items) > 1):
            self._bytes -= self._size(self._items.popleft())

    def clear(self) -> None:
        self._items.clear()
        self._bytes = self.count = 0

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def holds(value: object, text: str) -> bool:
    """Whether a text stands in any string of a JSON value, upper or lower case."""
    wanted, waiting = text.casefold(), [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            if wanted in found.casefold():
                return True
        elif isinstance(found, dict):
            waiting += found.keys()
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
    return False
