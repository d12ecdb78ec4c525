"""The same verbs for tests that run in an event loop: each in a thread, so that the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any


class Aio:
    """`await app.aio.trigger(...)` is `app.trigger(...)` without holding up the loop, asyncio's or trio's."""

    def __init__(self, verbs: Any) -> None:
        self._verbs = verbs

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        found = getattr(self._verbs, name)
        if not callable(found):
            raise AttributeError(f"{name} is a value and waits for nothing: leave aio out.")

        @functools.wraps(found)
        async def verb(*args: Any, **how: Any) -> Any:
            __tracebackhide__ = True
            return await _in_a_thread(functools.partial(found, *args, **how))

        return verb


async def _in_a_thread(call: Callable[[], Any]) -> Any:
    __tracebackhide__ = True
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        import trio  # type: ignore[import-not-found, unused-ignore]  # whoever is here runs in it

        return await trio.to_thread.run_sync(call)
    return await asyncio.to_thread(call)
