"""The picture in an electronic seal: a ring and a star, red on nothing, as PNG."""

from __future__ import annotations

import math
import struct
import zlib

from demonstration.sealed_files.licence import star

SIDE = 240
"""Pixels."""
RED, NOTHING = b"\xc8\x16\x1d\xff", b"\0\0\0\0"


def seal_picture() -> bytes:
    """The same bytes each time."""
    middle = SIDE / 2
    ring = (middle - 8, middle - 2)
    corners = star(middle, middle, 0.3 * middle)
    rows = bytearray()
    for y in range(SIDE - 1, -1, -1):
        rows.append(0)  # no filter
        for x in range(SIDE):
            at = (x + 0.5, y + 0.5)
            reach = math.dist(at, (middle, middle))
            rows += RED if ring[0] <= reach <= ring[1] or _inside(at, corners) else NOTHING
    header = struct.pack(">2I5B", SIDE, SIDE, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _inside(at: tuple[float, float], corners: list[tuple[float, float]]) -> bool:
    """Even-odd rule."""
    x, y = at
    crossings = 0
    for (from_x, from_y), (to_x, to_y) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (from_y > y) != (to_y > y) and x < (to_x - from_x) * (y - from_y) / (to_y - from_y) + from_x:
            crossings += 1
    return crossings % 2 == 1


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
