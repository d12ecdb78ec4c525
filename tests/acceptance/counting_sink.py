"""A receiver that counts by itself: how many of each type came, and what it answered. Run as a program."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
TYPE = re.compile(rb'"type":"([^"]+)"')
REFUSE_EVERY = 97
ANSWERS = {
    200: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    503: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
}


class Counting(asyncio.Protocol):
    """One connection, kept alive; what comes in one read may be a part of a request, or several."""

    types: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    bodies: set[int] = set()  # all connections count together
    requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._left = transport, b""

    def data_received(self, data: bytes) -> None:
        data = self._left + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(data, 0, end + 2)
            stop = end + 4 + (int(length[1]) if length else 0)
            if len(data) < stop:
                break
            self._transport.write(ANSWERS[self._counted(data[end + 4 : stop])])
            data = data[stop:]
        self._left = data

    def _counted(self, body: bytes) -> int:
        Counting.requests += 1
        found = TYPE.findall(body)
        self.types[found[-1].decode() if found else "none"] += 1
        self.bodies.add(hash(body))
        status = 503 if Counting.requests % REFUSE_EVERY == 0 else 200
        self.statuses[str(status)] += 1
        return status


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Counting, "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until it is closed
    server.close()
    told = {"types": dict(Counting.types), "statuses": dict(Counting.statuses), "distinct": len(Counting.bodies)}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
