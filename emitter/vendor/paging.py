"""The API's two ways of paging: by offset and limit, with counts; and by a token for the next page."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson

from emitter.assumptions import Assumptions
from emitter.errors import BadValue

Json = dict[str, Any]
Item = TypeVar("Item")


def meta(assumptions: Assumptions, *, offset: int, limit: int, total: int, items: int) -> Json:
    """The `meta` of a page: what its counts count is assumed (`paging.*`)."""
    pages = math.ceil(total / limit) if total else assumptions.paging_pages_when_empty
    return {
        "offset": offset,
        "limit": limit,
        "totalCount": total,
        "pageCount": items if assumptions.paging_page_count == "items" else pages,
        "currentPage": offset // limit + 1,
        "totalPages": pages,
    }


def page(
    assumptions: Assumptions, found: Sequence[Item], show: Callable[[Item], Json], *, offset: int, limit: int
) -> Json:
    """One page of what was found, with its `meta`."""
    shown = [show(each) for each in found[offset : offset + limit]]
    return {
        "data": shown,
        "meta": meta(assumptions, offset=offset, limit=limit, total=len(found), items=len(shown)),
    }


def after(
    found: Sequence[Item],
    show: Callable[[Item], Json],
    *,
    key: Callable[[Item], tuple[str, int]],
    token: str,
    limit: int,
    descending: bool = False,
) -> Json:
    """The page behind a token: `found` in the order of `key`, whatever came or went since the token was made.

    Raises `BadValue` for a token that is none.
    """
    ordered = sorted(found, key=key, reverse=descending)
    if token:
        last = _read(token)
        ordered = [each for each in ordered if (key(each) < last if descending else key(each) > last)]
    shown = ordered[:limit]
    more = len(ordered) > limit
    return {
        "data": [show(each) for each in shown],
        "meta": {"nextToken": _written(key(shown[-1])) if more else None, "limit": limit},
    }


def _written(key: tuple[str, int]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def _read(token: str) -> tuple[str, int]:
    try:
        if len(token) > 4000:
            raise ValueError
        name, number = orjson.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=="))
    except (ValueError, TypeError, binascii.Error):
        raise BadValue("nextToken", token, "is no token of a page before.") from None
    if not isinstance(name, str) or isinstance(number, bool) or not isinstance(number, int):
        raise BadValue("nextToken", token, "is no token of a page before.")
    return name, number
