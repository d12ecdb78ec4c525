"""One route as the OpenAPI document describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One route: what it is for, what it reads, what it answers.

    `errors` are statuses beside those that any route of its kind may give.
    """

    id: str
    summary: str
    answer: str = ""  # the name of a schema; empty: no body
    status: int = 200
    reads: str = ""  # the name of a schema
    reads_optional: bool = False
    query: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    media: tuple[str, ...] = ("application/json",)
    is_open: bool = False
    is_list: bool = False
    also: Mapping[int, str] = ()  # type: ignore[assignment]  # other successes, by status
    example: Any = None  # of the body that is read
