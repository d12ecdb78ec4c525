"""A gate that many may pass at a time, or one alone: whoever replaces everything waits for those inside, and keeps
others out meanwhile."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Gate:
    """Fair to the one: who comes while somebody waits to be alone, waits behind.

    Who is inside may pass once more; who is inside cannot be alone.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._wanted = 0
        self._alone = False
        self._mine = threading.local()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be inside with others."""
        depth: int = getattr(self._mine, "depth", 0)
        if not depth:
            with self._changed:
                while self._alone or self._wanted:
                    self._changed.wait()
                self._inside += 1
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            if not depth:
                with self._changed:
                    self._inside -= 1
                    if not self._inside:
                        self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be inside with nobody else; raises `RuntimeError` for who is inside already."""
        if getattr(self._mine, "depth", 0):
            raise RuntimeError("who is inside of a gate cannot wait for all others to leave it")
        with self._changed:
            self._wanted += 1
            try:
                while self._alone or self._inside:
                    self._changed.wait()
            finally:
                self._wanted -= 1
                self._changed.notify_all()
            self._alone = True
        self._mine.depth = 1
        try:
            yield
        finally:
            self._mine.depth = 0
            with self._changed:
                self._alone = False
                self._changed.notify_all()


def passing(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Have a method of what has a `gate` pass it while it runs."""

    @functools.wraps(method)
    def inside(self: Any, /, *arguments: P.args, **named: P.kwargs) -> R:
        with self.gate.passing():
            return method(self, *arguments, **named)

    return inside
