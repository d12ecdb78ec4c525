"""What of an app is compiled: what writes a path only once one is written, a template once for all apps of the process.

Both together were four fifths of what it took to make an app beside the first and to show a few of its pages.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

Build = Callable[..., tuple[str, str]]


class ReadRule(Rule):
    """A path that is ready to be read. Werkzeug compiles two functions that write it; most are never asked for."""

    def _compile_builder(self, append_unknown: bool = True) -> Build:
        compile_now, made = super()._compile_builder, list[Build]()

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not made:
                made.append(compile_now(append_unknown))
            return made[0](rule, **values)

        return build


class Templates(BytecodeCache):
    """Templates as they were compiled, for as long as their source is the same. Any thread may use it."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code of a template, if it was compiled before."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        self._codes[bucket.key, bucket.checksum] = bucket.code


TEMPLATES = Templates()
"""Those of the pages: they are the same in every app."""
