"""What makes a method a verb of a test: whatever it raises is told at the line of the test, without our own frames."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from emitter.errors import EmitterError
from emitter.testing.telling import NotAsExpected

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def verb(method: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Have an expectation that does not hold, or a mistake of the caller's, end where the caller stands."""

    @functools.wraps(method)
    def called(*args: Given.args, **how: Given.kwargs) -> Returned:
        __tracebackhide__ = True
        try:
            return method(*args, **how)
        except (NotAsExpected, EmitterError) as error:
            raise error.with_traceback(None) from None

    return called
