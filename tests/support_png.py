"""Make the picture of a page small: a palette of its most frequent colours, and of those that are like none of them."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

_HEAD = b"\x89PNG\r\n\x1a\n"
_COLOURS, _FREQUENT = 256, 176


def with_a_palette(picture: bytes) -> bytes:
    """Write a PNG of eight bits a channel (RGB or RGBA, as Chromium takes them) with a palette; the rest as it was."""
    width, height, wide, data = _read(picture)
    pixels = _unfiltered(zlib.decompress(data), width * wide, height, wide)
    rows = [[bytes(row[place : place + 3]) for place in range(0, len(row), wide)] for row in pixels]
    counted = Counter(pixel for row in rows for pixel in row)
    palette = _palette(counted)
    index = {colour: place for place, colour in enumerate(palette)}
    for colour in counted:
        if colour not in index:
            index[colour] = min(range(len(palette)), key=lambda place: _far(palette[place], colour))
    body = b"".join(b"\0" + bytes(index[pixel] for pixel in row) for row in rows)
    return _HEAD + b"".join(
        _chunk(kind, content)
        for kind, content in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", b"".join(palette)),
            (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""),
        )
    )  # fmt: skip


def _palette(counted: Counter[bytes]) -> list[bytes]:
    palette = [colour for colour, _ in counted.most_common(_FREQUENT)]
    known = set(palette)
    rest = {each: min(_far(each, one) for one in palette) for each in counted if each not in known}
    while rest and len(palette) < _COLOURS:
        palette.append(max(rest, key=lambda each: rest[each] * counted[each] ** 0.5))
        rest.pop(palette[-1])
        rest = {each: min(far, _far(each, palette[-1])) for each, far in rest.items()}
    return palette


def _read(picture: bytes) -> tuple[int, int, int, bytes]:
    """Its width and height, the bytes of a pixel, and what is compressed in it."""
    place, data, head = len(_HEAD), b"", b""
    while place < len(picture):
        (length,), kind = struct.unpack(">I", picture[place : place + 4]), picture[place + 4 : place + 8]
        content = picture[place + 8 : place + 8 + length]
        head, data = (content if kind == b"IHDR" else head), data + (content if kind == b"IDAT" else b"")
        place += length + 12
    width, height, depth, colours, _, _, laced = struct.unpack(">IIBBBBB", head)
    assert depth == 8 and colours in (2, 6) and not laced
    return width, height, 3 if colours == 2 else 4, data


def _unfiltered(data: bytes, length: int, height: int, wide: int) -> list[bytearray]:
    rows: list[bytearray] = []
    before = bytearray(length)
    for number in range(height):
        start = number * (length + 1)
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + length])
        for place in range(length) if kind else ():
            left = row[place - wide] if place >= wide else 0
            corner = before[place - wide] if place >= wide else 0
            row[place] = (row[place] + _guess(kind, left, before[place], corner)) & 255
        rows.append(row)
        before = row
    return rows


def _guess(kind: int, left: int, above: int, corner: int) -> int:
    """What a filter of PNG foretells of a byte."""
    if kind < 4:
        return (0, left, above, (left + above) // 2)[kind]
    line = left + above - corner
    far = (abs(line - left), abs(line - above), abs(line - corner))
    return (left, above, corner)[far.index(min(far))]


def _far(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
