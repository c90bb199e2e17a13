"""RLP with exactly one encoding per value: whatever decodes, re-encodes to the same bytes (Ethereum yellow paper, B).

The `rlp` library is not used for proofs: it recurses as deep as its input says, and takes three times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from chain_service.errors import InvalidProof

Item: TypeAlias = "bytes | list[Item]"
Encodable: TypeAlias = "bytes | Sequence[Encodable]"

MAX_DEPTH = 8
"""Lists within lists; evidence has 4, an embedded trie node fewer."""


_SHORT = [bytes((0x80 + length,)) for length in range(56)]


def decode(data: bytes) -> Item:
    """The one item that `data` encodes. Raises InvalidProof if not minimal, truncated, trailing or too deep."""
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise InvalidProof("RLP has trailing bytes")
    return item


def decode_list(data: bytes) -> list[Item]:
    """As `decode`, for data that must be a list."""
    item = decode(data)
    if isinstance(item, bytes):
        raise InvalidProof("RLP must be a list")
    return item


def encode(item: Encodable) -> bytes:
    """The encoding of bytes, or of a sequence of encodable items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(len(item), 0x80) + item
    payload = b"".join(
        [
            # Strings of 2 to 55 bytes, which most fields are, need no call.
            _SHORT[len(part)] + part if isinstance(part, bytes) and 1 < len(part) < 56 else encode(part)
            for part in item
        ]
    )
    return _prefix(len(payload), 0xC0) + payload


def integer(item: Item, bits: int = 256) -> int:
    """The unsigned integer an item stands for. Raises InvalidProof if not minimal or of more than `bits` bits."""
    if not isinstance(item, bytes) or item[:1] == b"\0" or len(item) * 8 > bits:
        raise InvalidProof("RLP integer is not minimal or too large")
    return int.from_bytes(item, "big")


def integer_bytes(value: int) -> bytes:
    """The minimal big-endian bytes of an unsigned integer; zero is the empty string."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes((offset + length,))
    size = integer_bytes(length)
    return bytes((offset + 55 + len(size),)) + size


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    """The item that begins at `at` and lies before `end`, and the position after it."""
    if at >= end:
        raise InvalidProof("RLP is truncated")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    if first < 0xB8:
        start, stop = at + 1, at + first - 0x7F
        if stop > end:
            raise InvalidProof("RLP is truncated")
        if stop - start == 1 and data[start] < 0x80:
            raise InvalidProof("RLP gives a prefix to a single byte below 0x80")
        return data[start:stop], stop
    if first < 0xC0:
        start, stop = _long(data, at, first - 0xB7, end)
        return data[start:stop], stop
    if depth == MAX_DEPTH:
        raise InvalidProof("RLP is nested too deeply")
    start, stop = (at + 1, at + first - 0xBF) if first < 0xF8 else _long(data, at, first - 0xF7, end)
    if stop > end:
        raise InvalidProof("RLP is truncated")
    items: list[Item] = []
    while start < stop:
        # Trie nodes and headers are mostly strings of 2 to 55 bytes and empty ones: these two need no call.
        first = data[start]
        if 0x81 < first < 0xB8 and (after := start + first - 0x7F) <= stop:
            items.append(data[start + 1 : after])
            start = after
        elif first == 0x80:
            items.append(b"")
            start += 1
        else:
            part, start = _item(data, start, stop, depth + 1)
            items.append(part)
    return items, stop


def _long(data: bytes, at: int, size: int, end: int) -> tuple[int, int]:
    """Start and stop of a payload whose length stands in the `size` bytes after `at`."""
    start = at + 1 + size
    if start > end:
        raise InvalidProof("RLP is truncated")
    length = int.from_bytes(data[at + 1 : start], "big")
    if length < 56 or data[at + 1] == 0:
        raise InvalidProof("RLP length is not minimal")
    if start + length > end:
        raise InvalidProof("RLP is truncated")
    return start, start + length
