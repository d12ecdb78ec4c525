"""A receiver that counts by itself: how many of each type came, and what it answered. Run as a program."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter

from benchmarks.sink import Answering, Counts, _UntilClosed

TYPE = re.compile(rb'"type":"([^"]+)"')
REFUSE_EVERY = 97
ANSWERS = {
    200: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    503: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
}


class Tallied(Counts):
    """Counts requests by the type that their body names."""

    def __init__(self) -> None:
        super().__init__()
        self.types: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.bodies_seen: set[int] = set()

    def note(self, head: bytes, body: bytes) -> None:
        super().note(head, body)
        found = TYPE.findall(body)
        self.types[found[-1].decode() if found else "none"] += 1
        self.bodies_seen.add(hash(body))

    def answered(self) -> int:
        """The status for the request that was counted last."""
        status = 503 if self.requests % REFUSE_EVERY == 0 else 200
        self.statuses[str(status)] += 1
        return status


class Refusing(Answering):
    """Answers 200, and every so many requests 503."""

    def __init__(self, counts: Tallied) -> None:
        super().__init__(counts, b"", 0.0)
        self._tally = counts

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = lambda _: transport.write(ANSWERS[self._tally.answered()])


async def main() -> None:
    counts = Tallied()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Refusing(counts), "127.0.0.1", 0, backlog=1024)
    ended = asyncio.Event()
    await loop.connect_read_pipe(lambda: _UntilClosed(ended), sys.stdin)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"}), flush=True)
    await ended.wait()
    told = {"requests": counts.requests, "types": dict(counts.types), "statuses": dict(counts.statuses),
            "distinct": len(counts.bodies_seen)}  # fmt: skip
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
