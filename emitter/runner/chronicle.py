"""What has happened in a run so far, in order: each event with its product, its request and the step that caused it.

Kept in columns, because a long run has hundreds of thousands of events.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emitter.world import Caused


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: its number in the store, its type, when it happened, what it is about."""

    event: int
    type: str
    at: int
    product: str  # id
    request: str  # id
    line: int  # of the step that caused it; 0: time did


class Chronicle:
    """Notes the events of one run; any thread may note, the playing one reads."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._events, self._stamps = array("q"), array("q")
        self._types, self._products, self._requests, self._lines = array("i"), array("i"), array("i"), array("i")
        self._words: list[str] = []
        self._known: dict[str, int] = {}
        self.product_names: dict[str, str] = {}
        self.request_users: dict[str, str] = {}
        self.verdicts: Counter[str] = Counter()
        self.line = 0
        """The step that acts now."""

    def __len__(self) -> int:
        return len(self._events)

    def heard(self, caused: Sequence[Caused]) -> None:
        """Note what the world has told, where it belongs to this run."""
        with self._lock:
            for each in caused:
                happening = each.happening
                if happening.run != self._run:
                    continue
                request = happening.requests[0] if len(happening.requests) == 1 else None
                product = happening.product
                if product is not None:
                    self.product_names[product.id] = product.name
                if request is not None:
                    self.request_users[request.id] = request.user
                event, number = each.event, each.receipt.event_id
                self._note(
                    number, event.type, event.stamp, event.verdict, product.id if product else "",
                    request.id if request else "",
                )  # fmt: skip

    def note(
        self, number: int, type: str, stamp: int, verdict: str, product: str, name: str, request: str = ""
    ) -> None:
        """Note an event that was triggered by hand, or read from the store, about a product of this id and name."""
        with self._lock:
            if product:
                self.product_names.setdefault(product, name)
            self._note(number, type, stamp, verdict, product, request)

    def _note(self, number: int, type: str, stamp: int, verdict: str, product: str, request: str) -> None:
        self._events.append(number)
        self._stamps.append(stamp)
        self._types.append(self._word(type))
        self._products.append(self._word(product))
        self._requests.append(self._word(request))
        self._lines.append(self.line)
        self.verdicts[verdict] += 1

    def _word(self, text: str) -> int:
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = len(self._words)
            self._words.append(text)
        return found

    def types(self, since: int = 0, about: str = "") -> list[str]:
        """The types of the events from the one at place `since` on; of one product or request only, if asked."""
        words = self._words
        if not about:
            return [words[each] for each in self._types[since:]]
        word = self._known.get(about, -1)
        return [
            words[self._types[place]]
            for place in range(since, len(self))
            if word in (self._products[place], self._requests[place])
        ]

    def counts(self, since: int = 0) -> Counter[str]:
        """How many events there were of each type."""
        found = Counter(self._types[since:])
        return Counter({self._words[number]: count for number, count in found.items()})

    def entries(self, since: int = 0, most: int | None = None) -> Iterator[Entry]:
        """The events in order, at most so many."""
        words = self._words
        for place in range(since, len(self) if most is None else min(len(self), since + most)):
            yield Entry(
                self._events[place], words[self._types[place]], self._stamps[place], words[self._products[place]],
                words[self._requests[place]], self._lines[place],
            )  # fmt: skip

    def of(self, event: int) -> Entry | None:
        """The entry of an event by its number in the store, if it belongs to this run."""
        place = self._find(event)
        return next(self.entries(place, 1)) if place is not None else None

    def _find(self, event: int) -> int | None:
        low, high = 0, len(self._events)
        while low < high:
            middle = (low + high) // 2
            if self._events[middle] < event:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self._events) and self._events[low] == event else None
