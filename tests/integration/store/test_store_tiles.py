"""Tiles grow and are never rewritten."""

from __future__ import annotations

import pytest
from store_samples import ORG, OTHER, digest

from chain_service.errors import Conflict, Corrupt
from chain_service.store import tiles
from chain_service.store.database import Database


def hashes(first: int, last: int) -> bytes:
    return b"".join(digest("hash", number) for number in range(first, last))


def test_a_partial_tile_is_replaced_by_its_longer_form(database: Database) -> None:
    with database.transaction() as connection:
        tiles.write_many(connection, ORG, 0, {(0, 0): hashes(0, 3), (-1, 0): hashes(0, 3)})
        tiles.write_many(connection, ORG, 0, {(0, 0): hashes(0, 256), (0, 1): hashes(256, 300)})
        assert tiles.read(connection, ORG, 0, 0, 0) == hashes(0, 256)
        assert tiles.read(connection, ORG, 1, 0, 0) is None
        assert tiles.read(connection, OTHER, 0, 0, 0) is None
        read = tiles.TileReader(connection, ORG, 0)
        assert read(0, 1) == hashes(256, 300)
        assert read(1, 0) == b""


@pytest.mark.parametrize("data", [hashes(0, 2), hashes(1, 5)], ids=["shorter", "other"])
def test_a_stored_tile_is_not_rewritten(database: Database, data: bytes) -> None:
    with database.transaction() as connection:
        tiles.write_many(connection, ORG, 0, {(0, 0): hashes(0, 3)})
    with pytest.raises(Corrupt) as error, database.transaction() as connection:
        tiles.write_many(connection, ORG, 0, {(0, 0): data, (1, 0): hashes(0, 1)})
    assert error.value.code == "tile_rewritten"
    with database.reading() as connection:
        assert tiles.read(connection, ORG, 0, 0, 0) == hashes(0, 3)


@pytest.mark.parametrize("data", [b"", b"x" * 31, b"x" * 32 * 257], ids=["empty", "uneven", "too long"])
def test_a_tile_holds_1_to_256_hashes(database: Database, data: bytes) -> None:
    with pytest.raises(Conflict), database.transaction() as connection:
        tiles.write_many(connection, ORG, 0, {(0, 0): data})


def test_entries_are_read_across_tiles(database: Database) -> None:
    with database.transaction() as connection:
        tiles.write_many(connection, ORG, 0, {(-1, 0): hashes(0, 256), (-1, 1): hashes(256, 300)})
        every = [digest("hash", number) for number in range(300)]
        assert tiles.entries(connection, ORG, 0, 250, 260) == every[250:260]
        assert tiles.entries(connection, ORG, 0, 0, 1000) == every
        assert tiles.entries(connection, ORG, 0, 300, 310) == []
        assert tiles.entries(connection, ORG, 0, 5, 5) == []
        assert tiles.entry(connection, ORG, 0, 299) == every[299]
        assert tiles.entry(connection, ORG, 0, 300) is None


@pytest.mark.parametrize("size", [1, 255, 256, 300, 512, 600])
def test_a_log_cut_back_has_the_tiles_of_its_size(database: Database, size: int) -> None:
    def tiles_of(leaves: int) -> dict[tuple[int, int], bytes]:
        counts = {-1: leaves, 0: leaves, 1: leaves >> 8}
        return {
            (level, n): hashes(n * 256, min(count, n * 256 + 256))
            for level, count in counts.items()
            for n in range((count + 255) // 256)
        }

    with database.transaction() as connection:
        tiles.write_many(connection, ORG, 0, tiles_of(600))
        tiles.write_many(connection, ORG, 1, tiles_of(600))
        tiles.truncate(connection, ORG, 0, size)
        expected = tiles_of(size)
        for level, n in tiles_of(600):
            assert tiles.read(connection, ORG, 0, level, n) == expected.get((level, n))
        assert tiles.read(connection, ORG, 1, 0, 2) == hashes(512, 600)
