"""The log over stored tiles: growing, reading, and the names of tiles."""

from hashlib import sha256

import pytest

from chain_service.core.log import tiles
from chain_service.core.log.merkle import (
    EMPTY_ROOT,
    ConsistencyProof,
    InclusionProof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from chain_service.errors import Corrupt, InvalidProof

LEAVES = [leaf_hash(i.to_bytes(2, "big")) for i in range(1100)]


def stored(size: int) -> dict[tuple[int, int], bytes]:
    return dict(tiles.append(0, lambda level, n: b"", LEAVES[:size]).tiles)


def reader(store: dict[tuple[int, int], bytes]) -> tiles.ReadTile:
    return lambda level, n: store[level, n]


def test_an_empty_log_has_the_empty_root_and_no_proof() -> None:
    read = reader({})
    assert tiles.root(0, read) == EMPTY_ROOT
    assert tiles.append(0, read, []).root == EMPTY_ROOT
    assert tiles.tiles_of(0) == []
    for index, size in ((0, 0), (1, 1), (-1, 1)):
        with pytest.raises(InvalidProof):
            tiles.inclusion_path(index, size, read)
    for old, new in ((0, 1), (2, 1)):
        with pytest.raises(InvalidProof):
            tiles.consistency_path(old, new, read)


def test_growing_in_steps_stores_the_same_tiles_as_growing_at_once() -> None:
    store: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in (1, 1, 253, 1, 1, 256, 3, 300, 284):
        grown = tiles.append(size, reader(store), LEAVES[size : size + step])
        store.update(grown.tiles)
        size = grown.size
        assert grown.root == root_of(LEAVES[:size]) == tiles.root(size, reader(store))
    assert store == stored(1100)
    assert sorted((level, n, len(store[level, n]) // 32) for level, n in store) == sorted(tiles.tiles_of(1100))


def test_a_grown_tile_still_serves_every_smaller_size() -> None:
    read = reader(stored(1100))
    for size in (1, 2, 255, 256, 257, 300, 511, 512, 768, 1099):
        root = root_of(LEAVES[:size])
        assert tiles.root(size, read) == root
        for index in {0, size // 2, size - 1}:
            proof = InclusionProof(index, size, tiles.inclusion_path(index, size, read))
            verify_inclusion(LEAVES[index], proof, root)


def test_many_paths_at_once_are_the_single_paths_in_the_order_asked() -> None:
    read = reader(stored(1100))
    indexes = [1099, 0, 700, 255, 256, 0, 1023, 1024]
    assert tiles.inclusion_paths(indexes, 1100, read) == [tiles.inclusion_path(i, 1100, read) for i in indexes]


def test_each_tile_is_read_once_for_many_paths() -> None:
    store, reads = stored(1100), []

    def read(level: int, n: int) -> bytes:
        reads.append((level, n))
        return store[level, n]

    tiles.inclusion_paths(range(1100), 1100, read)
    assert sorted(reads) == sorted(store)


def test_one_path_needs_one_or_two_tiles_a_level() -> None:
    store, reads = stored(1100), []

    def read(level: int, n: int) -> bytes:
        reads.append((level, n))
        return store[level, n]

    tiles.inclusion_path(5, 1100, read)
    assert set(reads) == {(0, 0), (1, 0), (0, 4)}


def test_consistency_holds_across_tile_borders() -> None:
    read = reader(stored(1100))
    for old, new in ((1, 2), (255, 256), (256, 257), (256, 1100), (257, 700), (768, 1100), (1099, 1100), (7, 7)):
        proof = ConsistencyProof(old, new, tiles.consistency_path(old, new, read))
        verify_consistency(proof, root_of(LEAVES[:old]), root_of(LEAVES[:new]))


def test_a_tile_that_is_too_short_is_corrupt() -> None:
    store = stored(300)
    store[0, 1] = store[0, 1][:-1]
    with pytest.raises(Corrupt):
        tiles.root(300, reader(store))
    with pytest.raises(Corrupt):
        tiles.append(300, reader(store), LEAVES[300:301])


def test_tiles_and_entries_are_named_as_c2sp_says() -> None:
    assert tiles.tile_path(0, 67) == "tile/0/067"
    assert tiles.tile_path(0, 1067, 3) == "tile/0/x001/067.p/3"
    assert tiles.tile_path(2, 1234067) == "tile/2/x001/x234/067"
    assert tiles.entries_path(1000, 5) == "tile/entries/x001/000.p/5"
    assert tiles.entries_tile([b"a" * 32, b""]) == b"\x00\x20" + b"a" * 32 + b"\x00\x00"
    assert tiles.tiles_of(256 * 256 + 1) == [
        *((0, n, 256) for n in range(256)),
        (0, 256, 1),
        (1, 0, 256),
        (2, 0, 1),
    ]


def test_hashes_of_another_length_and_sizes_beyond_2_to_53_are_refused_before_hashing() -> None:
    leaf, root = LEAVES[0], root_of(LEAVES[:2])
    for proof in (
        InclusionProof(0, 2, (LEAVES[1] + b"x",)),
        InclusionProof(0, 2, ()),
        InclusionProof(0, 2**53, (LEAVES[1],) * 53),
        InclusionProof(2, 2, (LEAVES[1],)),
        InclusionProof(-1, 2, (LEAVES[1],)),
    ):
        with pytest.raises(InvalidProof):
            verify_inclusion(leaf, proof, root)
    with pytest.raises(InvalidProof):
        verify_inclusion(leaf + b"x", InclusionProof(0, 2, (LEAVES[1],)), root)
    with pytest.raises(InvalidProof):
        verify_consistency(ConsistencyProof(1, 2, (LEAVES[1],)), leaf[:31], sha256(b"").digest())
