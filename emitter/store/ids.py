"""Public ids: a store counts its records, and shows the numbers as UUIDs that look like nobody counted.

The map is one to one (multiplication by an odd number, modulo 2 to the 122nd), so nothing is looked up or indexed,
and a UUID of another store is recognised as a stranger.
"""

from __future__ import annotations

import re
from typing import Final

_SPACE: Final = 1 << 122
_FACTOR: Final = 0x2D1_9F0B_54C6_E37A_8F25_D61B_93A7_4E55
_INVERSE: Final = pow(_FACTOR, -1, _SPACE)
_LARGEST: Final = 1 << 53
_HEX: Final = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")


class PublicIds:
    """The ids of one kind of record in one store."""

    def __init__(self, salt: int) -> None:
        self._salt = salt % _SPACE

    def show(self, number: int) -> str:
        """Write a record's number as a UUID of version 4."""
        bits = (number * _FACTOR + self._salt) % _SPACE
        low = bits & ((1 << 62) - 1)
        middle = bits >> 62 & 0xFFF
        text = f"{bits >> 74:012x}4{middle:03x}{1 << 63 | low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def read(self, text: str) -> int | None:
        """Turn a UUID back into the number; None for one that this store never gave out."""
        digits = text.lower().replace("-", "")
        if not _HEX.fullmatch(digits):
            return None
        bits = int(digits[:12], 16) << 74 | int(digits[13:16], 16) << 62 | int(digits[16:], 16) & ((1 << 62) - 1)
        number = (bits - self._salt) * _INVERSE % _SPACE
        return number if 0 < number < _LARGEST else None
