"""The checks there are, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from emitter.audit import behaviour, contents, signatures
from emitter.audit.values import Check

FIRST = contents.CHECKS[0]
LAST = behaviour.CHECKS[-1]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        each.name: each
        for each in (FIRST, *signatures.CHECKS, *contents.CHECKS[1:], *behaviour.CHECKS)
    }
)  # fmt: skip
