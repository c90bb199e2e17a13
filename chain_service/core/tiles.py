"""The log over stored C2SP tiles: 256 hashes each, in levels of 8 tree levels; logarithmic reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

ReadTile = Callable[[int, int], bytes]
"""`read(level, n)`: the tile's hashes joined. It may be longer than the size asked about needs (the log has grown)."""


class Appended(NamedTuple):
    """Tiles to store (a partial tile replaces its shorter form) and the root of the grown log."""

    tiles: Mapping[tuple[int, int], bytes]
    size: int
    root: bytes


def append(size: int, read: ReadTile, leaves: Sequence[bytes]) -> Appended:
    """The log of `size` grown by these leaf hashes."""
    raise NotImplementedError


def root(size: int, read: ReadTile) -> bytes:
    """Root of the first `size` leaves. Raises Corrupt when a tile is too short."""
    raise NotImplementedError


def inclusion_path(index: int, size: int, read: ReadTile) -> tuple[bytes, ...]:
    """Path of the leaf at `index` in the tree of `size` leaves, RFC 9162 §2.1.3."""
    raise NotImplementedError


def inclusion_paths(indexes: Iterable[int], size: int, read: ReadTile) -> list[tuple[bytes, ...]]:
    """The paths of many leaves, in the order asked; each tile is read and hashed once."""
    raise NotImplementedError


def consistency_path(old_size: int, new_size: int, read: ReadTile) -> tuple[bytes, ...]:
    """Path that the tree of `new_size` continues that of `old_size` > 0, RFC 9162 §2.1.4."""
    raise NotImplementedError


def tile_path(level: int, n: int, width: int = 256) -> str:
    """`tile/<level>/<n>[.p/<width>]` with n in groups of three digits, `x` before all but the last (C2SP tlog-tiles)."""
    raise NotImplementedError


def entries_path(n: int, width: int = 256) -> str:
    """`tile/entries/<n>[.p/<width>]` (C2SP tlog-tiles)."""
    raise NotImplementedError


def entries_tile(entries: Sequence[bytes]) -> bytes:
    """An entries tile: each entry with its length as 16 bits big-endian before it (C2SP tlog-tiles)."""
    raise NotImplementedError


def tiles_of(size: int) -> list[tuple[int, int, int]]:
    """Every (level, n, width) that a log of `size` leaves has."""
    raise NotImplementedError
