"""A child process that talks in lines: told by standard input, heard by standard output."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent


class Program:
    """A child that talks in lines."""

    def __init__(self, module: str, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._held = b""

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def line(self, timeout: float) -> str:
        """The next line; raises `TimeoutError`."""
        assert self.process.stdout is not None
        until = time.monotonic() + timeout
        while b"\n" not in self._held:
            if not select.select([self.process.stdout], [], [], max(until - time.monotonic(), 0))[0]:
                raise TimeoutError(f"{self.process.args} said nothing for {timeout:g} s")
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                raise EOFError(f"{self.process.args} ended")
            self._held += got
        line, _, self._held = self._held.partition(b"\n")
        return line.decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
