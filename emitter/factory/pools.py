"""The vocabulary: what Faker has to say, asked once per process and only when it is needed.

Asking Faker for every member of every event takes a hundred times longer than picking from what it has said. The seed
of the pools is fixed; the seed of a run picks. What Faker makes from today's date differs from day to day.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from emitter.errors import nearest

if TYPE_CHECKING:
    from faker import Faker

SIZE = 512
SEED = 20250722
LONGEST = 10_000
_asking = threading.Lock()


def pool(provider: str, arguments: dict[str, Any] | None = None) -> tuple[Any, ...]:
    """Return up to `SIZE` different values of a Faker provider; raise `LookupError` with the reason if it has none."""
    with _asking:  # Faker's source of chance is one; two who draw from it at once would spoil each other's pool
        return _pool(provider, json.dumps(arguments or {}, sort_keys=True))


@cache
def _pool(provider: str, arguments: str) -> tuple[Any, ...]:
    given = json.loads(arguments)
    said: dict[str, Any] = {}
    try:
        for value in _said(provider, given):
            said.setdefault(json.dumps(value, sort_keys=True), value)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        if provider not in _providers():
            raise LookupError(_unknown(provider)) from None
        raise LookupError(f'x-faker "{provider}" with {arguments}: {error}') from None
    return tuple(said.values())


def _said(provider: str, arguments: dict[str, Any]) -> Iterator[Any]:
    if provider not in _providers():
        raise LookupError(_unknown(provider))
    faker = _faker()
    faker.seed_instance(SEED)  # for each pool, so that no pool depends on which were filled before it
    for _ in range(SIZE):
        value = getattr(faker, provider)(**arguments)
        if isinstance(value, bytes) or len(str(value)) > LONGEST:
            raise ValueError(f"it makes bytes, or more than {LONGEST:,} characters")
        if not isinstance(value, str | int | float | list | dict | None):
            value = str(value)  # dates and the like, as ISO 8601
        yield value


def _unknown(provider: str) -> str:
    close = nearest(provider, _providers())
    return f'x-faker "{provider}": Faker has no such provider' + (f'. Did you mean "{close[0]}"?' if close else "")


@cache
def _faker() -> Faker:
    from faker import Faker

    return Faker("en_US")


@cache
def _providers() -> frozenset[str]:
    """The methods that Faker's providers add, and none of its own."""
    from faker import Generator

    return frozenset(
        name for name in dir(_faker().factories[0]) if not name.startswith("_") and name not in dir(Generator())
    )
