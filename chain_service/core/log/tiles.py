"""The log over stored C2SP tiles (tlog-tiles): 256 hashes each, one tile level for eight levels of the tree.

Tile `n` of level `l` holds the roots of complete subtrees of 256^l leaves. They never change, so a tile only grows at
its end and a longer one serves every smaller size. Reading is logarithmic in the size: one or two tiles a level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from chain_service.core.log.merkle import EMPTY_ROOT, MAX_SIZE, node_hash, parents, root_of, trailing_zeros
from chain_service.errors import Corrupt, InvalidProof

WIDTH = 256
_RISE = 8
_HASH = 32

ReadTile = Callable[[int, int], bytes]
"""`read(level, n)`: the tile's hashes joined; it may hold more of them than the size asked about."""


class Appended(NamedTuple):
    """Tiles to store (a longer one replaces its shorter form), the grown log's size and root."""

    tiles: Mapping[tuple[int, int], bytes]
    size: int
    root: bytes


def append(size: int, read: ReadTile, leaves: Sequence[bytes]) -> Appended:
    """The log of `size` grown by these leaf hashes. Raises Corrupt when a stored tile is too short."""
    tiles: dict[tuple[int, int], bytes] = {}
    level, held, added = 0, size, list(leaves)
    while added:
        first, width = divmod(held, WIDTH)
        row = _hashes(read(level, first), width) + added if width else added
        added = []
        for start in range(0, len(row), WIDTH):
            hashes = row[start : start + WIDTH]
            tiles[level, first + start // WIDTH] = b"".join(hashes)
            if len(hashes) == WIDTH:
                added.append(root_of(hashes))
        level, held = level + 1, held >> _RISE
    grown = size + len(leaves)
    return Appended(tiles, grown, root(grown, lambda at, n: tiles.get((at, n)) or read(at, n)))


def root(size: int, read: ReadTile) -> bytes:
    """Root of the first `size` leaves. Raises Corrupt when a stored tile is too short."""
    if size == 0:
        return EMPTY_ROOT
    return _Nodes(size, read).cut((size - 1).bit_length(), 0)


def inclusion_path(index: int, size: int, read: ReadTile) -> tuple[bytes, ...]:
    """Path of the leaf at `index` in the tree of `size` leaves (RFC 9162 §2.1.3.1). Raises InvalidProof, Corrupt."""
    _require(0 <= index < size <= MAX_SIZE)
    return _Nodes(size, read).path(0, index)


def tiles_on_path(index: int, size: int) -> set[tuple[int, int]]:
    """Level and number of every tile that `inclusion_path` may read, so that they can be fetched together."""
    places = set()
    level = 0
    while size:
        places |= {(level, min(index, size - 1) // WIDTH), (level, (size - 1) // WIDTH)}
        level, index, size = level + 1, index >> _RISE, size >> _RISE
    return places


def inclusion_paths(indexes: Iterable[int], size: int, read: ReadTile) -> list[tuple[bytes, ...]]:
    """The paths of many leaves in the order asked; every tile is read and hashed once. Raises InvalidProof, Corrupt."""
    wanted = list(indexes)
    by_tile: dict[int, list[int]] = {}
    for index in wanted:
        _require(0 <= index < size <= MAX_SIZE)
        by_tile.setdefault(index // WIDTH, []).append(index)
    nodes = _Nodes(size, read)
    paths: dict[int, tuple[bytes, ...]] = {}
    for tile, members in by_tile.items():
        if (tile + 1) * WIDTH <= size:
            within = _paths_within(_rows(read(0, tile), WIDTH), nodes.path(_RISE, tile))
            paths.update((index, within[index % WIDTH]) for index in members)
        else:
            paths.update((index, nodes.path(0, index)) for index in members)
    return [paths[index] for index in wanted]


def consistency_path(old_size: int, new_size: int, read: ReadTile) -> tuple[bytes, ...]:
    """Path that shows the new tree continuing the old one (RFC 9162 §2.1.4.1). Raises InvalidProof, Corrupt."""
    _require(0 < old_size <= new_size <= MAX_SIZE)
    if old_size == new_size:
        return ()
    # The old tree's last complete subtree: its root is where both computations start.
    height = trailing_zeros(old_size)
    last = (old_size >> height) - 1
    nodes = _Nodes(new_size, read)
    start = (nodes.node(height, last),) if last else ()
    return start + nodes.path(height, last)


class _Nodes:
    """The nodes of the tree of `size` leaves; every tile is read and hashed at most once."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self._size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}

    def node(self, height: int, index: int) -> bytes:
        """Root of the complete subtree over the leaves from index·2^height on."""
        level, rise = divmod(height, _RISE)
        below = index << rise
        rows = self._tile(level, below // WIDTH)
        return rows[rise][(below % WIDTH) >> rise]

    def cut(self, height: int, index: int) -> bytes:
        """The same of a subtree that the tree's end may cut off: its complete parts folded from the right."""
        start = index << height
        if (index + 1) << height <= self._size:
            return self.node(height, index)
        parts = []
        while start < self._size:
            rise = (self._size - start).bit_length() - 1
            parts.append(self.node(rise, start >> rise))
            start += 1 << rise
        folded = parts.pop()
        while parts:
            folded = node_hash(parts.pop(), folded)
        return folded

    def path(self, height: int, index: int) -> tuple[bytes, ...]:
        """The siblings from this node up to the root; a promoted node has none."""
        path = []
        last = (self._size - 1) >> height
        while last:
            if index ^ 1 <= last:
                path.append(self.cut(height, index ^ 1))
            height, index, last = height + 1, index >> 1, last >> 1
        return tuple(path)

    def _tile(self, level: int, n: int) -> list[list[bytes]]:
        if (level, n) not in self._tiles:
            width = min(WIDTH, (self._size >> _RISE * level) - n * WIDTH)
            self._tiles[level, n] = _rows(self._read(level, n), width)
        return self._tiles[level, n]


@lru_cache(maxsize=128)
def _rows(tile: bytes, width: int) -> list[list[bytes]]:
    """A tile's first hashes and the complete nodes above them, up to the tile's own root if it is full.

    Cached, as neighbours in time ask about the same edge of the log; nobody changes what is returned.
    """
    rows = [_hashes(tile, width)]
    while len(rows[-1]) > 1:
        rows.append(parents(rows[-1]))
    return rows


def _paths_within(rows: list[list[bytes]], above: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """The paths of a full tile's 256 hashes; neighbours share what lies above them, so this goes from the top down."""
    paths = [above]
    for row in reversed(rows[:-1]):
        paths = [(row[i ^ 1], *paths[i >> 1]) for i in range(len(row))]
    return paths


def _hashes(tile: bytes, width: int) -> list[bytes]:
    if len(tile) < width * _HASH:
        raise Corrupt("a stored tile is shorter than the log's size requires", needed=width, found=len(tile) // _HASH)
    return [tile[at : at + _HASH] for at in range(0, width * _HASH, _HASH)]


def _require(possible: bool) -> None:
    if not possible:
        raise InvalidProof("there is no such proof: index or old size exceed the log's size")


def tiles_of(size: int) -> list[tuple[int, int, int]]:
    """Level, number and width of every tile that a log of `size` leaves has, level by level."""
    tiles = []
    level = 0
    while size:
        full, rest = divmod(size, WIDTH)
        tiles += [(level, n, WIDTH) for n in range(full)]
        tiles += [(level, full, rest)] if rest else []
        level, size = level + 1, full
    return tiles


def tile_path(level: int, n: int, width: int = WIDTH) -> str:
    """`tile/<level>/<n>[.p/<width>]`, n in groups of three digits, `x` before all but the last (C2SP tlog-tiles)."""
    return f"tile/{level}/{_grouped(n)}{_partial(width)}"


def entries_path(n: int, width: int = WIDTH) -> str:
    """`tile/entries/<n>[.p/<width>]`, n written as in `tile_path`."""
    return f"tile/entries/{_grouped(n)}{_partial(width)}"


def entries_tile(entries: Sequence[bytes]) -> bytes:
    """An entries tile: every entry behind its length, 2 bytes big-endian (C2SP tlog-tiles)."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _grouped(n: int) -> str:
    groups = f"{n:,}".split(",")
    groups[0] = groups[0].zfill(3)
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
