"""The logs as C2SP tiles: level 0 and up hold 256 tree hashes each, level −1 the 32-byte entries themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, LargeBinary, bindparam, delete, func, select, tuple_, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite

from chain_service.errors import Corrupt
from chain_service.store.rows import row_count
from chain_service.store.schema import tiles

ENTRIES = -1
WIDTH = 256
HASH = 32


_log = (tiles.c.org == bindparam("org"), tiles.c.generation == bindparam("generation"))
_ONE = select(tiles.c.data).where(*_log, tiles.c.level == bindparam("level"), tiles.c.n == bindparam("n"))
_SEVERAL = select(tiles.c.level, tiles.c.n, tiles.c.data).where(
    *_log, tuple_(tiles.c.level, tiles.c.n).in_(bindparam("places", expanding=True))
)


class TileReader:
    """One log's tiles, each fetched at most once: `reader(level, n)` is what `core.log.tiles` reads with.

    It lives as long as its connection's transaction. A tile that is not stored reads as empty.
    """

    def __init__(self, connection: Connection, org: str, generation: int) -> None:
        self._connection, self._org, self._generation = connection, org, generation
        self._seen: dict[tuple[int, int], bytes] = {}

    def __call__(self, level: int, n: int) -> bytes:
        """A tile's hashes one after the other, as far as it is filled; nothing if there is no such tile."""
        key = (level, n)
        if key not in self._seen:
            self._seen[key] = read(self._connection, self._org, self._generation, level, n) or b""
        return self._seen[key]

    def fetch(self, places: Collection[tuple[int, int]]) -> None:
        """These tiles, by (level, n), are there without another query each."""
        missing = [place for place in places if place not in self._seen]
        if missing:
            given = {"org": self._org, "generation": self._generation, "places": missing}
            stored = {(level, n): data for level, n, data in self._connection.execute(_SEVERAL, given)}
            self._seen |= {place: stored.get(place, b"") for place in missing}

    def entry(self, index: int) -> bytes | None:
        """The entry at this index; None beyond the log's end."""
        at = index % WIDTH * HASH
        return self(ENTRIES, index // WIDTH)[at : at + HASH] or None


def read(connection: Connection, org: str, generation: int, level: int, n: int) -> bytes | None:
    """The tile's hashes (level −1: entries) joined, as many as are stored; None where there is none."""
    place = {"org": org, "generation": generation, "level": level, "n": n}
    return connection.execute(_ONE, place).scalar_one_or_none()


def write_many(connection: Connection, org: str, generation: int, new: Mapping[tuple[int, int], bytes]) -> None:
    """Tiles by (level, n) are stored, each in place of its shorter form.

    Raises Corrupt (`tile_rewritten`) where a stored tile is not the beginning of the new one; roll back then.
    """
    if not new:
        return
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(tiles)
    data = statement.excluded.data
    continued = func.substr(data, 1, func.length(tiles.c.data), type_=LargeBinary) == tiles.c.data
    upsert = statement.on_conflict_do_update(
        index_elements=list(tiles.primary_key), set_={"data": data}, where=continued
    )
    rows = [
        {"org": org, "generation": generation, "level": level, "n": n, "data": value}
        for (level, n), value in sorted(new.items())
    ]
    result = connection.execute(upsert, rows, execution_options={"preserve_rowcount": True})
    if row_count(result) != len(rows):
        raise Corrupt("a stored tile of the log would be rewritten", code="tile_rewritten", org=org)


def entries(connection: Connection, org: str, generation: int, first: int, last: int) -> list[bytes]:
    """The stored entries from index `first` to `last`, the latter excluded; fewer where the log ends before."""
    if first >= last:
        return []
    query = (
        select(tiles.c.data)
        .where(tiles.c.org == org, tiles.c.generation == generation, tiles.c.level == ENTRIES)
        .where(tiles.c.n.between(first // WIDTH, (last - 1) // WIDTH))
        .order_by(tiles.c.n)
    )
    joined = b"".join(connection.execute(query).scalars())
    skipped = first % WIDTH
    return [
        joined[at * HASH : (at + 1) * HASH] for at in range(skipped, min(skipped + last - first, len(joined) // HASH))
    ]


def entry(connection: Connection, org: str, generation: int, index: int) -> bytes | None:
    """The entry at this index; None beyond the log's end."""
    digests = entries(connection, org, generation, index, index + 1)
    return digests[0] if digests else None


def truncate(connection: Connection, org: str, generation: int, size: int) -> None:
    """Nothing is stored of leaves from index `size` on: the tiles are as they were when the log had that size."""
    log = (tiles.c.org == org, tiles.c.generation == generation)
    top = connection.execute(select(func.max(tiles.c.level)).where(*log)).scalar_one()
    for level in range(ENTRIES, (ENTRIES if top is None else top) + 1):
        hashes = size >> (8 * max(level, 0))
        last, width = divmod(hashes, WIDTH)
        beyond = tiles.c.n >= last if width == 0 else tiles.c.n > last
        connection.execute(delete(tiles).where(*log, tiles.c.level == level, beyond))
        cut = type_coerce(func.substr(tiles.c.data, 1, width * HASH), LargeBinary)
        partial = (tiles.c.level == level, tiles.c.n == last, func.length(tiles.c.data) > width * HASH)
        connection.execute(update(tiles).where(*log, *partial).values(data=cut))
