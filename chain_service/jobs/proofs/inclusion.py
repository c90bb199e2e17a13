"""Inclusion proofs from the stored tiles."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from chain_service.core.log import tiles as core_tiles
from chain_service.core.log.merkle import InclusionProof
from chain_service.errors import (
    Corrupt,
    InvalidProof,
)
from chain_service.jobs.integrity import log_position
from chain_service.store import tiles
from chain_service.store.records import StoredRecord


def inclusion(connection: Connection, batched: Sequence[StoredRecord]) -> list[tuple[bytes, InclusionProof]]:
    """Entry and inclusion proof of each record, which must be batched, for the size that its batch anchors.

    Raises `Corrupt` where the stored log lacks the entry (`entry_missing`), or it or the record's place is damaged.
    """
    readers: dict[tuple[str, int], tiles.TileReader] = {}
    proofs = []
    for record in batched:
        generation, index, size = log_position(record)
        key = (record.org, generation)
        reader = readers.setdefault(key, tiles.TileReader(connection, *key))
        try:
            on_path = core_tiles.tiles_on_path(index, size)
            reader.fetch({(tiles.ENTRIES, index // tiles.WIDTH), *on_path})
            entry = reader.entry(index)
            path = core_tiles.inclusion_path(index, size, reader)
        except InvalidProof as error:
            raise Corrupt("the stored log does not give the record's log head", record=record.id) from error
        if entry is None:
            raise Corrupt("the stored log lacks an entry that was anchored", code="entry_missing", record=record.id)
        proofs.append((entry, InclusionProof(index, size, tuple(path))))
    return proofs
